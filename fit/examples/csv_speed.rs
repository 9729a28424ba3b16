//! The speed of reading a CSV file, on one thread: `cargo run --release -p lanegrad-fit --example csv_speed FILE`.

use lanegrad_fit::data::csv::Dialect;
use lanegrad_fit::data::{Block, Plan, ROWS_AT_A_TIME, Source};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("the name of a CSV file is needed")?;
    let path = std::path::Path::new(&path);
    let bytes = std::fs::metadata(path)?.len();
    let mut fastest = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        let mut source = Source::open(path, &Dialect::default())?;
        let plan = Plan::all(source.names().len());
        let (mut block, mut rows) = (Block::<f64>::default(), 0);
        loop {
            let read = source.read(&plan, ROWS_AT_A_TIME, &mut block)?;
            if read == 0 {
                break;
            }
            rows += read;
            block.clear();
        }
        let seconds = start.elapsed().as_secs_f64();
        fastest = fastest.min(seconds);
        println!("{rows} rows in {seconds:.3} s: {:.0} MB/s", bytes as f64 / seconds / 1e6);
    }
    println!("at best {:.0} MB/s", bytes as f64 / fastest / 1e6);
    Ok(())
}
