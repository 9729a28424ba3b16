//! `Place` and `Extent`: the place of a row in a data set, and the size of a data set.

use core::fmt;

/// The place of a row in a data set.
///
/// ```
/// use lanegrad::Place;
///
/// let place = Place::at_row(1024);
/// assert_eq!(place.row(), 1024);
/// assert_eq!(place.to_string(), "row 1024");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    row: u64,
}

impl Place {
    /// The place of a row, counted from 0.
    #[must_use]
    pub const fn at_row(row: u64) -> Self {
        Self { row }
    }

    /// The row, counted from 0.
    #[must_use]
    pub const fn row(self) -> u64 {
        self.row
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}", self.row)
    }
}

/// The size of a data set, by which a sum over all of it is known to be complete.
///
/// ```
/// assert_eq!(lanegrad::Extent::of_rows(1500).nrows(), 1500);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extent {
    nrows: u64,
}

impl Extent {
    /// A data set of one piece, of this number of rows.
    #[must_use]
    pub const fn of_rows(nrows: u64) -> Self {
        Self { nrows }
    }

    /// The number of rows.
    #[must_use]
    pub const fn nrows(&self) -> u64 {
        self.nrows
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.nrows)
    }
}
