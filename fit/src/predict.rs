//! A model applied to files, block by block.

use crate::data::csv::Dialect;
use crate::data::npy::Array;
use crate::data::safetensors::split;
use crate::data::{
    Block, FILL, Label, Labels, Numbers, Place, Plan, ROWS_AT_A_TIME, Row, Source, check_count, find_column,
    name, number, read_labels, shown,
};
use crate::error::{Context, Error, bail, ensure};
use crate::features::Features;
use crate::files::{self, all_of};
use crate::metrics::{Metrics, MetricsSum};
use crate::model::Model;
use crate::number::{Dtype, Held, for_dtype};
use lanegrad::{Engine, Params, Rows};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Where the labels are that predictions are compared with, and how the data are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PredictOptions {
    /// The labels; they count as in the fit, with the model's [positive](Model::positive) value.
    pub label: Option<Label>,
    /// The dialect of CSV files.
    pub dialect: Dialect,
    /// True where it is no error that there are no rows. `false` by default.
    pub allow_empty: bool,
}

/// A model, and files, or a table in memory, whose columns were found to be the model's.
#[derive(Debug)]
pub struct Predictor<'a> {
    model: &'a Model,
    options: &'a PredictOptions,
    /// The first table, opened.
    first: Source<'a>,
    /// The other files.
    others: Vec<PathBuf>,
    unused: Vec<String>,
}

/// The summary of files whose rows were all scored.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Prediction {
    /// The number of rows.
    pub nrows: usize,
    /// Log-loss, accuracy and AUC of the model over these rows, every row counted once; `None` if no labels were given.
    pub metrics: Option<Metrics>,
    /// True where labels are -1 or +1, of which -1 stands for 0.
    pub has_signed_labels: bool,
    /// The number of missing cells that were filled.
    pub filled: u64,
}

impl<'a> Predictor<'a> {
    /// Opens files (see [`Source::open`]) that have the model's columns. Columns that have names may be in any order,
    /// and among others, which are not read. A file without names has the columns of the model in its order, or all
    /// columns of the files without names that the model was fitted to.
    ///
    /// # Errors
    ///
    /// If there is no file, or one is there twice, cannot be read, is not in its format, or does not have the model's
    /// columns; or there are not as many files of labels as of data.
    pub fn open<P: AsRef<Path>>(
        model: &'a Model,
        paths: &[P],
        options: &'a PredictOptions,
    ) -> Result<Self, Error> {
        let paths: Vec<&Path> = paths.iter().map(AsRef::as_ref).collect();
        files::check(&paths, options.label.as_ref())?;
        let mut opened = None;
        for (i, path) in paths.iter().enumerate() {
            // What is no file can be read once, and so is opened when it is its turn.
            let is_file = std::fs::metadata(split(path).0).is_ok_and(|metadata| metadata.is_file());
            if i == 0 || is_file {
                let source = Source::open(path, &options.dialect)?;
                let columns = ModelColumns::find(model, &source, options)?;
                opened.get_or_insert((source, columns));
            }
        }
        let (first, columns) = opened.context("there is no file of data")?;
        let others = paths.into_iter().skip(1).map(Path::to_owned).collect();
        Ok(Self::of(model, options, first, &columns, others))
    }

    /// The same with one table, which may be in memory ([`Source::of_array`]).
    ///
    /// # Errors
    ///
    /// If it does not have the model's columns, or there are not as many files of labels as of data.
    pub fn of_source(
        model: &'a Model,
        source: Source<'a>,
        options: &'a PredictOptions,
    ) -> Result<Self, Error> {
        let labels =
            options.label.as_ref().map_or(1, |label| label.column().map_or(label.files().len(), |_| 1));
        ensure!(labels == 1, "the number of files of labels is {labels}, and there is one table");
        let columns = ModelColumns::find(model, &source, options)?;
        Ok(Self::of(model, options, source, &columns, Vec::new()))
    }

    fn of(
        model: &'a Model,
        options: &'a PredictOptions,
        first: Source<'a>,
        columns: &ModelColumns,
        others: Vec<PathBuf>,
    ) -> Self {
        let unused = if first.has_names() { columns.unused(model, first.names()) } else { Vec::new() };
        Self { model, options, first, others, unused }
    }

    /// The columns of the first file that the model does not use, but for its labels and sample weights. A column
    /// without a name is called by its number from 1: `column 3`.
    #[must_use]
    pub fn unused(&self) -> &[String] {
        &self.unused
    }

    /// True where the first file is held in integers of 8 bits without scales, and the model was fitted to columns that had
    /// some: then its numbers are taken as they are, for what they may not be.
    #[must_use]
    pub fn lacks_scales(&self) -> bool {
        let is_small = matches!(self.first.dtype(), Dtype::I8 | Dtype::U8);
        self.model.quantization.is_some() && is_small && self.first.quantization().is_none()
    }

    /// Scores all rows, and hands their probabilities to `write`, block by block, in the order of the files and their
    /// rows. It runs on the threads of the caller's rayon pool.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, a cell that the model uses is not a finite number, or missing where the model has no
    /// value for it, a score is not finite, a label is out of its range, there are not as many labels as rows, there
    /// are no rows, or `write` fails.
    pub fn run<E: From<Error>>(
        self,
        mut write: impl FnMut(&[f64]) -> Result<(), E>,
    ) -> Result<Prediction, E> {
        let Self { model, options, first, others, .. } = self;
        let all = all_of([first.file().to_owned()].into_iter().chain(others.iter().map(|path| name(path))));
        let count = 1 + others.len();
        let labels = Labels::new(model.positive.as_deref()).context("the model cannot be used")?;
        let metrics = options.label.as_ref().map(|_| MetricsSum::new());
        let mut done = Done { labels, metrics, nrows: 0, filled: 0 };
        let others = others.iter().map(|path| Source::open(path, &options.dialect));
        for (i, source) in [Ok(first)].into_iter().chain(others).enumerate() {
            let source = source?;
            let labels = options.label.as_ref().and_then(|label| label.files().get(i));
            done = Scorer::new(model, &source, options, done)?.run(
                source,
                labels,
                &mut write,
                &options.dialect,
            )?;
        }
        ensure!(
            done.nrows > 0 || options.allow_empty,
            "{all} {} no rows",
            if count == 1 { "has" } else { "have" }
        );
        done.labels.check()?;
        Ok(Prediction {
            nrows: done.nrows,
            metrics: done.metrics.map(MetricsSum::finish),
            has_signed_labels: done.labels.are_signed(),
            filled: done.filled,
        })
    }
}

/// What was found in the files so far.
struct Done {
    labels: Labels,
    metrics: Option<MetricsSum>,
    nrows: usize,
    filled: u64,
}

/// The columns of a file that a model uses.
struct ModelColumns {
    columns: Vec<usize>,
    label: Option<usize>,
}

impl ModelColumns {
    fn find(model: &Model, source: &Source<'_>, options: &PredictOptions) -> Result<Self, Error> {
        let (file, names) = (source.file(), source.names());
        let label = options.label.as_ref().and_then(Label::column);
        let label = label.map(|label| find_column(file, names, label)).transpose()?;
        if let (Some(column), Some(quantization)) = (label, source.quantization()) {
            quantization.refuse_change(column, "labels", || file.to_owned())?;
        }
        let columns = if source.has_names() {
            by_name(model, names, label, file)?
        } else {
            by_place(model, names.len(), label, file)?
        };
        Ok(Self { columns, label })
    }

    /// The columns of the file that are not used.
    fn unused(&self, model: &Model, names: &[String]) -> Vec<String> {
        let known =
            |name: &String| Some(name) == model.label.as_ref() || Some(name) == model.sample_weight.as_ref();
        let features: HashSet<usize> = self.columns.iter().copied().collect();
        let used = |i: usize| features.contains(&i) || Some(i) == self.label;
        let names = names.iter().enumerate();
        names
            .filter(|&(i, name)| !used(i) && !known(name))
            .map(|(i, name)| if name.is_empty() { format!("column {}", i + 1) } else { name.clone() })
            .collect()
    }
}

/// The columns of a model by their names.
fn by_name(model: &Model, names: &[String], label: Option<usize>, file: &str) -> Result<Vec<usize>, Error> {
    let mut places: HashMap<&String, (usize, usize)> = HashMap::new();
    for (i, name) in names.iter().enumerate() {
        places.entry(name).and_modify(|(_, count)| *count += 1).or_insert((i, 1));
    }
    let place = |name: &String| {
        let (place, count) = places
            .get(name)
            .copied()
            .with_context(|| format!("{file}: there is no column `{}`, which the model has", shown(name)))?;
        ensure!(
            Some(place) != label,
            "{file}: the model uses the column `{}`, which is no label",
            shown(name)
        );
        ensure!(count == 1, "{file}: two columns are called `{}`, which the model has", shown(name));
        Ok(place)
    };
    model.columns.iter().map(place).collect()
}

/// The columns of a model in a file without names: those of the file that it was fitted to, if this one has as many
/// columns, or else all of them in order, except for the label.
fn by_place(model: &Model, ncols: usize, label: Option<usize>, file: &str) -> Result<Vec<usize>, Error> {
    let want = model.columns.len();
    // A model of a file without names has the numbers of its columns as names, each of them once.
    let others = model.label.iter().chain(&model.sample_weight).chain(&model.ignored);
    let all: Option<Vec<usize>> = model.columns.iter().chain(others).map(|name| name.parse().ok()).collect();
    let places = all.filter(|all| {
        let mut sorted = all.clone();
        sorted.sort_unstable();
        sorted.iter().copied().eq(0..ncols)
    });
    let others_in_order: Vec<usize> = (0..ncols).filter(|&i| Some(i) != label).collect();
    match places {
        Some(mut places) => {
            places.truncate(want);
            let free = label.is_none_or(|label| !places.contains(&label));
            ensure!(free, "{file}: the model uses the column of the labels");
            Ok(places)
        }
        None if others_in_order.len() == want => Ok(others_in_order),
        None => bail!(
            "{file}: {ncols} column{}{}, but the model has {want}",
            if ncols == 1 { "" } else { "s" },
            if label.is_some() { " with the label" } else { "" }
        ),
    }
}

/// Scores the rows of a file.
struct Scorer {
    /// The model's columns in the file, in the model's order.
    columns: Vec<usize>,
    /// The model for the numbers of the file, whatever they stand for.
    weights: Vec<f64>,
    bias: f64,
    missing: Option<Vec<f64>>,
    features: Features,
    plan: Plan,
    /// The names of the file's columns.
    names: Vec<String>,
    file: String,
    engine: Engine,
    /// Rows of the file that were scored.
    nrows: usize,
    /// What was found in this file and those before it, but for the number of its rows.
    done: Done,
}

impl Scorer {
    fn new(model: &Model, source: &Source<'_>, options: &PredictOptions, done: Done) -> Result<Self, Error> {
        let ModelColumns { columns, label } = ModelColumns::find(model, source, options)?;
        let (mut weights, mut bias, mut missing) = (model.weights.clone(), model.bias, model.missing.clone());
        if let Some(quantization) = source.quantization().map(|all| all.of(&columns)) {
            (weights, bias) = quantization.fold(&weights, bias)?;
            for (column, fill) in missing.iter_mut().flatten().enumerate() {
                *fill = quantization.quantized(column, *fill);
            }
        }
        Ok(Self {
            weights,
            bias,
            missing,
            features: Features::new(&columns)?,
            plan: Plan::new(source.names().len(), &columns).with_label(label),
            columns,
            names: source.names().to_vec(),
            file: source.file().to_owned(),
            engine: Engine::new(),
            nrows: 0,
            done,
        })
    }

    /// Scores all rows. Labels are those of a file, if one is given.
    fn run<E: From<Error>>(
        mut self,
        mut source: Source<'_>,
        label_file: Option<&PathBuf>,
        mut write: impl FnMut(&[f64]) -> Result<(), E>,
        dialect: &Dialect,
    ) -> Result<Done, E> {
        let mut labels = std::mem::take(&mut self.done.labels);
        let mut of_file = None;
        if let Some(path) = label_file {
            let mut of_labels = Source::open_any(path, dialect)?;
            labels = read_labels(&mut of_labels, labels)?;
            let codes = std::mem::take(&mut labels.codes);
            if let Some(array) = source.array() {
                check_count("labels", codes.len(), of_labels.file(), array.nrows(), &self.file)?;
            }
            of_file = Some(codes);
        }
        let mut block = Block::new(labels, Dtype::F64);
        block.lines = Some(Vec::new());
        match source.array() {
            Some(array) if for_dtype!(array.dtype(), S => array.numbers::<S>().is_some()) => {
                let labels = of_file.as_deref();
                for_dtype!(array.dtype(), S => self.score_mapped::<S, E>(array, labels, &mut block, write))?;
            }
            _ => loop {
                block.clear();
                let read = source.read(&self.plan, ROWS_AT_A_TIME, &mut block)?;
                if read == 0 {
                    break;
                }
                self.check_missing(&block)?;
                let rows = Rows::new(&block.features, read, self.plan.width()).map_err(Error::from)?;
                write(&self.score(rows, of_file.as_deref(), &block)?)?;
            },
        }
        if let (Some(path), Some(labels)) = (label_file, &of_file) {
            check_count("labels", labels.len(), &name(path), self.nrows, &self.file)?;
        }
        block.clear();
        self.done.labels = block.labels;
        self.done.nrows += self.nrows;
        Ok(self.done)
    }

    /// Scores an array where it is mapped. Its labels are read block by block.
    fn score_mapped<S: Held, E: From<Error>>(
        &mut self,
        array: &Array<'_>,
        labels: Option<&[f64]>,
        block: &mut Block<f64>,
        mut write: impl FnMut(&[f64]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (numbers, ncols) = (array.numbers::<S>().unwrap_or_default(), self.names.len());
        let plan = self.plan.clone().without_features();
        for start in (0..array.nrows()).step_by(ROWS_AT_A_TIME) {
            let end = array.nrows().min(start + ROWS_AT_A_TIME);
            block.clear();
            array.read(start..end, &plan, &self.file, block)?;
            let mut rows = self.features.rows(&numbers[start * ncols..end * ncols], ncols)?;
            let mut gathered = Numbers::new();
            if !self.features.are_all() {
                // Columns between the features may hold anything, NaN too.
                self.features.append(rows, &Features::all(self.columns.len()), &mut gathered);
                rows = Rows::new(&gathered, end - start, self.columns.len()).map_err(Error::from)?;
            }
            write(&self.score(rows, labels, block)?)?;
        }
        Ok(())
    }

    /// Refuses missing cells for which the model has no value.
    fn check_missing(&self, block: &Block<f64>) -> Result<(), Error> {
        if let (None, Some((place, text))) = (&self.missing, &block.missing.first) {
            let text =
                if text.is_empty() { "the cell is empty".to_owned() } else { format!("`{text}` is missing") };
            bail!("{}, {place}: {text}, and the model has no value for it; {FILL}", self.file);
        }
        Ok(())
    }

    /// The probabilities of some rows, which are those of the model's columns. Labels of a file are those of all rows;
    /// labels of a column, and the lines of these rows, are in the block.
    fn score<S: Held>(
        &mut self,
        rows: Rows<'_, S>,
        of_file: Option<&[f64]>,
        block: &Block<f64>,
    ) -> Result<Vec<f64>, Error> {
        let (nrows, ncols) = (rows.nrows(), self.columns.len());
        let mut scores = vec![0.0; nrows];
        self.engine.logits(rows, Params::new(&self.weights, self.bias), &mut scores)?;
        // A missing cell shows in the score of its row.
        let mut filled = Vec::new();
        if !scores.iter().all(|z| z.is_finite()) {
            for row in &rows {
                filled.extend(row.iter().map(|x| x.double()));
            }
            self.fill(&mut filled)?;
            let (rows, params) = (Rows::new(&filled, nrows, ncols)?, Params::new(&self.weights, self.bias));
            self.engine.logits(rows, params, &mut scores)?;
            if let Some(row) = scores.iter().position(|z| !z.is_finite()) {
                let line = block.lines.as_ref().and_then(|lines| lines.get(row));
                let place = line.map_or(Row::Number(self.nrows + row), |&line| Row::Line(line));
                bail!(
                    "{}, {place}: the score is not finite: the numbers are too large for the model",
                    self.file
                );
            }
        }
        if let Some(metrics) = &mut self.done.metrics {
            let of_file = of_file.map(|labels| labels.get(self.nrows..).unwrap_or_default());
            let labels = of_file.unwrap_or(&block.labels.codes);
            // If a file has too few labels, that is an error once all rows were counted.
            let count = nrows.min(labels.len());
            metrics.add(&self.engine, &scores[..count], &labels[..count], None)?;
        }
        // The sigmoid of the logit has the bits of `predict_proba`.
        self.engine.sigmoid_in_place(&mut scores);
        self.nrows += nrows;
        Ok(scores)
    }

    /// Fills the missing cells of rows that were not scored yet.
    fn fill(&mut self, rows: &mut [f64]) -> Result<(), Error> {
        for (i, row) in rows.chunks_exact_mut(self.columns.len()).enumerate() {
            for (feature, x) in row.iter_mut().enumerate().filter(|(_, x)| !x.is_finite()) {
                let (column, row) = (self.columns[feature], Row::Number(self.nrows + i));
                let place = Place { file: &self.file, row, column, name: &self.names[column] };
                ensure!(x.is_nan(), "{place}: {} is not finite", number(*x));
                let Some(values) = &self.missing else {
                    bail!("{place}: `NaN` is missing, and the model has no value for it; {FILL}")
                };
                *x = values[feature];
                self.done.filled += 1;
            }
        }
        Ok(())
    }
}
