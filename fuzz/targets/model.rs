//! A model from JSON: no panic, and what is accepted holds together and reads back to the same bits.
#![no_main]

#[path = "../../src/bin/lanegrad"]
#[allow(dead_code, reason = "a part of the command line is under test")]
mod cli {
    pub mod json;
    pub mod model;
}
use cli::json;

use cli::model::Model;
use libfuzzer_sys::fuzz_target;
use std::io::Write;

fn read(bytes: &[u8]) -> anyhow::Result<Model> {
    let mut file = tempfile::NamedTempFile::new().expect("a place for files");
    file.write_all(bytes).expect("space");
    Model::read(file.path())
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = read(bytes) else { return };
    assert!(!model.columns.is_empty() && model.weights.len() == model.columns.len());
    assert!(model.weights.iter().all(|w| w.is_finite()) && model.bias.is_finite());
    let text = json::to_string(&model).expect("numbers");
    let again = read(text.as_bytes()).expect("what was written");
    let bits = |model: &Model| model.weights.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
    assert_eq!((again.bias.to_bits(), bits(&again)), (model.bias.to_bits(), bits(&model)));
    assert_eq!(json::to_string(&again).expect("numbers"), text);
});
