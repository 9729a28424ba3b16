//! A data set with labels, in one file or several, and the model that is fitted to it.

mod arrays;
mod options;
mod read;
mod schema;
mod shards;
mod survey;

pub use self::arrays::Arrays;
use self::arrays::Beside;
pub use self::options::{DataOptions, Missing};
use self::schema::Schema;
pub use self::shards::{Plan, ShardRows, Take, Workers};
use self::survey::Survey;
use crate::data::npy::Array;
use crate::data::{Columns, FILL, Means, MissingCells, Numbers, Place, Row, Source};
use crate::error::{Context, Error};
use crate::features::Features;
use crate::files;
use crate::fit::{Fit, Options};
use crate::model::Model;
use crate::moments::{Failure, Fault};
use crate::number::{Dtype, Held, Number};
use crate::optimize::{Checkpoint, Each, Observer, Progress};
use crate::quantization::Quantization;
use crate::solve::{Begin, Start, solve};
use half::{bf16, f16};
use lanegrad::{Batch, Rows, Storage};
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::path::Path;

/// A table whose labels and sample weights were read and checked: in one file, or in several, which are the segments of
/// the data set; or in arrays in memory ([`of_arrays`](Self::of_arrays)). A model that is fitted to it depends on the
/// list of files, their order and the rows of each, and not on threads or machines: see [`lanegrad::PartialSum`].
///
/// Numbers of a `.npy` or `.safetensors` stay where they are mapped, if they are of the type that they are to be held in, and nothing
/// needs to be filled; so a data set may be larger than memory. Another program that shortens such a file meanwhile
/// ends this one with the signal `SIGBUS`.
pub struct DataSet<'a> {
    schema: Schema,
    nrows: usize,
    table: Tables<'a>,
    targets: Targets,
    filled: u64,
    copied: Option<Copied>,
    tag: u64,
}

/// The reason why a file that could be mapped is held in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Copied {
    /// Missing cells were filled.
    Filled,
    /// A column between the features, which is not used, has numbers that are not finite.
    Between,
}

/// The features, in the type that they are held in.
enum Tables<'a> {
    I8(Table<'a, i8>),
    U8(Table<'a, u8>),
    Bf16(Table<'a, bf16>),
    F16(Table<'a, f16>),
    F32(Table<'a, f32>),
    F64(Table<'a, f64>),
}

/// `for_table!(tables, table => expression)`: the expression, with the table in its type.
macro_rules! for_table {
    ($tables:expr, $table:ident => $e:expr) => {
        match $tables {
            Tables::I8($table) => $e,
            Tables::U8($table) => $e,
            Tables::Bf16($table) => $e,
            Tables::F16($table) => $e,
            Tables::F32($table) => $e,
            Tables::F64($table) => $e,
        }
    };
}

macro_rules! tables {
    ($($s:ident $variant:ident),+) => {
        $(impl<'a> From<Table<'a, $s>> for Tables<'a> {
            fn from(table: Table<'a, $s>) -> Self {
                Self::$variant(table)
            }
        })+
    };
}
tables!(i8 I8, u8 U8, bf16 Bf16, f16 F16, f32 F32, f64 F64);

/// The features of all files.
struct Table<'a, S> {
    /// The rows of files that are held in memory, one file after the other.
    held: Numbers<S>,
    /// Which numbers of a row are features: of a held row or, where it is mapped, of its window.
    layout: Features,
    files: Vec<File<'a>>,
}

/// A segment of the data set.
struct File<'a> {
    name: String,
    /// Its rows among all.
    rows: Range<usize>,
    /// The number of the first of them in the file, which messages count from: a part may begin further down.
    first: usize,
    memory: Memory<'a>,
}

/// Where the numbers of a file are.
#[derive(Debug)]
enum Memory<'a> {
    /// From this row of the held ones on.
    Held(usize),
    /// All columns of the file, or of the caller's array.
    Mapped(Array<'a>),
}

/// Labels and sample weights, in the type of the arithmetic.
enum Targets {
    F32(Vec<f32>, Option<Vec<f32>>),
    F64(Vec<f64>, Option<Vec<f64>>),
}

impl Targets {
    /// Labels and sample weights as they were read; there are none of the latter if no row has any.
    fn new(arithmetic: Dtype, labels: Vec<f64>, weights: Vec<f64>) -> Self {
        let some = |weights: Vec<f64>| Some(weights).filter(|weights| !weights.is_empty());
        let single = |numbers: Vec<f64>| numbers.into_iter().map(|x| x as f32).collect::<Vec<f32>>();
        match arithmetic {
            Dtype::F64 => Self::F64(labels, some(weights)),
            _ => Self::F32(single(labels), some(weights).map(single)),
        }
    }
}

impl DataSet<'static> {
    /// Reads files (see [`Source::open`](crate::data::Source::open)) for a fit, in this order. They have the same
    /// columns in the same order, and may be in different formats, where names are the same: the
    /// columns of an array are called by their numbers. Label coding, means of missing cells and sample
    /// weights are those of all of them. A file without rows is a segment without rows.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or is not in its format, is there twice, or has other columns than the first; a column
    /// is not there or has no name; a cell is not a number or not finite in the type that features are held in; a label
    /// or a sample weight is missing or out of its range; a cell is missing and not to be filled or its column has no
    /// number; there are not as many labels as rows; there are no rows; or the arithmetic is `f32` and features are to
    /// be held in
    /// `f64`.
    pub fn read<P: AsRef<Path>>(paths: &[P], options: &DataOptions) -> Result<Self, Error> {
        Self::read_watched(paths, options, |_, _| ControlFlow::Continue(()))
    }

    /// The same; from time to time `watch` is told the number of the file, from 0, and how many of its rows were read,
    /// and may end it.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read), and after a `Break`.
    pub fn read_watched<P: AsRef<Path>>(
        paths: &[P],
        options: &DataOptions,
        mut watch: impl FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Self, Error> {
        let paths: Vec<&Path> = paths.iter().map(AsRef::as_ref).collect();
        files::check(&paths, Some(&options.label))?;
        let (path, others) = paths.split_first().context("there is no file of data")?;
        let first = Source::open(path, &options.dialect)?;
        let dtype =
            read::dtype(options, first.dtype(), others.iter().map(|path| read::dtype_of(path, options)))?;
        let opened = others.iter().map(|path| Source::open(path, &options.dialect));
        let tables = [Ok(first)].into_iter().chain(opened).zip(0..);
        let beside = |number: usize| Beside::Files(options.label.files().get(number).cloned());
        let tables = tables.map(|(table, number)| Ok((table?, beside(number))));
        read::read(dtype, tables, options, &mut watch)
    }
}

impl<'a> DataSet<'a> {
    /// The number of rows.
    #[must_use]
    pub fn nrows(&self) -> usize {
        self.nrows
    }

    /// The number of rows of each file, in order.
    #[must_use]
    pub fn segments(&self) -> Vec<u64> {
        self.schema.segments.clone()
    }

    fn files(&self) -> &[File<'a>] {
        for_table!(&self.table, table => &table.files)
    }

    /// The type that the features are held in.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.schema.dtype
    }

    /// The bytes that a pass over the rows reads, but for labels and sample weights.
    #[must_use]
    pub fn pass_bytes(&self) -> usize {
        let width = for_table!(&self.table, table => table.layout.width);
        self.nrows * width * self.dtype().bytes()
    }

    /// The columns by their use.
    #[must_use]
    pub fn columns(&self) -> &Columns {
        &self.schema.columns
    }

    /// True where labels are -1 or +1, of which -1 stands for 0.
    #[must_use]
    pub fn has_signed_labels(&self) -> bool {
        self.schema.signed
    }

    /// The number of missing cells that were filled.
    #[must_use]
    pub fn filled(&self) -> u64 {
        self.filled
    }

    /// What the numbers of the features stand for, where they are quantised.
    #[must_use]
    pub fn quantization(&self) -> Option<&Quantization> {
        self.schema.quantization.as_ref()
    }

    /// The reason why a file that could be mapped is held in memory instead: of the first such one.
    #[must_use]
    pub fn copied(&self) -> Option<Copied> {
        self.copied
    }

    /// A tag of the data set, which tells it from others: a hash of the rows of each file, and of all that changes a
    /// row: the columns and their use, the coding of labels, what missing cells are filled with, and the types that
    /// numbers are held in and computed with. Not of the names of files, nor of the numbers in them: the same files
    /// elsewhere have the same tag. It is the same on every machine.
    #[must_use]
    pub fn tag(&self) -> u64 {
        self.tag
    }

    /// Fits a model. `observe` is called after each iteration. It runs on the threads of the caller's rayon pool.
    ///
    /// # Errors
    ///
    /// If an option is out of its range, a number is not finite (the error names its place), or the objective or
    /// a weight does not stay finite.
    pub fn fit(&self, options: &Options, observe: impl FnMut(&Progress)) -> Result<(Model, Fit), Error> {
        self.fit_with(options, None, &mut Each(observe))
    }

    /// Fits a model, or goes on with a fit from a checkpoint, and ends as that would have ended, to the bit. The
    /// observer hears of every pass and iteration, and can ask for checkpoints and end the fit.
    ///
    /// # Errors
    ///
    /// Those of [`fit`](Self::fit), and if the checkpoint is of another fit.
    pub fn fit_with(
        &self,
        options: &Options,
        resume: Option<Checkpoint>,
        observer: &mut dyn Observer,
    ) -> Result<(Model, Fit), Error> {
        let begin = resume.map_or(Begin::AtZero, |state| Begin::Resume(Box::new(state)));
        let start = Start { options, quantization: self.schema.quantization.as_ref(), tag: self.tag, begin };
        let fit = self.visit(Solve { set: self, start, observer })?;
        let model = self.schema.model(&fit, options)?;
        Ok((model, fit))
    }

    /// Shows the rows to a visitor, in the types that they are in.
    fn visit<V: Visitor>(&self, visitor: V) -> Result<V::Out, Error> {
        match (&self.table, &self.targets) {
            (Tables::F64(_), Targets::F32(..)) => Err(Error::new(read::TOO_WIDE)),
            (Tables::F64(x), Targets::F64(y, s)) => self.show(x, y, s.as_deref(), visitor),
            (Tables::F32(x), targets) => self.show_small(x, targets, visitor),
            (Tables::F16(x), targets) => self.show_small(x, targets, visitor),
            (Tables::Bf16(x), targets) => self.show_small(x, targets, visitor),
            (Tables::U8(x), targets) => self.show_small(x, targets, visitor),
            (Tables::I8(x), targets) => self.show_small(x, targets, visitor),
        }
    }

    /// Shows rows that go with either arithmetic.
    fn show_small<S: Held + Storage<f32>, V: Visitor>(
        &self,
        table: &Table<'_, S>,
        targets: &Targets,
        visitor: V,
    ) -> Result<V::Out, Error> {
        match targets {
            Targets::F32(y, s) => self.show(table, y, s.as_deref(), visitor),
            Targets::F64(y, s) => self.show(table, y, s.as_deref(), visitor),
        }
    }

    fn show<S: Held + Storage<T>, T: Number, V: Visitor>(
        &self,
        table: &Table<'_, S>,
        labels: &[T],
        sample_weights: Option<&[T]>,
        visitor: V,
    ) -> Result<V::Out, Error> {
        let mut segments = Vec::with_capacity(table.files.len());
        for file in &table.files {
            let batch = Batch::new(table.rows(file, self.schema.names.len())?, &labels[file.rows.clone()])?;
            segments.push(match sample_weights {
                Some(weights) => batch.with_sample_weights(&weights[file.rows.clone()])?,
                None => batch,
            });
        }
        visitor.visit(&segments, table)
    }

    /// The error of a column that cannot be computed with.
    fn not_usable<S: Held>(&self, table: &Table<'_, S>, column: usize, fault: Fault) -> Error {
        let Fault::NotFinite { segment, row, number } = fault else {
            let all = files::all_of(table.files.iter().map(|file| &*file.name));
            return Error::new(format!("{}: {}", self.schema.place(&all, column), fault.words()));
        };
        let file = &table.files[segment];
        if let (Memory::Mapped(array), true) = (&file.memory, number.is_nan()) {
            let survey = Survey { array, file: &file.name, columns: &self.schema.columns };
            let (mut missing, mut means) = (MissingCells::default(), Means::new(0));
            return match survey.run::<S>(
                array.numbers().unwrap_or_default(),
                |_| 1.0,
                &mut missing,
                &mut means,
            ) {
                Ok(_) => Error::new(refused(&file.name, &missing)),
                Err(error) => error,
            };
        }
        let (row, name) = (Row::Number(file.first + row), &self.schema.names[column]);
        let place = Place { file: &file.name, row, column, name };
        Error::new(format!("{place}: {}", fault.words()))
    }
}

/// Who looks at the rows of a data set.
trait Visitor {
    type Out;

    /// The rows of each file, and the table that they are in.
    fn visit<S: Held + Storage<T>, T: Number>(
        self,
        segments: &[Batch<'_, S, T>],
        table: &Table<'_, S>,
    ) -> Result<Self::Out, Error>;
}

/// A fit.
struct Solve<'a, 's, 'o> {
    set: &'a DataSet<'s>,
    start: Start<'a>,
    observer: &'o mut dyn Observer,
}

impl Visitor for Solve<'_, '_, '_> {
    type Out = Fit;

    fn visit<S: Held + Storage<T>, T: Number>(
        self,
        segments: &[Batch<'_, S, T>],
        table: &Table<'_, S>,
    ) -> Result<Fit, Error> {
        let Self { set, start, observer } = self;
        solve(segments, &table.layout, start, observer).map_err(|failure| match failure {
            Failure::Feature(feature, fault) => {
                set.not_usable(table, set.schema.columns.features[feature], fault)
            }
            Failure::Other(error) => error,
        })
    }
}

impl<S: Held> Table<'_, S> {
    /// The rows of a file of so many columns.
    fn rows<'r>(&'r self, file: &'r File<'_>, ncols: usize) -> Result<Rows<'r, S>, Error> {
        match &file.memory {
            Memory::Held(first) => {
                let width = self.layout.width;
                let numbers = &self.held[first * width..(first + file.rows.len()) * width];
                Ok(Rows::new(numbers, file.rows.len(), width)?)
            }
            Memory::Mapped(array) => self.layout.rows(array.numbers().unwrap_or_default(), ncols),
        }
    }
}

/// The table's shape and the columns, without their numbers.
impl fmt::Debug for DataSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<&str> = self.files().iter().map(|file| &*file.name).collect();
        f.debug_struct("DataSet")
            .field("files", &files)
            .field("nrows", &self.nrows)
            .field("columns", &self.schema.columns)
            .finish_non_exhaustive()
    }
}

/// The message about missing cells that are not to be filled.
fn refused(file: &str, missing: &MissingCells) -> String {
    format!("{file}: {}; {FILL}", missing.describe())
}

#[cfg(test)]
mod tests;
