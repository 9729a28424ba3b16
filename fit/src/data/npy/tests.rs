use super::{Array, header};
use crate::data::{Block, Choice, Columns, Labels, Plan};
use crate::error::chain;
use crate::number::Dtype;
use half::f16;
use std::fs::File;
use std::io::Write;

/// A file of this header and these numbers, mapped.
fn map(head: &[u8], numbers: &[u8]) -> Result<Array<'static>, String> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[head, numbers].concat()).unwrap();
    Array::map(&file).map_err(|error| chain(&error))
}

/// A header of this text, padded to 128 bytes and some.
fn head(descr: &str, fortran: bool, shape: &str, more: usize) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    let mut head = [b"\x93NUMPY\x01\0", &(118 + more as u16).to_le_bytes()[..], text.as_bytes()].concat();
    head.resize(128 + more, b' ');
    head
}

/// All numbers of an array.
fn all(array: &Array) -> Vec<f64> {
    let mut block = Block::<f64>::with_infinities();
    array.read(0..array.nrows(), &Plan::all(array.ncols()), "a.npy", &mut block).unwrap();
    block.features.to_vec()
}

#[test]
fn every_type_is_read_as_the_same_numbers() {
    let want = [0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
    let le = |bytes: &[&[u8]]| bytes.concat();
    let one_of = |x: f64, one: &[u8]| if x == 1.0 { one.to_vec() } else { vec![0; one.len()] };
    for (descr, one) in [
        ("|b1", &[1][..]),
        ("|i1", &[1]),
        ("|u1", &[1]),
        ("<i2", &1_i16.to_le_bytes()),
        (">u2", &1_u16.to_be_bytes()),
        ("<i4", &1_i32.to_le_bytes()),
        (">u4", &1_u32.to_be_bytes()),
        (">i8", &1_i64.to_be_bytes()),
        ("<u8", &1_u64.to_le_bytes()),
        ("<f2", &0x3c00_u16.to_le_bytes()),
        (">f2", &0x3c00_u16.to_be_bytes()),
        ("<f4", &1_f32.to_le_bytes()),
        (">f4", &1_f32.to_be_bytes()),
        ("<f8", &1_f64.to_le_bytes()),
        (">f8", &1_f64.to_be_bytes()),
    ] {
        let by_row: Vec<Vec<u8>> = want.iter().map(|&x| one_of(x, one)).collect();
        let by_row: Vec<&[u8]> = by_row.iter().map(Vec::as_slice).collect();
        let by_column: Vec<&[u8]> = [0, 2, 4, 1, 3, 5].map(|i| by_row[i]).to_vec();
        for (fortran, numbers) in [(false, &by_row), (true, &by_column)] {
            for more in [0, 3] {
                let array = map(&head(descr, fortran, "(3, 2)", more), &le(numbers)).unwrap();
                assert_eq!(all(&array), want, "{descr}, {fortran}, {more}");
                let plain = !fortran && more == 0 && cfg!(target_endian = "little");
                assert_eq!(
                    array.numbers::<f64>().is_some(),
                    plain && descr == "<f8",
                    "{descr}, {fortran}, {more}"
                );
                assert_eq!(
                    array.numbers::<f32>().is_some(),
                    plain && descr == "<f4",
                    "{descr}, {fortran}, {more}"
                );
                let dtype = match &descr[1..] {
                    "i1" => Dtype::I8,
                    "u1" => Dtype::U8,
                    "f2" => Dtype::F16,
                    "f4" => Dtype::F32,
                    _ => Dtype::F64,
                };
                assert_eq!(array.dtype(), dtype);
                // Bytes are aligned anywhere.
                let is_mapped = [array.numbers::<i8>().is_some(), array.numbers::<u8>().is_some()];
                assert_eq!(is_mapped, [!fortran && descr == "|i1", !fortran && descr == "|u1"], "{descr}");
                assert_eq!(array.numbers::<f16>().is_some(), plain && descr == "<f2", "{descr}");
            }
        }
    }
}

#[test]
fn extreme_integers_are_rounded_once() {
    let integers = [i64::MIN, -1, (1 << 53) + 1, i64::MAX];
    let bytes: Vec<u8> = integers.iter().flat_map(|x| x.to_le_bytes()).collect();
    let array = map(&head("<i8", false, "(4, 1)", 0), &bytes).unwrap();
    assert_eq!(all(&array), integers.map(|x| x as f64));
    let mut block = Block::<f32>::default();
    // Next to the middle of two floats, which is the nearest double: rounded twice, it would go down.
    let near = [(1_i64 << 60) + (1 << 36) + 1, u32::MAX.into()];
    let bytes: Vec<u8> = near.iter().flat_map(|x| x.to_le_bytes()).collect();
    let array = map(&head("<i8", false, "(1, 2)", 0), &bytes).unwrap();
    array.read(0..1, &Plan::all(2), "a.npy", &mut block).unwrap();
    assert_eq!(block.features[..], near.map(|x| x as f32));
    let array = map(&head("|b1", false, "(1, 2)", 0), &[7, 0]).unwrap();
    assert_eq!(all(&array), [1.0, 0.0]);
}

#[test]
fn rows_follow_the_plan() {
    let numbers: Vec<u8> = (0..12_i16).flat_map(i16::to_be_bytes).collect();
    let array = map(&head(">i2", false, "(3, 4)", 0), &numbers).unwrap();
    let names: Vec<String> = (0..4).map(|i| i.to_string()).collect();
    let choice = Choice { label: Some("-1"), sample_weight: Some("0"), ..Choice::default() };
    let columns = Columns::find("a.npy", &names, &choice).unwrap();
    let mut block = Block::<f32>::new(Labels::new(Some("7")).unwrap(), Dtype::F32);
    array.read(1..3, &columns.plan(4).unwrap(), "a.npy", &mut block).unwrap();
    assert_eq!(block.features[..], [5.0, 6.0, 9.0, 10.0]);
    assert_eq!(
        (block.labels.codes.as_slice(), block.sample_weights.as_slice()),
        (&[1.0, 0.0][..], &[4.0, 8.0][..])
    );
    let mut block = Block::<f64>::default();
    array.read(0..1, &Plan::new(4, &[2, 0]), "a.npy", &mut block).unwrap();
    assert_eq!(block.features[..], [2.0, 0.0]);
    assert!(array.read(2..4, &Plan::all(4), "a.npy", &mut block).is_err());
    assert!(array.read(0..1, &Plan::all(3), "a.npy", &mut block).is_err());
}

#[test]
fn numbers_that_do_not_fit_have_a_place() {
    let array = |numbers: &[f64]| {
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        map(&head("<f8", false, &format!("({}, 2)", numbers.len() / 2), 0), &bytes).unwrap()
    };
    let refused = |numbers: &[f64]| {
        let mut block = Block::<f32>::default();
        let array = array(numbers);
        array.read(0..array.nrows(), &Plan::all(2), "a.npy", &mut block).unwrap_err().to_string()
    };
    assert_eq!(refused(&[1.0, 2.0, 3.0, 1e39]), "a.npy, row 2, column 2 (`1`): 1e39 is too large for f32");
    assert_eq!(refused(&[f64::NEG_INFINITY, 2.0]), "a.npy, row 1, column 1 (`0`): -inf is not finite");
    let nan = array(&[1.0, f64::NAN, f64::INFINITY, f64::NAN]);
    let mut block = Block::<f32>::with_infinities();
    nan.read(0..2, &Plan::all(2), "a.npy", &mut block).unwrap();
    assert!(block.features[1].is_nan() && block.features[2] == f32::INFINITY);
    assert_eq!(block.missing.describe(), "2 missing cells, the first in row 1, column 2 (`1`): `NaN`");
    let as_label = Plan::all(2).with_label(Some(1));
    let missing = nan.read(0..1, &as_label, "a.npy", &mut block).unwrap_err();
    assert_eq!(missing.to_string(), "a.npy, row 1, column 2 (`1`): the label is missing (`NaN`)");
}

#[test]
fn a_header_reads_back_at_any_size() {
    for (rows, cols) in [(1, 1), (569, 31)] {
        let array = map(&header(Dtype::F32, rows, cols).unwrap(), &vec![0; 4 * rows * cols]).unwrap();
        assert_eq!((array.nrows(), array.ncols(), array.dtype()), (rows, cols, Dtype::F32));
        assert_eq!(array.numbers::<f32>().map(<[f32]>::len), Some(rows * cols));
    }
    assert_eq!(header(Dtype::F64, usize::MAX, usize::MAX).unwrap().len(), 128);
}

#[test]
fn what_is_not_as_large_as_its_shape_is_refused() {
    let refused =
        |shape: &str, bytes: usize| map(&head("<i2", false, shape, 0), &vec![0; bytes]).unwrap_err();
    assert!(map(&head("<i2", true, "(3, 2)", 0), &[0; 12]).is_ok());
    assert!(
        refused("(3, 2)", 11).contains("the file is truncated: 3 x 2 numbers take 12 bytes, and it has 11")
    );
    assert!(refused("(3, 2)", 13).contains("1 bytes follow the 3 x 2 numbers"));

    assert!(refused("(2, 0)", 0).contains("no columns"));
    assert!(refused("(99999999999999999, 99999999999999999)", 0).contains("too large"));
    assert!(map(&head("<i2", false, "(6,)", 0), &[0; 12]).unwrap().is_vector());
    assert!(Array::map(&File::open("/dev/null").unwrap()).is_err());
}
