//! Columns by name and number: which are features, and which are not.

use crate::support::{Directory, Run, case, fit, json, lanegrad, refuse, run, says, succeed, weights};

#[test]
fn names_find_their_columns() {
    let directory = Directory::new();
    let train = directory.file("train.csv", "y,\"a, b\",c\r\n1,0.5,2\r\n0,-1,1\r\n1,2,-1\r\n0,0,0\r\n");
    let other = directory.file("other.csv", "c,\"a, b\"\n2,0.5\n1,-1\n-1,2\n0,0\n");
    let model = directory.path("model.json");
    succeed(fit(&train, "y", &model).args(["--l2", "0.1"]));
    let same = succeed(&mut lanegrad(["predict", "--model", &model, &train]));
    assert_eq!(same, succeed(&mut lanegrad(["predict", "--model", &model, &other])));
}

#[test]
fn columns_that_are_no_features_may_lie_between_them() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    let numbers = [0.5, 1.0, 2.0, -1.0, 0.0, 1.0, 2.0, 1.0, -1.0, 0.1, 0.0, 0.2];
    let train = directory.npy("train.npy", 3, &numbers);
    succeed(fit(&train, "1", &model).args(["--l2", "0.1"]));
    let want = succeed(&mut lanegrad(["predict", &train, "--model", &model]));
    // The labels of new rows are not known.
    let unknown = [0.5, f64::NAN, 2.0, -1.0, f64::NAN, 1.0, 2.0, f64::INFINITY, -1.0, 0.1, f64::NAN, 0.2];
    let unknown = directory.npy("unknown.npy", 3, &unknown);
    assert_eq!(succeed(&mut lanegrad(["predict", &unknown, "--model", &model])), want);
    let features = directory.npy("features.npy", 2, &[0.5, 2.0, -1.0, 1.0, 2.0, -1.0, 0.1, 0.2]);
    assert_eq!(succeed(&mut lanegrad(["predict", &features, "--model", &model])), want);
}

#[test]
fn a_column_without_a_name_is_kept_or_ignored_by_choice() {
    let directory = Directory::new();
    let (model, without) = (directory.path("model.json"), directory.path("without.json"));
    let index = case("nameless_index.csv");
    refuse(
        &mut fit(&index, "y", &model),
        &["nameless_index.csv: column 1 has no name", "in the header line", "`--ignore 0`"],
    );
    assert_eq!(says(fit(&index, "y", &model).args(["--ignore", "0", "--l2", "0.1"])), "");
    let text = std::fs::read_to_string(&index).unwrap();
    let rows: Vec<&str> = text.lines().map(|line| line.split_once(',').unwrap().1).collect();
    let plain = directory.file("plain.csv", rows.join("\n"));
    succeed(fit(&plain, "y", &without).args(["--l2", "0.1"]));
    assert_eq!(weights(&model), weights(&without));
    assert_eq!(json(&model)["columns"], serde_json::json!(["x"]));
    // New data have the column or not.
    let predict = |data: &str| run(&mut lanegrad(["predict", data, "--model", &model]));
    let Run { stdout, stderr, .. } = predict(&index);
    assert_eq!(stderr, "the model does not use `column 1`\n");
    assert_eq!(stdout, predict(&plain).stdout);
    let npy = directory.path("a.npy");
    refuse(&mut lanegrad(["convert", &index, &npy]), &["column 1 has no name"]);
    let said = succeed(&mut lanegrad(["convert", &index, &npy, "--ignore", "0", "--ignore", "y"]));
    assert!(said.contains("rows of 1 columns, of which the last (-1) was `x`"), "{said}");
}

#[test]
fn empty_columns_without_a_name_at_the_end_are_dropped() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    let trailing = case("trailing_delimiter.csv");
    let said = says(fit(&trailing, "y", &model).args(["--l2", "0.1"]));
    assert_eq!(said, "column 4 has no name, and all its cells are empty: it is dropped\n");
    let plain = directory.file("plain.csv", "a,b,y\n1,2,0\n2,1,1\n3,3,0\n4,1,1\n");
    let found = weights(&model);
    // The last column is the last that has a name.
    succeed(fit(&trailing, "-1", &model).args(["--l2", "0.1"]));
    assert_eq!(weights(&model), found);
    succeed(fit(&plain, "y", &model).args(["--l2", "0.1"]));
    assert_eq!(weights(&model), found);
    let full = directory.file("full.csv", "a,b,y,\n1,2,0,\n2,1,1,7\n");
    refuse(&mut fit(&full, "y", &model), &["full.csv, line 3, column 4: `7`", "`--ignore 3`"]);
    succeed(fit(&full, "y", &model).args(["--ignore", "3", "--l2", "0.1"]));
}

#[test]
fn ignored_columns_may_hold_anything() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    refuse(&mut fit(&case("id_train.csv"), "y", &model), &["line 2, column 1 (`id`): `r1` is not a number"]);
    assert_eq!(says(fit(&case("id_train.csv"), "y", &model).args(["--ignore", "id", "--l2", "0.1"])), "");
    assert_eq!(json(&model)["ignored"], serde_json::json!(["id"]));
    let plain = directory.file("plain.csv", "a,b,y\n1,2,0\n2,1,1\n3,3,0\n4,1,1\n0,4,1\n1,1,0\n");
    let without = directory.path("without.json");
    succeed(fit(&plain, "y", &without).args(["--l2", "0.1"]));
    assert_eq!(weights(&model), weights(&without));

    let Run { status, stdout, stderr } =
        run(&mut lanegrad(["predict", &case("id_new.csv"), "--model", &model]));
    assert_eq!((status, stdout.lines().count()), (Some(0), 2), "{stderr}");
    assert_eq!(stderr, "the model does not use `id`\n");
    // Labels and sample weights of the training are not worth a word.
    let Run { stderr, .. } = run(&mut lanegrad(["predict", &plain, "--model", &model]));
    assert_eq!(stderr, "");
    // Names do not reach a terminal as they are.
    let odd = directory.file("odd.csv", "a,b,\u{1b}[31m\n1,2,x\n");
    let Run { stderr, .. } = run(&mut lanegrad(["predict", &odd, "--model", &model]));
    assert_eq!(stderr, "the model does not use `\\u{1b}[31m`\n");

    refuse(fit(&plain, "y", &model).args(["--ignore", "z"]), &["there is no column `z`"]);
    refuse(fit(&plain, "y", &model).args(["--ignore", "y"]), &["`y` is the label"]);
    refuse(fit(&plain, "y", &model).args(["--ignore", "a", "--ignore", "1"]), &["no column of features"]);
    let twice = directory.file("twice.csv", "a,a,y\n1,x,0\n2,x,1\n");
    refuse(&mut fit(&twice, "y", &model), &["two columns are called `a`", "`--ignore 1`"]);
    assert_eq!(says(fit(&twice, "y", &model).args(["--ignore", "1", "--l2", "0.1"])), "");
}

#[test]
fn a_file_without_names_has_the_columns_of_the_training_or_of_the_model() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    let numbers = [9.0, 0.5, 1.0, 2.0, 7.0, -1.0, 0.0, 1.0, 9.0, 2.0, 1.0, -1.0, 5.0, 0.1, 0.0, 0.2];
    let train = directory.npy("train.npy", 4, &numbers);
    succeed(fit(&train, "2", &model).args(["--ignore", "0", "--l2", "0.1"]));
    let predict = |data: &str| succeed(&mut lanegrad(["predict", data, "--model", &model]));
    let want = predict(&train);
    let rows = || numbers.chunks(4);
    let features: Vec<f64> = rows().flat_map(|row| [row[1], row[3]]).collect();
    assert_eq!(predict(&directory.npy("features.npy", 2, &features)), want);
    let three: Vec<f64> = rows().flat_map(|row| row[1..].to_vec()).collect();
    refuse(
        &mut lanegrad(["predict", &directory.npy("three.npy", 3, &three), "--model", &model]),
        &["three.npy: 3 columns, but the model has 2"],
    );
    let labelled = directory.npy("three.npy", 3, &three);
    let out = succeed(&mut lanegrad(["predict", &labelled, "--model", &model, "--label", "1"]));
    assert_eq!(out, want);
    // Ignored columns between the features are never looked at.
    let unknown: Vec<f64> = rows().flat_map(|row| [f64::NAN, row[1], f64::INFINITY, row[3]]).collect();
    assert_eq!(predict(&directory.npy("unknown.npy", 4, &unknown)), want);
}

#[test]
fn ignored_columns_of_a_mapped_file_may_hold_anything() {
    let directory = Directory::new();
    let (model, without) = (directory.path("model.json"), directory.path("without.json"));
    let numbers =
        [0.5, f64::NAN, 2.0, 1.0, -1.0, 1.0, 1.0, 0.0, 2.0, 3.0, -1.0, 1.0, 0.1, f64::INFINITY, 0.2, 0.0];
    let between = directory.npy("between.npy", 4, &numbers);
    let said = says(fit(&between, "-1", &model).args(["--ignore", "1", "--l2", "0.1"]));
    assert_eq!(
        said,
        "the data are held in memory, not mapped, as a column between the features has numbers that are not finite\n"
    );
    let rest: Vec<f64> = numbers.chunks(4).flat_map(|row| [row[0], row[2], row[3]]).collect();
    succeed(fit(&directory.npy("rest.npy", 3, &rest), "-1", &without).args(["--l2", "0.1"]));
    assert_eq!(weights(&model), weights(&without));
    let finite = directory.npy("finite.npy", 4, &numbers.map(|x| if x.is_finite() { x } else { 4.0 }));
    assert_eq!(says(fit(&finite, "-1", &model).args(["--ignore", "1", "--l2", "0.1"])), "");
    let (mapped, held) = (weights(&model), weights(&without));
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
    assert!(mapped.0.iter().zip(&held.0).all(|(&a, &b)| close(a, b)) && close(mapped.1, held.1));
}

/// A file without names whose columns are those of the training is read as that was.
#[test]
fn a_feature_is_not_taken_for_the_label() {
    let directory = Directory::new();
    let model = directory.path("m.json");
    let numbers = [0.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 3.0, 1.0, 1.0, 0.5, 0.0];
    let train = directory.npy("train.npy", 3, &numbers);
    succeed(fit(&train, "0", &model).args(["--l2", "1"]));
    succeed(&mut lanegrad(["predict", &train, "--model", &model, "--label", "0"]));
    refuse(
        &mut lanegrad(["predict", &train, "--model", &model, "--label", "2"]),
        &["uses the column of the labels"],
    );
}

#[test]
fn names_of_columns_never_reach_the_terminal_raw() {
    let directory = Directory::new();
    let rows: String =
        (0..20).map(|i| format!("{},{}\n", 1_700_000_000 + 128 * i, (i * 7 + i / 5) % 2)).collect();
    let data = directory.file("esc.csv", format!("\u{1b}[31mred,y\n{rows}"));
    let mut fit = fit(&data, "y", &directory.path("m.json"));
    let stderr = run(fit.args(["--arithmetic", "f32"])).stderr;
    assert!(stderr.contains(r"the column `\u{1b}[31mred`") && !stderr.contains('\u{1b}'), "{stderr}");
}
