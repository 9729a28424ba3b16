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
//! λ/2 Σ u² or, if the raw weights are to be penalised, λ/2 Σ v²: a penalty π/2 u² with π = λ or λ / s².
//!
//! The optimiser's coordinates are t = c u, where c² = 1/4 + π is what the second derivative by u is at most: a
//! column with a strong penalty would have it wander otherwise.
//!
//! v and b are rounded to the arithmetic's type, v first, so that b makes up for most of what that changes; and the
//! model has them as they were used.

use crate::features::Features;
use crate::moments::Moments;
use crate::number::Number;
use lanegrad::{Batch, Engine, Gradient, Params, Storage};
use std::cell::{Cell, RefCell};

/// The mean log-loss of a batch, with a penalty on the weights.
pub(crate) struct Objective<'a, S, T> {
    batch: Batch<'a, S, T>,
    features: &'a Features,
    moments: &'a Moments,
    /// π, for each of the standardised weights.
    penalties: Vec<f64>,
    /// c, for each of the standardised weights.
    units: Vec<f64>,
    work: RefCell<Work<T>>,
    /// The last point: optimisers ask for its value and its gradient one after the other.
    last: RefCell<Option<Point>>,
    /// A gradient whose largest entry is no more than this is small enough.
    tolerance: f64,
    /// The best point so far: of the lowest value among those whose gradient is small enough, or else of
    /// all. Near the optimum values differ by rounding alone, and the gradient says more.
    best: RefCell<Option<Point>>,
    passes: Cell<usize>,
}

/// c of the bias, which has no penalty.
const BIAS_UNIT: f64 = 0.5;

/// The memory of a pass.
struct Work<T> {
    engine: Engine,
    weights: Vec<T>,
    gradient: Gradient,
}

/// Coordinates (those of the weights, then that of the bias), with loss, objective and gradient there.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) coordinates: Vec<f64>,
    /// The mean log-loss, without the penalty.
    pub(crate) loss: f64,
    pub(crate) value: f64,
    /// The gradient by the coordinates.
    pub(crate) gradient: Vec<f64>,
    /// The largest entry of the gradient by the standardised weights and the bias.
    pub(crate) slope: f64,
}

impl<'a, S: Storage<T>, T: Number> Objective<'a, S, T> {
    /// The objective with the penalty λ on standardised or on raw weights.
    pub(crate) fn new(
        batch: Batch<'a, S, T>,
        features: &'a Features,
        moments: &'a Moments,
        l2: f64,
        standardized: bool,
        tolerance: f64,
    ) -> Self {
        let penalty = |scale: &f64| if standardized { l2 } else { l2 / scale / scale };
        let penalties: Vec<f64> = moments.scales.iter().map(penalty).collect();
        let units = penalties.iter().map(|penalty| (BIAS_UNIT * BIAS_UNIT + penalty).sqrt()).collect();
        let work = Work { engine: Engine::new(), weights: Vec::new(), gradient: Gradient::default() };
        let [last, best] = [RefCell::new(None), RefCell::new(None)];
        let work = RefCell::new(work);
        Self { batch, features, moments, penalties, units, work, last, tolerance, best, passes: Cell::new(0) }
    }

    /// The number of coordinates.
    pub(crate) fn dimensions(&self) -> usize {
        self.units.len() + 1
    }

    /// The number of passes over the rows.
    pub(crate) fn passes(&self) -> usize {
        self.passes.get()
    }

    /// The best point that was evaluated.
    pub(crate) fn best(&self) -> Option<Point> {
        self.best.borrow().clone()
    }

    /// The weights of the raw features, and the bias, as the arithmetic's type has them.
    pub(crate) fn raw(&self, coordinates: &[f64]) -> (Vec<f64>, f64) {
        let Some((t, weights)) = coordinates.split_last() else { return (Vec::new(), 0.0) };
        let Moments { means, scales, .. } = self.moments;
        let units = weights.iter().zip(&self.units);
        let rounded = |((t, unit), scale): ((&f64, &f64), &f64)| T::nearest(t / unit / scale).double();
        let weights: Vec<f64> = units.zip(scales).map(rounded).collect();
        let shift: f64 = weights.iter().zip(means).map(|(v, mean)| v * mean).sum();
        (weights, T::nearest(t / BIAS_UNIT - shift).double())
    }

    /// How much each coordinate, times its size, adds to the rounding error of a value, and what is always there: a
    /// logit errs by about u (|b| + Σ |v x|), and the loss by as much at most.
    pub(crate) fn roundings(&self) -> Vec<f64> {
        let Moments { means, scales, .. } = self.moments;
        let u = T::DTYPE.unit_roundoff();
        let columns = means.iter().zip(scales).map(|(mean, scale)| 2.0 * (mean / scale).abs() + 1.0);
        columns.zip(&self.units).map(|(size, unit)| u * size / unit).chain([u / BIAS_UNIT, u]).collect()
    }

    /// Value and gradient, in one pass over the rows, unless they were the last or are the best ones.
    pub(crate) fn at(&self, coordinates: &[f64]) -> Result<Point, lanegrad::Error> {
        for known in [&self.last, &self.best] {
            if let Some(point) = known.borrow().as_ref().filter(|point| point.coordinates == coordinates) {
                return Ok(point.clone());
            }
        }
        let point = self.evaluate(coordinates)?;
        let mut best = self.best.borrow_mut();
        let is_flat = |point: &Point| point.slope <= self.tolerance;
        let is_better = |best: &Point| match (is_flat(&point), is_flat(best)) {
            (true, false) => true,
            (false, true) => false,
            _ => point.value <= best.value,
        };
        if best.as_ref().is_none_or(is_better) {
            *best = Some(point.clone());
        }
        *self.last.borrow_mut() = Some(point.clone());
        Ok(point)
    }

    fn evaluate(&self, coordinates: &[f64]) -> Result<Point, lanegrad::Error> {
        let Work { engine, weights, gradient } = &mut *self.work.borrow_mut();
        let (raw, bias) = self.raw(coordinates);
        self.features.spread(raw.iter().copied(), weights);
        engine.loss_and_gradient_into(&self.batch, Params::new(weights, T::nearest(bias)), gradient)?;
        self.passes.set(self.passes.get() + 1);
        gradient.average()?;

        let Moments { means, scales, .. } = self.moments;
        let (mut penalty, mut slope) = (0.0, gradient.db.abs());
        let mut by_coordinates = Vec::with_capacity(coordinates.len());
        for (i, &place) in self.features.places.iter().enumerate() {
            let (u, l2) = (raw[i] * scales[i], self.penalties[i]);
            penalty += 0.5 * l2 * u * u;
            let by_u = (gradient.dw[place] - means[i] * gradient.db) / scales[i] + l2 * u;
            slope = if by_u.abs() > slope || by_u.is_nan() { by_u.abs() } else { slope };
            by_coordinates.push(by_u / self.units[i]);
        }
        by_coordinates.push(gradient.db / BIAS_UNIT);
        let (coordinates, loss) = (coordinates.to_vec(), gradient.loss);
        Ok(Point { coordinates, loss, value: loss + penalty, gradient: by_coordinates, slope })
    }
}
