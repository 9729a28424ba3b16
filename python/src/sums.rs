//! Sums of the parts of a data set, which merge in any order.

use crate::arrays::{Held, Number};
use crate::errors::{refused, value_error};
use crate::passes::{Data, Model, RowArguments, gradient, in_types, result};
use crate::threads::run;
use lanegrad::{Extent, GradientStream, Place, Storage};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList, PyType};

/// Sums of loss and gradient over some rows of a data set: what one worker has summed.
///
/// Parts of a data set merge in any order, and leave holes that later parts fill. When all rows are there, ``finish``
/// gives the gradient: the bits of one pass over all of them, whoever summed which rows. Pickle takes it; its bytes are
/// ``to_bytes()``.
///
/// Examples
/// --------
/// >>> import lanegrad, numpy as np
/// >>> X, y = np.arange(4000.0).reshape(2000, 2) % 7, np.arange(2000.0) % 2
/// >>> w = np.array([0.1, -0.2])
/// >>> n = lanegrad.chunk_rows(2)
/// >>> a = lanegrad.partial_sum(X[n:], y[n:], w, row=n)
/// >>> b = lanegrad.GradientSum.from_bytes(lanegrad.partial_sum(X[:n], y[:n], w).to_bytes())
/// >>> a.merge(b)
/// >>> a.finish(2000).loss == lanegrad.loss_and_gradient(X, y, w).loss
/// True
#[pyclass(module = "lanegrad", name = "GradientSum")]
#[derive(Clone)]
pub(crate) struct GradientSum {
    sum: lanegrad::GradientSum,
}

#[pymethods]
impl GradientSum {
    /// Adds the rows of another part of the same data set.
    ///
    /// Parameters
    /// ----------
    /// other : GradientSum
    ///     A part with none of the same rows.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If the parts do not belong together, or some rows are in both. Nothing is changed then.
    fn merge(slf: &Bound<'_, Self>, other: &Bound<'_, Self>) -> PyResult<()> {
        if slf.is(other) {
            // All of its rows are in both.
            let other = slf.borrow().sum.clone();
            return slf.borrow_mut().sum.merge(&other).map_err(refused);
        }
        slf.borrow_mut().sum.merge(&other.borrow().sum).map_err(refused)
    }

    /// The sum as bytes: equal sums have equal bytes, on every machine.
    ///
    /// Returns
    /// -------
    /// bytes
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.sum.to_bytes())
    }

    /// The sum that bytes are.
    ///
    /// Parameters
    /// ----------
    /// data : bytes
    ///     What ``to_bytes`` returned, here or on another machine.
    ///
    /// Returns
    /// -------
    /// GradientSum
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If a byte was changed, or is missing, or the bytes are those of another version.
    #[staticmethod]
    fn from_bytes(data: &[u8]) -> PyResult<Self> {
        Ok(Self { sum: lanegrad::GradientSum::from_bytes(data).map_err(refused)? })
    }

    /// The sum over a data set of which all rows are here.
    ///
    /// Parameters
    /// ----------
    /// rows : int or sequence of int
    ///     The number of rows of the data set, or of each of its segments.
    ///
    /// Returns
    /// -------
    /// Gradient
    ///     The named tuple ``(loss, dw, db, weight_sum)``: the bits of one pass.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If rows are missing, or segments were summed with other numbers of rows.
    fn finish<'py>(&self, py: Python<'py>, rows: Segments) -> PyResult<Bound<'py, PyAny>> {
        gradient(py, self.sum.finish(&rows.extent()).map_err(refused)?, None)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let bytes = slf.borrow().to_bytes(slf.py());
        Ok((slf.get_type().getattr("from_bytes")?, (bytes,)))
    }

    fn __eq__(&self, other: PyRef<'_, Self>) -> bool {
        self.sum.to_bytes() == other.sum.to_bytes()
    }
}

/// The numbers of rows of a data set, as Python gives them.
#[derive(FromPyObject)]
pub(crate) enum Segments {
    One(u64),
    Many(Vec<u64>),
}

impl Segments {
    fn extent(self) -> Extent {
        match self {
            Self::One(rows) => Extent::of_rows(rows),
            Self::Many(rows) => Extent::of_segments(rows),
        }
    }
}

/// The sum of loss and gradient over some rows of a data set.
///
/// Parameters
/// ----------
/// X : array_like of shape (nrows, ncols)
///     Rows that follow one another. As in ``loss_and_gradient``.
/// y : array_like of shape (nrows,)
///     Labels, from 0 to 1.
/// weights : array_like of shape (ncols,)
///     The weights. Their dtype is that of the arithmetic; float64 where ``X`` is float64.
/// bias : float, default 0
///     The bias.
/// row : int, default 0
///     The number of the first row in its segment: a multiple of ``chunk_rows``.
/// segment : int, default 0
///     The number of the segment, in a data set that is a list of files.
/// ends_segment : bool, default False
///     True where the segment ends with these rows. Sums of a few whole segments are then as small as can be.
/// ends_data : bool, default False
///     True where the data set ends with these rows, and so the segment too.
/// tag : int, default 0
///     A number that tells the data set from others, up to 2**64 - 1: sums with different tags never merge.
/// sample_weight, class_weight, offsets, threads
///     As in ``loss_and_gradient``.
///
/// Returns
/// -------
/// GradientSum
///
/// Raises
/// ------
/// ValueError
///     As ``loss_and_gradient``, and if ``row`` is no multiple of ``chunk_rows``.
///
/// Examples
/// --------
/// >>> import lanegrad
/// >>> part = lanegrad.partial_sum([[1.0, 2.0]], [1.0], [0.0, 0.0])
/// >>> part.finish(1).db
/// -0.5
#[pyfunction]
#[pyo3(signature = (
    X, y, weights, bias=0.0, *, row=0, segment=0, ends_segment=false, ends_data=false, tag=0, sample_weight=None,
    class_weight=None, offsets=None, threads=None
))]
#[expect(non_snake_case, clippy::too_many_arguments, reason = "they are Python's arguments, by name")]
pub(crate) fn partial_sum(
    X: &Bound<'_, PyAny>,
    y: &Bound<'_, PyAny>,
    weights: &Bound<'_, PyAny>,
    bias: f64,
    row: u64,
    segment: u64,
    ends_segment: bool,
    ends_data: bool,
    tag: u64,
    sample_weight: Option<&Bound<'_, PyAny>>,
    class_weight: Option<[f64; 2]>,
    offsets: Option<&Bound<'_, PyAny>>,
    threads: Option<i64>,
) -> PyResult<GradientSum> {
    let arguments = RowArguments { labels: Some(y), sample_weight, class_weight, offsets };
    let part = Part { first: Place::at(segment, row), ends: [ends_segment, ends_data], tag };
    in_types!(X, weights, part_of(X, arguments, (weights, bias), part, threads))
}

/// Which rows of a data set are summed.
struct Part {
    first: Place,
    /// True where a segment, and the data set, end with them.
    ends: [bool; 2],
    tag: u64,
}

fn part_of<'py, S: Held + Storage<T>, T: Number>(
    rows: &Bound<'py, PyAny>,
    arguments: RowArguments<'_, 'py>,
    (weights, bias): (&Bound<'py, PyAny>, f64),
    Part { first, ends: [ends_segment, ends_data], tag }: Part,
    threads: Option<i64>,
) -> PyResult<GradientSum> {
    let (data, model) = (Data::<S, T>::new(rows, arguments)?, Model::<T>::new("weights", weights, bias)?);
    let (batch, params) = (data.batch().map_err(refused)?, model.params());
    let sum = run(rows.py(), threads, data.size(), |engine| {
        let mut stream = GradientStream::<S, T>::starting_at(engine, params, first)?.with_tag(tag);
        stream.push(&batch)?;
        if ends_segment {
            stream.end_segment();
        }
        if ends_data {
            stream.end_data();
        }
        Ok::<_, lanegrad::Error>(stream.into_sum())
    })?;
    Ok(GradientSum { sum: sum.map_err(refused)? })
}

/// The number of rows of a chunk: where a part of a data set may begin, with rows of so many columns.
///
/// Parameters
/// ----------
/// ncols : int
///     The number of columns.
/// dtype : dtype_like, default float64
///     That of the arithmetic: float32 or float64.
///
/// Returns
/// -------
/// int
///
/// Raises
/// ------
/// ValueError
///     If the dtype is another.
///
/// Examples
/// --------
/// >>> import lanegrad
/// >>> lanegrad.chunk_rows(30)
/// 512
#[pyfunction]
#[pyo3(signature = (ncols, dtype=None))]
pub(crate) fn chunk_rows(py: Python<'_>, ncols: usize, dtype: Option<Bound<'_, PyAny>>) -> PyResult<usize> {
    let name = match dtype {
        None => "float64".to_owned(),
        Some(dtype) => py.import("numpy")?.getattr("dtype")?.call1((dtype,))?.getattr("name")?.extract()?,
    };
    match &*name {
        "float32" => Ok(lanegrad::chunk_rows::<f32>(ncols)),
        "float64" => Ok(lanegrad::chunk_rows::<f64>(ncols)),
        other => {
            Err(value_error(format!("the dtype of the arithmetic is {other}, and not float32 or float64")))
        }
    }
}

/// The largest number of shards: a list of them fits into memory.
const MOST_SHARDS: usize = 1_000_000;

/// A data set cut into at most so many shards of about as many rows, such that the sums of few of them are large.
///
/// Parameters
/// ----------
/// rows : int or sequence of int
///     The number of rows of the data set, or of each of its segments.
/// chunk_rows : int
///     ``chunk_rows`` of the columns and the dtype of the arithmetic.
/// shards : int
///     The largest number of shards.
///
/// Returns
/// -------
/// list of Shard
///     Each a named tuple ``(pieces, ends_data)``, and each piece one of ``(segment, start, stop, ends_segment)``: what
///     ``partial_sum`` is told of these rows.
///
/// Raises
/// ------
/// ValueError
///     If ``chunk_rows`` is 0, or ``shards`` is not from 1 to 1 000 000.
///
/// Examples
/// --------
/// >>> import lanegrad
/// >>> for shard in lanegrad.plan([4000, 1000], 1024, 2):
/// ...     print(shard.pieces)
/// [Piece(segment=0, start=0, stop=2048, ends_segment=False)]
/// [Piece(segment=0, start=2048, stop=4000, ends_segment=True), Piece(segment=1, start=0, stop=1000, ends_segment=True)]
#[pyfunction]
pub(crate) fn plan<'py>(
    py: Python<'py>,
    rows: Segments,
    chunk_rows: usize,
    shards: usize,
) -> PyResult<Bound<'py, PyList>> {
    static SHARD: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static PIECE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    if chunk_rows == 0 {
        return Err(value_error("`chunk_rows` is 0, and not at least 1"));
    }
    if !(1..=MOST_SHARDS).contains(&shards) {
        return Err(value_error(format!("`shards` is {shards}, and not from 1 to {MOST_SHARDS}")));
    }
    let shards = rows.extent().plan(chunk_rows, shards);
    let shards = shards.iter().map(|shard| {
        let pieces = shard.pieces().iter().map(|piece| {
            let rows = (piece.segment, piece.rows.start, piece.rows.end, piece.ends_segment);
            result(py, &PIECE, "Piece", rows)
        });
        let pieces = PyList::new(py, pieces.collect::<PyResult<Vec<_>>>()?)?;
        result(py, &SHARD, "Shard", (pieces, shard.ends_data()))
    });
    PyList::new(py, shards.collect::<PyResult<Vec<_>>>()?)
}
