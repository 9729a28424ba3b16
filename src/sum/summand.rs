//! The functions that a pass sums over rows, each a name: the loss with its gradient, the loss's curvature along a
//! direction, and its second derivatives by each parameter. (`column_sums` has one more.)

use super::fingerprint::{Fingerprint, Kind};
use super::gradient::Gradient;
use super::hessian_diagonal::HessianDiagonal;
use super::hessian_product::HessianProduct;
use super::total::{Summed, Total};
use crate::error::Error;
use crate::isa::Isa;
use crate::rows::{Batch, Element, Params, Passes, Storage};
use crate::tuning::Source;
use alloc::vec::Vec;

/// A function of a labelled row that is summed over rows, with its derivatives: [`Loss`], [`Curvature`] or
/// [`Diagonal`]; or a function of the row's columns alone: [`Deviations`](crate::Deviations).
///
/// Sealed.
pub trait Summand<T: Element>: Sized + 'static {
    /// The sum over all rows.
    type Total: Total;

    /// The pass that sums it; a type of its own, so that none of its functions is a method in users' code.
    #[doc(hidden)]
    type Leaf: Leaf<Self, T>;
}

/// The pass that sums a [`Summand`] `Q`.
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub trait Leaf<Q, T: Element> {
    /// What the function depends on beside the row: parameters, a direction, centres.
    type At<'a>: Copy + Send + Sync;

    /// The same in memory of its own, which a stream keeps.
    type Kept: Clone + Default + Send + Sync;

    /// Overwrites what is kept.
    fn keep(at: Self::At<'_>, kept: &mut Self::Kept);

    /// What is kept.
    fn kept(kept: &Self::Kept) -> Self::At<'_>;

    /// The number of features that rows must have.
    fn ncols(at: Self::At<'_>) -> usize;

    /// `Ok` where there is a weight for each of `ncols` features.
    fn check(at: Self::At<'_>, ncols: usize) -> Result<(), Error>;

    /// The fingerprint of its sums.
    fn fingerprint(at: Self::At<'_>, isa: Isa) -> Fingerprint;

    /// Writes the node of a chunk's rows.
    fn leaf<S: Storage<T>>(
        at: Self::At<'_>,
        isa: Isa,
        batch: &Batch<'_, S, T>,
        source: Source,
        scratch: &mut [f64],
        node: &mut [f64],
    );
}

/// What a function `Q` of rows in `T` arithmetic depends on beside the row.
pub(crate) type At<'a, Q, T> = <<Q as Summand<T>>::Leaf as Leaf<Q, T>>::At<'a>;

/// The same, kept.
pub(crate) type Kept<Q, T> = <<Q as Summand<T>>::Leaf as Leaf<Q, T>>::Kept;

/// Parameters in memory of their own.
#[derive(Clone, Default)]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub struct OwnParams<T> {
    weights: Vec<T>,
    bias: T,
}

impl<T: Element> OwnParams<T> {
    fn set(&mut self, params: Params<'_, T>) {
        self.weights.clear();
        self.weights.extend_from_slice(params.weights);
        self.bias = params.bias;
    }

    fn get(&self) -> Params<'_, T> {
        Params::new(&self.weights, self.bias)
    }
}

/// `Ok` where there is a weight for each feature.
fn check_params<T>(params: Params<'_, T>, ncols: usize) -> Result<(), Error> {
    Error::unless_same_length([("features", ncols), ("weights", params.weights.len())])
}

/// The log-loss of rows and its gradient, at some parameters; adds up to a [`Gradient`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Loss;

impl<T: Element> Summand<T> for Loss {
    type Total = Gradient;
    type Leaf = Summed;
}

impl<T: Element> Leaf<Loss, T> for Summed {
    type At<'a> = Params<'a, T>;
    type Kept = OwnParams<T>;

    fn keep(params: Params<'_, T>, kept: &mut OwnParams<T>) {
        kept.set(params);
    }

    fn kept(kept: &OwnParams<T>) -> Params<'_, T> {
        kept.get()
    }

    fn ncols(params: Params<'_, T>) -> usize {
        params.weights.len()
    }

    fn check(params: Params<'_, T>, ncols: usize) -> Result<(), Error> {
        check_params(params, ncols)
    }

    fn fingerprint(params: Params<'_, T>, isa: Isa) -> Fingerprint {
        Fingerprint::at(Kind::Loss, isa, [params])
    }

    fn leaf<S: Storage<T>>(
        params: Params<'_, T>,
        isa: Isa,
        batch: &Batch<'_, S, T>,
        source: Source,
        scratch: &mut [f64],
        node: &mut [f64],
    ) {
        S::Passes::loss(isa, batch, params, source, scratch, node);
    }
}

/// The curvature of the log-loss of rows along a direction, at some parameters; adds up to a [`HessianProduct`].
/// The direction has a weight for each feature, and a bias too.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Curvature;

impl<T: Element> Summand<T> for Curvature {
    type Total = HessianProduct;
    type Leaf = Summed;
}

impl<T: Element> Leaf<Curvature, T> for Summed {
    /// Parameters and direction.
    type At<'a> = [Params<'a, T>; 2];
    type Kept = [OwnParams<T>; 2];

    fn keep(at: [Params<'_, T>; 2], kept: &mut [OwnParams<T>; 2]) {
        for (kept, params) in kept.iter_mut().zip(at) {
            kept.set(params);
        }
    }

    fn kept([params, direction]: &[OwnParams<T>; 2]) -> [Params<'_, T>; 2] {
        [params.get(), direction.get()]
    }

    fn ncols([params, _]: [Params<'_, T>; 2]) -> usize {
        params.weights.len()
    }

    fn check([params, direction]: [Params<'_, T>; 2], ncols: usize) -> Result<(), Error> {
        check_params(params, ncols)?;
        Error::unless_same_length([("features", ncols), ("direction.weights", direction.weights.len())])
    }

    fn fingerprint(at: [Params<'_, T>; 2], isa: Isa) -> Fingerprint {
        Fingerprint::at(Kind::Curvature, isa, at)
    }

    fn leaf<S: Storage<T>>(
        at: [Params<'_, T>; 2],
        isa: Isa,
        batch: &Batch<'_, S, T>,
        source: Source,
        scratch: &mut [f64],
        node: &mut [f64],
    ) {
        S::Passes::curvature(isa, batch, at, source, scratch, node);
    }
}

/// The second derivatives of the log-loss of rows by each parameter alone, at some parameters; add up to a
/// [`HessianDiagonal`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Diagonal;

impl<T: Element> Summand<T> for Diagonal {
    type Total = HessianDiagonal;
    type Leaf = Summed;
}

impl<T: Element> Leaf<Diagonal, T> for Summed {
    type At<'a> = Params<'a, T>;
    type Kept = OwnParams<T>;

    fn keep(params: Params<'_, T>, kept: &mut OwnParams<T>) {
        kept.set(params);
    }

    fn kept(kept: &OwnParams<T>) -> Params<'_, T> {
        kept.get()
    }

    fn ncols(params: Params<'_, T>) -> usize {
        params.weights.len()
    }

    fn check(params: Params<'_, T>, ncols: usize) -> Result<(), Error> {
        check_params(params, ncols)
    }

    fn fingerprint(params: Params<'_, T>, isa: Isa) -> Fingerprint {
        Fingerprint::at(Kind::Diagonal, isa, [params])
    }

    fn leaf<S: Storage<T>>(
        params: Params<'_, T>,
        isa: Isa,
        batch: &Batch<'_, S, T>,
        source: Source,
        scratch: &mut [f64],
        node: &mut [f64],
    ) {
        S::Passes::diagonal(isa, batch, params, source, scratch, node);
    }
}
