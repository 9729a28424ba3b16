//! The log-loss of a logit: softplus(z) - y z, and with it softplus(z) = log_loss(z, 0).
//!
//! # Algorithm
//!
//! softplus(z) - y z is a difference of large numbers where y is near 1. With
//! softplus(z) = max(z, 0) + log1p(e), e = exp(-|z|), it is a sum of two that are not negative:
//!
//! ```text
//! log_loss(z, y) = c |z| + log1p(e),      c = 1 - y for z >= 0,  y for z < 0
//! log1p(e) = 2 atanh(e / (2 + e)) = f + f³ P(f²),      f = e / (1 + e/2)
//! ```
//!
//! f <= 2/3, and P is a polynomial: no logarithm and no range reduction. f is a corrected quotient
//! q + q' ([`quotient`](super::quotient)), so log1p(e) = q + (q' + q³ P(q²)), the second part
//! smaller than 4 % of the first. The two are not rounded to one number before c |z| is added, and
//! the error of that sum is carried along.
//!
//! Near 0, where k = 0 and e = 1 + s, the same formula starts from ln 2:
//!
//! ```text
//! log1p(1 + s) = ln 2 + 2 atanh(s / (4 + s)) = ln 2 + f + f³ P(f²),      f = (s/2) / (1 + s/4)
//! ```
//!
//! f is then small, and so are the roundings of the cubic part. Without this the result was not monotone, as
//! from one z to the next it moves by less than these roundings.
//!
//! Where c is 0 the result is log1p(e), held times 2^64 until the last step, so that a subnormal
//! result comes from a normal one. That also gives 0 for an infinite z that is on the right side of
//! its label, where c |z| would be NaN.
//!
//! # Error
//!
//! For y = 0 or 1, c |z| is exact. An error of e moves log1p(e) by d log1p / de = 1 / (1 + e) as much, and
//! so, by the argument of [`sigmoid`](super::sigmoid), by less than 0.33 ULP (0.43 without fused
//! multiply-add). The numbers that are added to q are below 0.04 q, so their roundings make less than 0.05
//! ULP. With half an ULP for the last rounding, less than 0.9 ULP (1.0); in the topmost subnormal binade
//! these count by half, and the last multiplication adds half an ULP. For labels between, 1 - y and c |z| are
//! rounded as well, by up to 1 ULP each, as c |z| is no larger than the result: less than 3 ULP.

use super::elementwise::Elementwise;
use super::error_free::{fast_two_sum, two_sum};
use super::exp::{ExpConstants, SCALE, SCALE_BITS, UNSCALE, exp_neg_abs, one_plus, polynomial, power_of_two};
use super::quotient::Quotient;
use crate::simd::Arithmetic;

/// The constants of log1p for a type.
pub(crate) trait Log1pConstants: ExpConstants {
    /// P, from the constant term up.
    const LOG1P: &'static [Self];
    /// 2^64 ln 2, as an unevaluated sum of two numbers.
    const SCALED_LN_2: [Self; 2];
}

impl Log1pConstants for f32 {
    // f + f³ P(f²) errs by 2^-33.0 of log1p, for 0 <= f <= 2/3.
    const LOG1P: &'static [Self] =
        &[0.083_333_34, 0.012_499_671, 0.002_235_563_2, 0.000_418_827_26, 0.000_118_383_11];
    const SCALED_LN_2: [Self; 2] = [core::f32::consts::LN_2 * SCALE as f32, -1.904_654_2e-9 * SCALE as f32];
}

impl Log1pConstants for f64 {
    // f + f³ P(f²) errs by 2^-59.4 of log1p, for 0 <= f <= 2/3.
    const LOG1P: &'static [Self] = &[
        0.083_333_333_333_332_88,
        0.012_500_000_000_048_653,
        0.002_232_142_855_317_372,
        0.000_434_027_811_647_367_2,
        8.877_804_884_765_613e-5,
        1.878_240_925_715_422_2e-5,
        4.059_176_056_607_772e-6,
        9.235_403_611_895_79e-7,
        1.591_622_353_479_331_4e-7,
        8.111_080_467_185_466e-8,
    ];
    const SCALED_LN_2: [Self; 2] = [core::f64::consts::LN_2 * SCALE, 2.319_046_813_846_299_6e-17 * SCALE];
}

/// 2^60: from here on adding log1p(e) <= ln 2 changes nothing.
const LARGE: f64 = power_of_two(60);

/// softplus(z) - y z.
#[inline(always)]
pub(crate) fn log_loss<X: Arithmetic<Element: Log1pConstants>>(z: X, y: X) -> X {
    let zero = z.number(0.0);
    let unscale = z.number(UNSCALE);
    let c = X::select(z.lt(zero), y, z.number(1.0) - y);

    // Near 0, where k = 0 and e = 1 + s, from ln 2; elsewhere from 0.
    let exp = exp_neg_abs(z);
    let near = exp.power.eq(z.number(SCALE));
    let [e, e_rest] = exp.scaled();
    let half_scale = z.number(SCALE / 2.0);
    let dividend = [X::select(near, exp.s * half_scale, e), X::select(near, exp.s_rest * half_scale, e_rest)];
    let divisor = one_plus(dividend, SCALE_BITS + 1);
    let [ln_2, ln_2_rest] = X::Element::SCALED_LN_2;
    let base = X::select(near, z.constant(ln_2), zero);
    let base_rest = X::select(near, z.constant(ln_2_rest), zero);

    // log1p(e) 2^64 = high + rest.
    let [q, q_rest] = Quotient::new(dividend, divisor).parts();
    let f = q * unscale;
    let f2 = f * f;
    let cubic = f2 * polynomial(f2, f2 * f2, X::Element::LOG1P);
    let [high, error] = fast_two_sum(base, q);
    let rest = q.mul_add(cubic, q_rest) + (error + base_rest);

    let linear = c * z.abs();
    let [sum, error] = two_sum(linear, high * unscale);
    let both = sum + rest.mul_add(unscale, error);

    // Infinities have no error but NaN; and a NaN is not less than anything, so it stays.
    let both = X::select(linear.lt(z.number(LARGE)), both, linear);
    X::select(c.eq(zero), (high + rest) * unscale, both)
}

/// ln(1 + exp(z)).
#[inline(always)]
pub(crate) fn softplus<X: Arithmetic<Element: Log1pConstants>>(z: X) -> X {
    log_loss(z, z.number(0.0))
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

#[cfg(test)]
mod tests {
    use super::super::exp::tests::{big, digits, polynomial, worst_error};
    use super::{Log1pConstants, SCALE};

    /// f + f³ P(f²) against log1p(e) = ln((2 + f) / (2 - f)), for f = e / (1 + e/2).
    fn worst_error_of_log1p<T: Log1pConstants>() -> f64 {
        worst_error((1..=2000).map(|i| f64::from(i) * (2.0 / 3.0 / 2000.0)), |f| {
            let approximation = &f + &f * &f * &f * polynomial(&(&f * &f), T::LOG1P);
            let exact = ((big(2.0) + &f) / (big(2.0) - &f)).ln();
            [approximation, exact]
        })
    }

    #[test]
    fn the_polynomial_errs_as_stated() {
        let error = worst_error_of_log1p::<f32>();
        assert!((-33.1..-33.0).contains(&error), "2^{error}");
        let error = worst_error_of_log1p::<f64>();
        assert!((-59.5..-59.4).contains(&error), "2^{error}");
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
