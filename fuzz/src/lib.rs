//! What the fuzz targets share: numbers out of bytes. The rest they share with the tests.
//!
//! Inputs have a fixed size as far as that goes, and data come from seeds: a list of numbers would take more
//! bytes than a fuzzer tries, and what follows it in the input would be zeros.

#[expect(missing_docs, reason = "documented as far as tests have it")]
#[path = "../../tests/support/fixtures.rs"]
pub mod fixtures;
#[expect(missing_docs, reason = "documented as far as tests have it")]
#[path = "../../tests/support/passes.rs"]
pub mod passes;

use arbitrary::Arbitrary;
use fixtures::{Held, Labels, Number, many, rng};
use rand::RngExt;

/// What is computed in which type.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Types {
    /// `f32` in `f32`.
    F32,
    /// `f64` in `f64`.
    F64,
    /// `f32` in `f64`.
    F32InF64,
}

/// `for_types!(types, check(input))`: a function of storage and arithmetic.
#[macro_export]
macro_rules! for_types {
    ($types:expr, $check:ident($input:expr)) => {
        match $types {
            $crate::Types::F32 => $check::<f32, f32>($input),
            $crate::Types::F64 => $check::<f64, f64>($input),
            $crate::Types::F32InF64 => $check::<f32, f64>($input),
        }
    };
}

/// What is computed in which type, of small numbers.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Small {
    /// `bf16` in `f32`.
    Bf16,
    /// `f16` in `f64`.
    F16InF64,
    /// `i8` in `f32`.
    I8,
    /// `u8` in `f64`.
    U8InF64,
}

/// `for_all_types!(types, small, check(input))`: a function of storage and arithmetic, which are those of `small`, if it says
/// any. (It is the last field of an input, so that seeds without it mean what they meant.)
#[macro_export]
macro_rules! for_all_types {
    ($types:expr, $small:expr, $check:ident($input:expr)) => {
        match $small {
            None => $crate::for_types!($types, $check($input)),
            Some($crate::Small::Bf16) => $check::<half::bf16, f32>($input),
            Some($crate::Small::F16InF64) => $check::<half::f16, f64>($input),
            Some($crate::Small::I8) => $check::<i8, f32>($input),
            Some($crate::Small::U8InF64) => $check::<u8, f64>($input),
        }
    };
}

/// A number of any type.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Value {
    /// In [-8, 8).
    Plain(i32),
    /// Any bits at all.
    Bits(u64),
}

impl Value {
    /// The number, as near as the type has it.
    pub fn get<T: Held>(self) -> T {
        match self {
            Self::Plain(x) => T::near(f64::from(x) * f64::powi(2.0, -28)),
            Self::Bits(bits) => T::of_bits(bits),
        }
    }
}

/// Numbers to fill a slice with.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Numbers {
    seed: u64,
    /// Numbers of any bits, and where they are. Where there are none, no NaN hides what others come to.
    specials: Option<[(u16, u64); 2]>,
}

impl Numbers {
    /// `n` of them, in [-1, 1) but for the special ones: every bit of a sum depends on the order of its
    /// additions.
    pub fn get<T: Held>(&self, n: usize) -> Vec<T> {
        let mut rng = rng(self.seed);
        let mut numbers: Vec<T> = many(n, || T::near(rng.random_range(-1.0..1.0)));
        for (place, bits) in self.specials.into_iter().flatten().filter(|_| n > 0) {
            numbers[usize::from(place) % n] = T::of_bits(bits);
        }
        numbers
    }
}

/// `n` numbers that are 0, 1 or between.
pub fn fractions<T: Number>(seed: u64, n: usize) -> Vec<T> {
    let mut rng = rng(seed);
    many(n, || Labels::Both.draw(&mut rng))
}

/// The bytes with a right checksum, which no fuzzer guesses: FNV-1a, a word at a time, with the upper half of the hash
/// added to the lower.
pub fn sealed(bytes: &[u8]) -> Vec<u8> {
    let (words, _) = bytes.as_chunks::<8>();
    let checksum = words.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, word| {
        let hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^ (hash >> 32)
    });
    [words.as_flattened(), &checksum.to_le_bytes()].concat()
}
