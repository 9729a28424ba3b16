//! Fits a model to a sample that kept every row of class 1 and a twentieth of class 0, as one does where clicks are
//! rare: an offset of ln 20 for each row gives the parameters of all rows.
//!
//! `cargo run --release --example offsets`

use lanegrad::{Batch, Engine, Gradient, Params, Rows, sigmoid};

const ROWS: usize = 400_000;
const KEPT: usize = 20;
const TRUE: (f64, f64) = (1.5, -4.0);

/// Numbers between 0 and 1, always the same.
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1_u64 << 53) as f64
}

/// Gradient steps of a length that suits a curvature of at most a quarter of the mean square of (x, 1).
fn fit(batch: &Batch<'_, f64, f64>) -> Result<(f64, f64), lanegrad::Error> {
    let (engine, mut gradient) = (Engine::new(), Gradient::default());
    let (mut w, mut b) = (0.0, 0.0);
    for _ in 0..1500 {
        engine.loss_and_gradient_into(batch, Params::new(&[w], b), &mut gradient)?;
        gradient.average()?;
        (w, b) = (w - 2.0 * gradient.dw[0], b - 2.0 * gradient.db);
    }
    Ok((w, b))
}

fn main() -> Result<(), lanegrad::Error> {
    let mut state = 7;
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for _ in 0..ROWS {
        let feature = 4.0 * uniform(&mut state) - 2.0;
        let mut p = [0.0];
        sigmoid(&[TRUE.0 * feature + TRUE.1], &mut p)?;
        let clicked = uniform(&mut state) < p[0];
        if clicked || uniform(&mut state) * (KEPT as f64) < 1.0 {
            x.push(feature);
            y.push(f64::from(u8::from(clicked)));
        }
    }
    let batch = Batch::new(Rows::new(&x, x.len(), 1)?, &y)?;

    // In the sample the odds of class 1 are twenty times what they are among all rows.
    let offsets = vec![(KEPT as f64).ln(); x.len()];
    let (w, b) = fit(&batch.with_offsets(&offsets)?)?;
    let (_, without) = fit(&batch)?;
    println!("{} of {ROWS} rows: w {w:.2}, b {b:.2}; without offsets b {without:.2}", x.len());
    assert!((w - TRUE.0).abs() < 0.1 && (b - TRUE.1).abs() < 0.1);
    assert!((without - TRUE.1 - (KEPT as f64).ln()).abs() < 0.1);

    // To be predicted are all rows: without the offset.
    let mut p = [0.0];
    Engine::new().predict_proba(Rows::new(&[2.0], 1, 1)?, Params::new(&[w], b), &mut p)?;
    println!("p(2) = {:.3}, of {:.3}", p[0], 1.0 / (1.0 + (-(2.0 * TRUE.0 + TRUE.1)).exp()));
    Ok(())
}
