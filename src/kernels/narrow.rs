//! Rows of at most four logical vectors: the parameters and the gradient stay in registers.
//!
//! # Logits
//!
//! A row makes one vector of partial sums, whose lanes have to be added; with few columns that is most
//! of the work. So as many rows as a vector has lanes are added up together ([`Vector::sums`]): by the
//! same tree, and so with the bits of [`dot`](super::dot), for a fifth of the instructions.
//!
//! # Gradient
//!
//! Row i of a chunk is added to stream i mod `STREAMS`, each a gradient of its own in registers; the
//! streams are added up at the end of the chunk. A multiply-add takes four cycles, and with one stream of
//! one vector each row would wait for the one before it; `N` times `STREAMS` is about four. The number of
//! streams is part of the numeric contract.

use super::dot::NO_PREFETCH;
use super::row_kernel::{RowKernel, counts};
use crate::batch::Params;
use crate::simd::prefetch::{CACHE_LINE, prefetch};
use crate::simd::{Arithmetic, Backend, MOST_LANES, V, Vector};
use crate::{Element, Rows, Storage};

/// The gradient of rows of `N` logical vectors, the last of them whole or not.
pub struct Narrow<B: Backend, T: Element, const N: usize, const STREAMS: usize> {
    streams: [[V<B, T>; N]; STREAMS],
}

impl<B: Backend, T: Element, const N: usize, const STREAMS: usize> Narrow<B, T, N, STREAMS> {
    /// A gradient of zero.
    #[inline(always)]
    pub fn new(b: B) -> Self {
        Self { streams: [[V::<B, T>::splat(b, T::from_f64(0.0)); N]; STREAMS] }
    }
}

impl<B: Backend, S: Storage<T>, T: Element, const N: usize, const STREAMS: usize> RowKernel<B, S, T>
    for Narrow<B, T, N, STREAMS>
{
    #[inline(never)]
    fn logits(&self, b: B, rows: Rows<'_, S>, params: Params<'_, T>, ahead: usize, out: &mut [T]) {
        b.vectorize(
            #[inline(always)]
            || {
                if rows.cols() == N * T::LANES {
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
        coefficients: &[T],
        weights: Option<&[T]>,
        _gradient: &mut [T],
    ) {
        b.vectorize(
            #[inline(always)]
            || {
                let streams = self.streams;
                self.streams = if rows.cols() == N * T::LANES {
                    accumulate::<B, S, T, N, STREAMS, true>(b, rows, coefficients, weights, streams)
                } else {
                    accumulate::<B, S, T, N, STREAMS, false>(b, rows, coefficients, weights, streams)
                };
            },
        );
    }

    #[inline(always)]
    fn finish(self, gradient: &mut [T]) {
        let s = self.streams;
        for (v, block) in T::blocks_mut(gradient).0[..N].iter_mut().enumerate() {
            match STREAMS {
                1 => s[0][v],
                2 => s[0][v] + s[1][v],
                _ => (s[0][v] + s[1][v]) + (s[2][v] + s[3][v]),
            }
            .store(block);
        }
    }
}

/// The logits of any number of rows, whose last vector is `WHOLE` or has fewer elements.
#[inline(always)]
fn logits<B: Backend, S: Storage<T>, T: Element, const N: usize, const WHOLE: bool>(
    b: B,
    rows: Rows<'_, S>,
    params: Params<'_, T>,
    ahead: usize,
    out: &mut [T],
) {
    let zero = V::<B, T>::splat(b, T::from_f64(0.0));
    let bias = V::<B, T>::splat(b, params.bias);
    let w = load_row::<B, T, T, N, WHOLE>(b, params.weights);
    for (first, out) in (0..rows.rows()).step_by(T::LANES).zip(out.chunks_mut(T::LANES)) {
        // An array for each case: that of the common one then stays in registers.
        let z = if B::UNROLL
            && let Some(mut rest) = rows.with_gaps(first, T::LANES)
        {
            let mut sums = [zero; MOST_LANES];
            for sum in &mut sums[..T::LANES] {
                let (row, next) = rest.split_at(rows.stride());
                rest = next;
                *sum = products::<B, S, T, N, WHOLE>(b, &row[..rows.cols()], w, ahead);
            }
            V::<B, T>::sums(&sums[..T::LANES])
        } else {
            let mut sums = [zero; MOST_LANES];
            for (i, sum) in (first..rows.rows()).zip(&mut sums[..T::LANES]) {
                *sum = products::<B, S, T, N, WHOLE>(b, rows.at(i), w, ahead);
            }
            V::<B, T>::sums(&sums[..T::LANES])
        };
        (z + bias).store_partial(out);
    }
}

/// The vector whose lanes add up to the dot product of a row.
#[inline(always)]
fn products<B: Backend, S: Storage<T>, T: Element, const N: usize, const WHOLE: bool>(
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

/// Adds the rows that count to the streams.
///
/// (Cutting groups of rows from a slice without a product for each row, as for the logits, was 5 % slower.)
#[inline(always)]
fn accumulate<
    B: Backend,
    S: Storage<T>,
    T: Element,
    const N: usize,
    const STREAMS: usize,
    const WHOLE: bool,
>(
    b: B,
    rows: Rows<'_, S>,
    coefficients: &[T],
    weights: Option<&[T]>,
    mut streams: [[V<B, T>; N]; STREAMS],
) -> [[V<B, T>; N]; STREAMS] {
    let whole = rows.rows() / STREAMS * STREAMS;
    for first in (0..whole).step_by(STREAMS) {
        for k in 0..STREAMS {
            if counts(weights, first + k) {
                add::<B, S, T, N, WHOLE>(b, &mut streams[k], rows.at(first + k), coefficients[first + k]);
            }
        }
    }
    for k in 0..STREAMS {
        if whole + k < rows.rows() && counts(weights, whole + k) {
            add::<B, S, T, N, WHOLE>(b, &mut streams[k], rows.at(whole + k), coefficients[whole + k]);
        }
    }
    streams
}

/// `stream += c row`.
#[inline(always)]
fn add<B: Backend, S: Storage<T>, T: Element, const N: usize, const WHOLE: bool>(
    b: B,
    stream: &mut [V<B, T>; N],
    row: &[S],
    c: T,
) {
    let x = load_row::<B, S, T, N, WHOLE>(b, row);
    let c = V::<B, T>::splat(b, c);
    for v in 0..N {
        stream[v] = x[v].mul_add(c, stream[v]);
    }
}

/// The vectors of a row.
#[inline(always)]
fn load_row<B: Backend, S: Storage<T>, T: Element, const N: usize, const WHOLE: bool>(
    b: B,
    row: &[S],
) -> [V<B, T>; N] {
    let mut x = [V::<B, T>::splat(b, T::from_f64(0.0)); N];
    let (blocks, rest) = S::blocks(row);
    for v in 0..N - 1 {
        x[v] = S::load(b, &blocks[v]);
    }
    x[N - 1] = if WHOLE { S::load(b, &blocks[N - 1]) } else { S::load_partial(b, rest) };
    x
}
