//! Log-loss, accuracy and AUC of scored rows.

use crate::error::{Error, ensure};
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

/// Sums over scored rows, of which [`Metrics`] are made, in constant memory (16 MB).
///
/// The area under the ROC curve is the share of pairs of a positive and a negative row in which the positive
/// one has the higher logit, ties counting half. Logits are counted in 2^20 bins: a bin holds the logits that
/// agree, as `f32`, in sign, exponent and 11 bits of their significand; pairs within a bin count as ties. The
/// result says how far that may be off.
pub struct MetricsSum {
    positive: Vec<f64>,
    negative: Vec<f64>,
    loss: f64,
    correct: f64,
    weight: f64,
    /// The losses of a block.
    losses: Vec<f64>,
}

/// Bits of a logit, as `f32`, that choose its bin.
const BIN_BITS: u32 = 20;

/// An area under the ROC curve.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Auc {
    /// The area.
    pub value: f64,
    /// The largest error that it may have, as logits are binned.
    pub error: f64,
}

impl fmt::Display for Auc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.value)?;
        if self.error > 0.0 { write!(f, " (within {:.0e})", self.error) } else { Ok(()) }
    }
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
    /// Sums over no rows.
    #[must_use]
    pub fn new() -> Self {
        let bins = || vec![0.0; 1 << BIN_BITS];
        let (positive, negative) = (bins(), bins());
        Self { positive, negative, loss: 0.0, correct: 0.0, weight: 0.0, losses: Vec::new() }
    }

    /// Adds rows: their logits, labels and sample weights, which are 1 if there are none.
    ///
    /// # Errors
    ///
    /// If the lengths disagree.
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
        self.losses.resize(z.len(), 0.0);
        engine.log_loss(&z, &y, &mut self.losses)?;
        for (i, (&z, &y)) in z.iter().zip(&y).enumerate() {
            let s = sample_weights.map_or(1.0, |weights| weights[i].double());
            if s == 0.0 {
                continue;
            }
            self.loss += s * self.losses[i];
            // A label between 0 and 1 is a share of either class.
            self.correct += s * if z > 0.0 { y } else { 1.0 - y };
            self.weight += s;
            self.positive[bin(z)] += s * y;
            self.negative[bin(z)] += s * (1.0 - y);
        }
        Ok(())
    }

    /// The metrics of all rows that were added.
    #[must_use]
    pub fn finish(&self) -> Metrics {
        Metrics {
            log_loss: self.loss / self.weight,
            accuracy: self.correct / self.weight,
            correct: self.correct,
            weight: self.weight,
            auc: self.auc(),
        }
    }

    fn auc(&self) -> Option<Auc> {
        let (mut below, mut pairs, mut ties) = (0.0, 0.0, 0.0);
        for (positive, negative) in self.positive.iter().zip(&self.negative) {
            pairs += positive * (below + 0.5 * negative);
            ties += positive * negative;
            below += negative;
        }
        let all = below * self.positive.iter().sum::<f64>();
        (all > 0.0).then(|| Auc { value: pairs / all, error: 0.5 * ties / all })
    }
}

/// The bin of a logit; a higher one has a higher bin or the same.
fn bin(z: f64) -> usize {
    let bits = (z as f32).to_bits();
    // Negative numbers are in reverse order, and come before the positive ones.
    let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    (ordered >> (32 - BIN_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::{Auc, Metrics, MetricsSum, bin};
    use lanegrad::Engine;

    fn metrics(z: &[f64], y: &[f64], s: Option<&[f64]>) -> Metrics {
        let mut metrics = MetricsSum::new();
        metrics.add(&Engine::serial(), z, y, s).unwrap();
        metrics.finish()
    }

    #[test]
    fn bins_are_in_the_order_of_logits() {
        let z =
            [f64::NEG_INFINITY, -1e30, -1.0, -1e-30, -0.0, 0.0, 1e-30, 0.5, 1.0, 1.001, 1e30, f64::INFINITY];
        assert!(z.windows(2).all(|pair| bin(pair[0]) <= bin(pair[1])));
        assert!(bin(1.0) < bin(1.001) && bin(-1.0) < bin(1.0));
    }

    #[test]
    fn the_area_is_that_of_all_pairs() {
        let n = 300;
        let z: Vec<f64> = (0..n).map(|i| f64::from(i * 7919 % 211) / 20.0 - 5.0).collect();
        let y: Vec<f64> =
            (0..n).map(|i| f64::from(u8::from(i * 104_729 % 17 < i * 7919 % 211 / 13))).collect();
        let (mut pairs, mut all) = (0.0, 0.0);
        for (zp, _) in z.iter().zip(&y).filter(|(_, y)| **y == 1.0) {
            for (zn, _) in z.iter().zip(&y).filter(|(_, y)| **y == 0.0) {
                all += 1.0;
                pairs += if zp > zn {
                    1.0
                } else if zp == zn {
                    0.5
                } else {
                    0.0
                };
            }
        }
        let Auc { value, error } = metrics(&z, &y, None).auc.unwrap();
        assert!((value - pairs / all).abs() <= error + 1e-12, "{value} ± {error}, not {}", pairs / all);
        assert!(error < 0.01);
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
}
