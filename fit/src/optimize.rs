//! The optimiser: `argmin`'s L-BFGS (Liu and Nocedal, "On the limited memory BFGS method for large scale
//! optimization", Mathematical Programming 45, 1989) with a line search for convex functions.
//!
//! It ends, whatever the data are: a search looks at [`MOST_POINTS`] points at most, and where no step from a point
//! is good enough, L-BFGS starts anew from there, without its memory. When that does not help either, values usually
//! differ by their rounding alone.
//!
//! Passes over covtype_200k to a gradient of 1e-9, at λ = 1e-2 and 1e-4: 36 and 79. Newton's method with
//! conjugate gradients takes 8 + 40 and 12 + 133 (gradients + products with the Hessian, which read a row
//! for two logits), and its trust-region form 7 + 51 and 11 + 245 (counted with scipy's).

mod line_search;

use self::line_search::ConvexSearch;
#[cfg(doc)]
use self::line_search::MOST_POINTS;
use crate::error::{Context, Error as FitError};
use crate::number::Number;
use crate::objective::{Objective, Point};
use argmin::core::{
    CostFunction, Error, Executor, Gradient, IterState, KV, Problem, Solver, State as _, TerminationReason,
    TerminationStatus,
};
use argmin::solver::quasinewton::LBFGS;
use lanegrad::Storage;
use std::cell::Cell;

/// The limits at which a fit stops.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// The largest entry of the gradient (of the standardised weights) that is small enough.
    pub(crate) tolerance: f64,
    /// The largest number of iterations.
    pub(crate) iterations: u64,
}

/// The reason why a fit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// The gradient is small enough.
    Converged,
    /// No step was found that makes the objective smaller: its differences are below the arithmetic's rounding, as a
    /// rule.
    Stalled,
    /// The largest number of iterations was made.
    OutOfIterations,
}

/// Pairs of steps and gradients that the method remembers. With more of them than there are features it is
/// the full BFGS method, which needs fewer passes (on covtype_200k at λ = 1e-4, with argmin's own search, 85; 121
/// with 20 pairs, 158 with 10), and they cost nothing next to a pass.
const MEMORY: usize = 64;

/// Iterations without progress that end a fit.
const PATIENCE: u32 = 5;

type State = IterState<Vec<f64>, Vec<f64>, (), (), (), f64>;

/// Minimises the objective from coordinates of 0, and returns the best point, the number of iterations and why they
/// ended. `report` is called after each iteration that has found a point. At most 1 + [`MOST_POINTS`] · iterations
/// points are evaluated.
pub(crate) fn minimize<S: Storage<T>, T: Number>(
    objective: &Objective<'_, S, T>,
    limits: Limits,
    mut report: impl FnMut(u64, &Point),
) -> Result<(Point, u64, Ending), FitError> {
    let start = vec![0.0; objective.dimensions()];
    let mut best = objective.at(&start)?;
    let (iterations, search) = (Cell::new(0), ConvexSearch::new(objective.roundings()));
    while best.slope > limits.tolerance && iterations.get() < limits.iterations {
        let before = best.value;
        let run = Executor::new(objective, Watched::new(&search, limits, &iterations, &mut report)?)
            .configure(|state| state.param(best.coordinates.clone()))
            .timer(false)
            .ctrlc(false)
            .run();
        run.context("the objective cannot be minimised")?;
        best = objective.best().unwrap_or(best);
        // Start anew only where the last start has brought more than rounding.
        if before - best.value <= search.rounding(&best.coordinates) {
            break;
        }
    }
    let ending = if best.slope <= limits.tolerance {
        Ending::Converged
    } else if iterations.get() >= limits.iterations {
        Ending::OutOfIterations
    } else {
        Ending::Stalled
    };
    Ok((best, iterations.get(), ending))
}

/// L-BFGS that stops by our rules, and whose iterations are counted and reported.
struct Watched<'a, R> {
    inner: LBFGS<ConvexSearch, Vec<f64>, Vec<f64>, f64>,
    limits: Limits,
    iterations: &'a Cell<u64>,
    report: R,
    progress: Progress,
}

/// The lowest value and slope so far, and the number of iterations since one of them became lower.
struct Progress {
    lowest: f64,
    flattest: f64,
    idle: u32,
}

impl<'a, R> Watched<'a, R> {
    fn new(
        search: &ConvexSearch,
        limits: Limits,
        iterations: &'a Cell<u64>,
        report: R,
    ) -> Result<Self, FitError> {
        let inner = LBFGS::new(search.clone(), MEMORY).with_tolerance_grad(0.0);
        let inner = inner.and_then(|inner| inner.with_tolerance_cost(0.0));
        let inner = inner.context("the optimiser cannot be set up")?;
        let progress = Progress { lowest: f64::INFINITY, flattest: f64::INFINITY, idle: 0 };
        Ok(Self { inner, limits, iterations, report, progress })
    }
}

impl<'a, S, T, R> Solver<&'a Objective<'a, S, T>, State> for Watched<'_, R>
where
    S: Storage<T>,
    T: Number,
    R: FnMut(u64, &Point),
{
    fn name(&self) -> &str {
        "L-BFGS"
    }

    fn init(
        &mut self,
        problem: &mut Problem<&'a Objective<'a, S, T>>,
        state: State,
    ) -> Result<(State, Option<KV>), Error> {
        self.inner.init(problem, state)
    }

    fn next_iter(
        &mut self,
        problem: &mut Problem<&'a Objective<'a, S, T>>,
        state: State,
    ) -> Result<(State, Option<KV>), Error> {
        let (state, kv) = self.inner.next_iter(problem, state)?;
        self.iterations.set(self.iterations.get() + 1);
        // After a search that found no step there is no point, and the run has ended.
        if let Some(coordinates) = state.get_param() {
            let point = problem.problem("watched", |objective| Ok(objective.at(coordinates)?))?;
            (self.report)(self.iterations.get(), &point);
            let Progress { lowest, flattest, idle } = &mut self.progress;
            *idle = if point.value < *lowest || point.slope < *flattest { 0 } else { *idle + 1 };
            *lowest = lowest.min(point.value);
            *flattest = flattest.min(point.slope);
        }
        Ok((state, kv))
    }

    fn terminate(&mut self, _: &State) -> TerminationStatus {
        let Self { limits, iterations, progress, .. } = self;
        if progress.flattest <= limits.tolerance {
            TerminationStatus::Terminated(TerminationReason::SolverConverged)
        } else if iterations.get() >= limits.iterations {
            TerminationStatus::Terminated(TerminationReason::MaxItersReached)
        } else if progress.idle >= PATIENCE {
            TerminationStatus::Terminated(TerminationReason::SolverExit("no progress".to_owned()))
        } else {
            TerminationStatus::NotTerminated
        }
    }
}

impl<S: Storage<T>, T: Number> CostFunction for &Objective<'_, S, T> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, coordinates: &Vec<f64>) -> Result<f64, Error> {
        Ok(self.at(coordinates)?.value)
    }
}

impl<S: Storage<T>, T: Number> Gradient for &Objective<'_, S, T> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, coordinates: &Vec<f64>) -> Result<Vec<f64>, Error> {
        Ok(self.at(coordinates)?.gradient)
    }
}
