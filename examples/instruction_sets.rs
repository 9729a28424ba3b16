//! The speed of two kernels on each instruction set of this CPU, next to the plain loops.
//!
//! `cargo run --release --example instruction_sets`

use lanegrad::{Isa, baseline};
use std::hint::black_box;
use std::time::Instant;

fn main() -> Result<(), lanegrad::Error> {
    let x: Vec<f32> = (0..4096).map(|i| (i as f32 * 0.37).sin()).collect();
    let w: Vec<f32> = (0..4096).map(|i| (i as f32 * 0.11).cos()).collect();
    let z: Vec<f32> = (0..16_384).map(|i| 8.0 * (i as f32 * 0.013).sin()).collect();
    let mut p = vec![0.0; z.len()];

    println!("{:<10} {:>24} {:>28}", "", "dot, n = 4096", "sigmoid, n = 16 384");
    let plain_dot = median_ns(|| _ = black_box(baseline::dot(black_box(&x), black_box(&w))));
    let plain_sigmoid = median_ns(|| baseline::sigmoid(black_box(&z), black_box(&mut p)));
    print_row("baseline", [plain_dot, plain_sigmoid], [plain_dot, plain_sigmoid]);
    for isa in Isa::available() {
        let dot = median_ns(|| _ = black_box(isa.dot(black_box(&x), black_box(&w))));
        let sigmoid = median_ns(|| _ = isa.sigmoid(black_box(&z), black_box(&mut p)));
        print_row(isa.name(), [dot, sigmoid], [plain_dot, plain_sigmoid]);
    }

    println!("\nThe free functions run on {}. sigmoid(dot(x, w)) of the first 8 elements:", Isa::best());
    let mut score = [lanegrad::dot(&x[..8], &w[..8])?];
    lanegrad::sigmoid_in_place(&mut score);
    println!("{}", score[0]);
    Ok(())
}

/// The median time of a call, in nanoseconds: of 51 samples of many calls each.
fn median_ns(mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut calls = 0_u32;
    while start.elapsed().as_millis() < 20 {
        call();
        calls += 1;
    }
    let calls = (calls / 10).max(1);
    let mut samples: Vec<f64> = (0..51)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| call());
            start.elapsed().as_nanos() as f64 / f64::from(calls)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn print_row(name: &str, [dot, sigmoid]: [f64; 2], [plain_dot, plain_sigmoid]: [f64; 2]) {
    let gigabytes = 2.0 * 4.0 * 4096.0 / dot;
    let giga_elements = 16_384.0 / sigmoid;
    println!(
        "{name:<10} {gigabytes:>10.1} GB/s ({:>5.1} x) {giga_elements:>12.2} G/s ({:>5.1} x)",
        plain_dot / dot,
        plain_sigmoid / sigmoid
    );
}
