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
//!
//! # Rows from memory are copied
//!
//! While a block of rows from memory is scored, its vectors are copied to where the block before the last was, and
//! accumulated from there: converted, whole, aligned, and certainly in the first-level cache. Read a second time where
//! they lie, they mislead the hardware that fetches ahead: it takes them for the stream that it is to follow.

use super::requests::{Requests, distance};
use super::row_kernel::{Block, RowKernel, counts};
use crate::rows::{Params, Rows};
use crate::simd::{Arithmetic, Backend, Lane, LoadAs, MOST_LANES, V, Vector};
use crate::tuning::{self, FEW_ROWS, Source};
use core::sync::atomic::{Ordering, compiler_fence};

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
    #[inline(always)]
    fn block_rows(_ncols: usize, source: Source) -> usize {
        tuning::narrow_block(N, source)
    }

    #[inline(always)]
    fn score(
        &self,
        b: B,
        block: Block<'_, S, T>,
        params: Params<'_, T>,
        requests: &mut Requests<'_, S>,
        kept: &mut [T],
        out: &mut [T],
    ) {
        let Block { rows, weights, source, .. } = block;
        let keep = matches!(source, Source::Memory(_));
        if keep {
            logits_of::<B, S, T, N, true>(b, rows, params, requests, kept, out);
        } else {
            logits_of::<B, S, T, N, false>(b, rows, params, requests, kept, out);
        }
        if keep && let Some(weights) = weights {
            // What does not count may hold NaN, which a slope of 0 does not hide. Times that, -0 changes no sum, not
            // even one of -0.
            for (row, weight) in kept.chunks_mut(N * T::LANES).zip(weights) {
                if *weight == T::from_f64(0.0) {
                    row.fill(T::from_f64(-0.0));
                }
            }
        }
    }

    #[inline(always)]
    fn score_again(&self, b: B, block: Block<'_, S, T>, params: Params<'_, T>, kept: &[T], out: &mut [T]) {
        let Block { rows, source, .. } = block;
        if matches!(source, Source::Memory(_)) {
            let rows = Rows::with_stride(kept, rows.nrows(), rows.ncols(), N * T::LANES)
                .expect("rows that were kept");
            <Self as RowKernel<B, T, T>>::logits(self, b, rows, params, Source::Cache, out);
        } else {
            <Self as RowKernel<B, S, T>>::logits(self, b, rows, params, Source::Cache, out);
        }
    }

    #[inline(always)]
    fn accumulate(
        &mut self,
        b: B,
        block: Block<'_, S, T>,
        slopes: &[T],
        _requests: &mut Requests<'_, S>,
        kept: &[T],
        _gradient: &mut [T],
    ) {
        let Block { rows, weights, source, .. } = block;
        let sums = self.accumulators;
        self.accumulators = if matches!(source, Source::Memory(_)) {
            accumulate_kept::<B, T, N, SUMS>(b, kept, slopes, sums)
        } else if rows.ncols() == N * T::LANES {
            accumulate::<B, S, T, N, SUMS, true>(b, rows, slopes, weights, sums)
        } else {
            accumulate::<B, S, T, N, SUMS, false>(b, rows, slopes, weights, sums)
        };
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

    #[inline(never)]
    fn logits(&self, b: B, rows: Rows<'_, S>, params: Params<'_, T>, source: Source, out: &mut [T]) {
        b.vectorize(
            #[inline(always)]
            || {
                let requests = &mut Requests::new(&rows, distance::<S>(source, true));
                logits_of::<B, S, T, N, false>(b, rows, params, requests, &mut [], out);
            },
        );
    }
}

/// The logits of any number of rows, which are copied to `kept` as whole vectors, where that is asked for.
#[inline(always)]
fn logits_of<B: Backend, S: LoadAs<T>, T: Lane, const N: usize, const KEEP: bool>(
    b: B,
    rows: Rows<'_, S>,
    params: Params<'_, T>,
    requests: &mut Requests<'_, S>,
    kept: &mut [T],
    out: &mut [T],
) {
    if rows.ncols() == N * T::LANES {
        logits::<B, S, T, N, true, KEEP>(b, rows, params, requests, kept, out);
    } else {
        logits::<B, S, T, N, false, KEEP>(b, rows, params, requests, kept, out);
    }
}

/// [`logits_of`] rows whose last vector is `WHOLE` or partly filled.
#[inline(always)]
fn logits<B: Backend, S: LoadAs<T>, T: Lane, const N: usize, const WHOLE: bool, const KEEP: bool>(
    b: B,
    rows: Rows<'_, S>,
    params: Params<'_, T>,
    requests: &mut Requests<'_, S>,
    kept: &mut [T],
    out: &mut [T],
) {
    let zero = V::<B, T>::splat(b, T::from_f64(0.0));
    let bias = V::<B, T>::splat(b, params.bias);
    let w = load_row::<B, T, T, N, WHOLE>(b, params.weights);
    let kept = T::chunks_mut(kept).0.as_chunks_mut::<N>().0;
    for (first, out) in (0..rows.nrows()).step_by(T::LANES).zip(out.chunks_mut(T::LANES)) {
        // An array for each case: that of the first, which is the common case, then stays in registers.
        if B::UNROLL
            && let ([out], _) = T::chunks_mut(out)
        {
            let mut sums = [zero; MOST_LANES];
            // One check for all rows of the group.
            let group = rows.range(first..first + T::LANES);
            let kept = if KEEP { &mut kept[first..first + T::LANES] } else { &mut [] };
            for four in (0..T::LANES).step_by(4) {
                if !WHOLE {
                    // Otherwise the compiler loads all rows before it multiplies the first, and has no registers for
                    // them.
                    compiler_fence(Ordering::SeqCst);
                }
                requests.ask(4 * N * T::LANES * size_of::<S>());
                for k in four..four + 4 {
                    let x = load_row::<B, S, T, N, WHOLE>(b, group.at(k));
                    if KEEP {
                        keep::<B, T, N>(x, &mut kept[k]);
                    }
                    sums[k] = products::<B, T, N>(x, w, zero);
                }
            }
            (V::<B, T>::sums(&sums[..T::LANES]) + bias).store(out);
        } else if !KEEP && out.len() <= FEW_ROWS {
            for (i, out) in (first..).zip(out) {
                let x = load_row::<B, S, T, N, WHOLE>(b, rows.at(i));
                *out = products::<B, T, N>(x, w, zero).sum() + params.bias;
            }
        } else {
            let mut sums = [zero; MOST_LANES];
            for k in 0..out.len() {
                let x = load_row::<B, S, T, N, WHOLE>(b, rows.at(first + k));
                if KEEP {
                    keep::<B, T, N>(x, &mut kept[first + k]);
                }
                sums[k] = products::<B, T, N>(x, w, zero);
            }
            (V::<B, T>::sums(&sums[..T::LANES]) + bias).store_partial(out);
        }
    }
}

/// The vector whose lanes add up to the dot product of a row.
#[inline(always)]
fn products<B: Backend, T: Lane, const N: usize>(x: [V<B, T>; N], w: [V<B, T>; N], zero: V<B, T>) -> V<B, T> {
    let mut a = [zero; 4];
    for v in 0..N {
        a[v % 4] = x[v].mul_add(w[v], a[v % 4]);
    }
    match N {
        1 => a[0],
        2 => a[0] + a[1],
        3 => (a[0] + a[1]) + a[2],
        _ => (a[0] + a[1]) + (a[2] + a[3]),
    }
}

/// Copies a row's vectors.
#[inline(always)]
fn keep<B: Backend, T: Lane, const N: usize>(x: [V<B, T>; N], out: &mut [<T as Lane>::Chunk; N]) {
    for v in 0..N {
        x[v].store(&mut out[v]);
    }
}

/// Adds `slopes[i] x[i]` to the accumulators, for rows that were kept.
#[inline(always)]
fn accumulate_kept<B: Backend, T: Lane, const N: usize, const SUMS: usize>(
    b: B,
    kept: &[T],
    slopes: &[T],
    mut sums: [[V<B, T>; N]; SUMS],
) -> [[V<B, T>; N]; SUMS] {
    let rows = &T::chunks(kept).0.as_chunks::<N>().0[..slopes.len()];
    let ((rows, rest), (slopes, rest_slopes)) = (rows.as_chunks::<SUMS>(), slopes.as_chunks::<SUMS>());
    for (rows, slopes) in rows.iter().zip(slopes) {
        for k in 0..SUMS {
            let c = V::<B, T>::splat(b, slopes[k]);
            for v in 0..N {
                sums[k][v] = V::<B, T>::load(b, &rows[k][v]).mul_add(c, sums[k][v]);
            }
        }
    }
    for (sum, (row, &slope)) in sums.iter_mut().zip(rest.iter().zip(rest_slopes)) {
        let c = V::<B, T>::splat(b, slope);
        for v in 0..N {
            sum[v] = V::<B, T>::load(b, &row[v]).mul_add(c, sum[v]);
        }
    }
    sums
}

/// Adds `slopes[i] x[i]` to the accumulators, for each row that [`counts`].
#[inline(always)]
fn accumulate<B: Backend, S: LoadAs<T>, T: Lane, const N: usize, const SUMS: usize, const WHOLE: bool>(
    b: B,
    rows: Rows<'_, S>,
    slopes: &[T],
    weights: Option<&[T]>,
    mut sums: [[V<B, T>; N]; SUMS],
) -> [[V<B, T>; N]; SUMS] {
    let slopes = &slopes[..rows.nrows()];
    let whole = rows.nrows() / SUMS * SUMS;
    for first in (0..whole).step_by(SUMS) {
        let (group, slopes) = (rows.range(first..first + SUMS), &slopes[first..first + SUMS]);
        for k in 0..SUMS {
            if counts(weights, first + k) {
                add::<B, S, T, N, WHOLE>(b, &mut sums[k], group.at(k), slopes[k]);
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
