//! Values of arguments.

use anyhow::{Result, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use lanegrad_fit::Dtype;

/// The parser of a type of numbers.
pub(crate) fn dtype() -> impl TypedValueParser<Value = Dtype> {
    PossibleValuesParser::new(Dtype::ALL.iter().map(|dtype| dtype.name())).try_map(|name| name.parse())
}

/// A finite number of at least 0.
pub(crate) fn not_negative(text: &str) -> Result<f64> {
    let number: f64 = text.parse()?;
    ensure!(number >= 0.0 && number.is_finite(), "it is not a finite number of at least 0");
    Ok(number)
}
