//! A linear probe of embeddings: the same rows held as `f32`, `bf16`, `f16` and `i8`, and what that takes and costs.
//!
//! `cargo run --release --features narrow --example embeddings`

use half::{bf16, f16};
use lanegrad::{Batch, Engine, Error, Gradient, Params, Rows, Scaling, Storage, extend_ranges};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::time::{Duration, Instant};

const ROWS: usize = 20_000;
const COLS: usize = 384;

/// Made-up embeddings of unit length, and labels that depend on the direction.
fn embeddings() -> (Vec<f32>, Vec<f32>) {
    let mut rng = SmallRng::seed_from_u64(1);
    let (mut x, mut labels) = (Vec::with_capacity(ROWS * COLS), Vec::with_capacity(ROWS));
    for _ in 0..ROWS {
        let row: Vec<f32> = (0..COLS).map(|_| rng.random_range(-1.0..1.0)).collect();
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        let side: f32 = row.iter().enumerate().map(|(j, x)| if j % 3 == 0 { *x } else { -0.2 * x }).sum();
        labels.push(f32::from(u8::from(side + rng.random_range(-4.0..4.0) > 0.0)));
        x.extend(row.iter().map(|x| x / length));
    }
    (x, labels)
}

/// What a probe reached: the mean loss, the rows on the right side of 0, and the time of a pass.
struct Probe {
    loss: f64,
    correct: usize,
    pass: Duration,
}

/// The parameters for the numbers that are held: writes the weights, and returns the bias.
fn fold(scaling: Option<&Scaling>, params: Params<'_, f64>, weights: &mut [f32]) -> Result<f32, Error> {
    match scaling {
        Some(scaling) => scaling.fold(params, weights),
        None => {
            weights.iter_mut().zip(params.weights).for_each(|(held, w)| *held = *w as f32);
            Ok(params.bias as f32)
        }
    }
}

/// Nesterov's method. Rows of unit length have a loss whose gradient changes at most by half of how far parameters move,
/// so that steps of 2 are safe.
fn probe<S: Storage<f32>>(x: &[S], labels: &[f32], scaling: Option<&Scaling>) -> Result<Probe, Error> {
    let engine = Engine::new();
    let batch = Batch::new(Rows::new(x, ROWS, COLS)?, labels)?;
    // The parameters of the embeddings, in f64; and those of the numbers that are held, as the passes take them.
    let (mut weights, mut bias) = (vec![0.0_f64; COLS], 0.0);
    let mut ahead = (weights.clone(), bias);
    let (mut held, mut gradient, mut start) = (vec![0.0_f32; COLS], Gradient::default(), Instant::now());
    let steps = 60;
    for step in 0..=steps {
        let held_bias = fold(scaling, Params::new(&ahead.0, ahead.1), &mut held)?;
        engine.loss_and_gradient_into(&batch, Params::new(&held, held_bias), &mut gradient)?;
        gradient.average()?;
        if let Some(scaling) = scaling {
            scaling.unfold_gradient(&mut gradient)?;
        }
        let momentum = f64::from(step) / f64::from(step + 3);
        let next = |x: &mut f64, ahead: &mut f64, slope: f64| {
            let moved = *ahead - 2.0 * slope;
            *ahead = moved + momentum * (moved - *x);
            *x = moved;
        };
        for ((w, ahead), slope) in weights.iter_mut().zip(&mut ahead.0).zip(&gradient.dw) {
            next(w, ahead, *slope);
        }
        next(&mut bias, &mut ahead.1, gradient.db);
        if step == 0 {
            start = Instant::now();
        }
    }
    let pass = start.elapsed() / steps as u32;

    let mut logits = vec![0.0; ROWS];
    let held_bias = fold(scaling, Params::new(&weights, bias), &mut held)?;
    engine.logits(batch.rows(), Params::new(&held, held_bias), &mut logits)?;
    let correct = logits.iter().zip(labels).filter(|&(z, y)| (*z > 0.0) == (*y > 0.5)).count();
    Ok(Probe { loss: gradient.loss, correct, pass })
}

fn main() -> Result<(), Error> {
    let (x, labels) = embeddings();
    let rows = Rows::new(&x, ROWS, COLS)?;
    let brain: Vec<bf16> = x.iter().map(|&x| bf16::from_f32(x)).collect();
    let half: Vec<f16> = x.iter().map(|&x| f16::from_f32(x)).collect();
    // Each column from its least to its greatest number.
    let mut ranges = [[f64::INFINITY, f64::NEG_INFINITY]; COLS];
    extend_ranges(rows, &mut ranges)?;
    let scaling = Scaling::of_ranges::<i8>(&ranges)?;
    let mut bytes = vec![0_i8; ROWS * COLS];
    scaling.quantize(rows, &mut bytes)?;

    let probes = [
        ("f32", 4, probe(&x, &labels, None)?),
        ("bf16", 2, probe(&brain, &labels, None)?),
        ("f16", 2, probe(&half, &labels, None)?),
        ("i8", 1, probe(&bytes, &labels, Some(&scaling))?),
    ];
    println!("held as    size      pass    mean loss   correct");
    for (name, size, Probe { loss, correct, pass }) in &probes {
        let mb = (ROWS * COLS * size) as f64 / 1e6;
        println!("{name:<7} {mb:>4.1} MB  {:>5.2} ms  {loss:>10.6}  {correct:>8}", pass.as_secs_f64() * 1e3);
    }

    let [(.., single), others @ ..] = &probes;
    for (name, _, probe) in others {
        assert!((probe.loss - single.loss).abs() < 2e-3, "{name}: {} and {}", probe.loss, single.loss);
        assert!(probe.correct.abs_diff(single.correct) < ROWS / 200, "{name}");
    }
    // Rounded to bf16, and then held as that or as f32: the same numbers, and the same bits.
    let widened: Vec<f32> = brain.iter().map(|x| x.to_f32()).collect();
    assert_eq!(probe(&widened, &labels, None)?.loss, probes[1].2.loss);
    Ok(())
}
