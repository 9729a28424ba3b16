//! What the fuzz targets share: numbers out of bytes, and the comparison of bits.

use arbitrary::Arbitrary;
use lanegrad::{Element, Isa};

/// A type under test.
pub trait Number: Element + Default {
    /// The number of some bits.
    fn of_bits(bits: u64) -> Self;

    /// The number's bits, those of every NaN being the same.
    fn bits(self) -> u64;
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
        }
    };
}
number!(f32, u32);
number!(f64, u64);

/// A number of any type.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Value {
    /// In [-8, 8): every bit of a sum of such depends on the order of its additions.
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

    /// The number; 0 in place of infinities and NaN.
    pub fn finite<T: Number>(self) -> T {
        let x: T = self.get();
        if x.to_f64().is_finite() { x } else { T::default() }
    }
}

/// `n` numbers that repeat some values; zeros where there are none.
pub fn repeat<T: Number>(values: &[Value], n: usize) -> Vec<T> {
    let cycle = values.iter().map(|value| value.get()).cycle();
    cycle.chain(std::iter::repeat_with(T::default)).take(n).collect()
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
