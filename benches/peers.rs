//! lanegrad next to crates that one would pick instead, on the same data in the same run:
//! `cargo bench --manifest-path benches/peers/Cargo.toml`. A package of its own, as one of the peers
//! compiles a large C library.
//!
//! The losses of `linfa-logistic` and `smartcore` cannot be called: both are private, and only a whole fit
//! is public. Their pass is the composition that `ndarray` (which linfa stands on) offers.

mod support;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use lanegrad::{Engine, Storage, baseline};
use nalgebra::DVectorView;
use ndarray::{Array1, ArrayView1, ArrayView2, LinalgScalar};
use numkong::Dot;
use rand::RngExt;
use std::hint::black_box;
use support::fixtures::{Held, Number};
use support::{Unaligned, assert_close, problem, uniform};

/// The baseline and lanegrad, and then the peers, each a name and a function whose answer is compared
/// with the first one's before it is timed.
fn compare<F: FnMut() -> f64>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    want: f64,
    tolerance: f64,
    name: &str,
    mut f: F,
) {
    assert_close(f(), want, tolerance, name);
    group.bench_function(name, |b| b.iter(&mut f));
}

fn dot<T>(c: &mut Criterion, name: &str, n: usize)
where
    T: Number + Dot<Output = f64> + LinalgScalar + nalgebra::Scalar,
    T: num_traits::Zero + nalgebra::ClosedAddAssign + nalgebra::ClosedMulAssign,
{
    let (x, w) = (uniform::<T>(n, 1), uniform::<T>(n, 2));
    let (x, w) = (x.slice(), w.slice());
    let double = |x: T| Held::to_f64(x);
    let want: f64 = x.iter().zip(w).map(|(&x, &w)| double(x) * double(w)).sum();
    let mut group = c.benchmark_group(format!("dot/{name}/{n}"));
    group.throughput(Throughput::Bytes(2 * size_of_val(x) as u64));
    let tolerance = 1e-6 * n as f64;
    compare(&mut group, want, tolerance, "baseline", || double(baseline::dot(black_box(x), black_box(w))));
    compare(&mut group, want, tolerance, "lanegrad", || {
        double(lanegrad::dot(black_box(x), black_box(w)).expect("the slices have one length"))
    });
    compare(&mut group, want, tolerance, "ndarray", || {
        double(ArrayView1::from(black_box(x)).dot(&ArrayView1::from(black_box(w))))
    });
    compare(&mut group, want, tolerance, "nalgebra", || {
        double(DVectorView::from_slice(black_box(x), n).dot(&DVectorView::from_slice(black_box(w), n)))
    });
    compare(&mut group, want, tolerance, "numkong", || {
        T::dot(black_box(x), black_box(w)).expect("the slices have one length")
    });
    group.finish();
}

/// `dot` of small numbers, in the first-level cache. Ours is with weights in `f32` and its result that of the same numbers
/// held as `f32`; numkong's is of two vectors of the type, and rounds as its instructions do.
fn small_dot(c: &mut Criterion) {
    let n = 2048;
    let (x, w) = (uniform::<f32>(n, 1), uniform::<f32>(n, 2));
    let (x, w) = (x.slice(), w.slice());
    let mut group = c.benchmark_group(format!("dot/small/{n}"));
    group.throughput(Throughput::Elements(n as u64));
    ours(&mut group, "lanegrad, f32", x, w);
    ours(&mut group, "lanegrad, bf16", &x.iter().map(|&x| half::bf16::from_f32(x)).collect::<Vec<_>>(), w);
    ours(&mut group, "lanegrad, f16", &x.iter().map(|&x| half::f16::from_f32(x)).collect::<Vec<_>>(), w);
    ours(&mut group, "lanegrad, i8", &x.iter().map(|&x| (100.0 * x) as i8).collect::<Vec<_>>(), w);

    let want: f64 = x.iter().zip(w).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
    let of = |numbers: &[f32]| numbers.iter().map(|&x| numkong::bf16::from_f32(x)).collect::<Vec<_>>();
    let (brain, brain_w) = (of(x), of(w));
    compare(&mut group, want, 0.5, "numkong, bf16 with bf16", || {
        f64::from(Dot::dot(black_box(&brain[..]), black_box(&brain_w)).expect("one length"))
    });
    let of = |numbers: &[f32]| numbers.iter().map(|&x| numkong::f16::from_f32(x)).collect::<Vec<_>>();
    let (half, half_w) = (of(x), of(w));
    compare(&mut group, want, 0.5, "numkong, f16 with f16", || {
        f64::from(Dot::dot(black_box(&half[..]), black_box(&half_w)).expect("one length"))
    });
    let of = |numbers: &[f32]| numbers.iter().map(|&x| (100.0 * x) as i8).collect::<Vec<_>>();
    let (bytes, bytes_w) = (of(x), of(w));
    let want: f64 = bytes.iter().zip(&bytes_w).map(|(&x, &w)| f64::from(i32::from(x) * i32::from(w))).sum();
    compare(&mut group, want, 0.0, "numkong, i8 with i8", || {
        f64::from(Dot::dot(black_box(&bytes[..]), black_box(&bytes_w)).expect("one length"))
    });
    group.finish();
}

fn ours<S: Storage<f32> + Held>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, x: &[S], w: &[f32]) {
    let want: f64 = x.iter().zip(w).map(|(&x, &w)| x.to_f64() * f64::from(w)).sum();
    compare(group, want, 0.01, name, || {
        f64::from(lanegrad::dot(black_box(x), black_box(w)).expect("the slices have one length"))
    });
}

/// The sigmoid: the C library's exponential (baseline), libm's, which is Rust, and that of `wide`.
fn sigmoid(c: &mut Criterion) {
    let n = 16_384;
    let z: Unaligned<f32> = Unaligned::new(n, 1, |rng| rng.random_range(-8.0..8.0));
    let mut out = uniform::<f32>(n, 2);
    let (z, out) = (z.slice(), out.slice_mut());
    let want = 1.0 / (1.0 + f64::from(-z[n - 1]).exp());
    let mut group = c.benchmark_group(format!("sigmoid/f32/{n}"));
    group.throughput(Throughput::Elements(n as u64));
    let last = |out: &[f32]| f64::from(out[n - 1]);
    compare(&mut group, want, 1e-6, "baseline", || {
        baseline::sigmoid(black_box(z), black_box(out));
        last(out)
    });
    compare(&mut group, want, 1e-6, "lanegrad", || {
        lanegrad::sigmoid(black_box(z), black_box(out)).expect("the slices have one length");
        last(out)
    });
    compare(&mut group, want, 1e-6, "libm", || {
        for (out, &z) in black_box(&mut *out).iter_mut().zip(black_box(z)) {
            *out = 1.0 / (1.0 + libm::expf(-z));
        }
        last(out)
    });
    compare(&mut group, want, 1e-6, "wide", || {
        let (out_blocks, z_blocks) =
            (black_box(&mut *out).as_chunks_mut::<8>().0, black_box(z).as_chunks::<8>().0);
        for (out, z) in out_blocks.iter_mut().zip(z_blocks) {
            let e = (-wide::f32x8::new(*z)).exp();
            *out = (wide::f32x8::ONE / (wide::f32x8::ONE + e)).to_array();
        }
        last(out)
    });
    group.finish();
}

/// Loss and gradient of 16 384 rows of 64 features, 4 MB.
fn gradient(c: &mut Criterion) {
    let (rows, cols) = (16_384, 64);
    let data = problem::<f32, f32>(rows, cols);
    let (view, batch, params) = (data.rows(), data.batch(), data.params());
    let (x, y, w) = (&data.x[data.start..], batch.labels(), params.weights);
    let mut out = Engine::serial().loss_and_gradient(&batch, params).expect("the shapes agree");
    let want = out.loss;

    let mut group = c.benchmark_group(format!("gradient/f32/{rows}x{cols}"));
    group.throughput(Throughput::Bytes(size_of_val(x) as u64));
    let tolerance = 1e-3 * want;
    let mut dw = vec![0.0_f32; cols];
    compare(&mut group, want, tolerance, "baseline", || {
        dw.fill(0.0);
        f64::from(baseline::gradient(black_box(view), y, black_box(params), &mut dw).0)
    });
    for (name, engine) in [("lanegrad, 1 thread", Engine::serial()), ("lanegrad", Engine::new())] {
        compare(&mut group, want, tolerance, name, || {
            engine
                .loss_and_gradient_into(black_box(&batch), black_box(params), &mut out)
                .expect("the shapes agree");
            out.loss
        });
    }
    let (x, w) = (
        ArrayView2::from_shape((rows, cols), x).expect("the shape is that of the data"),
        Array1::from(w.to_vec()),
    );
    let y = ArrayView1::from(y);
    compare(&mut group, want, tolerance, "ndarray", || {
        let z = black_box(x).dot(black_box(&w)) + params.bias;
        let loss: f32 = z.iter().zip(y).map(|(&z, &y)| z.max(0.0) + (-z.abs()).exp().ln_1p() - y * z).sum();
        let residual = z.mapv(|z| 1.0 / (1.0 + (-z).exp())) - y;
        black_box((x.t().dot(&residual), residual.sum()));
        f64::from(loss)
    });
    group.finish();
}

fn all(c: &mut Criterion) {
    for n in [64, 4096, 1 << 20] {
        dot::<f32>(c, "f32", n);
        dot::<f64>(c, "f64", n);
    }
    small_dot(c);
    sigmoid(c);
    gradient(c);
}

criterion_group! { name = benches; config = support::criterion(); targets = all }
criterion_main!(benches);
