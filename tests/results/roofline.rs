//! The loops that ceilings are measured with touch every element, on every instruction set, and the counts of
//! operations that reports state do not change unnoticed.

use crate::support::{Number, assert_same_bits, isas, rng, thin};
use lanegrad::roofline::Flops;
use lanegrad::{Isa, roofline};
use rand::RngExt;

/// Small integers, whose sums and products are exact in any order.
fn integers<T: Number>(seed: u64, n: usize) -> Vec<T> {
    let rng = &mut rng(seed);
    (0..n).map(|_| T::nearest(f64::from(rng.random_range(-3..=3)))).collect()
}

/// Elements of a logical vector.
fn lanes<T>() -> usize {
    64 / size_of::<T>()
}

/// In runs of eight vectors each element of the first four meets one of the last four; others are added.
fn read_by_definition<T: Number>(slices: &[&[T]]) -> f64 {
    let mut sum = 0.0;
    for slice in slices {
        let (run, half) = (8 * lanes::<T>(), 4 * lanes::<T>());
        let runs = slice.chunks_exact(run);
        sum += runs.remainder().iter().map(|x| x.to_f64()).sum::<f64>();
        for run in runs {
            sum += run[..half].iter().zip(&run[half..]).map(|(x, y)| x.to_f64() * y.to_f64()).sum::<f64>();
        }
    }
    sum
}

fn check_reads<T: Number>(isa: Isa) {
    for n in thin((0..600).chain([2048, 4099])) {
        let (x, y) = (integers::<T>(1, n), integers::<T>(2, n));
        assert_eq!(roofline::read(isa, [&x]).unwrap().to_f64(), read_by_definition(&[&x]), "{isa}, {n}");
        let both: [&[T]; 2] = [&x, &y];
        assert_eq!(roofline::read(isa, both).unwrap().to_f64(), read_by_definition(&both), "{isa}, 2 x {n}");

        let ahead = roofline::read_ahead(isa, both, 4096).unwrap();
        assert_eq!(ahead.to_f64(), read_by_definition(&both), "ahead on {isa}, 2 x {n}");
        let sum = x.iter().map(|x| x.to_f64()).sum::<f64>();
        for cols in [0, 1, 64, usize::MAX] {
            let rows = roofline::read_rows(isa, &x, cols, 2048).to_f64();
            assert_eq!(rows, sum, "rows of {cols} on {isa}, {n}");
        }

        let products = (0..n).map(|i| x[i].to_f64() * y[i].to_f64());
        assert_eq!(
            roofline::read_pair(isa, &x, &y).unwrap().to_f64(),
            products.sum::<f64>(),
            "pairs on {isa}, {n}"
        );

        let mut out = vec![T::NAN; n];
        roofline::copy(isa, &x, &mut out).unwrap();
        assert_same_bits(&out, &x, || format!("copy on {isa}, {n}"));
        roofline::add(isa, &y, &mut out).unwrap();
        let sums: Vec<T> = x.iter().zip(&y).map(|(&x, &y)| x + y).collect();
        assert_same_bits(&out, &sums, || format!("add on {isa}, {n}"));
    }
}

#[test]
fn every_element_is_touched() {
    for isa in isas() {
        check_reads::<f32>(isa);
        check_reads::<f64>(isa);
    }
}

/// x (2 - 2^-rounds) in each lane of each chain.
fn check_chains<T: Number, const CHAINS: usize>() {
    for isa in isas() {
        for rounds in [0, 1, 2, 7, 20] {
            let want = (CHAINS * lanes::<T>()) as f64 * 3.0 * (2.0 - f64::powi(2.0, -rounds));
            let got = roofline::multiply_add::<T, CHAINS>(isa, T::nearest(3.0), rounds as usize);
            assert!(
                (got.to_f64() - want).abs() <= 1e-6 * want,
                "{CHAINS} chains on {isa}: {got}, not {want}"
            );
        }
    }
    let flops = roofline::multiply_add_flops::<T>(CHAINS, 1000);
    assert_eq!(flops, 2 * 1000 * (CHAINS * lanes::<T>()) as u64);
    assert_eq!(roofline::multiply_add_flops::<T>(CHAINS, usize::MAX), u64::MAX);
}

#[test]
fn chains_of_multiply_adds_compute_what_they_count() {
    check_chains::<f32, 1>();
    check_chains::<f32, 8>();
    check_chains::<f64, 3>();
    check_chains::<f64, 12>();
}

/// Reports state these counts, and compare with those of earlier reports.
#[test]
fn operations_of_an_element() {
    let counts =
        |flops: Flops| [flops.sigmoid, flops.softplus, flops.log_loss, flops.residual, flops.loss_terms];
    assert_eq!(counts(Flops::F32), [47, 67, 69, 47, 77]);
    assert_eq!(counts(Flops::F64), [57, 88, 90, 57, 98]);
    assert_eq!([Flops::F32, Flops::F64].map(|flops| flops.log_sigmoid), [67, 88]);
    assert_eq!([Flops::F32, Flops::F64].map(|flops| flops.logit), [48, 59]);
    assert_eq!([Flops::of::<f32>(), Flops::of::<f64>()], [Flops::F32, Flops::F64]);
}

#[test]
fn lengths_that_differ_are_an_error() {
    let (x, mut y) = ([1.0_f32; 3], [2.0; 2]);
    for isa in isas() {
        assert!(roofline::read(isa, [&x[..], &y[..]]).is_err());
        assert!(roofline::read_ahead(isa, [&x[..], &y[..]], 64).is_err());
        assert!(roofline::read_pair(isa, &x, &y).is_err());
        assert!(roofline::copy(isa, &x, &mut y).is_err());
        assert!(roofline::add(isa, &x, &mut y).is_err());
        assert_eq!(y, [2.0; 2]);
    }
}
