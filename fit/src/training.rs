//! A table with labels, and the model that is fitted to it.

mod options;
mod survey;

pub use self::options::{DataOptions, Missing};
use self::survey::Survey;
use crate::data::npy::Array;
use crate::data::{
    Block, Choice, Columns, FILL, Labels, Means, MissingCells, Numbers, Place, Row, Source, check_apart,
    check_label_count, fill, name, read_labels, shown,
};
use crate::error::{Context, Error, bail, ensure};
use crate::features::Features;
use crate::fit::{Fit, Options};
use crate::model::Model;
use crate::moments::{Failure, Fault};
use crate::number::{Dtype, Number};
use crate::optimize::{Each, Progress};
use crate::solve::{Start, solve};
use lanegrad::{Batch, Storage};
use std::fmt;
use std::path::Path;

/// A table whose labels and sample weights were read and checked.
pub struct TrainingSet {
    file: String,
    /// The names of all columns of the file.
    names: Vec<String>,
    columns: Columns,
    nrows: usize,
    table: Table,
    targets: Targets,
    positive: Option<String>,
    signed: bool,
    /// The value of each feature that missing cells are filled with.
    fills: Option<Vec<f64>>,
    filled: u64,
    copied: Option<Copied>,
}

/// The reason why a file that could be mapped is held in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Copied {
    /// Missing cells were filled.
    Filled,
    /// A column between the features, which is not used, has numbers that are not finite.
    Between,
}

/// The features, in the type that they are held in.
enum Table {
    F32(Memory<f32>),
    F64(Memory<f64>),
}

/// Where numbers are.
enum Memory<S> {
    /// The features of each row.
    Held(Numbers<S>),
    /// All columns of the file.
    Mapped(Array),
}

/// Labels and sample weights, in the type of the arithmetic.
enum Targets {
    F32(Vec<f32>, Option<Vec<f32>>),
    F64(Vec<f64>, Option<Vec<f64>>),
}

impl Targets {
    /// Labels and sample weights as they were read; there are none of the latter if no row has any.
    fn new(arithmetic: Dtype, labels: Vec<f64>, weights: Vec<f64>) -> Self {
        let some = |weights: Vec<f64>| Some(weights).filter(|weights| !weights.is_empty());
        let single = |numbers: Vec<f64>| numbers.into_iter().map(|x| x as f32).collect::<Vec<f32>>();
        match arithmetic {
            Dtype::F32 => Self::F32(single(labels), some(weights).map(single)),
            Dtype::F64 => Self::F64(labels, some(weights)),
        }
    }
}

impl TrainingSet {
    /// Reads a file (see [`Source::open`]) for a fit. Numbers of a `.npy` stay where they are mapped, if they are of
    /// the type that they are to be held in, and nothing needs to be filled.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or is not in its format, a column is not there or has no name, a cell is not a number
    /// or not finite in the type that features are held in, a label or a sample weight is missing or out of its
    /// range, a cell is missing and not to be filled or its column has no number, there are not as many labels as
    /// rows, there are no rows, or the arithmetic is `f32` and features are to be held in `f64`.
    pub fn read(path: &Path, options: &DataOptions) -> Result<Self, Error> {
        let arithmetic = options.arithmetic;
        check_apart(path, options.label.file())?;
        let source = Source::open(path, &options.dialect)?;
        let by_default = if arithmetic == Dtype::F32 { Dtype::F32 } else { source.dtype() };
        match (options.dtype.unwrap_or(by_default), arithmetic) {
            (Dtype::F64, Dtype::F32) => bail!("arithmetic in f32 needs data that are held in f32"),
            (Dtype::F32, _) => Self::read_as(source, options, Table::F32),
            (Dtype::F64, _) => Self::read_as(source, options, Table::F64),
        }
    }

    fn read_as<S: Number>(
        mut source: Source,
        options: &DataOptions,
        table: impl FnOnce(Memory<S>) -> Table,
    ) -> Result<Self, Error> {
        let (file, names) = (source.file().to_owned(), source.names().to_vec());
        let choice = Choice {
            label: options.label.column(),
            sample_weight: options.sample_weight.as_deref(),
            ignore: &options.ignore,
        };
        let columns = Columns::find(&file, &names, &choice)?;
        let is_mapped = source.array().is_some_and(|array| array.numbers::<S>().is_some());
        let plan = columns.plan(names.len())?;
        let plan = if is_mapped { plan.without_features() } else { plan };
        let mut block = Block::<S>::new(Labels::new(options.positive.as_deref())?, options.arithmetic);
        let nrows = source.read_all(&plan, &mut block)?;
        ensure!(nrows > 0, "{file} has no rows");
        let Block { features, mut labels, sample_weights, missing, .. } = block;
        let mut labels_place = file.clone();
        if let Some(path) = options.label.file() {
            labels = read_labels(path, &options.dialect, labels)?;
            check_label_count(labels.codes.len(), path, nrows, &file)?;
            labels_place = name(path);
        } else if let Some(column) = columns.label {
            labels_place = column_place(&file, &names, column);
        }
        labels.check()?;
        labels.check_positive(&labels_place)?;

        let array = source.into_array().filter(|_| is_mapped);
        let read = Read { file: &file, names: &names, columns: &columns, weights: &sample_weights, array };
        let Filled { memory, fills, filled, copied } = read.fill(features, missing, options)?;
        Ok(Self {
            table: table(memory),
            signed: labels.are_signed(),
            targets: Targets::new(options.arithmetic, labels.codes, sample_weights),
            positive: options.positive.clone(),
            file,
            names,
            columns,
            nrows,
            fills,
            filled,
            copied,
        })
    }

    /// The number of rows.
    #[must_use]
    pub fn nrows(&self) -> usize {
        self.nrows
    }

    /// The type that the features are held in.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        match self.table {
            Table::F32(_) => Dtype::F32,
            Table::F64(_) => Dtype::F64,
        }
    }

    /// The bytes that a pass over the rows reads, but for labels and sample weights.
    #[must_use]
    pub fn pass_bytes(&self) -> usize {
        let is_mapped = matches!(self.table, Table::F32(Memory::Mapped(_)) | Table::F64(Memory::Mapped(_)));
        let features = &self.columns.features;
        let window = Features::new(features).ok().filter(|_| is_mapped);
        let width = window.map_or(features.len(), |window| window.width);
        self.nrows * width * self.dtype().bytes()
    }

    /// The columns by their use.
    #[must_use]
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// True where labels are -1 or +1, of which -1 stands for 0.
    #[must_use]
    pub fn has_signed_labels(&self) -> bool {
        self.signed
    }

    /// The number of missing cells that were filled.
    #[must_use]
    pub fn filled(&self) -> u64 {
        self.filled
    }

    /// The reason why a file that could be mapped is held in memory instead.
    #[must_use]
    pub fn copied(&self) -> Option<Copied> {
        self.copied
    }

    /// Fits a model. `observe` is called after each iteration. It runs on the threads of the caller's rayon pool.
    ///
    /// # Errors
    ///
    /// If an option is out of its range, a number is not finite (the error names its place), or the objective or
    /// a weight does not stay finite.
    pub fn fit(&self, options: &Options, observe: impl FnMut(&Progress)) -> Result<(Model, Fit), Error> {
        let fit = match (&self.table, &self.targets) {
            (Table::F32(x), Targets::F32(y, s)) => self.solve(x, y, s.as_deref(), options, observe),
            (Table::F32(x), Targets::F64(y, s)) => self.solve(x, y, s.as_deref(), options, observe),
            (Table::F64(x), Targets::F64(y, s)) => self.solve(x, y, s.as_deref(), options, observe),
            (Table::F64(_), Targets::F32(..)) => bail!("arithmetic in f32 needs data that are held in f32"),
        }?;
        let named = |columns: &[usize]| columns.iter().map(|&column| self.names[column].clone()).collect();
        let Columns { label, sample_weight, ignored, features, .. } = &self.columns;
        let mut model = Model::new(&fit, options, named(features))?;
        model.label = label.map(|column| self.names[column].clone());
        model.positive = self.positive.clone();
        model.sample_weight = sample_weight.map(|column| self.names[column].clone());
        model.ignored = named(ignored);
        model.missing = self.fills.clone();
        Ok((model, fit))
    }

    fn solve<S: Number + Storage<T>, T: Number>(
        &self,
        memory: &Memory<S>,
        labels: &[T],
        sample_weights: Option<&[T]>,
        options: &Options,
        observe: impl FnMut(&Progress),
    ) -> Result<Fit, Error> {
        let columns = &self.columns.features;
        let (features, rows);
        match memory {
            Memory::Held(numbers) => {
                features = Features::all(columns.len());
                rows = features.rows(numbers, columns.len())?;
            }
            Memory::Mapped(array) => {
                features = Features::new(columns).with_context(|| self.file.clone())?;
                rows = features.rows(array.numbers().unwrap_or_default(), self.names.len())?;
            }
        }
        let mut batch = Batch::new(rows, labels)?;
        if let Some(weights) = sample_weights {
            batch = batch.with_sample_weights(weights)?;
        }
        let start = Start { options, tag: 0, resume: None };
        solve(&[batch], &features, start, &mut Each(observe)).map_err(|failure| match failure {
            Failure::Feature(feature, fault) => self.not_usable(memory, columns[feature], fault),
            Failure::Other(error) => error,
        })
    }

    /// The error of a column that cannot be computed with.
    fn not_usable<S: Number>(&self, memory: &Memory<S>, column: usize, fault: Fault) -> Error {
        let name = &self.names[column];
        match (fault, memory) {
            (Fault::NotFinite { number, .. }, Memory::Mapped(array)) if number.is_nan() => {
                let survey = Survey { array, file: &self.file, columns: &self.columns };
                let mut missing = MissingCells::default();
                let mut means = Means::new(0);
                match survey.run::<S>(array.numbers().unwrap_or_default(), |_| 1.0, &mut missing, &mut means)
                {
                    Ok(_) => Error::new(refused(&self.file, &missing)),
                    Err(error) => error,
                }
            }
            (Fault::NotFinite { row, .. }, _) => {
                let place = Place { file: &self.file, row: Row::Number(row), column, name };
                Error::new(format!("{place}: {}", fault.words()))
            }
            _ => Error::new(format!("{}: {}", column_place(&self.file, &self.names, column), fault.words())),
        }
    }
}

/// The table's shape and the columns, without their numbers.
impl fmt::Debug for TrainingSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainingSet")
            .field("file", &self.file)
            .field("nrows", &self.nrows)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

/// A table that was read, but for numbers that stay where they are mapped.
struct Read<'a> {
    file: &'a str,
    names: &'a [String],
    columns: &'a Columns,
    /// The sample weights; there are none if all rows count alike.
    weights: &'a [f64],
    /// The file, if its numbers are mapped.
    array: Option<Array>,
}

/// The features of a table, none of which is missing.
struct Filled<S> {
    memory: Memory<S>,
    fills: Option<Vec<f64>>,
    filled: u64,
    copied: Option<Copied>,
}

impl Read<'_> {
    /// Refuses or fills missing cells. Features that are not mapped are given, with what is missing among them.
    fn fill<S: Number>(
        self,
        mut features: Numbers<S>,
        mut missing: MissingCells,
        options: &DataOptions,
    ) -> Result<Filled<S>, Error> {
        let Self { file, names, columns, weights, array } = self;
        let weight = |row: usize| weights.get(row).copied().unwrap_or(1.0);
        let mut means = Means::new(columns.features.len());
        let mut copied = None;
        if let Some(array) = &array {
            let survey = Survey { array, file, columns };
            let numbers = array.numbers::<S>().unwrap_or_default();
            // A look at all numbers takes a pass over the file: only if something depends on it that the fit does not
            // find itself.
            let unknown = options.missing == Missing::Mean
                || weights.contains(&0.0)
                || survey.may_have_any_number_between(options.positive.is_some());
            if unknown {
                let between = survey.run(numbers, weight, &mut missing, &mut means)?;
                let between = between.then_some(Copied::Between);
                copied = if missing.count > 0 { Some(Copied::Filled) } else { between };
            }
            if copied.is_some() {
                let chosen = Features::new(&columns.features)?;
                chosen.gather(chosen.rows(numbers, names.len())?, &mut features);
            }
        } else if options.missing == Missing::Mean {
            let rows = features.chunks_exact(columns.features.len());
            rows.enumerate().for_each(|(i, row)| means.add(row.iter().copied(), weight(i)));
        }
        let fills = match options.missing {
            Missing::Refuse => {
                ensure!(missing.count == 0, "{}", refused(file, &missing));
                None
            }
            Missing::Mean => {
                let values = known(file, names, columns, means.finish::<S>())?;
                fill(&mut features, &values);
                Some(values.iter().map(|value| value.double()).collect())
            }
        };
        let memory = match array {
            Some(array) if copied.is_none() => Memory::Mapped(array),
            _ => Memory::Held(features),
        };
        Ok(Filled { memory, fills, filled: missing.count, copied })
    }
}

/// The place of a column, for messages: `small.csv, column 2 (`x`)`.
fn column_place(file: &str, names: &[String], column: usize) -> String {
    format!("{file}, column {} (`{}`)", column + 1, shown(&names[column]))
}

/// The message about missing cells that are not to be filled.
fn refused(file: &str, missing: &MissingCells) -> String {
    format!("{file}: {}; {FILL}", missing.describe())
}

/// The means of all columns, each of which must have one.
fn known<S: Number>(
    file: &str,
    names: &[String],
    columns: &Columns,
    means: Vec<Option<S>>,
) -> Result<Vec<S>, Error> {
    let known = |(mean, &column): (Option<S>, &usize)| {
        let place = || column_place(file, names, column);
        let mean = mean.with_context(|| format!("{}: no row that counts has a number", place()))?;
        ensure!(mean.double().is_finite(), "{}: its numbers are too large for a mean", place());
        Ok(mean)
    };
    means.into_iter().zip(&columns.features).map(known).collect()
}

#[cfg(test)]
mod tests;
