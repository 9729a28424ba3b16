//! Where passes run: on the calling thread, or in a pool of this module's own. Python's lock is released meanwhile.
//!
//! A pool does not survive a fork, which is how many programs start workers: its threads are not there in the child.
//! So a pool is used in the process that made it alone, and a child makes its own.

use crate::errors::value_error;
use lanegrad::{Engine, Isa};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

/// Multiply-adds from which on the library shares work; less of it stays on the calling thread, so that no other has to
/// be woken up.
const SHARED: usize = 1 << 18;

/// Multiply-adds from which on Python's lock is released: less takes no longer than that.
const RELEASED: usize = 1 << 16;

/// The largest number of threads that can be asked for.
const MOST: usize = 4096;

/// The pools that are kept: programs ask for few numbers of threads.
const POOLS_KEPT: usize = 4;

/// The pools of a process, by their numbers of threads; those that were asked for last come last.
struct Pools {
    process: u32,
    pools: Vec<(usize, Arc<ThreadPool>)>,
}

static POOLS: Mutex<Pools> = Mutex::new(Pools { process: 0, pools: Vec::new() });

/// The number of threads that an argument asks for; without one those of `RAYON_NUM_THREADS` or `OMP_NUM_THREADS`, as
/// those who start several workers set it, but no more than this process may use.
pub(crate) fn count(threads: Option<i64>) -> PyResult<usize> {
    if let Some(threads) = threads {
        let count = usize::try_from(threads).ok().filter(|count| (1..=MOST).contains(count));
        return count.ok_or_else(|| value_error(format!("`threads` is {threads}, and not from 1 to {MOST}")));
    }
    let available = available_parallelism().map_or(1, Into::into);
    let named = ["RAYON_NUM_THREADS", "OMP_NUM_THREADS"].iter().find_map(|name| {
        let value = std::env::var(name).ok()?;
        value.split(',').next()?.trim().parse::<usize>().ok().filter(|&count| count > 0)
    });
    Ok(named.map_or(available, |named| named.min(available)).min(MOST))
}

/// The pool with this number of threads. As Python's lock is held here, no other thread of Python's is in this function
/// when it forks.
pub(crate) fn pool(_: Python<'_>, threads: usize) -> PyResult<Arc<ThreadPool>> {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if pools.process != process {
        // The parent's threads are not here to be ended.
        std::mem::take(&mut pools.pools).into_iter().for_each(std::mem::forget);
        pools.process = process;
    }
    let known = pools.pools.iter().position(|(count, _)| *count == threads);
    let pool = match known {
        Some(place) => pools.pools.remove(place).1,
        None => Arc::new(new_pool(threads)?),
    };
    if pools.pools.len() == POOLS_KEPT {
        // Its threads end when nothing runs on them any more.
        pools.pools.remove(0);
    }
    pools.pools.push((threads, Arc::clone(&pool)));
    Ok(pool)
}

/// A pool for one caller.
pub(crate) fn new_pool(threads: usize) -> PyResult<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("lanegrad-{i}")).build();
    pool.map_err(|error| value_error(format!("there are no {threads} threads: {error}")))
}

/// Runs work of this many multiply-adds, on as many threads as an argument asks for, with an engine that suits them.
pub(crate) fn run<R: Send>(
    py: Python<'_>,
    threads: Option<i64>,
    size: usize,
    work: impl FnOnce(Engine) -> R + Send,
) -> PyResult<R> {
    let is_shared = size > SHARED;
    // What is asked for is checked, also where it is not needed.
    let threads = if is_shared || threads.is_some() { count(threads)? } else { 1 };
    if is_shared && threads > 1 {
        let pool = pool(py, threads)?;
        Ok(py.detach(|| pool.install(|| work(Engine::new()))))
    } else if size > RELEASED {
        Ok(py.detach(|| work(Engine::serial())))
    } else {
        Ok(work(Engine::serial()))
    }
}

/// What this module runs on.
///
/// Returns
/// -------
/// dict
///     ``version``; ``isa``, the instruction set that is used, the fastest one or the one that the environment variable
///     ``LANEGRAD_ISA`` names; ``available``, those that this CPU has, slowest first; ``fused``, true where multiply-add
///     rounds once, as all but ``portable`` do on x86-64: such instruction sets give the same bits; ``threads``, the
///     number of threads that is used unless another is asked for.
///
/// Examples
/// --------
/// >>> import lanegrad
/// >>> lanegrad.info()["isa"] in lanegrad.info()["available"]
/// True
#[pyfunction]
pub(crate) fn info(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let info = PyDict::new(py);
    info.set_item("version", env!("CARGO_PKG_VERSION"))?;
    info.set_item("isa", Isa::best().name())?;
    info.set_item("available", Isa::available().map(Isa::name).collect::<Vec<_>>())?;
    info.set_item("fused", Isa::best().is_fused())?;
    info.set_item("threads", count(None)?)?;
    Ok(info)
}
