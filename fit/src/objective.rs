//! The function that a fit minimises, in coordinates that suit an optimiser.
//!
//! The features are standardised, but the data are not touched: with mean m and scale s of a column, the
//! weight u of the standardised feature is v = u / s of the raw one, and the bias takes up the means:
//!
//! ```text
//! z = Σ u (x - m) / s + b' = Σ v x + b        v = u / s,  b = b' - Σ v m
//! dL/du = (dL/dv - m dL/db) / s               dL/db' = dL/db
//! ```
//!
//! So one pass over the raw rows gives loss and gradient, whatever units the columns are in. The penalty is
//! λ/2 Σ u² or, if the raw weights are to be penalised, λ/2 Σ v²: a penalty π/2 u² with π = λ or λ / s². Of a quantised
//! column, x = a q + o, the raw weight is that of x, v / a, and π = λ / (a s)².
//!
//! The optimiser's coordinates are t = c u, where c² = 1/4 + π is what the second derivative by u is at most: a
//! column with a strong penalty would have it wander otherwise.
//!
//! Without a bias there is nothing that could take up means: then m is 0, or what stands for 0, s the root mean square of
//! x - m, and b' is left out.
//!
//! v and b are rounded to the arithmetic's type, v first, so that b makes up for most of what that changes; and the
//! model has them as they were used.

use crate::error::{Error, ensure};
use crate::fit::Options;
use crate::moments::Moments;
use crate::number::{Held, Number};
use crate::optimize::{Evaluation, Objective};
use crate::passes::Passes;
use crate::quantization::Quantization;
use lanegrad::{Element, Gradient, Params};
use std::marker::PhantomData;

/// The mean log-loss of the rows of a data set, with a penalty on the weights.
pub(crate) struct LogLoss<'a, P: Passes> {
    passes: &'a mut P,
    coordinates: &'a Coordinates<'a, P::Number>,
    /// The memory of a pass.
    weights: Vec<P::Number>,
    gradient: Gradient,
}

/// The optimiser's coordinates, and how weights are made of them.
pub(crate) struct Coordinates<'a, T> {
    moments: &'a Moments,
    /// True where the last coordinate is the bias; without it there is none.
    has_bias: bool,
    /// The places of the features that vary; those of constant ones have a weight of 0.
    varying: Vec<usize>,
    /// π, for each of their standardised weights.
    penalties: Vec<f64>,
    /// c, for each of their standardised weights.
    units: Vec<f64>,
    number: PhantomData<T>,
}

/// c of the bias, which has no penalty.
const BIAS_UNIT: f64 = 0.5;

impl<'a, T: Number> Coordinates<'a, T> {
    /// Coordinates for a penalty on standardised or on raw weights, of columns that are quantised with these scales, if
    /// with any. The moments are centred where there is a bias.
    pub(crate) fn new(
        moments: &'a Moments,
        quantization: Option<&Quantization>,
        &Options { l2, bias, standardize, .. }: &Options,
    ) -> Self {
        // What is constant cannot be told from the bias.
        let varying: Vec<usize> = (0..moments.scales.len()).filter(|&i| moments.scales[i] > 0.0).collect();
        let penalty = |&i: &usize| {
            let scale = moments.scales[i] * quantization.map_or(1.0, |all| all.column(i).0);
            if standardize { l2 } else { l2 / scale / scale }
        };
        let penalties: Vec<f64> = varying.iter().map(penalty).collect();
        let units = penalties.iter().map(|penalty| (BIAS_UNIT * BIAS_UNIT + penalty).sqrt()).collect();
        Self { moments, has_bias: bias, varying, penalties, units, number: PhantomData }
    }

    /// The moments that they are made of.
    pub(crate) const fn moments(&self) -> &'a Moments {
        self.moments
    }

    /// The number of coordinates.
    pub(crate) fn count(&self) -> usize {
        self.units.len() + usize::from(self.has_bias)
    }

    /// The coordinates of weights of the raw features, and of a bias.
    ///
    /// # Errors
    ///
    /// If there is not a finite weight for each feature, or a bias where there is to be none.
    pub(crate) fn of(&self, Params { weights, bias, .. }: Params<'_, f64>) -> Result<Vec<f64>, Error> {
        let Moments { means, scales } = self.moments;
        ensure!(
            weights.len() == scales.len(),
            "there are {} weights to start from, for {} features",
            weights.len(),
            scales.len()
        );
        let are_finite = weights.iter().all(|weight| weight.is_finite()) && bias.is_finite();
        ensure!(are_finite, "a weight to start from is not finite");
        ensure!(
            self.has_bias || bias == 0.0,
            "the bias to start from is {bias}, and a fit without one has 0"
        );
        let mut coordinates = Vec::with_capacity(self.count());
        for (&place, unit) in self.varying.iter().zip(&self.units) {
            coordinates.push(weights[place] * scales[place] * unit);
        }
        // The bias takes up the weights of constant columns too.
        let shifted = weights.iter().zip(means).fold(bias, |shifted, (weight, mean)| shifted + weight * mean);
        coordinates.extend(self.has_bias.then_some(shifted * BIAS_UNIT));
        Ok(coordinates)
    }

    /// The weights of the raw features, and the bias, as the arithmetic's type has them.
    pub(crate) fn raw(&self, coordinates: &[f64]) -> (Vec<f64>, f64) {
        let Moments { means, scales } = self.moments;
        let mut weights = vec![0.0; scales.len()];
        let mut shift = 0.0;
        for ((&place, t), unit) in self.varying.iter().zip(coordinates).zip(&self.units) {
            weights[place] = T::nearest(t / unit / scales[place]).double();
            shift += weights[place] * means[place];
        }
        match coordinates.last().filter(|_| self.has_bias) {
            Some(t) => (weights, T::nearest(t / BIAS_UNIT - shift).double()),
            None => (weights, T::nearest(0.0 - shift).double()),
        }
    }
}

impl<'a, P: Passes> LogLoss<'a, P> {
    /// The objective in these coordinates.
    pub(crate) fn new(passes: &'a mut P, coordinates: &'a Coordinates<'a, P::Number>) -> Self {
        Self { passes, coordinates, weights: Vec::new(), gradient: Gradient::default() }
    }
}

impl<P: Passes> Objective for LogLoss<'_, P> {
    fn evaluate(&mut self, point: &[f64]) -> Result<Evaluation, Error> {
        let Self { passes, coordinates, weights, gradient } = self;
        let (raw, bias) = coordinates.raw(point);
        weights.clear();
        weights.extend(raw.iter().map(|&weight| P::Number::nearest(weight)));
        passes.loss_and_gradient(Params::new(weights, P::Number::nearest(bias)), gradient)?;
        gradient.average()?;
        ensure!(
            gradient.dw.len() == raw.len(),
            "a gradient has {} entries for {} weights",
            gradient.dw.len(),
            raw.len()
        );

        let Moments { means, scales, .. } = coordinates.moments;
        let (mut penalty, mut slope) = (0.0, if coordinates.has_bias { gradient.db.abs() } else { 0.0 });
        let mut by_coordinates = Vec::with_capacity(point.len());
        for (i, &place) in coordinates.varying.iter().enumerate() {
            let (u, l2) = (raw[place] * scales[place], coordinates.penalties[i]);
            penalty += 0.5 * l2 * u * u;
            let by_u = (gradient.dw[place] - means[place] * gradient.db) / scales[place] + l2 * u;
            slope = if by_u.abs() > slope || by_u.is_nan() { by_u.abs() } else { slope };
            by_coordinates.push(by_u / coordinates.units[i]);
        }
        by_coordinates.extend(coordinates.has_bias.then_some(gradient.db / BIAS_UNIT));
        let mut evaluation = Evaluation::new(gradient.loss + penalty, by_coordinates);
        (evaluation.loss, evaluation.slope) = (gradient.loss, slope);
        Ok(evaluation)
    }

    /// A logit errs by about u (|b| + Σ |v x|), and the loss by as much at most.
    fn roundings(&self, _: usize) -> Vec<f64> {
        let Moments { means, scales, .. } = self.coordinates.moments;
        let u = P::Number::DTYPE.unit_roundoff();
        let Coordinates { varying, units, has_bias, .. } = self.coordinates;
        let columns = varying.iter().map(|&place| 2.0 * (means[place] / scales[place]).abs() + 1.0);
        columns
            .zip(units)
            .map(|(size, unit)| u * size / unit)
            .chain(has_bias.then_some(u / BIAS_UNIT))
            .chain([u])
            .collect()
    }
}
