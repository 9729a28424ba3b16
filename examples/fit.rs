//! Fits a logistic regression with an optimiser of `argmin`: every value and gradient that it asks for is
//! one pass of the engine.
//!
//! `cargo run --release --example fit`

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use lanegrad::{Batch, Engine, Params, Rows};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::cell::RefCell;

/// The mean log-loss of a batch, with a penalty, as a function of the weights and (last) the bias.
struct Objective<'a> {
    batch: Batch<'a, f32, f64>,
    l2: f64,
    engine: RefCell<Engine>,
}

impl Objective<'_> {
    fn at(&self, coordinates: &[f64]) -> Result<lanegrad::Gradient, Error> {
        let (bias, weights) = coordinates.split_last().ok_or_else(|| Error::msg("there is a bias"))?;
        let params = Params::new(weights, *bias);
        let mut gradient = lanegrad::Gradient::default();
        self.engine.borrow_mut().loss_and_gradient(&self.batch, params, &mut gradient)?;
        gradient.to_mean()?;
        gradient.add_l2_penalty(self.l2, params)?;
        Ok(gradient)
    }
}

impl CostFunction for Objective<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, coordinates: &Vec<f64>) -> Result<f64, Error> {
        Ok(self.at(coordinates)?.loss)
    }
}

impl Gradient for Objective<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, coordinates: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let gradient = self.at(coordinates)?;
        Ok(gradient.dw.iter().copied().chain([gradient.db]).collect())
    }
}

fn main() -> Result<(), Error> {
    // Whether a point lies above a line, with some of the labels wrong.
    let (rows, cols) = (100_000, 2);
    let mut rng = SmallRng::seed_from_u64(1);
    let data: Vec<f32> = (0..rows * cols).map(|_| rng.random_range(-1.0..1.0)).collect();
    let label = |(i, x): (usize, &[f32])| f64::from((2.0 * x[0] - x[1] > 0.25) != (i % 10 == 0));
    let labels: Vec<f64> = data.chunks(cols).enumerate().map(label).collect();
    let batch = Batch::new(Rows::new(&data, rows, cols)?, &labels)?;

    let objective = Objective { batch, l2: 1e-4, engine: RefCell::new(Engine::new()) };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), 10).with_tolerance_grad(1e-6)?;
    let fit = Executor::new(objective, solver)
        .configure(|state| state.param(vec![0.0; cols + 1]).max_iters(100))
        .run()?;

    let best = fit.state.get_best_param().ok_or_else(|| Error::msg("there is a result"))?;
    println!(
        "weights {:.3?}, bias {:.3}, after {} iterations",
        &best[..cols],
        best[cols],
        fit.state.get_iter()
    );
    println!("the line: 2 x {:+.3} y = {:.3}", 2.0 * best[1] / best[0], -2.0 * best[2] / best[0]);
    Ok(())
}
