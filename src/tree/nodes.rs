//! `Nodes`: the sum of nodes of the tree that come in any order.

use super::{add, root};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

/// Place of a node in the tree: it has 2^`level` leaves (fewer at the end of the data), and the number of the
/// first is a multiple of 2^`level`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    first: u64,
    level: u32,
}

impl Span {
    /// The node of 2^`level` leaves from `first` on; `None` where no node starts there, or beyond the last
    /// leaf that a `u64` counts.
    #[cfg(any(feature = "serde", test))]
    pub(crate) fn new(first: u64, level: u32) -> Option<Self> {
        let size = 1_u64.checked_shl(level)?;
        (first.is_multiple_of(size) && first.checked_add(size).is_some()).then_some(Self { first, level })
    }

    /// The leaf with this number.
    pub(crate) const fn leaf(number: u64) -> Self {
        Self { first: number, level: 0 }
    }

    /// Base-2 logarithm of the number of leaves.
    pub(crate) const fn level(self) -> u32 {
        self.level
    }

    /// The numbers of the leaves.
    pub(crate) const fn leaves(self) -> Range<u64> {
        self.first..self.first + (1 << self.level)
    }

    /// The other child of the same parent, and true where that is the left one.
    const fn sibling(self) -> (Self, bool) {
        let size = 1 << self.level;
        let is_right = self.first & size != 0;
        (Self { first: self.first ^ size, level: self.level }, is_right)
    }
}

/// The nodes that make up a range of leaves, in order, each as large as its first leaf allows.
pub(crate) fn aligned(leaves: Range<u64>) -> impl Iterator<Item = Span> {
    let mut first = leaves.start;
    core::iter::from_fn(move || {
        let left = leaves.end.checked_sub(first).filter(|&left| left > 0)?;
        let span = Span { first, level: left.ilog2().min(first.trailing_zeros()) };
        first = span.leaves().end;
        Some(span)
    })
}

/// Finished nodes of a tree, with their numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Nodes {
    /// Level and numbers of a node, by its first leaf. No two overlap, and no two are siblings, as siblings
    /// are joined at once.
    by_first: BTreeMap<u64, (u32, Vec<f64>)>,
}

impl Nodes {
    /// Adds a node whose leaves are not there yet. Where its sibling is there, the two are joined, their
    /// parent with its sibling, and so on.
    pub(crate) fn insert(&mut self, mut span: Span, mut numbers: Vec<f64>) {
        loop {
            let (sibling, sibling_is_left) = span.sibling();
            let Some((level, mut other)) = self.by_first.remove(&sibling.first) else { break };
            if level != span.level {
                self.by_first.insert(sibling.first, (level, other));
                break;
            }
            if sibling_is_left {
                core::mem::swap(&mut numbers, &mut other);
                span = sibling;
            }
            add(&mut numbers, &other);
            span.level += 1;
        }
        self.by_first.insert(span.first, (span.level, numbers));
    }

    /// The first leaf of a range that is there already.
    pub(crate) fn overlap(&self, leaves: &Range<u64>) -> Option<u64> {
        let before = self.by_first.range(..leaves.start).next_back();
        if before.is_some_and(|(&first, &(level, _))| Span { first, level }.leaves().end > leaves.start) {
            return Some(leaves.start);
        }
        self.by_first.range(leaves.clone()).next().map(|(&first, _)| first)
    }

    /// One more than the number of the last leaf; 0 without leaves.
    pub(crate) fn end(&self) -> u64 {
        self.by_first.iter().next_back().map_or(0, |(&first, &(level, _))| Span { first, level }.leaves().end)
    }

    /// The number of the first leaf that is missing.
    pub(crate) fn first_gap(&self) -> u64 {
        let mut gap = 0;
        for (span, _) in self.iter() {
            if span.first != gap {
                break;
            }
            gap = span.leaves().end;
        }
        gap
    }

    /// The nodes from the first leaf to the last, with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Span, &[f64])> {
        self.by_first.iter().map(|(&first, (level, numbers))| (Span { first, level: *level }, &numbers[..]))
    }

    /// The sum of all leaves, if none is missing before the last; `None` without leaves.
    pub(crate) fn total(&self) -> Option<Vec<f64>> {
        let nodes = self.by_first.values().rev().map(|(_, numbers)| numbers.clone());
        root(nodes, |mut left, right| {
            add(&mut left, &right);
            left
        })
    }
}
