//! The two numbers that a pass makes of a row: its part of the value that is summed, and the slope that
//! its features are multiplied by in the gradient.

use crate::math::Real;
use crate::math::elementwise::{Elementwise, InPlace, Overwrite, update};
use crate::math::log_loss::LogLoss;
use crate::math::residual::Residual;
use crate::math::sigmoid::sigmoid;
use crate::rows::Params;
use crate::simd::{Arithmetic, Backend};

/// A function that is summed over rows: of a row's logit z and label y; or, along a direction v, of z and
/// q = v·x + v_b.
pub(crate) trait Objective<T: Real>: Copy {
    /// The function's value.
    type Value: Elementwise<T, 2> + Default;

    /// The function's derivative: by z; along a direction, by q.
    type Slope: Elementwise<T, 2> + Default;

    /// v and v_b; `None` for a function of labels.
    fn direction(&self) -> Option<Params<'_, T>>;
}

/// The log-loss of a logit and a label; its derivative is the residual.
#[derive(Clone, Copy)]
pub(crate) struct LossTerms;

impl<T: Real> Objective<T> for LossTerms {
    type Value = LogLoss;
    type Slope = Residual;

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
    type Value = HalfCurvature;
    type Slope = CurvatureSlope;

    #[inline(always)]
    fn direction(&self) -> Option<Params<'_, T>> {
        Some(self.direction)
    }
}

/// Half of h q².
#[derive(Clone, Copy, Default)]
pub(crate) struct HalfCurvature;

impl<T: Real> Elementwise<T, 2> for HalfCurvature {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [z, q]: [X; 2]) -> X {
        z.number(0.5) * CurvatureSlope.apply([z, q]) * q
    }
}

/// h q.
#[derive(Clone, Copy, Default)]
pub(crate) struct CurvatureSlope;

impl<T: Real> Elementwise<T, 2> for CurvatureSlope {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [z, q]: [X; 2]) -> X {
        sigmoid(z) * sigmoid(-z) * q
    }
}

/// x times a sample weight; 0 where the sample weight is 0, whatever x is.
#[derive(Clone, Copy)]
struct Weighted;

impl<T: Real> Elementwise<T, 2> for Weighted {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [x, weight]: [X; 2]) -> X {
        let nothing = x.number(0.0);
        X::select(weight.eq(nothing), nothing, x * weight)
    }
}

/// Writes the values of some rows to `values`, and their slopes in place of the logits. Both are 0 for
/// rows of sample weight 0. `others` are the labels or, along a direction, the q.
///
/// Values and slopes have a loop each. One loop would share the exponential, but with twice the
/// operations to an iteration cores overlap fewer iterations, and it was slower (`BENCHMARKS.md`, "Measured
/// while tuning"). Not inlined, so that the loops have all registers.
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
        || {
            update(b, values, [&*logits, others], Overwrite(O::Value::default()));
            update(b, logits, [others], InPlace(O::Slope::default()));
            if let Some(weights) = weights {
                update(b, values, [weights], InPlace(Weighted));
                update(b, logits, [weights], InPlace(Weighted));
            }
        },
    );
}
