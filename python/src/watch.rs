//! A fit in a pool, while the calling thread waits for it: it calls back into Python, and looks out for Ctrl-C, which
//! Python's main thread alone can.
//!
//! The pool is the fit's own. A thread of it waits while Python is called, and Python may call this module again, for
//! another fit too; and fits that are started side by side do not wait for one another.

use crate::passes::result;
use crate::threads::new_pool;
use lanegrad_fit::{Checkpoint, Observer, Progress};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyType};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often the calling thread looks out for signals.
const INTERVAL: Duration = Duration::from_millis(50);

/// Who hears of each iteration.
#[derive(Default)]
pub(crate) struct Callbacks {
    /// Called with a `Progress`.
    pub(crate) on_iteration: Option<Py<PyAny>>,
    /// Called with the bytes of a checkpoint.
    pub(crate) keep: Option<Py<PyAny>>,
}

impl Callbacks {
    pub(crate) fn call(&self, py: Python<'_>, iteration: &Iteration) -> PyResult<()> {
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        if let (Some(keep), Some(bytes)) = (&self.keep, &iteration.checkpoint) {
            keep.call1(py, (PyBytes::new(py, bytes),))?;
        }
        let Progress { iteration, loss, objective, gradient, passes, elapsed, .. } = iteration.progress;
        if let Some(function) = self.on_iteration.as_ref().filter(|_| iteration > 0) {
            let fields = (iteration, loss, objective, gradient, passes, elapsed.as_secs_f64());
            function.call1(py, (result(py, &CLASS, "Progress", fields)?,))?;
        }
        Ok(())
    }
}

/// What the calling thread is told.
pub(crate) struct Iteration {
    pub(crate) progress: Progress,
    pub(crate) checkpoint: Option<Vec<u8>>,
}

/// The fit's side: tells of iterations, and waits until they were heard of.
struct Teller<'a> {
    cancelled: &'a AtomicBool,
    /// `None` where nobody wants to hear.
    says: Option<Sender<Iteration>>,
    heard: Receiver<()>,
    keeps: bool,
}

impl Teller<'_> {
    fn flow(&self) -> ControlFlow<()> {
        if self.cancelled.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

impl Observer for Teller<'_> {
    fn passed(&mut self, _: u64) -> ControlFlow<()> {
        self.flow()
    }

    fn iterated(&mut self, progress: &Progress, checkpoint: &dyn Fn() -> Checkpoint) -> ControlFlow<()> {
        if let Some(says) = &self.says {
            let checkpoint = self.keeps.then(|| checkpoint().to_bytes());
            // Where nobody listens any more, the fit is cancelled.
            let _ = says.send(Iteration { progress: *progress, checkpoint });
            let _ = self.heard.recv();
        }
        self.flow()
    }
}

/// Runs a fit on so many threads. What ended it, beside its own rules, is an exception: of a callback, or of a signal.
pub(crate) fn watched<R: Send>(
    py: Python<'_>,
    threads: usize,
    callbacks: &Callbacks,
    fit: impl FnOnce(&mut dyn Observer) -> R + Send,
) -> PyResult<(R, Option<PyErr>)> {
    let pool = new_pool(threads)?;
    let process = std::process::id();
    let cancelled = &AtomicBool::new(false);
    let (says, listens) = channel();
    let (hears, heard) = channel();
    let (found, ended) = channel();
    let wanted = callbacks.on_iteration.is_some() || callbacks.keep.is_some();
    let teller = Teller { cancelled, says: wanted.then_some(says), heard, keeps: callbacks.keep.is_some() };
    let (result, exception) = py.detach(move || {
        let mut exception = None;
        let result = pool.in_place_scope(|scope| {
            let mut teller = teller;
            scope.spawn(move |_| {
                // The receiver lives until this is done.
                let _ = found.send(fit(&mut teller));
            });
            wait(&ended, &listens, |iteration| {
                let outcome = Python::attach(|py| match iteration {
                    Some(iteration) => callbacks.call(py, iteration),
                    None => py.check_signals(),
                });
                if std::process::id() != process {
                    // The fit's threads are not here to be waited for, and would be for ever.
                    eprintln!(
                        "lanegrad: a process that was forked while a fit called back went on with the fit"
                    );
                    std::process::exit(1);
                }
                if let Err(error) = outcome
                    && exception.is_none()
                {
                    exception = Some(error);
                    cancelled.store(true, Ordering::Relaxed);
                }
                if iteration.is_some() {
                    let _ = hears.send(());
                }
            })
        });
        (result, exception)
    });
    // Without a result the fit has panicked, and the scope went on with that.
    Ok((result.expect("a fit that has not panicked has a result"), exception))
}

/// Waits for a result; meanwhile calls `attend` with each iteration, and without one from time to time.
fn wait<R>(
    ended: &Receiver<R>,
    iterations: &Receiver<Iteration>,
    mut attend: impl FnMut(Option<&Iteration>),
) -> Option<R> {
    loop {
        match iterations.recv_timeout(INTERVAL) {
            Ok(iteration) => attend(Some(&iteration)),
            Err(RecvTimeoutError::Timeout) => attend(None),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    // Nobody tells of iterations, or no more.
    loop {
        match ended.recv_timeout(INTERVAL) {
            Ok(result) => return Some(result),
            Err(RecvTimeoutError::Timeout) => attend(None),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}
