//! `lanegrad predict`: a model's probability for each row of a table.

use crate::output::{self, Output};
use crate::{args, note};
use anyhow::Result;
use lanegrad_fit::data::name;
use lanegrad_fit::{Model, PredictOptions, Predictor};
use std::fmt::Write;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The data, in one of the formats of `lanegrad fit`, with the model's columns. Columns that have names may be
    /// in any order. The columns of the model's labels and sample weights may be there too. Several files follow one
    /// another; a quoted pattern stands for the files that match it, in the order of the bytes of their names.
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,
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
    /// A file with the labels, instead of a column of the data. For several files of data the option is repeated, in
    /// their order.
    #[arg(long, value_name = "PATH", conflicts_with = "label")]
    label_file: Vec<PathBuf>,
    #[command(flatten)]
    csv: args::Csv,
    /// The number of threads. By default as many as the system allows.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    crate::machine::lowered()?;
    let files = args::files(&args.data)?;
    let label_files = args::files(&args.label_file)?;
    let inputs = files.iter().chain([&args.model]).chain(&label_files);
    let inputs: Vec<&Path> = inputs.map(PathBuf::as_path).collect();
    output::distinct(&[&args.out], &inputs)?;
    output::check(&args.out)?;
    let model = Model::read(&args.model)?;
    crate::on_threads(args.threads, || predict(args, &files, &label_files, &model))?
}

fn predict(args: &Args, files: &[PathBuf], label_files: &[PathBuf], model: &Model) -> Result<()> {
    let options = PredictOptions {
        label: args::label(args.label.as_ref(), label_files),
        dialect: args.csv.dialect(),
        allow_empty: false,
    };
    let predictor = Predictor::open(model, files, &options)?;
    if predictor.lacks_scales() {
        note(&format!(
            "the model was fitted to quantised columns, and {} has no scales: its integers are taken as they are",
            name(&files[0])
        ));
    }
    let unused = predictor.unused();
    if !unused.is_empty() {
        note(&format!("the model does not use {}", args::listed(unused)));
    }
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
    match found.filled {
        0 => {}
        1 => note("1 missing cell was filled with the mean that the model keeps"),
        filled => note(&format!("{filled} missing cells were filled with the means that the model keeps")),
    }
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
