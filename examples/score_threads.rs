//! Scores batches of rows as they arrive, on eight threads of the program's own. Buffers go round: full ones to a
//! thread, scored ones back to be filled again. So no batch asks for memory, once the channels are made and each thread
//! has waited for the first time, when the standard library allocates what it waits with.
//!
//! `cargo run --release --example score_threads`

use lanegrad::{Engine, Error, Params, Rows};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

const THREADS: usize = 8;
/// Two, so that one can be filled while the thread scores the other.
const BUFFERS_PER_THREAD: usize = 2;
const COLS: usize = 30;
/// Not a multiple of the batch: the last one is shorter.
const ROWS: usize = 500_123;
const BATCH: usize = 1000;

/// A batch of rows on its way round.
struct Buffers {
    /// Which of the threads it belongs to.
    thread: usize,
    /// The number of its first row among all that arrive.
    first: usize,
    features: Vec<f32>,
    probabilities: Vec<f32>,
}

impl Buffers {
    /// Without rows, but with the memory of a full batch.
    fn new(thread: usize) -> Self {
        let features = Vec::with_capacity(BATCH * COLS);
        Self { thread, first: 0, features, probabilities: Vec::with_capacity(BATCH) }
    }

    /// Takes in the rows that arrive from number `first` on. Within its capacity a `Vec` does not allocate.
    fn fill(&mut self, first: usize, features: &[f32]) {
        self.first = first;
        self.features.clear();
        self.features.extend_from_slice(features);
        self.probabilities.resize(features.len() / COLS, 0.0);
    }

    /// Puts the probabilities where they belong. A buffer that comes for the first time has none.
    fn deliver(&self, scored: &mut [f32]) {
        scored[self.first..][..self.probabilities.len()].copy_from_slice(&self.probabilities);
    }
}

/// Scores what comes, until no more does.
fn work(params: Params<'_, f32>, full: Receiver<Buffers>, done: SyncSender<Buffers>) -> Result<(), Error> {
    // Serial: the threads are ours and there are enough of them. A parallel engine would cut batches that are large
    // enough into pieces for rayon's pool, whose threads would then compete with these.
    let engine = Engine::serial();
    for mut buffers in full {
        // Views, which cost nothing to make: a batch is borrowed where it lies.
        let rows = Rows::new(&buffers.features, buffers.probabilities.len(), COLS)?;
        engine.predict_proba(rows, params, &mut buffers.probabilities)?;
        // An error here says that nobody waits for results any more.
        if done.send(buffers).is_err() {
            break;
        }
    }
    Ok(())
}

/// Hands all rows to the threads, batch by batch, and collects the probabilities.
fn score(params: Params<'_, f32>, arriving: &[f32], scored: &mut [f32]) -> Result<(), Error> {
    thread::scope(|scope| {
        // Each channel has room for every buffer that can be in it: nothing waits in order to send.
        let (done, scored_buffers) = sync_channel(THREADS * BUFFERS_PER_THREAD);
        let mut inputs = Vec::with_capacity(THREADS);
        let mut threads = Vec::with_capacity(THREADS);
        for thread in 0..THREADS {
            let (input, full) = sync_channel(BUFFERS_PER_THREAD);
            let sender = done.clone();
            threads.push(scope.spawn(move || work(params, full, sender)));
            inputs.push(input);
            // The empty buffers start on the way back, as if their batch had been scored.
            for _ in 0..BUFFERS_PER_THREAD {
                done.send(Buffers::new(thread)).expect("room, and a receiver");
            }
        }
        // From here on only the threads send, and without them `recv` ends.
        drop(done);

        for (batch, features) in arriving.chunks(BATCH * COLS).enumerate() {
            // The thread whose buffer is back first gets the next batch: a slow thread gets fewer.
            let Ok(mut buffers) = scored_buffers.recv() else { break };
            buffers.deliver(scored);
            buffers.fill(batch * BATCH, features);
            // A thread that is gone has an error to return, which is found below.
            if inputs[buffers.thread].send(buffers).is_err() {
                break;
            }
        }
        // The threads end when they have scored what is on its way.
        drop(inputs);
        scored_buffers.iter().for_each(|buffers| buffers.deliver(scored));
        threads.into_iter().try_for_each(|thread| thread.join().expect("a thread that did not panic"))
    })
}

fn main() -> Result<(), Error> {
    // What stands for a socket or a queue: rows that are copied from here into the buffers.
    let arriving: Vec<f32> = (0..ROWS * COLS).map(|i| (i * 31 % 9973) as f32 / 4986.0 - 1.0).collect();
    let weights: Vec<f32> = (0..COLS).map(|j| (j % 7) as f32 / 5.0 - 0.6).collect();
    let params = Params::new(&weights, 0.1);

    // A row that no thread scored would stay NaN.
    let mut scored = vec![f32::NAN; ROWS];
    let start = Instant::now();
    score(params, &arriving, &mut scored)?;
    let seconds = start.elapsed().as_secs_f64();

    // The same bits as of all rows in one call on one thread, whatever the batches and whichever thread had them.
    let mut expected = vec![0.0; ROWS];
    Engine::serial().predict_proba(Rows::new(&arriving, ROWS, COLS)?, params, &mut expected)?;
    assert!(scored.iter().map(|p| p.to_bits()).eq(expected.iter().map(|p| p.to_bits())));

    let rate = ROWS as f64 / seconds / 1e6;
    println!(
        "{ROWS} rows in batches of {BATCH} on {THREADS} threads: {rate:.1} M rows/s, the bits of one call"
    );
    Ok(())
}
