//! Each form of the rule against its definition.

use super::Pairwise;
#[cfg(feature = "alloc")]
use super::{Forest, Nodes, Pool, Span, Tree, aligned, chunk_rows};
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

/// The numbers of nodes of these leaves, with the end known or not.
#[cfg(feature = "alloc")]
fn nodes_of(leaves: &[f64], spans: &[Span], end: Option<u64>) -> Nodes<()> {
    let (mut nodes, mut spare) = (Nodes::default(), Pool::default());
    for (i, &span) in spans.iter().enumerate() {
        let range = span.leaves();
        assert_eq!(nodes.overlap(&range), None);
        let node = by_definition(&leaves[range.start as usize..range.end as usize]);
        nodes.insert(span, (), &[node], &mut spare);
        assert_eq!(nodes.overlap(&range), Some(range.start));
        // The end may be heard of at any time.
        if let Some(end) = end.filter(|_| i == spans.len() / 2) {
            nodes.end_at(end, &mut spare);
        }
    }
    nodes
}

#[cfg(feature = "alloc")]
#[test]
fn nodes_in_any_order_give_the_defined_sum() {
    let leaves = leaves(67);
    for n in 1..=leaves.len() {
        let want = by_definition(&leaves[..n]).to_bits();
        for cut in 0..n {
            // The nodes of two parts, the later part first, and from its end.
            let mut spans: Vec<Span> = aligned(0..cut as u64).chain(aligned(cut as u64..n as u64)).collect();
            spans.reverse();
            let nodes = nodes_of(&leaves, &spans, None);
            assert_eq!((nodes.end(), nodes.first_gap()), (n as u64, n as u64));
            assert_eq!(nodes.iter().count(), n.count_ones() as usize, "siblings that did not join");
            assert_eq!(nodes.total()[0].to_bits(), want, "{n} leaves, cut at {cut}");
            assert_eq!(nodes.root(), None);

            let nodes = nodes_of(&leaves, &spans, Some(n as u64));
            assert_eq!((nodes.end(), nodes.first_gap(), nodes.iter().count()), (n as u64, n as u64, 1));
            assert_eq!(nodes.root().unwrap().numbers[0].to_bits(), want, "{n} leaves, cut at {cut}");
        }
    }
}

/// The form of nodes depends on the leaves that are there, and not on the order in which they came.
#[cfg(feature = "alloc")]
#[test]
fn nodes_have_one_form() {
    let leaves = leaves(23);
    for end in [None, Some(23)] {
        for first in 0..23_u64 {
            let spans: Vec<Span> = aligned(first..23).collect();
            let want = nodes_of(&leaves, &spans, end);
            let mut singles: Vec<Span> = (first..23).map(Span::leaf).collect();
            for _ in first..23 {
                singles.rotate_left(1);
                assert_eq!(nodes_of(&leaves, &singles, end), want);
            }
            singles.reverse();
            assert_eq!(nodes_of(&leaves, &singles, end), want);
            // As an only child stands for its parents, all is one node where the first leaf is a right child of all.
            if end.is_some() && [0, 16].contains(&first) {
                assert_eq!(want.iter().count(), 1);
            }
        }
    }
}

/// Segments of random numbers of leaves, some of none: each a tree of its own, below one over all segments.
#[cfg(feature = "alloc")]
#[test]
fn trees_of_segments_give_the_defined_sum() {
    let leaves = leaves(200);
    for n in 1..40_usize {
        let counts: Vec<usize> =
            (0..n).map(|i| (i * 7919 + n * 31) % 11 * usize::from((i + n) % 3 != 0)).collect();
        let first = |segment: usize| counts[..segment].iter().sum::<usize>() % 100;
        let totals =
            (0..n).map(|i| (counts[i] > 0).then(|| by_definition(&leaves[first(i)..first(i) + counts[i]])));
        let mut level: Vec<Option<f64>> = totals.collect();
        while level.len() > 1 {
            let add = |a: Option<f64>, b: Option<f64>| a.zip(b).map_or(a.or(b), |(a, b)| Some(a + b));
            level = level.chunks(2).map(|pair| pair.iter().copied().reduce(add).unwrap()).collect();
        }
        for grain in [1, 2, 5, 16, 64, usize::MAX] {
            let forest = Forest {
                leaf: |segment: usize, i: usize, out: &mut [f64], scratch: &mut [f64]| {
                    scratch.fill(f64::NAN);
                    out[0] = leaves[first(segment) + i];
                },
                leaves: |segment: usize| counts[segment],
                width: 1,
                leaf_scratch: 3,
                grain,
            };
            let mut scratch = vec![f64::NAN; forest.scratch(0..n)];
            let mut out = [f64::NAN];
            let has_leaves = forest.evaluate(0..n, &mut out, &mut scratch);
            let got = has_leaves.then_some(out[0].to_bits());
            assert_eq!(got, level[0].map(f64::to_bits), "{counts:?}, grain {grain}");
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
