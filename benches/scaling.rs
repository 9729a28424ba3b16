//! Passes over 256 MB of `f32` on 1, 2, 4, … threads, next to a pure read of the same bytes by the same
//! threads. `cargo bench --bench scaling`

mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lanegrad::{Engine, Gradient, Isa};
use rayon::prelude::*;
use std::hint::black_box;
use support::problem;

const BYTES: usize = 256 << 20;

/// 1, 2, 4, … and all.
fn thread_counts() -> Vec<usize> {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let powers = (0..).map(|k| 1 << k).take_while(|&threads| threads < all);
    powers.chain([all]).collect()
}

fn gradient(c: &mut Criterion) {
    for cols in [16, 30, 64, 256, 1000, 4096] {
        let data = problem::<f32, f32>(BYTES / 4 / cols, cols);
        let (batch, params) = (data.batch(), data.params());

        let expected = Engine::serial().loss_and_gradient(&batch, params).expect("the shapes agree");
        for threads in thread_counts() {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
            let mut group = c.benchmark_group(format!("gradient-{threads}-threads/f32/256MB/{cols}"));
            group.sample_size(10);
            group.throughput(Throughput::Bytes((data.nrows() * cols * 4) as u64));
            group.bench_function("read", |b| {
                b.iter(|| {
                    pool.install(|| data.x[data.start..].par_chunks(1 << 18).map(support::read).sum::<f32>())
                });
            });
            for isa in Isa::available().filter(|isa| isa.name() != "scalar") {
                let engine = Engine::new().with_isa(isa);
                let mut out = Gradient::default();
                pool.install(|| engine.loss_and_gradient_into(&batch, params, &mut out))
                    .expect("the shapes agree");
                assert!(
                    !isa.is_fused() || !Isa::best().is_fused() || out == expected,
                    "{isa}, {threads} threads"
                );
                group.bench_function(BenchmarkId::from_parameter(isa), |b| {
                    b.iter(|| {
                        pool.install(|| {
                            engine.loss_and_gradient_into(black_box(&batch), black_box(params), &mut out)
                        })
                    });
                });
            }
            group.finish();
        }
    }
}

criterion_group! { name = benches; config = support::criterion(); targets = gradient }
criterion_main!(benches);
