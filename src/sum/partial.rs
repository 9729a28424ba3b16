//! `PartialSum`: finished nodes of the summation tree, to be merged in any order.

use super::column_sums::ColumnSums;
use super::fingerprint::Fingerprint;
use super::gradient::Gradient;
use super::hash::SegmentRows;
use super::hessian_diagonal::HessianDiagonal;
use super::hessian_product::HessianProduct;
use super::part::Part;
use super::total::{Finish, Total};
use crate::error::Error;
use crate::place::{Extent, Place};
use crate::tree::node::Sums;
use crate::tree::{Node, Nodes, Pool, Span};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;

/// The most rows of a segment, and the most segments of a data set: few enough for a `u64` to count the end of the
/// last chunk too.
pub(crate) const MOST_ROWS: u64 = 1 << 63;

/// A part of the sum over a data set: what one worker, or one machine, has added up. `R` is the type of the
/// whole sum: a [`Gradient`], a [`HessianProduct`], a [`HessianDiagonal`] or [`ColumnSums`].
///
/// A data set is a list of segments: files, usually. Each has a summation tree of its own, over its chunks of
/// [`chunk_rows`](crate::chunk_rows) rows; the totals of segments are added by the same rule over the segment's number,
/// and one without rows adds nothing. So the result depends on the list of segments, their order and their rows, and
/// on nothing else. Where all segments but the last have the same number 2^k of whole chunks, and the last has no more,
/// it has the bits of one pass over all rows.
///
/// A part holds finished nodes of these trees, each O(features) numbers: no more of them than its rows need, O(log
/// rows), and a single one once all segments are there and the end of the data set is known. Its form depends on the
/// rows that are there and the ends that are known, and not on the order in which parts were merged. Parts of different
/// rows merge in any order, and when all rows are there, [`PartialSum::finish`] gives the result.
///
/// A part of a segment starts at a multiple of [`chunk_rows`](crate::chunk_rows) rows, and only the one with the last
/// rows may end elsewhere. [`PartialSum::to_bytes`] makes bytes of it, which are sent and stored; the feature `serde`
/// makes the same of it in any format. Its numbers keep their bits, infinities too, and NaN. A part that is read is
/// checked, and refused where this version could not have made it.
///
/// ```
/// use lanegrad::{Batch, Engine, Extent, GradientStream, GradientSum, Params, Place, Rows, chunk_rows};
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
/// let sent = first.into_sum().to_bytes();
/// sum.merge(&GradientSum::from_bytes(&sent)?)?;
///
/// let whole = Engine::serial().loss_and_gradient(&batch, params)?;
/// assert_eq!(sum.finish(&Extent::of_rows(nrows as u64))?, whole);
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub struct PartialSum<R> {
    pub(super) fingerprint: Fingerprint,
    /// The segments that are whole. Their number is known once the data set has ended.
    pub(super) segments: Nodes<SegmentRows>,
    /// The others of which there are rows, or the end, in order.
    pub(super) parts: Vec<Part>,
    spare: Spare,
    total: PhantomData<fn() -> R>,
}

/// A part of a sum of loss and gradient.
pub type GradientSum = PartialSum<Gradient>;

/// A part of the sum of a [`HessianProduct`].
pub type HessianProductSum = PartialSum<HessianProduct>;

/// A part of the sum of a [`HessianDiagonal`].
pub type HessianDiagonalSum = PartialSum<HessianDiagonal>;

/// A part of the sum of [`ColumnSums`].
pub type DeviationsSum = PartialSum<ColumnSums>;

/// Memory of nodes that were joined, and of segments that are whole, for those to come: rows that arrive in order then
/// need no more than there is.
#[derive(Clone, Default)]
struct Spare {
    numbers: Pool<Vec<f64>>,
    nodes: Pool<Nodes<()>>,
}

impl<R> PartialSum<R> {
    /// A sum of no rows.
    pub(crate) fn new(fingerprint: Fingerprint) -> Self {
        let (segments, parts, spare) = (Nodes::default(), Vec::new(), Spare::default());
        Self { fingerprint, segments, parts, spare, total: PhantomData }
    }

    /// Makes this the sum of no rows of the same data set, with other parameters; keeps its memory.
    pub(crate) fn restart(&mut self, fingerprint: Fingerprint) {
        let Spare { numbers, nodes } = &mut self.spare;
        self.fingerprint = fingerprint.of_data_of(&self.fingerprint);
        self.segments.clear(numbers);
        for mut part in self.parts.drain(..) {
            part.nodes.clear(numbers);
            nodes.put(part.nodes);
        }
    }

    /// Sets the tag of the data set.
    pub(crate) const fn set_tag(&mut self, tag: u64) {
        self.fingerprint = self.fingerprint.with_tag(tag);
    }

    /// The place of a segment among the parts; `Err` where it belongs if it is not there.
    fn find(&self, segment: u64) -> Result<usize, usize> {
        self.parts.binary_search_by_key(&segment, |part| part.segment)
    }

    /// Adds nodes of a segment that is not whole yet, or notes its end, by `change`.
    pub(super) fn change<F>(&mut self, segment: u64, change: F)
    where
        F: FnOnce(&mut Part, u64, &mut Pool<Vec<f64>>),
    {
        let place = self.find(segment).unwrap_or_else(|place| {
            self.parts.insert(place, Part::new(segment, self.spare.nodes.take()));
            place
        });
        let part = &mut self.parts[place];
        change(part, self.fingerprint.chunk_rows(), &mut self.spare.numbers);
        // A whole segment becomes a leaf of the tree over segments.
        if let Some((rows, root)) = part.whole() {
            let (span, mark) = (Span::leaf(segment), SegmentRows::of_one(rows));
            let numbers = root.map_or(&[][..], |root| &root.numbers);
            self.segments.insert(span, mark, numbers, &mut self.spare.numbers);
            let mut part = self.parts.remove(place);
            part.nodes.clear(&mut self.spare.numbers);
            self.spare.nodes.put(part.nodes);
        }
    }

    /// Adds a node of chunks that are not there yet.
    pub(crate) fn insert(&mut self, segment: u64, span: Span, numbers: &[f64]) {
        self.change(segment, |part, _, spare| part.insert(span, numbers, spare));
    }

    /// Notes the end of the rows inside a chunk: `row` is one more than the number of the last row.
    pub(crate) fn end_at(&mut self, segment: u64, row: u64) {
        self.change(segment, |part, chunk_rows, _| part.end_at(row, chunk_rows));
    }

    /// Notes the end of a segment.
    pub(crate) fn end_segment(&mut self, segment: u64, rows: u64) {
        self.change(segment, |part, chunk_rows, spare| part.end_segment(rows, chunk_rows, spare));
    }

    /// Adds a node of whole segments that are not there yet.
    pub(crate) fn insert_segments(&mut self, span: Span, rows: SegmentRows, numbers: &[f64]) {
        self.segments.insert(span, rows, numbers, &mut self.spare.numbers);
    }

    /// True once the number of segments is known.
    pub(crate) const fn has_ended(&self) -> bool {
        self.segments.leaves().is_some()
    }

    /// Notes the number of segments.
    pub(crate) fn end_data(&mut self, segments: u64) {
        self.segments.end_at(segments, &mut self.spare.numbers);
    }

    /// Adds all nodes to the numbers of one that comes after them; none is missing before it.
    pub(crate) fn add_before(&self, last: &mut [f64]) {
        self.parts.iter().for_each(|part| part.nodes.add_before(last));
        self.segments.add_before(last);
    }

    /// The place behind the last row that is known of.
    fn reach(&self) -> Place {
        let part =
            self.parts.last().map_or_else(Place::default, |part| part.reach(self.fingerprint.chunk_rows()));
        part.max(Place::at(self.segments.end(), 0))
    }

    /// `Ok` where nothing of these segments is there already.
    fn overlap(&self, segments: &Range<u64>) -> Result<(), Error> {
        if let Some(segment) = self.segments.overlap(segments) {
            return Err(Error::OverlappingRows { place: Place::at(segment, 0) });
        }
        let part = self.parts.get(self.find(segments.start).unwrap_or_else(|place| place));
        match part.filter(|part| part.segment < segments.end) {
            None => Ok(()),
            Some(part) => Err(Error::OverlappingRows { place: part.first(self.fingerprint.chunk_rows()) }),
        }
    }

    /// Adds the rows of another part of the same data set.
    ///
    /// Parts may come in any order, and leave holes that later parts fill.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignSum`] where the other part was made with other parameters or another direction, another number
    /// of features, another type, without fused multiply-add (or with it), with another tag of the data set, or by an
    /// incompatible version; [`Error::OverlappingRows`] where some rows are in both, and [`Error::EndedTwice`] where an
    /// end is; [`Error::RowsAfterEnd`] where a segment or the data set ends in one part, and the other has rows
    /// beyond. Nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        self.check(other)?;
        for part in &other.parts {
            self.change(part.segment, |own, _, spare| own.merge(part, spare));
        }
        if let Some(segments) = other.segments.leaves() {
            self.end_data(segments);
        }
        for node in other.segments.iter() {
            self.insert_segments(node.span, node.mark, &node.numbers);
        }
        Ok(())
    }

    /// `Ok` where another part can be merged with this one.
    fn check(&self, other: &Self) -> Result<(), Error> {
        if let Some(difference) = self.fingerprint.difference(&other.fingerprint) {
            return Err(Error::ForeignSum { difference });
        }
        for node in other.segments.iter() {
            self.overlap(&other.segments.range(node))?;
        }
        for part in &other.parts {
            match self.find(part.segment) {
                Ok(place) => self.parts[place].check(part, self.fingerprint.chunk_rows())?,
                Err(_) => {
                    if self.segments.overlap(&(part.segment..part.segment + 1)).is_some() {
                        let place = part.first(self.fingerprint.chunk_rows());
                        return Err(Error::OverlappingRows { place });
                    }
                }
            }
        }
        for (ended, others) in [(self, other), (other, self)] {
            if let Some(end) = ended.segments.leaves().map(|segments| Place::at(segments, 0))
                && others.reach() > end
            {
                return Err(Error::RowsAfterEnd { end });
            }
        }
        match (self.segments.leaves(), other.segments.leaves()) {
            (Some(end), Some(_)) => Err(Error::EndedTwice { end: Place::at(end, 0) }),
            _ => Ok(()),
        }
    }
}

impl<R: Total> PartialSum<R> {
    /// The sum over a whole data set.
    ///
    /// A segment without rows needs no part.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`] where the data set has no rows; [`Error::MissingRows`] where some rows were in no
    /// part; [`Error::RowsAfterEnd`] where there were rows beyond the end of a segment or of the data set;
    /// [`Error::OtherRows`] where segments were summed that had not the rows that the extent says.
    pub fn finish(&self, extent: &Extent) -> Result<R, Error> {
        let node = self.root(extent.segments())?;
        let (mut total, sums) = (R::default(), Sums::of(&node.numbers));
        R::Finish::set(&mut total, sums, sums.by_weights.len());
        Ok(total)
    }

    /// The node of a whole data set, of which each segment has so many rows.
    fn root(&self, rows: &[u64]) -> Result<Node<SegmentRows>, Error> {
        let end = Place::at(rows.len() as u64, 0);
        let segments = self.segments.leaves().unwrap_or(end.segment());
        if self.reach() > end || segments > end.segment() {
            return Err(Error::RowsAfterEnd { end });
        }
        if segments < end.segment() {
            return Err(Error::MissingRows { place: Place::at(segments, 0) });
        }
        let mut segments = self.segments.clone();
        let mut spare = Pool::default();
        let mut parts = self.parts.iter();
        for (segment, &rows) in (0..).zip(rows) {
            if segments.overlap(&(segment..segment + 1)).is_some() {
                continue;
            }
            let part = parts.as_slice().first().filter(|part| part.segment == segment);
            let mut total = Vec::new();
            if let Some(part) = part {
                parts.next();
                part.check_complete(rows, self.fingerprint.chunk_rows())?;
                total = part.nodes.total();
            } else if rows > 0 {
                return Err(Error::MissingRows { place: Place::at(segment, 0) });
            }
            segments.insert(Span::leaf(segment), SegmentRows::of_one(rows), &total, &mut spare);
        }
        if segments.leaves().is_none() {
            segments.end_at(end.segment(), &mut spare);
        }
        let root = segments.into_root().ok_or(Error::NoRows)?;
        if root.mark != rows_of(rows) {
            return Err(self.other_rows(rows));
        }
        if root.numbers.is_empty() { Err(Error::NoRows) } else { Ok(root) }
    }

    /// The error that names the first node whose segments have not these rows.
    fn other_rows(&self, rows: &[u64]) -> Error {
        let ranges = self.segments.iter().map(|node| (self.segments.range(node), node.mark));
        let mut wrong = ranges.filter(|(range, mark)| {
            let rows = rows.get(range.start as usize..range.end as usize);
            rows.is_none_or(|rows| rows_of(rows) != *mark)
        });
        let segments = wrong.next().map_or(0..rows.len() as u64, |(range, _)| range);
        Error::OtherRows { segments }
    }
}

/// The hash of the rows of some segments.
fn rows_of(rows: &[u64]) -> SegmentRows {
    SegmentRows::of_all(rows.len(), &|segment| rows[segment])
}

impl<R> Clone for PartialSum<R> {
    fn clone(&self) -> Self {
        let Self { fingerprint, segments, parts, spare, total } = self;
        Self {
            fingerprint: *fingerprint,
            segments: segments.clone(),
            parts: parts.clone(),
            spare: spare.clone(),
            total: *total,
        }
    }
}

/// Equality of fingerprints, rows and numbers.
impl<R> PartialEq for PartialSum<R> {
    fn eq(&self, other: &Self) -> bool {
        let Self { fingerprint, segments, parts, spare: _, total: _ } = self;
        *fingerprint == other.fingerprint && *segments == other.segments && *parts == other.parts
    }
}

/// The fingerprint, the segments and the chunks that are there, and no numbers.
impl<R> fmt::Debug for PartialSum<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments: Vec<_> = self.segments.iter().map(|node| self.segments.range(node)).collect();
        f.debug_struct("PartialSum")
            .field("fingerprint", &self.fingerprint)
            .field("segments", &segments)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}
