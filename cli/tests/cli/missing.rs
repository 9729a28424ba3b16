//! Missing cells, and numbers that are not finite: refused with their place, or filled.

use crate::support::{
    Directory, Run, case, fit, json, lanegrad, numbers, refuse, run, says, succeed, weights,
};
use std::fs;

#[test]
fn missing_cells_are_refused_with_their_count_and_first_place() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    refuse(
        &mut fit(&case("missing.csv"), "y", &model),
        &["missing.csv: 3 missing cells, the first in line 3, column 1 (`a`): `NA`", "`--missing mean`"],
    );
    let npy = directory.path("missing.npy");
    assert_eq!(says(&mut lanegrad(["convert", &case("missing.csv"), &npy])), "3 missing cells are NaN\n");
    refuse(
        &mut fit(&npy, "-1", &model),
        &["missing.npy: 3 missing cells, the first in row 2, column 1 (`0`): `NaN`", "`--missing mean`"],
    );
    let rows = directory.file("rows.csv", "a,b,y\n1,2,0\n2,1,1\n,,0\n,,1\n");
    refuse(
        &mut fit(&rows, "y", &model),
        &["rows.csv: 4 missing cells, the first in line 4, column 1 (`a`): it is empty"],
    );
    let one = directory.file("one.csv", "x\n1\n\n3\n");
    let labels = directory.file("y.csv", "y\n1\n0\n1\n");
    refuse(
        &mut lanegrad(["fit", &one, "--label-file", &labels, "--model", &model]),
        &["one.csv: 1 missing cell, in line 3, column 1 (`x`): it is empty"],
    );
}

#[test]
fn missing_cells_are_filled_with_the_mean() {
    let directory = Directory::new();
    let (model, plain) = (directory.path("model.json"), directory.path("plain.json"));
    // The means of `a` (1, 3, 4, 0, 1) and of `b` (2, 1, 1, 1).
    let filled = directory.file("filled.csv", "a,b,y\n1,2,0\n1.8,1,1\n3,1.25,0\n4,1,1\n0,1.25,1\n1,1,0\n");
    succeed(fit(&filled, "y", &plain).args(["--l2", "0.1"]));
    let said = says(fit(&case("missing.csv"), "y", &model).args(["--l2", "0.1", "--missing", "mean"]));
    assert_eq!(said, "3 missing cells are filled with the means of their columns\n");
    assert_eq!(weights(&model), weights(&plain));
    assert_eq!(numbers(&json(&model)["missing"]), [1.8, 1.25]);
    assert!(json(&plain)["missing"].is_null());

    // New data are filled with the means of the training.
    let predict = |data: &str, model: &str| run(&mut lanegrad(["predict", data, "--model", model]));
    let Run { stdout, stderr, .. } = predict(&case("missing.csv"), &model);
    assert_eq!(
        stderr,
        "3 missing cells were filled with the mean that the model keeps\n".replace("mean ", "means ")
    );
    assert_eq!(stdout, predict(&filled, &plain).stdout);
    let npy = directory.path("missing.npy");
    succeed(&mut lanegrad(["convert", &case("missing.csv"), &npy]));
    let Run { stdout: of_npy, .. } = run(&mut lanegrad(["predict", &npy, "--label", "2", "--model", &model]));
    assert_eq!(of_npy, stdout);

    // A mapped file is copied, and that is said.
    let said = says(fit(&npy, "-1", &model).args(["--l2", "0.1", "--missing", "mean"]));
    assert!(
        said.contains("3 missing cells") && said.contains("held in memory, not mapped, as cells are filled")
    );
    assert_eq!(weights(&model), weights(&plain));
    // Nothing is missing: nothing is copied, and the means are kept all the same.
    succeed(&mut lanegrad(["convert", &filled, &npy]));
    assert_eq!(says(fit(&npy, "-1", &model).args(["--l2", "0.1", "--missing", "mean"])), "");
    let means = numbers(&json(&model)["missing"]);
    assert!((means[0] - 1.8).abs() < 1e-15 && (means[1] - 1.25).abs() < 1e-15, "{means:?}");
}

#[test]
fn means_count_rows_by_their_weight_in_the_type_that_is_held() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    let table = "x,y,s\n0.1,0,1\n0.4,1,2\n100,0,0\n,1,1\n0.3,0,1\n";
    let fit_it = |more: &[&str]| {
        let csv = directory.file("w.csv", table);
        let options = ["--sample-weight", "s", "--missing", "mean", "--l2", "1"];
        says(fit(&csv, "y", &model).args(options).args(more));
        numbers(&json(&model)["missing"])[0]
    };
    assert!((fit_it(&[]) - 0.3).abs() < 1e-15);
    assert_eq!(fit_it(&["--dtype", "f32"]), f64::from(0.3_f32));
    let none = directory.file("none.csv", "x,z,y\n,1,0\n,2,1\n");
    refuse(
        fit(&none, "y", &model).args(["--missing", "mean"]),
        &["none.csv, column 1 (`x`): no row that counts has a number"],
    );
}

#[test]
fn mapped_numbers_that_are_not_finite_are_found() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    // The columns are a feature, the label, another feature and the sample weight.
    let refuses = |numbers: &[f64], more: &[&str], words: &str| {
        let array = directory.npy("a.npy", 4, numbers);
        refuse(fit(&array, "1", &model).args(more), &["a.npy", words]);
    };
    let rows = |third: f64, weight: f64| {
        [1.0, 0.0, 2.0, 1.0, 2.0, 1.0, 1.0, 1.0, 0.5, 0.0, third, weight, 0.0, 1.0, 3.0, 1.0]
    };
    for weight in [1.0, 0.0] {
        let weighted = ["--sample-weight", "3"];
        refuses(&rows(nan, weight), &weighted, "1 missing cell, in row 3, column 3 (`2`): `NaN`");
        refuses(&rows(inf, weight), &weighted, "row 3, column 3 (`2`): inf is not finite");
        for more in [&[][..], &["--missing", "mean"]] {
            refuses(
                &rows(-inf, weight),
                &[&weighted[..], more].concat(),
                "row 3, column 3 (`2`): -inf is not finite",
            );
        }
    }
    // A row without weight changes no mean.
    let array = directory.npy("a.npy", 4, &rows(nan, 0.0));
    let options = ["--sample-weight", "3", "--missing", "mean", "--l2", "1"];
    let said = says(fit(&array, "1", &model).args(options));
    assert!(said.contains("1 missing cell is filled") && said.contains("held in memory"), "{said}");
    assert_eq!(numbers(&json(&model)["missing"]), [1.0, 2.0]);

    // A label that is infinite stands between the features.
    let (named, plain) = (directory.path("named.json"), directory.path("plain.json"));
    let infinite = directory.npy("inf.npy", 3, &[1.0, inf, 2.0, 2.0, 7.0, 1.0, 0.5, inf, 3.0, 0.0, 7.0, 2.5]);
    let said = says(fit(&infinite, "1", &named).args(["--positive", "7", "--l2", "1"]));
    assert!(said.contains("held in memory, not mapped, as a column between the features"), "{said}");
    let finite = directory.file("finite.csv", "a,y,b\n1,0,2\n2,1,1\n0.5,0,3\n0,1,2.5\n");
    succeed(fit(&finite, "y", &plain).args(["--l2", "1"]));
    assert_eq!(weights(&named), weights(&plain));
}

#[test]
fn predictions_need_every_number() {
    let directory = Directory::new();
    let (model, out) = (directory.path("model.json"), directory.path("out"));
    succeed(fit(&case("train_two.csv"), "y", &model).args(["--l2", "0.1"]));
    let predict = |data: &str| lanegrad(["predict", data, "--model", &model, "--label", "y", "--out", &out]);
    refuse(
        &mut predict(&case("predict_nan.csv")),
        &["predict_nan.csv, line 3, column 1 (`a`): `NaN` is missing, and the model has no value for it"],
    );
    refuse(
        &mut predict(&case("predict_overflow.csv")),
        &["predict_overflow.csv, line 3, column 1 (`a`): `1e400` is too large for f64"],
    );
    let infinite = directory.file("infinite.csv", "a,b\n1,2\n1,-inf\n");
    refuse(
        &mut lanegrad(["predict", &infinite, "--model", &model]),
        &["infinite.csv, line 3, column 2 (`b`): `-inf` is not finite"],
    );
    for (number, words) in [
        (f64::NAN, "row 2, column 1 (`0`): `NaN` is missing, and the model has no value for it"),
        (f64::NEG_INFINITY, "row 2, column 1 (`0`): -inf is not finite"),
    ] {
        let array = directory.npy("array.npy", 2, &[1.0, 2.0, number, number]);
        refuse(&mut lanegrad(["predict", &array, "--model", &model, "--out", &out]), &["array.npy", words]);
    }
    // Finite numbers may have a score that is not.
    let steep = fs::read_to_string(&model).unwrap();
    let weights: Vec<String> = weights(&model).0.iter().map(f64::to_string).collect();
    let steep = directory.file("steep.json", steep.replace(&weights[0], "2.5").replace(&weights[1], "-2.5"));
    let large = directory.file("large.csv", "a,b\n1,2\n\n1e308,1e308\n");
    refuse(
        &mut lanegrad(["predict", &large, "--model", &steep, "--out", &out]),
        &["large.csv, line 4: the score is not finite: the numbers are too large for the model"],
    );
    assert!(!fs::exists(&out).unwrap());

    succeed(fit(&case("train_one.csv"), "y", &model).args(["--l2", "0.1"]));
    refuse(
        &mut lanegrad(["predict", &case("one_column_blank.csv"), "--model", &model]),
        &["one_column_blank.csv, line 3, column 1 (`x`): the cell is empty"],
    );
}

#[test]
fn a_conversion_keeps_what_is_there() {
    let directory = Directory::new();
    let npy = directory.path("a.npy");
    let text = directory.file("a.csv", "a,b\n-inf,1\nNA,1e39\n");
    let said = says(&mut lanegrad(["convert", &text, &npy]));
    assert_eq!(said, "1 missing cell is NaN\n");
    let bytes = fs::read(&npy).unwrap();
    let numbers: Vec<f64> =
        bytes[128..].as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect();
    assert!(
        numbers[0] == f64::NEG_INFINITY && numbers[1] == 1.0 && numbers[2].is_nan() && numbers[3] == 1e39
    );
    let single = directory.path("single.npy");
    refuse(
        &mut lanegrad(["convert", &text, &single, "--dtype", "f32"]),
        &["a.csv, line 3, column 2 (`b`): `1e39` is too large for f32"],
    );
    refuse(
        &mut lanegrad(["convert", &npy, &single, "--dtype", "f32"]),
        &["a.npy, row 2, column 2 (`1`): 1e39 is too large for f32"],
    );
    assert!(!fs::exists(&single).unwrap());
    refuse(
        &mut lanegrad(["convert", &case("predict_overflow.csv"), &single]),
        &["predict_overflow.csv, line 3, column 1 (`a`): `1e400` is too large for f64"],
    );
    // So is a fit in another type than that of the file.
    let large = directory.npy("large.npy", 2, &[1.0, 0.0, 1e39, 1.0]);
    for option in ["--dtype", "--arithmetic"] {
        refuse(
            fit(&large, "-1", &directory.path("m.json")).args([option, "f32"]),
            &["large.npy, row 2, column 1 (`0`): 1e39 is too large for f32"],
        );
    }
}
