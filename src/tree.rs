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
//! definition. [`Tree`] has its leaves computed, on several threads. [`Pairwise`] is given them one by one,
//! in order, and needs no memory for them. [`Nodes`] is given whole nodes, in any order.

pub(crate) mod node;
#[cfg(feature = "alloc")]
mod nodes;
mod pairwise;

#[cfg(feature = "alloc")]
pub(crate) use self::nodes::{Nodes, Span, aligned};
pub(crate) use self::pairwise::Pairwise;
#[cfg(feature = "alloc")]
use crate::parallel::join;
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
const fn left_leaves(leaves: usize) -> usize {
    leaves.next_power_of_two() / 2
}

/// `left += right`: two nodes become their parent.
#[cfg(feature = "alloc")]
fn add(left: &mut [f64], right: &[f64]) {
    for (left, right) in left.iter_mut().zip(right) {
        *left += right;
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
        join(
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

#[cfg(test)]
mod tests {
    use super::Pairwise;
    #[cfg(feature = "alloc")]
    use super::{Nodes, Span, Tree, aligned, chunk_rows};
    #[cfg(feature = "alloc")]
    use std::vec;
    use std::vec::Vec;

    /// The rule as the module's text has it: level by level. +0 where there is no leaf.
    fn by_definition(leaves: &[f64]) -> f64 {
        let mut level = leaves.to_vec();
        while level.len() > 1 {
            level = level.chunks(2).map(|node| node.iter().copied().reduce(|a, b| a + b).unwrap()).collect();
        }
        level.first().copied().unwrap_or(0.0)
    }

    /// Addends of very different size: any other order of additions shows in the bits.
    fn leaves(n: u32) -> Vec<f64> {
        (0..n).map(|i| f64::from(i * 7919 % 613) * f64::from(i % 41).exp2()).collect()
    }

    #[test]
    fn leaf_by_leaf_gives_the_defined_sum() {
        let leaves = leaves(300);
        for n in 0..=leaves.len() {
            let mut sum = Pairwise::new();
            for &leaf in &leaves[..n] {
                sum.push(leaf);
            }
            assert_eq!(sum.total().to_bits(), by_definition(&leaves[..n]).to_bits(), "{n} leaves");
        }
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn every_grain_gives_the_defined_sum() {
        let leaves = leaves(130);
        for n in 1..=leaves.len() {
            let want = by_definition(&leaves[..n]);
            for grain in [1, 2, 3, 4, 7, 16, 64, usize::MAX] {
                let tree = Tree {
                    leaf: |i: usize, out: &mut [f64], scratch: &mut [f64]| {
                        assert_eq!((out.len(), scratch.len()), (1, 5));
                        scratch.fill(f64::NAN);
                        out[0] = leaves[i];
                    },
                    width: 1,
                    leaf_scratch: 5,
                    grain,
                };
                let mut scratch = vec![f64::NAN; tree.scratch(n)];
                let mut out = [f64::NAN];
                tree.evaluate(0..n, &mut out, &mut scratch);
                assert_eq!(out[0].to_bits(), want.to_bits(), "{n} leaves, grain {grain}");
            }
        }
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn nodes_in_any_order_give_the_defined_sum() {
        let leaves = leaves(67);
        for n in 1..=leaves.len() {
            for cut in 0..n {
                // The nodes of two parts, the later part first, and from its end.
                let mut spans: Vec<Span> =
                    aligned(0..cut as u64).chain(aligned(cut as u64..n as u64)).collect();
                spans.reverse();
                let mut nodes = Nodes::default();
                for span in spans {
                    let range = span.leaves();
                    assert_eq!(nodes.overlap(&range), None);
                    let node = by_definition(&leaves[range.start as usize..range.end as usize]);
                    nodes.insert(span, &[node]);
                    assert_eq!(nodes.overlap(&range), Some(range.start));
                }
                assert_eq!((nodes.end(), nodes.first_gap()), (n as u64, n as u64));
                assert_eq!(nodes.iter().count(), n.count_ones() as usize, "siblings that did not join");
                let total = nodes.total().unwrap()[0];
                assert_eq!(
                    total.to_bits(),
                    by_definition(&leaves[..n]).to_bits(),
                    "{n} leaves, cut at {cut}"
                );
            }
        }
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn aligned_nodes_cover_the_leaves_in_order() {
        for start in 0..40 {
            for end in start..80 {
                let mut next = start;
                for span in aligned(start..end) {
                    let node = span.leaves();
                    assert_eq!(node.start, next);
                    assert_eq!(Span::new(node.start, (node.end - node.start).ilog2()), Some(span));
                    next = node.end;
                }
                assert_eq!(next, end);
            }
        }
        assert_eq!(Span::new(2, 2), None);
        assert_eq!(Span::new(0, 64), None);
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn chunks_are_of_the_stated_sizes() {
        for ncols in (0..5000).chain([usize::MAX / 8, usize::MAX]) {
            for bytes in [4, 8] {
                let rows = chunk_rows(ncols, bytes);
                assert!(rows.is_power_of_two() && (64..=512).contains(&rows));
                let size = |rows: usize| rows.saturating_mul(ncols).saturating_mul(bytes);
                assert!(rows == 64 || size(rows) <= 256 << 10, "{ncols}");
                assert!(rows == 512 || size(2 * rows) > 256 << 10, "{ncols}");
            }
        }
    }
}
