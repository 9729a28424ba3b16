//! What a caller can get wrong, in words.

use crate::Isa;
use core::fmt;

/// Why a call did nothing. Every check is made before anything is written.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// Two slices that must be of one length are not.
    LengthMismatch {
        /// The arguments' names.
        names: [&'static str; 2],
        /// Their lengths, in the same order.
        lengths: [usize; 2],
    },
    /// A slice is not as long as its shape says.
    ShapeMismatch {
        /// The slice's length.
        len: usize,
        /// How many rows it is to hold.
        rows: usize,
        /// How many features a row has.
        cols: usize,
        /// How many elements lie between the starts of two rows.
        stride: usize,
    },
    /// Rows would overlap.
    StrideTooShort {
        /// How many elements lie between the starts of two rows.
        stride: usize,
        /// How many features a row has.
        cols: usize,
    },
    /// A range of rows is not within the view.
    RowsOutOfRange {
        /// The first row of the range.
        start: usize,
        /// One more than its last.
        end: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// A label is not in \[0, 1\].
    Label {
        /// The first such row.
        index: usize,
        /// The label.
        value: f64,
    },
    /// A sample weight is negative, infinite or NaN.
    SampleWeight {
        /// The first such row.
        index: usize,
        /// The weight.
        value: f64,
    },
    /// An array is not in standard layout: row by row, without gaps.
    NotRowMajor,
    /// A mean over rows whose weights do not add up to a number above 0, or to no finite one.
    NoWeight {
        /// What they add up to.
        sum: f64,
    },
    /// A shard does not start where a chunk does.
    NotAChunkBoundary {
        /// The row it starts at.
        row: u64,
        /// The number of rows in a chunk.
        chunk_rows: usize,
    },
    /// A stream of more than 2^63 rows.
    TooManyRows,
    /// Two sums are not of the same parameters, features, number type and version, or one is fused.
    ForeignSum,
    /// Rows are in both of two sums.
    OverlappingRows {
        /// The first row of the first chunk that is.
        row: u64,
    },
    /// There are rows after the last one.
    RowsAfterEnd {
        /// The number of rows up to the last one.
        end: u64,
    },
    /// Rows are in no part of a sum.
    MissingRows {
        /// The first such row.
        row: u64,
    },
    /// The entries of a gradient, one for each feature, do not fit into memory.
    OutOfMemory {
        /// The number of features.
        features: u64,
    },
    /// No instruction set of that name is available on this CPU.
    UnknownIsa,
}

impl Error {
    /// `Ok` where all the named slices are as long as the first.
    pub(crate) fn unless_same_length<const N: usize>(slices: [(&'static str, usize); N]) -> Result<(), Self> {
        let (name, length) = slices[0];
        match slices.into_iter().find(|&(_, other)| other != length) {
            None => Ok(()),
            Some((other_name, other)) => {
                Err(Self::LengthMismatch { names: [name, other_name], lengths: [length, other] })
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LengthMismatch { names: [a, b], lengths: [m, n] } => {
                write!(f, "lengths disagree: `{a}` has {m} elements, `{b}` has {n}")
            }
            Self::ShapeMismatch { len, rows, cols, stride } if stride == cols => {
                write!(
                    f,
                    "the shape disagrees: `data` has {len} elements, not those of {rows} rows of {cols} features"
                )
            }
            Self::ShapeMismatch { len, rows, cols, stride } => {
                write!(
                    f,
                    "the shape disagrees: `data` has {len} elements, too few for {rows} rows of {cols} features every {stride}"
                )
            }
            Self::StrideTooShort { stride, cols } => {
                write!(f, "rows overlap: `stride` is {stride}, less than the {cols} features of a row")
            }
            Self::RowsOutOfRange { start, end, rows } => {
                write!(f, "there are {rows} rows, which the range {start}..{end} is not within")
            }
            Self::Label { index, value } => {
                write!(f, "`labels[{index}]` is {value}, which is not between 0 and 1")
            }
            Self::SampleWeight { index, value } => {
                write!(f, "`sample_weights[{index}]` is {value}, which is not a finite number of at least 0")
            }
            Self::NotRowMajor => f.write_str(
                "the array is not in standard layout: its rows do not follow one another without gaps",
            ),
            Self::NoWeight { sum } => write!(f, "no mean: the sample weights add up to {sum}"),
            Self::NotAChunkBoundary { row, chunk_rows } => {
                write!(
                    f,
                    "a shard starts at row {row}, which is no multiple of the {chunk_rows} rows of a chunk"
                )
            }
            Self::TooManyRows => f.write_str("more than 2^63 rows"),
            Self::ForeignSum => f.write_str(
                "the sums do not belong together: other parameters, features, number type or version, or only one is fused",
            ),
            Self::OverlappingRows { row } => write!(f, "rows from {row} on are in both sums"),
            Self::RowsAfterEnd { end } => write!(f, "there are rows beyond the last of {end}"),
            Self::OutOfMemory { features } => write!(f, "a gradient of {features} features does not fit into memory"),
            Self::MissingRows { row } => write!(f, "rows from {row} on are missing"),
            Self::UnknownIsa => {
                f.write_str("no such instruction set on this CPU; available:")?;
                for (i, isa) in Isa::available().enumerate() {
                    write!(f, "{} {isa}", if i == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}

impl core::error::Error for Error {}
