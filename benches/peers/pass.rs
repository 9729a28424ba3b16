//! A pass over random rows for each line of the input, on one thread: `pass ROWS COLUMNS`. Prints how many
//! nanoseconds each took. `python.py` runs it by turns with other libraries.

use lanegrad::{Batch, Engine, Gradient, Params, Rows};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::time::Instant;

/// Bytes of a page that is asked for.
const PAGE: usize = 2 << 20;

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|text| text.parse().expect("a number")).collect();
    let [rows, columns] = numbers[..] else { panic!("pass ROWS COLUMNS") };

    // Pages of 2 MB, as numpy asks for them by itself.
    let bytes = rows * columns * size_of::<f32>();
    let mut map = memmap2::MmapMut::map_anon(bytes + PAGE).expect("memory");
    #[cfg(target_os = "linux")]
    map.advise(memmap2::Advice::HugePage).expect("advice on pages");
    let start = map.as_ptr().align_offset(PAGE);
    let x: &mut [f32] = bytemuck::cast_slice_mut(&mut map[start..start + bytes]);
    let mut random = SmallRng::seed_from_u64(7);
    x.fill_with(|| random.random_range(-1.0..1.0));
    let y: Vec<f32> = (0..rows).map(|i| f32::from(i % 3 == 0)).collect();
    let w: Vec<f32> = (0..columns).map(|j| (j % 7) as f32 / 50.0 - 0.06).collect();

    let batch = Rows::new(x, rows, columns).and_then(|rows| Batch::new(rows, &y)).expect("a batch");
    let (engine, params) = (Engine::serial(), Params::new(&w, 0.5));
    let mut gradient = Gradient::default();
    for _line in std::io::stdin().lines() {
        let start = Instant::now();
        engine.loss_and_gradient_into(&batch, params, &mut gradient).expect("a pass");
        println!("{}", start.elapsed().as_nanos());
    }
}
