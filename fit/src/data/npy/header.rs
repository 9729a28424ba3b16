//! The header of a `.npy`: a Python dictionary as text, with `descr`, `fortran_order` and `shape`.
//!
//! The format is that of NumPy Enhancement Proposal 1. NumPy reads the dictionary with Python's own reader of
//! literals, so other programs' files have its keys in any order, any blanks and quotes, and long integers of Python 2.

use super::kind::{Kind, Type};
use crate::data::shown::{shown, shown_bytes};
use crate::error::{Context, Error, bail, ensure};

pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The longest header, in bytes. NumPy's own are shorter than a kilobyte, unless they name the fields of structures,
/// which are no matrices.
const LONGEST: usize = 1 << 20;

/// The part of a file before the numbers.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) kind: Type,
    /// True if the numbers are in the order of columns.
    pub(super) fortran: bool,
    pub(super) shape: Shape,
    /// Its length in bytes, with magic bytes and padding.
    pub(super) len: usize,
}

/// The shape of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Shape {
    /// One-dimensional, of a length.
    Vector(usize),
    /// Rows and columns.
    Matrix(usize, usize),
}

impl Header {
    pub(super) fn parse(file: &[u8]) -> Result<Self, Error> {
        ensure!(file.starts_with(MAGIC), "it is not a NumPy file");
        let (len, start): (usize, usize) = match (file.get(6), file.get(8..12)) {
            (Some(1), Some(&[a, b, ..])) => (usize::from(u16::from_le_bytes([a, b])), 10),
            (Some(2 | 3), Some(&[a, b, c, d])) => (u32::from_le_bytes([a, b, c, d]) as usize, 12),
            (_, None) => bail!("its header is truncated"),
            (version, _) => bail!("its format has version {}, not 1, 2 or 3", version.unwrap_or(&0)),
        };
        ensure!(len <= LONGEST, "its header has {len} bytes, which is more than 1 MiB");
        let text = file.get(start..start + len).context("its header is truncated")?;
        let unreadable = || format!("its header cannot be read: {}", shown_bytes(text));
        let dictionary = Literal::parse(text).with_context(unreadable)?;
        let Literal::Dictionary(entries) = dictionary else { bail!("{}", unreadable()) };
        let value = |key: &str| {
            // As in Python, the last of several wins.
            let found = entries.iter().rev().find(|(name, _)| name == key);
            found.map(|(_, value)| value).with_context(|| format!("its header has no `{key}`"))
        };
        let fortran = match value("fortran_order")? {
            Literal::Truth(truth) => *truth,
            other => bail!("its `fortran_order` is {}", other.shown()),
        };
        let kind = match value("descr")? {
            Literal::Text(name) => Kind::parse(name)?,
            Literal::List(_) => bail!("its numbers are structures with fields, not plain numbers"),
            other => bail!("its `descr` is {}, not a type of numbers", other.shown()),
        };
        let Literal::List(sides) = value("shape")? else {
            bail!("its `shape` is {}", value("shape")?.shown())
        };
        let side = |side: &Literal| match side {
            Literal::Integer(side) => usize::try_from(*side).ok(),
            _ => None,
        };
        let sides: Option<Vec<usize>> = sides.iter().map(side).collect();
        let shape = match sides.as_deref() {
            Some(&[len]) => Shape::Vector(len),
            Some(&[rows, cols]) => Shape::Matrix(rows, cols),
            _ => bail!("its shape is {}, not that of a matrix", value("shape")?.shown()),
        };
        Ok(Self { kind, fortran, shape, len: start + len })
    }
}

/// A value as Python writes it. Tuples and lists are one.
#[derive(Debug, PartialEq)]
enum Literal {
    Text(String),
    Integer(u64),
    Truth(bool),
    List(Vec<Literal>),
    Dictionary(Vec<(String, Literal)>),
}

/// How deep values may be nested.
const DEPTH: usize = 16;

impl Literal {
    /// The value that a text is, with blanks around it.
    fn parse(text: &[u8]) -> Option<Self> {
        let mut parser = Parser { rest: text };
        let literal = parser.literal(DEPTH)?;
        parser.skip_blanks();
        parser.rest.is_empty().then_some(literal)
    }

    /// The value in messages.
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("`{}`", shown(text)),
            Self::Integer(number) => number.to_string(),
            Self::Truth(true) => "True".to_owned(),
            Self::Truth(false) => "False".to_owned(),
            Self::List(items) => {
                let some: Vec<String> = items.iter().take(4).map(Self::shown).collect();
                let end = if items.len() > 4 {
                    ", …"
                } else if items.len() == 1 {
                    ","
                } else {
                    ""
                };
                format!("({}{end})", some.join(", "))
            }
            Self::Dictionary(_) => "a dictionary".to_owned(),
        }
    }
}

/// The text that was not read yet.
struct Parser<'a> {
    rest: &'a [u8],
}

impl<'a> Parser<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// Skips blanks and this text; `None` if something else follows.
    fn take(&mut self, text: &[u8]) -> Option<()> {
        self.skip_blanks();
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// The bytes up to the first that does not belong.
    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let len = self.rest.iter().position(|&byte| !belongs(byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    fn literal(&mut self, depth: usize) -> Option<Literal> {
        let depth = depth.checked_sub(1)?;
        self.skip_blanks();
        match *self.rest.first()? {
            b'{' => self.dictionary(depth),
            b'(' => self.list(b"(", b")", depth),
            b'[' => self.list(b"[", b"]", depth),
            b'0'..=b'9' => {
                let digits = self.take_while(|byte| byte.is_ascii_digit());
                let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
                // A long integer of Python 2.
                let _ = self.take(b"L");
                Some(Literal::Integer(number))
            }
            b'T' => self.take(b"True").map(|()| Literal::Truth(true)),
            b'F' => self.take(b"False").map(|()| Literal::Truth(false)),
            _ => self.text().map(Literal::Text),
        }
    }

    fn text(&mut self) -> Option<String> {
        self.skip_blanks();
        // Texts of Python 2 and 3 may say which kind they are.
        if matches!(self.rest, [b'u' | b'b', b'\'' | b'"', ..]) {
            self.rest = &self.rest[1..];
        }
        let quote = *self.rest.first().filter(|&&byte| matches!(byte, b'\'' | b'"'))?;
        self.rest = &self.rest[1..];
        let text = self.take_while(|byte| byte != quote);
        self.take(&[quote])?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    fn list(&mut self, open: &[u8], close: &[u8], depth: usize) -> Option<Literal> {
        self.take(open)?;
        let mut items = Vec::new();
        while self.take(close).is_none() {
            items.push(self.literal(depth)?);
            // Behind the last item a comma may stand or not.
            if self.take(b",").is_none() {
                self.take(close)?;
                break;
            }
        }
        Some(Literal::List(items))
    }

    fn dictionary(&mut self, depth: usize) -> Option<Literal> {
        self.take(b"{")?;
        let mut entries = Vec::new();
        while self.take(b"}").is_none() {
            let key = self.text()?;
            self.take(b":")?;
            entries.push((key, self.literal(depth)?));
            if self.take(b",").is_none() {
                self.take(b"}")?;
                break;
            }
        }
        Some(Literal::Dictionary(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, Shape};
    use crate::data::npy::kind::{Kind, Type};
    use crate::error::chain;

    /// A header of this text, in a version of the format.
    fn file(version: u8, text: &str) -> Vec<u8> {
        let len = text.len() as u32;
        let len = if version == 1 { len.to_le_bytes()[..2].to_vec() } else { len.to_le_bytes().to_vec() };
        [b"\x93NUMPY", &[version, 0][..], &len, text.as_bytes()].concat()
    }

    fn parse(text: &str) -> Result<Header, String> {
        Header::parse(&file(1, text)).map_err(|error| chain(&error))
    }

    #[test]
    fn what_numpy_reads_is_read() {
        let kind = Type { kind: Kind::F64, big_endian: false };
        for text in [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }        \n",
            "{'shape':(3,2),'fortran_order':False,'descr':'<f8'}",
            "  { \"fortran_order\" : False , \"shape\" : ( 3 , 2 , ) , \"descr\" : \"<f8\" , } \n\n",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3L, 2L), }\n",
            "{u'descr': u'<f8', b'fortran_order': False, 'shape': [3, 2]}\n",
            "{'shape': (9, 9), 'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), 'more': {'x': ()}}\n",
        ] {
            let want = Header { kind, fortran: false, shape: Shape::Matrix(3, 2), len: 10 + text.len() };
            assert_eq!(parse(text), Ok(want), "{text}");
        }
        for version in 1..=3 {
            let text = "{'descr': '>i4', 'fortran_order': True, 'shape': (7,), }\n";
            let header = Header::parse(&file(version, text)).unwrap();
            assert_eq!((header.shape, header.fortran), (Shape::Vector(7), true));
            assert_eq!(header.kind, Type { kind: Kind::I32, big_endian: true });
            assert_eq!(header.len, text.len() + if version == 1 { 10 } else { 12 });
        }
    }

    #[test]
    fn what_is_not_a_matrix_of_numbers_is_refused() {
        let with = |descr: &str, order: &str, shape: &str| {
            parse(&format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}")).unwrap_err()
        };
        assert!(with("[('a', '<f8'), ('b', '<i4')]", "False", "(3,)").contains("structures with fields"));
        assert!(with("('<f8', (3,))", "False", "(3,)").contains("structures"));
        assert!(with("True", "False", "(3,)").contains("`descr` is True"));
        assert!(with("'<f8'", "0", "(3,)").contains("`fortran_order` is 0"));
        assert!(with("'<f8'", "False", "3").contains("`shape` is 3"));
        assert!(with("'<f8'", "False", "()").contains("shape is ()"));
        assert!(with("'<f8'", "False", "(3, 2, 1)").contains("shape is (3, 2, 1), not that of a matrix"));
        assert!(with("'<f8'", "False", "(3, 'x')").contains("shape is (3, `x`)"));
        assert!(with("'<f8'", "False", "(3, -1)").contains("cannot be read"));
        assert!(parse("{'descr': '<f8', 'shape': (1, 1)}").unwrap_err().contains("no `fortran_order`"));
        assert!(parse("(1, 2)").unwrap_err().contains("cannot be read"));
        assert!(parse("\u{1b}[2J").unwrap_err().contains("\\u{1b}[2J"));
        assert!(parse(&"(".repeat(60_000)).unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn what_is_cut_is_refused() {
        let whole = file(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2)}");
        for end in 0..whole.len() {
            assert!(Header::parse(&whole[..end]).is_err());
        }
        assert!(Header::parse(b"PK\x03\x04").is_err());
        assert!(chain(&Header::parse(&file(9, "{}")).unwrap_err()).contains("version 9"));
        let mut long = file(2, "");
        long[8..12].copy_from_slice(&(1_u32 << 20 | 1).to_le_bytes());
        assert!(chain(&Header::parse(&long).unwrap_err()).contains("more than 1 MiB"));
    }
}
