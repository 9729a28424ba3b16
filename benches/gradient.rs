//! `Engine::loss_and_gradient` on one thread, and what is small: in cache, few rows, one row.
//! Large batches stand next to a pure read of the same bytes. `cargo bench --bench gradient`

mod support;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lanegrad::{Engine, Gradient, Isa, Storage, baseline};
use std::hint::black_box;
use support::fixtures::{Data, Number};
use support::{assert_close, problem};

/// Bytes of X that come from memory: more than any cache holds.
const LARGE: usize = 256 << 20;

/// Every instruction set, after its answer was compared with that of the first.
fn bench_isas<S: Storage<T> + Number, T: Number>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    data: &Data<S, T>,
) {
    let (batch, params) = (data.batch(), data.params());
    let mut expected = Gradient::default();
    let few = data.nrows() * data.ncols < 1 << 20;
    for isa in Isa::available().filter(|isa| isa.name() != "scalar" || few) {
        let engine = Engine::serial().with_isa(isa);
        let mut out = Gradient::default();
        engine.loss_and_gradient_into(&batch, params, &mut out).expect("the shapes agree");
        if expected.dw.is_empty() {
            expected = out.clone();
        }
        assert_close(out.loss, expected.loss, 1e-5 * expected.loss, "loss");
        for (dw, expected) in out.dw.iter().zip(&expected.dw) {
            assert_close(*dw, *expected, 1e-5 * data.nrows() as f64, "dw");
        }
        group.bench_function(BenchmarkId::from_parameter(isa), |b| {
            b.iter(|| engine.loss_and_gradient_into(black_box(&batch), black_box(params), &mut out));
        });
    }
}

fn bench_baseline<T: Number>(group: &mut BenchmarkGroup<'_, WallTime>, data: &Data<T, T>) {
    let (batch, params) = (data.batch(), data.params());
    let mut dw = vec![T::default(); data.ncols];
    group.bench_function("baseline", |b| {
        b.iter(|| {
            dw.fill(T::default());
            baseline::gradient(black_box(batch.rows()), batch.labels(), black_box(params), &mut dw)
        });
    });
}

/// X from memory, by width.
fn from_memory(c: &mut Criterion) {
    for cols in [1, 2, 4, 8, 16, 30, 64, 256, 1000, 4096] {
        let data = problem::<f32, f32>(LARGE / 4 / cols, cols);
        let mut group = c.benchmark_group(format!("gradient/f32/256MB/{cols}"));
        group.sample_size(10);
        group.throughput(Throughput::Bytes(data.batch().rows().nrows() as u64 * cols as u64 * 4));
        group.bench_function("read", |b| b.iter(|| support::read(black_box(&data.x[data.start..]))));
        bench_baseline(&mut group, &data);
        bench_isas(&mut group, &data);
        group.finish();
    }
}

/// The other types, at one width.
fn types(c: &mut Criterion) {
    let cols = 64;
    let doubles = problem::<f64, f64>(LARGE / 8 / cols, cols);
    let mut group = c.benchmark_group(format!("gradient/f64/256MB/{cols}"));
    group.sample_size(10);
    group.throughput(Throughput::Bytes(LARGE as u64));
    bench_baseline(&mut group, &doubles);
    bench_isas(&mut group, &doubles);
    group.finish();

    let mixed = problem::<f32, f64>(LARGE / 4 / cols, cols);
    let mut group = c.benchmark_group(format!("gradient/f32-in-f64/256MB/{cols}"));
    group.sample_size(10);
    group.throughput(Throughput::Bytes(LARGE as u64));
    group.bench_function("read", |b| b.iter(|| support::read(black_box(&mixed.x[mixed.start..]))));
    bench_isas(&mut group, &mixed);
    group.finish();
}

/// X in the second-level cache.
fn in_cache(c: &mut Criterion) {
    for cols in [1, 8, 64, 256] {
        let data = problem::<f32, f32>(65_536 / cols, cols);
        let mut group = c.benchmark_group(format!("gradient/f32/256KB/{cols}"));
        group.throughput(Throughput::Bytes(4 * 65_536));
        bench_baseline(&mut group, &data);
        bench_isas(&mut group, &data);
        group.finish();
    }
}

/// 64 rows of 32 features: the parallel engine must not lose by being asked.
fn small(c: &mut Criterion) {
    let data = problem::<f32, f32>(64, 32);
    let (batch, params) = (data.batch(), data.params());
    let mut group = c.benchmark_group("gradient/f32/small/64x32");
    for (name, engine) in [("serial", Engine::serial()), ("parallel", Engine::new())] {
        let mut out = Gradient::default();
        group.bench_function(name, |b| {
            b.iter(|| engine.loss_and_gradient_into(black_box(&batch), black_box(params), &mut out));
        });
    }
    group.finish();
}

/// One row: what a request costs that scores a single example.
fn one_row(c: &mut Criterion) {
    let data = problem::<f32, f32>(1, 128);
    let (rows, params) = (data.batch().rows(), data.params());
    let engine = Engine::new();
    let mut group = c.benchmark_group("predict_proba/f32/1x128");
    group.bench_function("dot", |b| {
        b.iter(|| lanegrad::dot(black_box(&data.x[data.start..]), black_box(params.weights)));
    });
    let mut out = [0.0];
    group.bench_function("predict_proba", |b| {
        b.iter(|| engine.predict_proba(black_box(rows), black_box(params), &mut out));
    });
    group.finish();
}

fn all(c: &mut Criterion) {
    small(c);
    one_row(c);
    in_cache(c);
    types(c);
    from_memory(c);
}

criterion_group! { name = benches; config = support::criterion(); targets = all }
criterion_main!(benches);
