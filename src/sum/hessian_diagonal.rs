//! `HessianDiagonal`: a finished sum of the loss's second derivatives by each parameter.

use super::fingerprint::Kind;
use super::gradient::{add_sums, usable};
use super::total::{Finish, Summed, Total};
use super::workspace::Workspace;
use crate::error::Error;
use crate::tree::node::Sums;
use alloc::vec::Vec;
use core::fmt;

/// The diagonal of the loss's Hessian, summed over the rows of a batch: the second derivatives by each parameter alone.
///
/// Their quotients are what scales a gradient whose columns have different sizes (Jacobi's preconditioner, a diagonal
/// Newton step). 1/√ of an entry of the sum (of all rows, with the penalty) is the standard error that a parameter
/// would have were the others known; the standard errors of all together need the inverse of the whole matrix, and
/// are no smaller.
///
/// Passed to [`Engine::hessian_diagonal_into`] again and again, it is overwritten and not allocated again.
///
/// ```
/// use lanegrad::{Batch, Engine, Params, Rows};
///
/// let batch = Batch::new(Rows::new(&[1.0_f64, -2.0], 1, 2)?, &[1.0])?;
/// let diagonal = Engine::new().hessian_diagonal(&batch, Params::new(&[0.0, 0.0], 0.0))?;
/// assert_eq!((diagonal.by_weights, diagonal.by_bias), (vec![0.25, 1.0], 0.25)); // h = 1/4
/// # Ok::<(), lanegrad::Error>(())
/// ```
///
/// [`Engine::hessian_diagonal_into`]: crate::Engine::hessian_diagonal_into
#[derive(Clone, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HessianDiagonal {
    /// The entries that belong to the weights, one for each feature: Σ s h x².
    pub by_weights: Vec<f64>,
    /// The entry that belongs to the bias: Σ s h.
    pub by_bias: f64,
    /// The sum of what the rows count ([`Batch::row_weights`](crate::Batch::row_weights)): their number, where they
    /// are not weighted.
    pub weight_sum: f64,
    #[cfg_attr(feature = "serde", serde(skip))]
    workspace: Workspace,
}

impl HessianDiagonal {
    /// Turns sums into means: divides everything by the weight sum, which becomes 1.
    ///
    /// # Errors
    ///
    /// [`Error::NoWeight`], as [`Gradient::average`](crate::Gradient::average); nothing is changed then.
    pub fn average(&mut self) -> Result<(), Error> {
        let sum = usable(self.weight_sum)?;
        let Self { by_weights, by_bias, weight_sum, .. } = self;
        for entry in by_weights.iter_mut().chain([by_bias, weight_sum]) {
            *entry /= sum;
        }
        Ok(())
    }

    /// Adds the sums over other rows, of the same parameters, as
    /// [`Gradient::accumulate`](crate::Gradient::accumulate) does.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where the two differ in the number of features; nothing is changed then.
    pub fn accumulate(&mut self, other: &Self) -> Result<(), Error> {
        let Self { by_weights, by_bias, weight_sum, .. } = self;
        add_sums(([by_bias, weight_sum], by_weights), ([other.by_bias, other.weight_sum], &other.by_weights))
    }

    /// Adds the part of an L2 penalty (λ/2) ‖w‖²: λ times the weight sum to each entry of `by_weights`.
    ///
    /// The bias is not penalised. The mean is the same, but for rounding, whether the penalty is added before
    /// [`average`](Self::average) or after it.
    pub fn add_l2_penalty(&mut self, lambda: f64) {
        for entry in &mut self.by_weights {
            *entry += lambda * self.weight_sum;
        }
    }
}

impl Total for HessianDiagonal {
    type Finish = Summed;
}

impl Finish<HessianDiagonal> for Summed {
    const KIND: Kind = Kind::Diagonal;

    fn set(out: &mut HessianDiagonal, sums: Sums<'_>, ncols: usize) {
        out.by_bias = sums.by_bias;
        out.weight_sum = sums.weight_sum;
        out.by_weights.clear();
        out.by_weights.extend_from_slice(sums.by_weights);
        out.by_weights.resize(ncols, 0.0);
    }

    fn workspace(out: &mut HessianDiagonal) -> &mut Workspace {
        &mut out.workspace
    }
}

impl fmt::Debug for HessianDiagonal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by_weights, by_bias, weight_sum, .. } = self;
        f.debug_struct("HessianDiagonal")
            .field("by_weights", by_weights)
            .field("by_bias", by_bias)
            .field("weight_sum", weight_sum)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn diagonal(by_weights: [f64; 2], by_bias: f64, weight_sum: f64) -> HessianDiagonal {
        HessianDiagonal { by_weights: by_weights.to_vec(), by_bias, weight_sum, ..HessianDiagonal::default() }
    }

    #[test]
    fn means_and_penalty() {
        let sum = diagonal([1.0, 6.0], 5.0, 4.0);
        let [mut before, mut after] = [sum.clone(), sum];
        before.add_l2_penalty(0.5);
        before.average().unwrap();
        after.average().unwrap();
        after.add_l2_penalty(0.5);
        assert_eq!(before, after);
        assert_eq!(before, diagonal([0.75, 2.0], 1.25, 1.0));
        assert_eq!(HessianDiagonal::default().average(), Err(Error::NoWeight { sum: 0.0 }));
    }

    #[test]
    fn sums_add_up_or_stay_as_they_are() {
        let mut total = HessianDiagonal::default();
        total.accumulate(&diagonal([1.0, 6.0], 5.0, 4.0)).unwrap();
        total.accumulate(&diagonal([2.0, 0.5], 1.0, 2.0)).unwrap();
        assert_eq!(total, diagonal([3.0, 6.5], 6.0, 6.0));
        let other = HessianDiagonal { by_weights: vec![1.0], ..diagonal([0.0; 2], 1.0, 1.0) };
        assert!(matches!(total.accumulate(&other), Err(Error::LengthMismatch { .. })));
        assert_eq!(total, diagonal([3.0, 6.5], 6.0, 6.0));
    }
}
