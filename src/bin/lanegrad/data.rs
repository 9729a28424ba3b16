//! Tables of numbers: where they come from, and how they lie in memory.

pub mod csv;
pub mod npy;
#[cfg(feature = "parquet")]
mod parquet;
pub mod table;

use crate::dtype::Dtype;
use anyhow::{Context, Result, bail, ensure};
use lanegrad::{Element, Storage};
use std::collections::HashSet;
use std::fs::{self, File};
use std::path::Path;

/// A type that a table's numbers are held in.
pub trait Number: Element + Storage<f64> + Default {
    /// The type as a choice.
    const DTYPE: Dtype;

    /// From decimal text; `None` where that is no number.
    fn parse(text: &[u8]) -> Option<Self>;

    /// The nearest number.
    fn nearest(x: f64) -> Self;
}

macro_rules! number {
    ($($t:ident $dtype:ident),+) => {
        $(impl Number for $t {
            const DTYPE: Dtype = Dtype::$dtype;

            #[inline]
            fn parse(text: &[u8]) -> Option<Self> {
                match text {
                    // Indicators are a large part of many tables.
                    [digit @ b'0'..=b'9'] => Some($t::from(digit - b'0')),
                    _ => fast_float2::parse(text).ok(),
                }
            }

            fn nearest(x: f64) -> Self {
                x as $t
            }
        })+
    };
}
number!(f32 F32, f64 F64);

/// Rows that are read one after the other.
pub trait Source {
    /// The names of the columns.
    fn names(&self) -> &[String];

    /// Appends the next rows to `out`, at most so many, and returns how many there were; 0 at the end.
    fn read_f32(&mut self, rows: usize, out: &mut Vec<f32>) -> Result<usize>;

    /// The same in double precision.
    fn read_f64(&mut self, rows: usize, out: &mut Vec<f64>) -> Result<usize>;

    /// About how many rows there are, by those that were read.
    fn rows_expected(&self) -> Option<usize> {
        None
    }

    /// Where in the file a row is that was read.
    fn place(&self, row: usize) -> String {
        format!("row {}", row + 1)
    }
}

/// A file's numbers.
pub enum Input {
    /// Mapped into memory.
    Mapped(npy::Array),
    /// Read row by row.
    Source(Box<dyn Source>),
}

/// Opens a file by its ending: `.npy`, `.parquet`, and CSV for all else; `-` is standard input, as CSV.
pub fn open(path: &Path) -> Result<Input> {
    let name = name(path);
    if path.as_os_str() == "-" {
        let reader = csv::Reader::new(std::io::stdin().lock(), None, &name)?;
        return Ok(Input::Source(Box::new(reader)));
    }
    let file = || File::open(path).with_context(|| format!("cannot read {name}"));
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("npy") => {
            npy::Array::map(&file()?).map(Input::Mapped).with_context(|| format!("cannot read {name}"))
        }
        #[cfg(feature = "parquet")]
        Some("parquet") => Ok(Input::Source(Box::new(parquet::Reader::new(file()?, &name)?))),
        #[cfg(not(feature = "parquet"))]
        Some("parquet") => {
            bail!("cannot read {name}: this program was built without the feature `parquet`")
        }
        _ => {
            let file = file()?;
            let size = file.metadata().ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len());
            Ok(Input::Source(Box::new(csv::Reader::new(file, size, &name)?)))
        }
    }
}

/// Fails where two columns have one name, or there are none.
fn check_names(names: &[String], file: &str) -> Result<()> {
    ensure!(!names.is_empty(), "{file} has no columns");
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(name) => bail!("{file}: two columns are called `{name}`"),
        None => Ok(()),
    }
}

/// A file's name, for messages.
pub fn name(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}
