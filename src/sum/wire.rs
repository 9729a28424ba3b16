//! The form in which a `PartialSum` is sent and stored: every number by its bits.

use super::bits::Bits;
use super::fingerprint::Fingerprint;
use super::partial::{MOST_ROWS, PartialSum};
use super::total::{Finish, Total};
use crate::tree::Span;
use crate::tree::node::Sums;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A [`PartialSum`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSum {
    fingerprint: Fingerprint,
    end_row: Option<u64>,
    nodes: Vec<WireNode>,
}

/// A node of the tree as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireNode {
    first_chunk: u64,
    level: u32,
    value: Bits,
    by_bias: Bits,
    weight_sum: Bits,
    by_weights: Vec<Bits>,
}

impl<R> From<&PartialSum<R>> for WireSum {
    fn from(sum: &PartialSum<R>) -> Self {
        let nodes = sum.nodes.iter().map(|(span, numbers)| {
            let Sums { value, by_bias, weight_sum, by_weights } = Sums::of(numbers);
            let by_weights = by_weights.iter().copied().map(Bits).collect();
            let [value, by_bias, weight_sum] = [value, by_bias, weight_sum].map(Bits);
            let (first_chunk, level) = (span.leaves().start, span.level());
            WireNode { first_chunk, level, value, by_bias, weight_sum, by_weights }
        });
        Self { nodes: nodes.collect(), fingerprint: sum.fingerprint, end_row: sum.end_row }
    }
}

/// The reason for which a sum that was read is refused.
#[derive(Debug)]
struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a sum that this version can go on with: {}", self.0)
    }
}

impl<R: Total> TryFrom<WireSum> for PartialSum<R> {
    type Error = Malformed;

    fn try_from(wire: WireSum) -> Result<Self, Malformed> {
        let WireSum { fingerprint, end_row, nodes } = wire;
        if let Some(fault) = fingerprint.fault(R::Finish::KIND) {
            return Err(Malformed(fault));
        }
        let chunk_rows = fingerprint.chunk_rows();
        let mut sum = Self::new(fingerprint);
        for wire in nodes {
            let WireNode { first_chunk, level, value, by_bias, weight_sum, by_weights } = wire;
            if by_weights.len() as u64 != fingerprint.ncols() {
                return Err(Malformed("a node has not a number for each feature"));
            }
            let span =
                Span::new(first_chunk, level).filter(|span| span.leaves().end <= MOST_ROWS / chunk_rows);
            let span = span.ok_or(Malformed("a node is at no place of the tree"))?;
            if sum.nodes.overlap(&span.leaves()).is_some() {
                return Err(Malformed("two nodes overlap"));
            }
            let by_weights: Vec<f64> = by_weights.into_iter().map(|Bits(x)| x).collect();
            let [value, by_bias, weight_sum] = [value, by_bias, weight_sum].map(|Bits(x)| x);
            sum.insert(span, &Sums { value, by_bias, weight_sum, by_weights: &by_weights }.to_vec());
        }
        if let Some(end) = end_row
            && (end % chunk_rows == 0 || end / chunk_rows + 1 != sum.nodes.end())
        {
            return Err(Malformed("the last row is not in the last chunk"));
        }
        sum.end_row = end_row;
        Ok(sum)
    }
}

impl<R> Serialize for PartialSum<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WireSum::from(self).serialize(serializer)
    }
}

impl<'de, R: Total> Deserialize<'de> for PartialSum<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WireSum::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}
