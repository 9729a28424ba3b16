//! How a `GradientSum` is sent and stored: every number by its bits.

use crate::chunks::Sums;
use crate::sum::{Fingerprint, GradientSum, MOST_ROWS, Node, chunks_of};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A [`GradientSum`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireSum {
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
    loss: Bits,
    db: Bits,
    weight_sum: Bits,
    dw: Vec<Bits>,
}

/// A number by its bits.
struct Bits(f64);

impl From<GradientSum> for WireSum {
    fn from(sum: GradientSum) -> Self {
        let nodes = sum.nodes.iter().map(|(&first_chunk, node)| {
            let Sums { loss, db, weight_sum, dw } = Sums::of(&node.sums);
            let dw = dw.iter().copied().map(Bits).collect();
            let [loss, db, weight_sum] = [loss, db, weight_sum].map(Bits);
            WireNode { first_chunk, level: node.level, loss, db, weight_sum, dw }
        });
        Self { fingerprint: sum.fingerprint, end_row: sum.end_row, nodes: nodes.collect() }
    }
}

/// What is wrong with a sum that was read.
#[derive(Debug)]
pub struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl TryFrom<WireSum> for GradientSum {
    type Error = Malformed;

    fn try_from(wire: WireSum) -> Result<Self, Malformed> {
        let WireSum { fingerprint, end_row, nodes } = wire;
        let chunk_rows = fingerprint.chunk_rows;
        if !chunk_rows.is_power_of_two() || chunk_rows > 1 << 32 {
            return Err(Malformed("the number of rows in a chunk is impossible"));
        }
        let last_chunk = MOST_ROWS / chunk_rows;
        let mut sum = Self::new(fingerprint);
        for wire in nodes {
            let WireNode { first_chunk, level, loss, db, weight_sum, dw } = wire;
            if dw.len() as u64 != fingerprint.cols {
                return Err(Malformed("a node's gradient has not an entry for each feature"));
            }
            let last_of_level = last_chunk.checked_sub(1_u64.checked_shl(level).unwrap_or(u64::MAX));
            if last_of_level.is_none_or(|last| first_chunk > last || first_chunk % (1 << level) != 0) {
                return Err(Malformed("a node is at no place of the tree"));
            }
            let sums = [loss, db, weight_sum].into_iter().chain(dw).map(|Bits(x)| x).collect();
            let node = Node { level, sums };
            if sum.overlap(&chunks_of(first_chunk, &node)).is_some() {
                return Err(Malformed("two nodes overlap"));
            }
            sum.insert(first_chunk, node);
        }
        if let Some(end) = end_row
            && (end % chunk_rows == 0 || end / chunk_rows + 1 != sum.last_chunk_end())
        {
            return Err(Malformed("the last row is not in the last chunk"));
        }
        sum.end_row = end_row;
        Ok(sum)
    }
}

impl Serialize for Bits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        bits::serialize(&self.0.to_bits(), serializer)
    }
}

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bits::deserialize(deserializer).map(|bits| Self(f64::from_bits(bits)))
    }
}

/// 64 bits: sixteen hexadecimal digits where a format is read by people, as decimal digits may lose bits
/// of a number, JSON has no NaN, and many readers of JSON take integers for `f64`; else an integer.
pub mod bits {
    use super::{Deserialize, Deserializer, Serialize, Serializer, String, de};

    pub fn serialize<S: Serializer>(bits: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&format_args!("{bits:016x}"))
        } else {
            bits.serialize(serializer)
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        if !deserializer.is_human_readable() {
            return u64::deserialize(deserializer);
        }
        let text = String::deserialize(deserializer)?;
        let digits =
            Some(&text).filter(|text| text.len() == 16 && text.bytes().all(|c| c.is_ascii_hexdigit()));
        let bits = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        bits.ok_or_else(|| de::Error::custom("not a number of sixteen hexadecimal digits"))
    }
}
