//! Scores of rows: their logits and probabilities.

use super::{Engine, row_cost};
use crate::error::Error;
use crate::kernels::check_scoring;
use crate::parallel::{for_parts, grain};
use crate::pass;
use crate::rows::{Batch, Element, Indices, Maps, Params, Passes, Rows, Storage, check_offsets};
use crate::tuning::{GROUP, Source};

/// Rows to be scored, of one of which each number of `out` is made.
struct Scored<'a, S, T> {
    rows: Rows<'a, S>,
    /// Which of them; `None` for all.
    indices: Option<Indices<'a>>,
    /// An offset for each of `rows`.
    offsets: Option<&'a [T]>,
}

impl<'a, S: Storage<T>, T: Element> Scored<'a, S, T> {
    /// The rows of a batch.
    fn of(batch: &Batch<'a, S, T>) -> Self {
        Self { rows: batch.rows(), indices: batch.indices(), offsets: batch.offsets() }
    }

    /// True for all rows, without offsets.
    fn is_plain(&self) -> bool {
        self.indices.is_none() && self.offsets.is_none()
    }

    fn len(&self) -> usize {
        self.indices.map_or(self.rows.nrows(), |indices| indices.len())
    }
}

/// Logits and probabilities of rows.
impl Engine {
    /// `out[i] = w·x[i] + b`, the logit of each row.
    ///
    /// # Numeric contract
    ///
    /// Each has the bits of [`dot()`](crate::dot()) of the row and the weights, plus the bias; so a row
    /// scored alone gets the bits that it gets in a batch.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where there is not a weight for each feature, or not a place in `out`
    /// for each row; `out` is then untouched.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Engine, Params, Rows};
    ///
    /// let rows = Rows::new(&[1.0_f32, 2.0, 3.0, 4.0], 2, 2)?;
    /// let mut z = [0.0; 2];
    /// Engine::new().logits(rows, Params::new(&[0.5, -0.25], 1.0), &mut z)?;
    /// assert_eq!(z, [1.0, 1.5]);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn logits<S: Storage<T>, T: Element>(
        &self,
        rows: Rows<'_, S>,
        params: Params<'_, T>,
        out: &mut [T],
    ) -> Result<(), Error> {
        self.score(rows, params, out, &|rows, source, out| {
            S::Passes::logits(self.isa, rows, params, source, out)
        })
    }

    /// `out[i] = (w·x[i] + b) + offsets[i]`, the logit of each row of a batch with offsets
    /// ([`Batch::with_offsets`]).
    ///
    /// # Numeric contract
    ///
    /// Each has the bits of the row's logit ([`Engine::logits`]) plus the offset, rounded once.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::logits`]; [`Error::LengthMismatch`] where there is not an offset for each row, and
    /// [`Error::Offset`] with the first that is not finite (all are looked at). `out` is then untouched.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Engine, Params, Rows};
    ///
    /// let rows = Rows::new(&[1.0_f32, 2.0, 3.0, 4.0], 2, 2)?;
    /// let mut z = [0.0; 2];
    /// Engine::new().logits_with_offsets(rows, Params::new(&[0.5, -0.25], 1.0), &[2.0, -1.5], &mut z)?;
    /// assert_eq!(z, [3.0, 0.0]);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn logits_with_offsets<S: Storage<T>, T: Element>(
        &self,
        rows: Rows<'_, S>,
        params: Params<'_, T>,
        offsets: &[T],
        out: &mut [T],
    ) -> Result<(), Error> {
        Error::unless_same_length([("rows", rows.nrows()), ("offsets", offsets.len())])?;
        check_offsets(offsets)?;
        self.score_each(Scored { rows, indices: None, offsets: Some(offsets) }, params, out, &|_| {})
    }

    /// `out[i] = sigmoid(w·x[i] + b)`, the probability of each row.
    ///
    /// # Numeric contract
    ///
    /// Each has the bits of [`sigmoid()`](crate::sigmoid()) of the row's logit ([`Engine::logits`]).
    ///
    /// # Errors
    ///
    /// Those of [`Engine::logits`].
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Engine, Params, Rows};
    ///
    /// let row = Rows::new(&[1.0_f64, 2.0], 1, 2)?;
    /// let mut p = [0.0];
    /// Engine::new().predict_proba(row, Params::new(&[0.5, -0.25], 0.0), &mut p)?;
    /// assert_eq!(p, [0.5]);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn predict_proba<S: Storage<T>, T: Element>(
        &self,
        rows: Rows<'_, S>,
        params: Params<'_, T>,
        out: &mut [T],
    ) -> Result<(), Error> {
        self.score(rows, params, out, &|rows, source, out| {
            S::Passes::probabilities(self.isa, rows, params, source, out)
        })
    }

    /// `out[i] = sigmoid((w·x[i] + b) + offsets[i])`, the probability of each row of a batch with offsets.
    ///
    /// # Numeric contract
    ///
    /// Each has the bits of [`sigmoid()`](crate::sigmoid()) of the row's logit ([`Engine::logits_with_offsets`]).
    ///
    /// # Errors
    ///
    /// Those of [`Engine::logits_with_offsets`].
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Engine, Params, Rows};
    ///
    /// let row = Rows::new(&[1.0_f64, 2.0], 1, 2)?;
    /// let mut p = [0.0];
    /// Engine::new().predict_proba_with_offsets(row, Params::new(&[0.5, 0.0], 0.0), &[-0.5], &mut p)?;
    /// assert_eq!(p, [0.5]);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn predict_proba_with_offsets<S: Storage<T>, T: Element>(
        &self,
        rows: Rows<'_, S>,
        params: Params<'_, T>,
        offsets: &[T],
        out: &mut [T],
    ) -> Result<(), Error> {
        Error::unless_same_length([("rows", rows.nrows()), ("offsets", offsets.len())])?;
        check_offsets(offsets)?;
        let scored = Scored { rows, indices: None, offsets: Some(offsets) };
        self.score_each(scored, params, out, &|z| T::Loops::sigmoid_in_place(self.isa, z))
    }

    /// The logit of each row of a batch, with its offset where the batch has offsets; of a gathered batch those of the
    /// rows that it has, which are scored where they lie. Labels and weights play no part.
    ///
    /// # Numeric contract
    ///
    /// The bits are those of [`Engine::logits`], or of [`Engine::logits_with_offsets`], for the same rows.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where there is not a weight for each feature, or not a place in `out` for each row of
    /// the batch ([`Batch::nrows`]); `out` is then untouched.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Batch, Engine, Params, Rows};
    ///
    /// let batch = Batch::new(Rows::new(&[1.0_f32, 2.0, 3.0], 3, 1)?, &[0.0, 0.0, 1.0])?;
    /// let mut z = [0.0; 2];
    /// Engine::new().logits_of(&batch.gather(&[2_u32, 0])?, Params::new(&[2.0], 0.5), &mut z)?;
    /// assert_eq!(z, [6.5, 2.5]);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn logits_of<S: Storage<T>, T: Element>(
        &self,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
        out: &mut [T],
    ) -> Result<(), Error> {
        let scored = Scored::of(batch);
        if scored.is_plain() {
            return self.logits(scored.rows, params, out);
        }
        self.score_each(scored, params, out, &|_| {})
    }

    /// The probability of each row of a batch: the sigmoid of its logit ([`Engine::logits_of`]). For the held-out fold
    /// of a cross-validation, say.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::logits_of`].
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Batch, Engine, Params, Rows};
    ///
    /// let batch = Batch::new(Rows::new(&[1.0_f64, 2.0, 3.0], 3, 1)?, &[0.0, 0.0, 1.0])?;
    /// let mut p = [0.0; 2];
    /// Engine::new().predict_proba_of(&batch.gather(&[2_u32, 0])?, Params::new(&[1.0], -3.0), &mut p)?;
    /// assert_eq!(p[0], 0.5);
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn predict_proba_of<S: Storage<T>, T: Element>(
        &self,
        batch: &Batch<'_, S, T>,
        params: Params<'_, T>,
        out: &mut [T],
    ) -> Result<(), Error> {
        let scored = Scored::of(batch);
        if scored.is_plain() {
            return self.predict_proba(scored.rows, params, out);
        }
        self.score_each(scored, params, out, &|z| T::Loops::sigmoid_in_place(self.isa, z))
    }

    /// Calls `kernel` with the rows that each thread scores, where they come from, and the part of `out` for their
    /// scores.
    fn score<S: Storage<T>, T: Element>(
        &self,
        rows: Rows<'_, S>,
        params: Params<'_, T>,
        out: &mut [T],
        kernel: &(impl Fn(Rows<'_, S>, Source, &mut [T]) + Sync),
    ) -> Result<(), Error> {
        check_scoring([rows.ncols(), rows.nrows()], params, out)?;
        let grain = grain(self.parallel, out.len(), row_cost(rows.ncols()));
        let source = pass::source(&rows);
        for_parts(0, out, grain, &|first, out: &mut [T]| {
            kernel(rows.range(first..first + out.len()), source, out);
        });
        Ok(())
    }

    /// Scores rows that are gathered or have offsets: `finish` makes the scores of their logits, some at a time.
    fn score_each<S: Storage<T>, T: Element>(
        &self,
        scored: Scored<'_, S, T>,
        params: Params<'_, T>,
        out: &mut [T],
        finish: &(impl Fn(&mut [T]) + Sync),
    ) -> Result<(), Error> {
        let (isa, nrows) = (self.isa, scored.len());
        let Scored { rows, indices, offsets } = scored;
        check_scoring([rows.ncols(), nrows], params, out)?;
        let grain = grain(self.parallel, out.len(), row_cost(rows.ncols()));
        let source = pass::source(&rows);
        for_parts(0, out, grain, &|first, out: &mut [T]| {
            // By groups, whose logits stay in cache.
            for (group, out) in out.chunks_mut(GROUP).enumerate() {
                let first = first + group * GROUP;
                match indices {
                    None => S::Passes::logits(isa, rows.range(first..first + out.len()), params, source, out),
                    Some(indices) => S::Passes::gathered_logits(isa, rows, indices, first, params, out),
                }
                if let Some(offsets) = offsets {
                    for (i, z) in out.iter_mut().enumerate() {
                        *z = *z + offsets[indices.map_or(first + i, |indices| indices.at(first + i))];
                    }
                }
                finish(out);
            }
        });
        Ok(())
    }
}
