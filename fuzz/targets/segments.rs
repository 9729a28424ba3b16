//! The loss of a list of segments, whose rows are cut into shards, pushed and merged in any way, next to the
//! definition: each segment by itself, and the totals in pairs. A shard twice, or too few of them, is an error.
#![no_main]

use arbitrary::Arbitrary;
use lanegrad::{
    Batch, Engine, Error, Extent, GradientStream, GradientSum, Params, Piece, Place, Rows, Storage,
    chunk_rows,
};
use lanegrad_fuzz::fixtures::{Number, assert_same_bits};
use lanegrad_fuzz::passes::{by_definition, numbers};
use lanegrad_fuzz::{Numbers, Types, for_types, fractions};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    types: Types,
    ncols: u8,
    data: Numbers,
    params: Numbers,
    /// The rows of each segment, of which there are at most so many.
    rows: [u16; 7],
    segments: u8,
    /// For each chunk, whether a shard starts there, and for each piece, how it is pushed.
    starts: u64,
    ways: u64,
    /// The order of merging.
    order: [u8; 16],
}

fn check<S: Storage<T> + Number, T: Number>(input: &Input) {
    let ncols = usize::from(input.ncols % 40);
    let chunk = chunk_rows::<T>(ncols);
    let rows: Vec<usize> =
        input.rows[..usize::from(input.segments) % 8].iter().map(|&rows| usize::from(rows) % 2000).collect();
    let nrows = rows.iter().sum();
    let (x, weights): (Vec<S>, Vec<T>) = (input.data.get(nrows * ncols), input.params.get(ncols + 1));
    let labels: Vec<T> = fractions(7, nrows);
    let batch = Batch::new(Rows::new(&x, nrows, ncols).expect("a matrix"), &labels).expect("labels");
    let params = Params::new(&weights[1..], weights[0]);
    let firsts: Vec<usize> = (0..rows.len()).map(|i| rows[..i].iter().sum()).collect();
    let of = |segment: u64, rows: std::ops::Range<u64>| {
        let first = firsts[segment as usize];
        batch.slice(first + rows.start as usize..first + rows.end as usize).expect("rows of a segment")
    };
    let extent = Extent::of_segments(rows.iter().map(|&rows| rows as u64));
    let engine = Engine::serial();
    let segments: Vec<_> =
        (0..).zip(extent.segments()).map(|(segment, &rows)| of(segment, 0..rows)).collect();
    let pass =
        |segment: &Batch<'_, S, T>| numbers(&engine.loss_and_gradient(segment, params).expect("weights"));
    let want = by_definition(segments.iter().map(|batch| (batch.nrows() > 0).then(|| pass(batch))).collect());

    let mut all = GradientStream::new(engine, params);
    all.push_segments(&segments).expect("segments");
    all.end_data();
    let Some(want) = want else {
        assert_eq!(all.into_sum().finish(&extent).err(), Some(Error::NoRows));
        return;
    };
    let all = all.into_sum();

    // Shards of chunks that follow one another.
    let mut shards: Vec<(Place, Vec<Piece>, bool)> = Vec::new();
    for (i, shard) in extent.plan(chunk, usize::MAX).into_iter().enumerate() {
        match shards.last_mut().filter(|_| input.starts >> (i % 64) & 1 == 0) {
            Some((_, pieces, ends)) => {
                pieces.extend_from_slice(shard.pieces());
                *ends = shard.ends_data();
            }
            None => shards.push((shard.start(), shard.pieces().to_vec(), shard.ends_data())),
        }
    }
    let sum = |(start, pieces, ends_data): &(Place, Vec<Piece>, bool)| -> GradientSum {
        let mut stream = GradientStream::starting_at(engine, params, *start).expect("a chunk's first row");
        for (i, piece) in pieces.iter().enumerate() {
            let rows = of(piece.segment, piece.rows.clone());
            if piece.ends_segment && input.ways >> (i % 64) & 1 == 1 {
                stream.push_segments(&[rows]).expect("a segment, or the rest of one");
            } else {
                stream.push(&rows).expect("rows");
                if piece.ends_segment {
                    stream.end_segment();
                }
            }
        }
        if *ends_data {
            stream.end_data();
        }
        GradientSum::from_bytes(&stream.into_sum().to_bytes()).expect("what was written")
    };
    let mut left: Vec<GradientSum> = shards.iter().map(sum).collect();
    let mut merged = left.swap_remove(usize::from(input.order[0]) % left.len());
    for i in (1..).take(left.len()) {
        assert!(merged.finish(&extent).is_err(), "a shard is missing");
        let next = left.swap_remove(usize::from(input.order[i % 16]) % left.len());
        merged.merge(&next).expect("other rows");
        assert!(merged.merge(&next).is_err(), "a shard twice");
    }
    assert!(merged.to_bytes() == all.to_bytes(), "one form");
    assert_same_bits(&numbers(&merged.finish(&extent).expect("all rows")), &want, || {
        format!("{rows:?} x {ncols}")
    });
}

fuzz_target!(|input: Input| for_types!(input.types, check(&input)));
