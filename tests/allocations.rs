//! Memory: a pass allocates nothing after the first call, and nothing that grows with the rows.
#![cfg(feature = "alloc")]
#![expect(unsafe_code, reason = "counts what the global allocator hands out")]

mod support;

use lanegrad::{Batch, Engine, Gradient, GradientStream, HessianDiagonal, HessianProduct, Params, Rows};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Barrier;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;
use support::{Data, Kind, isas};

/// The system's allocator, which counts.
struct Counting;

/// Bytes in use by all threads, and the most there were.
static IN_USE: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    /// Calls for memory by this thread. Constant and without a destructor, so it needs no memory itself.
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    if bytes > 0 {
        CALLS.set(CALLS.get() + 1);
    }
    let in_use = IN_USE.fetch_add(bytes, Relaxed) + bytes;
    PEAK.fetch_max(in_use, Relaxed);
}

// SAFETY: all that an allocator promises is promised by the system's one, which every call is handed to
// unchanged; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new memory may exist at the same time.
        count(size as isize);
        // SAFETY: the caller's promise.
        let new = unsafe { System.realloc(memory, layout, size) };
        count(-(if new.is_null() { size } else { layout.size() } as isize));
        new
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread asked for memory.
fn calls(f: impl FnOnce()) -> usize {
    let before = CALLS.get();
    f();
    CALLS.get() - before
}

/// The most bytes in use at a time, beyond those before.
fn peak(f: impl FnOnce()) -> isize {
    let before = IN_USE.load(Relaxed);
    PEAK.store(before, Relaxed);
    f();
    PEAK.load(Relaxed) - before
}

/// A counter that counts nothing would pass every test.
fn the_counters_count() {
    let mut memory = Vec::new();
    assert_eq!(calls(|| memory = vec![0_u8; 1000]), 1);
    assert_eq!(calls(|| memory.reserve_exact(5000)), 1);
    assert_eq!(calls(|| memory.clear()), 0);
    let peak = peak(|| drop(std::hint::black_box(vec![1_u8; 1 << 20])));
    // The thread that runs the tests may ask for a little at this time, or return it.
    assert!((peak - (1 << 20)).abs() < 64 << 10, "{peak}");
}

/// After a first call the others need no memory, nor those on fewer rows.
fn passes_after_the_first() {
    for (rows, cols) in [(3000, 1), (3000, 20), (3000, 70), (700, 1000), (100, 5000)] {
        let data = Data::<f32, f32>::of_shape(rows, cols, Kind::PLAIN);
        let (batch, params, labels) = (data.batch(), data.params(), &data.labels);
        let less = batch.slice(0..rows / 2).unwrap();
        for isa in isas() {
            let engine = Engine::serial().with_isa(isa);
            let (mut gradient, mut product) = (Gradient::default(), HessianProduct::default());
            let mut diagonal = HessianDiagonal::default();
            let mut out = vec![0.0; rows];
            let mut z: Vec<f32> = labels.clone();

            // These need no memory even at the first call.
            let before = calls(|| {
                engine.logits(batch.rows(), params, &mut out).unwrap();
                engine.predict_proba(batch.rows(), params, &mut out).unwrap();
                engine.sigmoid(&z, &mut out).unwrap();
                engine.softplus(&z, &mut out).unwrap();
                engine.log_sigmoid(&z, &mut out).unwrap();
                engine.logit(labels, &mut out).unwrap();
                engine.log_loss(&z, labels, &mut out).unwrap();
                engine.residual(&z, labels, &mut out).unwrap();
                engine.sigmoid_in_place(&mut z);
                engine.softplus_in_place(&mut z);
                engine.log_sigmoid_in_place(&mut z);
                engine.logit_in_place(&mut out);
                engine.log_loss_in_place(&mut z, labels).unwrap();
                engine.residual_in_place(&mut z, labels).unwrap();
            });
            assert_eq!(before, 0, "logits and maps of {rows} x {cols} on {isa}");

            engine.loss_and_gradient_into(&batch, params, &mut gradient).unwrap();
            engine.hessian_product_into(&batch, params, params, &mut product).unwrap();
            engine.hessian_diagonal_into(&batch, params, &mut diagonal).unwrap();
            let after = calls(|| {
                engine.loss_and_gradient_into(&batch, params, &mut gradient).unwrap();
                engine.hessian_product_into(&batch, params, params, &mut product).unwrap();
                engine.loss_and_gradient_into(&less, params, &mut gradient).unwrap();
                engine.hessian_product_into(&less, params, params, &mut product).unwrap();
                engine.hessian_diagonal_into(&batch, params, &mut diagonal).unwrap();
                engine.loss_and_gradient_into(&batch, params, &mut gradient).unwrap();
                engine.hessian_product_into(&batch, params, params, &mut product).unwrap();
            });
            assert_eq!(after, 0, "sums over {rows} x {cols} on {isa}");
        }
    }
}

/// Once it has run, a stream needs no memory to be started again, to be pushed to, and to be finished.
fn epochs_of_a_stream() {
    for (rows, cols) in [(2700, 3), (1300, 70), (5, 1000)] {
        let data = Data::<f32, f32>::of_shape(rows, cols, Kind::PLAIN);
        let (batch, mut weights) = (data.batch(), data.params().weights.to_vec());
        for isa in isas() {
            let engine = Engine::serial().with_isa(isa);
            let mut stream = GradientStream::new(engine, data.params());
            let mut gradient = Gradient::default();
            let mut epoch = || {
                stream.restart(Params::new(&weights, 0.25));
                for start in (0..rows).step_by(900) {
                    stream.push(&batch.slice(start..rows.min(start + 900)).unwrap()).unwrap();
                }
                stream.finish_into(&mut gradient).unwrap();
                // The same rows once more, as segments.
                stream.restart(Params::new(&weights, 0.25));
                stream.push(&batch.slice(0..rows / 3).unwrap()).unwrap();
                stream.end_segment();
                let rest = [rows / 3..rows / 2, rows / 2..rows].map(|rows| batch.slice(rows).unwrap());
                stream.push_segments(&rest).unwrap();
                stream.finish_into(&mut gradient).unwrap();
                for (weight, derivative) in weights.iter_mut().zip(&gradient.dw) {
                    *weight -= 1e-6 * *derivative as f32;
                }
            };
            epoch();
            let epochs = if isa.name() == "scalar" { 10 } else { 1000 };
            assert_eq!(calls(|| (0..epochs).for_each(|_| epoch())), 0, "{rows} x {cols} on {isa}");
        }
    }
}

/// A clone is the numbers alone: the memory that a pass works in stays with the first, and a pass into the clone
/// asks for its own.
fn clones_of_results() {
    let ncols = 20;
    let data = Data::<f32, f32>::of_shape(3000, ncols, Kind::PLAIN);
    let (batch, params) = (data.batch(), data.params());
    let engine = Engine::serial();
    let gradient = engine.loss_and_gradient(&batch, params).unwrap();
    let product = engine.hessian_product(&batch, params, params).unwrap();
    let (mut other_gradient, mut other_product) = (Gradient::default(), HessianProduct::default());
    let bytes = peak(|| {
        assert_eq!(calls(|| other_gradient = gradient.clone()), 1);
        assert_eq!(calls(|| other_product = product.clone()), 1);
    });
    assert_eq!(bytes, 2 * (ncols * size_of::<f64>()) as isize);
    assert!(other_gradient == gradient && other_product == product);
    assert!(calls(|| engine.loss_and_gradient_into(&batch, params, &mut other_gradient).unwrap()) > 0);
    assert!(calls(|| engine.hessian_product_into(&batch, params, params, &mut other_product).unwrap()) > 0);
    assert!(other_gradient == gradient && other_product == product);
}

/// A sum that arrives claiming a huge width, and holds nothing of it, costs nothing.
fn a_sum_that_claims_a_huge_width() {
    use lanegrad::{Error, Extent, GradientSum};
    let stream = GradientStream::<f32, f32>::new(Engine::serial(), Params::new(&[], 0.0));
    let mut words = support::as_words(&stream.into_sum().to_bytes());
    // The numbers of features, and of rows in a chunk.
    (words[6], words[7]) = (1 << 60, 64);
    let bytes = support::sealed(&words);
    let peak = peak(|| {
        let sum = GradientSum::from_bytes(&bytes).unwrap();
        assert_eq!(sum.finish(&Extent::of_rows(0)), Err(Error::NoRows));
        assert!(sum.clone() == sum);
    });
    assert!(peak < 4096, "{peak} bytes");
}

/// Ten million rows: no vector of that length, on one thread or several.
fn passes_over_many_rows() {
    const LIMIT: isize = 4 << 20;
    let rows = 10_000_000;
    let x: Vec<f32> = (0..2 * rows).map(|i| (i % 1000) as f32 / 500.0 - 1.0).collect();
    let labels: Vec<f32> = (0..rows).map(|i| (i % 2) as f32).collect();
    let mut out = vec![0.0; rows];
    for cols in [1, 2] {
        let params = Params::new(&[0.5_f32, -0.25][..cols], 0.1);
        let batch = Batch::new(Rows::new(&x[..rows * cols], rows, cols).unwrap(), &labels).unwrap();
        let mut check = |engine: Engine, threads: usize| {
            let peak = peak(|| {
                let gradient = engine.loss_and_gradient(&batch, params).unwrap();
                assert_eq!(gradient.weight_sum, rows as f64);
                let product = engine.hessian_product(&batch, params, params).unwrap();
                assert_eq!(product.weight_sum, rows as f64);
                engine.logits(batch.rows(), params, &mut out).unwrap();
                engine.predict_proba(batch.rows(), params, &mut out).unwrap();
                engine.softplus_in_place(&mut out);
                engine.residual_in_place(&mut out, &labels).unwrap();
            });
            println!("{rows} x {cols}, {threads} threads: {peak} bytes");
            assert!(peak < LIMIT, "{rows} x {cols}, {threads} threads: {peak} bytes");
        };
        check(Engine::serial(), 1);
        #[cfg(feature = "rayon")]
        for threads in [2, 16] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| check(Engine::new(), threads));
        }
    }
}

/// Training on shuffled mini-batches asks for no memory after the first epoch, in a thousand steps.
fn steps_on_mini_batches() {
    const BATCH: usize = 50;
    // An epoch ends with a batch of ten rows.
    let nrows = 1010;
    for ncols in [1, 20, 70, 300] {
        let data = Data::<f32, f64>::of_shape(nrows, ncols, Kind::PLAIN);
        let batch = data.batch();
        for isa in isas() {
            let engine = Engine::serial().with_isa(isa);
            let mut rng = SmallRng::seed_from_u64(5);
            let mut indices: Vec<u32> = (0..nrows as u32).collect();
            let (mut weights, mut bias) = (vec![0.0; ncols], 0.0);
            let mut moments = vec![[0.0; 2]; ncols + 1];
            let (mut gradient, mut steps) = (Gradient::default(), 0);
            let mut epoch = || {
                indices.shuffle(&mut rng);
                for indices in indices.chunks(BATCH) {
                    let params = Params::new(&weights, bias);
                    engine
                        .loss_and_gradient_into(&batch.gather(indices).unwrap(), params, &mut gradient)
                        .unwrap();
                    gradient.average().unwrap();
                    gradient.add_l2_penalty(1e-3, params).unwrap();
                    let derivatives = gradient.dw.iter().chain([&gradient.db]);
                    let parameters = weights.iter_mut().chain([&mut bias]);
                    for ((parameter, g), [m, v]) in parameters.zip(derivatives).zip(&mut moments) {
                        (*m, *v) = (0.9 * *m + 0.1 * g, 0.999 * *v + 0.001 * g * g);
                        *parameter -= 0.01 * *m / (v.sqrt() + 1e-8);
                    }
                    steps += 1;
                }
                steps
            };
            let first = epoch();
            let after = calls(|| while epoch() < first + 1000 {});
            assert_eq!(after, 0, "mini-batches of {BATCH} x {ncols} on {isa}");
        }
    }
}

/// Eight threads that score ask for no memory after each has waited and scored once, nor does the one that hands them
/// a thousand batches: buffers go to a thread and come back.
fn scoring_on_threads() {
    const THREADS: usize = 8;
    const BUFFERS: usize = 2;
    const BATCHES: usize = 1000;
    let (nrows, ncols) = (300, 30);
    let data = Data::<f32, f32>::of_shape(nrows, ncols, Kind::PLAIN);
    let params = data.params();
    let mut expected = vec![0.0; nrows];
    Engine::serial().predict_proba(data.batch().rows(), params, &mut expected).unwrap();

    /// A thread makes what it waits with when it waits for the first time; the channel, its list of who waits.
    fn wait_once<T>(channel: &Receiver<T>) {
        // More than once, should another program have the CPU until the time is over.
        (0..3).for_each(|_| assert!(channel.recv_timeout(Duration::from_millis(10)).is_err()));
    }
    let all_have_waited = Barrier::new(THREADS + 1);
    let counts = thread::scope(|scope| {
        let (done, scored) = sync_channel(THREADS * BUFFERS);
        let (inputs, threads): (Vec<_>, Vec<_>) = (0..THREADS)
            .map(|_| {
                let (input, full) = sync_channel::<(usize, Vec<f32>, Vec<f32>)>(BUFFERS);
                let (done, all_have_waited) = (done.clone(), &all_have_waited);
                let score = move |(thread, x, mut out): (usize, Vec<f32>, Vec<f32>)| {
                    let rows = Rows::new(&x, out.len(), ncols).unwrap();
                    Engine::serial().predict_proba(rows, params, &mut out).unwrap();
                    done.send((thread, x, out)).unwrap();
                };
                let work = move || {
                    wait_once(&full);
                    all_have_waited.wait();
                    score(full.recv().unwrap());
                    calls(|| full.iter().for_each(score))
                };
                (input, scope.spawn(work))
            })
            .unzip();
        drop(done);
        wait_once(&scored);
        all_have_waited.wait();
        for (thread, input) in inputs.iter().enumerate() {
            (0..BUFFERS).for_each(|_| input.send((thread, data.x.clone(), vec![0.0; nrows])).unwrap());
        }
        let here = calls(|| {
            for _ in 0..BATCHES {
                let (thread, mut x, mut out) = scored.recv().unwrap();
                assert!(out == expected);
                x.copy_from_slice(&data.x);
                out.fill(f32::NAN);
                inputs[thread].send((thread, x, out)).unwrap();
            }
        });
        drop(inputs);
        let there = threads.into_iter().map(|thread| thread.join().unwrap());
        there.chain([here]).collect::<Vec<_>>()
    });
    assert_eq!(counts, [0; THREADS + 1], "calls for memory by each thread");
}

/// A stream keeps the rows of one chunk, and a node for each doubling of the rows.
fn streams_of_many_rows() {
    for (cols, part, rows) in [(4, 1000, 1_000_000), (4, 7, 1_000_000), (1000, 100, 100_000)] {
        let x = vec![0.5_f32; part * cols];
        let labels = vec![1.0_f32; part];
        let weights = vec![0.25_f32; cols];
        let batch = Batch::new(Rows::new(&x, part, cols).unwrap(), &labels).unwrap();
        let stream = |rows: usize| {
            peak(|| {
                let mut stream = GradientStream::new(Engine::serial(), Params::new(&weights, 0.0));
                for _ in 0..rows / part {
                    stream.push(&batch).unwrap();
                }
                stream.finish().unwrap();
            })
        };
        let few = stream(rows / 100 / part * part);
        let many = stream(rows);
        println!("{rows} x {cols} in batches of {part}: {many} bytes; a hundredth of the rows: {few}");

        let chunk = lanegrad::chunk_rows::<f32>(cols);
        // A buffer that grows is in two places for a while, of twice and once the size.
        let waiting = 3 * chunk * (cols + 2) * size_of::<f32>();
        let levels = rows.div_ceil(chunk).ilog2() as usize + 1;
        // A node's sums, what the map of nodes takes for it, and scratch memory for a batch of nodes.
        let nodes = 2 * (levels + 2) * ((cols + 3) * size_of::<f64>() + 100);
        let limit = (waiting + nodes + 4096) as isize;
        assert!(many < limit, "{rows} x {cols} in batches of {part}: {many} bytes, more than {limit}");
    }
}

/// One test, so that nothing else asks for memory while it counts.
#[test]
fn memory() {
    the_counters_count();
    passes_after_the_first();
    epochs_of_a_stream();
    clones_of_results();
    a_sum_that_claims_a_huge_width();
    steps_on_mini_batches();
    scoring_on_threads();
    streams_of_many_rows();
    // Last: the threads of a pool that was dropped end some time later, and return memory then.
    passes_over_many_rows();
}
