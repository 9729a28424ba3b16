//! Distances of a chunk's columns from a centre each, or their squares, summed over its rows: what means and
//! standard deviations are made of.
//!
//! One plain loop, in `f64` whatever the arithmetic: the columns are independent of one another, so a compiler may
//! put as many of them into a vector as an instruction set has room for, and no bit depends on it (products and
//! sums are two roundings, with and without fused multiply-add).
//!
//! # Error
//!
//! A chunk has at most 512 rows. A distance has one rounding, and its product with s another: a sum errs by at most
//! 514 u Σ s |x - c|, or 516 u Σ s (x - c)², to first order.

use crate::num::Float;
use crate::rows::Batch;
use crate::simd::LoadAs;
use crate::tree::node::{Head, width, write_head};

/// Writes the node of a chunk's rows: the sums of s (x - c), or of s (x - c)², and the sum of s. Rows of sample
/// weight 0 add nothing, whatever they hold.
#[inline(always)]
pub(crate) fn deviations<S: LoadAs<f64>, T: Float>(
    batch: &Batch<'_, S, T>,
    centres: &[f64],
    squared: bool,
    node: &mut [f64],
) {
    let (head, sums) = node.split_at_mut(width(0));
    sums.fill(0.0);
    let mut weight_sum = 0.0;
    for (i, row) in batch.rows().iter().enumerate() {
        let weight = batch.weight(i, T::from_f64(1.0)).to_f64();
        if weight == 0.0 {
            continue;
        }
        weight_sum += weight;
        let distances = row.iter().zip(centres).map(|(x, centre)| x.convert() - centre);
        if squared {
            for (sum, distance) in sums.iter_mut().zip(distances) {
                *sum += weight * (distance * distance);
            }
        } else {
            for (sum, distance) in sums.iter_mut().zip(distances) {
                *sum += weight * distance;
            }
        }
    }
    write_head(head, Head { value: 0.0, by_bias: 0.0, weight_sum });
}
