//! The program, run to its end.

use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

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

/// A pipe whose reader is gone.
#[cfg(unix)]
pub(crate) fn closed_pipe() -> std::io::PipeWriter {
    let (_, writer) = std::io::pipe().expect("there is room for a pipe");
    writer
}

/// Runs a command whose output nobody reads: SIGPIPE must end it, without a message.
#[cfg(unix)]
#[track_caller]
pub(crate) fn without_reader(command: &mut Command) {
    use std::os::unix::process::ExitStatusExt;
    let output = command.stdout(closed_pipe()).output().expect("the binary starts");
    assert_eq!(output.status.signal(), Some(libc::SIGPIPE), "{command:?}: {output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command:?}");
}

/// The names of the files in a directory.
pub(crate) fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    let names = entries.map(|entry| entry.expect("the directory can be read").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A file of `tests/data`.
pub(crate) fn data(name: &str) -> String {
    format!("{}/../tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A small input with a difficulty: see `tests/data/cases/README.md`.
pub(crate) fn case(name: &str) -> String {
    data(&format!("cases/{name}"))
}

/// A directory for the files of a test.
pub(crate) struct Directory(pub(crate) TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for temporary files"))
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// A file of that name and content.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("there is room for temporary files");
        path
    }

    /// A `.npy` of doubles.
    pub(crate) fn npy(&self, name: &str, cols: usize, numbers: &[f64]) -> String {
        let mut file = header("<f8", "False", &format!("({}, {cols})", numbers.len() / cols));
        numbers.iter().for_each(|x| file.extend(x.to_le_bytes()));
        self.file(name, file)
    }
}

/// A header as NumPy writes it.
pub(crate) fn header(descr: &str, fortran: &str, shape: &str) -> Vec<u8> {
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    let len = (10 + text.len() + 1).next_multiple_of(64) - 10;
    text.extend(std::iter::repeat_n(' ', len - 1 - text.len()));
    text.push('\n');
    [b"\x93NUMPY\x01\x00".as_slice(), &(len as u16).to_le_bytes(), text.as_bytes()].concat()
}

pub(crate) fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("the file is there")).expect("it is JSON")
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

/// The text that a fit prints after a name.
pub(crate) fn printed(text: &str, name: &str) -> String {
    let line =
        text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
    line[name.len()..].trim().to_owned()
}

pub(crate) fn fit(data: &str, label: &str, model: &str) -> Command {
    let mut command = lanegrad(["fit", data, "--label", label, "--model", model]);
    command.arg("--quiet");
    command
}

/// The weights of a model, and its bias.
pub(crate) fn weights(model: &str) -> (Vec<f64>, f64) {
    let model = json(model);
    (numbers(&model["weights"]), model["bias"].as_f64().expect("a number"))
}

/// Runs a command that must succeed, and returns what it says on standard error.
#[track_caller]
pub(crate) fn says(command: &mut Command) -> String {
    let Run { status, stderr, .. } = run(command);
    assert_eq!(status, Some(0), "{command:?}: {stderr}");
    stderr
}
