//! The choice of the instruction set: by name, and by the environment.

use crate::support::kernels::{self, Run, zero};
use crate::support::{Data, Held, Kind, Number, assert_same_bits, for_small, isas, rng, thin, uniform};
use lanegrad::{Error, Isa, Params, Rows, Storage};
use std::collections::HashSet;

#[test]
fn scalar_is_first_and_names_are_unique() {
    let names: Vec<_> = isas().iter().map(|isa| isa.name()).collect();
    assert_eq!(names[..2], ["scalar", "portable"]);
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len(), "{names:?}");
}

#[test]
fn names_lead_back_to_the_instruction_set() {
    for isa in isas() {
        assert_eq!(Isa::from_name(isa.name()), Ok(isa));
        assert_eq!(isa.name().parse(), Ok(isa));
        assert_eq!(isa.to_string(), isa.name());
        assert_eq!(format!("{isa:?}"), format!("Isa({})", isa.name()));
    }
}

#[test]
fn all_but_portable_are_fused() {
    for isa in isas().into_iter().filter(|isa| isa.name() != "portable") {
        assert!(isa.is_fused(), "{isa}");
    }
}

#[test]
fn an_unknown_name_is_an_error_that_lists_exactly_the_available_ones() {
    let names: Vec<&str> = Isa::available().map(Isa::name).collect();
    for name in ["", "sse9", "avx", "avx2 ", "scalar\0"] {
        let error = Isa::from_name(name).expect_err(name);
        let Error::UnknownIsa { available } = error else { panic!("{error:?}") };
        assert_eq!(available, names);
        assert_eq!(name.parse::<Isa>(), Err(error.clone()));
        let text = error.to_string();
        assert_eq!(text.rsplit("available: ").next().unwrap().split(", ").collect::<Vec<_>>(), names);
    }
}

#[test]
fn instruction_sets_are_ordered_slowest_first() {
    let isas: Vec<Isa> = Isa::available().collect();
    assert!(isas.is_sorted_by(|a, b| a < b), "{isas:?}");
    assert_eq!(isas.iter().max(), Isa::available().next_back().as_ref());
    // Equal ones have one hash, others another one.
    let hashed: HashSet<Isa> = isas.iter().chain(&isas).copied().collect();
    assert_eq!(hashed.len(), isas.len());
}

#[test]
fn the_free_functions_run_on_the_best() {
    let free: [(&str, Run<f32, f32>); 14] = [
        ("dot", |_, x, y, _| lanegrad::dot(x, y).unwrap()),
        ("axpy", |_, x, y, out| lanegrad::axpy(y[0], x, out).map(zero).unwrap()),
        ("sigmoid", |_, x, _, out| lanegrad::sigmoid(x, out).map(zero).unwrap()),
        ("sigmoid_in_place", |_, _, _, out| {
            lanegrad::sigmoid_in_place(out);
            zero(())
        }),
        ("softplus", |_, x, _, out| lanegrad::softplus(x, out).map(zero).unwrap()),
        ("softplus_in_place", |_, _, _, out| {
            lanegrad::softplus_in_place(out);
            zero(())
        }),
        ("log_sigmoid", |_, x, _, out| lanegrad::log_sigmoid(x, out).map(zero).unwrap()),
        ("log_sigmoid_in_place", |_, _, _, out| {
            lanegrad::log_sigmoid_in_place(out);
            zero(())
        }),
        ("logit", |_, x, _, out| lanegrad::logit(x, out).map(zero).unwrap()),
        ("logit_in_place", |_, _, _, out| {
            lanegrad::logit_in_place(out);
            zero(())
        }),
        ("log_loss", |_, x, y, out| lanegrad::log_loss(x, y, out).map(zero).unwrap()),
        ("log_loss_in_place", |_, _, y, out| lanegrad::log_loss_in_place(out, y).map(zero).unwrap()),
        ("residual", |_, x, y, out| lanegrad::residual(x, y, out).map(zero).unwrap()),
        ("residual_in_place", |_, _, y, out| lanegrad::residual_in_place(out, y).map(zero).unwrap()),
    ];
    let rng = &mut rng(31);
    let [x, y, before] = [(); 3].map(|()| (0..100).map(|_| uniform(rng)).collect::<Vec<f32>>());
    let methods = kernels::all::<f32>();
    assert_eq!(methods.len(), free.len());
    for ((name, method), (free_name, free)) in methods.into_iter().zip(free) {
        assert_eq!(free_name, name);
        let results = |run: Run<f32, f32>| {
            let mut out = before.clone();
            let result = run(Isa::best(), &x, &y, &mut out);
            [&[result], &*out].concat()
        };
        assert_same_bits(&results(free), &results(method), || name.to_owned());
    }
}

/// Not a test of its own: the tests below run it in a process with another environment.
#[test]
#[ignore = "run by the tests of LANEGRAD_ISA, as their child process"]
fn child_prints_the_best() {
    println!("best={}", Isa::best());
    #[cfg(feature = "std")]
    println!("asked={:?}", Isa::from_env());
}

/// What `Isa::best` is in a process whose `LANEGRAD_ISA` is `value`.
#[cfg(feature = "std")]
fn best_with(value: Option<&str>) -> String {
    answer(value, "best=")
}

/// What a process whose `LANEGRAD_ISA` is `value` prints on the line that begins so.
#[cfg(feature = "std")]
fn answer(value: Option<&str>, name: &str) -> String {
    let mut child = crate::support::child("isa::child_prints_the_best");
    match value {
        Some(value) => child.env("LANEGRAD_ISA", value),
        None => child.env_remove("LANEGRAD_ISA"),
    };
    let output = String::from_utf8(child.output().unwrap().stdout).unwrap();
    let found = output.split(name).nth(1).unwrap_or_else(|| panic!("no answer in {output:?}"));
    found.lines().next().unwrap().trim().to_owned()
}

#[cfg(feature = "std")]
#[test]
fn the_environment_lowers_the_choice() {
    for isa in isas() {
        for name in [isa.name().to_owned(), isa.name().to_uppercase()] {
            assert_eq!(best_with(Some(&name)), isa.name());
            assert_eq!(answer(Some(&name), "asked="), format!("Ok(Some(Isa({isa})))"));
            assert_eq!(Isa::from_name(&name), Ok(isa));
        }
    }
}

#[cfg(feature = "std")]
#[test]
fn a_program_can_ask_whether_its_environment_was_honoured() {
    for value in [None, Some("")] {
        assert_eq!(answer(value, "asked="), "Ok(None)", "{value:?}");
    }
    for value in ["sse9", "avx", " avx2"] {
        assert!(answer(Some(value), "asked=").starts_with("Err(UnknownIsa"), "{value:?}");
    }
}

#[cfg(feature = "std")]
#[test]
fn without_a_usable_name_the_fastest_runs() {
    let fastest = isas().pop().unwrap().to_string();
    for value in [None, Some(""), Some("sse9"), Some("avx1024")] {
        assert_eq!(best_with(value), fastest, "{value:?}");
    }
}

fn check_scores<S: Storage<T> + Held, T: Number>() {
    for cols in thin((0..=70).chain([100, 300, 5000])) {
        for rows in [0, 1, 3, 300] {
            let data = Data::<S, T>::of_shape(rows, cols, Kind::PLAIN);
            let params = data.params();
            for isa in isas() {
                let mut want: Vec<T> = Vec::new();
                for row in data.rows().iter() {
                    want.push(isa.dot(row, params.weights).unwrap() + params.bias);
                }
                let mut out = vec![T::NAN; rows];
                isa.logits(data.rows(), params, &mut out).unwrap();
                assert_same_bits(&out, &want, || format!("logits of {rows} x {cols} on {isa}"));
                isa.sigmoid_in_place(&mut want);
                isa.predict_proba(data.rows(), params, &mut out).unwrap();
                assert_same_bits(&out, &want, || format!("probabilities of {rows} x {cols} on {isa}"));
            }
        }
    }
}

/// Rows are scored on a chosen instruction set, without an engine or memory to allocate: each as if alone.
#[test]
fn scores_of_rows() {
    check_scores::<f32, f32>();
    check_scores::<f64, f64>();
    check_scores::<f32, f64>();
    for_small!(check_scores);

    let rows = Rows::new(&[1.0_f32; 6], 3, 2).unwrap();
    let (w, mut out) = ([0.5_f32; 3], [7.0; 4]);
    for isa in isas() {
        let error = Error::LengthMismatch { names: ["features", "weights"], lengths: [2, 3] };
        assert_eq!(isa.logits(rows, Params::new(&w, 0.0), &mut out[..3]), Err(error.clone()));
        assert_eq!(isa.predict_proba(rows, Params::new(&w, 0.0), &mut out[..3]), Err(error));
        let error = Error::LengthMismatch { names: ["rows", "out"], lengths: [3, 4] };
        assert_eq!(isa.logits(rows, Params::new(&w[..2], 0.0), &mut out), Err(error.clone()));
        assert_eq!(isa.predict_proba(rows, Params::new(&w[..2], 0.0), &mut out), Err(error));
    }
    assert_eq!(out, [7.0; 4], "what is refused writes nothing");
}

/// What a backend's instructions are part of is looked for, bit by bit: a virtual machine may pass on AVX2 without F16C.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
#[test]
fn avx2_needs_fma_and_f16c() {
    use std::arch::is_x86_feature_detected as has;
    assert_eq!(Isa::from_name("avx2").is_ok(), has!("avx2") && has!("fma") && has!("f16c"));
}
