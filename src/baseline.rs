//! The plain loops that one would write first, in the kernel's own type: the baseline of every
//! speedup that this project states.
//!
//! Nothing here is tuned, and nothing is spoiled either: idiomatic iterators, compiled by the same
//! compiler with the same flags. They have no numeric contract. For the right answer to hold a
//! kernel against, see [`reference`](crate::reference).

use crate::Element;

/// `x[0] * w[0] + x[1] * w[1] + …`, in order.
///
/// ```
/// assert_eq!(lanegrad::baseline::dot(&[1.0_f32, 2.0], &[3.0, 4.0]), 11.0);
/// ```
#[must_use]
pub fn dot<T: Element>(x: &[T], w: &[T]) -> T {
    x.iter().zip(w).fold(T::from_f64(0.0), |sum, (&x, &w)| sum + x * w)
}

/// `y[i] += a * x[i]`.
///
/// ```
/// let mut y = [1.0_f64, 1.0];
/// lanegrad::baseline::axpy(2.0, &[1.0, 2.0], &mut y);
/// assert_eq!(y, [3.0, 5.0]);
/// ```
pub fn axpy<T: Element>(a: T, x: &[T], y: &mut [T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = *y + a * x;
    }
}
