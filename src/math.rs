//! Functions of a logit: the exponential that they share, sigmoid, log-loss and residual, and the one loop
//! that maps them over slices. Each is an algorithm written once, over
//! [`Arithmetic`](crate::simd::Arithmetic).

pub(crate) mod elementwise;
mod error_free;
mod exp;
pub(crate) mod log_loss;
mod quotient;
pub(crate) mod residual;
pub(crate) mod sigmoid;

/// A type of numbers with the constants of all functions here.
#[cfg(feature = "alloc")]
pub(crate) trait Real: log_loss::Log1pConstants {}

#[cfg(feature = "alloc")]
impl<T: log_loss::Log1pConstants> Real for T {}
