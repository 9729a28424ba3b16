//! Every operation of every backend against `scalar`, on special values in all combinations and on random bits:
//! a test for each, so that a wrong `select` fails as `select`, and not as a log-loss that differs.
//!
//! A new operation joins by a line in `operations!`, or by a test below where it is no function of lanes alone.

use super::portable::Portable;
use super::scalar::Scalar;
use super::two::Two;
use super::{Arithmetic, Backend, Lane, V, Vector};
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::string::String;
use std::vec::Vec;
use std::{format, vec};

/// `for_backends!(b => expression)`: the expression for each backend of this CPU but `scalar`.
macro_rules! for_backends {
    ($b:ident => $e:expr) => {{
        let $b = Portable;
        $e;
        #[cfg(target_arch = "x86_64")]
        if let Some($b) = Avx2::detect() {
            $e;
        }
        #[cfg(target_arch = "x86_64")]
        if let Some($b) = Avx512::detect() {
            $e;
        }
    }};
}

/// A type of numbers, for the tests.
trait Number: Lane {
    /// Zeros, the edges of the ranges, infinities, NaN, and numbers between; of either sign.
    const SPECIALS: &'static [Self];
    /// 1.5 * 2^p, with p stored significand bits.
    const SHIFT: f64;

    fn of_bits(bits: u64) -> Self;
    fn same(self, other: Self) -> bool;
    fn show(self) -> String;
}

macro_rules! number {
    ($t:ident, $bits:ident) => {
        impl Number for $t {
            const SPECIALS: &'static [Self] = &[
                0.0,
                -0.0,
                1.0,
                -1.0,
                0.1,
                -3.0,
                1e-10,
                -1e10,
                $t::EPSILON,
                $t::from_bits(1),
                -$t::from_bits(1),
                $t::MIN_POSITIVE,
                -$t::MIN_POSITIVE,
                $t::from_bits($t::MIN_POSITIVE.to_bits() - 1),
                $t::MAX,
                $t::MIN,
                $t::INFINITY,
                $t::NEG_INFINITY,
                $t::NAN,
                -$t::NAN,
            ];
            const SHIFT: f64 = 1.5 * (1_u64 << ($t::MANTISSA_DIGITS - 1)) as f64;

            fn of_bits(bits: u64) -> Self {
                $t::from_bits(bits as $bits)
            }
            fn same(self, other: Self) -> bool {
                self.to_bits() == other.to_bits() || (self.is_nan() && other.is_nan())
            }
            fn show(self) -> String {
                format!("{:#x} ({self:e})", self.to_bits())
            }
        }
    };
}
number!(f32, u32);
number!(f64, u64);

/// Random bits, of which some are NaN, and as many numbers near 1, whose sums and products are rounded.
fn random<T: Number>(n: usize) -> Vec<T> {
    let mut rng = SmallRng::seed_from_u64(n as u64);
    let near_1 = |rng: &mut SmallRng| T::from_f64(rng.random_range(-4.0..4.0));
    (0..n).map(|i| if i % 2 == 0 { T::of_bits(rng.random()) } else { near_1(&mut rng) }).collect()
}

/// Three lists of whole vectors: every three of the special values, then random ones.
fn operands<T: Number>() -> [Vec<T>; 3] {
    let specials = T::SPECIALS;
    let n = specials.len();
    let [mut x, mut y, mut z] = [(); 3].map(|()| random::<T>(3 * 64 * 16));
    y.rotate_left(16 * 7);
    z.rotate_left(16 * 29);
    for i in 0..(n * n * n).next_multiple_of(16) {
        x.push(specials[i % n]);
        y.push(specials[i / n % n]);
        z.push(specials[i / n / n % n]);
    }
    [x, y, z]
}

/// `operations! { |b, x, y, z| name: expression; … }`: a test of each operation, a function of up to three
/// vectors; `b` is the backend.
macro_rules! operations {
    (|$b:ident, $x:ident, $y:ident, $z:ident| $($name:ident: $e:expr;)+) => {
        /// The results of an operation for all operands.
        fn apply<B: Backend, T: Number>($b: B, operation: &str, [xs, ys, zs]: &[Vec<T>; 3]) -> Vec<T> {
            let mut out = vec![T::from_f64(0.0); xs.len()];
            $b.vectorize(
                #[inline(always)]
                || {
                    let ((xs, _), (ys, _), (zs, _)) = (T::chunks(xs), T::chunks(ys), T::chunks(zs));
                    for (((out, x), y), z) in T::chunks_mut(&mut out).0.iter_mut().zip(xs).zip(ys).zip(zs) {
                        let [$x, $y, $z] = [x, y, z].map(#[inline(always)] |x| V::<B, T>::load($b, x));
                        let result = match operation {
                            $(stringify!($name) => $e,)+
                            _ => panic!("no operation `{operation}`"),
                        };
                        result.store(out);
                    }
                },
            );
            out
        }

        $(#[test]
        fn $name() {
            check::<f32>(stringify!($name));
            check::<f64>(stringify!($name));
        })+
    };
}

operations! {
    |b, x, y, z|
    load_and_store: x;
    splat: V::<B, T>::splat(b, T::from_f64(0.1));
    constant: x.constant(T::from_f64(-0.1));
    number: x.number(0.1);
    add: x + y;
    sub: x - y;
    mul: x * y;
    div: x / y;
    neg: -x;
    mul_add: x.mul_add(y, z);
    neg_mul_add: x.neg_mul_add(y, z);
    abs: x.abs();
    min: x.min(y);
    lt: V::<B, T>::select(x.lt(y), x.number(1.0), x.number(0.0));
    eq: V::<B, T>::select(x.eq(y), x.number(1.0), x.number(0.0));
    select: V::<B, T>::select(x.lt(z), y, z);
    exponent: x.exponent();
    leading_half: x.leading_half();
    sum: V::<B, T>::splat(b, x.sum());
    two_constant: either(x.lt(y), Two(x, y).constant(T::from_f64(0.1)));
    two_add: either(x.lt(y), Two(x, y) + Two(y, z));
    two_sub: either(x.lt(y), Two(x, y) - Two(y, z));
    two_mul: either(x.lt(y), Two(x, y) * Two(y, z));
    two_div: either(x.lt(y), Two(x, y) / Two(y, z));
    two_neg: either(x.lt(y), -Two(x, y));
    two_mul_add: either(x.lt(y), Two(x, y).mul_add(Two(y, z), Two(z, x)));
    two_neg_mul_add: either(x.lt(y), Two(x, y).neg_mul_add(Two(y, z), Two(z, x)));
    two_abs: either(x.lt(y), Two(x, y).abs());
    two_min: either(x.lt(y), Two(x, y).min(Two(y, z)));
    two_exponent: either(x.lt(y), Two(x, y).exponent());
    two_leading_half: either(x.lt(y), Two(x, y).leading_half());
    two_lt: either(x.lt(z), Two::select(Two(x, y).lt(Two(y, z)), Two(x, x), Two(z, z)));
    two_eq: either(x.lt(z), Two::select(Two(x, y).eq(Two(y, z)), Two(x, x), Two(z, z)));
}

/// The first of two vectors where the mask is set, else the second.
#[inline(always)]
fn either<X: Arithmetic>(mask: X::Mask, two: Two<X>) -> X {
    X::select(mask, two.0, two.1)
}

/// Compares an operation's results on every backend with those of `scalar`, or where products are rounded
/// before they are added, with those of the two operations.
fn check<T: Number>(operation: &str) {
    fn compare<B: Backend, T: Number>(b: B, operation: &str, operands: &[Vec<T>; 3]) {
        let (got, mut want) = (apply(b, operation, operands), apply(Scalar, operation, operands));
        if !B::FUSED && operation.ends_with("mul_add") {
            let [xs, ys, zs] = operands;
            for (i, want) in want.iter_mut().enumerate() {
                let (x, y, z) = (xs[i], ys[i], zs[i]);
                let in_second =
                    operation.starts_with("two") && x.partial_cmp(&y).is_none_or(|order| order.is_ge());
                let (x, y, z) = if in_second { (y, z, x) } else { (x, y, z) };
                *want = if operation.contains("neg") { z - x * y } else { x * y + z };
            }
        }
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            let [x, y, z] = operands.each_ref().map(|list| list[i].show());
            let backend = core::any::type_name::<B>();
            assert!(
                got.same(*want),
                "{operation} of {x}, {y}, {z} on {backend}: {}, not {}",
                got.show(),
                want.show()
            );
        }
    }
    let operands = operands::<T>();
    for_backends!(b => compare(b, operation, &operands));
}

/// Fails where two lists differ in bits.
#[track_caller]
fn assert_same<B: Backend, T: Number>(_: B, got: &[T], want: &[T], what: &str) {
    assert_eq!(got.len(), want.len());
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let backend = core::any::type_name::<B>();
        assert!(got.same(*want), "{what} on {backend}: lane {i} is {}, not {}", got.show(), want.show());
    }
}

/// A vector's lanes.
fn lanes<B: Backend, T: Number>(v: V<B, T>) -> Vec<T> {
    let mut out = vec![T::from_f64(0.0); T::LANES];
    v.store(&mut T::chunks_mut(&mut out).0[0]);
    out
}

#[test]
fn load_partial() {
    fn check<B: Backend, T: Number>(b: B) {
        let x = random::<T>(T::LANES);
        for n in 0..=T::LANES {
            let loaded = b.vectorize(
                #[inline(always)]
                || lanes::<B, T>(V::<B, T>::load_partial(b, &x[..n])),
            );
            let mut want = x.clone();
            want[n..].fill(T::from_f64(0.0));
            assert_same(b, &loaded, &want, "load_partial");
        }
    }
    check::<_, f32>(Scalar);
    check::<_, f64>(Scalar);
    for_backends!(b => { check::<_, f32>(b); check::<_, f64>(b) });
}

#[test]
fn store_partial() {
    fn check<B: Backend, T: Number>(b: B) {
        let x = random::<T>(T::LANES);
        for n in 0..=T::LANES {
            let mut out = vec![T::from_f64(7.0); T::LANES];
            b.vectorize(
                #[inline(always)]
                || V::<B, T>::load(b, &T::chunks(&x).0[0]).store_partial(&mut out[..n]),
            );
            let mut want = x.clone();
            want[n..].fill(T::from_f64(7.0));
            assert_same(b, &out, &want, "store_partial");
        }
    }
    check::<_, f32>(Scalar);
    check::<_, f64>(Scalar);
    for_backends!(b => { check::<_, f32>(b); check::<_, f64>(b) });
}

/// Each lane is the sum of one vector's lanes, in its bits.
#[test]
fn sums() {
    fn check<B: Backend, T: Number>(b: B) {
        for x in operands::<T>().concat().chunks_exact(T::LANES * T::LANES) {
            let (got, want) = b.vectorize(
                #[inline(always)]
                || {
                    let vectors: Vec<V<B, T>> =
                        T::chunks(x).0.iter().map(|x| V::<B, T>::load(b, x)).collect();
                    let sums = lanes::<B, T>(V::<B, T>::sums(&vectors));
                    (sums, vectors.iter().map(|v| v.sum()).collect::<Vec<T>>())
                },
            );
            assert_same(b, &got, &want, "sums");
        }
    }
    check::<_, f32>(Scalar);
    check::<_, f64>(Scalar);
    for_backends!(b => { check::<_, f32>(b); check::<_, f64>(b) });
}

/// The lanes of even number, and those of odd number, in their order.
#[test]
fn unzip() {
    fn check<B: Backend, T: Number>(b: B) {
        let x = random::<T>(2 * T::LANES);
        let [even, odd] = b.vectorize(
            #[inline(always)]
            || {
                let [first, second] = [0, 1].map(|i| V::<B, T>::load(b, &T::chunks(&x).0[i]));
                let [even, odd] = first.unzip(second);
                [lanes::<B, T>(even), lanes::<B, T>(odd)]
            },
        );
        let want = |odd| x.iter().skip(odd).step_by(2).copied().collect::<Vec<T>>();
        assert_same(b, &even, &want(0), "unzip: even");
        assert_same(b, &odd, &want(1), "unzip: odd");
    }
    check::<_, f32>(Scalar);
    check::<_, f64>(Scalar);
    for_backends!(b => { check::<_, f32>(b); check::<_, f64>(b) });
}

/// The exact value, also of subnormal numbers; the partial form has +0 in the lanes beyond.
#[test]
fn widen() {
    fn check<B: Backend>(b: B) {
        for x in operands::<f32>().concat().as_chunks::<8>().0 {
            let want = x.map(f64::from);
            let got = b.vectorize(
                #[inline(always)]
                || lanes::<B, f64>(b.widen(x)),
            );
            assert_same(b, &got, &want, "widen");
            for n in 0..=8 {
                let got = b.vectorize(
                    #[inline(always)]
                    || lanes::<B, f64>(b.widen_partial(&x[..n])),
                );
                let mut want = want;
                want[n..].fill(0.0);
                assert_same(b, &got, &want, "widen_partial");
            }
        }
    }
    check(Scalar);
    for_backends!(b => check(b));
}

/// x times 2^k, exact, for normal numbers.
#[test]
fn scale_by_exponent_in() {
    fn check<B: Backend, T: Number>(b: B) {
        for k in -60..=60 {
            for x in [1.0, -1.5, 1.999, 1e-10, 1e10] {
                let (x, shifted) = (T::from_f64(x), T::from_f64(T::SHIFT + f64::from(k)));
                let [got, both] = b.vectorize(
                    #[inline(always)]
                    || {
                        let (x, shifted) = (V::<B, T>::splat(b, x), V::<B, T>::splat(b, shifted));
                        let two = Two(x, x).scale_by_exponent_in(Two(shifted, shifted));
                        [lanes::<B, T>(x.scale_by_exponent_in(shifted)), lanes::<B, T>(two.0 + two.1)]
                    },
                );
                let want = T::from_f64(x.to_f64() * f64::from(k).exp2());
                assert_same(b, &got, &vec![want; T::LANES], "scale_by_exponent_in");
                assert_same(b, &both, &vec![want + want; T::LANES], "scale_by_exponent_in of two");
            }
        }
    }
    check::<_, f32>(Scalar);
    check::<_, f64>(Scalar);
    for_backends!(b => { check::<_, f32>(b); check::<_, f64>(b) });
}

/// The powers of two, and the largest numbers below them, on `scalar`, which the others are held against above.
#[test]
fn exponent_of_normal_numbers() {
    fn check<T: Number>(least: i32, most: i32, significand_bits: u32) {
        for k in least..=most {
            let bits = ((k - least + 1) as u64) << significand_bits;
            for bits in [bits, bits + 1, bits | ((1 << significand_bits) - 1)] {
                let x = T::of_bits(bits);
                assert_eq!(T::exponent(x).to_f64(), f64::from(k), "{}", x.show());
            }
        }
    }
    check::<f32>(-126, 127, 23);
    check::<f64>(-1022, 1023, 52);
}

/// `FUSED` is true where a multiply-add rounds once.
#[test]
fn fused() {
    fn check<B: Backend, T: Number>(b: B) {
        // (1 + u)² = 1 + 2 u + u²: rounded, the product has no u² to leave.
        let x = T::from_f64(1.0 + if size_of::<T>() == 4 { f32::EPSILON.into() } else { f64::EPSILON });
        let rest = b.vectorize(
            #[inline(always)]
            || {
                let x = V::<B, T>::splat(b, x);
                let square = x * x;
                lanes::<B, T>(x.mul_add(x, -square))[0]
            },
        );
        assert_eq!(rest != T::from_f64(0.0), B::FUSED, "{}", core::any::type_name::<B>());
        assert_eq!(<V<B, T> as Arithmetic>::FUSED, B::FUSED);
    }
    check::<_, f32>(Scalar);
    check::<_, f64>(Scalar);
    for_backends!(b => { check::<_, f32>(b); check::<_, f64>(b) });
}
