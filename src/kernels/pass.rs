//! The fused pass over a chunk of rows: scored, turned into coefficients, and accumulated while they are
//! in cache.
//!
//! # Algorithm
//!
//! A block of rows at a time, small enough to be in cache still when it is read for the second time: in the
//! first level while four rows fit into that, else in the second:
//!
//! ```text
//! logits       z[i] = w·x[i] + b                                   reads the block from memory
//! terms        value += f(z[i], y[i]),  c[i] = f'(z[i], y[i])      elementwise: `terms`
//! accumulate   g += c[i] x[i]                                      reads the block from cache
//! ```
//!
//! The first and the last step come in two forms, by the width of a row: [`narrow`](super::narrow) and
//! [`wide`](super::wide). How many rows a block has changes no bit: a row's logit is that of
//! [`dot`](super::dot), and the lane and the stream that it is added to are those of its number in the
//! chunk.
//!
//! # Memory
//!
//! The cores fetch ahead by themselves only while they read through new memory, which is the first step.
//! So each row that is scored asks for the memory 12 KB further on, and while the other two steps compute,
//! what the next block needs is on its way. (Measured on a Zen 5: without it 64 to 76 % of the speed of a
//! pure read, with it 80 to 100 %, and rows of 8 features gain a factor of 2.5, because loads under a mask
//! start no hardware prefetch. Spreading the requests over the steps, or scoring the next rows while these
//! are accumulated, gained nothing more, nor did a hint for the second-level cache.)
//! Where all rows fit into the caches nothing is asked for, and blocks may be larger.
//!
//! # Error
//!
//! A chunk has at most 512 rows. In units of u Σ |c x| of a column, a product meets at most one
//! multiply-add for each row of its stream and 2 additions of streams; a value at most 512 / lanes
//! additions, and 4 of lanes. Above the chunk sums are `f64`.

use super::dot::{NO_PREFETCH, dot};
use super::narrow::Narrow;
use super::row_kernel::RowKernel;
use super::sigmoid::{Sigmoid, sigmoid};
use super::terms::{Objective, terms};
use super::update::{InPlace, update};
use super::wide::Wide;
use crate::batch::{Batch, Params};
use crate::simd::{Backend, V, Vector};
use crate::{Element, Rows, Storage};
use core::ops::Range;

/// Rows whose logits are held at a time: a multiple of the lanes of a vector, so that a row's lane is that
/// of its number.
const GROUP: usize = 256;

/// The fewest rows in a block: a multiple of the streams of [`narrow`](super::narrow), so that a row's
/// stream is that of its number.
const LEAST_BLOCK: usize = 4;

/// How far ahead of a row the memory is asked for, in bytes.
const AHEAD: usize = 12 << 10;

/// Rows of fewer bytes in all are taken to be in cache.
const IN_CACHE: usize = 1 << 20;

/// What a pass computes.
#[derive(Clone, Copy)]
pub struct Pass<'a, T, O> {
    /// The function that is summed over rows.
    pub objective: O,
    /// The parameters of the logit.
    pub params: Params<'a, T>,
    /// How far ahead of a row its memory is asked for ([`ahead`]).
    pub ahead: usize,
}

/// A pass that scores rows and sums nothing.
pub type Scoring<'a, T> = Pass<'a, T, ()>;

/// `for_width!(b, T, cols, kernel => expression)`: the expression with the kernel for rows of `cols`
/// features, at a gradient of zero.
macro_rules! for_width {
    ($b:expr, $T:ty, $cols:expr, $kernel:ident => $e:expr) => {
        match $cols.div_ceil(<$T>::LANES) {
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

/// The sums over the rows of a chunk: the values, the coefficients (the gradient by the bias), and the
/// sample weights. The gradient by the weights is left in the first elements of `gradient`, which holds
/// whole logical vectors ([`padded`]).
#[inline(always)]
pub fn chunk<B: Backend, S: Storage<T>, T: Element, O: Objective<T>>(
    b: B,
    pass: Pass<'_, T, O>,
    batch: &Batch<'_, S, T>,
    gradient: &mut [T],
) -> [T; 3] {
    for_width!(b, T, batch.rows.cols(), kernel => blocks(b, pass, kernel, batch, gradient))
}

#[inline(always)]
fn blocks<B: Backend, S: Storage<T>, T: Element, O: Objective<T>, K: RowKernel<B, S, T>>(
    b: B,
    pass: Pass<'_, T, O>,
    mut kernel: K,
    batch: &Batch<'_, S, T>,
    gradient: &mut [T],
) -> [T; 3] {
    let Pass { objective, params, ahead } = pass;
    let zero = T::from_f64(0.0);
    gradient.fill(zero);
    let [mut value, mut coefficient, mut weight] = [V::<B, T>::splat(b, zero); 3];
    let [mut logits, mut products, mut values] = [[zero; GROUP]; 3];
    for group in ranges(0..batch.rows.rows(), GROUP) {
        let group = batch.range(group);
        for range in ranges(0..group.rows.rows(), block_rows::<S, T>(group.rows.cols(), ahead)) {
            let block = group.range(range.clone());
            let (logits, products) = (&mut logits[range.clone()], &mut products[range.clone()]);
            kernel.logits(b, block.rows, params, ahead, logits);
            let others = match objective.direction() {
                None => block.labels,
                Some(direction) => {
                    kernel.logits(b, block.rows, direction, NO_PREFETCH, products);
                    products
                }
            };
            terms::<B, T, O>(b, logits, others, block.sample_weights, &mut values[range]);
            kernel.accumulate(b, block.rows, logits, block.sample_weights, gradient);
        }
        let rows = group.rows.rows();
        value = add_lanes(b, value, &values[..rows]);
        coefficient = add_lanes(b, coefficient, &logits[..rows]);
        if let Some(weights) = group.sample_weights {
            weight = add_lanes(b, weight, weights);
        }
    }
    kernel.finish(gradient);
    let weight = match batch.sample_weights {
        None => T::from_f64(batch.rows.rows() as f64),
        Some(_) => weight.sum(),
    };
    [value.sum(), coefficient.sum(), weight]
}

/// Adds element i to lane i modulo the number of lanes.
#[inline(always)]
fn add_lanes<B: Backend, T: Element>(b: B, mut sum: V<B, T>, x: &[T]) -> V<B, T> {
    let (blocks, rest) = T::blocks(x);
    for block in blocks {
        sum = sum + Vector::load(b, block);
    }
    sum + Vector::load_partial(b, rest)
}

/// The logits of any number of rows.
#[inline(always)]
pub fn logits<B: Backend, S: Storage<T>, T: Element>(
    b: B,
    rows: Rows<'_, S>,
    pass: Scoring<'_, T>,
    out: &mut [T],
) {
    for_width!(b, T, rows.cols(), kernel => kernel.logits(b, rows, pass.params, pass.ahead, out));
}

/// The probabilities of any number of rows: the sigmoid of their logits, while these are in cache.
#[inline(always)]
pub fn probabilities<B: Backend, S: Storage<T>, T: Element>(
    b: B,
    rows: Rows<'_, S>,
    pass: Scoring<'_, T>,
    out: &mut [T],
) {
    if let (1, [out]) = (rows.rows(), &mut *out) {
        // A row alone: nothing on the way from its features to its probability goes through memory.
        let z = dot(b, rows.at(0), pass.params.weights, NO_PREFETCH) + pass.params.bias;
        return sigmoid(V::<B, T>::splat(b, z)).store_partial(core::slice::from_mut(out));
    }
    for range in ranges(0..rows.rows(), GROUP) {
        let out = &mut out[range.clone()];
        logits(b, rows.range(range), pass, out);
        update(b, out, [&[] as &[T]; 0], InPlace(Sigmoid));
    }
}

/// How far ahead to ask for the memory of these rows: [`NO_PREFETCH`] where they are taken to be in cache.
pub fn ahead<S>(rows: &Rows<'_, S>) -> usize {
    if rows.size() < IN_CACHE { NO_PREFETCH } else { AHEAD }
}

/// The elements of the logical vectors that `cols` columns take.
pub const fn padded<T: Element>(cols: usize) -> usize {
    cols.next_multiple_of(T::LANES)
}

/// How many rows are scored before they are accumulated: a power of two.
///
/// At least 12 KB of them, or 4 KB where they come from memory and each is long: the shorter the block,
/// the shorter the time in which no memory is asked for.
fn block_rows<S: Storage<T>, T: Element>(cols: usize, ahead: usize) -> usize {
    let bytes = if ahead != NO_PREFETCH && cols > 4 * T::LANES { 4 << 10 } else { 12 << 10 };
    (bytes / (cols * size_of::<S>()).max(1)).clamp(LEAST_BLOCK, GROUP).next_power_of_two()
}

/// A range in parts of `len`, the last of them shorter.
#[inline(always)]
fn ranges(range: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    range.clone().step_by(len).map(move |start| start..range.end.min(start + len))
}
