//! What the fuzz targets share: numbers out of bytes, and the comparison of bits.
//!
//! Inputs have a fixed size as far as that goes, and data come from seeds: a list of numbers would take more
//! bytes than a fuzzer tries, and what follows it in the input would be zeros.

use arbitrary::Arbitrary;
use lanegrad::{Element, Isa};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// A type under test.
pub trait Number: Element + Default {
    /// The number of some bits.
    fn of_bits(bits: u64) -> Self;

    /// The number's bits, those of every NaN being the same.
    fn bits(self) -> u64;

    /// `self * a + b`, rounded once.
    fn multiply_add(self, a: Self, b: Self) -> Self;
}

macro_rules! number {
    ($t:ident, $bits:ident) => {
        impl Number for $t {
            fn of_bits(bits: u64) -> Self {
                $t::from_bits(bits as $bits)
            }

            fn bits(self) -> u64 {
                if self.is_nan() { $t::NAN.to_bits().into() } else { self.to_bits().into() }
            }

            fn multiply_add(self, a: Self, b: Self) -> Self {
                self.mul_add(a, b)
            }
        }
    };
}
number!(f32, u32);
number!(f64, u64);

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
    pub fn get<T: Number>(self) -> T {
        match self {
            Self::Plain(x) => T::from_f64(f64::from(x) * f64::powi(2.0, -28)),
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
    pub fn get<T: Number>(&self, n: usize) -> Vec<T> {
        let mut rng = SmallRng::seed_from_u64(self.seed);
        let mut numbers: Vec<T> = (0..n).map(|_| T::from_f64(rng.random_range(-1.0..1.0))).collect();
        for (place, bits) in self.specials.into_iter().flatten().filter(|_| n > 0) {
            numbers[usize::from(place) % n] = T::of_bits(bits);
        }
        numbers
    }
}

/// `n` numbers that are 0, 1 or between.
pub fn fractions<T: Number>(seed: u64, n: usize) -> Vec<T> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut fraction = || match rng.random_range(0..3) {
        0 => 0.0,
        1 => 1.0,
        _ => rng.random_range(0.0..1.0),
    };
    (0..n).map(|_| T::from_f64(fraction())).collect()
}

/// The backend that defines the bits.
pub fn scalar() -> Isa {
    Isa::from_name("scalar").expect("every CPU has it")
}

/// Fails where two slices differ in bits.
#[track_caller]
pub fn assert_same_bits<T: Number>(got: &[T], want: &[T], context: impl Fn() -> String) {
    assert_eq!(got.len(), want.len(), "{}", context());
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert_eq!(got.bits(), want.bits(), "{}: element {i} is {got}, not {want}", context());
    }
}
