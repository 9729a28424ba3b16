//! The data that a pass reads: rows of numbers, with labels, sample weights and parameters. All are views,
//! and checked once, when they are made.

mod batch;
mod element;
mod gathered;
pub mod labels;
#[cfg(feature = "ndarray")]
mod ndarray;

#[cfg(feature = "alloc")]
pub(crate) use self::batch::check_offsets;
pub(crate) use self::batch::weight_of_class;
pub use self::batch::{Batch, Params};
pub(crate) use self::element::{Ceilings, Maps, Passes};
pub use self::element::{Element, Storage};
pub(crate) use self::gathered::Indices;
pub use self::gathered::RowIndex;
use crate::error::Error;
use crate::simd::matrix::Matrix;
use core::fmt;
use core::iter::FusedIterator;
use core::ops::Range;

/// A view of data as `nrows` rows of `ncols` features each, one row after the other in a slice.
///
/// A row starts `row_stride` elements after the one before it. Elements between the end of a row and the
/// start of the next are no part of the view and are never read. A view may have no rows, and its rows no
/// features.
///
/// # Where the data are
///
/// That changes no bit, but speed. Data that start with a cache line (64 bytes), in rows of whole lines, are read
/// faster in the first-level cache: `dot` reads 208 GB/s of them and 133 of others (`f32`, AVX-512, an AMD EPYC Zen
/// 4, family 25 model 17). Large allocations start 16 bytes after a page in the C library of Linux. From memory it is
/// the pages that matter: one stream of reads has 32 GB/s in pages of 2 MB there, and 25 in those of 4 KB. A
/// program asks for such pages before it writes the data, on Linux by `madvise`; the example `huge_pages` shows how.
///
/// ```
/// use lanegrad::Rows;
///
/// let data = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let rows = Rows::new(&data, 2, 3)?;
/// assert_eq!(rows.row(1), Some(&[4.0, 5.0, 6.0][..]));
///
/// // The first two columns of the same data.
/// let left = Rows::with_stride(&data, 2, 2, 3)?;
/// for row in &left {
///     assert_eq!(row.len(), 2);
/// }
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub struct Rows<'a, S>(Matrix<'a, S>);

impl<'a, S> Rows<'a, S> {
    /// All of `data` as `nrows` rows of `ncols` features, without gaps.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] where `data` does not hold exactly `nrows * ncols` elements.
    pub fn new(data: &'a [S], nrows: usize, ncols: usize) -> Result<Self, Error> {
        if nrows.checked_mul(ncols) != Some(data.len()) {
            return Err(Error::ShapeMismatch { len: data.len(), nrows, ncols, row_stride: ncols });
        }
        Self::with_stride(data, nrows, ncols, ncols)
    }

    /// `data` as `nrows` rows of `ncols` features, each starting `row_stride` elements after the one before
    /// it. `data` may be longer than the view: only its elements from the first row's first to the
    /// last row's last are part of it.
    ///
    /// # Errors
    ///
    /// [`Error::StrideTooShort`] where `row_stride < ncols`; [`Error::ShapeMismatch`] where `data` ends
    /// before the last row does.
    pub fn with_stride(data: &'a [S], nrows: usize, ncols: usize, row_stride: usize) -> Result<Self, Error> {
        if row_stride < ncols {
            return Err(Error::StrideTooShort { row_stride, ncols });
        }
        match Matrix::new(data, nrows, ncols, row_stride) {
            Some(matrix) => Ok(Self(matrix)),
            None => Err(Error::ShapeMismatch { len: data.len(), nrows, ncols, row_stride }),
        }
    }

    /// The number of rows.
    #[must_use]
    pub const fn nrows(&self) -> usize {
        self.0.nrows()
    }

    /// The number of features of a row.
    #[must_use]
    pub const fn ncols(&self) -> usize {
        self.0.ncols()
    }

    /// The number of elements from the start of a row to the start of the next.
    #[must_use]
    pub const fn row_stride(&self) -> usize {
        self.0.row_stride()
    }

    /// Row `i`; `None` where the view has fewer rows.
    #[must_use]
    pub fn row(&self, i: usize) -> Option<&'a [S]> {
        (i < self.nrows()).then(|| self.at(i))
    }

    /// The rows, first to last.
    #[must_use]
    pub fn iter(&self) -> RowsIter<'a, S> {
        RowsIter { rows: *self, places: 0..self.nrows() }
    }

    /// The rows of a range, as a view of its own.
    ///
    /// # Errors
    ///
    /// [`Error::RowsOutOfRange`] where the range ends beyond the last row, or before it starts.
    ///
    /// # Examples
    ///
    /// ```
    /// let rows = lanegrad::Rows::new(&[1, 2, 3, 4, 5, 6], 3, 2)?;
    /// assert_eq!(rows.slice(1..3)?.row(0), Some(&[3, 4][..]));
    /// assert!(rows.slice(2..4).is_err());
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn slice(&self, range: Range<usize>) -> Result<Self, Error> {
        Error::unless_within(&range, self.nrows())?;
        Ok(self.range(range))
    }

    /// From the first element of the first row to the last element of the last row.
    #[inline(always)]
    pub(crate) const fn data(&self) -> &'a [S] {
        self.0.data()
    }

    /// Row `i`, which is below the number of rows.
    #[inline(always)]
    pub(crate) fn at(&self, i: usize) -> &'a [S] {
        self.0.row(i)
    }

    /// The rows of a range, which is within the view.
    #[inline(always)]
    pub(crate) fn range(&self, range: Range<usize>) -> Self {
        Self(self.0.range(range))
    }

    /// Size in bytes of the memory from the first row to the last.
    #[inline(always)]
    pub(crate) fn size(&self) -> usize {
        size_of_val(self.data())
    }
}

/// The shape, and no data.
impl<S> fmt::Debug for Rows<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("nrows", &self.nrows())
            .field("ncols", &self.ncols())
            .field("row_stride", &self.row_stride())
            .finish_non_exhaustive()
    }
}

impl<S> Clone for Rows<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Rows<'_, S> {}

impl<'a, S> IntoIterator for Rows<'a, S> {
    type Item = &'a [S];
    type IntoIter = RowsIter<'a, S>;

    fn into_iter(self) -> RowsIter<'a, S> {
        self.iter()
    }
}

impl<'a, S> IntoIterator for &Rows<'a, S> {
    type Item = &'a [S];
    type IntoIter = RowsIter<'a, S>;

    fn into_iter(self) -> RowsIter<'a, S> {
        self.iter()
    }
}

/// Iterator over the rows of a view: see [`Rows::iter`].
#[derive(Debug)]
pub struct RowsIter<'a, S> {
    rows: Rows<'a, S>,
    places: Range<usize>,
}

impl<S> Clone for RowsIter<'_, S> {
    fn clone(&self) -> Self {
        Self { rows: self.rows, places: self.places.clone() }
    }
}

impl<'a, S> Iterator for RowsIter<'a, S> {
    type Item = &'a [S];

    #[inline]
    fn next(&mut self) -> Option<&'a [S]> {
        self.places.next().map(|i| self.rows.at(i))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.places.size_hint()
    }

    #[inline]
    fn nth(&mut self, n: usize) -> Option<&'a [S]> {
        self.places.nth(n).map(|i| self.rows.at(i))
    }
}

impl<S> DoubleEndedIterator for RowsIter<'_, S> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.places.next_back().map(|i| self.rows.at(i))
    }
}

impl<S> ExactSizeIterator for RowsIter<'_, S> {}

impl<S> FusedIterator for RowsIter<'_, S> {}
