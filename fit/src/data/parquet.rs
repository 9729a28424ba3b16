//! Parquet: columns of numbers of any type, and labels that may be texts, read row by row. Columns that are not used
//! are not read.

use super::advice;
use super::block::{Block, Place, Row};
use super::columns::{Plan, Role};
use super::shown::shown;
use crate::error::{Context, Error, bail, ensure};
use crate::number::Held;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::fmt;
use std::fs::File;

/// A reader of rows, one after the other.
pub(super) struct Reader {
    /// The file, until its first rows are read.
    unread: Option<ParquetRecordBatchReaderBuilder<File>>,
    batches: Option<ParquetRecordBatchReader>,
    /// The file's name, for messages.
    file: String,
    names: Vec<String>,
    /// The columns that are read, in the order of the file.
    used: Vec<(usize, Role)>,
    waiting: Batch,
    /// Rows that were handed on.
    rows: usize,
    rows_expected: usize,
}

/// The columns that a plan uses.
fn used(plan: &Plan) -> impl Iterator<Item = (usize, Role)> {
    plan.roles.iter().copied().enumerate().filter(|(_, role)| *role != Role::Ignored)
}

/// Rows that were read.
#[derive(Default)]
struct Batch {
    /// A column for each that is used.
    columns: Vec<Column>,
    nrows: usize,
    /// The number of these rows that were handed on.
    done: usize,
}

/// A column of some rows.
enum Column {
    Numbers(Float64Array),
    Texts(StringArray),
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("file", &self.file).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads the schema.
    pub(super) fn new(input: File, file: &str) -> Result<Self, Error> {
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(input).with_context(|| format!("cannot read {file}"))?;
        let names = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
        let rows_expected = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        Ok(Self {
            unread: Some(builder),
            batches: None,
            file: file.to_owned(),
            names,
            used: Vec::new(),
            waiting: Batch::default(),
            rows: 0,
            rows_expected,
        })
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of rows that the file says it has.
    pub(super) fn rows_expected(&self) -> usize {
        self.rows_expected
    }

    /// Opens the columns that a plan uses, and refuses those of them that are not numbers, nor labels in texts.
    fn start(&mut self, plan: &Plan) -> Result<(), Error> {
        let Some(builder) = self.unread.take() else { return Ok(()) };
        let file = &self.file;
        ensure!(plan.roles.len() == self.names.len(), "{file}: the plan is for another number of columns");
        self.used = used(plan).collect();
        for &(column, role) in &self.used {
            let place = || format!("{file}, column {} (`{}`)", column + 1, shown(&self.names[column]));
            ensure!(
                role != Role::Dropped,
                "{file}: column {} has no name: {}",
                column + 1,
                advice::nameless(column)
            );
            let kind = builder.schema().field(column).data_type();
            let is_read = is_number(kind) || (role == Role::Label && is_text(kind));
            if !is_read {
                let advice = match role {
                    Role::Feature(_) => format!("; {}", advice::ignore(&self.names[column])),
                    _ => String::new(),
                };
                bail!("{}: its type is {kind}, which is not a number{advice}", place());
            }
        }
        let mask =
            ProjectionMask::roots(builder.parquet_schema(), self.used.iter().map(|&(column, _)| column));
        let batches = builder.with_projection(mask).build();
        self.batches = Some(batches.with_context(|| format!("cannot read {file}"))?);
        Ok(())
    }

    /// Reads the next batch; `false` at the end.
    fn next(&mut self) -> Result<bool, Error> {
        let Some(batch) = self.batches.as_mut().and_then(Iterator::next) else { return Ok(false) };
        let batch = batch.with_context(|| format!("cannot read {}", self.file))?;
        self.waiting = Batch { columns: self.columns(&batch)?, nrows: batch.num_rows(), done: 0 };
        Ok(true)
    }

    fn columns(&self, batch: &RecordBatch) -> Result<Vec<Column>, Error> {
        let mut columns = Vec::new();
        for (array, &(column, _)) in batch.columns().iter().zip(&self.used) {
            let cast = |to: &DataType| -> Result<ArrayRef, Error> {
                arrow_cast::cast(array, to)
                    .with_context(|| format!("{}, column `{}`", self.file, shown(&self.names[column])))
            };
            columns.push(if is_text(array.data_type()) {
                Column::Texts(cast(&DataType::Utf8)?.as_string::<i32>().clone())
            } else {
                Column::Numbers(cast(&DataType::Float64)?.as_primitive::<Float64Type>().clone())
            });
        }
        Ok(columns)
    }

    pub(super) fn read<T: Held>(
        &mut self,
        plan: &Plan,
        rows: usize,
        block: &mut Block<T>,
    ) -> Result<usize, Error> {
        self.start(plan)?;
        ensure!(
            used(plan).eq(self.used.iter().copied()),
            "{}: the plan is not that of the rows before",
            self.file
        );
        // An empty batch is not the end.
        while self.waiting.done == self.waiting.nrows {
            if !self.next()? {
                return Ok(0);
            }
        }
        let Batch { columns, nrows, done } = &self.waiting;
        let count = rows.min(nrows - done);
        for row in *done..done + count {
            let first = block.features.len();
            block.features.append(plan.features);
            for (values, &(column, role)) in columns.iter().zip(&self.used) {
                let name = &self.names[column];
                let number = self.rows + row - done;
                let place = Place { file: &self.file, row: Row::Number(number), column, name };
                match (values.get(row), role) {
                    (Value::Number(x), Role::Feature(feature)) => {
                        block.features[first + feature] = match T::near(x) {
                            Some(near) if near.double().is_finite() => near,
                            near => block.not_finite(x, near, &place)?,
                        };
                    }
                    (Value::Text(text), Role::Feature(feature)) => {
                        block.features[first + feature] = block.text(text.as_bytes(), false, &place)?;
                    }
                    (Value::Number(x), Role::Label) => block.labels.number(x, &place)?,
                    (Value::Text(text), Role::Label) => block.labels.text(text.as_bytes(), false, &place)?,
                    (Value::Number(x), Role::SampleWeight) => block.weight(x, &place)?,
                    (Value::Text(text), Role::SampleWeight) => {
                        block.weight_text(text.as_bytes(), false, &place)?
                    }
                    (_, Role::Ignored | Role::Dropped) => {}
                }
            }
        }
        self.waiting.done += count;
        self.rows += count;
        Ok(count)
    }
}

/// A value of a column. Null is the text that stands for a missing cell elsewhere.
enum Value<'a> {
    Number(f64),
    Text(&'a str),
}

impl Column {
    fn get(&self, row: usize) -> Value<'_> {
        match self {
            Self::Numbers(numbers) if numbers.is_valid(row) => Value::Number(numbers.value(row)),
            Self::Texts(texts) if texts.is_valid(row) => Value::Text(texts.value(row)),
            _ => Value::Text("null"),
        }
    }
}

/// The type of a column's values.
fn of_values(kind: &DataType) -> &DataType {
    match kind {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

fn is_number(kind: &DataType) -> bool {
    let kind = of_values(kind);
    kind.is_numeric() || *kind == DataType::Boolean
}

fn is_text(kind: &DataType) -> bool {
    matches!(of_values(kind), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

#[cfg(test)]
mod tests;
