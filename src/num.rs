//! Scalar arithmetic over `f32` and `f64`, with the functions that `core` lacks: they come from
//! `std`, or from `libm` without it.

use core::ops::{Add, Div, Mul, Neg, Sub};

/// A scalar floating-point type: the operators, and the functions that `scalar`, `reference` and the plain
/// loops are written with.
pub(crate) trait Float:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// The nearest value of this type.
    fn from_f64(x: f64) -> Self;
    /// This value in `f64`; exact.
    fn to_f64(self) -> f64;

    // No methods from here on: `x.exp()` would be the standard library's where there is one, and this trait's
    // elsewhere.

    /// `x * a + b`, rounded once.
    fn fma(x: Self, a: Self, b: Self) -> Self;
    /// The absolute value.
    fn abs(x: Self) -> Self;
    /// e to the power of x.
    fn exp(x: Self) -> Self;
    /// The natural logarithm.
    fn ln(x: Self) -> Self;
    /// ln(1 + x), accurate for small x.
    fn ln_1p(x: Self) -> Self;
}

macro_rules! float {
    ($t:ident, $fma:path, $exp:path, $ln:path, $ln_1p:path) => {
        impl Float for $t {
            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self.into()
            }
            #[inline(always)]
            fn fma(x: Self, a: Self, b: Self) -> Self {
                $fma(x, a, b)
            }
            #[inline(always)]
            fn abs(x: Self) -> Self {
                $t::abs(x)
            }
            #[inline(always)]
            fn exp(x: Self) -> Self {
                $exp(x)
            }
            #[inline(always)]
            fn ln(x: Self) -> Self {
                $ln(x)
            }
            #[inline(always)]
            fn ln_1p(x: Self) -> Self {
                $ln_1p(x)
            }
        }
    };
}

#[cfg(feature = "std")]
float!(f32, f32::mul_add, f32::exp, f32::ln, f32::ln_1p);
#[cfg(feature = "std")]
float!(f64, f64::mul_add, f64::exp, f64::ln, f64::ln_1p);
#[cfg(not(feature = "std"))]
float!(f32, libm::fmaf, libm::expf, libm::logf, libm::log1pf);
#[cfg(not(feature = "std"))]
float!(f64, libm::fma, libm::exp, libm::log, libm::log1p);
