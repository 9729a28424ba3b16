//! A model, as it is kept in a file: JSON, whose numbers read back to the same bits.

use crate::error::{Context, Error, ensure};
use crate::fit::{Fit, Options};
use crate::quantization::Quantization;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::Path;

/// The version of the format. Version 1 had labels in a column of the data, and nothing of what `positive`, `ignored`
/// and `missing` say.
const SCHEMA: u32 = 2;

/// The weights of a logistic regression on columns as they are, and the fit that they come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Model {
    /// The version of the format: 2. A model of version 1 becomes one of version 2 when it is read.
    pub schema: u32,
    /// The version of lanegrad that fitted it.
    pub lanegrad: String,
    /// The number of rows that it was fitted to.
    pub rows: usize,
    /// The penalty λ.
    pub l2: f64,
    /// The column of the labels; `None` if they were in a file of their own.
    pub label: Option<String>,
    /// The value of labels that counts 1; `None` if labels are numbers from 0 to 1, or -1 and +1.
    #[serde(default)]
    pub positive: Option<String>,
    /// The column of the sample weights.
    pub sample_weight: Option<String>,
    /// The columns that were not used.
    #[serde(default)]
    pub ignored: Vec<String>,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// A weight for each of these columns, to be applied to its numbers as they are.
    pub weights: Vec<f64>,
    /// The bias.
    pub bias: f64,
    /// The number for each of these columns that stands for a missing cell; `None` if missing cells are refused.
    #[serde(default)]
    pub missing: Option<Vec<f64>>,
    /// Mean and scale of each column, if the penalty was on the weights of standardised columns: such a weight
    /// is a weight times its scale.
    pub standardization: Option<Standardization>,
    /// What the numbers of the columns that it was fitted to stand for, if they were quantised. All else of the model is for
    /// what they stand for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<Quantization>,
}

/// Means and standard deviations of columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Standardization {
    /// The mean of each column.
    pub means: Vec<f64>,
    /// The standard deviation of each column; 1 where all numbers are equal.
    pub scales: Vec<f64>,
}

impl Model {
    /// The model of a fit to columns of these names. The columns' order is that of the fit. It says nothing of other
    /// columns, nor of missing cells.
    ///
    /// # Errors
    ///
    /// If there is not one name for each weight, or two names are the same.
    pub fn new(fit: &Fit, options: &Options, columns: Vec<String>) -> Result<Self, Error> {
        let standardization = || Standardization { means: fit.means.clone(), scales: fit.scales.clone() };
        let model = Self {
            schema: SCHEMA,
            lanegrad: env!("CARGO_PKG_VERSION").to_owned(),
            rows: fit.nrows,
            l2: options.l2,
            label: None,
            positive: None,
            sample_weight: None,
            ignored: Vec::new(),
            columns,
            weights: fit.weights.clone(),
            bias: fit.bias,
            missing: None,
            standardization: options.standardize.then(standardization),
            quantization: None,
        };
        model.check().context("the model does not hold together")?;
        Ok(model)
    }

    /// Reads a file with a model, and checks it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not a model of this version, or of version 1.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::from_json(&text).with_context(|| format!("{} is not a model of lanegrad", path.display()))
    }

    /// Reads a model from JSON, and checks it.
    ///
    /// # Errors
    ///
    /// If the text is not a model of this version, or of version 1.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        // The version first: a file of another one may lack fields.
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        const NOT_JSON: &str = "it cannot be read";
        let Version { schema } = serde_json::from_str(text).context(NOT_JSON)?;
        ensure!(
            (1..=SCHEMA).contains(&schema),
            "its schema is {schema}, and this version reads 1 and {SCHEMA}"
        );
        let mut model: Self = serde_json::from_str(text).context(NOT_JSON)?;
        ensure!(schema > 1 || model.label.is_some(), "it has no column of labels");
        model.schema = SCHEMA;
        model.check()?;
        Ok(model)
    }

    /// The model as JSON, which reads back to the same bits.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("strings and numbers can be written");
        json.push('\n');
        json
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let columns = self.columns.len();
        ensure!(columns > 0, "it has no columns");
        ensure!(self.weights.len() == columns, "it has {} weights for {columns} columns", self.weights.len());
        ensure!(
            self.weights.iter().all(|w| w.is_finite()) && self.bias.is_finite(),
            "a weight is not finite"
        );
        let mut seen = HashSet::new();
        for name in &self.columns {
            ensure!(seen.insert(name), "two of its columns are called {name:?}");
        }
        if let Some(missing) = &self.missing {
            ensure!(
                missing.len() == columns,
                "it has {} values for missing cells of {columns} columns",
                missing.len()
            );
            ensure!(missing.iter().all(|x| x.is_finite()), "a value for missing cells is not finite");
        }
        if let Some(Standardization { means, scales }) = &self.standardization {
            ensure!(
                means.len() == columns && scales.len() == columns,
                "not every column has a mean and a scale"
            );
        }
        if let Some(quantization) = &self.quantization {
            quantization.check(columns).context("its quantization")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Model, SCHEMA, Standardization};
    use crate::quantization::Quantization;

    fn parse(text: &str) -> Result<Model, crate::Error> {
        Model::from_json(text)
    }

    fn model() -> Model {
        Model {
            schema: SCHEMA,
            lanegrad: "0.0.0".to_owned(),
            rows: 3,
            l2: 1e-4,
            label: Some("y".to_owned()),
            positive: Some("-1".to_owned()),
            sample_weight: None,
            ignored: vec!["id".to_owned()],
            columns: vec!["a \"b\"".to_owned(), "c".to_owned()],
            weights: vec![0.1 + 0.2, -5e-324],
            bias: 1.0 / 3.0,
            missing: Some(vec![0.1, 1e-300]),
            standardization: Some(Standardization {
                means: vec![1e300, 0.0],
                scales: vec![1.0, 2.0_f64.sqrt()],
            }),
            quantization: Some(Quantization::new(vec![0.1, -3.0], vec![1e-300, 0.0]).unwrap()),
        }
    }

    #[test]
    fn numbers_keep_their_bits() {
        let mut model = model();
        assert_eq!(parse(&model.to_json()).unwrap(), model);
        let mut bits = 0x3ff0_0000_0000_0000_u64;
        for _ in 0..2000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            model.bias = f64::from_bits(bits >> 1);
            if model.bias.is_finite() {
                let again = parse(&model.to_json()).unwrap();
                assert_eq!(again.bias.to_bits(), model.bias.to_bits());
            }
        }
    }

    #[test]
    fn what_does_not_hold_together_is_refused() {
        let refused = |change: &dyn Fn(&mut Model)| {
            let mut model = model();
            change(&mut model);
            parse(&model.to_json()).unwrap_err().to_string()
        };
        assert!(refused(&|m| m.schema = 3).contains("schema is 3"));
        assert!(refused(&|m| m.schema = 0).contains("schema is 0"));
        assert!(refused(&|m| m.missing = Some(vec![1.0])).contains("1 values for missing cells of 2"));
        assert!(refused(&|m| m.weights.truncate(1)).contains("1 weights for 2 columns"));
        assert!(refused(&|m| m.columns[1] = m.columns[0].clone()).contains("two of its columns"));
        assert!(refused(&|m| m.columns.clear()).contains("no columns"));
        assert!(refused(&|m| m.standardization.as_mut().unwrap().means.clear()).contains("mean and a scale"));
        let one = Quantization::new(vec![1.0], vec![0.0]).unwrap();
        assert!(refused(&|m| m.quantization = Some(one.clone())).contains("quantization"));
        assert!(parse(&model().to_json().replace("-3.0", "0.0")).is_err());
        let json = model().to_json();
        for end in 0..json.trim_end().len() {
            assert!(parse(&json[..end]).is_err());
        }
    }
}
