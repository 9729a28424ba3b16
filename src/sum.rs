//! Sums over rows: finished ([`Gradient`], [`HessianProduct`], [`HessianDiagonal`], [`ColumnSums`]), and in parts
//! that merge ([`PartialSum`]).

mod bytes;
mod column_sums;
mod fingerprint;
mod gradient;
mod hash;
mod hessian_diagonal;
mod hessian_product;
mod part;
mod partial;
mod summand;
mod total;
mod workspace;

pub(crate) use self::column_sums::Centres;
pub use self::column_sums::{ColumnSums, Deviations};
pub use self::gradient::Gradient;
pub(crate) use self::hash::SegmentRows;
pub use self::hessian_diagonal::HessianDiagonal;
pub use self::hessian_product::HessianProduct;
pub(crate) use self::partial::MOST_ROWS;
pub use self::partial::{DeviationsSum, GradientSum, HessianDiagonalSum, HessianProductSum, PartialSum};
pub(crate) use self::summand::{At, Kept, Leaf};
pub use self::summand::{Curvature, Diagonal, Loss, Summand};
pub(crate) use self::total::Finish;
pub use self::total::Total;
pub(crate) use self::workspace::Workspace;
use crate::rows::Element;
use crate::tree;

/// The number of rows in a chunk, the leaf of the summation tree, for rows of `ncols` features in `T`
/// arithmetic: the largest power of two whose rows fit into 256 KB, but at least 64 and at most 512.
///
/// A shard of rows that is summed on its own ([`SumStream::starting_at`]) starts at a multiple of
/// this. Part of the numeric contract: a change changes bits.
///
/// ```
/// assert_eq!(lanegrad::chunk_rows::<f32>(8), 512);
/// assert_eq!(lanegrad::chunk_rows::<f32>(256), 256);
/// assert_eq!(lanegrad::chunk_rows::<f64>(100_000), 64);
/// ```
///
/// [`SumStream::starting_at`]: crate::SumStream::starting_at
#[must_use]
pub fn chunk_rows<T: Element>(ncols: usize) -> usize {
    tree::chunk_rows(ncols, size_of::<T>())
}
