//! Records against a reader that looks at one byte after the other.

use super::{Failure, Opening, Record, Records, Sizes};
use std::io::{self, Read};

/// An input that is read a few bytes at a time.
struct Cut<'a> {
    text: &'a [u8],
    random: u64,
}

fn next(random: &mut u64) -> usize {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*random >> 33) as usize
}

impl Read for Cut<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let random = next(&mut self.random);
        if random.is_multiple_of(7) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = (1 + random % 5).min(out.len()).min(self.text.len());
        out[..len].copy_from_slice(&self.text[..len]);
        self.text = &self.text[len..];
        Ok(len)
    }
}

/// The line and the cells of a record.
type Row = (u64, Vec<Vec<u8>>);

/// The records of an input, up to a quote that is not closed: its line and column.
fn read(input: impl Read, sizes: Sizes) -> (Vec<Row>, Option<(u64, usize)>) {
    let mut records = Records::new(input, b',', sizes).unwrap();
    let mut rows = Vec::new();
    loop {
        match records.next() {
            Ok(Some((line, record))) => {
                let texts = record.texts(b',');
                assert_eq!(record.cells(b','), texts.len());
                rows.push((line, texts.into_iter().map(<[u8]>::to_vec).collect()));
            }
            Ok(None) => return (rows, None),
            Err(Failure::Open(Opening { line, column })) => return (rows, Some((line, column))),
            Err(_) => panic!("the input can be read"),
        }
    }
}

/// The same, one byte after the other.
fn obvious(text: &[u8]) -> (Vec<Row>, Option<(u64, usize)>) {
    let at = |i: usize| text.get(i).copied().unwrap_or(b'\n');
    let ends_line = |i: usize| at(i) == b'\n' || (at(i) == b'\r' && text.get(i + 1) != Some(&b'\n'));
    let (mut rows, mut i, mut line) = (Vec::new(), 0, 1);
    while i < text.len() {
        let (first, mut cells) = (line, Vec::new());
        loop {
            let (start, mut cell, opening) = (i, Vec::new(), line);
            if i < text.len() && at(i) == b'"' {
                i += 1;
                while at(i) != b'"' || text.get(i + 1) == Some(&b'"') {
                    if i >= text.len() {
                        return (rows, Some((opening, cells.len())));
                    }
                    line += u64::from(ends_line(i));
                    cell.push(at(i));
                    i += if at(i) == b'"' { 2 } else { 1 };
                }
                i += 1;
            }
            let behind = i;
            while !matches!(at(i), b',' | b'\n' | b'\r') {
                i += 1;
            }
            if behind == start || text[behind..i].iter().any(|&byte| byte != b' ') {
                cell = text[start..i].to_vec();
            }
            cells.push(cell);
            if at(i) != b',' {
                break;
            }
            i += 1;
        }
        rows.push((first, cells));
        if i < text.len() {
            i += if at(i) == b'\r' && text.get(i + 1) == Some(&b'\n') { 2 } else { 1 };
            line += 1;
        }
    }
    (rows, None)
}

#[test]
fn random_texts_are_cut_as_one_byte_after_the_other() {
    let alphabet: [&[u8]; 12] =
        [b"\n", b"\r", b"\r\n", b",", b",\"", b"\",", b"\"", b"\"\"", b" ", b"1", b"ab", b"\xff"];
    let (mut random, mut open) = (1, 0);
    for round in 0..60_000 {
        let mut text = Vec::new();
        for _ in 0..next(&mut random) % 24 {
            text.extend_from_slice(alphabet[next(&mut random) % alphabet.len()]);
        }
        let want = obvious(&text);
        open += u64::from(want.1.is_some());
        let shown = String::from_utf8_lossy(&text).into_owned();
        assert_eq!(read(text.as_slice(), Sizes::USUAL), want, "{shown:?}");
        let small = Sizes { buffer: 3 + round % 6, longest: 1000 };
        assert_eq!(read(Cut { text: &text, random }, small), want, "{shown:?} in parts");
    }
    assert!((10_000..50_000).contains(&open), "{open} texts with an open quote");
}

#[test]
fn a_step_back_gives_the_record_again() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["a,b", "\"c\"", "", "d"].join(end);
        let mut records = Records::new(text.as_bytes(), b',', Sizes { buffer: 4, longest: 100 }).unwrap();
        for line in 1..=4 {
            for again in [true, false] {
                let Ok(Some((found, record))) = records.next() else { panic!("there is a record") };
                assert_eq!((found, record.texts(b',').is_empty()), (line, false));
                if again {
                    records.step_back();
                }
            }
        }
        assert!(matches!(records.next(), Ok(None)));
    }
}

#[test]
fn what_is_too_long_is_refused_where_it_starts() {
    let sizes = Sizes { buffer: 16, longest: 100 };
    let failure = |text: &str| {
        let mut records = Records::new(text.as_bytes(), b',', sizes).unwrap();
        loop {
            match records.next() {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(Failure::Long(line, opening)) => {
                    return Some((line, opening.map(|opening| (opening.line, opening.column))));
                }
                Err(_) => panic!("only too long"),
            }
        }
    };
    assert_eq!(failure(&format!("a\n{}\n", "x".repeat(99))), None);
    assert_eq!(failure(&format!("a\n{}\n", "x".repeat(1000))), Some((2, None)));
    assert_eq!(failure(&format!("a\n1,\"\n\"\n2,\"{}", "x\n".repeat(1000))), Some((4, Some((4, 1)))));
    assert_eq!(failure(&format!("a\n1,\"\n\",\"{}", "x\n".repeat(1000))), Some((2, Some((3, 2)))));
}

#[test]
fn a_byte_order_mark_is_dropped_once() {
    let rows = |text: &[u8]| read(Cut { text, random: 3 }, Sizes { buffer: 2, longest: 9 }).0;
    assert_eq!(rows(b"\xef\xbb\xbfa,b"), [(1, vec![b"a".to_vec(), b"b".to_vec()])]);
    assert_eq!(rows(b"\xef\xbb\xbf\xef\xbb\xbfa"), [(1, vec![b"\xef\xbb\xbfa".to_vec()])]);
    assert_eq!(rows(b"\xef\xbb"), [(1, vec![b"\xef\xbb".to_vec()])]);
    assert_eq!(rows(b"\xef\xbb\xbf"), []);
}

#[test]
fn an_input_that_fails_is_an_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::TimedOut.into())
        }
    }
    let mut records = Records::new(b"a\nb\nc".chain(Broken), b',', Sizes { buffer: 4, longest: 9 }).unwrap();
    assert!(matches!(records.next(), Ok(Some((1, Record::Plain(b"a"))))));
    assert!(matches!(records.next(), Ok(Some((2, Record::Plain(b"b"))))));
    assert!(matches!(records.next(), Err(Failure::Io(_))));
}
