//! The tests of what the library computes, in one program: a module for each promise, or group of them.
//!
//! `cargo test --test results golden` runs the modules and tests whose names contain a word.

mod support;

#[path = "results/accuracy.rs"]
mod accuracy;
#[path = "results/backends_agree.rs"]
mod backends_agree;
#[path = "results/bad_input.rs"]
mod bad_input;
#[path = "results/batches.rs"]
mod batches;
#[cfg(feature = "alloc")]
#[path = "results/bounds.rs"]
mod bounds;
#[path = "results/derivation.rs"]
mod derivation;
#[cfg(feature = "alloc")]
#[path = "results/deviations.rs"]
mod deviations;
#[path = "results/dot_accuracy.rs"]
mod dot_accuracy;
#[path = "results/exhaustive.rs"]
mod exhaustive;
#[cfg(feature = "alloc")]
#[path = "results/expected.rs"]
mod expected;
#[path = "results/golden.rs"]
mod golden;
#[cfg(feature = "alloc")]
#[path = "results/gradient.rs"]
mod gradient;
#[cfg(unix)]
#[path = "results/guard_pages.rs"]
mod guard_pages;
#[path = "results/interface.rs"]
mod interface;
#[cfg(feature = "alloc")]
#[path = "results/invariants.rs"]
mod invariants;
#[path = "results/isa.rs"]
mod isa;
#[cfg(feature = "alloc")]
#[path = "results/reproducible.rs"]
mod reproducible;
#[path = "results/roofline.rs"]
mod roofline;
#[path = "results/rows.rs"]
mod rows;
#[cfg(all(feature = "alloc", feature = "narrow"))]
#[path = "results/scaling.rs"]
mod scaling;
#[cfg(feature = "alloc")]
#[path = "results/segments.rs"]
mod segments;
#[cfg(feature = "narrow")]
#[path = "results/small.rs"]
mod small;
#[cfg(feature = "alloc")]
#[path = "results/streams.rs"]
mod streams;
#[cfg(feature = "alloc")]
#[path = "results/sum_bytes.rs"]
mod sum_bytes;
