//! The types of numbers that NumPy writes.

use crate::data::shown::shown;
use crate::error::{Error, bail};
use crate::number::{Encoding, Number};

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
}

/// A type, and the order of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
}

impl Kind {
    /// The size of a number, in bytes.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// The type of this name: the codes that NumPy writes, and names that it reads.
    pub(super) fn parse(name: &str) -> Result<Type, Error> {
        let native = cfg!(target_endian = "big");
        let (big_endian, code) = match name.as_bytes() {
            [b'<', ..] => (false, &name[1..]),
            [b'>', ..] => (true, &name[1..]),
            // Of the machine's order, or of none.
            [b'=' | b'|', ..] => (native, &name[1..]),
            _ => (native, name),
        };
        let kind = match code {
            "b1" | "?" | "bool" | "bool_" | "bool8" => Self::Bool,
            "i1" | "b" | "int8" | "byte" => Self::I8,
            "i2" | "h" | "int16" | "short" => Self::I16,
            "i4" | "i" | "int32" | "intc" => Self::I32,
            // `l` and `int` have the size of C's `long`, which is 8 where these files are made today.
            "i8" | "l" | "q" | "int64" | "int" | "int_" | "longlong" => Self::I64,
            "u1" | "B" | "uint8" | "ubyte" => Self::U8,
            "u2" | "H" | "uint16" | "ushort" => Self::U16,
            "u4" | "I" | "uint32" | "uintc" => Self::U32,
            "u8" | "L" | "Q" | "uint64" | "uint" | "ulonglong" => Self::U64,
            "f2" | "e" | "float16" | "half" => Self::F16,
            "f4" | "f" | "float32" | "single" => Self::F32,
            "f8" | "d" | "float64" | "float" | "float_" | "double" => Self::F64,
            _ => {
                let what = match code.as_bytes() {
                    [b'c' | b'F' | b'D' | b'G', ..] => "complex numbers",
                    [b'f' | b'g', ..] => "of extended precision",
                    [b'S' | b'a' | b'U' | b'T', ..] => "texts",
                    [b'O', ..] => "Python objects",
                    [b'M', ..] => "dates",
                    [b'm', ..] => "spans of time",
                    [b'V', ..] => "structures or raw bytes",
                    _ => bail!("its numbers are of an unknown type, `{}`", shown(name)),
                };
                bail!(
                    "its entries are {what} (`{}`), not integers, truth values or floats of up to 8 bytes",
                    shown(name)
                )
            }
        };
        Ok(Type { kind, big_endian })
    }
}

/// A number as a file holds it.
pub(super) trait Raw<const N: usize>: Copy {
    /// The number of these bytes, the least significant first.
    fn from_bytes(bytes: [u8; N]) -> Self;

    /// The nearest number of a type.
    fn to<T: Number>(self) -> T;

    /// The nearest double.
    fn double(self) -> f64;
}

/// Any byte but 0 is true.
#[derive(Clone, Copy)]
pub(super) struct Bool(u8);

/// Half precision.
#[derive(Clone, Copy)]
pub(super) struct Half(u16);

macro_rules! raw {
    ($($t:ty, $bytes:literal, $x:ident: $from:expr, $to:expr, $double:expr;)+) => {
        $(impl Raw<$bytes> for $t {
            #[inline]
            fn from_bytes($x: [u8; $bytes]) -> Self {
                $from
            }

            #[inline]
            fn to<T: Number>(self) -> T {
                let $x = self;
                $to
            }

            #[inline]
            fn double(self) -> f64 {
                let $x = self;
                $double
            }
        })+
    };
}
raw! {
    Bool, 1, x: Self(x[0]), T::Encoding::natural(u64::from(x.0 != 0)), f64::from(u8::from(x.0 != 0));
    i8, 1, x: Self::from_le_bytes(x), T::Encoding::integer(x.into()), x.into();
    i16, 2, x: Self::from_le_bytes(x), T::Encoding::integer(x.into()), x.into();
    i32, 4, x: Self::from_le_bytes(x), T::Encoding::integer(x.into()), x.into();
    i64, 8, x: Self::from_le_bytes(x), T::Encoding::integer(x), x as f64;
    u8, 1, x: Self::from_le_bytes(x), T::Encoding::natural(x.into()), x.into();
    u16, 2, x: Self::from_le_bytes(x), T::Encoding::natural(x.into()), x.into();
    u32, 4, x: Self::from_le_bytes(x), T::Encoding::natural(x.into()), x.into();
    u64, 8, x: Self::from_le_bytes(x), T::Encoding::natural(x), x as f64;
    Half, 2, x: Self(u16::from_le_bytes(x)), T::nearest(half(x.0)), half(x.0);
    f32, 4, x: Self::from_le_bytes(x), T::nearest(x.into()), x.into();
    f64, 8, x: Self::from_le_bytes(x), T::nearest(x), x;
}

/// The number of these bits in half precision: a sign, 5 bits of exponent and 10 of significand.
fn half(bits: u16) -> f64 {
    let significand = f64::from(bits & 0x3ff) / 1024.0;
    let exponent = i32::from(bits >> 10 & 0x1f);
    let size = match exponent {
        0 => significand * 2.0_f64.powi(-14),
        31 if significand == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + significand) * 2.0_f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Type, half};

    #[test]
    fn halves_are_exact() {
        let known = [
            (0x0000, 0.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x03ff, 6.097_555_160_522_461e-5),
            (0x0400, 6.103_515_625e-5),
            (0x3555, 0.333_251_953_125),
            (0x3c00, 1.0),
            (0x3c01, 1.000_976_562_5),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0xfc00, f64::NEG_INFINITY),
        ];
        for (bits, x) in known {
            assert_eq!(half(bits), x, "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan() && half(0x8000).is_sign_negative());
        // Finite ones are in the order of their bits.
        assert!((0..0x7bff).all(|bits| half(bits) < half(bits + 1)));
    }

    #[test]
    fn types_have_many_names() {
        let kind = |name: &str| Kind::parse(name).map_err(|error| error.to_string());
        for (names, kind_) in [
            (&["<f8", "=f8", "|f8", "f8", "float64", "d"][..], Kind::F64),
            (&["<f4", "float32", "single"], Kind::F32),
            (&["|i1", "i1", "b", "int8"], Kind::I8),
            (&["|b1", "?", "bool"], Kind::Bool),
            (&["<u8", "uint64"], Kind::U64),
            (&["<f2", "float16"], Kind::F16),
        ] {
            for name in names {
                assert_eq!(kind(name), Ok(Type { kind: kind_, big_endian: false }), "{name}");
            }
        }
        assert_eq!(kind(">i2"), Ok(Type { kind: Kind::I16, big_endian: true }));
        for (name, words) in [
            ("<c16", "complex"),
            ("<f16", "extended precision"),
            ("|S8", "texts"),
            ("<U3", "texts"),
            ("|O", "Python objects"),
            ("<M8[ns]", "dates"),
            ("<m8[s]", "spans of time"),
            ("|V12", "structures or raw bytes"),
            ("<x4", "unknown type, `<x4`"),
            ("", "unknown type"),
            ("<i3", "unknown type"),
        ] {
            assert!(kind(name).unwrap_err().contains(words), "{name}");
        }
    }
}
