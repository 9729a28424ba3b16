//! Means of columns without their missing cells, which are filled with them.

use crate::number::Held;

/// Weighted means of columns, whose numbers are added row by row. Missing ones, which are NaN, do not count.
pub(crate) struct Means {
    columns: Vec<Mean>,
}

#[derive(Clone, Copy, Default)]
struct Mean {
    /// The first number that counts. Sums are of distances from it, so that equal numbers have exactly that mean.
    first: f64,
    sum: f64,
    weight: f64,
}

impl Means {
    /// Means of columns without rows.
    pub(crate) fn new(ncols: usize) -> Self {
        Self { columns: vec![Mean::default(); ncols] }
    }

    /// Adds a row that counts as often as its weight says.
    pub(crate) fn add<S: Held>(&mut self, row: impl Iterator<Item = S>, weight: f64) {
        if weight == 0.0 {
            return;
        }
        for (mean, x) in self.columns.iter_mut().zip(row) {
            let x = x.double();
            if x.is_nan() {
                continue;
            }
            if mean.weight == 0.0 {
                mean.first = x;
            }
            mean.sum += weight * (x - mean.first);
            mean.weight += weight;
        }
    }

    /// These means as numbers, so that others can go on with them.
    pub(crate) fn to_numbers(&self) -> Vec<f64> {
        self.columns.iter().flat_map(|mean| [mean.first, mean.sum, mean.weight]).collect()
    }

    /// The means that numbers are; `None` unless they are those of so many columns.
    pub(crate) fn of_numbers(numbers: &[f64], ncols: usize) -> Option<Self> {
        let (columns, rest) = numbers.as_chunks();
        let is_whole = rest.is_empty() && columns.len() == ncols;
        let mean = |&[first, sum, weight]: &[f64; 3]| Mean { first, sum, weight };
        is_whole.then(|| Self { columns: columns.iter().map(mean).collect() })
    }

    /// The mean of each column, rounded to a type; `None` without a number that counts.
    pub(crate) fn finish<S: Held>(&self) -> Vec<Option<f64>> {
        let mean = |mean: &Mean| (mean.weight > 0.0).then(|| S::rounded(mean.first + mean.sum / mean.weight));
        self.columns.iter().map(mean).collect()
    }
}

/// Puts the value of its column into each cell that is NaN, and returns how many these are.
pub(crate) fn fill<S: Held>(rows: &mut [S], values: &[S]) -> u64 {
    let mut filled = 0;
    for row in rows.chunks_exact_mut(values.len().max(1)) {
        for (x, &value) in row.iter_mut().zip(values) {
            if x.double().is_nan() {
                *x = value;
                filled += 1;
            }
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::{Means, fill};

    #[test]
    fn missing_cells_and_rows_without_weight_do_not_count() {
        let nan = f64::NAN;
        let rows =
            [[nan, 1e12, nan], [1.0, 1e12, nan], [5.0, nan, nan], [100.0, 1e12, 3.0], [3.0, 1e12, nan]];
        let mut means = Means::new(3);
        for (row, weight) in rows.iter().zip([1.0, 2.0, 1.0, 0.0, 1.0]) {
            means.add(row.iter().copied(), weight);
        }
        assert_eq!(means.finish::<f64>(), [Some(2.5), Some(1e12), None]);
        let mut all = rows.concat();
        assert_eq!(fill(&mut all, &[2.5, 1e12, 7.0]), 6);
        assert_eq!(all[..3], [2.5, 1e12, 7.0]);
        assert_eq!(all[9..12], [100.0, 1e12, 3.0]);
    }

    #[test]
    fn means_are_rounded_to_the_type_of_the_numbers() {
        let mut means = Means::new(1);
        [0.1_f32, 0.2, 0.4].into_iter().for_each(|x| means.add([x].into_iter(), 1.0));
        let [Some(mean)] = means.finish::<f32>()[..] else { panic!("there is a mean") };
        assert!((mean - 0.7 / 3.0).abs() < 2e-8);
    }
}
