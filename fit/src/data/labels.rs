//! Columns that are read as labels or sample weights.

use crate::error::{Context, Error, ensure};
use crate::number::Number;

/// A reader of labels: probabilities from 0 to 1, or -1 and +1, which stand for 0 and 1.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    /// True once there was a -1.
    pub(crate) signed: bool,
    /// True once there was a number from 0 to below 1.
    unsigned: bool,
}

impl Labels {
    /// The label that a number stands for.
    pub(crate) fn read(&mut self, x: f64) -> Result<f64, Error> {
        if x == -1.0 {
            self.signed = true;
        } else if x != 1.0 {
            ensure!((0.0..1.0).contains(&x), "the label {x} is not between 0 and 1, nor is it -1");
            self.unsigned = true;
        }
        ensure!(
            !(self.signed && self.unsigned),
            "the label {x} does not go with others: labels are between 0 and 1, or all of them -1 or +1"
        );
        Ok(x.max(0.0))
    }
}

/// Appends a column's numbers, each turned into what `read` makes of it. `place` names a row in messages.
pub(crate) fn read_column<S: Number, T: Number>(
    numbers: &[S],
    names: &[String],
    column: usize,
    out: &mut Vec<T>,
    mut read: impl FnMut(f64) -> Result<f64, Error>,
    place: impl Fn(usize) -> String,
) -> Result<(), Error> {
    for (i, row) in numbers.chunks_exact(names.len()).enumerate() {
        let value = read(row[column].double())
            .with_context(|| format!("{}, column {} (`{}`)", place(i), column + 1, names[column]))?;
        out.push(T::nearest(value));
    }
    Ok(())
}
