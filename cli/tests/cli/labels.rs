//! Labels: what counts 1, in a column or in a file of their own.

use crate::support::{
    Directory, Run, case, fit, header, json, lanegrad, printed, refuse, run, says, succeed, weights,
};
use std::fs;

#[test]
fn labels_of_minus_one_are_said_to_stand_for_zero() {
    let directory = Directory::new();
    let (signed, plain) = (directory.path("signed.json"), directory.path("plain.json"));
    let minus = directory.file("minus.csv", "x,y\n1,1\n2,-1\n3,1\n0,-1\n");
    let zero = directory.file("zero.csv", "x,y\n1,1\n2,0\n3,1\n0,0\n");
    let Run { status, stderr, .. } = run(&mut fit(&minus, "y", &signed));
    assert_eq!((status, stderr.as_str()), (Some(0), "labels of -1 stand for 0\n"));
    succeed(&mut fit(&zero, "y", &plain));
    assert_eq!(fs::read(&signed).unwrap(), fs::read(&plain).unwrap());
}

/// The features of the cases, and their labels as 0 and 1.
const PLAIN: &str = "a,b,y\n1,2,0\n2,1,1\n3,3,0\n4,1,1\n0,4,1\n1,1,0\n";

#[test]
fn a_positive_value_counts_one() {
    let directory = Directory::new();
    let (model, plain) = (directory.path("model.json"), directory.path("plain.json"));
    succeed(fit(&directory.file("plain.csv", PLAIN), "y", &plain).args(["--l2", "0.1"]));
    let signs = directory.file("signs.csv", PLAIN.replace(",1\n", ",-2\n").replace(",0\n", ",7\n"));
    for (file, positive) in [
        (case("labels_1_2.csv"), "2"),
        (case("labels_1_2.csv"), "2.0"),
        (case("labels_text.csv"), "yes"),
        (case("labels_bool.csv"), "True"),
        (case("labels_bool.csv"), "true"),
        (signs, "-2"),
    ] {
        assert_eq!(says(fit(&file, "y", &model).args(["--l2", "0.1", "--positive", positive])), "");
        assert_eq!(weights(&model), weights(&plain), "{file}, {positive}");
        assert_eq!(json(&model)["positive"], positive);
        // The model knows it.
        let Run { stderr, .. } = run(&mut lanegrad(["predict", &file, "--model", &model, "--label", "y"]));
        let Run { stderr: want, .. } =
            run(&mut lanegrad(["predict", &directory.path("plain.csv"), "--model", &plain, "--label", "y"]));
        assert!(stderr == want && printed(&stderr, "accuracy").ends_with("of 6)"), "{stderr}{want}");
    }
    // The other way round.
    succeed(fit(&case("labels_text.csv"), "y", &model).args(["--l2", "0.1", "--positive", "no"]));
    let ((flipped, _), (plain, _)) = (weights(&model), weights(&plain));
    assert!(flipped.iter().zip(&plain).all(|(a, b)| (a + b).abs() < 1e-6), "{flipped:?}, {plain:?}");
}

#[test]
fn truth_is_one_without_a_word() {
    let directory = Directory::new();
    let (model, plain) = (directory.path("model.json"), directory.path("plain.json"));
    succeed(fit(&directory.file("plain.csv", PLAIN), "y", &plain).args(["--l2", "0.1"]));
    assert_eq!(says(fit(&case("labels_bool.csv"), "y", &model).args(["--l2", "0.1"])), "");
    assert_eq!(fs::read(&model).unwrap(), fs::read(&plain).unwrap());
}

#[test]
fn two_other_values_are_named_with_the_option() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    refuse(
        &mut fit(&case("labels_1_2.csv"), "y", &model),
        &["labels_1_2.csv, line 3, column 3 (`y`)", "`1` and `2`", "`--positive '2'`"],
    );
    refuse(
        &mut fit(&case("labels_text.csv"), "y", &model),
        &["labels_text.csv, line 2, column 3 (`y`)", "`no` and `yes`", "`--positive 'yes'`"],
    );
    let three = directory.file("three.csv", "x,y\n1,0\n2,1\n3,2\n");
    refuse(
        &mut fit(&three, "y", &model),
        &["three.csv, line 4, column 2 (`y`): the label 2", "--positive VALUE"],
    );
    refuse(
        fit(&three, "y", &model).args(["--positive", "5"]),
        &["three.csv, column 2 (`y`): no label is `5`, but `0`, `1`, `2`"],
    );
    refuse(fit(&three, "y", &model).args(["--positive", "NA"]), &["`NA`", "missing label"]);
    assert_eq!(says(fit(&three, "y", &model).args(["--positive", "1", "--l2", "1"])), "");
    // A label that does not fit is found after the rows were scored.
    succeed(fit(&directory.file("plain.csv", PLAIN), "y", &model).args(["--l2", "0.1"]));
    refuse(
        lanegrad(["predict", &case("labels_text.csv"), "--model", &model, "--label", "y"])
            .args(["--out", &directory.path("out")]),
        &["labels_text.csv, line 2, column 3 (`y`)", "`no` and `yes`"],
    );
    assert!(!fs::exists(directory.path("out")).unwrap());
}

#[test]
fn a_missing_label_is_always_an_error() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    let gap = directory.file("gap.csv", "x,y\n1,a\n2,b\n3,\n");
    for more in [&[][..], &["--positive", "a"], &["--missing", "mean"]] {
        refuse(fit(&gap, "y", &model).args(more), &["gap.csv, line 4, column 2 (`y`): the label is missing"]);
    }
    refuse(
        fit(&case("empty_rows.csv"), "y", &model).args(["--missing", "mean"]),
        &["empty_rows.csv, line 4, column 3 (`y`): the label is missing"],
    );
    let array = directory.npy("gap.npy", 2, &[1.0, 0.0, 2.0, f64::NAN]);
    refuse(&mut fit(&array, "-1", &model), &["gap.npy, row 2, column 2 (`1`): the label is missing"]);
}

#[test]
fn labels_have_a_file_of_their_own() {
    let directory = Directory::new();
    let (model, plain) = (directory.path("model.json"), directory.path("plain.json"));
    succeed(fit(&directory.file("plain.csv", PLAIN), "y", &plain).args(["--l2", "0.1"]));
    let features = directory.file("features.csv", "a,b\n1,2\n2,1\n3,3\n4,1\n0,4\n1,1\n");
    let vector = [header("|i1", "False", "(6,)"), vec![0, 1, 0, 1, 1, 0]].concat();
    let truths = [header("|b1", "False", "(6, 1)"), vec![0, 1, 0, 1, 1, 0]].concat();
    for labels in [
        directory.file("vector.npy", &vector),
        directory.file("truths.npy", truths),
        directory.file("labels.csv", "y\n0\n1\n0\n1\n1\n0\n\n"),
        directory.file("trailing.csv", "y,\n0,\n1,\n0,\n1,\n1,\n0,\n"),
    ] {
        let mut fit =
            lanegrad(["fit", &features, "--label-file", &labels, "--model", &model, "--l2", "0.1", "-q"]);
        assert_eq!(says(&mut fit), "", "{labels}");
        assert_eq!(weights(&model), weights(&plain), "{labels}");
        assert!(json(&model)["label"].is_null());
        let compared =
            says(&mut lanegrad(["predict", &features, "--label-file", &labels, "--model", &model]));
        let want =
            says(&mut lanegrad(["predict", &directory.path("plain.csv"), "--label", "y", "--model", &plain]));
        assert_eq!(compared, want, "{labels}");
    }
    let with_file = |labels: &str| lanegrad(["fit", &features, "--label-file", labels, "--model", &model]);
    let texts = directory.file("texts.csv", "class\nno\nyes\nno\nyes\nyes\nno\n");
    succeed(with_file(&texts).args(["--positive", "yes", "--l2", "0.1"]));
    assert_eq!(weights(&model), weights(&plain));
    refuse(with_file(&texts).args(["--positive", "x"]), &["texts.csv: no label is `x`"]);
    refuse(&mut with_file(&texts), &["texts.csv, line 2, column 1 (`class`)", "`no` and `yes`"]);

    let few = directory.file("few.csv", "y\n0\n1\n");
    refuse(&mut with_file(&few), &["few.csv has 2 labels, but", "features.csv has 6 rows"]);
    let out = directory.path("out");
    let predict =
        |data: &str| lanegrad(["predict", data, "--label-file", &few, "--model", &model, "--out", &out]);
    refuse(&mut predict(&features), &["few.csv has 2 labels, but", "features.csv has 6 rows"]);
    let array = directory.npy("array.npy", 2, &[1.0; 20]);
    refuse(&mut predict(&array), &["few.csv has 2 labels, but", "array.npy has 10 rows"]);
    assert!(!fs::exists(&out).unwrap());
    refuse(&mut with_file(&features), &["features.csv has 2 columns, and not the labels alone"]);
    let blank = directory.file("blank.csv", "y\n0\n1\n\n1\n1\n0\n");
    refuse(&mut with_file(&blank), &["blank.csv, line 4, column 1 (`y`): the label is missing"]);
    refuse(with_file(&few).args(["--label", "a"]), &["--label"]);
    refuse(&mut lanegrad(["fit", &features, "--model", &model]), &["--label"]);
    refuse(&mut fit(&directory.path("vector.npy"), "0", &model), &["vector.npy: it has one dimension"]);
    refuse(
        &mut lanegrad(["fit", "-", "--label-file", "-", "--model", &model]),
        &["cannot both come from standard input"],
    );
}
