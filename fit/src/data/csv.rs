//! CSV with a header line: quoted names, any line ends, any delimiter.
//!
//! Records are cut by code of our own and not by the crate `csv`, as messages need what it does not tell: the line of
//! a row after any mix of line ends, blank lines and quoted line ends, and the place where a quote opens that is never
//! closed. Its memory has no limit either: one such quote reads the rest of a file into one cell. And it looks at each
//! byte of a table of short numbers twice, once to find the cells, and once to read them.

mod records;

use self::records::{Failure, Opening, Record, Records, Sizes};
use super::advice;
use super::block::{Block, Place, Row};
use super::cell;
use super::columns::{Plan, Role, named};
use super::shown::{shown, shown_bytes, trim, trim_bytes};
use crate::error::{Context, Error, bail, ensure};
use crate::number::{Encoding, Held};
use memchr::memchr;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Read;
use std::ops::Range;

/// How the cells and numbers of a text file are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// The character between cells. `None` is a tab for `.tsv` and `.tab`, and a comma for any other file.
    pub delimiter: Option<u8>,
    /// True where a comma stands before the decimals of a number; a number with a point is none then.
    pub decimal_comma: bool,
}

impl Dialect {
    /// The delimiter of a file.
    fn delimiter(&self, file: &str) -> Result<u8, Error> {
        let name = file.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let tabs = name.ends_with(".tsv") || name.ends_with(".tab");
        let delimiter = self.delimiter.unwrap_or(if tabs { b'\t' } else { b',' });
        ensure!(
            delimiter.is_ascii()
                && !delimiter.is_ascii_alphanumeric()
                && !matches!(delimiter, b'\n' | b'\r' | b'"' | b'+' | b'-' | b'.' | 0),
            "`{}` cannot stand between cells",
            shown_bytes(&[delimiter])
        );
        ensure!(
            !(self.decimal_comma && delimiter == b','),
            "{file}: where numbers have a decimal comma, cells need another delimiter, as in {}",
            advice::delimiter(b';')
        );
        Ok(delimiter)
    }
}

/// A reader of rows, one after the other.
pub struct Reader<R> {
    records: Records<R>,
    delimiter: u8,
    decimal_comma: bool,
    /// The file's name, for messages.
    file: String,
    names: Vec<String>,
    size: Option<u64>,
    rows: usize,
    /// Lines of a file of one column that are blank, and so are missing values: the next rows.
    blank: Range<u64>,
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("file", &self.file).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<R: Read> Reader<R> {
    /// Reads the header. `size` is the input's in bytes, if that is known; `file` is its name, which messages have,
    /// and whose extension may choose the delimiter.
    ///
    /// # Errors
    ///
    /// If the input cannot be read, its first line is not a header with the names of the columns, or the dialect is
    /// none.
    pub fn new(input: R, size: Option<u64>, file: &str, dialect: &Dialect) -> Result<Self, Error> {
        let delimiter = dialect.delimiter(file)?;
        let decimal_comma = dialect.decimal_comma;
        let mut records =
            Records::new(input, delimiter, Sizes::USUAL).with_context(|| format!("cannot read {file}"))?;
        let (line, names) = loop {
            match records.next().map_err(|failure| failed(file, &[], failure))? {
                None => bail!("{file} is empty: there is no header line"),
                Some((_, record)) if is_blank(record, delimiter) => {}
                Some((line, record)) => {
                    break (line, names(record, delimiter, &format!("{file}, line {line}"))?);
                }
            }
        };
        let place = format!("{file}, line {line}");
        ensure!(named(&names) > 0, "{place}: no column has a name");
        if let ([name], None) = (&names[..], dialect.delimiter)
            && let Some(other) =
                b";\t|,".iter().find(|&&other| other != delimiter && name.as_bytes().contains(&other))
        {
            bail!(
                "{place}: the header is one name, which looks separated by `{}`: say so with {}",
                shown_bytes(&[*other]),
                advice::delimiter(*other)
            );
        }
        // A file of numbers alone would lose its first row.
        let numbers = names[..named(&names)]
            .iter()
            .all(|name| cell::number::<f64>(name.as_bytes(), decimal_comma).is_some());
        ensure!(!numbers, "{place}: a header line with the names of the columns is missing");
        Ok(Self {
            records,
            delimiter,
            decimal_comma,
            file: file.to_owned(),
            names,
            size,
            rows: 0,
            blank: 0..0,
        })
    }

    /// The names of the columns, without blanks around them. They are empty where the header has none.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Appends at most `rows` more rows to `block`, and returns their number; 0 at the end. The plan is for as many
    /// columns as there are names.
    ///
    /// # Errors
    ///
    /// If the input cannot be read, a row has another number of cells than there are columns, or a cell is not what
    /// the plan needs. A part of these rows may have been appended.
    pub fn read<T: Held>(&mut self, plan: &Plan, rows: usize, block: &mut Block<T>) -> Result<usize, Error> {
        let Self { records, delimiter, decimal_comma, file, names, blank, .. } = self;
        ensure!(plan.roles.len() == names.len(), "{file}: the plan is for another number of columns");
        let mut row = 0;
        while row < rows {
            let context =
                |line| Line { file, names, delimiter: *delimiter, decimal_comma: *decimal_comma, line };
            if let Some(line) = blank.next() {
                context(line).read(Record::Plain(b""), plan, block)?;
                row += 1;
                continue;
            }
            let next = records.next().map_err(|failure| failed(file, names, failure))?;
            let Some((line, record)) = next else { break };
            if !is_blank(record, *delimiter) {
                context(line).read(record, plan, block)?;
                row += 1;
            } else if names.len() == 1 {
                // A missing value, unless no row follows.
                *blank = line..line;
                while let Some((line, record)) =
                    records.next().map_err(|failure| failed(file, names, failure))?
                {
                    if !is_blank(record, *delimiter) {
                        blank.end = line;
                        records.step_back();
                        break;
                    }
                }
            }
        }
        self.rows += row;
        Ok(row)
    }

    /// An estimate of the number of rows, from the size of the input and of the rows that were read; `None` if
    /// the size is not known.
    pub fn rows_expected(&self) -> Option<usize> {
        let share = self.size? as f64 / self.records.bytes().max(1) as f64;
        Some((1.01 * share * self.rows as f64) as usize)
    }
}

/// The most columns of a file: each takes far more memory than its delimiter.
const MOST_COLUMNS: usize = 1 << 21;

/// The names of a header.
fn names(record: Record<'_>, delimiter: u8, place: &str) -> Result<Vec<String>, Error> {
    let name = |text: &[u8]| -> Result<String, Error> {
        let text = std::str::from_utf8(text).ok().filter(|text| !text.contains('\0'));
        let text =
            text.with_context(|| format!("{place}: the names of the columns are not text in UTF-8"))?;
        Ok(trim(text).to_owned())
    };
    let ncols = record.cells(delimiter);
    ensure!(ncols <= MOST_COLUMNS, "{place}: {ncols} columns are more than {MOST_COLUMNS}");
    record.texts(delimiter).into_iter().map(name).collect()
}

/// True for a line that is empty, but for spaces.
fn is_blank(record: Record<'_>, delimiter: u8) -> bool {
    matches!(record, Record::Plain(text) if text.iter().all(|&byte| byte == b' ' && byte != delimiter))
}

fn failed(file: &str, names: &[String], failure: Failure) -> Error {
    let opens = |Opening { line, column }| {
        let name = names.get(column).map(String::as_str).unwrap_or_default();
        Place { file, row: Row::Line(line), column, name }.to_string()
    };
    const MIB: usize = Sizes::USUAL.longest >> 20;
    match failure {
        Failure::Io(error) => Error::because(format!("cannot read {file}"), error),
        Failure::Open(opening) => {
            Error::new(format!("{}: the quote that opens here is not closed", opens(opening)))
        }
        Failure::Long(_, Some(opening)) => Error::new(format!(
            "{}: the quote that opens here is not closed within {MIB} MiB",
            opens(opening)
        )),
        Failure::Long(line, None) => Error::new(format!("{file}, line {line}: it is longer than {MIB} MiB")),
    }
}

/// What a row needs to know to be read.
struct Line<'a> {
    file: &'a str,
    names: &'a [String],
    delimiter: u8,
    decimal_comma: bool,
    line: u64,
}

impl Line<'_> {
    /// Appends a row.
    fn read<T: Held>(&self, record: Record<'_>, plan: &Plan, block: &mut Block<T>) -> Result<(), Error> {
        let first = block.features.len();
        block.features.append(plan.features);
        block.lines.iter_mut().for_each(|lines| lines.push(self.line));
        let whole = match record {
            Record::Plain(text) => self.plain(text, plan, first, block),
            Record::Quoted(cells) => {
                let mut roles = plan.roles.iter().enumerate();
                let cell = |(column, role): (usize, &Role)| match cells.get(column) {
                    Some(text) => self.cell(column, *role, text, first, block),
                    None => Ok(()),
                };
                roles.try_for_each(cell).map(|()| cells.len() == plan.roles.len())
            }
        };
        if let Ok(true) = whole {
            return Ok(());
        }
        // That cells are too many or too few says more than the first of them that is not a number.
        let (cells, columns) = (record.cells(self.delimiter), self.names.len());
        let s = if cells == 1 { "" } else { "s" };
        ensure!(
            cells == columns,
            "{}, line {}: {cells} cell{s}, but {columns} columns",
            self.file,
            self.line
        );
        whole.map(drop)
    }

    /// Reads the cells of a record where they lie; `false` if they are too many or too few.
    #[inline]
    fn plain<T: Held>(
        &self,
        text: &[u8],
        plan: &Plan,
        first: usize,
        block: &mut Block<T>,
    ) -> Result<bool, Error> {
        // Where the next cell starts: one byte behind the text after the last.
        let mut at = 0;
        for (column, &role) in plan.roles.iter().enumerate() {
            let Some(rest) = text.get(at..) else { return Ok(false) };
            if let Role::Feature(place) = role
                && let Some((x, len)) = self.number(rest)
            {
                block.features[first + place] = x;
                at += len + 1;
                continue;
            }
            let len = memchr(self.delimiter, rest).unwrap_or(rest.len());
            self.cell(column, role, &rest[..len], first, block)?;
            at += len + 1;
        }
        Ok(at == text.len() + 1)
    }

    /// The number that a text starts with, and its length, if nothing stands between it and the next delimiter: most
    /// cells are so, and need no search for their end.
    #[inline]
    fn number<T: Held>(&self, text: &[u8]) -> Option<(T, usize)> {
        // Digits that make less than 2^53: an exact double, which any type rounds once, or has none near.
        const DIGITS: usize = 15;
        let mut number = 0;
        for (len, &byte) in text.iter().take(DIGITS + 1).enumerate() {
            if byte == self.delimiter && len > 0 {
                return T::Encoding::natural(number).filter(|x| x.double().is_finite()).map(|x| (x, len));
            }
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            number = 10 * number + u64::from(digit);
        }
        if self.decimal_comma {
            return None;
        }
        let (x, len) = T::Encoding::parse_prefix(text)?;
        let ends = text.get(len).is_none_or(|&byte| byte == self.delimiter);
        (ends && x.double().is_finite()).then_some((x, len))
    }

    /// Reads a cell.
    fn cell<T: Held>(
        &self,
        column: usize,
        role: Role,
        text: &[u8],
        first: usize,
        block: &mut Block<T>,
    ) -> Result<(), Error> {
        let place = Place { file: self.file, row: Row::Line(self.line), column, name: &self.names[column] };
        match role {
            Role::Ignored => Ok(()),
            Role::Dropped => {
                let text = trim_bytes(text);
                ensure!(
                    text.is_empty(),
                    "{place}: `{}` stands in a column without a name: {}",
                    shown(&text),
                    advice::nameless(column)
                );
                Ok(())
            }
            Role::Feature(feature) => {
                block.features[first + feature] = block.text(text, self.decimal_comma, &place)?;
                Ok(())
            }
            Role::Label => block.labels.text(text, self.decimal_comma, &place),
            Role::SampleWeight => block.weight_text(text, self.decimal_comma, &place),
        }
    }
}

#[cfg(test)]
mod tests;
