//! `lanegrad predict`: a model's probability for each row of a table.

use crate::note;
use crate::output::{self, Output};
use anyhow::Result;
use lanegrad_fit::{Model, Predictor};
use std::fmt::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The data, in one of the formats of `lanegrad fit`, with the model's columns. Columns that have names may be
    /// in any order. The columns of the model's labels and sample weights may be there too.
    data: PathBuf,
    /// A model that `lanegrad fit` wrote.
    #[arg(long, value_name = "PATH")]
    model: PathBuf,
    /// The file to write the probabilities to, one to a line, in the order of the rows; `-` is standard output.
    #[arg(long, value_name = "PATH", default_value = "-")]
    out: PathBuf,
    /// The column of the labels, by name or number. If it is given, log-loss, accuracy and AUC are printed on
    /// standard error, every row counted once.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    label: Option<String>,
    /// The number of threads. By default as many as the system allows.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    crate::machine::lowered()?;
    output::distinct(&[&args.out], &[&args.data, &args.model])?;
    output::check(&args.out)?;
    let model = Model::read(&args.model)?;
    crate::on_threads(args.threads, || predict(args, &model))?
}

fn predict(args: &Args, model: &Model) -> Result<()> {
    let predictor = Predictor::open(model, &args.data, args.label.as_deref())?;
    let mut out = Output::create(&args.out)?;
    let mut text = String::new();
    let found = predictor.run(|probabilities| -> Result<()> {
        text.clear();
        for p in probabilities {
            writeln!(text, "{p}")?;
        }
        out.write(text.as_bytes())
    })?;
    out.finish()?;
    let Some(metrics) = &found.metrics else { return Ok(()) };
    if found.has_signed_labels {
        note("labels of -1 stand for 0");
    }
    let auc = metrics.auc.map_or("-".to_owned(), |auc| auc.to_string());
    note(&format!(
        "rows      {}\nloss      {:.15}\naccuracy  {:.6} ({} of {})\nAUC       {auc}",
        found.nrows, metrics.log_loss, metrics.accuracy, metrics.correct, metrics.weight,
    ));
    Ok(())
}
