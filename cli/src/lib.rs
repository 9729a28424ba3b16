//! The program `lanegrad` as a library: [`main`] is all that its `main.rs` calls, and [`run`] takes its arguments
//! from elsewhere.

mod args;
mod bench;
mod convert;
mod fit;
mod info;
mod machine;
mod matrix;
mod output;
mod predict;
mod signals;
mod synth;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// Fit and apply logistic regressions, and measure what this CPU reaches.
#[derive(Parser)]
#[command(name = "lanegrad", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fit a logistic regression to a table. A `.npy` or `.safetensors` may be larger than memory.
    Fit(Box<fit::Args>),
    /// Print a model's probability for each row of a table.
    Predict(predict::Args),
    /// Write a table as a `.npy` or `.safetensors`, which `fit` maps into memory.
    Convert(convert::Args),
    /// Write a synthetic data set of any size, the same on every machine.
    Synth(synth::Args),
    /// Measure the speed of the kernels, and the limits that this CPU sets to it.
    Bench(Box<bench::Args>),
    /// Print the CPU, its caches, its instruction sets and the one that is chosen.
    Info(info::Args),
}

/// Exit status of a run that was refused or failed: clap's own for arguments that it refuses.
const FAILURE: u8 = 2;

/// The end of a run.
enum End {
    Status(ExitCode),
    /// The reader of an output went away: nobody is left to hear of it.
    ClosedPipe,
}

/// Runs the program with the arguments of this process. In Unix a signal removes the file that is being written and
/// then ends the process, and a reader that closes its pipe ends it by SIGPIPE.
#[must_use]
pub fn main() -> ExitCode {
    signals::allow();
    match execute(std::env::args_os()) {
        End::Status(status) => status,
        End::ClosedPipe => signals::end_by_closed_pipe(),
    }
}

/// Runs the program with these arguments, of which the first is its name, and returns its exit status: 0, 1 if a
/// comparison of reports failed, 2 if something was refused or failed, which was then printed on standard error, and
/// 141 if the reader of an output closed its pipe, which is not. The signals of the process are left to the caller.
pub fn run(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    match execute(args) {
        End::Status(status) => status,
        End::ClosedPipe => ExitCode::from(signals::CLOSED_PIPE),
    }
}

fn execute(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> End {
    let done = match Cli::try_parse_from(args) {
        Ok(cli) => match cli.command {
            Command::Fit(args) => fit::run(&args).map(|()| ExitCode::SUCCESS),
            Command::Predict(args) => predict::run(&args).map(|()| ExitCode::SUCCESS),
            Command::Convert(args) => convert::run(&args).map(|()| ExitCode::SUCCESS),
            Command::Synth(args) => synth::run(&args).map(|()| ExitCode::SUCCESS),
            Command::Bench(args) => bench::run(&args),
            Command::Info(args) => info::run(&args).map(|()| ExitCode::SUCCESS),
        },
        Err(answer) => print(&answer),
    };
    match done {
        Ok(status) => End::Status(status),
        Err(error) if output::is_closed_pipe(&error) => End::ClosedPipe,
        Err(error) => {
            note(&format!("error: {error:#}"));
            End::Status(ExitCode::from(FAILURE))
        }
    }
}

/// Prints what clap has to say: help on standard output, or an error on standard error.
fn print(answer: &clap::Error) -> Result<ExitCode> {
    let printed = answer.print();
    // Nobody reads a closed standard error.
    if !answer.use_stderr() {
        printed.context("cannot write to standard output")?;
    }
    Ok(ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(FAILURE)))
}

/// Prints a line on standard error. If that is closed, nobody reads it, and the exit status says enough.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Runs work on this number of threads, or on as many as the system allows.
fn on_threads<R: Send>(threads: Option<u16>, work: impl FnOnce() -> R + Send) -> Result<R> {
    let threads = threads.map_or(0, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    Ok(pool.with_context(|| format!("cannot start {threads} threads"))?.install(work))
}
