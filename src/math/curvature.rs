//! The curvature of the log-loss along a direction: with h = sigmoid(z) sigmoid(-z), the second derivative by the
//! logit, and q = v·x + v_b of a direction v, the two numbers h q and h q² / 2.
//!
//! # Algorithm
//!
//! With p = sigmoid(-|z|), the [`tail`](super::tail), rounded: h = p (1 - p). p, and h with it, is held times 2^64. A
//! small h may meet a large q, so the factor is taken away last: from the products where |q| <= 2^60, else from q, as
//! the products could overflow. Of h q² / 2 either factor takes half of it, so that a number becomes subnormal only
//! where the result is far below the least subnormal, or the result itself.
//!
//! # Error
//!
//! p errs by 0.83 ULP (0.93 without fused multiply-add), so by less than 1.9 u relative; 1 - p by a rounding and, with
//! the other sign, by no more than p. With the products' roundings, h q errs by at most 5 u |h q| and h q² / 2 by
//! 6 u of it, and by half the least subnormal where they underflow, whatever z and q. Beyond
//! [`LIMIT`](ExpConstants::LIMIT), where h is less than 2^-35 (`f32`) or 2^-5 (`f64`) of the least subnormal, it counts
//! as 0.

use super::exp::{ExpConstants, SCALE_BITS, UNSCALE, power_of_two};
use super::tail::Tail;
use crate::simd::Arithmetic;

/// 2^60: beyond this |q|, q is scaled and not its products.
const LARGE: f64 = power_of_two(60);

/// h q² / 2 and its derivative by q, which is h q.
#[inline(always)]
pub(crate) fn curvature_terms<X: Arithmetic<Element: ExpConstants>>(z: X, q: X) -> [X; 2] {
    let [one, unscale] = [z.number(1.0), z.number(UNSCALE)];
    let tail = Tail::new(z);
    let p = tail.m.mul_add(tail.v, tail.q);
    let beyond = z.constant(X::Element::LIMIT).lt(z.abs());
    let h = X::select(beyond, z.number(0.0), p * p.neg_mul_add(unscale, one));
    let large = z.number(LARGE).lt(q.abs());
    let product = h * X::select(large, q * unscale, q);
    let half = z.number(power_of_two(-SCALE_BITS / 2));
    let [left, right] = [X::select(large, one, half), X::select(large, z.number(0.5), half * z.number(0.5))];
    [(product * left) * (q * right), product * X::select(large, one, unscale)]
}
