//! The kernels: each an algorithm written once, generic over the backend and the types.
//!
//! The public functions check lengths, choose the instruction set once and call the kernel; what
//! is computed, and in which order, is in the files of this folder.

mod axpy;
mod dot;
mod pairwise;
mod update;

use crate::isa::dispatch;
use crate::{Element, Error, Isa, Storage};

/// The dot product `x[0] * w[0] + x[1] * w[1] + …`, on the best instruction set.
///
/// `x` and `w` have one length, from 0 (the sum is then +0). `f32` data may be summed in `f64`
/// arithmetic: `w` decides.
///
/// # Numeric contract
///
/// - On every fused instruction set the same bits, whatever the alignment.
/// - The error is at most `72 u Σ|x[i] w[i]|` in `f32` (u = 2^-24), whatever the length, and
///   `(72 + ceil(log2(n / 2048))) u Σ|x[i] w[i]|` in `f64` (u = 2^-53), to first order in u; and half
///   the least subnormal for each product that underflows. Sums of 4096 (`f32`) or 2048 (`f64`)
///   products are made in `T`, and added up in `f64` as a tree.
/// - NaN and infinities follow IEEE arithmetic. One of those sums that overflows is infinite, even if
///   the whole sum would be finite, and two that overflow to either side make NaN.
///
/// # Errors
///
/// [`Error::LengthMismatch`].
///
/// # Examples
///
/// ```
/// let x = [1.0_f32, 2.0, 3.0];
/// assert_eq!(lanegrad::dot(&x, &[4.0_f32, 5.0, 6.0])?, 32.0);
/// assert_eq!(lanegrad::dot(&x, &[4.0_f64, 5.0, 6.0])?, 32.0); // `f32` data, `f64` arithmetic
/// assert!(lanegrad::dot(&x, &[1.0_f32]).is_err());
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[inline]
pub fn dot<S: Storage<T>, T: Element>(x: &[S], w: &[T]) -> Result<T, Error> {
    Isa::best().dot(x, w)
}

/// `y[i] += a * x[i]` ("a x plus y"), on the best instruction set.
///
/// `x` and `y` have one length, from 0. `f32` data may be added into `f64`: `y` decides.
///
/// # Numeric contract
///
/// On a fused instruction set `y[i]` becomes `a.mul_add(x[i], y[i])`, rounded once, so the bits
/// are the same on all of them. On an unfused one the product is rounded before it is added.
///
/// # Errors
///
/// [`Error::LengthMismatch`]; `y` is then untouched.
///
/// # Examples
///
/// ```
/// let mut y = [1.0_f32, 1.0, 1.0];
/// lanegrad::axpy(2.0, &[1.0_f32, 2.0, 3.0], &mut y)?;
/// assert_eq!(y, [3.0, 5.0, 7.0]);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[inline]
pub fn axpy<S: Storage<T>, T: Element>(a: T, x: &[S], y: &mut [T]) -> Result<(), Error> {
    Isa::best().axpy(a, x, y)
}

/// The kernels on a chosen instruction set. Each is the free function of the same name, with the
/// same contract.
impl Isa {
    /// [`dot`] on this instruction set.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`].
    #[inline]
    pub fn dot<S: Storage<T>, T: Element>(self, x: &[S], w: &[T]) -> Result<T, Error> {
        Error::unless_same_length([("x", x.len()), ("w", w.len())])?;
        Ok(dispatch!(self, b => dot::dot(b, x, w)))
    }

    /// [`axpy`] on this instruction set.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `y` is then untouched.
    #[inline]
    pub fn axpy<S: Storage<T>, T: Element>(self, a: T, x: &[S], y: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("x", x.len()), ("y", y.len())])?;
        dispatch!(self, b => axpy::axpy(b, a, x, y));
        Ok(())
    }
}
