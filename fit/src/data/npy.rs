//! NumPy's `.npy`: a matrix, mapped into memory; or one that is in memory, or elsewhere in a file.
//!
//! Numbers of a type that rows are held in ([`Dtype`]), in the machine's order of bytes, aligned and row by row, are used
//! where they are mapped. All others are converted as they are read, some rows at a time: truth values, wider integers,
//! the other order of bytes, and Fortran's order of numbers, column by column.

mod header;
mod kind;

pub(super) use self::header::Shape;
use self::header::{Header, MAGIC};
use self::kind::{Bool, Brain, Half, Raw};
pub(super) use self::kind::{Kind, Type};
use super::block::{Block, Place, Row};
use super::columns::{Plan, Role};
use crate::error::{Context, Error, bail, ensure};
use crate::number::{Dtype, Encoding, Held};
use memmap2::Mmap;
use std::fmt;
use std::fs::File;
use std::ops::{Deref, Range};

/// True for the first bytes of a `.npy`.
pub(super) fn is_npy(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// A matrix in a file, or in memory.
pub struct Array<'a> {
    bytes: Bytes<'a>,
    /// The place of the first number, in bytes.
    offset: usize,
    kind: Type,
    nrows: usize,
    ncols: usize,
    /// True if the file has one dimension, of which this is a column.
    vector: bool,
    /// The distance of two rows, and of two columns, in numbers.
    strides: (usize, usize),
    /// The number of the first row in the file, which messages count from.
    first: usize,
}

/// The bytes that an array is in.
enum Bytes<'a> {
    Mapped(Mmap),
    Borrowed(&'a [u8]),
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Borrowed(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind: Type { kind, .. }, nrows, ncols, .. } = self;
        write!(f, "Array {{ {nrows} x {ncols}, {kind:?} }}")
    }
}

impl<'a> Array<'a> {
    /// A matrix in memory, row after row, as a file with these numbers would be.
    ///
    /// # Errors
    ///
    /// If there are no columns, or the numbers are not those of so many rows and columns.
    pub fn of<S: Held>(numbers: &'a [S], nrows: usize, ncols: usize) -> Result<Self, Error> {
        ensure!(ncols > 0, "it has no columns");
        ensure!(
            nrows.checked_mul(ncols) == Some(numbers.len()),
            "{} numbers are not those of {nrows} rows of {ncols} columns",
            numbers.len()
        );
        Ok(Self {
            bytes: Bytes::Borrowed(S::Encoding::bytes(numbers)),
            offset: 0,
            kind: Type { kind: kind_of::<S>(), big_endian: cfg!(target_endian = "big") },
            nrows,
            ncols,
            vector: false,
            strides: (ncols, 1),
            first: 0,
        })
    }

    /// Maps a file into memory. If another program shortens the file while it is mapped, reading it ends this
    /// program with the signal `SIGBUS`. An array of one dimension is a column.
    ///
    /// # Errors
    ///
    /// If the file cannot be mapped, or is not an array of one or two dimensions, with at least one column,
    /// of truth values, integers or floats of up to 8 bytes.
    pub fn map(file: &File) -> Result<Self, Error> {
        let map = map(file)?;
        let Header { kind, fortran, shape, len } = Header::parse(&map)?;
        let mapped = map.len();
        let array = Self::of_map(map, len, kind, shape, fortran)?;
        let Self { nrows, ncols, .. } = array;
        let more = mapped - len - nrows * ncols * kind.kind.bytes();
        ensure!(more == 0, "{more} bytes follow the {nrows} x {ncols} numbers");
        Ok(array)
    }

    /// The numbers in a mapped file from a place on, column by column in Fortran's order.
    pub(super) fn of_map(
        map: Mmap,
        offset: usize,
        kind: Type,
        shape: Shape,
        fortran: bool,
    ) -> Result<Self, Error> {
        let (nrows, ncols) = match shape {
            Shape::Vector(len) => (len, 1),
            Shape::Matrix(nrows, ncols) => (nrows, ncols),
        };
        let numbers = nrows.checked_mul(ncols);
        let want =
            numbers.and_then(|n| n.checked_mul(kind.kind.bytes())).context("the shape is too large")?;
        ensure!(ncols > 0, "it has no columns");
        let have = map.len().saturating_sub(offset);
        ensure!(
            have >= want,
            "the file is truncated: {nrows} x {ncols} numbers take {want} bytes, and it has {have}"
        );
        let strides = if fortran { (1, nrows) } else { (ncols, 1) };
        let bytes = Bytes::Mapped(map);
        Ok(Self {
            bytes,
            offset,
            kind,
            nrows,
            ncols,
            vector: matches!(shape, Shape::Vector(_)),
            strides,
            first: 0,
        })
    }

    /// Some of the rows, which keep their numbers in messages.
    ///
    /// # Errors
    ///
    /// If they are not there.
    pub fn slice(mut self, rows: Range<usize>) -> Result<Self, Error> {
        ensure!(
            rows.start <= rows.end && rows.end <= self.nrows,
            "there are {} rows, and no rows {} to {}",
            self.nrows,
            rows.start,
            rows.end
        );
        self.offset += rows.start * self.strides.0 * self.kind.kind.bytes();
        (self.first, self.nrows) = (self.first + rows.start, rows.len());
        Ok(self)
    }

    /// This array, whose first row has another number in messages.
    pub(crate) fn numbered_from(self, first: usize) -> Self {
        Self { first, ..self }
    }

    /// The number of the first row in the file.
    pub(crate) fn first_row(&self) -> usize {
        self.first
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

    /// True if the array has one dimension.
    #[must_use]
    pub fn is_vector(&self) -> bool {
        self.vector
    }

    /// The type that its numbers are held in, unless another is asked for: their own, if rows can be held in it, and
    /// `f64` for all others.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        match self.kind.kind {
            Kind::I8 => Dtype::I8,
            Kind::U8 => Dtype::U8,
            Kind::Bf16 => Dtype::Bf16,
            Kind::F16 => Dtype::F16,
            Kind::F32 => Dtype::F32,
            _ => Dtype::F64,
        }
    }

    /// The numbers where they are mapped, row after row; `None` if they are of another type, or not in the machine's
    /// order of bytes, not aligned, or not row by row.
    #[must_use]
    pub fn numbers<S: Held>(&self) -> Option<&[S]> {
        let same = self.kind == Type { kind: kind_of::<S>(), big_endian: cfg!(target_endian = "big") };
        // A single row or column is the same in either order.
        let by_row = match (self.nrows, self.ncols) {
            (0, _) => true,
            (1, _) => self.strides.1 == 1,
            (_, 1) => self.strides.0 == 1,
            _ => self.strides == (self.ncols, 1),
        };
        let bytes = self.nrows * self.ncols * self.kind.kind.bytes();
        if same && by_row { S::Encoding::cast(&self.bytes[self.offset..][..bytes]) } else { None }
    }

    /// Appends some rows to `block`. `file` is a name for messages. The plan is for as many columns as there are.
    ///
    /// # Errors
    ///
    /// If the rows are not there, or a number is not what the plan needs. A part of these rows may have been appended.
    pub fn read<T: Held>(
        &self,
        rows: Range<usize>,
        plan: &Plan,
        file: &str,
        block: &mut Block<T>,
    ) -> Result<(), Error> {
        ensure!(plan.roles.len() == self.ncols, "{file}: the plan is for another number of columns");
        ensure!(rows.end <= self.nrows, "{file} has {} rows", self.nrows);
        let of = Rows { array: self, rows, plan, file };
        match self.kind.kind {
            Kind::Bool => of.read::<1, Bool, T>(block),
            Kind::I8 => of.read::<1, i8, T>(block),
            Kind::I16 => of.read::<2, i16, T>(block),
            Kind::I32 => of.read::<4, i32, T>(block),
            Kind::I64 => of.read::<8, i64, T>(block),
            Kind::U8 => of.read::<1, u8, T>(block),
            Kind::U16 => of.read::<2, u16, T>(block),
            Kind::U32 => of.read::<4, u32, T>(block),
            Kind::U64 => of.read::<8, u64, T>(block),
            Kind::Bf16 => of.read::<2, Brain, T>(block),
            Kind::F16 => of.read::<2, Half, T>(block),
            Kind::F32 => of.read::<4, f32, T>(block),
            Kind::F64 => of.read::<8, f64, T>(block),
        }
    }
}

/// A file in memory.
pub(super) fn map(file: &File) -> Result<Mmap, Error> {
    // SAFETY: the bytes of the file are read as numbers, for which every bit pattern is valid, and those of a header are
    // copied before they are read as a text. Another process may still change the file: numbers then change under the
    // kernels, in which no bound and no index depends on them; and if the file becomes shorter, the system ends this
    // process.
    #[expect(unsafe_code, reason = "a mapping has no safe constructor")]
    let map = unsafe { Mmap::map(file) };
    map.context("it cannot be mapped into memory")
}

/// The kind of a type's numbers.
fn kind_of<S: Held>() -> Kind {
    match S::DTYPE {
        Dtype::I8 => Kind::I8,
        Dtype::U8 => Kind::U8,
        Dtype::Bf16 => Kind::Bf16,
        Dtype::F16 => Kind::F16,
        Dtype::F32 => Kind::F32,
        Dtype::F64 => Kind::F64,
    }
}

/// Some rows of an array.
struct Rows<'a> {
    array: &'a Array<'a>,
    rows: Range<usize>,
    plan: &'a Plan,
    file: &'a str,
}

impl Rows<'_> {
    fn read<const N: usize, R: Raw<N>, T: Held>(self, block: &mut Block<T>) -> Result<(), Error> {
        let Self { array, rows, plan, file } = self;
        let (numbers, _) = array.bytes[array.offset..].as_chunks::<N>();
        let used = plan.roles.iter().copied().enumerate().filter(|(_, role)| *role != Role::Ignored);
        let used: Vec<(usize, Role, String)> = used.map(|(i, role)| (i, role, i.to_string())).collect();
        for row in rows {
            let first = block.features.len();
            block.features.append(plan.features);
            for &(column, role, ref name) in &used {
                let mut bytes = numbers[row * array.strides.0 + column * array.strides.1];
                if array.kind.big_endian {
                    bytes.reverse();
                }
                let raw = R::from_bytes(bytes);
                let place = Place { file, row: Row::Number(array.first + row), column, name };
                match role {
                    Role::Feature(feature) => {
                        block.features[first + feature] = match raw.to::<T>() {
                            Some(x) if x.double().is_finite() => x,
                            x => block.not_finite(raw.double(), x, &place)?,
                        };
                    }
                    Role::Label => block.labels.number(raw.double(), &place)?,
                    Role::SampleWeight => block.weight(raw.double(), &place)?,
                    Role::Ignored => {}
                    Role::Dropped => bail!("{file}: column {} has no name", column + 1),
                }
            }
        }
        Ok(())
    }
}

/// The header of a matrix that is about to be written; the numbers follow it, row after row. Its length is the
/// same for any shape: it can be written again once the number of rows is known.
///
/// # Errors
///
/// For `bf16`, which NumPy has no name for.
pub fn header(dtype: Dtype, rows: usize, cols: usize) -> Result<Vec<u8>, Error> {
    const LEN: usize = 128;
    let descr = match dtype {
        Dtype::I8 => "|i1",
        Dtype::U8 => "|u1",
        Dtype::Bf16 => bail!("a `.npy` cannot hold bf16; a `.safetensors` can"),
        Dtype::F16 => "<f2",
        Dtype::F32 => "<f4",
        Dtype::F64 => "<f8",
    };
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({rows}, {cols}), }}");
    let mut header = [&MAGIC[..], &[1, 0, (LEN - 10) as u8, 0], text.as_bytes()].concat();
    header.resize(LEN - 1, b' ');
    header.push(b'\n');
    Ok(header)
}

#[cfg(test)]
mod tests;
