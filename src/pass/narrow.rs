//! Rows of at most four vectors: the parameters and the gradient stay in registers.
//!
//! # Logits
//!
//! A row makes one vector of partial sums, whose lanes have to be added; with few columns that is most
//! of the work. So the lanes of several rows, one row for each lane of a vector, are added up together
//! ([`Vector::sums`]): by the same tree, and so with the bits of [`dot`](super::dot()), for a fifth of the
//! instructions.
//!
//! # Gradient
//!
//! Row i of a chunk is added to accumulator i mod `SUMS`, each a gradient of its own in registers; the
//! accumulators are added up at the end of the chunk. A multiply-add takes four cycles, and with one
//! accumulator of one vector each row would wait for the one before it; `N` times `SUMS` is about four. The
//! number of accumulators is part of the numeric contract.

use super::dot::NO_PREFETCH;
use super::row_kernel::{RowKernel, counts};
use crate::rows::{Params, Rows};
use crate::simd::prefetch::prefetch;
use crate::simd::{Arithmetic, Backend, Lane, LoadAs, MOST_LANES, V, Vector};
use crate::tuning::CACHE_LINE;

/// The gradient of rows of `N` vectors, of which the last may be partly filled.
pub(super) struct Narrow<B: Backend, T: Lane, const N: usize, const SUMS: usize> {
    accumulators: [[V<B, T>; N]; SUMS],
}

impl<B: Backend, T: Lane, const N: usize, const SUMS: usize> Narrow<B, T, N, SUMS> {
    /// A gradient of zero.
    #[inline(always)]
    pub(super) fn new(b: B) -> Self {
        Self { accumulators: [[V::<B, T>::splat(b, T::from_f64(0.0)); N]; SUMS] }
    }
}

impl<B: Backend, S: LoadAs<T>, T: Lane, const N: usize, const SUMS: usize> RowKernel<B, S, T>
    for Narrow<B, T, N, SUMS>
{
    #[inline(never)]
    fn logits(&self, b: B, rows: Rows<'_, S>, params: Params<'_, T>, ahead: usize, out: &mut [T]) {
        b.vectorize(
            #[inline(always)]
            || {
                if rows.ncols() == N * T::LANES {
                    logits::<B, S, T, N, true>(b, rows, params, ahead, out);
                } else {
                    logits::<B, S, T, N, false>(b, rows, params, ahead, out);
                }
            },
        );
    }

    #[inline(never)]
    fn accumulate(
        &mut self,
        b: B,
        rows: Rows<'_, S>,
        slopes: &[T],
        weights: Option<&[T]>,
        _gradient: &mut [T],
    ) {
        b.vectorize(
            #[inline(always)]
            || {
                let sums = self.accumulators;
                self.accumulators = if rows.ncols() == N * T::LANES {
                    accumulate::<B, S, T, N, SUMS, true>(b, rows, slopes, weights, sums)
                } else {
                    accumulate::<B, S, T, N, SUMS, false>(b, rows, slopes, weights, sums)
                };
            },
        );
    }

    #[inline(always)]
    fn finish(self, gradient: &mut [T]) {
        let s = self.accumulators;
        for (v, chunk) in T::chunks_mut(gradient).0[..N].iter_mut().enumerate() {
            match SUMS {
                1 => s[0][v],
                2 => s[0][v] + s[1][v],
                _ => (s[0][v] + s[1][v]) + (s[2][v] + s[3][v]),
            }
            .store(chunk);
        }
    }
}

/// The logits of any number of rows, whose last vector is `WHOLE` or partly filled.
#[inline(always)]
fn logits<B: Backend, S: LoadAs<T>, T: Lane, const N: usize, const WHOLE: bool>(
    b: B,
    rows: Rows<'_, S>,
    params: Params<'_, T>,
    ahead: usize,
    out: &mut [T],
) {
    let zero = V::<B, T>::splat(b, T::from_f64(0.0));
    let bias = V::<B, T>::splat(b, params.bias);
    let w = load_row::<B, T, T, N, WHOLE>(b, params.weights);
    for (first, out) in (0..rows.nrows()).step_by(T::LANES).zip(out.chunks_mut(T::LANES)) {
        // An array for each case: that of the first, which is the common case, then stays in registers.
        let z = if B::UNROLL
            && let Some(mut rest) = rows.with_gaps(first, T::LANES)
        {
            let mut sums = [zero; MOST_LANES];
            for sum in &mut sums[..T::LANES] {
                let (row, next) = rest.split_at(rows.row_stride());
                rest = next;
                *sum = products::<B, S, T, N, WHOLE>(b, &row[..rows.ncols()], w, ahead);
            }
            V::<B, T>::sums(&sums[..T::LANES])
        } else {
            let mut sums = [zero; MOST_LANES];
            for (i, sum) in (first..rows.nrows()).zip(&mut sums[..T::LANES]) {
                *sum = products::<B, S, T, N, WHOLE>(b, rows.at(i), w, ahead);
            }
            V::<B, T>::sums(&sums[..T::LANES])
        };
        (z + bias).store_partial(out);
    }
}

/// The vector whose lanes add up to the dot product of a row.
#[inline(always)]
fn products<B: Backend, S: LoadAs<T>, T: Lane, const N: usize, const WHOLE: bool>(
    b: B,
    row: &[S],
    w: [V<B, T>; N],
    ahead: usize,
) -> V<B, T> {
    if ahead != NO_PREFETCH {
        for line in (0..N * T::LANES * size_of::<S>()).step_by(CACHE_LINE) {
            prefetch(row, ahead + line);
        }
    }
    let zero = V::<B, T>::splat(b, T::from_f64(0.0));
    let x = load_row::<B, S, T, N, WHOLE>(b, row);
    let mut a = [zero; 4];
    for v in 0..N {
        a[v] = x[v].mul_add(w[v], zero);
    }
    match N {
        1 => a[0],
        2 => a[0] + a[1],
        3 => (a[0] + a[1]) + a[2],
        _ => (a[0] + a[1]) + (a[2] + a[3]),
    }
}

/// Adds `slopes[i] x[i]` to the accumulators, for each row that [`counts`].
///
/// (To cut groups of rows from a slice, as for the logits, saves a product for each row and was slower:
/// `BENCHMARKS.md`, "Measured while tuning".)
#[inline(always)]
fn accumulate<B: Backend, S: LoadAs<T>, T: Lane, const N: usize, const SUMS: usize, const WHOLE: bool>(
    b: B,
    rows: Rows<'_, S>,
    slopes: &[T],
    weights: Option<&[T]>,
    mut sums: [[V<B, T>; N]; SUMS],
) -> [[V<B, T>; N]; SUMS] {
    let whole = rows.nrows() / SUMS * SUMS;
    for first in (0..whole).step_by(SUMS) {
        for k in 0..SUMS {
            if counts(weights, first + k) {
                add::<B, S, T, N, WHOLE>(b, &mut sums[k], rows.at(first + k), slopes[first + k]);
            }
        }
    }
    for k in 0..SUMS {
        if whole + k < rows.nrows() && counts(weights, whole + k) {
            add::<B, S, T, N, WHOLE>(b, &mut sums[k], rows.at(whole + k), slopes[whole + k]);
        }
    }
    sums
}

/// `sum += c row`.
#[inline(always)]
fn add<B: Backend, S: LoadAs<T>, T: Lane, const N: usize, const WHOLE: bool>(
    b: B,
    sum: &mut [V<B, T>; N],
    row: &[S],
    c: T,
) {
    let x = load_row::<B, S, T, N, WHOLE>(b, row);
    let c = V::<B, T>::splat(b, c);
    for v in 0..N {
        sum[v] = x[v].mul_add(c, sum[v]);
    }
}

/// The vectors of a row.
#[inline(always)]
fn load_row<B: Backend, S: LoadAs<T>, T: Lane, const N: usize, const WHOLE: bool>(
    b: B,
    row: &[S],
) -> [V<B, T>; N] {
    let mut x = [V::<B, T>::splat(b, T::from_f64(0.0)); N];
    let (chunks, rest) = S::chunks(row);
    for v in 0..N - 1 {
        x[v] = S::load(b, &chunks[v]);
    }
    x[N - 1] = if WHOLE { S::load(b, &chunks[N - 1]) } else { S::load_partial(b, rest) };
    x
}
