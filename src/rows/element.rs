//! The types of numbers, for arithmetic ([`Element`]) and in slices ([`Storage`]), and the loops that are
//! compiled for each of them.

use super::gathered::Indices;
use super::{Batch, Params, Rows};
use crate::isa::Isa;
use crate::tuning::Source;
use core::fmt::{Debug, Display, LowerExp};
use core::ops::{Add, Div, Mul, Neg, Sub};

/// A type that the kernels compute in: `f32` or `f64`.
///
/// Sealed: the kernels' order of operations, error bounds and bits are stated for these two. The value as
/// `f64`, which is exact, is `x.into()`.
///
/// ```
/// fn mean<T: lanegrad::Element>(x: &[T]) -> T {
///     let sum: f64 = x.iter().map(|&x| x.into()).sum();
///     T::nearest(sum / x.len() as f64)
/// }
/// assert_eq!(mean(&[1.0_f32, 2.0]), 1.5);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no type that lanegrad computes in",
    label = "arithmetic is in `f32` or `f64`",
    note = "rows may be held in `f32` for arithmetic in `f32` or `f64`, in `f64` for arithmetic in `f64`, and with \
            the feature `narrow` in `half::bf16`, `half::f16`, `i8` and `u8` for either"
)]
pub trait Element:
    Storage<Self>
    + Default
    + PartialEq
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Into<f64>
    + Debug
    + Display
    + LowerExp
{
    /// The value nearest to `x`; of two equally near ones, the even one.
    fn nearest(x: f64) -> Self;

    /// The loops for this type, as functions of another type. So they are no functions of `T` in a user's
    /// generic code, where `T::exp(x)` stays that of the user's own traits.
    #[doc(hidden)]
    type Loops: Maps<Self> + Ceilings<Self>;
}

/// A type whose slices can be read for arithmetic in `T`: `f32` for `f32` or `f64` arithmetic, and
/// `f64` for `f64`; with the feature `narrow` also `half::bf16`, `half::f16`, `i8` and `u8` for either. The conversion is
/// exact.
///
/// Sealed. Rows give the bits that the same numbers held as a wider type give, subnormal ones too. So a type is a matter
/// of memory and speed. `f32` data in `f64` arithmetic take half the memory traffic of `f64` data. In `f32` arithmetic, on
/// `avx2` and `avx512`, a pass from memory over rows of more than 64 columns of `bf16` or `f16` handles 1.5 to 2 times as
/// many rows a second as over `f32`, and of `i8` or `u8` 1.7 to 3 times (`BENCHMARKS.md`, "Small numbers"). In `f64`
/// arithmetic, and on other instruction sets, small types save memory alone: rows are widened to `f32` before a pass.
///
/// What is given up is given up before, by whoever rounds: `bf16` has the range of `f32` and 8 significant bits, `f16` has
/// 11 and ends at 65 504. Columns of integers that stand for other numbers have a `Scaling`.
#[diagnostic::on_unimplemented(
    message = "lanegrad does not read `{Self}` for arithmetic in `{T}`",
    label = "no such pair of storage and arithmetic",
    note = "the pairs are: `f32` in `f32`, `f32` in `f64`, `f64` in `f64`, and with the feature `narrow` `half::bf16`, \
            `half::f16`, `i8` and `u8` in `f32` and in `f64`"
)]
pub trait Storage<T>: Copy + Send + Sync + 'static {
    /// The loops that read this type, as functions of another type: see [`Element`].
    #[doc(hidden)]
    type Passes: Passes<Self, T>;
}

/// The elementwise kernels for a type, and the scalar functions of the plain loops they are compared with.
///
/// Declared here, with plain types, and implemented in `compiled`, so that the modules that call a loop need
/// not import those that it is made of. Callers have checked the lengths.
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub trait Maps<T> {
    /// [`sigmoid`](crate::kernels::sigmoid) on an instruction set.
    fn sigmoid(isa: Isa, z: &[T], out: &mut [T]);
    /// [`sigmoid_in_place`](crate::kernels::sigmoid_in_place) on an instruction set.
    fn sigmoid_in_place(isa: Isa, z: &mut [T]);
    /// [`softplus`](crate::kernels::softplus) on an instruction set.
    fn softplus(isa: Isa, z: &[T], out: &mut [T]);
    /// [`softplus_in_place`](crate::kernels::softplus_in_place) on an instruction set.
    fn softplus_in_place(isa: Isa, z: &mut [T]);
    /// [`log_sigmoid`](crate::kernels::log_sigmoid) on an instruction set.
    fn log_sigmoid(isa: Isa, z: &[T], out: &mut [T]);
    /// [`log_sigmoid_in_place`](crate::kernels::log_sigmoid_in_place) on an instruction set.
    fn log_sigmoid_in_place(isa: Isa, z: &mut [T]);
    /// [`logit`](crate::kernels::logit) on an instruction set.
    fn logit(isa: Isa, p: &[T], out: &mut [T]);
    /// [`logit_in_place`](crate::kernels::logit_in_place) on an instruction set.
    fn logit_in_place(isa: Isa, p: &mut [T]);
    /// [`log_loss`](crate::kernels::log_loss) on an instruction set.
    fn log_loss(isa: Isa, z: &[T], y: &[T], out: &mut [T]);
    /// [`log_loss_in_place`](crate::kernels::log_loss_in_place) on an instruction set.
    fn log_loss_in_place(isa: Isa, z: &mut [T], y: &[T]);
    /// [`residual`](crate::kernels::residual) on an instruction set.
    fn residual(isa: Isa, z: &[T], y: &[T], out: &mut [T]);
    /// [`residual_in_place`](crate::kernels::residual_in_place) on an instruction set.
    fn residual_in_place(isa: Isa, z: &mut [T], y: &[T]);

    /// The absolute value.
    fn abs(x: T) -> T;
    /// e to the power of x, by the standard library.
    fn exp(x: T) -> T;
    /// The natural logarithm, by the standard library.
    fn ln(x: T) -> T;
    /// ln(1 + x), by the standard library.
    fn ln_1p(x: T) -> T;
}

/// The loops that bound kernels for a type; implemented in `roofline`, which says what they do.
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub trait Ceilings<T> {
    /// Loads slices of one length.
    fn read<const N: usize>(isa: Isa, slices: [&[T]; N]) -> T;
    /// Loads slices of one length, and asks for the memory that many bytes ahead.
    fn read_ahead<const N: usize>(isa: Isa, slices: [&[T]; N], ahead: usize) -> T;
    /// Loads a slice as rows of that many vectors, four side by side, and asks for the memory ahead.
    fn read_rows(isa: Isa, x: &[T], row: usize, ahead: usize) -> T;
    /// Loads two slices of one length, a vector of either by turns.
    fn read_pair(isa: Isa, x: &[T], y: &[T]) -> T;
    /// Copies a slice to one of its length.
    fn copy(isa: Isa, x: &[T], out: &mut [T]);
    /// Adds a slice to one of its length.
    fn add(isa: Isa, x: &[T], y: &mut [T]);
    /// Multiplies and adds in registers.
    fn multiply_add<const CHAINS: usize>(isa: Isa, x: T, rounds: usize) -> T;
}

/// The loops over numbers held as `S` in `T` arithmetic; declared and implemented as [`Maps`].
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub trait Passes<S, T> {
    /// The number in the arithmetic's type.
    fn convert(x: S) -> T;

    /// [`dot`](crate::kernels::dot) on an instruction set.
    fn dot(isa: Isa, x: &[S], w: &[T]) -> T;

    /// [`axpy`](crate::kernels::axpy) on an instruction set.
    fn axpy(isa: Isa, a: T, x: &[S], y: &mut [T]);

    /// A gathered batch as one whose rows follow each other in memory.
    fn gather<'a>(isa: Isa, batch: &Batch<'_, S, T>, memory: &'a mut [f64]) -> Batch<'a, S, T>;

    /// Length of the memory that a chunk's rows are widened to before a pass, where they are.
    #[cfg(feature = "alloc")]
    fn widened_len(_isa: Isa, _nrows: usize, _ncols: usize) -> usize {
        0
    }

    /// The logits of rows.
    fn logits(isa: Isa, rows: Rows<'_, S>, params: Params<'_, T>, source: Source, out: &mut [T]);

    /// The logits of the rows with these numbers, from number `first` of the list on.
    fn gathered_logits(
        isa: Isa,
        rows: Rows<'_, S>,
        indices: Indices<'_>,
        first: usize,
        params: Params<'_, T>,
        out: &mut [T],
    );

    /// The probabilities of rows.
    fn probabilities(isa: Isa, rows: Rows<'_, S>, params: Params<'_, T>, source: Source, out: &mut [T]);

    /// Writes the loss of a chunk's rows and its derivatives as a node of the summation tree. `scratch` has
    /// the length that the pass asks for.
    fn loss(
        isa: Isa,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
        source: Source,
        scratch: &mut [f64],
        node: &mut [f64],
    );

    /// Writes the curvature of the loss along a direction, and its derivatives, likewise.
    fn curvature(
        isa: Isa,
        batch: &Batch<'_, S, T>,
        params_and_direction: [Params<'_, T>; 2],
        source: Source,
        scratch: &mut [f64],
        node: &mut [f64],
    );

    /// Writes the second derivatives of the loss by each parameter, likewise.
    fn diagonal(
        isa: Isa,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
        source: Source,
        scratch: &mut [f64],
        node: &mut [f64],
    );

    /// Writes the distances of the columns from a centre each, or their squares, likewise.
    fn deviations(isa: Isa, batch: &Batch<'_, S, T>, centres: &[f64], squared: bool, node: &mut [f64]);
}
