//! The passes: serial, parallel, streamed and merged from shards, on every instruction set and with any
//! stride, they have the bits of the serial pass of `scalar` over rows without gaps; and gathered rows those of their
//! copies.
#![no_main]

use arbitrary::Arbitrary;
use lanegrad::{
    Batch, Engine, Error, Extent, GradientStream, GradientSum, HessianDiagonal, HessianDiagonalStream,
    HessianProduct, HessianProductStream, Isa, Params, PartialSum, Place, Storage, SumStream, Summand, Total,
    chunk_rows,
};
use lanegrad_fuzz::fixtures::{Data, Held, Number, assert_same_bits, scalar};
use lanegrad_fuzz::passes::{numbers, passes, scores_of, serial, sums};
use lanegrad_fuzz::{Numbers, Small, Types, Value, for_all_types, fractions};
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

#[derive(Arbitrary, Debug)]
struct Input {
    types: Types,
    rows: u16,
    cols: u8,
    /// Elements between the rows.
    gap: u8,
    /// One in four has rows enough for threads to share.
    size: u8,
    threads: u8,
    /// How many rows are pushed to a stream at a time.
    cuts: [u16; 4],
    /// Lengths of shards, in chunks, and an order to merge them in.
    shards: [(u8, u8); 4],
    labels: u64,
    sample_weights: Option<u64>,
    class_weights: Option<(u8, u8)>,
    offsets: Option<u64>,
    /// Numbers of rows, of which some may be there twice.
    gathered: Vec<u16>,
    x: Numbers,
    weights: Numbers,
    bias: Value,
    direction: Numbers,
    /// Rows of small numbers instead.
    small: Option<Small>,
}

/// Pools of 1 to 4 threads.
fn pool(threads: u8) -> &'static rayon::ThreadPool {
    static POOLS: [OnceLock<rayon::ThreadPool>; 4] = [const { OnceLock::new() }; 4];
    let n = usize::from(threads) % 4;
    POOLS[n].get_or_init(|| rayon::ThreadPoolBuilder::new().num_threads(n + 1).build().expect("threads"))
}

/// A batch pushed in pieces.
fn pushed<S: Storage<T>, T: Number, Q: Summand<T>>(
    mut stream: SumStream<S, T, Q>,
    batch: &Batch<'_, S, T>,
    cuts: &[u16],
) -> SumStream<S, T, Q> {
    let nrows = batch.rows().nrows();
    let mut next = 0;
    let mut cuts = cuts.iter().map(|&n| usize::from(n)).cycle().take(1000);
    while next < nrows {
        let end = cuts.next().map_or(nrows, |n| nrows.min(next + n));
        stream.push(&batch.slice(next..end).expect("within the batch")).expect("fitting rows");
        next = end;
    }
    stream
}

/// Sums of the loss, of its curvature and of the Hessian's diagonal over a batch in pieces, as rows of a data set
/// from `first` on.
fn streamed<S: Storage<T>, T: Number>(
    engine: Engine,
    batch: &Batch<'_, S, T>,
    [params, direction]: [Params<'_, T>; 2],
    first: usize,
    cuts: &[u16],
) -> (GradientSum, PartialSum<HessianProduct>, PartialSum<HessianDiagonal>) {
    let place = Place::at_row(first as u64);
    let loss = GradientStream::starting_at(engine, params, place).expect("a chunk's first row");
    let curvature =
        HessianProductStream::starting_at(engine, params, direction, place).expect("a chunk's first row");
    let diagonal = HessianDiagonalStream::starting_at(engine, params, place).expect("a chunk's first row");
    let (loss, curvature) = (pushed(loss, batch, cuts), pushed(curvature, batch, cuts));
    (loss.into_sum(), curvature.into_sum(), pushed(diagonal, batch, cuts).into_sum())
}

/// The sum of the rest of a data set's sums, sent and merged in their order.
fn merged<R: Total>(sums: impl IntoIterator<Item = PartialSum<R>>, nrows: usize) -> R {
    let mut sums = sums.into_iter();
    let mut total = sums.next().expect("at least the last shard");
    for sum in sums {
        let sent = PartialSum::from_bytes(&sum.to_bytes()).expect("what was written");
        total.merge(&sent).expect("other rows");
    }
    match nrows {
        // Parts without rows do not say of how many features they are the sum.
        0 => {
            assert_eq!(total.finish(&Extent::of_rows(0)).err(), Some(Error::NoRows));
            R::default()
        }
        _ => total.finish(&Extent::of_rows(nrows as u64)).expect("all rows"),
    }
}

/// The sums of shards of whole chunks, merged in some order.
fn from_shards<S: Storage<T>, T: Number>(
    engine: Engine,
    batch: &Batch<'_, S, T>,
    params: [Params<'_, T>; 2],
    input: &Input,
) -> Vec<f64> {
    let (nrows, chunk) = (batch.rows().nrows(), chunk_rows::<T>(batch.rows().ncols()));
    let mut sums = Vec::new();
    let mut next = 0;
    let shards = input.shards.map(|(chunks, order)| (usize::from(chunks) % 8, order));
    for (chunks, order) in shards.into_iter().chain([(nrows, 0)]) {
        let end = nrows.min(next + chunks * chunk);
        // A shard of no rows that does not start at a chunk is none.
        if next % chunk == 0 {
            let part = batch.slice(next..end).expect("within the batch");
            sums.push((order, streamed(engine, &part, params, next, &input.cuts)));
        }
        next = end;
    }
    sums.sort_by_key(|(order, _)| *order);
    let (mut losses, mut curvatures, mut diagonals) = (Vec::new(), Vec::new(), Vec::new());
    for (_, (loss, curvature, diagonal)) in sums {
        losses.push(loss);
        curvatures.push(curvature);
        diagonals.push(diagonal);
    }
    let [loss, curvature] = [numbers(&merged(losses, nrows)), numbers(&merged(curvatures, nrows))];
    [loss, curvature, numbers(&merged(diagonals, nrows))].concat()
}

fn check<S: Storage<T> + Held, T: Number>(input: &Input) {
    let ncols = usize::from(input.cols) % 90;
    let operations = if input.size.is_multiple_of(4) { 600_000 } else { 60_000 };
    let nrows = usize::from(input.rows) % (1 + operations / (ncols + 32));
    let [weights, direction] = [input.weights, input.direction].map(|numbers| numbers.get::<T>(ncols));
    let bias = input.bias.get();
    let mut compact =
        Data::<S, T>::new(input.x.get(nrows * ncols), fractions(input.labels, nrows), weights, bias);
    compact.sample_weights = input.sample_weights.map(|seed| fractions(seed, nrows));
    compact.class_weights =
        input.class_weights.map(|(w0, w1)| [w0, w1].map(|w| T::nearest(f64::from(w) / 7.0)));
    compact.offsets = input.offsets.map(|seed| fractions(seed, nrows));
    (compact.weights[1], compact.biases[1]) = (direction, T::nearest(-0.75));
    let data = compact.clone().spread(usize::from(input.gap) % 20);
    let (batch, both) = (data.batch(), data.both());

    let of = |isa: Isa| passes(serial(isa), &compact.batch(), both);
    let defined = of(scalar());
    for isa in Isa::available().filter(|&isa| isa != scalar()) {
        let context = |how: &'static str| move || format!("{how} on {isa}, {nrows} x {ncols}");
        let want = if isa.is_fused() { defined.clone() } else { of(isa) };
        assert_same_bits(&passes(serial(isa), &batch, both), &want, context("serial"));
        let parallel = Engine::new().with_isa(isa);
        // Loss, curvature and diagonal.
        let summed = &want[..3 * (ncols + 3)];
        pool(input.threads).install(|| {
            assert_same_bits(&passes(parallel, &batch, both), &want, context("parallel"));
            let mut stream = GradientStream::new(parallel, both[1]);
            stream.push(&batch).expect("fitting rows");
            stream.restart(both[0]);
            let loss = pushed(stream, &batch, &input.cuts).finish().expect("all rows");
            let stream = HessianProductStream::new(parallel, both[0], both[1]).expect("one length");
            let curvature = pushed(stream, &batch, &input.cuts).finish().expect("all rows");
            let stream = HessianDiagonalStream::new(parallel, both[0]);
            let diagonal = pushed(stream, &batch, &input.cuts).finish().expect("all rows");
            let got = [numbers(&loss), numbers(&curvature), numbers(&diagonal)].concat();
            assert_same_bits(&got, summed, context("streamed"));
        });
        let merged = from_shards(serial(isa), &batch, both, input);
        if nrows > 0 {
            assert_same_bits(&merged, summed, context("merged"));
        }
        if nrows > 0 {
            let indices: Vec<usize> = input.gathered.iter().map(|&i| usize::from(i) % nrows).collect();
            let copied = compact.copied(&indices);
            let of = |batch: &Batch<'_, S, T>| {
                [sums(serial(isa), batch, both), scores_of(serial(isa), batch, both[0])].concat()
            };
            let gathered = batch.gather(&indices).expect("numbers of rows");
            assert_same_bits(&of(&gathered), &of(&copied.batch()), context("gathered"));
        }
    }
}

fuzz_target!(|input: Input| for_all_types!(input.types, input.small, check(&input)));
