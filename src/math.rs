//! Functions of a logit: sigmoid, log-loss, residual and curvature, and the one loop that maps them over slices. Each
//! is an algorithm written once, over [`Arithmetic`](crate::simd::Arithmetic), and all start from one number: the
//! probability of the class that the logit makes the less likely one ([`tail`]), which is made of one exponential
//! ([`exp`]) and one quotient. So what a pass computes together has the bits of the functions alone. The way back,
//! from a probability to its [`logit`], is an algorithm of its own.

pub(crate) mod curvature;
pub(crate) mod elementwise;
mod error_free;
mod exp;
pub(crate) mod log_loss;
pub(crate) mod logit;
pub(crate) mod residual;
pub(crate) mod sigmoid;
mod tail;

use crate::simd::LoadAs;

/// A type of numbers with the constants of all functions here, which sums in `f64` can read.
pub(crate) trait Real: log_loss::Log1pConstants + LoadAs<f64> {}

impl<T: log_loss::Log1pConstants + LoadAs<f64>> Real for T {}
