//! `sigmoid`, `softplus`, `log_sigmoid`, `logit`, `log_loss` and `residual` on every instruction set against the plain
//! loops, and `sigmoid` of a large array against a copy of it. `cargo bench --bench sigmoid`

mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lanegrad::{Error, Isa, baseline, reference};
use rand::RngExt;
use std::hint::black_box;
use support::fixtures::{Labels, Number};
use support::{Unaligned, uniform};

/// In L1 and L2 of every CPU of the last years.
const N: usize = 16_384;

/// A kernel of logits (or probabilities) and labels, or of the first alone.
type Plain<T> = fn(&[T], &[T], &mut [T]);
type Kernel<T> = fn(Isa, &[T], &[T], &mut [T]) -> Result<(), Error>;

fn compare<T: Number>(c: &mut Criterion, name: &str, plain: Plain<T>, kernel: Kernel<T>) {
    // Logits as a trained model makes them, or probabilities, and labels of both kinds.
    let range = if name.starts_with("logit") { 0.001..0.999 } else { -8.0..8.0 };
    let z: Unaligned<T> = Unaligned::new(N, 1, |rng| T::nearest(rng.random_range(range.clone())));
    let y: Unaligned<T> = Unaligned::new(N, 2, |rng| Labels::Hard.draw(rng));
    let mut out = uniform::<T>(N, 3);
    let (z, y, out) = (z.slice(), y.slice(), out.slice_mut());
    let mut expected = vec![T::default(); N];
    plain(z, y, &mut expected);

    let mut group = c.benchmark_group(format!("{name}/{N}"));
    group.throughput(Throughput::Elements(N as u64));
    group.bench_function("baseline", |b| b.iter(|| plain(black_box(z), black_box(y), black_box(out))));
    for isa in Isa::available() {
        kernel(isa, z, y, out).expect("the slices have one length");
        for (&got, &want) in out.iter().zip(&expected) {
            let difference = (got - want).to_f64().abs();
            assert!(difference < 1e-5, "{name} on {isa}: {got}, not {want}");
        }
        group.bench_function(BenchmarkId::from_parameter(isa), |b| {
            b.iter(|| kernel(isa, black_box(z), black_box(y), black_box(out)));
        });
    }
    group.finish();
}

fn in_cache<T: Number>(c: &mut Criterion, t: &str) {
    let sigmoid: Kernel<T> = |isa, z, _, out| isa.sigmoid(z, out);
    let softplus: Kernel<T> = |isa, z, _, out| isa.softplus(z, out);
    compare(c, &format!("sigmoid/{t}"), |z, _, out| baseline::sigmoid(z, out), sigmoid);
    compare(c, &format!("softplus/{t}"), |z, _, out| baseline::softplus(z, out), softplus);
    let log_sigmoid: Kernel<T> = |isa, z, _, out| isa.log_sigmoid(z, out);
    let logit: Kernel<T> = |isa, p, _, out| isa.logit(p, out);
    compare(c, &format!("log_sigmoid/{t}"), |z, _, out| baseline::log_sigmoid(z, out), log_sigmoid);
    compare(c, &format!("logit/{t}"), |p, _, out| baseline::logit(p, out), logit);
    compare(c, &format!("log_loss/{t}"), baseline::log_loss::<T>, |isa, z, y, out| isa.log_loss(z, y, out));
    compare(c, &format!("residual/{t}"), baseline::residual::<T>, |isa, z, y, out| isa.residual(z, y, out));
}

/// 64 M elements: what the memory gives, next to a copy of the array.
fn from_memory(c: &mut Criterion) {
    let n = 64 << 20;
    let z: Unaligned<f32> = Unaligned::new(n, 1, |rng| rng.random_range(-8.0..8.0));
    let mut out = Unaligned::new(n, 1, |_| 0.0);
    let (z, out) = (z.slice(), out.slice_mut());
    let mut group = c.benchmark_group("sigmoid/f32/64M");
    group.throughput(Throughput::Elements(n as u64));
    group.sample_size(10);
    group.bench_function("copy", |b| b.iter(|| black_box(&mut *out).copy_from_slice(black_box(z))));
    group.bench_function("baseline", |b| b.iter(|| baseline::sigmoid(black_box(z), black_box(out))));
    for isa in Isa::available() {
        isa.sigmoid(z, out).expect("the slices have one length");
        let exact = reference::sigmoid(f64::from(z[n - 1]));
        assert!((f64::from(out[n - 1]) - exact).abs() < 1e-7, "{isa}: {}, not {exact}", out[n - 1]);
        group.bench_function(BenchmarkId::from_parameter(isa), |b| {
            b.iter(|| isa.sigmoid(black_box(z), black_box(out)));
        });
    }
    group.finish();
}

fn all(c: &mut Criterion) {
    in_cache::<f32>(c, "f32");
    in_cache::<f64>(c, "f64");
    from_memory(c);
}

criterion_group! { name = benches; config = support::criterion(); targets = all }
criterion_main!(benches);
