//! Columns that an arithmetic cannot resolve: numbers so far from 0, for their spread, that the rounding of a logit is
//! as large as the logit.

use crate::features::Features;
use crate::moments::Moments;
use crate::number::{Dtype, Number};
use lanegrad::{Batch, Storage};
use rayon::prelude::*;

/// A logit w·x + b errs by some u (|b| + Σ |w x|) by rounding, and the objective by as much; the largest logit by this
/// many times that at most.
const ROUNDINGS: f64 = 100.0;
/// The error of an objective that its user should know of.
const ALLOWED: f64 = 0.01;

/// A column that the arithmetic cannot resolve, by its place among the features, and true where `f64` can.
pub(crate) struct Unresolved {
    pub(crate) place: usize,
    pub(crate) by_f64: bool,
}

/// The column that adds most to the rounding of a logit, where that may have moved the objective by more than
/// [`ALLOWED`]. `weights` are those of a fit.
///
/// Time: O(rows features), but nothing where the moments say that no row comes near: no number is further from the
/// mean than √n standard deviations.
pub(crate) fn resolution<S: Number + Storage<T>, T: Number>(
    batch: &Batch<'_, S, T>,
    features: &Features,
    weights: &[f64],
    bias: f64,
    moments: &Moments,
) -> Option<Unresolved> {
    let Moments { means, scales } = moments;
    // A weight may be 0 just because its column could not be resolved: at least 1 for each standard deviation.
    let weights: Vec<f64> = weights.iter().zip(scales).map(|(w, scale)| w.abs().max(1.0 / scale)).collect();
    let moved = |largest: f64, dtype: Dtype| ROUNDINGS * dtype.unit_roundoff() * largest > ALLOWED;
    let rows = batch.rows();
    let reach = (rows.nrows() as f64).sqrt();
    let furthest = means.iter().zip(scales).map(|(mean, scale)| mean.abs() + reach * scale);
    let most = weights.iter().zip(furthest).map(|(w, x)| w * x).sum::<f64>() + bias.abs();
    if batch.sample_weights().is_none() && !moved(most, T::DTYPE) {
        return None;
    }
    let counts = |row: usize| batch.sample_weights().is_none_or(|weights| weights[row].double() > 0.0);
    let size = |row: usize| {
        let row = rows.row(row).unwrap_or_default();
        let terms = features.places.iter().zip(&weights).map(|(&place, w)| w * row[place].double().abs());
        bias.abs() + terms.sum::<f64>()
    };
    let larger =
        |a: (f64, usize), b: (f64, usize)| if b.0 > a.0 || (b.0 == a.0 && b.1 < a.1) { b } else { a };
    let all = (0..rows.nrows()).into_par_iter().filter(|&row| counts(row)).map(|row| (size(row), row));
    let (largest, row) = all.reduce(|| (0.0, usize::MAX), larger);
    if !moved(largest, T::DTYPE) {
        return None;
    }
    let row = rows.row(row)?;
    let terms = features.places.iter().zip(&weights).map(|(&place, w)| w * row[place].double().abs());
    let place = terms.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(place, _)| place)?;
    Some(Unresolved { place, by_f64: !moved(largest, Dtype::F64) })
}
