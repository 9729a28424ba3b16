//! The `scalar` backend: a vector is an array, and every operation a plain loop over it.
//!
//! It defines the bits that all fused backends must give, so it is written to be read and not to be fast.

#[cfg(feature = "narrow")]
use super::LoadAs;
use super::one::One;
#[cfg(feature = "narrow")]
use super::small::Widen;
use super::{Arithmetic, Backend, Vector, operators, tree_sum, unzip};
use core::array::from_fn;

/// The token of the scalar backend. Every CPU has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Scalar;

/// Sixteen `f32` in an array.
#[derive(Clone, Copy)]
pub(crate) struct F32([f32; 16]);

/// Eight `f64` in an array.
#[derive(Clone, Copy)]
pub(crate) struct F64([f64; 8]);

impl Backend for Scalar {
    type F32 = F32;
    type F64 = F64;

    const FUSED: bool = true;
    const LANE_BY_LANE: bool = true;

    /// On x86-64 with FMA, `mul_add` compiles to that instruction instead of a library call: the
    /// result is the same by definition, and the exhaustive sweeps end within minutes. (Not inlined, as `portable` is
    /// not.)
    #[inline(never)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        #[cfg(target_arch = "x86_64")]
        if let Some(fma) = fma::Fma::detect() {
            return fma.run(f);
        }
        f()
    }

    #[inline(always)]
    fn widen(self, x: &[f32; 8]) -> F64 {
        F64(x.map(f64::from))
    }

    #[inline(always)]
    fn widen_partial(self, x: &[f32]) -> F64 {
        F64(from_fn(|i| x.get(i).map_or(0.0, |&x| x.into())))
    }
}

#[cfg(feature = "narrow")]
impl<S: LoadAs<f32> + LoadAs<f64>> Widen<S> for Scalar {
    #[inline(always)]
    fn widen_to_f32(self, x: &[S; 16]) -> F32 {
        F32(x.map(S::convert))
    }

    #[inline(always)]
    fn widen_to_f64(self, x: &[S; 8]) -> F64 {
        F64(x.map(S::convert))
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "a call to a function that enables FMA, with the proof that it may")]
mod fma {
    super::super::x86_token! {
        /// Proof of the FMA instructions.
        Fma, ["fma"]
    }
}

macro_rules! vector {
    ($vector:ident, $t:ident, $lanes:literal) => {
        operators! { $vector,
            Neg: |x| Self(x.0.map(|x| -x)),
            Add add: |a, b| Self(from_fn(|i| a.0[i] + b.0[i])),
            Sub sub: |a, b| Self(from_fn(|i| a.0[i] - b.0[i])),
            Mul mul: |a, b| Self(from_fn(|i| a.0[i] * b.0[i])),
            Div div: |a, b| Self(from_fn(|i| a.0[i] / b.0[i])),
        }

        impl Arithmetic for $vector {
            type Element = $t;
            type Mask = [bool; $lanes];

            const FUSED: bool = Scalar::FUSED;

            #[inline(always)]
            fn constant(self, x: $t) -> Self {
                Self::splat(Scalar, x)
            }

            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                Self(from_fn(|i| One(self.0[i]).mul_add(One(a.0[i]), One(b.0[i])).0))
            }

            #[inline(always)]
            fn neg_mul_add(self, a: Self, b: Self) -> Self {
                Self(from_fn(|i| One(self.0[i]).neg_mul_add(One(a.0[i]), One(b.0[i])).0))
            }

            #[inline(always)]
            fn abs(self) -> Self {
                Self(from_fn(|i| One(self.0[i]).abs().0))
            }

            #[inline(always)]
            fn min(self, bound: Self) -> Self {
                Self(from_fn(|i| One(self.0[i]).min(One(bound.0[i])).0))
            }

            #[inline(always)]
            fn lt(self, other: Self) -> [bool; $lanes] {
                from_fn(|i| One(self.0[i]).lt(One(other.0[i])))
            }

            #[inline(always)]
            fn eq(self, other: Self) -> [bool; $lanes] {
                from_fn(|i| One(self.0[i]).eq(One(other.0[i])))
            }

            #[inline(always)]
            fn select(mask: [bool; $lanes], yes: Self, no: Self) -> Self {
                Self(from_fn(|i| One::select(mask[i], One(yes.0[i]), One(no.0[i])).0))
            }

            #[inline(always)]
            fn scale_by_exponent_in(self, shifted: Self) -> Self {
                Self(from_fn(|i| One(self.0[i]).scale_by_exponent_in(One(shifted.0[i])).0))
            }

            #[inline(always)]
            fn exponent(self) -> Self {
                Self(from_fn(|i| One(self.0[i]).exponent().0))
            }

            #[inline(always)]
            fn leading_half(self) -> Self {
                Self(from_fn(|i| One(self.0[i]).leading_half().0))
            }
        }

        impl Vector for $vector {
            type Backend = Scalar;

            #[inline(always)]
            fn splat(_: Scalar, x: $t) -> Self {
                Self([x; $lanes])
            }

            #[inline(always)]
            fn load(_: Scalar, x: &[$t; $lanes]) -> Self {
                Self(*x)
            }

            #[inline(always)]
            fn load_partial(_: Scalar, x: &[$t]) -> Self {
                Self(from_fn(|i| x.get(i).copied().unwrap_or(0.0)))
            }

            #[inline(always)]
            fn store(self, out: &mut [$t; $lanes]) {
                *out = self.0;
            }

            #[inline(always)]
            fn store_partial(self, out: &mut [$t]) {
                for (out, x) in out.iter_mut().zip(self.0) {
                    *out = x;
                }
            }

            #[inline(always)]
            fn sum(self) -> $t {
                tree_sum(self.0)
            }

            #[inline(always)]
            fn sums(vectors: &[Self]) -> Self {
                // A loop, as so much in a closure for `from_fn` is not inlined.
                let mut out = [0.0; $lanes];
                for (out, vector) in out.iter_mut().zip(vectors) {
                    *out = vector.sum();
                }
                Self(out)
            }

            #[inline(always)]
            fn unzip(self, other: Self) -> [Self; 2] {
                unzip(self.0, other.0).map(Self)
            }
        }
    };
}

vector!(F32, f32, 16);
vector!(F64, f64, 8);
