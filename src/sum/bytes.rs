//! The canonical form of a `PartialSum` in bytes. Equal sums have equal bytes, on every machine.
//!
//! It is a list of words of 64 bits, the lowest byte first:
//!
//! ```text
//! sum      = "lanesum" and a zero byte, version, fingerprint, segments, parts, nodes, part …, checksum
//! segments = the number of segments, or NONE; how many nodes of whole segments there are
//! parts    = how many parts of segments there are
//! part     = segment, the row behind its last, or NONE, 1 where it has ended, how many nodes, nodes
//! nodes    = number of the first leaf, level, hash of the rows of its segments, numbers; and so on
//! numbers  = value, derivative by the bias, weight sum, derivatives by the weights; a node of no rows has none
//! ```
//!
//! A node of a part has no hash. The level of a node of segments is [`EMPTY`] more where it has no rows. The checksum
//! is the hash of all words before it, so that a change of any one byte shows.

use super::fingerprint::{Fingerprint, WORDS};
use super::hash::{Hash, SegmentRows};
use super::part::Part;
use super::partial::{MOST_ROWS, PartialSum};
use super::total::{Finish, Total};
use crate::error::Error;
use crate::tree::node::width;
use crate::tree::{Mark, Nodes, Pool, Span};
use alloc::vec::Vec;
use core::ops::Range;

/// The first word.
const MAGIC: u64 = u64::from_le_bytes(*b"lanesum\0");

/// The version of the form.
const VERSION: u64 = 1;

/// In place of a number that is not known.
const NONE: u64 = u64::MAX;

/// What a node without rows has more in its level.
const EMPTY: u64 = 1 << 32;

/// The bits of every NaN.
const NAN: u64 = 0x7ff8_0000_0000_0000;

/// The words that precede the nodes.
const HEADER: usize = 2 + WORDS + 3;

impl<R> PartialSum<R> {
    /// The sum as bytes, which [`from_bytes`](Self::from_bytes) reads on any machine. Equal sums have equal bytes: the
    /// fingerprint, what rows are there, and the numbers by their bits, but for NaN, which is one. Their form is a
    /// promise, as the bits of results are: a later version reads them, or says that it does not.
    ///
    /// About 8 (features + 6) bytes for each node.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let nodes = self.segments.iter().count()
            + self.parts.iter().map(|part| part.nodes.iter().count()).sum::<usize>();
        let of_node = numbers_of_node(&self.fingerprint).saturating_add(3);
        let len = HEADER + 4 * self.parts.len() + nodes.saturating_mul(of_node) + 1;
        let mut out = Writer(Vec::with_capacity(8 * len));
        [MAGIC, VERSION].into_iter().chain(self.fingerprint.words()).for_each(|word| out.word(word));
        out.word(self.segments.leaves().unwrap_or(NONE));
        out.word(self.segments.iter().count() as u64);
        out.word(self.parts.len() as u64);
        for node in self.segments.iter() {
            out.word(node.span.leaves().start);
            out.word(u64::from(node.span.level()) + if node.numbers.is_empty() { EMPTY } else { 0 });
            out.word(node.mark.0.0);
            out.numbers(&node.numbers);
        }
        for part in &self.parts {
            out.word(part.segment);
            out.word(part.end_row.unwrap_or(NONE));
            out.word(part.nodes.leaves().is_some().into());
            out.word(part.nodes.iter().count() as u64);
            for node in part.nodes.iter() {
                out.word(node.span.leaves().start);
                out.word(node.span.level().into());
                out.numbers(&node.numbers);
            }
        }
        let checksum = Hash::of(words(&out.0).iter().map(|word| u64::from_le_bytes(*word)));
        out.word(checksum.0);
        out.0
    }
}

impl<R: Total> PartialSum<R> {
    /// Reads a sum that [`to_bytes`](Self::to_bytes) made.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] where these are not the bytes of a sum of this kind, or not those that this version makes
    /// of it: they are truncated or changed, or of another version. Time and memory are in proportion to their length,
    /// whatever they hold.
    ///
    /// # Examples
    ///
    /// ```
    /// use lanegrad::{Engine, Error, GradientStream, GradientSum, Params};
    ///
    /// let sum = GradientStream::<f32, f32>::new(Engine::new(), Params::new(&[0.5], 0.1)).into_sum();
    /// let mut bytes = sum.to_bytes();
    /// assert_eq!(GradientSum::from_bytes(&bytes)?, sum);
    /// bytes[20] ^= 1;
    /// assert!(matches!(GradientSum::from_bytes(&bytes), Err(Error::Malformed { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        read(bytes).map_err(|reason| Error::Malformed { reason })
    }
}

/// How many numbers a node has that has any.
fn numbers_of_node(fingerprint: &Fingerprint) -> usize {
    usize::try_from(fingerprint.ncols()).unwrap_or(usize::MAX).saturating_add(width(0))
}

/// Words that are written.
struct Writer(Vec<u8>);

impl Writer {
    fn word(&mut self, word: u64) {
        self.0.extend_from_slice(&word.to_le_bytes());
    }

    fn numbers(&mut self, numbers: &[f64]) {
        numbers.iter().for_each(|x| self.word(if x.is_nan() { NAN } else { x.to_bits() }));
    }
}

/// Words that are read.
struct Reader<'a> {
    rest: &'a [[u8; 8]],
    numbers: Vec<f64>,
}

type Refused = &'static str;

const TRUNCATED: Refused = "it is truncated";

impl Reader<'_> {
    fn word(&mut self) -> Result<u64, Refused> {
        let (word, rest) = self.rest.split_first().ok_or(TRUNCATED)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*word))
    }

    /// The numbers of a node of so many.
    fn numbers(&mut self, width: usize) -> Result<&[f64], Refused> {
        let (numbers, rest) = self.rest.split_at_checked(width).ok_or(TRUNCATED)?;
        self.rest = rest;
        self.numbers.clear();
        self.numbers.extend(numbers.iter().map(|word| f64::from_le_bytes(*word)));
        if self.numbers.iter().any(|x| x.is_nan() && x.to_bits() != NAN) {
            return Err("a NaN has other bits than it is written with");
        }
        Ok(&self.numbers)
    }

    /// The place of a node among so many leaves at most.
    fn span(&mut self, level: u64, first: u64, most: u64) -> Result<Span, Refused> {
        let span = u32::try_from(level).ok().and_then(|level| Span::new(first, level));
        span.filter(|span| span.leaves().start < most).ok_or("a node is at no place of the tree")
    }
}

/// The whole words of some bytes.
fn words(bytes: &[u8]) -> &[[u8; 8]] {
    bytes.as_chunks().0
}

/// `Ok` where the nodes are those that were read: none had a sibling to be joined with, or stands for a parent.
fn check_form<M: Mark>(nodes: &Nodes<M>, read: &[Span]) -> Result<(), Refused> {
    let same = nodes.iter().map(|node| node.span).eq(read.iter().copied());
    if same { Ok(()) } else { Err("its nodes are not joined") }
}

/// `Ok` where these leaves come after those of all nodes, and none is beyond the last.
fn check_next<M: Mark>(nodes: &Nodes<M>, leaves: &Range<u64>, most: u64) -> Result<(), Refused> {
    if leaves.start < nodes.end() {
        return Err("two nodes overlap, or are not in order");
    }
    // Only the last node, once the end is known, stands for parents with leaves beyond it, and a root for none.
    let is_last = nodes.leaves().is_some() && (leaves.start > 0 || leaves.end == most.next_power_of_two());
    if leaves.end > most && !is_last { Err("a node is beyond the end") } else { Ok(()) }
}

fn read<R: Total>(bytes: &[u8]) -> Result<PartialSum<R>, Refused> {
    let [content @ .., checksum] = words(bytes) else { return Err(TRUNCATED) };
    let mut reader = Reader { rest: content, numbers: Vec::new() };
    if reader.word()? != MAGIC {
        return Err("these are not the bytes of a sum");
    }
    if reader.word()? != VERSION {
        return Err("it was made by a version that writes sums in another form");
    }
    let sum = Hash::of(content.iter().map(|word| u64::from_le_bytes(*word)));
    if !bytes.len().is_multiple_of(8) || sum.0 != u64::from_le_bytes(*checksum) {
        return Err("it is truncated or was changed: the checksum is wrong");
    }
    let mut fingerprint = [0; WORDS];
    for word in &mut fingerprint {
        *word = reader.word()?;
    }
    let mut sum = PartialSum::new(Fingerprint::from_words(fingerprint, R::Finish::KIND)?);
    let segments = reader.word()?;
    let (nodes, parts) = (reader.word()?, reader.word()?);
    if segments != NONE {
        if segments > MOST_ROWS {
            return Err("it has too many segments");
        }
        sum.end_data(segments);
    }
    read_segments(&mut sum, nodes, segments.min(MOST_ROWS), &mut reader)?;
    for _ in 0..parts {
        read_part(&mut sum, segments.min(MOST_ROWS), &mut reader)?;
    }
    if !reader.rest.is_empty() {
        return Err("something follows the last node");
    }
    Ok(sum)
}

/// Reads the nodes of whole segments.
fn read_segments<R>(
    sum: &mut PartialSum<R>,
    nodes: u64,
    most: u64,
    reader: &mut Reader<'_>,
) -> Result<(), Refused> {
    let width = numbers_of_node(&sum.fingerprint);
    let mut spans = Vec::new();
    for _ in 0..nodes {
        let (first, level) = (reader.word()?, reader.word()?);
        let span = reader.span(level & !EMPTY, first, most)?;
        check_next(&sum.segments, &span.leaves(), most)?;
        let mark = SegmentRows(Hash(reader.word()?));
        let numbers = reader.numbers(if level & EMPTY == 0 { width } else { 0 })?;
        sum.insert_segments(span, mark, numbers);
        spans.push(span);
    }
    check_form(&sum.segments, &spans)
}

/// Reads a part of a segment.
fn read_part<R>(sum: &mut PartialSum<R>, segments: u64, reader: &mut Reader<'_>) -> Result<(), Refused> {
    let width = numbers_of_node(&sum.fingerprint);
    let chunk_rows = sum.fingerprint.chunk_rows();
    let (segment, end_row, ended, count) = (reader.word()?, reader.word()?, reader.word()?, reader.word()?);
    if segment >= segments || sum.segments.overlap(&(segment..segment + 1)).is_some() {
        return Err("a part is of a segment that is whole, or of none");
    }
    if sum.parts.last().is_some_and(|before| before.segment >= segment) {
        return Err("its parts are not in order");
    }
    let mut part = Part::new(segment, Nodes::default());
    let mut spare = Pool::default();
    let mut most = MOST_ROWS / chunk_rows;
    match (end_row, ended) {
        (NONE, 0) if count > 0 => {}
        (0..=MOST_ROWS, 0) if !end_row.is_multiple_of(chunk_rows) => {
            most = end_row.div_ceil(chunk_rows);
            part.end_at(end_row, chunk_rows);
        }
        (1..=MOST_ROWS, 1) => {
            most = end_row.div_ceil(chunk_rows);
            part.end_segment(end_row, chunk_rows, &mut spare);
        }
        _ => return Err("the end of a segment is none"),
    }
    let mut spans = Vec::new();
    for _ in 0..count {
        let (first, level) = (reader.word()?, reader.word()?);
        let span = reader.span(level, first, most)?;
        check_next(&part.nodes, &span.leaves(), most)?;
        part.insert(span, reader.numbers(width)?, &mut spare);
        spans.push(span);
    }
    check_form(&part.nodes, &spans)?;
    // Whoever knows that it ends inside a chunk has that chunk.
    if part.end_row.is_some_and(|end| !end.is_multiple_of(chunk_rows)) && part.nodes.end() != most {
        return Err("the last row is not in the last chunk");
    }
    if part.whole().is_some() {
        return Err("a part of a segment is the whole segment");
    }
    sum.parts.push(part);
    Ok(())
}

#[cfg(feature = "serde")]
mod serde;
