//! `lanegrad`: logistic regressions from the shell, and what this CPU reaches.

mod bench;
mod convert;
mod data;
mod dtype;
mod fit;
mod info;
mod json;
mod machine;
mod metrics;
mod model;
mod output;
mod predict;
mod synth;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// SIMD kernels for logistic regression: fit and apply models, and see what this CPU reaches.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fit a logistic regression to a table, of any size where it is a `.npy`.
    Fit(Box<fit::Args>),
    /// Print a model's probability for each row of a table.
    Predict(predict::Args),
    /// Write a table as a `.npy`, which `fit` maps into memory.
    Convert(convert::Args),
    /// Write a made-up data set of any size, the same on every machine.
    Synth(synth::Args),
    /// Measure what this CPU can reach, and what the kernels reach of it.
    Bench(Box<bench::Args>),
    /// Print the CPU, its caches, the instruction sets found and the one chosen.
    Info(info::Args),
}

/// Exit status of a run that was refused or failed, as clap's own for arguments that it refuses.
const FAILURE: u8 = 2;

/// Exit status of a run that was interrupted, as shells have it.
const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    // Where there are no handlers to be had, an interrupt leaves the file that is being written.
    let _ = ctrlc::set_handler(|| {
        output::remove_unfinished();
        std::process::exit(INTERRUPTED);
    });
    let done = match Cli::parse().command {
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

/// Says something on standard error. Where that is closed, nobody reads it, and the exit status has to do.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Runs work on so many threads, or as many as the system allows.
fn on_threads<R: Send>(threads: Option<u16>, work: impl FnOnce() -> R + Send) -> Result<R> {
    let threads = threads.map_or(0, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    Ok(pool.with_context(|| format!("cannot start {threads} threads"))?.install(work))
}
