//! The tail sigmoid(-|z|): the probability of the class that a logit makes the less likely one, which loss,
//! residual and curvature are all made of.
//!
//! # Algorithm
//!
//! With e + e' = exp(-|z|) from [`exp`](super::exp), one division, and no other rounding that matters:
//!
//! ```text
//! q = e / (1 + e)      v = 1 - q      m = ((e - q) - q e) + v e'
//! (e + e') / (1 + e + e')  ~  q + m v
//! ```
//!
//! As sigmoid(-|z|) = (e + e') - (e + e') sigmoid(-|z|), m is what q leaves of that equation:
//! m = (e + e') - q (1 + e + e'). Divided by 1 + e + e', which is 1/v but for errors of second order, it corrects q.
//!
//! - 1 + e is rounded before the division, so q errs by some 1.5 ULP. m sees the e that was not rounded.
//! - e - q = q e is at most q and no smaller than half of what it is taken from where e is near 1; below, q has
//!   the ULP of e or half of it. So e - q is exact (Sterbenz's lemma, and the grid that both stand on).
//! - (e - q) - q e is exact with fused multiply-add, up to an error of second order; without,
//!   [`remainder`](super::error_free::remainder) takes it from products of halves.
//! - The same m corrects every function of the tail by its derivative: 1 - q - m v for the other class, and
//!   -ln(1 - q) + m for its loss, as the derivative of -ln(1 - x) is 1/(1 - x) = 1/v.
//!
//! e, q and m are held times 2^64, so that subnormal results come from normal numbers. It is one power for all z,
//! so that the result takes one multiplication, and one rounding, to its place.
//!
//! # Error
//!
//! q + m v errs by second order in u beside the error of the exponential. That is less than 0.33 ULP of e (0.43
//! without fused multiply-add), and moves the tail by d tail / de = v² as much. Where the tail lies a binade below
//! e, and has half its ULP, v² is below 1/2 or e and its error are small, so it is no more ULP of the tail.
//!
//! # Tried, and left
//!
//! - One reciprocal of 1 + e, multiplied with either dividend: one operation more here, and loss and residual each
//!   needed one.
//! - An estimate of 1/(1 + e) refined by Newton's steps: estimates differ between vendors, so bits would.
//! - Without fused multiply-add, the remainder left out: 1.1 ULP on a sample, and softplus not monotone.

use super::error_free;
use super::exp::{ExpConstants, UNSCALE, exp_neg_abs};
use crate::simd::Arithmetic;

/// sigmoid(-|z|) = q + m v; see the module's text for the names.
#[derive(Clone, Copy)]
pub(super) struct Tail<X> {
    /// 2^64 exp(-|z|), rounded.
    pub e: X,
    /// 2^64 q.
    pub q: X,
    /// 2^64 m.
    pub m: X,
    /// 1 - q, rounded.
    pub v: X,
}

impl<X: Arithmetic<Element: ExpConstants>> Tail<X> {
    /// The tail of a logit.
    #[inline(always)]
    pub(super) fn new(z: X) -> Self {
        let [one, unscale] = [z.number(1.0), z.number(UNSCALE)];
        let [e, e_rest] = exp_neg_abs(z).scaled();
        let unscaled = e * unscale;
        let q = e / (unscaled + one);
        let v = q.neg_mul_add(unscale, one);
        Self { e, q, m: v.mul_add(e_rest, error_free::remainder(e - q, q, unscaled)), v }
    }
}
