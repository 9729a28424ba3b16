//! `SumStream`: a sum over rows that arrive batch by batch.

use crate::engine::Engine;
use crate::error::Error;
use crate::pass;
use crate::place::{Extent, Place};
use crate::rows::{Batch, Element, Params, Rows, Storage};
use crate::sum::{
    Curvature, Finish, Leaf, Loss, MOST_ROWS, PartialSum, Summand, Total, Workspace, chunk_rows,
};
use crate::tree::node::Sums;
use crate::tree::{Span, aligned};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// A sum over batches of any size, in row order; for data that are not in memory at once. `Q` is the function
/// that is summed: [`Loss`] in a [`GradientStream`], [`Curvature`] in a [`HessianProductStream`].
///
/// The result has the bits of one pass over all rows, into whichever batches they were cut. Rows that do
/// not fill a chunk are held in a buffer of one chunk ([`chunk_rows`] rows); other rows are summed where they
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
pub struct SumStream<S, T: Element, Q: Summand<T>> {
    engine: Engine,
    summand: Q,
    sum: PartialSum<Q::Total>,
    first_row: u64,
    next_row: u64,
    pending: Pending<S, T>,
    workspace: Workspace,
}

/// A stream of loss and gradient.
pub type GradientStream<'a, S, T> = SumStream<S, T, Loss<'a, T>>;

/// A stream of the Hessian's product with a direction.
pub type HessianProductStream<'a, S, T> = SumStream<S, T, Curvature<'a, T>>;

/// Rows that do not fill a chunk yet.
#[derive(Clone)]
struct Pending<S, T> {
    data: Vec<S>,
    labels: Vec<T>,
    /// What the rows count: sample weights, times those of classes.
    weights: Vec<T>,
    offsets: Vec<T>,
    /// True where a row that is held came with an offset.
    has_offsets: bool,
}

impl<S, T> Pending<S, T> {
    const fn new() -> Self {
        Self {
            data: Vec::new(),
            labels: Vec::new(),
            weights: Vec::new(),
            offsets: Vec::new(),
            has_offsets: false,
        }
    }
}

impl<'a, S: Storage<T>, T: Element> GradientStream<'a, S, T> {
    /// A stream of a data set's rows from the first one on.
    #[must_use]
    pub fn new(engine: Engine, params: Params<'a, T>) -> Self {
        Self::of(engine, Loss::new(params), 0)
    }

    /// A stream of a shard's rows, of which the first is at this place of the data set.
    ///
    /// # Errors
    ///
    /// [`Error::NotAChunkBoundary`] where that is no multiple of [`chunk_rows`]; [`Error::TooManyRows`] where
    /// it is beyond 2^63.
    pub fn starting_at(engine: Engine, params: Params<'a, T>, place: Place) -> Result<Self, Error> {
        Self::of_shard(engine, Loss::new(params), place)
    }
}

impl<'a, S: Storage<T>, T: Element> HessianProductStream<'a, S, T> {
    /// A stream of a data set's rows from the first one on.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where parameters and direction differ in the number of weights.
    pub fn new(engine: Engine, params: Params<'a, T>, direction: Params<'a, T>) -> Result<Self, Error> {
        Self::starting_at(engine, params, direction, Place::default())
    }

    /// A stream of a shard's rows, of which the first is at this place of the data set.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new) and of [`GradientStream::starting_at`].
    pub fn starting_at(
        engine: Engine,
        params: Params<'a, T>,
        direction: Params<'a, T>,
        place: Place,
    ) -> Result<Self, Error> {
        let lengths = [("weights", params.weights.len()), ("direction.weights", direction.weights.len())];
        Error::unless_same_length(lengths)?;
        Self::of_shard(engine, Curvature::new(params, direction), place)
    }
}

impl<S: Storage<T>, T: Element, Q: Summand<T>> SumStream<S, T, Q> {
    fn of(engine: Engine, summand: Q, first_row: u64) -> Self {
        let sum = PartialSum::new(Q::Leaf::fingerprint(&summand, engine.isa()));
        let pending = Pending::new();
        let workspace = Workspace::default();
        Self { engine, summand, sum, first_row, next_row: first_row, pending, workspace }
    }

    fn of_shard(engine: Engine, summand: Q, place: Place) -> Result<Self, Error> {
        let chunk_rows = chunk_rows::<T>(Q::Leaf::ncols(&summand));
        if !place.row().is_multiple_of(chunk_rows as u64) {
            return Err(Error::NotAChunkBoundary { place, chunk_rows });
        }
        if place.row() > MOST_ROWS {
            return Err(Error::TooManyRows);
        }
        Ok(Self::of(engine, summand, place.row()))
    }

    /// The number of rows that were pushed.
    #[must_use]
    pub const fn nrows(&self) -> u64 {
        self.next_row - self.first_row
    }

    /// Adds the next rows.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where the rows have not a feature for each weight;
    /// [`Error::TooManyRows`] where the data set would have more than 2^63 rows. Nothing is added then.
    pub fn push(&mut self, batch: &Batch<'_, S, T>) -> Result<(), Error> {
        let rows = batch.rows();
        Q::Leaf::check(&self.summand, rows.ncols())?;
        let nrows = batch.nrows();
        let end = self.next_row.checked_add(nrows as u64).filter(|&end| end <= MOST_ROWS);
        let end = end.ok_or(Error::TooManyRows)?;

        let chunk = chunk_rows::<T>(rows.ncols());
        let held = self.pending.labels.len();
        let to_fill = if held == 0 { 0 } else { (chunk - held).min(nrows) };
        self.hold(batch, 0..to_fill);
        if self.pending.labels.len() == chunk {
            self.sum_pending();
        }
        let whole = if self.pending.labels.is_empty() { (nrows - to_fill) / chunk * chunk } else { 0 };
        let first_chunk = (end - (nrows - to_fill) as u64) / chunk as u64;
        let source = pass::source(&rows);
        for span in aligned(first_chunk..first_chunk + (whole / chunk) as u64) {
            let start = to_fill + (span.leaves().start - first_chunk) as usize * chunk;
            let node = batch.range(start..start + (chunk << span.level()));
            let numbers = self.engine.node(self.summand, &node, source, &mut self.workspace).to_vec();
            self.sum.insert(span, numbers);
        }
        self.hold(batch, to_fill + whole..nrows);
        self.next_row = end;
        Ok(())
    }

    /// The sum of the rows so far, to be merged with those of other shards.
    #[must_use]
    pub fn into_sum(mut self) -> PartialSum<Q::Total> {
        if !self.pending.labels.is_empty() {
            self.sum_pending();
            self.sum.end_at(self.next_row);
        }
        self.sum
    }

    /// The sum over the data set, all of whose rows went through this stream; 0 where it had no rows.
    ///
    /// # Errors
    ///
    /// [`Error::MissingRows`] where the stream did not start at the first row; see
    /// [`SumStream::into_sum`] for a shard.
    pub fn finish(self) -> Result<Q::Total, Error> {
        let (nrows, ncols) = (self.next_row, Q::Leaf::ncols(&self.summand));
        if nrows == 0 {
            let mut nothing = Q::Total::default();
            <Q::Total as Total>::Finish::set(&mut nothing, Sums::of(&[]), ncols);
            return Ok(nothing);
        }
        self.into_sum().finish(Extent::of_rows(nrows))
    }

    /// Adds copies of rows to the rows that are held.
    fn hold(&mut self, batch: &Batch<'_, S, T>, range: Range<usize>) {
        let batch = batch.range(range);
        for i in 0..batch.nrows() {
            let place = batch.place(i);
            self.pending.data.extend_from_slice(batch.rows().at(place));
            self.pending.labels.push(batch.labels()[place]);
        }
        // A row without a sample weight counts 1, and a product with 1 keeps its bits.
        self.pending.weights.extend(batch.row_weights());
        match batch.offsets() {
            // -0 is what leaves every number as it is.
            None => self.pending.offsets.resize(self.pending.labels.len(), T::nearest(-0.0)),
            Some(offsets) => {
                self.pending.offsets.extend((0..batch.nrows()).map(|i| offsets[batch.place(i)]));
                self.pending.has_offsets |= batch.nrows() != 0;
            }
        }
    }

    /// Sums the rows that are held: those of the chunk that the next row belongs to.
    fn sum_pending(&mut self) {
        let Pending { data, labels, weights, offsets, has_offsets } = &self.pending;
        let ncols = Q::Leaf::ncols(&self.summand);
        let rows = Rows::new(data, labels.len(), ncols).expect("the features of each label's row are held");
        let offsets = has_offsets.then_some(&offsets[..]);
        let batch = Batch::checked(rows, labels).with_row_weights(weights).with_checked_offsets(offsets);
        let source = pass::source(&rows);
        let numbers = self.engine.node(self.summand, &batch, source, &mut self.workspace).to_vec();
        self.sum.insert(Span::leaf(self.next_row / chunk_rows::<T>(ncols) as u64), numbers);
        self.pending.data.clear();
        self.pending.labels.clear();
        self.pending.weights.clear();
        self.pending.offsets.clear();
        self.pending.has_offsets = false;
    }
}

impl<S: Clone, T: Element, Q: Summand<T>> Clone for SumStream<S, T, Q> {
    fn clone(&self) -> Self {
        let Self { engine, summand, sum, first_row, next_row, pending, workspace } = self;
        Self {
            engine: *engine,
            summand: *summand,
            sum: sum.clone(),
            first_row: *first_row,
            next_row: *next_row,
            pending: pending.clone(),
            workspace: workspace.clone(),
        }
    }
}

/// The engine, the rows that were pushed and the number of those that are held; no data.
impl<S, T: Element, Q: Summand<T>> fmt::Debug for SumStream<S, T, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SumStream")
            .field("engine", &self.engine)
            .field("rows", &(self.first_row..self.next_row))
            .field("pending", &self.pending.labels.len())
            .finish_non_exhaustive()
    }
}
