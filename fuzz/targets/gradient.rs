//! The passes: serial, parallel, streamed and merged from shards, on every instruction set and with any
//! stride, they have the bits of the serial pass of `scalar` over rows without gaps.
#![no_main]

use arbitrary::Arbitrary;
use lanegrad::{
    Batch, Engine, Gradient, GradientStream, GradientSum, Isa, Params, Rows, Storage, chunk_rows,
};
use lanegrad_fuzz::{Number, Numbers, Types, Value, assert_same_bits, for_types, fractions, scalar};
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
    x: Numbers,
    weights: Numbers,
    bias: Value,
    direction: Numbers,
}

/// Pools of 1 to 4 threads.
fn pool(threads: u8) -> &'static rayon::ThreadPool {
    static POOLS: [OnceLock<rayon::ThreadPool>; 4] = [const { OnceLock::new() }; 4];
    let n = usize::from(threads) % 4;
    POOLS[n].get_or_init(|| rayon::ThreadPoolBuilder::new().num_threads(n + 1).build().expect("threads"))
}

fn numbers(gradient: &Gradient) -> Vec<f64> {
    let Gradient { loss, dw, db, weight_sum } = gradient;
    [&[*loss, *db, *weight_sum], &dw[..]].concat()
}

/// All that an engine makes of a batch.
fn passes<S: Storage<T>, T: Number>(
    mut engine: Engine,
    batch: &Batch<'_, S, T>,
    [params, direction]: [Params<'_, T>; 2],
) -> Vec<f64> {
    let mut gradient = Gradient::default();
    engine.loss_and_gradient(batch, params, &mut gradient).expect("a valid batch");
    let mut all = numbers(&gradient);
    engine.hessian_product(batch, params, direction, &mut gradient).expect("a valid batch");
    all.extend(numbers(&gradient));
    let mut out = vec![T::default(); batch.rows().rows()];
    engine.logits(batch.rows(), params, &mut out).expect("a place for each row");
    all.extend(out.iter().map(|x| x.to_f64()));
    engine.predict_proba(batch.rows(), params, &mut out).expect("a place for each row");
    all.extend(out.iter().map(|x| x.to_f64()));
    all
}

/// A batch pushed in pieces, as rows of a data set from `first` on.
fn stream<'a, S: Storage<T>, T: Number>(
    engine: Engine,
    batch: &Batch<'_, S, T>,
    params: Params<'a, T>,
    first: usize,
    cuts: &[u16],
) -> GradientStream<'a, S, T> {
    let mut stream = GradientStream::starting_at(engine, params, first as u64).expect("a chunk's first row");
    let rows = batch.rows().rows();
    let mut next = 0;
    let mut cuts = cuts.iter().map(|&n| usize::from(n)).cycle().take(1000);
    while next < rows {
        let end = cuts.next().map_or(rows, |n| rows.min(next + n));
        stream.push(&batch.slice(next..end).expect("within the batch")).expect("fitting rows");
        next = end;
    }
    stream
}

/// The sum over shards of whole chunks, in some order.
fn merged<S: Storage<T>, T: Number>(
    engine: &Engine,
    batch: &Batch<'_, S, T>,
    params: Params<'_, T>,
    input: &Input,
) -> Gradient {
    let (rows, chunk) = (batch.rows().rows(), chunk_rows::<T>(batch.rows().cols()));
    let mut sums: Vec<(u8, GradientSum)> = Vec::new();
    let mut next = 0;
    let shards = input.shards.map(|(chunks, order)| (usize::from(chunks) % 8, order));
    for (chunks, order) in shards.into_iter().chain([(rows, 0)]) {
        let end = rows.min(next + chunks * chunk);
        // A shard of no rows that does not start at a chunk is none.
        if next % chunk == 0 {
            let part = batch.slice(next..end).expect("within the batch");
            sums.push((order, stream(engine.clone(), &part, params, next, &input.cuts).into_sum()));
        }
        next = end;
    }
    sums.sort_by_key(|(order, _)| *order);
    let mut sums = sums.into_iter().map(|(_, sum)| sum);
    let mut total = sums.next().expect("at least the last shard");
    for sum in sums {
        let text = serde_json::to_string(&sum).expect("numbers");
        total.merge(&serde_json::from_str(&text).expect("what was written")).expect("other rows");
    }
    total.finish(rows as u64).expect("all rows")
}

fn check<S: Storage<T> + Number, T: Number>(input: &Input) {
    let cols = usize::from(input.cols) % 90;
    let operations = if input.size.is_multiple_of(4) { 600_000 } else { 60_000 };
    let rows = usize::from(input.rows) % (1 + operations / (cols + 32));
    let x: Vec<S> = input.x.get(rows * cols);
    let labels: Vec<T> = fractions(input.labels, rows);
    let sample_weights = input.sample_weights.map(|seed| fractions::<T>(seed, rows));
    let batch_of = |rows| {
        let batch = Batch::new(rows, &labels).expect("labels in [0, 1]");
        match &sample_weights {
            Some(weights) => batch.with_sample_weights(weights).expect("finite weights"),
            None => batch,
        }
    };
    let [weights, direction] = [input.weights, input.direction].map(|numbers| numbers.get::<T>(cols));
    let params = Params::new(&weights, input.bias.get());
    let both = [params, Params::new(&direction, T::from_f64(-0.75))];

    let compact = batch_of(Rows::new(&x, rows, cols).expect("so many numbers"));
    let stride = cols + usize::from(input.gap) % 20;
    let mut spread = vec![S::of_bits(u64::MAX); rows * stride];
    for i in 0..rows {
        spread[i * stride..][..cols].copy_from_slice(&x[i * cols..][..cols]);
    }
    let batch = batch_of(Rows::with_stride(&spread, rows, cols, stride).expect("so many numbers"));

    let of = |isa: Isa| passes(Engine::serial().with_isa(isa), &compact, both);
    let defined = of(scalar());
    for isa in Isa::available().filter(|&isa| isa != scalar()) {
        let context = |how: &'static str| move || format!("{how} on {isa}, {rows} x {cols}");
        let want = if isa.is_fused() { defined.clone() } else { of(isa) };
        let got = passes(Engine::serial().with_isa(isa), &batch, both);
        assert_same_bits(&got, &want, context("serial"));
        let parallel = Engine::new().with_isa(isa);
        let sum = &want[..cols + 3];
        pool(input.threads).install(|| {
            assert_same_bits(&passes(parallel.clone(), &batch, both), &want, context("parallel"));
            let streamed =
                stream(parallel.clone(), &batch, params, 0, &input.cuts).finish().expect("all rows");
            assert_same_bits(&numbers(&streamed), sum, context("streamed"));
        });
        let merged = merged(&Engine::serial().with_isa(isa), &batch, params, input);
        assert_same_bits(&numbers(&merged), sum, context("merged"));
    }
}

fuzz_target!(|input: Input| for_types!(input.types, check(&input)));
