//! Tables in files: CSV, also compressed with gzip, NumPy's `.npy`, `.safetensors`, and Parquet with the feature
//! `parquet`.
//!
//! A [`Source`] is a file that was opened, and knows its columns. A [`Plan`] says what is done with each of them,
//! before any row is read: [`Columns`] makes it from names. The source then appends rows to a [`Block`]: features,
//! labels and sample weights.
//!
//! # Missing cells
//!
//! A cell that is empty, or `NA`, `N/A`, `#N/A`, `NaN`, `?` or `null` in any case, is missing; so are null in Parquet,
//! and NaN in an array or in Parquet. A missing feature is NaN in a block, which counts them. A missing label or sample
//! weight is an error.

mod advice;
mod block;
mod cell;
mod columns;
pub mod csv;
mod fill;
mod format;
mod labels;
pub mod npy;
mod numbers;
#[cfg(feature = "parquet")]
mod parquet;
pub mod safetensors;
mod shown;
mod source;

pub(crate) use advice::FILL;
pub use block::Block;
pub(crate) use block::{MissingCells, Place, Row};
pub(crate) use columns::find_column;
pub use columns::{Choice, Columns, Plan};
pub(crate) use fill::{Means, fill};
pub(crate) use labels::{LabelKind, Labels};
pub(crate) use numbers::Numbers;
pub(crate) use shown::number;
pub use shown::shown;
pub use source::{Source, files_of, path_of_scaling};

use crate::error::{Error, ensure};
use crate::number::Dtype;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The number of rows that are read from a file at a time.
pub const ROWS_AT_A_TIME: usize = 1 << 14;

/// Where labels are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Label {
    /// In a column of the data, by name or number.
    Column(String),
    /// In files of their own, one for each file of the data, in the same order: an array of one dimension, or a table
    /// of one column. It has a row for each row of the data.
    Files(Vec<PathBuf>),
    /// In arrays of their own, that come with tables in memory.
    Arrays,
}

impl Label {
    /// The column of the data.
    pub(crate) fn column(&self) -> Option<&str> {
        match self {
            Self::Column(column) => Some(column),
            Self::Files(_) | Self::Arrays => None,
        }
    }

    /// The files of the labels.
    pub(crate) fn files(&self) -> &[PathBuf] {
        match self {
            Self::Column(_) | Self::Arrays => &[],
            Self::Files(paths) => paths,
        }
    }
}

/// Reads labels from a file of their own, behind those that there are.
pub(crate) fn read_labels(source: &mut Source<'_>, labels: Labels) -> Result<Labels, Error> {
    let plan = column_alone(source, "labels", |columns| &mut columns.label)?;
    let mut block = Block::<f64>::new(labels, Dtype::F64);
    source.read_all(&plan, &mut block, &mut |_| ControlFlow::Continue(()))?;
    Ok(block.labels)
}

/// Reads sample weights from a table of their own, as they are to be computed with.
pub(crate) fn read_sample_weights(source: &mut Source<'_>, arithmetic: Dtype) -> Result<Vec<f64>, Error> {
    let plan = column_alone(source, "sample weights", |columns| &mut columns.sample_weight)?;
    let mut block = Block::<f64>::new(Labels::default(), arithmetic);
    source.read_all(&plan, &mut block, &mut |_| ControlFlow::Continue(()))?;
    Ok(block.sample_weights)
}

/// The plan for a table of one column, which is of this use.
fn column_alone(
    source: &Source<'_>,
    what: &str,
    use_of: impl FnOnce(&mut Columns) -> &mut Option<usize>,
) -> Result<Plan, Error> {
    let (file, names) = (source.file(), source.names());
    let named = columns::named(names);
    ensure!(named == 1, "{file} has {named} columns, and not the {what} alone");
    source.quantization().map_or(Ok(()), |all| all.refuse_change(0, what, || file.to_owned()))?;
    let mut columns = Columns { dropped: (1..names.len()).collect(), ..Columns::default() };
    *use_of(&mut columns) = Some(0);
    columns.plan(names.len())
}

/// Refuses labels or sample weights that are not as many as the rows.
pub(crate) fn check_count(what: &str, count: usize, of: &str, rows: usize, file: &str) -> Result<(), Error> {
    ensure!(count == rows, "{of} has {count} {what}, but {file} has {rows} rows");
    Ok(())
}

/// A file's name in messages.
#[must_use]
pub fn name(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}
