//! The types of numbers that NumPy writes.

use crate::data::shown::shown;
use crate::error::{Error, bail};
use crate::number::{Encoding, Held};
use half::{bf16, f16};

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bf16,
    F16,
    F32,
    F64,
}

/// A type, and the order of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct Type {
    pub(in crate::data) kind: Kind,
    pub(in crate::data) big_endian: bool,
}

impl Kind {
    /// The size of a number, in bytes.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::Bf16 | Self::F16 => 2,
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
            // As the package `ml_dtypes` names it, whose numbers NumPy writes as raw bytes.
            "bfloat16" => Self::Bf16,
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

    /// The nearest number of a type: see [`Held::near`].
    fn to<T: Held>(self) -> Option<T>;

    /// The nearest double.
    fn double(self) -> f64;
}

/// Any byte but 0 is true.
#[derive(Clone, Copy)]
pub(super) struct Bool(u8);

/// Half precision.
#[derive(Clone, Copy)]
pub(super) struct Half(f16);

/// The upper half of single precision.
#[derive(Clone, Copy)]
pub(super) struct Brain(bf16);

macro_rules! raw {
    ($($t:ty, $bytes:literal, $x:ident: $from:expr, $to:expr, $double:expr;)+) => {
        $(impl Raw<$bytes> for $t {
            #[inline]
            fn from_bytes($x: [u8; $bytes]) -> Self {
                $from
            }

            #[inline]
            fn to<T: Held>(self) -> Option<T> {
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
    Brain, 2, x: Self(bf16::from_le_bytes(x)), T::near(x.0.into()), x.0.into();
    Half, 2, x: Self(f16::from_le_bytes(x)), T::near(x.0.into()), x.0.into();
    f32, 4, x: Self::from_le_bytes(x), T::near(x.into()), x.into();
    f64, 8, x: Self::from_le_bytes(x), T::near(x), x;
}

#[cfg(test)]
mod tests {
    use super::{Kind, Type};

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
