//! `PartialSum`: finished nodes of the summation tree, to be merged in any order.

use super::fingerprint::Fingerprint;
use super::gradient::Gradient;
use super::hessian_diagonal::HessianDiagonal;
use super::hessian_product::HessianProduct;
use super::total::{Finish, Total};
use crate::error::Error;
use crate::place::{Extent, Place};
use crate::tree::node::Sums;
use crate::tree::{Nodes, Span};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;

/// The most rows of a data set: few enough for a `u64` to count the end of the last chunk too.
pub(crate) const MOST_ROWS: u64 = 1 << 63;

/// A part of the sum over a data set: what one worker, or one machine, has added up. `R` is the type of the
/// whole sum: a [`Gradient`], a [`HessianProduct`] or a [`HessianDiagonal`].
///
/// It holds finished nodes of the summation tree, O((features + 3) log(rows)) numbers. Parts of different
/// rows of the same data set merge in any order, and when all rows are there, [`PartialSum::finish`] gives
/// the bits of a single pass over all of them.
///
/// A part starts at a multiple of [`chunk_rows`](crate::chunk_rows) rows, and only the one with the last rows
/// may end elsewhere. With the feature `serde` it can be sent and stored. Its numbers keep their bits, those
/// of NaN and infinities too. A part that is read is checked, and refused where this version could not have
/// made it.
///
/// ```
/// use lanegrad::{Batch, Engine, Extent, GradientStream, Params, Place, Rows, chunk_rows};
///
/// let (nrows, ncols) = (1500, 2);
/// let data: Vec<f32> = (0..nrows * ncols).map(|i| (i % 7) as f32 - 3.0).collect();
/// let labels: Vec<f32> = (0..nrows).map(|i| (i % 2) as f32).collect();
/// let batch = Batch::new(Rows::new(&data, nrows, ncols)?, &labels)?;
/// let params = Params::new(&[0.5_f32, -0.25], 0.1);
///
/// // Two workers, each with a shard of the rows; the second reports first.
/// let boundary = 2 * chunk_rows::<f32>(ncols);
/// let place = Place::at_row(boundary as u64);
/// let mut second = GradientStream::starting_at(Engine::serial(), params, place)?;
/// second.push(&batch.slice(boundary..nrows)?)?;
/// let mut first = GradientStream::new(Engine::serial(), params);
/// first.push(&batch.slice(0..boundary)?)?;
///
/// let mut sum = second.into_sum();
/// sum.merge(&first.into_sum())?;
///
/// let whole = Engine::serial().loss_and_gradient(&batch, params)?;
/// assert_eq!(sum.finish(Extent::of_rows(nrows as u64))?, whole);
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub struct PartialSum<R> {
    pub(super) fingerprint: Fingerprint,
    pub(super) nodes: Nodes,
    /// One more than the number of the last row, where the data end inside a chunk.
    pub(super) end_row: Option<u64>,
    total: PhantomData<fn() -> R>,
}

/// A part of a sum of loss and gradient.
pub type GradientSum = PartialSum<Gradient>;

/// A part of the sum of a [`HessianProduct`].
pub type HessianProductSum = PartialSum<HessianProduct>;

/// A part of the sum of a [`HessianDiagonal`].
pub type HessianDiagonalSum = PartialSum<HessianDiagonal>;

impl<R> PartialSum<R> {
    /// A sum of no rows.
    pub(crate) fn new(fingerprint: Fingerprint) -> Self {
        Self { fingerprint, nodes: Nodes::default(), end_row: None, total: PhantomData }
    }

    /// Makes this the sum of no rows, with other parameters; keeps its memory.
    pub(crate) fn restart(&mut self, fingerprint: Fingerprint) {
        self.fingerprint = fingerprint;
        self.nodes.clear();
        self.end_row = None;
    }

    /// Adds a node of chunks that are not there yet.
    pub(crate) fn insert(&mut self, span: Span, numbers: &[f64]) {
        self.nodes.insert(span, numbers);
    }

    /// Adds all nodes to the numbers of one that comes after them; none is missing before it.
    pub(crate) fn add_before(&self, last: &mut [f64]) {
        self.nodes.add_before(last);
    }

    /// Notes the end of the data: `row` is one more than the number of the last row.
    pub(crate) fn end_at(&mut self, row: u64) {
        self.end_row = Some(row).filter(|row| !row.is_multiple_of(self.fingerprint.chunk_rows()));
    }

    /// The place of a chunk's first row.
    fn place(&self, chunk: u64) -> Place {
        Place::at_row(chunk * self.fingerprint.chunk_rows())
    }

    /// `Ok` where none of these chunks is there already; else the error names the first that is.
    fn overlap(&self, chunks: &Range<u64>) -> Result<(), Error> {
        match self.nodes.overlap(chunks) {
            None => Ok(()),
            Some(chunk) => Err(Error::OverlappingRows { place: self.place(chunk) }),
        }
    }

    /// Adds the rows of another part of the same data set.
    ///
    /// Parts may come in any order, and leave holes that later parts fill.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignSum`] where the other part was made with other parameters or another direction, another number
    /// of features, another type, without fused multiply-add (or with it), or by an incompatible version;
    /// [`Error::OverlappingRows`] where some rows are in both; [`Error::RowsAfterEnd`] where one part ends
    /// inside a chunk and the other has rows beyond. Nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.fingerprint != other.fingerprint {
            return Err(Error::ForeignSum);
        }
        for (span, _) in other.nodes.iter() {
            self.overlap(&span.leaves())?;
        }
        for (ended, others) in [(&*self, other), (other, &*self)] {
            if let Some(end) = ended.end_row.map(Place::at_row)
                && others.place(others.nodes.end()) > end
            {
                return Err(Error::RowsAfterEnd { end });
            }
        }
        for (span, numbers) in other.nodes.iter() {
            self.nodes.insert(span, numbers);
        }
        self.end_row = self.end_row.or(other.end_row);
        Ok(())
    }
}

impl<R: Total> PartialSum<R> {
    /// The sum over a whole data set.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`] where the data set has no rows; [`Error::MissingRows`] where some rows were in no
    /// part; [`Error::RowsAfterEnd`] where there were rows beyond the extent.
    pub fn finish(&self, extent: Extent) -> Result<R, Error> {
        let nrows = extent.nrows();
        let gap = self.nodes.first_gap();
        let covered = match self.end_row {
            Some(end) if end.div_ceil(self.fingerprint.chunk_rows()) == gap => Place::at_row(end),
            _ => self.place(gap),
        };
        if covered.row() < nrows {
            return Err(Error::MissingRows { place: covered });
        }
        let last = self.end_row.map_or(self.place(self.nodes.end()), Place::at_row);
        if last.row() > nrows {
            return Err(Error::RowsAfterEnd { end: Place::at_row(nrows) });
        }
        let node = self.nodes.total().ok_or(Error::NoRows)?;
        let (mut total, sums) = (R::default(), Sums::of(&node));
        R::Finish::set(&mut total, sums, sums.by_weights.len());
        Ok(total)
    }
}

impl<R> Clone for PartialSum<R> {
    fn clone(&self) -> Self {
        let Self { fingerprint, nodes, end_row, total } = self;
        Self { fingerprint: *fingerprint, nodes: nodes.clone(), end_row: *end_row, total: *total }
    }
}

/// Equality of fingerprints, rows and numbers.
impl<R> PartialEq for PartialSum<R> {
    fn eq(&self, other: &Self) -> bool {
        let Self { fingerprint, nodes, end_row, total: _ } = self;
        *fingerprint == other.fingerprint && *nodes == other.nodes && *end_row == other.end_row
    }
}

/// The fingerprint and the chunks that are there, and no numbers.
impl<R> fmt::Debug for PartialSum<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chunks: Vec<Range<u64>> = self.nodes.iter().map(|(span, _)| span.leaves()).collect();
        f.debug_struct("PartialSum")
            .field("fingerprint", &self.fingerprint)
            .field("chunks", &chunks)
            .field("end_row", &self.end_row)
            .finish_non_exhaustive()
    }
}
