//! Rows of numbers in a slice, whose place is checked when the view is made and not at each access.
//!
//! With the check of a slice at each row, narrow rows take as many instructions to find as to multiply.

#![expect(unsafe_code, reason = "rows are cut from a slice that was found to hold them")]

use core::ops::Range;

/// `nrows` rows of `ncols` elements, of which each starts `row_stride` elements after the one before.
pub(crate) struct Matrix<'a, S> {
    /// From the first element of the first row to the last element of the last row.
    data: &'a [S],
    nrows: usize,
    ncols: usize,
    row_stride: usize,
}

impl<'a, S> Matrix<'a, S> {
    /// The view; `None` where the stride is shorter than a row, or `data` end before the last row does. Data behind
    /// the last row are no part of it.
    #[inline]
    pub(crate) const fn new(data: &'a [S], nrows: usize, ncols: usize, row_stride: usize) -> Option<Self> {
        let end = match nrows.checked_sub(1) {
            None => 0,
            Some(last) => match last.checked_mul(row_stride) {
                Some(start) => match start.checked_add(ncols) {
                    Some(end) => end,
                    None => return None,
                },
                None => return None,
            },
        };
        if row_stride < ncols || end > data.len() {
            return None;
        }
        Some(Self { data: data.split_at(end).0, nrows, ncols, row_stride })
    }

    /// From the first element of the first row to the last element of the last row.
    #[inline(always)]
    pub(crate) const fn data(&self) -> &'a [S] {
        self.data
    }

    #[inline(always)]
    pub(crate) const fn nrows(&self) -> usize {
        self.nrows
    }

    #[inline(always)]
    pub(crate) const fn ncols(&self) -> usize {
        self.ncols
    }

    #[inline(always)]
    pub(crate) const fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Row `i`, which is below the number of rows.
    #[inline(always)]
    pub(crate) fn row(&self, i: usize) -> &'a [S] {
        assert!(i < self.nrows);
        let start = i * self.row_stride;
        // SAFETY: `new` and `range`, which alone make views, saw that the last row ends within the data, without
        // overflow, and no row ends behind the last one.
        unsafe { self.data.get_unchecked(start..start + self.ncols) }
    }

    /// The rows of a range, which is within the view.
    #[inline(always)]
    pub(crate) fn range(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.nrows);
        let data = if range.is_empty() {
            &[]
        } else {
            let start = range.start * self.row_stride;
            // SAFETY: as in `row`, for the first and the last row of the range.
            unsafe {
                self.data.get_unchecked(start..start + (range.len() - 1) * self.row_stride + self.ncols)
            }
        };
        Self { data, nrows: range.len(), ..*self }
    }
}

impl<S> Clone for Matrix<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Matrix<'_, S> {}
