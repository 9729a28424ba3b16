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

/// Labels 0 and 1, a third of them 1.
pub fn labels<T: From<f32>>(n: usize) -> Vec<T> {
    (0..n).map(|i| T::from(f32::from(i % 3 == 0))).collect()
}

/// The sum of all elements, in independent sums that the compiler turns into vector additions: faster
/// than memory on every core that this was tried on.
pub fn read(x: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 64];
    for x in x.as_chunks::<64>().0 {
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum += x;
        }
    }
    sums.iter().sum()
}

/// Panics where a bench is about to time a wrong answer.
pub fn assert_close(got: f64, want: f64, tolerance: f64, what: &str) {
    assert!((got - want).abs() <= tolerance, "{what}: {got}, not {want}");
}
