//! What the integers of quantised columns stand for.

use crate::error::{Context, Error, ensure};
use lanegrad::Scaling;
use serde::{Deserialize, Serialize};
#[cfg(feature = "files")]
use {
    crate::fit::{Fit, Options},
    crate::model::{Model, Standardization},
    lanegrad::Params,
};

/// What the numbers q of quantised columns stand for: x = scale q + offset, for each column. A column with a scale of 1 and
/// an offset of 0 is as it is.
///
/// Beside a file `rows.npy` it is the file `rows.npy.scaling.json`, with the fields of this type; a `.safetensors` has the
/// same text among its metadata, by the name of the tensor with `.scaling` behind it. A fit reads it there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Quantization(Scaling);

/// The same as it is written, before it is checked.
#[derive(Serialize, Deserialize)]
struct Parts {
    scales: Vec<f64>,
    offsets: Vec<f64>,
}

impl TryFrom<Parts> for Quantization {
    type Error = Error;

    fn try_from(Parts { scales, offsets }: Parts) -> Result<Self, Error> {
        Self::new(scales, offsets)
    }
}

impl From<Quantization> for Parts {
    fn from(all: Quantization) -> Self {
        Self { scales: all.scales().to_vec(), offsets: all.offsets().to_vec() }
    }
}

impl Quantization {
    /// Of these scales and offsets.
    ///
    /// # Errors
    ///
    /// If there is not an offset for each scale, one of them is not finite, or a scale is 0.
    pub fn new(scales: Vec<f64>, offsets: Vec<f64>) -> Result<Self, Error> {
        Scaling::new(scales, offsets).map(Self).map_err(|error| Error::new(error.to_string()))
    }

    /// Reads it from JSON, for so many columns.
    ///
    /// # Errors
    ///
    /// If it is none, or one of other columns; and those of [`new`](Self::new).
    pub fn from_json(text: &[u8], ncols: usize) -> Result<Self, Error> {
        let all: Self = serde_json::from_slice(text).context("it is no scaling of columns")?;
        all.check(ncols)?;
        Ok(all)
    }

    /// As JSON, which reads back to the same bits.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string(self).expect("numbers can be written");
        json.push('\n');
        json
    }

    /// The same, to compute with.
    #[must_use]
    pub fn scaling(&self) -> &Scaling {
        &self.0
    }

    pub(crate) fn check(&self, ncols: usize) -> Result<(), Error> {
        ensure!(self.scales().len() == ncols, "it has {} scales for {ncols} columns", self.scales().len());
        Ok(())
    }

    /// The scale of each column: finite, and not 0.
    #[must_use]
    pub fn scales(&self) -> &[f64] {
        self.0.scales()
    }

    /// The offset of each column: finite.
    #[must_use]
    pub fn offsets(&self) -> &[f64] {
        self.0.offsets()
    }

    /// The scale and the offset of a column; of one that is not there those that change nothing.
    pub(crate) fn column(&self, column: usize) -> (f64, f64) {
        let of = |all: &[f64]| all.get(column).copied();
        of(self.scales()).zip(of(self.offsets())).unwrap_or((1.0, 0.0))
    }

    /// True where a column's numbers stand for others.
    #[must_use]
    pub fn changes(&self, column: usize) -> bool {
        self.column(column) != (1.0, 0.0)
    }

    /// Refuses a column of labels or sample weights whose numbers stand for others; `place` says which it is.
    #[cfg(feature = "files")]
    pub(crate) fn refuse_change(
        &self,
        column: usize,
        what: &str,
        place: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        ensure!(!self.changes(column), "{}: the {what} are quantised, which they must not be", place());
        Ok(())
    }

    /// That of some of the columns, in this order.
    #[must_use]
    pub fn of(&self, columns: &[usize]) -> Self {
        let (scales, offsets) = columns.iter().map(|&column| self.column(column)).unzip();
        Self(Scaling::new(scales, offsets).expect("as many of both, which were checked"))
    }

    /// Makes the numbers of a row those that they stand for. Of more numbers than columns the others stay.
    pub fn restore(&self, row: &mut [f64]) {
        for (x, (scale, offset)) in row.iter_mut().zip(self.scales().iter().zip(self.offsets())) {
            *x = *x * scale + offset;
        }
    }

    /// The number that stands for another.
    pub(crate) fn quantized(&self, column: usize, x: f64) -> f64 {
        let (scale, offset) = self.column(column);
        // 0.0 where nothing is to be changed, and not -0.0.
        (x - offset) / scale + 0.0
    }
}

#[cfg(feature = "files")]
impl Quantization {
    /// The weights and the bias for the numbers themselves of those for what they stand for.
    pub(crate) fn fold(&self, weights: &[f64], bias: f64) -> Result<(Vec<f64>, f64), Error> {
        let mut folded = vec![0.0; weights.len()];
        let bias = self.0.fold(Params::new(weights, bias), &mut folded)?;
        Ok((folded, bias))
    }

    /// Makes a model of a fit to the numbers one for what they stand for.
    pub(crate) fn unfold(self, model: &mut Model, fit: &Fit, options: &Options) {
        let columns = || self.scales().iter().zip(self.offsets());
        for (weight, (scale, offset)) in model.weights.iter_mut().zip(columns()) {
            *weight /= scale;
            model.bias -= *weight * offset;
        }
        for (fill, (scale, offset)) in model.missing.iter_mut().flatten().zip(columns()) {
            *fill = *fill * scale + offset;
        }
        if let Some(Standardization { means, scales }) = &mut model.standardization {
            for (mean, (scale, offset)) in means.iter_mut().zip(columns()) {
                *mean = *mean * scale + offset;
            }
            for ((deviation, (scale, _)), weight) in scales.iter_mut().zip(columns()).zip(&fit.weights) {
                // That of a constant column is 1, of whatever numbers.
                if (*deviation, *weight) != (1.0, 0.0) {
                    *deviation *= scale.abs();
                }
            }
        }
        if !options.bias {
            // Centres were what stands for 0, and the bias what makes up for that.
            model.bias = 0.0;
            model.standardization.iter_mut().for_each(|standardization| standardization.means.fill(0.0));
        }
        model.quantization = Some(self);
    }
}

#[cfg(test)]
mod tests {
    use super::Quantization;
    use crate::error::chain;

    #[test]
    fn it_reads_back_or_is_refused_in_words() {
        let all = Quantization::new(vec![0.1, -1e-300], vec![1.0 / 3.0, 0.0]).unwrap();
        assert_eq!(Quantization::from_json(all.to_json().as_bytes(), 2).unwrap(), all);
        for (text, words) in [
            (r#"{"scales":[1.0,2.0],"offsets":[0.0]}"#, "offsets"),
            (r#"{"scales":[1.0,0.0],"offsets":[0.0,0.0]}"#, "0"),
            (r#"{"scales":[1.0],"offsets":[0.0]}"#, "1 scales for 2 columns"),
            (r#"{"scales":[1.0,null],"offsets":[0.0,0.0]}"#, "no scaling"),
            (r#"{"scales":[1.0,2.0]}"#, "offsets"),
            ("", "no scaling"),
        ] {
            let error = chain(&Quantization::from_json(text.as_bytes(), 2).unwrap_err());
            assert!(error.contains(words), "{text}: {error}");
        }
        assert!(Quantization::new(vec![f64::INFINITY], vec![0.0]).is_err());
        assert!(Quantization::new(vec![1.0], vec![f64::NAN]).is_err());
    }
}
