//! Mean and standard deviation of every column, in one pass over the rows.
//!
//! Blocks that fit into a cache are read twice: for the mean (as a distance from the first row, so that equal
//! numbers have exactly that mean), and for the squared distances from it. The blocks' results are merged by the
//! formula of Chan, Golub and LeVeque ("Updating Formulae and a Pairwise Algorithm for Computing Sample Variances",
//! 1979), in the order of the rows. How blocks are cut depends on the shape alone, so the number of threads changes
//! no bit.

use crate::features::Features;
use crate::number::Number;
use lanegrad::{Batch, Rows, Storage};
use rayon::prelude::*;
use std::ops::Range;

/// Mean and scale of each column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moments {
    pub(crate) means: Vec<f64>,
    /// Standard deviations, with the number of rows (or the sum of their weights) as the divisor; 1 where
    /// all numbers are equal.
    pub(crate) scales: Vec<f64>,
}

/// A column whose mean or scale is not finite.
#[derive(Debug)]
pub(crate) struct NotFinite {
    /// The column.
    pub(crate) place: usize,
    /// The first row whose number is not finite, and that number; `None` if all are, but too large.
    pub(crate) number: Option<(usize, f64)>,
}

/// The bytes of a block: a part of a second-level cache.
const BLOCK_BYTES: usize = 128 << 10;

/// Blocks that one thread merges before it hands over the result.
const RUN: usize = 64;

impl Moments {
    /// Mean and scale of each feature. If one is not finite, the error has the number that causes it.
    pub(crate) fn of_features<S: Number + Storage<T>, T: Number>(
        batch: &Batch<'_, S, T>,
        features: &Features,
    ) -> Result<Self, NotFinite> {
        let (rows, weights) = (batch.rows(), batch.sample_weights());
        let counts = |row: usize| weights.is_none_or(|weights| weights[row].double() > 0.0);
        let all = Self::new(rows, weights);
        for &place in &features.places {
            if !all.means[place].is_finite() || !all.scales[place].is_finite() {
                let mut numbers = rows.iter().map(|row| row[place].double()).enumerate();
                let number = numbers.find(|&(row, x)| counts(row) && !x.is_finite());
                return Err(NotFinite { place, number });
            }
        }
        let of_features = |numbers: &[f64]| features.places.iter().map(|&place| numbers[place]).collect();
        Ok(Self { means: of_features(&all.means), scales: of_features(&all.scales) })
    }

    /// Mean and scale of each column, in one pass over the rows. There is at least one column, and one weight
    /// for each row if there are weights: rows of weight 0 do not count, whatever they hold.
    fn new<S: Number, T: Number>(rows: Rows<'_, S>, weights: Option<&[T]>) -> Self {
        let block = (BLOCK_BYTES / (rows.ncols() * size_of::<S>())).max(1);
        let run = block * RUN;
        let runs = (0..rows.nrows().div_ceil(run)).into_par_iter().map(|i| {
            let end = rows.nrows().min((i + 1) * run);
            let mut sum = Partial::empty(rows.ncols());
            for start in (i * run..end).step_by(block) {
                sum.merge(&Partial::of(rows, weights, start..end.min(start + block)));
            }
            sum
        });
        // In order: `collect` keeps it, a reduction would not.
        let runs: Vec<Partial> = runs.collect();
        let mut all = Partial::empty(rows.ncols());
        runs.iter().for_each(|run| all.merge(run));
        let scale = |&squares: &f64| if squares > 0.0 { (squares / all.count).sqrt() } else { 1.0 };
        Self { scales: all.squares.iter().map(scale).collect(), means: all.means }
    }
}

/// Weight, means and sums of squares of some rows.
struct Partial {
    count: f64,
    means: Vec<f64>,
    /// Sums of the squared distances from the means.
    squares: Vec<f64>,
}

impl Partial {
    fn empty(cols: usize) -> Self {
        Self { count: 0.0, means: vec![0.0; cols], squares: vec![0.0; cols] }
    }

    fn of<S: Number, T: Number>(rows: Rows<'_, S>, weights: Option<&[T]>, block: Range<usize>) -> Self {
        let mut partial = Self::empty(rows.ncols());
        let weighted = |i: usize| {
            let weight = weights.map_or(1.0, |weights| weights[i].double());
            rows.row(i).filter(|_| weight > 0.0).map(|row| (row, weight))
        };
        let in_block = || block.clone().filter_map(weighted);
        let Some((first, _)) = in_block().next() else { return partial };
        for (row, weight) in in_block() {
            partial.count += weight;
            for ((sum, x), first) in partial.means.iter_mut().zip(row).zip(first) {
                *sum += weight * (x.double() - first.double());
            }
        }
        for (mean, first) in partial.means.iter_mut().zip(first) {
            *mean = first.double() + *mean / partial.count;
        }
        for (row, weight) in in_block() {
            for ((square, mean), x) in partial.squares.iter_mut().zip(&partial.means).zip(row) {
                let distance = x.double() - mean;
                *square += weight * distance * distance;
            }
        }
        partial
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0.0 {
            return;
        }
        let count = self.count + other.count;
        let columns = self.means.iter_mut().zip(&mut self.squares);
        for ((mean, square), (other_mean, other_square)) in
            columns.zip(other.means.iter().zip(&other.squares))
        {
            let distance = other_mean - *mean;
            *mean += distance * (other.count / count);
            *square += other_square + distance * distance * (self.count * other.count / count);
        }
        self.count = count;
    }
}

#[cfg(test)]
mod tests {
    use super::Moments;
    use lanegrad::Rows;

    #[test]
    fn they_are_those_of_the_textbook() {
        let rows = 40_000;
        let data: Vec<f64> = (0..rows * 3)
            .map(|i| match i % 3 {
                0 => (i * 7919 % 613) as f64,
                1 => 1e9 + (i % 5) as f64,
                _ => 0.1,
            })
            .collect();
        let moments = Moments::new::<f64, f64>(Rows::new(&data, rows, 3).unwrap(), None);
        for column in 0..3 {
            let numbers = || data.iter().skip(column).step_by(3);
            let mean = numbers().sum::<f64>() / rows as f64;
            let variance = numbers().map(|x| (x - mean) * (x - mean)).sum::<f64>() / rows as f64;
            let scale = if column == 2 { 1.0 } else { variance.sqrt() };
            assert!((moments.means[column] / mean - 1.0).abs() < 1e-12);
            assert!((moments.scales[column] / scale - 1.0).abs() < 1e-9, "{moments:?}");
        }
    }

    #[test]
    fn equal_numbers_have_a_scale_of_one() {
        let data = vec![0.1; 100_000];
        let moments = Moments::new::<f64, f64>(Rows::new(&data, data.len(), 1).unwrap(), None);
        assert_eq!(moments, Moments { means: vec![0.1], scales: vec![1.0] });
    }

    #[test]
    fn weights_count_rows_as_often() {
        let data = [1.0, 5.0, f64::NAN, 2.0];
        let weighted = Moments::new(Rows::new(&data, 4, 1).unwrap(), Some(&[2.0, 1.0, 0.0, 1.0]));
        let repeated = Moments::new::<f64, f64>(Rows::new(&[1.0, 1.0, 5.0, 2.0], 4, 1).unwrap(), None);
        assert!((weighted.means[0] - repeated.means[0]).abs() < 1e-15);
        assert!((weighted.scales[0] - repeated.scales[0]).abs() < 1e-15);
    }

    #[test]
    fn threads_change_no_bit() {
        let (rows, cols) = (100_000, 7);
        let data: Vec<f32> = (0..rows * cols).map(|i| (i * 7919 % 104_729) as f32 * 0.37).collect();
        let rows = Rows::new(&data, rows, cols).unwrap();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Moments::new::<f32, f64>(rows, None))
        };
        assert_eq!(on(1), on(3));
    }
}
