//! Numbers of 16 and 8 bits, in `.npy` and in `.safetensors`: the model is that of the same numbers held as f32.

use crate::support::{
    Directory, case, data, files, json, lanegrad, numbers, printed, refuse, says, succeed, weights,
};
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
    for text in ["a\n65520\n", "a,b\n65520,1\n", "a,b\n65520.0,1\n"] {
        let big = directory.file("big.csv", text);
        let words = ["big.csv, line 2, column 1", "is too large for f16"];
        refuse(&mut lanegrad(["convert", &big, &out, "--dtype", "f16"]), &words);
    }
    let missing = directory.file("missing.csv", "a,b\n1,\n");
    refuse(
        &mut lanegrad(["convert", &missing, &out, "--dtype", "i8"]),
        &["missing.csv", "1 missing cell", "i8"],
    );
    // Of fractions a fit in i8 makes no integers by itself.
    let table = directory.file("table.csv", "a,y\n0.5,1\n1,0\n");
    let args = ["fit", &table, "--label", "y", "--model", &out, "--l2", "1", "--dtype", "i8"];
    refuse(&mut lanegrad(args), &["table.csv", "line 2", "`0.5` is no number of i8"]);
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

/// The value, weights and bias of a fit.
fn found(args: &[&str], model: &str) -> (f64, Vec<f64>, f64) {
    let text = succeed(lanegrad(["fit", "--model", model, "--quiet", "--tol", "1e-10"]).args(args));
    let (weights, bias) = weights(model);
    let objective = printed(&text, "objective");
    (objective.split_whitespace().next().unwrap().parse().unwrap(), weights, bias)
}

#[test]
fn a_fit_of_quantised_columns_is_that_of_what_they_stand_for() {
    let directory = Directory::new();
    let path = |name: &str| directory.path(name);
    let csv = data("magic04.csv");
    for dtype in ["i8", "u8"] {
        let (npy, tensors, restored) = (path("q.npy"), path("q.safetensors"), path("x.npy"));
        let said = says(&mut lanegrad(["convert", &csv, &npy, "--dtype", dtype]));
        assert!(
            said.contains("10 of 11 columns are quantised") && said.contains("q.npy.scaling.json"),
            "{said}"
        );
        says(&mut lanegrad(["convert", &csv, &tensors, "--dtype", dtype]));
        succeed(&mut lanegrad(["convert", &npy, &restored, "--dtype", "f64"]));
        // Half a step off at most, of 255 in the range of a column.
        let ranges = json(format!("{npy}.scaling.json"));
        let (scales, all) = (numbers(&ranges["scales"]), fs::read(&restored).unwrap());
        let restored_numbers = all[128..].chunks(8).map(|x| f64::from_le_bytes(x.try_into().unwrap()));
        let text = fs::read_to_string(&csv).unwrap();
        let exact = text.lines().skip(1).flat_map(|line| line.split(',')).map(|x| x.parse::<f64>().unwrap());
        assert_eq!(restored_numbers.len(), 11 * text.lines().skip(1).count());
        for (i, (x, exact)) in restored_numbers.zip(exact).enumerate() {
            assert!((x - exact).abs() <= 0.5 * scales[i % 11].abs() * (1.0 + 1e-9), "{i}: {x}, {exact}");
        }
        for more in
            [&["--l2", "1e-3"][..], &["--l2", "1e-2", "--standardize"], &["--l2", "1e-3", "--no-bias"]]
        {
            let of = |file: &str| found(&[&[file, "--label", "-1"], more].concat(), &path("model.json"));
            let (quantised, same, plain) = (of(&npy), of(&tensors), of(&restored));
            assert_eq!(quantised, same);
            assert!((quantised.0 - plain.0).abs() < 1e-9, "{more:?}: {} and {}", quantised.0, plain.0);
            for (a, b) in quantised.1.iter().chain([&quantised.2]).zip(plain.1.iter().chain([&plain.2])) {
                assert!((a - b).abs() <= 1e-6 * (1.0 + b.abs()), "{more:?}: {a} and {b}");
            }
            let (quantised, plain) = (path("quantised.json"), path("plain.json"));
            for (model, file) in [(&quantised, &npy), (&plain, &restored)] {
                found(&[&[&**file, "--label", "-1"], more].concat(), model);
            }
            assert_eq!(json(&quantised)["quantization"]["scales"].as_array().unwrap().len(), 10);
            assert!(json(&plain).get("quantization").is_none());
            if more.contains(&"--standardize") {
                for field in ["means", "scales"] {
                    let of = |model: &str| numbers(&json(model)["standardization"][field]);
                    for (a, b) in of(&quantised).iter().zip(of(&plain)) {
                        assert!((a - b).abs() <= 1e-9 * b.abs(), "{field}: {a} and {b}");
                    }
                }
            }
            // A model is for what integers stand for: of them, and of those numbers themselves, it says the same.
            let predict = |file: &str| {
                let text = succeed(&mut lanegrad(["predict", file, "--model", &quantised]));
                text.lines().map(|p| p.parse::<f64>().unwrap()).collect::<Vec<_>>()
            };
            let (p, q) = (predict(&npy), predict(&restored));
            assert!(p.len() == q.len() && p.len() > 19_000, "{}", p.len());
            for (p, q) in p.iter().zip(q) {
                assert!((p - q).abs() < 1e-12, "{p} and {q}");
            }
        }
        // Kept as they are, or quantised anew.
        let again = path("again.npy");
        succeed(&mut lanegrad(["convert", &npy, &again, "--dtype", dtype]));
        assert!(fs::read(&again).unwrap() == fs::read(&npy).unwrap());
        assert_eq!(json(format!("{again}.scaling.json")), ranges);
        succeed(&mut lanegrad(["convert", &restored, &again]));
        assert!(!fs::exists(format!("{again}.scaling.json")).unwrap(), "what was there is gone");
    }
}

#[test]
fn scales_that_do_not_fit_are_refused_in_words() {
    let directory = Directory::new();
    let path = |name: &str| directory.path(name);
    let (npy, model) = (path("q.npy"), path("model.json"));
    let csv = directory.file("x.csv", "a,b,y\n0.5,1,1\n1.5,-1,0\n0.25,0,0\n-1,3,1\n");
    says(&mut lanegrad(["convert", &csv, &npy, "--dtype", "i8"]));
    let fit = |data: &[&str], label: &str| {
        let mut command = lanegrad(["fit", "--label", label, "--model", &model, "--l2", "1", "--quiet"]);
        command.args(data);
        command
    };
    let scaling = format!("{npy}.scaling.json");
    let whole = fs::read_to_string(&scaling).unwrap();
    refuse(&mut fit(&[&npy], "0"), &["q.npy, column 1 (`0`): the labels are quantised"]);
    for (text, words) in [
        (r#"{"scales":[1,1],"offsets":[0,0]}"#, "it has 2 scales for 3 columns"),
        (r#"{"scales":[1,0,1],"offsets":[0,0,0]}"#, "scale"),
        (r#"{"scales":[1,1,1],"offsets":[0,0]}"#, "offsets"),
        ("{", "it is no scaling of columns"),
    ] {
        fs::write(&scaling, text).unwrap();
        refuse(&mut fit(&[&npy], "2"), &["cannot read", "q.npy.scaling.json", words]);
    }
    fs::write(&scaling, whole).unwrap();
    let other = path("other.npy");
    fs::copy(&npy, &other).unwrap();
    refuse(&mut fit(&[&npy, &other], "2"), &["other.npy and", "are not quantised with the same scales"]);
    assert!(!files(directory.0.path()).contains(&"model.json".to_owned()));
    // The numbers that there are scales for are no integers any more; or they are gone, which is said.
    let doubles = directory.npy("q.npy", 3, &[0.5, 1.0, 0.0, 1.5, 2.0, 1.0]);
    refuse(&mut fit(&[&doubles], "2"), &["q.npy.scaling.json", "of integers of 8 bits, and it has none"]);
    fs::copy(&other, &npy).unwrap();
    succeed(&mut fit(&[&npy], "2"));
    let said = says(&mut lanegrad(["predict", &other, "--model", &model]));
    assert!(said.contains("other.npy has no scales: its integers are taken as they are"), "{said}");
    // They are an input too.
    for args in [
        &["fit", &npy, "--label", "2", "--l2", "1", "--model", &scaling][..],
        &["fit", &npy, "--label", "2", "--l2", "1", "--model", &model, "--checkpoint", &scaling],
        &["predict", &npy, "--model", &model, "--out", &scaling],
        &["convert", &npy, &scaling],
    ] {
        refuse(&mut lanegrad(args), &["q.npy.scaling.json: it is the same file as the input"]);
    }
    let labels = directory.path("y.npy");
    fs::copy(&npy, &labels).unwrap();
    fs::copy(&scaling, format!("{labels}.scaling.json")).unwrap();
    let predict = ["predict", &npy, "--model", &model, "--label", "0"];
    refuse(&mut lanegrad(predict), &["q.npy: the labels are quantised"]);
    // What is in the way, and is no scaling, stays.
    let (clean, mine) = (path("clean.npy"), directory.file("clean.npy.scaling.json", "mine"));
    refuse(&mut lanegrad(["convert", &csv, &clean]), &["is in the way: it is no scaling of columns"]);
    assert_eq!(fs::read(&mine).unwrap(), b"mine");
    #[cfg(unix)]
    {
        // Scales are beside the file, and not beside a link to it.
        fs::create_dir(path("d")).unwrap();
        let (file, link) = (path("d/file.npy"), path("link.npy"));
        std::os::unix::fs::symlink(&file, &link).unwrap();
        says(&mut lanegrad(["convert", &csv, &link, "--dtype", "i8"]));
        assert!(fs::exists(format!("{file}.scaling.json")).unwrap());
        assert!(!fs::exists(format!("{link}.scaling.json")).unwrap());
        let [of_file, of_link] =
            [&file, &link].map(|data| found(&[data, "--label", "2", "--l2", "1"], &model));
        assert_eq!(of_file, of_link);
    }
    // A stream cannot be read twice.
    let command = format!("cat '{csv}' | \"$LANEGRAD\" convert - '{}' --dtype i8", path("p.npy"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &command]).env("LANEGRAD", env!("CARGO_BIN_EXE_lanegrad"));
    if cfg!(unix) {
        refuse(&mut shell, &["standard input is no file: for numbers of i8 it is read twice"]);
    }
}
