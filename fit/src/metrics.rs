//! Log-loss, accuracy and AUC of scored rows.

mod auc;

pub use self::auc::Auc;
use self::auc::Scores;
use crate::error::{Error, bail, ensure};
use crate::number::Number;
use lanegrad::Engine;
use std::fmt;

/// Log-loss, accuracy and AUC of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Metrics {
    /// The mean log-loss.
    pub log_loss: f64,
    /// The share of rows that are on the side of their label; a logit of 0 is on that of 0.
    pub accuracy: f64,
    /// The weight of the rows that are on the side of their label: their number, if all count alike.
    pub correct: f64,
    /// The weight of all rows.
    pub weight: f64,
    /// The area under the ROC curve; `None` if only one class has rows.
    pub auc: Option<Auc>,
}

/// Scored rows, of which [`Metrics`] are made.
///
/// The area under the ROC curve is the share of pairs of a positive and a negative row in which the positive one has
/// the higher logit, ties counting half. It is exact up to [`MetricsSum::EXACT_ROWS`] rows, whose logits are kept: 16
/// bytes for each row, 32 for one whose label is between 0 and 1. Of more rows logits are counted in 2^20 bins (16
/// MB): a bin holds the logits that agree, as `f32`, in sign, exponent and 11 bits of their significand, and pairs
/// within a bin count as ties. The result then says how far that may be off.
pub struct MetricsSum {
    scores: Scores,
    nrows: usize,
    loss: f64,
    correct: f64,
    weight: f64,
    /// The losses of a block.
    losses: Vec<f64>,
}

impl fmt::Debug for MetricsSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsSum").field("weight", &self.weight).finish_non_exhaustive()
    }
}

impl Default for MetricsSum {
    fn default() -> Self {
        Self::new()
    }
}

impl MetricsSum {
    /// The most rows of which the area under the ROC curve is exact.
    pub const EXACT_ROWS: usize = 1 << 24;

    /// No rows.
    #[must_use]
    pub fn new() -> Self {
        Self { scores: Scores::new(), nrows: 0, loss: 0.0, correct: 0.0, weight: 0.0, losses: Vec::new() }
    }

    /// Adds rows: their logits, labels and sample weights, which are 1 if there are none.
    ///
    /// # Errors
    ///
    /// If the lengths disagree, or the logit of a row that counts is NaN: there are no metrics of what is not a number.
    /// Nothing is added then.
    pub fn add<T: Number>(
        &mut self,
        engine: &Engine,
        logits: &[T],
        labels: &[T],
        sample_weights: Option<&[T]>,
    ) -> Result<(), Error> {
        let doubles = |x: &[T]| -> Vec<f64> { x.iter().map(|x| x.double()).collect() };
        let (z, y) = (doubles(logits), doubles(labels));
        let weights = sample_weights.map_or(logits.len(), <[T]>::len);
        ensure!(weights == logits.len(), "there are {} logits, but {weights} sample weights", logits.len());
        let weight = |i: usize| sample_weights.map_or(1.0, |weights| weights[i].double());
        let nan = z.iter().enumerate().find(|(i, z)| z.is_nan() && weight(*i) > 0.0);
        if let Some((i, _)) = nan {
            bail!("the logit of row {} is not a number", self.nrows + i);
        }
        self.losses.resize(z.len(), 0.0);
        engine.log_loss(&z, &y, &mut self.losses)?;
        for (i, (&z, &y)) in z.iter().zip(&y).enumerate() {
            let s = weight(i);
            if s == 0.0 {
                continue;
            }
            self.loss += s * self.losses[i];
            // A label between 0 and 1 is a share of either class.
            self.correct += s * if z > 0.0 { y } else { 1.0 - y };
            self.weight += s;
            self.scores.add(z, s, y);
        }
        self.nrows += z.len();
        Ok(())
    }

    /// The metrics of all rows that were added.
    #[must_use]
    pub fn finish(self) -> Metrics {
        Metrics {
            log_loss: self.loss / self.weight,
            accuracy: self.correct / self.weight,
            correct: self.correct,
            weight: self.weight,
            auc: self.scores.area(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Metrics, MetricsSum};
    use lanegrad::Engine;

    fn metrics(z: &[f64], y: &[f64], s: Option<&[f64]>) -> Metrics {
        let mut metrics = MetricsSum::new();
        metrics.add(&Engine::serial(), z, y, s).unwrap();
        metrics.finish()
    }

    #[test]
    fn weights_count_rows_as_often() {
        let (z, y, s) = ([1.0, -2.0, 0.5, 3.0], [1.0, 0.0, 0.0, 1.0], [1.0, 2.0, 0.0, 3.0]);
        let weighted = metrics(&z, &y, Some(&s));
        let repeated = metrics(&[1.0, -2.0, -2.0, 3.0, 3.0, 3.0], &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0], None);
        assert_eq!((weighted.correct, weighted.weight), (6.0, 6.0));
        assert_eq!(weighted.auc, repeated.auc);
        assert!((weighted.log_loss - repeated.log_loss).abs() < 1e-15);
    }

    #[test]
    fn one_class_has_no_area() {
        assert_eq!(metrics(&[1.0, 2.0], &[1.0, 1.0], None).auc, None);
    }

    #[test]
    fn lengths_that_disagree_are_refused() {
        let mut metrics = MetricsSum::new();
        assert!(metrics.add(&Engine::serial(), &[1.0, 2.0], &[1.0], None).is_err());
        assert!(metrics.add(&Engine::serial(), &[1.0, 2.0], &[1.0, 0.0], Some(&[1.0])).is_err());
        assert_eq!(metrics.finish().weight, 0.0);
    }

    #[test]
    fn a_score_that_is_not_a_number_has_no_metrics() {
        let mut metrics = MetricsSum::new();
        let error = metrics.add(&Engine::serial(), &[1.0, f64::NAN], &[1.0, 0.0], None).unwrap_err();
        assert_eq!(error.to_string(), "the logit of row 1 is not a number");
        metrics.add(&Engine::serial(), &[1.0, f64::NAN], &[1.0, 0.0], Some(&[1.0, 0.0])).unwrap();
        assert_eq!(metrics.finish().accuracy, 1.0);
    }
}
