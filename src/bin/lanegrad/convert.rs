//! `lanegrad convert`: any table as a `.npy`, row by row, so that it may be larger than memory.

use crate::data::table::BLOCK;
use crate::data::{Input, npy, open};
use crate::dtype::Dtype;
use crate::output::{self, Output};
use anyhow::{Result, bail, ensure};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// The table: CSV with a header line (`-` is standard input) or `.parquet`.
    input: PathBuf,
    /// The `.npy` to write. It keeps the order of the columns, but not their names.
    output: PathBuf,
    /// The type of the numbers.
    #[arg(long, value_enum, default_value_t = Dtype::F64)]
    dtype: Dtype,
}

pub fn run(args: &Args) -> Result<()> {
    let mut source = match open(&args.input)? {
        Input::Source(source) => source,
        Input::Mapped(_) => bail!("{} is a NumPy file already", args.input.display()),
    };
    let cols = source.names().len();
    let mut out = Output::create(&args.output)?;
    ensure!(
        out.is_a_file(),
        "cannot write {}: its header says how many rows follow, which is known at the end; it must be a file",
        args.output.display()
    );
    out.write(&npy::header(args.dtype, 0, cols))?;
    let rows = match args.dtype {
        Dtype::F32 => copy(&mut out, |block| source.read_f32(BLOCK, block))?,
        Dtype::F64 => copy(&mut out, |block| source.read_f64(BLOCK, block))?,
    };
    ensure!(rows > 0, "{} has no rows", crate::data::name(&args.input));
    out.overwrite_start(&npy::header(args.dtype, rows, cols))?;
    out.finish()?;
    let last = source.names().last().map_or("", String::as_str);
    output::print(&format!("{rows} rows of {cols} columns, of which the last (-1) was `{last}`\n"))
}

/// Writes blocks of numbers until there are none; returns the rows.
fn copy<T: bytemuck::NoUninit>(
    out: &mut Output,
    mut read: impl FnMut(&mut Vec<T>) -> Result<usize>,
) -> Result<usize> {
    let (mut block, mut rows) = (Vec::new(), 0);
    loop {
        let read = read(&mut block)?;
        if read == 0 {
            return Ok(rows);
        }
        rows += read;
        out.write(bytemuck::cast_slice(&block))?;
        block.clear();
    }
}
