//! The loops that bound the kernels: they load, store or multiply, and do nothing else.

use crate::math::elementwise::Elementwise;
use crate::simd::prefetch::prefetch;
use crate::simd::{Arithmetic, Backend, Lane, V, Vector};

/// Loads every element of slices of one length, side by side; where they differ, the shortest ends the
/// work.
///
/// One multiply-add for every two loads, so that the loads are the limit, also on cores that load two vectors
/// for each multiply-add. Four accumulators, as in `dot`. Eight vectors of a slice come before the next
/// slice: in the first-level cache that is faster than vector by vector (`BENCHMARKS.md`, "Measured while
/// tuning"), from memory it is slower (see [`read_pair`]).
///
/// With `ahead`, each vector is loaded after a request for the memory that many bytes after it.
#[inline(always)]
pub(super) fn read<B: Backend, T: Lane, const N: usize>(b: B, slices: [&[T]; N], ahead: Option<usize>) -> T {
    let len = slices.iter().map(|slice| slice.len()).min().unwrap_or_default();
    let parts = slices.map(
        #[inline(always)]
        |slice| T::chunks(&slice[..len]),
    );
    let steps = len / T::LANES / 8;
    let eights = parts.map(
        #[inline(always)]
        |(chunks, _)| &chunks.as_chunks::<8>().0[..steps],
    );
    let mut sums = [V::<B, T>::splat(b, T::from_f64(0.0)); 4];
    for i in 0..steps {
        for eights in eights {
            let eight = &eights[i];
            if let Some(ahead) = ahead {
                for chunk in eight {
                    prefetch(core::slice::from_ref(chunk), ahead);
                }
            }
            for k in 0..4 {
                let other = Vector::load(b, &eight[k + 4]);
                sums[k] = V::<B, T>::load(b, &eight[k]).mul_add(other, sums[k]);
            }
        }
    }
    for (chunks, rest) in parts {
        for chunk in &chunks[8 * steps..] {
            sums[0] = sums[0] + Vector::load(b, chunk);
        }
        sums[0] = sums[0] + Vector::load_partial(b, rest);
    }
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum()
}

/// Loads every element of two slices, vector by vector from either, as `dot` does.
#[inline(always)]
pub(super) fn read_pair<B: Backend, T: Lane>(b: B, x: &[T], y: &[T]) -> T {
    let ((x, x_rest), (y, y_rest)) = (T::chunks(x), T::chunks(y));
    let mut sums = [V::<B, T>::splat(b, T::from_f64(0.0)); 4];
    for (x, y) in x.as_chunks::<4>().0.iter().zip(y.as_chunks::<4>().0) {
        for k in 0..4 {
            sums[k] = V::<B, T>::load(b, &x[k]).mul_add(Vector::load(b, &y[k]), sums[k]);
        }
    }
    for (x, y) in x.as_chunks::<4>().1.iter().zip(y.as_chunks::<4>().1) {
        sums[0] = V::<B, T>::load(b, x).mul_add(Vector::load(b, y), sums[0]);
    }
    sums[1] = V::<B, T>::load_partial(b, x_rest).mul_add(Vector::load_partial(b, y_rest), sums[1]);
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum()
}

/// Loads every element of a slice as a pass over its rows does: four rows at a time, a vector of each by turns, after
/// a request for the memory `ahead` bytes after it. A row is `row` vectors.
#[inline(always)]
pub(super) fn read_rows<B: Backend, T: Lane>(b: B, x: &[T], row: usize, ahead: usize) -> T {
    let (chunks, rest) = T::chunks(x);
    let mut sums = [V::<B, T>::splat(b, T::from_f64(0.0)); 4];
    let fours = chunks.chunks_exact(4 * row);
    let last = fours.remainder();
    for four in fours {
        let ((first, second), (third, fourth)) = {
            let (upper, lower) = four.split_at(2 * row);
            (upper.split_at(row), lower.split_at(row))
        };
        for (((first, second), third), fourth) in first.iter().zip(second).zip(third).zip(fourth) {
            for (sum, chunk) in sums.iter_mut().zip([first, second, third, fourth]) {
                prefetch(core::slice::from_ref(chunk), ahead);
                *sum = *sum + Vector::load(b, chunk);
            }
        }
    }
    for chunk in last {
        sums[0] = sums[0] + Vector::load(b, chunk);
    }
    sums[0] = sums[0] + Vector::load_partial(b, rest);
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum()
}

/// `CHAINS` vectors, each `rounds` times the operand of a multiply-add that waits for the one before.
#[inline(always)]
pub(super) fn multiply_add<B: Backend, T: Lane, const CHAINS: usize>(b: B, x: T, rounds: usize) -> T {
    // Towards 2 x: no overflow, no subnormal number.
    let (half, x) = (V::<B, T>::splat(b, T::from_f64(0.5)), V::<B, T>::splat(b, x));
    let mut chains = [x; CHAINS];
    for _ in 0..rounds {
        for chain in &mut chains {
            *chain = chain.mul_add(half, x);
        }
    }
    let mut sum = chains[0];
    for chain in &chains[1..] {
        sum = sum + *chain;
    }
    sum.sum()
}

/// The number itself.
#[derive(Clone, Copy)]
pub(super) struct Identity;

impl<T> Elementwise<T, 1> for Identity {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [x]: [X; 1]) -> X {
        x
    }
}

/// The sum of two numbers.
#[derive(Clone, Copy)]
pub(super) struct Sum;

impl<T> Elementwise<T, 2> for Sum {
    #[inline(always)]
    fn apply<X: Arithmetic<Element = T>>(self, [x, y]: [X; 2]) -> X {
        x + y
    }
}
