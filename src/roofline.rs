//! What a CPU can reach at most, and what a kernel asks of it: for measuring how much of the one the
//! other gets.
//!
//! A kernel can be no faster than its bytes can be loaded and stored, and no faster than its operations
//! can be started (Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52, 2009). The
//! loops here do one of these and nothing else, on a chosen instruction set; to time them, over data of
//! a size that belongs to a cache level or to memory, is the caller's affair, and what `lanegrad bench`
//! does.
//!
//! ```
//! use lanegrad::{Isa, roofline};
//!
//! let x = vec![1.0_f32; 1 << 20];
//! let start = std::time::Instant::now();
//! std::hint::black_box(roofline::read(Isa::best(), [std::hint::black_box(&*x)])?);
//! println!("{:.1} GB/s", size_of_val(&*x) as f64 / 1e9 / start.elapsed().as_secs_f64());
//! # Ok::<(), lanegrad::Error>(())
//! ```

use crate::isa::dispatch;
use crate::kernels::ceilings::{self, Identity, Sum};
use crate::kernels::count;
use crate::kernels::{InPlace, LogLoss, Overwrite, Residual, Sigmoid, Softplus, update};
use crate::{Element, Error, Isa};

/// Loads every element of `N` slices of one length, side by side, and returns a number that depends on
/// all of them.
///
/// How many streams of loads are fastest depends on the CPU: a slice may be read as its two halves, or as
/// its quarters.
///
/// # Errors
///
/// [`Error::LengthMismatch`].
///
/// ```
/// use lanegrad::{Isa, roofline};
///
/// let x = [1.0_f32; 2048];
/// let (left, right) = x.split_at(1024);
/// assert_eq!(roofline::read(Isa::best(), [&x])?, 1024.0); // a product for every two elements
/// assert_eq!(roofline::read(Isa::best(), [left, right])?, 1024.0);
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn read<T: Element, const N: usize>(isa: Isa, slices: [&[T]; N]) -> Result<T, Error> {
    for slice in slices {
        Error::unless_same_length([("slices[0]", slices[0].len()), ("slices[i]", slice.len())])?;
    }
    Ok(dispatch!(isa, b => ceilings::read(b, slices)))
}

/// The same for two slices, by turns a vector of either: from memory that may be faster.
///
/// # Errors
///
/// [`Error::LengthMismatch`].
///
/// ```
/// assert_eq!(lanegrad::roofline::read_pair(lanegrad::Isa::best(), &[1.0_f32; 99], &[1.0; 99])?, 99.0);
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn read_pair<T: Element>(isa: Isa, x: &[T], y: &[T]) -> Result<T, Error> {
    Error::unless_same_length([("x", x.len()), ("y", y.len())])?;
    Ok(dispatch!(isa, b => ceilings::read_pair(b, x, y)))
}

/// `out[i] = x[i]`, by loads and stores of the instruction set. For large slices the standard library's
/// copy may be faster, where it goes around the caches.
///
/// # Errors
///
/// [`Error::LengthMismatch`]; `out` is then untouched.
///
/// ```
/// use lanegrad::{Isa, roofline};
///
/// let mut out = [0.0; 3];
/// roofline::copy(Isa::best(), &[1.0_f32, 2.0, 3.0], &mut out)?;
/// assert_eq!(out, [1.0, 2.0, 3.0]);
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn copy<T: Element>(isa: Isa, x: &[T], out: &mut [T]) -> Result<(), Error> {
    Error::unless_same_length([("x", x.len()), ("out", out.len())])?;
    dispatch!(isa, b => update(b, out, [x], Overwrite(Identity)));
    Ok(())
}

/// `y[i] += x[i]`: two loads and a store for each element, what axpy does to memory.
///
/// # Errors
///
/// [`Error::LengthMismatch`]; `y` is then untouched.
///
/// ```
/// use lanegrad::{Isa, roofline};
///
/// let mut y = [1.0_f64, 1.0];
/// roofline::add(Isa::best(), &[1.0, 2.0], &mut y)?;
/// assert_eq!(y, [2.0, 3.0]);
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn add<T: Element>(isa: Isa, x: &[T], y: &mut [T]) -> Result<(), Error> {
    Error::unless_same_length([("x", x.len()), ("y", y.len())])?;
    dispatch!(isa, b => update(b, y, [x], InPlace(Sum)));
    Ok(())
}

/// `rounds` multiply-adds in each lane of `CHAINS` vectors of 64 bytes, each waiting for the one before
/// it in its chain; returns a number that depends on all of them. That makes
/// [`multiply_add_flops`] operations.
///
/// How many chains keep the CPU busy depends on how long an operation takes and how many start at once;
/// more of them than fit into its registers slow it down. Measure several, from 1 to 12.
///
/// ```
/// use lanegrad::{Isa, roofline};
///
/// // 1 -> 1.5 -> 1.75, in 2 × 16 lanes.
/// assert_eq!(roofline::multiply_add::<f32, 2>(Isa::best(), 1.0, 2), 56.0);
/// assert_eq!(roofline::multiply_add_flops::<f32>(2, 2), 128);
/// ```
#[must_use]
pub fn multiply_add<T: Element, const CHAINS: usize>(isa: Isa, x: T, rounds: usize) -> T {
    const { assert!(CHAINS > 0, "there is a chain to compute") }
    dispatch!(isa, b => ceilings::multiply_add::<_, T, CHAINS>(b, x, rounds))
}

/// The operations of [`multiply_add`]: two for each lane, chain and round; at most [`u64::MAX`].
#[must_use]
pub const fn multiply_add_flops<T: Element>(chains: usize, rounds: usize) -> u64 {
    (2 * T::LANES as u64).saturating_mul(chains as u64).saturating_mul(rounds as u64)
}

/// The operations that [`sigmoid()`](crate::sigmoid()) makes for an element.
///
/// The convention, for all elementwise kernels: an addition, subtraction, multiplication or division
/// counts one, a multiply-add two, and what only moves bits (signs, comparisons, selections, steps of an
/// exponent) nothing. Counted by running the kernel on numbers that keep count.
///
/// ```
/// assert_eq!(lanegrad::roofline::sigmoid_flops::<f32>(), 45);
/// ```
#[must_use]
pub fn sigmoid_flops<T: Element>() -> u32 {
    count::flops::<T, 1>(Sigmoid)
}

/// The operations that [`softplus`](crate::softplus) makes for an element, as in [`sigmoid_flops`].
#[must_use]
pub fn softplus_flops<T: Element>() -> u32 {
    count::flops::<T, 1>(Softplus)
}

/// The operations that [`log_loss`](crate::log_loss) makes for an element, as in [`sigmoid_flops`].
#[must_use]
pub fn log_loss_flops<T: Element>() -> u32 {
    count::flops::<T, 2>(LogLoss)
}

/// The operations that [`residual()`](crate::residual()) makes for an element, as in [`sigmoid_flops`].
#[must_use]
pub fn residual_flops<T: Element>() -> u32 {
    count::flops::<T, 2>(Residual)
}
