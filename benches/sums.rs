//! Sums that travel: to bytes, from bytes and merged; and a pass over 100 segments next to one over the same rows in
//! one piece. `cargo bench --bench sums`

mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lanegrad::{Batch, Engine, Extent, Gradient, GradientStream, GradientSum, Params, Place, chunk_rows};
use std::hint::black_box;
use support::{assert_close, problem};

/// The sums of 16 shards of 31 chunks each.
fn shards(cols: usize) -> (Vec<GradientSum>, Extent) {
    let chunk = chunk_rows::<f32>(cols);
    let data = problem::<f32, f32>(chunk, cols);
    let extent = Extent::of_rows((16 * 31 * chunk) as u64);
    let sums = (0..16).map(|shard| {
        let place = Place::at_row((shard * 31 * chunk) as u64);
        let mut stream =
            GradientStream::starting_at(Engine::serial(), data.params(), place).expect("a chunk's row");
        for _ in 0..31 {
            stream.push(&data.batch()).expect("the shapes agree");
        }
        stream.into_sum()
    });
    (sums.collect(), extent)
}

/// The driver's work for each pass, of 16 shards.
fn travel(c: &mut Criterion) {
    for cols in [30, 1000, 100_000] {
        let (sums, extent) = shards(cols);
        let sent: Vec<Vec<u8>> = sums.iter().map(GradientSum::to_bytes).collect();
        let merge = || {
            let mut total = GradientSum::from_bytes(&sent[0]).expect("what was written");
            for bytes in &sent[1..] {
                total.merge(&GradientSum::from_bytes(bytes).expect("what was written")).expect("other rows");
            }
            total.finish(&extent).expect("all rows")
        };
        let mut unsent = sums[15].clone();
        sums[..15].iter().for_each(|sum| unsent.merge(sum).expect("other rows"));
        assert_eq!(merge(), unsent.finish(&extent).expect("all rows"), "the bits that were sent");
        let mut group = c.benchmark_group(format!("sums/{cols}"));
        group.throughput(Throughput::Bytes(sent.iter().map(|bytes| bytes.len() as u64).sum()));
        group.bench_function("to bytes", |b| {
            b.iter(|| sums.iter().map(|sum| black_box(sum).to_bytes().len()).sum::<usize>());
        });
        group.bench_function("from bytes, merged and finished", |b| b.iter(merge));
        group.finish();
    }
}

/// The rows of 64 MB in cache-sized and in larger segments, and in one piece.
fn segments(c: &mut Criterion) {
    for (cols, segments) in [(30, 100), (256, 100), (30, 2000)] {
        let rows = (64 << 20) / 4 / cols;
        let data = problem::<f32, f32>(rows, cols);
        let (batch, params) = (data.batch(), data.params());
        let cut = |i: usize| i * rows / segments;
        let pieces: Vec<Batch<'_, f32, f32>> =
            (0..segments).map(|i| batch.slice(cut(i)..cut(i + 1)).expect("within the batch")).collect();
        for (name, engine) in [("serial", Engine::serial()), ("parallel", Engine::new())] {
            let mut group = c.benchmark_group(format!("segments-{name}/{cols}"));
            group.throughput(Throughput::Bytes((rows * cols * 4) as u64));
            let (mut whole, mut of_segments) = (Gradient::default(), Gradient::default());
            let mut stream = GradientStream::new(engine, params);
            group.bench_function("one piece", |b| {
                b.iter(|| engine.loss_and_gradient_into(black_box(&batch), black_box(params), &mut whole));
            });
            group.bench_function(BenchmarkId::new("segments", segments), |b| {
                b.iter(|| pass(&mut stream, black_box(&pieces), params, &mut of_segments));
            });
            if whole.weight_sum > 0.0 && of_segments.weight_sum > 0.0 {
                assert_close(of_segments.loss / whole.loss, 1.0, 1e-12, "the loss");
            }
            group.finish();
        }
    }
}

/// A pass over segments.
fn pass(
    stream: &mut GradientStream<f32, f32>,
    segments: &[Batch<'_, f32, f32>],
    params: Params<'_, f32>,
    out: &mut Gradient,
) {
    stream.restart(params);
    stream.push_segments(segments).expect("the shapes agree");
    stream.finish_into(out).expect("all rows");
}

criterion_group! { name = benches; config = support::criterion(); targets = travel, segments }
criterion_main!(benches);
