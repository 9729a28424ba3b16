//! `Nodes`: the sum of nodes of the tree that come in any order.

use super::join;
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

/// What a node says of its leaves beside their sum.
pub(crate) trait Mark: Copy + PartialEq {
    /// That of the parent of two nodes.
    fn joined(left: Self, right: Self) -> Self;
}

/// Nothing.
impl Mark for () {
    fn joined((): (), (): ()) {}
}

/// A finished node: the sum of all its leaves.
#[derive(Clone, Debug)]
pub(crate) struct Node<M> {
    pub(crate) span: Span,
    pub(crate) mark: M,
    /// None where the leaves have no rows.
    pub(crate) numbers: Vec<f64>,
}

/// By the bits of the numbers, as they are written: -0 is not 0, and every NaN is the same.
impl<M: PartialEq> PartialEq for Node<M> {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        let (numbers, others) = (&self.numbers, &other.numbers);
        let is_same = numbers.len() == others.len() && numbers.iter().zip(others).all(same);
        is_same && self.span == other.span && self.mark == other.mark
    }
}

/// Finished nodes of a tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Nodes<M> {
    /// In the order of their leaves. No two overlap, and no two are siblings, as siblings are joined at once.
    list: Vec<Node<M>>,
    /// The number of leaves, once it is known. The node of the last leaf is then as large as its first leaf allows: the
    /// only child of a parent stands for it.
    leaves: Option<u64>,
}

impl<M> Default for Nodes<M> {
    fn default() -> Self {
        Self { list: Vec::new(), leaves: None }
    }
}

impl<M: Mark> Nodes<M> {
    /// Adds a node whose leaves are not there yet. Where its sibling is there, the two are joined, their
    /// parent with its sibling, and so on.
    pub(crate) fn insert(&mut self, span: Span, mark: M, numbers: &[f64], spare: &mut Pool<Vec<f64>>) {
        let mut memory = spare.take();
        memory.clear();
        memory.extend_from_slice(numbers);
        let place = self.list.partition_point(|node| node.span.first < span.first);
        self.list.insert(place, Node { span, mark, numbers: memory });
        self.join_at(place, spare);
        self.raise_last(spare);
    }

    /// Notes the number of leaves, which is not known yet, and at least that of the last one that is there.
    pub(crate) fn end_at(&mut self, leaves: u64, spare: &mut Pool<Vec<f64>>) {
        self.leaves = Some(leaves);
        self.raise_last(spare);
    }

    /// Joins a node with its sibling, if that is there, their parent with its sibling, and so on.
    fn join_at(&mut self, mut place: usize, spare: &mut Pool<Vec<f64>>) {
        while let Some(node) = self.list.get(place) {
            let (sibling, sibling_is_left) = node.span.sibling();
            let neighbour = if sibling_is_left { place.wrapping_sub(1) } else { place + 1 };
            if self.list.get(neighbour).is_none_or(|other| other.span != sibling) {
                break;
            }
            place = place.min(neighbour);
            let right = self.list.remove(place + 1);
            let left = &mut self.list[place];
            join(&mut left.numbers, &right.numbers);
            left.mark = M::joined(left.mark, right.mark);
            left.span.level += 1;
            spare.put(right.numbers);
        }
    }

    /// Lets the node of the last leaf stand for its parents, of which it is the only child, and joins it with what is
    /// before it.
    fn raise_last(&mut self, spare: &mut Pool<Vec<f64>>) {
        let Some(leaves) = self.leaves else { return };
        while let Some(last) = self.list.last_mut()
            && last.span.leaves().end >= leaves
            && last.span.first > 0
        {
            last.span.level = last.span.first.trailing_zeros();
            let count = self.list.len();
            self.join_at(count - 1, spare);
            if self.list.len() == count {
                break;
            }
        }
    }

    /// Removes all nodes, and keeps their memory.
    pub(crate) fn clear(&mut self, spare: &mut Pool<Vec<f64>>) {
        self.list.drain(..).for_each(|node| spare.put(node.numbers));
        self.leaves = None;
    }

    /// The number of leaves, once it is known.
    pub(crate) const fn leaves(&self) -> Option<u64> {
        self.leaves
    }

    /// The node of all leaves, once their number is known and all are there.
    pub(crate) fn root(&self) -> Option<&Node<M>> {
        self.list.first().filter(|node| self.is_root(node))
    }

    /// The same without a copy.
    pub(crate) fn into_root(mut self) -> Option<Node<M>> {
        let node = self.list.pop()?;
        self.is_root(&node).then_some(node)
    }

    fn is_root(&self, node: &Node<M>) -> bool {
        self.leaves.is_some_and(|leaves| node.span.first == 0 && node.span.leaves().end >= leaves)
    }

    /// The leaves of a node.
    pub(crate) fn range(&self, node: &Node<M>) -> Range<u64> {
        let Range { start, end } = node.span.leaves();
        start..self.leaves.map_or(end, |leaves| end.min(leaves))
    }

    /// The first leaf of a range that is there already.
    pub(crate) fn overlap(&self, leaves: &Range<u64>) -> Option<u64> {
        let behind = self.list.partition_point(|node| self.range(node).end <= leaves.start);
        let node = self.list.get(behind)?;
        Some(node.span.first.max(leaves.start)).filter(|&first| first < leaves.end)
    }

    /// One more than the number of the last leaf that is there; 0 without leaves.
    pub(crate) fn end(&self) -> u64 {
        self.list.last().map_or(0, |node| self.range(node).end)
    }

    /// The number of the first leaf that is missing.
    pub(crate) fn first_gap(&self) -> u64 {
        let mut gap = 0;
        for node in self.iter() {
            if node.span.first != gap {
                break;
            }
            gap = self.range(node).end;
        }
        gap
    }

    /// The nodes from the first leaf to the last.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Node<M>> {
        self.list.iter()
    }

    /// The sum of all leaves, none of which is missing before the last; no numbers without leaves that have rows.
    pub(crate) fn total(&self) -> Vec<f64> {
        let Some((last, before)) = self.list.split_last() else { return Vec::new() };
        let mut total = last.numbers.clone();
        add_before(before, &mut total);
        total
    }

    /// Adds all leaves to the numbers of a node behind them, as [`root`](super::root) does; none is missing before it.
    pub(crate) fn add_before(&self, last: &mut [f64]) {
        add_before(&self.list, last);
    }
}

/// Adds nodes, from the last to the first, to the numbers of one behind them.
fn add_before<M>(nodes: &[Node<M>], last: &mut [f64]) {
    for node in nodes.iter().rev() {
        super::add(last, &node.numbers);
    }
}

/// Things that are free to be used again, and memory for those in use to become so.
#[derive(Debug)]
pub(crate) struct Pool<T> {
    free: Vec<T>,
    /// How many there are, free or in use.
    made: usize,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { free: Vec::new(), made: 0 }
    }
}

impl<T: Default> Pool<T> {
    /// One that is free, or a new one.
    pub(crate) fn take(&mut self) -> T {
        self.free.pop().unwrap_or_else(|| {
            self.made += 1;
            // So that `put` needs no memory.
            self.free.reserve(self.made);
            T::default()
        })
    }

    /// Gives one back.
    pub(crate) fn put(&mut self, thing: T) {
        self.free.push(thing);
    }
}

/// Empty.
impl<T> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Any two are equal: they hold nothing of value.
impl<T> PartialEq for Pool<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
