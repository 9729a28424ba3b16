//! The `.safetensors` reader and that of scales: no panic, and what is accepted is a matrix as large as its shape says, whose
//! numbers are read as they are mapped.
#![no_main]

use lanegrad_fit::data::csv::Dialect;
use lanegrad_fit::data::{Block, Plan, Source};
use lanegrad_fit::{Held, Quantization};
use libfuzzer_sys::fuzz_target;
use std::io::Write;

/// The numbers of a mapping are those that are read.
fn agree<S: Held>(source: &mut Source<'_>) {
    let Some(array) = source.array().filter(|array| array.numbers::<S>().is_some()) else { return };
    let (nrows, ncols) = (array.nrows(), array.ncols());
    let mapped = array.numbers::<S>().unwrap_or_default().to_vec();
    assert_eq!((mapped.len(), array.dtype()), (nrows * ncols, S::DTYPE));
    let mut block = Block::<S>::with_infinities();
    let read = source.read(&Plan::all(ncols), nrows, &mut block).expect("they have their own type");
    let same = |(a, b): (&S, &S)| a == b || (a.double().is_nan() && b.double().is_nan());
    assert!(read == nrows && mapped.iter().zip(block.features()).all(same));
}

fuzz_target!(|bytes: &[u8]| {
    for ncols in 0..4 {
        if let Ok(scales) = Quantization::from_json(bytes, ncols) {
            let again =
                Quantization::from_json(scales.to_json().as_bytes(), ncols).expect("what was written");
            assert_eq!(again, scales);
        }
    }
    let mut file = tempfile::Builder::new().suffix(".safetensors").tempfile().expect("a place for files");
    file.write_all(bytes).expect("space");
    let Ok(mut source) = Source::open(file.path(), &Dialect::default()) else { return };
    if let Some(scales) = source.quantization() {
        assert_eq!(scales.scales().len(), source.names().len());
    }
    agree::<i8>(&mut source);
    agree::<u8>(&mut source);
    agree::<half::bf16>(&mut source);
    agree::<half::f16>(&mut source);
    agree::<f32>(&mut source);
    agree::<f64>(&mut source);
});
