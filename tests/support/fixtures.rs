//! Rows with everything that a pass takes, made from a seed; and the numbers that they hold. Tests, benches and
//! fuzz targets share this file, so it needs nothing but `lanegrad` and `rand`.

#![allow(dead_code, reason = "each program uses what it needs of this module")]
#![allow(unreachable_pub, reason = "the library of the fuzz targets passes it on, programs of tests do not")]

use lanegrad::{Batch, Element, Isa, Params, Rows, Storage};
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};
use std::fmt::Debug;

/// A seeded generator: a failure can be run again.
pub fn rng(seed: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed)
}

/// The backend that defines the bits.
pub fn scalar() -> Isa {
    Isa::from_name("scalar").expect("every CPU has it")
}

/// What the tests need of a number that rows hold.
pub trait Held: Copy + Default + Debug + Send + Sync + 'static {
    /// The type's name.
    const NAME: &str;
    /// NaN, or the greatest integer.
    const NAN: Self;
    /// Infinity, or the least integer.
    const INFINITY: Self;

    /// The same number; exact.
    fn to_f64(self) -> f64;
    /// A number near `x`; of integers, near 100 times that.
    fn near(x: f64) -> Self;
    /// The number of the lower bits.
    fn of_bits(bits: u64) -> Self;
}

/// What the tests need of `f32` and `f64` beyond arithmetic.
pub trait Number: Element + Held {
    /// Half the distance from 1 to the next larger number: u.
    const UNIT_ROUNDOFF: f64;
    /// Half the least subnormal.
    const HALF_LEAST: f64;
    const MAX: Self;
    const LEAST_NORMAL: Self;

    /// The number's bits, those of every NaN being the same.
    fn bits(self) -> u64;
    /// `self * a + b`, rounded once.
    fn fma(self, a: Self, b: Self) -> Self;

    fn least_subnormal() -> Self {
        Self::of_bits(1)
    }

    /// The same value with the same sign, or both NaN.
    fn same_bits(self, other: Self) -> bool {
        self.bits() == other.bits()
    }

    fn hex(self) -> String {
        format!("{:#x} ({self:e})", self.bits())
    }
}

macro_rules! number {
    ($t:ident, $bits:ident, $half_least:expr) => {
        impl Held for $t {
            const NAME: &str = stringify!($t);
            const NAN: Self = $t::NAN;
            const INFINITY: Self = $t::INFINITY;

            fn to_f64(self) -> f64 {
                self.into()
            }
            fn near(x: f64) -> Self {
                Self::nearest(x)
            }
            fn of_bits(bits: u64) -> Self {
                $t::from_bits(bits as $bits)
            }
        }

        impl Number for $t {
            const UNIT_ROUNDOFF: f64 = $t::EPSILON as f64 / 2.0;
            const HALF_LEAST: f64 = $half_least;
            const MAX: Self = $t::MAX;
            const LEAST_NORMAL: Self = $t::MIN_POSITIVE;

            fn bits(self) -> u64 {
                if self.is_nan() { $t::NAN.to_bits().into() } else { self.to_bits().into() }
            }
            fn fma(self, a: Self, b: Self) -> Self {
                self.mul_add(a, b)
            }
        }
    };
}
number!(f32, u32, f32::from_bits(1) as f64 / 2.0);
// Half of the least subnormal f64 is no f64; the next larger number bounds it.
number!(f64, u64, f64::from_bits(1));

/// Numbers of 16 and 8 bits, with `half`'s conversions and the standard library's, which are not the library's own.
#[cfg(feature = "narrow")]
mod small {
    use super::Held;
    use half::{bf16, f16};

    macro_rules! held {
        ($t:ident, $nan:expr, $infinity:expr, |$x:ident| $near:expr, |$bits:ident| $of_bits:expr) => {
            impl Held for $t {
                const NAME: &str = stringify!($t);
                const NAN: Self = $nan;
                const INFINITY: Self = $infinity;

                fn to_f64(self) -> f64 {
                    self.into()
                }
                fn near($x: f64) -> Self {
                    $near
                }
                fn of_bits($bits: u64) -> Self {
                    $of_bits
                }
            }
        };
    }
    held!(bf16, bf16::NAN, bf16::INFINITY, |x| bf16::from_f64(x), |bits| bf16::from_bits(bits as u16));
    held!(f16, f16::NAN, f16::INFINITY, |x| f16::from_f64(x), |bits| f16::from_bits(bits as u16));
    held!(i8, i8::MAX, i8::MIN, |x| (100.0 * x) as i8, |bits| bits as i8);
    held!(u8, u8::MAX, u8::MIN, |x| (100.0 + 100.0 * x) as u8, |bits| bits as u8);
}

/// A number uniform in [-1, 1), exact in `f32`: every bit of a sum of such depends on the order of its additions.
pub fn uniform<T: Number>(rng: &mut impl Rng) -> T {
    T::nearest(rng.random_range(-1.0_f32..1.0).into())
}

/// A number as rows hold it, as [`uniform`] as its type has it.
pub fn held<S: Held>(rng: &mut impl Rng) -> S {
    S::near(uniform::<f32>(rng).into())
}

/// Anything that a type holds: an ordinary number, one of any bits, a special one.
pub fn any_held<S: Held>(rng: &mut impl Rng) -> S {
    match rng.random_range(0..4) {
        0 => S::of_bits(rng.random()),
        1 => S::near(anything::<f64>(rng)),
        _ => held(rng),
    }
}

/// A number of random sign and significand, and of an exponent from a wide range around 1.
pub fn wide_range<T: Number>(rng: &mut impl Rng) -> T {
    T::nearest(rng.random_range(-1.0..1.0) * f64::from(rng.random_range(-30..30)).exp2())
}

/// Anything at all: mostly ordinary numbers, and every kind of special one.
pub fn anything<T: Number>(rng: &mut impl Rng) -> T {
    let number = match rng.random_range(0..40) {
        0 => T::nearest(0.0),
        1 => T::least_subnormal(),
        2 => T::LEAST_NORMAL,
        3 => T::MAX,
        4 => T::INFINITY,
        5 => T::NAN,
        6 => T::LEAST_NORMAL * uniform(rng), // subnormal
        7..=12 => T::of_bits(rng.random()),
        13..=26 => uniform(rng),
        _ => wide_range(rng),
    };
    if rng.random() { number } else { -number }
}

/// `n` numbers.
pub fn many<T>(n: usize, mut one: impl FnMut() -> T) -> Vec<T> {
    (0..n).map(|_| one()).collect()
}

/// Numbers as near as another type has them.
pub fn convert<A: Number, B: Number>(numbers: &[A]) -> Vec<B> {
    numbers.iter().map(|x| B::nearest(x.to_f64())).collect()
}

/// Fails where two slices differ in bits (NaN equals NaN), and shows the first place in hex.
#[track_caller]
pub fn assert_same_bits<T: Number>(got: &[T], want: &[T], context: impl FnOnce() -> String) {
    assert_eq!(got.len(), want.len(), "{}", context());
    if let Some(i) = (0..got.len()).find(|&i| !got[i].same_bits(want[i])) {
        panic!("{}: element {i} is {}, not {}", context(), got[i].hex(), want[i].hex());
    }
}

/// What the rows of a data set hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values {
    /// Numbers in [-1, 1).
    Plain,
    /// Some infinities; and anything, mostly NaN, in rows of sample weight 0.
    Special,
}

/// What labels are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Labels {
    /// 0 or 1.
    Hard,
    /// Between.
    Soft,
    /// A quarter each of 0 and of 1, and others between.
    Both,
}

impl Labels {
    pub fn draw<T: Number>(self, rng: &mut impl Rng) -> T {
        let hard = match self {
            Self::Hard => true,
            Self::Soft => false,
            Self::Both => rng.random(),
        };
        T::nearest(if hard { f64::from(u8::from(rng.random::<bool>())) } else { rng.random_range(0.0..1.0) })
    }
}

/// A sample weight: of four one is 0, of eight one is 1, and the others are less than 3.
pub fn sample_weight<T: Number>(rng: &mut impl Rng) -> T {
    T::nearest(match rng.random_range(0..8) {
        0..2 => 0.0,
        2 => 1.0,
        _ => rng.random_range(0.0..3.0),
    })
}

/// The kinds of random data sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kind {
    pub values: Values,
    pub labels: Labels,
    /// Whether rows have sample weights.
    pub weighted: bool,
    /// Whether classes have weights.
    pub classes: bool,
    /// Whether rows have offsets.
    pub offsets: bool,
    /// Elements between the rows, all NaN, so that a read of one shows.
    pub gap: usize,
}

impl Kind {
    /// All labels, sample weights, weights of classes, offsets, and no gaps.
    pub const PLAIN: Self = Self {
        values: Values::Plain,
        labels: Labels::Both,
        weighted: true,
        classes: true,
        offsets: true,
        gap: 0,
    };
    /// The same with numbers that are not finite.
    pub const SPECIAL: Self = Self { values: Values::Special, ..Self::PLAIN };

    /// Every combination of labels, weights, and gaps between the rows, of plain numbers; half of them with offsets,
    /// and a half with weights of classes.
    pub fn variants() -> impl Iterator<Item = Self> {
        (0..8_u32).map(|i| Self {
            labels: if i & 1 != 0 { Labels::Soft } else { Labels::Hard },
            weighted: i & 2 != 0,
            gap: if i & 4 != 0 { 3 } else { 0 },
            classes: (i >> 1).count_ones() == 1,
            offsets: i.count_ones() % 2 == 1,
            ..Self::PLAIN
        })
    }
}

/// Rows with everything that a pass takes.
#[derive(Clone, Debug)]
pub struct Data<S, T> {
    pub ncols: usize,
    pub row_stride: usize,
    /// Row by row, after `start` elements that are none.
    pub x: Vec<S>,
    pub start: usize,
    pub labels: Vec<T>,
    pub sample_weights: Option<Vec<T>>,
    pub class_weights: Option<[T; 2]>,
    pub offsets: Option<Vec<T>>,
    /// Weights and bias of the parameters, and of a direction.
    pub weights: [Vec<T>; 2],
    pub biases: [T; 2],
}

impl<S: Storage<T> + Held, T: Number> Data<S, T> {
    /// Rows without gaps and sample weights; the direction is that of the parameters.
    pub fn new(x: Vec<S>, labels: Vec<T>, weights: Vec<T>, bias: T) -> Self {
        let ncols = weights.len();
        let weights = [weights.clone(), weights];
        let biases = [bias; 2];
        Self {
            ncols,
            row_stride: ncols,
            x,
            start: 0,
            labels,
            sample_weights: None,
            class_weights: None,
            offsets: None,
            weights,
            biases,
        }
    }

    /// Random ones, with logits of a few units at every width.
    pub fn random(rng: &mut SmallRng, nrows: usize, ncols: usize, kind: Kind) -> Self {
        let scale = T::nearest(4.0 / (ncols as f64 + 1.0).sqrt());
        let weights = [(); 2].map(|()| many(ncols, || scale * uniform(rng)));
        let biases = [(); 2].map(|()| uniform(rng));
        let mut x: Vec<S> = many(nrows * ncols, || held(rng));
        let labels = many(nrows, || kind.labels.draw(rng));
        let sample_weights: Vec<T> = many(nrows, || sample_weight(rng));
        if kind.values == Values::Special && ncols > 0 {
            for (row, weight) in x.chunks_mut(ncols).zip(&sample_weights) {
                let place = rng.random_range(0..ncols);
                if *weight == T::nearest(0.0) {
                    row[place] = if rng.random() { S::NAN } else { any_held(rng) };
                } else if rng.random_range(0..50) == 0 {
                    // The other columns stay finite.
                    row[0] = S::INFINITY;
                }
            }
        }
        let sample_weights = Some(sample_weights).filter(|_| kind.weighted);
        let class_weights = [0.75, 2.5].map(T::nearest);
        let offsets: Vec<T> = many(nrows, || uniform(rng));
        let compact = Self {
            ncols,
            row_stride: ncols,
            x,
            start: 0,
            labels,
            sample_weights,
            class_weights: Some(class_weights).filter(|_| kind.classes),
            offsets: Some(offsets).filter(|_| kind.offsets),
            weights,
            biases,
        };
        compact.spread(kind.gap)
    }

    /// Random ones, always the same of a shape and a kind.
    pub fn of_shape(nrows: usize, ncols: usize, kind: Kind) -> Self {
        Self::random(&mut rng((nrows * 10_007 + ncols) as u64), nrows, ncols, kind)
    }

    /// The same rows with gaps between them, all NaN.
    pub fn spread(self, gap: usize) -> Self {
        if gap == 0 {
            return self;
        }
        let row_stride = self.ncols + gap;
        let mut x = Vec::new();
        for (i, row) in self.rows().iter().enumerate() {
            // The last row has no gap behind it.
            x.resize(i * row_stride, S::NAN);
            x.extend_from_slice(row);
        }
        Self { row_stride, x, start: 0, ..self }
    }

    /// The same rows, the first of them `offset` elements after a boundary of 64 bytes.
    pub fn at_offset(self, offset: usize) -> Self {
        let mut x = vec![S::default(); self.x.len() - self.start + offset + 64];
        let start = x.as_ptr().align_offset(64) + offset;
        x[start..][..self.x.len() - self.start].copy_from_slice(&self.x[self.start..]);
        Self { x, start, ..self }
    }

    pub fn nrows(&self) -> usize {
        self.labels.len()
    }

    pub fn rows(&self) -> Rows<'_, S> {
        Rows::with_stride(&self.x[self.start..], self.nrows(), self.ncols, self.row_stride)
            .expect("the shape is that of the data")
    }

    /// The rows with their labels, all counted alike.
    pub fn unweighted(&self) -> Batch<'_, S, T> {
        Batch::new(self.rows(), &self.labels).expect("labels in [0, 1], one for each row")
    }

    /// The rows with labels and, where there are any, weights and offsets.
    pub fn batch(&self) -> Batch<'_, S, T> {
        let mut batch = self.unweighted();
        if let Some(weights) = &self.sample_weights {
            batch = batch.with_sample_weights(weights).expect("finite weights");
        }
        if let Some(weights) = self.class_weights {
            batch = batch.with_class_weights(weights).expect("finite weights");
        }
        if let Some(offsets) = &self.offsets {
            batch = batch.with_offsets(offsets).expect("finite offsets");
        }
        batch
    }

    /// Copies of the rows with these numbers, in their order.
    pub fn copied(&self, indices: &[usize]) -> Self {
        let of = |numbers: &Vec<T>| indices.iter().map(|&i| numbers[i]).collect::<Vec<T>>();
        Self {
            x: indices.iter().flat_map(|&i| self.rows().row(i).expect("a row's number")).copied().collect(),
            start: 0,
            row_stride: self.ncols,
            labels: of(&self.labels),
            sample_weights: self.sample_weights.as_ref().map(of),
            offsets: self.offsets.as_ref().map(of),
            ..self.clone()
        }
    }

    /// What each row counts: its sample weight times that of its label.
    pub fn counts(&self) -> Vec<T> {
        let one = T::nearest(1.0);
        let class = |y: T| self.class_weights.map_or(one, |[w0, w1]| (one - y) * w0 + y * w1);
        let sample = |i: usize| self.sample_weights.as_ref().map_or(one, |weights| weights[i]);
        self.labels.iter().enumerate().map(|(i, &y)| sample(i) * class(y)).collect()
    }

    pub fn params(&self) -> Params<'_, T> {
        Params::new(&self.weights[0], self.biases[0])
    }

    pub fn direction(&self) -> Params<'_, T> {
        Params::new(&self.weights[1], self.biases[1])
    }

    /// Parameters and direction.
    pub fn both(&self) -> [Params<'_, T>; 2] {
        [self.params(), self.direction()]
    }
}

/// A batch with the weights and offsets of another one.
pub fn with_all_of<'a, S: Storage<T>, T: Element>(
    mut batch: Batch<'a, S, T>,
    other: &Batch<'a, S, T>,
) -> Batch<'a, S, T> {
    if let Some(weights) = other.sample_weights() {
        batch = batch.with_sample_weights(weights).expect("finite weights");
    }
    if let Some(weights) = other.class_weights() {
        batch = batch.with_class_weights(weights).expect("finite weights");
    }
    if let Some(offsets) = other.offsets() {
        batch = batch.with_offsets(offsets).expect("finite offsets");
    }
    batch
}
