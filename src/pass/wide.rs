//! Rows of more than four vectors (or without features): the gradient is in memory, and so in a cache. And the logits of
//! rows of any width, of types that have no other form.
//!
//! # Logits
//!
//! [`dot`](super::dot()), row by row: hardware that fetches ahead follows one stream best. Rows that are in cache
//! are taken four at a time, where there are registers for it, so that a vector of weights is loaded once for four
//! multiply-adds; each row keeps the accumulators of `dot`, and their order. Where a row is one leaf of `dot`, the
//! lanes of several rows are added up together, as in [`narrow`](super::narrow).
//!
//! # Gradient
//!
//! Four rows at a time, so that an element of the gradient is loaded and stored once for four
//! multiply-adds. Each element still takes the rows in their order, so that taking four at a time changes no
//! bit. (Eight rows at a time were not faster.)

use super::dot::{dot, finish, leaf_len, leaf_vector};
use super::requests::{Requests, distance};
use super::row_kernel::{Block, RowKernel, counts};
use crate::rows::{Params, Rows};
use crate::simd::{Arithmetic, Backend, Lane, LoadAs, MOST_LANES, V, Vector};
use crate::tuning::{self, CACHE_LINE, FEW_ROWS, Source, is_small};

/// Rows of any width.
pub(super) struct Wide;

impl<B: Backend, S: LoadAs<T>, T: Lane> RowKernel<B, S, T> for Wide {
    #[inline(always)]
    fn block_rows(ncols: usize, source: Source) -> usize {
        tuning::wide_block(ncols * size_of::<S>(), is_small::<S>(), source)
    }

    #[inline(always)]
    fn score(
        &self,
        b: B,
        block: Block<'_, S, T>,
        params: Params<'_, T>,
        requests: &mut Requests<'_, S>,
        _kept: &mut [T],
        out: &mut [T],
    ) {
        logits(b, block.rows, params, block.source, requests, while_scored::<S, T>(), out);
    }

    #[inline(always)]
    fn score_again(&self, b: B, block: Block<'_, S, T>, params: Params<'_, T>, _kept: &[T], out: &mut [T]) {
        <Self as RowKernel<B, S, T>>::logits(self, b, block.rows, params, Source::Cache, out);
    }

    #[inline(always)]
    fn accumulate(
        &mut self,
        b: B,
        block: Block<'_, S, T>,
        slopes: &[T],
        requests: &mut Requests<'_, S>,
        _kept: &[T],
        gradient: &mut [T],
    ) {
        let Block { rows, weights, .. } = block;
        let slopes = &slopes[..rows.nrows()];
        let mut i = 0;
        while i < slopes.len() {
            // Four rows that all count, or else one.
            let four = i + 4 <= slopes.len()
                && weights.is_none_or(
                    #[inline(always)]
                    |weights| weights[i..i + 4].iter().all(|&weight| weight != T::from_f64(0.0)),
                );
            if four {
                let (group, c) = (rows.range(i..i + 4), &slopes[i..i + 4]);
                let terms =
                    [(c[0], group.at(0)), (c[1], group.at(1)), (c[2], group.at(2)), (c[3], group.at(3))];
                add_four(b, gradient, terms, requests);
                i += 4;
            } else {
                if counts(weights, i) {
                    add(b, gradient, (slopes[i], rows.at(i)));
                }
                i += 1;
            }
        }
    }

    #[inline(always)]
    fn finish(self, _gradient: &mut [T]) {}

    #[inline(never)]
    fn logits(&self, b: B, rows: Rows<'_, S>, params: Params<'_, T>, source: Source, out: &mut [T]) {
        b.vectorize(
            #[inline(always)]
            || {
                let requests = &mut Requests::new(&rows, distance::<S>(source, false));
                logits(b, rows, params, source, requests, four::<S, T>(), out);
            },
        );
    }
}

/// Bytes of four vectors of a row.
const fn four<S: LoadAs<T>, T: Lane>() -> usize {
    4 * T::LANES * size_of::<S>()
}

/// How much of them is asked for while four vectors of the next row are scored: half, or a cache line, if that is more.
const fn while_scored<S: LoadAs<T>, T: Lane>() -> usize {
    if four::<S, T>() / 2 >= CACHE_LINE {
        four::<S, T>() / 2
    } else if four::<S, T>() >= CACHE_LINE {
        CACHE_LINE
    } else {
        four::<S, T>()
    }
}

/// How much is asked for while a vector of four rows of `ncols` features is accumulated: the rest. All of small numbers in
/// rows longer than a leaf of `dot`, which asks for nothing.
const fn while_accumulated<S: LoadAs<T>, T: Lane>(ncols: usize) -> usize {
    if is_small::<S>() && ncols > leaf_len::<T>() {
        four::<S, T>()
    } else {
        four::<S, T>() - while_scored::<S, T>()
    }
}

/// The logits of any number of rows. Asks for `ahead` bytes with every four vectors of a row.
#[inline(always)]
fn logits<B: Backend, S: LoadAs<T>, T: Lane>(
    b: B,
    rows: Rows<'_, S>,
    params: Params<'_, T>,
    source: Source,
    requests: &mut Requests<'_, S>,
    ahead: usize,
    out: &mut [T],
) {
    let zero = V::<B, T>::splat(b, T::from_f64(0.0));
    let Params { weights: w, bias } = params;
    let four_at_a_time = B::FOUR_ROWS && source == Source::Cache;
    for (first, out) in (0..rows.nrows()).step_by(T::LANES).zip(out.chunks_mut(T::LANES)) {
        let few = source == Source::Cache && out.len() <= FEW_ROWS;
        if few || w.len() > leaf_len::<T>() {
            for (i, out) in (first..).zip(out) {
                *out = dot(b, rows.at(i), w) + bias;
            }
            continue;
        }
        let mut sums = [zero; MOST_LANES];
        let mut k = 0;
        while four_at_a_time && k + 4 <= out.len() {
            let i = first + k;
            let four = [rows.at(i), rows.at(i + 1), rows.at(i + 2), rows.at(i + 3)];
            let four = leaf_vectors(b, four, w);
            sums[k..k + 4].copy_from_slice(&four);
            k += 4;
        }
        for (k, sum) in sums[..out.len()].iter_mut().enumerate().skip(k) {
            *sum = leaf_vector(
                b,
                rows.at(first + k),
                w,
                #[inline(always)]
                || requests.ask(ahead),
            );
        }
        (V::<B, T>::sums(&sums[..T::LANES]) + V::<B, T>::splat(b, bias)).store_partial(out);
    }
}

/// [`leaf_vector`] of four rows with the same weights. (Plain loops: `map` to vectors is not always inlined.)
#[expect(clippy::needless_range_loop, reason = "numbers are constants in a loop that is written out")]
#[inline(always)]
fn leaf_vectors<B: Backend, S: LoadAs<T>, T: Lane>(b: B, x: [&[S]; 4], w: &[T]) -> [V<B, T>; 4] {
    let n = w.len();
    let [x0, x1, x2, x3] = x;
    let ((x0, rest0), (x1, rest1)) = (S::chunks(&x0[..n]), S::chunks(&x1[..n]));
    let ((x2, rest2), (x3, rest3)) = (S::chunks(&x2[..n]), S::chunks(&x3[..n]));
    let (w, w_rest) = T::chunks(w);
    let vectors = w.len();
    let x = [&x0[..vectors], &x1[..vectors], &x2[..vectors], &x3[..vectors]];
    let rest = [rest0, rest1, rest2, rest3];

    let mut a = [[V::<B, T>::splat(b, T::from_f64(0.0)); 4]; 4];
    for v in (0..vectors / 4 * 4).step_by(4) {
        for k in 0..4 {
            let w = V::<B, T>::load(b, &w[v + k]);
            for r in 0..4 {
                a[r][k] = S::load(b, &x[r][v + k]).mul_add(w, a[r][k]);
            }
        }
    }
    for k in 0..3 {
        let v = vectors / 4 * 4 + k;
        if v < vectors {
            let w = V::<B, T>::load(b, &w[v]);
            for r in 0..4 {
                a[r][k] = S::load(b, &x[r][v]).mul_add(w, a[r][k]);
            }
        }
    }
    if !w_rest.is_empty() {
        let w = V::<B, T>::load_partial(b, w_rest);
        for k in 0..4 {
            if k == vectors % 4 {
                for r in 0..4 {
                    a[r][k] = S::load_partial(b, rest[r]).mul_add(w, a[r][k]);
                }
            }
        }
    }
    let mut sums = [a[0][0]; 4];
    for r in 0..4 {
        sums[r] = finish::<B, T>(a[r], n);
    }
    sums
}

/// A row with its slope.
type Term<'a, S, T> = (T, &'a [S]);

/// `sum += c x`; `sum` has whole vectors for all of x.
#[inline(always)]
fn add<B: Backend, S: LoadAs<T>, T: Lane>(b: B, sum: &mut [T], (c, x): Term<'_, S, T>) {
    let c = V::<B, T>::splat(b, c);
    let (x, rest) = S::chunks(x);
    let (sums, last) = T::chunks_mut(sum).0.split_at_mut(x.len());
    for (sum, x) in sums.iter_mut().zip(x) {
        S::load(b, x).mul_add(c, Vector::load(b, sum)).store(sum);
    }
    if let Some(sum) = last.first_mut() {
        S::load_partial(b, rest).mul_add(c, Vector::load(b, sum)).store(sum);
    }
}

/// `sum += c x` for four rows, one after the other.
#[inline(always)]
fn add_four<B: Backend, S: LoadAs<T>, T: Lane>(
    b: B,
    sum: &mut [T],
    terms: [Term<'_, S, T>; 4],
    requests: &mut Requests<'_, S>,
) {
    let [(c0, x0), (c1, x1), (c2, x2), (c3, x3)] = terms;
    let ahead = while_accumulated::<S, T>(x0.len());
    let (c0, c1) = (V::<B, T>::splat(b, c0), V::<B, T>::splat(b, c1));
    let (c2, c3) = (V::<B, T>::splat(b, c2), V::<B, T>::splat(b, c3));
    let ((x0, rest0), (x1, rest1)) = (S::chunks(x0), S::chunks(x1));
    let ((x2, rest2), (x3, rest3)) = (S::chunks(x2), S::chunks(x3));
    let (sums, last) = T::chunks_mut(sum).0.split_at_mut(x0.len());
    for ((((sum, x0), x1), x2), x3) in sums.iter_mut().zip(x0).zip(x1).zip(x2).zip(x3) {
        let mut total = S::load(b, x0).mul_add(c0, Vector::load(b, sum));
        total = S::load(b, x1).mul_add(c1, total);
        total = S::load(b, x2).mul_add(c2, total);
        S::load(b, x3).mul_add(c3, total).store(sum);
        requests.ask(ahead);
    }
    if let Some(sum) = last.first_mut() {
        let mut total = S::load_partial(b, rest0).mul_add(c0, Vector::load(b, sum));
        total = S::load_partial(b, rest1).mul_add(c1, total);
        total = S::load_partial(b, rest2).mul_add(c2, total);
        S::load_partial(b, rest3).mul_add(c3, total).store(sum);
    }
}
