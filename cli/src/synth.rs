//! `lanegrad synth`: a synthetic data set of any size, the same on every machine.
//!
//! Numbers come from SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators",
//! 2014), each from its own number in the file, and labels from integer arithmetic: no bit depends on the
//! number of threads, on a library's version or on rounding.

use crate::args;
use crate::matrix::{Beside, Format, for_dtype};
use crate::output::Output;
use anyhow::{Context, Result};
use lanegrad_fit::data::{npy, safetensors};
use lanegrad_fit::{Dtype, Held};
use rayon::prelude::*;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file to write: features uniform in [-1, 1), rounded to their type, and labels of 0 or 1. A `.npy` has the
    /// label as its last column; a `.safetensors`, if the name ends so, has the features as the tensor `X` and the labels
    /// as `y`.
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
    /// The type of the numbers. i8 are the features times 128, rounded down, and u8 these plus 128. bf16 is for
    /// `.safetensors`.
    #[arg(long, value_name = "TYPE", value_parser = args::dtype(), default_value_t = Dtype::F32)]
    dtype: Dtype,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    for_dtype!(args.dtype, S => write::<S>(args))
}

/// The number of numbers in a block, which is made and then written.
const BLOCK_NUMBERS: usize = 1 << 22;

fn write<S: Held + bytemuck::NoUninit>(args: &Args) -> Result<()> {
    let (rows, cols) = (usize::try_from(args.rows)?, usize::try_from(args.cols)?);
    let format = Format::of(&args.output);
    let is_apart = format == Format::Safetensors;
    let width = if is_apart { cols } else { cols + 1 };
    let header = match format {
        Format::Npy => npy::header(S::DTYPE, rows, width)?,
        Format::Safetensors => {
            safetensors::header(&[("X", S::DTYPE, &[rows, width]), ("y", Dtype::U8, &[rows])], None)
        }
    };
    let beside = Beside::of(&args.output, format)?;
    let mut out = Output::create(&args.output)?;
    out.write(&header)?;
    let block_rows = (BLOCK_NUMBERS / width).max(1);
    let mut block = vec![S::default(); block_rows.min(rows) * width];
    let mut labels = Vec::new();
    for start in (0..rows).step_by(block_rows) {
        let block = &mut block[..block_rows.min(rows - start) * width];
        let rows = block.par_chunks_exact_mut(width).enumerate();
        let positive = rows.map(|(i, row)| {
            let positive = fill(&mut row[..cols], args.seed, (start + i) as u64);
            if let Some(label) = row.get_mut(cols) {
                *label = S::near(f64::from(positive)).unwrap_or_default();
            }
            positive
        });
        if is_apart {
            labels.par_extend(positive);
        } else {
            positive.for_each(|_| {});
        }
        out.write(bytemuck::cast_slice(block))?;
    }
    out.write(&labels)?;
    let finished = Beside::finish(beside, out, None);
    finished.with_context(|| format!("{rows} rows of {cols} features and a label"))
}

/// Half of the numbers that a feature is drawn from.
const HALF: i64 = 1 << 23;

/// The feature that a number from -`HALF` up is: less its last 16 bits as an integer of 8 bits, and the nearest one to the
/// number divided by `HALF` for others.
fn feature<S: Held>(x: i64) -> S {
    let x = match S::DTYPE {
        Dtype::I8 => (x >> 16) as f64,
        Dtype::U8 => ((x >> 16) + 128) as f64,
        _ => x as f64 / HALF as f64,
    };
    S::near(x).unwrap_or_default()
}

/// Makes the features of a row, of 24 bits before they are rounded, and its label: 1 if their weighted sum, with noise of
/// about the same size, is positive, and else 0. It is the same for features of any type.
fn fill<S: Held>(features: &mut [S], seed: u64, number: u64) -> u8 {
    let first = number.wrapping_mul(features.len() as u64 + 4);
    let draw = |i: usize| (split_mix(seed, first.wrapping_add(i as u64)) >> 40) as i64 - HALF;
    let (mut sum, mut squares) = (0_i64, 0_i64);
    for (j, out) in features.iter_mut().enumerate() {
        let (x, weight) = (draw(j), (37 * j as i64 + 9) % 19 - 9);
        sum += weight * x;
        squares += weight * weight;
        *out = feature(x);
    }
    // Four uniform numbers have twice the deviation of one.
    let noise: i64 = (0..4).map(|i| draw(features.len() + i)).sum();
    u8::from(2 * sum + noise * squares.max(1).isqrt() > 0)
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
    use super::{feature, fill, split_mix};
    use half::{bf16, f16};

    #[test]
    fn the_generator_is_split_mix() {
        // The first numbers of seed 1234567, as published with the generator's reference code.
        let first: Vec<u64> = (0..3).map(|i| split_mix(1_234_567, i)).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn rows_are_exact_in_both_types() {
        let (mut single, mut double) = ([0.0_f32; 64], [0.0_f64; 64]);
        let mut positive = 0;
        for number in 0..1000 {
            let label = fill(&mut double, 7, number);
            assert_eq!(fill(&mut single, 7, number), label);
            assert!(single.iter().zip(&double).all(|(&s, &d)| f64::from(s) == d));
            assert!(double.iter().all(|x| (-1.0..1.0).contains(x)));
            positive += u32::from(label);
        }
        assert!((400..600).contains(&positive));
    }

    #[test]
    fn small_numbers_are_those_of_the_same_draws() {
        for x in (-1 << 23..1 << 23).step_by(4099).chain([-1 << 23, -1, 0, 1, (1 << 23) - 1]) {
            let exact = x as f64 / (1 << 23) as f64;
            assert_eq!(feature::<bf16>(x), bf16::from_f32(exact as f32), "exact in f32");
            assert_eq!(feature::<f16>(x), f16::from_f32(exact as f32));
            assert_eq!(f64::from(feature::<i8>(x)), (exact * 128.0).floor());
            assert_eq!(f64::from(feature::<u8>(x)), (exact * 128.0).floor() + 128.0);
        }
        let (mut small, mut single) = ([0_i8; 64], [0.0_f32; 64]);
        assert_eq!(fill(&mut small, 7, 3), fill(&mut single, 7, 3), "the label is that of the draws");
    }
}
