//! `Gradient`: a finished sum over rows, and the mean and the penalty that an optimiser wants.

use crate::{Element, Error, Params};
use alloc::vec::Vec;

/// The sums over the rows of a batch: Σ s L, Σ s dL/dw, Σ s dL/db and Σ s, where s is a row's sample
/// weight.
///
/// Made once and passed to [`Engine::loss_and_gradient`] again and again, it is only overwritten.
/// [`Gradient::to_mean`] and [`Gradient::add_l2_penalty`] turn it into the objective
/// mean loss + (λ/2) ‖w‖² that is usually minimised, and its gradient.
///
/// ```
/// use lanegrad::{Batch, Engine, Gradient, Params, Rows};
///
/// let rows = Rows::new(&[1.0_f32, 2.0, 3.0, 4.0], 2, 2)?;
/// let batch = Batch::new(rows, &[1.0, 0.0])?;
/// let params = Params::new(&[0.5, -0.25], 0.1);
///
/// let mut gradient = Gradient::default();
/// Engine::new().loss_and_gradient(&batch, params, &mut gradient)?;
/// assert_eq!(gradient.weight_sum, 2.0);
/// let sum = gradient.loss;
///
/// gradient.to_mean()?;
/// assert_eq!(gradient.loss, sum / 2.0);
/// gradient.add_l2_penalty(0.01, params)?;
/// # Ok::<(), lanegrad::Error>(())
/// ```
///
/// [`Engine::loss_and_gradient`]: crate::Engine::loss_and_gradient
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gradient {
    /// The loss.
    pub loss: f64,
    /// dL/dw, one for each feature.
    pub dw: Vec<f64>,
    /// dL/db.
    pub db: f64,
    /// The sum of the sample weights: the number of rows, where they are not weighted.
    pub weight_sum: f64,
}

impl Gradient {
    /// Turns sums into means: divides everything by the weight sum, which becomes 1.
    ///
    /// # Errors
    ///
    /// [`Error::NoWeight`] where the weight sum is 0, as of no rows, or infinite, as of `f32` weights near
    /// the largest number; nothing is changed then.
    pub fn to_mean(&mut self) -> Result<(), Error> {
        let sum = self.weight_sum;
        if !(sum > 0.0 && sum < f64::INFINITY) {
            return Err(Error::NoWeight { sum });
        }
        for entry in self.dw.iter_mut().chain([&mut self.loss, &mut self.db, &mut self.weight_sum]) {
            *entry /= sum;
        }
        Ok(())
    }

    /// Adds the penalty (λ/2) ‖w‖² to the loss, and its gradient λ w; the bias is not penalised.
    ///
    /// Meant for means. On the result of [`Engine::hessian_product`], with the direction in place of the
    /// parameters, it adds the penalty's part of the Hessian.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; nothing is changed then.
    ///
    /// [`Engine::hessian_product`]: crate::Engine::hessian_product
    pub fn add_l2_penalty<T: Element>(&mut self, lambda: f64, params: Params<'_, T>) -> Result<(), Error> {
        Error::unless_same_length([("dw", self.dw.len()), ("weights", params.weights.len())])?;
        let mut squares = 0.0;
        for (dw, w) in self.dw.iter_mut().zip(params.weights) {
            let w = w.to_f64();
            squares += w * w;
            *dw += lambda * w;
        }
        self.loss += 0.5 * lambda * squares;
        Ok(())
    }

    /// Takes over the sums of a node.
    pub(crate) fn set(&mut self, node: &[f64], cols: usize) {
        let sums = crate::chunks::Sums::of(node);
        self.loss = sums.loss;
        self.db = sums.db;
        self.weight_sum = sums.weight_sum;
        self.dw.clear();
        self.dw.extend_from_slice(sums.dw);
        self.dw.resize(cols, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn means_and_penalty() {
        let mut gradient = Gradient { loss: 3.0, dw: vec![1.0, -6.0], db: 5.0, weight_sum: 4.0 };
        gradient.to_mean().unwrap();
        let mean = Gradient { loss: 0.75, dw: vec![0.25, -1.5], db: 1.25, weight_sum: 1.0 };
        assert_eq!(gradient, mean);
        gradient.add_l2_penalty(0.5, Params::new(&[2.0_f32, -3.0], 7.0)).unwrap();
        let penalised = Gradient { loss: 0.75 + 0.25 * 13.0, dw: vec![1.25, -3.0], ..mean };
        assert_eq!(gradient, penalised);
    }

    #[test]
    fn no_mean_without_a_finite_weight() {
        for sum in [0.0, -1.0, f64::INFINITY, f64::NAN] {
            let mut gradient = Gradient { loss: 1.0, dw: vec![2.0], db: 3.0, weight_sum: sum };
            assert!(matches!(gradient.to_mean(), Err(Error::NoWeight { .. })), "{sum}");
            assert_eq!((gradient.loss, &gradient.dw[..], gradient.db), (1.0, &[2.0][..], 3.0));
        }
    }
}
