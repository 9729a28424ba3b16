//! The SIMD layer: the operations that every backend offers, on *vectors* of 64 bytes.
//!
//! A vector is 16 `f32` or 8 `f64` on every backend, whatever its registers hold: `avx512`
//! keeps one in a register, `avx2` in two, `portable` in four of SSE2 or NEON, `scalar` in an array. An
//! algorithm written over vectors therefore performs the same operations in the same
//! order everywhere, and as every operation below is exact IEEE 754 (one correctly rounded result)
//! or bitwise, its results have the same bits everywhere. The exception is [`Arithmetic::mul_add`] on a
//! backend without fused multiply-add, which [`Backend::FUSED`] tells.
//!
//! Left out on purpose, because they differ between vendors or instruction sets: reciprocal estimates, the
//! native minimum and maximum on NaN and signed zeros, and any horizontal sum but [`Vector::sum`].
//!
//! # Tokens and soundness
//!
//! A backend is a zero-sized token that exists only where the CPU has its instructions, and a
//! vector can only be made from a token. So a vector that exists is the proof that its operations
//! may run, and all of them are safe to call. They are `#[inline(always)]` and hold one intrinsic
//! each; a kernel made of them must be flattened into one function that enables the backend's
//! instructions, which is what [`Backend::vectorize`] (through `Isa`'s `dispatch!`) does.

use crate::num::Float;
use core::ops::{Add, Div, Mul, Neg, Sub};

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod cpu;
pub(crate) mod matrix;
pub(crate) mod one;
pub(crate) mod portable;
pub(crate) mod prefetch;
#[cfg(any(test, feature = "scalar"))]
pub(crate) mod scalar;
pub(crate) mod small;
#[cfg(test)]
mod tests;
pub(crate) mod two;

/// Bytes of a vector.
pub(crate) const VECTOR_BYTES: usize = 64;

/// Lanes of a vector of `f32`, the most that a vector has.
pub(crate) const MOST_LANES: usize = 16;

/// The vector of element type `T` on backend `B`.
pub(crate) type V<B, T> = <T as Lane>::Vector<B>;

/// A token of instructions that this CPU has, and the proof that it has them.
pub(crate) trait Backend: small::Widens + Copy + Send + Sync + 'static {
    /// Sixteen `f32`.
    type F32: Vector<Backend = Self, Element = f32>;
    /// Eight `f64`.
    type F64: Vector<Backend = Self, Element = f64>;

    /// True where [`Arithmetic::mul_add`] rounds once.
    const FUSED: bool;

    /// True where loops gain from being written out for several vectors at a time, as an operation on a
    /// vector takes few instructions and registers. Elsewhere that only makes the code, and the time to
    /// compile it, longer.
    const UNROLL: bool = false;

    /// True where the four accumulators of `dot` for each of four rows fit into the registers.
    const FOUR_ROWS: bool = false;

    /// True where a vector is no more than an array of lanes: elementwise kernels over slices then take one
    /// number after the other ([`One`](one::One)), which is a sixteenth of the code.
    const LANE_BY_LANE: bool = false;

    /// Runs `f` compiled with this backend's instructions. `f` must be `#[inline(always)]`, and so
    /// must everything in it that handles vectors.
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R;

    /// Eight `f32` as `f64`; exact.
    fn widen(self, x: &[f32; 8]) -> Self::F64;

    /// Up to eight `f32` as `f64`, and +0 in the lanes beyond. Touches no byte beyond `x`.
    fn widen_partial(self, x: &[f32]) -> Self::F64;
}

/// Arithmetic on lanes: what an elementwise kernel is written in.
///
/// Vectors implement it, and so do [`Two`](two::Two), a pair of vectors, and [`One`](one::One), a number.
pub(crate) trait Arithmetic:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// The type of the number in a lane.
    type Element: Lane;
    /// A truth value per lane.
    type Mask: Copy;

    /// True where [`Arithmetic::mul_add`] rounds once.
    const FUSED: bool;

    /// `x` in every lane. `self` only proves that the CPU has the instructions.
    fn constant(self, x: Self::Element) -> Self;

    /// The element nearest to `x` in every lane.
    #[inline(always)]
    fn number(self, x: f64) -> Self {
        self.constant(Self::Element::from_f64(x))
    }

    /// `self * a + b`; rounds once where [`Arithmetic::FUSED`], else twice.
    fn mul_add(self, a: Self, b: Self) -> Self;

    /// `b - self * a`; rounds once where [`Arithmetic::FUSED`], else twice.
    fn neg_mul_add(self, a: Self, b: Self) -> Self;

    /// The sign bit cleared, also of a NaN.
    fn abs(self) -> Self;

    /// `bound` where `self > bound`, else `self`: a NaN in `self` stays.
    fn min(self, bound: Self) -> Self;

    /// The lanes where `self < other`; false for NaN.
    fn lt(self, other: Self) -> Self::Mask;

    /// The lanes where `self == other`, zeros of either sign being equal; false for NaN.
    fn eq(self, other: Self) -> Self::Mask;

    /// `yes` where the mask is set, else `no`.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// `self` times 2^k by integer arithmetic on the exponent field, where `k` is the integer in
    /// the low bits of `shifted`: a sum `k + 1.5 * 2^p` with p the number of stored significand
    /// bits (see `math::exp`). `self` and the result must be normal numbers.
    fn scale_by_exponent_in(self, shifted: Self) -> Self;

    /// The exponent of a positive normal number, as a number: of 1.5 it is 0, of 0.1 it is -4. Of zeros and
    /// subnormal numbers it is that of the exponent field, one less than of the least normal number.
    fn exponent(self) -> Self;

    /// The leading half of the significand, the rest cut off: the product of two such numbers is
    /// exact.
    fn leading_half(self) -> Self;
}

/// A 64-byte vector of a backend.
pub(crate) trait Vector: Arithmetic {
    /// The backend whose token makes vectors of this type.
    type Backend: Backend;

    /// `x` in every lane.
    fn splat(b: Self::Backend, x: Self::Element) -> Self;

    /// A whole vector from memory, at any alignment.
    fn load(b: Self::Backend, x: &<Self::Element as Lane>::Chunk) -> Self;

    /// The first lanes from `x` (no more than there are), and +0 in the lanes beyond. Touches no
    /// byte beyond `x`.
    fn load_partial(b: Self::Backend, x: &[Self::Element]) -> Self;

    /// A whole vector to memory, at any alignment.
    fn store(self, out: &mut <Self::Element as Lane>::Chunk);

    /// The first lanes to `out` (no more than there are). Touches no byte beyond `out`.
    fn store_partial(self, out: &mut [Self::Element]);

    /// The sum of the lanes by the one reduction tree: the upper half is added to the lower half,
    /// lane by lane, until one lane is left.
    fn sum(self) -> Self::Element;

    /// The sums of `LANES` vectors at once: lane i is `vectors[i].sum()`, in its bits, for a fraction of the
    /// instructions. `vectors` has `LANES` elements.
    fn sums(vectors: &[Self]) -> Self;

    /// The lanes of even number of `self` and then of `other`; and those of odd number. What a matrix of rows is
    /// taken apart into columns with.
    fn unzip(self, other: Self) -> [Self; 2];
}

/// A type of numbers that fill the lanes of a vector.
pub(crate) trait Lane:
    Float + LoadAs<Self, Chunk = <Self as Lane>::Chunk> + bytemuck::Pod + Send + Sync
{
    /// Mask of the bits that [`Arithmetic::leading_half`] keeps, as a number.
    const LEADING_HALF: Self;

    /// 2^p, with p the number of stored significand bits: an exponent field in its low bits makes it the sum of the
    /// two, as its ULP is 1. And what is to be subtracted from the sum: 2^p and the bias of exponents.
    const EXPONENT: [Self; 2];

    /// Number of elements of a vector.
    const LANES: usize;

    /// The memory of one vector, a chunk of lanes: an array of `LANES` elements.
    type Chunk;

    /// The vector on a backend.
    type Vector<B: Backend>: Vector<Backend = B, Element = Self>;

    /// [`Arithmetic::scale_by_exponent_in`] of a number.
    fn scale_by_exponent_in(x: Self, shifted: Self) -> Self;

    /// [`Arithmetic::exponent`] of a number.
    fn exponent(x: Self) -> Self;

    /// [`Arithmetic::leading_half`] of a number.
    fn leading_half(x: Self) -> Self;

    /// [`LoadAs::chunks`] of a slice that can be written to.
    fn chunks_mut(x: &mut [Self]) -> (&mut [<Self as Lane>::Chunk], &mut [Self]);
}

/// Elements in memory that can be loaded into vectors of `T`. The conversion, where there is one,
/// is in the load and nowhere else.
pub(crate) trait LoadAs<T: Lane>: Copy + Send + Sync + 'static {
    /// The memory of one vector of `T`: an array of `T::LANES` elements.
    type Chunk;

    /// The number in `T`.
    fn convert(self) -> T;

    /// The whole chunks of a slice, and the rest that is shorter than a chunk.
    fn chunks(x: &[Self]) -> (&[Self::Chunk], &[Self]);

    /// A whole vector, at any alignment.
    fn load<B: Backend>(b: B, x: &Self::Chunk) -> T::Vector<B>;

    /// The first lanes from `x`, and +0 in the lanes beyond.
    fn load_partial<B: Backend>(b: B, x: &[Self]) -> T::Vector<B>;
}

macro_rules! lane {
    ($t:ident, $lanes:literal, $vector:ident) => {
        impl Lane for $t {
            const LEADING_HALF: Self = $t::from_bits(!0 << $t::MANTISSA_DIGITS.div_ceil(2));
            const EXPONENT: [Self; 2] = {
                let power = (1_u64 << ($t::MANTISSA_DIGITS - 1)) as $t;
                [power, power + ($t::MAX_EXP - 1) as $t]
            };
            const LANES: usize = $lanes;
            type Chunk = [$t; $lanes];
            type Vector<B: Backend> = B::$vector;

            #[inline(always)]
            fn scale_by_exponent_in(x: Self, shifted: Self) -> Self {
                let exponent = shifted.to_bits() << ($t::MANTISSA_DIGITS - 1);
                $t::from_bits(x.to_bits().wrapping_add(exponent))
            }

            #[inline(always)]
            fn exponent(x: Self) -> Self {
                let [power, excess] = <$t as Lane>::EXPONENT;
                $t::from_bits(x.to_bits() >> ($t::MANTISSA_DIGITS - 1) | power.to_bits()) - excess
            }

            #[inline(always)]
            fn leading_half(x: Self) -> Self {
                $t::from_bits(x.to_bits() & <$t as Lane>::LEADING_HALF.to_bits())
            }

            #[inline(always)]
            fn chunks_mut(x: &mut [Self]) -> (&mut [[$t; $lanes]], &mut [Self]) {
                x.as_chunks_mut()
            }
        }

        impl LoadAs<$t> for $t {
            type Chunk = [$t; $lanes];

            #[inline(always)]
            fn convert(self) -> $t {
                self
            }

            #[inline(always)]
            fn chunks(x: &[Self]) -> (&[Self::Chunk], &[Self]) {
                x.as_chunks()
            }

            #[inline(always)]
            fn load<B: Backend>(b: B, x: &Self::Chunk) -> B::$vector {
                Vector::load(b, x)
            }

            #[inline(always)]
            fn load_partial<B: Backend>(b: B, x: &[Self]) -> B::$vector {
                Vector::load_partial(b, x)
            }
        }
    };
}

lane!(f32, 16, F32);
lane!(f64, 8, F64);

impl LoadAs<f64> for f32 {
    type Chunk = [f32; 8];

    #[inline(always)]
    fn convert(self) -> f64 {
        self.into()
    }

    #[inline(always)]
    fn chunks(x: &[Self]) -> (&[Self::Chunk], &[Self]) {
        x.as_chunks()
    }

    #[inline(always)]
    fn load<B: Backend>(b: B, x: &Self::Chunk) -> B::F64 {
        b.widen(x)
    }

    #[inline(always)]
    fn load_partial<B: Backend>(b: B, x: &[Self]) -> B::F64 {
        b.widen_partial(x)
    }
}

/// Sum of lanes in an array, by the one reduction tree: see [`Vector::sum`].
#[inline(always)]
fn tree_sum<T: Float, const N: usize>(mut lanes: [T; N]) -> T {
    let mut half = N / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = lanes[i] + lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The elements of even number of two arrays, one after the other, and those of odd number: see [`Vector::unzip`].
#[inline(always)]
fn unzip<T: Copy, const N: usize>(a: [T; N], b: [T; N]) -> [[T; N]; 2] {
    let mut out = [a; 2];
    for i in 0..N / 2 {
        for odd in 0..2 {
            out[odd][i] = a[2 * i + odd];
            out[odd][N / 2 + i] = b[2 * i + odd];
        }
    }
    out
}

/// Gives a vector type its operators: the negation, then `Add`, `Sub`, `Mul` and `Div`, each as an
/// expression of the two operands.
macro_rules! operators {
    ($vector:ty, Neg: |$x:ident| $neg:expr, $($operator:ident $method:ident: |$a:ident, $b:ident| $e:expr),+ $(,)?) => {
        impl core::ops::Neg for $vector {
            type Output = Self;

            #[inline(always)]
            fn neg(self) -> Self {
                let $x = self;
                $neg
            }
        }

        $(impl core::ops::$operator for $vector {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                let ($a, $b) = (self, other);
                $e
            }
        })+
    };
}
use operators;

/// Defines a token of x86-64 from one list of CPU features, which feeds both the
/// detection and the attribute that enables them: the two cannot drift apart.
#[cfg(target_arch = "x86_64")]
macro_rules! x86_token {
    ($(#[$doc:meta])* $token:ident, [$($feature:tt),+]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $token(());

        impl $token {
            /// The token, where this CPU (without `std`: this build) has the features.
            pub(crate) fn detect() -> Option<Self> {
                #[cfg(feature = "std")]
                let has = true $(&& std::arch::is_x86_feature_detected!($feature))+;
                #[cfg(not(feature = "std"))]
                let has = true $(&& cfg!(target_feature = $feature))+;
                has.then_some(Self(()))
            }

            #[inline(always)]
            pub(crate) fn run<R>(self, f: impl FnOnce() -> R) -> R {
                #[target_feature($(enable = $feature),+)]
                fn with_features<R>(f: impl FnOnce() -> R) -> R {
                    f()
                }
                // SAFETY: `self` was made by `detect`, which found every feature of the one list
                // that both it and the attribute above are made from.
                unsafe { with_features(f) }
            }
        }
    };
}
#[cfg(target_arch = "x86_64")]
use x86_token;

/// Wraps the intrinsics of a backend whose tokens and vectors prove that the CPU has them.
#[cfg(target_arch = "x86_64")]
macro_rules! proven {
    ($e:expr) => {
        // SAFETY: the intrinsic is unsafe for one reason, that the CPU might lack the instruction.
        // It is called with a token or with vectors made from one, and a token exists only where
        // the CPU was found to have every feature of the backend (`x86_token`).
        unsafe { $e }
    };
}
#[cfg(target_arch = "x86_64")]
use proven;

/// Defines steps of the reduction tree on two vectors side by side: `fold_N` adds the upper N lanes of every
/// 2N to the lower N, and packs what is left of the two vectors into one.
#[cfg(target_arch = "x86_64")]
macro_rules! fold {
    ($feature:tt, $($name:ident: $t:ident, $add:ident($low:ident $(::<$low_lanes:literal>)?, $high:ident $(::<$high_lanes:literal>)?);)+) => {
        $(#[inline]
        #[target_feature(enable = $feature)]
        fn $name(a: $t, b: $t) -> $t {
            $add($low$(::<$low_lanes>)?(a, b), $high$(::<$high_lanes>)?(a, b))
        })+
    };
}
#[cfg(target_arch = "x86_64")]
use fold;
