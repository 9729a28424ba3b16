//! Every one of the 2^32 `f32`: accuracy, monotonicity and equal bits on every instruction set.
//!
//! `cargo test --release --test results exhaustive -- --ignored --nocapture` runs the whole sweep, in minutes, and
//! prints the worst cases; the ordinary test run takes one block in a thousand.

use crate::support::{Number, assert_same_bits, isas, reduction, scalar};
use lanegrad::Isa;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The functions of one number, and a bound on the worst cases that `BENCHMARKS.md` states of each, for every
/// instruction set. (log_sigmoid has the bits of softplus.)
const FUNCTIONS: [(&str, f64); 3] = [("sigmoid", 0.781), ("softplus", 0.903), ("logit", 0.568)];

/// Consecutive numbers that are judged together.
const BLOCK: usize = 1 << 10;
const BLOCKS: usize = 1 << (32 - 10);

/// The `i`-th of all `f32` in rising order: NaN, -inf, …, -0, +0, …, inf, NaN.
fn in_order(i: u32) -> f32 {
    f32::from_bits(if i < 1 << 31 { !i } else { i - (1 << 31) })
}

/// The spacing of `f32` at an exact result of either sign, at least the least subnormal.
fn ulp(exact: f64) -> f64 {
    let exponent = (exact.abs().to_bits() >> 52) as i32 - 1023;
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
            assert!(ulps >= 0.0, "{x:e}: {result} instead of {exact:e}");
            if ulps > self.any.0 {
                self.any = (ulps, x);
            }
            if ulps > self.normal.0 && exact.abs() >= f64::from(f32::MIN_POSITIVE) {
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

/// The functions, each on the fused instruction sets (which agree) and on an unfused one.
#[derive(Clone, Copy, Debug, Default)]
struct Report {
    fused: [Worst; 3],
    unfused: [Worst; 3],
}

/// The functions in `f64`, without cancellation: errors of some 2^-52. The logit near 0 is an inverse hyperbolic
/// tangent.
fn exact(x: f32) -> [f64; 3] {
    let x = f64::from(x);
    let e = (-x.abs()).exp();
    let sigmoid = if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) };
    let softplus = if x < 0.0 { 0.0 } else { x } + e.ln_1p();
    // -0 is 0, and has no other limit.
    let p = x + 0.0;
    let logit = match p {
        0.25..=0.75 => 2.0 * (2.0 * p - 1.0).atanh(),
        0.0..=1.0 => (p / (1.0 - p)).ln(),
        _ => f64::NAN,
    };
    [sigmoid, softplus, logit]
}

/// The functions on one instruction set, with everything that must hold inside the block.
fn run(isa: Isa, x: &[f32]) -> [Vec<f32>; 3] {
    let mut results = [(); 3].map(|()| vec![0.0; x.len()]);
    isa.sigmoid(x, &mut results[0]).unwrap();
    isa.softplus(x, &mut results[1]).unwrap();
    isa.logit(x, &mut results[2]).unwrap();
    let ranges = [0.0..=1.0, 0.0..=f32::INFINITY, f32::NEG_INFINITY..=f32::INFINITY];
    for (((name, _), range), result) in FUNCTIONS.iter().zip(ranges).zip(&results) {
        for (x, pair) in x[1..].iter().zip(result.windows(2)) {
            let falls = pair[0] > pair[1];
            assert!(!falls, "{name} on {isa} falls before {x:e}: {pair:?}");
            assert!(pair[1].is_nan() || range.contains(&pair[1]), "{name} on {isa} at {x:e}: {}", pair[1]);
        }
    }
    results
}

/// What holds between z and -z: the two sigmoids make 1, and a hard label turns the residual and the
/// log-loss into a sigmoid or a softplus, bit for bit, so that the sweep covers them; as does the logarithm of the
/// sigmoid. And between p and 1 - p, where that is exact: the logits differ in sign.
fn check_mirrored(isa: Isa, z: &[f32], [sigmoid, softplus, logit]: &[Vec<f32>; 3]) {
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
    isa.log_sigmoid(&mirrored, &mut out).unwrap();
    out.iter_mut().for_each(|l| *l = -*l);
    assert_same_bits(&out, softplus, context("log_sigmoid(-z) = -softplus(z)"));
    if !z.iter().any(|p| (0.0..=1.0).contains(p)) {
        return assert!(logit.iter().all(|logit| logit.is_nan()), "logits from {:e} on, on {isa}", z[0]);
    }
    let other_classes: Vec<f32> = z.iter().map(|p| 1.0 - p).collect();
    isa.logit(&other_classes, &mut out).unwrap();
    for ((p, q), (logit, other)) in z.iter().zip(&other_classes).zip(logit.iter().zip(&out)) {
        let exact = 1.0 - q == *p;
        assert!(
            !exact || logit == &-other || (logit.is_nan() && other.is_nan()),
            "logit({p:e}) and logit(1 - p) on {isa}: {logit} and {other}"
        );
    }
}

/// Judges the numbers of these places in the order, and the step to them from the one before.
fn judge(places: Range<usize>, report: &mut Report) {
    let z: Vec<f32> = (places.start.saturating_sub(1)..places.end).map(|i| in_order(i as u32)).collect();
    let exact: Vec<[f64; 3]> = z.iter().map(|&z| exact(z)).collect();
    let exact = [0, 1, 2].map(|f| exact.iter().map(|all| all[f]).collect::<Vec<f64>>());
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
        for f in 0..3 {
            if isa.is_fused() {
                assert_same_bits(&results[f], &defined[f], || {
                    format!("{} on {isa} from {:e}", FUNCTIONS[f].0, z[0])
                });
            } else {
                report.unfused[f].judge(&z[first..], &results[f][first..], &exact[f][first..]);
            }
        }
    }
    for f in 0..3 {
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
            for f in 0..3 {
                total.fused[f].merge(report.fused[f]);
                total.unfused[f].merge(report.unfused[f]);
            }
        }
    });

    for (class, worst) in [("fused", total.fused), ("unfused", total.unfused)] {
        for ((name, bound), worst) in FUNCTIONS.into_iter().zip(worst) {
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
            assert!(worst.any.0 <= bound, "{name}, {class}: {worst:?}");
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
    sweep(reduction());
}
