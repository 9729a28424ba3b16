//! `ColumnSums`: what means and standard deviations of columns are made of.

use super::fingerprint::{Fingerprint, Kind};
use super::summand::{Leaf, Summand};
use super::total::{Finish, Summed, Total};
use super::workspace::Workspace;
use crate::error::Error;
use crate::isa::Isa;
use crate::rows::{Batch, Element, Passes, Storage};
use crate::tree::node::Sums;
use crate::tuning::Source;
use alloc::vec::Vec;
use core::fmt;

/// The distances of columns from a centre each, or their squares; adds up to [`ColumnSums`]. So far an
/// [`Engine`](crate::Engine) alone sums it: [`deviations`](crate::Engine::deviations) and
/// [`squared_deviations`](crate::Engine::squared_deviations).
#[derive(Clone, Copy, Debug)]
pub struct Deviations<'a> {
    centres: &'a [f64],
    squared: bool,
}

impl<'a> Deviations<'a> {
    /// The distances from these centres, one for each column.
    pub(crate) const fn new(centres: &'a [f64], squared: bool) -> Self {
        Self { centres, squared }
    }
}

impl<T: Element> Summand<T> for Deviations<'_> {
    type Total = ColumnSums;
    type Leaf = Summed;
}

impl<T: Element> Leaf<Deviations<'_>, T> for Summed {
    fn ncols(summand: &Deviations<'_>) -> usize {
        summand.centres.len()
    }

    fn check(summand: &Deviations<'_>, ncols: usize) -> Result<(), Error> {
        Error::unless_same_length([("features", ncols), ("centres", summand.centres.len())])
    }

    fn fingerprint(summand: &Deviations<'_>, isa: Isa) -> Fingerprint {
        let power = if summand.squared { 2.0 } else { 1.0 };
        let values = summand.centres.iter().copied().chain([power]);
        Fingerprint::new::<T>(Kind::Deviations, isa, summand.centres.len(), values)
    }

    fn leaf<S: Storage<T>>(
        summand: &Deviations<'_>,
        isa: Isa,
        batch: &Batch<'_, S, T>,
        _source: Source,
        _scratch: &mut [f64],
        node: &mut [f64],
    ) {
        S::Passes::deviations(isa, batch, summand.centres, summand.squared, node);
    }
}

/// The sums over the rows of a batch of s (x - c), or of s (x - c)², for each column, with what the
/// row counts, s, and the centre c of the column.
///
/// Divided by the weight sum, the first are the distances of the means from the centres; the second, about the
/// means, are the variances.
///
/// ```
/// use lanegrad::{Batch, Engine, Rows};
///
/// let batch = Batch::new(Rows::new(&[1.0_f32, 10.0, 3.0, 20.0], 2, 2)?, &[0.0_f32, 1.0])?;
/// let engine = Engine::new();
/// let sums = engine.deviations(&batch, &[0.0, 0.0])?;
/// let means: Vec<f64> = sums.sums.iter().map(|sum| sum / sums.weight_sum).collect();
/// assert_eq!(means, [2.0, 15.0]);
/// let squares = engine.squared_deviations(&batch, &means)?;
/// assert_eq!(squares.sums, [2.0, 50.0]);
/// # Ok::<(), lanegrad::Error>(())
/// ```
#[derive(Clone, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ColumnSums {
    /// A sum for each column.
    pub sums: Vec<f64>,
    /// The sum of what the rows count ([`Batch::row_weights`](crate::Batch::row_weights)): their number, where they
    /// are not weighted.
    pub weight_sum: f64,
    #[cfg_attr(feature = "serde", serde(skip))]
    workspace: Workspace,
}

impl Total for ColumnSums {
    type Finish = Summed;
}

impl Finish<ColumnSums> for Summed {
    const KIND: Kind = Kind::Deviations;

    fn set(out: &mut ColumnSums, sums: Sums<'_>, ncols: usize) {
        out.weight_sum = sums.weight_sum;
        out.sums.clear();
        out.sums.extend_from_slice(sums.by_weights);
        out.sums.resize(ncols, 0.0);
    }

    fn workspace(out: &mut ColumnSums) -> &mut Workspace {
        &mut out.workspace
    }
}

impl fmt::Debug for ColumnSums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sums, weight_sum, .. } = self;
        f.debug_struct("ColumnSums")
            .field("sums", sums)
            .field("weight_sum", weight_sum)
            .finish_non_exhaustive()
    }
}
