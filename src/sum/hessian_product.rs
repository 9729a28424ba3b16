//! `HessianProduct`: a finished sum of the loss's curvature along a direction.

use super::fingerprint::Kind;
use super::gradient::add_sums;
use super::total::{Finish, Summed, Total};
use super::workspace::Workspace;
use crate::error::Error;
use crate::rows::{Element, Params};
use crate::tree::node::Sums;
use alloc::vec::Vec;
use core::fmt;

/// The product H v of the loss's Hessian with a direction v, summed over the rows of a batch.
///
/// Passed to [`Engine::hessian_product_into`] again and again, it is overwritten and not allocated again.
///
/// ```
/// use lanegrad::{Batch, Engine, Params, Rows};
///
/// let rows = Rows::new(&[1.0_f64, 2.0], 1, 2)?;
/// let batch = Batch::new(rows, &[1.0])?;
/// let (params, direction) = (Params::new(&[0.0, 0.0], 0.0), Params::new(&[1.0, 0.0], 0.0));
/// let product = Engine::new().hessian_product(&batch, params, direction)?;
/// assert_eq!((product.by_weights, product.by_bias), (vec![0.25, 0.5], 0.25)); // h = 1/4, q = 1
/// # Ok::<(), lanegrad::Error>(())
/// ```
///
/// [`Engine::hessian_product_into`]: crate::Engine::hessian_product_into
#[derive(Clone, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HessianProduct {
    /// The part of H v that belongs to the weights, one number for each feature: Σ s h q x.
    pub by_weights: Vec<f64>,
    /// The part that belongs to the bias: Σ s h q.
    pub by_bias: f64,
    /// ½ vᵀ H v, whose gradient by v is H v: ½ Σ s h q².
    pub half_quadratic_form: f64,
    /// The sum of what the rows count ([`Batch::row_weights`](crate::Batch::row_weights)): their number, where they
    /// are not weighted.
    pub weight_sum: f64,
    #[cfg_attr(feature = "serde", serde(skip))]
    workspace: Workspace,
}

impl HessianProduct {
    /// Turns sums into means: divides everything by the weight sum, which becomes 1.
    ///
    /// # Errors
    ///
    /// [`Error::NoWeight`], as [`Gradient::average`](crate::Gradient::average); nothing is changed then.
    pub fn average(&mut self) -> Result<(), Error> {
        let sum = super::gradient::usable(self.weight_sum)?;
        let Self { by_weights, by_bias, half_quadratic_form, weight_sum, .. } = self;
        for entry in by_weights.iter_mut().chain([by_bias, half_quadratic_form, weight_sum]) {
            *entry /= sum;
        }
        Ok(())
    }

    /// Adds the sums over other rows, of the same parameters and direction, as
    /// [`Gradient::accumulate`](crate::Gradient::accumulate) does.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where the two differ in the number of features; nothing is changed then.
    pub fn accumulate(&mut self, other: &Self) -> Result<(), Error> {
        let Self { by_weights, by_bias, half_quadratic_form, weight_sum, .. } = self;
        let others = [other.half_quadratic_form, other.by_bias, other.weight_sum];
        add_sums(([half_quadratic_form, by_bias, weight_sum], by_weights), (others, &other.by_weights))
    }

    /// Adds the part of an L2 penalty (λ/2) ‖w‖²: λ v times the weight sum to `by_weights`, and (λ/2) ‖v‖²
    /// times the weight sum to `half_quadratic_form`.
    ///
    /// The bias is not penalised. The mean is the same, but for rounding, whether the penalty is added before
    /// [`average`](Self::average) or after it.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where the direction has not a weight for each feature; nothing is changed
    /// then.
    pub fn add_l2_penalty<T: Element>(&mut self, lambda: f64, direction: Params<'_, T>) -> Result<(), Error> {
        let lambda = lambda * self.weight_sum;
        let Self { by_weights, half_quadratic_form, .. } = self;
        super::gradient::add_penalty(lambda, direction, by_weights, half_quadratic_form)
    }
}

impl Total for HessianProduct {
    type Finish = Summed;
}

impl Finish<HessianProduct> for Summed {
    const KIND: Kind = Kind::Curvature;

    fn set(out: &mut HessianProduct, sums: Sums<'_>, ncols: usize) {
        out.half_quadratic_form = sums.value;
        out.by_bias = sums.by_bias;
        out.weight_sum = sums.weight_sum;
        out.by_weights.clear();
        out.by_weights.extend_from_slice(sums.by_weights);
        out.by_weights.resize(ncols, 0.0);
    }

    fn workspace(out: &mut HessianProduct) -> &mut Workspace {
        &mut out.workspace
    }
}

impl fmt::Debug for HessianProduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by_weights, by_bias, half_quadratic_form, weight_sum, .. } = self;
        f.debug_struct("HessianProduct")
            .field("by_weights", by_weights)
            .field("by_bias", by_bias)
            .field("half_quadratic_form", half_quadratic_form)
            .field("weight_sum", weight_sum)
            .finish_non_exhaustive()
    }
}
