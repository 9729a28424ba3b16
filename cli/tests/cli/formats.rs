//! The formats of data: files of every kind give the model of the same numbers.

use crate::support::{Directory, case, data, fit, lanegrad, refuse, says, succeed, weights};
use std::fs;
use std::process::Stdio;

#[test]
fn every_format_gives_the_same_model() {
    let directory = Directory::new();
    let csv = data("magic04.csv");
    let (of_csv, of_npy) = (directory.path("csv.json"), directory.path("npy.json"));
    for dtype in ["f32", "f64"] {
        let npy = directory.path("magic.npy");
        succeed(&mut lanegrad(["convert", &csv, &npy, "--dtype", dtype]));
        succeed(fit(&csv, "gamma", &of_csv).args(["--l2", "1e-3", "--dtype", dtype]));
        succeed(fit(&npy, "-1", &of_npy).args(["--l2", "1e-3"]));
        assert_eq!(weights(&of_csv), weights(&of_npy), "{dtype}");
        // Columns without names are taken by their place, and the label is known by its number.
        let by_npy = succeed(&mut lanegrad(["predict", "--model", &of_npy, &npy]));
        assert!(by_npy == succeed(&mut lanegrad(["predict", "--model", &of_csv, &npy, "--label", "10"])));
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_is_read_as_the_same_numbers() {
    let directory = Directory::new();
    let csv = "x,n,flag,y\n0.5,2,1,1\n-1,1,0,0\n2,-1,1,1\n0,0,0,0\n1.5,3,1,0\n";
    let csv = directory.file("small.csv", csv);
    let (of_csv, of_parquet) = (directory.path("csv.json"), directory.path("parquet.json"));
    succeed(fit(&csv, "y", &of_csv).args(["--l2", "0.1"]));
    succeed(fit(&data("small.parquet"), "y", &of_parquet).args(["--l2", "0.1"]));
    assert_eq!(fs::read(&of_csv).unwrap(), fs::read(&of_parquet).unwrap());
    let predict = |data: &str| succeed(&mut lanegrad(["predict", data, "--model", &of_parquet]));
    assert_eq!(predict(&csv), predict(&data("small.parquet")));
    let torn = &fs::read(data("small.parquet")).unwrap()[..200];
    let torn = directory.file("torn.parquet", torn);
    refuse(&mut fit(&torn, "y", &of_csv), &["cannot read", "torn.parquet"]);
}

#[cfg(not(feature = "parquet"))]
#[test]
fn without_its_feature_parquet_is_refused() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    refuse(
        &mut fit(&data("small.parquet"), "y", &model),
        &["small.parquet", "without the feature `parquet`"],
    );
}

/// The model of a file, with a penalty as its rows are few.
fn model_of(directory: &Directory, path: &str, label: &str, more: &[&str]) -> (Vec<f64>, f64) {
    let model = directory.path("model.json");
    assert_eq!(says(fit(path, label, &model).args(["--l2", "0.1"]).args(more)), "", "{path}");
    weights(&model)
}

const NUMBERS: [f64; 18] = [1., 2., 0., 2., 1., 1., 3., 3., 0., 4., 1., 1., 0., 4., 1., 1., 1., 0.];

#[test]
fn every_type_of_numpy_gives_the_model_of_the_same_numbers() {
    let directory = Directory::new();
    let doubles = directory.npy("doubles.npy", 3, &NUMBERS);
    let truths = directory.npy("truths.npy", 3, &NUMBERS.map(|x| x.min(1.0)));
    let converted = directory.path("converted.npy");
    for name in ["int64", "int32", "int8", "uint8", "bool", "float16", "big_endian", "fortran"] {
        let file = case(&format!("{name}.npy"));
        let same = if name == "bool" { &truths } else { &doubles };
        assert_eq!(model_of(&directory, &file, "-1", &[]), model_of(&directory, same, "-1", &[]), "{name}");
        let predict = |data: &str| {
            succeed(&mut lanegrad([
                "predict",
                data,
                "--label",
                "2",
                "--model",
                &directory.path("model.json"),
            ]))
        };
        assert_eq!(predict(&file), predict(same), "{name}");
        succeed(&mut lanegrad(["convert", &file, &converted]));
        assert_eq!(fs::read(&converted).unwrap()[128..], fs::read(same).unwrap()[128..], "{name}");
        succeed(&mut lanegrad(["convert", &file, &converted, "--dtype", "f32"]));
        let single = model_of(&directory, &converted, "-1", &[]);
        assert_eq!(single, model_of(&directory, &file, "-1", &["--dtype", "f32"]), "{name}");
    }
}

#[test]
fn a_file_is_what_is_in_it() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    let copy = |from: &str, to: &str| directory.file(to, fs::read(from).unwrap());
    let want = model_of(&directory, &case("int64.npy"), "-1", &[]);
    assert_eq!(model_of(&directory, &copy(&case("int64.npy"), "numbers.csv"), "-1", &[]), want);
    let text = "a,b,y\n1,2,0\n2,1,1\n3,3,0\n4,1,1\n0,4,1\n1,1,0\n";
    let csv = directory.file("table.csv", text);
    assert_eq!(model_of(&directory, &csv, "y", &[]), want);
    refuse(&mut fit(&copy(&csv, "text.npy"), "y", &model), &["text.npy: it is not a NumPy file"]);
    refuse(&mut fit(&copy(&csv, "text.parquet"), "y", &model), &["text.parquet"]);
    refuse(
        &mut fit(&copy(&case("compressed.csv.gz"), "gz.npy"), "y", &model),
        &["it is not a NumPy file, but compressed with gzip"],
    );
    for (start, words) in [
        (&b"PK\x03\x04\x14\0\x06\0"[..], "is a zip archive, as .xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel"),
        (b"\x28\xb5\x2f\xfd\x04", "compressed with zstd"),
        (b"\xfd7zXZ\0", "compressed with xz"),
        (b"BZh91AY&SY", "compressed with bzip2"),
        (b"\xff\xfea\0,\0", "text in UTF-16"),
    ] {
        refuse(&mut fit(&directory.file("data.csv", start), "y", &model), &["data.csv", words]);
    }
}

#[test]
fn gzip_is_read_as_it_comes() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    let packed = case("compressed.csv.gz");
    let plain = directory.file("plain.csv", "a,b,y\n1,2,0\n2,1,1");
    let want = model_of(&directory, &plain, "y", &[]);
    assert_eq!(model_of(&directory, &packed, "y", &[]), want);
    let mut from_stdin = fit("-", "y", &model);
    from_stdin.args(["--l2", "0.1"]).stdin(Stdio::from(fs::File::open(&packed).unwrap()));
    succeed(&mut from_stdin);
    assert_eq!(weights(&model), want);
    let bytes = fs::read(&packed).unwrap();
    let halves = directory.file("half.csv.gz", &bytes[..bytes.len() - 6]);
    refuse(&mut fit(&halves, "y", &model), &["cannot", "half.csv.gz"]);
    let array = directory.npy("a.npy", 3, &NUMBERS);
    let stdin = || Stdio::from(fs::File::open(&array).unwrap());
    refuse(fit("-", "-1", &model).stdin(stdin()), &["standard input is a NumPy file, which must be a file"]);
}

/// A pipe is read once, and knows neither its size nor a name.
#[cfg(unix)]
#[test]
fn a_pipe_is_read_as_it_comes() {
    use std::io::Write;
    let directory = Directory::new();
    let model = directory.path("model.json");
    let plain = directory.file("plain.csv", "a,b,y\n1,2,0\n2,1,1");
    let want = model_of(&directory, &plain, "y", &[]);
    for (data, content) in [
        ("/dev/stdin", fs::read(&plain).unwrap()),
        ("-", fs::read(&plain).unwrap()),
        ("/dev/stdin", fs::read(case("compressed.csv.gz")).unwrap()),
    ] {
        fs::remove_file(&model).unwrap();
        let mut fit = fit(data, "y", &model);
        let fit = fit.args(["--l2", "0.1"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut fit = fit.spawn().unwrap();
        fit.stdin.take().unwrap().write_all(&content).unwrap();
        assert!(fit.wait().unwrap().success());
        assert_eq!(weights(&model), want, "{data}");
    }
}

#[test]
fn delimiters_and_decimal_commas() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    let plain = directory.file("plain.csv", "a,b,y\n1.5,2,0\n2.5,1,1\n3.5,3,0\n4,1,1\n");
    let want = model_of(&directory, &plain, "y", &[]);
    assert_eq!(model_of(&directory, &case("semicolons.csv"), "y", &["--delimiter", ";"]), want);
    let comma = ["--delimiter", ";", "--decimal-comma"];
    assert_eq!(model_of(&directory, &case("decimal_comma.csv"), "y", &comma), want);
    let whole = directory.file("whole.csv", "a,b,y\n1,2,0\n2,1,1\n3,3,0\n4,1,1\n");
    let tabs = case("tabs.tsv");
    let want = model_of(&directory, &whole, "y", &[]);
    assert_eq!(model_of(&directory, &tabs, "y", &[]), want);
    let renamed = directory.file("tabs.txt", fs::read(&tabs).unwrap());
    assert_eq!(model_of(&directory, &renamed, "y", &["--delimiter", "tab"]), want);
    // The same options for the other commands.
    succeed(lanegrad(["predict", &case("decimal_comma.csv"), "--model", &model, "--label", "y"]).args(comma));
    let npy = directory.path("a.npy");
    succeed(lanegrad(["convert", &case("decimal_comma.csv"), &npy]).args(comma));
    assert_eq!(fs::read(&npy).unwrap()[128..136], 1.5_f64.to_le_bytes());

    refuse(
        &mut fit(&case("semicolons.csv"), "y", &model),
        &["line 1", "separated by `;`", "--delimiter ';'"],
    );
    refuse(&mut fit(&renamed, "y", &model), &["--delimiter tab"]);
    refuse(fit(&plain, "y", &model).arg("--decimal-comma"), &["decimal comma", "another delimiter"]);
    refuse(
        fit(&case("semicolons.csv"), "y", &model).args(comma),
        &["line 2, column 1 (`a`): `1.5` is not a number"],
    );
    refuse(fit(&plain, "y", &model).args(["--delimiter", "ab"]), &["--delimiter", "`tab`"]);
    refuse(fit(&plain, "y", &model).args(["--delimiter", "."]), &["`.` cannot stand between cells"]);
}

#[test]
fn lines_are_counted_whatever_ends_them() {
    let directory = Directory::new();
    let model = directory.path("model.json");
    for name in ["lf_header_crlf_rows.csv", "crlf_header_lf_rows.csv", "lone_cr.csv"] {
        refuse(
            &mut fit(&case(name), "y", &model),
            &[&format!("{name}, line 4, column 2 (`b`): `x` is not a number")],
        );
    }
    refuse(
        &mut fit(&case("blank_before_header.csv"), "y", &model),
        &["blank_before_header.csv, line 5, column 2 (`b`): `1x` is not a number"],
    );
    refuse(
        &mut fit(&case("open_quote.csv"), "y", &model),
        &["open_quote.csv, line 2, column 1 (`a`): the quote that opens here is not closed"],
    );
}

#[test]
fn a_record_has_a_limit() {
    let directory = Directory::new();
    let mut text = b"a,y\n1,0\n2,\"".to_vec();
    text.resize(66 << 20, b'x');
    let long = directory.file("long.csv", &text);
    let model = directory.path("model.json");
    refuse(&mut fit(&long, "y", &model), &["long.csv, line 3, column 2 (`y`)", "not closed within 64 MiB"]);
    text[10] = b'1';
    refuse(
        &mut fit(&directory.file("long.csv", text), "y", &model),
        &["long.csv, line 3", "longer than 64 MiB"],
    );
}

#[test]
fn blanks_that_cannot_be_seen_are_trimmed() {
    let directory = Directory::new();
    let plain = directory.file("plain.csv", "a,b,y\n1,2,0\n2,1,1\n3,4,0\n4,1,1\n");
    let want = model_of(&directory, &plain, "y", &[]);
    assert_eq!(model_of(&directory, &case("no_break_space.csv"), "y", &[]), want);
    let escaped = directory.file("escaped.csv", "a,y\n1,0\n\u{1b}[2J4\u{a0}4,1\n");
    refuse(
        &mut fit(&escaped, "y", &directory.path("model.json")),
        &["line 3, column 1 (`a`): `\\u{1b}[2J4\\u{a0}4` is not a number"],
    );
}
