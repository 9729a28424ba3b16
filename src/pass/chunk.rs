//! The fused pass over a chunk of rows: scored, turned into slopes, and accumulated while they are
//! in cache.
//!
//! # Algorithm
//!
//! Three steps, for a block of rows at a time, by turns:
//!
//! ```text
//! logits       z[i] = w·x[i] + b (+ the offset)                    reads the next block, from memory
//! accumulate   g += c[i] x[i]                                      reads the block before it, from cache
//! terms        value += f(z[i], y[i]),  c[i] = f'(z[i], y[i])      elementwise: `terms`
//! ```
//!
//! A block is accumulated after the next one was scored: so a core that waits for the memory of the one has work on
//! the other. For that a block must be short, as a core keeps track of a limited number of loads. (Blocks of wide rows
//! rarely are: hardware that fetches ahead then has longer runs of rows, which was faster at most widths.)
//!
//! The steps that go through the features come in three forms, by the width of a row: [`columns`](super::columns),
//! [`narrow`](super::narrow) and [`wide`](super::wide). The number of rows in a block changes no bit: a row's logit is
//! that of [`dot`](super::dot()), and its number in the chunk alone says which lane and which accumulator it is added
//! to.
//!
//! # Tried, and left
//!
//! On a Zen 4 (`BENCHMARKS.md`, "Measured while tuning"): to score four rows and accumulate four of the block before
//! in one loop over the columns, or a row and a quarter of the columns of four; to ask for memory by instructions, in
//! either step or both, into the first or the second level; to keep copies of rows of more than four vectors; to add
//! offsets before the block before is accumulated, which made small batches without offsets a tenth slower, or by a
//! function that is not inlined.
//!
//! # Error
//!
//! A chunk has at most 512 rows. A product c x meets at most one multiply-add for each row of its accumulator
//! and 2 additions of accumulators (4 of lanes, where a row is at most half a vector), each an error of u Σ |c x| of
//! its column. Values, slopes and sample weights are added up in `f64`: at most 64 additions of one, and 3 of lanes.
//! A product that underflows errs by half the least subnormal besides. Above the chunk sums are `f64`.

use super::requests::{Requests, distance};
use super::row_kernel::{Block, RowKernel};
use super::terms::{Objective, Terms, terms};
use super::width::{for_width, ranges};
use crate::math::Real;
use crate::rows::{Batch, Params, weight_of_class};
use crate::simd::{Backend, Lane, LoadAs, MOST_LANES, V, VECTOR_BYTES, Vector};
use crate::tree::MOST_ROWS;
use crate::tree::node::{self, Head};
use crate::tuning::{Ahead, CACHE_LINE, COLUMNS_BLOCK, Source, narrow_block};
use bytemuck::Pod;

/// Bytes of what is kept of a block: of no form more, as is asserted here.
pub(super) const KEPT_BYTES: usize = 4 << 10;

const _: () = {
    let source = Source::Memory(Ahead::on(None));
    let mut vectors = 1;
    while vectors <= 4 {
        let rows = narrow_block(vectors, source);
        assert!(rows.is_multiple_of(MOST_LANES) && rows * vectors * VECTOR_BYTES <= KEPT_BYTES);
        vectors += 1;
    }
    assert!(COLUMNS_BLOCK.is_multiple_of(MOST_LANES) && COLUMNS_BLOCK * VECTOR_BYTES <= KEPT_BYTES);
};

/// The memory that [`leaf`] works in, whose parts start with a cache line.
pub(super) struct Scratch<'a, T> {
    /// The gradient, in whole vectors.
    gradient: &'a mut [T],
    /// The logits of all rows, and then their slopes.
    pub(super) slopes: &'a mut [T],
    /// Along a direction, the logits along it.
    pub(super) products: &'a mut [T],
    /// The values of all rows.
    pub(super) values: &'a mut [T],
    /// What all rows count, where that is computed.
    pub(super) weights: &'a mut [T],
    /// What is kept of two blocks.
    kept: [&'a mut [T]; 2],
}

/// Length of the scratch memory that [`leaf`] works in, for rows of `ncols` numbers of `bytes` bytes each.
#[cfg(any(feature = "alloc", feature = "narrow"))]
pub(crate) const fn scratch_len(ncols: usize, bytes: usize) -> usize {
    let gradient = (ncols * bytes).next_multiple_of(VECTOR_BYTES);
    (CACHE_LINE + gradient + 4 * MOST_ROWS * bytes + 2 * KEPT_BYTES) / size_of::<f64>()
}

impl<'a, T: Lane> Scratch<'a, T> {
    #[inline(always)]
    pub(super) fn new(memory: &'a mut [f64], ncols: usize) -> Self {
        let memory = from_cache_line::<T>(memory);
        let (slopes, memory) = memory.split_at_mut(MOST_ROWS);
        let (products, memory) = memory.split_at_mut(MOST_ROWS);
        let (values, memory) = memory.split_at_mut(MOST_ROWS);
        let (weights, memory) = memory.split_at_mut(MOST_ROWS);
        let (now, memory) = memory.split_at_mut(KEPT_BYTES / size_of::<T>());
        let (before, memory) = memory.split_at_mut(KEPT_BYTES / size_of::<T>());
        let gradient = &mut memory[..ncols.next_multiple_of(T::LANES)];
        Self { gradient, slopes, products, values, weights, kept: [now, before] }
    }
}

/// Memory as numbers of another type, from the start of a cache line on, as far as an address can tell.
#[inline(always)]
pub(crate) fn from_cache_line<T: Pod>(memory: &mut [f64]) -> &mut [T] {
    let start = memory.as_ptr().align_offset(CACHE_LINE).min(CACHE_LINE / size_of::<f64>());
    bytemuck::cast_slice_mut(&mut memory[start..])
}

/// A leaf of the summation tree: the numbers of a chunk's rows.
#[inline(always)]
pub(crate) fn leaf<B: Backend, S: LoadAs<T>, T: Real, O: Objective<T>>(
    b: B,
    objective: O,
    batch: &Batch<'_, S, T>,
    params: Params<'_, T>,
    source: Source,
    scratch: &mut [f64],
    node: &mut [f64],
) {
    let ncols = batch.rows().ncols();
    let mut scratch = Scratch::<T>::new(scratch, ncols);
    let weights = &mut *core::mem::take(&mut scratch.weights);
    let batch = &with_weights_of_classes(batch, weights);
    let pass = Pass { batch, params, direction: objective.direction(), terms: terms::<B, T, O>, source };
    let head = for_width!(b, S in T, ncols, kernel => pass.blocks(b, kernel, &mut scratch));
    node::write(node, head, scratch.gradient);
}

/// The batch, of which each row has what it counts as its sample weight, where classes have weights.
#[inline(always)]
pub(super) fn with_weights_of_classes<'a, S, T: Real>(
    batch: &Batch<'a, S, T>,
    weights: &'a mut [T],
) -> Batch<'a, S, T> {
    let Some(classes) = batch.class_weights() else { return *batch };
    let labels = batch.labels();
    let weights = &mut weights[..labels.len()];
    let one = T::from_f64(1.0);
    for (weight, &y) in weights.iter_mut().zip(labels) {
        *weight = weight_of_class(classes, y, one);
    }
    for (weight, &s) in weights.iter_mut().zip(batch.sample_weights().unwrap_or(&[])) {
        *weight = s * *weight;
    }
    batch.with_row_weights(weights)
}

/// What is made of a chunk's rows. Of the objective it knows no type, so that its loops are compiled once.
struct Pass<'a, B, S, T> {
    batch: &'a Batch<'a, S, T>,
    params: Params<'a, T>,
    direction: Option<Params<'a, T>>,
    terms: Terms<B, T>,
    source: Source,
}

impl<B: Backend, S: LoadAs<T>, T: Real> Pass<'_, B, S, T> {
    /// The sums over the rows: the values, the slopes (the derivative by the bias), and the sample weights. The
    /// derivatives by the weights are left in the first elements of the gradient.
    #[inline(never)]
    fn blocks<K: RowKernel<B, S, T>>(&self, b: B, kernel: K, scratch: &mut Scratch<'_, T>) -> Head {
        b.vectorize(
            #[inline(always)]
            || self.blocks_of(b, kernel, scratch),
        )
    }

    #[inline(always)]
    fn blocks_of<K: RowKernel<B, S, T>>(&self, b: B, mut kernel: K, scratch: &mut Scratch<'_, T>) -> Head {
        let Self { batch, params, direction, terms, source } = *self;
        let (rows, weights) = (batch.rows(), batch.sample_weights());
        let (nrows, ncols) = (rows.nrows(), rows.ncols());
        let Scratch { gradient, slopes, products, values, kept: [now, before], .. } = scratch;
        gradient.fill(T::from_f64(0.0));
        let ahead = distance::<S>(source, ncols <= 4 * T::LANES);
        let mut previous = 0..0;
        for range in ranges(0..nrows, K::block_rows(ncols, source)) {
            let block = Block::of(batch, range.clone(), source);
            let (done, logits) = slopes.split_at_mut(range.start);
            let logits = &mut logits[..range.len()];
            let requests = &mut Requests::new(&block.rows, ahead);
            kernel.score(b, block, params, requests, now, logits);
            if !previous.is_empty() {
                let before_it = Block::of(batch, previous.clone(), source);
                kernel.accumulate(b, before_it, &done[previous], requests, before, gradient);
            }
            if let Some(offsets) = block.offsets {
                for (logit, &offset) in logits.iter_mut().zip(offsets) {
                    *logit = *logit + offset;
                }
            }
            let others = match direction {
                None => &batch.labels()[range.clone()],
                Some(direction) => {
                    let products = &mut products[..range.len()];
                    kernel.score_again(b, block, direction, now, products);
                    products
                }
            };
            terms(b, logits, others, block.weights, &mut values[range.clone()]);
            core::mem::swap(now, before);
            previous = range;
        }
        let last = Block::of(batch, previous.clone(), source);
        kernel.accumulate(b, last, &slopes[previous], &mut Requests::none(), before, gradient);
        kernel.finish(gradient);
        let weight_sum = match weights {
            None => nrows as f64,
            Some(weights) => sum(b, weights),
        };
        Head { value: sum(b, &values[..nrows]), by_bias: sum(b, &slopes[..nrows]), weight_sum }
    }
}

/// The sum of the elements, of which number i is added to lane i modulo 8. In `f64`, as equal numbers, such as the
/// losses of a model of zeros, would all be rounded to one side.
#[inline(always)]
fn sum<B: Backend, T: LoadAs<f64>>(b: B, x: &[T]) -> f64 {
    let (chunks, rest) = T::chunks(x);
    let mut sum = V::<B, f64>::splat(b, 0.0);
    for chunk in chunks {
        sum = sum + T::load(b, chunk);
    }
    (sum + T::load_partial(b, rest)).sum()
}
