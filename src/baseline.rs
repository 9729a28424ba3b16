//! The plain loops that one would write first, in the kernel's own types: the baseline of every
//! speedup that this project states.
//!
//! Nothing here is tuned, and nothing is made slow on purpose: idiomatic iterators, compiled by the same
//! compiler with the same flags. They have no numeric contract. For the right answer to hold a
//! kernel against, see [`reference`](crate::reference).

use crate::rows::{Element, Maps, Params, Passes, Rows, Storage};

/// `x[0] * w[0] + x[1] * w[1] + …`, in order.
///
/// ```
/// assert_eq!(lanegrad::baseline::dot(&[1.0_f32, 2.0], &[3.0_f32, 4.0]), 11.0);
/// ```
#[must_use]
pub fn dot<S: Storage<T>, T: Element>(x: &[S], w: &[T]) -> T {
    x.iter().zip(w).fold(T::default(), |sum, (&x, &w)| sum + S::Passes::convert(x) * w)
}

/// `y[i] += a * x[i]`.
///
/// ```
/// let mut y = [1.0_f64, 1.0];
/// lanegrad::baseline::axpy(2.0, &[1.0_f64, 2.0], &mut y);
/// assert_eq!(y, [3.0, 5.0]);
/// ```
pub fn axpy<S: Storage<T>, T: Element>(a: T, x: &[S], y: &mut [T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = *y + a * S::Passes::convert(x);
    }
}

/// `out[i] = 1 / (1 + exp(-z[i]))`.
///
/// ```
/// let mut p = [0.0_f32];
/// lanegrad::baseline::sigmoid(&[0.0], &mut p);
/// assert_eq!(p, [0.5]);
/// ```
pub fn sigmoid<T: Element>(z: &[T], out: &mut [T]) {
    let one = T::nearest(1.0);
    for (out, &z) in out.iter_mut().zip(z) {
        *out = one / (one + T::Loops::exp(-z));
    }
}

/// `out[i] = max(z[i], 0) + ln(1 + exp(-|z[i]|))`.
///
/// ```
/// let mut s = [0.0_f64];
/// lanegrad::baseline::softplus(&[1000.0], &mut s);
/// assert_eq!(s, [1000.0]);
/// ```
pub fn softplus<T: Element>(z: &[T], out: &mut [T]) {
    let zero = T::default();
    for (out, &z) in out.iter_mut().zip(z) {
        let positive_part = if z < zero { zero } else { z };
        *out = positive_part + T::Loops::ln_1p(T::Loops::exp(-T::Loops::abs(z)));
    }
}

/// `out[i] = min(z[i], 0) - ln(1 + exp(-|z[i]|))`.
///
/// ```
/// let mut l = [0.0_f64];
/// lanegrad::baseline::log_sigmoid(&[-1000.0], &mut l);
/// assert_eq!(l, [-1000.0]);
/// ```
pub fn log_sigmoid<T: Element>(z: &[T], out: &mut [T]) {
    let zero = T::default();
    for (out, &z) in out.iter_mut().zip(z) {
        let negative_part = if z > zero { zero } else { z };
        *out = negative_part - T::Loops::ln_1p(T::Loops::exp(-T::Loops::abs(z)));
    }
}

/// `out[i] = ln(p[i] / (1 - p[i]))`.
///
/// ```
/// let mut z = [0.0_f64];
/// lanegrad::baseline::logit(&[0.5], &mut z);
/// assert_eq!(z, [0.0]);
/// ```
pub fn logit<T: Element>(p: &[T], out: &mut [T]) {
    let one = T::nearest(1.0);
    for (out, &p) in out.iter_mut().zip(p) {
        *out = T::Loops::ln(p / (one - p));
    }
}

/// `out[i] = softplus(z[i]) - y[i] z[i]`.
///
/// ```
/// let mut loss = [0.0_f64];
/// lanegrad::baseline::log_loss(&[1000.0], &[0.0], &mut loss);
/// assert_eq!(loss, [1000.0]);
/// ```
pub fn log_loss<T: Element>(z: &[T], y: &[T], out: &mut [T]) {
    softplus(z, out);
    for (out, (&z, &y)) in out.iter_mut().zip(z.iter().zip(y)) {
        *out = *out - y * z;
    }
}

/// `out[i] = sigmoid(z[i]) - y[i]`.
///
/// ```
/// let mut r = [0.0_f64];
/// lanegrad::baseline::residual(&[0.0], &[1.0], &mut r);
/// assert_eq!(r, [-0.5]);
/// ```
pub fn residual<T: Element>(z: &[T], y: &[T], out: &mut [T]) {
    sigmoid(z, out);
    for (out, &y) in out.iter_mut().zip(y) {
        *out = *out - y;
    }
}

/// The sums of loss and gradient over rows: adds Σ (a - y) x to `dw`, and returns (Σ L, Σ (a - y)).
///
/// ```
/// use lanegrad::{Params, Rows, baseline};
///
/// let mut dw = [0.0_f64; 2];
/// let rows = Rows::new(&[1.0_f64, 2.0], 1, 2)?;
/// let (loss, db) = baseline::gradient(rows, &[1.0], Params::new(&[0.0, 0.0], 0.0), &mut dw);
/// assert_eq!((loss, db, dw), (std::f64::consts::LN_2, -0.5, [-0.5, -1.0]));
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn gradient<S: Storage<T>, T: Element>(
    rows: Rows<'_, S>,
    labels: &[T],
    params: Params<'_, T>,
    dw: &mut [T],
) -> (T, T) {
    let zero = T::default();
    let one = T::nearest(1.0);
    let (mut loss, mut db) = (zero, zero);
    for (x, &y) in rows.iter().zip(labels) {
        let z = dot(x, params.weights) + params.bias;
        let residual = one / (one + T::Loops::exp(-z)) - y;
        let positive_part = if z < zero { zero } else { z };
        loss = loss + positive_part + T::Loops::ln_1p(T::Loops::exp(-T::Loops::abs(z))) - y * z;
        axpy(residual, x, dw);
        db = db + residual;
    }
    (loss, db)
}
