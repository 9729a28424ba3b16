//! `lanegrad fit`: a table, a label, and the model that is fitted to them.

use crate::{args, note, output};
use anyhow::{Context, Result, ensure};
use lanegrad_fit::data::{name, shown};
use lanegrad_fit::{
    Checkpoint, Copied, DataOptions, DataSet, Dtype, Ending, Fit, Metrics, Missing, Model, Observer, Options,
    Progress, Warning,
};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The data: CSV with a header line (`-` is standard input; it may be compressed with gzip), `.npy` (a matrix of
    /// truth values, integers or floats), `.safetensors` (FILE#NAME is the tensor of that name; without a name the only
    /// one of two dimensions), or `.parquet`. Arrays of i8, u8, bf16, f16, f32 and f64 are mapped into memory, not copied,
    /// unless they are in Fortran's order; a file that is shortened while it is mapped ends the program with SIGBUS. What
    /// is in a file decides, not its name. What quantised columns stand for is found where `convert` writes it. Several files are one data set, row
    /// after row: they have the same columns, and the model depends on the files and their order. A quoted pattern
    /// ('part-*.npy') stands for the files that match it, in the order of the bytes of their names.
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,
    /// The column of the labels, by name or by number from 0 (-1 is the last): probabilities from 0 to 1, or -1 and
    /// +1, or True and False; any other values with --positive. All columns that no option names are features.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true, required_unless_present = "label_file")]
    label: Option<String>,
    /// A file with the labels, or a tensor of one (FILE#NAME), instead of a column of the data: one-dimensional or of one
    /// column, with a row for each row of the data. For several files of data the option is repeated, in their order.
    #[arg(long, value_name = "PATH", conflicts_with = "label")]
    label_file: Vec<PathBuf>,
    /// The value of the labels that counts 1, a number or a text. All others count 0.
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    positive: Option<String>,
    /// A column that is not a feature, by name or number; its cells may hold anything. The option may be repeated.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    ignore: Vec<String>,
    /// What is done with missing cells (empty, NA, N/A, NaN, ? or null): they are an error, or filled with the mean of
    /// their column, which the model keeps.
    #[arg(long, value_name = "WAY", value_enum, default_value = "refuse")]
    missing: Fill,
    #[command(flatten)]
    csv: args::Csv,
    /// The file to write the model to, as JSON.
    #[arg(long, value_name = "PATH")]
    model: PathBuf,
    /// The penalty λ: the objective is the mean log-loss + λ/2 Σ w². The bias is not penalised.
    #[arg(long, value_name = "LAMBDA", default_value_t = 0.0, value_parser = args::not_negative)]
    l2: f64,
    /// Penalise the weights of standardised columns (less their mean, divided by their standard deviation).
    #[arg(long)]
    standardize: bool,
    /// Fit no bias: it is 0, and columns are not centred.
    #[arg(long)]
    no_bias: bool,
    /// The type that the data are held in. By default that of an array's numbers (f32 for float64, if the arithmetic is in
    /// f32), and for other files that of the arithmetic. Numbers that i8 or u8 has not are an error.
    #[arg(long, value_name = "TYPE", value_parser = args::dtype())]
    dtype: Option<Dtype>,
    /// The type of the arithmetic. f32 needs data that are held in f32, or in a smaller type.
    #[arg(long, value_name = "TYPE", value_parser = args::arithmetic(), default_value_t = Dtype::F64)]
    arithmetic: Dtype,
    /// Stop when no entry of the gradient, by the weights of standardised columns, is larger than this.
    #[arg(long, value_name = "T", default_value_t = 1e-6, value_parser = args::not_negative)]
    tol: f64,
    /// Stop after this number of iterations.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_iter: u64,
    /// The column of the sample weights, by name or number: how often a row counts, also in means and standard
    /// deviations.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    sample_weight: Option<String>,
    /// A file that keeps the state of the fit after each iteration, from which --resume goes on. It has 1.2 KB for each
    /// feature at most, and stays there when the fit has ended.
    #[arg(long, value_name = "PATH")]
    checkpoint: Option<PathBuf>,
    /// Go on from the state in --checkpoint, with the same data and options; --tol and --max-iter may be others. With
    /// the same --tol, and a --max-iter that is not below the iterations that were made, the model is the one of a fit
    /// without interruption. Where there is no such file, the fit starts from the beginning.
    #[arg(long, requires = "checkpoint")]
    resume: bool,
    /// The number of threads. By default as many as the system allows.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,
    /// Print no progress.
    #[arg(long, short)]
    quiet: bool,
}

/// A value of `--missing`.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Fill {
    Refuse,
    Mean,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    crate::machine::lowered()?;
    let mismatch = args.arithmetic == Dtype::F32 && args.dtype == Some(Dtype::F64);
    ensure!(!mismatch, "--arithmetic f32 needs data that are held in f32, not --dtype f64");
    let files = args::files(&args.data)?;
    let label_files = args::files(&args.label_file)?;
    let inputs: Vec<&Path> = files.iter().chain(&label_files).map(PathBuf::as_path).collect();
    let mut outputs = vec![&*args.model, output::standard()];
    if let Some(checkpoint) = &args.checkpoint {
        ensure!(!output::same(&args.model, checkpoint), "--model and --checkpoint are the same file");
        let is_file = checkpoint != output::standard() && (!checkpoint.exists() || checkpoint.is_file());
        ensure!(
            is_file,
            "--checkpoint {} is no file, which it must be to be read again",
            checkpoint.display()
        );
        outputs.push(checkpoint);
    }
    output::distinct(&outputs, &inputs)?;
    output::check(&args.model)?;
    args.checkpoint.iter().try_for_each(|path| output::check(path))?;
    crate::on_threads(args.threads, || fit(args, &files, &label_files))?
}

fn fit(args: &Args, files: &[PathBuf], label_files: &[PathBuf]) -> Result<()> {
    let start = Instant::now();
    let from = args.checkpoint.as_deref().filter(|_| args.resume);
    let resume = from.map(checkpoint).transpose()?.flatten();
    let mut said = start;
    let set = DataSet::read_watched(files, &data_options(args, label_files)?, |file, _| {
        // Not of files that are read at once.
        if !args.quiet && files.len() > 1 && said.elapsed() > Duration::from_secs(1) {
            said = Instant::now();
            note(&format!("reading {} ({} of {})", name(&files[file]), file + 1, files.len()));
        }
        ControlFlow::Continue(())
    })?;
    let read = start.elapsed();
    notes(&set);
    let mut options = Options::default();
    options.l2 = args.l2;
    options.bias = !args.no_bias;
    options.standardize = args.standardize;
    options.tolerance = args.tol;
    options.max_iterations = args.max_iter;

    let passes_before = resume.as_ref().map_or(0, Checkpoint::passes) as usize;
    let mut watch = Watch {
        args,
        pace: Pace::new(&set, passes_before),
        goes_on: resume.as_ref().map(Checkpoint::iterations),
        failure: None,
    };
    let from = from.filter(|_| resume.is_some());
    let found = set.fit_with(&options, resume, &mut watch);
    watch.failure.take().map_or(Ok(()), Err)?;
    let (model, found) = match from {
        Some(path) => found.with_context(|| format!("cannot go on from {}", name(path)))?,
        None => found?,
    };
    watch.say_where_it_goes_on();
    for &warning in &found.warnings {
        note(&format!("warning: {}", explain(warning, &model)));
    }
    if let (_, Some(words)) = ended(found.ending) {
        note(&format!("warning: {words}"));
    }
    output::write(&args.model, model.to_json().as_bytes())?;
    let timing = Timing { read, bytes: watch.pace.bytes, passes: found.passes - passes_before };
    output::print_beside([&args.model], &summary(args, &set, &model, &found, timing))
}

/// The state that a fit goes on from; `None` where there is no such file.
fn checkpoint(path: &Path) -> Result<Option<Checkpoint>> {
    let context = || format!("cannot go on from {}", name(path));
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            note(&format!("there is no {}: the fit starts from the beginning", name(path)));
            return Ok(None);
        }
        bytes => bytes.with_context(context)?,
    };
    Checkpoint::from_bytes(&bytes).with_context(context).map(Some)
}

/// Who watches a fit: it prints progress, and keeps the state.
struct Watch<'a> {
    args: &'a Args,
    pace: Pace,
    /// The iteration after which it goes on, until that was said: once the state was found to be of this fit.
    goes_on: Option<u64>,
    /// The reason why the state could not be kept, which ends the fit.
    failure: Option<anyhow::Error>,
}

impl Watch<'_> {
    fn say_where_it_goes_on(&mut self) {
        if let Some(iteration) = self.goes_on.take() {
            note(&format!("going on after iteration {iteration}"));
        }
    }
}

impl Observer for Watch<'_> {
    fn passed(&mut self, _: u64) -> ControlFlow<()> {
        self.say_where_it_goes_on();
        ControlFlow::Continue(())
    }

    fn iterated(&mut self, progress: &Progress, checkpoint: &dyn Fn() -> Checkpoint) -> ControlFlow<()> {
        if progress.iteration > 0 && !self.args.quiet {
            note(&self.pace.line(progress));
        }
        if let Some(path) = &self.args.checkpoint
            && let Err(error) = output::write(path, &checkpoint().to_bytes())
        {
            self.failure = Some(error);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

/// How the data are to be read.
fn data_options(args: &Args, label_files: &[PathBuf]) -> Result<DataOptions> {
    let label = args::label(args.label.as_ref(), label_files);
    let mut options = DataOptions::new(label.context("--label or --label-file is needed")?);
    options.positive = args.positive.clone();
    options.sample_weight = args.sample_weight.clone();
    options.ignore = args.ignore.clone();
    options.missing = match args.missing {
        Fill::Refuse => Missing::Refuse,
        Fill::Mean => Missing::Mean,
    };
    options.dialect = args.csv.dialect();
    options.dtype = args.dtype;
    options.arithmetic = args.arithmetic;
    Ok(options)
}

/// Says what became of data that were not taken as they are.
fn notes(set: &DataSet) {
    if let Some(text) = args::dropped(set.columns()) {
        note(&text);
    }
    if set.has_signed_labels() {
        note("labels of -1 stand for 0");
    }
    match set.filled() {
        0 => {}
        1 => note("1 missing cell is filled with the mean of its column"),
        filled => note(&format!("{filled} missing cells are filled with the means of their columns")),
    }
    let what = if set.segments().len() == 1 { "the data" } else { "some of the files" };
    match set.copied() {
        None => {}
        Some(Copied::Filled) => note(&format!("{what} are held in memory, not mapped, as cells are filled")),
        Some(_) => note(&format!(
            "{what} are held in memory, not mapped, as a column between the features has numbers that are not finite"
        )),
    }
}

/// The speed of the passes since the last line of progress.
struct Pace {
    rows: f64,
    /// Bytes of a pass.
    bytes: f64,
    before: (Duration, usize),
}

impl Pace {
    fn new(set: &DataSet, passes: usize) -> Self {
        Self { rows: set.nrows() as f64, bytes: set.pass_bytes() as f64, before: (Duration::ZERO, passes) }
    }

    fn line(&mut self, progress: &Progress) -> String {
        let now = (progress.elapsed, progress.passes);
        let rate = (now.1 - self.before.1) as f64 / (now.0 - self.before.0).as_secs_f64();
        self.before = now;
        format!(
            "iteration {:4}: loss {:.12}, gradient {:.2e}, {:.2} M rows/s, {:.1} GB/s",
            progress.iteration,
            progress.loss,
            progress.gradient,
            rate * self.rows / 1e6,
            rate * self.bytes / 1e9,
        )
    }
}

/// The time that reading took, and the bytes of a pass.
struct Timing {
    read: Duration,
    bytes: f64,
    /// The passes that were made now, and not before a checkpoint.
    passes: usize,
}

fn summary(args: &Args, set: &DataSet, model: &Model, fit: &Fit, timing: Timing) -> String {
    let (accuracy, auc) = fit.metrics.map_or(Default::default(), |metrics| {
        let Metrics { accuracy, correct, weight, auc, .. } = metrics;
        (format!("{accuracy:.6} ({correct} of {weight})"), auc.map_or("-".to_owned(), |auc| auc.to_string()))
    });
    let seconds = fit.elapsed.as_secs_f64();
    // Means and scales take passes too; without a bias there are no means.
    let of_moments = if args.no_bias { 1 } else { 2 };
    let files = match set.segments().len() {
        1 => String::new(),
        files => format!(" in {files} files"),
    };
    let quantised = if set.quantization().is_some() { " that stand for other numbers" } else { "" };
    format!(
        "rows        {} of {} features{files}, held as {}{quantised}, read in {:.2} s\n\
         loss        {:.15}\n\
         objective   {:.15}\n\
         gradient    {:.2e} (largest entry)\n\
         iterations  {} ({}), {} passes over the data\n\
         accuracy    {accuracy}\n\
         AUC         {auc}\n\
         time        {seconds:.3} s, {:.1} GB/s\n\
         model       {}\n",
        fit.nrows,
        model.columns.len(),
        set.dtype(),
        timing.read.as_secs_f64(),
        fit.loss,
        fit.objective,
        fit.gradient,
        fit.iterations,
        ended(fit.ending).0,
        fit.passes,
        (timing.passes + of_moments) as f64 * timing.bytes / seconds / 1e9,
        args.model.display(),
    )
}

/// A warning in the words of the command line.
fn explain(warning: Warning, model: &Model) -> String {
    match warning {
        Warning::OneClass => "all rows are of one class: the bias has no finite optimum".to_owned(),
        Warning::Separable => {
            "the classes can be separated: without a penalty (--l2) the weights have no finite optimum"
                .to_owned()
        }
        Warning::QuasiSeparable => {
            "the classes can be separated but for rows on the boundary: without a penalty \
            (--l2) the weights have no finite optimum"
                .to_owned()
        }
        Warning::Unresolved { column, by_f64 } => {
            let name = shown(model.columns.get(column).map_or("", String::as_str));
            let what_to_do =
                if by_f64 { "--arithmetic f64 can" } else { "subtract a number near its mean from it" };
            format!(
                "the arithmetic cannot resolve the column `{name}`, whose numbers are far from 0 for their spread: \
                 {what_to_do}"
            )
        }
        _ => "the result may not be the optimum".to_owned(),
    }
}

/// The end of a fit in a word and, if it has not converged, in the words of a warning.
fn ended(ending: Ending) -> (&'static str, Option<&'static str>) {
    match ending {
        Ending::Converged => ("converged", None),
        Ending::Stalled => {
            ("stalled", Some("stopped above --tol: no step was found that makes the objective smaller"))
        }
        Ending::OutOfIterations => ("--max-iter", Some("stopped after --max-iter iterations, above --tol")),
        _ => ("stopped", Some("stopped above --tol")),
    }
}
