//! Values of arguments.

use anyhow::{Result, bail, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use lanegrad_fit::Dtype;
use lanegrad_fit::data::csv::Dialect;
use lanegrad_fit::data::{Columns, Label, shown};
use std::path::PathBuf;

/// The parser of a type of numbers.
pub(crate) fn dtype() -> impl TypedValueParser<Value = Dtype> {
    PossibleValuesParser::new(Dtype::ALL.iter().map(|dtype| dtype.name())).try_map(|name| name.parse())
}

/// A finite number of at least 0.
pub(crate) fn not_negative(text: &str) -> Result<f64> {
    let number: f64 = text.parse()?;
    ensure!(number >= 0.0 && number.is_finite(), "it is not a finite number of at least 0");
    Ok(number)
}

/// A character between cells: of ASCII, or `tab`.
fn delimiter(text: &str) -> Result<u8> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() => Ok(*byte),
        _ => bail!("it is neither a character of ASCII nor `tab`"),
    }
}

/// How CSV files are written.
#[derive(clap::Args)]
pub(crate) struct Csv {
    /// The character between the cells of a CSV file, or `tab`. By default a tab for `.tsv` and `.tab`, else a comma.
    #[arg(long, value_name = "CHAR", value_parser = delimiter, allow_hyphen_values = true)]
    delimiter: Option<u8>,
    /// Numbers of a CSV file have a decimal comma. Needs another delimiter than a comma.
    #[arg(long)]
    decimal_comma: bool,
}

impl Csv {
    pub(crate) fn dialect(&self) -> Dialect {
        Dialect { delimiter: self.delimiter, decimal_comma: self.decimal_comma }
    }
}

/// Where labels are, of which there is at most one place.
pub(crate) fn label(column: Option<&String>, file: Option<&PathBuf>) -> Option<Label> {
    column.map(|column| Label::Column(column.clone())).or_else(|| file.map(|file| Label::File(file.clone())))
}

/// Names of columns, in a sentence.
pub(crate) fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let some: Vec<String> = names.iter().take(MOST).map(|name| format!("`{}`", shown(name))).collect();
    match names.len().saturating_sub(MOST) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

/// A note about columns that are dropped.
pub(crate) fn dropped(columns: &Columns) -> Option<String> {
    let numbers: Vec<String> = columns.dropped.iter().map(|column| (column + 1).to_string()).collect();
    match &numbers[..] {
        [] => None,
        [one] => Some(format!("column {one} has no name, and all its cells are empty: it is dropped")),
        _ => Some(format!(
            "columns {} have no names, and all their cells are empty: they are dropped",
            numbers.join(", ")
        )),
    }
}
