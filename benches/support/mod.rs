//! What the benches share: slices, deliberately misaligned, and the settings of criterion. Rows are those of the
//! tests.

#![allow(dead_code, reason = "each bench uses what it needs of this module")]

#[path = "../../tests/support/fixtures.rs"]
pub(crate) mod fixtures;

use criterion::Criterion;
use fixtures::{Data, Kind, Labels, Number};
use lanegrad::Storage;
use rand::rngs::SmallRng;
use std::time::Duration;

/// Numbers from a seed, that start a given number of elements after a 64-byte boundary.
pub(crate) struct Unaligned<T> {
    buffer: Vec<T>,
    start: usize,
}

impl<T: Copy + Default> Unaligned<T> {
    /// `n` numbers made by `draw`, the first at an odd multiple of the element size from a
    /// cache line's start, as in most slices that users have.
    pub(crate) fn new(n: usize, seed: u64, mut draw: impl FnMut(&mut SmallRng) -> T) -> Self {
        let mut buffer = vec![T::default(); n + 64];
        let start = buffer.as_ptr().align_offset(64) + 1;
        let mut rng = fixtures::rng(seed);
        buffer[start..start + n].fill_with(|| draw(&mut rng));
        Self { buffer, start }
    }

    pub(crate) fn slice(&self) -> &[T] {
        &self.buffer[self.start..][..self.buffer.len() - 64]
    }

    pub(crate) fn slice_mut(&mut self) -> &mut [T] {
        let n = self.buffer.len() - 64;
        &mut self.buffer[self.start..][..n]
    }
}

/// Uniform numbers in [-1, 1).
pub(crate) fn uniform<T: Number>(n: usize, seed: u64) -> Unaligned<T> {
    Unaligned::new(n, seed, fixtures::uniform)
}

/// A data set and parameters: rows that start 4 or 8 bytes after a cache line, as most do, with labels 0 and 1.
pub(crate) fn problem<S: Storage<T> + Number, T: Number>(nrows: usize, ncols: usize) -> Data<S, T> {
    let kind = Kind { labels: Labels::Hard, weighted: false, ..Kind::PLAIN };
    Data::of_shape(nrows, ncols, kind).at_offset(1)
}

/// Short runs: the figures of interest are ratios within one run.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .sample_size(30)
        .configure_from_args()
}

/// The sum of all elements, in independent sums that the compiler turns into vector additions: faster
/// than memory on every core that this was tried on.
pub(crate) fn read(x: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 64];
    for x in x.as_chunks::<64>().0 {
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum += x;
        }
    }
    sums.iter().sum()
}

/// Panics where a bench is about to time a wrong answer.
pub(crate) fn assert_close(got: f64, want: f64, tolerance: f64, what: &str) {
    assert!((got - want).abs() <= tolerance, "{what}: {got}, not {want}");
}
