//! Data, models and options that are refused.

use crate::support::{Directory, files, fit, header, lanegrad, refuse, succeed};
use std::fs;
use std::path::Path;

#[test]
fn bad_data_are_refused_by_file_line_and_column() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    let before = |name: &str, content: &[u8], words: &[&str]| {
        let path = directory.file(name, content);
        refuse(&mut fit(&path, "y", &model), words);
        fs::remove_file(path).unwrap();
    };
    before("a.csv", b"x,z\n1,0\n", &["a.csv: there is no column `y`", "`x`, `z`"]);
    before("a.csv", b"x,y\n1,0\nred,1\n", &["a.csv, line 3, column 1 (`x`): `red` is not a number"]);
    before("a.csv", b"x,y\n1,0\n,1\n", &["a.csv: 1 missing cell, in line 3, column 1 (`x`)"]);
    before("a.csv", b"x,y\n1,0\n2\n", &["a.csv, line 3: 1 cell, but 2 columns"]);
    before("a.csv", b"x,y\n1,0\n\n2,3\n", &["a.csv, line 4, column 2 (`y`)", "label 3"]);
    before("a.csv", b"x,y\n1,0.5\n2,-1\n", &["a.csv, line 3, column 2 (`y`)", "label -1"]);
    before("a.csv", b"x,y\n1,0\n2,nan\n", &["a.csv, line 3, column 2 (`y`)", "missing (`nan`)"]);
    before("a.csv", b"x,y\n1,0\ninf,1\n", &["a.csv, line 3, column 1 (`x`): `inf` is not finite"]);
    before("a.csv", b"x,y\n", &["a.csv has no rows"]);
    before("a.csv", b"", &["a.csv is empty"]);
    before("a.csv", b"y\n1\n", &["there is no column of features"]);
    before("a.npy", &header("<c16", "True", "(1, 2)"), &["a.npy", "complex numbers (`<c16`)"]);
    before("a.npy", &header("<f8", "True", "(2, 1, 2)"), &["a.npy", "(2, 1, 2), not that of a matrix"]);
    before("a.npy", &header("<f8", "False", "(9, 2)"), &["a.npy", "truncated"]);
    before("a.npy", &header("<f8", "False", "(9, 2)")[..40], &["a.npy", "header is truncated"]);
    before("a.npy", b"x,y\n1,2\n", &["a.npy", "not a NumPy file"]);
    for (descr, columns) in [("<i8", 2), ("<f8", 2), ("<f4", 3)] {
        let empty = directory.file("a.npy", header(descr, "False", &format!("(0, {columns})")));
        refuse(&mut fit(&empty, "0", &model), &["a.npy has no rows"]);
        fs::remove_file(empty).unwrap();
    }
    let weighted = directory.file("w.csv", "x,y,s\n1,0,1\n2,1,-1\n");
    refuse(
        fit(&weighted, "y", &model).args(["--sample-weight", "s"]),
        &["w.csv, line 3, column 3 (`s`)", "weight -1"],
    );
    refuse(fit(&weighted, "y", &model).args(["--sample-weight", "y"]), &["same column, `y`"]);
    refuse(&mut fit(&directory.path("none.csv"), "y", &model), &["cannot read", "none.csv"]);
    refuse(fit(&weighted, "y", &model).args(["--l2", "nan"]), &["--l2"]);
    refuse(fit(&weighted, "y", &model).args(["--arithmetic", "f32", "--dtype", "f64"]), &["--dtype f64"]);
    refuse(fit(&weighted, "y", &model).env("LANEGRAD_ISA", "mmx"), &["LANEGRAD_ISA=mmx"]);
    refuse(&mut fit(&weighted, "y", &directory.path("w.csv/m.json")), &["cannot write"]);
    assert_eq!(files(directory.0.path()), ["w.csv"]);
}

#[test]
fn models_and_data_that_do_not_go_together_are_refused() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    let train = directory.file("train.csv", "a,b,y\n1,2,0\n2,1,1\n0,1,1\n1,1,0\n");
    succeed(fit(&train, "y", &model).args(["--l2", "1"]));
    let predict = |data: &str, model: &str| {
        let mut command = lanegrad(["predict", data, "--model", model]);
        command.args(["--out", &directory.path("out")]);
        command
    };
    let fewer = directory.file("fewer.csv", "a,y\n1,0\n");
    refuse(&mut predict(&fewer, &model), &["fewer.csv", "`b`"]);
    let twice = directory.file("twice.csv", "a,b,b\n1,0,3\n");
    refuse(&mut predict(&twice, &model), &["twice.csv: two columns are called `b`"]);
    let narrow = directory.npy("narrow.npy", 1, &[1.0]);
    refuse(&mut predict(&narrow, &model), &["narrow.npy", "1 column,", "2"]);
    let none = directory.file("none.csv", "a,b\n");
    refuse(&mut predict(&none, &model), &["none.csv has no rows"]);
    let late = directory.file("late.csv", "a,b\n1,2\n1,x\n");
    refuse(&mut predict(&late, &model), &["late.csv, line 3, column 2 (`b`)"]);
    let text = fs::read_to_string(&model).unwrap();
    let broken = [
        ("half.json", text[..text.len() / 2].to_owned()),
        ("empty.json", String::new()),
        ("schema.json", text.replace("\"schema\": 2", "\"schema\": 9")),
        ("names.json", text.replace("\"a\"", "\"b\"")),
    ];
    for (name, content) in broken {
        let path = directory.file(name, content);
        refuse(&mut predict(&train, &path), &[name, "is not a model"]);
    }
    assert!(!Path::new(&directory.path("out")).exists());
}

#[test]
fn models_of_schema_1_are_read() {
    let directory = Directory::new();
    let old = crate::support::data("model_schema_1.json");
    let new = directory.file("new.csv", "b,y,a\n2,0,1\n1,1,2\n3,0,0\n");
    let out = succeed(&mut lanegrad(["predict", &new, "--model", &old]));
    let z = [0.25 - 2.0 * 0.5 - 0.125, 2.0 * 0.25 - 0.5 - 0.125, -3.0 * 0.5 - 0.125];
    for (line, z) in out.lines().zip::<[f64; 3]>(z) {
        let p: f64 = line.parse().unwrap();
        assert!((p - 1.0 / (1.0 + (-z).exp())).abs() < 1e-15, "{p}");
    }
    assert_eq!(out.lines().count(), 3);
    let gap = directory.file("gap.csv", "a,b\n1,\n");
    refuse(
        &mut lanegrad(["predict", &gap, "--model", &old]),
        &["gap.csv, line 2, column 2 (`b`): the cell is empty"],
    );
}

#[test]
fn a_header_of_millions_of_columns_is_refused_before_they_have_names() {
    let directory = Directory::new();
    let data = directory.file("commas.csv", "x,y".to_owned() + &",".repeat(1 << 21) + "\n1,0\n");
    refuse(
        &mut fit(&data, "y", &directory.path("m.json")),
        &["commas.csv, line 1", "2097154 columns are more than"],
    );
}
