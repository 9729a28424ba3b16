//! Fits a logistic regression with an optimiser of `argmin`, at one pass over the rows for every point that the
//! optimiser looks at.
//!
//! `cargo run --release --example fit`

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use lanegrad::{Batch, Engine, Params, Rows};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// The mean log-loss of a batch, with a penalty, as a function of the weights and (last) the bias.
struct Objective<'a> {
    batch: Batch<'a, f32, f64>,
    l2: f64,
    engine: Engine,
    /// The last point, and what a pass made of it: an optimiser asks for the value and the gradient of a point one
    /// after the other, and a pass has both.
    last: Mutex<(Vec<f64>, lanegrad::Gradient)>,
    counts: Arc<Counts>,
}

/// What the optimiser asked for, and the passes that it took.
#[derive(Default)]
struct Counts {
    values: AtomicUsize,
    gradients: AtomicUsize,
    passes: AtomicUsize,
}

impl Objective<'_> {
    /// Calls `f` with loss and gradient at a point.
    fn at<R>(&self, point: &[f64], f: impl FnOnce(&lanegrad::Gradient) -> R) -> Result<R, Error> {
        let mut last = self.last.lock().map_err(|_| Error::msg("another thread has panicked"))?;
        let (last_point, gradient) = &mut *last;
        if last_point != point {
            let (bias, weights) = point.split_last().ok_or_else(|| Error::msg("there is a bias"))?;
            let params = Params::new(weights, *bias);
            last_point.clear(); // no point, should an error end this
            self.engine.loss_and_gradient_into(&self.batch, params, gradient)?;
            gradient.average()?;
            gradient.add_l2_penalty(self.l2, params)?;
            last_point.extend_from_slice(point);
            self.counts.passes.fetch_add(1, Relaxed);
        }
        Ok(f(gradient))
    }
}

impl CostFunction for Objective<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, point: &Vec<f64>) -> Result<f64, Error> {
        self.counts.values.fetch_add(1, Relaxed);
        self.at(point, |gradient| gradient.loss)
    }
}

impl Gradient for Objective<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, point: &Vec<f64>) -> Result<Vec<f64>, Error> {
        self.counts.gradients.fetch_add(1, Relaxed);
        self.at(point, |gradient| gradient.dw.iter().copied().chain([gradient.db]).collect())
    }
}

/// Threads may share the objective.
const fn assert_shared<T: Send + Sync>() {}
const _: () = assert_shared::<Objective<'_>>();

fn main() -> Result<(), Error> {
    // Whether a point lies above a line, with some of the labels wrong.
    let (nrows, ncols) = (100_000, 2);
    let mut rng = SmallRng::seed_from_u64(1);
    let data: Vec<f32> = (0..nrows * ncols).map(|_| rng.random_range(-1.0..1.0)).collect();
    let rows = Rows::new(&data, nrows, ncols)?;
    let label = |(i, x): (usize, &[f32])| f64::from((2.0 * x[0] - x[1] > 0.25) != (i % 10 == 0));
    let labels: Vec<f64> = rows.iter().enumerate().map(label).collect();

    let counts = Arc::new(Counts::default());
    let objective = Objective {
        batch: Batch::new(rows, &labels)?,
        l2: 1e-4,
        engine: Engine::new(),
        last: Mutex::default(),
        counts: Arc::clone(&counts),
    };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), 10).with_tolerance_grad(1e-6)?;
    let fit = Executor::new(objective, solver)
        .configure(|state| state.param(vec![0.0; ncols + 1]).max_iters(100))
        .run()?;

    let best = fit.state.get_best_param().ok_or_else(|| Error::msg("there is a result"))?;
    let iterations = fit.state.get_iter();
    println!("weights {:.3?}, bias {:.3}, after {iterations} iterations", &best[..ncols], best[ncols]);
    println!("the line: 2 x {:+.3} y = {:.3}", 2.0 * best[1] / best[0], -2.0 * best[2] / best[0]);

    let [values, gradients, passes] =
        [&counts.values, &counts.gradients, &counts.passes].map(|count| count.load(Relaxed));
    println!("{passes} passes for {values} values and {gradients} gradients");
    assert!(passes <= values, "a gradient takes no pass of its own");
    Ok(())
}
