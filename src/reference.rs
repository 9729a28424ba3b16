//! Logistic regression as a textbook writes it, in scalar `f64`: the oracle of accuracy.
//!
//! Slow and obvious on purpose. The kernels are held against these functions, and a reader who
//! wants to know what the crate computes finds it here.
//!
//! # The derivation
//!
//! A row x with label y in \[0, 1\], weights w and bias b give the logit, and the sigmoid turns it
//! into a probability, the *activation*:
//!
//! ```text
//! z = w·x + b                                     [logit]
//! a = sigmoid(z) = 1 / (1 + exp(-z))              [sigmoid]
//! L = -(y ln a + (1 - y) ln(1 - a))               [loss]
//! ```
//!
//! How L changes with a weight follows by the chain rule, dL/dw_i = dL/da · da/dz · dz/dw_i, from
//! components that are each one differentiation:
//!
//! ```text
//! (1) dL/da    = (1 - y)/(1 - a) - y/a            [d_loss_d_activation]
//! (2) da/dz    = exp(-z)/(1 + exp(-z))²
//!              = a (1 - a)                        [d_activation_d_logit]
//! (3) dL/dz    = (1)·(2)
//!              = (1 - y) a - y (1 - a) = a - y    [d_loss_d_logit]
//! (4) dz/dw_i  = x_i                              [d_logit_d_weight]
//! (5) dz/db    = 1                                [d_logit_d_bias]
//! ```
//!
//! The denominators of (1) cancel against the factors of (2). What is left is the *residual*
//! a - y, so that
//!
//! ```text
//! dL/dw_i = (3)·(4) = (a - y) x_i                 dL/db = (3)·(5) = a - y
//! ```
//!
//! and the gradient of a batch is the sum of these over its rows ([`gradient`]).
//!
//! Textbook formulas lose digits where a is near 0 or 1: ln 0, and differences of nearly equal
//! numbers. Where an oracle must hold there too, a second form stands beside the first, equal by
//! algebra and free of cancellation: [`log_loss`] for [`loss`], [`residual`] for
//! [`d_loss_d_logit`].
//!
//! # Example
//!
//! Two features, x = (1, 2), w = (0.5, -0.25), b = 0.1, y = 1:
//!
//! ```
//! use lanegrad::reference::*;
//!
//! let z = dot(&[1.0, 2.0], &[0.5, -0.25]) + 0.1;
//! let a = sigmoid(z);
//! let product = d_loss_d_activation(a, 1.0) * d_activation_d_logit(a) * d_logit_d_weight(2.0);
//! assert!((product - -0.95004162504212).abs() < 1e-14);
//! assert!((product - d_loss_d_logit(a, 1.0) * 2.0).abs() < 1e-15);
//! ```

use crate::num::Float;

/// x·w, summed in order. The shorter slice ends the sum.
#[must_use]
pub fn dot(x: &[f64], w: &[f64]) -> f64 {
    x.iter().zip(w).map(|(x, w)| x * w).sum()
}

/// `y[i] += a * x[i]`. The shorter slice ends the work.
pub fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// 1 / (1 + exp(-z)).
#[must_use]
pub fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + <f64 as Float>::exp(-z))
}

/// ln(1 + exp(z)), as max(z, 0) + ln(1 + exp(-|z|)), which does not overflow.
#[must_use]
pub fn softplus(z: f64) -> f64 {
    let positive_part = if z < 0.0 { 0.0 } else { z };
    positive_part + <f64 as Float>::ln_1p(<f64 as Float>::exp(-z.abs()))
}

/// ln(sigmoid(z)), as -ln(1 + exp(-z)) = -softplus(-z).
#[must_use]
pub fn log_sigmoid(z: f64) -> f64 {
    -softplus(-z)
}

/// The inverse of the sigmoid: ln(p / (1 - p)).
///
/// Loses digits where p is near 1/2, and the logit near 0.
#[must_use]
pub fn logit(p: f64) -> f64 {
    <f64 as Float>::ln(p / (1.0 - p))
}

/// The loss L of an activation a: -(y ln a + (1 - y) ln(1 - a)).
///
/// Infinite or NaN where a is 0 or 1; see [`log_loss`].
#[must_use]
pub fn loss(a: f64, y: f64) -> f64 {
    -(y * <f64 as Float>::ln(a) + (1.0 - y) * <f64 as Float>::ln(1.0 - a))
}

/// The loss L of a logit z: y softplus(-z) + (1 - y) softplus(z).
///
/// Equal to [`loss`] of the sigmoid, because -ln a = softplus(-z) and -ln(1 - a) = softplus(z). For
/// labels in \[0, 1\] no term is negative, so nothing cancels.
#[must_use]
pub fn log_loss(z: f64, y: f64) -> f64 {
    y * softplus(-z) + (1.0 - y) * softplus(z)
}

/// Component (1), dL/da = (1 - y)/(1 - a) - y/a.
#[must_use]
pub fn d_loss_d_activation(a: f64, y: f64) -> f64 {
    (1.0 - y) / (1.0 - a) - y / a
}

/// Component (2), da/dz = a (1 - a).
#[must_use]
pub fn d_activation_d_logit(a: f64) -> f64 {
    a * (1.0 - a)
}

/// Component (3), dL/dz = a - y: the residual.
#[must_use]
pub fn d_loss_d_logit(a: f64, y: f64) -> f64 {
    a - y
}

/// Component (4), dz/dw_i = x_i.
#[must_use]
pub fn d_logit_d_weight(x_i: f64) -> f64 {
    x_i
}

/// Component (5), dz/db = 1.
#[must_use]
pub fn d_logit_d_bias() -> f64 {
    1.0
}

/// The residual a - y of a logit: (1 - y) sigmoid(z) - y sigmoid(-z).
///
/// Equal to [`d_loss_d_logit`], because 1 - sigmoid(z) = sigmoid(-z). Where y is 0 or 1 one term
/// is zero and nothing cancels, however near a is to y.
#[must_use]
pub fn residual(z: f64, y: f64) -> f64 {
    (1.0 - y) * sigmoid(z) - y * sigmoid(-z)
}

/// One row of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    /// The features.
    pub x: &'a [f64],
    /// The label, in \[0, 1\].
    pub y: f64,
    /// The sample weight, by which the row counts; 1 where rows are not weighted.
    pub sample_weight: f64,
    /// What is added to the logit; 0 where there are no offsets.
    pub offset: f64,
}

/// The summed gradient of a batch: adds Σ s (a - y) x to `dw`, where s is the sample weight, and
/// returns (Σ s L, Σ s (a - y)): the loss and dL/db.
///
/// ```
/// use lanegrad::reference::{Example, gradient};
///
/// let batch = [Example { x: &[1.0, 2.0], y: 1.0, sample_weight: 1.0, offset: 0.0 }];
/// let mut dw = [0.0; 2];
/// let (loss, db) = gradient(batch, &[0.5, -0.25], 0.1, &mut dw);
/// assert!((loss - 0.644396660073571).abs() < 1e-14);
/// assert!((db - -0.47502081252106).abs() < 1e-14);
/// assert!((dw[1] - -0.95004162504212).abs() < 1e-14);
/// ```
pub fn gradient<'a>(
    batch: impl IntoIterator<Item = Example<'a>>,
    w: &[f64],
    b: f64,
    dw: &mut [f64],
) -> (f64, f64) {
    let (mut loss, mut db) = (0.0, 0.0);
    for Example { x, y, sample_weight, offset } in batch {
        let z = dot(x, w) + b + offset;
        let r = sample_weight * residual(z, y);
        loss += sample_weight * log_loss(z, y);
        axpy(r, x, dw);
        db += r;
    }
    (loss, db)
}
