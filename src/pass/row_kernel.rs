//! The interface between a pass and the forms of its loops over the features of rows.

use super::requests::Requests;
use crate::rows::{Batch, Params, Rows};
use crate::simd::{Backend, Lane, LoadAs};
use crate::tuning::Source;
use core::ops::Range;

/// Consecutive rows of a chunk, which are scored before they are accumulated.
#[derive(Clone, Copy)]
pub(super) struct Block<'a, S, T> {
    pub(super) rows: Rows<'a, S>,
    /// A row of sample weight 0 does not count, whatever it holds.
    pub(super) weights: Option<&'a [T]>,
    /// What is added to the logits.
    pub(super) offsets: Option<&'a [T]>,
    pub(super) source: Source,
}

impl<'a, S, T: Copy> Block<'a, S, T> {
    /// The rows of a range of a batch.
    #[inline(always)]
    pub(super) fn of(batch: &Batch<'a, S, T>, range: Range<usize>, source: Source) -> Self {
        let batch = batch.range(range);
        Self { rows: batch.rows(), weights: batch.sample_weights(), offsets: batch.offsets(), source }
    }
}

/// The steps of a pass that go through the features, for rows of one width.
///
/// Blocks are scored in their order, and each is accumulated after the next one was scored. What a kernel keeps
/// of a block in between, beside the rows themselves, is in `kept`, [`KEPT_BYTES`](super::chunk::KEPT_BYTES) of
/// memory from the start of a cache line on.
pub(super) trait RowKernel<B: Backend, S: LoadAs<T>, T: Lane> {
    /// Number of rows in a block: a multiple of the rows that go to different accumulators, for any number of rows
    /// in the blocks before.
    fn block_rows(ncols: usize, source: Source) -> usize;

    /// `out[i] = w·x[i] + b` for each row of a block, which is kept.
    fn score(
        &self,
        b: B,
        block: Block<'_, S, T>,
        params: Params<'_, T>,
        requests: &mut Requests<'_, S>,
        kept: &mut [T],
        out: &mut [T],
    );

    /// The same again, with other parameters.
    fn score_again(&self, b: B, block: Block<'_, S, T>, params: Params<'_, T>, kept: &[T], out: &mut [T]);

    /// Adds `slopes[i] x[i]` to the gradient, for each row of a block that [`counts`]; the slopes of the others are 0.
    /// `gradient` is the slice that `finish` will be given.
    fn accumulate(
        &mut self,
        b: B,
        block: Block<'_, S, T>,
        slopes: &[T],
        requests: &mut Requests<'_, S>,
        kept: &[T],
        gradient: &mut [T],
    );

    /// Writes the sum to `gradient`, where it is not there yet.
    fn finish(self, gradient: &mut [T]);

    /// `out[i] = w·x[i] + b` for any number of rows.
    fn logits(&self, b: B, rows: Rows<'_, S>, params: Params<'_, T>, source: Source, out: &mut [T]);
}

/// True where row i adds to sums: one of sample weight 0 does not, whatever it holds.
#[inline(always)]
pub(super) fn counts<T: Lane>(weights: Option<&[T]>, i: usize) -> bool {
    weights.is_none_or(
        #[inline(always)]
        |weights| weights[i] != T::from_f64(0.0),
    )
}
