//! The line search: how far to go in a direction.
//!
//! Along a direction d the objective φ(α) = f(x + α d) is convex, so its slope rises, and what is sought is a step
//! where the slope is nearly 0. `short` is a step where it is negative, `far` one where it is positive, or φ is not
//! finite. The next step to try is where the secant through their slopes is 0: between the two or, while there is no
//! `far` yet, beyond `short`.
//!
//! A step is taken when its slope has become small enough (Wolfe's condition) and its value low enough (Armijo's).
//! Near the optimum values differ by less than their rounding, and slopes say more: a step that is short of the
//! minimum needs no lower value, as φ is convex, and one beyond it may have a value that is higher by the rounding (as
//! in the approximate conditions of Hager and Zhang, "A new conjugate gradient method with guaranteed descent and an
//! efficient line search", SIAM Journal on Optimization 16, 2005).
//!
//! Not argmin's search of Moré and Thuente, as that has no limit, and goes on for ever once a number is NaN.

use argmin::core::{
    CostFunction, Error, Gradient, IterState, KV, Problem, Solver, State as _, TerminationReason,
};
use argmin::solver::linesearch::LineSearch;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// The most points that a search looks at.
pub(super) const MOST_POINTS: u32 = 20;

/// The part of the decrease that the first slope promises, at least (Armijo).
const DECREASE: f64 = 1e-4;
/// The part of the first slope that is left, at most (Wolfe).
const FLATNESS: f64 = 0.9;

/// Points that a search takes one by one instead of looking for them: those that an earlier one found.
#[derive(Clone, Default)]
pub(super) struct Way(Rc<RefCell<VecDeque<Vec<f64>>>>);

impl Way {
    pub(super) fn new(points: impl Iterator<Item = Vec<f64>>) -> Self {
        Self(Rc::new(RefCell::new(points.collect())))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

/// A search along a direction that lowers a convex function.
#[derive(Clone)]
pub(super) struct ConvexSearch {
    direction: Vec<f64>,
    first_step: f64,
    way: Way,
    /// The error of a value at x, by rounding, is about Σ |x_i| `roundings[i]`, and the last of them.
    roundings: Vec<f64>,
}

impl ConvexSearch {
    /// A search on a function whose value at x errs by about Σ |x_i| `roundings[i]`, and one more of them.
    pub(super) fn new(roundings: Vec<f64>) -> Self {
        Self { direction: Vec::new(), first_step: 1.0, way: Way::default(), roundings }
    }

    /// This search, and its clones, which are led through these points first.
    pub(super) fn led(self, way: &Way) -> Self {
        Self { way: way.clone(), ..self }
    }

    /// About the error of the value at x.
    pub(super) fn rounding(&self, x: &[f64]) -> f64 {
        let last = self.roundings.last().copied().unwrap_or(0.0);
        x.iter().zip(&self.roundings).map(|(x, rounding)| x.abs() * rounding).sum::<f64>() + last
    }
}

impl LineSearch<Vec<f64>, f64> for ConvexSearch {
    fn search_direction(&mut self, direction: Vec<f64>) {
        self.direction = direction;
    }

    fn initial_step_length(&mut self, step: f64) -> Result<(), Error> {
        self.first_step = step;
        Ok(())
    }
}

/// A step, with the slope there.
#[derive(Clone, Copy)]
struct Step {
    length: f64,
    slope: f64,
}

type State = IterState<Vec<f64>, Vec<f64>, (), (), (), f64>;

/// A whole search is one iteration.
impl<O> Solver<O, State> for ConvexSearch
where
    O: CostFunction<Param = Vec<f64>, Output = f64> + Gradient<Param = Vec<f64>, Gradient = Vec<f64>>,
{
    fn name(&self) -> &str {
        "line search on a convex function"
    }

    fn next_iter(
        &mut self,
        problem: &mut Problem<O>,
        mut state: State,
    ) -> Result<(State, Option<KV>), Error> {
        if let Some(point) = self.way.0.borrow_mut().pop_front() {
            let (cost, gradient) = (problem.cost(&point)?, problem.gradient(&point)?);
            let state = state.param(point).cost(cost).gradient(gradient);
            return Ok((state.terminate_with(TerminationReason::SolverConverged), None));
        }
        let start = state.take_param().ok_or_else(|| Error::msg("there is no point to start from"))?;
        let gradient = match state.take_gradient() {
            Some(gradient) => gradient,
            None => problem.gradient(&start)?,
        };
        let value = problem.cost(&start)?;
        let first = Step { length: 0.0, slope: dot(&gradient, &self.direction) };
        if first.slope >= 0.0 || !first.slope.is_finite() {
            return Err(Error::msg("the direction does not lower the function"));
        }
        let rounding = self.rounding(&start);
        let (mut short, mut far, mut before) = (first, None::<Step>, None::<bool>);
        let mut length = self.first_step;
        for _ in 0..MOST_POINTS {
            let moved = |(x, d): (&f64, &f64)| x + length * d;
            let point: Vec<f64> = start.iter().zip(&self.direction).map(moved).collect();
            if point == start {
                return Err(Error::msg("a step is too short to lead to another point"));
            }
            let cost = problem.cost(&point)?;
            let gradient = problem.gradient(&point)?;
            let slope = dot(&gradient, &self.direction);
            let is_finite = cost.is_finite() && slope.is_finite();
            let is_flat = slope.abs() <= -FLATNESS * first.slope;
            let is_low = slope <= 0.0 || cost <= value + DECREASE * length * first.slope + rounding;
            if is_finite && is_flat && is_low {
                let state = state.param(point).cost(cost).gradient(gradient);
                return Ok((state.terminate_with(TerminationReason::SolverConverged), None));
            }
            let is_short = is_finite && slope < 0.0;
            if is_short {
                short = Step { length, slope };
            } else {
                far = Some(Step { length, slope: if is_finite { slope } else { f64::INFINITY } });
            }
            length = next(first, short, far, before == Some(is_short));
            before = Some(is_short);
        }
        Err(Error::msg("no step was good enough"))
    }
}

/// The step to try next: where the secant of the slopes is 0, not too close to steps that were tried. Halfway, where
/// the last two steps were on the same side: the slopes are then so different that the secant says little.
fn next(first: Step, short: Step, far: Option<Step>, same_side: bool) -> f64 {
    match far {
        Some(far) => {
            let width = far.length - short.length;
            let share = short.slope / (short.slope - far.slope);
            short.length
                + width * if same_side && far.slope.is_finite() { 0.5 } else { share.clamp(0.1, 0.9) }
        }
        None => {
            let share = short.slope / (first.slope - short.slope);
            let further = if share > 0.0 { share * short.length } else { f64::INFINITY };
            short.length + further.clamp(short.length, 9.0 * short.length)
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::{ConvexSearch, MOST_POINTS};
    use argmin::core::{CostFunction, Error, Executor, Gradient, State as _};
    use argmin::solver::linesearch::LineSearch;
    use std::cell::Cell;

    /// A convex function of one number: its value and its slope; and how often it was looked at.
    struct Convex<F>(F, Cell<u32>);

    impl<F: Fn(f64) -> (f64, f64)> CostFunction for &Convex<F> {
        type Param = Vec<f64>;
        type Output = f64;

        fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
            self.1.set(self.1.get() + 1);
            Ok((self.0)(x[0]).0)
        }
    }

    impl<F: Fn(f64) -> (f64, f64)> Gradient for &Convex<F> {
        type Param = Vec<f64>;
        type Gradient = Vec<f64>;

        fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
            Ok(vec![(self.0)(x[0]).1])
        }
    }

    /// Where a search from 0 in a direction ends; an error in its words.
    fn search(f: impl Fn(f64) -> (f64, f64), direction: f64) -> Result<f64, String> {
        search_from(0.0, f, direction)
    }

    fn search_from(start: f64, f: impl Fn(f64) -> (f64, f64), direction: f64) -> Result<f64, String> {
        let convex = Convex(f, Cell::new(0));
        let mut search = ConvexSearch::new(vec![0.0, 4e-16]);
        search.search_direction(vec![direction]);
        let run =
            Executor::new(&convex, search).configure(|state| state.param(vec![start])).ctrlc(false).run();
        // And the point that it started from.
        assert!(convex.1.get() <= MOST_POINTS + 1, "{} points", convex.1.get());
        run.map(|run| run.state.get_param().expect("a point")[0]).map_err(|error| error.to_string())
    }

    #[test]
    fn a_step_is_low_and_flat_from_any_length() {
        for direction in [1e-9, 1e-3, 0.5, 1.0, 30.0, 1e6] {
            let parabola = |x: f64| ((x - 3.0) * (x - 3.0), 2.0 * (x - 3.0));
            let x = search(parabola, direction).unwrap();
            assert!(parabola(x).0 < 9.0 && parabola(x).1.abs() <= 0.9 * 6.0, "{x}");
            // Flat almost everywhere, and steep beyond.
            let wall = |x: f64| ((20.0 * (x - 3.0)).exp() - x, 20.0 * (20.0 * (x - 3.0)).exp() - 1.0);
            let x = search(wall, direction).unwrap();
            assert!(wall(x).0 < 0.0 && wall(x).1 <= 0.9, "{x}");
        }
    }

    #[test]
    fn what_is_not_finite_is_beyond() {
        let narrow = |x: f64| if x < 1e-6 { (-x, -1.0 + 9e5 * x) } else { (f64::NAN, f64::NAN) };
        let x = search(narrow, 1.0).unwrap();
        assert!(x > 0.0 && x < 1e-6, "{x}");
        let wall = |x: f64| if x < 1.0 { (x * x - x, 2.0 * x - 1.0) } else { (f64::INFINITY, f64::INFINITY) };
        assert!(search(wall, 1e3).unwrap() < 1.0);
    }

    #[test]
    fn near_the_minimum_slopes_say_more_than_values() {
        // A value that is higher by its rounding, short of the minimum and beyond it.
        let flat = |x: f64| (if x == 0.0 { 1.0 } else { 1.0 + f64::EPSILON }, 1e-13 * (x - 1.0));
        assert_eq!(search(flat, 0.9), Ok(0.9));
        assert_eq!(search(flat, 1.5), Ok(1.5));
    }

    #[test]
    fn a_search_ends_where_there_is_nothing_to_find() {
        for (f, words) in [
            ((|x| (x, 1.0)) as fn(f64) -> (f64, f64), "does not lower"),
            (|_| (0.0, 0.0), "does not lower"),
            (|_| (f64::NAN, f64::NAN), "does not lower"),
            (|x| (-x, -1.0), "no step was good enough"),
            (|x| if x == 0.0 { (0.0, -1.0) } else { (f64::NAN, f64::NAN) }, "no step was good enough"),
        ] {
            let error = search(f, 1.0).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        // Too short to leave the point.
        let error = search_from(1.0, |x| (-x, -1.0), 1e-20).unwrap_err();
        assert!(error.contains("too short"), "{error}");
    }
}
