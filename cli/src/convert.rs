//! `lanegrad convert`: any table as a `.npy` or `.safetensors`, row by row, so that it may be larger than memory.

use crate::matrix::{Beside, Format, for_dtype};
use crate::output::{self, Output};
use crate::{args, note};
use anyhow::{Context, Result, bail, ensure};
use bytemuck::NoUninit;
use lanegrad::{Quantized, Rows, Scaling, extend_ranges};
use lanegrad_fit::data::{Block, Choice, Columns, Plan, ROWS_AT_A_TIME, Source, name, safetensors, shown};
use lanegrad_fit::{Dtype, Held, Quantization};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The table: CSV with a header line (`-` is standard input; it may be compressed with gzip), `.npy` of another
    /// type or order, `.safetensors` (FILE#NAME is a tensor of several), or `.parquet`.
    input: PathBuf,
    /// The `.npy` to write or, if its name ends so, the `.safetensors`, whose tensor is `X`. It keeps the order of the
    /// columns, but not their names. Missing cells are NaN.
    output: PathBuf,
    /// The type of the numbers, each rounded to the nearest. In i8 and u8 columns of integers that the type has are as they
    /// are, and others are quantised: to the nearest of 256 numbers from their least to their greatest. What these stand
    /// for is in OUTPUT.scaling.json, or in the metadata of `.safetensors`, where fit, predict and this command find it;
    /// in other types, numbers are what they stand for. bf16 is for `.safetensors` alone.
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
    let beside = Beside::of(&args.output, format)?;
    let outputs = [Some(&*args.output), beside.as_ref().map(Beside::path), Some(output::standard())];
    output::distinct(&outputs.into_iter().flatten().collect::<Vec<_>>(), &[&args.input])?;
    // Before what takes time: not every format has every type.
    format.header(args.dtype, 0, 1, None)?;
    let mut source = Source::open(&args.input, &args.csv.dialect())?;
    let (file, names) = (source.file(), source.names());
    let columns = Columns::find(file, names, &Choice { ignore: &args.ignore, ..Choice::default() })?;
    let (plan, cols) = (columns.plan(names.len())?, columns.features.len());
    let dropped = args::dropped(&columns);
    let last = columns.features.last().map_or(String::new(), |&last| shown(&names[last]));

    let before = source.quantization().map(|all| all.of(&columns.features));
    // Integers of the type that is asked for stay as they are.
    let is_kept = before.is_some() && source.dtype() == args.dtype;
    let mut out = Output::create_file(&args.output)?;
    let after = match args.dtype {
        _ if is_kept => before.clone(),
        Dtype::I8 => quantization::<i8>(args, &plan, before.as_ref())?,
        Dtype::U8 => quantization::<u8>(args, &plan, before.as_ref())?,
        _ => None,
    };
    out.write(&format.header(args.dtype, 0, cols, after.as_ref())?)?;
    let new = after.as_ref().filter(|_| !is_kept).map(Quantization::scaling);
    let (rows, missing) = match (args.dtype, new, &before) {
        (Dtype::I8, Some(scaling), _) => {
            quantize::<i8>(&mut source, &plan, before.as_ref(), scaling, &mut out)?
        }
        (_, Some(scaling), _) => quantize::<u8>(&mut source, &plan, before.as_ref(), scaling, &mut out)?,
        (_, None, Some(before)) if !is_kept => {
            for_dtype!(args.dtype, S => restore::<S>(&mut source, &plan, before, &mut out))?
        }
        _ => for_dtype!(args.dtype, S => copy::<S>(&mut source, &plan, &mut out))?,
    };
    ensure!(rows > 0, "{} has no rows", source.file());
    out.overwrite_start(&format.header(args.dtype, rows, cols, after.as_ref())?)?;
    let place =
        beside.as_ref().map_or("the metadata".to_owned(), |beside| beside.path().display().to_string());
    Beside::finish(beside, out, after.as_ref())?;
    if let Some(text) = dropped {
        note(&text);
    }
    match missing {
        0 => {}
        1 => note("1 missing cell is NaN"),
        _ => note(&format!("{missing} missing cells are NaN")),
    }
    if let Some(after) = &after {
        let changed = (0..cols).filter(|&column| after.changes(column)).count();
        note(&format!("{changed} of {cols} columns are quantised; their scales are in {place}"));
    }
    output::print(&format!("{rows} rows of {cols} columns, of which the last (-1) was `{last}`\n"))
}

/// Writes the numbers as they are, each rounded, to the end of the source; returns the number of rows and of missing
/// cells.
fn copy<S: Held + NoUninit>(source: &mut Source<'_>, plan: &Plan, out: &mut Output) -> Result<(usize, u64)> {
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

/// Writes the numbers that those of a quantised source stand for, likewise.
fn restore<S: Held + NoUninit>(
    source: &mut Source<'_>,
    plan: &Plan,
    before: &Quantization,
    out: &mut Output,
) -> Result<(usize, u64)> {
    let (file, mut done) = (source.file().to_owned(), 0);
    each_block(source, plan, Some(before), None, |rows| {
        let numbers = rows.iter().flatten().enumerate().map(|(i, &x)| {
            let near = S::near(x).filter(|near| near.double().is_finite() || !x.is_finite());
            near.with_context(|| {
                let (row, column) = (done + i / rows.ncols() + 1, i % rows.ncols() + 1);
                format!(
                    "{file}, row {row}, column {column} of those that are kept: {x} is no number of {}",
                    S::DTYPE
                )
            })
        });
        out.write(bytemuck::cast_slice(&numbers.collect::<Result<Vec<S>>>()?))?;
        done += rows.nrows();
        Ok(())
    })
}

/// Writes the integers that the numbers are quantised to, likewise.
fn quantize<Q: Held + Quantized + NoUninit>(
    source: &mut Source<'_>,
    plan: &Plan,
    before: Option<&Quantization>,
    scaling: &Scaling,
    out: &mut Output,
) -> Result<(usize, u64)> {
    let mut integers = Vec::new();
    each_block(source, plan, before, Some(Q::DTYPE), |rows| {
        integers.resize(rows.nrows() * rows.ncols(), Q::default());
        scaling.quantize(rows, &mut integers)?;
        out.write(bytemuck::cast_slice(&integers))
    })
}

/// How the columns are quantised, which takes a look at all numbers; `None` if all are integers that the type has.
fn quantization<Q: Held + Quantized>(
    args: &Args,
    plan: &Plan,
    before: Option<&Quantization>,
) -> Result<Option<Quantization>> {
    let file = name(&args.input);
    let is_file =
        std::fs::metadata(safetensors::split(&args.input).0).is_ok_and(|metadata| metadata.is_file());
    ensure!(is_file, "{file} is no file: for numbers of {} it is read twice", Q::DTYPE);
    let mut source = Source::open(&args.input, &args.csv.dialect())?;
    let mut ranges = vec![[f64::INFINITY, f64::NEG_INFINITY]; plan.width()];
    let mut are_held = vec![true; plan.width()];
    let (rows, _) = each_block(&mut source, plan, before, Some(Q::DTYPE), |rows| {
        extend_ranges(rows, &mut ranges)?;
        for row in &rows {
            are_held.iter_mut().zip(row).for_each(|(all, &x)| *all &= Q::near(x).is_some());
        }
        Ok(())
    })?;
    ensure!(rows > 0, "{file} has no rows");
    if are_held.iter().all(|&all| all) {
        return Ok(None);
    }
    let scaling = Scaling::of_ranges::<Q>(&ranges)?;
    let scale = |(&scale, &is_held): (&f64, &bool)| if is_held { 1.0 } else { scale };
    let offset = |(&offset, &is_held): (&f64, &bool)| if is_held { 0.0 } else { offset };
    let scales = scaling.scales().iter().zip(&are_held).map(scale).collect();
    let offsets = scaling.offsets().iter().zip(&are_held).map(offset).collect();
    Ok(Some(Quantization::new(scales, offsets)?))
}

/// Shows the numbers of a source, or what they stand for, to the end, and returns the number of rows and of missing cells.
/// Where they are to become `integers`, missing cells and infinities are refused.
fn each_block(
    source: &mut Source<'_>,
    plan: &Plan,
    before: Option<&Quantization>,
    integers: Option<Dtype>,
    mut take: impl FnMut(Rows<'_, f64>) -> Result<()>,
) -> Result<(usize, u64)> {
    let mut block = if integers.is_some() { Block::default() } else { Block::<f64>::with_infinities() };
    let mut numbers: Vec<f64> = Vec::new();
    let mut rows = 0;
    loop {
        let read = source.read(plan, ROWS_AT_A_TIME, &mut block)?;
        if read == 0 {
            return Ok((rows, block.missing()));
        }
        if let Some(dtype) = integers.filter(|_| block.missing() > 0) {
            bail!("{}: {}; {dtype} has no number for that", source.file(), block.describe_missing());
        }
        numbers.clear();
        numbers.extend_from_slice(block.features());
        if let Some(before) = before {
            for row in numbers.chunks_exact_mut(plan.width()) {
                before.restore(row);
            }
        }
        take(Rows::new(&numbers, read, plan.width())?)?;
        rows += read;
        block.clear();
    }
}
