//! Passes over the rows of a matrix.

use crate::arrays::{
    self, Held, Matrix, Number, Numbers, memory, read, slice, slice_mut, vector, write, zeros,
};
use crate::errors::refused;
use crate::threads::run;
use lanegrad::{Batch, Engine, Error, Gradient, Params, Storage};
use numpy::{PyArray1, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// Calls a generic function with the type of the rows and that of the arithmetic, which is the weights'; `float64` where
/// the rows are.
macro_rules! in_types {
    ($rows:expr, $weights:expr, $function:ident($($argument:expr),* $(,)?)) => {{
        use lanegrad_fit::Dtype;
        match ($crate::arrays::held($rows), $crate::arrays::is_single($weights)) {
            (Dtype::I8, true) => $function::<i8, f32>($($argument),*),
            (Dtype::I8, false) => $function::<i8, f64>($($argument),*),
            (Dtype::U8, true) => $function::<u8, f32>($($argument),*),
            (Dtype::U8, false) => $function::<u8, f64>($($argument),*),
            (Dtype::Bf16, true) => $function::<half::bf16, f32>($($argument),*),
            (Dtype::Bf16, false) => $function::<half::bf16, f64>($($argument),*),
            (Dtype::F16, true) => $function::<half::f16, f32>($($argument),*),
            (Dtype::F16, false) => $function::<half::f16, f64>($($argument),*),
            (Dtype::F32, true) => $function::<f32, f32>($($argument),*),
            (Dtype::F32, false) => $function::<f32, f64>($($argument),*),
            (Dtype::F64, _) => $function::<f64, f64>($($argument),*),
        }
    }};
}
pub(crate) use in_types;

/// What comes with the rows of a batch, as Python gives it.
#[derive(Clone, Copy)]
pub(crate) struct RowArguments<'a, 'py> {
    /// `None` where they play no part.
    pub(crate) labels: Option<&'a Bound<'py, PyAny>>,
    pub(crate) sample_weight: Option<&'a Bound<'py, PyAny>>,
    pub(crate) class_weight: Option<[f64; 2]>,
    pub(crate) offsets: Option<&'a Bound<'py, PyAny>>,
}

/// Borrowed rows, and all that comes with them.
pub(crate) struct Data<'py, S: Held, T: Number> {
    pub(crate) rows: Matrix<'py, S>,
    labels: PyReadonlyArrayDyn<'py, T>,
    sample_weight: Option<PyReadonlyArrayDyn<'py, T>>,
    class_weight: Option<[T; 2]>,
    offsets: Option<PyReadonlyArrayDyn<'py, T>>,
}

impl<'py, S: Held + Storage<T>, T: Number> Data<'py, S, T> {
    pub(crate) fn new(rows: &Bound<'py, PyAny>, arguments: RowArguments<'_, 'py>) -> PyResult<Self> {
        let RowArguments { labels, sample_weight, class_weight, offsets } = arguments;
        let borrowed = |name: &str, object: &Bound<'py, PyAny>| read(name, &vector::<T>(name, object)?);
        let rows = Matrix::new("X", rows)?;
        let labels = match labels {
            Some(labels) => borrowed("y", labels)?,
            // A batch has some.
            None => read("y", &zeros::<T>(rows.py(), &[rows.nrows()])?)?,
        };
        Ok(Self {
            rows,
            labels,
            sample_weight: sample_weight.map(|object| borrowed("sample_weight", object)).transpose()?,
            class_weight: class_weight.map(|weights| weights.map(T::nearest)),
            offsets: offsets.map(|object| borrowed("offsets", object)).transpose()?,
        })
    }

    pub(crate) fn batch(&self) -> Result<Batch<'_, S, T>, Error> {
        let mut batch = Batch::new(self.rows.rows()?, slice(&self.labels))?;
        if let Some(weights) = &self.sample_weight {
            batch = batch.with_sample_weights(slice(weights))?;
        }
        if let Some(weights) = self.class_weight {
            batch = batch.with_class_weights(weights)?;
        }
        if let Some(offsets) = &self.offsets {
            batch = batch.with_offsets(slice(offsets))?;
        }
        Ok(batch)
    }

    /// The multiply-adds of a pass.
    pub(crate) fn size(&self) -> usize {
        2 * self.rows.nrows().saturating_mul(self.rows.ncols().max(16))
    }
}

/// The weights of a model, borrowed, and its bias.
pub(crate) struct Model<'py, T: Number> {
    weights: PyReadonlyArrayDyn<'py, T>,
    bias: T,
}

impl<'py, T: Number> Model<'py, T> {
    pub(crate) fn new(name: &str, weights: &Bound<'py, PyAny>, bias: f64) -> PyResult<Self> {
        Ok(Self { weights: read(name, &vector::<T>(name, weights)?)?, bias: T::nearest(bias) })
    }

    pub(crate) fn params(&self) -> Params<'_, T> {
        Params::new(slice(&self.weights), self.bias)
    }
}

/// A result of Python's classes.
pub(crate) fn result<'py>(
    py: Python<'py>,
    class: &PyOnceLock<Py<PyType>>,
    name: &str,
    fields: impl pyo3::call::PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    class.import(py, "lanegrad._results", name)?.call1(fields)
}

/// A `lanegrad.Gradient`, whose `dw` is the caller's array, if one was given.
pub(crate) fn gradient<'py>(
    py: Python<'py>,
    gradient: Gradient,
    out: Option<Numbers<'py, f64>>,
) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let Gradient { loss, db, weight_sum, .. } = gradient;
    let dw = filled(py, gradient.dw, out)?;
    result(py, &CLASS, "Gradient", (loss, dw, db, weight_sum))
}

/// The caller's array for results, if there is one, checked before the work is done: while the arguments are borrowed,
/// which it must not overlap.
fn checked_out<'py>(
    py: Python<'py>,
    out: Option<&Bound<'py, PyAny>>,
    len: usize,
) -> PyResult<Option<Numbers<'py, f64>>> {
    let array = out.map(|_| arrays::out(py, out, &[len])).transpose()?;
    array.as_ref().map(|array| write(array, &[])).transpose()?;
    Ok(array)
}

/// Numbers as an array: a new one, or the caller's, to which they are copied.
fn filled<'py>(
    py: Python<'py>,
    numbers: Vec<f64>,
    out: Option<Numbers<'py, f64>>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(array) = out else { return Ok(PyArray1::from_vec(py, numbers).into_any()) };
    slice_mut(&mut write(&array, &[])?).copy_from_slice(&numbers);
    Ok(array.into_any())
}

/// The loss of a logistic regression and its gradient, summed over the rows of a matrix in one pass.
///
/// With the logits ``z = X @ weights + bias``: the sum of the log-loss of ``z`` and ``y``, and its derivatives by the
/// weights and by the bias. Sums, not means: ``.average()`` makes means of them. The bits do not depend on the number of
/// threads, on how the matrix is laid out, nor on the instruction set, as long as it has fused multiply-add.
///
/// Parameters
/// ----------
/// X : array_like of shape (nrows, ncols)
///     float16, float32, float64, int8, uint8 and ``ml_dtypes.bfloat16`` in C order are read where they are, also the
///     columns of a window, as in ``table[:, :-1]``; anything else is copied.
/// y : array_like of shape (nrows,)
///     Labels, from 0 to 1. They, sample weights and offsets are copied unless they have the dtype of the arithmetic.
/// weights : array_like of shape (ncols,)
///     The weights. Their dtype is that of the arithmetic; float64 where ``X`` is float64.
/// bias : float, default 0
///     The bias.
/// sample_weight : array_like of shape (nrows,), optional
///     What each row counts: 0 or more. A row of weight 0 adds nothing, whatever it holds.
/// class_weight : pair of float, optional
///     Weights of the classes 0 and 1, by which sample weights are multiplied.
/// offsets : array_like of shape (nrows,), optional
///     What is added to each logit.
/// out : numpy.ndarray of shape (ncols,), optional
///     A float64 array for the derivatives by the weights.
/// threads : int, optional
///     The number of threads; by default as many as there are.
///
/// Returns
/// -------
/// Gradient
///     The named tuple ``(loss, dw, db, weight_sum)``.
///
/// Raises
/// ------
/// ValueError
///     If shapes disagree, an argument is no array of real numbers, a label is not between 0 and 1, a sample weight is
///     negative or not finite, an offset is not finite, or ``out`` has another shape or dtype, or is read-only.
///
/// Examples
/// --------
/// >>> import lanegrad
/// >>> loss, dw, db, n = lanegrad.loss_and_gradient([[1.0, 2.0]], [1.0], [0.0, 0.0])
/// >>> print(f"{loss:.6f}", dw, db, n)
/// 0.693147 [-0.5 -1. ] -0.5 1.0
#[pyfunction]
#[pyo3(signature = (
    X, y, weights, bias=0.0, *, sample_weight=None, class_weight=None, offsets=None, out=None, threads=None
))]
#[expect(non_snake_case, clippy::too_many_arguments, reason = "they are Python's arguments, by name")]
pub(crate) fn loss_and_gradient<'py>(
    X: &Bound<'py, PyAny>,
    y: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    bias: f64,
    sample_weight: Option<&Bound<'py, PyAny>>,
    class_weight: Option<[f64; 2]>,
    offsets: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    threads: Option<i64>,
) -> PyResult<Bound<'py, PyAny>> {
    let arguments = RowArguments { labels: Some(y), sample_weight, class_weight, offsets };
    in_types!(X, weights, pass(X, arguments, (weights, bias), out, threads))
}

fn pass<'py, S: Held + Storage<T>, T: Number>(
    rows: &Bound<'py, PyAny>,
    arguments: RowArguments<'_, 'py>,
    (weights, bias): (&Bound<'py, PyAny>, f64),
    out: Option<&Bound<'py, PyAny>>,
    threads: Option<i64>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = rows.py();
    let (sums, out) = {
        let (data, model) = (Data::<S, T>::new(rows, arguments)?, Model::<T>::new("weights", weights, bias)?);
        let out = checked_out(py, out, data.rows.ncols())?;
        let (batch, params) = (data.batch().map_err(refused)?, model.params());
        let sums = run(py, threads, data.size(), |engine| engine.loss_and_gradient(&batch, params))?;
        (sums.map_err(refused)?, out)
    };
    gradient(py, sums, out)
}

/// The product of the loss's Hessian with a direction, summed over the rows of a matrix in one pass.
///
/// What Newton-CG and trust-region methods ask for. Labels play no part.
///
/// Parameters
/// ----------
/// X : array_like of shape (nrows, ncols)
///     As in ``loss_and_gradient``.
/// weights : array_like of shape (ncols,)
///     The weights. Their dtype is that of the arithmetic; float64 where ``X`` is float64.
/// bias : float
///     The bias.
/// direction : array_like of shape (ncols,)
///     The direction's weights.
/// direction_bias : float, default 0
///     The direction's bias.
/// sample_weight : array_like of shape (nrows,), optional
///     What each row counts.
/// offsets : array_like of shape (nrows,), optional
///     What is added to each logit.
/// out : numpy.ndarray of shape (ncols,), optional
///     A float64 array for the product's entries of the weights.
/// threads : int, optional
///     The number of threads; by default as many as there are.
///
/// Returns
/// -------
/// HessianProduct
///     The named tuple ``(by_weights, by_bias, half_quadratic_form, weight_sum)``.
///
/// Raises
/// ------
/// ValueError
///     As ``loss_and_gradient``.
///
/// Examples
/// --------
/// >>> import lanegrad
/// >>> product = lanegrad.hessian_product([[1.0, 2.0]], [0.0, 0.0], 0.0, [1.0, 0.0])
/// >>> print(product.by_weights, product.by_bias)
/// [0.25 0.5 ] 0.25
#[pyfunction]
#[pyo3(signature = (
    X, weights, bias, direction, direction_bias=0.0, *, sample_weight=None, offsets=None, out=None, threads=None
))]
#[expect(non_snake_case, clippy::too_many_arguments, reason = "they are Python's arguments, by name")]
pub(crate) fn hessian_product<'py>(
    X: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    bias: f64,
    direction: &Bound<'py, PyAny>,
    direction_bias: f64,
    sample_weight: Option<&Bound<'py, PyAny>>,
    offsets: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    threads: Option<i64>,
) -> PyResult<Bound<'py, PyAny>> {
    let (at, along) = ((weights, bias), (direction, direction_bias));
    in_types!(X, weights, product(X, sample_weight, offsets, at, along, out, threads))
}

fn product<'py, S: Held + Storage<T>, T: Number>(
    rows: &Bound<'py, PyAny>,
    sample_weight: Option<&Bound<'py, PyAny>>,
    offsets: Option<&Bound<'py, PyAny>>,
    at: (&Bound<'py, PyAny>, f64),
    along: (&Bound<'py, PyAny>, f64),
    out: Option<&Bound<'py, PyAny>>,
    threads: Option<i64>,
) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = rows.py();
    let (product, out) = {
        let arguments = RowArguments { labels: None, sample_weight, class_weight: None, offsets };
        let data = Data::<S, T>::new(rows, arguments)?;
        let model = Model::<T>::new("weights", at.0, at.1)?;
        let direction = Model::<T>::new("direction", along.0, along.1)?;
        let out = checked_out(py, out, data.rows.ncols())?;
        let (batch, params, direction) = (data.batch().map_err(refused)?, model.params(), direction.params());
        let work = |engine: Engine| engine.hessian_product(&batch, params, direction);
        (run(py, threads, 2 * data.size(), work)?.map_err(refused)?, out)
    };
    let lanegrad::HessianProduct { by_bias, half_quadratic_form, weight_sum, .. } = product;
    let by_weights = filled(py, product.by_weights, out)?;
    result(py, &CLASS, "HessianProduct", (by_weights, by_bias, half_quadratic_form, weight_sum))
}

/// The logits of the rows of a matrix, ``X @ weights + bias``.
///
/// The bits of a row do not depend on the other rows, on threads, nor on the instruction set, as long as it is fused.
///
/// Parameters
/// ----------
/// X : array_like of shape (nrows, ncols)
///     As in ``loss_and_gradient``.
/// weights : array_like of shape (ncols,)
///     The weights. Their dtype is that of the arithmetic; float64 where ``X`` is float64.
/// bias : float, default 0
///     The bias.
/// offsets : array_like of shape (nrows,), optional
///     What is added to each logit.
/// out : numpy.ndarray of shape (nrows,), optional
///     Where the result goes, of the dtype of the arithmetic.
/// threads : int, optional
///     The number of threads; by default as many as there are.
///
/// Returns
/// -------
/// numpy.ndarray of shape (nrows,)
///     Of the dtype of the arithmetic.
///
/// Raises
/// ------
/// ValueError
///     If shapes disagree, an argument is no array of real numbers, an offset is not finite, or ``out`` has another shape
///     or dtype, is read-only or overlaps an argument.
///
/// Examples
/// --------
/// >>> import lanegrad
/// >>> lanegrad.logits([[1.0, 2.0], [3.0, 4.0]], [0.5, -0.25], 0.1)
/// array([0.1, 0.6])
#[pyfunction]
#[pyo3(signature = (X, weights, bias=0.0, *, offsets=None, out=None, threads=None))]
#[expect(non_snake_case, reason = "they are Python's arguments, by name")]
pub(crate) fn logits<'py>(
    X: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    bias: f64,
    offsets: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    threads: Option<i64>,
) -> PyResult<Bound<'py, PyAny>> {
    in_types!(X, weights, scores(X, (weights, bias), offsets, out, threads, false))
}

/// The probability of each row of a matrix, the sigmoid of its logit.
///
/// Parameters
/// ----------
/// X : array_like of shape (nrows, ncols)
///     As in ``loss_and_gradient``.
/// weights : array_like of shape (ncols,)
///     The weights. Their dtype is that of the arithmetic; float64 where ``X`` is float64.
/// bias : float, default 0
///     The bias.
/// offsets : array_like of shape (nrows,), optional
///     What is added to each logit.
/// out : numpy.ndarray of shape (nrows,), optional
///     Where the result goes, of the dtype of the arithmetic.
/// threads : int, optional
///     The number of threads; by default as many as there are.
///
/// Returns
/// -------
/// numpy.ndarray of shape (nrows,)
///     Of the dtype of the arithmetic.
///
/// Raises
/// ------
/// ValueError
///     As ``logits``.
///
/// Examples
/// --------
/// >>> import lanegrad
/// >>> lanegrad.predict_proba([[1.0, 2.0]], [0.5, -0.25])
/// array([0.5])
#[pyfunction]
#[pyo3(signature = (X, weights, bias=0.0, *, offsets=None, out=None, threads=None))]
#[expect(non_snake_case, reason = "they are Python's arguments, by name")]
pub(crate) fn predict_proba<'py>(
    X: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    bias: f64,
    offsets: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    threads: Option<i64>,
) -> PyResult<Bound<'py, PyAny>> {
    in_types!(X, weights, scores(X, (weights, bias), offsets, out, threads, true))
}

fn scores<'py, S: Held + Storage<T>, T: Number>(
    rows: &Bound<'py, PyAny>,
    (weights, bias): (&Bound<'py, PyAny>, f64),
    offsets: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    threads: Option<i64>,
    probabilities: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = rows.py();
    let matrix = Matrix::<S>::new("X", rows)?;
    let weights = vector::<T>("weights", weights)?;
    let offsets = offsets.map(|object| vector::<T>("offsets", object)).transpose()?;
    let array = arrays::out::<T>(py, out, &[matrix.nrows()])?;
    let mut arguments = vec![("X", matrix.memory()), ("weights", memory(&weights))];
    arguments.extend(offsets.as_ref().map(|offsets| ("offsets", memory(offsets))));
    {
        let mut scores = write(&array, &arguments)?;
        let (weights, scores) = (read("weights", &weights)?, slice_mut(&mut scores));
        let offsets = offsets.map(|offsets| read("offsets", &offsets)).transpose()?;
        let params = Params::new(slice(&weights), T::nearest(bias));
        let (rows, offsets) = (matrix.rows().map_err(refused)?, offsets.as_ref().map(slice));
        let size = matrix.nrows().saturating_mul(matrix.ncols().max(16));
        let work = |engine: Engine| match (offsets, probabilities) {
            (None, false) => engine.logits(rows, params, scores),
            (None, true) => engine.predict_proba(rows, params, scores),
            (Some(offsets), false) => engine.logits_with_offsets(rows, params, offsets, scores),
            (Some(offsets), true) => engine.predict_proba_with_offsets(rows, params, offsets, scores),
        };
        run(py, threads, size, work)?.map_err(refused)?;
    }
    Ok(out.map_or_else(|| array.into_any(), Bound::clone))
}
