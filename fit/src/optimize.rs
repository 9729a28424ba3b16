//! The optimiser: `argmin`'s L-BFGS (Liu and Nocedal, "On the limited memory BFGS method for large scale
//! optimization", Mathematical Programming 45, 1989) with the line search of Moré and Thuente.
//!
//! Passes over covtype_200k to a gradient of 1e-9, at λ = 1e-2 and 1e-4: 41 and 85. Newton's method with
//! conjugate gradients takes 8 + 40 and 12 + 133 (gradients + products with the Hessian, which read a row
//! for two logits), and its trust-region form 7 + 51 and 11 + 245 (counted with scipy's).

use crate::error::{Context, Error as FitError};
use crate::number::Number;
use crate::objective::{Objective, Point, largest};
use argmin::core::{
    CostFunction, Error, Executor, Gradient, IterState, KV, Problem, Solver, State as _, TerminationReason,
    TerminationStatus,
};
use argmin::solver::linesearch::MoreThuenteLineSearch;
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
    /// No step makes the objective smaller: its differences are below the arithmetic's rounding.
    Stalled,
    /// The largest number of iterations was made.
    OutOfIterations,
}

/// Pairs of steps and gradients that the method remembers. With more of them than there are features it is
/// the full BFGS method, which needs fewer passes (on covtype_200k at λ = 1e-4 85; 121 with 20 pairs, 158
/// with 10), and they cost nothing next to a pass.
const MEMORY: usize = 64;

/// Iterations without progress that end a fit.
const PATIENCE: u32 = 5;

type State = IterState<Vec<f64>, Vec<f64>, (), (), (), f64>;

/// Minimises the objective from coordinates of 0, and returns the best point, the number of iterations and why
/// they ended. `report` is called after each iteration.
pub(crate) fn minimize<S: Storage<T>, T: Number>(
    objective: &Objective<'_, S, T>,
    limits: Limits,
    report: impl FnMut(u64, &Point),
) -> Result<(Point, u64, Ending), FitError> {
    let inner = solver().context("the optimiser cannot be set up")?;
    let iterations = Cell::new(0);
    let progress = Progress { lowest: f64::INFINITY, flattest: f64::INFINITY, idle: 0 };
    let solver = Watched { inner, limits, report, iterations: &iterations, progress };
    let run = Executor::new(objective, solver)
        .configure(|state| state.param(vec![0.0; objective.dimensions()]).max_iters(limits.iterations))
        .timer(false)
        .ctrlc(false)
        .run();
    // A line search that finds no better point ends the run with an error. The best point before it is the result.
    let best = match objective.best() {
        Some(best) => best,
        None => {
            return Err(match run.err() {
                Some(error) => FitError::because("the objective cannot be evaluated", error),
                None => FitError::new("the objective was not evaluated"),
            });
        }
    };
    let ending = if best.slope() <= limits.tolerance {
        Ending::Converged
    } else if iterations.get() >= limits.iterations {
        Ending::OutOfIterations
    } else {
        Ending::Stalled
    };
    Ok((best, iterations.get(), ending))
}

type LineSearch = MoreThuenteLineSearch<Vec<f64>, Vec<f64>, f64>;

fn solver() -> Result<LBFGS<LineSearch, Vec<f64>, Vec<f64>, f64>, Error> {
    let line_search = MoreThuenteLineSearch::new().with_c(1e-4, 0.9)?;
    LBFGS::new(line_search, MEMORY).with_tolerance_grad(0.0)?.with_tolerance_cost(0.0)
}

/// A solver that stops by our rules, and whose iterations are reported.
struct Watched<'a, I, R> {
    inner: I,
    limits: Limits,
    report: R,
    iterations: &'a Cell<u64>,
    progress: Progress,
}

/// The lowest value and slope so far, and the number of iterations since one of them became lower.
struct Progress {
    lowest: f64,
    flattest: f64,
    idle: u32,
}

impl<'a, S, T, I, R> Solver<&'a Objective<'a, S, T>, State> for Watched<'_, I, R>
where
    S: Storage<T>,
    T: Number,
    I: Solver<&'a Objective<'a, S, T>, State>,
    R: FnMut(u64, &Point),
{
    fn name(&self) -> &str {
        self.inner.name()
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
        if let Some(coordinates) = state.get_param() {
            let point = problem.problem("watched", |objective| Ok(objective.at(coordinates)?))?;
            (self.report)(self.iterations.get(), &point);
            let Progress { lowest, flattest, idle } = &mut self.progress;
            *idle = if point.value < *lowest || point.slope() < *flattest { 0 } else { *idle + 1 };
            *lowest = lowest.min(point.value);
            *flattest = flattest.min(point.slope());
        }
        Ok((state, kv))
    }

    fn terminate(&mut self, state: &State) -> TerminationStatus {
        let slope = state.get_gradient().map_or(f64::INFINITY, |gradient| largest(gradient));
        if slope <= self.limits.tolerance {
            TerminationStatus::Terminated(TerminationReason::SolverConverged)
        } else if self.progress.idle >= PATIENCE {
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
