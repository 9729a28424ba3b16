//! The functions that a pass sums over rows: the loss with its gradient, or the loss's curvature along a
//! direction. (`column_sums` has one more.)

use super::fingerprint::{Fingerprint, Kind};
use super::gradient::Gradient;
use super::hessian_product::HessianProduct;
use super::total::{Summed, Total};
use crate::error::Error;
use crate::isa::Isa;
use crate::rows::{Batch, Element, Params, Passes, Storage};
use crate::tuning::Source;

/// A function of a labelled row that is summed over rows, with its derivatives: [`Loss`] or
/// [`Curvature`]; or a function of the row's columns alone: [`Deviations`](crate::Deviations).
///
/// Sealed.
pub trait Summand<T: Element>: Copy + Send + Sync {
    /// The sum over all rows.
    type Total: Total;

    /// The pass that sums it; a type of its own, so that none of its functions is a method in users' code.
    #[doc(hidden)]
    type Leaf: Leaf<Self, T>;
}

/// The pass that sums a [`Summand`] `Q`.
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub trait Leaf<Q, T: Element> {
    /// The number of features that rows must have.
    fn ncols(summand: &Q) -> usize;

    /// `Ok` where there is a weight for each of `ncols` features.
    fn check(summand: &Q, ncols: usize) -> Result<(), Error>;

    /// The fingerprint of its sums.
    fn fingerprint(summand: &Q, isa: Isa) -> Fingerprint;

    /// Writes the node of a chunk's rows.
    fn leaf<S: Storage<T>>(
        summand: &Q,
        isa: Isa,
        batch: &Batch<'_, S, T>,
        source: Source,
        scratch: &mut [f64],
        node: &mut [f64],
    );
}

/// The log-loss of rows and its gradient, at some parameters; adds up to a [`Gradient`].
#[derive(Clone, Copy, Debug)]
pub struct Loss<'a, T> {
    params: Params<'a, T>,
}

impl<'a, T> Loss<'a, T> {
    /// The loss at these parameters.
    pub(crate) const fn new(params: Params<'a, T>) -> Self {
        Self { params }
    }
}

impl<T: Element> Summand<T> for Loss<'_, T> {
    type Total = Gradient;
    type Leaf = Summed;
}

impl<'a, T: Element> Leaf<Loss<'a, T>, T> for Summed {
    fn ncols(summand: &Loss<'a, T>) -> usize {
        summand.params.weights.len()
    }

    fn check(summand: &Loss<'a, T>, ncols: usize) -> Result<(), Error> {
        Error::unless_same_length([("features", ncols), ("weights", summand.params.weights.len())])
    }

    fn fingerprint(summand: &Loss<'a, T>, isa: Isa) -> Fingerprint {
        Fingerprint::at(Kind::Loss, isa, [summand.params])
    }

    fn leaf<S: Storage<T>>(
        summand: &Loss<'a, T>,
        isa: Isa,
        batch: &Batch<'_, S, T>,
        source: Source,
        scratch: &mut [f64],
        node: &mut [f64],
    ) {
        S::Passes::loss(isa, batch, summand.params, source, scratch, node);
    }
}

/// The curvature of the log-loss of rows along a direction, at some parameters; adds up to a
/// [`HessianProduct`].
#[derive(Clone, Copy, Debug)]
pub struct Curvature<'a, T> {
    params: Params<'a, T>,
    direction: Params<'a, T>,
}

impl<'a, T> Curvature<'a, T> {
    /// The curvature at these parameters, along a direction that has a weight for each feature and a bias
    /// too.
    pub(crate) const fn new(params: Params<'a, T>, direction: Params<'a, T>) -> Self {
        Self { params, direction }
    }
}

impl<T: Element> Summand<T> for Curvature<'_, T> {
    type Total = HessianProduct;
    type Leaf = Summed;
}

impl<'a, T: Element> Leaf<Curvature<'a, T>, T> for Summed {
    fn ncols(summand: &Curvature<'a, T>) -> usize {
        summand.params.weights.len()
    }

    fn check(summand: &Curvature<'a, T>, ncols: usize) -> Result<(), Error> {
        let direction = summand.direction.weights.len();
        Error::unless_same_length([("features", ncols), ("weights", summand.params.weights.len())])?;
        Error::unless_same_length([("features", ncols), ("direction.weights", direction)])
    }

    fn fingerprint(summand: &Curvature<'a, T>, isa: Isa) -> Fingerprint {
        Fingerprint::at(Kind::Curvature, isa, [summand.params, summand.direction])
    }

    fn leaf<S: Storage<T>>(
        summand: &Curvature<'a, T>,
        isa: Isa,
        batch: &Batch<'_, S, T>,
        source: Source,
        scratch: &mut [f64],
        node: &mut [f64],
    ) {
        S::Passes::curvature(isa, batch, [summand.params, summand.direction], source, scratch, node);
    }
}
