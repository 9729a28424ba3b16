//! Finished sums: how they come out of the summation tree.

use super::fingerprint::Kind;
use super::workspace::Workspace;
use crate::tree::node::Sums;

/// A finished sum over rows: [`Gradient`](crate::Gradient), [`HessianProduct`](crate::HessianProduct),
/// [`HessianDiagonal`](crate::HessianDiagonal) or [`ColumnSums`](crate::ColumnSums).
///
/// Sealed.
pub trait Total: Default {
    /// The conversion from a node of the summation tree; a type of its own, as in [`Summand`](crate::Summand).
    #[doc(hidden)]
    type Finish: Finish<Self>;
}

/// The conversion of a node of the summation tree into a [`Total`] `R`.
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub trait Finish<R> {
    /// The name of the summand.
    const KIND: Kind;

    /// Overwrites `out` with the sums over rows of `ncols` features.
    fn set(out: &mut R, sums: Sums<'_>, ncols: usize);

    /// The memory that a pass works in to fill `out`.
    fn workspace(out: &mut R) -> &mut Workspace;
}

/// The type whose functions are those of all summands and totals.
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub struct Summed;
