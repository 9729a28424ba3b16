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
//! λ/2 Σ u² or, if the raw weights are to be penalised, λ/2 Σ v².

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
    /// λ, for each of the standardised weights.
    penalties: Vec<f64>,
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

/// The memory of a pass.
struct Work<T> {
    engine: Engine,
    weights: Vec<T>,
    gradient: Gradient,
}

/// Coordinates (the standardised weights, then the bias b'), with loss, objective and gradient there.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) coordinates: Vec<f64>,
    /// The mean log-loss, without the penalty.
    pub(crate) loss: f64,
    pub(crate) value: f64,
    pub(crate) gradient: Vec<f64>,
}

impl Point {
    /// The largest entry of the gradient.
    pub(crate) fn slope(&self) -> f64 {
        largest(&self.gradient)
    }
}

/// The largest absolute value of some numbers; NaN if one is NaN.
pub(crate) fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |most: f64, x| if x.abs() > most || x.is_nan() { x.abs() } else { most })
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
        let penalty = |scale: &f64| if standardized { l2 } else { l2 / (scale * scale) };
        let penalties = moments.scales.iter().map(penalty).collect();
        let work = Work { engine: Engine::new(), weights: Vec::new(), gradient: Gradient::default() };
        let [last, best] = [RefCell::new(None), RefCell::new(None)];
        Self {
            batch,
            features,
            moments,
            penalties,
            work: RefCell::new(work),
            last,
            tolerance,
            best,
            passes: Cell::new(0),
        }
    }

    /// The number of coordinates.
    pub(crate) fn dimensions(&self) -> usize {
        self.penalties.len() + 1
    }

    /// The number of passes over the rows.
    pub(crate) fn passes(&self) -> usize {
        self.passes.get()
    }

    /// The best point that was evaluated.
    pub(crate) fn best(&self) -> Option<Point> {
        self.best.borrow().clone()
    }

    /// The weights of the raw features, and the bias.
    pub(crate) fn raw(&self, coordinates: &[f64]) -> (Vec<f64>, f64) {
        let Some((bias, weights)) = coordinates.split_last() else { return (Vec::new(), 0.0) };
        let raw: Vec<f64> = weights.iter().zip(&self.moments.scales).map(|(u, scale)| u / scale).collect();
        let shift: f64 = raw.iter().zip(&self.moments.means).map(|(v, mean)| v * mean).sum();
        (raw, bias - shift)
    }

    /// Value and gradient, in one pass over the rows.
    pub(crate) fn at(&self, coordinates: &[f64]) -> Result<Point, lanegrad::Error> {
        if let Some(last) = self.last.borrow().as_ref().filter(|last| last.coordinates == coordinates) {
            return Ok(last.clone());
        }
        let point = self.evaluate(coordinates)?;
        let mut best = self.best.borrow_mut();
        let flat = |point: &Point| point.slope() <= self.tolerance;
        let is_better = |best: &Point| match (flat(&point), flat(best)) {
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
        self.features.spread(raw, weights);
        engine.loss_and_gradient_into(&self.batch, Params::new(weights, T::nearest(bias)), gradient)?;
        self.passes.set(self.passes.get() + 1);
        gradient.average()?;

        let Moments { means, scales } = self.moments;
        let mut penalty = 0.0;
        let mut slopes = Vec::with_capacity(coordinates.len());
        for (i, &place) in self.features.places.iter().enumerate() {
            let (u, l2) = (coordinates[i], self.penalties[i]);
            penalty += 0.5 * l2 * u * u;
            slopes.push((gradient.dw[place] - means[i] * gradient.db) / scales[i] + l2 * u);
        }
        slopes.push(gradient.db);
        let loss = gradient.loss;
        Ok(Point { coordinates: coordinates.to_vec(), loss, value: loss + penalty, gradient: slopes })
    }
}
