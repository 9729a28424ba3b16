//! Golden bits: hashes of results that every fused instruction set, number of threads and architecture
//! must reproduce, and every later version unless its changelog calls the change a breaking one.
//!
//! `LANEGRAD_BLESS=1 cargo test --test results golden` writes `tests/data/golden_bits.txt` anew.

#[cfg(feature = "narrow")]
use crate::support::reduction;
#[cfg(any(feature = "narrow", feature = "rayon"))]
use crate::support::scalar;
#[cfg(feature = "alloc")]
use crate::support::{Data, centres, numbers, sums};
use crate::support::{Held, Number, isas};
#[cfg(feature = "alloc")]
use lanegrad::{
    DeviationsStream, Engine, Extent, GradientStream, HessianDiagonalStream, HessianProductStream, Place,
    chunk_rows,
};
use lanegrad::{Isa, Storage};
#[cfg(feature = "narrow")]
use std::fmt::Write as _;

const GOLDEN: &str = include_str!("../data/golden_bits.txt");

/// SplitMix64 (Steele, Lea and Flood 2014): the same integers everywhere.
struct Generator(u64);

impl Generator {
    fn integer(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// In [0, 1): an integer of as many bits as the type has, scaled by a power of two, which is exact.
    fn fraction<T: Number>(&mut self) -> T {
        let bits = if size_of::<T>() == 4 { 24 } else { 53 };
        T::nearest((self.integer() >> (64 - bits)) as f64 * T::UNIT_ROUNDOFF)
    }

    /// In [-1, 1), exact too.
    fn signed<T: Number>(&mut self) -> T {
        T::nearest(2.0) * self.fraction() - T::nearest(1.0)
    }

    /// Near 0, ordinary, and so large that a sigmoid is subnormal or 0; now and then a special number.
    fn logit<T: Number>(&mut self) -> T {
        let special = [
            T::nearest(0.0),
            T::least_subnormal(),
            T::LEAST_NORMAL,
            T::MAX,
            T::INFINITY,
            T::NAN,
            T::nearest(-0.0),
            -T::MAX,
            -T::INFINITY,
        ];
        match self.integer() % 64 {
            i @ 0..9 => special[i as usize],
            9..16 => self.signed::<T>() * T::nearest(1.0 / 1024.0),
            16..40 => self.signed::<T>() * T::nearest(16.0),
            _ => self.signed::<T>() * T::nearest(if size_of::<T>() == 4 { 128.0 } else { 1024.0 }),
        }
    }

    /// Uniform, of any size, and near 1/2 and 1; now and then a special number, or one that is no probability.
    fn probability<T: Number>(&mut self) -> T {
        let [one, half, small] = [1.0, 0.5, 1.0 / 1024.0].map(T::nearest);
        let special =
            [T::nearest(0.0), T::nearest(-0.0), half, one, -T::least_subnormal(), T::INFINITY, T::NAN];
        match self.integer() % 64 {
            i @ 0..7 => special[i as usize],
            7..20 => self.fraction(),
            20..24 => T::of_bits(self.integer() % T::LEAST_NORMAL.bits()),
            24..40 => T::of_bits(self.integer() % one.bits()),
            40..50 => half + self.signed::<T>() * small,
            50..56 => one - self.fraction::<T>() * small,
            _ => one - T::of_bits(self.integer() % one.bits()),
        }
    }

    /// 0, 1 or between.
    fn label<T: Number>(&mut self) -> T {
        match self.integer() % 3 {
            0 => T::nearest(0.0),
            1 => T::nearest(1.0),
            _ => self.fraction(),
        }
    }

    fn many<T>(&mut self, n: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..n).map(|_| one(self)).collect()
    }
}

/// FNV-1a of 64 bits, over the bytes of numbers from the lowest; every NaN counts as the same one.
struct Hash(u64);

impl Hash {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// An `f32` as the `f64` that it equals.
    fn numbers<T: Number>(&mut self, numbers: &[T]) {
        for number in numbers.iter().map(|number| number.to_f64()) {
            let bits = if number.is_nan() { f64::NAN.to_bits() & !(1 << 63) } else { number.to_bits() };
            self.bytes(&bits.to_le_bytes());
        }
    }
}

/// Lines of the file that are computed together: their names, and their hashes on an instruction set.
struct Lines<On> {
    names: Vec<String>,
    hashes: Box<dyn Fn(On) -> Vec<u64> + Send + Sync>,
}

impl<On> Lines<On> {
    /// A line by itself.
    fn one(name: String, hash: impl Fn(On) -> u64 + Send + Sync + 'static) -> Self {
        Self { names: vec![name], hashes: Box::new(move |on| vec![hash(on)]) }
    }

    /// Names and hashes.
    fn on(&self, on: On) -> impl Iterator<Item = (&str, u64)> {
        let hashes = (self.hashes)(on);
        assert_eq!(hashes.len(), self.names.len());
        self.names.iter().map(String::as_str).zip(hashes)
    }
}

/// A type that rows are drawn in.
trait Drawn: Held {
    /// As [`Generator::signed`].
    fn signed(numbers: &mut Generator) -> Self;
    /// As [`Generator::logit`].
    fn logit(numbers: &mut Generator) -> Self;
}

impl<T: Number> Drawn for T {
    fn signed(numbers: &mut Generator) -> Self {
        numbers.signed()
    }
    fn logit(numbers: &mut Generator) -> Self {
        numbers.logit()
    }
}

fn types<S: Held, T: Number>() -> String {
    if S::NAME == T::NAME { S::NAME.to_owned() } else { format!("{} in {}", S::NAME, T::NAME) }
}

/// Kernels on numbers that are drawn as `D` and held as `S`.
fn mixed_as<D: Drawn, S: Storage<T> + Held, T: Number>(hold: fn(D) -> S) -> [Lines<Isa>; 2] {
    let dot = move |isa: Isa| {
        let (mut hash, mut numbers) = (Hash::new(), Generator(1));
        // Up to nine vectors of the shortest elements, and on either side of a leaf of the sum and of several.
        for n in (0..=144).chain([255, 1000, 2047, 2049, 4095, 4097, 10_007, 33_000]) {
            let x = numbers.many(n, |numbers| hold(D::signed(numbers)));
            let w = numbers.many(n, Generator::signed::<T>);
            hash.numbers(&[isa.dot(&x, &w).unwrap()]);
        }
        hash.0
    };
    let axpy = move |isa: Isa| {
        let (mut hash, mut numbers) = (Hash::new(), Generator(2));
        for n in (0..=144).chain([1000]) {
            let x = numbers.many(n, |numbers| hold(D::logit(numbers)));
            let mut y = numbers.many(n, Generator::logit::<T>);
            isa.axpy(numbers.signed(), &x, &mut y).unwrap();
            hash.numbers(&y);
        }
        hash.0
    };
    let types = types::<D, T>();
    [Lines::one(format!("dot {types}"), dot), Lines::one(format!("axpy {types}"), axpy)]
}

fn mixed<S: Storage<T> + Drawn, T: Number>() -> [Lines<Isa>; 2] {
    mixed_as::<S, S, T>(|x| x)
}

fn elementwise<T: Number>() -> [Lines<Isa>; 6] {
    /// Of logits, labels and probabilities.
    type Map<T> = fn(Isa, [&[T]; 3], &mut [T]);
    let maps: [(&str, Map<T>); 6] = [
        ("sigmoid", |isa, [z, ..], out| isa.sigmoid(z, out).unwrap()),
        ("softplus", |isa, [z, ..], out| isa.softplus(z, out).unwrap()),
        ("log_loss", |isa, [z, y, _], out| isa.log_loss(z, y, out).unwrap()),
        ("residual", |isa, [z, y, _], out| isa.residual(z, y, out).unwrap()),
        ("log_sigmoid", |isa, [z, ..], out| isa.log_sigmoid(z, out).unwrap()),
        ("logit", |isa, [.., p], out| isa.logit(p, out).unwrap()),
    ];
    maps.map(|(name, map)| {
        let of = move |isa| {
            let (mut hash, mut numbers, n) = (Hash::new(), Generator(3), 20_011);
            let (z, y) = (numbers.many(n, Generator::logit::<T>), numbers.many(n, Generator::label::<T>));
            let p = numbers.many(n, Generator::probability::<T>);
            let mut out = vec![T::NAN; n];
            map(isa, [&z, &y, &p], &mut out);
            hash.numbers(&out);
            hash.0
        };
        Lines::one(format!("{name} {}", types::<T, T>()), of)
    })
}

fn kernels() -> Vec<Lines<Isa>> {
    let mixed = [mixed::<f32, f32>(), mixed::<f64, f64>(), mixed::<f32, f64>()];
    mixed
        .into_iter()
        .flatten()
        .chain([elementwise::<f32>(), elementwise::<f64>()].into_iter().flatten())
        .collect()
}

/// Small numbers: kernels in either arithmetic, and passes.
#[cfg(feature = "narrow")]
mod small {
    use super::*;
    use half::{bf16, f16};

    macro_rules! drawn {
        ($($t:ident),+) => {
            $(impl Drawn for $t {
                fn signed(numbers: &mut Generator) -> Self {
                    Self::near(numbers.signed::<f32>().into())
                }
                fn logit(numbers: &mut Generator) -> Self {
                    Self::near(numbers.logit::<f32>().into())
                }
            })+
        };
    }
    drawn!(bf16, f16, i8, u8);

    fn of<D, S32, S64>(hold32: fn(D) -> S32, hold64: fn(D) -> S64) -> Vec<Lines<Isa>>
    where
        D: Drawn,
        S32: Storage<f32> + Held,
        S64: Storage<f64> + Held,
    {
        let lines: Vec<Lines<Isa>> =
            mixed_as::<D, S32, f32>(hold32).into_iter().chain(mixed_as::<D, S64, f64>(hold64)).collect();
        #[cfg(feature = "alloc")]
        let lines = lines
            .into_iter()
            .chain(
                [with_offsets_as::<D, S32, f32>(hold32), diagonal_and_gathered_as::<D, S32, f32>(hold32)]
                    .map(serially),
            )
            .collect();
        lines
    }

    fn as_held<S: Storage<f32> + Storage<f64> + Drawn>() -> Vec<Lines<Isa>> {
        of::<S, S, S>(|x| x, |x| x)
    }

    fn widened<S: Drawn>() -> Vec<Lines<Isa>> {
        of::<S, f32, f64>(|x| x.to_f64() as f32, S::to_f64)
    }

    /// All of these lines, or where the number of cases is reduced a fifth of them.
    pub(super) fn reduced<L>(lines: impl Iterator<Item = L>) -> impl Iterator<Item = L> {
        lines.step_by(if reduction() == 1 { 1 } else { 5 })
    }

    pub(super) fn lines() -> Vec<Lines<Isa>> {
        [as_held::<bf16>(), as_held::<f16>(), as_held::<i8>(), as_held::<u8>()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The lines are those of the same numbers held as the arithmetic's type.
    #[test]
    fn small_numbers_have_the_bits_of_the_same_numbers_held_wider() {
        let widened = [widened::<bf16>(), widened::<f16>(), widened::<i8>(), widened::<u8>()];
        for lines in reduced(widened.into_iter().flatten()) {
            for (name, hash) in lines.on(Isa::best()) {
                check(name, hash, Isa::best(), ", held wider");
            }
        }
    }
}

/// What a pass is made over: from the generator above, so that the bits are the same in every version.
#[cfg(feature = "alloc")]
fn data<S: Storage<T> + Drawn, T: Number>(rows: usize, cols: usize) -> Data<S, T> {
    data_as(rows, cols, |x: S| x)
}

/// The same of numbers that are drawn as `D` and held as `S`.
#[cfg(feature = "alloc")]
fn data_as<D: Drawn, S: Storage<T> + Held, T: Number>(
    rows: usize,
    cols: usize,
    hold: fn(D) -> S,
) -> Data<S, T> {
    let mut numbers = Generator((rows * 10_007 + cols) as u64);
    let x = numbers.many(rows * cols, |numbers| hold(D::signed(numbers)));
    let labels = numbers.many(rows, Generator::label);
    // A third of them 0.
    let sample_weights = numbers.many(rows, Generator::label);
    let weights = [(); 2].map(|()| numbers.many(cols, Generator::signed));
    let biases = [0.375, -0.75].map(T::nearest);
    let unweighted = Data::new(x, labels, weights[0].clone(), biases[0]);
    Data { sample_weights: Some(sample_weights), weights, biases, ..unweighted }
}

/// The results of each of the [`PASSES`], the last four with sample weights and without.
#[cfg(feature = "alloc")]
fn hash<S: Storage<T> + Held, T: Number>(
    data: &Data<S, T>,
    engine: Engine,
    [logits, probabilities, loss, product, deviations, squares]: &mut [Hash; 6],
) {
    let [params, direction] = data.both();
    let mut out = vec![T::NAN; data.nrows()];
    engine.logits(data.rows(), params, &mut out).unwrap();
    logits.numbers(&out);
    engine.predict_proba(data.rows(), params, &mut out).unwrap();
    probabilities.numbers(&out);
    for batch in [data.unweighted(), data.batch()] {
        loss.numbers(&numbers(&engine.loss_and_gradient(&batch, params).unwrap()));
        product.numbers(&numbers(&engine.hessian_product(&batch, params, direction).unwrap()));
        let centres = centres(direction);
        deviations.numbers(&numbers(&engine.deviations(&batch, &centres).unwrap()));
        squares.numbers(&numbers(&engine.squared_deviations(&batch, &centres).unwrap()));
    }
}

#[cfg(feature = "alloc")]
const PASSES: [&str; 6] =
    ["logits", "predict_proba", "loss_and_gradient", "hessian_product", "deviations", "squared_deviations"];

/// The passes over batches of these numbers of rows and columns.
#[cfg(feature = "alloc")]
fn over<S: Storage<T> + Drawn, T: Number>(what: &str, shapes: Vec<(usize, usize)>) -> Lines<Engine> {
    let hashes = move |engine: Engine| {
        let mut hashes = [(); 6].map(|()| Hash::new());
        for &(rows, cols) in &shapes {
            hash(&data::<S, T>(rows, cols), engine, &mut hashes);
        }
        hashes.map(|hash| hash.0).into()
    };
    let names = PASSES.map(|pass| format!("{pass} over {what} {}", types::<S, T>())).into();
    Lines { names, hashes: Box::new(hashes) }
}

/// Every form of row, and around the ends of chunks; and rows enough for threads to share.
#[cfg(feature = "alloc")]
fn passes_of<S: Storage<T> + Drawn, T: Number>() -> [Lines<Engine>; 2] {
    let widths = [0, 1, 2, 7, 8, 9, 16, 17, 24, 31, 32, 40, 50, 64, 65, 100, 300, 2049, 4097];
    let few = widths.into_iter().flat_map(|cols| {
        let chunk = chunk_rows::<T>(cols);
        let rows = [0, 1, 2, 5, 19, chunk - 1, 2 * chunk + 5].into_iter();
        rows.filter(move |rows| rows * cols <= 50_000).map(move |rows| (rows, cols))
    });
    [
        over::<S, T>("few rows", few.collect()),
        over::<S, T>("many rows", vec![(100_003, 3), (9001, 30), (1501, 600)]),
    ]
}

/// Batches with offsets and weights of classes too, of each form of row and of several chunks.
#[cfg(feature = "alloc")]
fn with_offsets<S: Storage<T> + Drawn, T: Number>() -> Lines<Engine> {
    with_offsets_as::<S, S, T>(|x| x)
}

/// The same of numbers that are drawn as `D` and held as `S`.
#[cfg(feature = "alloc")]
fn with_offsets_as<D: Drawn, S: Storage<T> + Held, T: Number>(hold: fn(D) -> S) -> Lines<Engine> {
    let passes = ["loss_and_gradient", "hessian_product", "squared_deviations", "predict_proba"];
    let hashes = move |engine: Engine| {
        let mut hashes = [(); 4].map(|()| Hash::new());
        for (rows, cols) in [(19, 1), (2000, 3), (1100, 20), (700, 64), (300, 100), (40, 5000)] {
            let mut numbers_of_rows = Generator((rows * 10_009 + cols) as u64);
            let data = Data {
                offsets: Some(numbers_of_rows.many(rows, Generator::signed)),
                class_weights: Some([0.75, 2.3].map(T::nearest)),
                ..data_as::<D, S, T>(rows, cols, hold)
            };
            let (batch, [params, direction]) = (data.batch(), data.both());
            let mut out = vec![T::NAN; rows];
            let offsets = batch.offsets().unwrap();
            engine.predict_proba_with_offsets(data.rows(), params, offsets, &mut out).unwrap();
            hashes[0].numbers(&numbers(&engine.loss_and_gradient(&batch, params).unwrap()));
            hashes[1].numbers(&numbers(&engine.hessian_product(&batch, params, direction).unwrap()));
            hashes[2].numbers(&numbers(&engine.squared_deviations(&batch, &centres(direction)).unwrap()));
            hashes[3].numbers(&out);
        }
        hashes.map(|hash| hash.0).into()
    };
    let names =
        passes.map(|pass| format!("{pass} with offsets and weights of classes {}", types::<D, T>())).into();
    Lines { names, hashes: Box::new(hashes) }
}

/// The Hessian's diagonal, and the passes over gathered rows, whose bits are those of their copies.
#[cfg(feature = "alloc")]
fn diagonal_and_gathered<S: Storage<T> + Drawn, T: Number>() -> Lines<Engine> {
    diagonal_and_gathered_as::<S, S, T>(|x| x)
}

/// The same of numbers that are drawn as `D` and held as `S`.
#[cfg(feature = "alloc")]
fn diagonal_and_gathered_as<D: Drawn, S: Storage<T> + Held, T: Number>(hold: fn(D) -> S) -> Lines<Engine> {
    let hashes = move |engine: Engine| {
        let [mut diagonal, mut gathered] = [(); 2].map(|()| Hash::new());
        for (rows, cols) in [(19, 1), (2000, 3), (1100, 20), (700, 64), (300, 100), (40, 5000)] {
            let data = data_as::<D, S, T>(rows, cols, hold);
            let (batch, [params, direction]) = (data.batch(), data.both());
            diagonal.numbers(&numbers(&engine.hessian_diagonal(&data.unweighted(), params).unwrap()));
            diagonal.numbers(&numbers(&engine.hessian_diagonal(&batch, params).unwrap()));
            let indices: Vec<u32> = (0..rows as u32).map(|i| i.wrapping_mul(7919) % rows as u32).collect();
            gathered.numbers(&sums(engine, &batch.gather(&indices).unwrap(), [params, direction]));
        }
        vec![diagonal.0, gathered.0]
    };
    let names = ["hessian_diagonal", "sums over gathered rows"];
    Lines { names: names.map(|name| format!("{name} {}", types::<D, T>())).into(), hashes: Box::new(hashes) }
}

/// The chunks themselves, which sums depend on.
#[cfg(feature = "alloc")]
fn chunks(_: Engine) -> u64 {
    let mut hash = Hash::new();
    for cols in 0..5000 {
        hash.bytes(&(chunk_rows::<f32>(cols) as u64).to_le_bytes());
        hash.bytes(&(chunk_rows::<f64>(cols) as u64).to_le_bytes());
    }
    hash.0
}

/// Sums over parts of some segments, as they are sent: of a shard with a hole before it, and of all.
#[cfg(feature = "alloc")]
fn sent_sums(engine: Engine) -> u64 {
    let data = data::<f32, f64>(2500, 3);
    let (batch, mut hash) = (data.unweighted(), Hash::new());
    let mut shard =
        GradientStream::starting_at(engine, data.params(), Place::at(1, 512)).unwrap().with_tag(20);
    shard.push(&batch.slice(0..1100).unwrap()).unwrap();
    hash.bytes(&shard.clone().into_sum().to_bytes());
    shard.end_segment();
    shard.end_segment();
    shard.push(&batch.slice(1100..2500).unwrap()).unwrap();
    hash.bytes(&shard.clone().into_sum().to_bytes());
    shard.end_data();
    let mut sum = shard.into_sum();
    let mut first = GradientStream::new(engine, data.params()).with_tag(20);
    first.push_segments(&[batch.slice(0..700).unwrap()]).unwrap();
    first.push(&batch.slice(700..1212).unwrap()).unwrap();
    sum.merge(&first.into_sum()).unwrap();
    hash.bytes(&sum.to_bytes());
    hash.numbers(&numbers(&sum.finish(&Extent::of_segments([700, 1612, 0, 1400])).unwrap()));

    let mut curvature = HessianProductStream::new(engine, data.params(), data.params()).unwrap();
    curvature.push(&batch).unwrap();
    hash.bytes(&curvature.into_sum().to_bytes());
    let mut diagonal = HessianDiagonalStream::new(engine, data.params());
    diagonal.push(&batch).unwrap();
    hash.bytes(&diagonal.into_sum().to_bytes());
    let mut squares = DeviationsStream::squared(engine, &[0.5, -1.0, 0.25]);
    squares.push_segments(&[batch, batch]).unwrap();
    hash.bytes(&squares.into_sum().to_bytes());
    hash.0
}

#[cfg(feature = "alloc")]
fn passes() -> Vec<Lines<Engine>> {
    let mut lines = vec![Lines::one("chunk_rows".to_owned(), chunks)];
    lines.extend(passes_of::<f32, f32>());
    lines.extend(passes_of::<f64, f64>());
    lines.extend(passes_of::<f32, f64>());
    lines.extend([with_offsets::<f32, f32>(), with_offsets::<f64, f64>(), with_offsets::<f32, f64>()]);
    lines.extend([
        diagonal_and_gathered::<f32, f32>(),
        diagonal_and_gathered::<f64, f64>(),
        diagonal_and_gathered::<f32, f64>(),
    ]);
    lines.push(Lines::one("sums as bytes".to_owned(), sent_sums));
    lines
}

/// The same lines, on one thread.
#[cfg(feature = "alloc")]
fn serially(Lines { names, hashes }: Lines<Engine>) -> Lines<Isa> {
    Lines { names, hashes: Box::new(move |isa| hashes(Engine::serial().with_isa(isa))) }
}

/// All lines but those of small numbers, on one thread.
fn wide_lines() -> Vec<Lines<Isa>> {
    #[cfg_attr(not(feature = "alloc"), allow(unused_mut, reason = "there are no passes"))]
    let mut lines = kernels();
    #[cfg(feature = "alloc")]
    lines.extend(passes().into_iter().map(serially));
    lines
}

/// All lines.
#[cfg(feature = "narrow")]
fn lines() -> Vec<Lines<Isa>> {
    wide_lines().into_iter().chain(small::lines()).collect()
}

/// Checks a hash against that which the file has for its name on an instruction set.
fn check(name: &str, hash: u64, isa: Isa, context: &str) {
    let line = GOLDEN.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let mut hashes = line.unwrap_or_else(|| panic!("no golden bits of {name}")).split(' ');
    let golden = if isa.is_fused() { hashes.next() } else { hashes.nth(1) };
    assert_eq!(Some(&*format!("{hash:016x}")), golden, "{name} on {isa}{context}");
}

/// The file as it has to be.
#[cfg(feature = "narrow")]
fn bless() {
    if !cfg!(feature = "alloc") {
        panic!("the file has lines that need the feature alloc");
    }
    let portable = isas().into_iter().find(|isa| !isa.is_fused()).expect("a build without FMA");
    // The heading stays.
    let heading = GOLDEN.lines().take_while(|line| line.starts_with('#'));
    let mut file: String = heading.flat_map(|line| [line, "\n"]).collect();
    for lines in lines() {
        for ((name, fused), (_, unfused)) in lines.on(scalar()).zip(lines.on(portable)) {
            writeln!(file, "{name}: {fused:016x} {unfused:016x}").unwrap();
        }
    }
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden_bits.txt"), file).unwrap();
}

#[test]
fn every_instruction_set_has_the_golden_bits() {
    #[cfg(feature = "narrow")]
    if std::env::var_os("LANEGRAD_BLESS").is_some() {
        return bless();
    }
    let lines = wide_lines().into_iter();
    #[cfg(feature = "narrow")]
    let lines = lines.chain(small::reduced(small::lines().into_iter()));
    for lines in lines {
        for isa in isas() {
            for (name, hash) in lines.on(isa) {
                check(name, hash, isa, "");
            }
        }
    }
}

/// No line of the file is left unchecked, and none is there twice.
#[cfg(all(feature = "alloc", feature = "narrow"))]
#[test]
fn the_file_has_the_lines_that_are_checked() {
    let names: Vec<String> = lines().into_iter().flat_map(|lines| lines.names).collect();
    let file = GOLDEN.lines().filter(|line| !line.starts_with('#'));
    let file: Vec<&str> = file.map(|line| line.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(file, names);
}

#[cfg(feature = "rayon")]
#[test]
fn any_number_of_threads_has_the_golden_bits() {
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for lines in passes() {
            // `scalar` is slow, and the others have its bits.
            for isa in isas().into_iter().filter(|&isa| isa != scalar()) {
                pool.install(|| {
                    for (name, hash) in lines.on(Engine::new().with_isa(isa)) {
                        check(name, hash, isa, &format!(", {threads} threads"));
                    }
                });
            }
        }
    }
}
