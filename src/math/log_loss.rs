//! The log-loss of a logit: softplus(z) - y z, and with it softplus(z) = log_loss(z, 0) and
//! ln(sigmoid(z)) = -softplus(-z).
//!
//! # Algorithm
//!
//! softplus(z) - y z is a difference of large numbers where y is near 1. With
//! softplus(z) = max(z, 0) + log1p(e), e = exp(-|z|), it is a sum of two that are not negative:
//!
//! ```text
//! log_loss(z, y) = c |z| + log1p(e),      c = 1 - y for z >= 0,  y for z < 0
//! ```
//!
//! log1p(e) = -ln(1 - sigmoid(-|z|)), so it comes from the [`tail`](super::tail) q + m v without another correction:
//! 1 - x moves by m v where x does, and its logarithm by m, as v = 1 - q. Where e is large, from ln 2:
//!
//! ```text
//! log1p(e) = -ln(1 - q) + m                       e <= 0.45:  x = q
//!          = ln 2 - ln(1 - (2q - 1)) + m          e > 0.45:   x = 2q - 1, exact
//! -ln(1 - x) = 2 atanh(g) = x + g (x + g² P(g²)),     g = x / (2 - x)
//! ```
//!
//! |g| <= 0.19, and P is a polynomial: no logarithm and no range reduction. The second term is less than a fifth of x,
//! so g needs no correction, and its division waits for nothing that the residual needs. x stays out of all roundings
//! until it is added: ln 2 + x with its error, then c |z| with its error, then the small parts. Without this the result
//! was not monotone near 0, as from one z to the next it moves by less than these roundings.
//!
//! All of it is held times 2^64 until the last step, so that a subnormal result comes from a normal one. Where c is 0
//! so is c |z|, also for an infinite z on the right side of its label.
//!
//! # Error
//!
//! For y = 0 or 1, c |z| is exact. An error of e moves log1p(e) by d log1p / de = 1 / (1 + e) as much, and
//! so, as with the tail, by less than 0.33 ULP (0.43 without fused multiply-add). What is added to x is g times
//! a number that is rounded: some three roundings of less than a fifth of x. With half an ULP for the last rounding
//! that is not proven below 1: the sweep over every `f32` and a search in `f64` found at most what `BENCHMARKS.md`
//! states. For labels between, 1 - y and c |z| are rounded as well, by up to 1 ULP each, as c |z| is no larger than the
//! result: less than 3 ULP.
//!
//! # Tried, and left
//!
//! A polynomial of x instead of the second division (degree 8 in `f32`, 20 in `f64`): 4 and 8 % slower
//! (`BENCHMARKS.md`, "Measured while tuning"). In `f64`, ln 2 from e = 1/2 on: up to 0.92 ULP, and 1.01 without fused
//! multiply-add.

use super::elementwise::Elementwise;
use super::error_free::{fast_two_sum, two_sum};
use super::exp::{ExpConstants, SCALE, UNSCALE, horner, polynomial, power_of_two};
use super::residual;
use super::residual::unlikely;
use super::tail::Tail;
use crate::simd::Arithmetic;

/// The constants of log1p for a type.
pub(crate) trait Log1pConstants: ExpConstants {
    /// 2^64 P, from the constant term up.
    const ATANH: &'static [Self];
    /// 2^64 ln 2, as an unevaluated sum of two numbers.
    const SCALED_LN_2: [Self; 2];
}

/// Numbers times 2^64, which is exact.
macro_rules! scaled {
    ($t:ident: $($x:expr),+ $(,)?) => { [$($x * SCALE as $t),+] };
}

impl Log1pConstants for f32 {
    // log1p errs by 2^-29.2, for -0.38 <= x <= 0.311.
    const ATANH: &'static [Self] = &scaled!(f32: 0.666_668_06, 0.399_725_8, 0.300_246_6);
    const SCALED_LN_2: [Self; 2] = scaled!(f32: core::f32::consts::LN_2, -1.904_654_2e-9);
}

impl Log1pConstants for f64 {
    // log1p errs by 2^-63.1, for -0.38 <= x <= 0.311.
    const ATANH: &'static [Self] = &scaled!(f64:
        0.666_666_666_666_666_6,
        0.400_000_000_000_044_54,
        0.285_714_285_693_683_96,
        0.222_222_226_546_838_32,
        0.181_817_714_747_352_5,
        0.153_873_970_185_458_8,
        0.132_411_482_072_995_25,
        0.133_462_752_517_660_65,
    );
    const SCALED_LN_2: [Self; 2] = scaled!(f64: core::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);
}

/// The e from which on log1p(e) starts from ln 2: there |g| is about as large on either side.
const NEAR: f64 = 0.45;

/// 2^60: from here on adding log1p(e) <= ln 2 changes nothing.
const LARGE: f64 = power_of_two(60);

/// c |z|; 0 for c = 0, whatever z is.
#[inline(always)]
fn linear_part<X: Arithmetic>(z: X, c: X) -> X {
    let zero = z.number(0.0);
    X::select(c.eq(zero), zero, c * z.abs())
}

/// 2^64 P(g²), where 2 atanh(g) = 2 g + g g² P(g²), for |g| <= 0.19.
#[inline(always)]
pub(super) fn scaled_atanh<X: Arithmetic<Element: Log1pConstants>>(g2: X) -> X {
    // Pairs of few terms would cost a square, and wait no less.
    match X::Element::ATANH {
        few @ [_, _, _] => horner(g2, few),
        many => polynomial(g2, g2 * g2, many),
    }
}

/// The loss of a logit with this tail, from c |z|.
#[inline(always)]
fn of_tail<X: Arithmetic<Element: Log1pConstants>>(tail: Tail<X>, linear: X) -> X {
    let Tail { e, q, m, .. } = tail;
    let [zero, scale, unscale] = [e.number(0.0), e.number(SCALE), e.number(UNSCALE)];

    // log1p(e) 2^64 = high + rest.
    let near = e.number(NEAR * SCALE).lt(e);
    let scaled_x = X::select(near, (q + q) - scale, q);
    let x = scaled_x * unscale;
    let g = x / (e.number(2.0) - x);
    let g2 = g * g;
    let p = scaled_atanh(g2);
    let curve = g.mul_add(g2.mul_add(p, scaled_x), m);
    let [ln_2, ln_2_rest] = X::Element::SCALED_LN_2;
    let base = X::select(near, e.constant(ln_2), zero);
    let base_rest = X::select(near, e.constant(ln_2_rest), zero);
    let [high, error] = fast_two_sum(base, scaled_x);
    let rest = curve + (error + base_rest);

    let [sum, error] = two_sum(linear * scale, high);
    let both = (sum + (rest + error)) * unscale;
    // Infinities have no error but NaN; and a NaN is not less than anything, so it stays.
    X::select(linear.lt(e.number(LARGE)), both, linear)
}

/// softplus(z) - y z.
#[inline(always)]
pub(crate) fn log_loss<X: Arithmetic<Element: Log1pConstants>>(z: X, y: X) -> X {
    of_tail(Tail::new(z), linear_part(z, unlikely(z, y)))
}

/// ln(1 + exp(z)).
#[inline(always)]
pub(crate) fn softplus<X: Arithmetic<Element: Log1pConstants>>(z: X) -> X {
    let zero = z.number(0.0);
    of_tail(Tail::new(z), X::select(z.lt(zero), zero, z.abs()))
}

/// ln(sigmoid(z)): the bits of [`softplus`] of -z, negated.
#[inline(always)]
pub(crate) fn log_sigmoid<X: Arithmetic<Element: Log1pConstants>>(z: X) -> X {
    -softplus(-z)
}

/// [`log_loss`] and [`residual`](super::residual::residual), their bits, from one exponential and one tail.
#[inline(always)]
pub(crate) fn loss_terms<X: Arithmetic<Element: Log1pConstants>>(z: X, y: X) -> [X; 2] {
    let (tail, c) = (Tail::new(z), unlikely(z, y));
    [of_tail(tail, linear_part(z, c)), residual::of_tail(tail, z, c)]
}

/// [`log_loss`] as a kernel.
#[derive(Clone, Copy, Default)]
pub(crate) struct LogLoss;

impl<T: Log1pConstants> Elementwise<T, 2> for LogLoss {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [z, y]: [X; 2]) -> X {
        log_loss(z, y)
    }
}

/// [`softplus`] as a kernel.
#[derive(Clone, Copy)]
pub(crate) struct Softplus;

impl<T: Log1pConstants> Elementwise<T, 1> for Softplus {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [z]: [X; 1]) -> X {
        softplus(z)
    }
}

/// [`log_sigmoid`] as a kernel.
#[derive(Clone, Copy)]
pub(crate) struct LogSigmoid;

impl<T: Log1pConstants> Elementwise<T, 1> for LogSigmoid {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [z]: [X; 1]) -> X {
        log_sigmoid(z)
    }
}

#[cfg(test)]
mod tests {
    use super::super::exp::tests::{big, digits, polynomial, worst_error};
    use super::{Log1pConstants, NEAR, SCALE};
    use std::vec::Vec;

    /// log1p as the kernel computes it from an exact tail, at both ends of the two ranges and between.
    fn worst_error_of_log1p<T: Log1pConstants>() -> f64 {
        let coefficients: Vec<f64> = T::ATANH.iter().map(|c| c.to_f64() / SCALE).collect();
        worst_error((1..=4000).map(|i| f64::from(i) / 4000.0), |e| {
            let q = &e / (big(1.0) + &e);
            let near = e > big(NEAR);
            let x = if near { big(2.0) * q - big(1.0) } else { q };
            let g = &x / (big(2.0) - &x);
            let inner = &x + &g * &g * polynomial(&(&g * &g), &coefficients);
            let base = if near { big(2.0).ln() } else { big(0.0) };
            [base + x + g * inner, (big(1.0) + e).ln()]
        })
    }

    #[test]
    fn the_polynomial_errs_as_stated() {
        let error = worst_error_of_log1p::<f32>();
        assert!((-29.3..-29.2).contains(&error), "2^{error}");
        let error = worst_error_of_log1p::<f64>();
        assert!((-63.2..-63.0).contains(&error), "2^{error}");
    }

    /// The two parts of 2^64 ln 2 make up for nearly twice the precision.
    fn check_ln_2<T: Log1pConstants>() {
        let [high, low] = T::SCALED_LN_2;
        let error = big(2.0).ln() * big(SCALE) - big(high.to_f64()) - big(low.to_f64());
        let error = (error / big(SCALE)).to_f64().value().abs().log2();
        assert!(error < -2.0 * digits::<T>(), "2^{error}");
    }

    #[test]
    fn ln_2_has_two_parts() {
        check_ln_2::<f32>();
        check_ln_2::<f64>();
    }
}
