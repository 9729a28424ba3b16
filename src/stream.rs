//! `GradientStream`: a sum over rows that arrive batch by batch.

use crate::chunks::aligned_nodes;
use crate::kernels::pass;
use crate::kernels::terms::Loss;
use crate::sum::{Fingerprint, GradientSum, MOST_ROWS, Node};
use crate::{Batch, Element, Engine, Error, Gradient, Params, Rows, Storage, chunk_rows};
use alloc::vec::Vec;
use core::ops::Range;

/// Sums loss and gradient over batches of any size, in row order; for data that are not in memory at
/// once.
///
/// The result has the bits of one pass over all rows, however they were cut into batches. Rows that do
/// not fill a chunk wait in a buffer of one chunk ([`chunk_rows`] rows); all others are summed where they
/// lie.
///
/// ```
/// use lanegrad::{Batch, Engine, GradientStream, Params, Rows};
///
/// let params = Params::new(&[0.5_f32, -0.25], 0.1);
/// let mut stream = GradientStream::new(Engine::new(), params);
/// for (x, y) in [([1.0_f32, 2.0, 3.0, 4.0], [1.0_f32, 0.0]), ([5.0, 6.0, 7.0, 8.0], [1.0, 1.0])] {
///     stream.push(&Batch::new(Rows::new(&x, 2, 2)?, &y)?)?;
/// }
/// let gradient = stream.finish()?;
/// assert_eq!(gradient.weight_sum, 4.0);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GradientStream<'a, S, T> {
    engine: Engine,
    params: Params<'a, T>,
    sum: GradientSum,
    first_row: u64,
    next_row: u64,
    waiting: Waiting<S, T>,
}

/// Rows that do not fill a chunk yet.
#[derive(Clone, Debug)]
struct Waiting<S, T> {
    data: Vec<S>,
    labels: Vec<T>,
    sample_weights: Vec<T>,
}

impl<'a, S: Storage<T>, T: Element> GradientStream<'a, S, T> {
    /// A stream of a data set's rows from the first one on.
    #[must_use]
    pub fn new(engine: Engine, params: Params<'a, T>) -> Self {
        let sum = GradientSum::new(Fingerprint::new(engine.isa(), params));
        let waiting = Waiting { data: Vec::new(), labels: Vec::new(), sample_weights: Vec::new() };
        Self { engine, params, sum, first_row: 0, next_row: 0, waiting }
    }

    /// A stream of a shard's rows, of which the first is row `first_row` of the data set.
    ///
    /// # Errors
    ///
    /// [`Error::NotAChunkBoundary`] where `first_row` is no multiple of [`chunk_rows`];
    /// [`Error::TooManyRows`] where it is beyond 2^63.
    pub fn starting_at(engine: Engine, params: Params<'a, T>, first_row: u64) -> Result<Self, Error> {
        let chunk_rows = chunk_rows::<T>(params.weights.len());
        if !first_row.is_multiple_of(chunk_rows as u64) {
            return Err(Error::NotAChunkBoundary { row: first_row, chunk_rows });
        }
        if first_row > MOST_ROWS {
            return Err(Error::TooManyRows);
        }
        Ok(Self { first_row, next_row: first_row, ..Self::new(engine, params) })
    }

    /// How many rows were pushed.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.next_row - self.first_row
    }

    /// Adds the next rows.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where they have not as many features as there are weights;
    /// [`Error::TooManyRows`] where the data set would have more than 2^63. Nothing is added then.
    pub fn push(&mut self, batch: &Batch<'_, S, T>) -> Result<(), Error> {
        let cols = self.params.weights.len();
        Error::unless_same_length([("features", batch.rows.cols()), ("weights", cols)])?;
        let rows = batch.rows.rows();
        let end = self.next_row.checked_add(rows as u64).filter(|&end| end <= MOST_ROWS);
        let end = end.ok_or(Error::TooManyRows)?;

        let chunk = chunk_rows::<T>(cols);
        let filled = self.waiting.labels.len();
        let to_fill = if filled == 0 { 0 } else { (chunk - filled).min(rows) };
        self.wait(batch, 0..to_fill);
        if self.waiting.labels.len() == chunk {
            self.sum_waiting();
        }
        let whole = if self.waiting.labels.is_empty() { (rows - to_fill) / chunk * chunk } else { 0 };
        let first_chunk = (end - (rows - to_fill) as u64) / chunk as u64;
        let ahead = pass::ahead(&batch.rows);
        for (level, chunks) in aligned_nodes(first_chunk..first_chunk + (whole / chunk) as u64) {
            let start = to_fill + (chunks.start - first_chunk) as usize * chunk;
            let node = batch.range(start..start + (chunk << level));
            let sums = self.engine.node(Loss, &node, self.params, ahead).to_vec();
            self.sum.insert(chunks.start, Node { level, sums });
        }
        self.wait(batch, to_fill + whole..rows);
        self.next_row = end;
        Ok(())
    }

    /// The sum of the rows so far, to be merged with those of other shards.
    #[must_use]
    pub fn into_sum(mut self) -> GradientSum {
        if !self.waiting.labels.is_empty() {
            self.sum_waiting();
            self.sum.end_row = Some(self.next_row);
        }
        self.sum
    }

    /// The sum of all rows of the data set, of which this stream had the first and all others.
    ///
    /// # Errors
    ///
    /// [`Error::MissingRows`] where the stream did not start at the first row; see
    /// [`GradientStream::into_sum`] for a shard.
    pub fn finish(self) -> Result<Gradient, Error> {
        let rows = self.next_row;
        self.into_sum().finish(rows)
    }

    /// Copies rows to those that wait.
    fn wait(&mut self, batch: &Batch<'_, S, T>, range: Range<usize>) {
        let batch = batch.range(range);
        for row in batch.rows.iter() {
            self.waiting.data.extend_from_slice(row);
        }
        self.waiting.labels.extend_from_slice(batch.labels);
        match batch.sample_weights {
            // A row without a weight counts 1: the products keep their bits.
            None => self.waiting.sample_weights.resize(self.waiting.labels.len(), T::from_f64(1.0)),
            Some(weights) => self.waiting.sample_weights.extend_from_slice(weights),
        }
    }

    /// Sums the rows that wait: those of the chunk that the next row belongs to.
    fn sum_waiting(&mut self) {
        let Waiting { data, labels, sample_weights } = &self.waiting;
        let cols = self.params.weights.len();
        let rows = Rows::contiguous(data, labels.len(), cols);
        let batch = Batch { rows, labels, sample_weights: Some(sample_weights) };
        let sums = self.engine.node(Loss, &batch, self.params, pass::ahead(&batch.rows)).to_vec();
        self.sum.insert(self.next_row / chunk_rows::<T>(cols) as u64, Node { level: 0, sums });
        self.waiting.data.clear();
        self.waiting.labels.clear();
        self.waiting.sample_weights.clear();
    }
}
