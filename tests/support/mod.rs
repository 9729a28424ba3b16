//! What the integration tests share.

#![allow(dead_code, reason = "each test file uses what it needs of this module")]

pub(crate) mod fixtures;
pub(crate) mod kernels;
#[cfg(feature = "alloc")]
pub(crate) mod passes;

#[allow(unused_imports, reason = "each program uses what it needs of these")]
pub(crate) use fixtures::*;
use lanegrad::Isa;
#[cfg(feature = "alloc")]
#[allow(unused_imports, reason = "each program uses what it needs of these")]
pub(crate) use passes::*;
use std::cell::Cell;
use std::ffi::OsStr;

/// Every instruction set to test: all that this CPU has. Panics where one that the environment
/// variable `LANEGRAD_REQUIRE_ISA` names (`avx512,avx2`) is not among them, so that a run that
/// was meant to cover it cannot pass without it.
pub(crate) fn isas() -> Vec<Isa> {
    let isas: Vec<_> = Isa::available().collect();
    let required = std::env::var("LANEGRAD_REQUIRE_ISA").unwrap_or_default();
    for name in required.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        assert!(isas.iter().any(|isa| isa.name() == name), "{name} is required, but only {isas:?} ran");
    }
    isas
}

/// What `LANEGRAD_TEST_REDUCE` divides the number of cases by: 1 if it is not set. For machines on which
/// all of them take too long, as emulated ones.
pub(crate) fn reduction() -> usize {
    match std::env::var("LANEGRAD_TEST_REDUCE") {
        Err(_) => 1,
        Ok(n) => n.parse().ok().filter(|&n| n > 0).expect("LANEGRAD_TEST_REDUCE is a number from 1"),
    }
}

/// All of these cases, or as many of them as the reduction leaves: of all that the calls of a test are given,
/// every n-th, and of each call at least one, not always the same.
pub(crate) fn thin<C: IntoIterator>(cases: C) -> impl Iterator<Item = C::Item> {
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

/// `for_small!(check)`: `check::<S, T>()` for each type of small numbers, two of them in each arithmetic; for two of
/// them where the number of cases is reduced.
/// (`results/small.rs` has all eight pairs.)
#[cfg(feature = "narrow")]
#[allow(unused_macros, reason = "each program uses what it needs of this module")]
macro_rules! for_small {
    ($check:ident) => {
        $check::<half::bf16, f32>();
        $check::<u8, f64>();
        if $crate::support::reduction() == 1 {
            $check::<half::f16, f64>();
            $check::<i8, f32>();
        }
    };
}
#[cfg(not(feature = "narrow"))]
#[allow(unused_macros, reason = "each program uses what it needs of this module")]
macro_rules! for_small {
    ($check:ident) => {};
}
#[allow(unused_imports, reason = "each program uses what it needs of these")]
pub(crate) use for_small;

/// The number of random cases, reduced.
pub(crate) fn fewer(cases: usize) -> usize {
    cases.div_ceil(reduction())
}

/// This test binary, to run one of its ignored tests in a process of its own. Where an emulator runs
/// the tests, `LANEGRAD_TEST_RUNNER` is its command.
pub(crate) fn child(test: &str) -> std::process::Command {
    let this = std::env::current_exe().expect("the path of a running program");
    let runner = std::env::var("LANEGRAD_TEST_RUNNER").unwrap_or_default();
    let mut command = runner.split_whitespace().map(OsStr::new).chain([this.as_os_str()]);
    let mut child = std::process::Command::new(command.next().expect("at least this binary"));
    child.args(command);
    child.args(["--exact", test, "--ignored", "--nocapture"]);
    child
}

/// The words that the bytes of a sum are.
pub(crate) fn as_words(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks(8).map(|word| u64::from_le_bytes(word.try_into().expect("whole words"))).collect()
}

/// The bytes of these words, of which the last is made the checksum: FNV-1a, a word at a time, with the upper half of
/// the hash added to the lower.
pub(crate) fn sealed(words: &[u64]) -> Vec<u8> {
    let (_, content) = words.split_last().expect("a checksum");
    let checksum = content.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, word| {
        let hash = (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^ (hash >> 32)
    });
    content.iter().chain([&checksum]).flat_map(|word| word.to_le_bytes()).collect()
}

/// A buffer whose elements can start at any offset from a 64-byte boundary.
pub(crate) struct Buffer<T>(Vec<T>);

impl<T: Copy + Default> Buffer<T> {
    pub(crate) fn for_len(n: usize) -> Self {
        Self(vec![T::default(); n + 64 + 16])
    }

    /// `values`, copied to `offset` elements after a 64-byte boundary; `offset` is at most 16.
    pub(crate) fn at(&mut self, offset: usize, values: &[T]) -> &mut [T] {
        let start = self.0.as_ptr().align_offset(64) + offset;
        let slice = &mut self.0[start..start + values.len()];
        slice.copy_from_slice(values);
        slice
    }
}

/// A sum in double-double arithmetic: about 106 bits.
#[derive(Clone, Copy, Default)]
pub(crate) struct DoubleDouble {
    pub high: f64,
    pub low: f64,
}

impl DoubleDouble {
    /// Adds `x * w`, the product exact.
    pub(crate) fn add_product(&mut self, x: f64, w: f64) {
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
