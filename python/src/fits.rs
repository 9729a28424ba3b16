//! Fits: of data sets in files or in arrays, as `lanegrad fit` makes them; and of rows, for the estimator.

use crate::arrays::{Held, Matrix, held, name_of, read, slice, vector};
use crate::errors::{refused, value_error};
use crate::passes::{Data, RowArguments, result};
use crate::threads::count;
use crate::watch::{Callbacks, watched};
use half::{bf16, f16};
use lanegrad::Params;
use lanegrad_fit::data::npy::Array;
use lanegrad_fit::data::{Label, csv::Dialect};
use lanegrad_fit::{
    Arrays, Checkpoint, DataOptions, DataSet, Dtype, Ending, Fit, Missing, Model, Observer, Options, Warning,
    fit_from,
};
use numpy::{PyArray1, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use std::path::PathBuf;

/// The options of a fit, as `lanegrad.fit` has checked their types: the items of a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct FitOptions {
    label: Option<String>,
    label_files: Vec<PathBuf>,
    positive: Option<String>,
    /// True where labels were compared with the positive value already.
    compared: bool,
    sample_weight: Option<String>,
    ignore: Vec<String>,
    missing: String,
    delimiter: Option<String>,
    decimal_comma: bool,
    dtype: Option<String>,
    arithmetic: String,
    l2: f64,
    standardize: bool,
    bias: bool,
    tol: f64,
    max_iter: u64,
    pub(crate) resume: Option<Vec<u8>>,
    threads: Option<i64>,
    pub(crate) on_iteration: Option<Py<PyAny>>,
    pub(crate) keep: Option<Py<PyAny>>,
}

impl FitOptions {
    pub(crate) fn data(&self, arrays: bool) -> PyResult<DataOptions> {
        let label = match (&self.label, arrays) {
            (Some(column), _) => Label::Column(column.clone()),
            (None, true) => Label::Arrays,
            (None, false) => Label::Files(self.label_files.clone()),
        };
        let mut options = DataOptions::new(label);
        options.positive = self.positive.clone().filter(|_| !self.compared);
        options.sample_weight = self.sample_weight.clone();
        options.ignore = self.ignore.clone();
        options.missing = match &*self.missing {
            "refuse" => Missing::Refuse,
            "mean" => Missing::Mean,
            other => {
                return Err(value_error(format!("`missing` is {other:?}, and not \"refuse\" or \"mean\"")));
            }
        };
        options.dialect = dialect(self.delimiter.as_deref(), self.decimal_comma)?;
        options.dtype = self.dtype.as_deref().map(|name| dtype("dtype", name, Dtype::ALL)).transpose()?;
        options.arithmetic = dtype("arithmetic", &self.arithmetic, Dtype::ARITHMETIC)?;
        Ok(options)
    }

    pub(crate) fn fit(&self) -> Options {
        let mut options = Options::default();
        (options.l2, options.standardize, options.bias) = (self.l2, self.standardize, self.bias);
        (options.tolerance, options.max_iterations) = (self.tol, self.max_iter);
        options
    }
}

/// The dialect of CSV files.
pub(crate) fn dialect(delimiter: Option<&str>, decimal_comma: bool) -> PyResult<Dialect> {
    let delimiter = match delimiter.map(str::as_bytes) {
        None => None,
        Some(b"tab") => Some(b'\t'),
        Some(&[byte]) if byte.is_ascii() && !b"\"\r\n".contains(&byte) => Some(byte),
        Some(_) => return Err(value_error("`delimiter` is not a character of ASCII, or \"tab\"")),
    };
    Ok(Dialect { delimiter, decimal_comma })
}

/// The type of an option, one of these.
pub(crate) fn dtype(option: &str, name: &str, all: &[Dtype]) -> PyResult<Dtype> {
    all.iter().copied().find(|&dtype| name_of(dtype) == name).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|&dtype| name_of(dtype)).collect();
        value_error(format!("`{option}` is {name}, and not {}", names.join(" or ")))
    })
}

/// Fits a model to files: its JSON, the report, and the exception that ended the fit early.
#[pyfunction]
pub(crate) fn fit_files<'py>(
    py: Python<'py>,
    paths: Vec<PathBuf>,
    options: FitOptions,
) -> PyResult<Fitted<'py>> {
    let data = options.data(false)?;
    run(py, options, |options, resume, observer| {
        // No pass was made yet, and none is begun after the reading was ended.
        let set = DataSet::read_watched(&paths, &data, |_, _| observer.passed(0))?;
        set.fit_with(options, resume, observer)
    })
}

/// The arrays of a segment: rows, labels and sample weights.
type Segment<'py> = (Bound<'py, PyAny>, Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>);

/// Fits a model to arrays, likewise.
#[pyfunction]
#[pyo3(signature = (segments, names, options))]
pub(crate) fn fit_arrays<'py>(
    py: Python<'py>,
    segments: Vec<Segment<'py>>,
    names: Option<Vec<String>>,
    options: FitOptions,
) -> PyResult<Fitted<'py>> {
    let data = options.data(true)?;
    let one = segments.len() == 1;
    let tables = segments.iter().enumerate().map(|(i, (rows, labels, weights))| {
        let name = if one { "data".to_owned() } else { format!("data[{i}]") };
        Table::new(name, rows, labels.as_ref(), weights.as_ref())
    });
    let tables = tables.collect::<PyResult<Vec<Table<'py>>>>()?;
    let arrays = tables.iter().map(Table::arrays).collect::<Result<Vec<_>, _>>().map_err(refused)?;
    run(py, options, |options, resume, observer| {
        DataSet::of_arrays(arrays, names.as_deref(), &data)?.fit_with(options, resume, observer)
    })
}

/// A segment in memory.
pub(crate) struct Table<'py> {
    name: String,
    rows: AnyMatrix<'py>,
    labels: Option<PyReadonlyArrayDyn<'py, f64>>,
    sample_weights: Option<PyReadonlyArrayDyn<'py, f64>>,
}

impl<'py> Table<'py> {
    pub(crate) fn new(
        name: String,
        rows: &Bound<'py, PyAny>,
        labels: Option<&Bound<'py, PyAny>>,
        sample_weights: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        let column = |name: &str, object: Option<&Bound<'py, PyAny>>| {
            object.map(|object| read(name, &vector::<f64>(name, object)?)).transpose()
        };
        Ok(Self {
            rows: AnyMatrix::new(&name, rows)?,
            labels: column("label", labels)?,
            sample_weights: column("sample_weight", sample_weights)?,
            name,
        })
    }

    pub(crate) fn arrays(&self) -> Result<Arrays<'_>, lanegrad_fit::Error> {
        let mut arrays = Arrays::new(&*self.name, self.rows.array()?);
        arrays.labels = self.labels.as_ref().map(one_column).transpose()?;
        arrays.sample_weights = self.sample_weights.as_ref().map(one_column).transpose()?;
        Ok(arrays)
    }
}

fn one_column<'a>(numbers: &'a PyReadonlyArrayDyn<'_, f64>) -> Result<Array<'a>, lanegrad_fit::Error> {
    let numbers = slice(numbers);
    Array::of(numbers, numbers.len(), 1)
}

/// A matrix of one of the types.
pub(crate) enum AnyMatrix<'py> {
    I8(Matrix<'py, i8>),
    U8(Matrix<'py, u8>),
    Bf16(Matrix<'py, bf16>),
    F16(Matrix<'py, f16>),
    F32(Matrix<'py, f32>),
    F64(Matrix<'py, f64>),
}

macro_rules! for_matrix {
    ($any:expr, $matrix:ident => $e:expr) => {
        match $any {
            AnyMatrix::I8($matrix) => $e,
            AnyMatrix::U8($matrix) => $e,
            AnyMatrix::Bf16($matrix) => $e,
            AnyMatrix::F16($matrix) => $e,
            AnyMatrix::F32($matrix) => $e,
            AnyMatrix::F64($matrix) => $e,
        }
    };
}

impl<'py> AnyMatrix<'py> {
    pub(crate) fn new(name: &str, object: &Bound<'py, PyAny>) -> PyResult<Self> {
        Ok(match held(object) {
            Dtype::I8 => Self::I8(Matrix::packed(name, object)?),
            Dtype::U8 => Self::U8(Matrix::packed(name, object)?),
            Dtype::Bf16 => Self::Bf16(Matrix::packed(name, object)?),
            Dtype::F16 => Self::F16(Matrix::packed(name, object)?),
            Dtype::F32 => Self::F32(Matrix::packed(name, object)?),
            Dtype::F64 => Self::F64(Matrix::packed(name, object)?),
        })
    }

    pub(crate) fn nrows(&self) -> usize {
        for_matrix!(self, matrix => matrix.nrows())
    }

    /// The numbers, as those of a file are.
    pub(crate) fn array(&self) -> Result<Array<'_>, lanegrad_fit::Error> {
        for_matrix!(self, matrix => Array::of(matrix.numbers(), matrix.nrows(), matrix.ncols()))
    }
}

/// A model as JSON, a `lanegrad.Report`, and the exception that ended the fit early.
pub(crate) type Fitted<'py> = (String, Bound<'py, PyAny>, Option<PyErr>);

fn run<'py>(
    py: Python<'py>,
    mut arguments: FitOptions,
    fit: impl FnOnce(&Options, Option<Checkpoint>, &mut dyn Observer) -> Result<(Model, Fit), lanegrad_fit::Error>
    + Send,
) -> PyResult<Fitted<'py>> {
    let callbacks = Callbacks { on_iteration: arguments.on_iteration.take(), keep: arguments.keep.take() };
    let resume = arguments.resume.as_deref().map(Checkpoint::from_bytes).transpose().map_err(refused)?;
    let (options, threads) = (arguments.fit(), count(arguments.threads)?);
    let (found, exception) = watched(py, threads, &callbacks, |observer| fit(&options, resume, observer))?;
    let found = found.map(|(mut model, fit)| {
        model.positive = arguments.positive;
        (model, fit)
    });
    fitted(py, found, exception)
}

/// What a fit has found, and the exception that ended it early.
pub(crate) fn fitted<'py>(
    py: Python<'py>,
    found: Result<(Model, Fit), lanegrad_fit::Error>,
    exception: Option<PyErr>,
) -> PyResult<Fitted<'py>> {
    match (found, exception) {
        (Ok((model, fit)), exception) => Ok((model.to_json(), report(py, &model, &fit)?, exception)),
        // What was cancelled before there was anything to return.
        (Err(_), Some(exception)) => Err(exception),
        (Err(error), None) => Err(refused(error)),
    }
}

fn report<'py>(py: Python<'py>, model: &Model, fit: &Fit) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let warnings: Vec<String> = fit.warnings.iter().map(|&warning| words(warning, &model.columns)).collect();
    let (accuracy, auc) = fit.metrics.map_or((None, None), |metrics| (Some(metrics.accuracy), metrics.auc));
    let auc = auc.map(|auc| auc.value);
    let Fit { nrows, loss, objective, gradient, iterations, passes, .. } = *fit;
    let (seconds, end) = (fit.elapsed.as_secs_f64(), ending(fit.ending));
    let fields =
        (nrows, loss, objective, gradient, iterations, passes, seconds, end, accuracy, auc, warnings);
    result(py, &CLASS, "Report", fields)
}

const fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Converged => "converged",
        Ending::Stalled => "stalled",
        Ending::OutOfIterations => "max_iter",
        _ => "cancelled",
    }
}

/// A warning in Python's words.
fn words(warning: Warning, columns: &[String]) -> String {
    match warning {
        Warning::OneClass => "all rows are of one class: the bias has no finite optimum".to_owned(),
        Warning::Separable => {
            "the classes can be separated: without a penalty (`l2`) the weights have no finite optimum"
                .to_owned()
        }
        Warning::QuasiSeparable => {
            "the classes can be separated but for rows on the boundary: without a penalty \
            (`l2`) the weights have no finite optimum"
                .to_owned()
        }
        Warning::Unresolved { column, by_f64 } => {
            let name = columns.get(column).map_or("", String::as_str);
            let what =
                if by_f64 { "arithmetic='float64' can" } else { "subtract a number near its mean from it" };
            format!(
                "the arithmetic cannot resolve the column `{name}`, whose numbers are far from 0 for their spread: {what}"
            )
        }
        _ => "the result may not be the optimum".to_owned(),
    }
}

/// Weights, bias, iterations and ending of a fit.
type RowsFitted<'py> = (Bound<'py, PyArray1<f64>>, f64, u64, &'static str);

/// Fits to the rows of a matrix, in float64 arithmetic, and returns nothing but the parameters: for the estimator.
#[pyfunction]
#[pyo3(signature = (rows, labels, sample_weight, *, l2, bias, tol, max_iter, start, threads))]
#[expect(clippy::too_many_arguments, reason = "they are Python's arguments, by name")]
pub(crate) fn fit_rows<'py>(
    rows: &Bound<'py, PyAny>,
    labels: &Bound<'py, PyAny>,
    sample_weight: Option<&Bound<'py, PyAny>>,
    l2: f64,
    bias: bool,
    tol: f64,
    max_iter: u64,
    start: Option<(Vec<f64>, f64)>,
    threads: Option<i64>,
) -> PyResult<RowsFitted<'py>> {
    let mut options = Options::default();
    (options.l2, options.bias, options.tolerance, options.max_iterations) = (l2, bias, tol, max_iter);
    options.report = false;
    let arguments = RowArguments { labels: Some(labels), sample_weight, class_weight: None, offsets: None };
    let fit = match held(rows) {
        Dtype::I8 => rows_fitted::<i8>,
        Dtype::U8 => rows_fitted::<u8>,
        Dtype::Bf16 => rows_fitted::<bf16>,
        Dtype::F16 => rows_fitted::<f16>,
        Dtype::F32 => rows_fitted::<f32>,
        Dtype::F64 => rows_fitted::<f64>,
    };
    let Fit { weights, bias, iterations, ending: end, .. } = fit(rows, arguments, &options, start, threads)?;
    Ok((PyArray1::from_vec(rows.py(), weights), bias, iterations, ending(end)))
}

fn rows_fitted<S: Held>(
    rows: &Bound<'_, PyAny>,
    arguments: RowArguments<'_, '_>,
    options: &Options,
    start: Option<(Vec<f64>, f64)>,
    threads: Option<i64>,
) -> PyResult<Fit> {
    let data = Data::<S, f64>::new(rows, arguments)?;
    let batch = data.batch().map_err(refused)?;
    let start = start.as_ref().map(|(weights, bias)| Params::new(&weights[..], *bias));
    let fit = |observer: &mut dyn Observer| fit_from(&batch, options, start, observer);
    let (found, exception) = watched(rows.py(), count(threads)?, &Callbacks::default(), fit)?;
    exception.map_or_else(|| found.map_err(refused), Err)
}
