//! The dot product: four accumulators inside a leaf, a tree of `f64` above it.
//!
//! A leaf is 256 vectors (16 KB of `T`), which go round-robin to four accumulators:
//!
//! ```text
//! a0 += x[0]·w[0]   a1 += x[1]·w[1]   a2 += x[2]·w[2]   a3 += x[3]·w[3]
//! a0 += x[4]·w[4]   …
//! leaf = sum of the lanes of (a0 + a1) + (a2 + a3)
//! ```
//!
//! An accumulator that no vector reached takes no part in the last line, so short sums are short. Four
//! suffice: two loads feed each multiply-add, and a core that loads two vectors a cycle starts one
//! multiply-add a cycle, each taking four cycles. On SSE2 the four would fill all 16 registers, so that
//! `portable` keeps three of them on the stack, and is fast all the same (`BENCHMARKS.md`).
//!
//! # Error
//!
//! A product meets at most 64 multiply-adds of its accumulator, 2 additions of accumulators and 4 of lanes:
//! 70 roundings of a leaf, 71 where the product is rounded on its own. Above the leaves a product meets one
//! `f64` addition per level of the tree, and the rounding to `T` at the end: 72 u for `f32`, (71 + levels) u
//! for `f64`. A product that underflows errs by half the least subnormal besides.

use crate::simd::{Arithmetic, Backend, Lane, LoadAs, V, Vector};
use crate::tree::Pairwise;

/// Number of vectors in a leaf. Part of the numeric contract.
const LEAF_VECTORS: usize = 256;

/// The dot product of two slices of one length; where lengths differ, the shorter slice ends the sum.
#[inline(always)]
pub(crate) fn dot<B: Backend, S: LoadAs<T>, T: Lane>(b: B, x: &[S], w: &[T]) -> T {
    let n = x.len().min(w.len());
    if n <= T::LANES {
        // A leaf of one vector, without the steps that only longer leaves need.
        let zero = V::<B, T>::splat(b, T::from_f64(0.0));
        match (S::chunks(x).0, T::chunks(w).0) {
            ([x, ..], [w, ..]) => step::<B, S, T>(b, zero, x, w).sum(),
            _ => step_rest(b, zero, &x[..n], &w[..n]).sum(),
        }
    } else if n <= leaf_len::<T>() {
        leaf(b, x, w)
    } else {
        leaves(b, x, w)
    }
}

/// Number of elements in a leaf.
pub(super) const fn leaf_len<T: Lane>() -> usize {
    LEAF_VECTORS * T::LANES
}

/// The sum of a slice longer than a leaf. Not inlined, so that a short sum does not pay for the
/// stack frame of the tree; hence it enables the backend's instructions anew.
#[inline(never)]
fn leaves<B: Backend, S: LoadAs<T>, T: Lane>(b: B, x: &[S], w: &[T]) -> T {
    b.vectorize(
        #[inline(always)]
        || {
            let mut sum = Pairwise::new();
            for (x, w) in x.chunks(leaf_len::<T>()).zip(w.chunks(leaf_len::<T>())) {
                sum.push(leaf(b, x, w).to_f64());
            }
            T::from_f64(sum.total())
        },
    )
}

#[inline(always)]
fn leaf<B: Backend, S: LoadAs<T>, T: Lane>(b: B, x: &[S], w: &[T]) -> T {
    leaf_vector(
        b,
        x,
        w,
        #[inline(always)]
        || {},
    )
    .sum()
}

/// The vector whose lanes add up to the sum of a leaf. Calls `each_four` before every four vectors.
#[inline(always)]
pub(super) fn leaf_vector<B: Backend, S: LoadAs<T>, T: Lane>(
    b: B,
    x: &[S],
    w: &[T],
    mut each_four: impl FnMut(),
) -> V<B, T> {
    // One length, so that the compiler keeps one set of counts.
    let n = x.len().min(w.len());
    let (x, w) = (&x[..n], &w[..n]);
    let (x_chunks, x_rest) = S::chunks(x);
    let (w_chunks, w_rest) = T::chunks(w);
    let (x_fours, x_chunks) = x_chunks.as_chunks::<4>();
    let (w_fours, w_chunks) = w_chunks.as_chunks::<4>();
    let [mut a0, mut a1, mut a2, mut a3] = [V::<B, T>::splat(b, T::from_f64(0.0)); 4];
    for ([x0, x1, x2, x3], [w0, w1, w2, w3]) in x_fours.iter().zip(w_fours) {
        each_four();
        a0 = step::<B, S, T>(b, a0, x0, w0);
        a1 = step::<B, S, T>(b, a1, x1, w1);
        a2 = step::<B, S, T>(b, a2, x2, w2);
        a3 = step::<B, S, T>(b, a3, x3, w3);
    }
    match (x_chunks, w_chunks) {
        ([x0, x1, x2, ..], [w0, w1, w2, ..]) => {
            (a0, a1, a2) = (
                step::<B, S, T>(b, a0, x0, w0),
                step::<B, S, T>(b, a1, x1, w1),
                step::<B, S, T>(b, a2, x2, w2),
            );
            a3 = step_rest(b, a3, x_rest, w_rest);
        }
        ([x0, x1, ..], [w0, w1, ..]) => {
            (a0, a1) = (step::<B, S, T>(b, a0, x0, w0), step::<B, S, T>(b, a1, x1, w1));
            a2 = step_rest(b, a2, x_rest, w_rest);
        }
        ([x0, ..], [w0, ..]) => {
            a0 = step::<B, S, T>(b, a0, x0, w0);
            a1 = step_rest(b, a1, x_rest, w_rest);
        }
        _ => a0 = step_rest(b, a0, x_rest, w_rest),
    }
    finish::<B, T>([a0, a1, a2, a3], n)
}

/// The sum of those accumulators that a leaf of `n` elements reaches.
#[inline(always)]
pub(super) fn finish<B: Backend, T: Lane>([a0, a1, a2, a3]: [V<B, T>; 4], n: usize) -> V<B, T> {
    match n.div_ceil(T::LANES) {
        0 | 1 => a0,
        2 => a0 + a1,
        3 => (a0 + a1) + a2,
        _ => (a0 + a1) + (a2 + a3),
    }
}

#[inline(always)]
fn step<B: Backend, S: LoadAs<T>, T: Lane>(
    b: B,
    sum: V<B, T>,
    x: &<S as LoadAs<T>>::Chunk,
    w: &<T as Lane>::Chunk,
) -> V<B, T> {
    S::load(b, x).mul_add(Vector::load(b, w), sum)
}

#[inline(always)]
fn step_rest<B: Backend, S: LoadAs<T>, T: Lane>(b: B, sum: V<B, T>, x: &[S], w: &[T]) -> V<B, T> {
    if x.is_empty() { sum } else { S::load_partial(b, x).mul_add(Vector::load_partial(b, w), sum) }
}
