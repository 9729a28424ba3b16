//! Values of arguments.

use anyhow::{Context, Result, bail, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use glob::MatchOptions;
use lanegrad_fit::Dtype;
use lanegrad_fit::data::csv::Dialect;
use lanegrad_fit::data::{self, Columns, Label, safetensors, shown};
use std::path::{Component, Path, PathBuf};

/// The parser of a type that numbers are held in.
pub(crate) fn dtype() -> impl TypedValueParser<Value = Dtype> {
    of_dtypes(Dtype::ALL)
}

/// The parser of a type of arithmetic.
pub(crate) fn arithmetic() -> impl TypedValueParser<Value = Dtype> {
    of_dtypes(Dtype::ARITHMETIC)
}

fn of_dtypes(dtypes: &'static [Dtype]) -> impl TypedValueParser<Value = Dtype> {
    PossibleValuesParser::new(dtypes.iter().map(|dtype| dtype.name())).try_map(|name| name.parse())
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

/// Where labels are, of which there is at most one kind of place.
pub(crate) fn label(column: Option<&String>, files: &[PathBuf]) -> Option<Label> {
    let files = Some(files).filter(|files| !files.is_empty());
    let column = column.map(|column| Label::Column(column.clone()));
    column.or_else(|| files.map(|files| Label::Files(files.to_vec())))
}

/// The files that are named, in order: a name with `*`, `?` or `[` that no file has is a pattern, and stands for all
/// files that match it, in the order of the bytes of their names. A note says which these are.
pub(crate) fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        let (file, tensor) = split(path);
        let pattern = file.to_str().filter(|text| text.contains(['*', '?', '[']) && !file.exists());
        let Some(pattern) = pattern else {
            files.push(path.clone());
            continue;
        };
        // Not `require_literal_leading_dot`, with which a name that is not UTF-8 ends the program.
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        let matches = glob::glob_with(pattern, options)
            .with_context(|| format!("`{}` is no pattern", shown(pattern)))?;
        let mut matches = matches
            .collect::<Result<Vec<PathBuf>, _>>()
            .with_context(|| format!("cannot read what matches `{}`", shown(pattern)))?;
        matches.retain(|found| !found.is_dir() && !is_hidden(found, file));
        matches.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
        match &matches[..] {
            [] => bail!("no file matches `{}`", shown(pattern)),
            [one] => crate::note(&format!("`{}` is {}", shown(pattern), data::name(one))),
            [first, .., last] => crate::note(&format!(
                "`{}` is {} files, in the order of their names: {} to {}",
                shown(pattern),
                matches.len(),
                data::name(first),
                data::name(last)
            )),
        }
        files.extend(matches.into_iter().map(|mut file| {
            if let Some(tensor) = tensor {
                file.as_mut_os_string().push(format!("#{tensor}"));
            }
            file
        }));
    }
    for path in &files {
        ensure!(!path.is_dir(), "{} is a directory: name the files in it", data::name(path));
    }
    Ok(files)
}

/// A path, or a pattern, without the name of a tensor, and that name: of a pattern it is behind all that it leaves open.
fn split(path: &Path) -> (&Path, Option<&str>) {
    let (file, tensor) = safetensors::split(path);
    let open = path.to_str().and_then(|text| Some((text, text.rfind(['*', '?', ']'])?)));
    match open {
        Some((text, open)) if !file.exists() => match text[open..].split_once('#') {
            Some((_, tensor)) => (Path::new(&text[..text.len() - tensor.len() - 1]), Some(tensor)),
            None => (path, None),
        },
        _ => (file, tensor),
    }
}

/// True where a name starts with a dot that the pattern does not ask for.
fn is_hidden(file: &Path, pattern: &Path) -> bool {
    let has_dot = |part: &Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
    file.components()
        .rev()
        .zip(pattern.components().rev())
        .any(|(name, pattern)| has_dot(&name) && !has_dot(&pattern))
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
