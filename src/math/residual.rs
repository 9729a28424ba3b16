//! The residual: sigmoid(z) - y, the derivative of the loss by the logit.
//!
//! # Algorithm
//!
//! Subtracting y from a rounded sigmoid loses all digits where the two are close. Let c be the label's share of
//! the class that the logit makes the less likely one, and q + m v = sigmoid(-|z|) the [`tail`](super::tail). Then
//!
//! ```text
//! sigmoid(z) - y = ±((q + m v) - c)      c = y, +, for z < 0;  c = 1 - y, -, for z >= 0
//! u = q - c,  u' = q - (u + c)           the difference and its error
//! sigmoid(z) - y = ±(u + (m v + u'))
//! ```
//!
//! For y = 0 or 1, u' is exact: where c = 0 it is 0, and where c = 1, c is the larger operand (Dekker's FastTwoSum).
//! The [`sigmoid`](super::sigmoid) is this function of y = 0, so residual(z, 0) has its bits, and residual(z, 1) those
//! of -sigmoid(-z).
//!
//! # Error
//!
//! For y = 0 or 1 that of the sigmoid. For labels between, less than 2 ULP of max(sigmoid(z), y): half an ULP for the
//! last rounding, half for u' where |c| is the smaller operand, half for 1 - y, and less than 0.45 for the tail.

use super::elementwise::Elementwise;
use super::exp::{ExpConstants, SCALE, UNSCALE};
use super::tail::Tail;
use crate::simd::Arithmetic;

/// c: the label's share of the class that the logit makes the less likely one.
#[inline(always)]
pub(super) fn unlikely<X: Arithmetic>(z: X, y: X) -> X {
    X::select(z.lt(z.number(0.0)), y, z.number(1.0) - y)
}

/// The residual of a logit with this tail.
#[inline(always)]
pub(super) fn of_tail<X: Arithmetic>(tail: Tail<X>, z: X, c: X) -> X {
    let Tail { q, m, v, .. } = tail;
    let c = c * z.number(SCALE);
    let difference = q - c;
    let error = q - (difference + c);
    let signed_unscale = X::select(z.lt(z.number(0.0)), z.number(UNSCALE), z.number(-UNSCALE));
    (difference + m.mul_add(v, error)) * signed_unscale
}

/// sigmoid(z) - y.
#[inline(always)]
pub(crate) fn residual<X: Arithmetic<Element: ExpConstants>>(z: X, y: X) -> X {
    of_tail(Tail::new(z), z, unlikely(z, y))
}

/// [`residual`] as a kernel.
#[derive(Clone, Copy, Default)]
pub(crate) struct Residual;

impl<T: ExpConstants> Elementwise<T, 2> for Residual {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [z, y]: [X; 2]) -> X {
        residual(z, y)
    }
}
