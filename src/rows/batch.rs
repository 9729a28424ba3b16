//! Rows with their labels and sample weights, and the parameters of the model.

use super::{Element, Rows, Storage};
use crate::error::Error;
use core::fmt;
use core::ops::Range;

/// Rows with a label each and, where they do not all count alike, a sample weight each.
///
/// Labels are in \[0, 1\]; those between 0 and 1 ("soft labels") are probabilities. Sample weights are
/// finite and at least 0; a row of sample weight 0 adds nothing to a sum, whatever it holds. Both are
/// checked when the batch is made and not again, so a batch that many passes read is checked once.
///
/// ```
/// use lanegrad::{Batch, Rows};
///
/// let rows = Rows::new(&[1.0_f32, 2.0, 3.0, 4.0], 2, 2)?;
/// let batch = Batch::new(rows, &[0.0_f32, 1.0])?;
/// let weighted = batch.with_sample_weights(&[2.0, 0.5])?;
///
/// let error = Batch::new(rows, &[0.0_f32, 1.5]).unwrap_err();
/// assert_eq!(error.to_string(), "`labels[1]` is 1.5, which is not between 0 and 1");
/// # Ok::<(), lanegrad::Error>(())
/// ```
pub struct Batch<'a, S, T> {
    rows: Rows<'a, S>,
    labels: &'a [T],
    sample_weights: Option<&'a [T]>,
}

impl<'a, S, T> Batch<'a, S, T> {
    /// Rows with their labels and sample weights, which were checked before.
    #[cfg(feature = "alloc")]
    pub(crate) const fn checked(rows: Rows<'a, S>, labels: &'a [T], sample_weights: Option<&'a [T]>) -> Self {
        Self { rows, labels, sample_weights }
    }

    /// The rows.
    #[must_use]
    pub const fn rows(&self) -> Rows<'a, S> {
        self.rows
    }

    /// The labels, one for each row.
    #[must_use]
    pub const fn labels(&self) -> &'a [T] {
        self.labels
    }

    /// The sample weights, one for each row; `None` where every row counts 1.
    #[must_use]
    pub const fn sample_weights(&self) -> Option<&'a [T]> {
        self.sample_weights
    }

    /// The rows of a range, with their labels and sample weights.
    ///
    /// # Errors
    ///
    /// [`Error::RowsOutOfRange`] where the range ends beyond the last row, or before it starts.
    pub fn slice(&self, range: Range<usize>) -> Result<Self, Error> {
        self.rows.slice(range.clone())?;
        Ok(self.range(range))
    }

    /// The rows of a range, which is within the batch, with their labels and sample weights.
    #[inline(always)]
    pub(crate) fn range(&self, range: Range<usize>) -> Self {
        Self {
            rows: self.rows.range(range.clone()),
            labels: &self.labels[range.clone()],
            sample_weights: self.sample_weights.map(|weights| &weights[range]),
        }
    }
}

impl<'a, S: Storage<T>, T: Element> Batch<'a, S, T> {
    /// Rows that all count alike, with their labels.
    ///
    /// O(rows): every label is looked at.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; [`Error::Label`] with the first label that is not in \[0, 1\].
    pub fn new(rows: Rows<'a, S>, labels: &'a [T]) -> Result<Self, Error> {
        Error::unless_same_length([("rows", rows.nrows()), ("labels", labels.len())])?;
        let [zero, one] = [0.0, 1.0].map(T::nearest);
        if let Some(index) = labels.iter().position(|&y| !(zero <= y && y <= one)) {
            return Err(Error::Label { index, value: labels[index].into() });
        }
        Ok(Self { rows, labels, sample_weights: None })
    }

    /// These rows and labels with a sample weight for each row, by which the row counts in sums.
    ///
    /// O(rows): every sample weight is looked at.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; [`Error::SampleWeight`] with the first sample weight that is negative or
    /// not finite.
    pub fn with_sample_weights(self, sample_weights: &'a [T]) -> Result<Self, Error> {
        Error::unless_same_length([("rows", self.rows.nrows()), ("sample_weights", sample_weights.len())])?;
        let [zero, infinity] = [0.0, f64::INFINITY].map(T::nearest);
        if let Some(index) = sample_weights.iter().position(|&s| !(zero <= s && s < infinity)) {
            return Err(Error::SampleWeight { index, value: sample_weights[index].into() });
        }
        Ok(Self { sample_weights: Some(sample_weights), ..self })
    }
}

impl<S, T> fmt::Debug for Batch<'_, S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weighted = self.sample_weights.is_some();
        f.debug_struct("Batch").field("rows", &self.rows).field("weighted", &weighted).finish_non_exhaustive()
    }
}

impl<S, T> Clone for Batch<'_, S, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, T> Copy for Batch<'_, S, T> {}

/// The parameters of the model: one weight for each feature, and the bias (the intercept).
///
/// Any values: NaN and infinities follow IEEE arithmetic into the results.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Params<'a, T> {
    /// w, one for each feature.
    pub weights: &'a [T],
    /// b, which is added to w·x.
    pub bias: T,
}

impl<'a, T> Params<'a, T> {
    /// The parameters of z = w·x + b.
    pub const fn new(weights: &'a [T], bias: T) -> Self {
        Self { weights, bias }
    }
}

/// The number of weights; the numbers are the model's.
impl<T> fmt::Debug for Params<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Params").field("weights", &self.weights.len()).finish_non_exhaustive()
    }
}
