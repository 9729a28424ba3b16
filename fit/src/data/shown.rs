//! Texts and numbers of a data set in messages: short, and nothing in them that a terminal would obey or hide.

use std::borrow::Cow;
use std::fmt::Write;

/// Characters of a text that are shown.
const LENGTH: usize = 40;

/// A text as a message shows it: its first 40 characters, those escaped that cannot be seen.
///
/// ```
/// use lanegrad_fit::data::shown;
///
/// assert_eq!(shown("4\u{a0}"), r"4\u{a0}");
/// assert_eq!(shown("\u{1b}[31mred"), r"\u{1b}[31mred");
/// ```
#[must_use]
pub fn shown(text: &str) -> String {
    shown_bytes(text.as_bytes())
}

/// The same of bytes, of which those that are not UTF-8 are escaped.
pub(crate) fn shown_bytes(text: &[u8]) -> String {
    let (mut out, mut left) = (String::new(), LENGTH);
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            if left == 0 {
                return out + "…";
            }
            left -= 1;
            // The standard library knows what cannot be seen; it escapes quotes too, for the sake of source code.
            if matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1 {
                out.push(c);
            } else {
                out.extend(c.escape_unicode());
            }
        }
        for byte in chunk.invalid() {
            if left == 0 {
                return out + "…";
            }
            left -= 1;
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// A number as a message shows it: with an exponent where it would have many digits.
pub(crate) fn number(x: f64) -> String {
    let plain = x == 0.0 || !x.is_finite() || (1e-5..1e16).contains(&x.abs());
    if plain { x.to_string() } else { format!("{x:e}") }
}

/// True for blanks, and for characters that have no width.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A text without the blanks around it, of which some cannot be seen.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// The same of a cell, whose bytes that are not UTF-8 become replacement characters.
pub(crate) fn trim_bytes(text: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(text) {
        Cow::Borrowed(text) => Cow::Borrowed(trim(text)),
        Cow::Owned(text) => Cow::Owned(trim(&text).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{number, shown, shown_bytes, trim};

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        assert_eq!(shown("plain 'text' with \"quotes\", ä and \\"), "plain 'text' with \"quotes\", ä and \\");
        assert_eq!(
            shown("4\u{a0}\u{200b}\t\r\n\0\u{1b}[2J"),
            r"4\u{a0}\u{200b}\u{9}\u{d}\u{a}\u{0}\u{1b}[2J"
        );
        assert_eq!(shown("\u{202e}abc"), r"\u{202e}abc");
        assert_eq!(shown_bytes(b"a\xffb"), r"a\xffb");
    }

    #[test]
    fn what_is_long_is_cut() {
        assert_eq!(shown(&"x".repeat(40)), "x".repeat(40));
        assert_eq!(shown(&"ä".repeat(41)), "ä".repeat(40) + "…");
        assert_eq!(shown_bytes(&[0xff; 50]), r"\xff".repeat(40) + "…");
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, -1.5, 3.0, 1e15, 1e300, -2.5e-7, f64::NAN, f64::INFINITY].map(number);
        assert_eq!(texts, ["0", "-1.5", "3", "1000000000000000", "1e300", "-2.5e-7", "NaN", "inf"]);
    }

    #[test]
    fn blanks_are_trimmed() {
        assert_eq!(trim("\u{feff} \u{a0}a b\u{200b}\t"), "a b");
    }
}
