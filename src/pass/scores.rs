//! Logits and probabilities of any number of rows, which no sum is made of.

use super::dot::dot;
use super::row_kernel::RowKernel;
use super::width::{for_width, ranges};
use crate::math::Real;
use crate::math::elementwise::{InPlace, update};
use crate::math::sigmoid::{Sigmoid, sigmoid};
use crate::rows::{Params, Rows};
use crate::simd::cpu::cpu;
use crate::simd::{Backend, Lane, LoadAs, V, Vector};
use crate::tuning::{Ahead, GROUP, IN_CACHE, Source};

/// The logits of any number of rows.
#[inline(always)]
pub(crate) fn logits<B: Backend, S: LoadAs<T>, T: Lane>(
    b: B,
    rows: Rows<'_, S>,
    params: Params<'_, T>,
    source: Source,
    out: &mut [T],
) {
    // By groups, so that requests for memory do not drift from the rows.
    for range in ranges(0..rows.nrows(), GROUP) {
        let (rows, out) = (rows.range(range.clone()), &mut out[range]);
        for_width!(b, S in T, rows.ncols(), kernel => kernel.logits(b, rows, params, source, out));
    }
}

/// The probabilities of any number of rows: the sigmoid of their logits, while these are in cache.
#[inline(always)]
pub(crate) fn probabilities<B: Backend, S: LoadAs<T>, T: Real>(
    b: B,
    rows: Rows<'_, S>,
    params: Params<'_, T>,
    source: Source,
    out: &mut [T],
) {
    if let (1, [out]) = (rows.nrows(), &mut *out) {
        // A single row: its logit goes to the sigmoid in a register, and not through memory.
        let z = dot(b, rows.at(0), params.weights) + params.bias;
        return sigmoid(V::<B, T>::splat(b, z)).store_partial(core::slice::from_mut(out));
    }
    for range in ranges(0..rows.nrows(), GROUP) {
        let out = &mut out[range.clone()];
        logits(b, rows.range(range), params, source, out);
        sigmoids(b, out);
    }
}

/// The sigmoid of each logit. Not inlined, as it is the same for every type that rows are held in.
#[inline(never)]
fn sigmoids<B: Backend, T: Real>(b: B, out: &mut [T]) {
    b.vectorize(
        #[inline(always)]
        || update(b, out, [&[] as &[T]; 0], InPlace(Sigmoid)),
    );
}

/// Where these rows are taken to come from.
pub(crate) fn source<S>(rows: &Rows<'_, S>) -> Source {
    source_of(rows.size())
}

/// Where rows of so many bytes are taken to come from.
pub(crate) fn source_of(bytes: usize) -> Source {
    if bytes < IN_CACHE { Source::Cache } else { Source::Memory(Ahead::on(cpu())) }
}
