//! The logits of segments by several models, block by block.

use crate::error::Error;
use crate::features::Features;
use crate::number::Number;
use lanegrad::{Batch, Engine, Params, Storage};

/// The number of rows that are scored at a time.
const ROWS: usize = 1 << 16;

/// Weights of some features, and the bias.
pub(crate) type Weights = (Vec<f64>, f64);

/// Calls `take` with each block of rows, and the logits that each model gives them.
pub(crate) fn score<S: Storage<T>, T: Number>(
    segments: &[Batch<'_, S, T>],
    features: &Features,
    models: &[&Weights],
    mut take: impl FnMut(&Batch<'_, S, T>, &[Vec<T>]) -> Result<(), Error>,
) -> Result<(), Error> {
    let engine = Engine::new();
    let mut logits: Vec<Vec<T>> = vec![Vec::new(); models.len()];
    let mut spread: Vec<T> = Vec::new();
    for batch in segments {
        let nrows = batch.rows().nrows();
        for start in (0..nrows).step_by(ROWS) {
            let block = batch.slice(start..nrows.min(start + ROWS))?;
            for ((weights, bias), logits) in models.iter().zip(&mut logits) {
                logits.resize(block.rows().nrows(), T::default());
                features.spread(weights.iter().copied(), &mut spread);
                engine.logits(block.rows(), Params::new(&spread, T::nearest(*bias)), logits)?;
            }
            take(&block, &logits)?;
        }
    }
    Ok(())
}
