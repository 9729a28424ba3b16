//! The types of numbers: what is computed in, and what a slice may hold.

use crate::compiled::{CompiledMaps, CompiledPasses};
use crate::kernels::Log1pConstants;
use crate::simd::{Lane, LoadAs};

/// A type that the kernels compute in: `f32` or `f64`.
///
/// Sealed: the kernels' order of operations, error bounds and bits are stated for these two. What it
/// inherits beyond the operators and the conversions `from_f64` (to the nearest value) and `to_f64` is
/// internal and may change.
pub trait Element:
    Lane + Storage<Self> + Log1pConstants + CompiledMaps + core::fmt::Debug + core::fmt::Display
{
}

impl Element for f32 {}
impl Element for f64 {}

/// A type whose slices can be read for arithmetic in `T`: `f32` for `f32` or `f64` arithmetic, and
/// `f64` for `f64`. The conversion is exact.
///
/// Sealed. `f32` data in `f64` arithmetic takes half the memory traffic of `f64` data and loses
/// nothing to rounding that `f64` arithmetic would keep.
pub trait Storage<T: Lane>: LoadAs<T> + CompiledPasses<T> {}

impl Storage<f32> for f32 {}
impl Storage<f64> for f32 {}
impl Storage<f64> for f64 {}
