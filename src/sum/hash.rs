//! A hash of words of 64 bits: against mistakes, not against attacks.

use crate::tree::{Mark, left_leaves};
use core::ops::Range;

/// FNV-1a, a word at a time. Every step is one to one, both in the hash before it and in the word: two lists of words
/// that differ in a single one have different hashes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hash(pub(super) u64);

impl Hash {
    /// The hash of no words.
    pub(super) const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    /// The hash with one more word.
    pub(super) const fn and(self, word: u64) -> Self {
        let hash = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        // The product carries upwards only; bring the upper bits back down.
        Self(hash ^ (hash >> 32))
    }

    /// The hash of some words.
    pub(super) fn of(words: impl IntoIterator<Item = u64>) -> Self {
        words.into_iter().fold(Self::EMPTY, Self::and)
    }
}

/// A hash of the numbers of rows of some segments, made by the rule by which their sums are added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SegmentRows(pub(super) Hash);

impl SegmentRows {
    /// That of one segment.
    pub(crate) const fn of_one(rows: u64) -> Self {
        Self(Hash::EMPTY.and(rows))
    }

    /// That of the node of some segments, of which there is at least one, by the number of rows of each.
    pub(crate) fn of_all(segments: usize, rows: &impl Fn(usize) -> u64) -> Self {
        Self::of_range(0..segments, rows)
    }

    fn of_range(segments: Range<usize>, rows: &impl Fn(usize) -> u64) -> Self {
        if segments.len() < 2 {
            return Self::of_one(rows(segments.start));
        }
        let middle = segments.start + left_leaves(segments.len());
        Self::joined(Self::of_range(segments.start..middle, rows), Self::of_range(middle..segments.end, rows))
    }
}

impl Mark for SegmentRows {
    fn joined(left: Self, right: Self) -> Self {
        // From the start: the first step would not tell left from right.
        Self(Hash::of([left.0.0, right.0.0]))
    }
}
