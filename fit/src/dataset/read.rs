//! The way from files to a `DataSet`: rows are read file by file, what is mapped is looked at where something depends
//! on it, and missing cells are filled.

use super::arrays::Beside;
use super::survey::Survey;
use super::{
    Copied, DataOptions, DataSet, File, Memory, Missing, Table, Tables, Targets, column_place, refused,
};
use crate::data::{
    Block, Choice, Columns, Label, Labels, Means, MissingCells, Numbers, Source, check_count, fill, name,
    read_labels, read_sample_weights,
};
use crate::error::{Context, Error, bail, ensure};
use crate::features::Features;
use crate::files::{all_of, check_columns};
use crate::number::{Dtype, Number};
use lanegrad::Rows;
use std::ops::{ControlFlow, Range};
use std::path::Path;

/// Files that were read, but for numbers that stay where they are mapped.
struct Read<'a, 'o, S: Number> {
    options: &'o DataOptions,
    names: Vec<String>,
    columns: Columns,
    /// The features of held rows; then all labels and sample weights.
    block: Block<S>,
    /// Which numbers of a held row are features.
    layout: Features,
    files: Vec<Pending<'a>>,
}

/// A file that was read.
struct Pending<'a> {
    name: String,
    rows: Range<usize>,
    /// Its numbers, if they are mapped; else the first of its rows that are held.
    memory: Memory<'a>,
    missing: MissingCells,
    copied: Option<Copied>,
}

/// Who is told of files and rows, and may end it.
pub(super) type Watch<'w> = &'w mut dyn FnMut(usize, usize) -> ControlFlow<()>;

/// Reads tables, one after the other, to be held in one type.
pub(super) fn read<'a>(
    dtype: Dtype,
    tables: impl Iterator<Item = Result<(Source<'a>, Beside<'a>), Error>>,
    options: &DataOptions,
    watch: Watch<'_>,
) -> Result<DataSet<'a>, Error> {
    match (dtype, options.arithmetic) {
        (Dtype::F64, Dtype::F32) => bail!("arithmetic in f32 needs data that are held in f32"),
        (Dtype::F32, _) => read_as(tables, options, watch, Tables::F32),
        (Dtype::F64, _) => read_as(tables, options, watch, Tables::F64),
    }
}

fn read_as<'a, S: Number>(
    mut tables: impl Iterator<Item = Result<(Source<'a>, Beside<'a>), Error>>,
    options: &DataOptions,
    watch: Watch<'_>,
    of: impl FnOnce(Table<'a, S>) -> Tables<'a>,
) -> Result<DataSet<'a>, Error> {
    let (first, beside) = tables.next().context("there is no table")??;
    let mut read = Read::new(options, &first)?;
    read.file(first, beside, watch)?;
    for table in tables {
        let (table, beside) = table?;
        check_columns((&read.files[0].name, &read.names), &table)?;
        read.file(table, beside, watch)?;
    }
    read.finish(of)
}

impl<'a, 'o, S: Number> Read<'a, 'o, S> {
    /// No rows, of columns that are those of the first file.
    fn new(options: &'o DataOptions, first: &Source<'_>) -> Result<Self, Error> {
        let names = first.names().to_vec();
        let choice = Choice {
            label: options.label.column(),
            sample_weight: options.sample_weight.as_deref(),
            ignore: &options.ignore,
        };
        let columns = Columns::find(first.file(), &names, &choice)?;
        let layout = Features::all(columns.features.len());
        let block = Block::new(Labels::new(options.positive.as_deref())?, options.arithmetic);
        Ok(Self { options, names, columns, block, layout, files: Vec::new() })
    }

    /// The number of rows that were read.
    fn nrows(&self) -> usize {
        self.files.last().map_or(0, |file| file.rows.end)
    }

    /// The number of rows that are held.
    fn held(&self) -> usize {
        self.block.features.len() / self.layout.width
    }

    /// Reads the next file, and what is beside it.
    fn file(&mut self, mut source: Source<'a>, beside: Beside<'a>, watch: Watch<'_>) -> Result<(), Error> {
        let is_mapped = source.array().is_some_and(|array| array.numbers::<S>().is_some());
        let plan = self.columns.plan(self.names.len())?;
        let plan = if is_mapped { plan.without_features() } else { plan };
        let (first, held, name) = (self.nrows(), self.held(), source.file().to_owned());
        self.block.missing = MissingCells::default();
        let number = self.files.len();
        let nrows = source.read_all(&plan, &mut self.block, &mut |rows| watch(number, rows))?;
        let [labels, sample_weights] = beside.open(&self.options.dialect)?;
        if let Some(mut source) = labels {
            let labels = std::mem::take(&mut self.block.labels);
            self.block.labels = read_labels(&mut source, labels)?;
            check_count("labels", self.block.labels.codes.len() - first, source.file(), nrows, &name)?;
        }
        if let Some(mut source) = sample_weights {
            let weights = read_sample_weights(&mut source, self.options.arithmetic)?;
            check_count("sample weights", weights.len(), source.file(), nrows, &name)?;
            self.block.sample_weights.extend(weights);
        }
        let missing = std::mem::take(&mut self.block.missing);
        let array = source.into_array().filter(|_| is_mapped);
        let memory = array.map_or(Memory::Held(held), Memory::Mapped);
        self.files.push(Pending { name, rows: first..first + nrows, memory, missing, copied: None });
        Ok(())
    }

    /// The data set, once all files were read.
    fn finish(mut self, tables: impl FnOnce(Table<'a, S>) -> Tables<'a>) -> Result<DataSet<'a>, Error> {
        let nrows = self.nrows();
        let all = all_of(self.files.iter().map(|file| &*file.name));
        ensure!(nrows > 0, "{all} {} no rows", if self.files.len() == 1 { "has" } else { "have" });
        let place = match (&self.options.label, self.columns.label) {
            (Label::Column(_), Some(column)) => column_place(&all, &self.names, column),
            (label, _) if label.files().is_empty() => "the labels".to_owned(),
            (label, _) => all_of(label.files().iter().map(|path| name(path))),
        };
        self.block.labels.check()?;
        self.block.labels.check_positive(&place)?;

        let mut means = Means::new(self.columns.features.len());
        for file in 0..self.files.len() {
            self.look_at(file, &mut means)?;
        }
        self.settle()?;
        if let (Missing::Refuse, Some(file)) =
            (self.options.missing, self.files.iter().find(|file| file.missing.count > 0))
        {
            return Err(Error::new(refused(&file.name, &file.missing)));
        }
        let fills = match self.options.missing {
            Missing::Refuse => None,
            Missing::Mean => Some(self.fill(&all, &means)?),
        };
        let Self { options, names, columns, block, layout, files } = self;
        let filled = files.iter().map(|file| file.missing.count).sum();
        let copied = files.iter().find_map(|file| file.copied);
        let file = |Pending { name, rows, memory, .. }: Pending<'a>| File { name, rows, memory };
        let table = Table { held: block.features, layout, files: files.into_iter().map(file).collect() };
        let mut set = DataSet {
            table: tables(table),
            signed: block.labels.are_signed(),
            targets: Targets::new(options.arithmetic, block.labels.codes, block.sample_weights),
            positive: options.positive.clone(),
            names,
            columns,
            nrows,
            fills,
            filled,
            copied,
            tag: 0,
        };
        set.tag = set.compute_tag(options.arithmetic);
        Ok(set)
    }

    /// Adds the numbers of a file to the means, and finds out whether a mapped one must be held.
    fn look_at(&mut self, file: usize, means: &mut Means) -> Result<(), Error> {
        let Self { options, columns, block, layout, files, .. } = self;
        let Pending { name, rows, memory, missing, copied } = &mut files[file];
        let weights = block.sample_weights.get(rows.clone()).unwrap_or_default();
        let weight = |row: usize| weights.get(row).copied().unwrap_or(1.0);
        match memory {
            Memory::Held(first) => {
                if options.missing == Missing::Mean {
                    let width = layout.width;
                    let held = &block.features[*first * width..(*first + rows.len()) * width];
                    for (i, row) in held.chunks_exact(width).enumerate() {
                        means.add(layout.places.iter().map(|&place| row[place]), weight(i));
                    }
                }
            }
            Memory::Mapped(array) => {
                let survey = Survey { array, file: name, columns };
                let numbers = array.numbers::<S>().unwrap_or_default();
                // A look at all numbers takes a pass over the file: only if something depends on it that the fit does
                // not find itself.
                let unknown = options.missing == Missing::Mean
                    || weights.contains(&0.0)
                    || survey.may_have_any_number_between(options.positive.is_some());
                if unknown {
                    let between = survey.run(numbers, weight, missing, means)?;
                    let between = between.then_some(Copied::Between);
                    *copied = if missing.count > 0 { Some(Copied::Filled) } else { between };
                }
            }
        }
        Ok(())
    }

    /// Copies what must be held, and lays rows out as mapped ones, if there are any, else without the columns between
    /// the features.
    fn settle(&mut self) -> Result<(), Error> {
        let window = Features::new(&self.columns.features)?;
        // Whether mapped files must be held depends on what they hold; the bits of a model do not.
        let is_window = self.files.iter().any(|file| matches!(file.memory, Memory::Mapped(_)));
        if !is_window {
            return Ok(());
        }
        if window.width != self.layout.width {
            let mut held = Numbers::new();
            let rows = Rows::new(&self.block.features, self.held(), self.layout.width)?;
            self.layout.append(rows, &window, &mut held);
            self.block.features = held;
        }
        for file in self.files.iter_mut().filter(|file| file.copied.is_some()) {
            let Memory::Mapped(array) = &file.memory else { continue };
            let rows = window.rows(array.numbers::<S>().unwrap_or_default(), self.names.len())?;
            let first = self.block.features.len() / window.width;
            window.append(rows, &window, &mut self.block.features);
            file.memory = Memory::Held(first);
        }
        self.layout = window;
        Ok(())
    }

    /// Fills missing cells with the means of their columns, which each must have.
    fn fill(&mut self, all: &str, means: &Means) -> Result<Vec<f64>, Error> {
        let known = |(mean, &column): (Option<S>, &usize)| {
            let place = || column_place(all, &self.names, column);
            let mean = mean.with_context(|| format!("{}: no row that counts has a number", place()))?;
            ensure!(mean.double().is_finite(), "{}: its numbers are too large for a mean", place());
            Ok::<S, Error>(mean)
        };
        let values: Vec<S> = means
            .finish::<S>()
            .into_iter()
            .zip(&self.columns.features)
            .map(known)
            .collect::<Result<_, _>>()?;
        let mut row = vec![S::default(); self.layout.width];
        self.layout.places.iter().zip(&values).for_each(|(&place, &value)| row[place] = value);
        fill(&mut self.block.features, &row);
        Ok(values.iter().map(|value| value.double()).collect())
    }
}

/// The type that features are held in: what is asked for or, by default, `f32` where the arithmetic is, or where all
/// tables are arrays of `f32`. Those after the first are asked for only where that one is of `f32`.
pub(super) fn dtype(
    options: &DataOptions,
    first: Dtype,
    others: impl IntoIterator<Item = Result<Dtype, Error>>,
) -> Result<Dtype, Error> {
    if let Some(dtype) = options.dtype {
        return Ok(dtype);
    }
    if options.arithmetic == Dtype::F32 {
        return Ok(Dtype::F32);
    }
    if first == Dtype::F64 {
        return Ok(Dtype::F64);
    }
    for other in others {
        if other? == Dtype::F64 {
            return Ok(Dtype::F64);
        }
    }
    Ok(Dtype::F32)
}

/// The type of a file's numbers. What is no file is read once, and has no type of its own.
pub(super) fn dtype_of(path: &Path, options: &DataOptions) -> Result<Dtype, Error> {
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    if is_file { Ok(Source::open(path, &options.dialect)?.dtype()) } else { Ok(Dtype::F64) }
}
