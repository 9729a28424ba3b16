//! Golden bits: hashes of results that every fused instruction set, number of threads and architecture
//! must reproduce, and every later version unless its changelog calls the change a breaking one.
//!
//! `LANEGRAD_BLESS=1 cargo test --features serde --test golden` writes `tests/data/golden_bits.txt` anew.

mod support;

#[cfg(feature = "alloc")]
use lanegrad::{Batch, Engine, Gradient, Params, Rows, chunk_rows};
use lanegrad::{Isa, Storage};
use std::fmt::Write as _;
use support::{TestFloat, isas, scalar};

const GOLDEN: &str = include_str!("data/golden_bits.txt");

/// What the file starts with.
const HEADING: &str = "\
# What is computed, the hash of its bits on fused instruction sets, and on SSE2 without fused multiply-add.
# Written by `LANEGRAD_BLESS=1 cargo test --features serde --test golden`; a change is a breaking one.
";

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
    fn fraction<T: TestFloat>(&mut self) -> T {
        let bits = if size_of::<T>() == 4 { 24 } else { 53 };
        T::from_f64((self.integer() >> (64 - bits)) as f64 * T::UNIT_ROUNDOFF)
    }

    /// In [-1, 1), exact too.
    fn signed<T: TestFloat>(&mut self) -> T {
        T::from_f64(2.0) * self.fraction() - T::from_f64(1.0)
    }

    /// Near 0, ordinary, and so large that a sigmoid is subnormal or 0; now and then a special number.
    fn logit<T: TestFloat>(&mut self) -> T {
        let special = [
            T::from_f64(0.0),
            T::least_subnormal(),
            T::LEAST_NORMAL,
            T::MAX,
            T::INFINITY,
            T::NAN,
            T::from_f64(-0.0),
            -T::MAX,
            -T::INFINITY,
        ];
        match self.integer() % 64 {
            i @ 0..9 => special[i as usize],
            9..16 => self.signed::<T>() * T::from_f64(1.0 / 1024.0),
            16..40 => self.signed::<T>() * T::from_f64(16.0),
            _ => self.signed::<T>() * T::from_f64(if size_of::<T>() == 4 { 128.0 } else { 1024.0 }),
        }
    }

    /// 0, 1 or between.
    fn label<T: TestFloat>(&mut self) -> T {
        match self.integer() % 3 {
            0 => T::from_f64(0.0),
            1 => T::from_f64(1.0),
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
    fn numbers<T: TestFloat>(&mut self, numbers: &[T]) {
        for number in numbers.iter().map(|number| number.to_f64()) {
            let bits = if number.is_nan() { f64::NAN.to_bits() & !(1 << 63) } else { number.to_bits() };
            self.bytes(&bits.to_le_bytes());
        }
    }
}

/// A line of the file: a name, and the hash on an instruction set.
type Line<On> = (String, Box<dyn Fn(On) -> u64 + Send + Sync>);

fn types<S, T>() -> &'static str {
    match (size_of::<S>(), size_of::<T>()) {
        (4, 4) => "f32",
        (8, 8) => "f64",
        _ => "f32 in f64",
    }
}

/// Of every length up to nine vectors, and some on either side of a leaf of the sum.
const LENGTHS: [usize; 8] = [255, 1000, 2047, 2049, 4095, 4097, 10_007, 33_000];

fn mixed<S: Storage<T> + TestFloat, T: TestFloat>() -> Vec<Line<Isa>> {
    let dot = |isa: Isa| {
        let (mut hash, mut numbers) = (Hash::new(), Generator(1));
        for n in (0..=144).chain(LENGTHS) {
            let (x, w) = (numbers.many(n, Generator::signed::<S>), numbers.many(n, Generator::signed::<T>));
            hash.numbers(&[isa.dot(&x, &w).unwrap()]);
        }
        hash.0
    };
    let axpy = |isa: Isa| {
        let (mut hash, mut numbers) = (Hash::new(), Generator(2));
        for n in (0..=144).chain([1000]) {
            let x = numbers.many(n, Generator::logit::<S>);
            let mut y = numbers.many(n, Generator::logit::<T>);
            isa.axpy(numbers.signed(), &x, &mut y).unwrap();
            hash.numbers(&y);
        }
        hash.0
    };
    vec![
        (format!("dot {}", types::<S, T>()), Box::new(dot)),
        (format!("axpy {}", types::<S, T>()), Box::new(axpy)),
    ]
}

fn elementwise<T: TestFloat>() -> Vec<Line<Isa>> {
    type Map<T> = fn(Isa, &[T], &[T], &mut [T]);
    let maps: [(&str, Map<T>); 4] = [
        ("sigmoid", |isa, z, _, out| isa.sigmoid(z, out).unwrap()),
        ("softplus", |isa, z, _, out| isa.softplus(z, out).unwrap()),
        ("log_loss", |isa, z, y, out| isa.log_loss(z, y, out).unwrap()),
        ("residual", |isa, z, y, out| isa.residual(z, y, out).unwrap()),
    ];
    let line = |(name, map): (&str, Map<T>)| -> Line<Isa> {
        let of = move |isa| {
            let (mut hash, mut numbers, n) = (Hash::new(), Generator(3), 20_011);
            let (z, y) = (numbers.many(n, Generator::logit::<T>), numbers.many(n, Generator::label::<T>));
            let mut out = vec![T::NAN; n];
            map(isa, &z, &y, &mut out);
            hash.numbers(&out);
            hash.0
        };
        (format!("{name} {}", types::<T, T>()), Box::new(of))
    };
    maps.map(line).into()
}

fn kernels() -> Vec<Line<Isa>> {
    let mixed = [mixed::<f32, f32>(), mixed::<f64, f64>(), mixed::<f32, f64>()];
    mixed.into_iter().chain([elementwise::<f32>(), elementwise::<f64>()]).flatten().collect()
}

/// What a pass is made over.
#[cfg(feature = "alloc")]
struct Data<S, T> {
    rows: usize,
    cols: usize,
    x: Vec<S>,
    labels: Vec<T>,
    sample_weights: Vec<T>,
    weights: [Vec<T>; 2],
}

#[cfg(feature = "alloc")]
impl<S: Storage<T> + TestFloat, T: TestFloat> Data<S, T> {
    fn new(rows: usize, cols: usize) -> Self {
        let mut numbers = Generator((rows * 10_007 + cols) as u64);
        Self {
            rows,
            cols,
            x: numbers.many(rows * cols, Generator::signed),
            labels: numbers.many(rows, Generator::label),
            // A third of them 0.
            sample_weights: numbers.many(rows, Generator::label),
            weights: [(); 2].map(|()| numbers.many(cols, Generator::signed)),
        }
    }

    /// All that an engine makes of the data, with sample weights and without.
    fn hash(&self, engine: &mut Engine, hash: &mut Hash) {
        let batch = Batch::new(Rows::new(&self.x, self.rows, self.cols).unwrap(), &self.labels).unwrap();
        let params = Params::new(&self.weights[0], T::from_f64(0.375));
        let direction = Params::new(&self.weights[1], T::from_f64(-0.75));
        let mut out = vec![T::NAN; self.rows];
        engine.logits(batch.rows(), params, &mut out).unwrap();
        hash.numbers(&out);
        engine.predict_proba(batch.rows(), params, &mut out).unwrap();
        hash.numbers(&out);
        let mut sums = Gradient::default();
        for batch in [batch, batch.with_sample_weights(&self.sample_weights).unwrap()] {
            engine.loss_and_gradient(&batch, params, &mut sums).unwrap();
            hash.numbers(&[sums.loss, sums.db, sums.weight_sum]);
            hash.numbers(&sums.dw);
            engine.hessian_product(&batch, params, direction, &mut sums).unwrap();
            hash.numbers(&[sums.loss, sums.db, sums.weight_sum]);
            hash.numbers(&sums.dw);
        }
    }
}

/// The passes: over every form of row and around the ends of chunks, and over rows enough for threads to
/// share.
#[cfg(feature = "alloc")]
fn passes_of<S: Storage<T> + TestFloat, T: TestFloat>() -> Vec<Line<Engine>> {
    let small = |mut engine: Engine| {
        let mut hash = Hash::new();
        for cols in [0, 1, 2, 7, 8, 9, 16, 17, 24, 31, 32, 40, 50, 64, 65, 100, 300, 2049, 4097] {
            let chunk = chunk_rows::<T>(cols);
            hash.bytes(&(chunk as u64).to_le_bytes());
            for rows in [0, 1, 2, 5, 19, chunk - 1, 2 * chunk + 5].into_iter().filter(|n| n * cols <= 50_000)
            {
                Data::<S, T>::new(rows, cols).hash(&mut engine, &mut hash);
            }
        }
        hash.0
    };
    let large = |mut engine: Engine| {
        let mut hash = Hash::new();
        for (rows, cols) in [(100_003, 3), (9001, 30), (501, 600)] {
            Data::<S, T>::new(rows, cols).hash(&mut engine, &mut hash);
        }
        hash.0
    };
    let types = types::<S, T>();
    vec![
        (format!("passes {types}"), Box::new(small)),
        (format!("passes over many rows {types}"), Box::new(large)),
    ]
}

/// A sum over parts of some rows, as it is stored.
#[cfg(feature = "serde")]
fn stored_sum(engine: Engine) -> u64 {
    let data = Data::<f32, f64>::new(2500, 3);
    let batch = Batch::new(Rows::new(&data.x, data.rows, data.cols).unwrap(), &data.labels).unwrap();
    let params = Params::new(&data.weights[0], 0.375);
    let mut stream = lanegrad::GradientStream::starting_at(engine, params, 512).unwrap();
    stream.push(&batch).unwrap();
    let mut hash = Hash::new();
    hash.bytes(serde_json::to_string(&stream.into_sum()).unwrap().as_bytes());
    hash.0
}

#[cfg(feature = "alloc")]
fn passes() -> Vec<Line<Engine>> {
    let mut lines = passes_of::<f32, f32>();
    lines.extend(passes_of::<f64, f64>());
    lines.extend(passes_of::<f32, f64>());
    #[cfg(feature = "serde")]
    lines.push(("GradientSum as JSON".to_owned(), Box::new(stored_sum)));
    lines
}

/// All lines, on one thread.
fn lines() -> Vec<Line<Isa>> {
    #[cfg_attr(not(feature = "alloc"), expect(unused_mut, reason = "there are no passes"))]
    let mut lines = kernels();
    #[cfg(feature = "alloc")]
    for (name, of) in passes() {
        lines.push((name, Box::new(move |isa| of(Engine::serial().with_isa(isa)))));
    }
    lines
}

/// The hash that the file has for a name on an instruction set.
#[track_caller]
fn golden(name: &str, isa: Isa) -> u64 {
    let line = GOLDEN.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let mut hashes = line.unwrap_or_else(|| panic!("no golden bits of {name}")).split(' ');
    let hash = if isa.is_fused() { hashes.next() } else { hashes.nth(1) };
    hash.and_then(|hash| u64::from_str_radix(hash, 16).ok()).expect("two hashes in hexadecimal digits")
}

#[test]
fn every_instruction_set_has_the_golden_bits() {
    let lines = lines();
    if std::env::var_os("LANEGRAD_BLESS").is_some() {
        let portable = isas().into_iter().find(|isa| !isa.is_fused()).expect("a build without FMA");
        let mut file = HEADING.to_owned();
        for (name, of) in &lines {
            writeln!(file, "{name}: {:016x} {:016x}", of(scalar()), of(portable)).unwrap();
        }
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden_bits.txt"), file).unwrap();
        return;
    }
    for (name, of) in &lines {
        for isa in isas() {
            assert_eq!(format!("{:016x}", of(isa)), format!("{:016x}", golden(name, isa)), "{name} on {isa}");
        }
    }
}

/// No line of the file is left unchecked, and none is there twice.
#[cfg(feature = "serde")]
#[test]
fn the_file_has_the_lines_that_are_checked() {
    let names: Vec<String> = lines().into_iter().map(|(name, _)| name).collect();
    let file = GOLDEN.lines().filter(|line| !line.starts_with('#'));
    let file: Vec<&str> = file.map(|line| line.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(file, names);
}

#[cfg(feature = "rayon")]
#[test]
fn any_number_of_threads_has_the_golden_bits() {
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for (name, of) in passes() {
            // `scalar` is slow, and the others have its bits.
            for isa in isas().into_iter().filter(|&isa| isa != scalar()) {
                let hash = pool.install(|| of(Engine::new().with_isa(isa)));
                assert_eq!(hash, golden(&name, isa), "{name} on {isa}, {threads} threads");
            }
        }
    }
}
