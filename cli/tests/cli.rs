//! The program as run from a shell: the real binary, with the environment that a user would have.

#[path = "cli/bench.rs"]
mod bench;
#[path = "cli/checkpoint.rs"]
mod checkpoint;
#[path = "cli/columns.rs"]
mod columns;
#[path = "cli/endings.rs"]
mod endings;
#[path = "cli/fit.rs"]
mod fit;
#[path = "cli/formats.rs"]
mod formats;
#[path = "cli/golden.rs"]
mod golden;
#[path = "cli/labels.rs"]
mod labels;
#[path = "cli/many_files.rs"]
mod many_files;
#[path = "cli/missing.rs"]
mod missing;
#[cfg(unix)]
#[path = "cli/output.rs"]
mod output;
#[path = "cli/refused.rs"]
mod refused;
#[cfg(unix)]
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/small.rs"]
mod small;
#[path = "cli/support.rs"]
mod support;
