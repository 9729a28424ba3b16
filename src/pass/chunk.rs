//! The fused pass over a chunk of rows: scored, turned into slopes, and accumulated while they are
//! in cache.
//!
//! # Algorithm
//!
//! Three steps, for a block of rows at a time. A block is so small that it is still in cache when the third
//! step reads it again: in the first level where four rows fit into that, else in the second.
//!
//! ```text
//! logits       z[i] = w·x[i] + b                                   reads the block from memory
//! terms        value += f(z[i], y[i]),  c[i] = f'(z[i], y[i])      elementwise: `terms`
//! accumulate   g += c[i] x[i]                                      reads the block from cache
//! ```
//!
//! The first and the last step come in two forms, by the width of a row: [`narrow`](super::narrow) and
//! [`wide`](super::wide). The number of rows in a block changes no bit: a row's logit is that of
//! [`dot`](super::dot()), and its number in the chunk alone says which lane and which accumulator it is added
//! to.
//!
//! # Memory
//!
//! Cores fetch ahead by themselves only while they read new memory, which is in the first step. So each row
//! that is scored asks for the memory [`AHEAD`] bytes further on, and the next block is on its way while the
//! other two steps compute. Rows of 8 features gain most, because loads under a mask start no hardware
//! prefetch.
//!
//! Tried, without gain: to spread the requests over the steps; to score the next rows while these are
//! accumulated; to ask for the second-level cache alone. Where all rows fit into the caches no memory is
//! asked for, and blocks may be larger.
//!
//! # Error
//!
//! A chunk has at most 512 rows. A product c x meets at most one multiply-add for each row of its accumulator
//! and 2 additions of accumulators, each an error of u Σ |c x| of its column; a value meets at most
//! 512 / lanes additions, and 4 of lanes. A product that underflows errs by half the least subnormal besides.
//! Above the chunk sums are `f64`.

use super::dot::{NO_PREFETCH, dot};
use super::narrow::Narrow;
use super::row_kernel::RowKernel;
use super::terms::{Objective, terms};
use super::wide::Wide;
use crate::math::Real;
use crate::math::elementwise::{InPlace, update};
use crate::math::sigmoid::{Sigmoid, sigmoid};
use crate::rows::{Batch, Params, Rows};
use crate::simd::{Backend, Lane, LoadAs, MOST_LANES, V, VECTOR_BYTES, Vector};
use crate::tree::node::{self, Head};
use crate::tuning::{AHEAD, BLOCK_BYTES, CACHE_LINE, GROUP, IN_CACHE, LEAST_BLOCK, LONG_ROWS_BLOCK_BYTES};
use core::ops::Range;

// Then the number of a row in the chunk alone says which lane and accumulator it is added to.
const _: () = assert!(GROUP.is_multiple_of(MOST_LANES) && LEAST_BLOCK.is_multiple_of(4));

/// `for_width!(b, T, ncols, kernel => expression)`: the expression with the kernel for rows of `ncols`
/// features, whose gradient is 0.
macro_rules! for_width {
    ($b:expr, $T:ty, $ncols:expr, $kernel:ident => $e:expr) => {
        match $ncols.div_ceil(<$T>::LANES) {
            1 => for_width!(Narrow::<_, $T, 1, 4>::new($b), $kernel => $e),
            2 => for_width!(Narrow::<_, $T, 2, 2>::new($b), $kernel => $e),
            3 => for_width!(Narrow::<_, $T, 3, 1>::new($b), $kernel => $e),
            4 => for_width!(Narrow::<_, $T, 4, 1>::new($b), $kernel => $e),
            _ => for_width!(Wide, $kernel => $e),
        }
    };
    ($new:expr, $kernel:ident => $e:expr) => {{
        let $kernel = $new;
        $e
    }};
}

/// Length of the scratch memory that [`leaf`] works in, for rows of `ncols` numbers of `bytes` bytes each: a
/// gradient of whole vectors, from the start of a cache line on.
pub(crate) const fn scratch_len(ncols: usize, bytes: usize) -> usize {
    ((ncols * bytes).next_multiple_of(VECTOR_BYTES) + CACHE_LINE) / size_of::<f64>()
}

/// A leaf of the summation tree: the numbers of a chunk's rows.
#[inline(always)]
pub(crate) fn leaf<B: Backend, S: LoadAs<T>, T: Real, O: Objective<T>>(
    b: B,
    objective: O,
    batch: &Batch<'_, S, T>,
    params: Params<'_, T>,
    ahead: usize,
    scratch: &mut [f64],
    node: &mut [f64],
) {
    let ncols = batch.rows().ncols();
    let gradient = aligned::<T>(scratch, ncols.next_multiple_of(T::LANES));
    let head =
        for_width!(b, T, ncols, kernel => blocks(b, objective, kernel, batch, params, ahead, gradient));
    node::write(node, head, gradient);
}

/// `len` elements of scratch memory from the start of a cache line on, for vectors to load and store
/// whole.
#[inline(always)]
fn aligned<T: Lane>(scratch: &mut [f64], len: usize) -> &mut [T] {
    let start = scratch.as_ptr().align_offset(CACHE_LINE).min(CACHE_LINE / size_of::<f64>());
    &mut bytemuck::cast_slice_mut(&mut scratch[start..])[..len]
}

/// The sums over the rows of a chunk: the values, the slopes (the derivative by the bias), and the
/// sample weights. The derivatives by the weights are left in the first elements of `gradient`.
#[inline(always)]
fn blocks<B: Backend, S: LoadAs<T>, T: Real, O: Objective<T>, K: RowKernel<B, S, T>>(
    b: B,
    objective: O,
    mut kernel: K,
    batch: &Batch<'_, S, T>,
    params: Params<'_, T>,
    ahead: usize,
    gradient: &mut [T],
) -> Head<T> {
    let zero = T::from_f64(0.0);
    gradient.fill(zero);
    let [mut value, mut slope, mut weight] = [V::<B, T>::splat(b, zero); 3];
    let [mut logits, mut products, mut values] = [[zero; GROUP]; 3];
    for group in ranges(0..batch.rows().nrows(), GROUP) {
        let group = batch.range(group);
        for range in ranges(0..group.rows().nrows(), block_rows::<S, T>(group.rows().ncols(), ahead)) {
            let block = group.range(range.clone());
            let (logits, products) = (&mut logits[range.clone()], &mut products[range.clone()]);
            kernel.logits(b, block.rows(), params, ahead, logits);
            let others = match objective.direction() {
                None => block.labels(),
                Some(direction) => {
                    kernel.logits(b, block.rows(), direction, NO_PREFETCH, products);
                    products
                }
            };
            terms::<B, T, O>(b, logits, others, block.sample_weights(), &mut values[range]);
            kernel.accumulate(b, block.rows(), logits, block.sample_weights(), gradient);
        }
        let nrows = group.rows().nrows();
        value = add_lanes(b, value, &values[..nrows]);
        slope = add_lanes(b, slope, &logits[..nrows]);
        if let Some(weights) = group.sample_weights() {
            weight = add_lanes(b, weight, weights);
        }
    }
    kernel.finish(gradient);
    let weight = match batch.sample_weights() {
        None => T::from_f64(batch.rows().nrows() as f64),
        Some(_) => weight.sum(),
    };
    Head { value: value.sum(), by_bias: slope.sum(), weight_sum: weight }
}

/// Adds each element i of `x` to lane i modulo the number of lanes.
#[inline(always)]
fn add_lanes<B: Backend, T: Lane>(b: B, mut sum: V<B, T>, x: &[T]) -> V<B, T> {
    let (chunks, rest) = T::chunks(x);
    for chunk in chunks {
        sum = sum + Vector::load(b, chunk);
    }
    sum + Vector::load_partial(b, rest)
}

/// The logits of any number of rows. Asks for the memory `ahead` bytes after each row that it reads.
#[inline(always)]
pub(crate) fn logits<B: Backend, S: LoadAs<T>, T: Lane>(
    b: B,
    rows: Rows<'_, S>,
    params: Params<'_, T>,
    ahead: usize,
    out: &mut [T],
) {
    for_width!(b, T, rows.ncols(), kernel => kernel.logits(b, rows, params, ahead, out));
}

/// The probabilities of any number of rows: the sigmoid of their logits, while these are in cache.
#[inline(always)]
pub(crate) fn probabilities<B: Backend, S: LoadAs<T>, T: Real>(
    b: B,
    rows: Rows<'_, S>,
    params: Params<'_, T>,
    ahead: usize,
    out: &mut [T],
) {
    if let (1, [out]) = (rows.nrows(), &mut *out) {
        // A single row: its logit goes to the sigmoid in a register, and not through memory.
        let z = dot(b, rows.at(0), params.weights, NO_PREFETCH) + params.bias;
        return sigmoid(V::<B, T>::splat(b, z)).store_partial(core::slice::from_mut(out));
    }
    for range in ranges(0..rows.nrows(), GROUP) {
        let out = &mut out[range.clone()];
        logits(b, rows.range(range), params, ahead, out);
        update(b, out, [&[] as &[T]; 0], InPlace(Sigmoid));
    }
}

/// Distance in bytes at which to ask for the memory of these rows ahead; [`NO_PREFETCH`] where they are taken
/// to be in cache.
pub(crate) fn ahead<S>(rows: &Rows<'_, S>) -> usize {
    if rows.size() < IN_CACHE { NO_PREFETCH } else { AHEAD }
}

/// Number of rows in a block, which are scored before they are accumulated: a power of two.
fn block_rows<S: LoadAs<T>, T: Lane>(ncols: usize, ahead: usize) -> usize {
    let long_from_memory = ahead != NO_PREFETCH && ncols > 4 * T::LANES;
    let bytes = if long_from_memory { LONG_ROWS_BLOCK_BYTES } else { BLOCK_BYTES };
    (bytes / (ncols * size_of::<S>()).max(1)).clamp(LEAST_BLOCK, GROUP).next_power_of_two()
}

/// A range in parts of `len`, of which the last may be shorter.
#[inline(always)]
fn ranges(range: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    range.clone().step_by(len).map(move |start| start..range.end.min(start + len))
}
