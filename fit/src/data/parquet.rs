//! Parquet: columns of numbers of any type, read row by row.

use crate::error::{Context, Error, bail, ensure};
use crate::number::Number;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, Float64Array, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::fmt;
use std::fs::File;

/// A reader of rows, one after the other.
pub(super) struct Reader {
    batches: ParquetRecordBatchReader,
    /// The file's name, for messages.
    file: String,
    names: Vec<String>,
    /// A batch of at least one column, and the number of its rows that were handed on.
    waiting: Option<(Vec<Float64Array>, usize)>,
    rows: usize,
    rows_expected: usize,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("file", &self.file).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads the schema, and refuses columns that are not numbers.
    pub(super) fn new(input: File, file: &str) -> Result<Self, Error> {
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(input).with_context(|| format!("cannot read {file}"))?;
        let fields = builder.schema().fields().clone();
        for field in &fields {
            let kind = field.data_type();
            let is_number = kind.is_numeric() || *kind == DataType::Boolean;
            ensure!(
                is_number,
                "{file}, column `{}`: its type is {kind}, which is not a number",
                field.name()
            );
        }
        let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        super::check_names(&names, file)?;
        let rows_expected = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let batches = builder.build().with_context(|| format!("cannot read {file}"))?;
        Ok(Self { batches, file: file.to_owned(), names, waiting: None, rows: 0, rows_expected })
    }

    /// Reads the next batch; `false` at the end.
    fn next(&mut self) -> Result<bool, Error> {
        let Some(batch) = self.batches.next() else { return Ok(false) };
        let batch = batch.with_context(|| format!("cannot read {}", self.file))?;
        self.waiting = Some((self.doubles(&batch)?, 0));
        Ok(true)
    }

    fn doubles(&self, batch: &RecordBatch) -> Result<Vec<Float64Array>, Error> {
        let mut columns = Vec::new();
        for (column, name) in batch.columns().iter().zip(&self.names) {
            let column = arrow_cast::cast(column, &DataType::Float64)
                .with_context(|| format!("{}, column `{name}`", self.file))?;
            if let Some(row) = (0..column.len()).find(|&row| column.is_null(row)) {
                bail!("{}, row {}, column `{name}`: the cell is empty", self.file, self.rows + row + 1);
            }
            columns.push(column.as_primitive::<Float64Type>().clone());
        }
        Ok(columns)
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of rows that the file says it has.
    pub(super) fn rows_expected(&self) -> usize {
        self.rows_expected
    }

    pub(super) fn read<T: Number>(&mut self, rows: usize, out: &mut Vec<T>) -> Result<usize, Error> {
        // An empty batch is not the end.
        while self.waiting.as_ref().is_none_or(|(columns, done)| columns[0].len() == *done) {
            if !self.next()? {
                return Ok(0);
            }
        }
        let Some((columns, done)) = &mut self.waiting else { return Ok(0) };
        let count = rows.min(columns[0].len() - *done);
        for row in *done..*done + count {
            out.extend(columns.iter().map(|column| T::nearest(column.value(row))));
        }
        *done += count;
        self.rows += count;
        Ok(count)
    }
}
