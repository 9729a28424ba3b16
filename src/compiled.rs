//! The loops for each type, compiled with this crate.
//!
//! A generic function is compiled in every crate that calls it. The passes over rows and the elementwise
//! kernels, each once for every instruction set, are most of this crate's machine code, and would be most of
//! the time that a user's crate takes to build, at each change of it. As methods of traits that are
//! implemented for types, and not generically, they are compiled once. (`dot` and `axpy` stay generic: they
//! are small, and one more call is a large part of a short dot product.)

use crate::Isa;
use crate::isa::dispatch;
#[cfg(feature = "alloc")]
use crate::kernels::pass::{self, Pass, Scoring};
#[cfg(feature = "alloc")]
use crate::kernels::terms::{Curvature, Loss};
use crate::kernels::{InPlace, LogLoss, Overwrite, Residual, Sigmoid, Softplus, update};
#[cfg(feature = "alloc")]
use crate::{Batch, Rows};

/// The loop of an elementwise kernel `F` with `N` inputs beside the slice that it updates.
pub trait CompiledUpdate<F, const N: usize>: Sized {
    /// [`update`] on an instruction set.
    fn update_on(isa: Isa, out: &mut [Self], inputs: [&[Self]; N], f: F);
}

/// Every elementwise kernel in both forms.
pub trait CompiledMaps:
    CompiledUpdate<Overwrite<Sigmoid>, 1>
    + CompiledUpdate<InPlace<Sigmoid>, 0>
    + CompiledUpdate<Overwrite<Softplus>, 1>
    + CompiledUpdate<InPlace<Softplus>, 0>
    + CompiledUpdate<Overwrite<LogLoss>, 2>
    + CompiledUpdate<InPlace<LogLoss>, 1>
    + CompiledUpdate<Overwrite<Residual>, 2>
    + CompiledUpdate<InPlace<Residual>, 1>
{
}

macro_rules! maps {
    ($t:ident: $($update:ty, $n:literal;)+) => {
        impl CompiledMaps for $t {}

        $(impl CompiledUpdate<$update, $n> for $t {
            fn update_on(isa: Isa, out: &mut [Self], inputs: [&[Self]; $n], f: $update) {
                dispatch!(isa, b => update(b, out, inputs, f));
            }
        })+
    };
    ($($t:ident),+) => {
        $(maps! {
            $t:
            Overwrite<Sigmoid>, 1;
            InPlace<Sigmoid>, 0;
            Overwrite<Softplus>, 1;
            InPlace<Softplus>, 0;
            Overwrite<LogLoss>, 2;
            InPlace<LogLoss>, 1;
            Overwrite<Residual>, 2;
            InPlace<Residual>, 1;
        })+
    };
}
maps!(f32, f64);

/// The passes over rows of `Self` in `T` arithmetic; what they do is said where they are called. Their callers
/// have checked lengths: what they take cannot be made outside of this crate.
#[cfg(feature = "alloc")]
pub trait CompiledPasses<T>: Sized {
    /// [`pass::logits`] on an instruction set.
    fn logits_on(isa: Isa, rows: Rows<'_, Self>, pass: Scoring<'_, T>, out: &mut [T]);

    /// [`pass::probabilities`] on an instruction set.
    fn probabilities_on(isa: Isa, rows: Rows<'_, Self>, pass: Scoring<'_, T>, out: &mut [T]);

    /// [`pass::chunk`] of the loss on an instruction set.
    fn loss_on(isa: Isa, pass: Pass<'_, T, Loss>, batch: &Batch<'_, Self, T>, gradient: &mut [T]) -> [T; 3];

    /// [`pass::chunk`] of the curvature on an instruction set.
    fn curvature_on(
        isa: Isa,
        pass: Pass<'_, T, Curvature<'_, T>>,
        batch: &Batch<'_, Self, T>,
        gradient: &mut [T],
    ) -> [T; 3];
}

#[cfg(feature = "alloc")]
macro_rules! passes {
    ($($s:ident in $t:ident),+) => {
        $(impl CompiledPasses<$t> for $s {
            fn logits_on(isa: Isa, rows: Rows<'_, $s>, pass: Scoring<'_, $t>, out: &mut [$t]) {
                dispatch!(isa, b => pass::logits(b, rows, pass, out));
            }

            fn probabilities_on(isa: Isa, rows: Rows<'_, $s>, pass: Scoring<'_, $t>, out: &mut [$t]) {
                dispatch!(isa, b => pass::probabilities(b, rows, pass, out));
            }

            fn loss_on(
                isa: Isa,
                pass: Pass<'_, $t, Loss>,
                batch: &Batch<'_, $s, $t>,
                gradient: &mut [$t],
            ) -> [$t; 3] {
                dispatch!(isa, b => pass::chunk(b, pass, batch, gradient))
            }

            fn curvature_on(
                isa: Isa,
                pass: Pass<'_, $t, Curvature<'_, $t>>,
                batch: &Batch<'_, $s, $t>,
                gradient: &mut [$t],
            ) -> [$t; 3] {
                dispatch!(isa, b => pass::chunk(b, pass, batch, gradient))
            }
        })+
    };
}
#[cfg(feature = "alloc")]
passes!(f32 in f32, f32 in f64, f64 in f64);

/// Without memory to sum in there are none.
#[cfg(not(feature = "alloc"))]
pub trait CompiledPasses<T> {}
#[cfg(not(feature = "alloc"))]
impl<S, T> CompiledPasses<T> for S {}
