//! NumPy's `.npy`: a two-dimensional array in C order, mapped into memory, not copied.
//!
//! The format (NumPy Enhancement Proposal 1): the magic bytes `\x93NUMPY`, two bytes of version, the
//! header's length, and the header: the text of a Python dictionary with `descr`, `fortran_order` and
//! `shape`, padded with blanks to a multiple of 64 bytes; then the numbers.

use crate::error::{Context, Error, bail, ensure};
use crate::number::{Dtype, Encoding, Number};
use memmap2::Mmap;
use std::fmt;
use std::fs::File;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// A matrix in a file.
pub struct Array {
    map: Mmap,
    /// The place of the first number, in bytes.
    offset: usize,
    dtype: Dtype,
    nrows: usize,
    ncols: usize,
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dtype, nrows, ncols, .. } = self;
        write!(f, "Array {{ {nrows} x {ncols}, {dtype} }}")
    }
}

impl Array {
    /// Maps a file into memory. If another program shortens the file while it is mapped, reading it ends this
    /// program with the signal `SIGBUS`.
    ///
    /// # Errors
    ///
    /// If the file cannot be mapped, or is not a matrix in C order of `f32` or `f64` with at least one row and one
    /// column.
    pub fn map(file: &File) -> Result<Self, Error> {
        // SAFETY: the bytes of the file are read as numbers, for which every bit pattern is valid. Another
        // process may still change the file: numbers then change under the kernels, in which no bound and no
        // index depends on them; and if the file becomes shorter, the system ends this process.
        #[expect(unsafe_code, reason = "a mapping has no safe constructor")]
        let map = unsafe { Mmap::map(file) }.context("it cannot be mapped into memory")?;
        let Header { dtype, shape: (nrows, ncols), len } = Header::parse(&map)?;
        let size = dtype.bytes();
        let numbers = nrows.checked_mul(ncols);
        let want = numbers.and_then(|n| n.checked_mul(size)).context("the shape is too large")?;
        ensure!(nrows > 0, "it has no rows");
        ensure!(ncols > 0, "it has no columns");
        let have = map.len() - len;
        ensure!(
            have >= want,
            "the file is truncated: {nrows} x {ncols} numbers take {want} bytes, and it has {have}"
        );
        ensure!(have == want, "{} bytes follow the {nrows} x {ncols} numbers", have - want);
        ensure!(len % size == 0, "the numbers are not aligned: its header has {len} bytes");
        Ok(Self { map, offset: len, dtype, nrows, ncols })
    }

    /// The type of the numbers.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The number of rows.
    #[must_use]
    pub fn nrows(&self) -> usize {
        self.nrows
    }

    /// The number of columns.
    #[must_use]
    pub fn ncols(&self) -> usize {
        self.ncols
    }

    /// The numbers, row after row.
    ///
    /// # Errors
    ///
    /// If the numbers are of the other type.
    pub fn numbers<S: Number>(&self) -> Result<&[S], Error> {
        ensure!(self.dtype == S::DTYPE, "its numbers are of type {}", self.dtype);
        S::Encoding::cast(&self.map[self.offset..])
            .map_err(|error| Error::new(format!("its numbers are not aligned in memory: {error}")))
    }
}

/// The part of a file before the numbers.
struct Header {
    dtype: Dtype,
    shape: (usize, usize),
    /// Its length in bytes, with magic bytes and padding.
    len: usize,
}

impl Header {
    fn parse(file: &[u8]) -> Result<Self, Error> {
        ensure!(file.starts_with(MAGIC), "it is not a NumPy file");
        let (len, start): (usize, usize) = match (file.get(6), file.get(8..12)) {
            (Some(1), Some(&[a, b, ..])) => (usize::from(u16::from_le_bytes([a, b])), 10),
            (Some(2 | 3), Some(&[a, b, c, d])) => (u32::from_le_bytes([a, b, c, d]) as usize, 12),
            (_, None) => bail!("its header is truncated"),
            (version, _) => bail!("its format has version {}, not 1, 2 or 3", version.unwrap_or(&0)),
        };
        let text =
            start.checked_add(len).and_then(|end| file.get(start..end)).context("its header is truncated")?;
        let text = std::str::from_utf8(text).context("its header is not text")?;
        let dtype = match value(text, "descr")?.trim_matches(['\'', '"']) {
            "<f4" => Dtype::F32,
            "<f8" => Dtype::F64,
            other => bail!("its numbers are of type `{other}`, not float32 (`<f4`) or float64 (`<f8`)"),
        };
        match value(text, "fortran_order")? {
            "False" => {}
            "True" => {
                bail!("it is in Fortran order, column by column: save it with `numpy.ascontiguousarray`")
            }
            other => bail!("its `fortran_order` is `{other}`"),
        }
        let shape = value(text, "shape")?;
        let sides: Vec<&str> = shape
            .trim_matches(['(', ')'])
            .split(',')
            .map(str::trim)
            .filter(|side| !side.is_empty())
            .collect();
        let [rows, cols] = sides[..] else { bail!("its shape is {shape}, not two-dimensional") };
        let side = |text: &str| text.parse::<usize>().with_context(|| format!("its shape is {shape}"));
        Ok(Self { dtype, shape: (side(rows)?, side(cols)?), len: start + len })
    }
}

/// The text of a value in the header's dictionary, of which no value holds a quote or a nested bracket.
fn value<'a>(header: &'a str, key: &str) -> Result<&'a str, Error> {
    let find = || {
        let at = header.find(&format!("'{key}'")).or_else(|| header.find(&format!("\"{key}\"")))?;
        let rest = header[at + key.len() + 2..].trim_start().strip_prefix(':')?.trim_start();
        let end = if rest.starts_with('(') { rest.find(')')? + 1 } else { rest.find([',', '}'])? };
        Some(rest[..end].trim())
    };
    find().with_context(|| format!("its header has no `{key}`: {header:.80}"))
}

/// The header of a matrix that is about to be written; the numbers follow it, row after row. Its length is the
/// same for any shape: it can be written again once the number of rows is known.
#[must_use]
pub fn header(dtype: Dtype, rows: usize, cols: usize) -> Vec<u8> {
    const LEN: usize = 128;
    let descr = match dtype {
        Dtype::F32 => "<f4",
        Dtype::F64 => "<f8",
    };
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({rows}, {cols}), }}");
    let mut header = [&MAGIC[..], &[1, 0, (LEN - 10) as u8, 0], text.as_bytes()].concat();
    header.resize(LEN - 1, b' ');
    header.push(b'\n');
    header
}

#[cfg(test)]
mod tests {
    use super::{Header, header};
    use crate::error::chain;
    use crate::number::Dtype;

    #[test]
    fn a_header_reads_back_at_any_size() {
        for (rows, cols) in [(0, 1), (569, 31), (usize::MAX, usize::MAX)] {
            let text = header(Dtype::F32, rows, cols);
            let parsed = Header::parse(&text).unwrap();
            assert_eq!((parsed.shape, parsed.len, parsed.dtype), ((rows, cols), 128, Dtype::F32));
        }
    }

    #[test]
    fn what_is_not_a_matrix_in_c_order_is_refused() {
        let good = String::from_utf8_lossy(&header(Dtype::F64, 3, 2)).into_owned();
        let parse = |from: &str, to: &str| {
            let mut bytes = header(Dtype::F64, 3, 2);
            let text = good[10..].replacen(from, to, 1);
            bytes.truncate(10);
            bytes.extend(text.bytes());
            bytes.resize(128, b' ');
            Header::parse(&bytes).err().map(|error| chain(&error)).unwrap_or_default()
        };
        assert_eq!(parse("", ""), "");
        assert!(parse("False", "True").contains("Fortran order"));
        assert!(parse("<f8", ">f8").contains("`>f8`"));
        assert!(parse("<f8", "<i8").contains("`<i8`"));
        assert!(parse("(3, 2)", "(3,)").contains("not two-dimensional"));
        assert!(parse("(3, 2)", "(3, 2, 1)").contains("not two-dimensional"));
        assert!(parse("(3, 2)", "(3, x)").contains("shape"));
        assert!(parse("'shape'", "'shade'").contains("no `shape`"));
        assert!(Header::parse(b"PK\x03\x04").is_err());
        for end in 0..128 {
            assert!(Header::parse(&header(Dtype::F64, 3, 2)[..end]).is_err());
        }
    }
}
