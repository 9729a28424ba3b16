//! What the benches share: data, deliberately misaligned, and the settings of criterion.

#![allow(dead_code, reason = "each bench uses what it needs of this module")]

use criterion::Criterion;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

/// Numbers from a seed, that start a given number of elements after a 64-byte boundary.
pub struct Data<T> {
    buffer: Vec<T>,
    start: usize,
}

impl<T: Copy + Default> Data<T> {
    /// `n` numbers made by `draw`, the first at an odd multiple of the element size from a
    /// cache line's start, as in most slices that users have.
    pub fn unaligned(n: usize, seed: u64, mut draw: impl FnMut(&mut SmallRng) -> T) -> Self {
        let mut buffer = vec![T::default(); n + 64];
        let start = buffer.as_ptr().align_offset(64) + 1;
        let mut rng = SmallRng::seed_from_u64(seed);
        buffer[start..start + n].fill_with(|| draw(&mut rng));
        Self { buffer, start }
    }

    pub fn slice(&self) -> &[T] {
        &self.buffer[self.start..][..self.buffer.len() - 64]
    }

    pub fn slice_mut(&mut self) -> &mut [T] {
        let n = self.buffer.len() - 64;
        &mut self.buffer[self.start..][..n]
    }
}

/// Uniform numbers in [-1, 1).
pub fn uniform<T: Copy + Default + From<f32>>(n: usize, seed: u64) -> Data<T> {
    Data::unaligned(n, seed, |rng| rng.random_range(-1.0_f32..1.0).into())
}

/// Short runs: the figures of interest are ratios within one run.
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .sample_size(30)
        .configure_from_args()
}
