//! What a fit asks of a data set, wherever its rows are.

use crate::error::Error;
use crate::features::Features;
use crate::moments::Fault;
use crate::number::{Held, Number};
use lanegrad::{
    Batch, ColumnSums, DeviationsStream, Engine, Gradient, GradientStream, Params, Place, Storage,
};

/// The rows of a data set as a fit sees them: as sums over all of them. In memory, on mapped files, or on other
/// machines, whose [`PartialSum`](lanegrad::PartialSum)s are merged: [`train`](crate::train) does the same with each,
/// to the bit.
///
/// Features are numbered from 0; every slice has an entry for each.
pub trait Passes {
    /// The type of the arithmetic.
    type Number: Number;

    /// The number of features.
    fn nfeatures(&self) -> usize;

    /// The number of rows.
    fn nrows(&self) -> u64;

    /// The tag of the data set, by which it is told from others in a checkpoint.
    fn tag(&self) -> u64;

    /// The features of the first row whose weight is above 0: distances are taken from it.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from an answer, as of every function here: it ends the fit.
    fn first_row(&mut self) -> Result<Vec<f64>, Error>;

    /// The sums of [`Engine::deviations`] or, where `squared`, [`Engine::squared_deviations`], over all rows.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from an answer.
    fn deviations(&mut self, centres: &[f64], squared: bool) -> Result<ColumnSums, Error>;

    /// Fills a result with the sums of [`Engine::loss_and_gradient`] over all rows.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from an answer.
    fn loss_and_gradient(
        &mut self,
        params: Params<'_, Self::Number>,
        out: &mut Gradient,
    ) -> Result<(), Error>;
}

/// Segments in memory.
pub(crate) struct InMemory<'a, S, T: Number> {
    pub(crate) segments: &'a [Batch<'a, S, T>],
    pub(crate) features: &'a Features,
    tag: u64,
    stream: GradientStream<S, T>,
    /// A weight for each column of the window.
    window: Vec<T>,
    sums: Gradient,
}

impl<'a, S: Held + Storage<T>, T: Number> InMemory<'a, S, T> {
    pub(crate) fn new(segments: &'a [Batch<'a, S, T>], features: &'a Features, tag: u64) -> Self {
        let stream = GradientStream::new(Engine::new(), Params::new(&[], T::default()));
        Self { segments, features, tag, stream, window: Vec::new(), sums: Gradient::default() }
    }

    /// The features of the first row that counts, if there is one.
    pub(crate) fn first_that_counts(&self) -> Option<Vec<f64>> {
        let row = self.segments.iter().find_map(|batch| {
            let row = (0..batch.nrows()).find(|&row| counts(batch, row))?;
            batch.rows().row(row)
        })?;
        Some(self.features.places.iter().map(|&place| row[place].double()).collect())
    }

    /// The numbers of a feature in rows that count, each with its segment and its row there.
    fn numbers(&self, feature: usize) -> impl Iterator<Item = (usize, usize, f64)> {
        let place = self.features.places[feature];
        self.segments.iter().enumerate().flat_map(move |(segment, batch)| {
            let rows = batch.rows().iter().enumerate().filter(|&(row, _)| counts(batch, row));
            rows.map(move |(row, numbers)| (segment, row, numbers[place].double()))
        })
    }

    /// The first number of a feature that is not finite, if there is one.
    pub(crate) fn not_finite(&self, feature: usize) -> Option<Fault> {
        let (segment, row, number) = self.numbers(feature).find(|(_, _, x)| !x.is_finite())?;
        Some(Fault::NotFinite { segment, row, number })
    }

    /// True where a feature has another number than this one.
    pub(crate) fn differs(&self, feature: usize, number: f64) -> bool {
        self.numbers(feature).any(|(_, _, x)| x != number)
    }
}

impl<S: Held + Storage<T>, T: Number> Passes for InMemory<'_, S, T> {
    type Number = T;

    fn nfeatures(&self) -> usize {
        self.features.places.len()
    }

    fn nrows(&self) -> u64 {
        self.segments.iter().map(|batch| batch.nrows() as u64).sum()
    }

    fn tag(&self) -> u64 {
        self.tag
    }

    fn first_row(&mut self) -> Result<Vec<f64>, Error> {
        Ok(self.first_that_counts().unwrap_or_else(|| vec![0.0; self.nfeatures()]))
    }

    fn deviations(&mut self, centres: &[f64], squared: bool) -> Result<ColumnSums, Error> {
        let mut window = Vec::new();
        self.features.spread(centres.iter().copied(), &mut window);
        let mut stream = DeviationsStream::starting_at(Engine::new(), &window, squared, Place::default())?;
        stream.push_segments(self.segments)?;
        let mut sums = stream.finish()?;
        sums.sums = self.features.of_window(&sums.sums).collect();
        Ok(sums)
    }

    fn loss_and_gradient(&mut self, params: Params<'_, T>, out: &mut Gradient) -> Result<(), Error> {
        let Self { segments, features, stream, window, sums, .. } = self;
        features.spread(params.weights.iter().map(|weight| weight.double()), window);
        stream.restart(Params::new(window, params.bias));
        stream.push_segments(segments)?;
        stream.finish_into(sums)?;
        (out.loss, out.db, out.weight_sum) = (sums.loss, sums.db, sums.weight_sum);
        out.dw.clear();
        out.dw.extend(features.of_window(&sums.dw));
        Ok(())
    }
}

/// True where a row counts.
pub(crate) fn counts<S: Storage<T>, T: Number>(batch: &Batch<'_, S, T>, row: usize) -> bool {
    batch.sample_weights().is_none_or(|weights| weights[row].double() > 0.0)
}
