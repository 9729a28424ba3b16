//! The ways out that messages name, in the words of the program `lanegrad`: what another program calls an option is
//! its own matter, but this is the only place where the words stand.

#[cfg(feature = "parquet")]
use super::shown::shown;

/// A file that looks separated by another character.
pub(super) fn delimiter(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "`--delimiter tab`".to_owned(),
        other => format!("`--delimiter '{}'`", char::from(other)),
    }
}

/// A column, from 0, that has no name.
pub(super) fn nameless(column: usize) -> String {
    format!("give it a name in the header line to keep it, or ignore it with `--ignore {column}`")
}

/// A column that cannot be a feature.
#[cfg(feature = "parquet")]
pub(super) fn ignore(name: &str) -> String {
    format!("`--ignore '{}'` leaves it out", shown(name))
}

/// Labels that are neither from 0 to 1 nor signs: two values, or more.
pub(super) fn positive(values: &[String]) -> String {
    match values {
        [a, b] => format!(
            "the column has the values `{a}` and `{b}`: name the one that counts 1 when fitting, with \
             `--positive '{b}'` or `--positive '{a}'`"
        ),
        _ => {
            "`--positive VALUE` names the value that counts 1 when fitting, and all others count 0".to_owned()
        }
    }
}

/// Missing cells of features.
pub(crate) const FILL: &str = "`--missing mean` fills such cells with the mean of their column when fitting";
