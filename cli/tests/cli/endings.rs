//! Fits end, whatever the data are, and say why.

use crate::support::{Directory, case, fit, json, lanegrad, numbers, printed, refuse, run, succeed};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Long enough for a fit of a few rows on any machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A program that is not left behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a command prints on standard output and standard error; it has to end, with exit status 0.
#[track_caller]
fn ends(command: &mut Command) -> (String, String) {
    let started = Instant::now();
    let program = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let mut program = Running(program);
    // What it prints has room in its pipes.
    let status = loop {
        match program.0.try_wait().expect("it was not waited for") {
            Some(status) => break status,
            None if started.elapsed() > DEADLINE => panic!("{command:?} does not end"),
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    fn text(pipe: Option<impl std::io::Read>) -> String {
        std::io::read_to_string(pipe.expect("a pipe")).expect("output is UTF-8")
    }
    let (stdout, stderr) = (text(program.0.stdout.take()), text(program.0.stderr.take()));
    assert_eq!(status.code(), Some(0), "{command:?}: {stderr}");
    (stdout, stderr)
}

/// Iterations and passes, as they are printed, and the words for the end.
fn iterations(stdout: &str) -> (u64, u64, String) {
    let line = printed(stdout, "iterations");
    let numbers: Vec<u64> =
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|x| x.parse().ok()).collect();
    let words = line.split(['(', ')']).nth(1).unwrap_or_else(|| panic!("no end in {line}"));
    (numbers[0], numbers[1], words.to_owned())
}

#[test]
fn every_fit_ends_within_its_passes_and_says_why() {
    let directory = Directory::new();
    let model = directory.path("m.json");
    let synth = directory.path("s.npy");
    succeed(&mut lanegrad(["synth", &synth, "--rows", "3000", "--cols", "16", "--seed", "1"]));
    let names = ["constant_large", "few_rows", "epoch_seconds", "years", "quasi_separated"];
    let files = names.map(|name| (case(&format!("{name}.csv")), "y"));
    for (file, label) in files.iter().map(|(file, label)| (file, *label)).chain([(&synth, "-1")]) {
        for arithmetic in ["f64", "f32"] {
            for tolerance in ["1e-6", "0", "1e-11", "1e-13"] {
                for most in [0, 1, 10, 1000] {
                    for penalty in [&[][..], &["--standardize", "--l2", "1e-6"]] {
                        let mut fit = fit(file, label, &model);
                        fit.args(["--arithmetic", arithmetic, "--tol", tolerance]).args(penalty);
                        let (stdout, stderr) = ends(fit.args(["--max-iter", &most.to_string()]));
                        let (iterations, passes, end) = iterations(&stdout);
                        assert!(iterations <= most && passes <= 1 + 20 * most, "{fit:?}: {stdout}");
                        let gradient = printed(&stdout, "gradient");
                        let gradient: f64 = gradient.split(' ').next().unwrap().parse().unwrap();
                        let (words, warning) = match &*end {
                            "converged" => {
                                assert!(gradient <= tolerance.parse().unwrap(), "{fit:?}: {stdout}");
                                continue;
                            }
                            "stalled" => ("no step was found that makes the objective smaller", true),
                            "--max-iter" => ("stopped after --max-iter iterations", iterations == most),
                            other => panic!("{fit:?}: {other}"),
                        };
                        assert!(stderr.contains(words) && warning, "{fit:?}: {stderr}");
                    }
                }
            }
        }
    }
}

/// The fit of few rows, and of seconds since 1970: f64 converges, and f32 says what it cannot resolve.
#[test]
fn a_column_that_the_arithmetic_cannot_resolve_is_named() {
    let directory = Directory::new();
    let model = directory.path("m.json");
    let (stdout, stderr) = ends(&mut fit(&case("epoch_seconds.csv"), "y", &model));
    assert_eq!((iterations(&stdout).2.as_str(), stderr.as_str()), ("converged", ""));
    let (_, stderr) = ends(fit(&case("epoch_seconds.csv"), "y", &model).args(["--arithmetic", "f32"]));
    let words = "cannot resolve the column `time`, whose numbers are far from 0 for their spread: --arithmetic f64 can";
    assert!(stderr.contains(words), "{stderr}");
}

/// 1e12 in every row: weight 0, and the others as without it.
#[test]
fn a_large_constant_changes_nothing() {
    let directory = Directory::new();
    let (with, without) = (directory.path("with.json"), directory.path("without.json"));
    let text = std::fs::read_to_string(case("constant_large.csv")).unwrap();
    let short: Vec<String> = text
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            format!("{},{}\n", cells[0], cells[2])
        })
        .collect();
    let short = directory.file("short.csv", short.concat());
    for penalty in [&[][..], &["--standardize", "--l2", "1e-6"]] {
        ends(fit(&case("constant_large.csv"), "y", &with).args(["--tol", "1e-11"]).args(penalty));
        ends(fit(&short, "y", &without).args(["--tol", "1e-11"]).args(penalty));
        let (with, without) = (json(&with), json(&without));
        let weights = numbers(&with["weights"]);
        assert_eq!(weights[1], 0.0);
        assert!((weights[0] - numbers(&without["weights"])[0]).abs() < 1e-9);
        assert!((with["bias"].as_f64().unwrap() - without["bias"].as_f64().unwrap()).abs() < 1e-9);
    }
}

#[test]
fn quasi_separation_is_warned_of() {
    let directory = Directory::new();
    let model = directory.path("m.json");
    let words = "warning: the classes can be separated but for rows on the boundary";
    let (_, stderr) = ends(&mut fit(&case("quasi_separated.csv"), "y", &model));
    assert!(stderr.contains(words), "{stderr}");
    let (_, stderr) = ends(fit(&case("quasi_separated.csv"), "y", &model).args(["--l2", "1e-3"]));
    assert_eq!(stderr, "");
}

#[test]
fn spreads_whose_squares_do_not_fit_are_refused_whatever_comes_first() {
    let directory = Directory::new();
    let model = directory.path("m.json");
    for (name, words) in [("spread_1e160", "too large"), ("spread_1e-170", "differ by too little")] {
        let text = std::fs::read_to_string(case(&format!("{name}.csv"))).unwrap();
        let (header, rows) = text.split_once('\n').unwrap();
        let backwards: Vec<&str> = [header].into_iter().chain(rows.lines().rev()).collect();
        let backwards = directory.file("backwards.csv", backwards.join("\n"));
        for file in [case(&format!("{name}.csv")), backwards] {
            refuse(&mut fit(&file, "y", &model), &["column 1 (`x`)", words]);
        }
    }
    assert!(!std::path::Path::new(&model).exists());
}

#[test]
fn sample_weights_are_named_as_what_they_are() {
    let directory = Directory::new();
    let model = directory.path("m.json");
    for (weight, words) in
        [("1e308", "sample weights are too large"), ("1e-320", "sample weights are too small")]
    {
        let rows = ["1,0", "2,1", "3,0", "4,1"].map(|row| format!("{row},{weight}\n")).concat();
        let file = directory.file("w.csv", format!("x,y,s\n{rows}"));
        refuse(fit(&file, "y", &model).args(["--sample-weight", "s"]), &[words]);
    }
    let zero = directory.file("zero.csv", "x,y,s\n1,0,0\n2,1,0\n");
    refuse(fit(&zero, "y", &model).args(["--sample-weight", "s"]), &["no row has a sample weight above 0"]);
    let stderr = run(&mut fit(&directory.file("one.csv", "x,y\n1,1\n2,1\n"), "y", &model)).stderr;
    assert!(stderr.contains("warning: all rows are of one class"), "{stderr}");
}
