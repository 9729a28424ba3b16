//! Data sets that are lists of segments: however their rows are shared between shards, and in whatever order these are
//! merged, a sum is that of the definition in plain code (`by_definition`).

use crate::reproducible::sent;
use crate::support::{
    Data, Held, Kind, Number, as_words, assert_same_bits, by_definition, centres, fewer, for_small, isas,
    numbers, rng, scalar, serial, thin,
};
use lanegrad::{
    Batch, DeviationsStream, Element, Engine, Extent, GradientStream, HessianDiagonalStream,
    HessianProductStream, Isa, Params, PartialSum, Piece, Place, Storage, SumStream, Summand, chunk_rows,
};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use std::ops::Range;

/// The numbers that a pass over a batch gives.
type Pass<'a, S, T> = dyn Fn(Engine, &Batch<'_, S, T>) -> Vec<f64> + 'a;

/// Some function of rows, with its streams and its passes over the rows of one segment.
struct Summed<'a, S, T: Element, Q: Summand<T>> {
    name: &'static str,
    stream: Box<dyn Fn(Engine, Place) -> SumStream<S, T, Q> + 'a>,
    pass: Box<Pass<'a, S, T>>,
    numbers: fn(&Q::Total) -> Vec<f64>,
}

/// A list of segments, one after the other in a batch.
struct List<'a, S, T> {
    batch: Batch<'a, S, T>,
    extent: Extent,
    /// The first row of each segment in the batch.
    firsts: Vec<usize>,
}

impl<'a, S: Storage<T>, T: Element> List<'a, S, T> {
    fn new(batch: Batch<'a, S, T>, rows: &[usize]) -> Self {
        let firsts = rows.iter().scan(0, |next, rows| {
            let first = *next;
            *next += rows;
            Some(first)
        });
        Self {
            batch,
            extent: Extent::of_segments(rows.iter().map(|&rows| rows as u64)),
            firsts: firsts.collect(),
        }
    }

    /// Rows of a segment.
    fn rows(&self, segment: u64, rows: Range<u64>) -> Batch<'a, S, T> {
        let first = self.firsts[segment as usize];
        self.batch.slice(first + rows.start as usize..first + rows.end as usize).unwrap()
    }

    fn segments(&self) -> Vec<Batch<'a, S, T>> {
        (0..).zip(self.extent.segments()).map(|(segment, &rows)| self.rows(segment, 0..rows)).collect()
    }

    /// The pieces of random shards, each of which starts at a chunk's first row.
    fn random_shards(&self, rng: &mut SmallRng) -> Vec<(Place, Vec<Piece>, bool)> {
        let chunk = chunk_rows::<T>(self.batch.rows().ncols());
        let plan = self.extent.plan(chunk, usize::MAX);
        let mut shards: Vec<(Place, Vec<Piece>, bool)> = Vec::new();
        for shard in plan {
            // Chunk by chunk, most of which go to the shard before.
            match shards.last_mut().filter(|_| rng.random_range(0..4) > 0) {
                Some((_, pieces, ends)) => {
                    pieces.extend_from_slice(shard.pieces());
                    *ends = shard.ends_data();
                }
                None => shards.push((shard.start(), shard.pieces().to_vec(), shard.ends_data())),
            }
        }
        shards
    }

    /// The sum of a shard.
    fn sum<Q: Summand<T>>(
        &self,
        mut stream: SumStream<S, T, Q>,
        pieces: &[Piece],
        ends_data: bool,
        rng: &mut impl Rng,
    ) -> PartialSum<Q::Total> {
        let mut left = pieces;
        while let Some((piece, others)) = left.split_first() {
            // Some whole segments at once, or one piece.
            let whole = left.iter().take_while(|piece| piece.rows.start == 0 && piece.ends_segment).count();
            if whole > 0 && stream.place().row() == 0 && rng.random() {
                let (some, others) = left.split_at(rng.random_range(1..=whole));
                let batches: Vec<_> =
                    some.iter().map(|piece| self.rows(piece.segment, piece.rows.clone())).collect();
                stream.push_segments(&batches).unwrap();
                left = others;
                continue;
            }
            stream.push(&self.rows(piece.segment, piece.rows.clone())).unwrap();
            if piece.ends_segment {
                stream.end_segment();
            }
            left = others;
        }
        if ends_data {
            stream.end_data();
        }
        stream.into_sum()
    }
}

/// Sums merged in random order, also sums of sums.
fn merged<R: lanegrad::Total>(mut sums: Vec<PartialSum<R>>, rng: &mut SmallRng) -> PartialSum<R> {
    sums.shuffle(rng);
    while sums.len() > 1 {
        let other = sums.swap_remove(rng.random_range(0..sums.len()));
        let i = rng.random_range(0..sums.len());
        sums[i].merge(&other).unwrap();
    }
    sent(sums.remove(0), rng)
}

/// One list, summed in several ways on an instruction set, or any fused one.
fn check_list<S: Storage<T>, T: Number, Q: Summand<T>>(
    list: &List<'_, S, T>,
    summed: &Summed<'_, S, T, Q>,
    isa: Option<Isa>,
    rng: &mut SmallRng,
) {
    let Summed { name, stream, pass, numbers } = summed;
    let reference = serial(isa.unwrap_or_else(scalar));
    let segments = list.segments();
    let total = |batch: &Batch<'_, S, T>| (batch.nrows() > 0).then(|| pass(reference, batch));
    let want = by_definition(segments.iter().map(total).collect());
    let context = || format!("{name} of {} x {}", list.extent, list.batch.rows().ncols());

    // Any fused instruction set has these bits; the best of this CPU need not be one.
    let fused: Vec<Isa> = isas().into_iter().filter(|isa| isa.is_fused()).collect();
    let any = |rng: &mut SmallRng| isa.unwrap_or_else(|| fused[rng.random_range(0..fused.len())]);

    // One stream for all, in parallel too.
    let mut whole = stream(Engine::new().with_isa(any(rng)), Place::default());
    whole.push_segments(&segments).unwrap();
    let got = numbers(&whole.clone().finish().unwrap());
    assert_same_bits(&got, want.as_deref().unwrap_or(&vec![0.0; got.len()]), context);
    whole.end_data();
    let whole = whole.into_sum();

    let Some(want) = want else { return };
    let shards = if rng.random() {
        list.random_shards(rng)
    } else {
        let chunk = chunk_rows::<T>(list.batch.rows().ncols());
        let plan = list.extent.plan(chunk, rng.random_range(1..20));
        plan.into_iter().map(|shard| (shard.start(), shard.pieces().to_vec(), shard.ends_data())).collect()
    };
    let mut sums = Vec::new();
    for (start, pieces, ends_data) in shards {
        let isa = any(rng);
        let engine = if rng.random() { serial(isa) } else { Engine::new().with_isa(isa) };
        let sum = list.sum(stream(engine, start), &pieces, ends_data, rng);
        sums.push(sent(sum, rng));
    }
    let sum = merged(sums, rng);
    assert_eq!(sum.to_bytes(), whole.to_bytes(), "equal sums have equal bytes");
    assert_same_bits(&numbers(&sum.finish(&list.extent).unwrap()), &want, context);
}

/// All functions of a list of segments that are these rows of data.
fn check_all<S: Storage<T> + Held, T: Number>(
    cols: usize,
    rows: &[usize],
    isa: Option<Isa>,
    rng: &mut SmallRng,
) {
    let data = Data::<S, T>::of_shape(rows.iter().sum(), cols, Kind::PLAIN);
    let list = List::new(if rng.random() { data.batch() } else { data.unweighted() }, rows);
    let [params, direction] = data.both();
    let at = centres(direction);
    check_list(&list, &loss(params), isa, rng);
    let curvature = Summed {
        name: "curvature",
        stream: Box::new(|engine, place| {
            HessianProductStream::starting_at(engine, params, direction, place).unwrap()
        }),
        pass: Box::new(|engine, batch| numbers(&engine.hessian_product(batch, params, direction).unwrap())),
        numbers: |total| numbers(total),
    };
    check_list(&list, &curvature, isa, rng);
    let diagonal = Summed {
        name: "diagonal",
        stream: Box::new(|engine, place| HessianDiagonalStream::starting_at(engine, params, place).unwrap()),
        pass: Box::new(|engine, batch| numbers(&engine.hessian_diagonal(batch, params).unwrap())),
        numbers: |total| numbers(total),
    };
    check_list(&list, &diagonal, isa, rng);
    let started = |mut stream: DeviationsStream<S, T>, squared, place| {
        stream.restart_at(&at, squared, place).unwrap();
        stream
    };
    let deviations = Summed {
        name: "deviations",
        stream: Box::new(|engine, place| started(DeviationsStream::new(engine, &at), false, place)),
        pass: Box::new(|engine, batch| numbers(&engine.deviations(batch, &at).unwrap())),
        numbers: |total| numbers(total),
    };
    check_list(&list, &deviations, isa, rng);
    let squares = Summed {
        name: "squared deviations",
        stream: Box::new(|engine, place| started(DeviationsStream::squared(engine, &at), true, place)),
        pass: Box::new(|engine, batch| numbers(&engine.squared_deviations(batch, &at).unwrap())),
        ..deviations
    };
    check_list(&list, &squares, isa, rng);
}

fn loss<'a, S: Storage<T>, T: Number>(params: Params<'a, T>) -> Summed<'a, S, T, lanegrad::Loss> {
    Summed {
        name: "loss",
        stream: Box::new(move |engine, place| GradientStream::starting_at(engine, params, place).unwrap()),
        pass: Box::new(move |engine, batch| numbers(&engine.loss_and_gradient(batch, params).unwrap())),
        numbers: |total| numbers(total),
    }
}

/// The rows of a random list: of whole chunks, of any number, or of none.
fn random_list(chunk: usize, largest: usize, rng: &mut impl Rng) -> Vec<usize> {
    let rows = |rng: &mut dyn Rng| match rng.random_range(0..4) {
        0 => 0,
        1 => chunk * rng.random_range(0..=largest / chunk),
        _ => rng.random_range(0..=largest),
    };
    (0..rng.random_range(0..=fewer(40).max(7))).map(|_| rows(rng)).collect()
}

fn check_random_lists<S: Storage<T> + Held, T: Number>() {
    let rng = &mut rng(20);
    for (cols, largest) in [(1, 5000), (3, 5000), (20, 3000), (300, 700)] {
        let chunk = chunk_rows::<T>(cols);
        let largest = fewer(largest).max(2 * chunk);
        for _ in 0..fewer(6) {
            let rows = random_list(chunk, largest, rng);
            check_all::<S, T>(cols, &rows, None, rng);
        }
        // An unfused instruction set has bits of its own.
        for isa in thin(isas()) {
            let rows = random_list(chunk, largest / 4, rng);
            check_all::<S, T>(cols, &rows, Some(isa), rng);
        }
    }
    for rows in [vec![], vec![0], vec![0; 5], vec![0, 0, 1], vec![1, 0, 0], vec![5]] {
        check_all::<S, T>(2, &rows, None, rng);
    }
}

#[test]
fn random_lists_in_random_shards() {
    check_random_lists::<f32, f32>();
    check_random_lists::<f64, f64>();
    check_random_lists::<f32, f64>();
    for_small!(check_random_lists);
}

/// On any number of threads, with more small segments than pieces of work, and fewer large ones.
#[cfg(feature = "rayon")]
#[test]
fn segments_on_any_number_of_threads() {
    let rng = &mut rng(21);
    let lists = [vec![300; 40], vec![9000, 5, 0, 14_000, 1000], random_list(512, 5000, rng)];
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for rows in thin(&lists) {
            let data = Data::<f32, f32>::of_shape(rows.iter().sum(), 30, Kind::PLAIN);
            let list = List::new(data.batch(), rows);
            pool.install(|| check_list(&list, &loss(data.params()), None, rng));
        }
    }
}

/// Segments of the same number 2^k of whole chunks, and the last of no more, have the bits of one pass.
#[test]
fn segments_of_whole_powers_of_two_have_the_bits_of_one_pass() {
    for cols in [1, 30, 300] {
        let chunk = chunk_rows::<f32>(cols);
        for (power, count, last) in
            thin([(0, 7, 1), (1, 5, 2 * chunk), (2, 3, 3 * chunk + 17), (3, 2, chunk - 1)])
        {
            let mut rows = vec![chunk << power; count];
            rows.push(last);
            let data = Data::<f32, f32>::of_shape(rows.iter().sum(), cols, Kind::PLAIN);
            let (batch, params) = (data.batch(), data.params());
            for isa in isas() {
                let mut stream = GradientStream::new(serial(isa), params);
                stream.push_segments(&List::new(batch, &rows).segments()).unwrap();
                let want = serial(isa).loss_and_gradient(&batch, params).unwrap();
                assert_same_bits(&numbers(&stream.finish().unwrap()), &numbers(&want), || {
                    format!("{rows:?} on {isa}")
                });
            }
        }
    }
    // Other lists may have other bits: the chunks are others, or the pairs.
    let differs = |rows: &[usize]| {
        let data = Data::<f64, f64>::of_shape(rows.iter().sum(), 30, Kind::PLAIN);
        let mut stream = GradientStream::new(serial(scalar()), data.params());
        stream.push_segments(&List::new(data.batch(), rows).segments()).unwrap();
        let one_pass = serial(scalar()).loss_and_gradient(&data.batch(), data.params()).unwrap();
        stream.finish().unwrap() != one_pass
    };
    assert!(differs(&[512, 100, 512]) && differs(&[3 * 512, 512, 512]) && !differs(&[1024, 1000]));
}

/// A stream that is kept for many passes over segments gives the same each time, and totals on the way.
#[test]
fn streams_of_segments_are_started_again() {
    let rows = [700, 0, 512, 3];
    let data = Data::<f64, f64>::of_shape(rows.iter().sum(), 5, Kind::PLAIN);
    let list = List::new(data.batch(), &rows);
    let engine = serial(scalar());
    let mut stream = GradientStream::new(engine, data.params());
    let mut out = lanegrad::Gradient::default();
    for _ in 0..3 {
        stream.restart(data.params());
        let mut so_far = Vec::new();
        for (i, segment) in list.segments().iter().enumerate() {
            stream.push(segment).unwrap();
            so_far.push(
                (rows[i] > 0).then(|| numbers(&engine.loss_and_gradient(segment, data.params()).unwrap())),
            );
            let want = by_definition(so_far.clone()).unwrap();
            stream.finish_into(&mut out).unwrap();
            assert_same_bits(&numbers(&out), &want, || format!("{i} whole segments and one under way"));
            stream.end_segment();
            stream.finish_into(&mut out).unwrap();
            assert_same_bits(&numbers(&out), &want, || format!("{} whole segments", i + 1));
        }
        assert_eq!((stream.nrows(), stream.place()), (1215, Place::at(4, 0)));
    }
    // The first batch ends a segment that is under way.
    stream.restart(data.params());
    stream.push(&list.rows(0, 0..600)).unwrap();
    stream.push_segments(&[list.rows(0, 600..700), list.rows(1, 0..0), list.rows(2, 0..512)]).unwrap();
    stream.push(&list.rows(3, 0..3)).unwrap();
    assert_eq!(stream.finish().unwrap(), out);
}

/// The number of nodes in the bytes of a sum over rows of one feature.
fn nodes(bytes: &[u8]) -> u64 {
    let words = as_words(bytes);
    let (width, mut at) = (4, 13);
    let mut count = words[11];
    for _ in 0..words[11] {
        let is_empty = words[at + 1] >> 32 == 1;
        at += 3 + if is_empty { 0 } else { width };
    }
    for _ in 0..words[12] {
        count += words[at + 3];
        at += 4 + words[at + 3] as usize * (2 + width);
    }
    assert_eq!(at + 1, words.len());
    count
}

/// What a shard of a plan sends has at most six nodes.
#[test]
fn shards_have_few_nodes() {
    let rng = &mut rng(23);
    let largest = fewer(5000).max(1024);
    let data = Data::<f32, f32>::of_shape(40 * largest, 1, Kind::PLAIN);
    let isa = isas().pop().unwrap();
    for _ in 0..fewer(40) {
        let rows = random_list(512, largest, rng);
        let list = List::new(data.unweighted(), &rows);
        for shards in thin([1, 2, 3, 5, 8, 16, 40]) {
            for shard in list.extent.plan(512, shards) {
                let stream = GradientStream::starting_at(serial(isa), data.params(), shard.start()).unwrap();
                let bytes = list.sum(stream, shard.pieces(), shard.ends_data(), rng).to_bytes();
                assert!(nodes(&bytes) <= 6, "{} nodes in {shards} shards of {rows:?}", nodes(&bytes));
            }
        }
    }
}

/// A whole data set is one node, of however many segments, once its end is known.
#[test]
fn a_whole_sum_is_one_node() {
    let size = |rows: &[usize]| {
        let data = Data::<f32, f32>::of_shape(rows.iter().sum(), 30, Kind::PLAIN);
        let mut stream = GradientStream::new(serial(scalar()), data.params());
        stream.push_segments(&List::new(data.batch(), rows).segments()).unwrap();
        stream.end_data();
        stream.into_sum().to_bytes().len()
    };
    let one = size(&[1]);
    for rows in [vec![31 * 512], vec![7; 100], vec![512; 33], vec![0, 5000, 0]] {
        assert_eq!(size(&rows), one, "{rows:?}");
    }
}
