//! `Gradient`: a finished sum of loss and gradient over rows, and the mean and the penalty that an optimiser
//! wants.

use super::fingerprint::Kind;
use super::total::{Finish, Summed, Total};
use super::workspace::Workspace;
use crate::error::Error;
use crate::rows::{Element, Params};
use crate::tree::node::Sums;
use alloc::vec::Vec;
use core::fmt;

/// The sums over the rows of a batch: Σ s L, Σ s dL/dw, Σ s dL/db and Σ s, where s is a row's sample
/// weight.
///
/// Passed to [`Engine::loss_and_gradient_into`] again and again, it is overwritten and not allocated again,
/// as it keeps the memory that a pass works in. [`Gradient::average`] and [`Gradient::add_l2_penalty`] turn
/// it into the objective mean loss + (λ/2) ‖w‖² that is usually minimised, and its gradient.
///
/// With the feature `serde` it is serialised as its four fields. A text format without NaN and infinities, as
/// JSON, cannot hold them; a [`PartialSum`](crate::PartialSum) keeps every bit in any format.
///
/// ```
/// use lanegrad::{Batch, Engine, Params, Rows};
///
/// let rows = Rows::new(&[1.0_f32, 2.0, 3.0, 4.0], 2, 2)?;
/// let batch = Batch::new(rows, &[1.0, 0.0])?;
/// let params = Params::new(&[0.5, -0.25], 0.1);
///
/// let mut gradient = Engine::new().loss_and_gradient(&batch, params)?;
/// assert_eq!(gradient.weight_sum, 2.0);
/// let sum = gradient.loss;
///
/// gradient.average()?;
/// assert_eq!(gradient.loss, sum / 2.0);
/// gradient.add_l2_penalty(0.01, params)?;
/// # Ok::<(), lanegrad::Error>(())
/// ```
///
/// [`Engine::loss_and_gradient_into`]: crate::Engine::loss_and_gradient_into
#[derive(Clone, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Gradient {
    /// The loss.
    pub loss: f64,
    /// dL/dw, one for each feature.
    pub dw: Vec<f64>,
    /// dL/db.
    pub db: f64,
    /// The sum of what the rows count ([`Batch::row_weights`](crate::Batch::row_weights)): their number, where they
    /// are not weighted.
    pub weight_sum: f64,
    #[cfg_attr(feature = "serde", serde(skip))]
    workspace: Workspace,
}

impl Gradient {
    /// Turns sums into means: divides everything by the weight sum, which becomes 1.
    ///
    /// # Errors
    ///
    /// [`Error::NoWeight`] where the weight sum is 0, as over no rows, or infinite, as it may be of `f32`
    /// sample weights near the largest number; nothing is changed then.
    pub fn average(&mut self) -> Result<(), Error> {
        let sum = usable(self.weight_sum)?;
        for entry in self.dw.iter_mut().chain([&mut self.loss, &mut self.db, &mut self.weight_sum]) {
            *entry /= sum;
        }
        Ok(())
    }

    /// Adds the sums over other rows.
    ///
    /// For workers that do not know which rows of the data set theirs are. The bits depend on the order of such
    /// additions, and on which rows each worker had: [`PartialSum::merge`](crate::PartialSum::merge) is what does
    /// not. A default `Gradient` is the sum of no rows, of any number of features. Sums are added up before they are
    /// made into means, and before a penalty is added.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where the two differ in the number of features; nothing is changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Batch, Engine, Gradient, Params, Rows};
    ///
    /// let (engine, params) = (Engine::new(), Params::new(&[0.0_f32], 0.0));
    /// let mut total = Gradient::default();
    /// for (x, y) in [([1.0_f32, 2.0], [0.0, 1.0]), ([3.0, 4.0], [1.0, 1.0])] {
    ///     let batch = Batch::new(Rows::new(&x, 2, 1)?, &y)?;
    ///     total.accumulate(&engine.loss_and_gradient(&batch, params)?)?;
    /// }
    /// assert_eq!((total.weight_sum, total.db), (4.0, -1.0));
    /// # Ok::<(), lanegrad::Error>(())
    /// ```
    pub fn accumulate(&mut self, other: &Self) -> Result<(), Error> {
        let Self { loss, dw, db, weight_sum, .. } = self;
        add_sums(([loss, db, weight_sum], dw), ([other.loss, other.db, other.weight_sum], &other.dw))
    }

    /// Adds an L2 penalty: (λ/2) ‖w‖² times the weight sum to the loss, and λ w times the weight sum to `dw`.
    ///
    /// The bias is not penalised. The mean then has the penalty (λ/2) ‖w‖², whether it is added before
    /// [`average`](Self::average) or after it, but for rounding.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; nothing is changed then.
    pub fn add_l2_penalty<T: Element>(&mut self, lambda: f64, params: Params<'_, T>) -> Result<(), Error> {
        add_penalty(lambda * self.weight_sum, params, &mut self.dw, &mut self.loss)
    }
}

/// Adds the numbers of another sum to those of one. Without features, and 0 elsewhere, a sum is that of no rows of any
/// number of features.
pub(super) fn add_sums<const N: usize>(
    (heads, by_weights): ([&mut f64; N], &mut Vec<f64>),
    (other_heads, others): ([f64; N], &[f64]),
) -> Result<(), Error> {
    if others.is_empty() && other_heads == [0.0; N] {
        return Ok(());
    }
    if by_weights.is_empty() && heads.iter().all(|x| **x == 0.0) {
        by_weights.resize(others.len(), -0.0);
    }
    Error::unless_same_length([("features", by_weights.len()), ("other features", others.len())])?;
    for (sum, x) in heads.into_iter().zip(other_heads) {
        *sum += x;
    }
    for (sum, x) in by_weights.iter_mut().zip(others) {
        *sum += x;
    }
    Ok(())
}

/// The weight sum, where a mean can be made with it.
pub(super) fn usable(weight_sum: f64) -> Result<f64, Error> {
    let usable = weight_sum > 0.0 && weight_sum < f64::INFINITY;
    if usable { Ok(weight_sum) } else { Err(Error::NoWeight { sum: weight_sum }) }
}

/// Adds (λ/2) ‖w‖² to a value, and λ w to its derivatives by the weights.
pub(super) fn add_penalty<T: Element>(
    lambda: f64,
    params: Params<'_, T>,
    by_weights: &mut [f64],
    value: &mut f64,
) -> Result<(), Error> {
    Error::unless_same_length([("features", by_weights.len()), ("weights", params.weights.len())])?;
    let mut squares = 0.0;
    for (derivative, &w) in by_weights.iter_mut().zip(params.weights) {
        let w: f64 = w.into();
        squares += w * w;
        *derivative += lambda * w;
    }
    *value += 0.5 * lambda * squares;
    Ok(())
}

impl Total for Gradient {
    type Finish = Summed;
}

impl Finish<Gradient> for Summed {
    const KIND: Kind = Kind::Loss;

    fn set(out: &mut Gradient, sums: Sums<'_>, ncols: usize) {
        out.loss = sums.value;
        out.db = sums.by_bias;
        out.weight_sum = sums.weight_sum;
        out.dw.clear();
        out.dw.extend_from_slice(sums.by_weights);
        out.dw.resize(ncols, 0.0);
    }

    fn workspace(out: &mut Gradient) -> &mut Workspace {
        &mut out.workspace
    }
}

impl fmt::Debug for Gradient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { loss, dw, db, weight_sum, .. } = self;
        f.debug_struct("Gradient")
            .field("loss", loss)
            .field("dw", dw)
            .field("db", db)
            .field("weight_sum", weight_sum)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::HessianProduct;
    use super::*;
    use alloc::vec;

    fn gradient(loss: f64, dw: [f64; 2], db: f64, weight_sum: f64) -> Gradient {
        Gradient { loss, dw: dw.to_vec(), db, weight_sum, ..Gradient::default() }
    }

    #[test]
    fn means_and_penalty() {
        let params = Params::new(&[2.0_f32, -3.0], 7.0);
        let sum = gradient(3.0, [1.0, -6.0], 5.0, 4.0);
        let mut mean = sum.clone();
        mean.average().unwrap();
        assert_eq!(mean, gradient(0.75, [0.25, -1.5], 1.25, 1.0));
        mean.add_l2_penalty(0.5, params).unwrap();
        assert_eq!(mean, gradient(0.75 + 0.25 * 13.0, [1.25, -3.0], 1.25, 1.0));

        // The other way round: of powers of two nothing is rounded.
        let mut penalised = sum;
        penalised.add_l2_penalty(0.5, params).unwrap();
        penalised.average().unwrap();
        assert_eq!(penalised, mean);
    }

    #[test]
    fn the_penalty_of_a_hessian_product_is_that_of_its_direction() {
        let direction = Params::new(&[2.0_f32, -3.0], 7.0);
        let mut sum = HessianProduct::default();
        sum.by_weights = vec![1.0, -6.0];
        (sum.by_bias, sum.half_quadratic_form, sum.weight_sum) = (5.0, 3.0, 4.0);
        let [mut before, mut after] = [sum.clone(), sum];
        before.add_l2_penalty(0.5, direction).unwrap();
        before.average().unwrap();
        after.average().unwrap();
        after.add_l2_penalty(0.5, direction).unwrap();
        assert_eq!(before, after);
        assert_eq!((after.by_weights, after.by_bias), (vec![1.25, -3.0], 1.25));
        assert_eq!((after.half_quadratic_form, after.weight_sum), (0.75 + 0.25 * 13.0, 1.0));
    }

    #[test]
    fn sums_add_up_or_stay_as_they_are() {
        let mut total = Gradient::default();
        total.accumulate(&gradient(3.0, [1.0, -0.0], 5.0, 4.0)).unwrap();
        assert_eq!(total.dw[1].to_bits(), (-0.0_f64).to_bits());
        total.accumulate(&gradient(1.0, [0.5, 2.0], -5.0, 2.0)).unwrap();
        assert_eq!(total, gradient(4.0, [1.5, 2.0], 0.0, 6.0));
        let other = Gradient { dw: vec![1.0], ..gradient(1.0, [0.0; 2], 1.0, 1.0) };
        assert!(matches!(total.accumulate(&other), Err(Error::LengthMismatch { .. })));
        assert_eq!(total, gradient(4.0, [1.5, 2.0], 0.0, 6.0));

        // A worker without rows has nothing to add.
        total.accumulate(&Gradient::default()).unwrap();
        assert_eq!(total, gradient(4.0, [1.5, 2.0], 0.0, 6.0));

        // A sum over rows without features is no default.
        let mut bias_alone = Gradient { dw: vec![], ..gradient(1.0, [0.0; 2], 1.0, 1.0) };
        assert!(bias_alone.accumulate(&other).is_err());
    }

    #[test]
    fn hessian_products_add_up() {
        let mut part = HessianProduct::default();
        part.by_weights = vec![1.0, -2.0];
        (part.by_bias, part.half_quadratic_form, part.weight_sum) = (5.0, 3.0, 7.0);
        let mut total = HessianProduct::default();
        total.accumulate(&part).unwrap();
        total.accumulate(&HessianProduct::default()).unwrap();
        total.accumulate(&part).unwrap();
        assert_eq!((&total.by_weights, total.half_quadratic_form), (&vec![2.0, -4.0], 6.0));
        assert_eq!((total.by_bias, total.weight_sum), (10.0, 14.0));
        part.by_weights = vec![1.0];
        let before = total.clone();
        assert!(matches!(total.accumulate(&part), Err(Error::LengthMismatch { .. })));
        assert_eq!(total, before);
    }

    #[test]
    fn no_mean_without_a_finite_weight() {
        for sum in [0.0, -1.0, f64::INFINITY, f64::NAN] {
            let mut gradient = gradient(1.0, [2.0, 3.0], 4.0, sum);
            assert!(matches!(gradient.average(), Err(Error::NoWeight { .. })), "{sum}");
            assert_eq!((gradient.loss, &gradient.dw[..], gradient.db), (1.0, &[2.0, 3.0][..], 4.0));
        }
    }
}
