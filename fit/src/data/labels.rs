//! Cells of a column as labels.
//!
//! Without further word, labels are probabilities from 0 to 1, or all of them -1 or +1, of which -1 stands for 0;
//! `True` and `False`, in any case, are 1 and 0. If one value is named as positive, it counts 1, and any other 0.

use super::advice;
use super::block::{Place, in_brackets};
use super::cell::{self, Cell, is_missing};
use super::shown::{number, shown, trim, trim_bytes};
use crate::error::{Error, bail, ensure};
use serde::{Deserialize, Serialize};

/// Labels, as they are read one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    /// Probabilities of the rows that were read.
    pub(crate) codes: Vec<f64>,
    /// The value that counts 1.
    positive: Option<Positive>,
    /// What is said of the first -1, once there was one, should it not go with others.
    signed: Option<String>,
    /// The same of the first number from 0 to below 1.
    unsigned: Option<String>,
    /// The first values of the column, each once, as many as tell whether there are two of them, or more.
    seen: Vec<Value>,
    /// A message about the first value that is not a label, while the column may turn out to have two values.
    misfit: Option<String>,
}

/// Values of a column that are remembered.
const SEEN: usize = 3;

#[derive(Clone, Debug)]
struct Positive {
    value: Value,
    found: bool,
}

/// A value of a label.
#[derive(Clone, Debug)]
struct Value {
    text: String,
    /// The number that the text is; 1 and 0 for `True` and `False`.
    number: Option<f64>,
}

impl Value {
    fn new(text: &str, decimal_comma: bool) -> Self {
        let truth = if text.eq_ignore_ascii_case("true") {
            Some(1.0)
        } else if text.eq_ignore_ascii_case("false") {
            Some(0.0)
        } else {
            None
        };
        let number = truth.or_else(|| cell::number(text.as_bytes(), decimal_comma));
        Self { text: text.to_owned(), number }
    }

    /// True for the same text, or the same number.
    fn is(&self, text: Option<&str>, number: Option<f64>) -> bool {
        text.is_some_and(|text| self.text == text) || (number.is_some() && self.number == number)
    }
}

impl Labels {
    /// No labels yet, of which those of this value will count 1.
    pub(crate) fn new(positive: Option<&str>) -> Result<Self, Error> {
        let Some(text) = positive else { return Ok(Self::default()) };
        let text = trim(text);
        ensure!(!is_missing(text), "the positive value `{}` is that of a missing label", shown(text));
        // With a point or a comma: the text need not come from the same file.
        let point = Value::new(text, false);
        let value = if point.number.is_some() { point } else { Value::new(text, true) };
        Ok(Self { positive: Some(Positive { value, found: false }), ..Self::default() })
    }

    /// True if labels are -1 or +1.
    pub(crate) fn are_signed(&self) -> bool {
        self.signed.is_some()
    }

    /// Appends the label of a cell of text.
    pub(super) fn text(&mut self, text: &[u8], decimal_comma: bool, place: &Place<'_>) -> Result<(), Error> {
        if let Cell::Number(x) = Cell::<f64>::new(text, decimal_comma)
            && self.positive.is_none()
        {
            return self.push(None, Some(x), place);
        }
        let text = trim_bytes(text);
        ensure!(!is_missing(&text), "{place}: the label is missing{}", in_brackets(&text));
        let value = Value::new(&text, decimal_comma);
        self.push(Some(&text), value.number, place)
    }

    /// Appends the label that a number is.
    pub(super) fn number(&mut self, x: f64, place: &Place<'_>) -> Result<(), Error> {
        ensure!(!x.is_nan(), "{place}: the label is missing (`NaN`)");
        self.push(None, Some(x), place)
    }

    fn push(&mut self, text: Option<&str>, x: Option<f64>, place: &Place<'_>) -> Result<(), Error> {
        // Only while the column may have two values.
        if self.seen.len() < SEEN && !self.seen.iter().any(|value| value.is(text, x)) {
            let text = text.map_or_else(|| number(x.unwrap_or(f64::NAN)), ToOwned::to_owned);
            self.seen.push(Value { text, number: x });
        }
        let code = match &mut self.positive {
            Some(positive) => {
                let is_positive = positive.value.is(text, x);
                positive.found |= is_positive;
                f64::from(u8::from(is_positive))
            }
            None => match x.filter(|&x| self.fits(x, place)) {
                Some(x) => x.max(0.0),
                None => {
                    self.misfit.get_or_insert_with(|| misfit(text, x, place));
                    0.0
                }
            },
        };
        self.check_many()?;
        self.codes.push(code);
        Ok(())
    }

    /// True for the number of a label that goes with those before it.
    fn fits(&mut self, x: f64, place: &Place<'_>) -> bool {
        let words = || misfit(None, Some(x), place);
        if x == -1.0 {
            self.signed.get_or_insert_with(words);
        } else if (0.0..1.0).contains(&x) {
            self.unsigned.get_or_insert_with(words);
        } else if x != 1.0 {
            return false;
        }
        self.signed.is_none() || self.unsigned.is_none()
    }

    /// The kind of these labels, without their codes: what those of other files must go with.
    pub(crate) fn kind(&self) -> LabelKind {
        let Self { codes: _, positive, signed, unsigned, seen, misfit } = self;
        LabelKind {
            signed: signed.clone(),
            unsigned: unsigned.clone(),
            seen: seen.iter().map(|value| (value.text.clone(), value.number.map(f64::to_bits))).collect(),
            misfit: misfit.clone(),
            has_positive: positive.as_ref().is_some_and(|positive| positive.found),
        }
    }

    /// Adds the kind of the labels that follow, which are elsewhere.
    ///
    /// # Errors
    ///
    /// As if they were read here.
    pub(crate) fn join(&mut self, other: LabelKind) -> Result<(), Error> {
        for (text, number) in other.seen {
            let number = number.map(f64::from_bits);
            if self.seen.len() < SEEN && !self.seen.iter().any(|value| value.is(Some(&text), number)) {
                self.seen.push(Value { text, number });
            }
        }
        if let Some(positive) = &mut self.positive {
            positive.found |= other.has_positive;
        }
        let clash = match (&self.signed, &self.unsigned) {
            (Some(_), _) => other.unsigned.clone(),
            (None, Some(_)) => other.signed.clone(),
            (None, None) => None,
        };
        self.misfit = self.misfit.take().or(other.misfit).or(clash);
        self.signed = self.signed.take().or(other.signed);
        self.unsigned = self.unsigned.take().or(other.unsigned);
        self.check_many()
    }

    /// Refuses labels of many values, of which one is no label.
    fn check_many(&mut self) -> Result<(), Error> {
        match self.misfit.take_if(|_| self.seen.len() == SEEN) {
            None => Ok(()),
            Some(misfit) => bail!("{misfit}; {}", advice::positive(&[])),
        }
    }

    /// Checks the column as a whole, once all its labels were read.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(misfit) = &self.misfit {
            let values: Vec<String> = self.seen.iter().map(|value| shown(&value.text)).collect();
            bail!("{misfit}; {}", advice::positive(&values));
        }
        Ok(())
    }

    /// Checks that the positive value is there. `file` and `column` name the labels.
    pub(crate) fn check_positive(&self, column: &str) -> Result<(), Error> {
        let Some(Positive { value, found: false }) = &self.positive else { return Ok(()) };
        let some: Vec<String> = self.seen.iter().map(|value| format!("`{}`", shown(&value.text))).collect();
        let more = if self.seen.len() == SEEN { ", …" } else { "" };
        bail!("{column}: no label is `{}`, but {}{more}", shown(&value.text), some.join(", "))
    }
}

/// What is known of labels in some files of a data set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LabelKind {
    signed: Option<String>,
    unsigned: Option<String>,
    /// Texts, and the bits of the numbers that they are.
    seen: Vec<(String, Option<u64>)>,
    misfit: Option<String>,
    has_positive: bool,
}

/// A message about a value that is not a label.
fn misfit(text: Option<&str>, x: Option<f64>, place: &Place<'_>) -> String {
    let value = text.map_or_else(|| number(x.unwrap_or(f64::NAN)), shown);
    match x {
        Some(x) if (-1.0..=1.0).contains(&x) && (x >= 0.0 || x == -1.0) => format!(
            "{place}: the label {value} does not go with others: labels are between 0 and 1, or all of them -1 or +1"
        ),
        Some(_) => format!("{place}: the label {value} is not between 0 and 1, nor is it -1"),
        None => format!("{place}: the label `{value}` is not a number"),
    }
}

#[cfg(test)]
mod tests {
    use super::Labels;
    use crate::data::block::{Place, Row};

    fn place(line: u64) -> Place<'static> {
        Place { file: "a.csv", row: Row::Line(line), column: 1, name: "y" }
    }

    /// The codes of a column of text.
    fn read(cells: &[&str], positive: Option<&str>) -> Result<(Vec<f64>, bool), String> {
        let text = |error: crate::Error| error.to_string();
        let mut labels = Labels::new(positive).map_err(text)?;
        for (cell, line) in cells.iter().zip(2..) {
            labels.text(cell.as_bytes(), false, &place(line)).map_err(text)?;
        }
        labels.check().and_then(|()| labels.check_positive("a.csv, `y`")).map_err(text)?;
        let signed = labels.are_signed();
        Ok((labels.codes, signed))
    }

    #[test]
    fn probabilities_signs_and_truth() {
        assert_eq!(read(&["0", "1", "0.25", " 1.0 "], None), Ok((vec![0.0, 1.0, 0.25, 1.0], false)));
        assert_eq!(read(&["-1", "1", "+1"], None), Ok((vec![0.0, 1.0, 1.0], true)));
        assert_eq!(
            read(&["True", "false", "TRUE", "1", "0"], None),
            Ok((vec![1.0, 0.0, 1.0, 1.0, 0.0], false))
        );
        assert_eq!(read(&["1", "1"], None), Ok((vec![1.0, 1.0], false)));
    }

    #[test]
    fn a_positive_value_counts_one() {
        let cells = ["yes", "no", " yes\u{a0}", "maybe", "none", "1e400"];
        assert_eq!(read(&cells, Some("yes")), Ok((vec![1.0, 0.0, 1.0, 0.0, 0.0, 0.0], false)));
        assert_eq!(read(&["1", "2", "2.0"], Some("2")), Ok((vec![0.0, 1.0, 1.0], false)));
        assert_eq!(read(&["-1", "1"], Some("-1")), Ok((vec![1.0, 0.0], false)));
        assert_eq!(read(&["True", "FALSE"], Some("false")), Ok((vec![0.0, 1.0], false)));
        assert_eq!(read(&["True", "0"], Some("1")), Ok((vec![1.0, 0.0], false)));
        assert_eq!(read(&["inf", "x"], Some("inf")), Ok((vec![1.0, 0.0], false)));
        let mut labels = Labels::new(Some("1,5")).unwrap();
        labels.number(1.5, &place(2)).unwrap();
        assert_eq!(labels.codes, [1.0]);
    }

    #[test]
    fn two_other_values_are_named() {
        let two = |cells: &[&str]| read(cells, None).unwrap_err();
        assert_eq!(
            two(&["1", "2", "1"]),
            "a.csv, line 3, column 2 (`y`): the label 2 is not between 0 and 1, nor is it -1; the column has the \
             values `1` and `2`: name the one that counts 1 when fitting, with `--positive '2'` or `--positive '1'`"
        );
        let text = two(&["no", "yes", "no"]);
        assert!(text.starts_with("a.csv, line 2, column 2 (`y`): the label `no` is not a number"), "{text}");
        assert!(text.contains("`no` and `yes`") && text.contains("--positive 'yes'"), "{text}");
        assert!(two(&["0.5", "-1"]).contains("line 3, column 2 (`y`): the label -1 does not go with others"));
        assert!(two(&["0", "x", "0"]).contains("`0` and `x`"));
    }

    #[test]
    fn more_values_name_the_first_that_is_not_a_label() {
        let more = |cells: &[&str]| read(cells, None).unwrap_err();
        assert!(more(&["0", "1", "3", "0"]).starts_with("a.csv, line 4, column 2 (`y`): the label 3 is not"));
        assert!(
            more(&["a", "b", "c"])
                .starts_with("a.csv, line 2, column 2 (`y`): the label `a` is not a number")
        );
        assert!(
            more(&["-1", "0", "1"]).starts_with("a.csv, line 3, column 2 (`y`): the label 0 does not go")
        );
        assert!(more(&["5", "5"]).contains("--positive VALUE"));
    }

    /// Labels in two files, which are read in one place or in two.
    #[test]
    fn files_in_two_places_are_judged_as_in_one() {
        let columns: [&[&str]; 9] = [
            &[],
            &["0", "1"],
            &["-1", "1"],
            &["1", "1.0"],
            &["0.5"],
            &["no", "yes"],
            &["2", "1"],
            &["True", "-1"],
            &["a", "a"],
        ];
        let text = |error: crate::Error| error.to_string();
        for positive in [None, Some("1"), Some("yes"), Some("b")] {
            for (first, second) in columns.iter().flat_map(|a| columns.iter().map(move |b| (a, b))) {
                let column = |cells: &[&str], line: u64, labels: &mut Labels| {
                    cells.iter().zip(line..).try_for_each(|(cell, line)| {
                        labels.text(cell.as_bytes(), false, &place(line)).map_err(text)
                    })
                };
                let end = |labels: Labels| {
                    labels.check().and_then(|()| labels.check_positive("y")).map_err(text)?;
                    Ok(labels.are_signed())
                };
                let new = || Labels::new(positive).map_err(text).unwrap();
                let mut one = new();
                let one_place = column(first, 1, &mut one)
                    .and_then(|()| column(second, 9, &mut one))
                    .and_then(|()| end(one));
                let (mut all, mut others) = (new(), [new(), new()]);
                let two_places = column(first, 1, &mut others[0])
                    .and_then(|()| column(second, 9, &mut others[1]))
                    .and_then(|()| others.iter().try_for_each(|some| all.join(some.kind()).map_err(text)))
                    .and_then(|()| end(all));
                assert_eq!(two_places, one_place, "{first:?} and {second:?}, positive: {positive:?}");
            }
        }
    }

    #[test]
    fn a_missing_label_is_always_an_error() {
        for positive in [None, Some("1")] {
            assert_eq!(
                read(&["1", ""], positive).unwrap_err(),
                "a.csv, line 3, column 2 (`y`): the label is missing"
            );
            let text = read(&["1", "NaN"], positive).unwrap_err();
            assert_eq!(text, "a.csv, line 3, column 2 (`y`): the label is missing (`NaN`)");
            let mut labels = Labels::new(positive).unwrap();
            assert!(labels.number(f64::NAN, &place(2)).is_err());
        }
        assert!(Labels::new(Some(" NA ")).is_err());
    }

    #[test]
    fn a_positive_value_that_is_not_there_is_refused() {
        assert_eq!(read(&["a", "b"], Some("c")).unwrap_err(), "a.csv, `y`: no label is `c`, but `a`, `b`");
        let text = read(&["1", "2", "3", "4"], Some("c")).unwrap_err();
        assert_eq!(text, "a.csv, `y`: no label is `c`, but `1`, `2`, `3`, …");
    }
}
