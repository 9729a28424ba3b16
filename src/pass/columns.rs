//! Rows of at most half a vector: taken apart into columns, a row in each lane.
//!
//! A vector that holds one such row is mostly padding. So the rows of as many as a vector has lanes are brought into
//! `P` vectors, one for each column, where `P` is the number of features, or the next power of two ([`Vector::unzip`]).
//! Every step is then one for all these rows: products, their sum, and the gradient.
//!
//! # Logits
//!
//! The products of a row are added up by the tree of [`Vector::sum`], in which the lanes beyond the row are +0: at the
//! first level the upper half of `P` lanes to the lower half, and so on. So they have the bits of
//! [`dot`](super::dot()).
//!
//! # Gradient
//!
//! Row i of a chunk is added to lane i mod `LANES` of its column's accumulator; the lanes are added up at the end of
//! the chunk. Part of the numeric contract. The columns are kept from one step to the other.

use super::requests::{Requests, distance};
use super::row_kernel::{Block, RowKernel};
use crate::rows::{Params, Rows};
use crate::simd::{Arithmetic, Backend, Lane, LoadAs, MOST_LANES, V, Vector};
use crate::tuning::{self, Source};

/// The gradient of rows of at most `P` features.
pub(super) struct Columns<B: Backend, T: Lane, const P: usize> {
    accumulators: [V<B, T>; P],
}

impl<B: Backend, T: Lane, const P: usize> Columns<B, T, P> {
    /// A gradient of zero.
    #[inline(always)]
    pub(super) fn new(b: B) -> Self {
        Self { accumulators: [V::<B, T>::splat(b, T::from_f64(0.0)); P] }
    }
}

impl<B: Backend, S: LoadAs<T>, T: Lane, const P: usize> RowKernel<B, S, T> for Columns<B, T, P> {
    #[inline(always)]
    fn block_rows(_ncols: usize, _source: Source) -> usize {
        tuning::COLUMNS_BLOCK
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
        let Block { rows, weights, .. } = block;
        let kept = T::chunks_mut(kept).0.as_chunks_mut::<P>().0;
        let mut weights = weights.map(
            #[inline(always)]
            |weights| weights.chunks(T::LANES),
        );
        for_groups::<B, S, T, P>(
            b,
            rows,
            requests,
            #[inline(always)]
            |group, mut columns| {
                let first = group * T::LANES;
                let last = out.len().min(first + T::LANES);
                scores::<B, T, P>(b, columns, params).store_partial(&mut out[first..last]);
                if let Some(weights) = weights.as_mut().and_then(Iterator::next) {
                    // What does not count may hold NaN, which a slope of 0 does not hide. Times that, -0 changes no sum.
                    let nothing = V::<B, T>::splat(b, T::from_f64(-0.0));
                    let without = V::<B, T>::load_partial(b, weights).eq(nothing);
                    for column in &mut columns {
                        *column = Arithmetic::select(without, nothing, *column);
                    }
                }
                for j in 0..P {
                    columns[j].store(&mut kept[group][j]);
                }
            },
        );
    }

    #[inline(always)]
    fn score_again(&self, b: B, _block: Block<'_, S, T>, params: Params<'_, T>, kept: &[T], out: &mut [T]) {
        let kept = T::chunks(kept).0.as_chunks::<P>().0;
        for (out, kept) in out.chunks_mut(T::LANES).zip(kept) {
            let mut columns = [V::<B, T>::splat(b, T::from_f64(0.0)); P];
            for j in 0..P {
                columns[j] = Vector::load(b, &kept[j]);
            }
            scores::<B, T, P>(b, columns, params).store_partial(out);
        }
    }

    #[inline(always)]
    fn accumulate(
        &mut self,
        b: B,
        _block: Block<'_, S, T>,
        slopes: &[T],
        _requests: &mut Requests<'_, S>,
        kept: &[T],
        _gradient: &mut [T],
    ) {
        let mut sums = self.accumulators;
        let kept = T::chunks(kept).0.as_chunks::<P>().0;
        for (slopes, kept) in slopes.chunks(T::LANES).zip(kept) {
            let c = V::<B, T>::load_partial(b, slopes);
            for j in 0..P {
                sums[j] = V::<B, T>::load(b, &kept[j]).mul_add(c, sums[j]);
            }
        }
        self.accumulators = sums;
    }

    #[inline(always)]
    fn finish(self, gradient: &mut [T]) {
        for (out, sum) in gradient.iter_mut().zip(&self.accumulators) {
            *out = sum.sum();
        }
    }

    #[inline(always)]
    fn logits(&self, b: B, rows: Rows<'_, S>, params: Params<'_, T>, source: Source, out: &mut [T]) {
        let requests = &mut Requests::new(&rows, distance::<S>(source, true));
        for_groups::<B, S, T, P>(
            b,
            rows,
            requests,
            #[inline(always)]
            |group, columns| {
                let first = group * T::LANES;
                let last = out.len().min(first + T::LANES);
                scores::<B, T, P>(b, columns, params).store_partial(&mut out[first..last]);
            },
        );
    }
}

/// Calls `f` with the columns of each group of as many rows as a vector has lanes, and its number. In the last
/// group, lanes without a row are 0.
#[inline(always)]
fn for_groups<B: Backend, S: LoadAs<T>, T: Lane, const P: usize>(
    b: B,
    rows: Rows<'_, S>,
    requests: &mut Requests<'_, S>,
    mut f: impl FnMut(usize, [V<B, T>; P]),
) {
    let zero = T::from_f64(0.0);
    let (ncols, nrows) = (rows.ncols(), rows.nrows());
    let whole = if ncols == P && rows.row_stride() == P { nrows / T::LANES } else { 0 };
    let bytes = P * T::LANES * size_of::<S>();
    for group in 0..whole {
        let data = &rows.data()[group * T::LANES * P..][..T::LANES * P];
        requests.ask(bytes);
        f(group, unzipped(b, data));
    }
    for group in whole..nrows.div_ceil(T::LANES) {
        // Rows of P elements, one after the other. A whole vector is stored for each, and overwritten by the next.
        let mut padded = [zero; (MOST_LANES / 2 + 1) * MOST_LANES];
        let first = group * T::LANES;
        for i in first..nrows.min(first + T::LANES) {
            let row = S::load_partial(b, rows.at(i));
            if let ([chunk, ..], _) = T::chunks_mut(&mut padded[(i - first) * P..]) {
                row.store(chunk);
            }
        }
        requests.ask(bytes);
        f(group, unzipped::<B, T, T, P>(b, &padded[..T::LANES * P]));
    }
}

/// The columns of rows of `P` elements each, one after the other.
#[inline(always)]
fn unzipped<B: Backend, S: LoadAs<T>, T: Lane, const P: usize>(b: B, data: &[S]) -> [V<B, T>; P] {
    let mut x = [V::<B, T>::splat(b, T::from_f64(0.0)); P];
    let chunks = &S::chunks(data).0[..P];
    for i in 0..P {
        x[i] = S::load(b, &chunks[i]);
    }
    // Each step takes a sequence of rows of `width` columns apart into one of the even columns, and one of the odd.
    let mut width = P;
    while width > 1 {
        let mut next = x;
        for first in (0..P).step_by(width) {
            for i in 0..width / 2 {
                let [even, odd] = x[first + 2 * i].unzip(x[first + 2 * i + 1]);
                next[first + i] = even;
                next[first + width / 2 + i] = odd;
            }
        }
        x = next;
        width /= 2;
    }
    // Column j is now where the bits of j are in reverse order.
    let mut columns = x;
    for j in 0..P {
        columns[j] = x[if P == 1 { 0 } else { j.reverse_bits() >> (usize::BITS - P.ilog2()) }];
    }
    columns
}

/// The logits of the rows in the lanes.
#[inline(always)]
fn scores<B: Backend, T: Lane, const P: usize>(
    b: B,
    columns: [V<B, T>; P],
    params: Params<'_, T>,
) -> V<B, T> {
    let zero = V::<B, T>::splat(b, T::from_f64(0.0));
    let mut products = [zero; P];
    for j in 0..P {
        if let Some(&w) = params.weights.get(j) {
            products[j] = columns[j].mul_add(V::<B, T>::splat(b, w), zero);
        }
    }
    let mut half = P / 2;
    while half > 0 {
        for j in 0..half {
            products[j] = products[j] + products[j + half];
        }
        half /= 2;
    }
    // The lanes beyond the row: +0 makes +0 of -0, and changes nothing else.
    (products[0] + zero) + V::<B, T>::splat(b, params.bias)
}
