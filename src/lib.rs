//! Logistic regression at the speed of memory, within stated error bounds, and with the same bits on
//! every fused instruction set and any number of threads.
//!
//! lanegrad computes the loss of a logistic regression and its gradient over the rows of a batch in one pass:
//! each row is read from memory once, scored, and accumulated while it is still in cache. Beneath the pass
//! are the kernels: dot products, axpy, sigmoid and its inverse, softplus, log-loss and its residual. Each is one
//! algorithm, compiled for several instruction sets, of which the fastest that the CPU has is chosen at run time:
//! a plain `cargo build` runs AVX-512 where there is AVX-512. Results do not depend on that choice as long as
//! it has fused multiply-add, nor on the number of threads, nor on how rows were cut into batches; and their
//! errors are bounded: sigmoid, logit and softplus are within 1 ULP of the exact value for every one of the 2^32
//! `f32`.
//!
//! ```
//! use lanegrad::{Batch, Engine, Params, Rows};
//!
//! // Three rows of two features, and a label for each.
//! let rows = Rows::new(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2)?;
//! let batch = Batch::new(rows, &[1.0, 0.0, 1.0])?;
//! let params = Params::new(&[0.5_f32, -0.25], 0.1);
//!
//! let engine = Engine::new(); // in parallel, where the work is large enough
//! let mut gradient = engine.loss_and_gradient(&batch, params)?;
//! gradient.average()?;
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
//! - **The same bits.** A result depends on the values of its inputs, and on nothing else: not on the number
//!   of threads, on alignment, on how a stream of rows was cut into batches or which machine summed which of
//!   them, and not on which instruction set ran, as long as it has fused multiply-add ([`Isa::is_fused`]). A
//!   row scored alone gets the bits that it gets in a batch. The sign and the payload of a NaN are
//!   unspecified.
//! - **Bounded error.** sigmoid, logit and softplus: within 1 ULP, proven over every `f32` and sampled for `f64`.
//!   [`dot`](dot()) and the gradient: in `f32` bounds that grow neither with the length nor with the number
//!   of rows, in `f64` bounds that grow by one unit roundoff when these double. Products that underflow add
//!   to these bounds: each function says how much. One ULP is the spacing of floats at the exact result, at
//!   least the least subnormal.
//! - **Bad input is an error**, before anything is written. No safe call has undefined behaviour or panics
//!   (but for rayon, where the system gives it no threads). NaN and infinities follow IEEE arithmetic.
//! - **No hidden state**: no thread pool of its own, no change of floating-point modes. The kernels never
//!   allocate, and a result that a pass fills again keeps the memory that the pass works in. Where memory
//!   cannot be allocated the program ends, as with the standard library's collections. The default
//!   floating-point environment is assumed (round to nearest, subnormals kept).
//!
//! # Three ways in
//!
//! - The free functions ([`dot`](dot()), [`sigmoid`](sigmoid())) run on the best instruction set, serially.
//! - The same names as methods of [`Isa`] run on a chosen one: for tests, for benchmarks, and for programs
//!   that fix the instruction set.
//! - An [`Engine`] makes passes over rows ([`Engine::loss_and_gradient`], [`Engine::hessian_product`],
//!   [`Engine::hessian_diagonal`], [`Engine::predict_proba`]), and maps over large slices, on the threads of the
//!   caller's rayon pool.
//!
//! Data that are not in memory at once go through a [`SumStream`], batch by batch: a [`GradientStream`], a
//! [`HessianProductStream`], a [`HessianDiagonalStream`] or a [`DeviationsStream`]. What one worker has summed is a
//! [`PartialSum`], which is sent as bytes; such parts merge in any order. The rows may be those of a list of files, the
//! segments of a data set, which [`Extent::plan`] shares between workers.
//!
//! # To compare with
//!
//! - [`mod@reference`] holds the formulas as a textbook derives them, in `f64`: it judges accuracy.
//! - [`baseline`] holds the plain loops that one would write first: speedups are measured against it.
//! - [`roofline`] holds the loops that bound the kernels: ceilings are measured with them.
//!
//! # Features
//!
//! - `std` (default): detects instruction sets at run time. Without it the crate is `no_std`, and uses what
//!   the build enables with `-C target-feature` or `-C target-cpu`.
//! - `rayon` (default): an [`Engine`] shares large work between threads.
//! - `alloc` (part of `std`): [`Engine`], the results of its passes ([`Gradient`] and the like), [`SumStream`] and
//!   [`PartialSum`]. Without it there are the kernels, and scores of rows on a chosen [`Isa`].
//! - `scalar` (default): the instruction set of that name, to compare with: a quarter of a program's size.
//! - `serde`: results and [`PartialSum`] can be sent and stored.
//! - `narrow`: rows held as `half::bf16`, `half::f16`, `i8` and `u8`, and [`Scaling`] for quantised columns.
//! - `ndarray`: [`Rows`] from an `ndarray` view.
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(all(test, not(feature = "std")))]
extern crate std;

// The floors, from the ground up: a module imports from the floors above its own in this list, and by the
// module's path. `ARCHITECTURE.md` describes them; `tests/project/layers.rs` reads and holds them.
mod num;
mod place;
mod tuning;

mod error;
#[cfg(feature = "alloc")]
mod parallel;
#[cfg(feature = "alloc")]
mod plan;
mod simd;

mod isa;
mod math;
mod tree;

mod rows;

mod pass;

mod compiled;
mod kernels;
#[cfg(feature = "alloc")]
mod sum;

#[cfg(feature = "alloc")]
mod engine;
#[cfg(all(feature = "alloc", feature = "narrow"))]
mod scaling;

#[cfg(feature = "alloc")]
mod stream;

pub mod baseline;
pub mod reference;
pub mod roofline;

#[cfg(doc)]
#[doc = include_str!("checks.md")]
pub mod checks {}

#[cfg(feature = "alloc")]
pub use engine::Engine;
pub use error::Error;
pub use isa::Isa;
pub use kernels::{
    axpy, dot, log_loss, log_loss_in_place, log_sigmoid, log_sigmoid_in_place, logit, logit_in_place,
    residual, residual_in_place, sigmoid, sigmoid_in_place, softplus, softplus_in_place,
};
#[cfg(feature = "alloc")]
pub use place::Extent;
pub use place::Place;
#[cfg(feature = "alloc")]
pub use plan::{Piece, Shard};
pub use rows::{Batch, Element, Params, RowIndex, Rows, RowsIter, Storage, labels};
#[cfg(all(feature = "alloc", feature = "narrow"))]
pub use scaling::{Quantized, Scaling, extend_ranges};
#[cfg(feature = "alloc")]
pub use stream::{DeviationsStream, GradientStream, HessianDiagonalStream, HessianProductStream, SumStream};
#[cfg(feature = "alloc")]
pub use sum::{
    ColumnSums, Curvature, Deviations, DeviationsSum, Diagonal, Gradient, GradientSum, HessianDiagonal,
    HessianDiagonalSum, HessianProduct, HessianProductSum, Loss, PartialSum, Summand, Total, chunk_rows,
};
