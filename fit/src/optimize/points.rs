//! The points of a minimisation: evaluated once each, the best of them kept, and the observer told of each pass.

use super::checkpoint::{Checkpoint, Identity, Run};
use super::trail::Trail;
use super::{Evaluation, MinimizeOptions, Objective, Observer, Point, Progress};
use crate::error::{Error, ensure};
use argmin::core::{CostFunction, Error as ArgminError, Gradient};
use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::time::Instant;

/// What the optimiser and its line search share.
pub(super) struct Points<'a, O> {
    objective: RefCell<&'a mut O>,
    observer: RefCell<&'a mut dyn Observer>,
    identity: Identity,
    /// A gradient whose size is no more than this is small enough.
    tolerance: f64,
    /// The last point: optimisers ask for its value and its gradient one after the other.
    last: RefCell<Option<Point>>,
    /// The best point so far: of the lowest value among those whose gradient is small enough, or else of
    /// all. Near the optimum values differ by rounding alone, and the gradient says more.
    best: RefCell<Option<Point>>,
    /// Points that the method is led through once more.
    known: RefCell<Vec<Point>>,
    pub(super) run: RefCell<Run>,
    pub(super) trail: RefCell<Trail>,
    pub(super) iterations: Cell<u64>,
    passes: Cell<u64>,
    cancelled: Cell<bool>,
    /// What the objective said when it could not be evaluated.
    failure: RefCell<Option<Error>>,
    /// Half the distance from 1 to the next number of the arithmetic.
    unit_roundoff: f64,
    start: Instant,
}

impl<'a, O: Objective> Points<'a, O> {
    /// The points of a minimisation that starts at some coordinates.
    pub(super) fn from_start(
        objective: &'a mut O,
        start: &[f64],
        unit_roundoff: f64,
        options: &MinimizeOptions,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, Error> {
        let clock = Instant::now();
        let first = evaluate(objective, start)?;
        let trail = Trail::new(start.to_vec());
        let points =
            Self::new(objective, unit_roundoff, options, observer, Run::new(first.clone()), trail, clock);
        points.passes.set(1);
        (*points.last.borrow_mut(), *points.best.borrow_mut()) = (Some(first.clone()), Some(first.clone()));
        points.tell_of_pass();
        if !points.is_cancelled() {
            points.tell(&first);
        }
        Ok(points)
    }

    /// The points of a minimisation that goes on.
    pub(super) fn from_checkpoint(
        objective: &'a mut O,
        checkpoint: &Checkpoint,
        unit_roundoff: f64,
        options: &MinimizeOptions,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, Error> {
        let Checkpoint { iterations, passes, best, run, trail, .. } = checkpoint.clone();
        let (last, known) = (run.points.back().cloned(), run.points.iter().cloned().collect());
        // The data may be others of the same shape. This pass is not counted: the fit made it before.
        if let Some(last) = &last {
            let found = evaluate(objective, &last.coordinates)?;
            ensure!(
                found.has_bits_of(last),
                "the checkpoint is of a fit to other data: the objective has another value at its last point"
            );
        }
        let points = Self::new(objective, unit_roundoff, options, observer, run, trail, Instant::now());
        points.iterations.set(iterations);
        points.passes.set(passes);
        (*points.last.borrow_mut(), *points.best.borrow_mut()) = (last, Some(best));
        *points.known.borrow_mut() = known;
        Ok(points)
    }

    fn new(
        objective: &'a mut O,
        unit_roundoff: f64,
        options: &MinimizeOptions,
        observer: &'a mut dyn Observer,
        run: Run,
        trail: Trail,
        start: Instant,
    ) -> Self {
        let [last, best] = [RefCell::new(None), RefCell::new(None)];
        let (iterations, passes, cancelled) = (Cell::new(0), Cell::new(0), Cell::new(false));
        Self {
            objective: RefCell::new(objective),
            observer: RefCell::new(observer),
            identity: options.identity,
            tolerance: options.tolerance,
            last,
            best,
            known: RefCell::new(Vec::new()),
            run: RefCell::new(run),
            trail: RefCell::new(trail),
            iterations,
            passes,
            cancelled,
            failure: RefCell::new(None),
            unit_roundoff,
            start,
        }
    }

    /// The best point that was evaluated.
    pub(super) fn best(&self) -> Point {
        self.best.borrow().clone().expect("the first point was evaluated")
    }

    /// The number of passes.
    pub(super) fn passes(&self) -> u64 {
        self.passes.get()
    }

    /// True once the observer has asked for the end.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// The error of the objective, if it could not be evaluated.
    pub(super) fn take_failure(&self) -> Option<Error> {
        self.failure.take()
    }

    /// Forgets the points that the method was led through.
    pub(super) fn forget_known(&self) {
        self.known.borrow_mut().clear();
    }

    /// Value and gradient, in one pass, unless they are known.
    pub(super) fn at(&self, coordinates: &[f64]) -> Result<Point, ArgminError> {
        for known in [&self.last, &self.best] {
            if let Some(point) = known.borrow().as_ref().filter(|point| point.coordinates == coordinates) {
                return Ok(point.clone());
            }
        }
        if let Some(point) = self.known.borrow().iter().find(|point| point.coordinates == coordinates) {
            return Ok(point.clone());
        }
        if self.is_cancelled() {
            return Err(ArgminError::msg("cancelled"));
        }
        let point = evaluate(*self.objective.borrow_mut(), coordinates).map_err(|error| {
            if error.is_cancellation() {
                self.cancelled.set(true);
            } else {
                *self.failure.borrow_mut() = Some(error);
            }
            ArgminError::msg("the objective cannot be evaluated")
        })?;
        self.passes.set(self.passes.get() + 1);
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
        drop(best);
        *self.last.borrow_mut() = Some(point.clone());
        self.tell_of_pass();
        Ok(point)
    }

    /// Counts an iteration.
    pub(super) fn count_iteration(&self) {
        self.iterations.set(self.iterations.get() + 1);
    }

    /// Takes the point of an iteration.
    pub(super) fn iterated(&self, point: &Point) {
        self.count_iteration();
        self.trail.borrow_mut().push(point, self.unit_roundoff);
        self.run.borrow_mut().push(point);
        self.tell(point);
    }

    fn tell_of_pass(&self) {
        let flow = self.observer.borrow_mut().passed(self.passes.get());
        self.heed(flow);
    }

    fn tell(&self, point: &Point) {
        let progress = Progress {
            iteration: self.iterations.get(),
            loss: point.loss,
            objective: point.value,
            gradient: point.slope,
            passes: self.passes.get() as usize,
            elapsed: self.start.elapsed(),
        };
        let flow = self.observer.borrow_mut().iterated(&progress, &|| self.checkpoint());
        self.heed(flow);
    }

    /// Does as the observer says.
    fn heed(&self, flow: ControlFlow<()>) {
        self.cancelled.set(self.cancelled.get() || flow.is_break());
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            identity: self.identity,
            iterations: self.iterations.get(),
            passes: self.passes.get(),
            best: self.best(),
            run: self.run.borrow().clone(),
            trail: self.trail.borrow().clone(),
        }
    }
}

impl Point {
    /// True where value and gradient are those of another point, to the bit; every NaN is the same.
    fn has_bits_of(&self, other: &Self) -> bool {
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        let is_same = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(same);
        is_same(&self.gradient, &other.gradient)
            && is_same(&[self.value, self.loss, self.slope], &[other.value, other.loss, other.slope])
    }
}

/// A point.
fn evaluate<O: Objective>(objective: &mut O, coordinates: &[f64]) -> Result<Point, Error> {
    let Evaluation { value, loss, gradient, slope } = objective.evaluate(coordinates)?;
    ensure!(
        gradient.len() == coordinates.len(),
        "the gradient has {} entries, at a point of {}",
        gradient.len(),
        coordinates.len()
    );
    Ok(Point { coordinates: coordinates.to_vec(), loss, value, gradient, slope })
}

impl<O: Objective> CostFunction for &Points<'_, O> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, coordinates: &Vec<f64>) -> Result<f64, ArgminError> {
        Ok(self.at(coordinates)?.value)
    }
}

impl<O: Objective> Gradient for &Points<'_, O> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, coordinates: &Vec<f64>) -> Result<Vec<f64>, ArgminError> {
        Ok(self.at(coordinates)?.gradient)
    }
}
