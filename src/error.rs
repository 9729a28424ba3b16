//! `Error`: each mistake of a caller that is refused, and its message.

use crate::place::Place;
use core::fmt;
use core::ops::Range;

/// The reason for which a call was refused. Every check is made before anything is written.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// Two slices of different lengths that must have one length.
    LengthMismatch {
        /// The arguments' names.
        names: [&'static str; 2],
        /// Their lengths, in the same order.
        lengths: [usize; 2],
    },
    /// A slice whose length does not fit its shape.
    ShapeMismatch {
        /// The slice's length.
        len: usize,
        /// The number of rows that the slice is to hold.
        nrows: usize,
        /// The number of features of a row.
        ncols: usize,
        /// The number of elements from the start of a row to the start of the next.
        row_stride: usize,
    },
    /// A stride shorter than a row: rows would overlap.
    StrideTooShort {
        /// The number of elements from the start of a row to the start of the next.
        row_stride: usize,
        /// The number of features of a row.
        ncols: usize,
    },
    /// A range of rows that is not within the view.
    RowsOutOfRange {
        /// The first row of the range.
        start: usize,
        /// One more than its last.
        end: usize,
        /// The number of rows of the view.
        nrows: usize,
    },
    /// A row's number that no row has.
    IndexOutOfRange {
        /// The first place in the list that has one.
        place: usize,
        /// The number there.
        index: usize,
        /// The number of rows.
        nrows: usize,
    },
    /// A batch that is gathered from rows already: its rows cannot be gathered once more.
    GatheredTwice,
    /// A label outside of \[0, 1\], or NaN.
    Label {
        /// The first row that has one.
        index: usize,
        /// The label.
        value: f64,
    },
    /// A label that is none of the two that stand for the classes.
    OtherLabel {
        /// The first row that has one.
        index: usize,
        /// The label.
        value: f64,
        /// The labels of the two classes.
        classes: [f64; 2],
    },
    /// A sample weight that is negative, infinite or NaN.
    SampleWeight {
        /// The first row that has one.
        index: usize,
        /// The sample weight.
        value: f64,
    },
    /// A weight of a class that is negative, infinite or NaN.
    ClassWeight {
        /// The class, 0 or 1.
        class: usize,
        /// Its weight.
        value: f64,
    },
    /// An offset of a row or of a column that is infinite or NaN.
    Offset {
        /// The first row or column that has one.
        index: usize,
        /// The offset.
        value: f64,
    },
    /// A column's scale that is 0, infinite or NaN.
    Scale {
        /// The first column that has one.
        index: usize,
        /// The scale.
        value: f64,
    },
    /// A range of a column's numbers that ends before it starts, or whose width is not finite.
    ColumnRange {
        /// The first column that has one.
        column: usize,
        /// Its least and its greatest number.
        range: [f64; 2],
    },
    /// A number of a row that is NaN.
    NotANumber {
        /// The first row that has one.
        row: usize,
        /// Its first column that is.
        column: usize,
    },
    /// An array that is not in standard layout: row by row, without gaps.
    NotRowMajor,
    /// Sums that have no mean: what their rows count does not add up to a finite number above 0.
    NoWeight {
        /// The sum of what the rows count.
        sum: f64,
    },
    /// A shard that does not start where a chunk does.
    NotAChunkBoundary {
        /// The place of the shard's first row.
        place: Place,
        /// The number of rows in a chunk.
        chunk_rows: usize,
    },
    /// A segment of more than 2^63 rows, or a data set of more than 2^63 segments.
    TooManyRows,
    /// Two sums that are no parts of one.
    ForeignSum {
        /// What they differ in.
        difference: &'static str,
    },
    /// Bytes that are not those of a sum.
    Malformed {
        /// The reason.
        reason: &'static str,
    },
    /// Rows that are in both of two sums.
    OverlappingRows {
        /// The place of the first row of the first chunk that is in both.
        place: Place,
    },
    /// An end of a segment, or of the data set, that is in both of two sums.
    EndedTwice {
        /// The place after the last row.
        end: Place,
    },
    /// Rows after the end of a segment, or of the data set.
    RowsAfterEnd {
        /// The place after the last row.
        end: Place,
    },
    /// Segments that were summed, and have other numbers of rows in the data set.
    OtherRows {
        /// The first and one more than the last of segments among which there is such a one.
        segments: Range<u64>,
    },
    /// Rows that are in no part of a sum.
    MissingRows {
        /// The place of the first row that is missing.
        place: Place,
    },
    /// A sum over a data set without rows.
    NoRows,
    /// A name that no instruction set of this CPU has.
    UnknownIsa {
        /// The names of the instruction sets that this CPU has, slowest first.
        available: &'static [&'static str],
    },
}

impl Error {
    /// `Ok` where all the named slices have one length.
    pub(crate) fn unless_same_length<const N: usize>(slices: [(&'static str, usize); N]) -> Result<(), Self> {
        let (name, length) = slices[0];
        match slices.into_iter().find(|&(_, other)| other != length) {
            None => Ok(()),
            Some((other_name, other)) => {
                Err(Self::LengthMismatch { names: [name, other_name], lengths: [length, other] })
            }
        }
    }

    /// `Ok` where a range of rows is within so many.
    pub(crate) fn unless_within(range: &Range<usize>, nrows: usize) -> Result<(), Self> {
        let &Range { start, end } = range;
        if start > end || end > nrows { Err(Self::RowsOutOfRange { start, end, nrows }) } else { Ok(()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LengthMismatch { names: [a, b], lengths: [m, n] } => {
                write!(f, "lengths disagree: `{a}` has {m} elements, `{b}` has {n}")
            }
            Self::ShapeMismatch { len, nrows, ncols, row_stride } if row_stride == ncols => write!(
                f,
                "the shape disagrees: `data` has {len} elements, not those of {nrows} rows of {ncols} features"
            ),
            Self::ShapeMismatch { len, nrows, ncols, row_stride } => write!(
                f,
                "the shape disagrees: `data` has {len} elements, too few for {nrows} rows of {ncols} features every {row_stride}"
            ),
            Self::StrideTooShort { row_stride, ncols } => {
                write!(
                    f,
                    "rows overlap: `row_stride` is {row_stride}, less than the {ncols} features of a row"
                )
            }
            Self::RowsOutOfRange { start, end, nrows } => {
                write!(f, "the range {start}..{end} is not within the {nrows} rows")
            }
            Self::IndexOutOfRange { place, index, nrows } => {
                write!(f, "`indices[{place}]` is {index}, and there are {nrows} rows")
            }
            Self::GatheredTwice => {
                f.write_str("the batch is gathered already: gather from the batch that it came from")
            }
            Self::Label { index, value } => {
                write!(f, "`labels[{index}]` is {value}, which is not between 0 and 1")?;
                if *value == -1.0 {
                    f.write_str("; `labels::from_signs` makes 0 and 1 of -1 and 1")
                } else {
                    Ok(())
                }
            }
            Self::OtherLabel { index, value, classes: [zero, one] } => {
                write!(f, "`labels[{index}]` is {value}, which is neither {zero} nor {one}")
            }
            Self::ClassWeight { class, value } => {
                write!(
                    f,
                    "the weight of class {class} is {value}, which is not a finite number of at least 0"
                )
            }
            Self::Offset { index, value } => {
                write!(f, "`offsets[{index}]` is {value}, which is not a finite number")
            }
            Self::SampleWeight { index, value } => {
                write!(f, "`sample_weights[{index}]` is {value}, which is not a finite number of at least 0")
            }
            Self::Scale { index, value } => {
                write!(f, "`scales[{index}]` is {value}, which is not a finite number other than 0")
            }
            Self::ColumnRange { column, range: [low, high] } => {
                write!(
                    f,
                    "the numbers of column {column} go from {low} to {high}, which is no range of finite width"
                )
            }
            Self::NotANumber { row, column } => write!(f, "the number of row {row}, column {column} is NaN"),
            Self::NotRowMajor => f.write_str(
                "the array is not in standard layout: its rows do not follow one another without gaps; \
                 copy it, or give the slice of its parent to `Rows::with_stride`",
            ),
            Self::NoWeight { sum } => {
                write!(f, "the sample weights add up to {sum}, which is no finite number above 0")
            }
            Self::NotAChunkBoundary { place, chunk_rows } => {
                write!(
                    f,
                    "a shard starts at {place}, which is no multiple of the {chunk_rows} rows of a chunk"
                )
            }
            Self::TooManyRows => f.write_str("there are more than 2^63 rows of a segment, or segments"),
            Self::ForeignSum { difference } => {
                write!(f, "the sums do not belong together: they differ in {difference}")
            }
            Self::Malformed { reason } => {
                write!(f, "not the bytes of a sum that this version can go on with: {reason}")
            }
            Self::OverlappingRows { place } => write!(f, "rows from {place} on are in both sums"),
            Self::EndedTwice { end } => write!(f, "the end before {end} is in both sums"),
            Self::RowsAfterEnd { end } => {
                write!(f, "the segment or the data set ends before {end}, and there are rows after it")
            }
            Self::OtherRows { segments: Range { start, end } } if start + 1 == *end => {
                write!(f, "segment {start} was summed with another number of rows than it has")
            }
            Self::OtherRows { segments: Range { start, end } } => {
                write!(
                    f,
                    "of the segments {start} to {} one was summed with another number of rows than it has",
                    end - 1
                )
            }
            Self::MissingRows { place } => write!(f, "rows from {place} on are missing"),
            Self::NoRows => f.write_str("the data set has no rows"),
            Self::UnknownIsa { available } => {
                write!(f, "no such instruction set on this CPU; available: {}", Listed(available))
            }
        }
    }
}

/// Names as text, with commas between them.
struct Listed<'a>(&'a [&'a str]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            write!(f, "{}{name}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl core::error::Error for Error {}
