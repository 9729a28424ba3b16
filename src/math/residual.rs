//! The residual: sigmoid(z) - y, the derivative of the loss by the logit.
//!
//! # Algorithm
//!
//! Subtracting y from a rounded sigmoid loses all digits where the two are close. With e = exp(-|z|)
//! from [`exp`](super::exp) the difference is one quotient:
//!
//! ```text
//! sigmoid(z) - y = ((1 - y) - y e) / (1 + e)      z >= 0
//!                  ((1 - y) e - y) / (1 + e)      z < 0
//! ```
//!
//! that is, (f e + g) / (1 + e) with (f, g) = (-y, 1 - y) or (1 - y, -y). For y = 0 or 1 one of the
//! two factors is zero and nothing cancels. The steps are those of [`sigmoid`](super::sigmoid), so that
//! residual(z, 0) has the bits of sigmoid(z), and residual(z, 1) those of -sigmoid(-z).
//!
//! # Error
//!
//! For y = 0 or 1 that of the sigmoid. For labels between less than 2 ULP of max(sigmoid(z), y), as each
//! addend divided by 1 + e is no larger than that: half an ULP for the last rounding, half for f e + g
//! (without fused multiply-add half for f e instead, as the error of the sum is carried along), half for
//! 1 - y, and less than 0.45 for e.

use super::elementwise::Elementwise;
use super::error_free::two_sum;
use super::exp::{ExpConstants, SCALE, SCALE_BITS, UNSCALE, exp_neg_abs, one_plus};
use super::quotient::Quotient;
use crate::simd::Arithmetic;

/// sigmoid(z) - y.
#[inline(always)]
pub(crate) fn residual<X: Arithmetic<Element: ExpConstants>>(z: X, y: X) -> X {
    let not_y = z.number(1.0) - y;
    let negative = z.lt(z.number(0.0));
    let f = X::select(negative, not_y, -y);
    let g = X::select(negative, -y, not_y) * z.number(SCALE);
    let [e, e_rest] = exp_neg_abs(z).scaled();
    let [dividend, dividend_rest] = if X::FUSED {
        [f.mul_add(e, g), f * e_rest]
    } else {
        let [sum, error] = two_sum(f * e, g);
        [sum, f.mul_add(e_rest, error)]
    };
    let divisor = one_plus([e, e_rest], SCALE_BITS);
    Quotient::new([dividend, dividend_rest], divisor).rounded() * z.number(UNSCALE)
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
