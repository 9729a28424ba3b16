//! Tables of numbers in files: CSV, NumPy's `.npy`, and Parquet with the feature `parquet`.

pub mod csv;
mod labels;
pub mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod table;

pub(crate) use labels::{Labels, read_column};
pub use table::{Columns, Numbers, Table};
pub(crate) use table::{find_column, unnamed};

use crate::error::{Context, Error, bail, ensure};
use crate::number::Number;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// The number of rows that are read from a file at a time.
pub const ROWS_AT_A_TIME: usize = 1 << 14;

/// A file's numbers.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// Mapped into memory.
    Mapped(npy::Array),
    /// Read row by row.
    Source(Source),
}

impl Input {
    /// Opens a file in the format of its extension: `.npy`, `.parquet`, or CSV under any other. `-` is
    /// standard input, as CSV.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not in its format.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = name(path);
        if path.as_os_str() == "-" {
            let reader = csv::Reader::new(Box::new(std::io::stdin()) as _, None, &name)?;
            return Ok(Self::Source(Source::new(Format::Csv(reader))));
        }
        let file = || File::open(path).with_context(|| format!("cannot read {name}"));
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => {
                npy::Array::map(&file()?).map(Self::Mapped).with_context(|| format!("cannot read {name}"))
            }
            #[cfg(feature = "parquet")]
            Some("parquet") => {
                Ok(Self::Source(Source::new(Format::Parquet(parquet::Reader::new(file()?, &name)?))))
            }
            #[cfg(not(feature = "parquet"))]
            Some("parquet") => {
                bail!("cannot read {name}: this build is without the feature `parquet`")
            }
            _ => {
                let file = file()?;
                let size = file.metadata().ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len());
                Ok(Self::Source(Source::new(Format::Csv(csv::Reader::new(
                    Box::new(file) as _,
                    size,
                    &name,
                )?))))
            }
        }
    }
}

/// A file whose rows are read one after the other.
#[derive(Debug)]
pub struct Source(Box<Format>);

#[derive(Debug)]
enum Format {
    Csv(csv::Reader<Box<dyn Read + Send>>),
    #[cfg(feature = "parquet")]
    Parquet(parquet::Reader),
}

impl Source {
    fn new(format: Format) -> Self {
        Self(Box::new(format))
    }

    /// The names of the columns.
    #[must_use]
    pub fn names(&self) -> &[String] {
        match &*self.0 {
            Format::Csv(reader) => reader.names(),
            #[cfg(feature = "parquet")]
            Format::Parquet(reader) => reader.names(),
        }
    }

    /// Appends at most `rows` more rows to `out`, and returns their number; 0 at the end.
    ///
    /// # Errors
    ///
    /// If the file cannot be read on, or a cell is not a number. Numbers of that block may have been appended.
    pub fn read<T: Number>(&mut self, rows: usize, out: &mut Vec<T>) -> Result<usize, Error> {
        match &mut *self.0 {
            Format::Csv(reader) => reader.read(rows, out),
            #[cfg(feature = "parquet")]
            Format::Parquet(reader) => reader.read(rows, out),
        }
    }

    /// An estimate of the number of rows in the file; `None` if nothing is known of it.
    #[must_use]
    pub fn rows_expected(&self) -> Option<usize> {
        match &*self.0 {
            Format::Csv(reader) => reader.rows_expected(),
            #[cfg(feature = "parquet")]
            Format::Parquet(reader) => Some(reader.rows_expected()),
        }
    }

    /// The place in the file of a row that was read, in words: `line 3`.
    #[must_use]
    pub fn place(&self, row: usize) -> String {
        match &*self.0 {
            Format::Csv(reader) => reader.place(row),
            #[cfg(feature = "parquet")]
            Format::Parquet(_) => row_place(row),
        }
    }
}

/// The place of a row in a file without lines.
pub(crate) fn row_place(row: usize) -> String {
    format!("row {}", row + 1)
}

/// Refuses columns of the same name, and a table without columns.
fn check_names(names: &[String], file: &str) -> Result<(), Error> {
    ensure!(!names.is_empty(), "{file} has no columns");
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(name) => bail!("{file}: two columns are called `{name}`"),
        None => Ok(()),
    }
}

/// A file's name in messages.
#[must_use]
pub fn name(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}
