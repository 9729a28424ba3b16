//! The fingerprint of a sum: all that the parts of one sum have in common. Sums of different fingerprints
//! never merge.

use crate::isa::Isa;
use crate::rows::{Element, Params};
use crate::tree;

/// The name of a summand in a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub enum Kind {
    /// [`Loss`](crate::Loss).
    Loss,
    /// [`Curvature`](crate::Curvature).
    Curvature,
    /// [`Diagonal`](crate::Diagonal).
    Diagonal,
    /// [`Deviations`](crate::Deviations).
    Deviations,
}

/// The version of the numeric contract: kernels, chunk plan and tree, which determine the bits of a sum. A
/// change of any of them raises it.
const CONTRACT: u32 = 2;

/// Everything that two sums must have in common to be parts of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub struct Fingerprint {
    /// The version of the numeric contract.
    contract: u32,
    /// The function that is summed.
    kind: Kind,
    /// Bits of the type of the arithmetic: 32 or 64.
    type_bits: u32,
    /// True where multiply-adds round once.
    fused: bool,
    /// Number of features of a row.
    ncols: u64,
    /// Number of rows in a chunk.
    chunk_rows: u64,
    /// A hash of the bits of all that the sum depends on beside the rows: parameters, direction, centres.
    #[cfg_attr(feature = "serde", serde(with = "super::bits"))]
    params: u64,
}

impl Fingerprint {
    /// The fingerprint of a sum on an instruction set, at `params`: the parameters and, where there is one,
    /// the direction.
    pub(crate) fn at<T: Element, const N: usize>(kind: Kind, isa: Isa, params: [Params<'_, T>; N]) -> Self {
        let ncols = params.first().map_or(0, |params| params.weights.len());
        let values = params.iter().flat_map(|params| params.weights.iter().copied().chain([params.bias]));
        Self::new::<T>(kind, isa, ncols, values.map(Into::into))
    }

    /// The fingerprint of a sum on an instruction set that depends on these values.
    pub(crate) fn new<T: Element>(
        kind: Kind,
        isa: Isa,
        ncols: usize,
        values: impl Iterator<Item = f64>,
    ) -> Self {
        // FNV-1a over the values, a word at a time: against mistakes, not against attacks.
        let params = values.fold(0xcbf2_9ce4_8422_2325, |hash: u64, x| {
            let hash = (hash ^ x.to_bits()).wrapping_mul(0x0000_0100_0000_01b3);
            // The product carries upwards only; bring the upper bits back down.
            hash ^ (hash >> 32)
        });
        Self {
            contract: CONTRACT,
            kind,
            type_bits: 8 * size_of::<T>() as u32,
            fused: isa.is_fused(),
            ncols: ncols as u64,
            chunk_rows: tree::chunk_rows(ncols, size_of::<T>()) as u64,
            params,
        }
    }

    /// The number of features of a row.
    #[cfg(feature = "serde")]
    pub(crate) const fn ncols(&self) -> u64 {
        self.ncols
    }

    /// The number of rows in a chunk.
    pub(crate) const fn chunk_rows(&self) -> u64 {
        self.chunk_rows
    }

    /// The reason to refuse a fingerprint that was read: this version could not have made it for a sum of
    /// this kind. `None` where it could.
    #[cfg(feature = "serde")]
    pub(crate) fn fault(&self, kind: Kind) -> Option<&'static str> {
        // Numbers of features beyond `usize` have chunks as small as the largest `usize` has.
        let ncols = usize::try_from(self.ncols).unwrap_or(usize::MAX);
        let bytes = self.type_bits / 8;
        if self.contract != CONTRACT {
            Some("it was made by a version of another numeric contract")
        } else if self.kind != kind {
            Some("something else was summed")
        } else if ![32, 64].contains(&self.type_bits) {
            Some("the type of the arithmetic is none that there is")
        } else if self.chunk_rows != tree::chunk_rows(ncols, bytes as usize) as u64 {
            Some("the number of rows in a chunk is not that of rows of this width")
        } else {
            None
        }
    }
}
