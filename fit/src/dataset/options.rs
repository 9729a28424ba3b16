//! What is read for a fit.

use crate::data::Label;
#[cfg(doc)]
use crate::data::Source;
use crate::data::csv::Dialect;
use crate::number::Dtype;
use serde::{Deserialize, Serialize};

/// The columns of a fit, and how they are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DataOptions {
    /// Where the labels are: probabilities from 0 to 1, or all of them -1 or +1, of which -1 stands for 0; `True` and
    /// `False` are 1 and 0.
    pub label: Label,
    /// The value of labels that counts 1, a number or a text; all others count 0.
    pub positive: Option<String>,
    /// The column of the sample weights, by name or number: how often a row counts.
    pub sample_weight: Option<String>,
    /// Columns that are not features, by name or number.
    pub ignore: Vec<String>,
    /// What is done with missing cells of features.
    pub missing: Missing,
    /// The dialect of CSV files.
    pub dialect: Dialect,
    /// The type that the features are held in. `None` is `f32` for arithmetic in `f32`, else the type of the numbers
    /// in an array (see [`Source::dtype`]), and `f64` for other files.
    pub dtype: Option<Dtype>,
    /// The type of the arithmetic. `f32` needs features that are held in `f32`.
    pub arithmetic: Dtype,
}

impl DataOptions {
    /// All columns but those of the labels as features, and arithmetic in `f64`.
    #[must_use]
    pub fn new(label: Label) -> Self {
        Self {
            label,
            positive: None,
            sample_weight: None,
            ignore: Vec::new(),
            missing: Missing::Refuse,
            dialect: Dialect::default(),
            dtype: None,
            arithmetic: Dtype::F64,
        }
    }
}

/// What is done with missing cells of features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Missing {
    /// They are an error.
    #[default]
    Refuse,
    /// They are filled with the mean of their column over all rows that have a number there, weighted by the sample
    /// weights and rounded to the type that the features are held in. The model keeps the means of all columns, as new
    /// data may miss others.
    Mean,
}
