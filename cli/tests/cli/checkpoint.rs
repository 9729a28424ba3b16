//! Fits that are interrupted, and go on.

use crate::support::{Directory, data, files, lanegrad, refuse, says, succeed};
use std::fs;
use std::process::Command;

fn fit(directory: &Directory, model: &str) -> Command {
    let mut command =
        lanegrad(["fit", &data("breast_cancer.csv"), "--label", "-1", "--quiet", "--l2", "1e-3"]);
    command.args(["--model", &directory.path(model), "--checkpoint", &directory.path("state")]);
    command
}

fn bytes(directory: &Directory, name: &str) -> Vec<u8> {
    fs::read(directory.path(name)).expect("the file is there")
}

#[test]
fn a_fit_that_is_interrupted_anywhere_gives_the_same_model() {
    let directory = Directory::new();
    succeed(&mut fit(&directory, "whole.json"));
    let whole = bytes(&directory, "whole.json");
    let last = bytes(&directory, "state");
    for iterations in [0, 1, 2, 5, 17] {
        fs::remove_file(directory.path("state")).unwrap();
        let said =
            says(fit(&directory, "part.json").args(["--max-iter", &iterations.to_string(), "--resume"]));
        assert!(said.contains("state: the fit starts from the beginning"), "{said}");
        let said = says(fit(&directory, "resumed.json").arg("--resume"));
        assert!(said.contains(&format!("going on after iteration {iterations}")), "{said}");
        assert_eq!(bytes(&directory, "resumed.json"), whole);
        assert_eq!(bytes(&directory, "state"), last);
    }
    // A fit that has ended has nothing more to do.
    succeed(fit(&directory, "again.json").arg("--resume"));
    assert_eq!(bytes(&directory, "again.json"), whole);
    assert_eq!(bytes(&directory, "state"), last);
    assert_eq!(files(directory.0.path()), ["again.json", "part.json", "resumed.json", "state", "whole.json"]);
}

/// By SIGKILL, which no program hears of, while iterations are made.
#[cfg(unix)]
#[test]
fn a_fit_that_is_killed_goes_on() {
    let directory = Directory::new();
    let table = directory.path("big.npy");
    succeed(&mut lanegrad(["synth", "--rows", "400000", "--cols", "12", &table]));
    let fit = |model: &str| {
        let mut command =
            lanegrad(["fit", &table, "--label", "-1", "--quiet", "--tol", "1e-12", "--max-iter", "60"]);
        command.args([
            "--model",
            &directory.path(model),
            "--checkpoint",
            &directory.path("state"),
            "--resume",
        ]);
        command
    };
    succeed(&mut fit("whole.json"));
    fs::remove_file(directory.path("state")).unwrap();
    let mut kills = 0;
    let finished = loop {
        let mut child = fit("killed.json").stdout(std::process::Stdio::null()).spawn().unwrap();
        let before = fs::read(directory.path("state")).ok();
        // Until there is a state, or another one.
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if fs::read(directory.path("state")).ok() != before {
                break None;
            }
        };
        match ended {
            Some(status) => break status,
            None => {
                let _ = child.kill();
                if child.wait().unwrap().success() {
                    break Default::default();
                }
                kills += 1;
            }
        }
    };
    assert!(finished.success() && kills > 0, "{kills} kills");
    assert_eq!(bytes(&directory, "killed.json"), bytes(&directory, "whole.json"));
}

#[test]
fn states_of_other_fits_are_refused() {
    let directory = Directory::new();
    succeed(fit(&directory, "m.json").args(["--max-iter", "3"]));
    let state = bytes(&directory, "state");
    let resumed = |args: &[&str], words: &[&str]| {
        let mut command = fit(&directory, "other.json");
        refuse(command.arg("--resume").args(args), words);
        assert_eq!(bytes(&directory, "state"), state, "what is refused stays");
    };
    resumed(&["--standardize"], &["cannot go on from", "state", "other options"]);
    resumed(&["--arithmetic", "f32"], &["cannot go on from", "state"]);
    resumed(&["--ignore", "0"], &["cannot go on from", "state", "other data"]);
    let mut command =
        lanegrad(["fit", &data("magic04.csv"), "--label", "-1", "--model", &directory.path("other.json")]);
    command.args(["--checkpoint", &directory.path("state"), "--resume"]);
    refuse(&mut command, &["cannot go on from", "state", "other data"]);
    // Other numbers in a file of the same shape.
    let text = fs::read_to_string(data("breast_cancer.csv")).unwrap().replacen("17.99", "17.5", 1);
    let other = directory.file("other.csv", text);
    let mut command = lanegrad(["fit", &other, "--label", "-1", "--l2", "1e-3", "--resume"]);
    command.args(["--model", &directory.path("other.json"), "--checkpoint", &directory.path("state")]);
    refuse(&mut command, &["cannot go on from", "state", "other data"]);
    for (name, content) in [
        ("empty", Vec::new()),
        ("cut", state[..state.len() / 2].to_vec()),
        ("text", b"{}".to_vec()),
        ("changed", state.iter().enumerate().map(|(i, &byte)| byte ^ u8::from(i == 300)).collect()),
    ] {
        let path = directory.file(name, content);
        let mut command = lanegrad(["fit", &data("breast_cancer.csv"), "--label", "-1", "--l2", "1e-3"]);
        command.args(["--model", &directory.path("other.json"), "--checkpoint", &path, "--resume"]);
        refuse(&mut command, &["cannot go on from", &path]);
    }
    assert!(!fs::exists(directory.path("other.json")).unwrap());
    // Without `--resume` it starts anew, and overwrites the state.
    succeed(fit(&directory, "m.json").arg("--standardize"));
    assert_ne!(bytes(&directory, "state"), state);
}

#[test]
fn a_state_is_neither_data_nor_model() {
    let directory = Directory::new();
    let table = directory.file("a.csv", "x,y\n1,0\n2,1\n3,0\n");
    let model = directory.path("m.json");
    let mut command = lanegrad(["fit", &table, "--label", "y", "--model", &model, "--checkpoint", &table]);
    refuse(&mut command, &["a.csv", "the same file as the input"]);
    let mut command = lanegrad(["fit", &table, "--label", "y", "--model", &model, "--checkpoint", &model]);
    refuse(&mut command, &["--model and --checkpoint are the same file"]);
    let mut command = lanegrad(["fit", &table, "--label", "y", "--model", &model, "--resume"]);
    refuse(&mut command, &["--checkpoint"]);
    for place in ["-", &directory.path("")] {
        let mut command = lanegrad(["fit", &table, "--label", "y", "--model", &model, "--checkpoint", place]);
        refuse(&mut command, &["is no file"]);
    }
    let nowhere = directory.path("none/state");
    let mut command = lanegrad(["fit", &table, "--label", "y", "--model", &model, "--checkpoint", &nowhere]);
    refuse(&mut command, &["cannot write", "none/state"]);
    assert_eq!(files(directory.0.path()), ["a.csv"]);
}
