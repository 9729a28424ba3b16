//! Rows in pages of 2 MB: asks the system for such pages, and compares a pass over them with one over pages of 4 KB.
//!
//! `cargo run --release --example huge_pages`

use bytemuck::cast_slice_mut;
use lanegrad::{Batch, Engine, Gradient, Params, Rows};
use memmap2::MmapMut;
use std::error::Error;
use std::time::Instant;

const COLS: usize = 64;

/// Memory for the rows, which starts with a page, and so with a cache line. The advice comes before the memory is
/// written: the system then gives it in large pages at once.
fn memory(bytes: usize, huge: bool) -> Result<MmapMut, Box<dyn Error>> {
    let memory = MmapMut::map_anon(bytes)?;
    #[cfg(target_os = "linux")]
    {
        let advice = if huge { memmap2::Advice::HugePage } else { memmap2::Advice::NoHugePage };
        if memory.advise(advice).is_err() {
            println!("this system has no choice of pages");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = huge;
    Ok(memory)
}

fn main() -> Result<(), Box<dyn Error>> {
    // 256 MB, or what an argument says.
    let mb = std::env::args().nth(1).map_or(Ok(256), |mb| mb.parse::<usize>())?;
    let nrows = (mb << 20) / (COLS * size_of::<f32>());
    let labels: Vec<f32> = (0..nrows).map(|i| (i % 3 == 0) as u8 as f32).collect();
    let weights = [0.01; COLS];
    let mut memories = [memory(mb << 20, false)?, memory(mb << 20, true)?];
    let mut results = [Gradient::default(), Gradient::default()];
    let mut fastest = [f64::INFINITY; 2];
    for memory in &mut memories {
        let numbers: &mut [f32] = &mut cast_slice_mut(memory)[..nrows * COLS];
        numbers.iter_mut().enumerate().for_each(|(i, x)| *x = (i % 97) as f32 / 48.5 - 1.0);
    }
    // By turns, so that what else the machine does slows both down alike.
    for _ in 0..7 {
        for (i, memory) in memories.iter().enumerate() {
            let rows = Rows::new(&bytemuck::cast_slice::<u8, f32>(memory)[..nrows * COLS], nrows, COLS)?;
            let batch = Batch::new(rows, &labels)?;
            let start = Instant::now();
            Engine::serial().loss_and_gradient_into(&batch, Params::new(&weights, 0.1), &mut results[i])?;
            fastest[i] = fastest[i].min(start.elapsed().as_secs_f64());
        }
    }
    // Where numbers are changes no bit.
    assert_eq!(results[0].dw, results[1].dw);
    let rate = |seconds: f64| size_of_val(&*memories[0]) as f64 / seconds / 1e9;
    println!("pages of 4 KB: {:.1} GB/s, pages of 2 MB: {:.1} GB/s", rate(fastest[0]), rate(fastest[1]));
    Ok(())
}
