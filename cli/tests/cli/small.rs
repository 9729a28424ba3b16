//! Numbers of 16 and 8 bits, in `.npy` and in `.safetensors`: the model is that of the same numbers held as f32.

use crate::support::{Directory, case, files, lanegrad, refuse, says, succeed, weights};
use std::fs;
use std::process::Command;

const TYPES: [&str; 4] = ["bf16", "f16", "i8", "u8"];

/// A fit of the tensors that `synth` writes.
fn fit(file: &str, model: &str) -> Command {
    let (rows, labels) = (format!("{file}#X"), format!("{file}#y"));
    lanegrad(["fit", &rows, "--label-file", &labels, "--model", model, "--l2", "1e-3", "--quiet"])
}

#[test]
fn a_fit_of_small_numbers_is_that_of_the_same_numbers() {
    let directory = Directory::new();
    let path = |name: &str| directory.path(name);
    let (of_small, of_wide) = (path("small.json"), path("wide.json"));
    for dtype in TYPES {
        let (small, wide) = (path("small.safetensors"), path("wide.safetensors"));
        succeed(&mut lanegrad(["synth", &small, "--rows", "1500", "--cols", "21", "--dtype", dtype]));
        succeed(&mut lanegrad(["convert", &format!("{small}#X"), &wide, "--dtype", "f32"]));
        for arithmetic in ["f32", "f64"] {
            // Nothing is copied, which would be said.
            let small_fit = succeed(fit(&small, &of_small).args(["--arithmetic", arithmetic]));
            assert!(small_fit.contains(dtype), "{small_fit}");
            let labels = format!("{small}#y");
            let wide = ["fit", &wide, "--label-file", &labels, "--model", &of_wide, "--l2", "1e-3"];
            let said = says(lanegrad(wide).args(["--arithmetic", arithmetic, "--quiet"]));
            assert_eq!(said, "");
            assert_eq!(fs::read(&of_small).unwrap(), fs::read(&of_wide).unwrap(), "{dtype} in {arithmetic}");
            // Held so, whatever they were.
            says(fit(&small, &of_wide).args(["--arithmetic", arithmetic, "--dtype", "f32"]));
            assert_eq!(weights(&of_small), weights(&of_wide), "{dtype} in {arithmetic}");
        }
        let predict = |file: &str| succeed(&mut lanegrad(["predict", file, "--model", &of_small]));
        assert!(predict(&format!("{small}#X")) == predict(&wide));
    }
}

#[test]
fn rows_of_a_npy_are_mapped_in_small_types() {
    let directory = Directory::new();
    let path = |name: &str| directory.path(name);
    for dtype in ["f16", "i8", "u8"] {
        let (npy, tensors) = (path("x.npy"), path("x.safetensors"));
        for out in [&npy, &tensors] {
            succeed(&mut lanegrad(["synth", out, "--rows", "800", "--cols", "6", "--dtype", dtype]));
        }
        // The label is a column between the rows there, and a tensor here.
        let (of_npy, of_tensors) = (path("npy.json"), path("tensors.json"));
        let args = ["fit", &npy, "--label", "-1", "--model", &of_npy, "--l2", "1e-3", "--quiet"];
        assert_eq!(says(&mut lanegrad(args)), "");
        assert_eq!(says(&mut fit(&tensors, &of_tensors)), "");
        assert_eq!(weights(&of_npy), weights(&of_tensors), "{dtype}");
        // Back to the same bytes.
        let again = path("again.npy");
        succeed(&mut lanegrad(["convert", &npy, &again, "--dtype", dtype]));
        assert!(fs::read(&again).unwrap() == fs::read(&npy).unwrap());
    }
}

#[test]
fn conversion_rounds_floats_and_refuses_what_integers_have_not() {
    let directory = Directory::new();
    let path = |name: &str| directory.path(name);
    let csv = directory.file("x.csv", "a,b\n0.1,65504\n-2.000976563,3e-8\n,-0\n");
    let half = path("half.npy");
    assert_eq!(says(&mut lanegrad(["convert", &csv, &half, "--dtype", "f16"])), "1 missing cell is NaN\n");
    let bits = |bytes: &[u8]| bytes.chunks(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect::<Vec<_>>();
    assert_eq!(bits(&fs::read(&half).unwrap()[128..]), [0x2e66, 0x7bff, 0xc001, 0x0001, 0x7e00, 0x8000]);
    // The nearest bf16 of 0.1 is 0.10009765625; that of 65504 is 65536.
    let brain = path("brain.safetensors");
    says(&mut lanegrad(["convert", &csv, &brain, "--dtype", "bf16"]));
    let whole = fs::read(&brain).unwrap();
    let of_numbers = bits(&whole[whole.len() - 12..]);
    assert_eq!(of_numbers, [0x3dcd, 0x4780, 0xc000, 0x3301, 0x7fc0, 0x8000]);

    let out = path("out.npy");
    let whole = directory.file("whole.csv", "a,b\n-128,127\n0,5.0\n");
    succeed(&mut lanegrad(["convert", &whole, &out, "--dtype", "i8"]));
    assert_eq!(fs::read(&out).unwrap()[128..], [128, 127, 0, 5]);
    fs::remove_file(&out).unwrap();
    refuse(
        &mut lanegrad(["convert", &whole, &out, "--dtype", "u8"]),
        &["whole.csv", "line 2", "`-128` is no number of u8"],
    );
    let big = directory.file("big.csv", "a\n65520\n");
    refuse(&mut lanegrad(["convert", &big, &out, "--dtype", "f16"]), &["`65520` is too large for f16"]);
    for (file, words) in [(&csv, "`0.1` is no number of i8"), (&half, "is no number of i8")] {
        refuse(&mut lanegrad(["convert", file, &out, "--dtype", "i8"]), &[words]);
    }
    let missing = directory.file("missing.csv", "a,b\n1,\n");
    refuse(
        &mut lanegrad(["convert", &missing, &out, "--dtype", "i8"]),
        &["the cell is missing, and i8 has no number for that"],
    );
    refuse(
        &mut lanegrad(["convert", &whole, &out, "--dtype", "bf16"]),
        &["a `.npy` cannot hold bf16; a `.safetensors` can"],
    );
    refuse(
        &mut lanegrad(["synth", &out, "--rows", "3", "--dtype", "bf16"]),
        &["a `.npy` cannot hold bf16; a `.safetensors` can"],
    );
    assert!(!files(directory.0.path()).contains(&"out.npy".to_owned()), "nothing is half-written");
}

#[test]
fn tensors_that_do_not_fit_are_refused_in_words() {
    let directory = Directory::new();
    let path = |name: &str| directory.path(name);
    let (a, b, model) = (path("a.safetensors"), path("b.safetensors"), path("model.json"));
    for (out, rows) in [(&a, "50"), (&b, "40")] {
        succeed(&mut lanegrad(["synth", out, "--rows", rows, "--cols", "3", "--dtype", "bf16"]));
    }
    let fit = |data: &str, labels: &str| {
        lanegrad(["fit", data, "--label-file", labels, "--model", &model, "--l2", "1", "--quiet"])
    };
    let (y, other) = (format!("{a}#y"), format!("{b}#y"));
    refuse(&mut fit(&a, &other), &["b.safetensors#y", "40", "50"]);
    refuse(
        &mut fit(&format!("{a}#Z"), &y),
        &["it has no tensor `Z`: it has `X` (BF16 [50, 3]), `y` (U8 [50])"],
    );
    // The only matrix of three columns: no labels.
    refuse(&mut fit(&a, &a), &["a.safetensors", "column"]);
    refuse(&mut fit(&y, &y), &["it has one dimension, and is not a matrix"]);
    let npy = case("int8.npy");
    refuse(&mut fit(&format!("{npy}#X"), &y), &["int8.npy is no file of safetensors"]);
    // The file that rows are read from is not written to, whatever tensor is named.
    let data = format!("{a}#X");
    let args = ["fit", &data, "--label-file", &y, "--model", &a, "--l2", "1"];
    refuse(&mut lanegrad(args), &["it is the same file as the input"]);
    assert!(!files(directory.0.path()).contains(&"model.json".to_owned()));
    // The only matrix needs no name.
    succeed(&mut fit(&a, &y));
}
