//! The plan of random data sets, against what it promises.

use super::{Piece, Shard};
use crate::place::{Extent, Place};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::vec;
use std::vec::Vec;

const CHUNK: u64 = 64;

/// The number of a shard's chunks.
fn chunks(shard: &Shard) -> u64 {
    shard.pieces().iter().map(|piece| (piece.rows.end - piece.rows.start).div_ceil(CHUNK)).sum()
}

/// Every row is in one shard, every segment ends once, and shards are as even as they can be.
fn check(extent: &Extent, shards: usize) {
    let plan = extent.plan(CHUNK as usize, shards);
    let all: u64 = extent.segments().iter().map(|rows| rows.div_ceil(CHUNK)).sum();
    assert!(plan.len() as u64 == all.min(shards as u64), "{} shards of {extent:?}, not {shards}", plan.len());
    let mut next = Place::default();
    for (i, shard) in plan.iter().enumerate() {
        assert_eq!(shard.start(), next, "{extent:?}");
        assert!(shard.nrows() > 0);
        for Piece { segment, rows, ends_segment } in shard.pieces() {
            assert_eq!(Place::at(*segment, rows.start), next);
            assert!(rows.start % CHUNK == 0 && (*ends_segment || rows.end % CHUNK == 0));
            assert_eq!(*ends_segment, rows.end == extent.segments()[*segment as usize]);
            next = if *ends_segment { Place::at(segment + 1, 0) } else { Place::at(*segment, rows.end) };
        }
        assert_eq!(shard.ends_data(), i + 1 == plan.len());
    }
    if !plan.is_empty() {
        assert_eq!(next, Place::at(extent.segments().len() as u64, 0));
        let mean = all as f64 / plan.len() as f64;
        let largest = plan.iter().map(chunks).max().unwrap() as f64;
        let most = if mean >= 16.0 { 1.1 * mean } else { mean.ceil() + 1.0 };
        assert!(largest <= most, "{largest} chunks, {mean} in the mean, of {extent:?}");
    }
}

#[test]
fn shards_are_even_and_cover_every_row_once() {
    let rng = &mut SmallRng::seed_from_u64(20);
    for shards in [0, 1, 2, 3, 7, 16, 100, usize::MAX] {
        check(&Extent::default(), shards);
        check(&Extent::of_segments([0, 0, 0]), shards);
        check(&Extent::of_segments([1]), shards);
        check(&Extent::of_segments([0, 0, 1, 0]), shards);
        for _ in 0..60 {
            let segments = rng.random_range(0..41);
            let largest = [1, 64, 640, 50_000][rng.random_range(0..4)];
            let rows: Vec<u64> = (0..segments).map(|_| rng.random_range(0..=largest)).collect();
            check(&Extent::of_segments(rows), shards.min(2000));
        }
    }
    // As many rows as there can be.
    for shards in [1, 2, 3, 1000] {
        for rows in [vec![1 << 63], vec![u64::MAX], vec![1 << 62, 1 << 62]] {
            let plan = Extent::of_segments(rows).plan(CHUNK as usize, shards);
            assert_eq!(plan.len(), shards);
        }
        for rows in [vec![u64::MAX], vec![u64::MAX; 100]] {
            assert_eq!(Extent::of_segments(rows).plan(0, shards).len(), shards);
        }
    }
}

#[test]
fn an_even_plan_is_taken_where_nothing_is_better() {
    let plan = Extent::of_rows(8 * CHUNK).plan(CHUNK as usize, 4);
    let starts: Vec<u64> = plan.iter().map(|shard| shard.start().row() / CHUNK).collect();
    assert_eq!(starts, [0, 2, 4, 6]);
    // Segments stay whole where they can.
    let plan = Extent::of_segments([19 * CHUNK, 21 * CHUNK, 20 * CHUNK]).plan(CHUNK as usize, 3);
    assert_eq!(
        plan.iter().map(|shard| shard.start()).collect::<Vec<_>>(),
        [0, 1, 2].map(|i| Place::at(i, 0))
    );
}
