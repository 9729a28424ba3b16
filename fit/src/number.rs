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
    pub const ALL: [Self; 2] = [Self::F32, Self::F64];

    /// The type's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
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
        Self::ALL.into_iter().find(|dtype| dtype.name() == name).ok_or(UnknownDtype)
    }
}

/// A type that a data set's numbers can have: `f32` or `f64`.
///
/// Sealed.
pub trait Number: Element + Storage<f64> + Storage<Self> + Default + sealed::Parse {
    /// The type as a choice.
    const DTYPE: Dtype;

    /// The nearest number.
    fn nearest(x: f64) -> Self;

    /// The same number in double precision.
    fn double(self) -> f64;
}

mod sealed {
    /// A number in a text.
    pub trait Parse: Sized {
        /// The nearest number to a decimal text; `None` if the text is not a number.
        #[cfg(feature = "files")]
        fn parse(text: &[u8]) -> Option<Self>;
    }
}
#[cfg(feature = "files")]
pub(crate) use sealed::Parse;

macro_rules! number {
    ($($t:ident $dtype:ident),+) => {
        $(impl Number for $t {
            const DTYPE: Dtype = Dtype::$dtype;

            #[inline]
            fn nearest(x: f64) -> Self {
                x as $t
            }

            #[inline]
            fn double(self) -> f64 {
                self.into()
            }
        }

        impl sealed::Parse for $t {
            #[cfg(feature = "files")]
            #[inline]
            fn parse(text: &[u8]) -> Option<Self> {
                match text {
                    // Indicators are a large part of many tables.
                    [digit @ b'0'..=b'9'] => Some($t::from(digit - b'0')),
                    _ => fast_float2::parse(text).ok(),
                }
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
        for dtype in Dtype::ALL {
            assert_eq!(dtype.to_string().parse(), Ok(dtype));
        }
        assert!("f16".parse::<Dtype>().is_err());
    }
}
