//! The summation tree over leaves that come one by one: pairs, then pairs of pairs.

/// A sum of `f64` leaves by the fixed binary tree over their index: node (k, i) is
/// (k-1, 2i) + (k-1, 2i+1), and a parent with one child is that child.
///
/// Works like a binary counter: the bits of the number of leaves tell which levels hold a finished
/// node that waits for its right sibling. A leaf meets at most one addition per level.
pub struct Pairwise {
    /// One waiting node for each level; a `u64` counts no more leaves than these can hold.
    nodes: [f64; 64],
    leaves: u64,
}

impl Pairwise {
    #[inline(always)]
    pub fn new() -> Self {
        Self { nodes: [0.0; 64], leaves: 0 }
    }

    /// Adds the next leaf.
    #[inline(always)]
    pub fn push(&mut self, leaf: f64) {
        let mut node = leaf;
        let level = self.leaves.trailing_ones() as usize;
        for left in &self.nodes[..level] {
            node += *left;
        }
        self.nodes[level] = node;
        self.leaves += 1;
    }

    /// The sum of all leaves; +0 where there is none.
    #[inline(always)]
    pub fn total(&self) -> f64 {
        let waiting = (0..64).filter(|level| self.leaves >> level & 1 == 1).map(|level| self.nodes[level]);
        waiting.reduce(|right, left| left + right).unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Pairwise;
    use std::vec::Vec;

    /// The definition, by recursion over the leaves' index.
    fn tree(leaves: &[f64]) -> f64 {
        match leaves {
            [] => 0.0,
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                tree(left) + tree(right)
            }
        }
    }

    #[test]
    fn equals_the_recursive_definition() {
        // Terms of very different size: any other order of additions shows in the bits.
        let leaves: Vec<f64> =
            (0..300_u32).map(|i| f64::from(i * 7919 % 613) * f64::from(i % 41).exp2()).collect();
        for n in 0..=leaves.len() {
            let mut sum = Pairwise::new();
            for &leaf in &leaves[..n] {
                sum.push(leaf);
            }
            assert_eq!(sum.total().to_bits(), tree(&leaves[..n]).to_bits(), "{n} leaves");
        }
    }
}
