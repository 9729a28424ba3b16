//! A table that is in memory, or mapped into it, and what its columns are for.

use super::{Input, Number, Source, npy, open};
use crate::dtype::Dtype;
use anyhow::{Context, Result, bail, ensure};
use lanegrad::{Element, Rows};
use std::path::Path;

/// A table of numbers, row after row.
pub struct Table {
    /// The file's name, for messages.
    pub file: String,
    /// The names of the columns; their numbers from 0 where the file has none.
    pub names: Vec<String>,
    pub rows: usize,
    numbers: Numbers,
    /// What it was read from, which knows where rows were; nothing where it is mapped.
    source: Option<Box<dyn Source>>,
}

enum Numbers {
    F32(Vec<f32>),
    F64(Vec<f64>),
    Mapped(npy::Array),
}

/// A table's numbers in the type that they are held in.
pub enum Slice<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
}

/// How many rows are read at a time.
pub const BLOCK: usize = 1 << 14;

impl Table {
    /// Reads a whole file, after `check` has seen its name and those of its columns. Numbers of another type
    /// than they have in a mapped file are copied.
    pub fn read<R>(
        path: &Path,
        dtype: Option<Dtype>,
        check: impl FnOnce(&str, &[String]) -> Result<R>,
    ) -> Result<(Self, R)> {
        let file = super::name(path);
        match open(path)? {
            Input::Mapped(array) => {
                let names = unnamed(array.cols);
                let checked = check(&file, &names)?;
                let rows = array.rows;
                let numbers = match dtype {
                    Some(Dtype::F32) if array.dtype == Dtype::F64 => {
                        Numbers::F32(array.numbers::<f64>()?.iter().map(|&x| x as f32).collect())
                    }
                    Some(Dtype::F64) if array.dtype == Dtype::F32 => {
                        Numbers::F64(array.numbers::<f32>()?.iter().map(|&x| f64::from(x)).collect())
                    }
                    _ => Numbers::Mapped(array),
                };
                Ok((Self { file, names, rows, numbers, source: None }, checked))
            }
            Input::Source(mut source) => {
                let checked = check(&file, source.names())?;
                let (mut singles, mut doubles) = (Vec::new(), Vec::new());
                let mut rows = 0;
                let single = dtype == Some(Dtype::F32);
                loop {
                    let read = match single {
                        true => source.read_f32(BLOCK, &mut singles)?,
                        false => source.read_f64(BLOCK, &mut doubles)?,
                    };
                    if read == 0 {
                        break;
                    }
                    rows += read;
                    if rows == read {
                        // Not to be moved again and again while it grows. Where there is not so much
                        // memory, what is there may still do.
                        let more = source.rows_expected().unwrap_or(0).saturating_sub(rows);
                        let more = more.saturating_mul(source.names().len());
                        let _ = if single { singles.try_reserve(more) } else { doubles.try_reserve(more) };
                    }
                }
                let numbers = if single { Numbers::F32(singles) } else { Numbers::F64(doubles) };
                let names = source.names().to_vec();
                Ok((Self { file, names, rows, numbers, source: Some(source) }, checked))
            }
        }
    }

    /// File and place of a row, for messages.
    pub fn place(&self, row: usize) -> String {
        match &self.source {
            Some(source) => format!("{}, {}", self.file, source.place(row)),
            None => format!("{}, row {}", self.file, row + 1),
        }
    }

    /// The numbers.
    pub fn numbers(&self) -> Result<Slice<'_>> {
        Ok(match &self.numbers {
            Numbers::F32(numbers) => Slice::F32(numbers),
            Numbers::F64(numbers) => Slice::F64(numbers),
            Numbers::Mapped(array) if array.dtype == Dtype::F32 => Slice::F32(array.numbers()?),
            Numbers::Mapped(array) => Slice::F64(array.numbers()?),
        })
    }
}

/// The names of columns that have none.
pub fn unnamed(cols: usize) -> Vec<String> {
    (0..cols).map(|i| i.to_string()).collect()
}

/// The column of a name or, where none is called so, of a number from 0; -1 is the last.
pub fn column(file: &str, names: &[String], which: &str) -> Result<usize> {
    let by_number = || {
        let number: isize = which.parse().ok()?;
        let number = if number < 0 { number.checked_add_unsigned(names.len())? } else { number };
        usize::try_from(number).ok().filter(|&number| number < names.len())
    };
    let found = names.iter().position(|name| name == which).or_else(by_number);
    found.with_context(|| {
        let some: Vec<String> = names.iter().take(8).map(|name| format!("`{name}`")).collect();
        let more = if names.len() > 8 { ", …" } else { "" };
        format!("{file}: there is no column `{which}`, but {}{more}", some.join(", "))
    })
}

/// Some columns of a table as features, in the window of columns that holds them all: those between them
/// that are none have a weight of 0, and hold finite numbers.
#[derive(Clone, Debug)]
pub struct Features {
    /// The first column of the window.
    start: usize,
    /// The columns of the window.
    pub width: usize,
    /// Where in the window the features are.
    pub places: Vec<usize>,
}

impl Features {
    /// These columns of a table, of which there is at least one.
    pub fn new(columns: &[usize]) -> Result<Self> {
        let (Some(&start), Some(&last)) = (columns.iter().min(), columns.iter().max()) else {
            bail!("there is no column of features");
        };
        let places = columns.iter().map(|column| column - start).collect();
        Ok(Self { start, width: last - start + 1, places })
    }

    /// The window's rows.
    pub fn rows<'a, S: Number>(&self, numbers: &'a [S], cols: usize) -> Result<Rows<'a, S>> {
        let rows = numbers.len() / cols.max(1);
        Ok(Rows::with_stride(numbers.get(self.start..).unwrap_or_default(), rows, self.width, cols)?)
    }

    /// Whether the features are the columns of the window, in their order.
    pub fn are_all(&self) -> bool {
        self.places.iter().copied().eq(0..self.width)
    }

    /// Appends the features of some rows, in their order.
    pub fn gather<S: Number>(&self, rows: Rows<'_, S>, out: &mut Vec<S>) {
        for row in rows.iter() {
            out.extend(self.places.iter().map(|&place| row[place]));
        }
    }

    /// A weight for each column of the window, from those of the features.
    pub fn spread<T: Element>(&self, weights: impl IntoIterator<Item = f64>, out: &mut Vec<T>) {
        out.clear();
        out.resize(self.width, T::from_f64(0.0));
        for (&place, weight) in self.places.iter().zip(weights) {
            out[place] = T::from_f64(weight);
        }
    }
}

/// Reads labels: probabilities from 0 to 1, or -1 and +1, which stand for 0 and 1.
#[derive(Default)]
pub struct Labels {
    /// Whether there was a -1.
    pub signed: bool,
    /// Whether there was a number below 1 but not -1.
    unsigned: bool,
}

impl Labels {
    /// The label that a number stands for.
    pub fn read(&mut self, x: f64) -> Result<f64> {
        if x == -1.0 {
            self.signed = true;
        } else if x != 1.0 {
            ensure!((0.0..1.0).contains(&x), "the label {x} is not between 0 and 1, nor is it -1");
            self.unsigned = true;
        }
        ensure!(
            !(self.signed && self.unsigned),
            "the label {x} does not go with others: labels are between 0 and 1, or all of them -1 or +1"
        );
        Ok(x.max(0.0))
    }
}

/// A column's numbers, each turned into what it stands for.
pub fn read_column<S: Number, T: Element>(
    numbers: &[S],
    names: &[String],
    column: usize,
    out: &mut Vec<T>,
    mut read: impl FnMut(f64) -> Result<f64>,
    place: impl Fn(usize) -> String,
) -> Result<()> {
    for (i, row) in numbers.chunks_exact(names.len()).enumerate() {
        let value = read(row[column].to_f64())
            .with_context(|| format!("{}, column {} (`{}`)", place(i), column + 1, names[column]))?;
        out.push(T::from_f64(value));
    }
    Ok(())
}
