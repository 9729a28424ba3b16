//! The `portable` backend: `wide`'s vectors, so SSE2, NEON or wasm simd128 as the build enables.
//!
//! `wide` picks its instructions when it is compiled. Inside a function that enables AVX-512 it
//! still emits what the build allows, so it cannot stand in for the other backends; and its
//! `reduce_add`, `exp`, `max` and `min` differ between builds, so they are not used here.

#[cfg(feature = "narrow")]
use super::LoadAs;
#[cfg(feature = "narrow")]
use super::small::Widen;
use super::{Arithmetic, Backend, Lane, Vector, operators, tree_sum, unzip};
use wide::{f32x16, f64x8, u32x16, u64x8};

/// The token of the portable backend. Every CPU that runs this build has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Portable;

/// Sixteen `f32`.
#[derive(Clone, Copy)]
pub(crate) struct F32(f32x16);

/// Eight `f64`.
#[derive(Clone, Copy)]
pub(crate) struct F64(f64x8);

impl Backend for Portable {
    type F32 = F32;
    type F64 = F64;

    // True where `wide`'s `mul_add` is one instruction; a test holds this against the result of it.
    const FUSED: bool =
        cfg!(any(target_feature = "fma", all(target_arch = "aarch64", target_feature = "neon")));

    /// On x86-64, where others are faster on nearly every CPU, not inlined: a function that chooses between backends is
    /// then small, and so is what a call of it costs.
    #[cfg_attr(target_arch = "x86_64", inline(never))]
    #[cfg_attr(not(target_arch = "x86_64"), inline(always))]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }

    #[inline(always)]
    fn widen(self, x: &[f32; 8]) -> F64 {
        F64(f64x8::new(x.map(f64::from)))
    }

    #[inline(always)]
    fn widen_partial(self, x: &[f32]) -> F64 {
        F64(f64x8::new(core::array::from_fn(|i| x.get(i).map_or(0.0, |&x| x.into()))))
    }
}

#[cfg(feature = "narrow")]
impl<S: LoadAs<f32> + LoadAs<f64>> Widen<S> for Portable {
    #[inline(always)]
    fn widen_to_f32(self, x: &[S; 16]) -> F32 {
        F32(f32x16::new(x.map(S::convert)))
    }

    #[inline(always)]
    fn widen_to_f64(self, x: &[S; 8]) -> F64 {
        F64(f64x8::new(x.map(S::convert)))
    }
}

macro_rules! vector {
    ($vector:ident, $wide:ident, $bits:ident, $t:ident, $lanes:literal) => {
        operators! { $vector,
            Neg: |x| Self(-x.0),
            Add add: |a, b| Self(a.0 + b.0),
            Sub sub: |a, b| Self(a.0 - b.0),
            Mul mul: |a, b| Self(a.0 * b.0),
            Div div: |a, b| Self(a.0 / b.0),
        }

        impl Arithmetic for $vector {
            type Element = $t;
            type Mask = $wide;

            const FUSED: bool = Portable::FUSED;

            #[inline(always)]
            fn constant(self, x: $t) -> Self {
                Self::splat(Portable, x)
            }

            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                Self(self.0.mul_add(a.0, b.0))
            }

            #[inline(always)]
            fn neg_mul_add(self, a: Self, b: Self) -> Self {
                Self(self.0.mul_neg_add(a.0, b.0))
            }

            #[inline(always)]
            fn abs(self) -> Self {
                Self(self.0.abs())
            }

            #[inline(always)]
            fn min(self, bound: Self) -> Self {
                Self(self.0.simd_gt(bound.0).select(bound.0, self.0))
            }

            #[inline(always)]
            fn lt(self, other: Self) -> $wide {
                self.0.simd_lt(other.0)
            }

            #[inline(always)]
            fn eq(self, other: Self) -> $wide {
                self.0.simd_eq(other.0)
            }

            #[inline(always)]
            fn select(mask: $wide, yes: Self, no: Self) -> Self {
                Self(mask.select(yes.0, no.0))
            }

            #[inline(always)]
            fn scale_by_exponent_in(self, shifted: Self) -> Self {
                const SIGNIFICAND_BITS: u32 = $t::MANTISSA_DIGITS - 1;
                let exponent: $bits = shifted.0.to_bits() << SIGNIFICAND_BITS;
                Self($wide::from_bits(self.0.to_bits() + exponent))
            }

            #[inline(always)]
            fn exponent(self) -> Self {
                const SIGNIFICAND_BITS: u32 = $t::MANTISSA_DIGITS - 1;
                let [power, excess] = $t::EXPONENT;
                let field: $bits = self.0.to_bits() >> SIGNIFICAND_BITS;
                Self(($wide::from_bits(field) | $wide::splat(power)) - $wide::splat(excess))
            }

            #[inline(always)]
            fn leading_half(self) -> Self {
                Self(self.0 & $wide::splat($t::LEADING_HALF))
            }
        }

        impl Vector for $vector {
            type Backend = Portable;

            #[inline(always)]
            fn splat(_: Portable, x: $t) -> Self {
                Self($wide::splat(x))
            }

            #[inline(always)]
            fn load(_: Portable, x: &[$t; $lanes]) -> Self {
                Self($wide::new(*x))
            }

            #[inline(always)]
            fn load_partial(_: Portable, x: &[$t]) -> Self {
                Self($wide::new(core::array::from_fn(|i| x.get(i).copied().unwrap_or(0.0))))
            }

            #[inline(always)]
            fn store(self, out: &mut [$t; $lanes]) {
                *out = self.0.to_array();
            }

            #[inline(always)]
            fn store_partial(self, out: &mut [$t]) {
                for (out, x) in out.iter_mut().zip(self.0.to_array()) {
                    *out = x;
                }
            }

            #[inline(always)]
            fn sum(self) -> $t {
                tree_sum(self.0.to_array())
            }

            #[inline(always)]
            fn sums(vectors: &[Self]) -> Self {
                let mut out = [0.0; $lanes];
                for (out, vector) in out.iter_mut().zip(vectors) {
                    *out = vector.sum();
                }
                Self($wide::new(out))
            }

            #[inline(always)]
            fn unzip(self, other: Self) -> [Self; 2] {
                unzip(self.0.to_array(), other.0.to_array()).map(|x| Self($wide::new(x)))
            }
        }
    };
}

vector!(F32, f32x16, u32x16, f32, 16);
vector!(F64, f64x8, u64x8, f64, 8);
