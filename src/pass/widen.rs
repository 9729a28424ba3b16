//! Sums over rows of small numbers, of two bytes or one, which are read where they lie, or first widened to `f32`, a chunk
//! at a time.
//!
//! Which of the two changes no bit, as every such number is an `f32`. Where they lie they are widened twice, to be scored
//! and to be accumulated, and are half the memory and less: faster for rows of more than eight columns in `f32`
//! arithmetic on the fast backends. Elsewhere a form of its own for each type would make the crate larger, and its build
//! longer, for little. (Scores alone, and the passes that go through the columns in `f64`, widen each number as it is
//! read.)
//!
//! # Tried, and left
//!
//! On a Zen 4: to store a block's vectors while they are scored, as narrow rows are, and to accumulate from there: half as
//! fast at 768 columns and a third at 4096. To take four rows at a time, so that weights are loaded once for four: half
//! as fast without requests for memory, and no faster with them.

use super::chunk::{from_cache_line, leaf, scratch_len};
use super::terms::Objective;
use super::width::has_narrow_form;
use crate::math::Real;
use crate::rows::{Batch, Params, Rows};
use crate::simd::{Backend, Lane, LoadAs, Vector};
#[cfg(feature = "alloc")]
use crate::tuning::CACHE_LINE;
use crate::tuning::Source;

/// Most columns of rows that are widened on every backend, as the form for so few is not compiled for small numbers.
const FEW_COLUMNS: usize = 8;

/// True where rows are passed over where they lie.
const fn is_direct<B: Backend, S, T: Lane>(ncols: usize) -> bool {
    has_narrow_form::<B, S, T>() && ncols > FEW_COLUMNS
}

/// Length of the memory that [`leaf_of_small`] needs for a chunk, beside that of [`leaf`].
#[cfg(feature = "alloc")]
pub(crate) fn widened_len<B: Backend, S, T: Lane>(_: B, nrows: usize, ncols: usize) -> usize {
    if is_direct::<B, S, T>(ncols) {
        0
    } else {
        (CACHE_LINE + nrows * ncols * size_of::<f32>()).div_ceil(size_of::<f64>())
    }
}

/// A leaf of the summation tree, as [`leaf`], of rows of small numbers.
#[inline(always)]
pub(crate) fn leaf_of_small<B: Backend, S: LoadAs<T> + LoadAs<f32>, T: Real, O: Objective<T>>(
    b: B,
    objective: O,
    batch: &Batch<'_, S, T>,
    params: Params<'_, T>,
    source: Source,
    scratch: &mut [f64],
    node: &mut [f64],
) where
    f32: LoadAs<T>,
{
    let (nrows, ncols) = (batch.nrows(), batch.rows().ncols());
    if const { has_narrow_form::<B, S, T>() } && is_direct::<B, S, T>(ncols) {
        return leaf(b, objective, batch, params, source, scratch, node);
    }
    let (scratch, memory) = scratch.split_at_mut(scratch_len(ncols, size_of::<T>()));
    let widened = &mut from_cache_line::<f32>(memory)[..nrows * ncols];
    widen(b, batch.rows(), widened);
    let rows = Rows::new(widened, nrows, ncols).expect("the rows that were widened");
    leaf(b, objective, &batch.with_rows(rows), params, Source::Cache, scratch, node);
}

/// Rows one after the other in `out`.
#[inline(always)]
fn widen<B: Backend, S: LoadAs<f32>>(b: B, rows: Rows<'_, S>, out: &mut [f32]) {
    if rows.row_stride() == rows.ncols() {
        return widen_slice(b, rows.data(), out);
    }
    for (row, out) in rows.iter().zip(out.chunks_mut(rows.ncols().max(1))) {
        widen_slice(b, row, out);
    }
}

#[inline(always)]
fn widen_slice<B: Backend, S: LoadAs<f32>>(b: B, x: &[S], out: &mut [f32]) {
    let ((chunks, rest), (out, out_rest)) = (S::chunks(x), f32::chunks_mut(out));
    for (chunk, out) in chunks.iter().zip(out) {
        S::load(b, chunk).store(out);
    }
    S::load_partial(b, rest).store_partial(out_rest);
}
