//! The numbers of a node: what they are, and how they lie in memory.

use crate::num::Float;

/// The sums of a pass over the rows of a node, each row counted by its sample weight.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy)]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub struct Sums<'a> {
    /// Sum of the values of the function that is summed.
    pub value: f64,
    /// Sum of its derivatives by the bias.
    pub by_bias: f64,
    /// Sum of the sample weights.
    pub weight_sum: f64,
    /// Sums of its derivatives by each weight.
    pub by_weights: &'a [f64],
}

/// Count of the numbers of a node, for rows of `ncols` features.
pub(crate) const fn width(ncols: usize) -> usize {
    ncols + 3
}

#[cfg(feature = "alloc")]
impl<'a> Sums<'a> {
    /// The numbers of a node by name; all 0 for an empty slice, which is the node of no rows.
    pub(crate) fn of(node: &'a [f64]) -> Self {
        match node {
            [value, by_bias, weight_sum, by_weights @ ..] => {
                Self { value: *value, by_bias: *by_bias, weight_sum: *weight_sum, by_weights }
            }
            _ => Self { value: 0.0, by_bias: 0.0, weight_sum: 0.0, by_weights: &[] },
        }
    }
}

/// The sums of a chunk's rows that are one number each, as a pass computes them.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) value: f64,
    pub(crate) by_bias: f64,
    pub(crate) weight_sum: f64,
}

/// Writes the first numbers of a node.
#[inline(always)]
pub(crate) fn write_head(first: &mut [f64], head: Head) {
    let Head { value, by_bias, weight_sum } = head;
    for (out, x) in first.iter_mut().zip([value, by_bias, weight_sum]) {
        *out = x;
    }
}

/// Writes a node. Elements of `by_weights` beyond the node's width are left out.
#[inline(always)]
pub(crate) fn write<T: Float>(node: &mut [f64], head: Head, by_weights: &[T]) {
    let (first, rest) = node.split_at_mut(width(0));
    write_head(first, head);
    for (out, x) in rest.iter_mut().zip(by_weights) {
        *out = x.to_f64();
    }
}
