//! Rows as a reader hands them on.

use super::cell::Cell;
use super::labels::Labels;
use super::numbers::Numbers;
use super::shown::{number, shown, shown_bytes, trim_bytes};
use crate::error::{Context, Error, bail, ensure};
use crate::number::{Dtype, Held};
use std::fmt;

/// Rows as a reader appends them: the features, and the labels and sample weights of columns that are read as such.
#[derive(Clone, Debug)]
pub struct Block<T: Held> {
    pub(crate) features: Numbers<T>,
    pub(crate) labels: Labels,
    pub(crate) sample_weights: Vec<f64>,
    pub(crate) missing: MissingCells,
    /// The lines of these rows in a file of lines, if they are kept.
    pub(crate) lines: Option<Vec<u64>>,
    /// True where an infinity may be a feature.
    infinities: bool,
    /// The type in which sample weights are computed with.
    arithmetic: Dtype,
}

impl<T: Held> Default for Block<T> {
    fn default() -> Self {
        Self::new(Labels::default(), Dtype::F64)
    }
}

impl<T: Held> Block<T> {
    /// No rows. Sample weights must fit into the type that they are computed with.
    pub(crate) fn new(labels: Labels, arithmetic: Dtype) -> Self {
        Self {
            features: Numbers::new(),
            labels,
            sample_weights: Vec::new(),
            missing: MissingCells::default(),
            lines: None,
            infinities: false,
            arithmetic,
        }
    }

    /// No rows, of which a feature may be infinite.
    #[must_use]
    pub fn with_infinities() -> Self {
        Self { infinities: true, ..Self::default() }
    }

    /// The features, row after row, in the order of the plan. A missing cell is NaN.
    #[must_use]
    pub fn features(&self) -> &[T] {
        &self.features
    }

    /// The number of missing cells among all features that were read so far.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing.count
    }

    /// The missing cells in words: how many there are, and where the first is.
    #[must_use]
    pub fn describe_missing(&self) -> String {
        self.missing.describe()
    }

    /// Removes the rows. What was found about the columns is kept: the number of missing cells, and the labels' kind.
    pub fn clear(&mut self) {
        self.features.clear();
        self.labels.codes.clear();
        self.sample_weights.clear();
        self.lines.iter_mut().for_each(Vec::clear);
    }

    /// The feature that a cell of text is.
    pub(super) fn text(&mut self, text: &[u8], decimal_comma: bool, place: &Place<'_>) -> Result<T, Error> {
        let shown = || shown_bytes(text);
        match Cell::<T>::new(text, decimal_comma) {
            Cell::Number(x) => Ok(x),
            Cell::Infinite(x) if self.infinities => Ok(x),
            Cell::Infinite(_) => bail!("{place}: `{}` is not finite", shown()),
            Cell::TooLarge => bail!("{place}: `{}` is too large for {}", shown(), T::DTYPE),
            Cell::Missing => {
                self.missing.add(place, &trim_bytes(text));
                self.no_number(place)
            }
            Cell::NotHeld => bail!("{place}: `{}` is no number of {}", shown(), T::DTYPE),
            Cell::Text => bail!("{place}: `{}` is not a number", shown()),
        }
    }

    /// What a missing cell is until it is filled.
    fn no_number(&self, place: &Place<'_>) -> Result<T, Error> {
        let nan = T::near(f64::NAN);
        nan.with_context(|| format!("{place}: the cell is missing, and {} has no number for that", T::DTYPE))
    }

    /// The feature that a number is: it is rounded to `x`, which is not finite; or there is none.
    #[cold]
    pub(super) fn not_finite(&mut self, number: f64, x: Option<T>, place: &Place<'_>) -> Result<T, Error> {
        if number.is_nan() {
            self.missing.add(place, "NaN");
            return self.no_number(place);
        }
        let Some(x) = x else { bail!("{place}: {} is no number of {}", self::number(number), T::DTYPE) };
        if number.is_finite() {
            bail!("{place}: {} is too large for {}", self::number(number), T::DTYPE);
        } else {
            ensure!(self.infinities, "{place}: {number} is not finite");
        }
        Ok(x)
    }

    /// Appends the sample weight of a cell of text.
    pub(super) fn weight_text(
        &mut self,
        text: &[u8],
        decimal_comma: bool,
        place: &Place<'_>,
    ) -> Result<(), Error> {
        let shown = || shown_bytes(text);
        match Cell::<f64>::new(text, decimal_comma) {
            Cell::Number(x) | Cell::Infinite(x) => self.weight(x, place),
            Cell::TooLarge => bail!("{place}: the sample weight `{}` is too large", shown()),
            Cell::Missing => bail!("{place}: the sample weight is missing{}", in_brackets(&trim_bytes(text))),
            Cell::NotHeld | Cell::Text => bail!("{place}: the sample weight `{}` is not a number", shown()),
        }
    }

    /// Appends a sample weight.
    pub(super) fn weight(&mut self, x: f64, place: &Place<'_>) -> Result<(), Error> {
        let shown = || number(x);
        ensure!(!x.is_nan(), "{place}: the sample weight is missing (`NaN`)");
        ensure!(
            (0.0..f64::INFINITY).contains(&x),
            "{place}: the sample weight {} is not a finite number of at least 0",
            shown()
        );
        if self.arithmetic == Dtype::F32 {
            let single = x as f32;
            ensure!(single.is_finite(), "{place}: the sample weight {} is too large for f32", shown());
            ensure!(x == 0.0 || single > 0.0, "{place}: the sample weight {} is 0 in f32", shown());
        }
        self.sample_weights.push(x);
        Ok(())
    }
}

/// The text of a missing cell, behind a message; nothing if the cell is empty.
pub(super) fn in_brackets(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" (`{}`)", shown(text)) }
}

/// The missing cells among features.
#[derive(Clone, Debug, Default)]
pub(crate) struct MissingCells {
    pub(crate) count: u64,
    /// The place of the first, without the file, and its text.
    pub(crate) first: Option<(String, String)>,
}

impl MissingCells {
    pub(crate) fn add(&mut self, place: &Place<'_>, text: &str) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((place.in_file(), shown(text)));
        }
    }

    /// The count and the first place, in words: `3 missing cells, the first in line 3, column 1 (`a`): `NA``.
    pub(crate) fn describe(&self) -> String {
        let Some((place, text)) = &self.first else { return "no missing cells".to_owned() };
        let text = if text.is_empty() { "it is empty".to_owned() } else { format!("`{text}`") };
        match self.count {
            1 => format!("1 missing cell, in {place}: {text}"),
            count => format!("{count} missing cells, the first in {place}: {text}"),
        }
    }
}

/// The place of a cell, as messages name it.
pub(crate) struct Place<'a> {
    pub(crate) file: &'a str,
    pub(crate) row: Row,
    /// The column, from 0.
    pub(crate) column: usize,
    pub(crate) name: &'a str,
}

/// The place of a row.
#[derive(Clone, Copy)]
pub(crate) enum Row {
    /// The line that it starts on, from 1.
    Line(u64),
    /// Its number, from 0, in a file without lines.
    Number(usize),
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Number(row) => write!(f, "row {}", row + 1),
        }
    }
}

impl Place<'_> {
    /// The place without the file.
    pub(crate) fn in_file(&self) -> String {
        let name = if self.name.is_empty() { String::new() } else { format!(" (`{}`)", shown(self.name)) };
        format!("{}, column {}{name}", self.row, self.column + 1)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.file, self.in_file())
    }
}
