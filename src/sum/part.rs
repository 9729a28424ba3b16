//! `Part`: the rows of one segment that are in a sum, while some are missing or its end is not known.

use crate::error::Error;
use crate::place::Place;
use crate::tree::{Node, Nodes, Pool, Span};
use alloc::vec::Vec;
use core::fmt;

/// Chunks of a segment.
#[derive(Clone, PartialEq)]
pub(super) struct Part {
    /// The segment's number.
    pub(super) segment: u64,
    /// The chunks' sums. Their number is known once the segment has ended.
    pub(super) nodes: Nodes<()>,
    /// One more than the number of the last row, where the rows end inside a chunk or the segment has ended.
    pub(super) end_row: Option<u64>,
}

impl Part {
    /// No rows of a segment.
    pub(super) const fn new(segment: u64, nodes: Nodes<()>) -> Self {
        Self { segment, nodes, end_row: None }
    }

    /// The place of a chunk's first row.
    fn place(&self, chunk: u64, chunk_rows: u64) -> Place {
        Place::at(self.segment, chunk * chunk_rows)
    }

    /// The place behind the last row that is known of.
    pub(super) fn reach(&self, chunk_rows: u64) -> Place {
        let end = self.end_row.map(|row| Place::at(self.segment, row));
        end.unwrap_or_else(|| self.place(self.nodes.end(), chunk_rows))
    }

    /// The place of the first row that is missing, of a segment that starts at its first row.
    fn gap(&self, chunk_rows: u64) -> Place {
        let gap = self.nodes.first_gap();
        match self.end_row {
            Some(end) if end.div_ceil(chunk_rows) == gap => Place::at(self.segment, end),
            _ => self.place(gap, chunk_rows),
        }
    }

    /// The place of the first row that is there, or of the segment's end.
    pub(super) fn first(&self, chunk_rows: u64) -> Place {
        let first = self.nodes.iter().next().map(|node| node.span.leaves().start);
        first.map_or_else(|| self.reach(chunk_rows), |chunk| self.place(chunk, chunk_rows))
    }

    /// Notes the end of the rows: `row` is one more than the number of the last.
    pub(super) fn end_at(&mut self, row: u64, chunk_rows: u64) {
        self.end_row = Some(row).filter(|row| !row.is_multiple_of(chunk_rows));
    }

    /// Notes the end of the segment.
    pub(super) fn end_segment(&mut self, rows: u64, chunk_rows: u64, spare: &mut Pool<Vec<f64>>) {
        self.end_row = Some(rows);
        self.nodes.end_at(rows.div_ceil(chunk_rows), spare);
    }

    /// The number of rows and the node of the whole segment, once it has ended and nothing is missing.
    pub(super) fn whole(&self) -> Option<(u64, Option<&Node<()>>)> {
        let rows = self.end_row.filter(|_| self.nodes.leaves().is_some())?;
        if rows == 0 { Some((0, None)) } else { self.nodes.root().map(|root| (rows, Some(root))) }
    }

    /// `Ok` where the rows of another part of the same segment can be added to these.
    pub(super) fn check(&self, other: &Self, chunk_rows: u64) -> Result<(), Error> {
        for node in other.nodes.iter() {
            if let Some(chunk) = self.nodes.overlap(&other.nodes.range(node)) {
                return Err(Error::OverlappingRows { place: self.place(chunk, chunk_rows) });
            }
        }
        for (ended, others) in [(self, other), (other, self)] {
            if ended.end_row.is_some() && others.reach(chunk_rows) > ended.reach(chunk_rows) {
                return Err(Error::RowsAfterEnd { end: ended.reach(chunk_rows) });
            }
        }
        if self.nodes.leaves().is_some() && other.nodes.leaves().is_some() {
            return Err(Error::EndedTwice { end: self.reach(chunk_rows) });
        }
        Ok(())
    }

    /// Adds the rows of another part, which [`check`](Self::check) allows.
    pub(super) fn merge(&mut self, other: &Self, spare: &mut Pool<Vec<f64>>) {
        self.end_row = self.end_row.or(other.end_row);
        if let Some(leaves) = other.nodes.leaves() {
            self.nodes.end_at(leaves, spare);
        }
        for node in other.nodes.iter() {
            self.nodes.insert(node.span, (), &node.numbers, spare);
        }
    }

    /// `Ok` where these are the rows of a segment that has so many.
    pub(super) fn check_complete(&self, rows: u64, chunk_rows: u64) -> Result<(), Error> {
        let gap = self.gap(chunk_rows);
        if gap.row() < rows {
            return Err(Error::MissingRows { place: gap });
        }
        if self.reach(chunk_rows).row() > rows {
            return Err(Error::RowsAfterEnd { end: Place::at(self.segment, rows) });
        }
        Ok(())
    }

    /// Adds a node of chunks that are not there yet.
    pub(super) fn insert(&mut self, span: Span, numbers: &[f64], spare: &mut Pool<Vec<f64>>) {
        self.nodes.insert(span, (), numbers, spare);
    }
}

/// The chunks that are there, and no numbers.
impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chunks: Vec<_> = self.nodes.iter().map(|node| self.nodes.range(node)).collect();
        f.debug_struct("Part")
            .field("segment", &self.segment)
            .field("chunks", &chunks)
            .field("end_row", &self.end_row)
            .finish_non_exhaustive()
    }
}
