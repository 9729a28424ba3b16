//! Rows with their labels, weights and offsets, and the parameters of the model.

use super::gathered::{Indices, RowIndex};
use super::{Element, Rows, Storage};
use crate::error::Error;
use core::fmt;
use core::ops::Range;
use core::ops::{Add, Mul, Sub};

/// Rows with a label each and, where they do not all count alike, a sample weight each.
///
/// Labels are in \[0, 1\]; those between 0 and 1 ("soft labels") are probabilities. Sample weights are finite and at
/// least 0; a row of sample weight 0 adds nothing to a sum, whatever it holds. Classes may have weights too, and each
/// row an offset, which is added to its logit. All have the type of the arithmetic, also where the features have
/// another. All are checked when the batch is made and not again, so a batch that many passes read, or of which many
/// parts are made, is checked once.
///
/// A batch of other labels (`bool`, integers, -1 and 1) needs them as numbers: see [`labels`](crate::labels).
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
    class_weights: Option<[T; 2]>,
    offsets: Option<&'a [T]>,
    /// Which rows of all of the above the batch has; `None` where it has all.
    indices: Option<Indices<'a>>,
}

impl<'a, S, T: Copy> Batch<'a, S, T> {
    /// Rows with their labels, of one length, which were checked before.
    pub(crate) const fn checked(rows: Rows<'a, S>, labels: &'a [T]) -> Self {
        Self { rows, labels, sample_weights: None, class_weights: None, offsets: None, indices: None }
    }

    /// This batch with these weights, which were checked before, instead of its own ones and those of classes.
    pub(crate) fn with_row_weights(self, sample_weights: &'a [T]) -> Self {
        Self { sample_weights: Some(sample_weights), class_weights: None, ..self }
    }

    /// This batch with the same rows held as another type.
    pub(crate) fn with_rows<'b, X>(&self, rows: Rows<'b, X>) -> Batch<'b, X, T>
    where
        'a: 'b,
    {
        let &Self { rows: _, labels, sample_weights, class_weights, offsets, indices } = self;
        Batch { rows, labels, sample_weights, class_weights, offsets, indices }
    }

    /// This batch with these offsets, which were checked before.
    pub(crate) fn with_checked_offsets(self, offsets: Option<&'a [T]>) -> Self {
        Self { offsets, ..self }
    }

    /// The rows; of a gathered batch those that it was gathered from, as are labels, sample weights and offsets.
    #[must_use]
    pub const fn rows(&self) -> Rows<'a, S> {
        self.rows
    }

    /// The number of rows that the batch has.
    #[must_use]
    pub fn nrows(&self) -> usize {
        self.indices.map_or(self.rows.nrows(), |indices| indices.len())
    }

    /// True for a batch that [`Batch::gather`] made.
    #[must_use]
    pub const fn is_gathered(&self) -> bool {
        self.indices.is_some()
    }

    /// Which rows a gathered batch has.
    #[cfg(feature = "alloc")]
    pub(crate) const fn indices(&self) -> Option<Indices<'a>> {
        self.indices
    }

    /// The number of row `i` of the batch among the [`rows`](Self::rows).
    #[inline(always)]
    pub(crate) fn place(&self, i: usize) -> usize {
        self.indices.map_or(i, |indices| indices.at(i))
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

    /// The weights of the labels 0 and 1; `None` where both count 1.
    #[must_use]
    pub const fn class_weights(&self) -> Option<[T; 2]> {
        self.class_weights
    }

    /// The offsets, one for each row; `None` where there are none.
    #[must_use]
    pub const fn offsets(&self) -> Option<&'a [T]> {
        self.offsets
    }

    /// The rows of a range, with all that belongs to them.
    ///
    /// # Errors
    ///
    /// [`Error::RowsOutOfRange`] where the range ends beyond the last row, or before it starts.
    pub fn slice(&self, range: Range<usize>) -> Result<Self, Error> {
        Error::unless_within(&range, self.nrows())?;
        Ok(self.range(range))
    }

    /// The rows of a range, which is within the batch, with all that belongs to them.
    #[inline(always)]
    pub(crate) fn range(&self, range: Range<usize>) -> Self {
        if let Some(indices) = self.indices {
            return Self { indices: Some(indices.range(range)), ..*self };
        }
        Self {
            rows: self.rows.range(range.clone()),
            labels: &self.labels[range.clone()],
            sample_weights: self.sample_weights.map(|weights| &weights[range.clone()]),
            offsets: self.offsets.map(|offsets| &offsets[range]),
            class_weights: self.class_weights,
            indices: None,
        }
    }
}

/// (1 - y) w0 + y w1, the weight of a label. In plain operations, so that no bit depends on the instruction set.
/// `one` is 1.
#[inline(always)]
pub(crate) fn weight_of_class<T>([w0, w1]: [T; 2], y: T, one: T) -> T
where
    T: Copy + Add<Output = T> + Sub<Output = T> + Mul<Output = T>,
{
    (one - y) * w0 + y * w1
}

impl<S, T: Copy + Add<Output = T> + Sub<Output = T> + Mul<Output = T>> Batch<'_, S, T> {
    /// What row `i` counts: its sample weight times that of its label. `one` is 1.
    #[inline(always)]
    pub(crate) fn weight(&self, i: usize, one: T) -> T {
        let i = self.place(i);
        let weight = self.sample_weights.map_or(one, |weights| weights[i]);
        self.class_weights.map_or(weight, |classes| weight * weight_of_class(classes, self.labels[i], one))
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
        Ok(Self { rows, labels, sample_weights: None, class_weights: None, offsets: None, indices: None })
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

    /// These rows with a weight for each label, by which rows count in sums beside their sample weights: a row counts
    /// s ((1 - y) w0 + y w1), rounded to `T` at each operation, which is s w0 or s w1 where y is 0 or 1. (A product
    /// that underflows to 0 is a weight of 0; one that overflows is infinite, and so is the weight sum.) A second
    /// call replaces the first; before or after sample weights makes no difference.
    ///
    /// # Errors
    ///
    /// [`Error::ClassWeight`] with the first weight that is negative or not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Batch, Engine, Params, Rows};
    ///
    /// // One row in four is of class 1: it counts as much as the three others.
    /// let rows = Rows::new(&[1.0_f32, 2.0, 3.0, 4.0], 4, 1)?;
    /// let batch = Batch::new(rows, &[0.0_f32, 0.0, 0.0, 1.0])?.with_class_weights([1.0, 3.0])?;
    /// let gradient = Engine::new().loss_and_gradient(&batch, Params::new(&[0.0], 0.0))?;
    /// assert_eq!(gradient.weight_sum, 6.0);
    /// assert_eq!(gradient.db, 0.0);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn with_class_weights(self, class_weights: [T; 2]) -> Result<Self, Error> {
        let [zero, infinity] = [0.0, f64::INFINITY].map(T::nearest);
        if let Some(class) = class_weights.iter().position(|&w| !(zero <= w && w < infinity)) {
            return Err(Error::ClassWeight { class, value: class_weights[class].into() });
        }
        Ok(Self { class_weights: Some(class_weights), ..self })
    }

    /// The rows of this batch with these numbers, in their order, with all that belongs to them: a shuffled
    /// mini-batch, or a fold of a cross-validation. A row may be there more than once.
    ///
    /// Passes and streams take such a batch as any other, and give the bits of the same rows copied together. They
    /// bring the rows of a chunk together in the memory that they work in, and ask for each while others before it are
    /// copied, so that rows that lie anywhere are not waited for one by one.
    ///
    /// O(indices): every index is looked at, and no label.
    ///
    /// # Errors
    ///
    /// [`Error::IndexOutOfRange`] with the first index that is no row's number; [`Error::GatheredTwice`] for a
    /// batch that is gathered already.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Batch, Engine, Params, Rows};
    ///
    /// let rows = Rows::new(&[1.0_f32, 2.0, 3.0], 3, 1)?;
    /// let all = Batch::new(rows, &[0.0_f32, 0.0, 1.0])?;
    /// let order = [2_u32, 0];
    /// let batch = all.gather(&order)?;
    /// let gradient = Engine::new().loss_and_gradient(&batch, Params::new(&[0.0], 0.0))?;
    /// assert_eq!((gradient.weight_sum, gradient.dw[0]), (2.0, -0.5 * 3.0 + 0.5 * 1.0));
    /// assert!(all.gather(&[3_usize]).is_err());
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn gather<I: RowIndex>(self, indices: &'a [I]) -> Result<Self, Error> {
        if self.is_gathered() {
            return Err(Error::GatheredTwice);
        }
        let (indices, nrows) = (I::indices(indices), self.rows.nrows());
        match (0..indices.len()).find(|&place| indices.at(place) >= nrows) {
            None => Ok(Self { indices: Some(indices), ..self }),
            Some(place) => Err(Error::IndexOutOfRange { place, index: indices.at(place), nrows }),
        }
    }

    /// What each row counts in sums: its sample weight times that of its label.
    ///
    /// ```
    /// let rows = lanegrad::Rows::new(&[1.0_f32, 2.0], 2, 1)?;
    /// let batch = lanegrad::Batch::new(rows, &[0.0_f32, 1.0])?.with_sample_weights(&[2.0, 3.0])?;
    /// assert!(batch.with_class_weights([1.0, 4.0])?.row_weights().eq([2.0, 12.0]));
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn row_weights(&self) -> impl Iterator<Item = T> {
        let batch = *self;
        (0..self.nrows()).map(move |i| batch.weight(i, T::nearest(1.0)))
    }

    /// These rows with an offset for each row (a base margin, or the logarithm of an exposure): the logit is
    /// z = (w·x + b) + offset in every pass, one more rounding. A second call replaces the first.
    ///
    /// O(rows): every offset is looked at.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; [`Error::Offset`] with the first offset that is not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Batch, Engine, Params, Rows};
    ///
    /// let rows = Rows::new(&[1.0_f64, 2.0], 1, 2)?;
    /// let batch = Batch::new(rows, &[1.0])?.with_offsets(&[-2.0])?;
    /// let gradient = Engine::new().loss_and_gradient(&batch, Params::new(&[0.5, 0.5], 0.5))?; // z = 2 - 2
    /// assert_eq!((gradient.loss, gradient.db), (std::f64::consts::LN_2, -0.5));
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn with_offsets(self, offsets: &'a [T]) -> Result<Self, Error> {
        Error::unless_same_length([("rows", self.rows.nrows()), ("offsets", offsets.len())])?;
        check_offsets(offsets)?;
        Ok(Self { offsets: Some(offsets), ..self })
    }
}

/// `Ok` where all offsets are finite.
pub(crate) fn check_offsets<T: Element>(offsets: &[T]) -> Result<(), Error> {
    let [low, high] = [f64::NEG_INFINITY, f64::INFINITY].map(T::nearest);
    match offsets.iter().position(|&offset| !(low < offset && offset < high)) {
        None => Ok(()),
        Some(index) => Err(Error::Offset { index, value: offsets[index].into() }),
    }
}

impl<S, T> fmt::Debug for Batch<'_, S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weighted = self.sample_weights.is_some() || self.class_weights.is_some();
        let mut out = f.debug_struct("Batch");
        out.field("rows", &self.rows).field("weighted", &weighted);
        out.field("offsets", &self.offsets.is_some());
        out.field("gathered", &self.indices.map(|indices| indices.len())).finish_non_exhaustive()
    }
}

impl<S, T: Copy> Clone for Batch<'_, S, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, T: Copy> Copy for Batch<'_, S, T> {}

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
