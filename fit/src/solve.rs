//! The way from a batch to a `Fit`: moments of the columns, then the optimiser on the objective, then metrics and
//! what a user should know.

use crate::error::{Error, ensure};
use crate::features::Features;
use crate::fit::{Fit, Options, Progress, Warning};
use crate::metrics::MetricsSum;
use crate::moments::{Failure, Moments};
use crate::number::{Dtype, Number};
use crate::objective::Objective;
use crate::optimize::{Limits, minimize};
use crate::resolution::{Unresolved, resolution};
use crate::score::score;
use crate::separation::{Path, separation};
use lanegrad::{Batch, Engine, Storage};
use std::time::Instant;

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
    ensure!(!batch.is_gathered(), "the batch is gathered from rows, which a fit does not take");
    ensure!(batch.offsets().is_none(), "rows have offsets, which a fit does not take");
    // Weights of classes as sample weights, which all that follows knows.
    let (counts, by_row): (Vec<T>, Batch<'_, S, T>);
    let mut batch = batch;
    if batch.class_weights().is_some() {
        counts = batch.row_weights().collect();
        by_row = Batch::new(batch.rows(), batch.labels())?.with_sample_weights(&counts)?;
        batch = &by_row;
    }
    check_sample_weights(batch.sample_weights())?;
    let start = Instant::now();
    let moments = Moments::of_features(batch, features)?;
    // What is constant cannot be told from the bias.
    let varies: Vec<bool> = moments.scales.iter().map(|&scale| scale > 0.0).collect();
    let (varying, varying_moments) = (features.only(&varies), moments.only(&varies));
    let objective = Objective::new(
        *batch,
        &varying,
        &varying_moments,
        options.l2,
        options.standardize,
        options.tolerance,
    );
    let limits = Limits { tolerance: options.tolerance, iterations: options.max_iterations };
    let first_pass = Instant::now();
    let mut path = Path::new(vec![0.0; objective.dimensions()]);
    let (best, iterations, ending) = minimize(&objective, limits, |iteration, point| {
        path.push(point, T::DTYPE.unit_roundoff());
        observe(&Progress {
            iteration,
            loss: point.loss,
            objective: point.value,
            gradient: point.slope,
            passes: objective.passes(),
            elapsed: first_pass.elapsed(),
        });
    })?;
    let elapsed = start.elapsed();
    ensure!(
        best.value.is_finite() && best.slope.is_finite(),
        "the objective is not finite: columns, sample weights or the penalty are too extreme"
    );
    let (weights, bias) = objective.raw(&best.coordinates);
    ensure!(
        weights.iter().all(|w| w.is_finite()) && bias.is_finite(),
        "the fit diverged: a weight is not finite"
    );
    let model = (weights, bias);
    let (engine, mut metrics) = (Engine::new(), MetricsSum::new());
    score(batch, &varying, &[&model], |block, logits| {
        metrics.add(&engine, &logits[0], block.labels(), block.sample_weights())
    })?;
    let metrics = metrics.finish();
    let separated = separation(batch, &varying, options, &metrics, &objective, &path)?;
    let (weights, bias) = model;
    // Columns by their numbers among all features.
    let numbers: Vec<usize> = (0..varies.len()).filter(|&column| varies[column]).collect();
    let unresolved = resolution(batch, &varying, &weights, bias, &varying_moments);
    let unresolved =
        unresolved.map(|Unresolved { place, by_f64 }| Warning::Unresolved { column: numbers[place], by_f64 });
    let mut all_weights = vec![0.0; varies.len()];
    for (&column, weight) in numbers.iter().zip(weights) {
        all_weights[column] = weight;
    }
    Ok(Fit {
        nrows: batch.rows().nrows(),
        loss: best.loss,
        objective: best.value,
        gradient: best.slope,
        iterations,
        passes: objective.passes(),
        elapsed,
        ending,
        warnings: separated.into_iter().chain(unresolved).collect(),
        metrics,
        weights: all_weights,
        bias,
        means: moments.means,
        scales: moments.scales.iter().map(|&scale| if scale > 0.0 { scale } else { 1.0 }).collect(),
    })
}

/// Fails unless the largest sample weight is such that products with it and with numbers that [`Moments`] allows, and
/// sums of them, neither overflow nor underflow.
fn check_sample_weights<T: Number>(weights: Option<&[T]>) -> Result<(), Error> {
    let Some(weights) = weights else { return Ok(()) };
    let largest = weights.iter().fold(0.0, |largest: f64, weight| largest.max(weight.double()));
    ensure!(largest != 0.0, "no row has a sample weight above 0");
    let (least, most) = match T::DTYPE {
        Dtype::F32 => (1e-9, 1e9),
        Dtype::F64 => (1e-25, 1e25),
    };
    let words = if largest > most { "large" } else { "small" };
    ensure!(
        (least..=most).contains(&largest),
        "the sample weights are too {words}: the largest is {largest:?}, and arithmetic in {} needs one between {least:e} and {most:e}",
        T::DTYPE,
    );
    Ok(())
}
