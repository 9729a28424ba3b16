//! Errors as Python has them: `ValueError`, with the library's words.

use pyo3::PyErr;
use pyo3::exceptions::PyValueError;
use std::error::Error;
use std::iter::successors;

/// A `ValueError` of an error and its causes.
pub(crate) fn refused(error: impl Error + 'static) -> PyErr {
    let first: &(dyn Error + 'static) = &error;
    let texts: Vec<String> =
        successors(Some(first), |&error| error.source()).map(ToString::to_string).collect();
    PyValueError::new_err(in_python(&texts.join(": ")))
}

/// A `ValueError` of a text.
pub(crate) fn value_error(text: impl Into<String>) -> PyErr {
    PyValueError::new_err(text.into())
}

/// A text that names options of the command line, `` `--missing mean` ``, with Python's words for them:
/// `` `missing='mean'` ``.
fn in_python(text: &str) -> String {
    let part = |(i, part): (usize, &str)| match part.strip_prefix("--").filter(|_| i % 2 == 1) {
        None => part.to_owned(),
        Some(option) => match option.split_once(' ') {
            None => option.replace('-', "_"),
            Some((name, value)) => {
                let quoted = if value.starts_with('\'') { value.to_owned() } else { format!("'{value}'") };
                format!("{}={quoted}", name.replace('-', "_"))
            }
        },
    };
    // What stands between backticks is every second part.
    text.split('`').enumerate().map(part).collect::<Vec<_>>().join("`")
}
