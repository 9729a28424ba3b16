//! The optimiser: `argmin`'s L-BFGS (Liu and Nocedal, "On the limited memory BFGS method for large scale
//! optimization", Mathematical Programming 45, 1989) with a line search for convex functions.
//!
//! It ends, whatever the data are: a search looks at `MOST_POINTS` points at most, and where no step from a point
//! is good enough, L-BFGS starts anew from there, without its memory. When that does not help either, values usually
//! differ by their rounding alone.
//!
//! Passes over covtype_200k to a gradient of 1e-9, at λ = 1e-2 and 1e-4: 36 and 79. Newton's method with
//! conjugate gradients takes 8 + 40 and 12 + 133 (gradients + products with the Hessian, which read a row
//! for two logits), and its trust-region form 7 + 51 and 11 + 245 (counted with scipy's).

mod checkpoint;
mod line_search;
mod points;
mod trail;

use self::checkpoint::Run;
pub use self::checkpoint::{Checkpoint, Identity};
use self::line_search::{ConvexSearch, Way};
use self::points::Points;
pub(crate) use self::trail::Trail;
use crate::error::{Context, Error, ensure};
use argmin::core::{
    Error as ArgminError, Executor, IterState, KV, Problem, Solver, State as _, TerminationReason,
    TerminationStatus,
};
use argmin::solver::quasinewton::LBFGS;
use std::ops::ControlFlow;
use std::time::Duration;

/// A convex function that is minimised, wherever it is evaluated: in memory, on mapped files, on other machines.
///
/// ```
/// use lanegrad_fit::{Ending, Error, Evaluation, MinimizeOptions, Objective, minimize};
///
/// /// (x - 1)² + 10 (y + 2)²
/// struct Parabola;
///
/// impl Objective for Parabola {
///     fn evaluate(&mut self, x: &[f64]) -> Result<Evaluation, Error> {
///         let [u, v] = [x[0] - 1.0, x[1] + 2.0];
///         Ok(Evaluation::new(u * u + 10.0 * v * v, vec![2.0 * u, 20.0 * v]))
///     }
/// }
///
/// let found = minimize(&mut Parabola, &[0.0, 0.0], &MinimizeOptions::default(), &mut ())?;
/// assert_eq!(found.ending, Ending::Converged);
/// assert!((found.point.coordinates[0] - 1.0).abs() < 1e-6);
/// # Ok::<(), Error>(())
/// ```
pub trait Objective {
    /// Value and gradient at a point. The same point gives the same bits.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from an answer: it ends the minimisation.
    fn evaluate(&mut self, point: &[f64]) -> Result<Evaluation, Error>;

    /// How much each coordinate, times its size, adds to the rounding error of a value; and last, the unit roundoff,
    /// which is always there. 0 for each, and that of `f64`, where nothing else is said.
    fn roundings(&self, dimensions: usize) -> Vec<f64> {
        let mut roundings = vec![0.0; dimensions];
        roundings.push(0.5 * f64::EPSILON);
        roundings
    }
}

/// What an objective is at a point.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// The value, which is minimised.
    pub value: f64,
    /// The value without penalties, for those who watch; the value itself where nothing else is said.
    pub loss: f64,
    /// The derivatives by each coordinate.
    pub gradient: Vec<f64>,
    /// The size of the gradient, which is compared with the tolerance: its largest entry where nothing else is said.
    pub slope: f64,
}

impl Evaluation {
    /// A value and its gradient.
    #[must_use]
    pub fn new(value: f64, gradient: Vec<f64>) -> Self {
        let larger =
            |slope: f64, entry: &f64| if entry.abs() > slope || entry.is_nan() { entry.abs() } else { slope };
        let slope = gradient.iter().fold(0.0, larger);
        Self { value, loss: value, gradient, slope }
    }
}

/// A point that was evaluated.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Point {
    /// Where it is.
    pub coordinates: Vec<f64>,
    /// The value without penalties.
    pub loss: f64,
    /// The value.
    pub value: f64,
    /// The derivatives by each coordinate.
    pub gradient: Vec<f64>,
    /// The size of the gradient.
    pub slope: f64,
}

/// When a minimisation ends, and where it goes on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MinimizeOptions {
    /// It has converged when the gradient's size is no larger. 10⁻⁶ by default.
    pub tolerance: f64,
    /// The largest number of iterations. 1000 by default.
    pub max_iterations: u64,
    /// What tells it from others: a checkpoint of another one is refused. All 0 by default.
    pub identity: Identity,
    /// The state from which it goes on, instead of from its start.
    pub resume: Option<Checkpoint>,
}

impl Default for MinimizeOptions {
    fn default() -> Self {
        Self { tolerance: 1e-6, max_iterations: 1000, identity: Identity::default(), resume: None }
    }
}

/// The state of a fit after an iteration.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The iteration, from 1; 0 before the first.
    pub iteration: u64,
    /// The mean log-loss, without the penalty.
    pub loss: f64,
    /// The objective: the loss with the penalty.
    pub objective: f64,
    /// The largest entry of the gradient by the weights of standardised columns.
    pub gradient: f64,
    /// Passes over the rows so far.
    pub passes: usize,
    /// The time since the first of these passes began, or since the fit went on from a checkpoint.
    pub elapsed: Duration,
}

/// Who watches a minimisation, and may end it. `()` does neither.
pub trait Observer {
    /// Hears of each pass, of which so many were made. After a `Break` no other is begun, in the middle of an iteration
    /// too, and the best point so far is the result.
    fn passed(&mut self, passes: u64) -> ControlFlow<()> {
        let _ = passes;
        ControlFlow::Continue(())
    }

    /// Hears of each iteration, and of the start as iteration 0, and may ask for a checkpoint, from which the fit goes
    /// on after it.
    fn iterated(&mut self, progress: &Progress, checkpoint: &dyn Fn() -> Checkpoint) -> ControlFlow<()> {
        let _ = (progress, checkpoint);
        ControlFlow::Continue(())
    }
}

impl Observer for () {}

/// An observer that is told of iterations alone.
pub(crate) struct Each<F>(pub(crate) F);

impl<F: FnMut(&Progress)> Observer for Each<F> {
    fn iterated(&mut self, progress: &Progress, _: &dyn Fn() -> Checkpoint) -> ControlFlow<()> {
        if progress.iteration > 0 {
            (self.0)(progress);
        }
        ControlFlow::Continue(())
    }
}

/// The result of a minimisation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Minimum {
    /// The best point that was evaluated: of the lowest value or, where gradients are within the tolerance, of the
    /// lowest among them.
    pub point: Point,
    /// The iterations that were made, those before a checkpoint too.
    pub iterations: u64,
    /// The points that were evaluated, likewise.
    pub passes: u64,
    /// The reason why it ended.
    pub ending: Ending,
    pub(crate) trail: Trail,
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
    /// The observer ended it.
    Cancelled,
}

/// Pairs of steps and gradients that the method remembers. With more of them than there are features it is
/// the full BFGS method, which needs fewer passes (on covtype_200k at λ = 1e-4, with argmin's own search, 85; 121
/// with 20 pairs, 158 with 10), and they cost nothing next to a pass.
const MEMORY: usize = 64;

/// Iterations without progress that end a fit.
const PATIENCE: u32 = 5;

type State = IterState<Vec<f64>, Vec<f64>, (), (), (), f64>;

/// Minimises a convex function by L-BFGS, from a point or from a checkpoint. At most 1 + 20 · iterations points are
/// evaluated, and one more to go on from a checkpoint, which must have the value there that it had.
///
/// What it does depends on the function, the start and the options alone, to the bit. From a checkpoint after any
/// iteration it ends as it would have without the interruption, with the same tolerance, and a largest number of
/// iterations that is not below those that were made.
///
/// # Errors
///
/// If the objective cannot be evaluated, its gradient has not an entry for each coordinate, or the checkpoint is of
/// another minimisation.
pub fn minimize<O: Objective>(
    objective: &mut O,
    start: &[f64],
    options: &MinimizeOptions,
    observer: &mut dyn Observer,
) -> Result<Minimum, Error> {
    let roundings = objective.roundings(start.len());
    ensure!(
        roundings.len() == start.len() + 1,
        "the objective has {} roundings, at a point of {} coordinates",
        roundings.len(),
        start.len()
    );
    let unit_roundoff = roundings.last().copied().unwrap_or_default();
    let search = ConvexSearch::new(roundings);
    // A run that a checkpoint was made in goes on, whatever it found so far.
    let mut goes_on = options.resume.as_ref().is_some_and(|checkpoint| checkpoint.iterations() > 0);
    let points = match &options.resume {
        Some(checkpoint) => {
            checkpoint.check(options.identity, start.len())?;
            Points::from_checkpoint(objective, checkpoint, unit_roundoff, options, observer)?
        }
        None => Points::from_start(objective, start, unit_roundoff, options, observer)?,
    };
    let is_over =
        |best: &Point| best.slope <= options.tolerance || points.iterations.get() >= options.max_iterations;
    let mut best = points.best();
    while !points.is_cancelled() && (goes_on || !is_over(&best)) {
        if !goes_on {
            points.run.replace(Run::new(best.clone()));
        }
        goes_on = false;
        run(&points, &search, options)?;
        best = points.best();
        // Start anew only where the last start has brought more than rounding.
        if points.run.borrow().before - best.value <= search.rounding(&best.coordinates) {
            break;
        }
    }
    let ending = if best.slope <= options.tolerance {
        Ending::Converged
    } else if points.is_cancelled() {
        Ending::Cancelled
    } else if points.iterations.get() >= options.max_iterations {
        Ending::OutOfIterations
    } else {
        Ending::Stalled
    };
    let (iterations, passes, trail) =
        (points.iterations.get(), points.passes(), points.trail.borrow().clone());
    Ok(Minimum { point: best, iterations, passes, ending, trail })
}

/// A run of L-BFGS, from the first point of the run on and through the others that it has.
fn run<O: Objective>(
    points: &Points<'_, O>,
    search: &ConvexSearch,
    options: &MinimizeOptions,
) -> Result<(), Error> {
    let mut way = points
        .run
        .borrow()
        .points
        .iter()
        .map(|point| point.coordinates.clone())
        .collect::<Vec<_>>()
        .into_iter();
    let start = way.next().context("a run has a point to start from")?;
    let way = Way::new(way);
    let inner = LBFGS::new(search.clone().led(&way), MEMORY).with_tolerance_grad(0.0);
    let inner = inner.and_then(|inner| inner.with_tolerance_cost(0.0));
    let inner = inner.context("the optimiser cannot be set up")?;
    let watched = Watched { inner, points, way, options };
    let run =
        Executor::new(points, watched).configure(|state| state.param(start)).timer(false).ctrlc(false).run();
    points.forget_known();
    // The method takes any error within its line search for a step that was not found.
    if let Some(error) = points.take_failure() {
        return Err(error);
    }
    if points.is_cancelled() { Ok(()) } else { run.context("the objective cannot be minimised").map(drop) }
}

/// L-BFGS that stops by our rules, and whose iterations are counted and reported.
struct Watched<'a, 'b, O> {
    inner: LBFGS<ConvexSearch, Vec<f64>, Vec<f64>, f64>,
    points: &'a Points<'b, O>,
    /// The points that it is led through before it searches.
    way: Way,
    options: &'a MinimizeOptions,
}

impl<'a, 'b, O: Objective> Solver<&'a Points<'b, O>, State> for Watched<'a, 'b, O> {
    fn name(&self) -> &str {
        "L-BFGS"
    }

    fn init(
        &mut self,
        problem: &mut Problem<&'a Points<'b, O>>,
        state: State,
    ) -> Result<(State, Option<KV>), ArgminError> {
        self.inner.init(problem, state)
    }

    fn next_iter(
        &mut self,
        problem: &mut Problem<&'a Points<'b, O>>,
        state: State,
    ) -> Result<(State, Option<KV>), ArgminError> {
        let is_led = !self.way.is_empty();
        if !is_led {
            // From here on it knows what an uninterrupted run would.
            self.points.forget_known();
        }
        let (state, kv) = self.inner.next_iter(problem, state)?;
        if is_led {
            return Ok((state, kv));
        }
        // After a search that found no step there is no point, and the run has ended.
        match state.get_param() {
            Some(coordinates) => self.points.iterated(&self.points.at(coordinates)?),
            None if self.points.is_cancelled() => {}
            None => self.points.count_iteration(),
        }
        Ok((state, kv))
    }

    fn terminate(&mut self, _: &State) -> TerminationStatus {
        let Self { points, way, options, .. } = self;
        let run = points.run.borrow();
        if !way.is_empty() {
            TerminationStatus::NotTerminated
        } else if run.flattest <= options.tolerance {
            TerminationStatus::Terminated(TerminationReason::SolverConverged)
        } else if points.iterations.get() >= options.max_iterations {
            TerminationStatus::Terminated(TerminationReason::MaxItersReached)
        } else if run.idle >= PATIENCE || points.is_cancelled() {
            TerminationStatus::Terminated(TerminationReason::SolverExit("no progress".to_owned()))
        } else {
            TerminationStatus::NotTerminated
        }
    }
}
