//! The error of `dot` against a double-double sum: within the bound that its documentation states.

use crate::support::{DoubleDouble, Number, isas, rng, thin, uniform, wide_range};
use lanegrad::{Storage, dot};
use rand::RngExt;

/// The documented bound: roundings, each of u times the sum of the terms' magnitudes, and what
/// products lose to underflow.
fn bound<T: Number>(n: usize, terms: f64) -> f64 {
    let levels = if size_of::<T>() == 8 { (n as f64 / 2048.0).log2().ceil().max(0.0) } else { 0.0 };
    (72.0 + levels) * T::UNIT_ROUNDOFF * terms + n as f64 * T::HALF_LEAST
}

/// Returns the error as a fraction of the bound, over all instruction sets.
fn check<S: Storage<T> + Number, T: Number>(x: &[S], w: &[T], what: &str) -> f64 {
    let (mut exact, mut terms) = (DoubleDouble::default(), 0.0);
    for (x, w) in x.iter().zip(w) {
        exact.add_product(x.to_f64(), w.to_f64());
        terms += (x.to_f64() * w.to_f64()).abs();
    }
    let bound = bound::<T>(x.len(), terms);
    let mut worst: f64 = 0.0;
    for isa in isas() {
        let got = isa.dot(x, w).unwrap().to_f64();
        let error = ((got - exact.high) - exact.low).abs();
        assert!(error <= bound, "{what} on {isa}, n = {}: {got} is off by {error:e} > {bound:e}", x.len());
        worst = worst.max(error / bound);
    }
    worst
}

fn lengths() -> impl Iterator<Item = usize> {
    thin((0..200).chain([255, 1000, 2047, 2048, 2049, 4095, 4096, 4097, 10_000, 100_003]))
}

fn random<S: Storage<T> + Number, T: Number>() {
    let mut rng = rng(1);
    for n in lengths() {
        let x: Vec<S> = (0..n).map(|_| uniform(&mut rng)).collect();
        let w: Vec<T> = (0..n).map(|_| uniform(&mut rng)).collect();
        check(&x, &w, "uniform");
        let x: Vec<S> = (0..n).map(|_| wide_range(&mut rng)).collect();
        let w: Vec<T> = (0..n).map(|_| wide_range(&mut rng)).collect();
        check(&x, &w, "wide range");
    }
}

#[test]
fn random_f32() {
    random::<f32, f32>();
}

#[test]
fn random_f64() {
    random::<f64, f64>();
}

#[test]
fn random_f32_in_f64() {
    random::<f32, f64>();
}

/// The terms cancel to a millionth of their size: each comes again with the opposite sign, but for
/// a part in a million, and all are shuffled.
fn ill_conditioned<S: Storage<T> + Number, T: Number>() {
    let mut rng = rng(2);
    for n in lengths().filter(|n| *n > 0) {
        let mut pairs: Vec<(S, T)> = Vec::with_capacity(2 * n);
        for _ in 0..n {
            let (x, w) = (uniform::<S>(&mut rng), uniform::<T>(&mut rng));
            pairs.push((x, w));
            pairs.push((-x * S::nearest(1.0 + 1e-6 * rng.random_range(0.0..2.0)), w));
        }
        for i in (1..pairs.len()).rev() {
            pairs.swap(i, rng.random_range(0..=i));
        }
        let (x, w): (Vec<S>, Vec<T>) = pairs.into_iter().unzip();
        if n >= 100 {
            let terms = x.iter().zip(&w).map(|(x, w)| x.to_f64() * w.to_f64());
            let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
            assert!(f64::abs(sum) < 1e-5 * size, "the terms were meant to cancel, to {sum:e} of {size:e}");
        }
        check(&x, &w, "ill-conditioned");
    }
}

#[test]
fn ill_conditioned_f32() {
    ill_conditioned::<f32, f32>();
}

#[test]
fn ill_conditioned_f64() {
    ill_conditioned::<f64, f64>();
}

#[test]
fn ill_conditioned_f32_in_f64() {
    ill_conditioned::<f32, f64>();
}

/// Ten million positive terms, where a plain `f32` sum drifts.
#[test]
fn long_sums_do_not_drift() {
    let n = 10_000_000;
    let mut rng = rng(3);
    let x: Vec<f32> = (0..n).map(|_| rng.random()).collect();
    let w: Vec<f32> = (0..n).map(|_| rng.random()).collect();
    let exact = lanegrad::reference::dot(
        &x.iter().map(|&x| x.into()).collect::<Vec<_>>(),
        &w.iter().map(|&w| w.into()).collect::<Vec<_>>(),
    );
    let drift = (f64::from(lanegrad::baseline::dot(&x, &w)) - exact).abs() / exact;
    assert!(drift > 1e-3, "the plain loop was meant to drift, but is off by {drift:e} only");
    assert!((f64::from(dot(&x, &w).unwrap()) - exact).abs() <= 2.0 * f64::from(f32::EPSILON) * exact);
    check(&x, &w, "long");

    let w64: Vec<f64> = w.iter().map(|&w| w.into()).collect();
    check(&x, &w64, "long");
    let x64: Vec<f64> = x.iter().map(|&x| x.into()).collect();
    check(&x64, &w64, "long");
}

/// The bound is of the right size: some input comes within a factor of a hundred of it. (Were it
/// far too generous, the tests above would say nothing.)
#[test]
fn the_bound_is_not_idle() {
    let mut rng = rng(4);
    let worst = (0..200).map(|_| {
        let x: Vec<f32> = (0..4096).map(|_| rng.random()).collect();
        check(&x, &x, "positive")
    });
    let worst = worst.fold(0.0, f64::max);
    assert!(worst > 0.01, "the worst error is {worst} of the bound");
}
