//! What a pass needs for rows of one width.

use crate::batch::Params;
use crate::simd::Backend;
use crate::{Element, Rows, Storage};

/// The two steps of a pass that go through the features, for rows of one width.
///
/// Their functions are not inlined: each loop is to have the registers for itself.
pub trait RowKernel<B: Backend, S: Storage<T>, T: Element> {
    /// `out[i] = w·x[i] + b` for each row; asks for the memory `ahead` bytes after it unless that is
    /// [`NO_PREFETCH`](super::dot::NO_PREFETCH).
    fn logits(&self, b: B, rows: Rows<'_, S>, params: Params<'_, T>, ahead: usize, out: &mut [T]);

    /// Adds `coefficients[i] x[i]` to the gradient, for each row that [`counts`]. Rows are those
    /// that follow on the ones before; `gradient` is the one that `finish` will be given.
    fn accumulate(
        &mut self,
        b: B,
        rows: Rows<'_, S>,
        coefficients: &[T],
        weights: Option<&[T]>,
        gradient: &mut [T],
    );

    /// Leaves the sum in `gradient`.
    fn finish(self, gradient: &mut [T]);
}

/// Whether row i adds to sums: one of weight 0 does not, whatever it holds.
#[inline(always)]
pub fn counts<T: Element>(weights: Option<&[T]>, i: usize) -> bool {
    weights.is_none_or(
        #[inline(always)]
        |weights| weights[i] != T::from_f64(0.0),
    )
}
