//! What a mapped table holds: numbers stay where they are mapped, and so nobody has looked at them.

use crate::data::npy::Array;
use crate::data::{Columns, Means, MissingCells, Place, Row};
use crate::error::{Error, ensure};
use crate::number::Held;

/// A look at all numbers of a mapped table.
pub(super) struct Survey<'a> {
    pub(super) array: &'a Array<'a>,
    pub(super) file: &'a str,
    pub(super) columns: &'a Columns,
}

impl Survey<'_> {
    /// The columns between the first and the last feature that are not features.
    fn between(&self) -> impl Iterator<Item = usize> {
        let features = &self.columns.features;
        // They are in order: `Columns::find` makes them so.
        let ends = features.first().zip(features.last());
        let window = ends.map_or(0..0, |(&first, &last)| first..last);
        window.filter(|column| features.binary_search(column).is_err())
    }

    /// True if a column between the features may hold numbers that are not finite. Labels are finite, unless a value is
    /// named as positive, and so are sample weights.
    pub(super) fn may_have_any_number_between(&self, positive: bool) -> bool {
        let label = Some(self.columns.label).filter(|_| positive).flatten();
        self.between().any(|column| Some(column) == label || self.columns.ignored.contains(&column))
    }

    /// Counts the missing cells and adds up the means of features, of which infinite ones are an error. True if a
    /// column between the features has a number that is not finite.
    pub(super) fn run<S: Held>(
        &self,
        numbers: &[S],
        weight: impl Fn(usize) -> f64,
        missing: &mut MissingCells,
        means: &mut Means,
    ) -> Result<bool, Error> {
        let between: Vec<usize> = self.between().collect();
        let mut any = false;
        for (i, row) in numbers.chunks_exact(self.array.ncols()).enumerate() {
            let features = || self.columns.features.iter().map(|&column| row[column]);
            if !features().all(|x| x.double().is_finite()) {
                for &column in &self.columns.features {
                    let (x, name) = (row[column].double(), column.to_string());
                    let place = Place {
                        file: self.file,
                        row: Row::Number(self.array.first_row() + i),
                        column,
                        name: &name,
                    };
                    if x.is_nan() {
                        missing.add(&place, "NaN");
                    }
                    ensure!(!x.is_infinite(), "{place}: {x} is not finite");
                }
            }
            means.add(features(), weight(i));
            any |= between.iter().any(|&column| !row[column].double().is_finite());
        }
        Ok(any)
    }
}
