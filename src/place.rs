//! `Place` and `Extent`: the place of a row in a data set, and the size of a data set.

#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};
use core::fmt;

/// The place of a row in a data set, which is a list of segments: files, usually. A data set of one piece is segment 0.
///
/// ```
/// use lanegrad::Place;
///
/// let place = Place::at_row(1024);
/// assert_eq!((place.segment(), place.row()), (0, 1024));
/// assert_eq!(place.to_string(), "row 1024");
/// assert_eq!(Place::at(2, 512).to_string(), "row 512 of segment 2");
/// assert!(place < Place::at(1, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    segment: u64,
    row: u64,
}

impl Place {
    /// The place of a row of a segment, both counted from 0.
    #[must_use]
    pub const fn at(segment: u64, row: u64) -> Self {
        Self { segment, row }
    }

    /// The place of a row of segment 0, counted from 0.
    #[must_use]
    pub const fn at_row(row: u64) -> Self {
        Self::at(0, row)
    }

    /// The segment, counted from 0.
    #[must_use]
    pub const fn segment(self) -> u64 {
        self.segment
    }

    /// The row, counted from the segment's first, which is 0.
    #[must_use]
    pub const fn row(self) -> u64 {
        self.row
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}", self.row)?;
        if self.segment == 0 { Ok(()) } else { write!(f, " of segment {}", self.segment) }
    }
}

/// The size of a data set, the rows of each of its segments: by it a sum over all of them is known to be complete.
///
/// ```
/// use lanegrad::Extent;
///
/// assert_eq!(Extent::of_rows(1500).nrows(), 1500);
/// let files = Extent::of_segments([1000, 0, 500]);
/// assert_eq!((files.nrows(), files.segments()), (1500, &[1000, 0, 500][..]));
/// ```
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extent {
    segments: Vec<u64>,
}

#[cfg(feature = "alloc")]
impl Extent {
    /// A data set of one piece, of this number of rows.
    #[must_use]
    pub fn of_rows(nrows: u64) -> Self {
        Self { segments: vec![nrows] }
    }

    /// A data set of segments with these numbers of rows, in order. A segment without rows keeps its number.
    #[must_use]
    pub fn of_segments(rows: impl IntoIterator<Item = u64>) -> Self {
        Self { segments: rows.into_iter().collect() }
    }

    /// The number of rows of each segment.
    #[must_use]
    pub fn segments(&self) -> &[u64] {
        &self.segments
    }

    /// The number of all rows; the largest `u64` where there are more.
    #[must_use]
    pub fn nrows(&self) -> u64 {
        self.segments.iter().copied().fold(0, u64::saturating_add)
    }
}

#[cfg(feature = "alloc")]
impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.nrows())?;
        if self.segments.len() == 1 { Ok(()) } else { write!(f, " in {} segments", self.segments.len()) }
    }
}
