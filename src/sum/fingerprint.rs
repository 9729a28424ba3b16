//! The fingerprint of a sum: all that the parts of one sum have in common. Sums of different fingerprints
//! never merge.

use super::hash::Hash;
use crate::isa::Isa;
use crate::rows::{Element, Params};
use crate::tree;

/// The name of a summand in a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub enum Kind {
    /// [`Loss`](crate::Loss).
    Loss = 1,
    /// [`Curvature`](crate::Curvature).
    Curvature = 2,
    /// [`Diagonal`](crate::Diagonal).
    Diagonal = 3,
    /// [`Deviations`](crate::Deviations).
    Deviations = 4,
}

/// The version of the numeric contract: kernels, chunk plan and tree, which determine the bits of a sum. A
/// change of any of them raises it.
const CONTRACT: u64 = 2;

/// Everything that two sums must have in common to be parts of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub struct Fingerprint {
    /// The version of the numeric contract.
    contract: u64,
    /// The function that is summed.
    kind: Kind,
    /// Bits of the type of the arithmetic: 32 or 64.
    type_bits: u64,
    /// 1 where multiply-adds round once, else 0.
    fused: u64,
    /// Number of features of a row.
    ncols: u64,
    /// Number of rows in a chunk.
    chunk_rows: u64,
    /// A hash of the bits of all that the sum depends on beside the rows: parameters, direction, centres.
    params: u64,
    /// The tag of the data set.
    tag: u64,
}

/// The number of words of a fingerprint.
pub(super) const WORDS: usize = 8;

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
        Self {
            contract: CONTRACT,
            kind,
            type_bits: 8 * size_of::<T>() as u64,
            fused: isa.is_fused().into(),
            ncols: ncols as u64,
            chunk_rows: tree::chunk_rows(ncols, size_of::<T>()) as u64,
            params: Hash::of(values.map(f64::to_bits)).0,
            tag: 0,
        }
    }

    /// This fingerprint for a data set with another tag.
    pub(crate) const fn with_tag(self, tag: u64) -> Self {
        Self { tag, ..self }
    }

    /// This fingerprint for the data set of another one.
    pub(crate) const fn of_data_of(self, other: &Self) -> Self {
        self.with_tag(other.tag)
    }

    /// The number of features of a row.
    pub(crate) const fn ncols(&self) -> u64 {
        self.ncols
    }

    /// The number of rows in a chunk.
    pub(crate) const fn chunk_rows(&self) -> u64 {
        self.chunk_rows
    }

    /// The fingerprint as words.
    pub(super) const fn words(&self) -> [u64; WORDS] {
        let &Self { contract, kind, type_bits, fused, ncols, chunk_rows, params, tag } = self;
        [contract, kind as u64, type_bits, fused, ncols, chunk_rows, params, tag]
    }

    /// The fingerprint that these words are.
    ///
    /// # Errors
    ///
    /// The reason, where this version could not have made it for a sum of this kind.
    pub(super) fn from_words(words: [u64; WORDS], of: Kind) -> Result<Self, &'static str> {
        let [contract, kind, type_bits, fused, ncols, chunk_rows, params, tag] = words;
        // Numbers of features beyond `usize` have chunks as small as the largest `usize` has.
        let width = usize::try_from(ncols).unwrap_or(usize::MAX);
        if contract != CONTRACT {
            Err("it was made by a version of another numeric contract")
        } else if kind != of as u64 {
            Err("something else was summed")
        } else if ![32, 64].contains(&type_bits) {
            Err("the type of the arithmetic is none that there is")
        } else if fused > 1 {
            Err("it does not say whether multiply-adds round once")
        } else if chunk_rows != tree::chunk_rows(width, type_bits as usize / 8) as u64 {
            Err("the number of rows in a chunk is not that of rows of this width")
        } else {
            Ok(Self { contract, kind: of, type_bits, fused, ncols, chunk_rows, params, tag })
        }
    }

    /// What two fingerprints differ in, in words; `None` where they are the same.
    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        const NAMES: [&str; WORDS] = [
            "the version of the numeric contract",
            "the function that is summed",
            "the type of the arithmetic",
            "fused multiply-add",
            "the number of features",
            "the number of rows in a chunk",
            "parameters, direction or centres",
            "the tag of the data set",
        ];
        let pairs = self.words().into_iter().zip(other.words());
        pairs.zip(NAMES).find(|((a, b), _)| a != b).map(|(_, name)| name)
    }
}
