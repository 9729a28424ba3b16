//! `lanegrad convert`: any table as a `.npy`, row by row, so that it may be larger than memory.

use crate::args;
use crate::output::{self, Output};
use anyhow::{Result, bail, ensure};
use lanegrad_fit::data::{self, Input, ROWS_AT_A_TIME, Source, npy};
use lanegrad_fit::{Dtype, Number};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The table: CSV with a header line (`-` is standard input) or `.parquet`.
    input: PathBuf,
    /// The `.npy` to write. It keeps the order of the columns, but not their names.
    output: PathBuf,
    /// The type of the numbers.
    #[arg(long, value_name = "TYPE", value_parser = args::dtype(), default_value_t = Dtype::F64)]
    dtype: Dtype,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    output::distinct(&[&args.output, output::standard()], &[&args.input])?;
    let Input::Source(mut source) = Input::open(&args.input)? else {
        bail!("{} is a NumPy file already", args.input.display())
    };
    let cols = source.names().len();
    let mut out = Output::create_file(&args.output)?;
    out.write(&npy::header(args.dtype, 0, cols))?;
    let rows = match args.dtype {
        Dtype::F32 => copy::<f32>(&mut source, &mut out)?,
        Dtype::F64 => copy::<f64>(&mut source, &mut out)?,
    };
    ensure!(rows > 0, "{} has no rows", data::name(&args.input));
    out.overwrite_start(&npy::header(args.dtype, rows, cols))?;
    out.finish()?;
    let last = source.names().last().map_or("", String::as_str);
    output::print(&format!("{rows} rows of {cols} columns, of which the last (-1) was `{last}`\n"))
}

/// Writes blocks of rows to the end of the source, and returns the number of rows.
fn copy<T: Number + bytemuck::NoUninit>(source: &mut Source, out: &mut Output) -> Result<usize> {
    let (mut block, mut rows) = (Vec::<T>::new(), 0);
    loop {
        let read = source.read(ROWS_AT_A_TIME, &mut block)?;
        if read == 0 {
            return Ok(rows);
        }
        rows += read;
        out.write(bytemuck::cast_slice(&block))?;
        block.clear();
    }
}
