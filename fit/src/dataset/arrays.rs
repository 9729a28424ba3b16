//! Data sets in memory, and what is beside a table: labels and sample weights that are not among its columns.

use super::{DataOptions, DataSet, read};
use crate::data::csv::Dialect;
use crate::data::npy::Array;
use crate::data::{Label, Source};
use crate::error::{Context, Error, ensure};
use std::ops::ControlFlow;
use std::path::PathBuf;

/// A segment of a data set in memory.
#[derive(Debug)]
#[non_exhaustive]
pub struct Arrays<'a> {
    /// Its name in messages.
    pub name: String,
    /// The rows.
    pub rows: Array<'a>,
    /// A column with the label of each row, if they are in no column of the rows.
    pub labels: Option<Array<'a>>,
    /// A column with the sample weight of each row, if they are in no column of the rows.
    pub sample_weights: Option<Array<'a>>,
}

impl<'a> Arrays<'a> {
    /// Rows, with labels and sample weights in columns of theirs, if anywhere.
    #[must_use]
    pub fn new(name: impl Into<String>, rows: Array<'a>) -> Self {
        Self { name: name.into(), rows, labels: None, sample_weights: None }
    }

    /// Refuses labels or sample weights that are in two places, or labels in none.
    pub(super) fn check(&self, options: &DataOptions) -> Result<(), Error> {
        let Self { name, labels, sample_weights, .. } = self;
        ensure!(
            sample_weights.is_none() || options.sample_weight.is_none(),
            "sample weights are in a column and in an array"
        );
        ensure!(options.label.files().is_empty(), "labels of arrays are in a column or in arrays");
        let labelled = options.label == Label::Arrays;
        let words =
            if labelled { "needs an array of labels" } else { "has labels in a column and in an array" };
        ensure!(labels.is_some() == labelled, "{name} {words}");
        Ok(())
    }
}

impl<'a> DataSet<'a> {
    /// A data set in memory, of arrays with the same columns: the one of files with these arrays, whose model has the
    /// same bytes. Numbers that need not be changed stay where they are. Columns have names, if they are given, or else
    /// their numbers from 0.
    ///
    /// Labels are in a column or, with [`Label::Arrays`], in arrays of their own.
    ///
    /// ```
    /// use lanegrad_fit::data::{Label, npy::Array};
    /// use lanegrad_fit::{Arrays, DataOptions, DataSet, Options};
    ///
    /// // The last of three columns is the label.
    /// let table = [0.5, 1.0, 1.0, -1.0, 0.0, 0.0, 2.0, 1.5, 0.0, 0.0, -0.5, 1.0];
    /// let arrays = Arrays::new("table", Array::of(&table, 4, 3)?);
    /// let set = DataSet::of_arrays(vec![arrays], None, &DataOptions::new(Label::Column("-1".to_owned())))?;
    /// let (model, _) = set.fit(&Options::default(), |_| {})?;
    /// assert_eq!(model.columns, ["0", "1"]);
    /// # Ok::<(), lanegrad_fit::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read) of files with these arrays; and if there is not a name for each column, or labels or
    /// sample weights are both in a column and in arrays, or beside some of the arrays alone.
    pub fn of_arrays(
        segments: Vec<Arrays<'a>>,
        names: Option<&[String]>,
        options: &DataOptions,
    ) -> Result<Self, Error> {
        let first = segments.first().context("there is no array of data")?;
        // Before a name is made for each column.
        ensure!(segments.iter().any(|arrays| arrays.rows.nrows() > 0), "{} has no rows", first.name);
        for Arrays { name, rows, .. } in &segments {
            let (ncols, wanted) = (rows.ncols(), first.rows.ncols());
            ensure!(ncols == wanted, "{name} has {ncols} columns, and {} has {wanted}", first.name);
        }
        let weighted = first.sample_weights.is_some();
        for arrays in &segments {
            arrays.check(options)?;
            ensure!(
                arrays.sample_weights.is_some() == weighted,
                "some arrays have sample weights, and others have not"
            );
        }
        let dtypes = segments[1..].iter().map(|arrays| Ok(arrays.rows.dtype()));
        let dtype = read::dtype(options, first.rows.dtype(), dtypes)?;
        let tables = segments.into_iter().map(|Arrays { name, rows, labels, sample_weights }| {
            let beside = |array: Option<Array<'a>>, what: &str| {
                array.map(|array| Source::of_array(&format!("{what} of {name}"), array, None)).transpose()
            };
            let beside = Beside::Arrays(Box::new([
                beside(labels, "labels")?,
                beside(sample_weights, "sample weights")?,
            ]));
            Ok((Source::of_array(&name, rows, names)?, beside))
        });
        read::read(dtype, tables, options, &mut |_, _| ControlFlow::Continue(()))
    }
}

/// What is beside a table.
pub(super) enum Beside<'a> {
    /// A file of labels, or nothing.
    Files(Option<PathBuf>),
    /// Labels and sample weights, each if there are any.
    Arrays(Box<[Option<Source<'a>>; 2]>),
}

impl<'a> Beside<'a> {
    /// The tables of labels and sample weights.
    pub(super) fn open(self, dialect: &Dialect) -> Result<[Option<Source<'a>>; 2], Error> {
        match self {
            Self::Files(path) => Ok([path.map(|path| Source::open_any(&path, dialect)).transpose()?, None]),
            Self::Arrays(sources) => Ok(*sources),
        }
    }
}
