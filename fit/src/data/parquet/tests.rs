use super::Reader;
use crate::data::{Block, Choice, Columns, Labels, Plan};
use crate::error::chain;
use crate::number::{Dtype, Held};
use arrow_array::types::Int8Type;
use arrow_array::{
    ArrayRef, BooleanArray, Decimal128Array, DictionaryArray, Float64Array, Int32Array, RecordBatch,
    StringArray,
};
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::io::Seek;
use std::sync::Arc;

/// A file of these columns.
fn write(columns: &[(&str, ArrayRef)]) -> File {
    let batch =
        RecordBatch::try_from_iter(columns.iter().map(|(name, array)| (*name, Arc::clone(array)))).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    let mut writer = ArrowWriter::try_new(file.try_clone().unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file.rewind().unwrap();
    file
}

/// The rows of a file, with these columns ignored.
fn read<T: Held>(
    columns: &[(&str, ArrayRef)],
    label: Option<&str>,
    positive: Option<&str>,
    ignore: &[&str],
) -> Result<Block<T>, String> {
    let mut reader = Reader::new(write(columns), "a.parquet").map_err(|error| chain(&error))?;
    let ignore: Vec<String> = ignore.iter().map(|&name| name.to_owned()).collect();
    let choice = Choice { label, ignore: &ignore, ..Choice::default() };
    let found = Columns::find("a.parquet", reader.names(), &choice).map_err(|error| chain(&error))?;
    let plan = found.plan(reader.names().len()).unwrap();
    let mut block = Block::new(Labels::new(positive).unwrap(), Dtype::F64);
    while reader.read(&plan, 2, &mut block).map_err(|error| chain(&error))? > 0 {}
    block.labels.check().map_err(|error| chain(&error))?;
    Ok(block)
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn doubles(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

#[test]
fn columns_of_any_type_by_their_use() {
    let decimals = Decimal128Array::from(vec![150, -25, 0]).with_precision_and_scale(10, 2).unwrap();
    let classes: DictionaryArray<Int8Type> = ["no", "yes", "no"].into_iter().collect();
    let columns: [(&str, ArrayRef); 5] = [
        ("id", texts(&[Some("r1"), None, Some("r3")])),
        ("n", Arc::new(Int32Array::from(vec![1, 2, 3]))),
        ("flag", Arc::new(BooleanArray::from(vec![true, false, true]))),
        ("y", Arc::new(classes)),
        ("d", Arc::new(decimals)),
    ];
    let block = read::<f64>(&columns, Some("y"), Some("yes"), &["id"]).unwrap();
    assert_eq!(block.features[..], [1.0, 1.0, 1.5, 2.0, 0.0, -0.25, 3.0, 1.0, 0.0]);
    assert_eq!(block.labels.codes, [0.0, 1.0, 0.0]);
    let flag = read::<f32>(&columns, Some("flag"), None, &["id", "y"]).unwrap();
    assert_eq!((flag.features.len(), flag.labels.codes), (6, vec![1.0, 0.0, 1.0]));
    let refused = read::<f64>(&columns, Some("y"), None, &["id"]).unwrap_err();
    assert!(
        refused.starts_with("a.parquet, row 1, column 4 (`y`): the label `no` is not a number"),
        "{refused}"
    );
    assert!(refused.contains("`no` and `yes`"), "{refused}");
    let refused = read::<f64>(&columns, Some("flag"), None, &["y"]).unwrap_err();
    assert!(
        refused.contains("column 1 (`id`): its type is Utf8, which is not a number; `--ignore 'id'`"),
        "{refused}"
    );
}

#[test]
fn null_and_nan_are_missing() {
    let columns = [
        ("a", doubles(&[Some(1.0), Some(f64::NAN), None])),
        ("b", doubles(&[Some(1.0), Some(1e39), Some(0.0)])),
        ("y", texts(&[Some("0"), Some("1"), None])),
    ];
    let block = read::<f64>(&columns, Some("b"), Some("1"), &["y"]).unwrap();
    assert!(block.features[0] == 1.0 && block.features[1].is_nan() && block.features[2].is_nan());
    assert_eq!(block.missing.describe(), "2 missing cells, the first in row 2, column 1 (`a`): `NaN`");
    let label = read::<f64>(&columns, Some("y"), None, &[]).unwrap_err();
    assert_eq!(label, "a.parquet, row 3, column 3 (`y`): the label is missing (`null`)");
    let single = read::<f32>(&columns, None, None, &["y"]).unwrap_err();
    assert_eq!(single, "a.parquet, row 2, column 2 (`b`): 1e39 is too large for f32");
    let infinite = read::<f64>(&[("a", doubles(&[Some(f64::NEG_INFINITY)]))], None, None, &[]).unwrap_err();
    assert_eq!(infinite, "a.parquet, row 1, column 1 (`a`): -inf is not finite");
}

#[test]
fn columns_without_a_name_are_ignored_by_choice() {
    let columns = [("", doubles(&[Some(0.0), Some(1.0)])), ("a", doubles(&[Some(2.0), Some(3.0)]))];
    assert!(read::<f64>(&columns, None, None, &[]).unwrap_err().contains("column 1 has no name"));
    assert_eq!(read::<f64>(&columns, None, None, &["0"]).unwrap().features[..], [2.0, 3.0]);
    let last = [columns[1].clone(), columns[0].clone()];
    assert!(read::<f64>(&last, None, None, &[]).unwrap_err().contains("column 2 has no name"));
}

#[test]
fn another_plan_for_the_rows_that_follow_is_refused() {
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]));
    let mut reader = Reader::new(write(&[("a", Arc::clone(&numbers)), ("b", numbers)]), "a.parquet").unwrap();
    let mut block = Block::<f64>::default();
    assert_eq!(reader.read(&Plan::all(2), 1, &mut block).unwrap(), 1);
    for plan in [Plan::new(2, &[1]), Plan::new(2, &[1, 0]), Plan::all(1), Plan::all(3)] {
        let error = reader.read(&plan, 1, &mut block).unwrap_err();
        assert!(chain(&error).contains("a.parquet: the plan is not that"), "{error}");
    }
    assert_eq!(reader.read(&Plan::all(2), 9, &mut block).unwrap(), 2);
}
