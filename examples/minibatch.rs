//! Trains on shuffled mini-batches by Adam, with parameters in `f64` over rows in `f32`. Rows are visited in both
//! usual ways, gathered by their numbers where they lie, and copied once an epoch in its order and then read in turn;
//! and the parameters have the same bits.
//!
//! `cargo run --release --example minibatch`

use lanegrad::{Batch, Engine, Error, Gradient, Params, Rows};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use std::time::{Duration, Instant};

const ROWS: usize = 100_000;
const COLS: usize = 64;
const BATCH: usize = 256;
const EPOCHS: usize = 6;
const L2: f64 = 1e-5;

/// Adam (D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, Algorithm 1).
struct Adam {
    /// α
    step_size: f64,
    /// m and v, the running means of the derivative and of its square, for each weight and (last) the bias.
    moments: Vec<[f64; 2]>,
    /// β1^t and β2^t after t steps: what the means still lack, as they start at 0.
    lack: [f64; 2],
}

impl Adam {
    const BETA: [f64; 2] = [0.9, 0.999];
    const EPSILON: f64 = 1e-8;

    fn new(ncols: usize, step_size: f64) -> Self {
        Self { step_size, moments: vec![[0.0; 2]; ncols + 1], lack: [1.0; 2] }
    }

    /// Moves the parameters against the gradient.
    fn step(&mut self, gradient: &Gradient, weights: &mut [f64], bias: &mut f64) {
        let [b1, b2] = Self::BETA;
        self.lack = [self.lack[0] * b1, self.lack[1] * b2];
        let derivatives = gradient.dw.iter().chain([&gradient.db]);
        let parameters = weights.iter_mut().chain([bias]);
        for ((parameter, &g), [m, v]) in parameters.zip(derivatives).zip(&mut self.moments) {
            *m = b1 * *m + (1.0 - b1) * g;
            *v = b2 * *v + (1.0 - b2) * g * g;
            let (mean, square) = (*m / (1.0 - self.lack[0]), *v / (1.0 - self.lack[1]));
            *parameter -= self.step_size * mean / (square.sqrt() + Self::EPSILON);
        }
    }
}

/// A model, and what its training keeps from step to step.
struct Training {
    weights: Vec<f64>,
    bias: f64,
    adam: Adam,
    /// Filled again by every step: it keeps the memory that a pass works in, so that a step allocates nothing.
    gradient: Gradient,
}

impl Training {
    fn new() -> Self {
        let (weights, adam) = (vec![0.0; COLS], Adam::new(COLS, 0.003));
        Self { weights, bias: 0.0, adam, gradient: Gradient::default() }
    }

    fn step(&mut self, engine: Engine, batch: &Batch<'_, f32, f64>) -> Result<(), Error> {
        let params = Params::new(&self.weights, self.bias);
        engine.loss_and_gradient_into(batch, params, &mut self.gradient)?;
        // Means, so that the step size suits any size of batch: the last one of an epoch is smaller.
        self.gradient.average()?;
        self.gradient.add_l2_penalty(L2, params)?;
        self.adam.step(&self.gradient, &mut self.weights, &mut self.bias);
        Ok(())
    }

    /// Every bit of the parameters.
    fn bits(&self) -> impl Iterator<Item = u64> {
        self.weights.iter().chain([&self.bias]).map(|parameter| parameter.to_bits())
    }
}

fn main() -> Result<(), Error> {
    // Classes are drawn by a known model. Labels have the type of the parameters; features need not.
    let mut rng = SmallRng::seed_from_u64(1);
    let weights: Vec<f64> = (0..COLS).map(|_| rng.random_range(-1.0..1.0)).collect();
    let known = Params::new(&weights, 0.5);
    let features: Vec<f32> = (0..ROWS * COLS).map(|_| rng.random_range(-1.0..1.0)).collect();
    let rows = Rows::new(&features, ROWS, COLS)?;
    let engine = Engine::new(); // stays on this thread for a mini-batch, which is too small to share
    let mut labels = vec![0.0; ROWS];
    engine.predict_proba(rows, known, &mut labels)?;
    labels.iter_mut().for_each(|p| *p = f64::from(u8::from(rng.random_bool(*p))));
    let batch = Batch::new(rows, &labels)?; // checks all labels, which no step does again

    let mean_loss = |params: Params<'_, f64>| {
        let gradient = engine.loss_and_gradient(&batch, params)?;
        Ok::<f64, Error>(gradient.loss / gradient.weight_sum)
    };
    let mut loss = f64::INFINITY;
    let (mut gathered, mut permuted) = (Training::new(), Training::new());
    let [mut gathered_time, mut permuted_time] = [Duration::ZERO; 2];
    let mut indices: Vec<u32> = (0..ROWS as u32).collect();
    // Copied rows take the memory of all rows once more.
    let (mut ordered, mut ordered_labels) = (vec![0.0; ROWS * COLS], vec![0.0; ROWS]);
    for epoch in 1..=EPOCHS {
        indices.shuffle(&mut rng);

        let start = Instant::now();
        for indices in indices.chunks(BATCH) {
            gathered.step(engine, &batch.gather(indices)?)?;
        }
        gathered_time += start.elapsed();

        let start = Instant::now();
        for ((row, label), &i) in ordered.chunks_exact_mut(COLS).zip(&mut ordered_labels).zip(&indices) {
            row.copy_from_slice(&features[i as usize * COLS..][..COLS]);
            *label = labels[i as usize];
        }
        let in_order = Batch::new(Rows::new(&ordered, ROWS, COLS)?, &ordered_labels)?;
        for first in (0..ROWS).step_by(BATCH) {
            permuted.step(engine, &in_order.slice(first..ROWS.min(first + BATCH))?)?;
        }
        permuted_time += start.elapsed();

        // A gathered batch has the bits of its rows copied together.
        assert!(gathered.bits().eq(permuted.bits()));
        loss = mean_loss(Params::new(&gathered.weights, gathered.bias))?;
        println!("loss {loss:.4} after epoch {epoch}");
    }

    let least = mean_loss(known)?;
    let errors = gathered.weights.iter().zip(&weights).map(|(w, known)| (w - known).abs());
    let largest = errors.fold((gathered.bias - known.bias).abs(), f64::max);
    println!("loss {least:.4} of the known model, from which no parameter is further than {largest:.3}");
    println!("gathered {:.2} s, permuted {:.2} s", gathered_time.as_secs_f64(), permuted_time.as_secs_f64());
    assert!(loss < least + 0.01 && largest < 0.15);
    Ok(())
}
