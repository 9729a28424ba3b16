//! Records of a CSV file: cut out of what was read, and cut into cells.
//!
//! A record ends at `\n`, `\r\n` or a lone `\r`, each of which ends one line. A search for these and for quotes finds
//! its end. Without a quoted cell, its cells are cut where they lie in the buffer, and nothing is copied; with one,
//! they are copied without their quotes. A quote is special only as the first character of a cell: a delimiter or a
//! line end behind it stands for itself until the next quote, and two quotes for one. If other text than blanks
//! follows the closing quote, the cell is the text as it stands, quotes and all.

use memchr::{memchr, memchr_iter, memchr2_iter, memchr3};
use std::io::{self, ErrorKind, Read};

/// Sizes, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// What is read at a time, unless a record is longer.
    pub(super) buffer: usize,
    /// The longest record: what is longer is refused rather than held in memory.
    pub(super) longest: usize,
}

impl Sizes {
    pub(super) const USUAL: Self = Self { buffer: 256 << 10, longest: 64 << 20 };
}

/// The records of an input.
pub(super) struct Records<R> {
    input: R,
    delimiter: u8,
    sizes: Sizes,
    buffer: Vec<u8>,
    /// The part of the buffer that was read, but not handed on.
    start: usize,
    end: usize,
    /// True once the input has ended.
    ended: bool,
    /// The line that the next record starts on, from 1.
    line: u64,
    /// True after a record that ended in `\r`: a `\n` that follows belongs to it.
    returned: bool,
    /// The start of the last record, and its line.
    last: (usize, u64),
    /// Bytes of the buffer that were moved out of it.
    moved: u64,
    cells: Cells,
}

/// A record.
#[derive(Clone, Copy)]
pub(super) enum Record<'a> {
    /// Its text, whose cells end at delimiters.
    Plain(&'a [u8]),
    /// Its cells, of which some were quoted.
    Quoted(&'a Cells),
}

/// Cells without their quotes.
#[derive(Default)]
pub(super) struct Cells {
    text: Vec<u8>,
    /// For each cell, where it ends in the text.
    ends: Vec<usize>,
}

/// The reason why there is no next record.
pub(super) enum Failure {
    Io(io::Error),
    /// A quote opens in this place, and is not closed.
    Open(Opening),
    /// The record is longer than the limit. It starts on this line; in this place a quote opens that was not closed.
    Long(u64, Option<Opening>),
}

/// The place of a quote that opens.
pub(super) struct Opening {
    pub(super) line: u64,
    /// The column, from 0.
    pub(super) column: usize,
}

/// The extent of a record from the start of the buffer's part.
struct Extent {
    len: usize,
    quoted: bool,
    /// The byte that ends its line; `None` at the end of the input.
    end: Option<u8>,
}

impl<R: Read> Records<R> {
    /// The records of an input. A byte order mark before the first is dropped.
    pub(super) fn new(input: R, delimiter: u8, sizes: Sizes) -> io::Result<Self> {
        let mut records = Self {
            input,
            delimiter,
            sizes,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            ended: false,
            line: 1,
            returned: false,
            last: (0, 1),
            moved: 0,
            cells: Cells::default(),
        };
        const MARK: &[u8] = b"\xef\xbb\xbf";
        while records.end < MARK.len() && !records.ended {
            records.fill()?;
        }
        if records.buffer[..records.end].starts_with(MARK) {
            records.start = MARK.len();
        }
        Ok(records)
    }

    /// The bytes of all records that were handed on.
    pub(super) fn bytes(&self) -> u64 {
        self.moved + self.start as u64
    }

    /// The next record and the line that it starts on; `None` at the end of the input.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Record<'_>)>, Failure> {
        if self.returned {
            while self.start == self.end && !self.ended {
                self.fill().map_err(Failure::Io)?;
            }
            if self.start < self.end && self.buffer[self.start] == b'\n' {
                self.start += 1;
            }
            self.returned = false;
        }
        let Some(Extent { len, quoted, end }) = self.extent()? else { return Ok(None) };
        if len > self.sizes.longest {
            return Err(Failure::Long(self.line, None));
        }
        let (start, line) = (self.start, self.line);
        self.last = (start, line);
        let text = &self.buffer[start..start + len];
        if quoted {
            self.line += line_ends(text);
        }
        self.line += u64::from(end.is_some());
        self.start += len + usize::from(end.is_some());
        self.returned = end == Some(b'\r');
        if !quoted {
            return Ok(Some((line, Record::Plain(text))));
        }
        self.cells.split(text, self.delimiter);
        Ok(Some((line, Record::Quoted(&self.cells))))
    }

    /// Steps back before the last record: it is the next one again.
    pub(super) fn step_back(&mut self) {
        (self.start, self.line) = self.last;
        self.returned = false;
    }

    /// Finds the end of the next record; `None` at the end of the input.
    fn extent(&mut self) -> Result<Option<Extent>, Failure> {
        let (mut seen, mut quoted) = (0, false);
        // The place of a quote that was not closed.
        let mut open = None;
        loop {
            let text = &self.buffer[self.start..self.end];
            if open.is_none() {
                match memchr3(b'\n', b'\r', b'"', &text[seen..]) {
                    Some(found) => {
                        let at = seen + found;
                        if text[at] != b'"' {
                            return Ok(Some(Extent { len: at, quoted, end: Some(text[at]) }));
                        }
                        if at == 0 || text[at - 1] == self.delimiter {
                            (open, quoted) = (Some(at), true);
                        }
                        seen = at + 1;
                        continue;
                    }
                    None => seen = text.len(),
                }
            } else {
                match memchr(b'"', &text[seen..]).map(|found| seen + found) {
                    // A quote at the end of what was read may be the first of two.
                    Some(at) if at + 1 == text.len() && !self.ended => seen = at,
                    Some(at) if text.get(at + 1) == Some(&b'"') => {
                        seen = at + 2;
                        continue;
                    }
                    Some(at) => {
                        (open, seen) = (None, at + 1);
                        continue;
                    }
                    None => seen = text.len(),
                }
            }
            if self.ended {
                return match open {
                    Some(at) => Err(Failure::Open(self.opening(at))),
                    None if seen == 0 => Ok(None),
                    None => Ok(Some(Extent { len: seen, quoted, end: None })),
                };
            }
            if text.len() > self.sizes.longest {
                let opening = open.map(|at| self.opening(at));
                return Err(Failure::Long(self.line, opening));
            }
            self.fill().map_err(Failure::Io)?;
        }
    }

    /// The place of a quote that opens at this byte of the next record.
    fn opening(&self, at: usize) -> Opening {
        let before = &self.buffer[self.start..self.start + at];
        let mut cells = Cells::default();
        cells.split(before, self.delimiter);
        Opening { line: self.line + line_ends(before), column: cells.ends.len() - 1 }
    }

    /// Reads on, and sets `ended` at the end of the input.
    fn fill(&mut self) -> io::Result<()> {
        if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.moved += self.start as u64;
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize((2 * self.buffer.len()).max(self.sizes.buffer), 0);
        }
        loop {
            let free = &mut self.buffer[self.end..];
            match self.input.read(free) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end += read.min(free.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }
}

/// The number of line ends in a text.
fn line_ends(text: &[u8]) -> u64 {
    let ends = memchr2_iter(b'\n', b'\r', text);
    ends.filter(|&at| text[at] == b'\n' || text.get(at + 1) != Some(&b'\n')).count() as u64
}

impl Cells {
    /// The number of cells.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A cell's text.
    pub(super) fn get(&self, cell: usize) -> Option<&[u8]> {
        let end = *self.ends.get(cell)?;
        let start = cell.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..end])
    }

    /// Replaces the cells by those of a record.
    fn split(&mut self, record: &[u8], delimiter: u8) {
        self.text.clear();
        self.ends.clear();
        let mut at = 0;
        loop {
            at += self.push(&record[at..], delimiter);
            if at == record.len() {
                return;
            }
            // Behind the delimiter, where the last cell may be empty.
            at += 1;
        }
    }

    /// Appends the cell that a text starts with, and returns its length there.
    fn push(&mut self, text: &[u8], delimiter: u8) -> usize {
        let until_delimiter =
            |start: usize| memchr(delimiter, &text[start..]).map_or(text.len(), |at| start + at);
        let before = self.text.len();
        let mut at = 0;
        if text.first() == Some(&b'"') {
            at = 1;
            while let Some(found) = memchr(b'"', &text[at..]) {
                self.text.extend_from_slice(&text[at..at + found]);
                at += found + 1;
                if text.get(at) != Some(&b'"') {
                    break;
                }
                // Two quotes are one, and the quoted text goes on.
                self.text.push(b'"');
                at += 1;
            }
        }
        let end = until_delimiter(at);
        if at == 0 || !text[at..end].trim_ascii().is_empty() {
            self.text.truncate(before);
            self.text.extend_from_slice(&text[..end]);
        }
        self.ends.push(self.text.len());
        end
    }
}

impl Record<'_> {
    /// The number of cells.
    pub(super) fn cells(&self, delimiter: u8) -> usize {
        match self {
            Self::Plain(text) => memchr_iter(delimiter, text).count() + 1,
            Self::Quoted(cells) => cells.len(),
        }
    }

    /// The text of each cell.
    pub(super) fn texts(&self, delimiter: u8) -> Vec<&[u8]> {
        match self {
            Self::Plain(text) => text.split(|&byte| byte == delimiter).collect(),
            Self::Quoted(cells) => (0..cells.len()).filter_map(|cell| cells.get(cell)).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
