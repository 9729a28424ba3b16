//! Which columns of a table are features.

use crate::number::Number;
#[cfg(feature = "files")]
use {
    crate::data::Numbers,
    crate::error::{Context, Error},
    crate::number::Held,
    lanegrad::Rows,
};

/// Some columns of a table as features, in the window of columns that holds them all. Columns of the window
/// that are not features have a weight of 0, and must hold finite numbers.
#[derive(Clone, Debug)]
pub(crate) struct Features {
    /// The first column of the window.
    #[cfg(feature = "files")]
    start: usize,
    /// The columns of the window.
    pub(crate) width: usize,
    /// Where in the window the features are.
    pub(crate) places: Vec<usize>,
}

impl Features {
    /// Every column of rows.
    pub(crate) fn all(width: usize) -> Self {
        Self {
            #[cfg(feature = "files")]
            start: 0,
            width,
            places: (0..width).collect(),
        }
    }

    /// What is there for each feature, of what is there for each column of the window.
    pub(crate) fn of_window<'a>(&'a self, window: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        self.places.iter().map(|&place| window[place])
    }

    /// A weight for each column of the window, from those of the features.
    pub(crate) fn spread<T: Number>(&self, weights: impl IntoIterator<Item = f64>, out: &mut Vec<T>) {
        out.clear();
        out.resize(self.width, T::default());
        for (&place, weight) in self.places.iter().zip(weights) {
            out[place] = T::nearest(weight);
        }
    }
}

#[cfg(feature = "files")]
impl Features {
    /// These columns of a table, of which there is at least one.
    pub(crate) fn new(columns: &[usize]) -> Result<Self, Error> {
        let ends = columns.iter().min().zip(columns.iter().max());
        let (&start, &last) = ends.context("there is no column of features")?;
        let places = columns.iter().map(|column| column - start).collect();
        Ok(Self { start, width: last - start + 1, places })
    }

    /// The window's rows.
    pub(crate) fn rows<'a, S: Held>(&self, numbers: &'a [S], cols: usize) -> Result<Rows<'a, S>, Error> {
        let rows = numbers.len() / cols.max(1);
        Ok(Rows::with_stride(numbers.get(self.start..).unwrap_or_default(), rows, self.width, cols)?)
    }

    /// True where the features are the columns of the window, in their order.
    pub(crate) fn are_all(&self) -> bool {
        self.places.iter().copied().eq(0..self.width)
    }

    /// Appends the features of some rows, where they are in a row of another layout, which has 0 elsewhere.
    pub(crate) fn append<S: Held>(&self, rows: Rows<'_, S>, layout: &Self, out: &mut Numbers<S>) {
        let first = out.len();
        out.append(rows.nrows() * layout.width);
        for (row, out) in rows.iter().zip(out[first..].chunks_exact_mut(layout.width.max(1))) {
            for (&from, &to) in self.places.iter().zip(&layout.places) {
                out[to] = row[from];
            }
        }
    }
}
