//! A model from JSON: no panic, and what is accepted holds together and reads back to the same bits.
#![no_main]

use lanegrad_fit::Model;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(model) = Model::from_json(text) else { return };
    assert!(!model.columns.is_empty() && model.weights.len() == model.columns.len());
    assert!(model.weights.iter().all(|w| w.is_finite()) && model.bias.is_finite());
    let missing = model.missing.iter().flatten();
    assert!(missing.clone().all(|x| x.is_finite()) && [0, model.columns.len()].contains(&missing.count()));
    let again = Model::from_json(&model.to_json()).expect("what was written");
    let bits = |model: &Model| model.weights.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
    assert_eq!((again.bias.to_bits(), bits(&again)), (model.bias.to_bits(), bits(&model)));
    assert_eq!(again.to_json(), model.to_json());
});
