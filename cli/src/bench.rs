//! `lanegrad bench`: the limits of this CPU, the speed of the kernels, and comparisons with another report.
//!
//! Top down: after a look at what counts as `memory`, a `plan` lists the measurements, each under a `setting`, that
//! fit into the time by their `cost`; `run` times their `work`, on `data` in pages of a kind, by `sample`, and makes
//! a `report` of the times, with what is known of `accuracy`. It is rendered as a `table`, as a `page` of `charts`,
//! each with a `summary`, or beside another report by `compare`.

mod accuracy;
mod charts;
mod colors;
mod compare;
mod cost;
mod data;
mod memory;
mod page;
mod plan;
mod report;
mod run;
mod sample;
mod setting;
mod summary;
mod table;
mod work;

use self::compare::Comparison;
use self::plan::{Plan, Wish};
use self::report::{Part, Report, SCHEMA};
use self::setting::{Kernel, Pages};
use self::work::Store;
use crate::args;
use crate::machine::{Machine, clock_hz, fastest};
use crate::output;
use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use lanegrad::Isa;
use lanegrad_fit::Dtype;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measure a part: f32, in the first-level cache and from memory. Takes at most 60 seconds, not 15 minutes.
    #[arg(long)]
    quick: bool,
    /// Measure only these kernels.
    #[arg(long, value_name = "NAME", value_enum, value_delimiter = ',')]
    kernel: Vec<Kernel>,
    /// Measure only these instruction sets (see `lanegrad info`), and the plain loops to compare with.
    #[arg(long, value_name = "NAME", value_parser = Isa::from_name, value_delimiter = ',')]
    isa: Vec<Isa>,
    /// Measure only these types: by default f32 and f64. Of i8, u8, bf16 and f16 rows are measured, in f32 arithmetic, by
    /// logits and loss_and_gradient.
    #[arg(long, value_name = "TYPE", value_parser = args::dtype(), value_delimiter = ',')]
    dtype: Vec<Dtype>,
    /// Measure on these numbers of threads. By default on one, and on as many as the system allows.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096), value_delimiter = ',')]
    threads: Vec<u16>,
    /// Share this time, in seconds, between the measurements: by default 45 for `--quick` and 720 else. What does not
    /// fit is left out, and named.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: Option<u32>,
    /// Write the report as JSON.
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Write the measurements as CSV.
    #[arg(long, value_name = "PATH")]
    csv: Option<PathBuf>,
    /// Write the report as an HTML page with charts: one file, without scripts.
    #[arg(long, value_name = "PATH")]
    html: Option<PathBuf>,
    /// Write the chart of speedups over plain loops as an SVG picture.
    #[arg(long, value_name = "PATH")]
    svg: Option<PathBuf>,
    /// Show an earlier report (`--json`) instead of measuring.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["quick", "kernel", "isa", "dtype", "threads", "seconds"])]
    from: Option<PathBuf>,
    /// Compare with an earlier report (`--json`): print the ratio of the times, row by row, and mark the ratios that
    /// are outside the noise.
    #[arg(long, value_name = "PATH")]
    compare: Option<PathBuf>,
    /// Exit with status 1 if a ratio that is outside the noise, old time / new time, is below this.
    #[arg(long, value_name = "RATIO", requires = "compare", value_parser = ratio)]
    fail_below: Option<f64>,
}

/// Reads a ratio of times.
fn ratio(text: &str) -> Result<f64> {
    let ratio: f64 = text.parse()?;
    ensure!(ratio > 0.0 && ratio.is_finite(), "a ratio is a positive number");
    Ok(ratio)
}

/// A function that renders a report in the format of a file.
type Render = fn(&Report) -> Result<Vec<u8>>;

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let formats: [(&Option<PathBuf>, Render); 4] = [
        (&args.json, |report| Ok(report.to_json()?.into_bytes())),
        (&args.csv, Report::to_csv),
        (&args.html, |report| Ok(page::render(report)?.into_bytes())),
        (&args.svg, |report| {
            let chart = charts::ladder(report)?;
            let chart = chart.context("there is no chart to write: no instruction set was measured")?;
            Ok(charts::standalone(&chart).into_bytes())
        }),
    ];
    let files = || formats.iter().filter_map(|(path, render)| Some((path.as_ref()?, render)));
    // Reports that would be overwritten, and files that cannot be written, are refused before the work.
    let outputs: Vec<&Path> = files().map(|(path, _)| path.as_path()).chain([output::standard()]).collect();
    let inputs: Vec<&Path> =
        [&args.from, &args.compare].into_iter().flatten().map(PathBuf::as_path).collect();
    output::distinct(&outputs, &inputs)?;
    for (i, (path, _)) in files().enumerate() {
        ensure!(
            files().skip(i + 1).all(|(other, _)| !output::same(other, path)),
            "two reports have the same path, {}",
            path.display()
        );
        output::check(path)?;
    }
    if args.from.is_none() {
        let kernels = if args.kernel.is_empty() { Kernel::value_variants() } else { &args.kernel };
        let any = |dtype: &Dtype| kernels.iter().any(|kernel| kernel.takes(*dtype));
        if let Some(dtype) = args.dtype.iter().find(|dtype| !any(dtype)) {
            bail!("--dtype {dtype}: of it rows are measured alone, by logits and loss_and_gradient");
        }
    }
    let old = args.compare.as_deref().map(Report::read).transpose()?;
    let report = match &args.from {
        Some(path) => Report::read(path)?,
        None => measure(args)?,
    };
    // All files are tried, even if one of them or standard output fails.
    let written: Vec<Result<()>> =
        files().map(|(path, render)| output::write(path, &render(&report)?)).collect();
    let comparison = old.as_ref().map(|old| Comparison::new(old, &report)).transpose()?;
    let text = comparison.as_ref().map_or_else(|| table::render(&report), Comparison::render);
    let printed = output::print_beside(files().map(|(path, _)| path), &text);
    output::first_failure(written.into_iter().chain([printed]))?;
    let lowest = comparison.as_ref().and_then(Comparison::lowest);
    let failed = lowest.zip(args.fail_below).is_some_and(|(lowest, bound)| lowest < bound);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Makes the measurements that the arguments select.
fn measure(args: &Args) -> Result<Report> {
    let machine = Machine::detect()?;
    let start = (SystemTime::now(), Instant::now());
    let wish = wish(args, &machine);
    let clock_ghz = clock_hz().map(|hz| hz / 1e9);
    let pages = data::kinds();
    let mut threads: Vec<usize> =
        [wish.threads.first(), wish.threads.last()].into_iter().flatten().copied().collect();
    threads.dedup();
    let pools = threads.into_iter().map(run::start).collect::<Result<Vec<_>>>()?;
    let largest = pages.last().copied().unwrap_or(Pages::System);
    let (memory, map) = memory::sweep(&pools, fastest(), largest)?;
    drop(pools);
    let plan = Plan::new(&wish, &machine, &memory, &pages);
    let looking = start.1.elapsed().as_secs_f64();
    let mut found = run::run(&plan, &memory, clock_ghz, Store::new(map, largest))?;
    found.budget.parts.insert(0, Part { name: "memory".to_owned(), groups: 1, seconds: looking });
    Ok(Report {
        schema: SCHEMA,
        lanegrad: env!("CARGO_PKG_VERSION").to_owned(),
        started: humantime::format_rfc3339_seconds(start.0).to_string(),
        seconds: start.1.elapsed().as_secs_f64(),
        plan: if args.quick { "quick" } else { "full" }.to_owned(),
        machine,
        clock_ghz,
        memory,
        budget: found.budget,
        ceilings: found.ceilings,
        measurements: found.measurements,
    })
}

fn wish(args: &Args, machine: &Machine) -> Wish {
    /// The values that were chosen, or all if none was: each once, in the order of `all`.
    fn chosen<T: PartialEq>(chosen: &[T], all: impl IntoIterator<Item = T>) -> Vec<T> {
        all.into_iter().filter(|one| chosen.is_empty() || chosen.contains(one)).collect()
    }
    let dtypes = match &args.dtype[..] {
        [] if args.quick => &[Dtype::F32],
        [] => Dtype::ARITHMETIC,
        _ => Dtype::ALL,
    };
    let mut threads = args.threads.clone();
    if threads.is_empty() {
        threads = vec![1, machine.threads.min(4096) as u16];
    }
    threads.sort_unstable();
    threads.dedup();
    Wish {
        quick: args.quick,
        seconds: args.seconds.unwrap_or(if args.quick { 45 } else { 12 * 60 }),
        kernels: chosen(&args.kernel, Kernel::value_variants().iter().copied()),
        isas: chosen(&args.isa, Isa::available()),
        dtypes: {
            // Some kernels take those of arithmetic alone, and some sections measure the first.
            let mut dtypes = chosen(&args.dtype, dtypes.iter().copied());
            dtypes.sort_by_key(|&dtype| dtype != setting::arithmetic(dtype));
            dtypes
        },
        threads: threads.into_iter().map(usize::from).collect(),
    }
}
