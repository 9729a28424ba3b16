//! `lanegrad`: logistic regressions from the shell, and what this CPU reaches.

use std::process::ExitCode;

fn main() -> ExitCode {
    lanegrad_cli::main()
}
