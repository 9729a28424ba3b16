//! `GradientSum`: finished nodes of the summation tree, to be merged in any order.

use crate::chunks::{add_node, chunk_rows};
use crate::{Element, Error, Gradient, Isa, Params};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

/// So that the end of the last chunk can be counted too.
pub(crate) const MOST_ROWS: u64 = 1 << 63;

/// The version of what determines the bits of a sum: kernels, chunk plan and tree. A change of any of
/// them raises it.
const CONTRACT: u32 = 1;

/// A part of the sum over a data set: what one worker, or one machine, has added up.
///
/// Holds finished nodes of the summation tree, O((cols + 3) log(rows)) numbers. Sums of different rows of
/// the same data set merge in any order, and when all rows are there, [`GradientSum::finish`] gives the
/// bits of a single pass over all of them.
///
/// A part starts at a multiple of [`chunk_rows`] rows, and only the one with the last rows may end
/// elsewhere. With the feature `serde` it can be sent and stored; its numbers keep their bits, NaN and
/// infinities too.
///
/// ```
/// use lanegrad::{Batch, Engine, Gradient, GradientStream, Params, Rows, chunk_rows};
///
/// let (rows, cols) = (1500, 2);
/// let data: Vec<f32> = (0..rows * cols).map(|i| (i % 7) as f32 - 3.0).collect();
/// let labels: Vec<f32> = (0..rows).map(|i| (i % 2) as f32).collect();
/// let batch = Batch::new(Rows::new(&data, rows, cols)?, &labels)?;
/// let params = Params::new(&[0.5_f32, -0.25], 0.1);
///
/// // Two workers, each with a shard of the rows; the second reports first.
/// let boundary = 2 * chunk_rows::<f32>(cols);
/// let mut second = GradientStream::starting_at(Engine::serial(), params, boundary as u64)?;
/// second.push(&batch.slice(boundary..rows)?)?;
/// let mut first = GradientStream::new(Engine::serial(), params);
/// first.push(&batch.slice(0..boundary)?)?;
///
/// let mut sum = second.into_sum();
/// sum.merge(&first.into_sum())?;
///
/// let mut whole = Gradient::default();
/// Engine::serial().loss_and_gradient(&batch, params, &mut whole)?;
/// assert_eq!(sum.finish(rows as u64)?, whole);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(into = "crate::wire::WireSum", try_from = "crate::wire::WireSum"))]
pub struct GradientSum {
    pub(crate) fingerprint: Fingerprint,
    /// Nodes by their first chunk. No two overlap, and no two are siblings: those are joined at once.
    pub(crate) nodes: BTreeMap<u64, Node>,
    /// Where the rows end, if that is inside a chunk.
    pub(crate) end_row: Option<u64>,
}

/// A node of the tree: 2^level chunks (fewer at the end of the rows), and their sums.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub level: u32,
    pub sums: Vec<f64>,
}

/// What a sum belongs to: sums of different fingerprints never mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub(crate) struct Fingerprint {
    /// The version of the numeric contract.
    pub contract: u32,
    /// Bits of the arithmetic's type: 32 or 64.
    pub type_bits: u32,
    /// Whether multiply-adds round once.
    pub fused: bool,
    /// Features of a row.
    pub cols: u64,
    /// Rows of a chunk.
    pub chunk_rows: u64,
    /// A hash of the parameters' bits.
    #[cfg_attr(feature = "serde", serde(with = "crate::wire::bits"))]
    pub params: u64,
}

impl Fingerprint {
    pub fn new<T: Element>(isa: Isa, params: Params<'_, T>) -> Self {
        let cols = params.weights.len();
        // FNV-1a over the values (exact in f64), a word at a time: it is to tell mistakes apart, not
        // attacks.
        let values = params.weights.iter().chain([&params.bias]);
        let params = values.fold(0xcbf2_9ce4_8422_2325, |hash: u64, x| {
            let hash = (hash ^ x.to_f64().to_bits()).wrapping_mul(0x0000_0100_0000_01b3);
            // The product carries upwards only; bring the upper bits back down.
            hash ^ (hash >> 32)
        });
        Self {
            contract: CONTRACT,
            type_bits: 8 * size_of::<T>() as u32,
            fused: isa.is_fused(),
            cols: cols as u64,
            chunk_rows: chunk_rows::<T>(cols) as u64,
            params,
        }
    }
}

impl GradientSum {
    pub(crate) fn new(fingerprint: Fingerprint) -> Self {
        Self { fingerprint, nodes: BTreeMap::new(), end_row: None }
    }

    /// Adds the rows of another part of the same data set.
    ///
    /// In any order, and with holes that later parts fill.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignSum`] where the other part was made with other parameters, another number of
    /// features, another type, without fused multiply-add (or with it), or by an incompatible version;
    /// [`Error::OverlappingRows`] where some rows are in both; [`Error::RowsAfterEnd`] where one part ends
    /// inside a chunk and the other has rows beyond. Nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        if self.fingerprint != other.fingerprint {
            return Err(Error::ForeignSum);
        }
        for (&first, node) in &other.nodes {
            if let Some(chunk) = self.overlap(&chunks_of(first, node)) {
                return Err(Error::OverlappingRows { row: chunk * self.fingerprint.chunk_rows });
            }
        }
        for (sum, others) in [(self.end_row, other), (other.end_row, &*self)] {
            if let Some(end) = sum.filter(|&end| others.last_chunk_end() * self.fingerprint.chunk_rows > end)
            {
                return Err(Error::RowsAfterEnd { end });
            }
        }
        for (&first, node) in &other.nodes {
            self.insert(first, node.clone());
        }
        self.end_row = self.end_row.or(other.end_row);
        Ok(())
    }

    /// The sum over all of a data set's `rows` rows.
    ///
    /// # Errors
    ///
    /// [`Error::MissingRows`] where some rows were in no part; [`Error::RowsAfterEnd`] where there were
    /// more; [`Error::OutOfMemory`] where the gradient does not fit into memory.
    pub fn finish(&self, rows: u64) -> Result<Gradient, Error> {
        let chunk_rows = self.fingerprint.chunk_rows;
        let mut next = 0;
        for (&first, node) in &self.nodes {
            if first != next {
                break;
            }
            next = chunks_of(first, node).end;
        }
        let covered = match self.end_row {
            Some(end) if end.div_ceil(chunk_rows) == next => end,
            _ => next * chunk_rows,
        };
        if covered < rows {
            return Err(Error::MissingRows { row: covered });
        }
        let last = self.end_row.unwrap_or(self.last_chunk_end() * chunk_rows);
        if last > rows {
            return Err(Error::RowsAfterEnd { end: rows });
        }
        // What is left when no two siblings are: the last node, the left sibling of its parent, …
        let mut nodes = self.nodes.values().rev();
        let mut sums = nodes.next().map_or(Vec::new(), |node| node.sums.clone());
        for left in nodes {
            let mut parent = left.sums.clone();
            add_node(&mut parent, &sums);
            sums = parent;
        }
        let mut gradient = Gradient::default();
        // A sum of no rows that was read from somewhere may claim any number of features.
        let out_of_memory = Error::OutOfMemory { features: self.fingerprint.cols };
        let cols = usize::try_from(self.fingerprint.cols).map_err(|_| out_of_memory)?;
        gradient.dw.try_reserve_exact(cols).map_err(|_| out_of_memory)?;
        gradient.set(&sums, cols);
        Ok(gradient)
    }

    /// Adds the node of these chunks, which are not there yet, and joins it with its sibling, their parent
    /// with its own, and so on.
    pub(crate) fn insert(&mut self, mut first: u64, mut node: Node) {
        loop {
            let size = 1 << node.level;
            let is_right = first & size != 0;
            let sibling = if is_right { first - size } else { first + size };
            let Some(mut other) = self.nodes.remove(&sibling) else { break };
            if other.level != node.level {
                self.nodes.insert(sibling, other);
                break;
            }
            if is_right {
                core::mem::swap(&mut node, &mut other);
                first = sibling;
            }
            add_node(&mut node.sums, &other.sums);
            node.level += 1;
        }
        self.nodes.insert(first, node);
    }

    /// The first of these chunks that is there already.
    pub(crate) fn overlap(&self, chunks: &Range<u64>) -> Option<u64> {
        let before = self.nodes.range(..chunks.start).next_back();
        if before.is_some_and(|(&first, node)| chunks_of(first, node).end > chunks.start) {
            return Some(chunks.start);
        }
        self.nodes.range(chunks.clone()).next().map(|(&first, _)| first)
    }

    /// One more than the last chunk that is there; 0 where none is.
    pub(crate) fn last_chunk_end(&self) -> u64 {
        self.nodes.iter().next_back().map_or(0, |(&first, node)| chunks_of(first, node).end)
    }
}

/// The chunks of a node.
pub(crate) fn chunks_of(first: u64, node: &Node) -> Range<u64> {
    first..first + (1 << node.level)
}
