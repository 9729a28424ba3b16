//! `lanegrad synth`: a synthetic data set of any size, the same on every machine.
//!
//! Numbers come from SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators",
//! 2014), each from its own number in the file, and labels from integer arithmetic: no bit depends on the
//! number of threads, on a library's version or on rounding.

use crate::args;
use crate::output::Output;
use anyhow::{Context, Result};
use lanegrad_fit::data::npy;
use lanegrad_fit::{Dtype, Number};
use rayon::prelude::*;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The `.npy` to write: features uniform in [-1, 1), and the label, 0 or 1, as the last column.
    output: PathBuf,
    /// The number of rows.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    rows: u64,
    /// The number of features.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    cols: u64,
    /// The seed of the generator: another seed gives another data set.
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// The type of the numbers.
    #[arg(long, value_name = "TYPE", value_parser = args::dtype(), default_value_t = Dtype::F32)]
    dtype: Dtype,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match args.dtype {
        Dtype::F32 => write::<f32>(args),
        Dtype::F64 => write::<f64>(args),
    }
}

/// The number of numbers in a block, which is made and then written.
const BLOCK_NUMBERS: usize = 1 << 22;

fn write<T: Number + bytemuck::NoUninit>(args: &Args) -> Result<()> {
    let (rows, cols) = (usize::try_from(args.rows)?, usize::try_from(args.cols)?);
    let mut out = Output::create(&args.output)?;
    out.write(&npy::header(T::DTYPE, rows, cols + 1))?;
    let block_rows = (BLOCK_NUMBERS / (cols + 1)).max(1);
    let mut block = vec![T::default(); block_rows.min(rows) * (cols + 1)];
    for start in (0..rows).step_by(block_rows) {
        let block = &mut block[..block_rows.min(rows - start) * (cols + 1)];
        let rows = block.par_chunks_exact_mut(cols + 1).enumerate();
        rows.for_each(|(i, row)| fill(row, args.seed, (start + i) as u64));
        out.write(bytemuck::cast_slice(block))?;
    }
    out.finish().with_context(|| format!("{rows} rows of {cols} features and a label"))
}

/// Makes a row: features of 24 bits, and as the label whether their weighted sum, with noise of about the same
/// size, is positive.
fn fill<T: Number>(row: &mut [T], seed: u64, number: u64) {
    const HALF: i64 = 1 << 23;
    let Some((label, features)) = row.split_last_mut() else { return };
    let first = number.wrapping_mul(features.len() as u64 + 4);
    let draw = |i: usize| (split_mix(seed, first.wrapping_add(i as u64)) >> 40) as i64 - HALF;
    let (mut sum, mut squares) = (0_i64, 0_i64);
    for (j, feature) in features.iter_mut().enumerate() {
        let (x, weight) = (draw(j), (37 * j as i64 + 9) % 19 - 9);
        sum += weight * x;
        squares += weight * weight;
        *feature = T::nearest(x as f64 / HALF as f64);
    }
    // Four uniform numbers have twice the deviation of one.
    let noise: i64 = (0..4).map(|i| draw(features.len() + i)).sum();
    let positive = 2 * sum + noise * squares.max(1).isqrt() > 0;
    *label = T::nearest(f64::from(u8::from(positive)));
}

/// The `i`-th number of the sequence of a seed.
fn split_mix(seed: u64, i: u64) -> u64 {
    let mut z = seed.wrapping_add(i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::{fill, split_mix};

    #[test]
    fn the_generator_is_split_mix() {
        // The first numbers of seed 1234567, as published with the generator's reference code.
        let first: Vec<u64> = (0..3).map(|i| split_mix(1_234_567, i)).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn rows_are_exact_in_both_types() {
        let (mut single, mut double) = ([0.0_f32; 65], [0.0_f64; 65]);
        let mut positive = 0.0;
        for number in 0..1000 {
            fill(&mut single, 7, number);
            fill(&mut double, 7, number);
            assert!(single.iter().zip(&double).all(|(&s, &d)| f64::from(s) == d));
            assert!(double[..64].iter().all(|x| (-1.0..1.0).contains(x)));
            positive += double[64];
        }
        assert!((400.0..600.0).contains(&positive));
    }
}
