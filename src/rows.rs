//! `Rows`: a checked view of row-major data.

use crate::Error;
use core::fmt;
use core::ops::Range;

/// A view of data as `rows` rows of `cols` features each, one row after the other in a slice.
///
/// A row starts `stride` elements after the one before it. What lies between the end of a row and the
/// start of the next belongs to nobody and is never read. A view of no rows, or of rows without
/// features, is a valid one.
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
/// assert_eq!(left.row(1), Some(&[4.0, 5.0][..]));
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub struct Rows<'a, S> {
    /// From the first element of the first row; with at least the last element of the last one.
    data: &'a [S],
    rows: usize,
    cols: usize,
    stride: usize,
}

impl<'a, S> Rows<'a, S> {
    /// All of `data` as `rows` rows of `cols` features, without gaps.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] where `data` does not hold exactly `rows * cols` elements.
    pub fn new(data: &'a [S], rows: usize, cols: usize) -> Result<Self, Error> {
        if rows.checked_mul(cols) != Some(data.len()) {
            return Err(Error::ShapeMismatch { len: data.len(), rows, cols, stride: cols });
        }
        Ok(Self::contiguous(data, rows, cols))
    }

    /// `data` as `rows` rows of `cols` features, each starting `stride` elements after the one before
    /// it. `data` may be longer than the view: only its elements from the first row's first to the
    /// last row's last are part of it.
    ///
    /// # Errors
    ///
    /// [`Error::StrideTooShort`] where `stride < cols`; [`Error::ShapeMismatch`] where `data` ends
    /// before the last row does.
    pub fn with_stride(data: &'a [S], rows: usize, cols: usize, stride: usize) -> Result<Self, Error> {
        if stride < cols {
            return Err(Error::StrideTooShort { stride, cols });
        }
        let end = match rows.checked_sub(1) {
            None => Some(0),
            Some(last) => last.checked_mul(stride).and_then(|start| start.checked_add(cols)),
        };
        match end.and_then(|end| data.get(..end)) {
            Some(data) => Ok(Self { data, rows, cols, stride }),
            None => Err(Error::ShapeMismatch { len: data.len(), rows, cols, stride }),
        }
    }

    /// `data` that are known to hold `rows * cols` elements.
    #[inline]
    pub(crate) const fn contiguous(data: &'a [S], rows: usize, cols: usize) -> Self {
        Self { data, rows, cols, stride: cols }
    }

    /// How many rows there are.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// How many features a row has.
    #[must_use]
    pub const fn cols(&self) -> usize {
        self.cols
    }

    /// How many elements lie between the starts of two rows.
    #[must_use]
    pub const fn stride(&self) -> usize {
        self.stride
    }

    /// Row `i`, or `None` where there is none.
    #[must_use]
    pub fn row(&self, i: usize) -> Option<&'a [S]> {
        (i < self.rows).then(|| self.at(i))
    }

    /// The rows, first to last.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [S]> + use<'a, S> {
        let view = *self;
        (0..view.rows).map(move |i| view.at(i))
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
        if range.start > range.end || range.end > self.rows {
            return Err(Error::RowsOutOfRange { start: range.start, end: range.end, rows: self.rows });
        }
        Ok(self.range(range))
    }

    /// Row `i` of those that there are.
    #[inline(always)]
    pub(crate) fn at(&self, i: usize) -> &'a [S] {
        &self.data[i * self.stride..][..self.cols]
    }

    /// `n` rows from row `first` on, each with the gap behind it, where the data have all of them.
    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(crate) fn with_gaps(&self, first: usize, n: usize) -> Option<&'a [S]> {
        // A stride may be as long as it likes while there is one row.
        let end = (first + n).checked_mul(self.stride)?;
        self.data.get(first * self.stride..end)
    }

    /// A range within the view.
    #[inline(always)]
    pub(crate) fn range(&self, range: Range<usize>) -> Self {
        let data = if range.is_empty() {
            &[]
        } else {
            &self.data[range.start * self.stride..(range.end - 1) * self.stride + self.cols]
        };
        Self { data, rows: range.len(), ..*self }
    }

    /// The bytes from the first row to the last.
    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(crate) fn size(&self) -> usize {
        size_of_val(self.data)
    }
}

#[cfg(feature = "ndarray")]
impl<'a, S> TryFrom<ndarray::ArrayView2<'a, S>> for Rows<'a, S> {
    type Error = Error;

    /// The view's data, without a copy.
    ///
    /// # Errors
    ///
    /// [`Error::NotRowMajor`] where the view is not in standard layout (row by row, without gaps);
    /// `ArrayBase::as_standard_layout` makes a copy that is.
    fn try_from(view: ndarray::ArrayView2<'a, S>) -> Result<Self, Error> {
        let (rows, cols) = view.dim();
        view.to_slice().map(|data| Self::contiguous(data, rows, cols)).ok_or(Error::NotRowMajor)
    }
}

/// The shape; a data set is rarely what one wants to see.
impl<S> fmt::Debug for Rows<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, cols, stride, .. } = self;
        f.debug_struct("Rows")
            .field("rows", rows)
            .field("cols", cols)
            .field("stride", stride)
            .finish_non_exhaustive()
    }
}

impl<S> Clone for Rows<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Rows<'_, S> {}
