//! Fits to shards of a data set, which workers of a cluster hold: the driver's side, and a worker's.

use crate::errors::refused;
use crate::fits::{FitOptions, Fitted, Table, dtype, fitted};
use crate::threads::{count, pool};
use crate::watch::{Callbacks, Iteration};
use lanegrad_fit::{Checkpoint, Dtype, Error, Observer, Progress, Take, Workers};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Which rows of a data set make up each shard, and how they are read: what a driver knows of it. Pickle takes it.
#[pyclass(module = "lanegrad._lanegrad", name = "Plan", frozen)]
pub(crate) struct Plan {
    plan: lanegrad_fit::Plan,
}

#[pymethods]
impl Plan {
    /// The plan of files, for at most so many shards.
    #[staticmethod]
    fn of_files(py: Python<'_>, paths: Vec<PathBuf>, options: FitOptions, shards: usize) -> PyResult<Self> {
        let data = options.data(false)?;
        let plan = py.detach(|| lanegrad_fit::Plan::of_files(&paths, &data, shards));
        Ok(Self { plan: plan.map_err(refused)? })
    }

    /// The plan of a matrix in pieces, whose columns have names.
    #[staticmethod]
    fn of_array(
        nrows: usize,
        names: Vec<String>,
        dtype_name: &str,
        options: FitOptions,
        shards: usize,
    ) -> PyResult<Self> {
        let (data, dtype) = (options.data(true)?, dtype("data", dtype_name, Dtype::ALL)?);
        let plan = lanegrad_fit::Plan::of_array(nrows, &names, dtype, &data, shards);
        Ok(Self { plan: plan.map_err(refused)? })
    }

    /// The number of shards.
    #[getter]
    fn shards(&self) -> usize {
        self.plan.shards()
    }

    /// What a worker is told of a shard.
    fn recipe<'py>(&self, py: Python<'py>, shard: usize) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.plan.recipe(shard).map_err(refused)?))
    }

    /// The rows of a shard of an array in memory, from the first to one more than the last.
    fn rows(&self, shard: usize) -> (usize, usize) {
        let Range { start, end } = self.plan.rows(shard);
        (start, end)
    }

    /// A shard in words, for messages: its files, and rows of them.
    fn describe(&self, shard: usize) -> String {
        self.plan.describe(shard)
    }

    /// The paths of all files, of data and of labels.
    fn files(&self) -> Vec<PathBuf> {
        self.plan.paths().map(Path::to_owned).collect()
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.plan.to_bytes().map_err(refused)?))
    }

    #[staticmethod]
    fn from_bytes(data: &[u8]) -> PyResult<Self> {
        Ok(Self { plan: lanegrad_fit::Plan::from_bytes(data).map_err(refused)? })
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        Ok((slf.get_type().getattr("from_bytes")?, (slf.get().to_bytes(slf.py())?,)))
    }
}

/// The rows of a shard, which answer questions.
#[pyclass(module = "lanegrad._lanegrad", name = "Rows", frozen)]
pub(crate) struct Rows {
    /// Locked by the thread that calls, and never by one of a pool: that may be asked to wait for the lock that it holds.
    rows: Mutex<lanegrad_fit::ShardRows>,
}

#[pymethods]
impl Rows {
    /// Reads the files of a shard.
    #[staticmethod]
    fn read(py: Python<'_>, recipe: &[u8]) -> PyResult<Self> {
        let rows = py.detach(|| lanegrad_fit::ShardRows::read(recipe)).map_err(refused)?;
        Ok(Self { rows: Mutex::new(rows) })
    }

    /// Copies the rows of a shard of an array in memory.
    #[staticmethod]
    #[pyo3(signature = (recipe, rows, labels, sample_weight))]
    fn of_arrays(
        recipe: &[u8],
        rows: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyAny>>,
        sample_weight: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let table = Table::new("data".to_owned(), rows, labels, sample_weight)?;
        let rows = table.arrays().and_then(|arrays| lanegrad_fit::ShardRows::of_arrays(recipe, arrays));
        Ok(Self { rows: Mutex::new(rows.map_err(refused)?) })
    }

    /// Answers a question, on so many threads.
    fn answer<'py>(
        &self,
        py: Python<'py>,
        question: &[u8],
        threads: Option<i64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let pool = pool(py, count(threads)?)?;
        let answer = py.detach(|| {
            let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
            let rows = &mut *rows;
            pool.install(|| rows.answer(question))
        });
        Ok(PyBytes::new(py, &answer.map_err(refused)?))
    }
}

/// Fits a model to the shards of a plan: `ask(question, first, end)` returns the pairs of a shard and its answer, in any
/// order. What ended the fit, beside its own rules, is an exception.
#[pyfunction]
pub(crate) fn fit_shards<'py>(
    py: Python<'py>,
    plan: &Bound<'py, Plan>,
    ask: Py<PyAny>,
    mut options: FitOptions,
) -> PyResult<Fitted<'py>> {
    let callbacks = Callbacks { on_iteration: options.on_iteration.take(), keep: options.keep.take() };
    let resume = options.resume.as_deref().map(Checkpoint::from_bytes).transpose().map_err(refused)?;
    let exception = Mutex::new(None);
    let (plan, options) = (&plan.get().plan, options.fit());
    let found = py.detach(|| {
        let (mut asking, mut told) =
            (Asking { ask, exception: &exception }, Told { callbacks, exception: &exception });
        plan.fit(&options, resume, &mut asking, &mut told)
    });
    fitted(py, found, exception.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Where the first exception is kept, of whatever Python was called for.
type Exception<'a> = &'a Mutex<Option<PyErr>>;

fn keep(exception: Exception<'_>, error: PyErr) {
    exception.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
}

/// Workers that Python asks.
struct Asking<'a> {
    ask: Py<PyAny>,
    exception: Exception<'a>,
}

impl Workers for Asking<'_> {
    fn ask(&mut self, question: &[u8], shards: Range<usize>, take: Take<'_>) -> Result<(), Error> {
        Python::attach(|py| {
            let asked = || {
                let question = PyBytes::new(py, question);
                self.ask.bind(py).call1((question, shards.start, shards.end))?.try_iter()
            };
            let raised = |error: PyErr| {
                let interrupted = error.is_instance_of::<PyKeyboardInterrupt>(py);
                let end = if interrupted { Error::cancelled() } else { Error::new(error.to_string()) };
                keep(self.exception, error);
                end
            };
            for answer in asked().map_err(raised)? {
                let (shard, answer): (usize, Bound<'_, PyBytes>) =
                    answer.and_then(|answer| answer.extract()).map_err(raised)?;
                take(shard, answer.as_bytes())?;
            }
            Ok(())
        })
    }
}

/// Python, which hears of iterations.
struct Told<'a> {
    callbacks: Callbacks,
    exception: Exception<'a>,
}

impl Told<'_> {
    fn flow(&self, outcome: PyResult<()>) -> ControlFlow<()> {
        match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                keep(self.exception, error);
                ControlFlow::Break(())
            }
        }
    }
}

impl Observer for Told<'_> {
    fn passed(&mut self, _: u64) -> ControlFlow<()> {
        self.flow(Python::attach(|py| py.check_signals()))
    }

    fn iterated(&mut self, progress: &Progress, checkpoint: &dyn Fn() -> Checkpoint) -> ControlFlow<()> {
        let checkpoint = self.callbacks.keep.is_some().then(|| checkpoint().to_bytes());
        let iteration = Iteration { progress: *progress, checkpoint };
        self.flow(Python::attach(|py| self.callbacks.call(py, &iteration)))
    }
}
