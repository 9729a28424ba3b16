//! Partial sums from bytes and from binary data of serde: no panic, and what is accepted has the bytes that it was read
//! from, merges in either order, and finishes or says why not. What is read as a sum of the loss is none of its
//! curvature. The checksum is mended first, as no fuzzer guesses it.
#![no_main]

use lanegrad::{Extent, Gradient, HessianProduct, PartialSum, Total};
use lanegrad_fuzz::sealed;
use libfuzzer_sys::fuzz_target;

fn read<R: Total>(bytes: &[u8]) -> Option<PartialSum<R>> {
    assert!(PartialSum::<R>::from_bytes(bytes).is_err() || sealed(&bytes[..bytes.len() - 8]) == bytes);
    let bytes = sealed(bytes);
    let sum = PartialSum::<R>::from_bytes(&bytes).ok()?;
    assert!(sum.to_bytes() == bytes, "one form");
    let mut binary = Vec::new();
    ciborium::into_writer(&sum, &mut binary).expect("memory");
    let again: PartialSum<R> = ciborium::from_reader(&binary[..]).expect("what was written");
    assert!(again.to_bytes() == bytes);
    Some(sum)
}

/// Of these data sets it is at most one's sum: no two have the same rows in the same segments, but for empty ones.
fn finish<R: Total>(sum: &PartialSum<R>) {
    let rows = [0, 1, 511, 512, 1024, 1 << 63, u64::MAX];
    let one = rows.iter().map(|&rows| Extent::of_rows(rows));
    let two = rows.iter().flat_map(|&first| rows.map(|second| [first, second]));
    let two = two.filter(|rows| rows[1] > 0).map(Extent::of_segments);
    assert!(one.chain(two).filter(|extent| sum.finish(extent).is_ok()).count() <= 1);
}

/// Two sums, one after the other in the input.
fn check<R: Total>(first: &[u8], second: &[u8]) {
    let (first, second) = (read::<R>(first), read::<R>(second));
    for sum in [&first, &second].into_iter().flatten() {
        finish(sum);
    }
    let (Some(first), Some(second)) = (first, second) else { return };
    let (mut one, mut other) = (first.clone(), second.clone());
    let (merged, turned) = (one.merge(&second), other.merge(&first));
    assert_eq!(merged.is_ok(), turned.is_ok());
    if merged.is_ok() {
        assert!(one.to_bytes() == other.to_bytes());
        assert!(PartialSum::<R>::from_bytes(&one.to_bytes()).is_ok());
        finish(&one);
    } else {
        assert!(one.to_bytes() == first.to_bytes() && other.to_bytes() == second.to_bytes());
    }
}

fuzz_target!(|input: (u16, &[u8])| {
    let (first, second) = input.1.split_at(input.1.len().min(input.0.into()));
    for bytes in [first, second].map(sealed) {
        let of_both = [
            PartialSum::<HessianProduct>::from_bytes(&bytes).is_ok(),
            PartialSum::<Gradient>::from_bytes(&bytes).is_ok(),
        ];
        assert!(of_both != [true; 2], "one kind of sum");
    }
    check::<Gradient>(first, second);
    check::<HessianProduct>(first, second);
});
