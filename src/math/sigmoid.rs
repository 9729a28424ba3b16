//! The sigmoid: 1 / (1 + exp(-z)).
//!
//! # Algorithm
//!
//! With e = exp(-|z|) = 2^k (1 + s) from [`exp`](super::exp),
//!
//! ```text
//! sigmoid(z) = 1 / (1 + e)      z >= 0
//!              e / (1 + e)      z < 0
//! ```
//!
//! Dividend and divisor are unevaluated sums of two numbers, their quotient is corrected once
//! ([`quotient`](super::quotient)) and then rounded. Dividend and result are held times 2^64 until the
//! last step, so that a subnormal result comes from a normal one, by one multiplication.
//!
//! # Error
//!
//! Up to the last rounding the only error of first order is that of e, less than 0.33 ULP of e (0.43
//! without fused multiply-add). It moves the result by |d sigmoid / de| = 1 / (1 + e)² as much. Where the
//! result lies a binade below e, and has half its ULP, this factor is below 1/2 (s < 0), or s, and with it
//! the error of e, is small (0 < s < e): so it is no more ULP of the result. With half an ULP for the
//! rounding, less than 0.83 ULP (0.93). In the topmost subnormal binade these count by half, as the ULP
//! is twice as large there, and the last multiplication adds half an ULP: less than 0.97.
//!
//! All `f32` were tried (`tests/results/exhaustive.rs`); `BENCHMARKS.md` has the worst cases.
//!
//! # Tried, and left
//!
//! - Without `s_rest`, and with r rounded once more, five operations fewer: 1.02 ULP (`f32`), and on a
//!   sample of `f64` 0.996.
//! - `f32` through `f64` lanes: 0.50 ULP, but slower (`BENCHMARKS.md`, "Measured while tuning").

use super::elementwise::Elementwise;
use super::exp::{ExpConstants, SCALE, SCALE_BITS, UNSCALE, exp_neg_abs, one_plus};
use super::quotient::Quotient;
use crate::simd::Arithmetic;

/// 1 / (1 + exp(-z)).
#[inline(always)]
pub(crate) fn sigmoid<X: Arithmetic<Element: ExpConstants>>(z: X) -> X {
    let zero = z.number(0.0);
    let negative = z.lt(zero);
    let [e, e_rest] = exp_neg_abs(z).scaled();
    let dividend = [X::select(negative, e, z.number(SCALE)), X::select(negative, e_rest, zero)];
    Quotient::new(dividend, one_plus([e, e_rest], SCALE_BITS)).rounded() * z.number(UNSCALE)
}

/// [`sigmoid`] as a kernel.
#[derive(Clone, Copy)]
pub(crate) struct Sigmoid;

impl<T: ExpConstants> Elementwise<T, 1> for Sigmoid {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [z]: [X; 1]) -> X {
        sigmoid(z)
    }
}
