//! Logistic regression from a data set to a model, on the passes of [`lanegrad`].
//!
//! [`fit`] minimises the mean log-loss of a [`lanegrad::Batch`] with an L2 penalty, by L-BFGS. One pass of an
//! engine over the rows gives loss and gradient; two more give means and scales of the columns. It runs on
//! the threads of the caller's rayon pool, and its result has the same bits on any number of threads and on
//! every fused instruction set.
//!
//! ```
//! use lanegrad::{Batch, Rows};
//! use lanegrad_fit::{Ending, Options, fit};
//!
//! let rows = Rows::new(&[0.5, 1.0, -1.0, 0.0, 2.0, 1.5, 0.0, -0.5], 4, 2)?;
//! let batch = Batch::new(rows, &[1.0, 0.0, 1.0, 0.0])?;
//! let mut options = Options::default();
//! options.l2 = 0.1;
//! let fit = fit(&batch, &options, |progress| println!("{}: {}", progress.iteration, progress.loss))?;
//! assert_eq!(fit.ending, Ending::Converged);
//! assert_eq!(fit.weights.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Files
//!
//! With the feature `files` (default), `data` reads CSV, NumPy's `.npy` and `.safetensors`; with the feature `parquet`
//! also Parquet. A `DataSet` is a table with its labels, in one file or several; fitting it gives a [`Model`], which is
//! kept as JSON. A `Predictor` applies a model to a file of any size, block by block. Rows are held in any type from `i8`
//! to `f64`; those of quantised columns stand for other numbers ([`Quantization`]).
#![cfg_attr(
    feature = "files",
    doc = r#"
```
use lanegrad_fit::data::Label;
use lanegrad_fit::{DataOptions, DataSet, Model, Options};
# let directory = std::env::temp_dir().join(format!("lanegrad-fit-{}", std::process::id()));
# std::fs::create_dir_all(&directory)?;
# let path = directory.join("small.csv");
# std::fs::write(&path, "x,y\n1,1\n2,0\n3,1\n0,0\n")?;

let set = DataSet::read(&[&path], &DataOptions::new(Label::Column("y".to_owned())))?;
let mut options = Options::default();
options.l2 = 0.1;
let (model, fit) = set.fit(&options, |_| {})?;
assert_eq!(Model::from_json(&model.to_json())?, model);
assert_eq!(fit.metrics.map(|metrics| metrics.weight), Some(4.0));
# std::fs::remove_dir_all(&directory)?;
# Ok::<(), Box<dyn std::error::Error>>(())
```
"#
)]

#[cfg(feature = "files")]
pub mod data;
#[cfg(feature = "files")]
mod dataset;
mod error;
mod features;
#[cfg(feature = "files")]
mod files;
mod fit;
mod metrics;
mod model;
mod moments;
mod number;
mod objective;
mod optimize;
mod passes;
#[cfg(feature = "files")]
mod predict;
mod quantization;
mod resolution;
mod score;
mod separation;
mod solve;
mod words;

#[cfg(feature = "files")]
pub use dataset::{Arrays, Copied, DataOptions, DataSet, Missing, Plan, ShardRows, Take, Workers};
pub use error::Error;
pub use fit::{Fit, Options, Warning, fit, fit_from};
pub use metrics::{Auc, Metrics, MetricsSum};
pub use model::{Model, Standardization};
pub use number::{Dtype, Held, Number, UnknownDtype};
pub use optimize::{
    Checkpoint, Ending, Evaluation, Identity, MinimizeOptions, Minimum, Objective, Observer, Point, Progress,
    minimize,
};
pub use passes::Passes;
#[cfg(feature = "files")]
pub use predict::{PredictOptions, Prediction, Predictor};
pub use quantization::Quantization;
pub use solve::train;
