//! `SumStream`: a sum over rows that arrive batch by batch.

use crate::engine::Engine;
use crate::error::Error;
use crate::pass;
use crate::place::Place;
use crate::rows::{Batch, Element, Params, Rows, Storage};
use crate::sum::{
    At, Centres, Curvature, Deviations, Diagonal, Finish, Kept, Leaf, Loss, MOST_ROWS, PartialSum,
    SegmentRows, Summand, Total, Workspace, chunk_rows,
};
use crate::tree::node::{Sums, width};
use crate::tree::{Span, aligned};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// A sum over batches of any size, in row order; for data that are not in memory at once. `Q` is the function
/// that is summed: [`Loss`] in a [`GradientStream`], [`Curvature`] in a [`HessianProductStream`], [`Diagonal`] in a
/// [`HessianDiagonalStream`].
///
/// The result has the bits of one pass over all rows, into whichever batches they were cut. Rows that do
/// not fill a chunk are held in a buffer of one chunk ([`chunk_rows`] rows); other rows are summed where they
/// lie.
///
/// A stream keeps a copy of its parameters, and so borrows nothing. It can be kept for many passes over the data:
/// started again with new parameters, and with a result that is filled again, it allocates nothing once it has run.
///
/// ```
/// use lanegrad::{Batch, Engine, Gradient, GradientStream, Params, Rows};
///
/// let (mut weights, mut bias) = ([0.5_f32, -0.25], 0.1);
/// let mut stream = GradientStream::new(Engine::new(), Params::new(&weights, bias));
/// let mut gradient = Gradient::default();
/// for epoch in 0..3 {
///     stream.restart(Params::new(&weights, bias));
///     for (x, y) in [([1.0_f32, 2.0, 3.0, 4.0], [1.0_f32, 0.0]), ([5.0, 6.0, 7.0, 8.0], [1.0, 1.0])] {
///         stream.push(&Batch::new(Rows::new(&x, 2, 2)?, &y)?)?;
///     }
///     stream.finish_into(&mut gradient)?;
///     assert_eq!(gradient.weight_sum, 4.0);
///     for (weight, derivative) in weights.iter_mut().zip(&gradient.dw) {
///         *weight -= 0.01 * *derivative as f32;
///     }
///     bias -= 0.01 * gradient.db as f32;
/// }
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub struct SumStream<S, T: Element, Q: Summand<T>> {
    engine: Engine,
    at: Kept<Q, T>,
    sum: PartialSum<Q::Total>,
    /// The place of the first row, and of the next one.
    first: Place,
    next: Place,
    /// The number of rows that were pushed.
    nrows: u64,
    pending: Pending<S, T>,
    workspace: Workspace,
}

/// A stream of loss and gradient.
pub type GradientStream<S, T> = SumStream<S, T, Loss>;

/// A stream of the Hessian's product with a direction.
pub type HessianProductStream<S, T> = SumStream<S, T, Curvature>;

/// A stream of the Hessian's diagonal.
pub type HessianDiagonalStream<S, T> = SumStream<S, T, Diagonal>;

/// A stream of the columns' distances from centres, or of their squares.
pub type DeviationsStream<S, T> = SumStream<S, T, Deviations>;

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

    fn clear(&mut self) {
        self.data.clear();
        self.labels.clear();
        self.weights.clear();
        self.offsets.clear();
        self.has_offsets = false;
    }
}

impl<S: Storage<T>, T: Element> Pending<S, T> {
    /// Adds copies of rows to the rows that are held.
    fn hold(&mut self, batch: &Batch<'_, S, T>, range: Range<usize>) {
        let batch = batch.range(range);
        for i in 0..batch.nrows() {
            let place = batch.place(i);
            self.data.extend_from_slice(batch.rows().at(place));
            self.labels.push(batch.labels()[place]);
        }
        // A row without a sample weight counts 1, and a product with 1 keeps its bits.
        self.weights.extend(batch.row_weights());
        match batch.offsets() {
            // -0 is what leaves every number as it is.
            None => self.offsets.resize(self.labels.len(), T::nearest(-0.0)),
            Some(offsets) => {
                self.offsets.extend((0..batch.nrows()).map(|i| offsets[batch.place(i)]));
                self.has_offsets |= batch.nrows() != 0;
            }
        }
    }

    /// The node of the rows that are held.
    fn sum<'w, Q: Summand<T>>(
        &self,
        engine: Engine,
        at: At<'_, Q, T>,
        workspace: &'w mut Workspace,
    ) -> &'w mut [f64] {
        let Self { data, labels, weights, offsets, has_offsets } = self;
        let rows = Rows::new(data, labels.len(), Q::Leaf::ncols(at));
        let rows = rows.expect("the features of each label's row are held");
        let offsets = has_offsets.then_some(&offsets[..]);
        let batch = Batch::checked(rows, labels).with_row_weights(weights).with_checked_offsets(offsets);
        engine.node::<S, T, Q>(at, &batch, pass::source(&rows), workspace)
    }
}

/// How a stream of a function that depends on parameters alone starts.
macro_rules! at_params {
    ($($stream:ident),+) => {
        $(impl<S: Storage<T>, T: Element> $stream<S, T> {
            /// A stream of a data set's rows from the first one on.
            #[must_use]
            pub fn new(engine: Engine, params: Params<'_, T>) -> Self {
                Self::of(engine, params, Place::default())
            }

            /// A stream of a shard's rows, of which the first is at this place of the data set.
            ///
            /// # Errors
            ///
            /// [`Error::NotAChunkBoundary`] where its row is no multiple of [`chunk_rows`]; [`Error::TooManyRows`]
            /// where that, or the segment, is beyond 2^63.
            pub fn starting_at(engine: Engine, params: Params<'_, T>, place: Place) -> Result<Self, Error> {
                Self::check_start(params, place)?;
                Ok(Self::of(engine, params, place))
            }

            /// Starts again, with other parameters, from the data set's first row: as a new stream does, in the
            /// memory of this one. Rows that were pushed are forgotten.
            pub fn restart(&mut self, params: Params<'_, T>) {
                self.begin(params, Place::default());
            }

            /// Starts again, as [`restart`](Self::restart), from the first row of a shard.
            ///
            /// # Errors
            ///
            /// Those of [`starting_at`](Self::starting_at); the stream goes on as before then.
            pub fn restart_at(&mut self, params: Params<'_, T>, place: Place) -> Result<(), Error> {
                Self::check_start(params, place)?;
                self.begin(params, place);
                Ok(())
            }
        })+
    };
}
at_params!(GradientStream, HessianDiagonalStream);

impl<S: Storage<T>, T: Element> HessianProductStream<S, T> {
    /// A stream of a data set's rows from the first one on.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where parameters and direction differ in the number of weights.
    pub fn new(engine: Engine, params: Params<'_, T>, direction: Params<'_, T>) -> Result<Self, Error> {
        Self::starting_at(engine, params, direction, Place::default())
    }

    /// A stream of a shard's rows, of which the first is at this place of the data set.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new) and of [`GradientStream::starting_at`].
    pub fn starting_at(
        engine: Engine,
        params: Params<'_, T>,
        direction: Params<'_, T>,
        place: Place,
    ) -> Result<Self, Error> {
        let at = along(params, direction)?;
        Self::check_start(at, place)?;
        Ok(Self::of(engine, at, place))
    }

    /// Starts again, with other parameters and another direction, as [`GradientStream::restart`].
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new); the stream goes on as before then.
    pub fn restart(&mut self, params: Params<'_, T>, direction: Params<'_, T>) -> Result<(), Error> {
        self.restart_at(params, direction, Place::default())
    }

    /// Starts again, as [`restart`](Self::restart), from the first row of a shard.
    ///
    /// # Errors
    ///
    /// Those of [`starting_at`](Self::starting_at); the stream goes on as before then.
    pub fn restart_at(
        &mut self,
        params: Params<'_, T>,
        direction: Params<'_, T>,
        place: Place,
    ) -> Result<(), Error> {
        let at = along(params, direction)?;
        Self::check_start(at, place)?;
        self.begin(at, place);
        Ok(())
    }
}

impl<S: Storage<T>, T: Element> DeviationsStream<S, T> {
    /// A stream of what [`Engine::deviations`] sums, from the data set's first row on: distances from centres, one for
    /// each column.
    #[must_use]
    pub fn new(engine: Engine, centres: &[f64]) -> Self {
        Self::of(engine, Centres { centres, squared: false }, Place::default())
    }

    /// A stream of what [`Engine::squared_deviations`] sums, from the data set's first row on.
    #[must_use]
    pub fn squared(engine: Engine, centres: &[f64]) -> Self {
        Self::of(engine, Centres { centres, squared: true }, Place::default())
    }

    /// A stream of a shard's rows, of which the first is at this place of the data set: of distances from centres or,
    /// where
    /// `squared`, of their squares.
    ///
    /// # Errors
    ///
    /// Those of [`GradientStream::starting_at`].
    pub fn starting_at(engine: Engine, centres: &[f64], squared: bool, place: Place) -> Result<Self, Error> {
        let at = Centres { centres, squared };
        Self::check_start(at, place)?;
        Ok(Self::of(engine, at, place))
    }

    /// Starts again from the data set's first row, in the memory of this stream: with other centres, and with distances
    /// or, where `squared`, their squares. Rows that were pushed are forgotten.
    pub fn restart(&mut self, centres: &[f64], squared: bool) {
        self.begin(Centres { centres, squared }, Place::default());
    }

    /// Starts again, as [`restart`](Self::restart), from the first row of a shard.
    ///
    /// # Errors
    ///
    /// Those of [`GradientStream::starting_at`]; the stream goes on as before then.
    pub fn restart_at(&mut self, centres: &[f64], squared: bool, place: Place) -> Result<(), Error> {
        let at = Centres { centres, squared };
        Self::check_start(at, place)?;
        self.begin(at, place);
        Ok(())
    }
}

/// Parameters and a direction with as many weights.
fn along<'a, T>(params: Params<'a, T>, direction: Params<'a, T>) -> Result<[Params<'a, T>; 2], Error> {
    let lengths = [("weights", params.weights.len()), ("direction.weights", direction.weights.len())];
    Error::unless_same_length(lengths)?;
    Ok([params, direction])
}

impl<S: Storage<T>, T: Element, Q: Summand<T>> SumStream<S, T, Q> {
    fn of(engine: Engine, at: At<'_, Q, T>, first: Place) -> Self {
        let (sum, pending) = (PartialSum::new(Q::Leaf::fingerprint(at, engine.isa())), Pending::new());
        let (kept, workspace) = (Kept::<Q, T>::default(), Workspace::default());
        let mut stream = Self { engine, at: kept, sum, first, next: first, nrows: 0, pending, workspace };
        Q::Leaf::keep(at, &mut stream.at);
        stream
    }

    fn begin(&mut self, at: At<'_, Q, T>, first: Place) {
        Q::Leaf::keep(at, &mut self.at);
        self.sum.restart(Q::Leaf::fingerprint(at, self.engine.isa()));
        (self.first, self.next, self.nrows) = (first, first, 0);
        self.pending.clear();
    }

    /// `Ok` where a shard can start at a place.
    fn check_start(at: At<'_, Q, T>, place: Place) -> Result<(), Error> {
        let chunk_rows = chunk_rows::<T>(Q::Leaf::ncols(at));
        if !place.row().is_multiple_of(chunk_rows as u64) {
            return Err(Error::NotAChunkBoundary { place, chunk_rows });
        }
        if place.row() > MOST_ROWS || place.segment() >= MOST_ROWS {
            return Err(Error::TooManyRows);
        }
        Ok(())
    }

    /// This stream with a tag of the data set: sums with different tags never merge. It stays when the stream starts
    /// again. Without one it is 0.
    ///
    /// Whoever hands out the shards of a data set makes the tag, of whatever tells it from another: a hash of its
    /// version, of the list of its files, of how its columns were coded. It is handed out with the parameters.
    #[must_use]
    pub fn with_tag(mut self, tag: u64) -> Self {
        self.sum.set_tag(tag);
        self
    }

    /// The engine that sums.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// The number of rows that were pushed.
    #[must_use]
    pub const fn nrows(&self) -> u64 {
        self.nrows
    }

    /// The place of the next row.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.next
    }

    /// Adds the next rows.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where the rows have not a feature for each weight;
    /// [`Error::TooManyRows`] where the segment would have more than 2^63 rows; [`Error::RowsAfterEnd`] behind the end
    /// of the data set ([`end_data`](Self::end_data)). Nothing is added then.
    pub fn push(&mut self, batch: &Batch<'_, S, T>) -> Result<(), Error> {
        let rows = batch.rows();
        let at = Q::Leaf::kept(&self.at);
        let nrows = batch.nrows();
        let end = self.end_of(batch)?;
        let (segment, end) = (end.segment(), end.row());

        let chunk = chunk_rows::<T>(rows.ncols());
        let held = self.pending.labels.len();
        let to_fill = if held == 0 { 0 } else { (chunk - held).min(nrows) };
        self.pending.hold(batch, 0..to_fill);
        if self.pending.labels.len() == chunk {
            let node = self.pending.sum::<Q>(self.engine, at, &mut self.workspace);
            self.sum.insert(segment, Span::leaf(self.next.row() / chunk as u64), node);
            self.pending.clear();
        }
        let whole = if self.pending.labels.is_empty() { (nrows - to_fill) / chunk * chunk } else { 0 };
        let first_chunk = (end - (nrows - to_fill) as u64) / chunk as u64;
        let source = pass::source(&rows);
        for span in aligned(first_chunk..first_chunk + (whole / chunk) as u64) {
            let start = to_fill + (span.leaves().start - first_chunk) as usize * chunk;
            let node = batch.range(start..start + (chunk << span.level()));
            let numbers = self.engine.node::<S, T, Q>(at, &node, source, &mut self.workspace);
            self.sum.insert(segment, span, numbers);
        }
        self.pending.hold(batch, to_fill + whole..nrows);
        self.next = Place::at(segment, end);
        self.nrows += nrows as u64;
        Ok(())
    }

    /// The place behind these rows, if they can be the next.
    fn end_of(&self, batch: &Batch<'_, S, T>) -> Result<Place, Error> {
        Q::Leaf::check(Q::Leaf::kept(&self.at), batch.rows().ncols())?;
        if self.sum.has_ended() {
            return Err(Error::RowsAfterEnd { end: self.next });
        }
        let end = self.next.row().checked_add(batch.nrows() as u64);
        let end = end.filter(|&end| end <= MOST_ROWS && self.next.segment() < MOST_ROWS);
        Ok(Place::at(self.next.segment(), end.ok_or(Error::TooManyRows)?))
    }

    /// Ends the segment that rows were pushed of; without rows it is an empty one. The next row is the first of the
    /// next segment. Nothing happens behind the end of the data set.
    pub fn end_segment(&mut self) {
        if self.sum.has_ended() || self.next.segment() >= MOST_ROWS {
            return;
        }
        self.sum_pending();
        self.pending.clear();
        self.sum.end_segment(self.next.segment(), self.next.row());
        self.next = Place::at(self.next.segment() + 1, 0);
    }

    /// Ends the data set: no segment follows. Ends the segment that rows were pushed of, if there is one. The sum of
    /// all rows is then no larger than one of a single row.
    pub fn end_data(&mut self) {
        if self.next.row() > 0 {
            self.end_segment();
        }
        if !self.sum.has_ended() {
            self.sum.end_data(self.next.segment());
        }
    }

    /// Adds the next segments, each batch a whole one, and ends them; where rows of a segment were pushed, the first
    /// batch is the rest of it. Small segments are shared between threads too.
    ///
    /// # Errors
    ///
    /// Those of [`push`](Self::push). Nothing is added then.
    pub fn push_segments(&mut self, segments: &[Batch<'_, S, T>]) -> Result<(), Error> {
        if segments.is_empty() {
            return Ok(());
        }
        segments.iter().try_for_each(|batch| self.end_of(batch).map(drop))?;
        let Some(last) =
            self.next.segment().checked_add(segments.len() as u64).filter(|&last| last <= MOST_ROWS)
        else {
            return Err(Error::TooManyRows);
        };
        let mut segments = segments;
        if self.next.row() > 0
            && let Some((rest, others)) = segments.split_first()
        {
            self.push(rest)?;
            self.end_segment();
            segments = others;
        }
        let at = Q::Leaf::kept(&self.at);
        for span in aligned(self.next.segment()..last) {
            let (node, others) = segments.split_at(1 << span.level());
            let rows = SegmentRows::of_all(node.len(), &|segment| node[segment].nrows() as u64);
            let numbers = self.engine.node_of_segments::<S, T, Q>(at, node, &mut self.workspace);
            self.sum.insert_segments(span, rows, numbers);
            self.nrows += node.iter().map(|batch| batch.nrows() as u64).sum::<u64>();
            segments = others;
        }
        self.next = Place::at(last, 0);
        Ok(())
    }

    /// Adds the node of the rows that are held, if there are any.
    fn sum_pending(&mut self) {
        if !self.pending.labels.is_empty() {
            let at = Q::Leaf::kept(&self.at);
            let chunk = chunk_rows::<T>(Q::Leaf::ncols(at)) as u64;
            let node = self.pending.sum::<Q>(self.engine, at, &mut self.workspace);
            self.sum.insert(self.next.segment(), Span::leaf(self.next.row() / chunk), node);
            self.sum.end_at(self.next.segment(), self.next.row());
        }
    }

    /// The sum of the rows so far, to be merged with those of other shards.
    #[must_use]
    pub fn into_sum(mut self) -> PartialSum<Q::Total> {
        self.sum_pending();
        self.sum
    }

    /// The sum over the data set, all of whose rows went through this stream; 0 where it had no rows.
    ///
    /// # Errors
    ///
    /// [`Error::MissingRows`] where the stream did not start at the first row; see
    /// [`SumStream::into_sum`] for a shard.
    pub fn finish(mut self) -> Result<Q::Total, Error> {
        let mut out = Q::Total::default();
        self.finish_into(&mut out)?;
        Ok(out)
    }

    /// Fills a result that is there already with what [`SumStream::finish`] returns. The stream is as it was:
    /// it can be started again, or go on with more rows.
    ///
    /// # Errors
    ///
    /// [`Error::MissingRows`], as [`SumStream::finish`]; `out` is then untouched.
    pub fn finish_into(&mut self, out: &mut Q::Total) -> Result<(), Error> {
        if self.first != Place::default() {
            return Err(Error::MissingRows { place: Place::default() });
        }
        let at = Q::Leaf::kept(&self.at);
        let ncols = Q::Leaf::ncols(at);
        if self.nrows == 0 {
            <Q::Total as Total>::Finish::set(out, Sums::of(&[]), ncols);
            return Ok(());
        }
        let total = if self.pending.labels.is_empty() {
            let nothing = self.workspace.take(width(ncols));
            // What every number can be added to and keep its bits.
            nothing.fill(-0.0);
            nothing
        } else {
            self.pending.sum::<Q>(self.engine, at, &mut self.workspace)
        };
        self.sum.add_before(total);
        <Q::Total as Total>::Finish::set(out, Sums::of(total), ncols);
        Ok(())
    }
}

impl<S: Clone, T: Element, Q: Summand<T>> Clone for SumStream<S, T, Q> {
    fn clone(&self) -> Self {
        let Self { engine, at, sum, first, next, nrows, pending, workspace } = self;
        Self {
            engine: *engine,
            at: at.clone(),
            sum: sum.clone(),
            first: *first,
            next: *next,
            nrows: *nrows,
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
            .field("places", &(self.first..self.next))
            .field("pending", &self.pending.labels.len())
            .finish_non_exhaustive()
    }
}
