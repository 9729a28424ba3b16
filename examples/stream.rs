//! Sums a gradient over rows that arrive batch by batch, and once more from two workers that each had some
//! of them: the same bits.
//!
//! `cargo run --release --example stream`

use lanegrad::{Batch, Engine, Extent, GradientStream, Params, Place, Rows, chunk_rows};

const COLS: usize = 16;

/// The rows that arrive as number `first` to `first + rows`.
fn arrive(first: usize, rows: usize) -> (Vec<f32>, Vec<f32>) {
    let data = (first * COLS..(first + rows) * COLS).map(|i| (i % 89) as f32 / 44.5 - 1.0).collect();
    let labels = (first..first + rows).map(|i| f32::from(u8::from(i % 3 == 0))).collect();
    (data, labels)
}

/// Pushes rows from `first` to `end` in batches of uneven sizes.
fn push(stream: &mut GradientStream<f32, f32>, first: usize, end: usize) -> Result<(), lanegrad::Error> {
    let mut next = first;
    while next < end {
        let rows = (777 + next % 500).min(end - next);
        let (data, labels) = arrive(next, rows);
        stream.push(&Batch::new(Rows::new(&data, rows, COLS)?, &labels)?)?;
        next += rows;
    }
    Ok(())
}

fn main() -> Result<(), lanegrad::Error> {
    let rows = 100_000;
    let weights: Vec<f32> = (0..COLS).map(|j| j as f32 / 20.0 - 0.4).collect();
    let params = Params::new(&weights, 0.25);

    let mut stream = GradientStream::new(Engine::new(), params);
    push(&mut stream, 0, rows)?;
    let mut whole = stream.finish()?;

    // A worker's rows start where a chunk does.
    let boundary = 150 * chunk_rows::<f32>(COLS);
    let mut first = GradientStream::new(Engine::new(), params);
    push(&mut first, 0, boundary)?;
    let mut second = GradientStream::starting_at(Engine::new(), params, Place::at_row(boundary as u64))?;
    push(&mut second, boundary, rows)?;
    let mut sum = second.into_sum();
    sum.merge(&first.into_sum())?;
    assert_eq!(sum.finish(&Extent::of_rows(rows as u64))?, whole);

    whole.average()?;
    println!("mean loss {:.6}, dL/db {:+.6}, dL/dw[0] {:+.6}", whole.loss, whole.db, whole.dw[0]);
    Ok(())
}
