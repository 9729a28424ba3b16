//! The logit: ln(p / (1 - p)), the inverse of the sigmoid.
//!
//! # Algorithm
//!
//! With a the smaller of p and 1 - p, which is exact in either case, logit(p) = ±ln(a / (1 - a)), and
//!
//! ```text
//! a = x 2^k                                       x / (1 - a) between √½ and √2, nearly
//! ln(a / (1 - a)) = k ln 2 + 2 atanh(s),          s = (x - (1 - a)) / (x + (1 - a)),     |s| <= 0.176
//! 2 atanh(s) = 2 s + s s² P(s²)
//! ```
//!
//! P is the polynomial of the [log-loss](super::log_loss), and the two parts of ln 2 are those of the
//! [exponential](super::exp). As k is 0 for p near 1/2, and the denominator 1 there, s is the exact 2 a - 1, and
//! nothing cancels.
//!
//! - k is the exponent of a c(a), where c is a polynomial for √2 / (1 - a): one exponent, where comparing x with
//!   multiples of 1 - a would take two steps. The bounds of x / (1 - a) need not be exact: P holds up to |s| = 0.184.
//! - 1 - a = d + d', rounded and the rest. x - d is exact (Sterbenz's lemma), and a multiple of u/2, which d' does not
//!   exceed: so Dekker's FastTwoSum has x - d - d' in two numbers. The denominator x + d + d' is m, rounded, and the
//!   rest 2 d - m + (x - d) + d', of which only the last addition is rounded.
//! - One reciprocal gives s to within three roundings, and with it s', what these leave of the equation
//!   s m = x - d - d'. So s + s' has nearly twice the precision.
//! - Where k is not 0, |k| ln 2 is larger than 2 |s|: so the error of their sum is exact, and is added to the other
//!   small parts before the last addition.
//!
//! a is taken times 2^64, for tiny and subnormal numbers.
//!
//! # Error
//!
//! s s² P(s²) is at most 0.0037. It has s without s', so 9 u relative, and 3.5 u from its own roundings: 0.046 u. The
//! polynomial errs by 0.011 u, and the other small parts are no larger, so that adding them up takes three roundings of
//! at most 0.002 u. Together that is less than 0.064 u before the last rounding (0.068 u without fused multiply-add).
//! Where the result is smaller than 1/4, s is smaller than 1/8, and all this is less than half. An ULP of results from
//! 1/4 on is u/2 or more: **less than 0.63 ULP** (0.64), with half an ULP for the last rounding.
//!
//! From one p to the next the logit moves by u or more, as its derivative 1 / (p (1 - p)) is larger than 1 / p: by far
//! more than these errors. So the result is monotone.
//!
//! All `f32` were tried (`tests/results/exhaustive.rs`); `BENCHMARKS.md` has the worst cases.
//!
//! # Tried, and left
//!
//! A linear c: one multiply-add fewer, but |s| up to 0.191, and 0.65 ULP in `f32`.

use super::elementwise::Elementwise;
use super::error_free::{fast_two_sum, remainder};
use super::exp::{ExpConstants, SCALE, SCALE_BITS, UNSCALE};
use super::log_loss::{Log1pConstants, scaled_atanh};
use crate::simd::Arithmetic;

/// c, the polynomial for √2 / (1 - a), from the constant term up: within 1.1 % wherever a c(a) is a power of two, and
/// k changes.
const QUOTIENT: [f64; 3] = [1.4036, 1.3576, 2.5097];

/// ln(p / (1 - p)).
#[inline(always)]
pub(crate) fn logit<X: Arithmetic<Element: Log1pConstants>>(p: X) -> X {
    let [zero, one, two] = [p.number(0.0), p.number(1.0), p.number(2.0)];
    let above = p.number(0.5).lt(p);
    let a = X::select(above, one - p, p);
    let d = one - a;
    let d_rest = (one - d) - a;

    // a 2^64 = x 2^j.
    let scaled = a * p.number(SCALE);
    let [c_0, c_1, c_2] = [p.number(QUOTIENT[0]), p.number(QUOTIENT[1]), p.number(QUOTIENT[2])];
    let j = (scaled * c_2.mul_add(a, c_1).mul_add(a, c_0)).exponent();
    let x = scaled.scale_by_exponent_in(p.constant(X::Element::SHIFT) - j);
    let k = j - p.number(f64::from(SCALE_BITS));

    // (n + n_rest) / (m + m_rest) = s + s_rest.
    let difference = x - d;
    let [n, n_rest] = fast_two_sum(difference, -d_rest);
    let m = x + d;
    let m_rest = (((d + d) - m) + difference) + d_rest;
    let reciprocal = one / m;
    let s = n * reciprocal;
    let s_rest = s.neg_mul_add(m_rest, remainder(n, s, m) + n_rest) * reciprocal;

    // ln(a / (1 - a)), the smallest parts first.
    let [ln_2, ln_2_rest] = X::Element::LN_2;
    let s2 = s * s;
    let cube = s2 * (s * p.number(UNSCALE));
    let curve = cube.mul_add(scaled_atanh(s2), k * p.constant(ln_2_rest));
    let [high, error] = fast_two_sum(k * p.constant(ln_2), s + s);
    let low = error + two.mul_add(s_rest, curve);

    // A NaN is not larger than anything, and neither are numbers outside [0, 1], of which a is negative.
    let limit = X::select(a.eq(zero), p.number(f64::NEG_INFINITY), p.number(f64::NAN));
    let result = X::select(zero.lt(a), high + low, limit);
    X::select(above, -result, result)
}

/// [`logit`] as a kernel.
#[derive(Clone, Copy)]
pub(crate) struct Logit;

impl<T: Log1pConstants> Elementwise<T, 1> for Logit {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [p]: [X; 1]) -> X {
        logit(p)
    }
}

#[cfg(test)]
mod tests {
    use super::QUOTIENT;

    /// The largest |s|: just where k changes, on either side.
    #[test]
    fn the_argument_of_the_polynomial_stays_in_its_range() {
        let product = |a: f64| a * (QUOTIENT[0] + a * (QUOTIENT[1] + a * QUOTIENT[2]));
        let mut worst = 0.0_f64;
        for k in -100..=0 {
            let power = f64::from(k).exp2();
            let (mut below, mut above) = (0.0, 0.5);
            for _ in 0..200 {
                let middle = f64::midpoint(below, above);
                *(if product(middle) < power { &mut below } else { &mut above }) = middle;
            }
            for x in [above / power, 2.0 * below / power] {
                let d = 1.0 - above;
                worst = worst.max(((x - d) / (x + d)).abs());
            }
        }
        assert!((0.175..0.176).contains(&worst), "{worst}");
        assert!(product(0.5) < 2.0);
    }
}
