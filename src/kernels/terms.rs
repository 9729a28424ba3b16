//! What a pass makes of a row: its share of the value that is summed, and the coefficient that its
//! features enter the gradient with.

use super::log_loss::log_loss;
use super::residual::residual;
use super::sigmoid::sigmoid;
use super::update::{Elementwise, InPlace, Overwrite, update};
use crate::simd::{Arithmetic, Backend};
use crate::{Element, Params};

/// A function of a row that is summed over rows: of its logit z, and of its label or, where there is a
/// direction, of its product with that.
pub trait Objective<T>: Copy + Send + Sync {
    /// The direction.
    fn direction(&self) -> Option<Params<'_, T>>;

    /// The function's value.
    fn value<X: Arithmetic<Element = T>>(self, z: X, other: X) -> X;

    /// Its derivative: by the logit, or where there is a direction, by the product with that.
    fn coefficient<X: Arithmetic<Element = T>>(self, z: X, other: X) -> X;
}

/// The log-loss of a logit and a label.
#[derive(Clone, Copy)]
pub struct Loss;

impl<T: Element> Objective<T> for Loss {
    #[inline(always)]
    fn direction(&self) -> Option<Params<'_, T>> {
        None
    }

    #[inline(always)]
    fn value<X: Arithmetic<Element = T>>(self, z: X, y: X) -> X {
        log_loss(z, y)
    }

    #[inline(always)]
    fn coefficient<X: Arithmetic<Element = T>>(self, z: X, y: X) -> X {
        residual(z, y)
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
    #[inline(always)]
    fn direction(&self) -> Option<Params<'_, T>> {
        Some(self.direction)
    }

    #[inline(always)]
    fn value<X: Arithmetic<Element = T>>(self, z: X, q: X) -> X {
        z.number(0.5) * self.coefficient(z, q) * q
    }

    #[inline(always)]
    fn coefficient<X: Arithmetic<Element = T>>(self, z: X, q: X) -> X {
        sigmoid(z) * sigmoid(-z) * q
    }
}

/// An objective's value as a kernel.
#[derive(Clone, Copy)]
struct Value<O>(O);

impl<T: Element, O: Objective<T>> Elementwise<T, 2> for Value<O> {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [z, other]: [X; 2]) -> X {
        self.0.value(z, other)
    }
}

/// An objective's coefficient as a kernel.
#[derive(Clone, Copy)]
struct Coefficient<O>(O);

impl<T: Element, O: Objective<T>> Elementwise<T, 2> for Coefficient<O> {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [z, other]: [X; 2]) -> X {
        self.0.coefficient(z, other)
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
    objective: O,
    logits: &mut [T],
    others: &[T],
    weights: Option<&[T]>,
    values: &mut [T],
) {
    b.vectorize(
        #[inline(always)]
        || {
            update(b, values, [&*logits, others], Overwrite(Value(objective)));
            update(b, logits, [others], InPlace(Coefficient(objective)));
            if let Some(weights) = weights {
                update(b, values, [weights], InPlace(Weighted));
                update(b, logits, [weights], InPlace(Weighted));
            }
        },
    );
}
