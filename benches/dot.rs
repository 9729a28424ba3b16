//! `dot` and `axpy` on every instruction set against the plain loops, and `dot` of large arrays against a
//! pure read of the same bytes. `cargo bench --bench dot`

mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lanegrad::{Isa, baseline};
use std::hint::black_box;
use support::fixtures::Number;
use support::uniform;

fn dot_small<T: Number>(c: &mut Criterion, name: &str) {
    for n in [16, 64, 256, 1024, 4096, 16_384] {
        let (x, w) = (uniform::<T>(n, 1), uniform::<T>(n, 2));
        dot_group(c, &format!("dot/{name}/{n}"), x.slice(), w.slice());
    }
}

fn dot_group<T: Number>(c: &mut Criterion, name: &str, x: &[T], w: &[T]) {
    let (expected, terms) = x.iter().zip(w).fold((0.0, 0.0), |(sum, terms), (&x, &w)| {
        let term = x.to_f64() * w.to_f64();
        (sum + term, terms + term.abs())
    });
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(size_of_val(x) as u64 + size_of_val(w) as u64));
    group.bench_function("baseline", |b| b.iter(|| baseline::dot(black_box(x), black_box(w))));
    for isa in Isa::available() {
        let result = isa.dot(x, w).expect("the slices have one length").to_f64();
        assert!((result - expected).abs() <= 1e-5 * terms, "{name} on {isa}: {result}, not {expected}");
        group.bench_function(BenchmarkId::from_parameter(isa), |b| {
            b.iter(|| isa.dot(black_box(x), black_box(w)));
        });
    }
    group.finish();
}

/// `f32` data in `f64` arithmetic has no plain loop in "the same type": every instruction set beside `scalar`.
fn dot_mixed(c: &mut Criterion) {
    let n = 4096;
    let (x, w) = (uniform::<f32>(n, 1), uniform::<f64>(n, 2));
    let (x, w) = (x.slice(), w.slice());
    let expected: f64 = x.iter().zip(w).map(|(&x, w)| f64::from(x) * w).sum();
    let mut group = c.benchmark_group(format!("dot/f32-in-f64/{n}"));
    group.throughput(Throughput::Bytes(12 * n as u64));
    for isa in Isa::available() {
        assert!((isa.dot(x, w).expect("the slices have one length") - expected).abs() < 1e-10);
        group.bench_function(BenchmarkId::from_parameter(isa), |b| {
            b.iter(|| isa.dot(black_box(x), black_box(w)));
        });
    }
    group.finish();
}

/// 32 M elements: what the memory gives, next to a read of the same bytes that does nothing else.
fn dot_memory(c: &mut Criterion) {
    let n = 32 << 20;
    let (x, w) = (uniform::<f32>(n, 1), uniform::<f32>(n, 2));
    let (x, w) = (x.slice(), w.slice());
    let expected: f64 = x.iter().zip(w).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
    let mut group = c.benchmark_group("dot/f32/32M");
    group.throughput(Throughput::Bytes(8 * n as u64));
    group.sample_size(20);
    group.bench_function("read", |b| b.iter(|| read(black_box(x), black_box(w))));
    group.bench_function("baseline", |b| b.iter(|| baseline::dot(black_box(x), black_box(w))));
    for isa in Isa::available() {
        let result = f64::from(isa.dot(x, w).expect("the slices have one length"));
        assert!((result - expected).abs() < 1e-7 * n as f64, "{isa}: {result}, not {expected}");
        group.bench_function(BenchmarkId::from_parameter(isa), |b| {
            b.iter(|| isa.dot(black_box(x), black_box(w)));
        });
    }
    group.finish();
}

/// The sum of all elements of both arrays, side by side as `dot` reads them, in independent sums that
/// the compiler turns into vector additions: faster than memory on every core that this was tried on.
fn read(x: &[f32], w: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 32];
    for (x, w) in x.as_chunks::<32>().0.iter().zip(w.as_chunks::<32>().0) {
        for (sum, (x, w)) in sums.iter_mut().zip(x.iter().zip(w)) {
            *sum += x + w;
        }
    }
    sums.iter().sum()
}

fn axpy<T: Number>(c: &mut Criterion, name: &str) {
    for n in [16, 256, 4096] {
        let (x, mut y) = (uniform::<T>(n, 1), uniform::<T>(n, 2));
        let (x, y) = (x.slice(), y.slice_mut());
        let a = T::nearest(1e-3);
        let mut group = c.benchmark_group(format!("axpy/{name}/{n}"));
        group.throughput(Throughput::Bytes(3 * size_of_val(x) as u64));
        group.bench_function("baseline", |b| {
            b.iter(|| baseline::axpy(black_box(a), black_box(x), black_box(y)))
        });
        for isa in Isa::available() {
            let want = y[0].to_f64() + a.to_f64() * x[0].to_f64();
            isa.axpy(a, x, y).expect("the slices have one length");
            assert!((y[0].to_f64() - want).abs() < 1e-5 * want.abs().max(1.0), "axpy on {isa}");
            group.bench_function(BenchmarkId::from_parameter(isa), |b| {
                b.iter(|| isa.axpy(black_box(a), black_box(x), black_box(y)));
            });
        }
        group.finish();
    }
}

fn all(c: &mut Criterion) {
    dot_small::<f32>(c, "f32");
    dot_small::<f64>(c, "f64");
    dot_mixed(c);
    dot_memory(c);
    axpy::<f32>(c, "f32");
    axpy::<f64>(c, "f64");
}

criterion_group! { name = benches; config = support::criterion(); targets = all }
criterion_main!(benches);
