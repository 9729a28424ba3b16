//! CSV with a header line: quoted names, any line ends, one number in every cell below.

use crate::error::{Error, bail, ensure};
use crate::number::{Number, parse};
use ::csv::{ByteRecord, ErrorKind, ReaderBuilder};
use std::fmt;
use std::io::{Chain, Read};

/// A reader of rows, one after the other.
pub struct Reader<R> {
    csv: ::csv::Reader<Chain<R, &'static [u8]>>,
    /// The file's name, for messages.
    file: String,
    names: Vec<String>,
    record: ByteRecord,
    size: Option<u64>,
    /// True where lines end in `\n` alone.
    newlines: bool,
    rows: usize,
    /// Rows that do not stand on the line after the row before them, and their lines.
    jumps: Vec<(usize, u64)>,
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("file", &self.file).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<R: Read> Reader<R> {
    /// Reads the header. `size` is the input's in bytes, if that is known; `file` is its name in messages.
    ///
    /// # Errors
    ///
    /// If the input cannot be read, or its first line is not a header with the names of the columns.
    pub fn new(input: R, size: Option<u64>, file: &str) -> Result<Self, Error> {
        // One line end more, in case the last line has none: empty lines are skipped.
        let mut csv =
            ReaderBuilder::new().flexible(true).buffer_capacity(1 << 18).from_reader(input.chain(&b"\n"[..]));
        let header = match csv.headers() {
            Ok(header) => header.clone(),
            Err(error) => return Err(Self::failed(file, error)),
        };
        ensure!(!header.is_empty(), "{file} is empty: there is no header line");
        // Some spreadsheets put a byte order mark in front of the first name.
        let names: Vec<String> =
            header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        super::check_names(&names, &format!("{file}, line 1"))?;
        // A file of numbers alone would lose its first row.
        let numbers = names.iter().all(|name| parse::<f64>(name.as_bytes()).is_some());
        ensure!(!numbers, "{file}, line 1: a header line with the names of the columns is missing");
        let within = header.as_slice().matches('\n').count() as u64;
        let newlines = csv.position().line() > 1 + within;
        let record = ByteRecord::new();
        Ok(Self { csv, file: file.to_owned(), names, record, size, newlines, rows: 0, jumps: Vec::new() })
    }

    fn failed(file: &str, error: ::csv::Error) -> Error {
        let line = error.position().map_or(String::new(), |position| format!(", line {}", position.line()));
        match error.into_kind() {
            ErrorKind::Io(error) => Error::because(format!("cannot read {file}{line}"), error),
            ErrorKind::Utf8 { .. } => {
                Error::new(format!("{file}{line}: the names of the columns are not UTF-8"))
            }
            kind => Error::new(format!("{file}{line}: {kind:?}")),
        }
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Appends at most `rows` more rows to `out`, and returns their number; 0 at the end.
    ///
    /// # Errors
    ///
    /// If the input cannot be read, a row has another number of cells than there are columns, or a cell is not a
    /// number.
    pub fn read<T: Number>(&mut self, rows: usize, out: &mut Vec<T>) -> Result<usize, Error> {
        for row in 0..rows {
            match self.csv.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return Ok(row),
                Err(error) => return Err(Self::failed(&self.file, error)),
            }
            if self.record.len() != self.names.len() {
                let (cells, names) = (self.record.len(), self.names.len());
                bail!("{}, line {}: {cells} cells, but {names} columns", self.file, self.line());
            }
            let (row, line) = self.jumps.last().copied().unwrap_or((0, 2));
            if self.line() != line + (self.rows - row) as u64 {
                self.jumps.push((self.rows, self.line()));
            }
            self.rows += 1;
            for (column, cell) in self.record.iter().enumerate() {
                match parse::<T>(cell).or_else(|| parse(cell.trim_ascii())) {
                    Some(number) => out.push(number),
                    None => return Err(self.no_number(column)),
                }
            }
        }
        Ok(rows)
    }

    /// The line that the record starts on. It is counted back from the reader's position, as the record's own
    /// position is before any empty lines in front of it. The reader is behind the `\n` that ended the record,
    /// but before the `\n` of `\r\n`.
    fn line(&self) -> u64 {
        let added = self.csv.get_ref().get_ref().1.is_empty();
        let within = self.record.as_slice().iter().filter(|&&byte| byte == b'\n').count();
        self.csv.position().line() - u64::from(self.newlines || added) - within as u64
    }

    fn no_number(&self, column: usize) -> Error {
        let name = &self.names[column];
        let place = format!("{}, line {}, column {} (`{name}`)", self.file, self.line(), column + 1);
        match String::from_utf8_lossy(&self.record[column]).trim() {
            "" => Error::new(format!("{place}: the cell is empty")),
            text => Error::new(format!("{place}: `{text:.40}` is not a number")),
        }
    }

    /// An estimate of the number of rows, from the size of the input and of the rows that were read; `None` if
    /// the size is not known.
    pub fn rows_expected(&self) -> Option<usize> {
        let share = self.size? as f64 / self.csv.position().byte().max(1) as f64;
        Some((1.01 * share * self.rows as f64) as usize)
    }

    /// The place of a row that was read, in words: `line 3`.
    pub fn place(&self, row: usize) -> String {
        let jumps = self.jumps.partition_point(|&(first, _)| first <= row);
        let (first, line) = jumps.checked_sub(1).map_or((0, 2), |jump| self.jumps[jump]);
        format!("line {}", line + (row - first) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;
    use crate::error::chain;

    fn read(text: &str) -> Result<(Vec<String>, Vec<f64>), String> {
        let mut reader = Reader::new(text.as_bytes(), None, "a.csv").map_err(|error| chain(&error))?;
        let mut numbers = Vec::new();
        while reader.read::<f64>(2, &mut numbers).map_err(|error| chain(&error))? > 0 {}
        Ok((reader.names().to_vec(), numbers))
    }

    #[test]
    fn quotes_blanks_and_line_ends() {
        let (names, numbers) =
            read("\u{feff}a,\"b, \"\"c\"\"\", d\r\n1,-2.5e3, 3 \r\n\r\n\"4\",.5,6").unwrap();
        assert_eq!(names, ["a", "b, \"c\"", "d"]);
        assert_eq!(numbers, [1.0, -2500.0, 3.0, 4.0, 0.5, 6.0]);
    }

    #[test]
    fn numbers_are_the_nearest_in_their_type() {
        let mut reader = Reader::new("a\n0.1\n16777217\n".as_bytes(), None, "a.csv").unwrap();
        let mut numbers = Vec::new();
        reader.read::<f32>(9, &mut numbers).unwrap();
        assert_eq!(numbers, [0.1_f32, 16_777_216.0]);
    }

    #[test]
    fn rows_know_their_lines() {
        for end in ["\n", "\r\n"] {
            for last in ["", end] {
                let text = ["a,b", "1,2", "3,4", "", "\"5\",6", "", "", "7,8"].join(end) + last;
                let mut reader = Reader::new(text.as_bytes(), None, "a.csv").unwrap();
                reader.read::<f64>(9, &mut Vec::new()).unwrap();
                let places = [0, 1, 2, 3].map(|row| reader.place(row));
                assert_eq!(places, ["line 2", "line 3", "line 5", "line 8"], "{text:?}");
            }
        }
    }

    #[test]
    fn messages_name_the_place() {
        for (text, message) in [
            ("", "a.csv is empty: there is no header line"),
            ("a,b\n1,2\n3,x\n", "a.csv, line 3, column 2 (`b`): `x` is not a number"),
            ("a,b\n1,\n", "a.csv, line 2, column 2 (`b`): the cell is empty"),
            ("a,b\n1,2\n\n1\n", "a.csv, line 4: 1 cells, but 2 columns"),
            ("a,b\n1,2,3\n", "a.csv, line 2: 3 cells, but 2 columns"),
            ("a,a\n1,2\n", "a.csv, line 1: two columns are called `a`"),
            ("1,2\n3,4\n", "a.csv, line 1: a header line with the names of the columns is missing"),
        ] {
            assert_eq!(read(text).unwrap_err(), message);
        }
    }
}
