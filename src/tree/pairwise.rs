//! `Pairwise`: the sum of leaves of the tree that come one by one, in order.

use super::root;

/// The sum of leaves of one number each.
///
/// Works like a binary counter: the bits of the number of leaves tell which levels hold a finished
/// node that waits for its right sibling.
pub(crate) struct Pairwise {
    /// One waiting node for each level; a `u64` counts no more leaves than these can hold.
    nodes: [f64; 64],
    leaves: u64,
}

impl Pairwise {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { nodes: [0.0; 64], leaves: 0 }
    }

    /// Adds the next leaf.
    #[inline(always)]
    pub(crate) fn push(&mut self, leaf: f64) {
        let mut node = leaf;
        let level = self.leaves.trailing_ones() as usize;
        for left in &self.nodes[..level] {
            node += *left;
        }
        self.nodes[level] = node;
        self.leaves += 1;
    }

    /// The sum of all leaves; +0 without leaves.
    #[inline(always)]
    pub(crate) fn total(&self) -> f64 {
        let waiting = (0..64).filter(|level| self.leaves >> level & 1 == 1).map(|level| self.nodes[level]);
        root(waiting, |left, right| left + right).unwrap_or(0.0)
    }
}
