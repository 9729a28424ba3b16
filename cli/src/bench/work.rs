//! The work that is timed: kernels and ceilings, on data that each thread writes first itself.

use super::data::{Mapping, fill};
use super::setting::{COLS, Kernel, Level, Limit, Pages, Setting, arithmetic};
use anyhow::Result;
use bytemuck::Pod;
use half::{bf16, f16};
use lanegrad::roofline::{self, Flops};
use lanegrad::{Batch, Element, Engine, Gradient, Isa, Params, Rows, Storage, baseline};
use lanegrad_fit::{Dtype, Held};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::sync::{Barrier, Mutex};
use std::time::Instant;

/// A piece of work that is timed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// The plain loops.
    Baseline(Kernel),
    /// A kernel on an instruction set.
    Kernel(Kernel, Isa),
    /// Loads of all arrays that a kernel only reads.
    Read(Isa, Reading),
    /// Loads and stores.
    Copy(Isa),
    /// The standard library's copy.
    SystemCopy,
    /// Loads, additions and stores.
    Add(Isa),
    /// The same, as a plain loop.
    PlainAdd,
    /// Multiply-adds, in this number of independent chains.
    MultiplyAdd(Isa, usize),
}

/// A way to read: the fastest differs between CPUs, levels and kinds of pages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reading {
    /// This number of streams, side by side.
    Streams(usize),
    /// The same, with a request for the memory this number of bytes ahead.
    Ahead(usize, usize),
    /// Four rows side by side, as a pass does, with requests that far ahead.
    Rows(usize),
    /// Two arrays by turns, as a dot product does.
    Pair,
}

/// The ways to read that are tried.
pub(crate) const READINGS: [Reading; 10] = [
    Reading::Streams(1),
    Reading::Streams(2),
    Reading::Streams(4),
    Reading::Streams(8),
    Reading::Ahead(1, 4 << 10),
    Reading::Ahead(1, 8 << 10),
    Reading::Ahead(2, 2 << 10),
    Reading::Rows(2 << 10),
    Reading::Rows(8 << 10),
    Reading::Pair,
];

/// The ways that are tried from memory on other instruction sets than the fastest: a read of memory takes long, and
/// hardly depends on the instructions.
pub(crate) const PLAIN_READINGS: [Reading; 3] =
    [Reading::Streams(1), Reading::Streams(4), Reading::Streams(8)];

impl Work {
    /// The loop in words, as reports name it.
    pub(crate) fn describe(self) -> String {
        let streams = |n: usize| if n == 1 { "1 stream".to_owned() } else { format!("{n} streams") };
        match self {
            Self::Baseline(kernel) | Self::Kernel(kernel, _) => kernel.to_string(),
            Self::Read(_, Reading::Streams(n)) => streams(n),
            Self::Read(_, Reading::Ahead(n, bytes)) => {
                format!("{}, requests {} KB ahead", streams(n), bytes >> 10)
            }
            Self::Read(_, Reading::Rows(bytes)) => {
                format!("four rows by turns, requests {} KB ahead", bytes >> 10)
            }
            Self::Read(_, Reading::Pair) => "two arrays by turns".to_owned(),
            Self::Copy(_) | Self::Add(_) => "loads and stores".to_owned(),
            Self::SystemCopy => "the standard library's copy".to_owned(),
            Self::PlainAdd => "a plain loop".to_owned(),
            Self::MultiplyAdd(_, chains) => format!("{chains} chains"),
        }
    }
}

/// The layout of a thread's data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    /// Elements of the first array, for each thread.
    x: usize,
    /// Elements of the second array.
    y: usize,
    threads: usize,
    /// True where the second array is read like the first.
    reads_both: bool,
}

/// The amount of work of one call on each thread, over all threads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Amount {
    /// Elements: of a sum's or map's slices, or of X.
    pub(crate) elements: f64,
    /// Bytes loaded and stored, each array as often as the kernel goes over it.
    pub(crate) bytes_moved: f64,
    /// Floating-point operations, in the convention of `lanegrad::roofline`.
    pub(crate) flops: f64,
}

/// Multiply-adds in each chain of a call.
const ROUNDS: usize = 10_000;

/// The size of a slice is a multiple of this number of bytes, so that its parts start as far from a cache line as
/// the slice itself, and a read in four streams reads all of it.
const PART_BYTES: usize = 2048;

impl Shape {
    /// Data of about the size that the setting asks for.
    pub(crate) fn new(kernel: Option<Kernel>, limit: Limit, setting: &Setting) -> Self {
        let share = setting.bytes / setting.threads / setting.dtype.bytes();
        let step = PART_BYTES / arithmetic(setting.dtype).bytes();
        let whole = |n: usize| (n / step).max(1) * step;
        let (x, y) = match (kernel, limit) {
            (Some(Kernel::Logits | Kernel::LossAndGradient), _) => {
                // Rows such that also the labels of each thread make whole cache lines.
                let rows = (share / (COLS + 1) / 16).max(1) * 16;
                (rows * COLS, rows)
            }
            (None, Limit::MultiplyAdd) => (0, 0),
            // As the rows of a pass, whose data it can use.
            (None, Limit::Read) => {
                let rows = (share / (COLS + 1) / 16).max(1) * 16;
                (rows * COLS, rows)
            }
            _ => (whole(share / 2), whole(share / 2)),
        };
        Self { x, y, threads: setting.threads, reads_both: kernel == Some(Kernel::Dot) }
    }

    /// The amount of work of a call.
    pub(crate) fn amount(&self, work: Work, dtype: Dtype) -> Amount {
        match arithmetic(dtype) {
            Dtype::F64 => self.amount_of::<f64>(work, dtype),
            _ => self.amount_of::<f32>(work, dtype),
        }
    }

    fn amount_of<T: Element>(&self, work: Work, dtype: Dtype) -> Amount {
        let (x, y) = ((self.threads * self.x) as f64, (self.threads * self.y) as f64);
        let all = |elements: f64, touched: f64, flops: f64| Amount {
            elements,
            bytes_moved: touched * size_of::<T>() as f64,
            flops,
        };
        // Of what is read alone, in words of the arithmetic.
        let held = x * dtype.bytes() as f64 / size_of::<T>() as f64;
        match work {
            Work::Baseline(kernel) | Work::Kernel(kernel, _) => match kernel {
                Kernel::Dot => all(x, 2.0 * x, 2.0 * x),
                Kernel::Axpy => all(x, 3.0 * x, 2.0 * x),
                Kernel::Sigmoid => all(x, 2.0 * x, x * f64::from(Flops::of::<T>().sigmoid)),
                Kernel::Softplus => all(x, 2.0 * x, x * f64::from(Flops::of::<T>().softplus)),
                // A multiply-add for each feature, and the bias.
                Kernel::Logits => all(x, held + y, 2.0 * x + y),
                // The logit, the gradient, and three sums for each row beside its loss and residual.
                Kernel::LossAndGradient => {
                    let row = 1 + 3 + Flops::of::<T>().loss_terms;
                    all(x, held + y, 4.0 * x + f64::from(row) * y)
                }
            },
            Work::Read(..) if self.reads_both => all(2.0 * x, 2.0 * x, 0.0),
            Work::Read(..) => all(held, held, 0.0),
            Work::Copy(_) | Work::SystemCopy => all(x, 2.0 * x, 0.0),
            Work::Add(_) | Work::PlainAdd => all(x, 3.0 * x, x),
            Work::MultiplyAdd(_, chains) => {
                let flops = roofline::multiply_add_flops::<T>(chains, ROUNDS) * self.threads as u64;
                all(0.0, 0.0, flops as f64)
            }
        }
    }
}

/// A number of one of the two types of arithmetic.
trait Number: Element + Default + From<f32> + bytemuck::Pod {}

impl Number for f32 {}
impl Number for f64 {}

/// Data that work can be run on.
pub(crate) trait Bench {
    /// Runs `calls` calls on each thread, and returns the seconds from when the first starts to when the
    /// last has finished.
    fn sample(&mut self, work: Work, calls: usize) -> f64;
}

/// Data that groups share: memory that the system, or the host of a virtual machine, has yet to provide takes as long
/// as many samples.
pub(crate) struct Store {
    /// One for each kind of pages.
    arrays: Vec<Arrays>,
    /// True where all memory is equally near to all threads. Elsewhere each thread is the first to write its part.
    is_uniform: bool,
}

/// Two arrays of numbers in one mapping, and what they are.
struct Arrays {
    pages: Pages,
    map: Mapping,
    /// Type, lengths and threads, bytes after a cache line; `None` where they were not written yet.
    key: Option<(Dtype, Shape, usize)>,
}

impl Store {
    /// No data yet, but memory in pages of a kind.
    pub(crate) fn new(map: Mapping, pages: Pages) -> Self {
        let arrays = vec![Arrays { pages, map, key: None }];
        Self { arrays, is_uniform: !std::path::Path::new("/sys/devices/system/node/node1").exists() }
    }

    /// Makes data, or takes those of an earlier group.
    pub(crate) fn prepare<'a>(
        &'a mut self,
        kernel: Option<Kernel>,
        shape: Shape,
        setting: &Setting,
        pool: &'a ThreadPool,
    ) -> Result<Box<dyn Bench + 'a>> {
        let Setting { dtype, pages, offset, level, .. } = *setting;
        // The second array starts as far after a page as the first.
        let array = |len: usize, dtype: Dtype| {
            (offset + shape.threads * len * dtype.bytes()).next_multiple_of(2 << 20)
        };
        let (first, second) = (array(shape.x, dtype), array(shape.y, arithmetic(dtype)));
        // Which kernel reads the second array changes no number in it.
        let key = Some((dtype, Shape { reads_both: false, ..shape }, offset));
        let kept = self.arrays.iter().position(|arrays| {
            let is_near = self.is_uniform || arrays.key == key;
            arrays.pages == pages && arrays.map.bytes().len() >= first + second && is_near
        });
        let place = match kept {
            Some(place) => place,
            None => {
                self.arrays.retain(|arrays| arrays.pages != pages);
                self.arrays.push(Arrays { pages, map: Mapping::new(first + second, pages)?, key: None });
                self.arrays.len() - 1
            }
        };
        let Arrays { map, key: old, .. } = &mut self.arrays[place];
        let is_new = *old != key;
        *old = key;
        let (x, y) = map.bytes_mut()[..first + second].split_at_mut(first);
        let memory = (x, y, is_new);
        Ok(match dtype {
            Dtype::I8 => Box::new(Data::<i8, f32>::new(kernel, shape, offset, level, memory, pool)),
            Dtype::U8 => Box::new(Data::<u8, f32>::new(kernel, shape, offset, level, memory, pool)),
            Dtype::Bf16 => Box::new(Data::<bf16, f32>::new(kernel, shape, offset, level, memory, pool)),
            Dtype::F16 => Box::new(Data::<f16, f32>::new(kernel, shape, offset, level, memory, pool)),
            Dtype::F32 => Box::new(Data::<f32, f32>::new(kernel, shape, offset, level, memory, pool)),
            Dtype::F64 => Box::new(Data::<f64, f64>::new(kernel, shape, offset, level, memory, pool)),
        })
    }
}

/// The arrays that all threads work on, each on a part of its own.
struct Data<'a, S, T> {
    x: &'a [S],
    y: &'a mut [T],
    weights: Vec<T>,
    shape: Shape,
    pool: &'a ThreadPool,
    level: Level,
}

impl<'a, S: Held + Storage<T> + Pod, T: Number> Data<'a, S, T> {
    fn new(
        kernel: Option<Kernel>,
        shape: Shape,
        offset: usize,
        level: Level,
        (x, y, is_new): (&'a mut [u8], &'a mut [u8], bool),
        pool: &'a ThreadPool,
    ) -> Self {
        let x: &mut [S] = &mut bytemuck::cast_slice_mut(&mut x[offset..])[..shape.x * shape.threads];
        let y: &mut [T] = &mut bytemuck::cast_slice_mut(&mut y[offset..])[..shape.y * shape.threads];
        // Logits as a trained model makes them.
        const RANGE: f32 = 8.0;
        // Of integers the one before it, without its sign where there are none below 0.
        let held = |x: f32| {
            let near = [x, x.trunc(), x.trunc().abs()].into_iter().find_map(|x| S::near(x.into()));
            near.unwrap_or_default()
        };
        let number = |rng: &mut SmallRng| rng.random_range(-RANGE..RANGE);
        if is_new {
            fill(x, shape.x, pool, |rng| held(number(rng)));
        }
        if kernel == Some(Kernel::LossAndGradient) {
            fill(y, shape.y, pool, |rng| T::from(f32::from(rng.random::<bool>())));
        } else if is_new {
            fill(y, shape.y, pool, |rng| T::from(number(rng)));
        }
        // Logits of about 1.
        let mut rng = SmallRng::seed_from_u64(2);
        let scale = 1.0 / (COLS as f32).sqrt() / RANGE;
        let weights = (0..COLS).map(|_| T::from(scale * rng.random_range(-1.0..1.0))).collect();
        Self { x, y, weights, shape, pool, level }
    }

    /// True where one `Engine` shares the data between all threads, as in a program that uses it. Data in the caches of
    /// single cores are not shared.
    fn is_shared(&self, work: Work) -> bool {
        matches!(work, Work::Kernel(kernel, _) if kernel.has_engine())
            && self.shape.threads > 1
            && matches!(self.level, Level::L3 | Level::Memory)
    }
}

impl<S: Held + Storage<T> + Pod, T: Number> Bench for Data<'_, S, T> {
    fn sample(&mut self, work: Work, calls: usize) -> f64 {
        let (shared, warm) = (self.is_shared(work), self.level != Level::Memory);
        let Self { x, y, weights, shape, pool, .. } = self;
        let (x, y, reads_both) = (*x, &mut **y, shape.reads_both);
        if shared {
            let part = Part { x, y, weights, reads_both, engine: Engine::new() };
            let (start, end) = pool.install(|| part.run(work, calls, warm, || ()));
            return (end - start).as_secs_f64();
        }
        // Empty arrays have parts too.
        let mut ys = y.chunks_mut(shape.y.max(1));
        let parts = (0..shape.threads).map(|i| {
            let x = &x[i * shape.x..][..shape.x];
            Part { x, y: ys.next().unwrap_or_default(), weights, reads_both, engine: Engine::serial() }
        });
        let parts = one_each(parts);
        let barrier = Barrier::new(shape.threads);
        let spans = pool.broadcast(|thread| {
            take(&parts, thread.index()).run(work, calls, warm, || {
                barrier.wait();
            })
        });
        let start = spans.iter().map(|span| span.0).min();
        let end = spans.iter().map(|span| span.1).max();
        start.zip(end).map_or(0.0, |(start, end)| (end - start).as_secs_f64())
    }
}

/// The data of a thread.
struct Part<'a, S, T> {
    x: &'a [S],
    y: &'a mut [T],
    weights: &'a [T],
    reads_both: bool,
    engine: Engine,
}

impl<S: Held + Storage<T> + Pod, T: Number> Part<'_, S, T> {
    /// Calls the work repeatedly, and returns when that started and ended. Arguments and results are hidden from the
    /// compiler, so that it leaves out nothing.
    fn run(self, work: Work, calls: usize, warm: bool, ready: impl FnOnce()) -> (Instant, Instant) {
        let Self { x, y, weights, reads_both, engine } = self;
        let repeat = Repeat { calls, warm, ready };
        let params = || Params::new(black_box(weights), T::from(0.1));
        let rows = Rows::new(x, x.len() / COLS, COLS).expect("the shape is that of the data");
        // As numbers of the arithmetic, which all but passes take: the bytes of small ones make whole ones.
        let x: &[T] = bytemuck::cast_slice(x);
        let a = T::from(1e-3);
        match work {
            Work::Baseline(Kernel::Dot) => repeat.time(|| baseline::dot(black_box(x), black_box(&*y))),
            Work::Kernel(Kernel::Dot, isa) => repeat.time(|| isa.dot(black_box(x), black_box(&*y))),
            Work::Baseline(Kernel::Axpy) => {
                repeat.time(|| baseline::axpy(black_box(a), black_box(x), black_box(&mut *y)))
            }
            Work::Kernel(Kernel::Axpy, isa) => {
                repeat.time(|| isa.axpy(black_box(a), black_box(x), black_box(&mut *y)))
            }
            Work::Baseline(Kernel::Sigmoid) => {
                repeat.time(|| baseline::sigmoid(black_box(x), black_box(&mut *y)))
            }
            Work::Kernel(Kernel::Sigmoid, isa) => {
                let engine = engine.with_isa(isa);
                repeat.time(|| engine.sigmoid(black_box(x), black_box(&mut *y)))
            }
            Work::Baseline(Kernel::Softplus) => {
                repeat.time(|| baseline::softplus(black_box(x), black_box(&mut *y)))
            }
            Work::Kernel(Kernel::Softplus, isa) => {
                let engine = engine.with_isa(isa);
                repeat.time(|| engine.softplus(black_box(x), black_box(&mut *y)))
            }
            Work::Baseline(Kernel::Logits) => repeat.time(|| {
                for (row, z) in black_box(rows).iter().zip(black_box(&mut *y)) {
                    *z = baseline::dot(row, weights) + T::from(0.1);
                }
            }),
            Work::Kernel(Kernel::Logits, isa) => {
                let engine = engine.with_isa(isa);
                repeat.time(|| engine.logits(black_box(rows), params(), black_box(&mut *y)))
            }
            Work::Baseline(Kernel::LossAndGradient) => {
                let mut dw = vec![T::default(); COLS];
                repeat.time(|| {
                    dw.fill(T::default());
                    baseline::gradient(black_box(rows), black_box(&*y), params(), black_box(&mut dw))
                })
            }
            Work::Kernel(Kernel::LossAndGradient, isa) => {
                let engine = engine.with_isa(isa);
                let mut out = Gradient::default();
                let batch = Batch::new(rows, y).expect("labels are 0 and 1");
                repeat
                    .time(|| engine.loss_and_gradient_into(black_box(&batch), params(), black_box(&mut out)))
            }
            Work::Read(isa, reading) => {
                let [first, second] = if reads_both { [x, &*y] } else { halves(x) };
                let ([a, b], [c, d]) = (halves(first), halves(second));
                match reading {
                    Reading::Streams(1) if !reads_both => repeat.time(|| roofline::read(isa, black_box([x]))),
                    Reading::Streams(4) => repeat.time(|| roofline::read(isa, black_box([a, b, c, d]))),
                    Reading::Streams(8) => {
                        let ([a, e], [b, f], [c, g], [d, h]) = (halves(a), halves(b), halves(c), halves(d));
                        repeat.time(|| roofline::read(isa, black_box([a, e, b, f, c, g, d, h])))
                    }
                    Reading::Streams(_) => repeat.time(|| roofline::read(isa, black_box([first, second]))),
                    Reading::Ahead(1, ahead) if !reads_both => {
                        repeat.time(|| roofline::read_ahead(isa, black_box([x]), ahead))
                    }
                    Reading::Ahead(_, ahead) => {
                        repeat.time(|| roofline::read_ahead(isa, black_box([first, second]), ahead))
                    }
                    Reading::Rows(ahead) if !reads_both => {
                        repeat.time(|| roofline::read_rows(isa, black_box(x), COLS, ahead))
                    }
                    Reading::Rows(ahead) => repeat.time(|| {
                        let first = roofline::read_rows(isa, black_box(first), COLS, ahead);
                        (first, roofline::read_rows(isa, black_box(second), COLS, ahead))
                    }),
                    Reading::Pair => {
                        repeat.time(|| roofline::read_pair(isa, black_box(first), black_box(second)))
                    }
                }
            }
            Work::Copy(isa) => repeat.time(|| roofline::copy(isa, black_box(x), black_box(&mut *y))),
            Work::SystemCopy => repeat.time(|| black_box(&mut *y).copy_from_slice(black_box(x))),
            Work::Add(isa) => repeat.time(|| roofline::add(isa, black_box(x), black_box(&mut *y))),
            Work::PlainAdd => repeat.time(|| {
                for (y, &x) in black_box(&mut *y).iter_mut().zip(black_box(x)) {
                    *y = *y + x;
                }
            }),
            Work::MultiplyAdd(isa, chains) => {
                macro_rules! chains {
                    ($($n:literal)+, $most:literal) => {
                        match chains {
                            $($n => repeat.time(|| roofline::multiply_add::<T, $n>(isa, black_box(a), ROUNDS)),)+
                            _ => repeat.time(|| roofline::multiply_add::<T, $most>(isa, black_box(a), ROUNDS)),
                        }
                    };
                }
                chains!(2 3 4 5 6 8 10 12, 16)
            }
        }
    }
}

/// The numbers of chains that are tried for the rate of multiply-adds.
pub(crate) const CHAINS: [usize; 9] = [2, 3, 4, 5, 6, 8, 10, 12, 16];

/// The halves of a slice of even length.
fn halves<T>(x: &[T]) -> [&[T]; 2] {
    x.split_at(x.len() / 2).into()
}

/// A number of calls to be timed.
struct Repeat<F> {
    calls: usize,
    /// True where one call before the timed ones brings the data into the caches.
    warm: bool,
    /// Called when the data are ready: waits for the other threads.
    ready: F,
}

impl<F: FnOnce()> Repeat<F> {
    fn time<R>(self, mut call: impl FnMut() -> R) -> (Instant, Instant) {
        if self.warm {
            black_box(call());
        }
        (self.ready)();
        let start = Instant::now();
        for _ in 0..self.calls {
            black_box(call());
        }
        (start, Instant::now())
    }
}

/// One value for each thread of a pool.
pub(super) fn one_each<P>(parts: impl Iterator<Item = P>) -> Vec<Mutex<Option<P>>> {
    parts.map(|part| Mutex::new(Some(part))).collect()
}

/// The value of a thread.
pub(super) fn take<P>(parts: &[Mutex<Option<P>>], thread: usize) -> P {
    parts[thread].lock().ok().and_then(|mut part| part.take()).expect("each thread takes its part once")
}
