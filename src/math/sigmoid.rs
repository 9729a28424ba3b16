//! The sigmoid: 1 / (1 + exp(-z)).
//!
//! # Algorithm
//!
//! The [`residual`] for a label of 0: the [`tail`](super::tail) q + m v for z < 0, and 1 - (q + m v) for z >= 0, whose
//! error is carried along. It is held times 2^64 until the last step, so that a subnormal result comes from a normal
//! one, by one multiplication.
//!
//! # Error
//!
//! Up to the last rounding that of the tail, less than 0.33 ULP (0.43 without fused multiply-add); for z >= 0 the
//! result has a larger ULP. With half an ULP for the rounding, less than 0.83 ULP (0.93). In the topmost subnormal
//! binade these count by half, as the ULP is twice as large there, and the last multiplication adds half an ULP: less
//! than 0.97.
//!
//! All `f32` were tried (`tests/results/exhaustive.rs`); `BENCHMARKS.md` has the worst cases.
//!
//! # Tried, and left
//!
//! - Without `s_rest`, and with r rounded once more, five operations fewer: 1.02 ULP (`f32`), and on a
//!   sample of `f64` 0.996.
//! - `f32` through `f64` lanes: 0.50 ULP, but slower (`BENCHMARKS.md`, "Measured while tuning").

use super::elementwise::Elementwise;
use super::exp::ExpConstants;
use super::residual::residual;
use crate::simd::Arithmetic;

/// 1 / (1 + exp(-z)).
#[inline(always)]
pub(crate) fn sigmoid<X: Arithmetic<Element: ExpConstants>>(z: X) -> X {
    residual(z, z.number(0.0))
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
