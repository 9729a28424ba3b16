//! What a fit asks of a data set, wherever its rows are.

use crate::error::Error;
use crate::features::Features;
use crate::number::Number;
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

impl<'a, S: Storage<T>, T: Number> InMemory<'a, S, T> {
    pub(crate) fn new(segments: &'a [Batch<'a, S, T>], features: &'a Features, tag: u64) -> Self {
        let stream = GradientStream::new(Engine::new(), Params::new(&[], T::default()));
        Self { segments, features, tag, stream, window: Vec::new(), sums: Gradient::default() }
    }
}

impl<S: Number + Storage<T>, T: Number> Passes for InMemory<'_, S, T> {
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
        let first = self.segments.iter().find_map(|batch| {
            let row = (0..batch.nrows()).find(|&row| counts(batch, row))?;
            batch.rows().row(row)
        });
        let row = first.unwrap_or_default();
        Ok(self.features.places.iter().map(|&place| row.get(place).map_or(0.0, |x| x.double())).collect())
    }

    fn deviations(&mut self, centres: &[f64], squared: bool) -> Result<ColumnSums, Error> {
        let mut window = Vec::new();
        self.features.spread(centres.iter().copied(), &mut window);
        let mut stream = DeviationsStream::starting_at(Engine::new(), &window, squared, Place::default())?;
        stream.push_segments(self.segments)?;
        let mut sums = stream.finish()?;
        sums.sums = self.features.places.iter().map(|&place| sums.sums[place]).collect();
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
        out.dw.extend(features.places.iter().map(|&place| sums.dw[place]));
        Ok(())
    }
}

/// True where a row counts.
pub(crate) fn counts<S: Storage<T>, T: Number>(batch: &Batch<'_, S, T>, row: usize) -> bool {
    batch.sample_weights().is_none_or(|weights| weights[row].double() > 0.0)
}
