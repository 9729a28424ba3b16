//! The types of numbers, as a choice and as Rust's.

use half::{bf16, f16};
use lanegrad::{Element, Storage};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A type that numbers are held in or, of `f32` and `f64`, computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// Integers from -128 to 127.
    I8,
    /// Integers from 0 to 255.
    U8,
    /// `half::bf16`: the range of single precision, and 8 significant bits.
    Bf16,
    /// `half::f16`, half precision: 11 significant bits, up to 65 504.
    F16,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

impl Dtype {
    /// Every type, smallest first.
    pub const ALL: &'static [Self] = &[Self::I8, Self::U8, Self::Bf16, Self::F16, Self::F32, Self::F64];

    /// The types of arithmetic.
    pub const ARITHMETIC: &'static [Self] = &[Self::F32, Self::F64];

    /// The type's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::I8 => "i8",
            Self::U8 => "u8",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// The unit roundoff: half the distance from 1 to the next number.
    #[must_use]
    pub(crate) const fn unit_roundoff(self) -> f64 {
        match self {
            Self::I8 | Self::U8 => 0.5,
            Self::Bf16 => 0.5 / 128.0,
            Self::F16 => 0.5 / 1024.0,
            Self::F32 => 0.5 * f32::EPSILON as f64,
            Self::F64 => 0.5 * f64::EPSILON,
        }
    }

    /// The size of a number, in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::Bf16 | Self::F16 => 2,
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
        f.write_str("the type of numbers is none of i8, u8, bf16, f16, f32 and f64")
    }
}

impl std::error::Error for UnknownDtype {}

impl FromStr for Dtype {
    type Err = UnknownDtype;

    fn from_str(name: &str) -> Result<Self, UnknownDtype> {
        Self::ALL.iter().copied().find(|dtype| dtype.name() == name).ok_or(UnknownDtype)
    }
}

/// A type that a data set's features can be held in: `f32`, `f64`, `half::bf16`, `half::f16`, `i8` or `u8`.
///
/// Sealed.
pub trait Held: Storage<f64> + Default + PartialEq + fmt::Debug {
    /// The type as a choice.
    const DTYPE: Dtype;

    /// The same number in double precision.
    fn double(self) -> f64;

    /// The number as the type has it: the nearest one of floats, which is infinite beyond the largest; of integers
    /// `None`, unless it is one.
    fn near(x: f64) -> Option<Self>;

    /// A double as it is in the type; where that has no such number, as it is in `f32`.
    fn rounded(x: f64) -> f64 {
        Self::near(x).map_or(f64::from(x as f32), Self::double)
    }

    /// The number in files; of a type of its own, so that no function of it is one of `f32`'s or `f64`'s in generic
    /// code.
    #[cfg(feature = "files")]
    #[doc(hidden)]
    type Encoding: Encoding<Self>;
}

/// A type of arithmetic: `f32` or `f64`. Sample weights, labels and parameters are held in it.
///
/// Sealed.
pub trait Number: Element + Held {}

impl Number for f32 {}
impl Number for f64 {}

/// `for_dtype!(dtype, S => expression)`: the expression, with `S` the type that the choice names.
#[cfg(feature = "files")]
macro_rules! for_dtype {
    ($dtype:expr, $S:ident => $e:expr) => {
        match $dtype {
            $crate::number::Dtype::I8 => for_dtype!(type i8, $S => $e),
            $crate::number::Dtype::U8 => for_dtype!(type u8, $S => $e),
            $crate::number::Dtype::Bf16 => for_dtype!(type half::bf16, $S => $e),
            $crate::number::Dtype::F16 => for_dtype!(type half::f16, $S => $e),
            $crate::number::Dtype::F32 => for_dtype!(type f32, $S => $e),
            $crate::number::Dtype::F64 => for_dtype!(type f64, $S => $e),
        }
    };
    (type $t:ty, $S:ident => $e:expr) => {{
        type $S = $t;
        $e
    }};
}
#[cfg(feature = "files")]
pub(crate) use for_dtype;

/// A number in files: as text, and as bytes.
#[cfg(feature = "files")]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub trait Encoding<T> {
    /// The nearest number to a decimal text (of `f16` and `bf16`: to the nearest double to it): infinity beyond the largest
    /// one; `None` if the text is not a number.
    fn parse(text: &[u8]) -> Option<T>;

    /// The number that a text starts with, and its length.
    fn parse_prefix(text: &[u8]) -> Option<(T, usize)>;

    /// The numbers that bytes are; `None` where they are not aligned, or not whole.
    fn cast(bytes: &[u8]) -> Option<&[T]>;

    /// The bytes of numbers.
    fn bytes(numbers: &[T]) -> &[u8];

    /// The numbers that bytes which can be written to are.
    fn cast_mut(bytes: &mut [u8]) -> Option<&mut [T]>;

    /// The nearest number to an integer, as [`Held::near`].
    fn integer(x: i64) -> Option<T>;

    /// The nearest number to an integer without a sign, likewise.
    fn natural(x: u64) -> Option<T>;
}

/// The nearest number to a decimal text: infinity beyond the largest one; `None` if the text is not a number.
#[cfg(feature = "files")]
#[inline]
pub(crate) fn parse<T: Held>(text: &[u8]) -> Option<T> {
    T::Encoding::parse(text)
}

/// The type whose functions are those of all numbers in files.
#[cfg(feature = "files")]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub struct Encoded;

macro_rules! held {
    ($($t:ident $dtype:ident, near: |$x:ident| $near:expr, parse: $parsed:ident |$y:ident| $parse:expr, integer: |$i:ident| $integer:expr;)+) => {
        $(impl Held for $t {
            const DTYPE: Dtype = Dtype::$dtype;

            #[inline]
            fn double(self) -> f64 {
                self.into()
            }

            #[inline]
            fn near($x: f64) -> Option<Self> {
                $near
            }

            #[cfg(feature = "files")]
            type Encoding = Encoded;
        }

        #[cfg(feature = "files")]
        impl Encoding<$t> for Encoded {
            #[inline]
            fn parse(text: &[u8]) -> Option<$t> {
                let $y = fast_float2::parse::<$parsed, _>(text).ok()?;
                $parse
            }

            #[inline]
            fn parse_prefix(text: &[u8]) -> Option<($t, usize)> {
                let ($y, len) = fast_float2::parse_partial::<$parsed, _>(text).ok()?;
                Some(($parse?, len))
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
            fn integer($i: i64) -> Option<$t> {
                $integer
            }

            #[inline]
            fn natural($i: u64) -> Option<$t> {
                $integer
            }
        })+
    };
}
held! {
    f32 F32, near: |x| Some(x as f32), parse: f32 |x| Some(x), integer: |x| Some(x as f32);
    f64 F64, near: |x| Some(x), parse: f64 |x| Some(x), integer: |x| Some(x as f64);
    bf16 Bf16, near: |x| Some(bf16::from_f32(to_odd(x))), parse: f64 |x| bf16::near(x), integer: |x| bf16::near(odd_double(x.into()));
    f16 F16, near: |x| Some(f16::from_f32(to_odd(x))), parse: f64 |x| f16::near(x), integer: |x| f16::near(odd_double(x.into()));
    i8 I8, near: |x| (x as i8 as f64 == x).then_some(x as i8), parse: f64 |x| i8::near(x), integer: |x| x.try_into().ok();
    u8 U8, near: |x| (x as u8 as f64 == x).then_some(x as u8), parse: f64 |x| u8::near(x), integer: |x| x.try_into().ok();
}

/// A number in single precision, of the two neighbours of one that is none the one whose last bit is set: rounded further,
/// to less than 23 bits, that is the nearest to the number itself, as it is no tie that the number is not.
///
/// S. Boldo and G. Melquiond, "Emulation of a FMA and Correctly Rounded Sums: Proved Algorithms Using Rounding to Odd",
/// IEEE Transactions on Computers 57, 2008. (`half` 2.6 converts a double by its upper 32 bits: above a tie by less, it
/// rounds down.)
fn to_odd(x: f64) -> f32 {
    let near = x as f32;
    if f64::from(near) == x || !near.is_finite() {
        return near;
    }
    let is_beyond = f64::from(near).abs() > x.abs();
    f32::from_bits((near.to_bits() - u32::from(is_beyond)) | 1)
}

/// An integer in double precision, likewise.
#[cfg(feature = "files")]
fn odd_double(x: i128) -> f64 {
    let near = x as f64;
    if near as i128 == x {
        return near;
    }
    let is_beyond = (near as i128).unsigned_abs() > x.unsigned_abs();
    f64::from_bits((near.to_bits() - u64::from(is_beyond)) | 1)
}

#[cfg(test)]
mod tests {
    use super::{Dtype, Held};
    use half::{bf16, f16};

    /// Between each two neighbours: what is nearer to one is that one, and the middle is the one whose last bit is 0.
    fn rounds_to_the_nearest<S: Held>(numbers: impl Iterator<Item = S>) {
        let numbers: Vec<f64> = numbers.map(Held::double).collect();
        for pair in numbers.windows(2) {
            let [low, high] = [pair[0], pair[1]];
            let middle = (low + high) / 2.0;
            let near = |x: f64| S::near(x).map(Held::double);
            assert_eq!([near(low), near(middle.next_down())], [Some(low); 2], "{middle:e}");
            assert_eq!([near(high), near(middle.next_up())], [Some(high); 2], "{middle:e}");
            let even = near(middle);
            // Even numbers are those that every second one is, from 0 on.
            let is_even = |x: f64| numbers.binary_search_by(|y| y.total_cmp(&x)).is_ok_and(|i| i % 2 == 0);
            assert!(even.is_some_and(is_even), "{middle:e}");
            assert_eq!(near(-middle), even.map(|x| -x));
        }
    }

    #[test]
    fn small_floats_are_the_nearest() {
        rounds_to_the_nearest((0..=f16::MAX.to_bits()).map(f16::from_bits));
        rounds_to_the_nearest((0..=bf16::MAX.to_bits()).map(bf16::from_bits));
        let f16s = |x: f64| f16::near(x).map(f64::from);
        // Beyond half a step behind the largest number comes infinity.
        assert_eq!(
            [65_519.999, 65_520.0, 1e300].map(f16s),
            [65_504.0, f64::INFINITY, f64::INFINITY].map(Some)
        );
        assert_eq!(bf16::near(f64::MAX), Some(bf16::INFINITY));
        assert!(
            f16::near(f64::NAN).is_some_and(f16::is_nan) && bf16::near(f64::NAN).is_some_and(bf16::is_nan)
        );
    }

    #[cfg(feature = "files")]
    #[test]
    fn integers_beyond_doubles_are_rounded_once() {
        use super::Encoding;
        let brain = |x: i64| <bf16 as Held>::Encoding::integer(x).map(bf16::to_f64);
        // A tie, and next to it by less than a double has.
        let (tie, step) = ((1_i64 << 62) + (1 << 54), (1_i64 << 55) as f64);
        assert_eq!(
            [tie - 1, tie, tie + 1].map(brain),
            [0.0, 0.0, step].map(|more| Some((1_i64 << 62) as f64 + more))
        );
        assert_eq!(brain(-tie - 1), Some(-((1_i64 << 62) as f64) - step));
        assert_eq!(<f16 as Held>::Encoding::natural(u64::MAX), Some(f16::INFINITY));
    }

    #[test]
    fn integers_are_themselves_or_none() {
        for x in -300..300 {
            assert_eq!(i8::near(f64::from(x)), i8::try_from(x).ok());
            assert_eq!(u8::near(f64::from(x)), u8::try_from(x).ok());
        }
        for x in [0.5, -0.001, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!((i8::near(x), u8::near(x)), (None, None));
        }
        assert_eq!((i8::near(-0.0), u8::rounded(0.1)), (Some(0), f64::from(0.1_f32)));
    }

    #[test]
    fn names_read_back() {
        for &dtype in Dtype::ALL {
            assert_eq!(dtype.to_string().parse(), Ok(dtype));
        }
        assert!("f128".parse::<Dtype>().is_err());
    }
}
