//! Rows that lie anywhere: copied together, a chunk of a gathered batch before a pass over it; and scored where they
//! lie.
//!
//! A row is asked for while some before it are copied or scored, as no hardware knows which comes next: into the
//! second-level cache, which takes more requests at a time than the first. Copies of a chunk stay in that cache; to
//! pass over rows where they lie, with the same requests, was no faster (`BENCHMARKS.md`, "Measured while tuning").

use super::chunk::from_cache_line;
use crate::num::Float;
use crate::rows::{Batch, Indices, Params, Rows};
use crate::simd::prefetch::prefetch_second_level;
use crate::tuning::{CACHE_LINE, rows_ahead};
use bytemuck::{Pod, cast_slice, cast_slice_mut};

/// Length of the memory that [`gather`] needs for `nrows` rows of `ncols` numbers.
#[cfg(feature = "alloc")]
pub(crate) const fn gather_len<S, T>(nrows: usize, ncols: usize) -> usize {
    (CACHE_LINE + nrows * (ncols * size_of::<S>() + 3 * size_of::<T>())).div_ceil(size_of::<f64>())
}

/// A batch as one whose numbers are bytes, so that one loop copies rows of all types.
pub(crate) fn as_bytes<'a, S: Pod, T: Copy>(batch: &Batch<'a, S, T>) -> Batch<'a, u8, T> {
    let (rows, bytes) = (batch.rows(), size_of::<S>());
    // Of a single row or none, the stride may be any number.
    let stride = rows.row_stride().saturating_mul(bytes);
    let rows = Rows::with_stride(cast_slice(rows.data()), rows.nrows(), rows.ncols() * bytes, stride);
    batch.with_rows(rows.expect("as many bytes as the numbers have"))
}

/// A batch of gathered bytes as one of the numbers that they are.
pub(crate) fn of_bytes<'a, S: Pod, T: Copy>(batch: &Batch<'a, u8, T>) -> Batch<'a, S, T> {
    let rows = batch.rows();
    let numbers = Rows::new(cast_slice(rows.data()), rows.nrows(), rows.ncols() / size_of::<S>());
    batch.with_rows(numbers.expect("as many numbers as the bytes were"))
}

/// A gathered batch as one whose rows follow each other in `memory`, with all that belongs to them.
#[inline(always)]
pub(crate) fn gather<'a, T: Float + Pod>(
    batch: &Batch<'_, u8, T>,
    memory: &'a mut [f64],
) -> Batch<'a, u8, T> {
    let (nrows, rows) = (batch.nrows(), batch.rows());
    let ncols = rows.ncols();
    // The wider numbers first, so that all are aligned.
    let memory = from_cache_line::<T>(memory);
    let (labels, memory) = memory.split_at_mut(nrows);
    let (weights, memory) = memory.split_at_mut(nrows);
    let (offsets, memory) = memory.split_at_mut(nrows);
    let x: &mut [u8] = &mut cast_slice_mut(memory)[..nrows * ncols];

    let ahead = rows_ahead(ncols).min(nrows);
    for i in 0..ahead {
        request_all(batch, i);
    }
    for i in 0..nrows {
        if i + ahead < nrows {
            request_all(batch, i + ahead);
        }
        copy(rows.at(batch.place(i)), &mut x[i * ncols..][..ncols]);
    }
    // In loops of their own, which are so short that a core has many of these loads on their way at a time.
    for (i, label) in labels.iter_mut().enumerate() {
        *label = batch.labels()[batch.place(i)];
    }
    let weighted = batch.sample_weights().is_some() || batch.class_weights().is_some();
    if weighted {
        for (i, weight) in weights.iter_mut().enumerate() {
            *weight = batch.weight(i, T::from_f64(1.0));
        }
    }
    if let Some(all) = batch.offsets() {
        for (i, offset) in offsets.iter_mut().enumerate() {
            *offset = all[batch.place(i)];
        }
    }
    let rows = Rows::new(x, nrows, ncols).expect("the rows that were copied");
    let together = Batch::checked(rows, labels).with_checked_offsets(batch.offsets().map(|_| &*offsets));
    if weighted { together.with_row_weights(weights) } else { together }
}

/// Copies a row, by chunks that a backend has registers for: fewer instructions than the standard library takes, so a
/// core looks further ahead.
#[inline(always)]
fn copy(row: &[u8], out: &mut [u8]) {
    let (row, out) = copy_chunks::<64>(row, out);
    let (row, out) = copy_chunks::<16>(row, out);
    let (row, out) = copy_chunks::<4>(row, out);
    copy_chunks::<1>(row, out);
}

/// Copies whole chunks; returns the rests.
#[inline(always)]
fn copy_chunks<'a, 'b, const N: usize>(row: &'a [u8], out: &'b mut [u8]) -> (&'a [u8], &'b mut [u8]) {
    let ((chunks, rest), (out_chunks, out_rest)) = (row.as_chunks::<N>(), out.as_chunks_mut::<N>());
    for (out, chunk) in out_chunks.iter_mut().zip(chunks) {
        *out = *chunk;
    }
    (rest, out_rest)
}

/// Asks for row `i` of a gathered batch, and all that belongs to it.
#[inline(always)]
fn request_all<T: Copy>(batch: &Batch<'_, u8, T>, i: usize) {
    let place = batch.place(i);
    request(batch.rows().at(place));
    // Labels lie as far from each other as rows do.
    prefetch_second_level(batch.labels(), place * size_of::<T>());
    for numbers in [batch.sample_weights(), batch.offsets()].into_iter().flatten() {
        prefetch_second_level(numbers, place * size_of::<T>());
    }
}

/// Asks for a row.
#[inline(always)]
fn request<S>(row: &[S]) {
    let bytes = size_of_val(row);
    for line in (0..bytes).step_by(CACHE_LINE) {
        prefetch_second_level(row, line);
    }
    // Rows that do not start with a cache line may end in one more.
    if !bytes.is_multiple_of(CACHE_LINE) {
        prefetch_second_level(row, bytes - 1);
    }
}

/// `out[i] = w·x + b`, by this `dot`, for the rows with these numbers from number `first` of the list on.
#[inline(always)]
pub(crate) fn gathered_logits<S, T: Float>(
    rows: Rows<'_, S>,
    indices: Indices<'_>,
    first: usize,
    params: Params<'_, T>,
    out: &mut [T],
    dot: impl Fn(&[S], &[T]) -> T,
) {
    let ahead = rows_ahead(rows.ncols() * size_of::<S>());
    for (i, out) in out.iter_mut().enumerate() {
        let i = first + i;
        if i + ahead < indices.len() {
            request(rows.at(indices.at(i + ahead)));
        }
        *out = dot(rows.at(indices.at(i)), params.weights) + params.bias;
    }
}
