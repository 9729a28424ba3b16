//! What is known of a data set beside its numbers: enough for its tag, and for the model of a fit.

use crate::data::{Columns, shown};
use crate::error::{Context, Error};
use crate::fit::{Fit, Options};
use crate::model::Model;
use crate::number::Dtype;
use crate::quantization::Quantization;
use crate::words::Hash;

/// A data set without its numbers.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    /// The names of all columns of the files.
    pub(super) names: Vec<String>,
    pub(super) columns: Columns,
    /// The number of rows of each file.
    pub(super) segments: Vec<u64>,
    /// The value of labels that counts 1.
    pub(super) positive: Option<String>,
    /// True where labels are -1 or +1.
    pub(super) signed: bool,
    /// The value of each feature that missing cells are filled with.
    pub(super) fills: Option<Vec<f64>>,
    /// What the numbers of the features stand for.
    pub(super) quantization: Option<Quantization>,
    /// The types that features are held in and computed with.
    pub(super) dtype: Dtype,
    pub(super) arithmetic: Dtype,
}

impl Schema {
    /// The tag of the data set: see [`DataSet::tag`](super::DataSet::tag).
    pub(super) fn tag(&self) -> u64 {
        let Self { names, columns, segments, positive, signed, fills, quantization, dtype, arithmetic } =
            self;
        let texts = |hash: Hash, texts: &[String]| {
            texts.iter().fold(hash.and(texts.len() as u64), |hash, text| hash.and_bytes(text.as_bytes()))
        };
        let Columns { label, sample_weight, ignored, dropped, features } = columns;
        let mut hash =
            segments.iter().fold(Hash::EMPTY.and(segments.len() as u64), |hash, &rows| hash.and(rows));
        hash = texts(hash, names);
        for some in [ignored, dropped, features] {
            hash = some.iter().fold(hash.and(some.len() as u64), |hash, &column| hash.and(column as u64));
        }
        for column in [label, sample_weight] {
            hash = hash.and(column.map_or(u64::MAX, |column| column as u64));
        }
        hash = texts(hash, positive.as_slice());
        let fills = fills.as_deref().unwrap_or_default();
        hash = fills.iter().fold(hash.and(fills.len() as u64), |hash, fill| hash.and(fill.to_bits()));
        hash = [u64::from(*signed), code(*dtype), code(*arithmetic)].into_iter().fold(hash, Hash::and);
        // Data sets that are not quantised have the tags that they had before any could be.
        let numbers = quantization.iter().flat_map(|all| all.scales().iter().chain(all.offsets()));
        numbers.fold(hash, |hash, x| hash.and(x.to_bits())).get()
    }

    /// The model of a fit to the features.
    pub(super) fn model(&self, fit: &Fit, options: &Options) -> Result<Model, Error> {
        let named = |columns: &[usize]| columns.iter().map(|&column| self.names[column].clone()).collect();
        let Columns { label, sample_weight, ignored, features, .. } = &self.columns;
        let mut model = Model::new(fit, options, named(features))?;
        model.label = label.map(|column| self.names[column].clone());
        model.positive = self.positive.clone();
        model.sample_weight = sample_weight.map(|column| self.names[column].clone());
        model.ignored = named(ignored);
        model.missing = self.fills.clone();
        if let Some(quantization) = self.quantization.clone() {
            quantization.unfold(&mut model, fit, options);
            model.check().context("the model does not hold together")?;
        }
        Ok(model)
    }

    /// The place of a column, for messages: `small.csv, column 2 (`x`)`.
    pub(super) fn place(&self, file: &str, column: usize) -> String {
        column_place(file, &self.names, column)
    }
}

/// A number for each type: its bytes, unless another type has as many.
fn code(dtype: Dtype) -> u64 {
    match dtype {
        Dtype::U8 => 0x101,
        Dtype::Bf16 => 0x102,
        other => other.bytes() as u64,
    }
}

/// The place of one of these columns.
pub(super) fn column_place(file: &str, names: &[String], column: usize) -> String {
    format!("{file}, column {} (`{}`)", column + 1, shown(&names[column]))
}
