//! `Plan`: which rows make up each shard, and how they are read.

use crate::data::safetensors::split;
use crate::data::{Columns, Label, Source, check_count, name};
use crate::dataset::options::DataOptions;
use crate::dataset::read::{columns, dtype, is_mapped};
use crate::error::{Context, Error, ensure};
use crate::features::Features;
use crate::files::{self, Heading, all_of, check_columns};
use crate::number::{Dtype, for_dtype};
use crate::quantization::Quantization;
use lanegrad::{Extent, chunk_rows};
use serde::{Deserialize, Serialize};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The version of lanegrad, which a driver and its workers share.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Which rows of a data set make up each shard: whole files or, where all are arrays, parts of them too. A model that is
/// fitted to the shards ([`fit`](Self::fit)) has the bytes of the one that is fitted to the data set in one place
/// ([`DataSet::fit`](crate::DataSet::fit)), however many shards there are.
///
/// Whoever can open the files makes the plan, and the driver gets it as bytes; a worker is told of its shard by a
/// [recipe](Self::recipe).
///
/// ```
/// use lanegrad_fit::data::Label;
/// use lanegrad_fit::{DataOptions, DataSet, Error, Options, Plan, ShardRows, Take, Workers};
/// use std::ops::Range;
///
/// /// All workers in one place; those of a cluster would send bytes.
/// struct Here(Vec<ShardRows>);
///
/// impl Workers for Here {
///     fn ask(
///         &mut self,
///         question: &[u8],
///         shards: Range<usize>,
///         take: Take<'_>,
///     ) -> Result<(), Error> {
///         for shard in shards.rev() {
///             take(shard, &self.0[shard].answer(question)?)?;
///         }
///         Ok(())
///     }
/// }
///
/// # let directory = std::env::temp_dir().join(format!("lanegrad-plan-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// let paths = ["a", "b"].map(|name| directory.join(format!("{name}.csv")));
/// std::fs::write(&paths[0], "x,y\n1,1\n2,0\n3,1\n0,0\n")?;
/// std::fs::write(&paths[1], "x,y\n2,1\n1,0\n")?;
/// let options = DataOptions::new(Label::Column("y".to_owned()));
///
/// let plan = Plan::of_files(&paths, &options, 2)?;
/// let shards = (0..plan.shards()).map(|shard| ShardRows::read(&plan.recipe(shard)?));
/// let mut workers = Here(shards.collect::<Result<_, Error>>()?);
/// let (model, _) = plan.fit(&Options::default(), None, &mut workers, &mut ())?;
/// assert_eq!(model, DataSet::read(&paths, &options)?.fit(&Options::default(), |_| {})?.0);
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    lanegrad: String,
    /// The names of the files of data, and of labels.
    files: [Vec<String>; 2],
    layout: Layout,
    shards: Vec<Vec<Piece>>,
}

/// How rows are read and laid out, in every shard alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Layout {
    /// The names of all columns.
    pub(super) names: Vec<String>,
    /// What their numbers stand for.
    #[serde(default)]
    pub(super) quantization: Option<Quantization>,
    /// Of which the type of the features is known, and files of labels are named in pieces.
    pub(super) options: DataOptions,
    /// True where rows have the columns between the features too, as those of mapped files have them.
    pub(super) is_window: bool,
}

impl Layout {
    /// Refuses what does not hold together.
    fn check(&self) -> Result<(), Error> {
        self.quantization.iter().try_for_each(|quantization| quantization.check(self.names.len()))
    }

    /// The columns that all files have.
    pub(super) fn heading<'a>(&'a self, file: &'a str) -> Heading<'a> {
        Heading { file, names: &self.names, quantization: self.quantization.as_ref() }
    }

    /// The features in a row.
    pub(super) fn features(&self, columns: &Columns) -> Result<Features, Error> {
        if self.is_window {
            Features::new(&columns.features)
        } else {
            Ok(Features::all(columns.features.len()))
        }
    }

    /// The number of rows of a chunk.
    fn chunk_rows(&self, columns: &Columns) -> Result<usize, Error> {
        let width = self.features(columns)?.width;
        Ok(match self.options.arithmetic {
            Dtype::F64 => chunk_rows::<f64>(width),
            _ => chunk_rows::<f32>(width),
        })
    }
}

/// Rows of one segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Piece {
    /// The file, and that of its labels; rows in memory have none.
    pub(super) file: Option<PathBuf>,
    pub(super) labels: Option<PathBuf>,
    pub(super) segment: u64,
    /// The rows; all, where nothing is said.
    pub(super) rows: Option<Range<usize>>,
    pub(super) ends_segment: bool,
}

/// What a worker is told of a shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Recipe {
    lanegrad: String,
    pub(super) layout: Layout,
    pub(super) pieces: Vec<Piece>,
    /// True where the data set ends with this shard.
    pub(super) ends_data: bool,
}

impl Recipe {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        check_version(bytes)?;
        let recipe: Self = serde_json::from_slice(bytes).context("it is no recipe of a shard")?;
        recipe.layout.check()?;
        Ok(recipe)
    }
}

/// Refuses what another version of lanegrad wrote: its sums would have other bits.
fn check_version(bytes: &[u8]) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Version {
        lanegrad: String,
    }
    let Version { lanegrad } = serde_json::from_slice(bytes).context("it is neither a plan nor a recipe")?;
    ensure!(
        lanegrad == VERSION,
        "it is of lanegrad {lanegrad}, and this is {VERSION}: all must have the same"
    );
    Ok(())
}

/// What is known of a file before its rows are read.
struct Opened {
    /// The number of rows, of an array.
    nrows: Option<usize>,
    /// The bytes that are held of it, or about as many.
    size: u64,
    /// The type that it asks for, and the one that its numbers can be mapped as.
    dtype: Dtype,
    mapped: Option<Dtype>,
}

impl Opened {
    fn of(source: &Source<'_>, path: &Path) -> Result<Self, Error> {
        let dtype = source.dtype();
        let mapped = for_dtype!(dtype, S => is_mapped::<S>(source)).then_some(dtype);
        let size = match source.array() {
            Some(array) => (array.nrows() * array.ncols() * array.dtype().bytes()) as u64,
            None => fs::metadata(path).with_context(|| format!("cannot read {}", name(path)))?.len(),
        };
        let nrows = source.array().map(|array| array.nrows());
        Ok(Self { nrows, size: size.max(1), dtype, mapped })
    }
}

impl Plan {
    /// The plan of files, as [`DataSet::read`](crate::DataSet::read) takes them, for at most so many shards of about the
    /// same size. Of each file no more is read than what says which columns it has. Where all files, and those of labels,
    /// are arrays, shards may begin within a file.
    ///
    /// # Errors
    ///
    /// If `shards` is 0, a path is no file or cannot be opened or is there twice, columns are not the same in all files
    /// or not there, a path is no text in Unicode, or there are no rows.
    pub fn of_files<P: AsRef<Path>>(
        paths: &[P],
        options: &DataOptions,
        shards: usize,
    ) -> Result<Self, Error> {
        ensure!(shards > 0, "the number of shards is 0");
        let paths: Vec<&Path> = paths.iter().map(AsRef::as_ref).collect();
        files::check(&paths, Some(&options.label))?;
        for path in paths.iter().copied().chain(options.label.files().iter().map(PathBuf::as_path)) {
            let metadata =
                fs::metadata(split(path).0).with_context(|| format!("cannot read {}", name(path)))?;
            ensure!(metadata.is_file(), "{} is no file: shards are read from files", name(path));
            ensure!(path.to_str().is_some(), "{} is no text in Unicode", name(path));
        }
        let mut first: Option<Source<'_>> = None;
        let mut opened = Vec::with_capacity(paths.len());
        for path in &paths {
            let source = Source::open(path, &options.dialect)?;
            if let Some(first) = &first {
                check_columns(Heading::of(first), &source)?;
            }
            opened.push(Opened::of(&source, path)?);
            first.get_or_insert(source);
        }
        let first = first.context("there is no file of data")?;
        let (names, quantization) = (first.names().to_vec(), first.quantization().cloned());
        let columns = columns(options, first.file(), &names)?;
        let others = opened.iter().skip(1).map(|file| Ok(file.dtype));
        let dtype = dtype(options, opened[0].dtype, others)?;
        let is_window = opened.iter().any(|file| file.mapped == Some(dtype));
        let mut nrows: Option<Vec<u64>> = opened.iter().map(|file| file.nrows.map(|n| n as u64)).collect();
        for ((label, path), file) in options.label.files().iter().zip(&paths).zip(&opened) {
            let labels = Source::open_any(label, &options.dialect)?;
            match (labels.array(), file.nrows) {
                (Some(array), Some(nrows)) => {
                    check_count("labels", array.nrows(), labels.file(), nrows, &name(path))?;
                }
                (Some(_), None) => {}
                (None, _) => nrows = None,
            }
        }

        let names_of = |paths: &mut dyn Iterator<Item = &Path>| paths.map(name).collect::<Vec<_>>();
        let files = [
            names_of(&mut paths.iter().copied()),
            names_of(&mut options.label.files().iter().map(PathBuf::as_path)),
        ];
        let piece = |segment: usize, rows, ends_segment| Piece {
            file: Some(paths[segment].to_owned()),
            labels: options.label.files().get(segment).cloned(),
            segment: segment as u64,
            rows,
            ends_segment,
        };
        let mut layout = Layout { names, quantization, options: options.clone(), is_window };
        layout.options.dtype = Some(dtype);
        if let Label::Files(files) = &mut layout.options.label {
            files.clear();
        }
        let shards: Vec<Vec<Piece>> = match nrows {
            Some(nrows) => {
                let all = all_of(files[0].iter());
                ensure!(nrows.iter().any(|&rows| rows > 0), "{all} {} no rows", has(paths.len()));
                cut(&Extent::of_segments(nrows), layout.chunk_rows(&columns)?, shards, piece)
            }
            None => {
                let sizes: Vec<u64> = opened.iter().map(|file| file.size).collect();
                let groups = groups(&sizes, shards);
                groups.into_iter().map(|files| files.map(|i| piece(i, None, true)).collect()).collect()
            }
        };
        Ok(Self { lanegrad: VERSION.to_owned(), files, layout, shards })
    }

    /// The plan of an array in memory of these columns, in pieces that are somewhere: see [`rows`](Self::rows). It has
    /// numbers of type `numbers`. Labels are in a column, or in an array of their own.
    ///
    /// # Errors
    ///
    /// If there are no rows, `shards` is 0, or columns are not there.
    pub fn of_array(
        nrows: usize,
        names: &[String],
        numbers: Dtype,
        options: &DataOptions,
        shards: usize,
    ) -> Result<Self, Error> {
        ensure!(shards > 0, "the number of shards is 0");
        ensure!(nrows > 0, "data has no rows");
        ensure!(options.label.files().is_empty(), "labels of arrays are in a column or in arrays");
        let columns = columns(options, "data", names)?;
        let held = dtype(options, numbers, [])?;
        let mut layout = Layout {
            names: names.to_vec(),
            quantization: None,
            options: options.clone(),
            is_window: numbers == held,
        };
        layout.options.dtype = Some(held);
        let piece = |segment: usize, rows, ends_segment| Piece {
            file: None,
            labels: None,
            segment: segment as u64,
            rows,
            ends_segment,
        };
        let shards = cut(&Extent::of_rows(nrows as u64), layout.chunk_rows(&columns)?, shards, piece);
        Ok(Self {
            lanegrad: VERSION.to_owned(),
            files: [vec!["data".to_owned()], Vec::new()],
            layout,
            shards,
        })
    }

    /// The number of shards.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The rows of a shard of an array in memory; none, where there is no such shard.
    #[must_use]
    pub fn rows(&self, shard: usize) -> Range<usize> {
        let pieces = self.shards.get(shard).into_iter().flatten();
        pieces.filter_map(|piece| piece.rows.clone()).next().unwrap_or(0..0)
    }

    /// What a worker is told of a shard: see [`ShardRows::read`](crate::ShardRows::read).
    ///
    /// # Errors
    ///
    /// If there is no such shard.
    pub fn recipe(&self, shard: usize) -> Result<Vec<u8>, Error> {
        let pieces = self.shards.get(shard).with_context(|| format!("there is no shard {shard}"))?;
        let (lanegrad, layout) = (self.lanegrad.clone(), self.layout.clone());
        let ends_data = shard + 1 == self.shards.len();
        let recipe = Recipe { lanegrad, layout, pieces: pieces.clone(), ends_data };
        serde_json::to_vec(&recipe).context("the recipe cannot be written")
    }

    /// A shard in words, for messages: its files, and rows of them.
    #[must_use]
    pub fn describe(&self, shard: usize) -> String {
        const SOME: usize = 3;
        let pieces = self.shards.get(shard).map_or(&[][..], Vec::as_slice);
        let some = pieces.iter().take(SOME).map(|piece| {
            let file = self.files[0].get(piece.segment as usize).map_or("", String::as_str);
            match &piece.rows {
                Some(rows) if rows.start < rows.end => {
                    format!("{file} (rows {} to {})", rows.start + 1, rows.end)
                }
                _ => file.to_owned(),
            }
        });
        let some = some.collect::<Vec<_>>().join(", ");
        match pieces.len().saturating_sub(SOME) {
            0 => format!("shard {shard}: {some}"),
            more => format!("shard {shard}: {some} and {more} more"),
        }
    }

    /// The paths of the files of data and labels, of which one that is cut is there more than once.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let pieces = self.shards.iter().flatten();
        pieces.flat_map(|piece| [&piece.file, &piece.labels]).filter_map(Option::as_deref)
    }

    /// The plan as bytes.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).context("the plan cannot be written")
    }

    /// Reads what [`to_bytes`](Self::to_bytes) made.
    ///
    /// # Errors
    ///
    /// If it is no plan, or that of another version of lanegrad.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        check_version(bytes)?;
        let plan: Self = serde_json::from_slice(bytes).context("it is no plan")?;
        let known = plan.segments() as u64;
        let mut pieces = plan.shards.iter().flatten();
        ensure!(pieces.all(|piece| piece.segment < known), "it is of files that it does not name");
        Ok(plan)
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The name of the data in messages.
    pub(super) fn all(&self) -> String {
        all_of(self.files[0].iter())
    }

    /// The name of the files of labels in messages; `None` if there are none.
    pub(super) fn all_labels(&self) -> Option<String> {
        Some(all_of(self.files[1].iter())).filter(|names| !names.is_empty())
    }

    /// The number of segments.
    pub(super) fn segments(&self) -> usize {
        self.files[0].len()
    }

    /// The pieces of a shard.
    pub(super) fn pieces(&self, shard: usize) -> &[Piece] {
        &self.shards[shard]
    }
}

/// The verb of a message about so many files.
pub(super) fn has(files: usize) -> &'static str {
    if files == 1 { "has" } else { "have" }
}

/// Segments of known numbers of rows, cut where the summation trees divide.
fn cut(
    extent: &Extent,
    chunk_rows: usize,
    shards: usize,
    piece: impl Fn(usize, Option<Range<usize>>, bool) -> Piece,
) -> Vec<Vec<Piece>> {
    let of = |of: &lanegrad::Piece| {
        let rows = of.rows.start as usize..of.rows.end as usize;
        piece(of.segment as usize, Some(rows), of.ends_segment)
    };
    extent.plan(chunk_rows, shards).iter().map(|shard| shard.pieces().iter().map(of).collect()).collect()
}

/// Neighbours among files of these sizes, in at most so many groups of about the same size.
fn groups(sizes: &[u64], most: usize) -> Vec<Range<usize>> {
    let total: u128 = sizes.iter().map(|&size| u128::from(size)).sum();
    let mut before = 0;
    // A file belongs where its middle is.
    let place = sizes.iter().map(|&size| {
        let middle = 2 * before + u128::from(size);
        before += u128::from(size);
        middle * most as u128 / (2 * total)
    });
    let places: Vec<u128> = place.collect();
    let mut start = 0;
    let group = |same: &[u128]| {
        start += same.len();
        start - same.len()..start
    };
    places.chunk_by(|a, b| a == b).map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::groups;

    #[test]
    fn files_are_in_groups_of_about_the_same_size() {
        assert_eq!(groups(&[1; 6], 3), [0..2, 2..4, 4..6]);
        assert_eq!(groups(&[1; 3], 5).len(), 3);
        assert_eq!(groups(&[100, 1, 1, 1, 100], 2), [0..2, 2..5]);
        assert_eq!(groups(&[5], 4).len(), 1);
        assert_eq!(groups(&[u64::MAX; 3], 1)[0], 0..3);
        for most in 1..9 {
            let groups = groups(&[7, 1, 30, 2, 2, 9, 4], most);
            assert!(groups.len() <= most && !groups.is_empty());
            assert_eq!(groups.into_iter().flatten().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
        }
    }
}
