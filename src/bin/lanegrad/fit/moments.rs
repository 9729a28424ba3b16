//! Mean and standard deviation of every column, in one pass over the rows.
//!
//! Blocks that fit into a cache are read twice, for the mean and for the squares of what is left of it; the
//! blocks' results are merged by the formula of Chan, Golub and LeVeque ("Updating Formulae and a Pairwise
//! Algorithm for Computing Sample Variances", 1979), in the order of the rows. How blocks are cut depends on
//! the shape alone, so the number of threads changes no bit.

use crate::data::Number;
use lanegrad::Rows;
use rayon::prelude::*;

/// Mean and scale of each column.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    pub means: Vec<f64>,
    /// Standard deviations, with the number of rows as the divisor; 1 where all numbers are equal.
    pub scales: Vec<f64>,
}

/// Bytes of a block: a part of a second-level cache.
const BLOCK: usize = 128 << 10;

/// Blocks that one thread merges before it hands over the result.
const RUN: usize = 64;

impl Moments {
    /// Reads every row once. The rows have columns, and there is at least one row.
    pub fn new<S: Number>(rows: Rows<'_, S>) -> Self {
        let block = (BLOCK / (rows.cols() * size_of::<S>())).max(1);
        let run = block * RUN;
        let runs = (0..rows.rows().div_ceil(run)).into_par_iter().map(|i| {
            let end = rows.rows().min((i + 1) * run);
            let mut sum = Partial::empty(rows.cols());
            for start in (i * run..end).step_by(block) {
                sum.merge(&Partial::of(rows, start, end.min(start + block)));
            }
            sum
        });
        // In order: `collect` keeps it, a reduction would not.
        let runs: Vec<Partial> = runs.collect();
        let mut all = Partial::empty(rows.cols());
        runs.iter().for_each(|run| all.merge(run));
        let scale = |&squares: &f64| if squares > 0.0 { (squares / all.count).sqrt() } else { 1.0 };
        Self { scales: all.squares.iter().map(scale).collect(), means: all.means }
    }
}

/// What is known of some rows.
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

    fn of<S: Number>(rows: Rows<'_, S>, start: usize, end: usize) -> Self {
        let mut partial = Self::empty(rows.cols());
        partial.count = (end - start) as f64;
        let in_block = || (start..end).filter_map(|i| rows.row(i));
        for row in in_block() {
            for (sum, x) in partial.means.iter_mut().zip(row) {
                *sum += x.to_f64();
            }
        }
        partial.means.iter_mut().for_each(|sum| *sum /= partial.count);
        for row in in_block() {
            for ((square, mean), x) in partial.squares.iter_mut().zip(&partial.means).zip(row) {
                let distance = x.to_f64() - mean;
                *square += distance * distance;
            }
        }
        partial
    }

    fn merge(&mut self, other: &Self) {
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
                _ => 7.0,
            })
            .collect();
        let moments = Moments::new(Rows::new(&data, rows, 3).unwrap());
        for column in 0..3 {
            let numbers = || data.iter().skip(column).step_by(3);
            let mean = numbers().sum::<f64>() / rows as f64;
            let variance = numbers().map(|x| (x - mean) * (x - mean)).sum::<f64>() / rows as f64;
            let scale = if column == 2 { 1.0 } else { variance.sqrt() };
            assert!((moments.means[column] / mean - 1.0).abs() < 1e-13);
            assert!((moments.scales[column] / scale - 1.0).abs() < 1e-9, "{moments:?}");
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let (rows, cols) = (100_000, 7);
        let data: Vec<f32> = (0..rows * cols).map(|i| (i * 7919 % 104_729) as f32 * 0.37).collect();
        let rows = Rows::new(&data, rows, cols).unwrap();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Moments::new(rows))
        };
        assert_eq!(on(1), on(3));
    }
}
