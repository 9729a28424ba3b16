//! Every kernel on every instruction set: the same bits as `scalar`, at any length and alignment.

use crate::support::kernels::{self, Run};
use crate::support::{
    Buffer, Held, Number, any_held, anything, assert_same_bits, for_small, held, isas, rng, scalar, thin,
    uniform, wide_range,
};
use lanegrad::{Isa, Storage};
use rand::RngExt;

/// Values that a kernel is fed with; the tests call `draw` for each element.
#[derive(Clone, Copy, Debug)]
enum Values {
    /// All finite and near 1, so that every bit of a sum depends on the order of its additions.
    Plain,
    /// Finite with exponents far apart, so that sums cancel and absorb.
    WideRange,
    /// Zeros of both signs, subnormals, the largest numbers, infinities, NaN.
    Anything,
}

fn draw<T: Number>(values: Values, rng: &mut impl rand::Rng) -> T {
    match values {
        Values::Plain => uniform(rng),
        Values::WideRange => wide_range(rng),
        Values::Anything => anything(rng),
    }
}

/// The same, of a type that rows are held in.
fn draw_held<S: Held>(values: Values, rng: &mut impl rand::Rng) -> S {
    match values {
        Values::Plain => held(rng),
        Values::WideRange => S::near(wide_range::<f64>(rng)),
        Values::Anything => any_held(rng),
    }
}

/// Runs one kernel on every instruction set at length `n` and many alignments, and compares.
fn check<S: Storage<T> + Held, T: Number>(
    name: &str,
    run: Run<S, T>,
    n: usize,
    offsets: std::ops::Range<usize>,
    values: Values,
) {
    let mut rng = rng(n as u64);
    let x: Vec<S> = (0..n).map(|_| draw_held(values, &mut rng)).collect();
    let y: Vec<T> = (0..n).map(|_| draw(values, &mut rng)).collect();
    let before: Vec<T> = (0..n).map(|_| draw(values, &mut rng)).collect();
    let (mut x_at, mut y_at, mut out_at) = (Buffer::for_len(n), Buffer::for_len(n), Buffer::for_len(n));
    let mut run_at = |isa: Isa, offset: usize| {
        let out = out_at.at((7 * offset + 1) % 16, &before);
        let result = run(isa, x_at.at(offset, &x), y_at.at((5 * offset + 3) % 16, &y), out);
        [&[result], &*out].concat()
    };

    let defined = run_at(scalar(), 0);
    for isa in isas() {
        // An unfused instruction set has bits of its own, which must not depend on alignment.
        let want = if isa.is_fused() { defined.clone() } else { run_at(isa, 0) };
        for offset in offsets.clone() {
            let got = run_at(isa, offset);
            assert_same_bits(&got, &want, || {
                format!("{name} on {isa}, n = {n}, offset {offset}, {values:?}")
            });
        }
    }
}

fn check_all<S: Storage<T> + Held, T: Number>(list: Vec<(&str, Run<S, T>)>) {
    for (name, run) in list {
        for n in thin(0..=300) {
            for values in [Values::Plain, Values::WideRange, Values::Anything] {
                check(name, run, n, 0..16, values);
            }
        }
        for n in thin([1000, 2048, 2049, 4096, 4097, 12_345, 65_536, 100_003]) {
            for values in [Values::Plain, Values::WideRange] {
                check(name, run, n, 0..3, values);
            }
        }
    }
}

#[test]
fn f32_kernels() {
    check_all(kernels::all::<f32>());
}

#[test]
fn f64_kernels() {
    check_all(kernels::all::<f64>());
}

fn check_mixed<S: Storage<T> + Held, T: Number>() {
    check_all(kernels::mixed::<S, T>());
}

#[test]
fn data_of_another_type_than_the_arithmetic() {
    check_mixed::<f32, f64>();
    for_small!(check_mixed);
}

/// Specials one at a time, where NaN cannot hide a wrong bit elsewhere, in each of the operands.
fn check_one_special<T: Number>() {
    let specials = [T::nearest(0.0), T::least_subnormal(), T::LEAST_NORMAL, T::MAX, T::INFINITY, T::NAN];
    let mut rng = rng(7);
    for (name, run) in kernels::all::<T>() {
        for (special, operand) in
            specials.into_iter().flat_map(|x| [(x, 0), (-x, 1), (-x, 2), (x, 3), (x, 4), (-x, 5)])
        {
            for n in thin([1, 2, 15, 16, 17, 40, 64, 65, 130]) {
                let mut operands: [Vec<T>; 3] =
                    std::array::from_fn(|_| (0..n).map(|_| uniform(&mut rng)).collect());
                operands[operand % 3][rng.random_range(0..n)] = special;
                let [x, y, before] = operands;
                let result = |isa| {
                    let mut out = before.clone();
                    let result = run(isa, &x, &y, &mut out);
                    [&[result], &*out].concat()
                };
                let want = result(scalar());
                for isa in isas().into_iter().filter(|isa| isa.is_fused()) {
                    let context =
                        || format!("{name} on {isa}, n = {n}, with {special} in operand {}", operand % 3);
                    assert_same_bits(&result(isa), &want, context);
                }
            }
        }
    }
}

#[test]
fn one_special_value_among_plain_ones() {
    check_one_special::<f32>();
    check_one_special::<f64>();
}

/// axpy against its definition, one element at a time.
fn check_axpy<S: Storage<T> + Held, T: Number>() {
    let mut rng = rng(8);
    for n in thin((0..=300).chain([4097])) {
        let a: T = anything(&mut rng);
        let x: Vec<S> = (0..n).map(|_| any_held(&mut rng)).collect();
        let y: Vec<T> = (0..n).map(|_| anything(&mut rng)).collect();
        for isa in isas() {
            let mut out = y.clone();
            isa.axpy(a, &x, &mut out).unwrap();
            let want = x.iter().zip(&y).map(|(&x, &y)| {
                let x = T::nearest(x.to_f64());
                if isa.is_fused() { T::fma(x, a, y) } else { x * a + y }
            });
            assert_same_bits(&out, &want.collect::<Vec<T>>(), || {
                format!("axpy on {isa}, n = {n}, a = {}", a.hex())
            });
        }
    }
}

#[test]
fn axpy_is_one_multiply_add_per_element() {
    check_axpy::<f32, f32>();
    check_axpy::<f64, f64>();
    check_axpy::<f32, f64>();
    for_small!(check_axpy);
}

/// An element gets the bits alone that it gets anywhere in a slice, and in place those of slice to slice.
fn check_elements_alone<T: Number>() {
    let mut rng = rng(9);
    let list = kernels::all::<T>();
    let n = 83;
    let x: Vec<T> = (0..n).map(|_| anything(&mut rng)).collect();
    let y: Vec<T> = (0..n).map(|_| anything(&mut rng)).collect();
    for isa in isas() {
        for (name, run) in list.iter().filter(|(name, _)| !["dot", "axpy"].contains(name)) {
            let mut whole = x.clone();
            run(isa, &x, &y, &mut whole);
            for i in 0..n {
                let mut alone = [x[i]];
                run(isa, &x[i..=i], &y[i..=i], &mut alone);
                assert_same_bits(&alone, &whole[i..=i], || format!("{name} on {isa}, element {i}"));
            }
            if let Some(name) = name.strip_suffix("_in_place") {
                let (_, run) = list.iter().find(|(other, _)| *other == name).expect("both forms are listed");
                let mut out = vec![T::default(); n];
                run(isa, &x, &y, &mut out);
                assert_same_bits(&whole, &out, || format!("{name} on {isa}, in place"));
            }
        }
    }
}

#[test]
fn elements_do_not_depend_on_their_place() {
    check_elements_alone::<f32>();
    check_elements_alone::<f64>();
}

/// `Isa::is_fused` tells the truth: a product that two roundings lose, and one keeps.
#[test]
fn fused_means_one_rounding() {
    // (1 + e)² - 1 - 2e is e² exactly, and 0 where the product was rounded first.
    let e = f32::EPSILON;
    let x = [1.0 + e];
    for isa in isas() {
        let mut y = [-1.0 - 2.0 * e];
        isa.axpy(1.0 + e, &x, &mut y).unwrap();
        assert_eq!(y[0], if isa.is_fused() { e * e } else { 0.0 }, "{isa}");
    }
    let e = f64::EPSILON;
    let x = [1.0 + e];
    for isa in isas() {
        let mut y = [-1.0 - 2.0 * e];
        isa.axpy(1.0 + e, &x, &mut y).unwrap();
        assert_eq!(y[0], if isa.is_fused() { e * e } else { 0.0 }, "{isa}");
    }
}

/// Not a test of its own: the next one runs it in a process with another environment.
#[test]
#[ignore = "run as a child process by the test of LANEGRAD_REQUIRE_ISA"]
fn child_lists_the_instruction_sets() {
    isas();
}

/// A required instruction set that did not run fails the tests.
#[test]
fn a_missing_instruction_set_is_noticed() {
    let succeeds = |required| {
        let child = crate::support::child("backends_agree::child_lists_the_instruction_sets")
            .env("LANEGRAD_REQUIRE_ISA", required)
            .output();
        child.unwrap().status.success()
    };
    assert!(succeeds("scalar, portable"));
    assert!(!succeeds("scalar,avx1024"));
}

/// Rounding is to nearest, and subnormals are kept, as before; a kernel that changed this would do so for its
/// caller's arithmetic too.
fn assert_modes(context: impl Fn() -> String) {
    let [one, least] = [1.0_f64, f64::from_bits(1)].map(std::hint::black_box);
    let u = f64::EPSILON / 2.0;
    let rounded = [one + 0.9 * u, one + 1.1 * u, -one - 0.9 * u, -one - 1.1 * u];
    assert_eq!(rounded, [1.0, 1.0 + 2.0 * u, -1.0, -1.0 - 2.0 * u], "{}", context());
    assert_eq!((least + least).to_bits(), 2, "{}", context());
    assert_eq!((std::hint::black_box(f64::MIN_POSITIVE) * 0.5).to_bits(), 1 << 51, "{}", context());
}

fn check_modes<T: Number>() {
    assert_modes(|| "before".to_owned());
    let (x, mut out) = (vec![T::nearest(0.7); 100], vec![T::nearest(0.3); 100]);
    for isa in isas() {
        for (name, run) in kernels::all::<T>() {
            run(isa, &x, &x, &mut out);
            assert_modes(|| format!("after {name} on {isa}"));
        }
    }
}

#[test]
fn floating_point_modes_stay() {
    check_modes::<f32>();
    check_modes::<f64>();
}
