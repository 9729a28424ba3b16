//! The `.npy` reader: no panic, and what it accepts is a matrix as large as its shape says.
#![no_main]

use lanegrad_fit::data::npy::{Array, header};
use lanegrad_fit::data::{Block, Choice, Columns, Plan};
use lanegrad_fit::{Dtype, Number};
use libfuzzer_sys::fuzz_target;
use std::io::{Seek, Write};

/// The numbers as they are read, row by row; `None` if one of them does not fit into the type.
fn read<T: Number>(array: &Array) -> Option<Vec<T>> {
    let mut block = Block::<T>::with_infinities();
    array.read(0..array.nrows(), &Plan::all(array.ncols()), "a.npy", &mut block).ok()?;
    assert_eq!(block.features().len(), array.nrows() * array.ncols());
    Some(block.features().to_vec())
}

/// The numbers of a mapping are those that are read.
fn agree<T: Number>(array: &Array) {
    let Some(mapped) = array.numbers::<T>() else { return };
    assert_eq!(array.dtype(), T::DTYPE);
    let read = read::<T>(array).expect("they have their own type");
    let same = |(a, b): (&T, &T)| a == b || (a.double().is_nan() && b.double().is_nan());
    assert!(mapped.len() == read.len() && mapped.iter().zip(&read).all(same));
}

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::tempfile().expect("a place for files");
    file.write_all(bytes).expect("space");
    let Ok(array) = Array::map(&file) else { return };
    assert!(array.nrows() > 0 && array.ncols() > 0);
    agree::<f32>(&array);
    agree::<f64>(&array);
    let _ = read::<f32>(&array);
    let numbers = read::<f64>(&array).expect("every number is a double, or nearly one");

    // Labels and sample weights may be refused.
    let names: Vec<String> = (0..array.ncols()).map(|i| i.to_string()).collect();
    let choice = Choice { label: Some("-1"), sample_weight: Some("0"), ..Choice::default() };
    if let Ok(columns) = Columns::find("a.npy", &names, &choice) {
        let (plan, mut block) = (columns.plan(array.ncols()).expect("its columns"), Block::<f64>::default());
        let _ = array.read(0..array.nrows(), &plan, "a.npy", &mut block);
    }

    // What we write of it reads back.
    file.rewind().expect("a file");
    file.set_len(0).expect("a file");
    file.write_all(&header(Dtype::F64, array.nrows(), array.ncols()).expect("a type of NumPy"))
        .expect("space");
    let written: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    file.write_all(&written).expect("space");
    let again = Array::map(&file).expect("what was written");
    assert_eq!((again.dtype(), again.nrows(), again.ncols()), (Dtype::F64, array.nrows(), array.ncols()));
    let again: Vec<u8> = read::<f64>(&again).expect("doubles").iter().flat_map(|x| x.to_le_bytes()).collect();
    assert!(again == written);
});
