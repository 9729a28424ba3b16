//! The program as run from a shell: the real binary, with the environment that a user would have.

#[path = "cli/bench.rs"]
mod bench;
#[path = "cli/fit.rs"]
mod fit;
#[cfg(unix)]
#[path = "cli/output.rs"]
mod output;
#[cfg(unix)]
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/support.rs"]
mod support;
