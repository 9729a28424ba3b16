//! The ceilings of a CPU, and the operations of the kernels: to measure how much of its ceiling a kernel
//! reaches.
//!
//! A kernel can be no faster than its bytes can be loaded and stored, and no faster than its operations can
//! be started (Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52, 2009). The loops
//! here do one of these and nothing else, on a chosen instruction set. The caller times them, over data of a
//! size that belongs to a cache level or to memory, as `lanegrad bench` does.
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

mod ceilings;
#[cfg(test)]
mod count;

use self::ceilings::{Identity, Sum};
use crate::compiled::Compiled;
use crate::error::Error;
use crate::isa::{Isa, dispatch};
use crate::math::elementwise::{InPlace, Overwrite, update};
use crate::rows::{Ceilings, Element};

/// Loads every element of `N` slices of one length, side by side, and returns a number that depends on
/// all of them.
///
/// A slice may also be read as its two halves, quarters or eighths, side by side: the CPU decides which is
/// fastest, and whether [`read_ahead`] or [`read_rows`] is faster still. What bounds a kernel is the fastest of
/// them, and a kernel that is faster shows that none of them was the limit.
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
    Ok(T::Loops::read(isa, slices))
}

/// [`read`] with a request for the memory `ahead` bytes after each vector that is loaded, also beyond the slices.
/// A request is a hint, for which x86-64 has an instruction that stable Rust offers; elsewhere it does nothing.
///
/// # Errors
///
/// [`Error::LengthMismatch`].
///
/// ```
/// assert_eq!(lanegrad::roofline::read_ahead(lanegrad::Isa::best(), [&[1.0_f32; 2048]], 8 << 10)?, 1024.0);
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn read_ahead<T: Element, const N: usize>(isa: Isa, slices: [&[T]; N], ahead: usize) -> Result<T, Error> {
    for slice in slices {
        Error::unless_same_length([("slices[0]", slices[0].len()), ("slices[i]", slice.len())])?;
    }
    Ok(T::Loops::read_ahead(isa, slices, ahead))
}

/// Loads every element of a slice in the order of a pass over its rows: four rows at a time, a vector of each by
/// turns, with a request for the memory `ahead` bytes after each vector; returns a number that depends on all of
/// them. A row is the `cols` elements, rounded up to whole vectors of 64 bytes, and at least one.
///
/// ```
/// assert_eq!(lanegrad::roofline::read_rows(lanegrad::Isa::best(), &[1.0_f32; 999], 64, 2 << 10), 999.0);
/// ```
#[must_use]
pub fn read_rows<T: Element>(isa: Isa, x: &[T], cols: usize, ahead: usize) -> T {
    // No row is longer than the slice.
    let vectors = (cols.min(x.len()) * size_of::<T>()).div_ceil(64).max(1);
    T::Loops::read_rows(isa, x, vectors, ahead)
}

/// Loads every element of two slices of one length, a vector of either by turns, and returns a number that
/// depends on all of them. From memory that may be faster than [`read`].
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
    Ok(T::Loops::read_pair(isa, x, y))
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
    T::Loops::copy(isa, x, out);
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
    T::Loops::add(isa, x, y);
    Ok(())
}

/// `rounds` multiply-adds in each lane of `CHAINS` vectors of 64 bytes, each waiting for the one before
/// it in its chain; returns a number that depends on all of them. That makes
/// [`multiply_add_flops`] operations.
///
/// The number of chains that keep the CPU busy depends on how long an operation takes and how many start at
/// once; more chains than fit into its registers slow it down. Measure several, from 1 to 12.
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
    T::Loops::multiply_add::<CHAINS>(isa, x, rounds)
}

/// The operations of [`multiply_add`]: two for each lane, chain and round; at most [`u64::MAX`].
#[must_use]
pub const fn multiply_add_flops<T: Element>(chains: usize, rounds: usize) -> u64 {
    let lanes = 64 / size_of::<T>() as u64;
    (2 * lanes).saturating_mul(chains as u64).saturating_mul(rounds as u64)
}

/// The operations that an elementwise kernel makes for an element.
///
/// The convention: an addition, subtraction, multiplication or division counts one, a multiply-add two, and
/// what only moves bits (signs, comparisons, selections, steps of an exponent) nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flops {
    /// The operations of [`sigmoid()`](crate::sigmoid()).
    pub sigmoid: u32,
    /// The operations of [`softplus`](crate::softplus).
    pub softplus: u32,
    /// The operations of [`log_sigmoid`](crate::log_sigmoid).
    pub log_sigmoid: u32,
    /// The operations of [`logit()`](crate::logit()).
    pub logit: u32,
    /// The operations of [`log_loss`](crate::log_loss).
    pub log_loss: u32,
    /// The operations of [`residual()`](crate::residual()).
    pub residual: u32,
    /// The operations of both of a row's terms in a pass, log-loss and residual, which share most.
    pub loss_terms: u32,
}

impl Flops {
    /// The operations of the kernels in `f32`.
    pub const F32: Self = Self {
        sigmoid: 47,
        softplus: 67,
        log_sigmoid: 67,
        logit: 48,
        log_loss: 69,
        residual: 47,
        loss_terms: 77,
    };

    /// The operations of the kernels in `f64`.
    pub const F64: Self = Self {
        sigmoid: 57,
        softplus: 88,
        log_sigmoid: 88,
        logit: 59,
        log_loss: 90,
        residual: 57,
        loss_terms: 98,
    };

    /// The operations of the kernels in `T`.
    ///
    /// ```
    /// use lanegrad::roofline::Flops;
    ///
    /// assert_eq!(Flops::of::<f32>(), Flops::F32);
    /// ```
    #[must_use]
    pub const fn of<T: Element>() -> Self {
        if size_of::<T>() == size_of::<f32>() { Self::F32 } else { Self::F64 }
    }
}

macro_rules! ceilings {
    ($($t:ident),+) => {
        $(impl Ceilings<$t> for Compiled {
            #[inline]
            fn read<const N: usize>(isa: Isa, slices: [&[$t]; N]) -> $t {
                dispatch!(isa, b => ceilings::read(b, slices, None))
            }

            #[inline]
            fn read_ahead<const N: usize>(isa: Isa, slices: [&[$t]; N], ahead: usize) -> $t {
                dispatch!(isa, b => ceilings::read(b, slices, Some(ahead)))
            }

            #[inline]
            fn read_rows(isa: Isa, x: &[$t], row: usize, ahead: usize) -> $t {
                dispatch!(isa, b => ceilings::read_rows(b, x, row, ahead))
            }

            #[inline]
            fn read_pair(isa: Isa, x: &[$t], y: &[$t]) -> $t {
                dispatch!(isa, b => ceilings::read_pair(b, x, y))
            }

            #[inline]
            fn copy(isa: Isa, x: &[$t], out: &mut [$t]) {
                dispatch!(isa, b => update(b, out, [x], Overwrite(Identity)));
            }

            #[inline]
            fn add(isa: Isa, x: &[$t], y: &mut [$t]) {
                dispatch!(isa, b => update(b, y, [x], InPlace(Sum)));
            }

            #[inline]
            fn multiply_add<const CHAINS: usize>(isa: Isa, x: $t, rounds: usize) -> $t {
                dispatch!(isa, b => ceilings::multiply_add::<_, $t, CHAINS>(b, x, rounds))
            }
        })+
    };
}
ceilings!(f32, f64);
