//! `Nodes`: the sum of nodes of the tree that come in any order.

use super::add;
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
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    /// In the order of their leaves. No two overlap, and no two are siblings, as siblings are joined at once.
    list: Vec<(Span, Vec<f64>)>,
    /// Memory of nodes that were joined, for those to come: rows that arrive in order then need no more than there is.
    spare: Vec<Vec<f64>>,
}

impl Nodes {
    /// Adds a node whose leaves are not there yet. Where its sibling is there, the two are joined, their
    /// parent with its sibling, and so on.
    pub(crate) fn insert(&mut self, mut span: Span, numbers: &[f64]) {
        let mut node = self.spare.pop().unwrap_or_default();
        node.clear();
        node.extend_from_slice(numbers);
        let mut place = self.list.partition_point(|(other, _)| other.first < span.first);
        loop {
            let (sibling, sibling_is_left) = span.sibling();
            let neighbour = place.wrapping_sub(usize::from(sibling_is_left));
            if self.list.get(neighbour).is_none_or(|&(other, _)| other != sibling) {
                break;
            }
            let (_, mut other) = self.list.remove(neighbour);
            if sibling_is_left {
                core::mem::swap(&mut node, &mut other);
                (span, place) = (sibling, neighbour);
            }
            add(&mut node, &other);
            self.spare.push(other);
            span.level += 1;
        }
        self.list.insert(place, (span, node));
        // So that `clear` needs no memory.
        self.spare.reserve(self.list.len());
    }

    /// Removes all nodes, and keeps their memory.
    pub(crate) fn clear(&mut self) {
        self.spare.extend(self.list.drain(..).map(|(_, numbers)| numbers));
    }

    /// The first leaf of a range that is there already.
    pub(crate) fn overlap(&self, leaves: &Range<u64>) -> Option<u64> {
        let behind = self.list.partition_point(|(span, _)| span.leaves().end <= leaves.start);
        let (span, _) = self.list.get(behind)?;
        Some(span.first.max(leaves.start)).filter(|&first| first < leaves.end)
    }

    /// One more than the number of the last leaf; 0 without leaves.
    pub(crate) fn end(&self) -> u64 {
        self.list.last().map_or(0, |(span, _)| span.leaves().end)
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
        self.list.iter().map(|(span, numbers)| (*span, &numbers[..]))
    }

    /// Adds all leaves to the numbers of a node behind them, as [`root`](super::root) does; none is missing before it.
    pub(crate) fn add_before(&self, last: &mut [f64]) {
        add_before(&self.list, last);
    }

    /// The sum of all leaves, if none is missing before the last; `None` without leaves.
    pub(crate) fn total(&self) -> Option<Vec<f64>> {
        let ((_, last), before) = self.list.split_last()?;
        let mut total = last.clone();
        add_before(before, &mut total);
        Some(total)
    }
}

/// Adds nodes, from the last to the first, to the numbers of one behind them.
fn add_before(nodes: &[(Span, Vec<f64>)], last: &mut [f64]) {
    for (_, numbers) in nodes.iter().rev() {
        add(last, numbers);
    }
}

/// Without the spare memory.
impl Clone for Nodes {
    fn clone(&self) -> Self {
        Self { list: self.list.clone(), spare: Vec::new() }
    }
}

impl PartialEq for Nodes {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}
