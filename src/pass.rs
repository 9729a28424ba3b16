//! Loops over the features of rows: [`dot`](dot()) and [`Axpy`] of one row, and the fused pass over a chunk
//! of rows, which scores them, turns the scores into slopes, and accumulates.
//!
//! `chunk` is the pass, and says how it goes; `deviations` is a simpler one, of columns alone. `terms` are the value
//! and the slope that it makes of a row. `columns`, `narrow` and `wide` are the three forms of the steps that go
//! through the features, by the width of a row; `gather` copies the rows of a gathered chunk together before all that; `row_kernel` is what they have in common, and `requests` asks for
//! memory ahead of them.

mod axpy;
#[cfg(feature = "alloc")]
mod chunk;
#[cfg(feature = "alloc")]
mod columns;
#[cfg(feature = "alloc")]
mod deviations;
#[cfg(feature = "alloc")]
mod diagonal;
mod dot;
#[cfg(feature = "alloc")]
mod gather;
#[cfg(feature = "alloc")]
mod narrow;
#[cfg(feature = "alloc")]
mod requests;
#[cfg(feature = "alloc")]
mod row_kernel;
#[cfg(feature = "alloc")]
mod terms;
#[cfg(feature = "alloc")]
mod wide;

pub(crate) use self::axpy::Axpy;
#[cfg(feature = "alloc")]
pub(crate) use self::chunk::{leaf, logits, probabilities, scratch_len, source};
#[cfg(feature = "alloc")]
pub(crate) use self::deviations::deviations;
#[cfg(feature = "alloc")]
pub(crate) use self::diagonal::diagonal;
pub(crate) use self::dot::dot;
#[cfg(feature = "alloc")]
pub(crate) use self::gather::{gather, gather_len};
#[cfg(feature = "alloc")]
pub(crate) use self::terms::{CurvatureTerms, LossTerms};
