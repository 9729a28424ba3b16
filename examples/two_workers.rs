//! Two workers, each with some of the files of a data set, and a driver that sends parameters and gets sums as bytes: a
//! few steps of gradient descent, with the bits that one machine has, in whatever order the answers come.
//!
//! `cargo run --release --example two_workers`

use lanegrad::{
    Batch, Engine, Extent, Gradient, GradientStream, GradientSum, Params, Rows, Shard, chunk_rows,
};
use std::error::Error;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

const COLS: usize = 8;

/// The rows of the files of the data set, of which one is empty.
const FILES: [usize; 4] = [40_000, 0, 25_000, 35_000];

/// The driver makes it once, of whatever tells the data set from others, and hands it out.
const TAG: u64 = 2026;

/// The features and labels of a file, as a worker reads them.
fn read(file: u64) -> (Vec<f32>, Vec<f32>) {
    let rows = FILES[file as usize];
    let number = |i: usize| ((i * 7919 + 31 * file as usize) % 613) as f32 / 306.5 - 1.0;
    let x: Vec<f32> = (0..rows * COLS).map(number).collect();
    let y =
        x.chunks(COLS).map(|row| f32::from(u8::from(row[0] - 0.5 * row[3] + 0.2 * row[5] > 0.1))).collect();
    (x, y)
}

/// What the driver sends: the weights, then the bias.
type Question = Vec<f32>;

/// A worker answers each question with the sum of its shard, as bytes.
fn work(
    shard: &Shard,
    questions: Receiver<Question>,
    answers: Sender<Vec<u8>>,
) -> Result<(), Box<dyn Error>> {
    let files: Vec<_> = shard.pieces().iter().map(|piece| read(piece.segment)).collect();
    for question in questions {
        let (bias, weights) = question.split_last().ok_or("no parameters")?;
        let mut stream =
            GradientStream::starting_at(Engine::serial(), Params::new(weights, *bias), shard.start())?;
        stream = stream.with_tag(TAG);
        for (piece, (x, y)) in shard.pieces().iter().zip(&files) {
            let batch = Batch::new(Rows::new(x, y.len(), COLS)?, y)?;
            stream.push(&batch.slice(piece.rows.start as usize..piece.rows.end as usize)?)?;
            if piece.ends_segment {
                stream.end_segment();
            }
        }
        if shard.ends_data() {
            stream.end_data();
        }
        answers.send(stream.into_sum().to_bytes())?;
    }
    Ok(())
}

/// A step of gradient descent.
fn step(params: &mut Question, mut gradient: Gradient) -> Result<f64, lanegrad::Error> {
    gradient.average()?;
    for (param, derivative) in params.iter_mut().zip(gradient.dw.iter().chain([&gradient.db])) {
        *param -= 2.0 * *derivative as f32;
    }
    Ok(gradient.loss)
}

fn main() -> Result<(), Box<dyn Error>> {
    let extent = Extent::of_segments(FILES.map(|rows| rows as u64));
    let shards = extent.plan(chunk_rows::<f32>(COLS), 2);
    let (answer, answers) = channel();
    let mut workers: Vec<Sender<Question>> = Vec::new();
    for shard in shards {
        let (ask, questions) = channel();
        let answer = answer.clone();
        workers.push(ask);
        thread::spawn(move || work(&shard, questions, answer).expect("its questions are right"));
    }

    // On one machine: each file is a segment.
    let files: Vec<_> = (0..FILES.len() as u64).map(read).collect();
    let batches = files.iter().map(|(x, y)| Batch::new(Rows::new(x, y.len(), COLS)?, y));
    let batches: Vec<_> = batches.collect::<Result<_, lanegrad::Error>>()?;

    let mut params = vec![0.0; COLS + 1];
    let mut alone = params.clone();
    for epoch in 1..=5 {
        workers.iter().try_for_each(|worker| worker.send(params.clone()))?;
        let mut sum = GradientSum::from_bytes(&answers.recv()?)?;
        for _ in 1..workers.len() {
            sum.merge(&GradientSum::from_bytes(&answers.recv()?)?)?;
        }
        let loss = step(&mut params, sum.finish(&extent)?)?;

        let (bias, weights) = alone.split_last().ok_or("no parameters")?;
        let mut stream = GradientStream::new(Engine::new(), Params::new(weights, *bias));
        stream.push_segments(&batches)?;
        step(&mut alone, stream.finish()?)?;
        assert_eq!(params, alone, "the same bits");
        println!("epoch {epoch}: mean loss {loss:.9}");
    }
    Ok(())
}
