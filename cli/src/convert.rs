//! `lanegrad convert`: any table as a `.npy` or `.safetensors`, row by row, so that it may be larger than memory.

use crate::matrix::{Format, for_dtype};
use crate::output::{self, Output};
use crate::{args, note};
use anyhow::{Result, ensure};
use lanegrad_fit::data::{Block, Choice, Columns, Plan, ROWS_AT_A_TIME, Source, shown};
use lanegrad_fit::{Dtype, Held};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The table: CSV with a header line (`-` is standard input; it may be compressed with gzip), `.npy` of another
    /// type or order, `.safetensors` (FILE#NAME is a tensor of several), or `.parquet`.
    input: PathBuf,
    /// The `.npy` to write or, if its name ends so, the `.safetensors`, whose tensor is `X`. It keeps the order of the
    /// columns, but not their names. Missing cells are NaN.
    output: PathBuf,
    /// The type of the numbers, each rounded to the nearest; i8 and u8 are for integers alone, and bf16 for
    /// `.safetensors`.
    #[arg(long, value_name = "TYPE", value_parser = args::dtype(), default_value_t = Dtype::F64)]
    dtype: Dtype,
    /// A column that is left out, by name or by number from 0; the option may be repeated.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    ignore: Vec<String>,
    #[command(flatten)]
    csv: args::Csv,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let format = Format::of(&args.output);
    output::distinct(&[&args.output, output::standard()], &[&args.input])?;
    // Before what takes time: not every format has every type.
    format.header(args.dtype, 0, 1, false)?;
    let mut source = Source::open(&args.input, &args.csv.dialect())?;
    let (file, names) = (source.file(), source.names());
    let columns = Columns::find(file, names, &Choice { ignore: &args.ignore, ..Choice::default() })?;
    let (plan, cols) = (columns.plan(names.len())?, columns.features.len());
    let dropped = args::dropped(&columns);
    let last = columns.features.last().map_or(String::new(), |&last| shown(&names[last]));
    let mut out = Output::create_file(&args.output)?;
    out.write(&format.header(args.dtype, 0, cols, false)?)?;
    let (rows, missing) = for_dtype!(args.dtype, S => copy::<S>(&mut source, &plan, &mut out))?;
    ensure!(rows > 0, "{} has no rows", source.file());
    out.overwrite_start(&format.header(args.dtype, rows, cols, false)?)?;
    out.finish()?;
    if let Some(text) = dropped {
        note(&text);
    }
    match missing {
        0 => {}
        1 => note("1 missing cell is NaN"),
        _ => note(&format!("{missing} missing cells are NaN")),
    }
    output::print(&format!("{rows} rows of {cols} columns, of which the last (-1) was `{last}`\n"))
}

/// Writes blocks of rows to the end of the source, and returns the number of rows and of missing cells.
fn copy<S: Held + bytemuck::NoUninit>(
    source: &mut Source,
    plan: &Plan,
    out: &mut Output,
) -> Result<(usize, u64)> {
    let (mut block, mut rows) = (Block::<S>::with_infinities(), 0);
    loop {
        let read = source.read(plan, ROWS_AT_A_TIME, &mut block)?;
        if read == 0 {
            return Ok((rows, block.missing()));
        }
        rows += read;
        out.write(bytemuck::cast_slice(block.features()))?;
        block.clear();
    }
}
