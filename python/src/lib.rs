//! `_lanegrad`, the compiled half of the Python module `lanegrad`: it turns numpy's arrays into the views that
//! `lanegrad` reads, without a copy where it can, and errors into `ValueError`. The other half is `modules/lanegrad`.
//!
//! From the ground up: `errors`; `arrays`, what comes in and goes out; `threads`, where passes run, and `watch`, where
//! fits do; then what is called from Python: `kernels`, `passes` and `sums` of the library, `fits`, `shards` and `models`
//! of `lanegrad-fit`.

mod arrays;
mod errors;
mod fits;
mod kernels;
mod models;
mod passes;
mod shards;
mod sums;
mod threads;
mod watch;

#[pyo3::pymodule]
mod _lanegrad {
    #[pymodule_export]
    use crate::fits::{fit_arrays, fit_files, fit_rows};
    #[pymodule_export]
    use crate::kernels::{dot, log_loss, log_sigmoid, logit, residual, sigmoid, softplus};
    #[pymodule_export]
    use crate::models::{files_of, predict_array, predict_files, read_model};
    #[pymodule_export]
    use crate::passes::{hessian_product, logits, loss_and_gradient, predict_proba};
    #[pymodule_export]
    use crate::shards::{Plan, Rows, fit_shards};
    #[pymodule_export]
    use crate::sums::{GradientSum, chunk_rows, partial_sum, plan};
    #[pymodule_export]
    use crate::threads::info;
}
