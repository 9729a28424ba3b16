//! The way from rows to a `Fit`: moments of the columns, then the optimiser on the objective; and for rows in memory
//! metrics, and what a user should know.

use crate::error::{Error, ensure};
use crate::features::Features;
use crate::fit::{Fit, Options, Warning};
use crate::metrics::MetricsSum;
use crate::moments::{Failure, Fault, Moments};
use crate::number::{Dtype, Held, Number};
use crate::objective::{Coordinates, LogLoss};
use crate::optimize::{Checkpoint, Identity, MinimizeOptions, Minimum, Observer, minimize};
use crate::passes::{InMemory, Passes};
use crate::quantization::Quantization;
use crate::resolution::{Unresolved, resolution};
use crate::score::score;
use crate::separation::separation;
use crate::words::Hash;
use lanegrad::{Batch, Engine, Params, Storage};
use std::time::Instant;

/// Fits a logistic regression to the rows behind some passes, wherever they are. The rows are asked for sums alone:
/// there are neither metrics nor warnings. With `resume`, it goes on from the checkpoint of an earlier fit, and ends as
/// that would have ended, to the bit.
///
/// # Errors
///
/// If an option is out of its range, there are no rows or features, a pass fails, the numbers of a feature are not
/// finite, too large or too close to compute with, the checkpoint is of another fit, or the objective or a weight does
/// not stay finite.
pub fn train<P: Passes>(
    passes: &mut P,
    options: &Options,
    resume: Option<Checkpoint>,
    observer: &mut dyn Observer,
) -> Result<Fit, Error> {
    check(passes, options)?;
    let start = Instant::now();
    let moments =
        Moments::of(passes, centres(passes.nfeatures(), None, options)).map_err(|failure| match failure {
            Failure::Feature(feature, fault) => Error::new(format!("feature {feature}: {}", fault.words())),
            Failure::Other(error) => error,
        })?;
    let coordinates = Coordinates::new(&moments, None, options);
    let begin = resume.map_or(Begin::AtZero, |state| Begin::Resume(Box::new(state)));
    descend(passes, &coordinates, options, begin, observer, start).map(|(fit, _)| fit)
}

/// What scales are measured from: means, where there is a bias; else what stands for 0.
pub(crate) fn centres(
    nfeatures: usize,
    quantization: Option<&Quantization>,
    options: &Options,
) -> Option<Vec<f64>> {
    let zeros = || (0..nfeatures).map(|i| quantization.map_or(0.0, |all| all.quantized(i, 0.0))).collect();
    (!options.bias).then(zeros)
}

/// Refuses what cannot be fitted, whatever the numbers are.
pub(crate) fn check<P: Passes>(passes: &P, options: &Options) -> Result<(), Error> {
    options.check()?;
    ensure!(passes.nrows() > 0, "there are no rows");
    ensure!(passes.nfeatures() > 0, "there is no column of features");
    Ok(())
}

/// The optimum, in coordinates of moments that were computed already.
pub(crate) fn descend<P: Passes>(
    passes: &mut P,
    coordinates: &Coordinates<'_, P::Number>,
    options: &Options,
    begin: Begin<'_>,
    observer: &mut dyn Observer,
    start: Instant,
) -> Result<(Fit, Minimum), Error> {
    let (nrows, identity) = (passes.nrows(), identity(passes, options));
    let (point, resume) = match begin {
        Begin::AtZero => (vec![0.0; coordinates.count()], None),
        Begin::At(params) => (coordinates.of(params)?, None),
        Begin::Resume(checkpoint) => (vec![0.0; coordinates.count()], Some(*checkpoint)),
    };
    let mut limits = MinimizeOptions::default();
    (limits.tolerance, limits.max_iterations) = (options.tolerance, options.max_iterations);
    (limits.identity, limits.resume) = (identity, resume);
    let found = minimize(&mut LogLoss::new(passes, coordinates), &point, &limits, observer)?;
    let elapsed = start.elapsed();
    let best = &found.point;
    ensure!(
        best.value.is_finite() && best.slope.is_finite(),
        "the objective is not finite: columns, sample weights or the penalty are too extreme"
    );
    let (weights, bias) = coordinates.raw(&best.coordinates);
    ensure!(
        weights.iter().all(|w| w.is_finite()) && bias.is_finite(),
        "the fit diverged: a weight is not finite"
    );
    let Moments { means, scales } = coordinates.moments();
    let fit = Fit {
        weights,
        bias,
        means: means.clone(),
        scales: scales.iter().map(|&scale| if scale > 0.0 { scale } else { 1.0 }).collect(),
        nrows: nrows as usize,
        loss: best.loss,
        objective: best.value,
        gradient: best.slope,
        iterations: found.iterations,
        passes: found.passes as usize,
        elapsed,
        ending: found.ending,
        warnings: Vec::new(),
        metrics: None,
    };
    Ok((fit, found))
}

/// What a fit is told from others by: the data, and all options that change the function or how it is computed.
fn identity<P: Passes>(passes: &P, options: &Options) -> Identity {
    let words = [
        P::Number::DTYPE.bytes() as u64,
        passes.nfeatures() as u64,
        passes.nrows(),
        options.l2.to_bits(),
        options.standardize.into(),
        // Among instruction sets only those with fused multiply-add have the same bits.
        lanegrad::Isa::best().is_fused().into(),
    ];
    let hash = words.into_iter().fold(Hash::EMPTY, Hash::and);
    // Checkpoints were kept before a fit could do without a bias.
    let hash = if options.bias { hash } else { hash.and(1) };
    Identity { data: passes.tag(), function: hash.get() }
}

/// How a fit of rows in memory starts.
pub(crate) struct Start<'a> {
    pub(crate) options: &'a Options,
    /// What the numbers of the features stand for.
    pub(crate) quantization: Option<&'a Quantization>,
    /// The tag of the data set.
    pub(crate) tag: u64,
    pub(crate) begin: Begin<'a>,
}

/// Where a fit begins.
pub(crate) enum Begin<'a> {
    /// With parameters of 0: of standardised columns, where there is a bias.
    AtZero,
    /// With these parameters.
    At(Params<'a, f64>),
    /// Where another ended.
    Resume(Box<Checkpoint>),
}

/// Fits to some columns of segments in memory.
pub(crate) fn solve<S: Held + Storage<T>, T: Number>(
    segments: &[Batch<'_, S, T>],
    features: &Features,
    Start { options, quantization, tag, begin }: Start<'_>,
    observer: &mut dyn Observer,
) -> Result<Fit, Failure> {
    for batch in segments {
        ensure!(!batch.is_gathered(), "the batch is gathered from rows, which a fit does not take");
        ensure!(batch.offsets().is_none(), "rows have offsets, which a fit does not take");
    }
    // Weights of classes as sample weights, which all that follows knows.
    let weights: Vec<Option<Vec<T>>> =
        segments.iter().map(|batch| batch.class_weights().map(|_| batch.row_weights().collect())).collect();
    let mut segments = segments.to_vec();
    for (batch, weights) in segments.iter_mut().zip(&weights) {
        if let Some(weights) = weights {
            *batch = Batch::new(batch.rows(), batch.labels())?.with_sample_weights(weights)?;
        }
    }
    let segments = &segments[..];
    let mut passes = InMemory::new(segments, features, tag);
    check(&passes, options)?;
    check_sample_weights(segments)?;
    let start = Instant::now();
    let moments = moments_of(&mut passes, centres(features.places.len(), quantization, options))?;
    let coordinates = Coordinates::new(&moments, quantization, options);
    let (mut fit, found) = descend(&mut passes, &coordinates, options, begin, observer, start)?;
    if !options.report {
        return Ok(fit);
    }
    let model = (fit.weights.clone(), fit.bias);
    let (engine, mut metrics) = (Engine::new(), MetricsSum::new());
    score(segments, features, &[&model], |block, logits| {
        metrics.add(&engine, &logits[0], block.labels(), block.sample_weights())
    })?;
    let metrics = metrics.finish();
    let separated = separation(segments, features, options, &metrics, &coordinates, &found.trail)?;
    let unresolved = resolution(segments, features, &fit.weights, fit.bias, &moments);
    let unresolved =
        unresolved.map(|Unresolved { feature, by_f64 }| Warning::Unresolved { column: feature, by_f64 });
    fit.warnings = separated.into_iter().chain(unresolved).collect();
    fit.metrics = Some(metrics);
    Ok(fit)
}

/// Mean and scale of each feature of rows in memory, where a fault has its row.
pub(crate) fn moments_of<S: Held + Storage<T>, T: Number>(
    passes: &mut InMemory<'_, S, T>,
    centres: Option<Vec<f64>>,
) -> Result<Moments, Failure> {
    let moments = Moments::of(passes, centres).map_err(|failure| match failure {
        Failure::Feature(feature, Fault::TooLarge) => {
            Failure::Feature(feature, passes.not_finite(feature).unwrap_or(Fault::TooLarge))
        }
        failure => failure,
    })?;
    // Differences whose squares are 0.
    if let Some((feature, _)) = moments.constants().find(|&(feature, mean)| passes.differs(feature, mean)) {
        return Err(Failure::Feature(feature, Fault::TooClose));
    }
    Ok(moments)
}

/// Fails unless the largest sample weight is one that can be computed with.
fn check_sample_weights<S: Storage<T>, T: Number>(segments: &[Batch<'_, S, T>]) -> Result<(), Error> {
    if segments.iter().any(|batch| batch.sample_weights().is_none() && batch.nrows() > 0) {
        // Where no weight is given, it is 1.
        return Ok(());
    }
    let weights = segments.iter().filter_map(Batch::sample_weights).flatten();
    check_largest(weights.fold(0.0, |largest: f64, weight| largest.max(weight.double())), T::DTYPE)
}

/// Fails unless the largest sample weight is such that products with it and with numbers that [`Moments`] allows, and
/// sums of them, neither overflow nor underflow.
pub(crate) fn check_largest(largest: f64, arithmetic: Dtype) -> Result<(), Error> {
    ensure!(largest != 0.0, "no row has a sample weight above 0");
    let (least, most) = match arithmetic {
        Dtype::F64 => (1e-25, 1e25),
        _ => (1e-9, 1e9),
    };
    let words = if largest > most { "large" } else { "small" };
    ensure!(
        (least..=most).contains(&largest),
        "the sample weights are too {words}: the largest is {largest:?}, and arithmetic in {arithmetic} needs one \
        between {least:e} and {most:e}"
    );
    Ok(())
}
