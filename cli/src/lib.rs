//! The program `lanegrad` as a library: [`main`] is all that its `main.rs` calls, and [`run`] takes its arguments
//! from elsewhere.

mod args;
mod bench;
mod convert;
mod fit;
mod info;
mod machine;
mod output;
mod predict;
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
    /// Fit a logistic regression to a table. A `.npy` may be larger than memory.
    Fit(Box<fit::Args>),
    /// Print a model's probability for each row of a table.
    Predict(predict::Args),
    /// Write a table as a `.npy`, which `fit` maps into memory.
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

/// Exit status of a run that was interrupted, as shells have it.
const INTERRUPTED: i32 = 130;

/// Runs the program with the arguments of this process. An interrupt removes the file that is being written, and
/// ends the process.
#[must_use]
pub fn main() -> ExitCode {
    // If the handler cannot be set, an interrupt leaves that file.
    let _ = ctrlc::set_handler(|| {
        output::remove_unfinished();
        std::process::exit(INTERRUPTED);
    });
    run(std::env::args_os())
}

/// Runs the program with these arguments, of which the first is its name, and returns its exit status: 0, 1 if a
/// comparison of reports failed, 2 if something was refused or failed, which was then printed on standard error.
pub fn run(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody reads a closed output.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(FAILURE));
        }
    };
    let done = match cli.command {
        Command::Fit(args) => fit::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Predict(args) => predict::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Convert(args) => convert::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Synth(args) => synth::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Bench(args) => bench::run(&args),
        Command::Info(args) => info::run(&args).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        note(&format!("error: {error:#}"));
        ExitCode::from(FAILURE)
    })
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
