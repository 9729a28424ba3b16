//! The second derivatives of the log-loss by each parameter, Σ s h x², over a chunk of rows.
//!
//! Logits and curvatures are those of [`chunk`](super::chunk). The squares then go through one plain loop in `f64`,
//! whatever the arithmetic, as in [`deviations`](super::deviations()): a square of an `f32` does not overflow there,
//! and no bit depends on the vectors that a compiler makes of it.
//!
//! # Error
//!
//! s h errs by at most 5 u of its size and a rounding by s. The square and its product with s h have a rounding each,
//! and a chunk has at most 512 rows: the sum errs by at most 514 roundings of `f64`, to first order.

use super::chunk::{Scratch, with_weights_of_classes};
use super::row_kernel::counts;
use super::scores::logits;
use super::terms::{CurvatureTerms, terms};
use crate::math::Real;
use crate::rows::{Batch, Params};
use crate::simd::{Backend, LoadAs};
use crate::tree::node::{Head, width, write_head};
use crate::tuning::Source;

/// Writes the node of a chunk's rows: the sums of s h x², of s h and of s. Rows that count 0 add nothing, whatever
/// they hold.
#[inline(always)]
pub(crate) fn diagonal<B: Backend, S: LoadAs<T> + LoadAs<f64>, T: Real>(
    b: B,
    batch: &Batch<'_, S, T>,
    params: Params<'_, T>,
    source: Source,
    scratch: &mut [f64],
    node: &mut [f64],
) {
    let (rows, nrows) = (batch.rows(), batch.nrows());
    let mut scratch = Scratch::<T>::new(scratch, rows.ncols());
    let weights = &mut *core::mem::take(&mut scratch.weights);
    let batch = &with_weights_of_classes(batch, weights);
    let Scratch { slopes, products: ones, values, .. } = scratch;
    let (curvatures, ones) = (&mut slopes[..nrows], &mut ones[..nrows]);
    logits(b, rows, params, source, curvatures);
    for (logit, &offset) in curvatures.iter_mut().zip(batch.offsets().unwrap_or(&[])) {
        *logit = *logit + offset;
    }
    // h q, for q = 1.
    ones.fill(T::from_f64(1.0));
    let weights = batch.sample_weights();
    terms::<B, T, CurvatureTerms<'_, T>>(b, curvatures, ones, weights, &mut values[..nrows]);

    let (head, sums) = node.split_at_mut(width(0));
    sums.fill(0.0);
    let (mut by_bias, mut weight_sum) = (0.0, 0.0);
    for (i, row) in rows.iter().enumerate() {
        if !counts(weights, i) {
            continue;
        }
        let curvature = curvatures[i].to_f64();
        by_bias += curvature;
        weight_sum += weights.map_or(1.0, |weights| weights[i].to_f64());
        for (sum, x) in sums.iter_mut().zip(row) {
            let x: f64 = x.convert();
            *sum += curvature * (x * x);
        }
    }
    write_head(head, Head { value: 0.0, by_bias, weight_sum });
}
