//! Data that have no finite optimum without a penalty: all rows of one class, or classes that a plane separates.
//!
//! Where a plane has all positive rows on one side of it and all negative ones on the other, or some rows on it
//! (quasi-separation: Albert and Anderson, "On the existence of maximum likelihood estimates in logistic regression
//! models", Biometrika 71, 1984), the loss falls for ever in one direction of the weights: no row's logit moves to the
//! wrong side, and some move to the right one. A fit of such data ends while it goes in that direction: its last
//! steps are what is tried for it.

use crate::error::Error;
use crate::features::Features;
use crate::fit::{Options, Warning};
use crate::metrics::Metrics;
use crate::number::Number;
use crate::objective::Objective;
use lanegrad::{Batch, Engine, Params, Storage};
use std::collections::VecDeque;

/// The last points of a fit.
#[derive(Default)]
pub(crate) struct Path(VecDeque<Vec<f64>>);

/// The points that are kept, and how many steps before the last each direction starts.
const KEPT: usize = 8;
const STEPS_BACK: [usize; 4] = [1, 2, 4, 7];

/// Weights and bias of a direction.
pub(crate) type Direction = (Vec<f64>, f64);

impl Path {
    /// Adds a point.
    pub(crate) fn push(&mut self, coordinates: &[f64]) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(coordinates.to_vec());
    }

    /// The directions of the last steps.
    pub(crate) fn directions<S: Storage<T>, T: Number>(
        &self,
        objective: &Objective<'_, S, T>,
        end: &[f64],
    ) -> Vec<Direction> {
        let from = |back: usize| self.0.len().checked_sub(back + 1).map(|i| &self.0[i]);
        let starts = STEPS_BACK.iter().filter_map(|&back| from(back));
        let step =
            |start: &Vec<f64>| end.iter().zip(start).map(|(end, start)| end - start).collect::<Vec<_>>();
        starts.map(|start| objective.raw(&step(start))).collect()
    }
}

/// The warning about data without a finite optimum.
pub(crate) fn separation<S: Storage<T>, T: Number>(
    batch: &Batch<'_, S, T>,
    features: &Features,
    options: &Options,
    metrics: &Metrics,
    directions: &[Direction],
) -> Result<Option<Warning>, Error> {
    if metrics.auc.is_none() {
        return Ok(Some(Warning::OneClass));
    }
    if options.l2 > 0.0 {
        return Ok(None);
    }
    if metrics.correct == metrics.weight {
        return Ok(Some(Warning::Separable));
    }
    for direction in directions {
        if goes_on_for_ever(batch, features, direction)? {
            return Ok(Some(Warning::QuasiSeparable));
        }
    }
    Ok(None)
}

/// What a logit may move to the wrong side, as a part of the largest move to the right one: a step is not exactly in
/// the direction that separates, as it also makes up for what earlier ones did.
const TOLERANCE: f64 = 1e-3;

/// True where a direction moves no row's logit to the wrong side, but for [`TOLERANCE`], and some to the right one.
fn goes_on_for_ever<S: Storage<T>, T: Number>(
    batch: &Batch<'_, S, T>,
    features: &Features,
    (weights, bias): &Direction,
) -> Result<bool, Error> {
    let mut spread: Vec<T> = Vec::new();
    features.spread(weights.iter().copied(), &mut spread);
    let mut moves = vec![T::default(); batch.rows().nrows()];
    Engine::new().logits(batch.rows(), Params::new(&spread, T::nearest(*bias)), &mut moves)?;
    let (mut right, mut wrong) = (0.0_f64, 0.0_f64);
    for (i, (step, label)) in moves.iter().zip(batch.labels()).enumerate() {
        let (step, label) = (step.double(), label.double());
        let counts = batch.sample_weights().is_none_or(|weights| weights[i].double() > 0.0);
        let (to_right, to_wrong) = match label {
            _ if !counts => (0.0, 0.0),
            1.0 => (step, -step),
            0.0 => (-step, step),
            // A row of both classes loses whichever way it moves.
            _ => (0.0, step.abs()),
        };
        (right, wrong) = (right.max(to_right), wrong.max(to_wrong));
    }
    Ok(right > 0.0 && wrong <= TOLERANCE * right)
}
