//! Data that have no finite optimum without a penalty: all rows of one class, or classes that a plane separates.
//!
//! Where a plane has all positive rows on one side of it and all negative ones on the other, or some rows on it
//! (quasi-separation: Albert and Anderson, "On the existence of maximum likelihood estimates in logistic regression
//! models", Biometrika 71, 1984), the loss falls for ever in one direction of the weights: no row's logit moves to the
//! wrong side, and some move to the right one. A fit of such data ends while it goes in that direction: its steps are
//! what is tried for it. (What separates only after more iterations than were made, or below the tolerance, is not
//! found so.)

use crate::error::Error;
use crate::features::Features;
use crate::fit::{Options, Warning};
use crate::metrics::Metrics;
use crate::number::Number;
use crate::objective::Coordinates;
use crate::optimize::Trail;
use crate::score::{Weights, score};
use lanegrad::{Batch, Storage};

/// The warning about data without a finite optimum.
pub(crate) fn separation<S: Storage<T>, T: Number>(
    segments: &[Batch<'_, S, T>],
    features: &Features,
    options: &Options,
    metrics: &Metrics,
    coordinates: &Coordinates<'_, T>,
    trail: &Trail,
) -> Result<Option<Warning>, Error> {
    // Without a bias one class can have a finite optimum.
    if options.bias && metrics.auc.is_none() {
        return Ok(Some(Warning::OneClass));
    }
    if options.l2 > 0.0 {
        return Ok(None);
    }
    let (end, steps) = trail.end();
    let end = coordinates.raw(end);
    let directions: Vec<Weights> = steps.iter().map(|step| coordinates.raw(step)).collect();
    let models: Vec<&Weights> = [&end].into_iter().chain(&directions).collect();
    let mut all_right = true;
    let mut moves = vec![Moves::default(); directions.len()];
    score(segments, features, &models, |block, logits| {
        let (logits, steps) = (&logits[0], &logits[1..]);
        for (row, (logit, label)) in logits.iter().zip(block.labels()).enumerate() {
            if block.sample_weights().is_some_and(|weights| weights[row].double() == 0.0) {
                continue;
            }
            let side = Side::of(label.double());
            let margin = side.margin(logit.double());
            all_right &= margin > 0.0;
            for (moves, steps) in moves.iter_mut().zip(steps) {
                moves.add(side.margin(steps[row].double()), margin);
            }
        }
        Ok(())
    })?;
    Ok(if all_right {
        Some(Warning::Separable)
    } else {
        moves.iter().any(Moves::are_right).then_some(Warning::QuasiSeparable)
    })
}

/// The side of a plane that a row belongs to.
#[derive(Clone, Copy)]
enum Side {
    Positive,
    Negative,
    /// A row of both classes, which loses whichever way it moves.
    Neither,
}

impl Side {
    fn of(label: f64) -> Self {
        match label {
            1.0 => Self::Positive,
            0.0 => Self::Negative,
            _ => Self::Neither,
        }
    }

    /// How far a logit is on the right side, or moves to it.
    fn margin(self, logit: f64) -> f64 {
        match self {
            Self::Positive => logit,
            Self::Negative => -logit,
            Self::Neither => -logit.abs(),
        }
    }
}

/// The largest moves of logits along a direction.
#[derive(Clone, Copy, Default)]
struct Moves {
    right: f64,
    wrong: f64,
}

impl Moves {
    /// What a logit may move to the wrong side, as a part of the largest move to the right one: a step is not exactly
    /// in the direction that separates, as it also makes up for what earlier ones did.
    const TOLERANCE: f64 = 1e-3;
    /// A row whose logit is on the right side by this has a loss of 10⁻¹⁶ at most. No fit moves it on for its own sake:
    /// it may just be far from all others.
    const FAR: f64 = 37.0;

    /// Adds the move of a row that is on the right side by `margin`.
    fn add(&mut self, step: f64, margin: f64) {
        self.wrong = self.wrong.max(-step);
        if margin < Self::FAR {
            self.right = self.right.max(step);
        }
    }

    /// True if hardly any move is to the wrong side, and some are to the right one.
    fn are_right(&self) -> bool {
        self.right > 0.0 && self.wrong <= Self::TOLERANCE * self.right
    }
}
