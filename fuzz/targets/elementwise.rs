//! The elementwise kernels: the bits of `scalar` on every fused instruction set, in place too; in range and
//! monotone on every instruction set; and `f32` within 1 ULP of the textbook's value.
#![no_main]

use arbitrary::Arbitrary;
use lanegrad::{Isa, reference};
use lanegrad_fuzz::Value;
use lanegrad_fuzz::fixtures::{Number, assert_same_bits, scalar};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    double: bool,
    /// Steps from each logit to another one, in representable numbers.
    steps: u8,
    /// Logits, of which probabilities are made too, and labels in 65535ths.
    rows: Vec<(Value, u16)>,
}

/// Name, slice to slice, in place.
type Kernel<T> = (&'static str, fn(Isa, &[T], &[T], &mut [T]), fn(Isa, &mut [T], &[T]));

fn kernels<T: Number>() -> [Kernel<T>; 6] {
    const ONE_LENGTH: &str = "one length";
    [
        (
            "sigmoid",
            |isa, z, _, out| isa.sigmoid(z, out).expect(ONE_LENGTH),
            |isa, z, _| isa.sigmoid_in_place(z),
        ),
        (
            "softplus",
            |isa, z, _, out| isa.softplus(z, out).expect(ONE_LENGTH),
            |isa, z, _| isa.softplus_in_place(z),
        ),
        (
            "log_sigmoid",
            |isa, z, _, out| isa.log_sigmoid(z, out).expect(ONE_LENGTH),
            |isa, z, _| isa.log_sigmoid_in_place(z),
        ),
        ("logit", |isa, p, _, out| isa.logit(p, out).expect(ONE_LENGTH), |isa, p, _| isa.logit_in_place(p)),
        (
            "log_loss",
            |isa, z, y, out| isa.log_loss(z, y, out).expect(ONE_LENGTH),
            |isa, z, y| isa.log_loss_in_place(z, y).expect(ONE_LENGTH),
        ),
        (
            "residual",
            |isa, z, y, out| isa.residual(z, y, out).expect(ONE_LENGTH),
            |isa, z, y| isa.residual_in_place(z, y).expect(ONE_LENGTH),
        ),
    ]
}

/// The results of all kernels, with everything checked that holds for any type.
fn check<T: Number>(z: &[T], y: &[T]) {
    for (name, kernel, in_place) in kernels::<T>() {
        let run = |isa: Isa| {
            let mut out = vec![T::default(); z.len()];
            kernel(isa, z, y, &mut out);
            out
        };
        let defined = run(scalar());
        for isa in Isa::available() {
            let got = run(isa);
            let mut updated = z.to_vec();
            in_place(isa, &mut updated, y);
            assert_same_bits(&updated, &got, || format!("{name} in place on {isa}"));
            if isa.is_fused() {
                assert_same_bits(&got, &defined, || format!("{name} on {isa}"));
            }
            check_range(name, isa, z, &got);
            if !["log_loss", "residual"].contains(&name) {
                check_monotone(name, isa, z, &got);
            }
        }
    }
}

fn check_range<T: Number>(name: &str, isa: Isa, z: &[T], results: &[T]) {
    let (low, high) = match name {
        "sigmoid" => (0.0, 1.0),
        "residual" => (-1.0, 1.0),
        "log_sigmoid" => (f64::NEG_INFINITY, 0.0),
        "logit" => (f64::NEG_INFINITY, f64::INFINITY),
        _ => (0.0, f64::INFINITY),
    };
    for (z, result) in z.iter().zip(results.iter().map(|x| x.to_f64())) {
        let z = z.to_f64();
        if z.is_nan() || (name == "logit" && !(0.0..=1.0).contains(&z)) {
            assert!(result.is_nan(), "{name}({z:e}) on {isa}: {result}");
        } else {
            assert!((low..=high).contains(&result), "{name} on {isa} at {z:e}: {result:e}");
        }
    }
}

/// `z` is sorted, with NaN at the end.
fn check_monotone<T: Number>(name: &str, isa: Isa, z: &[T], results: &[T]) {
    for (z, pair) in z.windows(2).zip(results.windows(2)) {
        let falls = pair[0].to_f64() > pair[1].to_f64();
        assert!(!falls, "{name} on {isa} falls from {:e} to {:e}: {pair:?}", z[0].to_f64(), z[1].to_f64());
    }
}

/// The spacing of `f32` at an exact result, at least the least subnormal.
fn ulp(exact: f64) -> f64 {
    let exponent = ((exact.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(-126);
    f64::powi(2.0, exponent - 23)
}

fn check_accuracy(z: &[f32]) {
    for isa in Isa::available() {
        let mut out = vec![0.0; z.len()];
        for (name, exact) in [
            ("sigmoid", reference::sigmoid as fn(f64) -> f64),
            ("softplus", reference::softplus),
            ("log_sigmoid", reference::log_sigmoid),
            // Near 1/2 the reference errs by up to 2^-6 ULP of `f32`.
            ("logit", reference::logit),
        ] {
            match name {
                "sigmoid" => isa.sigmoid(z, &mut out),
                "softplus" => isa.softplus(z, &mut out),
                "log_sigmoid" => isa.log_sigmoid(z, &mut out),
                _ => isa.logit(z, &mut out),
            }
            .expect("one length");
            for (&z, &got) in z.iter().zip(&out).filter(|(z, _)| z.is_finite()) {
                let exact = exact(z.into());
                if !exact.is_finite() {
                    continue; // logit: `check_range`
                }
                let error = (f64::from(got) - exact).abs() / ulp(exact);
                assert!(error <= 1.0, "{name} on {isa} at {z:e}: {got:e} is {error} ULP from {exact:e}");
            }
        }
    }
}

/// Probabilities of the bits of logits, in rising order.
fn probabilities<T: Number>(z: &[T]) -> Vec<T> {
    let one = T::nearest(1.0).bits();
    let mut bits: Vec<u64> = z.iter().map(|z| z.bits() % (one + 1)).collect();
    bits.sort_unstable();
    bits.into_iter().map(T::of_bits).collect()
}

/// The logits in rising order, each followed by the number that is `steps` further on.
fn sorted<T: Number>(input: &Input) -> Vec<T> {
    let values = input.rows.iter().map(|(z, _)| z.get::<T>());
    let mut z: Vec<T> =
        values.flat_map(|z| [z, T::of_bits(z.bits().wrapping_add(input.steps.into()))]).collect();
    // NaN of both signs at the end.
    z.sort_by(|a, b| {
        let (a, b) = (a.to_f64(), b.to_f64());
        a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(&b))
    });
    z
}

fuzz_target!(|input: Input| {
    let labels: Vec<f64> = input.rows.iter().flat_map(|(_, y)| [f64::from(*y) / 65535.0; 2]).collect();
    if input.double {
        let z = sorted::<f64>(&input);
        check(&z, &labels);
        check(&probabilities(&z), &labels);
    } else {
        let labels: Vec<f32> = labels.into_iter().map(|y| y as f32).collect();
        let z = sorted::<f32>(&input);
        for inputs in [&probabilities(&z), &z] {
            check(inputs, &labels);
            check_accuracy(inputs);
        }
    }
});
