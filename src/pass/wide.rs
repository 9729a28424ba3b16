//! Rows of more than four vectors (or without features): the gradient is in memory, and so in a cache.
//!
//! # Logits
//!
//! [`dot`](super::dot()), row by row. Where a row is one leaf of `dot`, the lanes of several rows are added
//! up together, as in [`narrow`](super::narrow).
//!
//! # Gradient
//!
//! Four rows at a time, so that an element of the gradient is loaded and stored once for four
//! multiply-adds. Each element still takes the rows in their order, so that taking four at a time changes no
//! bit. (Eight rows at a time were not faster.)

use super::dot::{dot, leaf_len, leaf_vector};
use super::row_kernel::{RowKernel, counts};
use crate::rows::{Params, Rows};
use crate::simd::{Arithmetic, Backend, Lane, LoadAs, MOST_LANES, V, Vector};

/// Rows of any width.
pub(super) struct Wide;

impl<B: Backend, S: LoadAs<T>, T: Lane> RowKernel<B, S, T> for Wide {
    #[inline(never)]
    fn logits(&self, b: B, rows: Rows<'_, S>, params: Params<'_, T>, ahead: usize, out: &mut [T]) {
        b.vectorize(
            #[inline(always)]
            || {
                let zero = V::<B, T>::splat(b, T::from_f64(0.0));
                let Params { weights: w, bias } = params;
                for (first, out) in (0..rows.nrows()).step_by(T::LANES).zip(out.chunks_mut(T::LANES)) {
                    if out.len() < T::LANES || w.len() > leaf_len::<T>() {
                        for (i, out) in (first..).zip(out) {
                            *out = dot(b, rows.at(i), w, ahead) + bias;
                        }
                    } else {
                        let mut sums = [zero; MOST_LANES];
                        for (i, sum) in (first..).zip(&mut sums[..T::LANES]) {
                            *sum = leaf_vector(b, rows.at(i), w, ahead);
                        }
                        (V::<B, T>::sums(&sums[..T::LANES]) + V::<B, T>::splat(b, bias)).store_partial(out);
                    }
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
        gradient: &mut [T],
    ) {
        b.vectorize(
            #[inline(always)]
            || {
                let mut terms = (0..rows.nrows())
                    .filter(
                        #[inline(always)]
                        |&i| counts(weights, i),
                    )
                    .map(
                        #[inline(always)]
                        |i| (slopes[i], rows.at(i)),
                    );
                while let Some(first) = terms.next() {
                    match (terms.next(), terms.next(), terms.next()) {
                        (Some(second), Some(third), Some(fourth)) => {
                            add_four(b, gradient, [first, second, third, fourth]);
                        }
                        (second, third, _) => {
                            for term in [Some(first), second, third].into_iter().flatten() {
                                add(b, gradient, term);
                            }
                        }
                    }
                }
            },
        );
    }

    #[inline(always)]
    fn finish(self, _gradient: &mut [T]) {}
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
fn add_four<B: Backend, S: LoadAs<T>, T: Lane>(b: B, sum: &mut [T], terms: [Term<'_, S, T>; 4]) {
    let [(c0, x0), (c1, x1), (c2, x2), (c3, x3)] = terms;
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
    }
    if let Some(sum) = last.first_mut() {
        let mut total = S::load_partial(b, rest0).mul_add(c0, Vector::load(b, sum));
        total = S::load_partial(b, rest1).mul_add(c1, total);
        total = S::load_partial(b, rest2).mul_add(c2, total);
        S::load_partial(b, rest3).mul_add(c3, total).store(sum);
    }
}
