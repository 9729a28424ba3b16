//! What the integration tests share.

#![allow(dead_code, reason = "each test file uses what it needs of this module")]

pub mod kernels;

use lanegrad::{Element, Isa};
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};
use std::cell::Cell;
use std::ffi::OsStr;

/// A seeded generator: a failure can be run again.
pub fn rng(seed: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed)
}

/// Every instruction set to test: all that this CPU has. Panics where one that the environment
/// variable `LANEGRAD_REQUIRE_ISA` names (`avx512,avx2`) is not among them, so that a run that
/// was meant to cover it cannot pass without it.
pub fn isas() -> Vec<Isa> {
    let isas: Vec<_> = Isa::available().collect();
    let required = std::env::var("LANEGRAD_REQUIRE_ISA").unwrap_or_default();
    for name in required.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        assert!(isas.iter().any(|isa| isa.name() == name), "{name} is required, but only {isas:?} ran");
    }
    isas
}

/// What `LANEGRAD_TEST_REDUCE` divides the number of cases by: 1 if it is not set. For machines on which
/// all of them take too long, as emulated ones.
pub fn reduction() -> usize {
    match std::env::var("LANEGRAD_TEST_REDUCE") {
        Err(_) => 1,
        Ok(n) => n.parse().ok().filter(|&n| n > 0).expect("LANEGRAD_TEST_REDUCE is a number from 1"),
    }
}

/// All of these cases, or as many of them as the reduction leaves: of all that the calls of a test are given,
/// every n-th, and of each call at least one, not always the same.
pub fn thin<C: IntoIterator>(cases: C) -> impl Iterator<Item = C::Item> {
    // Each test has a thread of its own.
    thread_local!(static BEFORE: Cell<[usize; 2]> = const { Cell::new([0; 2]) });
    let (n, cases) = (reduction(), cases.into_iter().collect::<Vec<_>>());
    let (len, [calls, seen]) = (cases.len(), BEFORE.get());
    BEFORE.set([calls + 1, seen + len]);
    // The first of the n-th ones.
    let first = seen.next_multiple_of(n) - seen;
    let first = if first < len { first } else { calls % len.max(1) };
    cases.into_iter().skip(first).step_by(n)
}

/// The number of random cases, reduced.
pub fn fewer(cases: usize) -> usize {
    cases.div_ceil(reduction())
}

/// This test binary, to run one of its ignored tests in a process of its own. Where an emulator runs
/// the tests, `LANEGRAD_TEST_RUNNER` is its command.
pub fn child(test: &str) -> std::process::Command {
    let this = std::env::current_exe().expect("the path of a running program");
    let runner = std::env::var("LANEGRAD_TEST_RUNNER").unwrap_or_default();
    let mut command = runner.split_whitespace().map(OsStr::new).chain([this.as_os_str()]);
    let mut child = std::process::Command::new(command.next().expect("at least this binary"));
    child.args(command);
    child.args(["--exact", test, "--ignored", "--nocapture"]);
    child
}

/// All numbers of a gradient.
#[cfg(feature = "alloc")]
pub fn numbers(gradient: &lanegrad::Gradient) -> Vec<f64> {
    let lanegrad::Gradient { loss, dw, db, weight_sum } = gradient;
    [&[*loss, *db, *weight_sum], &dw[..]].concat()
}

/// The backend that defines the bits.
pub fn scalar() -> Isa {
    Isa::from_name("scalar").expect("every CPU has it")
}

/// What the tests need of `f32` and `f64` beyond arithmetic.
pub trait TestFloat: Element + Default {
    /// Half the distance from 1 to the next larger number: u.
    const UNIT_ROUNDOFF: f64;
    /// Half the least subnormal.
    const HALF_LEAST: f64;
    const NAN: Self;
    const INFINITY: Self;
    const MAX: Self;
    const LEAST_NORMAL: Self;

    fn any_bits(rng: &mut impl Rng) -> Self;
    fn hex(self) -> String;
    /// The same value with the same sign, or both NaN.
    fn same_bits(self, other: Self) -> bool;
    fn least_subnormal() -> Self;
}

macro_rules! test_float {
    ($t:ident, $bits:ident, $half_least:expr) => {
        impl TestFloat for $t {
            const UNIT_ROUNDOFF: f64 = $t::EPSILON as f64 / 2.0;
            const HALF_LEAST: f64 = $half_least;
            const NAN: Self = $t::NAN;
            const INFINITY: Self = $t::INFINITY;
            const MAX: Self = $t::MAX;
            const LEAST_NORMAL: Self = $t::MIN_POSITIVE;

            fn any_bits(rng: &mut impl Rng) -> Self {
                $t::from_bits(rng.random())
            }
            fn hex(self) -> String {
                format!("{:#x} ({self:e})", self.to_bits())
            }
            fn same_bits(self, other: Self) -> bool {
                self.to_bits() == other.to_bits() || (self.is_nan() && other.is_nan())
            }
            fn least_subnormal() -> Self {
                $t::from_bits(1)
            }
        }
    };
}
test_float!(f32, u32, f32::from_bits(1) as f64 / 2.0);
// Half of the least subnormal f64 is no f64; the next larger number bounds it.
test_float!(f64, u64, f64::from_bits(1));

/// A number uniform in [-1, 1), exact in `f32`.
pub fn uniform<T: TestFloat>(rng: &mut impl Rng) -> T {
    T::from_f64(rng.random_range(-1.0_f32..1.0).into())
}

/// A number of random sign and significand, and of an exponent from a wide range around 1.
pub fn wide_range<T: TestFloat>(rng: &mut impl Rng) -> T {
    T::from_f64(rng.random_range(-1.0..1.0) * f64::from(rng.random_range(-30..30)).exp2())
}

/// Anything at all: mostly ordinary numbers, and every kind of special one.
pub fn anything<T: TestFloat>(rng: &mut impl Rng) -> T {
    let number = match rng.random_range(0..40) {
        0 => T::from_f64(0.0),
        1 => T::least_subnormal(),
        2 => T::LEAST_NORMAL,
        3 => T::MAX,
        4 => T::INFINITY,
        5 => T::NAN,
        6 => T::LEAST_NORMAL * uniform(rng), // subnormal
        7..=12 => T::any_bits(rng),
        13..=26 => uniform(rng),
        _ => wide_range(rng),
    };
    if rng.random() { number } else { -number }
}

/// A buffer whose elements can start at any offset from a 64-byte boundary.
pub struct Buffer<T>(Vec<T>);

impl<T: Copy + Default> Buffer<T> {
    pub fn for_len(n: usize) -> Self {
        Self(vec![T::default(); n + 32])
    }

    /// `values`, copied to `offset` elements after a 64-byte boundary; `offset` is at most 16.
    pub fn at(&mut self, offset: usize, values: &[T]) -> &mut [T] {
        let start = self.0.as_ptr().align_offset(64) + offset;
        let slice = &mut self.0[start..start + values.len()];
        slice.copy_from_slice(values);
        slice
    }
}

/// Fails where two slices differ in bits (NaN equals NaN), and shows the first place in hex.
#[track_caller]
pub fn assert_same_bits<T: TestFloat>(got: &[T], want: &[T], context: impl FnOnce() -> String) {
    assert_eq!(got.len(), want.len(), "{}", context());
    if let Some(i) = (0..got.len()).find(|&i| !got[i].same_bits(want[i])) {
        panic!("{}: element {i} is {}, not {}", context(), got[i].hex(), want[i].hex());
    }
}

/// A sum in double-double arithmetic: about 106 bits.
#[derive(Clone, Copy, Default)]
pub struct DoubleDouble {
    pub high: f64,
    pub low: f64,
}

impl DoubleDouble {
    /// Adds `x * w`, the product exact.
    pub fn add_product(&mut self, x: f64, w: f64) {
        let product = x * w;
        self.add(product);
        self.add(x.mul_add(w, -product));
    }

    fn add(&mut self, x: f64) {
        let sum = self.high + x;
        let x_part = sum - self.high;
        let error = (self.high - (sum - x_part)) + (x - x_part);
        self.low += error;
        // Renormalise, so that the low part stays small against the high one.
        let high = sum + self.low;
        self.low -= high - sum;
        self.high = high;
    }
}
