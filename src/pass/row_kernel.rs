//! The interface between a pass and the two forms of its loops over the features of rows.

use crate::rows::{Params, Rows};
use crate::simd::{Backend, Lane, LoadAs};

/// The two steps of a pass that go through the features, for rows of one width.
///
/// Implementations are not inlined, so that each loop has all registers.
pub(super) trait RowKernel<B: Backend, S: LoadAs<T>, T: Lane> {
    /// `out[i] = w·x[i] + b` for each row. Asks for the memory `ahead` bytes after the row unless `ahead` is
    /// [`NO_PREFETCH`](super::dot::NO_PREFETCH).
    fn logits(&self, b: B, rows: Rows<'_, S>, params: Params<'_, T>, ahead: usize, out: &mut [T]);

    /// Adds `slopes[i] x[i]` to the gradient, for each row that [`counts`]. Calls follow one another in
    /// the order of the rows; `gradient` is the slice that `finish` will be given.
    fn accumulate(
        &mut self,
        b: B,
        rows: Rows<'_, S>,
        slopes: &[T],
        weights: Option<&[T]>,
        gradient: &mut [T],
    );

    /// Writes the sum to `gradient`, where it is not there yet.
    fn finish(self, gradient: &mut [T]);
}

/// True where row i adds to sums: one of sample weight 0 does not, whatever it holds.
#[inline(always)]
pub(super) fn counts<T: Lane>(weights: Option<&[T]>, i: usize) -> bool {
    weights.is_none_or(
        #[inline(always)]
        |weights| weights[i] != T::from_f64(0.0),
    )
}
