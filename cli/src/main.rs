//! The program `lanegrad`.

use std::process::ExitCode;

fn main() -> ExitCode {
    lanegrad_cli::main()
}
