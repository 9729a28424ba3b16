//! A checkpoint from bytes, whose checksum is mended first: no panic, what is accepted has the bytes that it was read
//! from, and a minimisation goes on from it or says why not.
#![no_main]

use lanegrad_fit::{Checkpoint, Error, Evaluation, MinimizeOptions, Objective, minimize};
use lanegrad_fuzz::sealed;
use libfuzzer_sys::fuzz_target;

/// Σ (x - 1)², which is what the state is not of.
struct Parabola;

impl Objective for Parabola {
    fn evaluate(&mut self, point: &[f64]) -> Result<Evaluation, Error> {
        let distances: Vec<f64> = point.iter().map(|x| x - 1.0).collect();
        let gradient = distances.iter().map(|d| 2.0 * d).collect();
        Ok(Evaluation::new(distances.iter().map(|d| d * d).sum(), gradient))
    }
}

fuzz_target!(|bytes: &[u8]| {
    let _ = Checkpoint::from_bytes(bytes);
    let bytes = sealed(bytes);
    let Ok(checkpoint) = Checkpoint::from_bytes(&bytes) else { return };
    assert!(checkpoint.to_bytes() == bytes, "one form");
    let mut options = MinimizeOptions::default();
    options.max_iterations = checkpoint.iterations().saturating_add(5);
    options.identity = checkpoint.identity();
    options.resume = Some(checkpoint);
    for dimensions in 0..4 {
        let _ = minimize(&mut Parabola, &vec![0.0; dimensions], &options, &mut ());
    }
});
