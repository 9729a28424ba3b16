//! A file whose rows are read one after the other, in any of the formats.

use super::block::Block;
use super::columns::{Plan, unnamed};
use super::csv::{self, Dialect};
use super::format::{Format, peek};
#[cfg(feature = "parquet")]
use super::parquet;
use super::{name, npy, safetensors};
use crate::error::{Context, Error, bail, ensure};
use crate::number::{Dtype, Held};
use crate::quantization::Quantization;
use flate2::read::MultiGzDecoder;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

/// A table in a file, whose rows are read one after the other; or one in memory, as if it were in a file.
pub struct Source<'a> {
    file: String,
    names: Vec<String>,
    /// True if the names came with the table.
    has_names: bool,
    quantization: Option<Quantization>,
    rows: Rows<'a>,
}

enum Rows<'a> {
    Csv(Box<csv::Reader<Box<dyn Read + Send>>>),
    /// A NumPy file, and the number of its rows that were read.
    Npy(npy::Array<'a>, usize),
    #[cfg(feature = "parquet")]
    Parquet(Box<parquet::Reader>),
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("file", &self.file).field("names", &self.names).finish_non_exhaustive()
    }
}

impl<'a> Source<'a> {
    /// A table in memory, of which `name` is a name for messages, with the names of its columns or, as a `.npy` has none,
    /// without.
    ///
    /// # Errors
    ///
    /// If there is not a name for each column.
    pub fn of_array(name: &str, array: npy::Array<'a>, names: Option<&[String]>) -> Result<Self, Error> {
        let ncols = array.ncols();
        let named = names.map_or(ncols, <[String]>::len);
        ensure!(named == ncols, "{name} has {ncols} columns, and there are {named} names");
        Ok(Self {
            file: name.to_owned(),
            has_names: names.is_some(),
            names: names.map_or_else(|| unnamed(ncols), <[String]>::to_vec),
            quantization: None,
            rows: Rows::Npy(array, 0),
        })
    }

    /// Some of the rows of an array, which keep their numbers in messages.
    ///
    /// # Errors
    ///
    /// If they are not there, or the table is no array.
    pub(crate) fn slice(self, rows: Range<usize>) -> Result<Self, Error> {
        let Self { file, names, has_names, quantization, rows: Rows::Npy(array, 0) } = self else {
            bail!("{} is read as a whole", self.file)
        };
        let array = array.slice(rows).with_context(|| format!("cannot read {file}"))?;
        Ok(Self { file, names, has_names, quantization, rows: Rows::Npy(array, 0) })
    }
}

impl Source<'static> {
    /// Opens a file in the format that its first bytes tell: NumPy's `.npy`, `.safetensors` ([`safetensors`] says how its
    /// tensors are named), Parquet (with the feature `parquet`), or CSV, which may be compressed with gzip. `-` is
    /// standard input, for CSV. A file that is called `.npy`, `.safetensors` or `.parquet` must be what its name says.
    /// The dialect is that of CSV.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is in none of these formats or not in that of its name, or has no table: an array of
    /// one dimension is none.
    pub fn open(path: &Path, dialect: &Dialect) -> Result<Self, Error> {
        let source = Self::open_any(path, dialect)?;
        let vector = source.array().is_some_and(npy::Array::is_vector);
        ensure!(!vector, "cannot read {}: it has one dimension, and is not a matrix", source.file);
        Ok(source)
    }

    /// Opens a file; an array of one dimension is a table of one column.
    pub(crate) fn open_any(path: &Path, dialect: &Dialect) -> Result<Self, Error> {
        let file = name(path);
        let context = || format!("cannot read {file}");
        if path.as_os_str() == "-" {
            let (start, input) = peek(std::io::stdin()).with_context(context)?;
            return Self::of_stream(&start, Box::new(input), None, file, dialect);
        }
        let (path, tensor) = safetensors::split(path);
        let mut input = File::open(path).with_context(context)?;
        let metadata = input.metadata().with_context(context)?;
        let (start, peeked) = peek(&input).with_context(context)?;
        drop(peeked);
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let by_name = match extension.to_ascii_lowercase().as_str() {
            "npy" => Some(Format::Npy),
            "safetensors" => Some(Format::Safetensors),
            "parquet" => Some(Format::Parquet),
            _ => None,
        };
        let format = Format::of(&start, &file)?;
        if let Some(by_name) = by_name.filter(|&by_name| by_name != format) {
            let instead =
                if format == Format::Text { String::new() } else { format!(", but {}", format.name()) };
            bail!("cannot read {file}: it is not {}{instead}", by_name.name());
        }
        ensure!(
            tensor.is_none() || format == Format::Safetensors,
            "cannot read {file}: {} is no file of safetensors, which have names",
            name(path)
        );
        if !metadata.is_file() {
            // A pipe, say, which is read once.
            let input = std::io::Cursor::new(start.clone()).chain(input);
            return Self::of_stream(&start, Box::new(input), None, file, dialect);
        }
        match format {
            Format::Npy => {
                let array = npy::Array::map(&input).with_context(context)?;
                let quantization = beside(path, array.ncols())?;
                safetensors::check_quantized(quantization.as_ref(), array.dtype()).with_context(|| {
                    format!("cannot read {file} with {}", path_of_scaling(path).display())
                })?;
                Ok(Self { quantization, ..Self::of_array(&file, array, None)? })
            }
            Format::Safetensors => {
                let found = npy::map(&input).and_then(|map| safetensors::array(map, tensor));
                let (array, quantization) = found.with_context(context)?;
                Ok(Self { quantization, ..Self::of_array(&file, array, None)? })
            }
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                let reader = parquet::Reader::new(input, &file)?;
                let names = reader.names().to_vec();
                Ok(Self {
                    names,
                    has_names: true,
                    file,
                    quantization: None,
                    rows: Rows::Parquet(Box::new(reader)),
                })
            }
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => {
                bail!("{}: it is a Parquet file, and this build is without the feature `parquet`", context())
            }
            Format::Text | Format::Gzip => {
                input.rewind().with_context(context)?;
                Self::of_stream(&start, Box::new(input), Some(metadata.len()), file, dialect)
            }
        }
    }

    /// The table of a stream with these first bytes, which is read once.
    fn of_stream(
        start: &[u8],
        input: Box<dyn Read + Send>,
        size: Option<u64>,
        file: String,
        dialect: &Dialect,
    ) -> Result<Self, Error> {
        let (input, size): (Box<dyn Read + Send>, _) = match Format::of(start, &file)? {
            Format::Text => (input, size),
            Format::Gzip => {
                let unpacked = MultiGzDecoder::new(input);
                let (start, unpacked) = peek(unpacked).with_context(|| format!("cannot unpack {file}"))?;
                let format = Format::of(&start, &format!("what {file} holds"))?;
                ensure!(
                    format == Format::Text,
                    "what {file} holds is {}: unpack it with `gzip -d`",
                    format.name()
                );
                (Box::new(unpacked), None)
            }
            other => bail!("{file} is {}, which must be a file: it is not read from a pipe", other.name()),
        };
        let reader = csv::Reader::new(input, size, &file, dialect)?;
        let names = reader.names().to_vec();
        Ok(Self { names, has_names: true, file, quantization: None, rows: Rows::Csv(Box::new(reader)) })
    }
}

impl<'a> Source<'a> {
    /// The file's name in messages.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The names of the columns; their numbers from 0 if the file has no names. A name in a file may be empty.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// True if the names are in the file, or were given.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.has_names
    }

    /// What the numbers of the columns stand for, if the file says that they are quantised.
    #[must_use]
    pub fn quantization(&self) -> Option<&Quantization> {
        self.quantization.as_ref()
    }

    /// The array, if the file is a `.npy` or a `.safetensors`, or the table is in memory.
    #[must_use]
    pub fn array(&self) -> Option<&npy::Array<'a>> {
        match &self.rows {
            Rows::Npy(array, _) => Some(array),
            _ => None,
        }
    }

    /// The same, to keep.
    pub(crate) fn into_array(self) -> Option<npy::Array<'a>> {
        match self.rows {
            Rows::Npy(array, _) => Some(array),
            _ => None,
        }
    }

    /// The type that its numbers are held in, unless another is asked for: that of an array's numbers, if rows can be
    /// held in it, else `f64`.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.array().map_or(Dtype::F64, npy::Array::dtype)
    }

    /// Appends at most `rows` more rows to `block`, and returns their number; 0 at the end. The plan is for as many
    /// columns as there are names, and the same each time.
    ///
    /// # Errors
    ///
    /// If the file cannot be read on, or a cell is not what the plan needs. A part of these rows may have been
    /// appended.
    pub fn read<T: Held>(&mut self, plan: &Plan, rows: usize, block: &mut Block<T>) -> Result<usize, Error> {
        match &mut self.rows {
            Rows::Csv(reader) => reader.read(plan, rows, block),
            Rows::Npy(array, done) => {
                let next = *done..array.nrows().min(done.saturating_add(rows));
                array.read(next.clone(), plan, &self.file, block)?;
                *done = next.end;
                Ok(next.len())
            }
            #[cfg(feature = "parquet")]
            Rows::Parquet(reader) => reader.read(plan, rows, block),
        }
    }

    /// Appends all rows that were not read yet, and returns their number. `watch` is told how many were read, and may end
    /// it.
    pub(crate) fn read_all<T: Held>(
        &mut self,
        plan: &Plan,
        block: &mut Block<T>,
        watch: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<usize, Error> {
        let mut rows = 0;
        loop {
            ensure!(watch(rows).is_continue(), "the reading of {} was ended", self.file);
            let read = self.read(plan, super::ROWS_AT_A_TIME, block)?;
            if read == 0 {
                return Ok(rows);
            }
            rows += read;
            if rows == read {
                // So that the numbers need not be moved while they grow in number. If there is not enough memory for
                // the estimate, there may still be enough for the numbers.
                let more = self.rows_expected().unwrap_or(0).saturating_sub(rows);
                let _ = block.features.try_reserve(more.saturating_mul(plan.features));
            }
        }
    }

    /// An estimate of the number of rows in the file; `None` if nothing is known of it.
    #[must_use]
    pub fn rows_expected(&self) -> Option<usize> {
        match &self.rows {
            Rows::Csv(reader) => reader.rows_expected(),
            Rows::Npy(array, _) => Some(array.nrows()),
            #[cfg(feature = "parquet")]
            Rows::Parquet(reader) => Some(reader.rows_expected()),
        }
    }
}

/// The file with what the numbers of a `.npy` stand for (see [`Quantization`]), as it is written: beside the file itself,
/// where the path is a link.
#[must_use]
pub fn path_of_scaling(path: &Path) -> PathBuf {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let file = std::fs::canonicalize(path).ok().filter(|_| is_link);
    with_scaling_name(file.as_deref().unwrap_or(path))
}

fn with_scaling_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".scaling.json");
    name.into()
}

/// The files that the table of a path is read from: without the name of a tensor, and with what its numbers stand for.
#[must_use]
pub fn files_of(path: &Path) -> Vec<PathBuf> {
    let file = safetensors::split(path).0;
    let scalings = paths_of_scaling(file).into_iter().filter(|scaling| scaling.is_file());
    [file.to_owned()].into_iter().chain(scalings).collect()
}

/// Where it may be: beside the path as it is given, and beside the file that it leads to.
fn paths_of_scaling(path: &Path) -> [PathBuf; 2] {
    [with_scaling_name(path), path_of_scaling(path)]
}

/// What the numbers of a file stand for, if there is a file that says so.
fn beside(path: &Path, ncols: usize) -> Result<Option<Quantization>, Error> {
    let read = |path: &Path| {
        let context = || format!("cannot read {}", name(path));
        match std::fs::read(path) {
            Ok(text) => Quantization::from_json(&text, ncols).map(Some).with_context(context),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(context),
        }
    };
    let [given, own] = paths_of_scaling(path);
    match (read(&given)?, read(&own)?) {
        (Some(a), Some(b)) if a != b => bail!("{} and {} say different things", name(&given), name(&own)),
        (a, b) => Ok(a.or(b)),
    }
}

#[cfg(test)]
mod tests;
