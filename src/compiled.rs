//! The loops for each type, compiled with this crate.
//!
//! A generic function is compiled in every crate that calls it. The passes over rows and the elementwise
//! kernels, each once for every instruction set, are most of this crate's machine code, and would be most of
//! the time that a user's crate takes to build, at each change of it. Here they are functions without type
//! parameters, which are compiled once. (`dot` and `axpy` are marked to be inlined: they are small, and one
//! more call is a large part of a short dot product.)

#[cfg(feature = "narrow")]
mod small;

#[cfg(feature = "narrow")]
use self::small::small;
use crate::isa::{Isa, dispatch};
use crate::math::elementwise::{InPlace, Overwrite, update, update_long};
use crate::math::log_loss::{LogLoss, LogSigmoid, Softplus};
use crate::math::logit::Logit;
use crate::math::residual::Residual;
use crate::math::sigmoid::Sigmoid;
use crate::num::Float;
use crate::pass::{self, Axpy, CurvatureTerms, LossTerms};
use crate::rows::{Batch, Element, Indices, Maps, Params, Passes, Rows, Storage};
use crate::simd::LoadAs;
#[cfg(feature = "narrow")]
use crate::tuning::GROUP;
use crate::tuning::Source;
use bytemuck::Pod;
#[cfg(feature = "narrow")]
use half::{bf16, f16};

/// The type whose functions are the loops of all types.
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub struct Compiled;

macro_rules! element {
    ($($t:ident),+) => {
        $(impl Element for $t {
            #[inline(always)]
            fn nearest(x: f64) -> Self {
                Float::from_f64(x)
            }

            type Loops = Compiled;
        }

        impl Maps<$t> for Compiled {
            fn sigmoid(isa: Isa, z: &[$t], out: &mut [$t]) {
                dispatch!(isa, b => update_long(b, out, [z], Overwrite(Sigmoid)));
            }

            fn sigmoid_in_place(isa: Isa, z: &mut [$t]) {
                dispatch!(isa, b => update_long(b, z, [] as [&[$t]; 0], InPlace(Sigmoid)));
            }

            fn softplus(isa: Isa, z: &[$t], out: &mut [$t]) {
                dispatch!(isa, b => update_long(b, out, [z], Overwrite(Softplus)));
            }

            fn softplus_in_place(isa: Isa, z: &mut [$t]) {
                dispatch!(isa, b => update_long(b, z, [] as [&[$t]; 0], InPlace(Softplus)));
            }

            fn log_sigmoid(isa: Isa, z: &[$t], out: &mut [$t]) {
                dispatch!(isa, b => update_long(b, out, [z], Overwrite(LogSigmoid)));
            }

            fn log_sigmoid_in_place(isa: Isa, z: &mut [$t]) {
                dispatch!(isa, b => update_long(b, z, [] as [&[$t]; 0], InPlace(LogSigmoid)));
            }

            fn logit(isa: Isa, p: &[$t], out: &mut [$t]) {
                dispatch!(isa, b => update_long(b, out, [p], Overwrite(Logit)));
            }

            fn logit_in_place(isa: Isa, p: &mut [$t]) {
                dispatch!(isa, b => update_long(b, p, [] as [&[$t]; 0], InPlace(Logit)));
            }

            fn log_loss(isa: Isa, z: &[$t], y: &[$t], out: &mut [$t]) {
                dispatch!(isa, b => update_long(b, out, [z, y], Overwrite(LogLoss)));
            }

            fn log_loss_in_place(isa: Isa, z: &mut [$t], y: &[$t]) {
                dispatch!(isa, b => update_long(b, z, [y], InPlace(LogLoss)));
            }

            fn residual(isa: Isa, z: &[$t], y: &[$t], out: &mut [$t]) {
                dispatch!(isa, b => update_long(b, out, [z, y], Overwrite(Residual)));
            }

            fn residual_in_place(isa: Isa, z: &mut [$t], y: &[$t]) {
                dispatch!(isa, b => update_long(b, z, [y], InPlace(Residual)));
            }

            #[inline(always)]
            fn abs(x: $t) -> $t {
                Float::abs(x)
            }

            #[inline(always)]
            fn exp(x: $t) -> $t {
                Float::exp(x)
            }

            #[inline(always)]
            fn ln(x: $t) -> $t {
                Float::ln(x)
            }

            #[inline(always)]
            fn ln_1p(x: $t) -> $t {
                Float::ln_1p(x)
            }
        })+
    };
}
element!(f32, f64);

/// Passes over rows of floats: each of them compiled for every instruction set.
macro_rules! floats {
    ($s:ident, $t:ident) => {
        fn logits(isa: Isa, rows: Rows<'_, $s>, params: Params<'_, $t>, source: Source, out: &mut [$t]) {
            dispatch!(isa, b => pass::logits(b, rows, params, source, out));
        }

        fn gathered_logits(
            isa: Isa,
            rows: Rows<'_, $s>,
            indices: Indices<'_>,
            first: usize,
            params: Params<'_, $t>,
            out: &mut [$t],
        ) {
            dispatch!(isa, b => pass::gathered_logits(
                rows,
                indices,
                first,
                params,
                out,
                #[inline(always)]
                |x, w| pass::dot(b, x, w),
            ));
        }

        fn probabilities(isa: Isa, rows: Rows<'_, $s>, params: Params<'_, $t>, source: Source, out: &mut [$t]) {
            dispatch!(isa, b => pass::probabilities(b, rows, params, source, out));
        }

        fn loss(
            isa: Isa,
            batch: &Batch<'_, $s, $t>,
            params: Params<'_, $t>,
            source: Source,
            scratch: &mut [f64],
            node: &mut [f64],
        ) {
            dispatch!(isa, b => pass::leaf(b, LossTerms, batch, params, source, scratch, node));
        }

        fn curvature(
            isa: Isa,
            batch: &Batch<'_, $s, $t>,
            [params, direction]: [Params<'_, $t>; 2],
            source: Source,
            scratch: &mut [f64],
            node: &mut [f64],
        ) {
            dispatch!(isa, b => {
                pass::leaf(b, CurvatureTerms { direction }, batch, params, source, scratch, node);
            });
        }

        fn diagonal(
            isa: Isa,
            batch: &Batch<'_, $s, $t>,
            params: Params<'_, $t>,
            source: Source,
            scratch: &mut [f64],
            node: &mut [f64],
        ) {
            dispatch!(isa, b => pass::diagonal(b, batch, params, source, scratch, node));
        }
    };
}

/// Copies the rows of a gathered batch together. One function for all types that rows are held in.
fn gather<'a, T: Float + Pod>(isa: Isa, batch: &Batch<'_, u8, T>, memory: &'a mut [f64]) -> Batch<'a, u8, T> {
    dispatch!(isa, _b => pass::gather(batch, memory))
}

/// `storage!(S in T by passes, …)`: the loops for numbers held as `S` in `T` arithmetic, those of whole passes by another
/// macro.
macro_rules! storage {
    ($($s:ident in $t:ident by $passes:ident),+) => {
        $(impl Storage<$t> for $s {
            type Passes = Compiled;
        }

        impl Passes<$s, $t> for Compiled {
            #[inline(always)]
            fn convert(x: $s) -> $t {
                LoadAs::<$t>::convert(x)
            }

            #[inline]
            fn dot(isa: Isa, x: &[$s], w: &[$t]) -> $t {
                dispatch!(isa, b => pass::dot(b, x, w))
            }

            #[inline]
            fn axpy(isa: Isa, a: $t, x: &[$s], y: &mut [$t]) {
                dispatch!(isa, b => update(b, y, [x], Axpy(a)));
            }

            fn gather<'a>(isa: Isa, batch: &Batch<'_, $s, $t>, memory: &'a mut [f64]) -> Batch<'a, $s, $t> {
                pass::of_bytes(&gather(isa, &pass::as_bytes(batch), memory))
            }

            fn deviations(isa: Isa, batch: &Batch<'_, $s, $t>, centres: &[f64], squared: bool, node: &mut [f64]) {
                dispatch!(isa, _b => pass::deviations(batch, centres, squared, node));
            }

            $passes!($s, $t);
        })+
    };
}
storage!(f32 in f32 by floats, f32 in f64 by floats, f64 in f64 by floats);

#[cfg(feature = "narrow")]
storage!(
    bf16 in f32 by small, bf16 in f64 by small, f16 in f32 by small, f16 in f64 by small,
    i8 in f32 by small, i8 in f64 by small, u8 in f32 by small, u8 in f64 by small
);
