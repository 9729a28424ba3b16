//! The fit of a batch: moments of the columns, then the optimiser on the objective, then metrics.

use crate::error::{Error, ensure};
use crate::features::Features;
use crate::metrics::{Metrics, MetricsSum};
use crate::moments::{Moments, NotFinite};
use crate::number::Number;
use crate::objective::Objective;
use crate::optimize::{Ending, Limits, minimize};
use lanegrad::{Batch, Engine, Params, Storage};
use std::time::{Duration, Instant};

/// The penalty of a fit, and the limits at which it stops.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// The penalty λ, 0 or more: the objective is the mean log-loss + λ/2 Σ w². The bias is not penalised.
    /// 0 by default.
    pub l2: f64,
    /// True for a penalty on the weights of standardised columns (less their mean, over their standard
    /// deviation), false for one on those of the columns as they are. `false` by default.
    pub standardize: bool,
    /// The fit has converged when no entry of the gradient, by the weights of standardised columns, is
    /// larger. 10⁻⁶ by default.
    pub tolerance: f64,
    /// The largest number of iterations. 1000 by default.
    pub max_iterations: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { l2: 0.0, standardize: false, tolerance: 1e-6, max_iterations: 1000 }
    }
}

impl Options {
    fn check(&self) -> Result<(), Error> {
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

/// The state of a fit after an iteration.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The iteration, from 1.
    pub iteration: u64,
    /// The mean log-loss, without the penalty.
    pub loss: f64,
    /// The objective: the loss with the penalty.
    pub objective: f64,
    /// The largest entry of the gradient by the weights of standardised columns.
    pub gradient: f64,
    /// Passes over the rows so far.
    pub passes: usize,
    /// The time since the first of these passes began.
    pub elapsed: Duration,
}

/// A fact about a result that its user should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Warning {
    /// All rows are of one class: the bias has no finite optimum.
    OneClass,
    /// The classes can be separated, and there is no penalty: the weights have no finite optimum.
    Separable,
    /// The fit stopped above the tolerance, where no step makes the objective smaller.
    Stalled,
    /// The fit stopped above the tolerance, as it had made the largest number of iterations.
    OutOfIterations,
}

/// The result of a fit.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fit {
    /// A weight for each column, to be applied to its numbers as they are.
    pub weights: Vec<f64>,
    /// The bias.
    pub bias: f64,
    /// The mean of each column.
    pub means: Vec<f64>,
    /// The standard deviation of each column, with the number of rows (or the sum of their weights) as the
    /// divisor; 1 where all numbers are equal.
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
    /// The time of these passes, and of that for means and scales.
    pub elapsed: Duration,
    /// The reason why the fit ended.
    pub ending: Ending,
    /// Facts about the result that its user should know.
    pub warnings: Vec<Warning>,
    /// Log-loss, accuracy and AUC of the model over these rows.
    pub metrics: Metrics,
}

/// Fits a logistic regression to a batch, whose columns are all features. `observe` is called after each
/// iteration. It runs on the threads of the caller's rayon pool.
///
/// # Errors
///
/// If an option is out of its range, the batch has no rows or columns, a number in it is not finite, or the
/// objective or a weight does not stay finite.
pub fn fit<S: Number + Storage<T>, T: Number>(
    batch: &Batch<'_, S, T>,
    options: &Options,
    observe: impl FnMut(&Progress),
) -> Result<Fit, Error> {
    let features = Features::all(batch.rows().ncols());
    solve(batch, &features, options, observe).map_err(|failure| match failure {
        Failure::NotFinite(NotFinite { place, number: Some((row, x)) }) => {
            Error::new(format!("row {row}, column {place}: {x} is not finite"))
        }
        Failure::NotFinite(NotFinite { place, number: None }) => {
            Error::new(format!("column {place}: its numbers are too large"))
        }
        Failure::Other(error) => error,
    })
}

/// Why there is no result: a number in the data, whose place the caller can name, or something else.
pub(crate) enum Failure {
    NotFinite(NotFinite),
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Fits to some columns of a batch.
pub(crate) fn solve<S: Number + Storage<T>, T: Number>(
    batch: &Batch<'_, S, T>,
    features: &Features,
    options: &Options,
    mut observe: impl FnMut(&Progress),
) -> Result<Fit, Failure> {
    options.check()?;
    ensure!(batch.rows().nrows() > 0, "there are no rows");
    ensure!(!features.places.is_empty(), "there is no column of features");
    let start = Instant::now();
    let moments = Moments::of_features(batch, features).map_err(Failure::NotFinite)?;
    let objective =
        Objective::new(*batch, features, &moments, options.l2, options.standardize, options.tolerance);
    let limits = Limits { tolerance: options.tolerance, iterations: options.max_iterations };
    let first_pass = Instant::now();
    let (best, iterations, ending) = minimize(&objective, limits, |iteration, point| {
        observe(&Progress {
            iteration,
            loss: point.loss,
            objective: point.value,
            gradient: point.slope(),
            passes: objective.passes(),
            elapsed: first_pass.elapsed(),
        });
    })?;
    let elapsed = start.elapsed();
    ensure!(
        best.value.is_finite(),
        "the objective is not finite: columns, labels or the penalty are too extreme"
    );
    let (weights, bias) = objective.raw(&best.coordinates);
    ensure!(
        weights.iter().all(|w| w.is_finite()) && bias.is_finite(),
        "the fit diverged: a weight is not finite"
    );
    let metrics = score(batch, features, &weights, bias)?;
    Ok(Fit {
        nrows: batch.rows().nrows(),
        loss: best.loss,
        objective: best.value,
        gradient: best.slope(),
        iterations,
        passes: objective.passes(),
        elapsed,
        ending,
        warnings: warnings(options, ending, &metrics),
        metrics,
        weights,
        bias,
        means: moments.means.clone(),
        scales: moments.scales.clone(),
    })
}

fn warnings(options: &Options, ending: Ending, metrics: &Metrics) -> Vec<Warning> {
    let data = if metrics.auc.is_none() {
        Some(Warning::OneClass)
    } else if options.l2 == 0.0 && metrics.correct == metrics.weight {
        Some(Warning::Separable)
    } else {
        None
    };
    let end = match ending {
        Ending::Converged => None,
        Ending::Stalled => Some(Warning::Stalled),
        Ending::OutOfIterations => Some(Warning::OutOfIterations),
    };
    data.into_iter().chain(end).collect()
}

/// The number of rows that are scored at a time.
const SCORED_ROWS: usize = 1 << 16;

/// Scores all rows by a model.
fn score<S: Storage<T>, T: Number>(
    batch: &Batch<'_, S, T>,
    features: &Features,
    weights: &[f64],
    bias: f64,
) -> Result<Metrics, Error> {
    let engine = Engine::new();
    let mut metrics = MetricsSum::new();
    let mut spread: Vec<T> = Vec::new();
    features.spread(weights.iter().copied(), &mut spread);
    let params = Params::new(&spread, T::nearest(bias));
    let rows = batch.rows().nrows();
    let mut logits = vec![T::default(); SCORED_ROWS.min(rows)];
    for start in (0..rows).step_by(SCORED_ROWS) {
        let block = batch.slice(start..rows.min(start + SCORED_ROWS))?;
        let logits = &mut logits[..block.rows().nrows()];
        engine.logits(block.rows(), params, logits)?;
        metrics.add(&engine, logits, block.labels(), block.sample_weights())?;
    }
    Ok(metrics.finish())
}

#[cfg(test)]
mod tests {
    use super::{Options, Warning, fit};
    use crate::error::chain;
    use crate::optimize::Ending;
    use lanegrad::{Batch, Rows};

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
        assert!(of([1.0; 4], options).contains(&Warning::OneClass));
        assert!(of([1.0, 0.0, 1.0, 0.0], options).contains(&Warning::Separable));
        assert_eq!(of(Y, Options { max_iterations: 1, ..options }), [Warning::OutOfIterations]);
        assert_eq!(of(Y, Options { l2: 1.0, ..options }), []);
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
        assert_eq!(message(&[1e300, -1e300], &[0.0, 1.0], &plain), "column 0: its numbers are too large");
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
