//! `ShardRows`: the rows of a shard, which answer questions.

use super::plan::{Piece, Recipe};
use super::question::{About, Mark, Question, Survey, Whole, answer_numbers};
use crate::data::npy::Array;
use crate::data::{Means, Source};
use crate::dataset::arrays::{Arrays, Beside};
use crate::dataset::read::Read;
use crate::dataset::{DataSet, Table, Tables, Visitor};
use crate::error::{Context, Error, bail, ensure};
use crate::files::check_columns;
use crate::number::{Dtype, Held, Number, for_dtype};
use crate::passes::InMemory;
use lanegrad::{
    Batch, DeviationsStream, Engine, GradientStream, Params, Place, Storage, SumStream, Summand, Total,
};
use std::fmt;
use std::ops::ControlFlow;

/// The rows of a shard, as a worker holds them. They answer the questions of a driver ([`Plan::fit`](crate::Plan::fit));
/// an answer depends on the question and the rows alone, and so whoever has read the same recipe gives the same one.
///
/// Numbers of a `.npy` stay where they are mapped, as in a [`DataSet`].
#[derive(Debug)]
pub struct ShardRows {
    recipe: Recipe,
    mark: Mark,
    survey: Survey,
    state: State,
    /// The last question for means, and its answer: the rows are looked at once.
    means: Option<[Vec<f64>; 2]>,
}

/// What has become of the rows.
#[derive(Debug)]
enum State {
    /// They were read.
    Read(Box<dyn Unsettled>),
    /// What the whole data set is like is known, and they are as they are computed with.
    Settled(Whole, Box<DataSet<'static>>),
    /// They could not be used.
    Refused,
}

impl ShardRows {
    /// Reads the files of a shard. It runs on the calling thread.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or is not what the plan says, or a label or a sample weight is out of its range; or
    /// the recipe is of another version of lanegrad, or of rows in memory.
    pub fn read(recipe: &[u8]) -> Result<Self, Error> {
        let (mark, recipe) = (Mark::of_recipe(recipe), Recipe::from_bytes(recipe)?);
        let dtype = recipe.layout.options.dtype.unwrap_or(Dtype::F64);
        Ok(for_dtype!(dtype, S => Self::new(&recipe, mark, read::<S>(&recipe)?)))
    }

    /// Copies the rows of a shard of an array in memory ([`Plan::rows`](crate::Plan::rows)).
    ///
    /// # Errors
    ///
    /// If these are not as many rows, or not of these columns; and those of [`read`](Self::read).
    pub fn of_arrays(recipe: &[u8], arrays: Arrays<'_>) -> Result<Self, Error> {
        let (mark, recipe) = (Mark::of_recipe(recipe), Recipe::from_bytes(recipe)?);
        let dtype = recipe.layout.options.dtype.unwrap_or(Dtype::F64);
        Ok(for_dtype!(dtype, S => Self::new(&recipe, mark, hold::<S>(&recipe, arrays)?)))
    }

    fn new<S: Held>(recipe: &Recipe, mark: Mark, read: Read<'static, S>) -> Self
    where
        Tables<'static>: From<Table<'static, S>>,
    {
        // As it is computed with: rounding keeps the order.
        let rounded = |weight: f64| match recipe.layout.options.arithmetic {
            Dtype::F64 => weight,
            _ => f64::from(weight as f32),
        };
        let largest = read.sample_weights().iter().copied().reduce(f64::max).map(rounded);
        let survey = Survey {
            nrows: read.segments(),
            labels: read.labels().kind(),
            largest_weight: largest.map(f64::to_bits),
        };
        Self { recipe: recipe.clone(), mark, survey, state: State::Read(Box::new(read)), means: None }
    }

    /// Answers a question. It runs on the threads of the caller's rayon pool.
    ///
    /// # Errors
    ///
    /// If the question is damaged, of another version or of another data set; or rows cannot be used.
    pub fn answer(&mut self, question: &[u8]) -> Result<Vec<u8>, Error> {
        let answer = self.answer_to(Question::from_bytes(question)?)?;
        Ok(self.mark.put(question, &answer))
    }

    fn answer_to(&mut self, question: Question) -> Result<Vec<u8>, Error> {
        match question {
            Question::Survey => serde_json::to_vec(&self.survey).context("the answer cannot be written"),
            Question::Means(words) => self.add_to_means(words),
            Question::Of(whole, about) => {
                let tag = whole.tag;
                let (set, recipe) = self.settled(whole)?;
                set.visit(Answer { set, recipe, tag, about })
            }
        }
    }

    fn add_to_means(&mut self, words: Vec<f64>) -> Result<Vec<u8>, Error> {
        const WRONG: &str = "a question is of other columns";
        let same = |a: &[f64], b: &[f64]| a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits()));
        if let Some([_, answer]) = self.means.as_ref().filter(|[asked, _]| same(asked, &words)) {
            return Ok(answer_numbers(answer));
        }
        let means = match &mut self.state {
            State::Read(read) => read.means_from(&words).context(WRONG)??,
            State::Settled(..) | State::Refused => bail!("the rows are no longer as they were read"),
        };
        let answer = means.to_numbers();
        let bytes = answer_numbers(&answer);
        self.means = Some([words, answer]);
        Ok(bytes)
    }

    /// The rows as they are computed with.
    fn settled(&mut self, whole: Whole) -> Result<(&DataSet<'static>, &Recipe), Error> {
        let Self { recipe, state, means, .. } = self;
        if !matches!(state, State::Settled(..)) {
            let (looked, is_window) = (means.is_some(), recipe.layout.is_window);
            let set = match std::mem::replace(state, State::Refused) {
                State::Read(read) => read.settle(&whole, looked, is_window)?,
                State::Settled(..) | State::Refused => bail!("the rows cannot be used"),
            };
            *state = State::Settled(whole.clone(), Box::new(set));
        }
        match state {
            State::Settled(known, set) if *known == whole => Ok((set, recipe)),
            _ => bail!("a question is of another data set"),
        }
    }
}

/// Reads files.
fn read<S: Held>(recipe: &Recipe) -> Result<Read<'static, S>, Error> {
    let options = &recipe.layout.options;
    let mut read = Read::new(options, recipe.layout.heading("the data set"))?;
    for Piece { file, labels, rows, .. } in &recipe.pieces {
        let path = file.as_deref().context("the rows of this shard are in memory")?;
        let (mut source, mut beside) = (Source::open(path, &options.dialect)?, Beside::Files(labels.clone()));
        check_columns(recipe.layout.heading("the first file"), &source)?;
        if let Some(rows) = rows {
            let [labels, weights] = beside.open(&options.dialect)?;
            let labels = labels.map(|labels| labels.slice(rows.clone())).transpose()?;
            (source, beside) = (source.slice(rows.clone())?, Beside::Arrays(Box::new([labels, weights])));
        }
        read.file(source, beside, &mut |_, _| ControlFlow::Continue(()))?;
    }
    Ok(read)
}

/// Copies arrays.
fn hold<S: Held>(recipe: &Recipe, arrays: Arrays<'_>) -> Result<Read<'static, S>, Error> {
    let options = &recipe.layout.options;
    let names = &recipe.layout.names;
    let [Piece { file: None, rows: Some(rows), .. }] = &recipe.pieces[..] else {
        bail!("the rows of this shard are in files")
    };
    arrays.check(options)?;
    let Arrays { name, rows: array, labels, sample_weights } = arrays;
    ensure!(
        array.nrows() == rows.len() && array.ncols() == names.len(),
        "{name} has {} rows of {} columns here, and not {} of {}",
        array.nrows(),
        array.ncols(),
        rows.len(),
        names.len()
    );
    let beside = Beside::Arrays(Box::new([
        beside(labels, &format!("labels of {name}"), rows.start)?,
        beside(sample_weights, &format!("sample weights of {name}"), rows.start)?,
    ]));
    let mut read = Read::new(options, recipe.layout.heading(&name))?;
    let source = Source::of_array(&name, array.numbered_from(rows.start), Some(names))?;
    read.hold(source, beside)?;
    Ok(read)
}

/// What is beside rows of which the first has this number.
fn beside<'a>(array: Option<Array<'a>>, what: &str, first: usize) -> Result<Option<Source<'a>>, Error> {
    array.map(|array| Source::of_array(what, array.numbered_from(first), None)).transpose()
}

/// Rows that were read, whatever they are held in.
trait Unsettled: fmt::Debug + Send {
    /// [`Read::means_from`].
    fn means_from(&mut self, words: &[f64]) -> Option<Result<Means, Error>>;

    /// The rows as those of a data set that is known.
    fn settle(
        self: Box<Self>,
        whole: &Whole,
        looked: bool,
        is_window: bool,
    ) -> Result<DataSet<'static>, Error>;
}

impl<S: Held> Unsettled for Read<'static, S>
where
    Tables<'static>: From<Table<'static, S>>,
{
    fn means_from(&mut self, words: &[f64]) -> Option<Result<Means, Error>> {
        Read::means_from(self, words)
    }

    fn settle(
        mut self: Box<Self>,
        whole: &Whole,
        looked: bool,
        is_window: bool,
    ) -> Result<DataSet<'static>, Error> {
        let features = self.nfeatures();
        let known = whole.fills.as_ref().map_or(features, Vec::len);
        ensure!(known == features, "{known} values for missing cells of {features} features");
        if !looked {
            self.look(&mut Means::new(features))?;
        }
        self.check_missing()?;
        Read::settle(*self, whole.fills.clone(), is_window)
    }
}

/// The answer to a question about rows.
struct Answer<'a> {
    set: &'a DataSet<'static>,
    recipe: &'a Recipe,
    tag: u64,
    about: About,
}

impl Visitor for Answer<'_> {
    type Out = Vec<u8>;

    fn visit<S: Held + Storage<T>, T: Number>(
        self,
        segments: &[Batch<'_, S, T>],
        table: &Table<'_, S>,
    ) -> Result<Vec<u8>, Error> {
        let Self { set, recipe, tag, about } = self;
        let (features, nfeatures) = (&table.layout, table.layout.places.len());
        let rows = InMemory::new(segments, features, tag);
        let check = |count: usize| {
            ensure!(count == nfeatures, "a question has {count} numbers for {nfeatures} features");
            Ok::<(), Error>(())
        };
        let engine = Engine::new();
        match about {
            About::FirstRow => {
                Ok(rows.first_that_counts().map_or_else(Vec::new, |numbers| answer_numbers(&numbers)))
            }
            About::Deviations { centres, squared } => {
                check(centres.len())?;
                let mut window = Vec::new();
                features.spread::<f64>(centres, &mut window);
                sum(
                    DeviationsStream::starting_at(engine, &window, squared, recipe.start())?,
                    segments,
                    recipe,
                    tag,
                )
            }
            About::Gradient { weights, bias } => {
                check(weights.len())?;
                let mut window: Vec<T> = Vec::new();
                features.spread(weights, &mut window);
                let params = Params::new(&window, T::nearest(bias));
                sum(GradientStream::starting_at(engine, params, recipe.start())?, segments, recipe, tag)
            }
            About::Fault(feature) => {
                let &column = set.schema.columns.features.get(feature).context("there is no such feature")?;
                let fault = rows.not_finite(feature);
                Ok(fault.map_or_else(Vec::new, |fault| {
                    set.not_usable(table, column, fault).to_string().into_bytes()
                }))
            }
            About::Differs(constants) => {
                let largest = constants.iter().map(|(feature, _)| *feature).max();
                ensure!(largest.is_none_or(|feature| feature < nfeatures), "there is no such feature");
                let differs = constants.into_iter().find(|&(feature, number)| rows.differs(feature, number));
                Ok(differs.map_or_else(Vec::new, |(feature, _)| answer_numbers(&[feature as f64])))
            }
        }
    }
}

/// The sum over the pieces of a shard, whose batches these are.
fn sum<S: Storage<T>, T: Number, Q: Summand<T>>(
    stream: SumStream<S, T, Q>,
    segments: &[Batch<'_, S, T>],
    recipe: &Recipe,
    tag: u64,
) -> Result<Vec<u8>, Error>
where
    Q::Total: Total,
{
    let mut stream = stream.with_tag(tag);
    // All but the last piece end their segments.
    let open = recipe.pieces.last().is_some_and(|piece| !piece.ends_segment);
    let (whole, rest) = segments.split_at(segments.len() - usize::from(open));
    stream.push_segments(whole)?;
    rest.iter().try_for_each(|batch| stream.push(batch))?;
    if recipe.ends_data {
        stream.end_data();
    }
    Ok(stream.into_sum().to_bytes())
}

impl Recipe {
    /// The place of the first row.
    fn start(&self) -> Place {
        self.pieces.first().map_or_else(Place::default, |piece| {
            Place::at(piece.segment, piece.rows.as_ref().map_or(0, |rows| rows.start as u64))
        })
    }
}
