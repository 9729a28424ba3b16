//! The driver's side of a fit: its passes are questions to all shards, whose sums are merged as they come in.

use super::Workers;
use super::plan::{Plan, has};
use super::question::{About, Mark, Question, Survey, Whole, numbers_of};
use crate::data::{Labels, Means};
use crate::dataset::options::Missing;
use crate::dataset::read::{columns, fills};
use crate::dataset::schema::{Schema, column_place};
use crate::error::{Context, Error, bail, ensure};
use crate::features::Features;
use crate::fit::{Fit, Options};
use crate::model::Model;
use crate::moments::{Failure, Fault, Moments};
use crate::number::{Dtype, Number, for_dtype};
use crate::objective::Coordinates;
use crate::optimize::{Checkpoint, Observer};
use crate::passes::Passes;
use crate::solve::{Begin, centres, check, check_largest, descend};
use lanegrad::{ColumnSums, Extent, Gradient, Params, PartialSum, Total};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::Range;
use std::time::Instant;

impl Plan {
    /// Fits a model to the rows that workers hold: the same, to the byte, as [`DataSet::fit`](crate::DataSet::fit) of
    /// the whole data set in one place, and with its checkpoints. It has neither metrics nor warnings. The first question
    /// is about what was found when rows were read; each pass is one question to every shard.
    ///
    /// # Errors
    ///
    /// Those of [`DataSet::read`](crate::DataSet::read) and [`DataSet::fit_with`](crate::DataSet::fit_with), what
    /// `workers` returns, and answers that do not belong here: of other data, of a worker without fused multiply-add
    /// among those with it, damaged ones.
    pub fn fit(
        &self,
        options: &Options,
        resume: Option<Checkpoint>,
        workers: &mut dyn Workers,
        observer: &mut dyn Observer,
    ) -> Result<(Model, Fit), Error> {
        options.check()?;
        let marks = (0..self.shards()).map(|shard| Ok(Mark::of_recipe(&self.recipe(shard)?)));
        let mut asker = Asker { plan: self, marks: marks.collect::<Result<_, Error>>()?, workers };
        let schema = asker.survey()?;
        let whole = Whole { tag: schema.tag(), fills: schema.fills.clone() };
        let features = self.layout().features(&schema.columns)?;
        let extent = Extent::of_segments(schema.segments.iter().copied());
        let mut driver = Driver { asker, whole, features, extent, schema: &schema };
        let fit = match schema.arithmetic {
            Dtype::F64 => driver.train::<f64>(options, resume, observer),
            _ => driver.train::<f32>(options, resume, observer),
        }?;
        Ok((schema.model(&fit, options)?, fit))
    }
}

/// Who asks.
struct Asker<'a> {
    plan: &'a Plan,
    /// How the answers of each shard are known.
    marks: Vec<Mark>,
    workers: &'a mut dyn Workers,
}

impl<'a> Asker<'a> {
    /// Puts a question to some shards, each of which answers once.
    fn ask(
        &mut self,
        question: &Question,
        shards: Range<usize>,
        mut take: impl FnMut(usize, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Self { plan, marks, workers } = self;
        let question = question.to_bytes();
        let mut answered = vec![false; plan.shards()];
        workers.ask(&question, shards.clone(), &mut |shard, answer| {
            ensure!(shards.contains(&shard), "there is an answer of shard {shard}, which was not asked");
            let again = std::mem::replace(&mut answered[shard], true);
            ensure!(!again, "{} has answered twice", plan.describe(shard));
            let taken = marks[shard].strip(&question, answer).and_then(|answer| take(shard, answer));
            taken.with_context(|| format!("the answer of {} cannot be used", plan.describe(shard)))
        })?;
        match shards.into_iter().find(|&shard| !answered[shard]) {
            Some(shard) => bail!("{} has not answered", plan.describe(shard)),
            None => Ok(()),
        }
    }

    /// Puts a question to all shards, whose answers are returned in order.
    fn ask_all(&mut self, question: &Question) -> Result<Vec<Vec<u8>>, Error> {
        let shards = 0..self.plan.shards();
        let mut answers = vec![Vec::new(); shards.len()];
        self.ask(question, shards, |shard, answer| {
            answers[shard] = answer.to_vec();
            Ok(())
        })?;
        Ok(answers)
    }

    /// Puts a question to one shard.
    fn ask_one(&mut self, question: &Question, shard: usize) -> Result<Vec<u8>, Error> {
        let mut found = Vec::new();
        self.ask(question, shard..shard + 1, |_, answer| {
            found = answer.to_vec();
            Ok(())
        })?;
        Ok(found)
    }

    /// What is known of the data set once all rows were read.
    fn survey(&mut self) -> Result<Schema, Error> {
        let plan = self.plan;
        let (layout, all) = (plan.layout(), plan.all());
        let options = &layout.options;
        let columns = columns(options, &all, &layout.names)?;
        let mut segments = vec![0_u64; plan.segments()];
        let mut labels = Labels::new(options.positive.as_deref())?;
        let (mut largest, mut unweighted): (Option<f64>, bool) = (None, false);
        for (shard, answer) in self.ask_all(&Question::Survey)?.iter().enumerate() {
            let survey: Survey = serde_json::from_slice(answer)
                .with_context(|| format!("the answer of {} cannot be used", plan.describe(shard)))?;
            let pieces = plan.pieces(shard);
            ensure!(survey.nrows.len() == pieces.len(), "{} has other pieces", plan.describe(shard));
            for (piece, rows) in pieces.iter().zip(&survey.nrows) {
                let known = &mut segments[piece.segment as usize];
                *known = known.saturating_add(*rows);
            }
            labels.join(survey.labels)?;
            let weight = survey.largest_weight.map(f64::from_bits);
            unweighted |= weight.is_none() && survey.nrows.iter().any(|&rows| rows > 0);
            largest = [largest, weight].into_iter().flatten().reduce(f64::max);
        }
        ensure!(segments.iter().any(|&rows| rows > 0), "{all} {} no rows", has(plan.segments()));
        let place = match columns.label {
            Some(column) => column_place(&all, &layout.names, column),
            None => plan.all_labels().unwrap_or_else(|| "the labels".to_owned()),
        };
        labels.check()?;
        labels.check_positive(&place)?;
        if let Some(largest) = largest {
            ensure!(!unweighted, "some shards have sample weights, and others have not");
            check_largest(largest, options.arithmetic)?;
        }
        let dtype = options.dtype.unwrap_or(Dtype::F64);
        let fills = match options.missing {
            Missing::Refuse => None,
            Missing::Mean => {
                let means = self.means(columns.features.len())?;
                Some(for_dtype!(dtype, S => fills::<S>(&means, &all, &layout.names, &columns))?)
            }
        };
        Ok(Schema {
            names: layout.names.clone(),
            quantization: layout.quantization.as_ref().map(|all| all.of(&columns.features)),
            columns,
            segments,
            positive: options.positive.clone(),
            signed: labels.are_signed(),
            fills,
            dtype,
            arithmetic: options.arithmetic,
        })
    }

    /// The means of the features, which missing cells are filled with. They are summed row after row, and so one shard
    /// goes on where the one before it ended.
    fn means(&mut self, nfeatures: usize) -> Result<Means, Error> {
        let mut means = Means::new(nfeatures);
        for shard in 0..self.plan.shards() {
            let answer = self.ask_one(&Question::Means(means.to_numbers()), shard)?;
            let numbers = numbers_of(&answer, 3 * nfeatures)?;
            means = Means::of_numbers(&numbers, nfeatures).context("an answer is of other columns")?;
        }
        Ok(means)
    }
}

/// The rows of all shards, as a fit sees them.
struct Driver<'a> {
    asker: Asker<'a>,
    whole: Whole,
    features: Features,
    extent: Extent,
    schema: &'a Schema,
}

impl<'a> Driver<'a> {
    fn train<T: Number>(
        &mut self,
        options: &Options,
        resume: Option<Checkpoint>,
        observer: &mut dyn Observer,
    ) -> Result<Fit, Error> {
        let mut passes = Asked { driver: self, number: PhantomData::<T> };
        check(&passes, options)?;
        let start = Instant::now();
        let quantization = passes.driver.schema.quantization.as_ref();
        let centres = centres(passes.nfeatures(), quantization, options);
        let moments = match Moments::of(&mut passes, centres) {
            Ok(moments) => moments,
            Err(Failure::Feature(feature, fault)) => return Err(passes.driver.not_usable(feature, fault)?),
            Err(Failure::Other(error)) => return Err(error),
        };
        passes.driver.check_constants(&moments)?;
        let coordinates = Coordinates::new(&moments, passes.driver.schema.quantization.as_ref(), options);
        let begin = resume.map_or(Begin::AtZero, |state| Begin::Resume(Box::new(state)));
        descend(&mut passes, &coordinates, options, begin, observer, start).map(|(fit, _)| fit)
    }

    fn question(&self, about: About) -> Question {
        Question::Of(self.whole.clone(), about)
    }

    /// The error of a feature that cannot be computed with: in the row, if one is at fault.
    fn not_usable(&mut self, feature: usize, fault: Fault) -> Result<Error, Error> {
        if fault == Fault::TooLarge {
            let question = self.question(About::Fault(feature));
            let answers = self.asker.ask_all(&question)?;
            if let Some(words) = answers.iter().find(|words| !words.is_empty()) {
                return Ok(Error::new(String::from_utf8_lossy(words)));
            }
        }
        let place = self.schema.place(&self.asker.plan.all(), self.schema.columns.features[feature]);
        Ok(Error::new(format!("{place}: {}", fault.words())))
    }

    /// Refuses features whose numbers differ by so little that the squares of differences are 0.
    fn check_constants(&mut self, moments: &Moments) -> Result<(), Error> {
        let constants: Vec<(usize, f64)> = moments.constants().collect();
        if constants.is_empty() {
            return Ok(());
        }
        let question = self.question(About::Differs(constants));
        let answers = self.asker.ask_all(&question)?;
        let differing = answers.iter().filter(|answer| !answer.is_empty());
        let features = differing.map(|answer| Ok(numbers_of(answer, 1)?[0] as usize));
        let features: Vec<usize> = features.collect::<Result<_, Error>>()?;
        match features.into_iter().min().filter(|&feature| feature < moments.means.len()) {
            Some(feature) => Err(self.not_usable(feature, Fault::TooClose)?),
            None => Ok(()),
        }
    }

    /// The sum of all shards' answers.
    fn sum<R: Total>(&mut self, about: About) -> Result<R, Error> {
        let question = self.question(about);
        let shards = 0..self.asker.plan.shards();
        let mut runs = Runs::default();
        self.asker
            .ask(&question, shards, |shard, answer| runs.add(shard, PartialSum::from_bytes(answer)?))?;
        Ok(runs.all()?.finish(&self.extent)?)
    }
}

/// Sums of shards that are neighbours: they are merged as soon as both are there, so that what waits is small.
struct Runs<R> {
    /// By the first shard: the one behind the last, and the sum.
    runs: BTreeMap<usize, (usize, PartialSum<R>)>,
}

impl<R> Default for Runs<R> {
    fn default() -> Self {
        Self { runs: BTreeMap::new() }
    }
}

impl<R: Total> Runs<R> {
    fn add(&mut self, shard: usize, mut sum: PartialSum<R>) -> Result<(), Error> {
        let (mut first, mut end) = (shard, shard + 1);
        let before = self.runs.range(..shard).next_back().map(|(&first, &(end, _))| (first, end));
        if let Some((left, _)) = before.filter(|&(_, end)| end == shard)
            && let Some((_, mut left_sum)) = self.runs.remove(&left)
        {
            left_sum.merge(&sum)?;
            (first, sum) = (left, left_sum);
        }
        if let Some((right_end, right_sum)) = self.runs.remove(&end) {
            sum.merge(&right_sum)?;
            end = right_end;
        }
        self.runs.insert(first, (end, sum));
        Ok(())
    }

    /// The sum of all that are there.
    fn all(self) -> Result<PartialSum<R>, Error> {
        let mut sums = self.runs.into_values().map(|(_, sum)| sum);
        let mut all = sums.next().context("there is no shard")?;
        sums.try_for_each(|sum| all.merge(&sum))?;
        Ok(all)
    }
}

/// The passes of a fit in arithmetic of type `T`.
struct Asked<'d, 'a, T> {
    driver: &'d mut Driver<'a>,
    number: PhantomData<T>,
}

impl<T: Number> Passes for Asked<'_, '_, T> {
    type Number = T;

    fn nfeatures(&self) -> usize {
        self.driver.features.places.len()
    }

    fn nrows(&self) -> u64 {
        self.driver.extent.nrows()
    }

    fn tag(&self) -> u64 {
        self.driver.whole.tag
    }

    fn first_row(&mut self) -> Result<Vec<f64>, Error> {
        let question = self.driver.question(About::FirstRow);
        for shard in 0..self.driver.asker.plan.shards() {
            let answer = self.driver.asker.ask_one(&question, shard)?;
            if !answer.is_empty() {
                return numbers_of(&answer, self.nfeatures());
            }
        }
        Ok(vec![0.0; self.nfeatures()])
    }

    fn deviations(&mut self, centres: &[f64], squared: bool) -> Result<ColumnSums, Error> {
        let mut found: ColumnSums =
            self.driver.sum(About::Deviations { centres: centres.to_vec(), squared })?;
        found.sums = self.driver.features.of_window(&found.sums).collect();
        Ok(found)
    }

    fn loss_and_gradient(&mut self, params: Params<'_, T>, out: &mut Gradient) -> Result<(), Error> {
        let weights = params.weights.iter().map(|weight| weight.double()).collect();
        let found: Gradient = self.driver.sum(About::Gradient { weights, bias: params.bias.double() })?;
        (out.loss, out.db, out.weight_sum) = (found.loss, found.db, found.weight_sum);
        out.dw.clear();
        out.dw.extend(self.driver.features.of_window(&found.dw));
        Ok(())
    }
}
