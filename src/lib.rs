//! SIMD kernels for logistic regression, within stated error bounds, and with the same bits on every
//! instruction set that has fused multiply-add.
//!
//! Dot products, axpy, and the nonlinear half: sigmoid, softplus, log-loss and its residual. Each
//! is one algorithm, compiled for several instruction sets, of which the fastest that the CPU has
//! is chosen at run time. A plain `cargo build` runs AVX-512 where there is AVX-512.
//!
//! ```
//! // Score one row: its logit, its probability, and how far that is from the label.
//! let (row, weights, bias) = ([1.0_f32, 2.0], [0.5_f32, -0.25], 0.1);
//! let mut z = [lanegrad::dot(&row, &weights)? + bias];
//! let mut loss = [0.0];
//! lanegrad::log_loss(&z, &[1.0], &mut loss)?;
//! lanegrad::sigmoid_in_place(&mut z);
//! assert_eq!(z, [0.5249792]);
//! assert_eq!(loss, [0.64439666]);
//! # Ok::<(), lanegrad::Error>(())
//! ```
//!
//! # Promises
//!
//! Each is held by tests; the README names them and their figures.
//!
//! - **The same bits.** A result depends on the values of its inputs, and on nothing else: not on
//!   alignment, not on where an element stands in a slice, and not on which instruction set ran, as
//!   long as it has fused multiply-add ([`Isa::is_fused`]).
//! - **Bounded error.** sigmoid and softplus: within 1 ULP, proven over every `f32` and sampled for
//!   `f64`. [`dot()`]: a bound
//!   that does not grow with the length in `f32`. One ULP is the spacing of floats at the exact result,
//!   at least the least subnormal.
//! - **Bad input is an error**, before anything is written. No safe call panics or has undefined
//!   behaviour. NaN and infinities follow IEEE arithmetic.
//! - **No hidden state**: no thread pool, no change of floating-point modes, no allocation. The default
//!   floating-point environment is assumed (round to nearest, subnormals kept).
//!
//! # Two ways in
//!
//! The free functions run on the best instruction set. The same names as methods of [`Isa`] run on a
//! chosen one, for tests, benchmarks and those who pin a tier.
//!
//! # Two slow versions to compare with
//!
//! [`mod@reference`] holds the formulas as a textbook derives them, in `f64`: it judges accuracy.
//! [`baseline`] holds the plain loops that one would write first: speedups are measured against it.
//!
//! # Features
//!
//! - `std` (default): detects the CPU's instruction sets at run time. Without it the crate is `no_std`
//!   and uses what the build enables.
//! - `rayon` (default): reserved for work on several threads; the kernels are serial.
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(all(test, not(feature = "std")))]
extern crate std;

pub mod baseline;
mod batch;
#[cfg(feature = "alloc")]
mod chunks;
mod element;
#[cfg(feature = "alloc")]
mod engine;
mod error;
#[cfg(feature = "alloc")]
mod gradient;
mod isa;
mod kernels;
mod math;
pub mod reference;
mod rows;
mod simd;
#[cfg(feature = "alloc")]
mod stream;
#[cfg(feature = "alloc")]
mod sum;
#[cfg(feature = "serde")]
mod wire;

pub use batch::{Batch, Params};
#[cfg(feature = "alloc")]
pub use chunks::chunk_rows;
pub use element::{Element, Storage};
#[cfg(feature = "alloc")]
pub use engine::Engine;
pub use error::Error;
#[cfg(feature = "alloc")]
pub use gradient::Gradient;
pub use isa::Isa;
pub use kernels::{
    axpy, dot, log_loss, log_loss_in_place, residual, residual_in_place, sigmoid, sigmoid_in_place, softplus,
    softplus_in_place,
};
pub use rows::Rows;
#[cfg(feature = "alloc")]
pub use stream::GradientStream;
#[cfg(feature = "alloc")]
pub use sum::GradientSum;
