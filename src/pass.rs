//! Loops over the features of rows: [`dot`](dot()) and [`Axpy`] of one row, and the fused pass over a chunk
//! of rows, which scores them, turns the scores into slopes, and accumulates.
//!
//! `chunk` is the pass, and says how it goes; `terms` are the value and the slope that it makes of a row. `columns`,
//! `narrow` and `wide` are the three forms of the steps that go through the features, and `width` chooses one for the
//! width of a row; `row_kernel` is what they have in common, and `requests` asks for memory ahead of them. `gather`
//! copies the rows of a gathered chunk together before all that. `scores` makes logits and probabilities alone;
//! `diagonal` and `deviations` are simpler passes, of squares and of columns.

mod axpy;
mod chunk;
mod columns;
mod deviations;
mod diagonal;
mod dot;
mod gather;
mod narrow;
mod requests;
mod row_kernel;
mod scores;
mod terms;
mod wide;
#[cfg(feature = "narrow")]
mod widen;
mod width;

pub(crate) use self::axpy::Axpy;
#[cfg(feature = "narrow")]
pub(crate) use self::chunk::from_cache_line;
pub(crate) use self::chunk::leaf;
#[cfg(any(feature = "alloc", feature = "narrow"))]
pub(crate) use self::chunk::scratch_len;
pub(crate) use self::deviations::deviations;
pub(crate) use self::diagonal::diagonal;
pub(crate) use self::dot::dot;
#[cfg(feature = "alloc")]
pub(crate) use self::gather::gather_len;
pub(crate) use self::gather::{as_bytes, gather, gathered_logits, of_bytes};
#[cfg(feature = "alloc")]
pub(crate) use self::scores::source_of;
pub(crate) use self::scores::{logits, probabilities, source};
pub(crate) use self::terms::{CurvatureTerms, LossTerms};
#[cfg(all(feature = "alloc", feature = "narrow"))]
pub(crate) use self::widen::can_pass;
#[cfg(feature = "narrow")]
pub(crate) use self::widen::{try_diagonal, try_leaf, try_logits, widen};
