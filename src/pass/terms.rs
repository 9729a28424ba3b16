//! The two numbers that a pass makes of a row: its part of the value that is summed, and the slope that
//! its features are multiplied by in the gradient.

use crate::math::Real;
use crate::math::curvature::curvature_terms;
use crate::math::log_loss::loss_terms;
use crate::rows::Params;
use crate::simd::one::One;
use crate::simd::two::{SideBySide, Two};
use crate::simd::{Arithmetic, Backend, LoadAs, V, Vector};

/// A function that is summed over rows: of a row's logit z and label y; or, along a direction v, of z and
/// q = v·x + v_b.
pub(crate) trait Objective<T: Real>: Copy {
    /// The function's value, and its derivative: by z; along a direction, by q.
    fn apply<X: Arithmetic<Element = T>>(inputs: [X; 2]) -> [X; 2];

    /// v and v_b; `None` for a function of labels.
    fn direction(&self) -> Option<Params<'_, T>>;
}

/// The log-loss of a logit and a label; its derivative is the residual.
#[derive(Clone, Copy)]
pub(crate) struct LossTerms;

impl<T: Real> Objective<T> for LossTerms {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>([z, y]: [X; 2]) -> [X; 2] {
        loss_terms(z, y)
    }

    #[inline(always)]
    fn direction(&self) -> Option<Params<'_, T>> {
        None
    }
}

/// The curvature of the log-loss along a direction v: with q = v·x + v_b, half of h q², where
/// h = sigmoid(z) sigmoid(-z) is the second derivative of the log-loss by the logit.
#[derive(Clone, Copy)]
pub(crate) struct CurvatureTerms<'a, T> {
    /// v and v_b.
    pub direction: Params<'a, T>,
}

impl<T: Real> Objective<T> for CurvatureTerms<'_, T> {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>([z, q]: [X; 2]) -> [X; 2] {
        curvature_terms(z, q)
    }

    #[inline(always)]
    fn direction(&self) -> Option<Params<'_, T>> {
        Some(self.direction)
    }
}

/// x times a sample weight; 0 where the sample weight is 0, whatever x is.
#[inline(always)]
fn weighted<X: Arithmetic>(x: X, weight: X) -> X {
    let nothing = x.number(0.0);
    X::select(weight.eq(nothing), nothing, x * weight)
}

/// [`terms`] of an objective.
pub(super) type Terms<B, T> = fn(B, &mut [T], &[T], Option<&[T]>, &mut [T]);

/// Writes the values of some rows to `values`, and their slopes in place of the logits. Both are 0 for
/// rows of sample weight 0. `others` are the labels or, along a direction, the q. Slices of one length.
///
/// One loop for all: value and slope share their exponential, and have all else of a row in registers. Its chain of
/// operations is longer than cores look ahead, so four vectors go through it side by side, where a vector takes few
/// registers. With `f32` on `avx512` eight registers of the four vectors are kept in memory meanwhile, with two vectors
/// none; four are the faster all the same, also on `avx2` (`BENCHMARKS.md`, "Measured while tuning").
/// Few rows are one masked vector.
///
/// Tried, without gain: for labels of 0 or 1 alone, softplus(z') and ±sigmoid(z') with z' = (1 - 2y) z, which saves
/// nothing of the exponential and the quotients.
///
/// Not inlined, so that the loop has all registers.
#[inline(never)]
pub(super) fn terms<B: Backend, T: Real, O: Objective<T>>(
    b: B,
    logits: &mut [T],
    others: &[T],
    weights: Option<&[T]>,
    values: &mut [T],
) {
    b.vectorize(
        #[inline(always)]
        || match weights {
            None => terms_of::<B, T, O, false>(b, logits, others, others, values),
            Some(weights) => terms_of::<B, T, O, true>(b, logits, others, weights, values),
        },
    );
}

/// [`terms`], with `weights` read where `WEIGHTED`.
#[inline(always)]
fn terms_of<B: Backend, T: Real, O: Objective<T>, const WEIGHTED: bool>(
    b: B,
    logits: &mut [T],
    others: &[T],
    weights: &[T],
    values: &mut [T],
) {
    let len = logits.len();
    let (others, weights, values) = (&others[..len], &weights[..len], &mut values[..len]);
    if B::LANE_BY_LANE {
        for (i, logit) in logits.iter_mut().enumerate() {
            let [value, slope] =
                row_terms::<T, O, One<T>, WEIGHTED>([One(*logit), One(others[i])], One(weights[i]));
            (values[i], *logit) = (value.0, slope.0);
        }
        return;
    }
    // Blocks may be of one, two, or many times four vectors of rows.
    let mut done = 0;
    if B::UNROLL {
        done = whole::<B, T, O, Two<Two<V<B, T>>>, WEIGHTED>(b, done, logits, others, weights, values);
        done = whole::<B, T, O, Two<V<B, T>>, WEIGHTED>(b, done, logits, others, weights, values);
    }
    done = whole::<B, T, O, V<B, T>, WEIGHTED>(b, done, logits, others, weights, values);
    if done < len {
        let z = V::<B, T>::load_partial(b, &logits[done..]);
        let other = V::<B, T>::load_partial(b, &others[done..]);
        let weight = V::<B, T>::load_partial(b, &weights[done..]);
        let [value, slope] = row_terms::<T, O, V<B, T>, WEIGHTED>([z, other], weight);
        value.store_partial(&mut values[done..]);
        slope.store_partial(&mut logits[done..]);
    }
}

/// Value and slope, times the sample weight where `WEIGHTED`.
#[inline(always)]
fn row_terms<T: Real, O: Objective<T>, X: Arithmetic<Element = T>, const WEIGHTED: bool>(
    inputs: [X; 2],
    weight: X,
) -> [X; 2] {
    let [value, slope] = O::apply(inputs);
    if WEIGHTED { [weighted(value, weight), weighted(slope, weight)] } else { [value, slope] }
}

/// The terms of as many of the rows from `first` on as fill vectors `X` side by side; returns the number of the row
/// behind them.
#[inline(always)]
fn whole<B: Backend, T: Real, O: Objective<T>, X: SideBySide<B, T>, const WEIGHTED: bool>(
    b: B,
    first: usize,
    logits: &mut [T],
    others: &[T],
    weights: &[T],
    values: &mut [T],
) -> usize {
    let count = (logits.len() - first) / T::LANES / X::COUNT * X::COUNT;
    let end = first + count * T::LANES;
    // By numbers, as iterators over four slices are not always inlined.
    let logits = T::chunks_mut(&mut logits[first..end]).0;
    let values = T::chunks_mut(&mut values[first..end]).0;
    let others = <T as LoadAs<T>>::chunks(&others[first..end]).0;
    let weights = <T as LoadAs<T>>::chunks(&weights[first..end]).0;
    for i in (0..count).step_by(X::COUNT) {
        let range = i..i + X::COUNT;
        let inputs = [X::load::<T>(b, &logits[range.clone()]), X::load::<T>(b, &others[range.clone()])];
        let weight = X::load::<T>(b, &weights[range.clone()]);
        let [value, slope] = row_terms::<T, O, X, WEIGHTED>(inputs, weight);
        value.store(&mut values[range.clone()]);
        slope.store(&mut logits[range]);
    }
    end
}
