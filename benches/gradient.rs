//! `Engine::loss_and_gradient` on one thread, and what is small: in cache, few rows, one row.
//! Large batches stand next to a pure read of the same bytes. `cargo bench --bench gradient`

mod support;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lanegrad::{Batch, Element, Engine, Gradient, Isa, Params, Rows, Storage, baseline};
use std::hint::black_box;
use support::{Data, assert_close, labels, uniform};

/// Bytes of X that come from memory: more than any cache holds.
const LARGE: usize = 256 << 20;

/// A data set and parameters: rows that start 4 or 8 bytes after a cache line, as most do.
struct Problem<S, T> {
    data: Data<S>,
    labels: Vec<T>,
    weights: Vec<T>,
    rows: usize,
    cols: usize,
}

impl<S: Storage<T> + Default + From<f32>, T: Element + From<f32>> Problem<S, T> {
    fn new(rows: usize, cols: usize) -> Self {
        // Logits of about 1, whatever the width.
        let weights = uniform::<f32>(cols, 2);
        let scale = 1.0 / (cols as f32).sqrt();
        let weights = weights.slice().iter().map(|w| T::from(w * scale)).collect();
        Self { data: uniform(rows * cols, 1), labels: labels(rows), weights, rows, cols }
    }

    fn batch(&self) -> Batch<'_, S, T> {
        let rows = Rows::new(self.data.slice(), self.rows, self.cols).expect("the shape is that of the data");
        Batch::new(rows, &self.labels).expect("labels are 0 and 1")
    }

    fn params(&self) -> Params<'_, T> {
        Params::new(&self.weights, T::from(0.1))
    }

    /// Every tier, after its answer was compared with that of the first.
    fn bench_tiers(&self, group: &mut BenchmarkGroup<'_, WallTime>) {
        let (batch, params) = (self.batch(), self.params());
        let mut expected = Gradient::default();
        let tiers = Isa::available().filter(|isa| isa.name() != "scalar" || self.rows * self.cols < 1 << 20);
        for isa in tiers {
            let mut engine = Engine::serial().with_isa(isa);
            let mut out = Gradient::default();
            engine.loss_and_gradient(&batch, params, &mut out).expect("the shapes agree");
            if expected.dw.is_empty() {
                expected = out.clone();
            }
            assert_close(out.loss, expected.loss, 1e-5 * expected.loss, "loss");
            for (dw, expected) in out.dw.iter().zip(&expected.dw) {
                assert_close(*dw, *expected, 1e-5 * self.rows as f64, "dw");
            }
            group.bench_function(BenchmarkId::from_parameter(isa), |b| {
                b.iter(|| engine.loss_and_gradient(black_box(&batch), black_box(params), &mut out));
            });
        }
    }
}

impl<T: Storage<T> + Element + Default + From<f32>> Problem<T, T> {
    fn bench_baseline(&self, group: &mut BenchmarkGroup<'_, WallTime>) {
        let (batch, params) = (self.batch(), self.params());
        let mut dw = vec![T::default(); self.cols];
        group.bench_function("baseline", |b| {
            b.iter(|| {
                dw.fill(T::default());
                baseline::gradient(black_box(batch.rows()), batch.labels(), black_box(params), &mut dw)
            });
        });
    }
}

/// X from memory, by width.
fn from_memory(c: &mut Criterion) {
    for cols in [1, 2, 4, 8, 16, 30, 64, 256, 1000, 4096] {
        let problem = Problem::<f32, f32>::new(LARGE / 4 / cols, cols);
        let mut group = c.benchmark_group(format!("gradient/f32/256MB/{cols}"));
        group.sample_size(10);
        group.throughput(Throughput::Bytes(problem.batch().rows().rows() as u64 * cols as u64 * 4));
        group.bench_function("read", |b| b.iter(|| support::read(black_box(problem.data.slice()))));
        problem.bench_baseline(&mut group);
        problem.bench_tiers(&mut group);
        group.finish();
    }
}

/// The other types, at one width.
fn types(c: &mut Criterion) {
    let cols = 64;
    let doubles = Problem::<f64, f64>::new(LARGE / 8 / cols, cols);
    let mut group = c.benchmark_group(format!("gradient/f64/256MB/{cols}"));
    group.sample_size(10);
    group.throughput(Throughput::Bytes(LARGE as u64));
    doubles.bench_baseline(&mut group);
    doubles.bench_tiers(&mut group);
    group.finish();

    let mixed = Problem::<f32, f64>::new(LARGE / 4 / cols, cols);
    let mut group = c.benchmark_group(format!("gradient/f32-in-f64/256MB/{cols}"));
    group.sample_size(10);
    group.throughput(Throughput::Bytes(LARGE as u64));
    group.bench_function("read", |b| b.iter(|| support::read(black_box(mixed.data.slice()))));
    mixed.bench_tiers(&mut group);
    group.finish();
}

/// X in the second-level cache.
fn in_cache(c: &mut Criterion) {
    for cols in [1, 8, 64, 256] {
        let problem = Problem::<f32, f32>::new(65_536 / cols, cols);
        let mut group = c.benchmark_group(format!("gradient/f32/256KB/{cols}"));
        group.throughput(Throughput::Bytes(4 * 65_536));
        problem.bench_baseline(&mut group);
        problem.bench_tiers(&mut group);
        group.finish();
    }
}

/// 64 rows of 32 features: the parallel engine must not lose by being asked.
fn small(c: &mut Criterion) {
    let problem = Problem::<f32, f32>::new(64, 32);
    let (batch, params) = (problem.batch(), problem.params());
    let mut group = c.benchmark_group("gradient/f32/small/64x32");
    for (name, mut engine) in [("serial", Engine::serial()), ("parallel", Engine::new())] {
        let mut out = Gradient::default();
        group.bench_function(name, |b| {
            b.iter(|| engine.loss_and_gradient(black_box(&batch), black_box(params), &mut out));
        });
    }
    group.finish();
}

/// One row: what a request costs that scores a single example.
fn one_row(c: &mut Criterion) {
    let problem = Problem::<f32, f32>::new(1, 128);
    let (rows, params) = (problem.batch().rows(), problem.params());
    let engine = Engine::new();
    let mut group = c.benchmark_group("predict_proba/f32/1x128");
    group.bench_function("dot", |b| {
        b.iter(|| lanegrad::dot(black_box(problem.data.slice()), black_box(params.weights)));
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
