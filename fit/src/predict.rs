//! A model applied to a file, block by block.

use crate::data::{Input, Labels, ROWS_AT_A_TIME, find_column, name, npy, read_column, row_place, unnamed};
use crate::error::{Context, Error, bail, ensure};
use crate::features::Features;
use crate::metrics::{Metrics, MetricsSum};
use crate::model::Model;
use crate::number::{Dtype, Number};
use lanegrad::{Engine, Params, Rows};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// A model, and a file whose columns were found to be the model's.
#[derive(Debug)]
pub struct Predictor<'a> {
    input: Input,
    scorer: Scorer<'a>,
}

/// The summary of a file whose rows were all scored.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Prediction {
    /// The number of rows.
    pub nrows: usize,
    /// Log-loss, accuracy and AUC of the model over these rows, every row counted once; `None` if no column of labels
    /// was given.
    pub metrics: Option<Metrics>,
    /// True where labels are -1 or +1, of which -1 stands for 0.
    pub has_signed_labels: bool,
}

impl<'a> Predictor<'a> {
    /// Opens a file (see [`Input::open`]) that has the model's columns. Columns that have names may be in any
    /// order; those of the model's labels and sample weights may be there too. `label` is the column of labels to
    /// compare with, by name or number.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not in its format, or does not have the model's columns.
    pub fn open(model: &'a Model, path: &Path, label: Option<&str>) -> Result<Self, Error> {
        let file = name(path);
        let input = Input::open(path)?;
        let (names, named) = match &input {
            Input::Mapped(array) => (unnamed(array.ncols()), false),
            Input::Source(source) => (source.names().to_vec(), true),
        };
        let label = label.map(|label| find_column(&file, &names, label)).transpose()?;
        let columns = if named {
            by_name(model, &names, label, &file)?
        } else {
            by_place(model, names.len(), label, &file)?
        };
        let features = Features::new(&columns)?;
        let scorer = Scorer {
            features,
            params: Params::new(&model.weights, model.bias),
            names,
            file,
            label,
            coding: Labels::default(),
            metrics: label.map(|_| MetricsSum::new()),
            engine: Engine::new(),
            rows: 0,
        };
        Ok(Self { input, scorer })
    }

    /// Scores all rows, and hands their probabilities to `write`, block by block, in the order of the rows. It runs
    /// on the threads of the caller's rayon pool.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, a cell is not a number, a label is out of its range, there are no rows, or
    /// `write` fails.
    pub fn run<E: From<Error>>(
        self,
        mut write: impl FnMut(&[f64]) -> Result<(), E>,
    ) -> Result<Prediction, E> {
        let Self { input, mut scorer } = self;
        match input {
            Input::Mapped(array) if array.dtype() == Dtype::F32 => {
                scorer.score_all::<f32, E>(&array, write)?
            }
            Input::Mapped(array) => scorer.score_all::<f64, E>(&array, write)?,
            Input::Source(mut source) => {
                let mut block: Vec<f64> = Vec::new();
                while source.read(ROWS_AT_A_TIME, &mut block)? > 0 {
                    write(&scorer.score(&block, |row| source.place(row))?)?;
                    block.clear();
                }
            }
        }
        ensure!(scorer.rows > 0, "{} has no rows", scorer.file);
        let metrics = scorer.metrics.take().map(MetricsSum::finish);
        Ok(Prediction { nrows: scorer.rows, metrics, has_signed_labels: scorer.coding.signed })
    }
}

/// The columns of a model by their names.
fn by_name(model: &Model, names: &[String], label: Option<usize>, file: &str) -> Result<Vec<usize>, Error> {
    let places: HashMap<&String, usize> = names.iter().zip(0..).collect();
    let place = |name: &String| {
        let place = places.get(name).copied().filter(|&place| Some(place) != label);
        place.with_context(|| format!("{file}: there is no column `{name}`, which the model has"))
    };
    let columns = model.columns.iter().map(place).collect::<Result<Vec<usize>, Error>>()?;
    let used: HashSet<usize> = columns.iter().copied().chain(label).collect();
    for (i, name) in names.iter().enumerate() {
        let known = *name == model.label || Some(name) == model.sample_weight.as_ref();
        ensure!(known || used.contains(&i), "{file}: the model does not have the column `{name}`");
    }
    Ok(columns)
}

/// The columns of a model in a file without names: all of them in order, except for the label.
fn by_place(model: &Model, cols: usize, label: Option<usize>, file: &str) -> Result<Vec<usize>, Error> {
    let want = model.columns.len();
    // A model of such a file has the numbers of its columns, and of its labels, as names.
    let numbers = || -> Option<Vec<usize>> {
        model.label.parse::<usize>().ok()?;
        let numbers: Option<Vec<usize>> = model.columns.iter().map(|name| name.parse().ok()).collect();
        numbers.filter(|numbers| numbers.iter().all(|&number| number < cols && Some(number) != label))
    };
    let others: Vec<usize> = (0..cols).filter(|&i| Some(i) != label).collect();
    if others.len() == want {
        return Ok(others);
    }
    let known = want + 1 + usize::from(model.sample_weight.is_some());
    match numbers() {
        Some(numbers) if cols == known => Ok(numbers),
        _ => bail!(
            "{file}: {cols} columns{}, but the model has {want}",
            if label.is_some() { " with the label" } else { "" }
        ),
    }
}

/// Scores blocks of rows.
#[derive(Debug)]
struct Scorer<'a> {
    /// The model's columns, in its order.
    features: Features,
    params: Params<'a, f64>,
    names: Vec<String>,
    file: String,
    label: Option<usize>,
    coding: Labels,
    metrics: Option<MetricsSum>,
    engine: Engine,
    rows: usize,
}

impl Scorer<'_> {
    fn score_all<S: Number, E: From<Error>>(
        &mut self,
        array: &npy::Array,
        mut write: impl FnMut(&[f64]) -> Result<(), E>,
    ) -> Result<(), E> {
        let numbers = array.numbers::<S>().with_context(|| format!("cannot read {}", self.file))?;
        for block in numbers.chunks(ROWS_AT_A_TIME * self.names.len().max(1)) {
            write(&self.score(block, row_place)?)?;
        }
        Ok(())
    }

    /// The probabilities of some rows. `place` names a row, by its number in the file.
    fn score<S: Number>(&mut self, block: &[S], place: impl Fn(usize) -> String) -> Result<Vec<f64>, Error> {
        let mut rows = self.features.rows(block, self.names.len())?;
        let mut gathered = Vec::new();
        if !self.features.are_all() {
            // Columns between the features may hold anything, NaN too.
            self.features.gather(rows, &mut gathered);
            rows = Rows::new(&gathered, rows.nrows(), self.features.places.len())?;
        }
        let mut scores = vec![0.0; rows.nrows()];
        self.engine.logits(rows, self.params, &mut scores)?;
        if let (Some(label), Some(metrics)) = (self.label, &mut self.metrics) {
            let mut labels: Vec<f64> = Vec::with_capacity(scores.len());
            let place = |row| format!("{}, {}", self.file, place(self.rows + row));
            read_column(block, &self.names, label, &mut labels, |x| self.coding.read(x), place)?;
            metrics.add(&self.engine, &scores, &labels, None)?;
        }
        // The sigmoid of the logit has the bits of `predict_proba`.
        self.engine.sigmoid_in_place(&mut scores);
        self.rows += scores.len();
        Ok(scores)
    }
}
