//! The plan by which the rows of a data set are shared between workers: shards, and the pieces of segments that they
//! have. `cuts` chooses where they start.

mod cuts;

use self::cuts::cuts;
use crate::place::{Extent, Place};
use alloc::vec::Vec;
use core::ops::Range;

/// Rows of one segment that a worker sums.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Piece {
    /// The segment.
    pub segment: u64,
    /// The rows of it.
    pub rows: Range<u64>,
    /// True where the segment ends with them: the stream is told so, by
    /// [`end_segment`](crate::SumStream::end_segment).
    pub ends_segment: bool,
}

/// Rows of a data set that one worker sums, by one stream: they follow one another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shard {
    pieces: Vec<Piece>,
    ends_data: bool,
}

impl Shard {
    /// The place where a stream of these rows [starts](crate::GradientStream::starting_at).
    #[must_use]
    pub fn start(&self) -> Place {
        self.pieces.first().map_or_else(Place::default, |piece| Place::at(piece.segment, piece.rows.start))
    }

    /// The rows, segment by segment.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// True where the data set ends with them: the stream is told so, by [`end_data`](crate::SumStream::end_data).
    #[must_use]
    pub const fn ends_data(&self) -> bool {
        self.ends_data
    }

    /// The number of rows.
    #[must_use]
    pub fn nrows(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.rows.end - piece.rows.start).fold(0, u64::saturating_add)
    }
}

impl Extent {
    /// Cuts the data set into at most so many shards of about as many chunks of
    /// [`chunk_rows`](crate::chunk_rows) rows each, and at most as many as there are chunks.
    ///
    /// No shard is without rows. Where there are 16 chunks a shard or more, the largest has at most 1.1 times the mean
    /// of them, and where there are fewer, at most one more than the mean, rounded up. Within that, cuts are where the
    /// sums of shards have few nodes, and so few bytes: at most 6, as a rule. (There may be more where segments of very
    /// different sizes follow one another, as a shard of many small segments in a row has a node for each run of them
    /// that is one of the tree's.)
    ///
    /// The result of merging does not depend on the plan. Time: O(segments + shards log(segments)).
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Batch, Engine, Extent, GradientStream, Params, Rows, chunk_rows};
    ///
    /// let data: Vec<Vec<f32>> = vec![vec![0.5; 700], vec![-1.0; 1500]]; // two files of one column
    /// let labels = vec![1.0_f32; 1500];
    /// let extent = Extent::of_segments([700, 1500]);
    /// let params = Params::new(&[0.25_f32], 0.0);
    ///
    /// let mut sums = Vec::new();
    /// for shard in extent.plan(chunk_rows::<f32>(1), 3) {
    ///     let mut stream = GradientStream::starting_at(Engine::serial(), params, shard.start())?;
    ///     for piece in shard.pieces() {
    ///         let rows = piece.rows.start as usize..piece.rows.end as usize;
    ///         let x = Rows::new(&data[piece.segment as usize][rows.clone()], rows.len(), 1)?;
    ///         stream.push(&Batch::new(x, &labels[rows])?)?;
    ///         if piece.ends_segment {
    ///             stream.end_segment();
    ///         }
    ///     }
    ///     if shard.ends_data() {
    ///         stream.end_data();
    ///     }
    ///     sums.push(stream.into_sum());
    /// }
    /// let mut sum = sums.pop().expect("a shard");
    /// sums.iter().try_for_each(|other| sum.merge(other))?;
    /// assert_eq!(sum.finish(&extent)?.weight_sum, 2200.0);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    #[must_use]
    pub fn plan(&self, chunk_rows: usize, shards: usize) -> Vec<Shard> {
        let mut places = cuts(self.segments(), (chunk_rows as u64).max(1), shards);
        // Segments without rows at either end belong to the shards there.
        if let [first, .., last] = &mut places[..] {
            (*first, *last) = (Place::default(), Place::at(self.segments().len() as u64, 0));
        }
        let pairs = places.iter().zip(places.iter().skip(1));
        pairs.map(|(&start, &end)| self.shard(start, end)).collect()
    }

    /// The rows from one place to another.
    fn shard(&self, start: Place, end: Place) -> Shard {
        let mut pieces = Vec::new();
        let segments = (0..).zip(self.segments()).skip(start.segment() as usize);
        for (segment, &rows) in segments.take_while(|(segment, _)| *segment <= end.segment()) {
            let first = if segment == start.segment() { start.row() } else { 0 };
            let ends_segment = segment < end.segment();
            let last = if ends_segment { rows } else { end.row() };
            if ends_segment || first < last {
                pieces.push(Piece { segment, rows: first..last, ends_segment });
            }
        }
        Shard { pieces, ends_data: end.segment() == self.segments().len() as u64 }
    }
}

#[cfg(test)]
mod tests;
