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

/// The distances of columns from a centre each, or their squares; adds up to [`ColumnSums`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Deviations;

/// The centres that columns are compared with, one for each.
#[derive(Clone, Copy)]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub struct Centres<'a> {
    pub(crate) centres: &'a [f64],
    /// True where distances are squared.
    pub(crate) squared: bool,
}

impl<T: Element> Summand<T> for Deviations {
    type Total = ColumnSums;
    type Leaf = Summed;
}

impl<T: Element> Leaf<Deviations, T> for Summed {
    type At<'a> = Centres<'a>;
    type Kept = (Vec<f64>, bool);

    fn keep(at: Centres<'_>, (centres, squared): &mut (Vec<f64>, bool)) {
        centres.clear();
        centres.extend_from_slice(at.centres);
        *squared = at.squared;
    }

    fn kept((centres, squared): &(Vec<f64>, bool)) -> Centres<'_> {
        Centres { centres, squared: *squared }
    }

    fn ncols(at: Centres<'_>) -> usize {
        at.centres.len()
    }

    fn check(at: Centres<'_>, ncols: usize) -> Result<(), Error> {
        Error::unless_same_length([("features", ncols), ("centres", at.centres.len())])
    }

    fn fingerprint(at: Centres<'_>, isa: Isa) -> Fingerprint {
        let power = if at.squared { 2.0 } else { 1.0 };
        let values = at.centres.iter().copied().chain([power]);
        Fingerprint::new::<T>(Kind::Deviations, isa, at.centres.len(), values)
    }

    fn leaf<S: Storage<T>>(
        at: Centres<'_>,
        isa: Isa,
        batch: &Batch<'_, S, T>,
        _source: Source,
        _scratch: &mut [f64],
        node: &mut [f64],
    ) {
        S::Passes::deviations(isa, batch, at.centres, at.squared, node);
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
