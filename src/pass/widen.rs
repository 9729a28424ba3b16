//! Rows of small numbers, of two bytes or one, which passes read where they lie, or first widen to `f32`, a chunk at a
//! time.
//!
//! Which of the two changes no bit, as every such number is an `f32`. Where they lie they are widened twice, to be scored
//! and to be accumulated, and are half the memory and less: faster for rows of more than eight columns in `f32`
//! arithmetic on the fast backends. Elsewhere loops of their own for each type would make the crate larger, and its build
//! longer, for little.
//!
//! # Tried, and left
//!
//! On a Zen 4: to store a block's vectors while they are scored, as narrow rows are, and to accumulate from there: half as
//! fast at 768 columns and a third at 4096. To take four rows at a time, so that weights are loaded once for four: half
//! as fast without requests for memory, and no faster with them.

use super::chunk::leaf;
use super::diagonal::diagonal;
use super::scores::logits;
use super::terms::Objective;
use crate::math::Real;
use crate::rows::{Batch, Params, Rows};
use crate::simd::{Backend, Lane, LoadAs, MOST_LANES, Vector};
use crate::tuning::Source;

/// Most columns of rows that are widened on every backend, as the form for so few is not compiled for small numbers.
const FEW_COLUMNS: usize = 8;

/// True for the backends and arithmetic with loops for rows of small numbers.
const fn has_loops<B: Backend, T: Lane>() -> bool {
    B::UNROLL && T::LANES == MOST_LANES
}

/// True where a pass over rows of so many columns reads them where they lie.
pub(crate) const fn can_pass<B: Backend, T: Lane>(_: B, ncols: usize) -> bool {
    has_loops::<B, T>() && ncols > FEW_COLUMNS
}

/// [`logits`] of rows where they lie; false where the backend has no loops for them.
#[inline(always)]
pub(crate) fn try_logits<B: Backend, S: LoadAs<T>, T: Lane>(
    b: B,
    rows: Rows<'_, S>,
    params: Params<'_, T>,
    source: Source,
    out: &mut [T],
) -> bool {
    if const { has_loops::<B, T>() } {
        logits(b, rows, params, source, out);
        return true;
    }
    false
}

/// [`leaf`] of rows where they lie; false where they are to be widened first.
#[inline(always)]
pub(crate) fn try_leaf<B: Backend, S: LoadAs<T>, T: Real, O: Objective<T>>(
    b: B,
    objective: O,
    batch: &Batch<'_, S, T>,
    params: Params<'_, T>,
    source: Source,
    scratch: &mut [f64],
    node: &mut [f64],
) -> bool {
    if const { has_loops::<B, T>() } && can_pass::<B, T>(b, batch.rows().ncols()) {
        leaf(b, objective, batch, params, source, scratch, node);
        return true;
    }
    false
}

/// [`diagonal`] of rows where they lie; false where they are to be widened first.
#[inline(always)]
pub(crate) fn try_diagonal<B: Backend, S: LoadAs<T> + LoadAs<f64>, T: Real>(
    b: B,
    batch: &Batch<'_, S, T>,
    params: Params<'_, T>,
    source: Source,
    scratch: &mut [f64],
    node: &mut [f64],
) -> bool {
    if const { has_loops::<B, T>() } && can_pass::<B, T>(b, batch.rows().ncols()) {
        diagonal(b, batch, params, source, scratch, node);
        return true;
    }
    false
}

/// Rows one after the other in `out`.
#[inline(always)]
pub(crate) fn widen<B: Backend, S: LoadAs<f32>>(b: B, rows: Rows<'_, S>, out: &mut [f32]) {
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
