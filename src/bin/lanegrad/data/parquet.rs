//! Parquet: columns of numbers of any type, read row by row.

use super::{Number, Source};
use anyhow::{Context, Result, bail, ensure};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, Float64Array, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::fs::File;

/// Reads rows one after the other.
pub struct Reader {
    batches: ParquetRecordBatchReader,
    /// The file's name, for messages.
    file: String,
    names: Vec<String>,
    /// A batch, of at least one column, and how many of its rows were handed on.
    waiting: Option<(Vec<Float64Array>, usize)>,
    rows: usize,
}

impl Reader {
    pub fn new(input: File, file: &str) -> Result<Self> {
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(input).with_context(|| format!("cannot read {file}"))?;
        let fields = builder.schema().fields().clone();
        for field in &fields {
            let kind = field.data_type();
            let is_number = kind.is_numeric() || *kind == DataType::Boolean;
            ensure!(is_number, "{file}, column `{}`: its type is {kind}, which is no number", field.name());
        }
        let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        super::check_names(&names, file)?;
        let batches = builder.build().with_context(|| format!("cannot read {file}"))?;
        Ok(Self { batches, file: file.to_owned(), names, waiting: None, rows: 0 })
    }

    fn next(&mut self) -> Result<bool> {
        let Some(batch) = self.batches.next() else { return Ok(false) };
        let batch = batch.with_context(|| format!("cannot read {}", self.file))?;
        self.waiting = Some((self.doubles(&batch)?, 0));
        Ok(true)
    }

    fn doubles(&self, batch: &RecordBatch) -> Result<Vec<Float64Array>> {
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

    fn read<T: Number>(&mut self, rows: usize, out: &mut Vec<T>) -> Result<usize> {
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

impl Source for Reader {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn read_f32(&mut self, rows: usize, out: &mut Vec<f32>) -> Result<usize> {
        self.read(rows, out)
    }

    fn read_f64(&mut self, rows: usize, out: &mut Vec<f64>) -> Result<usize> {
        self.read(rows, out)
    }
}
