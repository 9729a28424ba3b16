//! The area under the ROC curve, from the scores of rows.

use super::MetricsSum;
use rayon::prelude::*;
use std::fmt;

/// An area under the ROC curve.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Auc {
    /// The area.
    pub value: f64,
    /// The largest error that it may have, if logits were binned; else 0.
    pub error: f64,
}

impl fmt::Display for Auc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.value)?;
        if self.error > 0.0 { write!(f, " (within {:.0e})", self.error) } else { Ok(()) }
    }
}

/// The logits of rows, with their weights in either class.
pub(super) enum Scores {
    /// Every logit. The weight of a positive row is positive, that of a negative one negative.
    Each { scores: Vec<(f64, f64)>, rows_left: usize },
    /// Bins, in the order of their logits.
    Bins(Vec<Weights>),
}

/// The weights of the positive and the negative rows of one logit, or of one bin.
#[derive(Clone, Copy, Default)]
pub(super) struct Weights {
    positive: f64,
    negative: f64,
}

impl Weights {
    /// Adds a row's weight, with the sign of its class.
    fn add(&mut self, weight: f64) {
        self.positive += weight.max(0.0);
        self.negative += (-weight).max(0.0);
    }
}

/// Bits of a logit, as `f32`, that choose its bin.
const BIN_BITS: u32 = 20;

/// The bin of a logit; a higher one has a higher bin or the same.
fn bin(z: f64) -> usize {
    // The sum makes +0 of -0, which is equal.
    let bits = (z as f32 + 0.0).to_bits();
    // Negative numbers are in reverse order, and come before the positive ones.
    let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    (ordered >> (32 - BIN_BITS)) as usize
}

impl Scores {
    pub(super) const fn new() -> Self {
        Self::exact_up_to(MetricsSum::EXACT_ROWS)
    }

    const fn exact_up_to(rows: usize) -> Self {
        Self::Each { scores: Vec::new(), rows_left: rows }
    }

    /// Adds a row of a sample weight and a label: a label between 0 and 1 is a share of either class.
    pub(super) fn add(&mut self, logit: f64, weight: f64, label: f64) {
        if let Self::Each { scores, rows_left: 0 } = self {
            let scores = std::mem::take(scores);
            self.bin_all(&scores);
        }
        for weight in [weight * label, -weight * (1.0 - label)].into_iter().filter(|&weight| weight != 0.0) {
            match self {
                Self::Each { scores, .. } => scores.push((logit, weight)),
                Self::Bins(bins) => bins[bin(logit)].add(weight),
            }
        }
        if let Self::Each { rows_left, .. } = self {
            *rows_left -= 1;
        }
    }

    fn bin_all(&mut self, scores: &[(f64, f64)]) {
        let mut bins = vec![Weights::default(); 1 << BIN_BITS];
        scores.iter().for_each(|&(logit, weight)| bins[bin(logit)].add(weight));
        *self = Self::Bins(bins);
    }

    /// The area; `None` if only one class has rows.
    pub(super) fn area(self) -> Option<Auc> {
        match self {
            Self::Each { mut scores, .. } => {
                // By the weight too, so that the sums are the same whatever the sort does with equal logits.
                scores.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
                let groups = scores.chunk_by(|a, b| a.0 == b.0).map(|group| {
                    let mut weights = Weights::default();
                    group.iter().for_each(|&(_, weight)| weights.add(weight));
                    weights
                });
                let (value, _) = area(groups)?;
                Some(Auc { value, error: 0.0 })
            }
            Self::Bins(bins) => {
                let (value, ties) = area(bins.iter().copied())?;
                Some(Auc { value, error: 0.5 * ties })
            }
        }
    }
}

/// The share of pairs of a positive and a negative row in which the positive one has the higher logit, ties counting
/// half, and the share of ties.
fn area(groups: impl Iterator<Item = Weights> + Clone) -> Option<(f64, f64)> {
    // The weights of either class by its largest, so that no product of them underflows or overflows.
    let largest = |of: fn(Weights) -> f64| groups.clone().fold(0.0, |largest: f64, w| largest.max(of(w)));
    let (most_positive, most_negative) = (largest(|w| w.positive), largest(|w| w.negative));
    let (mut below, mut above, mut pairs, mut ties) = (0.0, 0.0, 0.0, 0.0);
    for Weights { positive, negative } in groups {
        let (positive, negative) = (positive / most_positive, negative / most_negative);
        pairs += positive * (below + 0.5 * negative);
        ties += positive * negative;
        below += negative;
        above += positive;
    }
    // Rounding may lift it above 1.
    (below > 0.0 && above > 0.0).then(|| ((pairs / below / above).min(1.0), ties / below / above))
}

#[cfg(test)]
mod tests {
    use super::{Auc, Scores, bin};

    #[test]
    fn bins_are_in_the_order_of_logits() {
        let z =
            [f64::NEG_INFINITY, -1e30, -1.0, -1e-30, -0.0, 0.0, 1e-30, 0.5, 1.0, 1.001, 1e30, f64::INFINITY];
        assert!(z.windows(2).all(|pair| bin(pair[0]) <= bin(pair[1])));
        assert!(bin(1.0) < bin(1.001) && bin(-1.0) < bin(1.0));
        assert_eq!([bin(-0.0), bin(-1e-50)], [bin(0.0); 2]);
    }

    /// Logits with ties, weights and labels, some of them between 0 and 1.
    fn rows(soft: bool) -> Vec<(f64, f64, f64)> {
        let row = |i: i32| {
            let z = f64::from(i * 7919 % 211) / 20.0 - 5.0;
            let y = f64::from(u8::from(i * 104_729 % 17 < i * 7919 % 211 / 13));
            let share = if soft && i % 3 == 0 { 0.25 } else { y };
            (if z == 0.0 && i % 2 == 0 { -0.0 } else { z }, f64::from(1 + i % 4), share)
        };
        (0..300).map(row).collect()
    }

    /// The definition: every pair.
    fn by_pairs(rows: &[(f64, f64, f64)]) -> f64 {
        let (mut pairs, mut all) = (0.0, 0.0);
        for (above, s, y) in rows {
            for (below, t, other) in rows {
                let weight = s * y * t * (1.0 - other);
                all += weight;
                pairs += weight * if above > below { 1.0 } else { 0.5 * f64::from(u8::from(above == below)) };
            }
        }
        pairs / all
    }

    #[test]
    fn the_area_is_that_of_all_pairs() {
        for soft in [false, true] {
            let (rows, mut scores) = (rows(soft), Scores::new());
            rows.iter().for_each(|&(z, s, y)| scores.add(z, s, y));
            let Auc { value, error } = scores.area().unwrap();
            assert!((value - by_pairs(&rows)).abs() < 1e-14 && error == 0.0, "{value}");
        }
    }

    #[test]
    fn binned_it_is_within_its_bound() {
        for soft in [false, true] {
            let (rows, mut scores) = (rows(soft), Scores::exact_up_to(100));
            rows[..100].iter().for_each(|&(z, s, y)| scores.add(z, s, y));
            assert!(matches!(scores, Scores::Each { .. }));
            rows[100..].iter().for_each(|&(z, s, y)| scores.add(z, s, y));
            assert!(matches!(scores, Scores::Bins(_)));
            let Auc { value, error } = scores.area().unwrap();
            assert!((value - by_pairs(&rows)).abs() <= error + 1e-12 && error < 0.02, "{value} ± {error}");
        }
    }

    #[test]
    fn tiny_weights_are_weights() {
        let mut scores = Scores::new();
        scores.add(1.0, 1e-320, 1.0);
        scores.add(0.0, 1e4, 0.0);
        assert_eq!(scores.area(), Some(Auc { value: 1.0, error: 0.0 }));
    }
}
