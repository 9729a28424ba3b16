//! The chunk plan and the summation rule: one fixed expression, whoever evaluates it.
//!
//! Rows are summed in chunks of a size that depends on the width of a row and on nothing else. The chunks are
//! the leaves of a binary tree over their number:
//!
//! ```text
//! node (level, i) = node (level - 1, 2 i) + node (level - 1, 2 i + 1)
//! ```
//!
//! and a parent with one child is that child. So a sum does not depend on how many threads took part, on how
//! a stream of rows was cut, or on which machine summed which chunks; and an addend meets one addition for
//! each doubling of the leaves, in `f64`.
//!
//! The rule stands here three times, as leaves become known in three ways; tests hold each form against one
//! definition. [`Tree`] has its leaves computed, on several threads, and so has [`Forest`], whose leaves are the roots
//! of trees. [`Pairwise`] is given them one by one, in order, and needs no memory for them. [`Nodes`] is given whole
//! nodes, in any order.

pub(crate) mod node;
#[cfg(feature = "alloc")]
mod nodes;
mod pairwise;

#[cfg(feature = "alloc")]
pub(crate) use self::nodes::{Mark, Node, Nodes, Pool, Span, aligned};
pub(crate) use self::pairwise::Pairwise;
#[cfg(feature = "alloc")]
use crate::parallel;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;
#[cfg(feature = "alloc")]
use core::ops::Range;

/// Most rows of a chunk.
pub(crate) const MOST_ROWS: usize = 512;

/// Number of rows in a chunk, for rows of `ncols` numbers of `bytes` bytes each: the largest power of two
/// whose rows fit into 256 KB, but at least 64 and at most 512. Part of the numeric contract.
#[cfg(feature = "alloc")]
pub(crate) const fn chunk_rows(ncols: usize, bytes: usize) -> usize {
    const CHUNK_BYTES: usize = 256 << 10;
    const FEWEST: usize = 64;
    match CHUNK_BYTES.checked_div(ncols.saturating_mul(bytes)) {
        Some(rows) if rows < FEWEST => FEWEST,
        Some(rows) if rows < MOST_ROWS => 1 << rows.ilog2(),
        _ => MOST_ROWS,
    }
}

/// Number of a node's leaves that belong to its left child: the largest power of two below the number of
/// leaves.
#[cfg(feature = "alloc")]
pub(crate) const fn left_leaves(leaves: usize) -> usize {
    leaves.next_power_of_two() / 2
}

/// `left += right`: two nodes become their parent.
#[cfg(feature = "alloc")]
fn add(left: &mut [f64], right: &[f64]) {
    for (left, right) in left.iter_mut().zip(right) {
        *left += right;
    }
}

/// The same where either may have no rows, and so no numbers: the parent is then the other one.
#[cfg(feature = "alloc")]
fn join(left: &mut Vec<f64>, right: &[f64]) {
    if left.is_empty() {
        left.extend_from_slice(right);
    } else {
        add(left, right);
    }
}

/// The root above nodes of which no two are siblings, from the last node to the first.
///
/// Each node is larger than the one after it. The last is an only child, and so stands for its parent, up to the
/// level of the node before it: that one is its left sibling. Their parent is an only child again, or the root.
#[inline(always)]
fn root<N>(last_to_first: impl Iterator<Item = N>, add: impl Fn(N, N) -> N) -> Option<N> {
    last_to_first.reduce(|right, left| add(left, right))
}

/// Evaluation of the tree that calls a function for each leaf.
#[cfg(feature = "alloc")]
pub(crate) struct Tree<F> {
    /// Writes the numbers of a leaf; the second slice is `leaf_scratch` elements to work in.
    pub leaf: F,
    /// Count of the numbers of a node.
    pub width: usize,
    /// Length of the memory that `leaf` works in.
    pub leaf_scratch: usize,
    /// A node of more leaves than this is shared between threads.
    pub grain: usize,
}

#[cfg(feature = "alloc")]
impl<F: Fn(usize, &mut [f64], &mut [f64]) + Sync> Tree<F> {
    /// Length of the scratch memory for a node of `leaves` leaves: O(width log(leaves)) for each piece of
    /// `grain` leaves.
    pub(crate) fn scratch(&self, leaves: usize) -> usize {
        if leaves <= self.grain {
            let levels = leaves.max(1).next_power_of_two().ilog2() as usize;
            self.leaf_scratch + levels * self.width
        } else {
            let left = left_leaves(leaves);
            self.width + self.scratch(left) + self.scratch(leaves - left)
        }
    }

    /// Writes the numbers of the node of these leaves, of which there is at least one.
    pub(crate) fn evaluate(&self, leaves: Range<usize>, out: &mut [f64], scratch: &mut [f64]) {
        if leaves.len() <= self.grain {
            let (leaf_scratch, levels) = scratch.split_at_mut(self.leaf_scratch);
            return self.evaluate_serially(leaves, out, levels, leaf_scratch);
        }
        let left = left_leaves(leaves.len());
        let middle = leaves.start + left;
        let (right_out, scratch) = scratch.split_at_mut(self.width);
        let (left_scratch, right_scratch) = scratch.split_at_mut(self.scratch(left));
        parallel::join(
            || self.evaluate(leaves.start..middle, out, left_scratch),
            || self.evaluate(middle..leaves.end, right_out, right_scratch),
        );
        add(out, right_out);
    }

    fn evaluate_serially(
        &self,
        leaves: Range<usize>,
        out: &mut [f64],
        levels: &mut [f64],
        leaf_scratch: &mut [f64],
    ) {
        if leaves.len() == 1 {
            return (self.leaf)(leaves.start, out, leaf_scratch);
        }
        let middle = leaves.start + left_leaves(leaves.len());
        self.evaluate_serially(leaves.start..middle, out, levels, leaf_scratch);
        let (right_out, levels) = levels.split_at_mut(self.width);
        self.evaluate_serially(middle..leaves.end, right_out, levels, leaf_scratch);
        add(out, right_out);
    }
}

/// Trees whose roots are the leaves of another tree: those of segments.
#[cfg(feature = "alloc")]
pub(crate) struct Forest<F, N> {
    /// Writes the numbers of a leaf of a segment.
    pub leaf: F,
    /// The number of a segment's leaves.
    pub leaves: N,
    /// As those of a [`Tree`].
    pub width: usize,
    pub leaf_scratch: usize,
    pub grain: usize,
}

#[cfg(feature = "alloc")]
impl<F, N> Forest<F, N>
where
    F: Fn(usize, usize, &mut [f64], &mut [f64]) + Sync,
    N: Fn(usize) -> usize + Sync,
{
    /// The tree of a segment.
    fn tree(&self, segment: usize) -> Tree<impl Fn(usize, &mut [f64], &mut [f64]) + Sync> {
        let &Self { width, leaf_scratch, grain, .. } = self;
        let leaf =
            move |i: usize, out: &mut [f64], scratch: &mut [f64]| (self.leaf)(segment, i, out, scratch);
        Tree { leaf, width, leaf_scratch, grain }
    }

    /// The first of a node's segments that belongs to its right child.
    fn middle(segments: &Range<usize>) -> usize {
        segments.start + left_leaves(segments.len())
    }

    /// True where segments are shared between threads.
    fn are_shared(&self, segments: &Range<usize>) -> bool {
        segments.clone().map(&self.leaves).fold(0, usize::saturating_add) > self.grain
    }

    /// Length of the scratch memory for a node of at least one segment.
    pub(crate) fn scratch(&self, segments: Range<usize>) -> usize {
        if segments.len() > 1 && self.are_shared(&segments) {
            let middle = Self::middle(&segments);
            return self.width + self.scratch(segments.start..middle) + self.scratch(middle..segments.end);
        }
        // One after the other, in the memory of the largest; above them a node for each level.
        let levels = segments.len().next_power_of_two().ilog2() as usize;
        let largest = segments.map(|segment| self.tree(segment).scratch((self.leaves)(segment))).max();
        levels * self.width + largest.unwrap_or(0)
    }

    /// Writes the numbers of the node of these segments, of which there is at least one; false where none has a leaf,
    /// and nothing is written.
    pub(crate) fn evaluate(&self, segments: Range<usize>, out: &mut [f64], scratch: &mut [f64]) -> bool {
        if segments.len() == 1 || !self.are_shared(&segments) {
            return self.evaluate_serially(segments, out, scratch);
        }
        let middle = Self::middle(&segments);
        let [left, right] = [segments.start..middle, middle..segments.end];
        let (right_out, scratch) = scratch.split_at_mut(self.width);
        let (left_scratch, right_scratch) = scratch.split_at_mut(self.scratch(left.clone()));
        let (mut has_left, mut has_right) = (false, false);
        parallel::join(
            || has_left = self.evaluate(left, out, left_scratch),
            || has_right = self.evaluate(right, right_out, right_scratch),
        );
        join_halves((out, has_left), (right_out, has_right))
    }

    /// The same with the segments one after the other; a single one may still be shared between threads.
    fn evaluate_serially(&self, segments: Range<usize>, out: &mut [f64], scratch: &mut [f64]) -> bool {
        if segments.len() == 1 {
            let leaves = (self.leaves)(segments.start);
            if leaves > 0 {
                self.tree(segments.start).evaluate(0..leaves, out, scratch);
            }
            return leaves > 0;
        }
        let middle = Self::middle(&segments);
        let (right_out, scratch) = scratch.split_at_mut(self.width);
        let has_left = self.evaluate_serially(segments.start..middle, out, scratch);
        let has_right = self.evaluate_serially(middle..segments.end, right_out, scratch);
        join_halves((out, has_left), (right_out, has_right))
    }
}

/// Two nodes become their parent, in the place of the left one; true where either has leaves.
#[cfg(feature = "alloc")]
fn join_halves((left, has_left): (&mut [f64], bool), (right, has_right): (&[f64], bool)) -> bool {
    match (has_left, has_right) {
        (true, true) => add(left, right),
        (false, true) => left.copy_from_slice(right),
        (_, false) => {}
    }
    has_left || has_right
}

#[cfg(test)]
mod tests;
