//! Logistic regression at the speed of memory, within stated error bounds, and with the same bits on
//! every fused instruction set and any number of threads.
//!
//! lanegrad computes the loss of a logistic regression and its gradient over the rows of a batch in one pass:
//! each row is read from memory once, scored, and accumulated while it is still in cache. Beneath the pass are
//! the kernels: dot products, axpy, sigmoid, softplus, log-loss and its residual. Each is one algorithm,
//! compiled for several instruction sets, of which the fastest that the CPU has is chosen at run time: a plain
//! `cargo build` runs AVX-512 where there is AVX-512. Results do not depend on that choice as long as it has
//! fused multiply-add, nor on the number of threads, nor on how rows were cut into batches; and their errors
//! are bounded: sigmoid and softplus are within 1 ULP of the exact value for every one of the 2^32 `f32`.
//!
//! ```
//! use lanegrad::{Batch, Engine, Gradient, Params, Rows};
//!
//! // Three rows of two features, and a label for each.
//! let rows = Rows::new(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2)?;
//! let batch = Batch::new(rows, &[1.0, 0.0, 1.0])?;
//! let params = Params::new(&[0.5_f32, -0.25], 0.1);
//!
//! let mut engine = Engine::new(); // in parallel, where the work is large enough
//! let mut gradient = Gradient::default();
//! engine.loss_and_gradient(&batch, params, &mut gradient)?;
//! gradient.to_mean()?;
//! assert!((gradient.loss - 0.6564).abs() < 1e-4);
//!
//! let mut probabilities = [0.0; 3];
//! engine.predict_proba(rows, params, &mut probabilities)?;
//! assert_eq!(probabilities[0], 0.5249792);
//! # Ok::<(), lanegrad::Error>(())
//! ```
//!
//! # Promises
//!
//! [How the promises are checked](checks) names what holds each of them.
//!
//! - **The same bits.** A result depends on the values of its inputs, and on nothing else: not on the number of
//!   threads, on alignment, on how a stream of rows was cut into batches or which machine summed which of them,
//!   and not on which instruction set ran, as long as it has fused multiply-add ([`Isa::is_fused`]). A row scored
//!   alone gets the bits that it gets in a batch.
//! - **Bounded error.** sigmoid and softplus: within 1 ULP, proven over every `f32` and sampled for `f64`.
//!   [`dot`](dot()) and the gradient: in `f32` bounds that grow neither with the length nor with the number of
//!   rows, in `f64` bounds that grow by one unit roundoff when these double. One ULP is the spacing of floats at
//!   the exact result, at least the least subnormal.
//! - **Bad input is an error**, before anything is written. No safe call has undefined behaviour or panics (but for
//!   rayon, where the system gives it no threads). NaN and infinities follow IEEE arithmetic.
//! - **No hidden state**: no thread pool of its own, no change of floating-point modes. The kernels never
//!   allocate, and an [`Engine`] keeps its memory for the next call. The default floating-point environment is
//!   assumed (round to nearest, subnormals kept).
//!
//! # Three ways in
//!
//! The free functions run on the best instruction set, serially. The same names as methods of [`Isa`] run
//! on a chosen one, for tests, benchmarks and those who pin a tier. An [`Engine`] makes passes over rows,
//! and maps over large slices, on the threads of the caller's rayon pool.
//!
//! Data that are not in memory at once go through a [`GradientStream`], batch by batch; what several
//! workers have summed are [`GradientSum`]s, which merge in any order.
//!
//! # Two slow versions to compare with
//!
//! [`mod@reference`] holds the formulas as a textbook derives them, in `f64`: it judges accuracy.
//! [`baseline`] holds the plain loops that one would write first: speedups are measured against it.
//! [`roofline`] holds the loops that bound the kernels: ceilings are measured with them.
//!
//! # Features
//!
//! - `std` (default): detects instruction sets at run time. Without it the crate is `no_std`, and uses what
//!   the build enables with `-C target-feature` or `-C target-cpu`.
//! - `rayon` (default): an [`Engine`] shares large work between threads.
//! - `alloc` (part of `std`): [`Engine`], [`Gradient`], [`GradientStream`] and [`GradientSum`]. Without it
//!   there are the kernels, and the views of rows.
//! - `serde`: a [`GradientSum`] can be sent and stored.
//! - `ndarray`: [`Rows`] from an `ndarray` view.
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(all(test, not(feature = "std")))]
extern crate std;

pub mod baseline;
mod batch;
#[cfg(doc)]
#[doc = include_str!("checks.md")]
pub mod checks {}
#[cfg(feature = "alloc")]
mod chunks;
mod compiled;
mod element;
#[cfg(feature = "alloc")]
mod engine;
mod error;
#[cfg(feature = "alloc")]
mod gradient;
mod isa;
mod kernels;
mod math;
#[cfg(feature = "alloc")]
mod parallel;
pub mod reference;
pub mod roofline;
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
