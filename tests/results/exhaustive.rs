//! Every one of the 2^32 `f32`: accuracy, monotonicity and equal bits on every instruction set.
//!
//! `cargo test --release --test results exhaustive -- --ignored --nocapture` runs the whole sweep, in minutes, and
//! prints the worst cases; the ordinary test run takes one block in a thousand.

use crate::support::{Number, assert_same_bits, isas, reduction, scalar};
use lanegrad::Isa;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A bound on the worst cases that `BENCHMARKS.md` states, for every instruction set.
const BOUND: f64 = 0.903;

/// Consecutive numbers that are judged together.
const BLOCK: usize = 1 << 10;
const BLOCKS: usize = 1 << (32 - 10);

/// The `i`-th of all `f32` in rising order: NaN, -inf, …, -0, +0, …, inf, NaN.
fn in_order(i: u32) -> f32 {
    f32::from_bits(if i < 1 << 31 { !i } else { i - (1 << 31) })
}

/// The spacing of `f32` at an exact result, at least the least subnormal.
fn ulp(exact: f64) -> f64 {
    let exponent = (exact.to_bits() >> 52) as i32 - 1023;
    f64::from_bits(((exponent.max(-126) - 23 + 1023) as u64) << 52)
}

/// What a function was found to do on one class of instruction sets.
#[derive(Clone, Copy, Debug, Default)]
struct Worst {
    /// The largest error, and its input.
    any: (f64, f32),
    /// The same among results that are normal numbers.
    normal: (f64, f32),
    /// Results that are not the nearest `f32`.
    not_nearest: u64,
    results: u64,
}

impl Worst {
    fn judge(&mut self, inputs: &[f32], results: &[f32], exact: &[f64]) {
        for ((&x, &result), &exact) in inputs.iter().zip(results).zip(exact) {
            if exact.is_nan() || exact.is_infinite() {
                assert!(result.same_bits(exact as f32), "{x:e}: {result} instead of {exact}");
                continue;
            }
            let ulps = (f64::from(result) - exact).abs() / ulp(exact);
            assert!(!ulps.is_nan(), "{x:e}: {result} instead of {exact:e}");
            if ulps > self.any.0 {
                self.any = (ulps, x);
            }
            if ulps > self.normal.0 && exact >= f64::from(f32::MIN_POSITIVE) {
                self.normal = (ulps, x);
            }
            self.not_nearest += u64::from(result != exact as f32);
            self.results += 1;
        }
    }

    fn merge(&mut self, other: Self) {
        self.any = if other.any.0 > self.any.0 { other.any } else { self.any };
        self.normal = if other.normal.0 > self.normal.0 { other.normal } else { self.normal };
        self.not_nearest += other.not_nearest;
        self.results += other.results;
    }
}

/// Sigmoid and softplus, each on the fused instruction sets (which agree) and on an unfused one.
#[derive(Clone, Copy, Debug, Default)]
struct Report {
    fused: [Worst; 2],
    unfused: [Worst; 2],
}

/// Both functions by one exponential in `f64`, without cancellation: errors of some 2^-52.
fn exact(z: f32) -> [f64; 2] {
    let z = f64::from(z);
    let e = (-z.abs()).exp();
    let sigmoid = if z < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) };
    [sigmoid, if z < 0.0 { 0.0 } else { z } + e.ln_1p()]
}

/// The two functions on one instruction set, with everything that must hold inside the block.
fn run(isa: Isa, z: &[f32]) -> [Vec<f32>; 2] {
    let mut results = [vec![0.0; z.len()], vec![0.0; z.len()]];
    isa.sigmoid(z, &mut results[0]).unwrap();
    isa.softplus(z, &mut results[1]).unwrap();
    for (name, upper, result) in [("sigmoid", 1.0, &results[0]), ("softplus", f32::INFINITY, &results[1])] {
        for (z, pair) in z[1..].iter().zip(result.windows(2)) {
            let falls = pair[0] > pair[1];
            assert!(!falls, "{name} on {isa} falls before {z:e}: {pair:?}");
            assert!(
                pair[1].is_nan() || (0.0..=upper).contains(&pair[1]),
                "{name} on {isa} at {z:e}: {}",
                pair[1]
            );
        }
    }
    results
}

/// What holds between z and -z: the two sigmoids make 1, and a hard label turns the residual and the
/// log-loss into a sigmoid or a softplus, bit for bit, so that the sweep covers them.
fn check_mirrored(isa: Isa, z: &[f32], [sigmoid, softplus]: &[Vec<f32>; 2]) {
    let mirrored: Vec<f32> = z.iter().map(|z| -z).collect();
    let (zeros, ones) = (vec![0.0; z.len()], vec![1.0; z.len()]);
    let mut out = vec![0.0; z.len()];
    isa.sigmoid(&mirrored, &mut out).unwrap();
    for ((z, a), b) in z.iter().zip(sigmoid).zip(&out) {
        let distance = (f64::from(*a) + f64::from(*b) - 1.0).abs();
        assert!(
            z.is_nan() || distance <= f64::from(f32::EPSILON),
            "sigmoid({z:e}) + sigmoid(-z) on {isa}: {a} + {b}"
        );
    }
    let context = |what| move || format!("{what} on {isa}");
    isa.residual(z, &zeros, &mut out).unwrap();
    assert_same_bits(&out, sigmoid, context("residual(z, 0) = sigmoid(z)"));
    isa.residual(&mirrored, &ones, &mut out).unwrap();
    out.iter_mut().for_each(|r| *r = -*r);
    assert_same_bits(&out, sigmoid, context("residual(-z, 1) = -sigmoid(z)"));
    isa.log_loss(z, &zeros, &mut out).unwrap();
    assert_same_bits(&out, softplus, context("log_loss(z, 0) = softplus(z)"));
    isa.log_loss(&mirrored, &ones, &mut out).unwrap();
    assert_same_bits(&out, softplus, context("log_loss(-z, 1) = softplus(z)"));
}

/// Judges the numbers of these places in the order, and the step to them from the one before.
fn judge(places: Range<usize>, report: &mut Report) {
    let z: Vec<f32> = (places.start.saturating_sub(1)..places.end).map(|i| in_order(i as u32)).collect();
    let exact: Vec<[f64; 2]> = z.iter().map(|&z| exact(z)).collect();
    let exact = [0, 1].map(|f| exact.iter().map(|both| both[f]).collect::<Vec<f64>>());
    let first = z.len() - places.len();

    let defined = run(scalar(), &z);
    for isa in isas() {
        let again;
        let results = if isa == scalar() {
            &defined
        } else {
            again = run(isa, &z);
            &again
        };
        check_mirrored(isa, &z, results);
        for f in 0..2 {
            if isa.is_fused() {
                assert_same_bits(&results[f], &defined[f], || {
                    format!("function {f} on {isa} from {:e}", z[0])
                });
            } else {
                report.unfused[f].judge(&z[first..], &results[f][first..], &exact[f][first..]);
            }
        }
    }
    for f in 0..2 {
        report.fused[f].judge(&z[first..], &defined[f][first..], &exact[f][first..]);
    }
}

/// Sweeps every `step`-th block on all cores, prints what it found, and checks the bounds.
fn sweep(step: usize) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let worker = || {
        let mut report = Report::default();
        loop {
            let block = step * next.fetch_add(1, Ordering::Relaxed);
            if block >= BLOCKS {
                return report;
            }
            judge(block * BLOCK..(block + 1) * BLOCK, &mut report);
        }
    };
    let mut total = Report::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            let report = worker.join().expect("the message is above");
            for f in 0..2 {
                total.fused[f].merge(report.fused[f]);
                total.unfused[f].merge(report.unfused[f]);
            }
        }
    });

    for (class, worst) in [("fused", total.fused), ("unfused", total.unfused)] {
        for (name, worst) in ["sigmoid", "softplus"].into_iter().zip(worst) {
            if worst.results == 0 {
                continue;
            }
            println!(
                "{name:8} f32 {class:7} worst {:.4} ULP at {:e} ({:#010x}), {:.4} at {:e} ({:#010x}) among normal \
                 results; {:.4} % of {} not the nearest",
                worst.any.0,
                worst.any.1,
                worst.any.1.to_bits(),
                worst.normal.0,
                worst.normal.1,
                worst.normal.1.to_bits(),
                100.0 * worst.not_nearest as f64 / worst.results as f64,
                worst.results
            );
            assert!(worst.any.0 <= BOUND, "{name}, {class}: {worst:?}");
        }
    }
    println!("on {:?}", isas());
}

#[test]
fn sampled() {
    sweep(1021 * reduction());
}

#[test]
#[ignore = "takes minutes: cargo test --release --test results exhaustive -- --ignored --nocapture"]
fn exhaustive() {
    sweep(1);
}
