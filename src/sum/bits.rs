//! Numbers as they are sent and stored: by their bits.
//!
//! Sixteen hexadecimal digits where a format is read by people, as decimal digits may lose bits of a number, JSON
//! has no NaN, and many readers of JSON take integers for `f64`; else an integer of 64 bits.

use alloc::string::String;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number by its bits.
pub(super) struct Bits(pub(super) f64);

impl Serialize for Bits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0.to_bits(), serializer)
    }
}

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(|bits| Self(f64::from_bits(bits)))
    }
}

/// Writes 64 bits.
pub(super) fn serialize<S: Serializer>(bits: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.collect_str(&format_args!("{bits:016x}"))
    } else {
        bits.serialize(serializer)
    }
}

/// Reads 64 bits.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    if !deserializer.is_human_readable() {
        return u64::deserialize(deserializer);
    }
    let text = String::deserialize(deserializer)?;
    let digits = Some(&text).filter(|text| text.len() == 16 && text.bytes().all(|c| c.is_ascii_hexdigit()));
    let bits = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    bits.ok_or_else(|| de::Error::custom("not a number of sixteen hexadecimal digits"))
}
