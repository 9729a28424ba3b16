//! Labels as people hold them, made into the numbers that a [`Batch`](crate::Batch) takes.
//!
//! ```
//! use lanegrad::{Batch, Rows, labels};
//!
//! let clicked = [true, false, true];
//! let mut y = [0.0_f32; 3];
//! labels::from_binary(&clicked, &mut y)?;
//! let batch = Batch::new(Rows::new(&[1.0_f32, 2.0, 3.0], 3, 1)?, &y)?;
//! assert_eq!(batch.labels(), [1.0, 0.0, 1.0]);
//! # Ok::<(), lanegrad::Error>(())
//! ```

use super::Element;
use crate::error::Error;

/// A type that programs hold labels in: `bool`, an integer of any size, `f32` or `f64`.
///
/// Sealed.
pub trait Label: sealed::Value {}

/// What keeps [`Label`] from being implemented elsewhere.
mod sealed {
    #[expect(unnameable_types, reason = "what a sealed trait stands on")]
    pub trait Value: Copy {
        /// The label as a number; 0, 1 and -1 exactly, and no other number as one of these.
        fn value(self) -> f64;
    }
}

macro_rules! label {
    ($($t:ty),+) => {
        $(impl Label for $t {}

        impl sealed::Value for $t {
            fn value(self) -> f64 {
                self as f64
            }
        })+
    };
}
label!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, f32, f64);

impl Label for bool {}

impl sealed::Value for bool {
    fn value(self) -> f64 {
        f64::from(u8::from(self))
    }
}

/// `out[i]` becomes `labels[i]`, which is 0 or 1, or `false` or `true`.
///
/// # Errors
///
/// [`Error::LengthMismatch`]; [`Error::OtherLabel`] with the first label that is another number. `out` is then
/// untouched.
///
/// # Examples
///
/// ```
/// let mut y = [0.5_f32; 3];
/// lanegrad::labels::from_binary(&[1_u8, 0, 1], &mut y)?;
/// assert_eq!(y, [1.0, 0.0, 1.0]);
/// assert!(lanegrad::labels::from_binary(&[2_u8, 0, 1], &mut y).is_err());
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn from_binary<L: Label, T: Element>(labels: &[L], out: &mut [T]) -> Result<(), Error> {
    convert(labels, out, [0.0, 1.0])
}

/// `out[i]` becomes 0 where `labels[i]` is -1, and 1 where it is 1.
///
/// # Errors
///
/// [`Error::LengthMismatch`]; [`Error::OtherLabel`] with the first label that is another number. `out` is then
/// untouched.
///
/// # Examples
///
/// ```
/// let mut y = [0.5_f64; 3];
/// lanegrad::labels::from_signs(&[1_i8, -1, 1], &mut y)?;
/// assert_eq!(y, [1.0, 0.0, 1.0]);
/// assert!(lanegrad::labels::from_signs(&[1.0, 0.0, 1.0], &mut y).is_err());
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub fn from_signs<L: Label, T: Element>(labels: &[L], out: &mut [T]) -> Result<(), Error> {
    convert(labels, out, [-1.0, 1.0])
}

/// `out[i]` becomes 0 where `labels[i]` is the first of two numbers, and 1 where it is the second.
fn convert<L: Label, T: Element>(labels: &[L], out: &mut [T], [zero, one]: [f64; 2]) -> Result<(), Error> {
    Error::unless_same_length([("labels", labels.len()), ("out", out.len())])?;
    let values = labels.iter().map(|&label| label.value());
    if let Some((index, value)) =
        values.clone().enumerate().find(|&(_, y): &(usize, f64)| y != zero && y != one)
    {
        return Err(Error::OtherLabel { index, value, classes: [zero, one] });
    }
    for (out, y) in out.iter_mut().zip(values) {
        *out = T::nearest(f64::from(u8::from(y == one)));
    }
    Ok(())
}
