//! The types of numbers, as a choice and as Rust's.

use lanegrad::{Element, Storage};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A type that numbers are held in, or computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

impl Dtype {
    /// Every type, smallest first.
    pub const ALL: &'static [Self] = &[Self::F32, Self::F64];

    /// The type's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// The unit roundoff: half the distance from 1 to the next number.
    #[must_use]
    pub(crate) const fn unit_roundoff(self) -> f64 {
        match self {
            Self::F32 => 0.5 * f32::EPSILON as f64,
            Self::F64 => 0.5 * f64::EPSILON,
        }
    }

    /// The size of a number, in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The error of a name that is no [`Dtype`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownDtype;

impl fmt::Display for UnknownDtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the type of numbers is neither f32 nor f64")
    }
}

impl std::error::Error for UnknownDtype {}

impl FromStr for Dtype {
    type Err = UnknownDtype;

    fn from_str(name: &str) -> Result<Self, UnknownDtype> {
        Self::ALL.iter().copied().find(|dtype| dtype.name() == name).ok_or(UnknownDtype)
    }
}

/// A type that a data set's numbers can have: `f32` or `f64`.
///
/// Sealed.
pub trait Number: Element + Storage<f64> {
    /// The type as a choice.
    const DTYPE: Dtype;

    /// The same number in double precision.
    fn double(self) -> f64;

    /// The number in files; of a type of its own, so that no function of it is one of `f32`'s or `f64`'s in generic
    /// code.
    #[cfg(feature = "files")]
    #[doc(hidden)]
    type Encoding: Encoding<Self>;
}

/// A number in files: as text, and as bytes.
#[cfg(feature = "files")]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub trait Encoding<T> {
    /// The nearest number to a decimal text: infinity beyond the largest one; `None` if the text is not a number.
    fn parse(text: &[u8]) -> Option<T>;

    /// The number that a text starts with, and its length.
    fn parse_prefix(text: &[u8]) -> Option<(T, usize)>;

    /// The numbers that bytes are; `None` where they are not aligned, or not whole.
    fn cast(bytes: &[u8]) -> Option<&[T]>;

    /// The bytes of numbers.
    fn bytes(numbers: &[T]) -> &[u8];

    /// The numbers that bytes which can be written to are.
    fn cast_mut(bytes: &mut [u8]) -> Option<&mut [T]>;

    /// The nearest number to an integer.
    fn integer(x: i64) -> T;

    /// The nearest number to an integer without a sign.
    fn natural(x: u64) -> T;
}

/// The nearest number to a decimal text: infinity beyond the largest one; `None` if the text is not a number.
#[cfg(feature = "files")]
#[inline]
pub(crate) fn parse<T: Number>(text: &[u8]) -> Option<T> {
    T::Encoding::parse(text)
}

/// The type whose functions are those of all numbers in files.
#[cfg(feature = "files")]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub struct Encoded;

macro_rules! number {
    ($($t:ident $dtype:ident),+) => {
        $(impl Number for $t {
            const DTYPE: Dtype = Dtype::$dtype;

            #[inline]
            fn double(self) -> f64 {
                self.into()
            }

            #[cfg(feature = "files")]
            type Encoding = Encoded;
        }

        #[cfg(feature = "files")]
        impl Encoding<$t> for Encoded {
            #[inline]
            fn parse(text: &[u8]) -> Option<$t> {
                fast_float2::parse(text).ok()
            }

            #[inline]
            fn parse_prefix(text: &[u8]) -> Option<($t, usize)> {
                fast_float2::parse_partial(text).ok()
            }

            #[inline]
            fn cast(bytes: &[u8]) -> Option<&[$t]> {
                bytemuck::try_cast_slice(bytes).ok()
            }

            #[inline]
            fn bytes(numbers: &[$t]) -> &[u8] {
                bytemuck::cast_slice(numbers)
            }

            #[inline]
            fn cast_mut(bytes: &mut [u8]) -> Option<&mut [$t]> {
                bytemuck::try_cast_slice_mut(bytes).ok()
            }

            #[inline]
            fn integer(x: i64) -> $t {
                x as $t
            }

            #[inline]
            fn natural(x: u64) -> $t {
                x as $t
            }
        })+
    };
}
number!(f32 F32, f64 F64);

#[cfg(test)]
mod tests {
    use super::Dtype;

    #[test]
    fn names_read_back() {
        for &dtype in Dtype::ALL {
            assert_eq!(dtype.to_string().parse(), Ok(dtype));
        }
        assert!("f16".parse::<Dtype>().is_err());
    }
}
