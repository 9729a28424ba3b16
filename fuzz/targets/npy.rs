//! The `.npy` reader: no panic, and what it accepts is a matrix as large as its shape says.
#![no_main]

use lanegrad_fit::Dtype;
use lanegrad_fit::data::npy::{Array, header};
use libfuzzer_sys::fuzz_target;
use std::io::{Seek, Write};

/// The numbers in little-endian order. They are of one type and not of the other.
fn numbers(array: &Array) -> Vec<u8> {
    match array.dtype() {
        Dtype::F32 => {
            assert!(array.numbers::<f64>().is_err());
            array.numbers::<f32>().expect("its type").iter().flat_map(|x| x.to_le_bytes()).collect()
        }
        Dtype::F64 => {
            assert!(array.numbers::<f32>().is_err());
            array.numbers::<f64>().expect("its type").iter().flat_map(|x| x.to_le_bytes()).collect()
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::tempfile().expect("a place for files");
    file.write_all(bytes).expect("space");
    let Ok(array) = Array::map(&file) else { return };
    assert!(array.nrows() > 0 && array.ncols() > 0);
    let numbers = numbers(&array);
    assert_eq!(numbers.len(), array.nrows() * array.ncols() * array.dtype().bytes());
    assert!(bytes.ends_with(&numbers));

    // What we write of it reads back.
    file.rewind().expect("a file");
    file.set_len(0).expect("a file");
    file.write_all(&header(array.dtype(), array.nrows(), array.ncols())).expect("space");
    file.write_all(&numbers).expect("space");
    let again = Array::map(&file).expect("what was written");
    assert_eq!((again.dtype(), again.nrows(), again.ncols()), (array.dtype(), array.nrows(), array.ncols()));
    assert_eq!(self::numbers(&again), numbers);
});
