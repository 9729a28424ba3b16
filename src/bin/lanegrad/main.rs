//! `lanegrad`: what this CPU reaches, from the shell.

mod bench;
mod info;
mod machine;
mod output;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// SIMD kernels for logistic regression: what this CPU has, and what it reaches.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the CPU, its caches, the instruction sets found and the one chosen.
    Info(info::Args),
    /// Measure what this CPU can reach, and what the kernels reach of it.
    Bench(Box<bench::Args>),
}

/// Exit status of a run that was refused or failed, as clap's own for arguments that it refuses.
const FAILURE: u8 = 2;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Info(args) => info::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Bench(args) => bench::run(&args),
    };
    done.unwrap_or_else(|error| {
        use std::io::Write;
        // Where even standard error is closed, the exit status has to do.
        let _ = writeln!(std::io::stderr(), "error: {error:#}");
        ExitCode::from(FAILURE)
    })
}
