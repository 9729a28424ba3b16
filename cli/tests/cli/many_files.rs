//! Data sets of several files: one model, whatever the files are called and in whatever format they are.

use crate::support::{Directory, header, json, lanegrad, printed, refuse, says, succeed, weights};
use std::fs;
use std::process::Command;

/// Rows of two features and a label, which overlap.
fn rows(count: usize) -> Vec<[f64; 3]> {
    let row = |i: usize| {
        // Numbers of single precision.
        let (a, b) = ((i * 7919 % 613) as f64 / 256.0 - 1.0, (i * 104_729 % 997) as f64 / 512.0 - 1.0);
        [a, b, f64::from(u8::from(a + 0.3 * b + (i % 5) as f64 / 2.0 > 1.2))]
    };
    (0..count).map(row).collect()
}

/// A fit of files, whose labels are in the last column.
fn fit(files: &[String], model: &str) -> Command {
    let mut command = lanegrad(["fit", "--label", "-1", "--model", model, "--quiet", "--l2", "1e-3"]);
    command.args(files);
    command
}

fn csv(directory: &Directory, name: &str, rows: &[[f64; 3]]) -> String {
    let lines: String = rows.iter().map(|[a, b, y]| format!("{a},{b},{y}\n")).collect();
    directory.file(name, format!("a,b,y\n{lines}"))
}

fn npy(directory: &Directory, name: &str, rows: &[[f64; 3]]) -> String {
    directory.npy(name, 3, rows.as_flattened())
}

/// Rows cut at some places, each part in a file of its own.
fn parts(
    directory: &Directory,
    write: fn(&Directory, &str, &[[f64; 3]]) -> String,
    extension: &str,
    rows: &[[f64; 3]],
    cuts: &[usize],
) -> Vec<String> {
    let ends = cuts.iter().copied().chain([rows.len()]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    let parts = starts.zip(ends).enumerate();
    parts
        .map(|(i, (start, end))| write(directory, &format!("part-{i}.{extension}"), &rows[start..end]))
        .collect()
}

#[test]
fn files_of_whole_chunks_give_the_model_of_one_file() {
    let (directory, rows) = (Directory::new(), rows(2900));
    let (whole, cut) = (directory.path("whole.json"), directory.path("cut.json"));
    // Chunks are of 512 rows.
    for (extension, write) in [("csv", csv as fn(&_, &_, &_) -> _), ("npy", npy)] {
        let one = write(&directory, "one", &rows);
        succeed(&mut fit(&[one], &whole));
        for cuts in [&[1024, 2048][..], &[2048], &[512, 1024, 1536, 2048, 2560]] {
            let files = parts(&directory, write, extension, &rows, cuts);
            let text = succeed(&mut fit(&files, &cut));
            assert!(
                printed(&text, "rows").starts_with(&format!("2900 of 2 features in {} files", files.len()))
            );
            assert_eq!(fs::read(&cut).unwrap(), fs::read(&whole).unwrap(), "{cuts:?} {extension}");
        }
    }
    // Cut elsewhere, sums are rounded elsewhere; an empty file keeps its number.
    let files = parts(&directory, npy, "npy", &rows, &[700, 700, 701]);
    succeed(&mut fit(&files, &cut));
    let ((found, bias), (wanted, wanted_bias)) = (weights(&cut), weights(&whole));
    for (a, b) in found.iter().chain([&bias]).zip(wanted.iter().chain([&wanted_bias])) {
        assert!((a - b).abs() < 1e-9, "{a}, {b}");
    }
    // The order of files counts, as the model says where sums are rounded; another order is near.
    let mut turned = files.clone();
    turned.reverse();
    succeed(&mut fit(&turned, &cut));
    assert!((weights(&cut).0[0] - wanted[0]).abs() < 1e-9);
}

/// Files that are mapped, and some of the same columns that are converted: with the label between the features, and a
/// weight in front of them, so that mapped rows have both in their window.
#[test]
fn mapped_files_and_held_ones_are_one_data_set() {
    let (directory, rows) = (Directory::new(), rows(1500));
    let table: Vec<f64> = rows.iter().flat_map(|[a, b, y]| [1.0, *a, *y, *b]).collect();
    let (first, second) = table.split_at(2400);
    let single = |name: &str, numbers: &[f64]| {
        let shape = format!("({}, 4)", numbers.len() / 4);
        let numbers = numbers.iter().flat_map(|&x| (x as f32).to_le_bytes());
        directory.file(name, [header("<f4", "False", &shape), numbers.collect()].concat())
    };
    let fit = |files: [String; 2]| {
        let mut command =
            lanegrad(["fit", "--label", "2", "--sample-weight", "0", "--quiet", "--l2", "1e-3"]);
        command.args(files).args(["--model", &directory.path("m.json")]);
        let text = succeed(&mut command);
        (weights(&directory.path("m.json")), printed(&text, "rows").contains("held as f64"))
    };
    let a = || directory.npy("a.npy", 4, first);
    let b = || directory.npy("b.npy", 4, second);
    let mapped = fit([a(), b()]);
    assert!(mapped.1);
    assert_eq!(fit([a(), single("c.npy", second)]), mapped);
    assert_eq!(fit([single("d.npy", first), b()]), mapped);
    // Where all are of single precision, they are held in it.
    let ((found, bias), is_double) = fit([single("d.npy", first), single("c.npy", second)]);
    assert!(!is_double);
    for (a, b) in found.iter().chain([&bias]).zip(mapped.0.0.iter().chain([&mapped.0.1])) {
        assert!((a - b).abs() < 1e-9, "{a}, {b}");
    }
}

/// Where all is one file or several, with cells that are filled in one of them, and a column between the features.
#[test]
fn files_with_filled_cells_give_the_model_of_one_file() {
    let (directory, rows) = (Directory::new(), rows(1500));
    let mut table: Vec<f64> = rows.iter().flat_map(|[a, b, y]| [*a, *y, *b]).collect();
    table[6] = f64::NAN;
    let model = |files: &[String]| {
        let mut command = lanegrad(["fit", "--label", "1", "--missing", "mean", "--quiet", "--l2", "1e-3"]);
        command.args(files).args(["--model", &directory.path("m.json")]);
        succeed(&mut command);
        fs::read(directory.path("m.json")).unwrap()
    };
    let whole = model(&[directory.npy("whole.npy", 3, &table)]);
    let parts = table.chunks(3 * 512).enumerate();
    let parts: Vec<String> = parts.map(|(i, part)| directory.npy(&format!("{i}.npy"), 3, part)).collect();
    assert_eq!(model(&parts), whole);
}

/// CSV with other delimiters and ends of lines.
#[test]
fn csv_of_several_dialects_is_one_data_set() {
    let (directory, rows) = (Directory::new(), rows(600));
    let model = directory.path("m.json");
    let a = csv(&directory, "a.csv", &rows[..200]);
    let b = csv(&directory, "b.csv", &rows[200..]);
    succeed(&mut fit(&[a.clone(), b.clone()], &model));
    let wanted = fs::read(&model).unwrap();
    let text = fs::read_to_string(&b).unwrap().replace('\n', "\r\n").replace(',', "\t");
    let b = directory.file("b.tsv", text);
    succeed(&mut fit(&[a, b], &model));
    assert_eq!(fs::read(&model).unwrap(), wanted);
}

#[test]
fn patterns_are_expanded_in_the_order_of_bytes() {
    let (directory, rows) = (Directory::new(), rows(900));
    for (i, name) in ["p-10.csv", "p-2.csv", "p-B.csv", "p-a.csv"].into_iter().enumerate() {
        csv(&directory, name, &rows[200 * i..200 * i + 200]);
    }
    fs::create_dir(directory.path("p-directory.csv")).unwrap();
    directory.file("other.csv", "a,b,y\n");
    directory.file(".p-hidden.csv", "no numbers\n");
    let [by_name, by_pattern] = ["names.json", "pattern.json"].map(|name| directory.path(name));
    let named = ["p-10.csv", "p-2.csv", "p-B.csv", "p-a.csv"].map(|name| directory.path(name));
    succeed(&mut fit(&named, &by_name));
    let said = says(&mut fit(&[directory.path("p-*.csv")], &by_pattern));
    assert!(
        said.contains("is 4 files, in the order of their names: ") && said.contains("p-10.csv to "),
        "{said}"
    );
    assert_eq!(fs::read(&by_name).unwrap(), fs::read(&by_pattern).unwrap());
    refuse(&mut fit(&[directory.path("q-*.csv")], &by_name), &["no file matches", "q-*.csv"]);
    refuse(&mut fit(&[directory.path("p-[.csv")], &by_name), &["p-[.csv", "no pattern"]);
    refuse(&mut fit(&[directory.path("p-directory.csv")], &by_name), &["p-directory.csv is a directory"]);
    // Names that are not UTF-8 match no pattern.
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt;
        let odd = directory.0.path().join(std::ffi::OsStr::from_bytes(b"p-\xff.txt"));
        fs::write(&odd, "a,b,y\n").unwrap();
        succeed(&mut fit(&[directory.path("p-*.csv")], &by_pattern));
        assert_eq!(fs::read(&by_name).unwrap(), fs::read(&by_pattern).unwrap());
    }
    // A file of that very name is no pattern.
    let odd = csv(&directory, "p-[1]*.csv", &rows[..300]);
    assert_eq!(says(&mut fit(&[odd], &by_name)), "");
}

#[test]
fn files_that_do_not_go_together_are_refused() {
    let directory = Directory::new();
    let model = directory.path("m.json");
    let file = |name: &str, text: &str| directory.file(name, text);
    let a = file("a.csv", "x,z,y\n1,2,0\n2,1,1\n0,1,1\n");
    let refused =
        |other: &str, words: &[&str]| refuse(&mut fit(&[a.clone(), other.to_owned()], &model), words);
    refused(&a, &["a.csv is there twice"]);
    refused("none.csv", &["cannot read none.csv"]);
    let swapped = file("b.csv", "z,x,y\n1,2,0\n");
    refused(&swapped, &["b.csv: column 1 is `z`, and in", "a.csv it is `x`", "same order"]);
    let fewer = file("c.csv", "x,z\n1,2\n");
    refused(&fewer, &["c.csv has 2 columns, and", "a.csv has 3"]);
    refused(&directory.npy("d.npy", 3, &[1.0, 2.0, 0.0]), &["d.npy: column 1 is `0`"]);
    refused(&file("e.csv", "x,z,y\n1,2,0\n1,,0\n"), &["e.csv: 1 missing cell, in line 3"]);
    refused(&file("f.csv", "x,z,y\n1,2,-1\n"), &["f.csv, line 2", "the label -1 does not go with others"]);
    refused(&file("g.csv", "x,z,y\n1,2,7\n"), &["g.csv, line 2", "label 7"]);
    refused(&file("h.csv", "x,z,y\n1,red,1\n"), &["h.csv, line 2", "`red`"]);
    // Nothing but headers.
    let empty = [file("i.csv", "x,z,y\n"), file("j.csv", "x,z,y\n")];
    refuse(&mut fit(&empty, &model), &["i.csv and another file have no rows"]);
    refuse(fit(std::slice::from_ref(&a), &model).args(["--positive", "9"]), &["no label is `9`"]);
    assert!(!fs::exists(&model).unwrap());
    #[cfg(unix)]
    {
        let link = directory.path("link.csv");
        std::os::unix::fs::symlink(&a, &link).unwrap();
        refused(&link, &["link.csv is there twice, as", "a.csv"]);
        refuse(&mut fit(&["-".to_owned(), "-".to_owned()], &model), &["standard input is there twice"]);
        let mut twice = fit(&[a.clone(), "-".to_owned()], &model);
        refuse(twice.stdin(fs::File::open(&a).unwrap()), &["standard input is there twice, as", "a.csv"]);
    }
    // The model is none of the data.
    let b = file("k.csv", "x,z,y\n1,2,0\n");
    refuse(&mut fit(&[a.clone(), b.clone()], &b), &["k.csv", "the same file as the input"]);
}

/// Missing cells, labels and their coding are those of all files.
#[test]
fn what_is_missing_is_filled_with_the_mean_of_all_files() {
    let directory = Directory::new();
    let text = "1,2,no\n,4,yes\n3,,yes\n5,1,no\n2,2,yes\n4,6,no\n7,,no\n";
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let all = directory.file("all.csv", format!("a,b,y\n{text}"));
    let cut = [(0, 2), (2, 4), (4, 7)].map(|(start, end)| {
        directory.file(&format!("{start}.csv"), format!("a,b,y\n{}", lines[start..end].concat()))
    });
    let [one, many] = ["one.json", "many.json"].map(|name| directory.path(name));
    let options = ["--missing", "mean", "--positive", "yes"];
    let said = says(fit(&[all], &one).args(options));
    assert_eq!(says(fit(&cut, &many).args(options)), said);
    assert!(said.contains("3 missing cells are filled"), "{said}");
    assert_eq!(json(&one)["missing"], json(&many)["missing"]);
    // Mapped files, of which one has NaN: the others stay where they are.
    let files = [
        directory.npy("a.npy", 3, &[1.0, 2.0, 0.0, 2.0, 4.0, 1.0]),
        directory.npy("b.npy", 3, &[3.0, f64::NAN, 1.0, 5.0, 1.0, 0.0]),
        directory.npy("c.npy", 3, &[2.0, 2.0, 1.0, 5.0, 6.0, 0.0]),
    ];
    refuse(&mut fit(&files, &many), &["b.npy: 1 missing cell, in row 1, column 2"]);
    let said = says(fit(&files, &many).args(["--missing", "mean"]));
    assert!(said.contains("1 missing cell is filled"), "{said}");
    assert_eq!(json(&many)["missing"], serde_json::json!([3.0, 3.0]));
    // Labels in files of their own.
    let labels = ["a", "b"].map(|name| directory.file(&format!("{name}.txt"), "label\n1\n0\n"));
    let mut command = lanegrad(["fit", &files[0], &files[2], "--model", &many, "--quiet", "--l2", "1"]);
    refuse(
        command.args(["--label-file", &labels[0]]),
        &["the number of files of labels is 1, and that of data 2"],
    );
    succeed(command.args(["--label-file", &labels[1]]));
    assert_eq!(json(&many)["rows"], 4);
}

#[test]
fn predictions_of_files_follow_one_another() {
    let (directory, rows) = (Directory::new(), rows(1200));
    let model = directory.path("m.json");
    let whole = csv(&directory, "whole.csv", &rows);
    succeed(&mut fit(std::slice::from_ref(&whole), &model));
    let predict = |files: &[String]| {
        let mut command = lanegrad(["predict", "--model", &model, "--label", "-1"]);
        command.args(files);
        let crate::support::Run { status, stdout, stderr } = crate::support::run(&mut command);
        assert_eq!(status, Some(0), "{stderr}");
        (stdout, stderr)
    };
    let wanted = predict(&[whole]);
    for (extension, write) in [("npy", npy as fn(&_, &_, &_) -> _), ("csv", csv)] {
        let files = parts(&directory, write, extension, &rows, &[1, 500, 500]);
        assert_eq!(predict(&files), wanted);
        assert_eq!(predict(&files[..2]).0.lines().count(), 500);
    }
    // Predictions, unlike fits, take files with names and without.
    let (a, b) = (csv(&directory, "a.csv", &rows[..700]), npy(&directory, "b.npy", &rows[700..]));
    assert_eq!(predict(&[a, b]), wanted);
    let other = directory.file("other.csv", "a,y\n1,1\n");
    let mut command = lanegrad(["predict", "--model", &model, &directory.path("part-1.csv"), &other]);
    refuse(&mut command, &["other.csv", "`b`"]);
    let mut command = lanegrad(["predict", "--model", &model, &other, &other]);
    refuse(&mut command, &["other.csv is there twice"]);
    let empty = directory.file("empty.npy", header("<f8", "False", "(0, 2)"));
    refuse(&mut lanegrad(["predict", "--model", &model, &empty]), &["empty.npy has no rows"]);
}

/// More files than a process may have open.
#[test]
fn a_thousand_files_are_few() {
    let (directory, rows) = (Directory::new(), rows(4800));
    for (i, part) in rows.chunks(4).enumerate() {
        csv(&directory, &format!("{i:04}.csv"), part);
        npy(&directory, &format!("{i:04}.npy"), part);
    }
    let model = directory.path("m.json");
    for extension in ["csv", "npy"] {
        let text = succeed(&mut fit(&[directory.path(&format!("[0-9]*.{extension}"))], &model));
        assert!(printed(&text, "rows").starts_with("4800 of 2 features in 1200 files"), "{text}");
    }
}
