//! `lanegrad info` and `lanegrad bench`.

use crate::support::{Run, files, lanegrad, refuse, run, succeed};
#[cfg(unix)]
use crate::support::{closed_pipe, without_reader};
use lanegrad::Isa;
use std::path::Path;
use std::sync::LazyLock;
use tempfile::TempDir;

/// A short run that was made once, with its reports in all formats.
static REPORT: LazyLock<TempDir> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("there is room for temporary files");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let [json, csv, html, svg] = ["r.json", "r.csv", "r.html", "r.svg"].map(path);
    let kernels = ["--kernel", "dot,sigmoid", "--isa", "scalar", "--threads", "1"];
    let outputs = ["--json", &json, "--csv", &csv, "--html", &html, "--svg", &svg];
    let table = succeed(lanegrad(["bench", "--quick", "--seconds", "2"]).args(kernels).args(outputs));
    std::fs::write(directory.path().join("table"), table).expect("there is room for temporary files");
    directory
});

fn report(name: &str) -> String {
    REPORT.path().join(name).display().to_string()
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).expect("the file is there")
}

#[test]
fn info_names_every_tier_and_the_one_chosen() {
    let text = succeed(&mut lanegrad(["info", "--cols", "1000"]));
    for isa in Isa::available() {
        assert!(text.contains(isa.name()), "{text}");
    }
    let fastest = Isa::available().next_back().unwrap();
    assert!(text.contains(&format!("{fastest}, the fastest of this CPU")), "{text}");
    assert!(text.contains("64 rows (250 KB) in f32"), "{text}");
    let text = succeed(lanegrad(["info"]).env("LANEGRAD_ISA", "scalar"));
    assert!(text.contains("scalar, as LANEGRAD_ISA says; the fastest of this CPU is"), "{text}");
    refuse(
        lanegrad(["info"]).env("LANEGRAD_ISA", "mmx"),
        &["LANEGRAD_ISA=mmx", "available: scalar, portable"],
    );
}

#[test]
fn a_run_measures_what_was_asked_for() {
    let table = read(report("table"));
    for words in ["read         scalar", "multiply_add scalar  f32", "dot               baseline", "sigmoid"]
    {
        assert!(table.contains(words), "no {words:?} in {table}");
    }
    assert!(!table.contains("axpy") && !table.contains("2 threads,"), "{table}");
    // But for the first lines, which name CPU and compiler.
    let widest = table.lines().skip(3).map(|line| line.chars().count()).max();
    assert!(widest.is_some_and(|width| width <= 80), "{widest:?}: {table}");
}

#[test]
fn rows_of_small_numbers_are_measured_in_passes() {
    let directory = tempfile::tempdir().expect("there is room for temporary files");
    let json = directory.path().join("small.json").display().to_string();
    let args = ["bench", "--quick", "--seconds", "2", "--isa", "portable", "--threads", "1", "--json", &json];
    let table = succeed(lanegrad(args).args(["--dtype", "u8,bf16", "--kernel", "dot,logits"]));
    assert!(table.contains("u8, L1") && table.contains("Mr"), "{table}");
    let report: serde_json::Value = serde_json::from_str(&read(&json)).unwrap();
    let records = report["measurements"].as_array().unwrap();
    // What there is no time for is left out, but not the first type.
    assert!(records.iter().filter(|m| m["dtype"] == "u8" && m["level"] == "L1").count() > 1);
    for m in records {
        assert!(m["kernel"] == "logits" || m["dtype"] == "f32", "{m}");
        let elements = m["gelements_per_second"].as_f64().unwrap();
        let rows = m["mrows_per_second"].as_f64();
        assert_eq!(rows.is_some(), m["kernel"] == "logits");
        assert!(rows.is_none_or(|rows| (rows * 64.0 / 1e3 / elements - 1.0).abs() < 1e-9), "{m}");
        // The bytes of a row of 64 numbers, and of a score in f32.
        let bytes = match m["dtype"].as_str().unwrap() {
            "u8" => 64.0 + 4.0,
            "bf16" => 128.0 + 4.0,
            _ => continue,
        };
        let per_row = m["bytes_moved"].as_f64().unwrap() / m["elements"].as_f64().unwrap() * 64.0;
        assert!((per_row - bytes).abs() < 1e-6, "{m}");
    }
}

#[test]
fn the_json_has_the_documented_fields() {
    let json: serde_json::Value = serde_json::from_str(&read(report("r.json"))).unwrap();
    assert_eq!(json["schema"], 2);
    assert_eq!(json["machine"]["threads"], std::thread::available_parallelism().unwrap().get());
    let documents = ["README.md", "BENCHMARKS.md"].map(|name| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        std::fs::read_to_string(path).unwrap_or_default()
    });
    let documented = |name: &str| documents.concat().contains(&format!("`{name}`"));
    let records = [
        &json,
        &json["memory"],
        &json["memory"]["sweep"][0],
        &json["budget"],
        &json["budget"]["parts"][0],
        &json["ceilings"][0],
        &json["measurements"][0],
        &json["measurements"][0]["time"],
        &json["measurements"][0]["bound"],
    ];
    for record in records {
        for (name, _) in record.as_object().expect("a record") {
            assert!(documented(name), "`{name}` is neither in README.md nor in BENCHMARKS.md");
        }
    }
    for m in json["measurements"].as_array().unwrap() {
        let (time, rate) =
            (m["time"]["median"].as_f64().unwrap(), m["gelements_per_second"].as_f64().unwrap());
        assert!((m["elements"].as_f64().unwrap() / time / 1e9 / rate - 1.0).abs() < 1e-9, "{m}");
    }
}

#[test]
fn the_page_stands_alone() {
    for name in ["r.html", "r.svg"] {
        let page = read(report(name)).replace("http://www.w3.org/2000/svg", "");
        for forbidden in ["<script", "http://", "https://", "url("] {
            assert!(!page.contains(forbidden), "{forbidden} in {name}");
        }
        assert!(page.contains("<svg") && page.contains("prefers-color-scheme:dark"), "{name}");
    }
}

#[test]
fn a_report_reads_back() {
    let directory = tempfile::tempdir().unwrap();
    let again = directory.path().join("again.json");
    let json = report("r.json");
    let table = succeed(lanegrad(["bench", "--from", &json, "--json"]).arg(&again));
    assert!(table == read(report("table")), "{table}");
    assert!(read(again) == read(json), "the numbers do not keep their bits");
    assert_eq!(read(report("r.csv")).lines().next().unwrap().split(',').count(), 30);
}

#[test]
fn a_comparison_marks_what_differs() {
    let directory = tempfile::tempdir().unwrap();
    let json = report("r.json");
    let text = succeed(&mut lanegrad(["bench", "--from", &json, "--compare", &json, "--fail-below", "1"]));
    assert!(text.contains("1.00x") && text.contains(" 0 outside the noise"), "{text}");

    // The same report with fixed times, and with four times these.
    let fixed = |name: &str, factor: f64| {
        let mut report: serde_json::Value = serde_json::from_str(&read(&json)).unwrap();
        for m in report["measurements"].as_array_mut().unwrap() {
            for (name, seconds) in [("median", 1e-6), ("low", 9e-7), ("high", 1.1e-6), ("fastest", 8e-7)] {
                m["time"][name] = (factor * seconds).into();
            }
        }
        let path = directory.path().join(name).display().to_string();
        std::fs::write(&path, report.to_string()).unwrap();
        path
    };
    let (quick, slow) = (fixed("quick.json", 1.0), fixed("slow.json", 4.0));
    let compare = |new: &str, old: &str, bound: &str| {
        run(&mut lanegrad(["bench", "--from", new, "--compare", old, "--fail-below", bound]))
    };
    let Run { status, stdout, .. } = compare(&slow, &quick, "0.5");
    assert_eq!(status, Some(1));
    assert!(stdout.contains("0.25x  SLOWER"), "{stdout}");
    assert_eq!(compare(&slow, &quick, "0.2").status, Some(0));
    let Run { status, stdout, .. } = compare(&quick, &slow, "1");
    assert_eq!(status, Some(0));
    assert!(stdout.contains("4.00x  faster"), "{stdout}");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    refuse(&mut lanegrad(["bench", "--kernel", "gemm"]), &["gemm", "loss_and_gradient"]);
    refuse(&mut lanegrad(["bench", "--isa", "mmx"]), &["mmx", "available: scalar, portable"]);
    refuse(&mut lanegrad(["bench", "--threads", "0"]), &["--threads"]);
    refuse(&mut lanegrad(["bench", "--dtype", "f8"]), &["f8", "bf16"]);
    refuse(
        &mut lanegrad(["bench", "--dtype", "i8", "--kernel", "dot,sigmoid"]),
        &["--dtype i8: of it rows are measured alone, by logits and loss_and_gradient"],
    );
    refuse(&mut lanegrad(["bench", "--fail-below", "0.9"]), &["--compare"]);
    refuse(&mut lanegrad(["bench", "--compare", "x", "--fail-below", "0"]), &["--fail-below"]);
    refuse(lanegrad(["bench"]).env("LANEGRAD_ISA", "mmx"), &["LANEGRAD_ISA=mmx"]);
    refuse(
        &mut lanegrad(["bench", "--json", "/tmp/same", "--csv", "/tmp/same"]),
        &["two reports have the same path, /tmp/same"],
    );
    refuse(
        &mut lanegrad(["bench", "--html", "/tmp/same", "--svg", "/tmp/../tmp/./same"]),
        &["two reports have the same path, /tmp/same"],
    );
    refuse(&mut lanegrad(["bench", "--json", "-", "--csv", "/dev/stdout"]), &["the same path, -"]);
}

#[test]
fn what_is_no_report_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let whole = read(report("r.json"));
    let path = directory.path().join("broken.json").display().to_string();
    for broken in
        ["", "{}", "[1]", &whole[..whole.len() / 2], &whole.replace("\"schema\": 2", "\"schema\": 7")]
    {
        std::fs::write(&path, broken).unwrap();
        refuse(&mut lanegrad(["bench", "--from", &path]), &["broken.json is not a report"]);
        refuse(&mut lanegrad(["bench", "--from", &report("r.json"), "--compare", &path]), &["broken.json"]);
    }
    refuse(&mut lanegrad(["bench", "--from", "no/such.json"]), &["cannot read no/such.json"]);
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_the_work() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let inside_a_file = directory.path().join("file/report").display().to_string();
    for option in ["--json", "--csv", "--html", "--svg"] {
        refuse(&mut lanegrad(["bench", option, &inside_a_file]), &["cannot write", &inside_a_file]);
    }
    assert_eq!(files(directory.path()), ["file"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let json = report("r.json");
    refuse(&mut lanegrad(["bench", "--from", &json, "--csv", "/dev/full"]), &["cannot write /dev/full"]);
    let full = std::fs::File::create("/dev/full").unwrap();
    refuse(lanegrad(["bench", "--from", &json]).stdout(full), &[]);
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_ends_it_silently_and_files_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("kept.json");
    let mut bench = lanegrad(["bench", "--from", &report("r.json"), "--json"]);
    without_reader(bench.arg(&kept));
    assert!(read(kept) == read(report("r.json")));
    // Of two failures the one that somebody is left to hear of.
    let mut bench = lanegrad(["bench", "--from", &report("r.json"), "--json", "-", "--csv", "/dev/full"]);
    let output = bench.stdout(closed_pipe()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write /dev/full"));
}
