//! What a pass makes of a row's logit: the row's share of the value that is summed, and the coefficient
//! that its features enter the gradient with.

use super::log_loss::{Log1pConstants, log_loss};
use super::residual::residual;
use super::sigmoid::sigmoid;
use crate::Element;
use crate::simd::{Backend, V, Vector};
use core::ops::Range;

/// A function of `P` logits of a row and of its label that is summed over rows, with its derivative.
pub trait Objective<const P: usize>: Copy + Send + Sync {
    /// The function's value, and its derivative by the last of the logits.
    fn terms<X: Vector<Element: Log1pConstants>>(self, logits: [X; P], label: X) -> [X; 2];
}

/// The log-loss: softplus(z) - y z, with the residual sigmoid(z) - y.
#[derive(Clone, Copy)]
pub struct LogLoss;

impl Objective<1> for LogLoss {
    #[inline(always)]
    fn terms<X: Vector<Element: Log1pConstants>>(self, [z]: [X; 1], y: X) -> [X; 2] {
        [log_loss(z, y), residual(z, y)]
    }
}

/// The log-loss's curvature along a direction v: with q = v·x + v_b, half of h q², where
/// h = sigmoid(z) sigmoid(-z) is the second derivative of the log-loss by z. Its derivative is h q.
#[derive(Clone, Copy)]
pub struct Curvature;

impl Objective<2> for Curvature {
    #[inline(always)]
    fn terms<X: Vector<Element: Log1pConstants>>(self, [z, q]: [X; 2], _: X) -> [X; 2] {
        let coefficient = sigmoid(z) * sigmoid(-z) * q;
        [z.number(0.5) * coefficient * q, coefficient]
    }
}

/// The sums over rows that every objective has, lane by lane: values, coefficients, sample weights.
pub type LaneSums<B, T> = [V<B, T>; 3];

/// Rows whose logits are held at a time.
pub const GROUP: usize = 256;

/// Turns the logits of the rows in `range` of a group into coefficients, in place of the first of them,
/// and adds the rows to `sums`: row i to lane i modulo the number of lanes. A row of weight 0 adds
/// nothing, and its coefficient is 0, whatever its logit is.
#[inline(never)]
pub fn terms<B: Backend, T: Element, O: Objective<P>, const P: usize>(
    b: B,
    objective: O,
    range: Range<usize>,
    logits: &mut [[T; GROUP]; P],
    labels: &[T],
    weights: Option<&[T]>,
    sums: &mut LaneSums<B, T>,
) {
    let whole_vectors = range.start.is_multiple_of(T::LANES) && range.end.is_multiple_of(T::LANES);
    b.vectorize(
        #[inline(always)]
        || {
            let [zero, one] = [0.0, 1.0].map(T::from_f64);
            if whole_vectors && weights.is_none() {
                vectors::<B, T, O, P, false>(b, objective, range, logits, labels, &[], sums);
            } else {
                // Lanes without a row of the range are rows of weight 0.
                let mut padded = [zero; GROUP];
                match weights {
                    None => padded[range.clone()].fill(one),
                    Some(weights) => padded[range.clone()].copy_from_slice(&weights[range.clone()]),
                }
                vectors::<B, T, O, P, true>(b, objective, range, logits, labels, &padded, sums);
            }
        },
    );
}

/// `terms`, all of whose rows count 1 unless they are `WEIGHTED`.
///
/// Values and coefficients in a loop each. Together they would share the exponential, but with twice
/// the operations to an iteration the cores overlap fewer iterations: 1.4 ns instead of 0.95 ns a row
/// (`f32`, AVX-512, Zen 5).
#[inline(always)]
fn vectors<B: Backend, T: Element, O: Objective<P>, const P: usize, const WEIGHTED: bool>(
    b: B,
    objective: O,
    range: Range<usize>,
    logits: &mut [[T; GROUP]; P],
    labels: &[T],
    weights: &[T],
    sums: &mut LaneSums<B, T>,
) {
    let [mut values, mut coefficients, mut total] = *sums;
    let vectors = range.start / T::LANES..range.end.div_ceil(T::LANES);
    let weights = T::blocks(weights).0;
    for i in vectors.clone() {
        let [value, _] =
            objective.terms(load_logits(b, logits, i), load_labels::<_, _, WEIGHTED>(b, labels, i));
        if WEIGHTED {
            let weight = Vector::load(b, &weights[i]);
            values = values + weighted(value, weight);
            total = total + weight;
        } else {
            values = values + value;
            total = total + total.number(1.0);
        }
    }
    for i in vectors {
        let [_, mut coefficient] =
            objective.terms(load_logits(b, logits, i), load_labels::<_, _, WEIGHTED>(b, labels, i));
        if WEIGHTED {
            coefficient = weighted(coefficient, Vector::load(b, &weights[i]));
        }
        coefficients = coefficients + coefficient;
        coefficient.store(&mut T::blocks_mut(&mut logits[0]).0[i]);
    }
    *sums = [values, coefficients, total];
}

#[inline(always)]
fn load_logits<B: Backend, T: Element, const P: usize>(
    b: B,
    logits: &[[T; GROUP]; P],
    i: usize,
) -> [V<B, T>; P] {
    let mut z = [V::<B, T>::splat(b, T::from_f64(0.0)); P];
    for (z, logits) in z.iter_mut().zip(logits) {
        *z = Vector::load(b, &T::blocks(logits).0[i]);
    }
    z
}

/// Vector i of the labels, which only a `WEIGHTED` one has fewer elements of than lanes.
#[inline(always)]
fn load_labels<B: Backend, T: Element, const WEIGHTED: bool>(b: B, labels: &[T], i: usize) -> V<B, T> {
    let (blocks, rest) = T::blocks(labels);
    if WEIGHTED && i == blocks.len() { Vector::load_partial(b, rest) } else { Vector::load(b, &blocks[i]) }
}

/// x times its weight; 0 where that is 0, whatever x is.
#[inline(always)]
fn weighted<X: Vector>(x: X, weight: X) -> X {
    let nothing = x.number(0.0);
    X::select(weight.equals(nothing), nothing, x * weight)
}
