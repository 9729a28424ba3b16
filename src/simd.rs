//! The SIMD layer: what a backend must offer, in operations of one 64-byte *logical vector*.
//!
//! A logical vector is 16 `f32` or 8 `f64` on every backend, whatever its registers hold: AVX-512
//! keeps one in a register, AVX2 in two, SSE2 and NEON in four, the scalar backend in an array. An
//! algorithm written over logical vectors therefore performs the same operations in the same
//! order everywhere, and as every operation below is exact IEEE 754 (one correctly rounded result)
//! or bitwise, its results have the same bits everywhere. The exception is [`Arithmetic::mul_add`] on a
//! backend without fused multiply-add, which [`Backend::FUSED`] tells.
//!
//! Left out on purpose, because they differ between vendors or tiers: reciprocal estimates, the
//! native minimum and maximum on NaN and signed zeros, and any horizontal sum but [`Vector::sum`].
//!
//! # Tokens and soundness
//!
//! A backend is a zero-sized token that exists only where the CPU has its instructions, and a
//! vector can only be made from a token. So a vector that exists is the proof that its operations
//! may run, and all of them are safe to call. They are `#[inline(always)]` and hold one intrinsic
//! each; a kernel made of them must be flattened into one function that enables the backend's
//! instructions, which is what [`Backend::vectorize`] (through `Isa`'s `dispatch!`) does.

use crate::math::Float;
use core::ops::{Add, Div, Mul, Neg, Sub};

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
pub mod portable;
pub mod prefetch;
pub mod scalar;
pub mod two;

/// The most lanes that a logical vector has.
#[cfg(feature = "alloc")]
pub const MOST_LANES: usize = 16;

/// The vector of element type `T` on backend `B`.
pub type V<B, T> = <T as Lane>::Vector<B>;

/// A set of instructions that this CPU has: a token, and the proof.
pub trait Backend: Copy + Send + Sync + 'static {
    /// Sixteen `f32`.
    type F32: Vector<Backend = Self, Element = f32>;
    /// Eight `f64`.
    type F64: Vector<Backend = Self, Element = f64>;

    /// Whether [`Arithmetic::mul_add`] rounds once.
    const FUSED: bool;

    /// Whether a vector takes so few instructions and registers that loops gain from being written out
    /// for several at a time. Elsewhere that only makes the code, and the time to compile it, longer.
    const UNROLL: bool = false;

    /// Runs `f` compiled with this backend's instructions. `f` must be `#[inline(always)]`, and so
    /// must everything in it that handles vectors.
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R;

    /// Eight `f32`, converted; exact.
    fn widen(self, x: &[f32; 8]) -> Self::F64;

    /// Like [`Backend::widen`] for the first 8 of fewer elements, and +0 in the lanes beyond.
    fn widen_partial(self, x: &[f32]) -> Self::F64;
}

/// Arithmetic on lanes: what an elementwise kernel is written in.
///
/// A vector of a backend has it, and so have [`Two`](two::Two) of them side by side.
pub trait Arithmetic:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// What a lane holds.
    type Element: Lane;
    /// A truth value per lane.
    type Mask: Copy;

    /// Whether [`Arithmetic::mul_add`] rounds once.
    const FUSED: bool;

    /// `x` in every lane, where a value at hand proves that the CPU has the instructions.
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

    /// `bound` where `self > bound`, else `self`: a NaN stays a NaN.
    fn at_most(self, bound: Self) -> Self;

    /// Where `self < other`; nowhere for NaN.
    fn lt(self, other: Self) -> Self::Mask;

    /// Where `self == other`, zeros of either sign being equal; nowhere for NaN.
    fn equals(self, other: Self) -> Self::Mask;

    /// `yes` where the mask is set, else `no`.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// `self` times 2^k by integer arithmetic on the exponent field, where `k` is the integer in
    /// the low bits of `shifted`: a sum `k + 1.5 * 2^p` with p the number of stored significand
    /// bits (see `kernels::exp`). `self` and the result must be normal numbers.
    fn scale_by_exponent_in(self, shifted: Self) -> Self;

    /// The leading half of the significand, the rest cut off: the product of two such numbers is
    /// exact.
    fn leading_half(self) -> Self;
}

/// A 64-byte vector of a backend.
pub trait Vector: Arithmetic {
    /// The backend whose token makes vectors of this type.
    type Backend: Backend;

    /// `x` in every lane.
    fn splat(b: Self::Backend, x: Self::Element) -> Self;

    /// A whole vector from memory, at any alignment.
    fn load(b: Self::Backend, x: &<Self::Element as Lane>::Block) -> Self;

    /// The first lanes from `x` (no more than there are), and +0 in the lanes beyond. Touches no
    /// byte beyond `x`.
    fn load_partial(b: Self::Backend, x: &[Self::Element]) -> Self;

    /// A whole vector to memory, at any alignment.
    fn store(self, out: &mut <Self::Element as Lane>::Block);

    /// The first lanes to `out` (no more than there are). Touches no byte beyond `out`.
    fn store_partial(self, out: &mut [Self::Element]);

    /// The sum of the lanes by the one reduction tree: the upper half is added to the lower half,
    /// lane by lane, until one lane is left.
    fn sum(self) -> Self::Element;

    /// The sums of as many vectors as a vector has lanes: lane i is `vectors[i].sum()`, in its bits,
    /// for a fraction of the instructions. `vectors` holds exactly that many.
    fn sums(vectors: &[Self]) -> Self;
}

/// What the kernels need of an element type: its blocks in memory and its vectors.
pub trait Lane: Float + LoadAs<Self, Block = <Self as Lane>::Block> + bytemuck::Pod + Send + Sync {
    /// The bits of a number that [`Arithmetic::leading_half`] keeps, as a number.
    const LEADING_HALF: Self;

    /// How many elements a logical vector holds.
    const LANES: usize;

    /// The memory of one logical vector: an array of `LANES` elements.
    type Block;

    /// The logical vector on a backend.
    type Vector<B: Backend>: Vector<Backend = B, Element = Self>;

    /// Like [`LoadAs::blocks`], to write to.
    fn blocks_mut(x: &mut [Self]) -> (&mut [<Self as Lane>::Block], &mut [Self]);
}

/// Elements in memory that can be loaded into vectors of `T`. The conversion, where there is one,
/// is in the load and nowhere else.
pub trait LoadAs<T: Lane>: Copy + Send + Sync + 'static {
    /// As many elements as a logical vector of `T` has lanes.
    type Block;

    /// The whole blocks of a slice, and the rest that is shorter than a block.
    fn blocks(x: &[Self]) -> (&[Self::Block], &[Self]);

    /// A whole vector, at any alignment.
    fn load<B: Backend>(b: B, x: &Self::Block) -> T::Vector<B>;

    /// The first lanes from `x`, and +0 in the lanes beyond.
    fn load_partial<B: Backend>(b: B, x: &[Self]) -> T::Vector<B>;
}

macro_rules! lane {
    ($t:ident, $lanes:literal, $vector:ident) => {
        impl Lane for $t {
            const LEADING_HALF: Self = $t::from_bits(!0 << $t::MANTISSA_DIGITS.div_ceil(2));
            const LANES: usize = $lanes;
            type Block = [$t; $lanes];
            type Vector<B: Backend> = B::$vector;

            #[inline(always)]
            fn blocks_mut(x: &mut [Self]) -> (&mut [[$t; $lanes]], &mut [Self]) {
                x.as_chunks_mut()
            }
        }

        impl LoadAs<$t> for $t {
            type Block = [$t; $lanes];

            #[inline(always)]
            fn blocks(x: &[Self]) -> (&[Self::Block], &[Self]) {
                x.as_chunks()
            }

            #[inline(always)]
            fn load<B: Backend>(b: B, x: &Self::Block) -> B::$vector {
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
    type Block = [f32; 8];

    #[inline(always)]
    fn blocks(x: &[Self]) -> (&[Self::Block], &[Self]) {
        x.as_chunks()
    }

    #[inline(always)]
    fn load<B: Backend>(b: B, x: &Self::Block) -> B::F64 {
        b.widen(x)
    }

    #[inline(always)]
    fn load_partial<B: Backend>(b: B, x: &[Self]) -> B::F64 {
        b.widen_partial(x)
    }
}

/// The one reduction tree, on lanes in an array.
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

/// Defines the token of a tier of x86-64 from one list of CPU features, which feeds both the
/// detection and the attribute that enables them: the two cannot drift apart.
#[cfg(target_arch = "x86_64")]
macro_rules! x86_token {
    ($(#[$doc:meta])* $token:ident, [$($feature:tt),+]) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $token(());

        impl $token {
            /// The token, where this CPU (without `std`: this build) has the features.
            pub fn detect() -> Option<Self> {
                #[cfg(feature = "std")]
                let has = true $(&& std::arch::is_x86_feature_detected!($feature))+;
                #[cfg(not(feature = "std"))]
                let has = true $(&& cfg!(target_feature = $feature))+;
                has.then_some(Self(()))
            }

            #[inline(always)]
            pub fn run<R>(self, f: impl FnOnce() -> R) -> R {
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

/// Steps of the reduction tree on two vectors side by side: `fold_N` adds the upper N lanes of every 2N
/// to the lower, and packs what two vectors leave into one.
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
