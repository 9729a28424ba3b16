//! The chunk plan and the summation tree: one fixed expression, whoever evaluates it.
//!
//! Rows are summed in chunks of a size that depends on the width of a row and on nothing else, and the
//! chunks in a binary tree over their index: node (k, i) is (k-1, 2i) + (k-1, 2i+1), and a parent with
//! one child is that child. So a sum does not depend on how many threads took part, on how a stream of
//! rows was cut, or on which machine summed which chunks; and an addend meets one addition for each
//! doubling of the rows, in `f64`.

use crate::Element;
use crate::parallel::join;
use core::ops::Range;

/// How many rows make a chunk, the leaf of the summation tree, for rows of `cols` features in `T`
/// arithmetic: the largest power of two of rows that fit into 256 KB, from 64 to 512.
///
/// A shard of rows that is summed on its own ([`GradientStream::starting_at`]) starts at a multiple of
/// this. Part of the numeric contract: a change changes bits.
///
/// ```
/// assert_eq!(lanegrad::chunk_rows::<f32>(8), 512);
/// assert_eq!(lanegrad::chunk_rows::<f32>(256), 256);
/// assert_eq!(lanegrad::chunk_rows::<f64>(100_000), 64);
/// ```
///
/// [`GradientStream::starting_at`]: crate::GradientStream::starting_at
#[must_use]
pub fn chunk_rows<T: Element>(cols: usize) -> usize {
    let rows = (256 << 10) / cols.saturating_mul(size_of::<T>()).max(1);
    1 << rows.clamp(64, 512).ilog2()
}

/// What a node of the tree sums: the loss, the gradient by the bias, the sample weights, and the gradient
/// by each weight, in this order.
pub fn width(cols: usize) -> usize {
    cols + 3
}

/// The sums of a node, as they lie in memory.
pub struct Sums<'a> {
    pub loss: f64,
    pub db: f64,
    pub weight_sum: f64,
    pub dw: &'a [f64],
}

impl<'a> Sums<'a> {
    /// The parts of a node's sums; all 0 where there is none, as of no rows.
    pub fn of(node: &'a [f64]) -> Self {
        match node {
            [loss, db, weight_sum, dw @ ..] => Self { loss: *loss, db: *db, weight_sum: *weight_sum, dw },
            _ => Self { loss: 0.0, db: 0.0, weight_sum: 0.0, dw: &[] },
        }
    }
}

/// `left += right`: the one way in which two nodes become their parent.
pub fn add_node(left: &mut [f64], right: &[f64]) {
    for (left, right) in left.iter_mut().zip(right) {
        *left += right;
    }
}

/// An evaluation of the tree: the leaf function and the sizes of what it works in.
pub struct Tree<F> {
    /// Writes the sums of a chunk; the second slice is `leaf_scratch` elements to work in.
    pub leaf: F,
    /// Elements of a node.
    pub width: usize,
    /// Elements that the leaf function works in.
    pub leaf_scratch: usize,
    /// A node of more chunks than this is shared between threads.
    pub grain: usize,
}

impl<F: Fn(usize, &mut [f64], &mut [f64]) + Sync> Tree<F> {
    /// The elements of scratch memory for a node of so many chunks: O(width log(chunks)), for each
    /// piece of `grain` chunks.
    pub fn scratch(&self, chunks: usize) -> usize {
        if chunks <= self.grain {
            let levels = chunks.max(1).next_power_of_two().ilog2() as usize;
            self.leaf_scratch + levels * self.width
        } else {
            let left = left_child(chunks);
            self.width + self.scratch(left) + self.scratch(chunks - left)
        }
    }

    /// Writes the sums of the node that consists of these chunks, of which there is at least one.
    pub fn evaluate(&self, chunks: Range<usize>, out: &mut [f64], scratch: &mut [f64]) {
        if chunks.len() <= self.grain {
            let (leaf_scratch, levels) = scratch.split_at_mut(self.leaf_scratch);
            return self.evaluate_serially(chunks, out, levels, leaf_scratch);
        }
        let left = left_child(chunks.len());
        let middle = chunks.start + left;
        let (right_out, scratch) = scratch.split_at_mut(self.width);
        let (left_scratch, right_scratch) = scratch.split_at_mut(self.scratch(left));
        join(
            || self.evaluate(chunks.start..middle, out, left_scratch),
            || self.evaluate(middle..chunks.end, right_out, right_scratch),
        );
        add_node(out, right_out);
    }

    fn evaluate_serially(
        &self,
        chunks: Range<usize>,
        out: &mut [f64],
        levels: &mut [f64],
        leaf_scratch: &mut [f64],
    ) {
        if chunks.len() == 1 {
            return (self.leaf)(chunks.start, out, leaf_scratch);
        }
        let middle = chunks.start + left_child(chunks.len());
        self.evaluate_serially(chunks.start..middle, out, levels, leaf_scratch);
        let (right_out, levels) = levels.split_at_mut(self.width);
        self.evaluate_serially(middle..chunks.end, right_out, levels, leaf_scratch);
        add_node(out, right_out);
    }
}

/// How many of a node's chunks belong to its left child: the largest power of two that leaves some to
/// the right one.
fn left_child(chunks: usize) -> usize {
    chunks.next_power_of_two() / 2
}

/// The nodes that chunks from `first` on consist of, each as large as its alignment allows: (level,
/// chunks).
pub fn aligned_nodes(chunks: Range<u64>) -> impl Iterator<Item = (u32, Range<u64>)> {
    let mut first = chunks.start;
    core::iter::from_fn(move || {
        let left = chunks.end.checked_sub(first).filter(|&left| left > 0)?;
        let level = left.ilog2().min(first.trailing_zeros());
        let node = first..first + (1 << level);
        first = node.end;
        Some((level, node))
    })
}

#[cfg(test)]
mod tests {
    use super::{Tree, aligned_nodes};
    use std::{vec, vec::Vec};

    /// The definition of the module's first paragraph: level by level.
    fn by_definition(leaves: &[f64]) -> f64 {
        let mut level = leaves.to_vec();
        while level.len() > 1 {
            level = level.chunks(2).map(|node| node.iter().copied().reduce(|a, b| a + b).unwrap()).collect();
        }
        level[0]
    }

    /// Addends of very different size: any other order of additions shows in the bits.
    fn leaves(n: u32) -> Vec<f64> {
        (0..n).map(|i| f64::from(i * 7919 % 613) * f64::from(i % 41).exp2()).collect()
    }

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

    #[test]
    fn aligned_nodes_cover_the_chunks_in_order() {
        for start in 0..40 {
            for end in start..80 {
                let mut next = start;
                for (level, node) in aligned_nodes(start..end) {
                    assert_eq!(node.start, next);
                    assert_eq!(node.end - node.start, 1 << level);
                    assert_eq!(node.start % (1 << level), 0);
                    next = node.end;
                }
                assert_eq!(next, end);
            }
        }
    }
}
