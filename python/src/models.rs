//! Models, which Python holds as JSON.

use crate::errors::{refused, value_error};
use crate::fits::{AnyMatrix, dialect};
use crate::threads::{count, pool};
use lanegrad_fit::data::Source;
use lanegrad_fit::{Error, Model, PredictOptions, Predictor};
use numpy::PyArray1;
use pyo3::prelude::*;
use std::path::PathBuf;

/// The files that a path of data is read from: without the name of a tensor, and with what its numbers stand for.
#[pyfunction]
pub(crate) fn files_of(path: PathBuf) -> Vec<PathBuf> {
    lanegrad_fit::data::files_of(&path)
}

/// Checks a model, and returns it as this version writes it.
#[pyfunction]
pub(crate) fn read_model(json: &str) -> PyResult<String> {
    Ok(Model::from_json(json).map_err(refused)?.to_json())
}

/// The probability of each row of a matrix, whose columns are the model's in their order, or have these names.
#[pyfunction]
#[pyo3(signature = (json, rows, names, threads))]
pub(crate) fn predict_array<'py>(
    json: &str,
    rows: &Bound<'py, PyAny>,
    names: Option<Vec<String>>,
    threads: Option<i64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let model = Model::from_json(json).map_err(refused)?;
    let rows_of = AnyMatrix::new("data", rows)?;
    if rows_of.nrows() == 0 {
        return Err(value_error("data has no rows"));
    }
    let source = rows_of.array().and_then(|array| Source::of_array("data", array, names.as_deref()));
    let source = source.map_err(refused)?;
    let options = PredictOptions::default();
    predict(rows.py(), threads, || Predictor::of_source(&model, source, &options))
}

/// The probability of each row of files.
#[pyfunction]
#[pyo3(signature = (json, paths, delimiter, decimal_comma, threads, *, allow_empty=false))]
pub(crate) fn predict_files<'py>(
    py: Python<'py>,
    json: &str,
    paths: Vec<PathBuf>,
    delimiter: Option<&str>,
    decimal_comma: bool,
    threads: Option<i64>,
    allow_empty: bool,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let model = Model::from_json(json).map_err(refused)?;
    let options = PredictOptions { label: None, dialect: dialect(delimiter, decimal_comma)?, allow_empty };
    predict(py, threads, || Predictor::open(&model, &paths, &options))
}

fn predict<'py, 'a>(
    py: Python<'py>,
    threads: Option<i64>,
    open: impl FnOnce() -> Result<Predictor<'a>, Error> + Send,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let pool = pool(py, count(threads)?)?;
    let probabilities = py.detach(|| {
        pool.install(|| {
            let mut probabilities = Vec::new();
            open()?.run(|block| {
                probabilities.extend_from_slice(block);
                Ok::<(), Error>(())
            })?;
            Ok::<_, Error>(probabilities)
        })
    });
    Ok(PyArray1::from_vec(py, probabilities.map_err(refused)?))
}
