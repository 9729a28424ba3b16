//! The fit of a batch: what is asked for, and what comes out.

use crate::error::{Error, ensure};
use crate::features::Features;
use crate::metrics::Metrics;
use crate::moments::{Failure, Fault};
use crate::number::{Held, Number};
use crate::optimize::{Each, Ending, Observer, Progress};
use crate::solve::{Begin, Start, solve};
use lanegrad::{Batch, Params, Storage};
use std::time::Duration;

/// The penalty of a fit, and the limits at which it stops.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// The penalty λ, 0 or more: the objective is the mean log-loss + λ/2 Σ w². The bias is not penalised.
    /// 0 by default.
    pub l2: f64,
    /// True to fit a bias, false for a bias of 0: columns are then not centred, and root mean squares stand in for
    /// standard deviations everywhere. `true` by default.
    pub bias: bool,
    /// True for a penalty on the weights of standardised columns (less their mean, over their standard
    /// deviation), false for one on those of the columns as they are. `false` by default.
    pub standardize: bool,
    /// The fit has converged when no entry of the gradient, by the weights of standardised columns, is
    /// larger. 10⁻⁶ by default.
    pub tolerance: f64,
    /// The largest number of iterations. 1000 by default.
    pub max_iterations: u64,
    /// True to look at the result of a fit of rows in memory: [`Fit::metrics`], which takes a sort of the rows by their
    /// scores, and [`Fit::warnings`]. `true` by default.
    pub report: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { l2: 0.0, bias: true, standardize: false, tolerance: 1e-6, max_iterations: 1000, report: true }
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let valid = |x: f64| x >= 0.0 && x.is_finite();
        ensure!(valid(self.l2), "the penalty is {}, not a finite number of at least 0", self.l2);
        ensure!(
            valid(self.tolerance),
            "the tolerance is {}, not a finite number of at least 0",
            self.tolerance
        );
        Ok(())
    }
}

/// A fact about the data, and so about the result, that its user should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Warning {
    /// All rows are of one class: the bias has no finite optimum.
    OneClass,
    /// The classes can be separated, and there is no penalty: the weights have no finite optimum.
    Separable,
    /// The classes can be separated but for rows that lie on the boundary, and there is no penalty: the weights have
    /// no finite optimum.
    QuasiSeparable,
    /// The numbers of a column are so far from 0, for their spread, that rounding in this arithmetic may have moved
    /// the objective by more than 0.01.
    Unresolved {
        /// The column, as a number from 0 among the features.
        column: usize,
        /// True where arithmetic in `f64` can resolve it.
        by_f64: bool,
    },
}

/// The result of a fit.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fit {
    /// A weight for each column, to be applied to its numbers as they are; 0 where its numbers cannot be told from the
    /// bias, as all are equal.
    pub weights: Vec<f64>,
    /// The bias.
    pub bias: f64,
    /// The mean of each column; 0 in a fit without a bias.
    pub means: Vec<f64>,
    /// The standard deviation of each column, with the number of rows (or the sum of their weights) as the
    /// divisor; 1 where all numbers are equal. In a fit without a bias, the root mean square; 1 where all are 0.
    pub scales: Vec<f64>,
    /// The number of rows.
    pub nrows: usize,
    /// The mean log-loss, without the penalty.
    pub loss: f64,
    /// The objective: the loss with the penalty.
    pub objective: f64,
    /// The largest entry of the gradient by the weights of standardised columns.
    pub gradient: f64,
    /// Iterations of the optimiser.
    pub iterations: u64,
    /// Passes over the rows, but for those of means, scales and metrics.
    pub passes: usize,
    /// The time of these passes, or of those since it went on from a checkpoint, and of those for means and scales.
    pub elapsed: Duration,
    /// The reason why the fit ended.
    pub ending: Ending,
    /// Facts about the result that its user should know.
    pub warnings: Vec<Warning>,
    /// Log-loss, accuracy and AUC of the model over these rows; `None` where they are not in memory
    /// ([`train`](crate::train)), or no [report](Options::report) was asked for.
    pub metrics: Option<Metrics>,
}

/// Fits a logistic regression to a batch, whose columns are all features. `observe` is called after each
/// iteration. It runs on the threads of the caller's rayon pool. Weights of classes count as sample weights.
///
/// # Errors
///
/// If rows have offsets or are gathered, an option is out of its range, the batch has no rows or columns, a number in
/// it is not finite, the numbers of a column are too large or differ by too little to compute with, no sample weight is
/// above 0 or the largest is too extreme, or the objective or a weight does not stay finite.
pub fn fit<S: Held + Storage<T>, T: Number>(
    batch: &Batch<'_, S, T>,
    options: &Options,
    observe: impl FnMut(&Progress),
) -> Result<Fit, Error> {
    fit_from(batch, options, None, &mut Each(observe))
}

/// The same from given parameters on, as those of an earlier fit, instead of from 0. The observer hears of every pass and
/// iteration, and can end the fit.
///
/// ```
/// use lanegrad::{Batch, Params, Rows};
/// use lanegrad_fit::{Options, fit, fit_from};
///
/// let rows = Rows::new(&[0.5, 1.0, -1.0, 0.0, 2.0, 1.5, 0.0, -0.5], 4, 2)?;
/// let batch = Batch::new(rows, &[1.0, 0.0, 1.0, 0.0])?;
/// let mut options = Options::default();
/// options.l2 = 0.1;
/// let first = fit(&batch, &options, |_| {})?;
/// options.l2 = 0.09;
/// let start = Params::new(&first.weights[..], first.bias);
/// let second = fit_from(&batch, &options, Some(start), &mut ())?;
/// assert!(second.loss < first.loss);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Those of [`fit`], and if there is not a finite weight for each column to start from.
pub fn fit_from<S: Held + Storage<T>, T: Number>(
    batch: &Batch<'_, S, T>,
    options: &Options,
    from: Option<Params<'_, f64>>,
    observer: &mut dyn Observer,
) -> Result<Fit, Error> {
    let features = Features::all(batch.rows().ncols());
    let start = Start { options, quantization: None, tag: 0, begin: from.map_or(Begin::AtZero, Begin::At) };
    solve(&[*batch], &features, start, observer).map_err(|failure| match failure {
        Failure::Feature(column, fault @ Fault::NotFinite { row, .. }) => {
            Error::new(format!("row {row}, column {column}: {}", fault.words()))
        }
        Failure::Feature(column, fault) => Error::new(format!("column {column}: {}", fault.words())),
        Failure::Other(error) => error,
    })
}

#[cfg(test)]
mod tests {
    use super::{Fit, Options, Warning, fit, fit_from};
    use crate::error::chain;
    use crate::optimize::Ending;
    use lanegrad::{Batch, Params, Rows};
    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    const X: [f64; 8] = [0.5, 1.0, -1.0, 0.0, 2.0, 1.5, 0.0, -0.5];
    const Y: [f64; 4] = [1.0, 0.0, 0.0, 1.0];

    fn batch<'a>(x: &'a [f64], y: &'a [f64]) -> Batch<'a, f64, f64> {
        Batch::new(Rows::new(x, y.len(), x.len() / y.len()).unwrap(), y).unwrap()
    }

    #[test]
    fn the_gradient_is_zero_at_the_result() {
        let options = Options { l2: 0.1, tolerance: 1e-12, ..Options::default() };
        let mut iterations = 0;
        let found = fit(&batch(&X, &Y), &options, |progress| iterations = progress.iteration).unwrap();
        assert_eq!((found.ending, found.iterations), (Ending::Converged, iterations));
        let [mut w0, mut w1, mut bias] = [0.1 * found.weights[0], 0.1 * found.weights[1], 0.0];
        for (x, y) in X.chunks(2).zip(Y) {
            let z = x[0] * found.weights[0] + x[1] * found.weights[1] + found.bias;
            let residual = (1.0 / (1.0 + (-z).exp()) - y) / 4.0;
            (w0, w1, bias) = (w0 + residual * x[0], w1 + residual * x[1], bias + residual);
        }
        assert!([w0, w1, bias].iter().all(|x| x.abs() < 1e-11), "{w0}, {w1}, {bias}");
    }

    #[test]
    fn what_a_user_should_know_is_a_warning() {
        let options = Options::default();
        let of = |y: [f64; 4], options: Options| fit(&batch(&X, &y), &options, |_| {}).unwrap().warnings;
        assert_eq!(of([1.0; 4], options), [Warning::OneClass]);
        assert_eq!(of([1.0, 0.0, 1.0, 0.0], options), [Warning::Separable]);
        assert_eq!(of(Y, Options { l2: 1.0, ..options }), []);
        let one = fit(&batch(&X, &Y), &Options { max_iterations: 1, ..options }, |_| {}).unwrap();
        assert_eq!((one.ending, one.iterations), (Ending::OutOfIterations, 1));
        let none = fit(&batch(&X, &Y), &Options { max_iterations: 0, ..options }, |_| {}).unwrap();
        assert_eq!((none.ending, none.passes, none.bias), (Ending::OutOfIterations, 1, 0.0));
    }

    /// Σ of the gradient's entries by a column, of the mean loss with the penalty, in the obvious way.
    fn derivative(x: &[f64], y: &[f64], found: &Fit, column: usize, l2: f64) -> f64 {
        let ncols = found.weights.len();
        let of_row = |(row, y): (&[f64], &f64)| {
            let z: f64 = row.iter().zip(&found.weights).map(|(x, w)| x * w).sum::<f64>() + found.bias;
            (1.0 / (1.0 + (-z).exp()) - y) * row[column]
        };
        x.chunks(ncols).zip(y).map(of_row).sum::<f64>() / y.len() as f64 + l2 * found.weights[column]
    }

    #[test]
    fn without_a_bias_it_is_zero_and_weights_are_optimal() {
        // The first column is constant, which tells classes apart where there is no bias; the last is 0.
        let x: Vec<f64> = (0..60).flat_map(|i| [2.0, f64::from(i * 37 % 60) / 10.0 - 1.0, 0.0]).collect();
        let y: Vec<f64> = (0..60).map(|i| f64::from(u8::from((i * 37 % 60 + i % 7) > 33))).collect();
        for l2 in [0.0, 0.1] {
            for standardize in [false, true] {
                let options =
                    Options { l2, standardize, bias: false, tolerance: 1e-10, ..Options::default() };
                let found = fit(&batch(&x, &y), &options, |_| {}).unwrap();
                assert_eq!((found.ending, found.bias, found.weights[2]), (Ending::Converged, 0.0, 0.0));
                assert!(found.weights[0] != 0.0, "{found:?}");
                for column in 0..2 {
                    let scale = if standardize { found.scales[column] } else { 1.0 };
                    let slope = derivative(&x, &y, &found, column, l2 * scale * scale);
                    assert!(slope.abs() < 1e-8, "{l2}, {standardize}: {slope}");
                }
            }
        }
        let nothing = fit(&batch(&[0.0; 4], &Y), &Options { bias: false, ..Options::default() }, |_| {});
        assert_eq!(nothing.unwrap().weights, [0.0]);
        // One class, and a column that is not always on one side: no bias runs away.
        let one = Options { bias: false, ..Options::default() };
        assert_eq!(fit(&batch(&X, &[1.0; 4]), &one, |_| {}).unwrap().warnings, []);
    }

    #[test]
    fn a_fit_goes_on_from_the_parameters_of_another() {
        let (x, y) = overlapping(500);
        // Constant columns, whose weights the bias takes up.
        let x: Vec<f64> = x.chunks(2).flat_map(|row| [row[0], 3.0, row[1]]).collect();
        for bias in [true, false] {
            let options = Options { l2: 0.01, bias, tolerance: 1e-9, ..Options::default() };
            let cold = fit(&batch(&x, &y), &options, |_| {}).unwrap();
            let from = |weights: &[f64], bias: f64| {
                fit_from(&batch(&x, &y), &options, Some(Params::new(weights, bias)), &mut ())
            };
            let warm = from(&cold.weights, cold.bias).unwrap();
            assert!(
                warm.iterations <= 1 && cold.iterations > 3,
                "{} and {}",
                warm.iterations,
                cold.iterations
            );
            assert!((warm.objective - cold.objective).abs() < 1e-15);
            if bias {
                let moved = [cold.weights[0], 1.0, cold.weights[2]];
                assert!(from(&moved, cold.bias - 3.0).unwrap().iterations <= 1);
            } else {
                assert!(
                    chain(&from(&cold.weights, 1.0).unwrap_err()).contains("the bias to start from is 1")
                );
            }
            assert!(chain(&from(&[1.0], 0.0).unwrap_err()).contains("1 weights to start from, for 3"));
            assert!(chain(&from(&[1.0, f64::NAN, 0.0], 0.0).unwrap_err()).contains("not finite"));
        }
    }

    #[test]
    fn without_a_report_the_fit_is_the_same() {
        let with = fit(&batch(&X, &Y), &Options::default(), |_| {}).unwrap();
        let options = Options { report: false, ..Options::default() };
        let without = fit(&batch(&X, &Y), &options, |_| {}).unwrap();
        assert_eq!((&without.weights, without.passes), (&with.weights, with.passes));
        assert!(without.metrics.is_none() && with.metrics.is_some());
    }

    /// Random rows of two columns, of which the second says which class most rows are of.
    fn overlapping(nrows: u32) -> (Vec<f64>, Vec<f64>) {
        let row = |i: u64| [(i * 7919 % 613) as f64 / 300.0 - 1.0, (i * 104_729 % 17 % 2) as f64];
        let x: Vec<f64> = (0..nrows.into()).flat_map(row).collect();
        let label = |(i, row): (u32, &[f64])| f64::from(u8::from(row[0] + f64::from(i % 5) > 2.0));
        let y = (0..).zip(x.chunks(2)).map(label).collect();
        (x, y)
    }

    #[test]
    fn quasi_separation_is_found_and_nothing_is_taken_for_it() {
        let of = |x: &[f64], y: &[f64], l2| {
            let options = Options { l2, ..Options::default() };
            fit(&batch(x, y), &options, |_| {}).unwrap().warnings
        };
        for nrows in [30, 100, 1000, 20_000] {
            let (x, mut y) = overlapping(nrows);
            assert_eq!(of(&x, &y, 0.0), [], "{nrows}");
            // All rows with the indicator are positive, the others are of both classes.
            y.iter_mut().zip(x.chunks(2)).filter(|(_, row)| row[1] == 1.0).for_each(|(y, _)| *y = 1.0);
            assert_eq!(of(&x, &y, 0.0), [Warning::QuasiSeparable], "{nrows}");
            assert_eq!(of(&x, &y, 1e-3), [], "{nrows}");
            // All but one: there is a finite optimum, though far away.
            *y.iter_mut().zip(x.chunks(2)).find(|(_, row)| row[1] == 1.0).unwrap().0 = 0.0;
            assert_eq!(of(&x, &y, 0.0), [], "{nrows}");
        }
    }

    /// More rows than are scored at a time, and those that go on for ever at either end.
    #[test]
    fn quasi_separation_is_found_in_any_order_of_rows() {
        let (x, _) = overlapping(200_000);
        let mut rows: Vec<&[f64]> = x.chunks(2).collect();
        for descending in [false, true] {
            rows.sort_by(|a, b| if descending { b[1].total_cmp(&a[1]) } else { a[1].total_cmp(&b[1]) });
            let label = |(i, row): (usize, &&[f64])| f64::from(u8::from(row[1] == 1.0 || i % 3 == 0));
            let y: Vec<f64> = rows.iter().enumerate().map(label).collect();
            let found = fit(&batch(&rows.concat(), &y), &Options::default(), |_| {}).unwrap();
            assert_eq!(found.warnings, [Warning::QuasiSeparable], "{descending}");
        }
    }

    #[test]
    fn quasi_separation_is_found_at_any_tolerance() {
        for nrows in [30, 100, 1000] {
            let (x, mut y) = overlapping(nrows);
            y.iter_mut().zip(x.chunks(2)).filter(|(_, row)| row[1] == 1.0).for_each(|(y, _)| *y = 1.0);
            for tolerance in [0.0, 1e-13, 1e-8] {
                let options = Options { tolerance, ..Options::default() };
                let found = fit(&batch(&x, &y), &options, |_| {}).unwrap();
                assert_eq!(found.warnings, [Warning::QuasiSeparable], "{nrows}, {tolerance}");
            }
        }
    }

    /// Numbers far from all others: the steps of a fit move their logits most, and to the right side.
    #[test]
    fn outliers_are_not_taken_for_quasi_separation() {
        let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
        for seed in 0..40 {
            let rng = &mut SmallRng::seed_from_u64(seed);
            let mut uniform = || rng.random_range(0.0..1.0);
            for outlier in [30.0, 300.0, 1000.0, 1e4, 1e5] {
                let mut x: Vec<f64> = (0..200).map(|_| uniform()).collect();
                let label = |x: &f64| f64::from(u8::from(uniform() < sigmoid(3.0 * (x - 0.5))));
                let mut y: Vec<f64> = x.iter().map(label).collect();
                x.push(outlier);
                y.push(1.0);
                let found = fit(&batch(&x, &y), &Options::default(), |_| {}).unwrap();
                assert_eq!(found.warnings, [], "{seed}, {outlier}");
            }
            // As incomes are: e to the power of a sum of uniform numbers, of standard deviation 3.
            let mut normal = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
            let x: Vec<f64> = (0..200).map(|_| (3.0 * normal()).exp()).collect();
            let label = |x: &f64| f64::from(u8::from(uniform() < sigmoid(0.3 * x.ln())));
            let y: Vec<f64> = x.iter().map(label).collect();
            let found = fit(&batch(&x, &y), &Options::default(), |_| {}).unwrap();
            assert_eq!(found.warnings, [], "{seed}, incomes");
        }
    }

    #[test]
    fn a_wrong_row_of_hardly_any_weight_is_no_separation() {
        let (x, y) = ([-1.0, -0.5, 0.5, 1.0, 2.0], [0.0, 0.0, 1.0, 1.0, 0.0]);
        let weighted = batch(&x, &y).with_sample_weights(&[1.0, 1.0, 1.0, 1.0, 1e-20]).unwrap();
        let found = fit(&weighted, &Options::default(), |_| {}).unwrap();
        let metrics = found.metrics.unwrap();
        assert_eq!(metrics.correct, metrics.weight);
        assert_eq!(found.warnings, []);
    }

    #[test]
    fn in_f32_numbers_that_products_with_would_vanish_or_overflow_are_refused() {
        let (x, labels) = ([0.0_f32, 2.0, 3.0, 4.0, 1.0], [0.0_f32, 1.0, 0.0, 1.0, 0.0]);
        for (scale, words) in [(1e-45, "too little"), (1e-40, "too little"), (1e37, "too large")] {
            let x = x.map(|x| x * scale);
            let batch = Batch::new(Rows::new(&x, 5, 1).unwrap(), &labels).unwrap();
            let message = chain(&fit(&batch, &Options::default(), |_| {}).unwrap_err());
            assert!(message.contains(words), "{scale:e}: {message}");
        }
        for scale in [1e-24, 1e24] {
            let x = x.map(|x| x * scale);
            let batch = Batch::new(Rows::new(&x, 5, 1).unwrap(), &labels).unwrap();
            let found = fit(&batch, &Options::default(), |_| {}).unwrap();
            assert!(found.ending == Ending::Converged && found.weights[0] > 0.0, "{scale:e}");
        }
    }

    #[test]
    fn a_constant_column_changes_nothing() {
        let (x, y) = overlapping(500);
        for constant in [1.0, -0.1, 1e12, 1.7e18, 0.0] {
            let wide: Vec<f64> = x.chunks(2).flat_map(|row| [row[0], constant, row[1]]).collect();
            for (l2, standardize) in [(0.0, false), (1e-3, false), (1e-3, true)] {
                let options = Options { l2, standardize, tolerance: 1e-11, ..Options::default() };
                let with = fit(&batch(&wide, &y), &options, |_| {}).unwrap();
                let without = fit(&batch(&x, &y), &options, |_| {}).unwrap();
                assert_eq!((with.weights[1], with.means[1], with.scales[1]), (0.0, constant, 1.0));
                assert!((with.loss / without.loss - 1.0).abs() < 1e-12, "{constant}");
                let weights = [with.weights[0], with.weights[2], with.bias];
                let wanted = [without.weights[0], without.weights[1], without.bias];
                for (weight, wanted) in weights.into_iter().zip(wanted) {
                    assert!((weight - wanted).abs() < 1e-9, "{constant}: {weight}, not {wanted}");
                }
            }
        }
        // Nothing but constants: the bias alone.
        let found = fit(&batch(&[3.0; 4], &[1.0, 0.0, 1.0, 1.0]), &Options::default(), |_| {}).unwrap();
        assert_eq!((found.ending, &found.weights[..]), (Ending::Converged, &[0.0][..]));
        assert!((found.bias - 3.0_f64.ln()).abs() < 1e-5);
    }

    #[test]
    fn a_column_too_far_from_zero_for_the_arithmetic_is_named() {
        let (x, y) = overlapping(200);
        let far = |offset: f64| x.chunks(2).flat_map(|row| [row[0], row[1] + offset]).collect::<Vec<f64>>();
        let single: Vec<f32> = far(10_000.0).iter().map(|&x| x as f32).collect();
        let labels: Vec<f32> = y.iter().map(|&y| y as f32).collect();
        let batch_of_singles = Batch::new(Rows::new(&single, 200, 2).unwrap(), &labels).unwrap();
        let found = fit(&batch_of_singles, &Options::default(), |_| {}).unwrap();
        assert_eq!(found.warnings, [Warning::Unresolved { column: 1, by_f64: true }]);
        // The same numbers in f64, and further away.
        let found = fit(&batch(&far(10_000.0), &y), &Options::default(), |_| {}).unwrap();
        assert_eq!(found.warnings, []);
        let found = fit(&batch(&far(1e13), &y), &Options::default(), |_| {}).unwrap();
        assert_eq!(found.warnings, [Warning::Unresolved { column: 1, by_f64: false }]);
    }

    #[test]
    fn a_rare_indicator_is_not_far_from_zero() {
        // 2000 standard deviations, in one row of each class.
        let nrows = 8_000_000;
        let mut x = vec![0.0_f32; nrows];
        (x[7], x[8]) = (1.0, 1.0);
        let y: Vec<f32> = (0..nrows).map(|i| (i % 2) as f32).collect();
        let batch = Batch::new(Rows::new(&x, nrows, 1).unwrap(), &y).unwrap();
        assert_eq!(fit(&batch, &Options::default(), |_| {}).unwrap().warnings, []);
    }

    #[test]
    fn weights_of_classes_are_sample_weights_and_offsets_are_refused() {
        let plain = batch(&X, &Y);
        let weights: Vec<f64> = Y.iter().map(|&y| if y == 1.0 { 3.0 } else { 0.5 }).collect();
        let options = Options { l2: 0.1, ..Options::default() };
        let fitted = |batch: &Batch<'_, f64, f64>| {
            let super::Fit { metrics, weights, bias, loss, means, .. } =
                fit(batch, &options, |_| {}).unwrap();
            (format!("{metrics:?}"), weights, bias, loss, means)
        };
        let by_row = plain.with_sample_weights(&weights).unwrap();
        assert_eq!(fitted(&plain.with_class_weights([0.5, 3.0]).unwrap()), fitted(&by_row));
        let refused = fit(&plain.with_class_weights([0.0; 2]).unwrap(), &options, |_| {}).unwrap_err();
        assert_eq!(chain(&refused), "no row has a sample weight above 0");
        let refused = fit(&plain.with_offsets(&weights).unwrap(), &options, |_| {}).unwrap_err();
        assert_eq!(chain(&refused), "rows have offsets, which a fit does not take");
        let refused = fit(&plain.gather(&[0_u32, 1]).unwrap(), &options, |_| {}).unwrap_err();
        assert_eq!(chain(&refused), "the batch is gathered from rows, which a fit does not take");
    }

    #[test]
    fn sample_weights_that_would_overflow_or_vanish_are_named() {
        let message = |weights: [f64; 4]| {
            let weighted = batch(&X, &Y).with_sample_weights(&weights).unwrap();
            chain(&fit(&weighted, &Options::default(), |_| {}).unwrap_err())
        };
        assert_eq!(
            message([1e300, 1e308, 1.0, 0.0]),
            "the sample weights are too large: the largest is 1e308, and arithmetic in f64 needs one between 1e-25 and 1e25"
        );
        assert!(message([1e-320; 4]).starts_with("the sample weights are too small: the largest is 1e-320,"));
        assert_eq!(message([0.0; 4]), "no row has a sample weight above 0");
        // A factor in all of them changes nothing.
        let plain = fit(&batch(&X, &Y), &Options { l2: 0.1, ..Options::default() }, |_| {}).unwrap();
        for factor in [2.0_f64.powi(-80), 2.0_f64.powi(80)] {
            let weights = [factor; 4];
            let weighted = batch(&X, &Y).with_sample_weights(&weights).unwrap();
            let found = fit(&weighted, &Options { l2: 0.1, ..Options::default() }, |_| {}).unwrap();
            assert_eq!((found.weights, found.loss), (plain.weights.clone(), plain.loss), "{factor}");
        }
    }

    #[test]
    fn what_cannot_be_fitted_is_an_error() {
        let message =
            |x: &[f64], y: &[f64], options: &Options| chain(&fit(&batch(x, y), options, |_| {}).unwrap_err());
        let plain = Options::default();
        assert_eq!(
            message(&[1.0, f64::NAN, 2.0], &[0.0, 1.0, 0.0], &plain),
            "row 1, column 0: NaN is not finite"
        );
        let large = message(&[1e300, -1e300], &[0.0, 1.0], &plain);
        assert_eq!(large, "column 0: its numbers are too large to compute with");
        let negative = Options { l2: -1.0, ..plain };
        assert!(message(&X, &Y, &negative).contains("the penalty is -1"));
        let nan = Options { tolerance: f64::NAN, ..plain };
        assert!(message(&X, &Y, &nan).contains("the tolerance is NaN"));
        let rows = Rows::new(&[0.0_f64; 0], 0, 3).unwrap();
        let none = fit(&Batch::new(rows, &[0.0_f64; 0]).unwrap(), &plain, |_| {}).unwrap_err();
        assert_eq!(none.to_string(), "there are no rows");
        let rows = Rows::new(&[0.0_f64; 0], 1, 0).unwrap();
        let none = fit(&Batch::new(rows, &[0.0]).unwrap(), &plain, |_| {}).unwrap_err();
        assert_eq!(none.to_string(), "there is no column of features");
    }
}
