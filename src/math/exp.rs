//! exp(-|z|): the one exponential that the sigmoid, its loss, its residual and its curvature are made of.
//!
//! # Algorithm
//!
//! With k = round(-|z| / ln 2) and r = -|z| - k ln 2, so that |r| <= ln 2 / 2 = 0.3466,
//!
//! ```text
//! exp(-|z|) = 2^k (1 + s),        s = exp(r) - 1 = r + r² Q(r),        -0.293 <= s <= 0.415
//! ```
//!
//! Neither 2^k nor 1 + s is rounded here. The power is exact, and 1 + s stays a sum of two numbers, so that
//! no half ULP is lost to its rounding ([`Exp::scaled`]).
//!
//! - k is found by adding 1.5 * 2^p, where p is the number of stored significand bits: the sum's ULP
//!   is 1, so the addition rounds to an integer, which then stands in the sum's low bits.
//! - ln 2 is split into a high part with so few bits that k times it is exact for every k that
//!   occurs, and a low part. r_high = -|z| - k ln2_high is exact too: a multiple of the ULP of the
//!   smaller operand, and no larger than 0.36. Only r² and Q see the rounded r = r_high - r_low; the
//!   sum s = r_high + (r² Q(r) - r_low) keeps its rounding error as `s_rest`. (Where r_high is smaller
//!   than r_low, which is 2.2e-4 at most, part of that error is lost: below 2^-12 u.)
//! - |z| is limited to far beyond where exp(-|z|) is half the least subnormal, so k >= -185 (`f32`), -1080
//!   (`f64`). 2^k is subnormal or zero there; the power is therefore kept times 2^64, as a normal
//!   number, and the factor is taken away from a final result.
//!
//! # Error
//!
//! With u = 2^-24 (`f32`) or 2^-53 (`f64`), half the ULP of 1, and in units of 2^k:
//!
//! | | r > 0 | r < 0 |
//! |---|---|---|
//! | r² Q(r) - r_low is at most | 0.068 | 0.054 |
//! | its last operation errs by | u/16 | u/32 |
//! | r² (r counts twice) and Q, by 4.4 u relative at most | 0.27 u | 0.24 u |
//! | the polynomial, by the figures beside the coefficients | 0.09 u | 0.05 u |
//! | sum | 0.42 u | 0.32 u |
//! | ULP of 2^k (1 + s) | 2 u | u |
//!
//! So exp(-|z|) errs by **less than 0.33 ULP** before any final rounding, and without fused multiply-add,
//! which adds roundings of 0.1 u, by less than 0.43.

use super::error_free::fast_two_sum;
use crate::simd::{Arithmetic, Lane};

/// The constants of exp for a type.
pub(crate) trait ExpConstants: Lane {
    /// A larger |z| counts as this one, whose exponential is far below half the least subnormal, and normal times
    /// 2^60.
    const LIMIT: Self;
    /// 1 / ln 2.
    const LOG2_E: Self;
    /// ln 2, cut to a few bits; and the rest.
    const LN_2: [Self; 2];
    /// 1.5 * 2^p, where p is the number of stored significand bits.
    const SHIFT: Self;
    /// Q, from the constant term up.
    const EXP: &'static [Self];
}

impl ExpConstants for f32 {
    // 2^-184.7; half the least subnormal is 2^-150.
    const LIMIT: Self = 128.0;
    const LOG2_E: Self = core::f32::consts::LOG2_E;
    // 15 bits, so that 8 bits of k leave the product exact.
    const LN_2: [Self; 2] = [0.693_145_75, 1.428_606_8e-6];
    const SHIFT: Self = 12_582_912.0;
    // 1 + r + r² Q(r) errs by 2^-28.0 of exp(r), for |r| <= 0.34658.
    const EXP: &'static [Self] = &[0.5, 0.166_665_35, 0.041_667_238, 0.008_367_43, 0.001_386_372_4];
}

impl ExpConstants for f64 {
    // 2^-1079.1; half the least subnormal is 2^-1075.
    const LIMIT: Self = 748.0;
    const LOG2_E: Self = core::f64::consts::LOG2_E;
    // 41 bits, so that 11 bits of k leave the product exact.
    const LN_2: [Self; 2] = [0.693_147_180_559_663, 2.823_529_056_303_157_7e-13];
    const SHIFT: Self = 6_755_399_441_055_744.0;
    // 1 + r + r² Q(r) errs by 2^-57.3 of exp(r), for |r| <= 0.34658.
    const EXP: &'static [Self] = &[
        0.5,
        0.166_666_666_666_664_33,
        0.041_666_666_666_603_965,
        0.008_333_333_333_500_443,
        0.001_388_888_892_679_114_7,
        0.000_198_412_694_654_235_88,
        2.480_150_869_138_800_2e-5,
        2.755_764_154_135_695e-6,
        2.762_518_249_198_912_3e-7,
        2.497_816_976_975_122e-8,
    ];
}

/// Exponent of the power of two by which the numbers below are held too large: so they are far from the
/// subnormal range, and from overflow.
pub(super) const SCALE_BITS: i32 = 64;

/// 2^64.
pub(super) const SCALE: f64 = power_of_two(SCALE_BITS);

/// 2^-64.
pub(super) const UNSCALE: f64 = power_of_two(-SCALE_BITS);

/// 2^n, for a normal result.
pub(super) const fn power_of_two(n: i32) -> f64 {
    f64::from_bits(((1023 + n) as u64) << 52)
}

/// exp(-|z|) in its parts: 2^k (1 + `s` + `s_rest`).
#[derive(Clone, Copy)]
pub(super) struct Exp<X> {
    /// 2^(k + 64): exact, and normal.
    pub power: X,
    /// exp(r) - 1. NaN where z is.
    pub s: X,
    /// The rounding error of the last step to `s`.
    pub s_rest: X,
}

/// exp(-|z|).
#[inline(always)]
pub(super) fn exp_neg_abs<X: Arithmetic<Element: ExpConstants>>(z: X) -> Exp<X> {
    let t = -z.abs().min(z.constant(X::Element::LIMIT));
    let shift = z.constant(X::Element::SHIFT);
    let shifted = t.mul_add(z.constant(X::Element::LOG2_E), shift);
    let k = shifted - shift;
    let [ln_2, ln_2_rest] = X::Element::LN_2;
    // r = r_high - r_low, the first exact, the second kept out of it.
    let r_high = k.neg_mul_add(z.constant(ln_2), t);
    let r_low = k * z.constant(ln_2_rest);
    let r = r_high - r_low;
    let r2 = r * r;
    let curve = r2.mul_add(polynomial(r, r2, X::Element::EXP), -r_low);
    let [s, s_rest] = fast_two_sum(r_high, curve);
    Exp { power: z.number(SCALE).scale_by_exponent_in(shifted), s, s_rest }
}

impl<X: Arithmetic> Exp<X> {
    /// exp(-|z|) 2^64 as an unevaluated sum of two numbers. 2^k s has the bits of s, and |s| < 1/2
    /// keeps them within reach of the two, so nothing is lost (but where the smaller number is subnormal: 2^-63
    /// relative in `f64` for results that are not 0, and at most u/32 for those that only curvature sees).
    #[inline(always)]
    pub(super) fn scaled(self) -> [X; 2] {
        let high = self.power.mul_add(self.s, self.power);
        let low = self.power.mul_add(self.s, self.power - high);
        [high, self.power.mul_add(self.s_rest, low)]
    }
}

/// The polynomial with these coefficients, from the constant term up, in `x` with its square: pairs of terms
/// side by side, then Horner's rule over the pairs. One chain of multiply-adds would be longer than the cores
/// look ahead for other work.
#[inline(always)]
pub(super) fn polynomial<X: Arithmetic>(x: X, x2: X, coefficients: &[X::Element]) -> X {
    let mut sum = None;
    for pair in coefficients.chunks(2).rev() {
        let pair = match *pair {
            [c, d] => x.constant(d).mul_add(x, x.constant(c)),
            _ => x.constant(pair[0]),
        };
        sum = Some(match sum {
            None => pair,
            Some(sum) => x2.mul_add(sum, pair),
        });
    }
    sum.unwrap_or(x.number(0.0))
}

/// The polynomial with these coefficients by Horner's rule: a multiply-add for each but one.
#[inline(always)]
pub(super) fn horner<X: Arithmetic>(x: X, coefficients: &[X::Element]) -> X {
    let mut sum = x.number(0.0);
    for (i, &c) in coefficients.iter().rev().enumerate() {
        sum = if i == 0 { x.constant(c) } else { sum.mul_add(x, x.constant(c)) };
    }
    sum
}

/// The constants, held against multi-precision arithmetic.
#[cfg(test)]
pub(super) mod tests {
    use super::ExpConstants;
    use crate::num::Float;
    use dashu_float::{FBig, round::mode::HalfEven};

    pub(crate) type Big = FBig<HalfEven, 2>;

    /// An exact number, at 160 bits.
    pub(crate) fn big(x: f64) -> Big {
        Big::try_from(x).expect("finite").with_precision(160).value()
    }

    /// The polynomial with these coefficients, exact as far as it matters.
    pub(crate) fn polynomial<T: Float>(x: &Big, coefficients: &[T]) -> Big {
        coefficients.iter().rev().fold(big(0.0), |sum, c| sum * x + big(c.to_f64()))
    }

    /// log2 of the largest |approximation / exact - 1|, over the points of a fine grid.
    pub(crate) fn worst_error(grid: impl Iterator<Item = f64>, pair: impl Fn(Big) -> [Big; 2]) -> f64 {
        let errors = grid.map(|x| {
            let [approximation, exact] = pair(big(x));
            (approximation / exact - big(1.0)).to_f64().value().abs()
        });
        errors.fold(0.0, f64::max).log2()
    }

    fn worst_error_of_exp<T: ExpConstants>() -> f64 {
        let grid = (-2000..=2000).filter(|i| *i != 0).map(|i| f64::from(i) * (0.34658 / 2000.0));
        worst_error(grid, |r| {
            let approximation = big(1.0) + &r + &r * &r * polynomial(&r, T::EXP);
            [approximation, r.exp()]
        })
    }

    #[test]
    fn the_polynomial_errs_as_stated() {
        let error = worst_error_of_exp::<f32>();
        assert!((-28.1..-28.0).contains(&error), "2^{error}");
        let error = worst_error_of_exp::<f64>();
        assert!((-57.4..-57.3).contains(&error), "2^{error}");
    }

    /// The bits of a significand.
    pub(crate) fn digits<T>() -> f64 {
        if size_of::<T>() == 4 { 24.0 } else { 53.0 }
    }

    /// k times the high part of ln 2 is exact for every k, and the low part makes up for the rest.
    fn check_ln_2<T: ExpConstants>(largest_k: u32) {
        let [high, low] = T::LN_2;
        for k in 0..=largest_k {
            let k = T::from_f64(f64::from(k));
            assert!(
                T::fma(k, high, -(k * high)).to_f64() == 0.0,
                "{} times the high part is rounded",
                k.to_f64()
            );
        }
        let rest = big(2.0).ln() - big(high.to_f64()) - big(low.to_f64());
        let accuracy = (rest * big(f64::from(largest_k))).to_f64().value().abs().log2();
        // Far below the ULP of r.
        assert!(accuracy < -digits::<T>() - 8.0, "2^{accuracy}");
    }

    #[test]
    fn ln_2_is_split_well() {
        check_ln_2::<f32>(185);
        check_ln_2::<f64>(1080);
    }
}
