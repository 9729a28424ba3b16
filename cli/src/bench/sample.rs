//! Sampling: the number of runs, and the statistics of their times.

use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// The shortest sample, in seconds: reading the clock, about 30 ns, is then less than a ten-thousandth of it.
pub(crate) const SAMPLE: f64 = 1e-3;

/// The smallest number of samples that has a median of use.
pub(crate) const FEWEST: usize = 3;

/// The largest number of samples: more would not make the median steadier than the machine is.
const MOST: usize = 51;

/// Times of one call, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timing {
    /// The median over the samples.
    pub(crate) median: f64,
    /// The 10th percentile.
    pub(crate) low: f64,
    /// The 90th percentile.
    pub(crate) high: f64,
    /// The fastest sample.
    pub(crate) fastest: f64,
    /// The number of samples.
    pub(crate) samples: usize,
    /// The number of calls that a sample is the mean of.
    pub(crate) calls: usize,
}

impl Timing {
    /// The statistics of times of one call each, of which there is at least one.
    pub(crate) fn new(mut times: Vec<f64>, calls: usize) -> Self {
        times.sort_by(f64::total_cmp);
        let percentile = |p: f64| {
            let place = p * (times.len() - 1) as f64;
            let (below, above) = (times[place.floor() as usize], times[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Self {
            median: percentile(0.5),
            low: percentile(0.1),
            high: percentile(0.9),
            fastest: times[0],
            samples: times.len(),
            calls,
        }
    }

    /// The distance from the 10th to the 90th percentile, relative to the median.
    pub(crate) fn spread(&self) -> f64 {
        (self.high - self.low) / self.median
    }
}

/// Times several variants by turns, so that other work of the machine affects all of them alike: `sample(variant,
/// calls)` runs one variant and returns the seconds that it took.
///
/// The calls of a sample take about a millisecond. Sampling ends after `budget`, but not before there are three
/// samples of each variant, or as few as the plan of a short run says; one where the run itself must end.
pub(crate) fn by_turns(
    variants: usize,
    budget: Duration,
    (fewest, end): (usize, Instant),
    mut sample: impl FnMut(usize, usize) -> f64,
) -> Vec<Timing> {
    let start = Instant::now();
    let calls: Vec<usize> = (0..variants).map(|variant| calibrate(|calls| sample(variant, calls))).collect();
    let mut times = vec![Vec::new(); variants];
    for round in 0..MOST {
        let fewest = if Instant::now() < end { fewest } else { 1 };
        if round >= fewest && start.elapsed() >= budget {
            break;
        }
        for (variant, times) in times.iter_mut().enumerate() {
            times.push(sample(variant, calls[variant]) / calls[variant] as f64);
        }
    }
    times.into_iter().zip(calls).map(|(times, calls)| Timing::new(times, calls)).collect()
}

/// The number of calls of a sample. Finding it warms up caches, clock and branch predictors.
fn calibrate(mut sample: impl FnMut(usize) -> f64) -> usize {
    let mut calls = 1;
    loop {
        let seconds = sample(calls);
        if seconds >= SAMPLE / 2.0 || calls > 1 << 30 {
            return (calls as f64 * SAMPLE / seconds).ceil().max(1.0) as usize;
        }
        calls = (calls as f64 * (SAMPLE / seconds).clamp(2.0, 16.0)) as usize;
    }
}

#[cfg(test)]
mod tests {
    use super::{FEWEST, MOST, SAMPLE, Timing, by_turns};
    use std::time::{Duration, Instant};

    fn later() -> (usize, Instant) {
        (FEWEST, Instant::now() + Duration::from_secs(60))
    }

    #[test]
    fn percentiles_lie_between_samples() {
        let timing = Timing::new(vec![5.0, 1.0, 3.0, 2.0, 4.0], 7);
        assert_eq!((timing.fastest, timing.median, timing.samples, timing.calls), (1.0, 3.0, 5, 7));
        assert!((timing.low - 1.4).abs() < 1e-12 && (timing.high - 4.6).abs() < 1e-12);
        assert!((timing.spread() - 3.2 / 3.0).abs() < 1e-12);
        let one = Timing::new(vec![2.0], 1);
        assert_eq!((one.low, one.median, one.high), (2.0, 2.0, 2.0));
    }

    #[test]
    fn variants_take_turns_and_samples_are_long_enough() {
        let seconds_per_call = [1e-7, 1e-2];
        let mut order = Vec::new();
        let timings = by_turns(2, Duration::from_secs(60), later(), |variant, calls| {
            order.push((variant, calls));
            seconds_per_call[variant] * calls as f64
        });
        let rounds = &order[order.len() - 2 * MOST..];
        assert!(rounds.chunks(2).all(|round| round[0].0 == 0 && round[1] == (1, 1)));
        for (timing, expected) in timings.iter().zip(seconds_per_call) {
            assert!((timing.median - expected).abs() < 1e-12);
            assert_eq!(timing.samples, MOST);
            assert!(timing.median * timing.calls as f64 >= SAMPLE * 0.999);
        }
    }

    #[test]
    fn a_spent_budget_leaves_three_samples() {
        let timings = by_turns(1, Duration::ZERO, later(), |_, _| 1.0);
        assert_eq!(timings[0].samples, 3);
        let timings = by_turns(1, Duration::ZERO, (FEWEST, Instant::now()), |_, _| 1.0);
        assert_eq!(timings[0].samples, 1, "a run that must end");
    }
}
