//! `lanegrad fit`: a table, a label, and the weights that predict it.
//!
//! `data` reads the table; `moments` are the means and scales of its columns; `objective` is what is
//! minimised, one pass of the engine at a time; `optimize` chooses where to evaluate it next.

mod moments;
mod objective;
mod optimize;

use self::moments::Moments;
use self::objective::{Objective, Point};
use self::optimize::{Ending, Limits, minimize};
use crate::data::Number;
use crate::data::table::{Features, Labels, Slice, Table, column, read_column};
use crate::dtype::Dtype;
use crate::json;
use crate::metrics::Metrics;
use crate::model::{Model, SCHEMA, Standardization};
use crate::note;
use crate::output;
use anyhow::{Context, Result, bail, ensure};
use lanegrad::{Batch, Element, Engine, Params, Rows, Storage};
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub struct Args {
    /// The data: CSV with a header line (`-` is standard input), `.npy` (two-dimensional, C order, float32 or
    /// float64: mapped, not copied), or `.parquet`.
    data: PathBuf,
    /// The column of the labels, by name or by number from 0 (-1 is the last): probabilities from 0 to 1, or
    /// -1 and +1. All other columns but the sample weights are features.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    label: String,
    /// Where the model is written, as JSON.
    #[arg(long, value_name = "PATH")]
    model: PathBuf,
    /// The penalty λ: the objective is the mean log-loss + λ/2 Σ w². The bias is not penalised.
    #[arg(long, value_name = "LAMBDA", default_value_t = 0.0, value_parser = not_negative)]
    l2: f64,
    /// Penalise the weights of standardised columns (less their mean, over their standard deviation).
    #[arg(long)]
    standardize: bool,
    /// The type that the data are held in; otherwise that of the arithmetic if that is f32, or of the file,
    /// or f64.
    #[arg(long, value_enum)]
    dtype: Option<Dtype>,
    /// The type of the arithmetic. f32 wants data that are held in f32.
    #[arg(long, value_enum, default_value_t = Dtype::F64)]
    arithmetic: Dtype,
    /// Stop where no entry of the gradient, by the weights of standardised columns, is larger.
    #[arg(long, value_name = "T", default_value_t = 1e-6, value_parser = not_negative)]
    tol: f64,
    /// Stop after so many iterations.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_iter: u64,
    /// A column that says how often a row counts, by name or number; also in means and scales.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    sample_weight: Option<String>,
    /// Threads; otherwise as many as the system allows.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,
    /// Print no progress.
    #[arg(long, short)]
    quiet: bool,
}

fn not_negative(text: &str) -> Result<f64> {
    let number: f64 = text.parse()?;
    ensure!(number >= 0.0 && number.is_finite(), "it is not a number from 0 on");
    Ok(number)
}

pub fn run(args: &Args) -> Result<()> {
    crate::machine::lowered()?;
    let mismatch = args.arithmetic == Dtype::F32 && args.dtype == Some(Dtype::F64);
    ensure!(!mismatch, "arithmetic in f32 wants data that are held in f32, not --dtype f64");
    output::check(&args.model)?;
    crate::on_threads(args.threads, || fit(args))?
}

/// The columns of a table by what they are for.
struct Columns {
    label: usize,
    sample_weight: Option<usize>,
    features: Vec<usize>,
}

impl Columns {
    fn new(args: &Args, file: &str, names: &[String]) -> Result<Self> {
        let find = |which: &str| column(file, names, which);
        let label = find(&args.label)?;
        let sample_weight = args.sample_weight.as_deref().map(find).transpose()?;
        ensure!(sample_weight != Some(label), "label and sample weight are the same column");
        let features: Vec<usize> =
            (0..names.len()).filter(|&i| i != label && Some(i) != sample_weight).collect();
        ensure!(!features.is_empty(), "{file}: there is no column of features");
        Ok(Self { label, sample_weight, features })
    }
}

fn fit(args: &Args) -> Result<()> {
    let start = Instant::now();
    let dtype = args.dtype.or((args.arithmetic == Dtype::F32).then_some(Dtype::F32));
    let (table, columns) = Table::read(&args.data, dtype, |file, names| Columns::new(args, file, names))?;
    ensure!(table.rows > 0, "{} has no rows", table.file);
    let problem = Problem { args, table: &table, columns: &columns, read: start.elapsed() };
    match (table.numbers()?, args.arithmetic) {
        (Slice::F32(numbers), Dtype::F32) => problem.solve::<f32, f32>(numbers),
        (Slice::F32(numbers), Dtype::F64) => problem.solve::<f32, f64>(numbers),
        (Slice::F64(numbers), Dtype::F64) => problem.solve::<f64, f64>(numbers),
        (Slice::F64(_), Dtype::F32) => {
            bail!("arithmetic in f32 wants data that are held in f32")
        }
    }
}

/// A table whose columns are known.
struct Problem<'a> {
    args: &'a Args,
    table: &'a Table,
    columns: &'a Columns,
    /// How long reading took.
    read: Duration,
}

impl Problem<'_> {
    /// Fits a model to numbers held as `S`, in `T` arithmetic, and writes it.
    fn solve<S: Number + Storage<T>, T: Element>(&self, numbers: &[S]) -> Result<()> {
        let Self { args, table, columns, .. } = *self;
        let place = |row| table.place(row);
        let mut coding = Labels::default();
        let (mut labels, mut sample_weights) = (Vec::<T>::with_capacity(table.rows), Vec::<T>::new());
        read_column(numbers, &table.names, columns.label, &mut labels, |x| coding.read(x), place)?;
        if coding.signed {
            note("labels of -1 stand for 0");
        }
        if let Some(column) = columns.sample_weight {
            let check = |x: f64| {
                ensure!((0.0..f64::INFINITY).contains(&x), "the sample weight {x} is not a number from 0 on");
                Ok(x)
            };
            read_column(numbers, &table.names, column, &mut sample_weights, check, place)?;
        }
        let features = Features::new(&columns.features).with_context(|| table.file.clone())?;
        let rows: Rows<'_, S> = features.rows(numbers, table.names.len())?;
        let mut batch = Batch::new(rows, &labels)?;
        if columns.sample_weight.is_some() {
            batch = batch.with_sample_weights(&sample_weights)?;
        }

        let start = Instant::now();
        let moments = self.moments(&batch, &features)?;
        let objective = Objective::new(batch, &features, &moments, args.l2, args.standardize, args.tol);
        let bytes = (rows.rows() * features.width * size_of::<S>()) as f64;
        let mut before = (Instant::now(), 0);
        let report = |iteration: u64, point: &Point| {
            let now = (Instant::now(), objective.passes());
            let rate = (now.1 - before.1) as f64 / (now.0 - before.0).as_secs_f64();
            before = now;
            if !args.quiet {
                note(&format!(
                    "iteration {iteration:4}: loss {:.12}, gradient {:.2e}, {:.2} M rows/s, {:.1} GB/s",
                    point.loss,
                    point.slope(),
                    rate * rows.rows() as f64 / 1e6,
                    rate * bytes / 1e9,
                ));
            }
        };
        let limits = Limits { tolerance: args.tol, iterations: args.max_iter };
        let (best, iterations, ending) = minimize(&objective, limits, report)?;
        let seconds = start.elapsed().as_secs_f64();

        ensure!(
            best.value.is_finite(),
            "the objective is not finite: columns, labels or --l2 are too extreme"
        );
        let (weights, bias) = objective.raw(&best.coordinates);
        ensure!(
            weights.iter().all(|w| w.is_finite()) && bias.is_finite(),
            "the fit diverged: a weight is not finite"
        );
        let metrics = score(&batch, &features, &weights, bias)?;
        warn(args, ending, &metrics);
        self.write(weights, bias, &moments)?;

        let passes = objective.passes();
        let auc = metrics.auc().map_or("-".to_owned(), |auc| auc.to_string());
        let held = S::DTYPE;
        let summary = format!(
            "rows        {} of {} features, held as {held}, read in {:.2} s\n\
             loss        {:.15}\n\
             objective   {:.15}\n\
             gradient    {:.2e} (largest entry)\n\
             iterations  {iterations}, {passes} passes over the data\n\
             accuracy    {:.6} ({} of {})\n\
             AUC         {auc}\n\
             time        {seconds:.3} s, {:.1} GB/s\n\
             model       {}\n",
            rows.rows(),
            features.places.len(),
            self.read.as_secs_f64(),
            best.loss,
            best.value,
            best.slope(),
            metrics.accuracy(),
            metrics.correct(),
            metrics.weight(),
            passes as f64 * bytes / seconds / 1e9,
            args.model.display(),
        );
        output::print_beside([&args.model], &summary)
    }

    /// Mean and scale of each feature; a number that is not finite is an error.
    fn moments<S: Number + Storage<T>, T: Element>(
        &self,
        batch: &Batch<'_, S, T>,
        features: &Features,
    ) -> Result<Moments> {
        let (rows, weights) = (batch.rows(), batch.sample_weights());
        let counts = |row: usize| weights.is_none_or(|weights| weights[row].to_f64() > 0.0);
        let all = Moments::new(rows, weights);
        for (&place, &column) in features.places.iter().zip(&self.columns.features) {
            if !all.means[place].is_finite() || !all.scales[place].is_finite() {
                let mut numbers = rows.iter().map(|row| row[place].to_f64()).enumerate();
                let bad = numbers.find(|&(row, x)| counts(row) && !x.is_finite());
                let name = &self.table.names[column];
                match bad {
                    Some((row, x)) => {
                        let place = self.table.place(row);
                        bail!("{place}, column {} (`{name}`): {x} is not finite", column + 1)
                    }
                    None => bail!(
                        "{}, column {} (`{name}`): its numbers are too large",
                        self.table.file,
                        column + 1
                    ),
                }
            }
        }
        let of_features = |numbers: &[f64]| features.places.iter().map(|&place| numbers[place]).collect();
        Ok(Moments { means: of_features(&all.means), scales: of_features(&all.scales) })
    }

    fn write(&self, weights: Vec<f64>, bias: f64, moments: &Moments) -> Result<()> {
        let Self { args, table, columns, .. } = *self;
        let name = |column: usize| table.names[column].clone();
        let Moments { means, scales } = moments.clone();
        let model = Model {
            schema: SCHEMA,
            lanegrad: env!("CARGO_PKG_VERSION").to_owned(),
            rows: table.rows,
            l2: args.l2,
            label: name(columns.label),
            sample_weight: columns.sample_weight.map(name),
            columns: columns.features.iter().copied().map(name).collect(),
            weights,
            bias,
            standardization: args.standardize.then_some(Standardization { means, scales }),
        };
        output::write(&args.model, json::to_string(&model)?.as_bytes())
    }
}

/// Rows that are scored at a time.
const BLOCK: usize = 1 << 16;

/// Scores all rows by a model.
fn score<S: Storage<T>, T: Element>(
    batch: &Batch<'_, S, T>,
    features: &Features,
    weights: &[f64],
    bias: f64,
) -> Result<Metrics> {
    let engine = Engine::new();
    let mut metrics = Metrics::new();
    let mut spread: Vec<T> = Vec::new();
    features.spread(weights.iter().copied(), &mut spread);
    let params = Params::new(&spread, T::from_f64(bias));
    let mut logits = vec![T::from_f64(0.0); BLOCK.min(batch.rows().rows())];
    for start in (0..batch.rows().rows()).step_by(BLOCK) {
        let block = batch.slice(start..batch.rows().rows().min(start + BLOCK))?;
        let logits = &mut logits[..block.rows().rows()];
        engine.logits(block.rows(), params, logits)?;
        metrics.add(&engine, logits, block.labels(), block.sample_weights())?;
    }
    Ok(metrics)
}

/// Says what a user should know of the result.
fn warn(args: &Args, ending: Ending, metrics: &Metrics) {
    if metrics.auc().is_none() {
        note("warning: all rows are of one class: the bias has no finite optimum");
    } else if args.l2 == 0.0 && metrics.correct() == metrics.weight() {
        note(
            "warning: the classes can be separated: without a penalty (--l2) the weights have no finite optimum",
        );
    }
    match ending {
        Ending::Converged => {}
        Ending::Stalled => note("warning: stopped where no step makes the objective smaller, above --tol"),
        Ending::OutOfIterations => note("warning: stopped after --max-iter iterations, above --tol"),
    }
}
