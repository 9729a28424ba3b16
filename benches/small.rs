//! Small numbers next to `f32`, by turns, as ratios: `dot` in the first-level cache, and passes from memory in pages of
//! 2 MB. `cargo bench --features narrow --bench small -- [MB] [COLS,COLS,…]`, where X has so many MB as `f32`.

mod support;

use half::{bf16, f16};
use lanegrad::{Batch, Engine, Gradient, Isa, Params, Rows, Storage, roofline};
use memmap2::MmapMut;
use std::hint::black_box;
use std::time::Instant;
use support::uniform;

/// Times of each kind of numbers, by turns, in seconds: medians.
fn medians<const N: usize>(rounds: usize, mut run: impl FnMut(usize)) -> [f64; N] {
    let mut times = [(); N].map(|()| Vec::new());
    for _ in 0..rounds {
        for (kind, times) in times.iter_mut().enumerate() {
            let start = Instant::now();
            run(kind);
            times.push(start.elapsed().as_secs_f64());
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}

/// `dot` with weights in `f32`, elements a second over those of `f32`.
fn dot() {
    const N: usize = 2048;
    let (x, w) = (uniform::<f32>(N, 1), uniform::<f32>(N, 2));
    let (x, w) = (x.slice(), w.slice());
    let brain: Vec<bf16> = x.iter().map(|&x| bf16::from_f32(x)).collect();
    let half: Vec<f16> = x.iter().map(|&x| f16::from_f32(x)).collect();
    let signed: Vec<i8> = x.iter().map(|&x| (100.0 * x) as i8).collect();
    let bytes: Vec<u8> = x.iter().map(|&x| (100.0 + 100.0 * x) as u8).collect();
    println!("dot of {N} with f32 weights: G elements/s of f32, and how many times that");
    println!("            f32    bf16     f16      i8      u8");
    for isa in Isa::available() {
        fn many<S: Storage<f32>>(isa: Isa, x: &[S], w: &[f32]) {
            for _ in 0..1000 {
                black_box(isa.dot(black_box(x), black_box(w)).expect("one length"));
            }
        }
        let [single, others @ ..] = medians::<5>(51, |kind| match kind {
            0 => many(isa, x, w),
            1 => many(isa, &brain, w),
            2 => many(isa, &half, w),
            3 => many(isa, &signed, w),
            _ => many(isa, &bytes, w),
        });
        print!("{:<9}{:>6.1}", isa.name(), 1000.0 * N as f64 / single / 1e9);
        println!("{}", others.map(|time| format!("{:>8.2}", single / time)).concat());
    }
}

/// Memory in pages of 2 MB, where the system gives them.
fn memory(bytes: usize) -> MmapMut {
    let memory = MmapMut::map_anon(bytes).expect("addresses for the rows");
    #[cfg(target_os = "linux")]
    memory.advise(memmap2::Advice::HugePage).expect("an advice that Linux knows");
    memory
}

/// Numbers in memory, made from integers of a byte.
fn filled<S: bytemuck::Pod>(n: usize, number: impl Fn(u8) -> S) -> MmapMut {
    let mut memory = memory(n * size_of::<S>());
    let mut state = 1_u64;
    for x in bytemuck::cast_slice_mut::<u8, S>(&mut memory) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *x = number((state >> 56) as u8);
    }
    memory
}

fn pass<S: Storage<f32> + bytemuck::Pod>(
    engine: Engine,
    x: &MmapMut,
    labels: &[f32],
    params: Params<'_, f32>,
    out: &mut Gradient,
) {
    let ncols = params.weights.len();
    let rows = Rows::new(&bytemuck::cast_slice::<u8, S>(x)[..labels.len() * ncols], labels.len(), ncols);
    let batch = Batch::new(rows.expect("a matrix"), labels).expect("labels of 0 and 1");
    engine.loss_and_gradient_into(&batch, params, out).expect("a weight for each column");
    assert!(out.loss.is_finite());
}

/// Passes over rows of each width, rows a second over those of `f32`.
fn passes(mb: usize, widths: &[usize]) {
    let n = mb << 18;
    let number = |byte: u8| (f32::from(byte) - 128.0) / 128.0;
    let single = filled(n, number);
    let brain = filled(n, |byte| bf16::from_f32(number(byte)));
    let half = filled(n, |byte| f16::from_f32(number(byte)));
    let signed = filled(n, |byte| byte as i8);
    let bytes = filled(n, |byte| byte);
    println!("\nloss and gradient of {mb} MB of f32: GB/s, and how many times as many rows a second");
    println!(
        "isa     threads   cols     f32    bf16     f16      i8      u8   percent of a read, f32 and bf16"
    );
    for isa in Isa::available().filter(|isa| !["scalar", "portable"].contains(&isa.name())) {
        for threads in [1, rayon::current_num_threads()] {
            let engine = if threads == 1 { Engine::serial() } else { Engine::new() }.with_isa(isa);
            for &ncols in widths {
                let labels: Vec<f32> = (0..n / ncols).map(|i| f32::from((i % 2) as u8)).collect();
                let weights = vec![1e-3; ncols];
                let (params, mut out) = (Params::new(&weights, 0.1), Gradient::default());
                let [f32, bf16, f16, i8, u8, all, rows] = medians::<7>(7, |kind| match kind {
                    0 => pass::<f32>(engine, &single, &labels, params, &mut out),
                    1 => pass::<bf16>(engine, &brain, &labels, params, &mut out),
                    2 => pass::<f16>(engine, &half, &labels, params, &mut out),
                    3 => pass::<i8>(engine, &signed, &labels, params, &mut out),
                    4 => pass::<u8>(engine, &bytes, &labels, params, &mut out),
                    // The faster of two loops that load the bytes of the rows of bf16, on one thread.
                    _ if threads > 1 => {}
                    5 => drop(black_box(roofline::read(isa, [bytemuck::cast_slice::<u8, f32>(&brain)]))),
                    _ => {
                        let x = bytemuck::cast_slice::<u8, f32>(&brain);
                        black_box(roofline::read_rows(isa, x, ncols / 2, 0));
                    }
                });
                print!("{:<9}{threads:>6}{ncols:>7}{:>8.1}", isa.name(), 4.0 * n as f64 / f32 / 1e9);
                print!("{}", [bf16, f16, i8, u8].map(|time| format!("{:>8.2}", f32 / time)).concat());
                let read = all.min(rows);
                match threads {
                    1 => println!("{:>8.0} {:>5.0}", 200.0 * read / f32, 100.0 * read / bf16),
                    _ => println!(),
                }
            }
        }
    }
}

fn main() {
    // Cargo's own arguments start with a dash.
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with('-'));
    let mb = args.next().map_or(1536, |mb| mb.parse().expect("a number of MB"));
    let widths = args.next().unwrap_or_else(|| "128,384,768,1024,4096".to_owned());
    let widths: Vec<usize> =
        widths.split(',').map(|cols| cols.parse().expect("numbers of columns")).collect();
    dot();
    passes(mb, &widths);
}
