//! A table that is in memory, or mapped into it.

use super::{Input, ROWS_AT_A_TIME, Source, name, npy, row_place};
use crate::error::{Context, Error, ensure};
use crate::number::{Dtype, Number};
use std::fmt;
use std::path::Path;

/// A table of numbers, row after row.
pub struct Table {
    file: String,
    names: Vec<String>,
    nrows: usize,
    memory: Memory,
    /// The source that it was read from, which knows the places of rows; `None` if the file is mapped.
    source: Option<Source>,
}

enum Memory {
    F32(Vec<f32>),
    F64(Vec<f64>),
    Mapped(npy::Array),
}

/// A table's numbers, in the type that they are held in.
#[derive(Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Numbers<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
}

/// The type and how many there are.
impl fmt::Debug for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32(numbers) => write!(f, "F32({} numbers)", numbers.len()),
            Self::F64(numbers) => write!(f, "F64({} numbers)", numbers.len()),
        }
    }
}

impl Table {
    /// Reads a whole file (see [`Input::open`]). `check` is called with the file's name and the names of its
    /// columns before the rows are read. With a `dtype`, numbers are held in that type; without, those of a
    /// mapped file stay as they are, and others are `f64`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not in its format, a cell is not a number, or `check` fails.
    pub fn read<R>(
        path: &Path,
        dtype: Option<Dtype>,
        check: impl FnOnce(&str, &[String]) -> Result<R, Error>,
    ) -> Result<(Self, R), Error> {
        let file = name(path);
        match Input::open(path)? {
            Input::Mapped(array) => {
                let names = unnamed(array.ncols());
                let checked = check(&file, &names)?;
                let nrows = array.nrows();
                let memory = match dtype {
                    Some(Dtype::F32) if array.dtype() == Dtype::F64 => {
                        Memory::F32(array.numbers::<f64>()?.iter().map(|&x| x as f32).collect())
                    }
                    Some(Dtype::F64) if array.dtype() == Dtype::F32 => {
                        Memory::F64(array.numbers::<f32>()?.iter().map(|&x| f64::from(x)).collect())
                    }
                    _ => Memory::Mapped(array),
                };
                Ok((Self { file, names, nrows, memory, source: None }, checked))
            }
            Input::Source(mut source) => {
                let checked = check(&file, source.names())?;
                let (memory, nrows) = match dtype {
                    Some(Dtype::F32) => read_all(&mut source).map(|(all, rows)| (Memory::F32(all), rows)),
                    Some(Dtype::F64) | None => {
                        read_all(&mut source).map(|(all, rows)| (Memory::F64(all), rows))
                    }
                }?;
                let names = source.names().to_vec();
                Ok((Self { file, names, nrows, memory, source: Some(source) }, checked))
            }
        }
    }

    /// The file's name in messages.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The names of the columns; their numbers from 0 if the file has no names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of rows.
    #[must_use]
    pub fn nrows(&self) -> usize {
        self.nrows
    }

    /// The type that the numbers are held in.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        match &self.memory {
            Memory::F32(_) => Dtype::F32,
            Memory::F64(_) => Dtype::F64,
            Memory::Mapped(array) => array.dtype(),
        }
    }

    /// The file and the place of a row in it, for messages: `small.csv, line 3`.
    #[must_use]
    pub fn place(&self, row: usize) -> String {
        let place = self.source.as_ref().map_or_else(|| row_place(row), |source| source.place(row));
        format!("{}, {place}", self.file)
    }

    /// The numbers, row after row.
    ///
    /// # Errors
    ///
    /// If the numbers of a mapped file are not aligned in memory.
    pub fn numbers(&self) -> Result<Numbers<'_>, Error> {
        Ok(match &self.memory {
            Memory::F32(numbers) => Numbers::F32(numbers),
            Memory::F64(numbers) => Numbers::F64(numbers),
            Memory::Mapped(array) if array.dtype() == Dtype::F32 => Numbers::F32(array.numbers()?),
            Memory::Mapped(array) => Numbers::F64(array.numbers()?),
        })
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nrows, ncols, dtype) = (self.nrows, self.names.len(), self.dtype());
        write!(f, "Table {{ {:?}, {nrows} x {ncols}, {dtype} }}", self.file)
    }
}

/// Reads the rows of a source to its end, and returns their numbers and how many rows there are.
fn read_all<T: Number>(source: &mut Source) -> Result<(Vec<T>, usize), Error> {
    let (mut numbers, mut rows) = (Vec::new(), 0);
    loop {
        let read = source.read(ROWS_AT_A_TIME, &mut numbers)?;
        if read == 0 {
            return Ok((numbers, rows));
        }
        rows += read;
        if rows == read {
            // So that the numbers need not be moved while they grow in number. If there is not enough memory for
            // the estimate, there may still be enough for the numbers.
            let more = source.rows_expected().unwrap_or(0).saturating_sub(rows);
            let _ = numbers.try_reserve(more.saturating_mul(source.names().len()));
        }
    }
}

/// The columns of a table by their use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Columns {
    /// The column of the labels.
    pub label: usize,
    /// The column of the sample weights.
    pub sample_weight: Option<usize>,
    /// All other columns.
    pub features: Vec<usize>,
}

impl Columns {
    /// Finds the columns of labels and sample weights, each given by its name or, if no column has that name, by
    /// its number from 0 (-1 is the last). All other columns are features. `file` is a name for messages.
    ///
    /// # Errors
    ///
    /// If there is no such column, the two are the same, or no other column is left.
    pub fn find(
        file: &str,
        names: &[String],
        label: &str,
        sample_weight: Option<&str>,
    ) -> Result<Self, Error> {
        let find = |which: &str| find_column(file, names, which);
        let label = find(label)?;
        let sample_weight = sample_weight.map(find).transpose()?;
        ensure!(sample_weight != Some(label), "label and sample weight are the same column");
        let features: Vec<usize> =
            (0..names.len()).filter(|&i| i != label && Some(i) != sample_weight).collect();
        ensure!(!features.is_empty(), "{file}: there is no column of features");
        Ok(Self { label, sample_weight, features })
    }
}

/// The names of columns in a file without names: their numbers from 0.
pub(crate) fn unnamed(cols: usize) -> Vec<String> {
    (0..cols).map(|i| i.to_string()).collect()
}

/// The column of a name or, if no column has that name, of a number from 0; -1 is the last.
pub(crate) fn find_column(file: &str, names: &[String], which: &str) -> Result<usize, Error> {
    let by_number = || {
        let number: isize = which.parse().ok()?;
        let number = if number < 0 { number.checked_add_unsigned(names.len())? } else { number };
        usize::try_from(number).ok().filter(|&number| number < names.len())
    };
    let found = names.iter().position(|name| name == which).or_else(by_number);
    found.with_context(|| {
        let some: Vec<String> = names.iter().take(8).map(|name| format!("`{name}`")).collect();
        let more = if names.len() > 8 { ", …" } else { "" };
        format!("{file}: there is no column `{which}`, but {}{more}", some.join(", "))
    })
}
