//! The trail of a minimisation: some of the points that it went through.

use super::Point;
use std::collections::VecDeque;

/// Points of a minimisation, from the start on: the last ones, and some of those before, ever further apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trail {
    pub(super) recent: VecDeque<Vec<f64>>,
    /// Those whose number is a power of 2.
    pub(super) marks: Vec<Vec<f64>>,
    pub(super) seen: u64,
    /// The lowest value so far.
    pub(super) lowest: f64,
}

/// The points that are kept, and how many steps before the last one a direction starts.
pub(super) const KEPT: usize = 8;
const STEPS_BACK: [usize; 3] = [1, 3, 7];
/// The marks that directions start from.
const MARKS: usize = 3;
/// The part of the value by which it must fall for a point to count, in units of the roundoff: steps between
/// points that differ by rounding alone have no direction.
const ROUNDINGS: f64 = 16.0;

impl Trail {
    /// A trail from a point.
    pub(super) fn new(start: Vec<f64>) -> Self {
        Self { recent: VecDeque::from([start.clone()]), marks: vec![start], seen: 0, lowest: f64::INFINITY }
    }

    /// Adds a point, if the value is lower there by more than the roundoff of its arithmetic.
    pub(super) fn push(&mut self, point: &Point, unit_roundoff: f64) {
        if point.value >= self.lowest - ROUNDINGS * unit_roundoff * point.value.abs() {
            return;
        }
        (self.lowest, self.seen) = (point.value, self.seen + 1);
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(point.coordinates.clone());
        if self.seen.is_power_of_two() {
            self.marks.push(point.coordinates.clone());
        }
    }

    /// The last point, and the steps that led to it from earlier ones.
    pub(crate) fn end(&self) -> (&[f64], Vec<Vec<f64>>) {
        let end = self.recent.back().map_or(&[][..], Vec::as_slice);
        let back = |steps: &usize| self.recent.len().checked_sub(steps + 1).map(|i| &self.recent[i]);
        let starts = STEPS_BACK.iter().filter_map(back).chain(self.marks.iter().rev().take(MARKS));
        let step = |start: &Vec<f64>| end.iter().zip(start).map(|(end, start)| end - start).collect();
        (end, starts.map(step).collect())
    }
}
