//! `lanegrad predict`: a model's probability for each row of a table.

use crate::data::table::{BLOCK, Features, Labels, column};
use crate::data::{Input, Number, npy, open, table};
use crate::metrics::Metrics;
use crate::model::Model;
use crate::output::Output;
use anyhow::{Context, Result, bail, ensure};
use lanegrad::{Engine, Params, Rows};
use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// The data, in one of the formats of `lanegrad fit`: the model's columns, in any order where they have
    /// names. Those of its labels and sample weights may be there too.
    data: PathBuf,
    /// The model that `lanegrad fit` made.
    #[arg(long, value_name = "PATH")]
    model: PathBuf,
    /// Where the probabilities are written, one to a line, in the order of the rows.
    #[arg(long, value_name = "PATH", default_value = "-")]
    out: PathBuf,
    /// The column of the labels, by name or number: prints log-loss, accuracy and AUC on standard error,
    /// every row counted once.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    label: Option<String>,
    /// Threads; otherwise as many as the system allows.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,
}

pub fn run(args: &Args) -> Result<()> {
    crate::machine::lowered()?;
    let model = Model::read(&args.model)?;
    crate::on_threads(args.threads, || predict(args, &model))?
}

fn predict(args: &Args, model: &Model) -> Result<()> {
    let file = crate::data::name(&args.data);
    let input = open(&args.data)?;
    let (names, named) = match &input {
        Input::Mapped(array) => (table::unnamed(array.cols), false),
        Input::Source(source) => (source.names().to_vec(), true),
    };
    let label = args.label.as_deref().map(|label| column(&file, &names, label)).transpose()?;
    let columns = if named {
        by_name(model, &names, label, &file)?
    } else {
        by_place(model, names.len(), label, &file)?
    };
    let features = Features::new(&columns)?;
    let mut scorer = Scorer {
        features,
        params: Params::new(&model.weights, model.bias),
        names: &names,
        file: &file,
        label,
        coding: Labels::default(),
        metrics: label.map(|_| Metrics::new()),
        engine: Engine::new(),
        rows: 0,
        out: Output::create(&args.out)?,
        text: String::new(),
    };
    match input {
        Input::Mapped(array) if array.dtype == f32::DTYPE => scorer.score_all::<f32>(&array, args)?,
        Input::Mapped(array) => scorer.score_all::<f64>(&array, args)?,
        Input::Source(mut source) => {
            let mut block: Vec<f64> = Vec::new();
            while source.read_f64(BLOCK, &mut block)? > 0 {
                scorer.score(&block, &|row| source.place(row))?;
                block.clear();
            }
        }
    }
    scorer.finish()
}

/// The columns of a model by their names.
fn by_name(model: &Model, names: &[String], label: Option<usize>, file: &str) -> Result<Vec<usize>> {
    let places: HashMap<&String, usize> = names.iter().zip(0..).collect();
    let place = |name: &String| {
        let place = places.get(name).copied().filter(|&place| Some(place) != label);
        place.with_context(|| format!("{file}: the model has a column `{name}`, and the data have not"))
    };
    let columns = model.columns.iter().map(place).collect::<Result<Vec<usize>>>()?;
    let used: HashSet<usize> = columns.iter().copied().chain(label).collect();
    for (i, name) in names.iter().enumerate() {
        let known = *name == model.label || Some(name) == model.sample_weight.as_ref();
        ensure!(known || used.contains(&i), "{file}: the data have a column `{name}`, and the model has not");
    }
    Ok(columns)
}

/// The columns of a model in data whose columns have no names: all of them in order, but for the label.
fn by_place(model: &Model, cols: usize, label: Option<usize>, file: &str) -> Result<Vec<usize>> {
    let want = model.columns.len();
    // A model of such data knows its columns, and that of its labels, by their numbers.
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
struct Scorer<'a> {
    /// The model's columns, in its order.
    features: Features,
    params: Params<'a, f64>,
    names: &'a [String],
    file: &'a str,
    label: Option<usize>,
    coding: Labels,
    metrics: Option<Metrics>,
    engine: Engine,
    rows: usize,
    out: Output,
    text: String,
}

impl Scorer<'_> {
    fn score_all<S: Number>(&mut self, array: &npy::Array, args: &Args) -> Result<()> {
        let numbers = array.numbers::<S>().with_context(|| format!("cannot read {}", args.data.display()))?;
        let place = |row: usize| format!("row {}", row + 1);
        numbers.chunks(BLOCK * self.names.len().max(1)).try_for_each(|block| self.score(block, &place))
    }

    fn score<S: Number>(&mut self, block: &[S], place: &dyn Fn(usize) -> String) -> Result<()> {
        let mut rows = self.features.rows(block, self.names.len())?;
        let mut gathered = Vec::new();
        if !self.features.are_all() {
            // Columns between them that are no features may hold anything, NaN too.
            self.features.gather(rows, &mut gathered);
            rows = Rows::new(&gathered, rows.rows(), self.features.places.len())?;
        }
        let mut scores = vec![0.0; rows.rows()];
        self.engine.logits(rows, self.params, &mut scores)?;
        if let (Some(label), Some(metrics)) = (self.label, &mut self.metrics) {
            let mut labels: Vec<f64> = Vec::with_capacity(scores.len());
            let place = |row| format!("{}, {}", self.file, place(self.rows + row));
            table::read_column(block, self.names, label, &mut labels, |x| self.coding.read(x), place)?;
            metrics.add(&self.engine, &scores, &labels, None)?;
        }
        // The sigmoid of the logit has the bits of `predict_proba`.
        self.engine.sigmoid_in_place(&mut scores);
        self.text.clear();
        for p in &scores {
            writeln!(self.text, "{p}")?;
        }
        self.rows += scores.len();
        self.out.write(self.text.as_bytes())
    }

    fn finish(self) -> Result<()> {
        ensure!(self.rows > 0, "{} has no rows", self.file);
        self.out.finish()?;
        let Some(metrics) = &self.metrics else { return Ok(()) };
        if self.coding.signed {
            crate::note("labels of -1 stand for 0");
        }
        let auc = metrics.auc().map_or("-".to_owned(), |auc| auc.to_string());
        crate::note(&format!(
            "rows      {}\nloss      {:.15}\naccuracy  {:.6} ({} of {})\nAUC       {auc}",
            self.rows,
            metrics.log_loss(),
            metrics.accuracy(),
            metrics.correct(),
            metrics.weight(),
        ));
        Ok(())
    }
}
