//! `Rows` of an array of the crate `ndarray`.

use super::Rows;
use crate::error::Error;

impl<'a, S> TryFrom<ndarray::ArrayView2<'a, S>> for Rows<'a, S> {
    type Error = Error;

    /// The view's data, without a copy.
    ///
    /// # Errors
    ///
    /// [`Error::NotRowMajor`] where the view is not in standard layout: row by row, without gaps. A slice
    /// over the gaps could alias what somebody else has borrowed mutably, so views with gaps (some columns of
    /// an array) are refused too. Give the slice of the whole array to [`Rows::with_stride`] instead, or make
    /// a copy by `ArrayBase::as_standard_layout`.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::Rows;
    /// use ndarray::{Array2, s};
    ///
    /// let array = Array2::from_shape_vec((2, 3), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    /// let rows = Rows::try_from(array.view())?;
    /// assert_eq!(rows.row(1), Some(&[4.0, 5.0, 6.0][..]));
    ///
    /// // Its last two columns.
    /// assert!(Rows::try_from(array.slice(s![.., 1..])).is_err());
    /// let whole = array.as_slice().unwrap();
    /// let rows = Rows::with_stride(&whole[1..], 2, 2, 3)?;
    /// assert_eq!(rows.row(1), Some(&[5.0, 6.0][..]));
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    fn try_from(view: ndarray::ArrayView2<'a, S>) -> Result<Self, Error> {
        let (nrows, ncols) = view.dim();
        Self::new(view.to_slice().ok_or(Error::NotRowMajor)?, nrows, ncols)
    }
}
