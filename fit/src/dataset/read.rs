//! The way from files to a `DataSet`: rows are read file by file, what is mapped is looked at where something depends
//! on it, and missing cells are filled.

use super::arrays::Beside;
use super::schema::{Schema, column_place};
use super::survey::Survey;
use super::{Copied, DataOptions, DataSet, File, Memory, Missing, Table, Tables, Targets, refused};
use crate::data::npy::Array;
use crate::data::safetensors::split;
use crate::data::{
    Block, Choice, Columns, Labels, Means, MissingCells, Numbers, Source, check_count, fill, name,
    read_labels, read_sample_weights,
};
use crate::error::{Context, Error, ensure};
use crate::features::Features;
use crate::files::{Heading, all_of, check_columns};
use crate::number::{Dtype, Held, for_dtype};
use crate::quantization::Quantization;
use lanegrad::Rows;
use std::ops::{ControlFlow, Range};
use std::path::Path;

/// Files that were read, but for numbers that stay where they are mapped.
#[derive(Debug)]
pub(super) struct Read<'a, S: Held> {
    options: DataOptions,
    names: Vec<String>,
    /// What the numbers of all columns stand for.
    quantization: Option<Quantization>,
    columns: Columns,
    /// The features of held rows; then all labels and sample weights.
    block: Block<S>,
    /// Which numbers of a held row are features.
    layout: Features,
    files: Vec<Pending<'a>>,
}

/// A file that was read.
#[derive(Debug)]
struct Pending<'a> {
    name: String,
    rows: Range<usize>,
    /// The number of the first of these rows in the file.
    first: usize,
    /// Its numbers, if they are mapped; else the first of its rows that are held.
    memory: Memory<'a>,
    missing: MissingCells,
    copied: Option<Copied>,
}

/// The error of arithmetic that is not as wide as what it computes with.
pub(super) const TOO_WIDE: &str = "arithmetic in f32 needs data that are held in f32, or in a smaller type";

/// Who is told of files and rows, and may end it.
pub(super) type Watch<'w> = &'w mut dyn FnMut(usize, usize) -> ControlFlow<()>;

/// Reads tables, one after the other, to be held in one type.
pub(super) fn read<'a>(
    dtype: Dtype,
    tables: impl Iterator<Item = Result<(Source<'a>, Beside<'a>), Error>>,
    options: &DataOptions,
    watch: Watch<'_>,
) -> Result<DataSet<'a>, Error> {
    ensure!((dtype, options.arithmetic) != (Dtype::F64, Dtype::F32), "{TOO_WIDE}");
    for_dtype!(dtype, S => read_as::<S>(tables, options, watch))
}

fn read_as<'a, S: Held>(
    mut tables: impl Iterator<Item = Result<(Source<'a>, Beside<'a>), Error>>,
    options: &DataOptions,
    watch: Watch<'_>,
) -> Result<DataSet<'a>, Error>
where
    Tables<'a>: From<Table<'a, S>>,
{
    let (first, beside) = tables.next().context("there is no table")??;
    let mut read = Read::new(options, Heading::of(&first))?;
    read.file(first, beside, watch)?;
    for table in tables {
        let (table, beside) = table?;
        check_columns(read.heading(), &table)?;
        read.file(table, beside, watch)?;
    }
    read.finish()
}

/// The use of the columns of these names, which are those of a file.
pub(super) fn columns(options: &DataOptions, file: &str, names: &[String]) -> Result<Columns, Error> {
    let choice = Choice {
        label: options.label.column(),
        sample_weight: options.sample_weight.as_deref(),
        ignore: &options.ignore,
    };
    Columns::find(file, names, &choice)
}

impl<'a, S: Held> Read<'a, S> {
    /// No rows, of columns that are those of a file.
    pub(super) fn new(options: &DataOptions, heading: Heading<'_>) -> Result<Self, Error> {
        let Heading { file, names, quantization } = heading;
        let (names, columns) = (names.to_vec(), columns(options, file, names)?);
        if let Some(quantization) = quantization {
            check_targets(quantization, file, &names, &columns)?;
        }
        let quantization = quantization.cloned();
        let layout = Features::all(columns.features.len());
        let block = Block::new(Labels::new(options.positive.as_deref())?, options.arithmetic);
        Ok(Self { options: options.clone(), names, quantization, columns, block, layout, files: Vec::new() })
    }

    /// The columns that all files have.
    fn heading(&self) -> Heading<'_> {
        let file = self.files.first().map_or("the first file", |file| &file.name);
        Heading { file, names: &self.names, quantization: self.quantization.as_ref() }
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
    pub(super) fn file(
        &mut self,
        source: Source<'a>,
        beside: Beside<'a>,
        watch: Watch<'_>,
    ) -> Result<(), Error> {
        let is_mapped = is_mapped::<S>(&source);
        let mut source = source;
        self.append(&mut source, beside, is_mapped, watch)?;
        if let (true, Some(file), Some(array)) = (is_mapped, self.files.last_mut(), source.into_array()) {
            file.memory = Memory::Mapped(array);
        }
        Ok(())
    }

    /// Copies the next rows, whatever they are in.
    pub(super) fn hold(&mut self, mut source: Source<'_>, beside: Beside<'_>) -> Result<(), Error> {
        self.append(&mut source, beside, false, &mut |_, _| ControlFlow::Continue(()))
    }

    /// Reads the next rows, without their features if those stay where they are mapped.
    fn append(
        &mut self,
        source: &mut Source<'_>,
        beside: Beside<'_>,
        is_mapped: bool,
        watch: Watch<'_>,
    ) -> Result<(), Error> {
        let plan = self.columns.plan(self.names.len())?;
        let plan = if is_mapped { plan.without_features() } else { plan };
        let (start, held, name) = (self.nrows(), self.held(), source.file().to_owned());
        self.block.missing = MissingCells::default();
        let number = self.files.len();
        let nrows = source.read_all(&plan, &mut self.block, &mut |rows| watch(number, rows))?;
        let [labels, sample_weights] = beside.open(&self.options.dialect)?;
        if let Some(mut source) = labels {
            let labels = std::mem::take(&mut self.block.labels);
            self.block.labels = read_labels(&mut source, labels)?;
            check_count("labels", self.block.labels.codes.len() - start, source.file(), nrows, &name)?;
        }
        if let Some(mut source) = sample_weights {
            let weights = read_sample_weights(&mut source, self.options.arithmetic)?;
            check_count("sample weights", weights.len(), source.file(), nrows, &name)?;
            self.block.sample_weights.extend(weights);
        }
        let missing = std::mem::take(&mut self.block.missing);
        let first = source.array().map_or(0, Array::first_row);
        let memory = Memory::Held(held);
        self.files.push(Pending { name, rows: start..start + nrows, first, memory, missing, copied: None });
        Ok(())
    }

    /// The labels of all rows.
    pub(super) const fn labels(&self) -> &Labels {
        &self.block.labels
    }

    /// The sample weight of each row, if there are any.
    pub(super) fn sample_weights(&self) -> &[f64] {
        &self.block.sample_weights
    }

    /// The number of features.
    pub(super) fn nfeatures(&self) -> usize {
        self.columns.features.len()
    }

    /// Means of features in other files, with those in these added; `None` where they are of other columns.
    pub(super) fn means_from(&mut self, words: &[f64]) -> Option<Result<Means, Error>> {
        let mut means = Means::of_numbers(words, self.nfeatures())?;
        Some(self.look(&mut means).map(|()| means))
    }

    /// The number of rows of each file.
    pub(super) fn segments(&self) -> Vec<u64> {
        self.files.iter().map(|file| file.rows.len() as u64).collect()
    }

    /// The data set, once all files were read.
    fn finish(mut self) -> Result<DataSet<'a>, Error>
    where
        Tables<'a>: From<Table<'a, S>>,
    {
        let all = all_of(self.files.iter().map(|file| &*file.name));
        ensure!(self.nrows() > 0, "{all} {} no rows", if self.files.len() == 1 { "has" } else { "have" });
        let place = match self.columns.label {
            Some(column) => column_place(&all, &self.names, column),
            None if self.options.label.files().is_empty() => "the labels".to_owned(),
            None => all_of(self.options.label.files().iter().map(|path| name(path))),
        };
        self.block.labels.check()?;
        self.block.labels.check_positive(&place)?;

        let mut means = Means::new(self.columns.features.len());
        self.look(&mut means)?;
        self.check_missing()?;
        let fills = match self.options.missing {
            Missing::Refuse => None,
            Missing::Mean => Some(fills::<S>(&means, &all, &self.names, &self.columns)?),
        };
        let is_window = self.files.iter().any(|file| matches!(file.memory, Memory::Mapped(_)));
        self.settle(fills, is_window)
    }

    /// Adds the numbers of all files to the means of the features, if missing cells are filled with them, and finds out
    /// which mapped files must be held.
    pub(super) fn look(&mut self, means: &mut Means) -> Result<(), Error> {
        (0..self.files.len()).try_for_each(|file| self.look_at(file, means))
    }

    /// Refuses missing cells that are not to be filled, as far as they were seen.
    pub(super) fn check_missing(&self) -> Result<(), Error> {
        if let (Missing::Refuse, Some(file)) =
            (self.options.missing, self.files.iter().find(|file| file.missing.count > 0))
        {
            return Err(Error::new(refused(&file.name, &file.missing)));
        }
        Ok(())
    }

    /// The data set of rows that were looked at: with the values that missing cells are filled with, and laid out as
    /// mapped rows are or not.
    pub(super) fn settle(mut self, fills: Option<Vec<f64>>, is_window: bool) -> Result<DataSet<'a>, Error>
    where
        Tables<'a>: From<Table<'a, S>>,
    {
        if is_window {
            self.lay_out()?;
        }
        if let Some(fills) = &fills {
            let mut row = vec![S::default(); self.layout.width];
            self.layout
                .places
                .iter()
                .zip(fills)
                .for_each(|(&place, &value)| row[place] = S::near(value).unwrap_or_default());
            fill(&mut self.block.features, &row);
        }
        let (nrows, segments) = (self.nrows(), self.segments());
        let Self { options, names, quantization, columns, block, layout, files } = self;
        let filled = files.iter().map(|file| file.missing.count).sum();
        let copied = files.iter().find_map(|file| file.copied);
        let file =
            |Pending { name, rows, first, memory, .. }: Pending<'a>| File { name, rows, first, memory };
        let table = Table { held: block.features, layout, files: files.into_iter().map(file).collect() };
        let schema = Schema {
            names,
            segments,
            positive: options.positive,
            signed: block.labels.are_signed(),
            fills,
            quantization: quantization.map(|all| all.of(&columns.features)),
            columns,
            dtype: S::DTYPE,
            arithmetic: options.arithmetic,
        };
        Ok(DataSet {
            table: table.into(),
            targets: Targets::new(schema.arithmetic, block.labels.codes, block.sample_weights),
            tag: schema.tag(),
            schema,
            nrows,
            filled,
            copied,
        })
    }

    /// Adds the numbers of a file to the means, and finds out whether a mapped one must be held.
    fn look_at(&mut self, file: usize, means: &mut Means) -> Result<(), Error> {
        let Self { options, columns, block, layout, files, .. } = self;
        let Pending { name, rows, memory, missing, copied, .. } = &mut files[file];
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
                    *missing = MissingCells::default();
                    let between = survey.run(numbers, weight, missing, means)?;
                    let between = between.then_some(Copied::Between);
                    *copied = if missing.count > 0 { Some(Copied::Filled) } else { between };
                }
            }
        }
        Ok(())
    }

    /// Lays rows out as mapped ones are, with the columns between the features, and copies what must be held. (That
    /// depends on what files hold; the bits of a model do not.)
    fn lay_out(&mut self) -> Result<(), Error> {
        let window = Features::new(&self.columns.features)?;
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
}

/// True for a table whose numbers can stay where they are, as numbers of type `S`.
pub(super) fn is_mapped<S: Held>(source: &Source<'_>) -> bool {
    source.array().is_some_and(|array| array.numbers::<S>().is_some())
}

/// The means of the features in all files, which each must have: what missing cells are filled with.
pub(super) fn fills<S: Held>(
    means: &Means,
    all: &str,
    names: &[String],
    columns: &Columns,
) -> Result<Vec<f64>, Error> {
    let known = |(mean, &column): (Option<f64>, &usize)| {
        let place = || column_place(all, names, column);
        let mean = mean.with_context(|| format!("{}: no row that counts has a number", place()))?;
        ensure!(mean.is_finite(), "{}: its numbers are too large for a mean", place());
        Ok(mean)
    };
    means.finish::<S>().into_iter().zip(&columns.features).map(known).collect()
}

/// The type that features are held in: what is asked for or, by default, that of all tables, if they are arrays of one
/// type that rows can be held in. Of different types it is `f32`, which holds all smaller ones, or `f64`; where the
/// arithmetic is in `f32`, at most that. Later tables are asked only where something depends on it.
pub(super) fn dtype(
    options: &DataOptions,
    first: Dtype,
    others: impl IntoIterator<Item = Result<Dtype, Error>>,
) -> Result<Dtype, Error> {
    if let Some(dtype) = options.dtype {
        return Ok(dtype);
    }
    let mut common = first.min(options.arithmetic);
    for other in others {
        if common == options.arithmetic {
            break;
        }
        let other = other?.min(options.arithmetic);
        if other != common {
            common = other.max(common).max(Dtype::F32);
        }
    }
    Ok(common)
}

/// Refuses labels and sample weights that are quantised.
fn check_targets(
    quantization: &Quantization,
    file: &str,
    names: &[String],
    columns: &Columns,
) -> Result<(), Error> {
    for (column, what) in [(columns.label, "labels"), (columns.sample_weight, "sample weights")] {
        if let Some(column) = column {
            quantization.refuse_change(column, what, || column_place(file, names, column))?;
        }
    }
    Ok(())
}

/// The type of a file's numbers. What is no file is read once, and has no type of its own.
pub(super) fn dtype_of(path: &Path, options: &DataOptions) -> Result<Dtype, Error> {
    let is_file = std::fs::metadata(split(path).0).is_ok_and(|metadata| metadata.is_file());
    if is_file { Ok(Source::open(path, &options.dialect)?.dtype()) } else { Ok(Dtype::F64) }
}
