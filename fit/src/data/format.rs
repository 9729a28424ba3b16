//! The format of a file, by its first bytes: whatever a file is called, what is in it decides.

use crate::error::{Error, bail};
use std::io::{self, Chain, Cursor, Read};

/// A format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Gzip,
    Npy,
    Safetensors,
    Parquet,
}

/// First bytes that are looked at.
const BYTES: u64 = 16;

/// Formats that are not read: how they start, what they are, and what to do.
const OTHERS: [(&[u8], &str, &str); 13] = [
    (b"PK\x03\x04", "a zip archive, as .xlsx and .npz are", ZIP),
    (b"PK\x05\x06", "a zip archive, as .xlsx and .npz are", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a workbook of old Excel", "save it as CSV"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it with `zstd -d`"),
    (b"\xfd7zXZ\0", "compressed with xz", "unpack it with `xz -d`"),
    (b"BZh11AY&SY", "compressed with bzip2", "unpack it with `bzip2 -d`"),
    (b"\xff\xfe\0\0", "text in UTF-32", "save it as UTF-8"),
    (b"\xff\xfe", "text in UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as UTF-8"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "save the table as CSV, .npy or .parquet"),
    (b"ARROW1", "an Arrow file", "save the table as CSV, .npy or .parquet"),
    (b"SQLite format 3\0", "an SQLite database", "export the table as CSV"),
    (b"%PDF-", "a PDF", "save the table as CSV"),
];

const ZIP: &str = "save a workbook's sheet as CSV, an array with `numpy.save`, or unpack it";

/// An input whose first bytes were looked at.
pub(super) type Peeked<R> = Chain<Cursor<Vec<u8>>, R>;

/// Reads the first bytes of an input, and puts them back.
pub(super) fn peek<R: Read>(mut input: R) -> io::Result<(Vec<u8>, Peeked<R>)> {
    let mut start = Vec::new();
    input.by_ref().take(BYTES).read_to_end(&mut start)?;
    Ok((start.clone(), Cursor::new(start).chain(input)))
}

impl Format {
    /// The format of a file that starts with these bytes.
    pub(super) fn of(start: &[u8], file: &str) -> Result<Self, Error> {
        if start.starts_with(b"\x1f\x8b") {
            return Ok(Self::Gzip);
        }
        if super::npy::is_npy(start) {
            return Ok(Self::Npy);
        }
        if super::safetensors::is_safetensors(start) {
            return Ok(Self::Safetensors);
        }
        if start.starts_with(b"PAR1") {
            return Ok(Self::Parquet);
        }
        let is = |magic: &[u8]| match (magic, start) {
            // Behind `BZh` comes a digit, the size of blocks.
            ([b'B', b'Z', b'h', _, magic @ ..], [b'B', b'Z', b'h', b'1'..=b'9', start @ ..]) => {
                start.starts_with(magic)
            }
            _ => start.starts_with(magic),
        };
        match OTHERS.iter().find(|(magic, ..)| is(magic)) {
            Some((_, what, advice)) => bail!("{file} is {what}: {advice}"),
            None => Ok(Self::Text),
        }
    }

    /// The format in words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Gzip => "compressed with gzip",
            Self::Npy => "a NumPy file",
            Self::Safetensors => "a file of safetensors",
            Self::Parquet => "a Parquet file",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, peek};
    use std::io::Read;

    #[test]
    fn first_bytes_tell_formats() {
        let of = |start: &[u8]| Format::of(start, "a.csv").map_err(|error| error.to_string());
        assert_eq!(of(b"a,b,y\n"), Ok(Format::Text));
        assert_eq!(of(b""), Ok(Format::Text));
        assert_eq!(of(b"\x1f\x8b\x08"), Ok(Format::Gzip));
        assert_eq!(of(b"\x93NUMPY\x01\0v\0{'desc"), Ok(Format::Npy));
        assert_eq!(of(b"PAR1\x15\x04"), Ok(Format::Parquet));
        assert_eq!(of(b"\x78\0\0\0\0\0\0\0{\"a\":"), Ok(Format::Safetensors));
        for (start, words) in [
            (&b"PK\x03\x04\x14\0"[..], "zip archive"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "old Excel"),
            (b"\x28\xb5\x2f\xfd\x24", "zstd"),
            (b"\xfd7zXZ\0\0", "xz"),
            (b"BZh91AY&SY", "bzip2"),
            (b"\xff\xfea\0,\0", "UTF-16"),
            (b"\xff\xfe\0\0a\0\0\0", "UTF-32"),
            (b"\xfe\xff\0a", "UTF-16"),
        ] {
            let text = of(start).unwrap_err();
            assert!(text.starts_with("a.csv is ") && text.contains(words), "{text}");
        }
        // Names of columns may look a little alike.
        for text in ["BZh1,y", "PK,y", "PAR,y", "BZh"] {
            assert_eq!(of(text.as_bytes()), Ok(Format::Text));
        }
    }

    #[test]
    fn what_was_looked_at_is_read_again() {
        for len in [0, 1, 15, 16, 17, 100] {
            let text: Vec<u8> = (0..len).collect();
            let (start, mut input) = peek(text.as_slice()).unwrap();
            assert_eq!(start, text[..text.len().min(16)]);
            let mut all = Vec::new();
            input.read_to_end(&mut all).unwrap();
            assert_eq!(all, text);
        }
    }
}
