//! What a pass makes of a row: its share of the value that is summed, and the coefficient that its
//! features enter the gradient with.

use super::log_loss::LogLoss;
use super::pass::Pass;
use super::residual::Residual;
use super::sigmoid::sigmoid;
use super::update::{Elementwise, InPlace, Overwrite, update};
use crate::simd::{Arithmetic, Backend};
use crate::{Batch, Element, Isa, Params, Storage};

/// A function of a row that is summed over rows: of its logit z, and of its label or, where there is a
/// direction, of its product with that.
pub trait Objective<T: Element>: Copy + Send + Sync {
    /// The function's value.
    type Value: Elementwise<T, 2> + Default;

    /// Its derivative: by the logit, or where there is a direction, by the product with that.
    type Coefficient: Elementwise<T, 2> + Default;

    /// The direction.
    fn direction(&self) -> Option<Params<'_, T>>;

    /// [`pass::chunk`](super::pass::chunk) on an instruction set, as it was compiled with this crate.
    fn chunk<S: Storage<T>>(
        isa: Isa,
        pass: Pass<'_, T, Self>,
        batch: &Batch<'_, S, T>,
        gradient: &mut [T],
    ) -> [T; 3];
}

/// The log-loss of a logit and a label; its derivative is the residual.
#[derive(Clone, Copy)]
pub struct Loss;

impl<T: Element> Objective<T> for Loss {
    type Value = LogLoss;
    type Coefficient = Residual;

    #[inline(always)]
    fn direction(&self) -> Option<Params<'_, T>> {
        None
    }

    fn chunk<S: Storage<T>>(
        isa: Isa,
        pass: Pass<'_, T, Self>,
        batch: &Batch<'_, S, T>,
        gradient: &mut [T],
    ) -> [T; 3] {
        S::loss_on(isa, pass, batch, gradient)
    }
}

/// The curvature of the log-loss along a direction v: with q = v·x + v_b, half of h q², where
/// h = sigmoid(z) sigmoid(-z) is the second derivative of the log-loss by the logit.
#[derive(Clone, Copy)]
pub struct Curvature<'a, T> {
    /// v and v_b.
    pub direction: Params<'a, T>,
}

impl<T: Element> Objective<T> for Curvature<'_, T> {
    type Value = HalfCurvature;
    type Coefficient = CurvatureSlope;

    #[inline(always)]
    fn direction(&self) -> Option<Params<'_, T>> {
        Some(self.direction)
    }

    fn chunk<S: Storage<T>>(
        isa: Isa,
        pass: Pass<'_, T, Self>,
        batch: &Batch<'_, S, T>,
        gradient: &mut [T],
    ) -> [T; 3] {
        S::curvature_on(isa, pass, batch, gradient)
    }
}

/// Half of h q².
#[derive(Clone, Copy, Default)]
pub struct HalfCurvature;

impl<T: Element> Elementwise<T, 2> for HalfCurvature {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [z, q]: [X; 2]) -> X {
        z.number(0.5) * CurvatureSlope.apply([z, q]) * q
    }
}

/// h q.
#[derive(Clone, Copy, Default)]
pub struct CurvatureSlope;

impl<T: Element> Elementwise<T, 2> for CurvatureSlope {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [z, q]: [X; 2]) -> X {
        sigmoid(z) * sigmoid(-z) * q
    }
}

/// x times a weight; 0 where that is 0, whatever x is.
#[derive(Clone, Copy)]
struct Weighted;

impl<T: Element> Elementwise<T, 2> for Weighted {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [x, weight]: [X; 2]) -> X {
        let nothing = x.number(0.0);
        X::select(weight.equals(nothing), nothing, x * weight)
    }
}

/// The values of some rows to `values`, and their coefficients in place of the logits. Both are 0 for
/// rows of weight 0.
///
/// Values and coefficients in a loop each. Together they would share the exponential, but with twice
/// the operations to an iteration the cores overlap fewer iterations: 1.4 ns instead of 0.95 ns a row
/// (`f32`, AVX-512, Zen 5). Not inlined: the loops are to have the registers for themselves.
#[inline(never)]
pub fn terms<B: Backend, T: Element, O: Objective<T>>(
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
            update(b, logits, [others], InPlace(O::Coefficient::default()));
            if let Some(weights) = weights {
                update(b, values, [weights], InPlace(Weighted));
                update(b, logits, [weights], InPlace(Weighted));
            }
        },
    );
}
