//! Signals, and readers that go away.

use crate::support::{Directory, closed_pipe, data, files, lanegrad, succeed, without_reader};
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A long run. A test that fails ends it too.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts"))
    }

    /// Waits until something is so while it runs.
    #[track_caller]
    fn wait_until(&mut self, mut is_so: impl FnMut() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(self.0.try_wait().unwrap().is_none(), "it ended");
            assert!(start.elapsed() < Duration::from_secs(120), "nothing happens");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn send(&self, signal: i32) {
        // SAFETY: a signal to a child that was not waited for.
        #[expect(unsafe_code, reason = "no safe interface sends a signal")]
        unsafe {
            libc::kill(self.0.id().try_into().unwrap(), signal);
        }
    }

    /// Waits for its end.
    #[track_caller]
    fn end(mut self) -> ExitStatus {
        let mut status = None;
        let start = Instant::now();
        while status.is_none() {
            assert!(start.elapsed() < Duration::from_secs(120), "it does not end");
            std::thread::sleep(Duration::from_millis(2));
            status = self.0.try_wait().unwrap();
        }
        status.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SYNTH: [&str; 3] = ["synth", "--rows", "1000000000"];

/// The file that is being written in a directory, beside its place.
fn unfinished(directory: &Directory) -> Option<PathBuf> {
    let mut names = files(directory.0.path()).into_iter();
    names.find(|name| name.starts_with(".lanegrad-")).map(|name| directory.path(&name).into())
}

/// True if the tests were started so, by `nohup` or in the background of a script: the program would be too.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0");
    u64::from_str_radix(set.trim(), 16).unwrap() >> (signal - 1) & 1 == 1
}

#[test]
fn a_signal_ends_the_program_and_leaves_nothing() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
        if is_ignored(signal) {
            eprintln!("NOT TESTED: signal {signal}, which is ignored here");
            continue;
        }
        let directory = Directory::new();
        let path = directory.file("big.npy", "an earlier file");
        // SIGQUIT would leave a core file.
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -c 0; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_lanegrad")]);
        let mut synth = Running::start(shell.args(SYNTH).arg(&path).current_dir(directory.0.path()));
        synth.wait_until(|| unfinished(&directory).is_some());
        synth.send(signal);
        let status = synth.end();
        assert_eq!((status.signal(), status.code()), (Some(signal), None), "{status}");
        assert_eq!(files(directory.0.path()), ["big.npy"], "signal {signal}");
        assert_eq!(fs::read_to_string(path).unwrap(), "an earlier file");
    }
}

/// As Linux alone says which these are.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    for (name, signal) in [("HUP", libc::SIGHUP), ("INT", libc::SIGINT), ("QUIT", libc::SIGQUIT)] {
        let directory = Directory::new();
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("trap '' {name}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_lanegrad")]);
        let mut synth = Running::start(shell.args(SYNTH).arg(directory.path("big.npy")));
        synth.wait_until(|| unfinished(&directory).is_some());
        synth.send(signal);
        let path = unfinished(&directory).expect("it goes on");
        let size = || fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let before = size();
        synth.wait_until(|| size() > before + (1 << 25));
        synth.send(libc::SIGTERM);
        assert_eq!(synth.end().signal(), Some(libc::SIGTERM), "SIG{name}");
        assert_eq!(files(directory.0.path()), [""; 0]);
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_program_silently() {
    let directory = Directory::new();
    let (csv, model) = (data("breast_cancer.csv"), directory.path("m.json"));
    let fit = |model: &str| {
        let mut fit = lanegrad(["fit", &csv, "--label", "malignant", "--l2", "1", "--quiet", "--model"]);
        fit.arg(model);
        fit
    };
    // What is finished is kept.
    without_reader(&mut fit(&model));
    let kept = fs::read(&model).unwrap();
    succeed(&mut fit(&model));
    assert!(kept == fs::read(&model).unwrap());
    without_reader(&mut fit("-"));
    without_reader(&mut fit("/dev/stdout"));
    without_reader(&mut lanegrad(["predict", &csv, "--model", &model]));
    without_reader(&mut lanegrad(["convert", &csv, &directory.path("b.npy")]));
    without_reader(&mut lanegrad(["synth", "--rows", "100000", "/dev/stdout"]));
    without_reader(&mut lanegrad(["info"]));
    for help in [&["--help"][..], &["--version"], &["help", "fit"]] {
        without_reader(&mut lanegrad(help));
    }
    assert_eq!(files(directory.0.path()), ["b.npy", "m.json"]);
}

#[test]
fn a_pipe_that_is_closed_halfway_ends_a_long_run() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut synth = lanegrad(SYNTH);
    let mut synth = synth.arg("/dev/stdout").stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let mut start = [0; 100_000];
    std::io::Read::read_exact(&mut reader, &mut start).unwrap();
    drop(reader);
    // `Command` holds no other end of the pipe.
    let mut message = String::new();
    std::io::Read::read_to_string(&mut synth.stderr.take().unwrap(), &mut message).unwrap();
    assert_eq!((synth.wait().unwrap().signal(), message.as_str()), (Some(libc::SIGPIPE), ""));
}

#[test]
fn the_library_leaves_its_callers_process_alone() {
    let pipe = closed_pipe();
    let path = format!("/dev/fd/{}", pipe.as_raw_fd());
    assert_eq!(lanegrad_cli::run(["lanegrad", "synth", "--rows", "10", &path]), ExitCode::from(141));
}
