//! Partial sums from text and from binary data: no panic, and what is accepted survives being sent again, merges
//! in either order, and finishes or says why not. What is read as a sum of the loss is none of its curvature.
#![no_main]

use lanegrad::{Extent, Gradient, HessianProduct, PartialSum, Total};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::collections::BTreeSet;

/// A sum, and itself as text.
type Sum<R> = (PartialSum<R>, Value);

fn parse<R: Total>(bytes: &[u8]) -> Option<PartialSum<R>> {
    match bytes {
        [b'{', ..] => serde_json::from_slice(bytes).ok(),
        _ => ciborium::from_reader(bytes).ok(),
    }
}

fn read<R: Total>(bytes: &[u8]) -> Option<Sum<R>> {
    let sum: PartialSum<R> = parse(bytes)?;
    let text = serde_json::to_value(&sum).expect("numbers");
    let again: PartialSum<R> = serde_json::from_value(text.clone()).expect("what was written");
    let mut binary = Vec::new();
    ciborium::into_writer(&again, &mut binary).expect("memory");
    let again: PartialSum<R> = ciborium::from_reader(&binary[..]).expect("what was written");
    assert_eq!(serde_json::to_value(&again).expect("numbers"), text);
    Some((sum, text))
}

fn finish<R: Total>(sum: &PartialSum<R>, text: &Value) {
    let end_row = text["end_row"].as_u64();
    let numbers: BTreeSet<u64> = [0, 1, 511, 512, 1024, u64::MAX].into_iter().chain(end_row).collect();
    let right: Vec<u64> =
        numbers.into_iter().filter(|&rows| sum.finish(Extent::of_rows(rows)).is_ok()).collect();
    assert!(right.len() <= 1 && right.iter().all(|&rows| end_row.is_none_or(|end| end == rows)), "{right:?}");
}

/// Two sums, one after the other in the input.
fn check<R: Total>(first: &[u8], second: &[u8]) {
    let (first, second) = (read::<R>(first), read::<R>(second));
    for (sum, text) in [&first, &second].into_iter().flatten() {
        finish(sum, text);
    }
    let (Some((first, _)), Some((second, _))) = (first, second) else { return };
    let (mut one, mut other) = (first.clone(), second.clone());
    let (merged, turned) = (one.merge(&second), other.merge(&first));
    assert_eq!(merged.is_ok(), turned.is_ok());
    let [one, other] = [one, other].map(|sum| serde_json::to_value(&sum).expect("numbers"));
    if merged.is_ok() {
        assert_eq!(one, other);
    } else {
        assert_eq!(one, serde_json::to_value(&first).expect("numbers"));
    }
}

fuzz_target!(|input: (u16, &[u8])| {
    let (first, second) = input.1.split_at(input.1.len().min(input.0.into()));
    for bytes in [first, second] {
        let read_as_both = parse::<HessianProduct>(bytes).is_some() && parse::<Gradient>(bytes).is_some();
        assert!(!read_as_both, "one kind of sum");
    }
    check::<Gradient>(first, second);
    check::<HessianProduct>(first, second);
});
