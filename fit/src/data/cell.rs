//! A cell of text: a number, a missing value, or neither.

use super::shown::trim_bytes;
use crate::number::{Held, parse};

/// The meaning of a cell's text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<T> {
    /// A finite number.
    Number(T),
    /// Infinity, written out.
    Infinite(T),
    /// A number that is too large for its type.
    TooLarge,
    /// A missing value.
    Missing,
    /// A number that its type, one of integers, has not.
    NotHeld,
    /// Something else.
    Text,
}

/// Texts that stand for a missing value, in any case, beside a cell that is empty. `none` is not among them: as a
/// label it may well be a class.
const MISSING: [&str; 6] = ["na", "n/a", "#n/a", "nan", "?", "null"];

/// True for the text of a missing value without blanks around it.
pub(super) fn is_missing(text: &str) -> bool {
    text.is_empty()
        || MISSING.iter().any(|missing| missing.eq_ignore_ascii_case(text))
        || parse::<f64>(text.as_bytes()).is_some_and(f64::is_nan)
}

impl<T: Held> Cell<T> {
    /// The meaning of a text. With a decimal comma, `1,5` is a number and `1.5` is none.
    #[inline]
    pub(super) fn new(text: &[u8], decimal_comma: bool) -> Self {
        match number::<T>(text, decimal_comma) {
            Some(x) if x.double().is_finite() => Self::Number(x),
            _ => Self::trimmed(text, decimal_comma),
        }
    }

    #[cold]
    fn trimmed(text: &[u8], decimal_comma: bool) -> Self {
        let text = trim_bytes(text);
        if is_missing(&text) {
            return Self::Missing;
        }
        match number::<T>(text.as_bytes(), decimal_comma) {
            Some(x) if x.double().is_finite() => Self::Number(x),
            Some(_) if text.bytes().any(|byte| byte.is_ascii_digit()) => Self::TooLarge,
            Some(x) => Self::Infinite(x),
            None if number::<f64>(text.as_bytes(), decimal_comma).is_some() => Self::NotHeld,
            None => Self::Text,
        }
    }
}

/// The nearest number to a text.
#[inline]
pub(super) fn number<T: Held>(text: &[u8], decimal_comma: bool) -> Option<T> {
    if decimal_comma { with_comma(text) } else { parse(text) }
}

fn with_comma<T: Held>(text: &[u8]) -> Option<T> {
    if text.contains(&b'.') {
        return None;
    }
    let point = |&byte: &u8| if byte == b',' { b'.' } else { byte };
    // Most texts are short: their copy needs no allocation.
    let mut short = [0; 32];
    match short.get_mut(..text.len()) {
        Some(short) => {
            short.iter_mut().zip(text).for_each(|(out, byte)| *out = point(byte));
            parse(short)
        }
        None => parse(&text.iter().map(point).collect::<Vec<u8>>()),
    }
}

#[cfg(test)]
mod tests {
    use super::Cell;

    #[test]
    fn numbers_are_the_nearest_in_their_type() {
        assert_eq!(Cell::new(b"0.1", false), Cell::Number(0.1_f32));
        assert_eq!(Cell::new(b"16777217", false), Cell::Number(16_777_216.0_f32));
        assert_eq!(Cell::new(b" -2.5e3\t", false), Cell::Number(-2500.0));
        assert_eq!(Cell::new("\u{a0}4\u{a0}\u{200b}".as_bytes(), false), Cell::Number(4.0));
        assert_eq!(Cell::new(b"+.5", false), Cell::Number(0.5));
        assert_eq!(Cell::new(b"1e-400", false), Cell::Number(0.0));
    }

    #[test]
    fn what_does_not_fit_is_no_infinity() {
        for text in ["1e400", "-1e400", " 1e309", "9".repeat(400).as_str()] {
            assert_eq!(Cell::<f64>::new(text.as_bytes(), false), Cell::TooLarge, "{text}");
        }
        assert_eq!(Cell::<f32>::new(b"1e39", false), Cell::TooLarge);
        assert_eq!(Cell::new(b"1e39", false), Cell::Number(1e39));
        for text in ["inf", "+INF", " Infinity"] {
            assert_eq!(Cell::new(text.as_bytes(), false), Cell::Infinite(f64::INFINITY), "{text}");
        }
        assert_eq!(Cell::new(b"-inf", false), Cell::Infinite(f32::NEG_INFINITY));
    }

    #[test]
    fn missing_values_have_many_spellings() {
        for text in
            ["", "  ", "\u{a0}", "NA", "na", "N/A", "#N/A", "NaN", "-nan", "+NaN", "?", "null", " NULL "]
        {
            assert_eq!(Cell::<f64>::new(text.as_bytes(), false), Cell::Missing, "{text:?}");
            assert_eq!(Cell::<f32>::new(text.as_bytes(), true), Cell::Missing, "{text:?}");
        }
        for text in
            ["none", "x", "1x", "1 2", "--1", "e5", ".", "-", "1.2.3", "0x10", "1_000", "\u{ff11}", "a\u{0}"]
        {
            assert_eq!(Cell::<f64>::new(text.as_bytes(), false), Cell::Text, "{text:?}");
        }
        assert_eq!(Cell::<f64>::new(b"1\xff", false), Cell::Text);
    }

    #[test]
    fn a_decimal_comma_replaces_the_point() {
        assert_eq!(Cell::new(b"-1,5e2", true), Cell::Number(-150.0));
        assert_eq!(Cell::new(b"12", true), Cell::Number(12.0));
        assert_eq!(Cell::<f64>::new(b"1.5", true), Cell::Text);
        assert_eq!(Cell::<f64>::new(b"1.234,5", true), Cell::Text);
        assert_eq!(Cell::<f64>::new(b"1,2,3", true), Cell::Text);
        assert_eq!(Cell::<f64>::new(b"1,5", false), Cell::Text);
        let long = format!("0,{}1", "0".repeat(60));
        assert_eq!(Cell::new(long.as_bytes(), true), Cell::Number(1e-61));
    }
}
