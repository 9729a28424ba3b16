//! Scores a batch: the probability of each row, on the threads of the machine.
//!
//! `cargo run --release --example score`

use lanegrad::{Engine, Params, Rows};

fn main() -> Result<(), lanegrad::Error> {
    // A million rows of 32 features, of which the first 30 are the model's: a stride skips the others.
    let (rows, cols, stride) = (1_000_000, 30, 32);
    let data: Vec<f32> = (0..rows * stride).map(|i| (i % 97) as f32 / 48.5 - 1.0).collect();
    let weights: Vec<f32> = (0..cols).map(|j| (j % 7) as f32 / 10.0 - 0.3).collect();

    let batch = Rows::with_stride(&data, rows, cols, stride)?;
    let params = Params::new(&weights, 0.1);
    let mut probabilities = vec![0.0; rows];
    Engine::new().predict_proba(batch, params, &mut probabilities)?;

    // A row alone gets the bits that it has in the batch.
    let mut alone = [0.0];
    Engine::serial().predict_proba(batch.slice(123_456..123_457)?, params, &mut alone)?;
    assert_eq!(alone[0], probabilities[123_456]);

    let likely = probabilities.iter().filter(|&&p| p > 0.5).count();
    println!("{likely} of {rows} rows have a probability above one half");
    Ok(())
}
