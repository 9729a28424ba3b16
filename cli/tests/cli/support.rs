//! The program, run to its end.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

/// The real binary, with the environment that a user would have.
pub(crate) fn lanegrad<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanegrad"));
    command.args(args).env_remove("LANEGRAD_ISA");
    command
}

/// The result of a run.
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Run { status: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// Runs a command that must succeed, and returns what it prints.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> String {
    let Run { status, stdout, stderr } = run(command);
    assert_eq!(status, Some(0), "{command:?}: {stderr}");
    stdout
}

/// Runs a command that must be refused with exit status 2, without a panic, and with a message that says
/// all of `words`.
#[track_caller]
pub(crate) fn refuse(command: &mut Command, words: &[&str]) {
    let Run { status, stderr, .. } = run(command);
    assert_eq!(status, Some(2), "{command:?}: {stderr}");
    assert!(stderr.starts_with("error: ") && !stderr.contains("panicked"), "{command:?}: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "{command:?} does not say {word:?}: {stderr}");
    }
}

/// The names of the files in a directory.
pub(crate) fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    let names = entries.map(|entry| entry.expect("the directory can be read").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
