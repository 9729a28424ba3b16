//! Columns that an arithmetic cannot resolve: numbers so far from 0, for their spread, that the rounding of a logit is
//! as large as the logit.

use crate::features::Features;
use crate::moments::Moments;
use crate::number::{Dtype, Held, Number};
use crate::passes::counts;
use lanegrad::{Batch, Storage};
use rayon::prelude::*;

/// A logit w·x + b errs by some u (|b| + Σ |w x|) by rounding, and the objective by as much; the largest logit by this
/// many times that at most.
const ROUNDINGS: f64 = 100.0;
/// The error of an objective that its user should know of.
const ALLOWED: f64 = 0.01;

/// A feature that the arithmetic cannot resolve, and true where `f64` can.
pub(crate) struct Unresolved {
    pub(crate) feature: usize,
    pub(crate) by_f64: bool,
}

/// The column that adds most to the rounding of a logit, where that may have moved the objective by more than
/// [`ALLOWED`]. `weights` are those of a fit: one may be 0 just because its column could not be resolved, so that a
/// column's mean counts as if its weight were 1 for each standard deviation.
///
/// Time: O(rows features), but without sample weights nothing where the moments say that no row comes near: no number
/// is further from the mean than √n standard deviations.
pub(crate) fn resolution<S: Held + Storage<T>, T: Number>(
    segments: &[Batch<'_, S, T>],
    features: &Features,
    weights: &[f64],
    bias: f64,
    moments: &Moments,
) -> Option<Unresolved> {
    let Moments { means, scales } = moments;
    let has_moved = |size: f64, dtype: Dtype| ROUNDINGS * dtype.unit_roundoff() * size > ALLOWED;
    // What is constant adds to no logit.
    let offsets = means.iter().zip(scales).enumerate().filter(|(_, (_, scale))| **scale > 0.0);
    let offsets = offsets.map(|(feature, (mean, scale))| (feature, (mean / scale).abs()));
    let furthest = offsets.max_by(|a, b| a.1.total_cmp(&b.1));
    let largest = largest_logit(segments, features, weights, bias, moments, |size| has_moved(size, T::DTYPE));
    let both = [furthest, largest].into_iter().flatten();
    let (feature, size) = both.max_by(|a, b| a.1.total_cmp(&b.1))?;
    has_moved(size, T::DTYPE).then(|| Unresolved { feature, by_f64: !has_moved(size, Dtype::F64) })
}

/// The largest |b| + Σ |w x| of a row that counts, and the feature with the largest |w x| in it; `None` if no row's can
/// be `relevant`.
fn largest_logit<S: Held + Storage<T>, T: Number>(
    segments: &[Batch<'_, S, T>],
    features: &Features,
    weights: &[f64],
    bias: f64,
    Moments { means, scales }: &Moments,
    relevant: impl Fn(f64) -> bool,
) -> Option<(usize, f64)> {
    let nrows: usize = segments.iter().map(Batch::nrows).sum();
    let reach = (nrows as f64).sqrt();
    let furthest = means.iter().zip(scales).map(|(mean, scale)| mean.abs() + reach * scale);
    let most = weights.iter().zip(furthest).map(|(w, x)| w.abs() * x).sum::<f64>() + bias.abs();
    let is_weighted = segments.iter().any(|batch| batch.sample_weights().is_some());
    if !is_weighted && !relevant(most) {
        return None;
    }
    let terms = |(segment, row): (usize, usize)| {
        let row = segments[segment].rows().row(row).unwrap_or_default();
        features.places.iter().zip(weights).map(|(&place, w)| (w * row[place].double()).abs())
    };
    let of_segment = |segment: usize| {
        let batch = &segments[segment];
        let sizes = (0..batch.nrows()).into_par_iter().filter(|&row| counts(batch, row));
        // Of equal ones the first, on any number of threads.
        let sizes = sizes.map(|row| (bias.abs() + terms((segment, row)).sum::<f64>(), (segment, row)));
        sizes.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
    };
    let sizes = (0..segments.len()).filter_map(of_segment);
    let (size, place) = sizes.reduce(|a, b| if b.0.total_cmp(&a.0).is_gt() { b } else { a })?;
    let (feature, _) = terms(place).enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some((feature, size))
}
