//! `GradientSum` from text and from binary data: no panic, and what is accepted survives being sent again,
//! merges in either order, and finishes or says why not.
#![no_main]

use lanegrad::GradientSum;
use libfuzzer_sys::fuzz_target;

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
    // A gradient takes 8 bytes for each feature that the sum claims to have.
    if text["fingerprint"]["cols"].as_u64().is_some_and(|cols| cols > 1 << 20) {
        return;
    }
    let claimed = text["end_row"].as_u64();
    for rows in [0, 1, 511, 512, 1024, u64::MAX].into_iter().chain(claimed) {
        let finished = sum.finish(rows);
        // Two numbers of rows cannot both be right, but for none.
        assert!(finished.is_err() || claimed.is_none_or(|end| end == rows), "{rows}");
    }
}

fuzz_target!(|bytes: &[u8]| {
    // Two sums, cut where a byte stands that is in neither format's text.
    let cut = bytes.iter().position(|&byte| byte == 0xff).unwrap_or(bytes.len());
    let (first, second) = bytes.split_at(cut);
    let first = read(first);
    let second = read(second.get(1..).unwrap_or_default());
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
