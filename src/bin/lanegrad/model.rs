//! A model as a file: JSON, whose numbers read back to the same bits.

use crate::json;
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::Path;

/// The version of the format.
pub const SCHEMA: u32 = 1;

/// The weights of a logistic regression on raw columns, and where they come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of lanegrad that made it.
    pub lanegrad: String,
    /// Rows that it was fitted to.
    pub rows: usize,
    /// The penalty λ.
    pub l2: f64,
    /// The column of the labels.
    pub label: String,
    /// The column of the sample weights.
    pub sample_weight: Option<String>,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// A weight for each of them, to be applied to the numbers as they are.
    pub weights: Vec<f64>,
    /// What is added to their sum.
    pub bias: f64,
    /// Mean and scale of each column, where the penalty was on the weights of standardised columns: weight
    /// times scale is such a weight.
    pub standardization: Option<Standardization>,
}

/// Means and standard deviations of columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standardization {
    pub means: Vec<f64>,
    pub scales: Vec<f64>,
}

impl Model {
    /// Reads a model, and checks it.
    pub fn read(path: &Path) -> Result<Self> {
        json::read(path, SCHEMA, "a model of `lanegrad fit`", Self::check)
    }

    fn check(&self) -> Result<()> {
        let columns = self.columns.len();
        ensure!(columns > 0, "it has no columns");
        ensure!(self.weights.len() == columns, "it has {} weights for {columns} columns", self.weights.len());
        ensure!(
            self.weights.iter().all(|w| w.is_finite()) && self.bias.is_finite(),
            "a weight is not finite"
        );
        let mut seen = HashSet::new();
        for name in &self.columns {
            ensure!(seen.insert(name), "two of its columns are called `{name}`");
        }
        if let Some(Standardization { means, scales }) = &self.standardization {
            ensure!(
                means.len() == columns && scales.len() == columns,
                "not every column has a mean and a scale"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Model, SCHEMA, Standardization};
    use crate::json;

    fn parse(text: &str) -> anyhow::Result<Model> {
        json::parse(text, SCHEMA, Model::check)
    }

    fn model() -> Model {
        Model {
            schema: SCHEMA,
            lanegrad: "0.0.0".to_owned(),
            rows: 3,
            l2: 1e-4,
            label: "y".to_owned(),
            sample_weight: None,
            columns: vec!["a \"b\"".to_owned(), "c".to_owned()],
            weights: vec![0.1 + 0.2, -5e-324],
            bias: 1.0 / 3.0,
            standardization: Some(Standardization {
                means: vec![1e300, 0.0],
                scales: vec![1.0, 2.0_f64.sqrt()],
            }),
        }
    }

    #[test]
    fn numbers_keep_their_bits() {
        let mut model = model();
        assert_eq!(parse(&json::to_string(&model).unwrap()).unwrap(), model);
        let mut bits = 0x3ff0_0000_0000_0000_u64;
        for _ in 0..2000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            model.bias = f64::from_bits(bits >> 1);
            if model.bias.is_finite() {
                let again = parse(&json::to_string(&model).unwrap()).unwrap();
                assert_eq!(again.bias.to_bits(), model.bias.to_bits());
            }
        }
    }

    #[test]
    fn what_does_not_hold_together_is_refused() {
        let refused = |change: &dyn Fn(&mut Model)| {
            let mut model = model();
            change(&mut model);
            parse(&json::to_string(&model).unwrap()).unwrap_err().to_string()
        };
        assert!(refused(&|m| m.schema = 2).contains("schema is 2"));
        assert!(refused(&|m| m.weights.truncate(1)).contains("1 weights for 2 columns"));
        assert!(refused(&|m| m.columns[1] = m.columns[0].clone()).contains("two of its columns"));
        assert!(refused(&|m| m.columns.clear()).contains("no columns"));
        assert!(refused(&|m| m.standardization.as_mut().unwrap().means.clear()).contains("mean and a scale"));
        let json = json::to_string(&model()).unwrap();
        for end in 0..json.trim_end().len() {
            assert!(parse(&json[..end]).is_err());
        }
    }
}
