//! `GradientSum` from text and from binary data: no panic, and what is accepted survives being sent again,
//! merges in either order, and finishes or says why not.
#![no_main]

use lanegrad::GradientSum;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;

/// A sum, and itself as text.
type Sum = (GradientSum, serde_json::Value);

fn read(bytes: &[u8]) -> Option<Sum> {
    let sum: GradientSum = match bytes {
        [b'{', ..] => serde_json::from_slice(bytes).ok()?,
        _ => ciborium::from_reader(bytes).ok()?,
    };
    let text = serde_json::to_value(&sum).expect("numbers");
    let again: GradientSum = serde_json::from_value(text.clone()).expect("what was written");
    let mut binary = Vec::new();
    ciborium::into_writer(&again, &mut binary).expect("memory");
    let again: GradientSum = ciborium::from_reader(&binary[..]).expect("what was written");
    assert_eq!(serde_json::to_value(&again).expect("numbers"), text);
    Some((sum, text))
}

fn finish(sum: &GradientSum, text: &serde_json::Value) {
    // A sum of no rows that claims so many features has a gradient of as many zeros, if that fits into memory.
    let cols = text["fingerprint"]["cols"].as_u64().expect("a number");
    let none = Some(0).filter(|_| cols <= 1 << 20 || cols > 1 << 60);
    let end_row = text["end_row"].as_u64();
    let numbers: BTreeSet<u64> =
        none.into_iter().chain([1, 511, 512, 1024, u64::MAX]).chain(end_row.filter(|&end| end > 0)).collect();
    let right: Vec<u64> = numbers.into_iter().filter(|&rows| sum.finish(rows).is_ok()).collect();
    assert!(right.len() <= 1 && right.iter().all(|&rows| end_row.is_none_or(|end| end == rows)), "{right:?}");
}

fuzz_target!(|input: (u16, &[u8])| {
    // Two sums, one after the other.
    let (first, second) = input.1.split_at(input.1.len().min(input.0.into()));
    let (first, second) = (read(first), read(second));
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
});
