//! A table with labels, and the model that is fitted to it.

use crate::data::{Columns, Labels, Numbers, Table, read_column};
use crate::error::{Context, Error, bail, ensure};
use crate::features::Features;
use crate::fit::{Fit, Options, Progress};
use crate::model::Model;
use crate::moments::{Failure, Fault};
use crate::number::{Dtype, Number};
use crate::solve::solve;
use lanegrad::{Batch, Storage};
use std::fmt;

/// A table whose labels and sample weights were read and checked.
pub struct TrainingSet<'a> {
    table: &'a Table,
    columns: &'a Columns,
    targets: Targets,
    signed: bool,
}

/// Labels and sample weights, in the type of the arithmetic.
enum Targets {
    F32(Vec<f32>, Option<Vec<f32>>),
    F64(Vec<f64>, Option<Vec<f64>>),
}

impl<'a> TrainingSet<'a> {
    /// Reads the labels of a table, and its sample weights, for a fit in this type of arithmetic. Labels are
    /// probabilities from 0 to 1, or all of them -1 or +1. Sample weights say how often a row counts.
    ///
    /// # Errors
    ///
    /// If there are no rows or one of the columns is not in the table, a label or a sample weight is out of its range, or the arithmetic is `f32` and the
    /// numbers are held in `f64`.
    pub fn new(table: &'a Table, columns: &'a Columns, arithmetic: Dtype) -> Result<Self, Error> {
        ensure!(table.nrows() > 0, "{} has no rows", table.file());
        // Whoever made them need not have looked at this table.
        let Columns { label, sample_weight, features } = columns;
        let ncols = table.names().len();
        for column in features.iter().chain([label]).chain(sample_weight) {
            ensure!(
                *column < ncols,
                "{} has no column {column}, but {ncols} columns from 0 on",
                table.file()
            );
        }
        ensure!(
            arithmetic == Dtype::F64 || table.dtype() == Dtype::F32,
            "arithmetic in f32 needs data that are held in f32"
        );
        let mut coding = Labels::default();
        let targets = match arithmetic {
            Dtype::F32 => {
                let (labels, weights) = targets(table, columns, &mut coding)?;
                Targets::F32(labels, weights)
            }
            Dtype::F64 => {
                let (labels, weights) = targets(table, columns, &mut coding)?;
                Targets::F64(labels, weights)
            }
        };
        Ok(Self { table, columns, targets, signed: coding.signed })
    }

    /// True where labels are -1 or +1, of which -1 stands for 0.
    #[must_use]
    pub fn has_signed_labels(&self) -> bool {
        self.signed
    }

    /// Fits a model. `observe` is called after each iteration. It runs on the threads of the caller's rayon pool.
    ///
    /// # Errors
    ///
    /// If an option is out of its range, a number is not finite (the error names its place), or the objective or
    /// a weight does not stay finite.
    pub fn fit(&self, options: &Options, observe: impl FnMut(&Progress)) -> Result<(Model, Fit), Error> {
        let fit = match (self.table.numbers()?, &self.targets) {
            (Numbers::F32(x), Targets::F32(y, s)) => self.solve(x, y, s.as_deref(), options, observe),
            (Numbers::F32(x), Targets::F64(y, s)) => self.solve(x, y, s.as_deref(), options, observe),
            (Numbers::F64(x), Targets::F64(y, s)) => self.solve(x, y, s.as_deref(), options, observe),
            (Numbers::F64(_), Targets::F32(..)) => bail!("arithmetic in f32 needs data that are held in f32"),
        }?;
        let name = |column: usize| self.table.names()[column].clone();
        let columns = self.columns.features.iter().copied().map(name).collect();
        let mut model = Model::new(&fit, options, name(self.columns.label), columns)?;
        model.sample_weight = self.columns.sample_weight.map(name);
        Ok((model, fit))
    }

    fn solve<S: Number + Storage<T>, T: Number>(
        &self,
        numbers: &[S],
        labels: &[T],
        sample_weights: Option<&[T]>,
        options: &Options,
        observe: impl FnMut(&Progress),
    ) -> Result<Fit, Error> {
        let Self { table, columns, .. } = self;
        let features = Features::new(&columns.features).with_context(|| table.file().to_owned())?;
        let mut batch = Batch::new(features.rows(numbers, table.names().len())?, labels)?;
        if let Some(weights) = sample_weights {
            batch = batch.with_sample_weights(weights)?;
        }
        solve(&batch, &features, options, observe).map_err(|failure| match failure {
            Failure::Column(place, fault) => {
                let number_of = |feature: &usize| features.places[*feature] == place;
                let column = (0..features.places.len()).find(number_of).map_or(0, |i| columns.features[i]);
                let file = match fault {
                    Fault::NotFinite { row, .. } => table.place(row),
                    _ => table.file().to_owned(),
                };
                let name = &table.names()[column];
                Error::new(format!("{file}, column {} (`{name}`): {}", column + 1, fault.words()))
            }
            Failure::Other(error) => error,
        })
    }
}

/// The table's shape and the columns, without their numbers.
impl fmt::Debug for TrainingSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainingSet")
            .field("table", self.table)
            .field("columns", self.columns)
            .finish_non_exhaustive()
    }
}

/// Reads labels and sample weights.
fn targets<T: Number>(
    table: &Table,
    columns: &Columns,
    coding: &mut Labels,
) -> Result<(Vec<T>, Option<Vec<T>>), Error> {
    let mut labels = Vec::with_capacity(table.nrows());
    read(table, columns.label, &mut labels, |x| coding.read(x))?;
    let Some(column) = columns.sample_weight else { return Ok((labels, None)) };
    let mut weights = Vec::with_capacity(table.nrows());
    read(table, column, &mut weights, |x| {
        ensure!(
            (0.0..f64::INFINITY).contains(&x),
            "the sample weight {x} is not a finite number of at least 0"
        );
        Ok(x)
    })?;
    Ok((labels, Some(weights)))
}

/// Appends a column, each number as what `read` makes of it.
fn read<T: Number>(
    table: &Table,
    column: usize,
    out: &mut Vec<T>,
    read: impl FnMut(f64) -> Result<f64, Error>,
) -> Result<(), Error> {
    let place = |row| table.place(row);
    match table.numbers()? {
        Numbers::F32(numbers) => read_column(numbers, table.names(), column, out, read, place),
        Numbers::F64(numbers) => read_column(numbers, table.names(), column, out, read, place),
    }
}
