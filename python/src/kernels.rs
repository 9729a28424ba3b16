//! The kernels on arrays of any shape, element by element; and the dot product.

use crate::arrays::{self, Held, Number, Numbers, is_single, memory, read, slice, slice_mut, vector, write};
use crate::errors::{refused, value_error};
use crate::passes::in_types;
use crate::threads::run;
use lanegrad::{Engine, Error};
use numpy::PyUntypedArrayMethods;
use pyo3::prelude::*;

/// The multiply-adds that an element of a kernel takes as long as.
const ELEMENT_COST: usize = 16;

/// What a kernel returns.
type Outcome = Result<(), Error>;

/// A result of an array's shape: where it has no dimension, and was not the caller's, a number.
fn finished<'py, T: Number>(
    out: Numbers<'py, T>,
    given: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    match given {
        Some(object) => Ok(object.clone()),
        None if out.ndim() == 0 => out.get_item(()),
        None => Ok(out.into_any()),
    }
}

/// The two forms of a kernel of one argument.
struct Map<T> {
    apart: fn(&Engine, &[T], &mut [T]) -> Outcome,
    in_place: fn(&Engine, &mut [T]),
}

fn map<'py, T: Number>(
    z: &Bound<'py, PyAny>,
    given: Option<&Bound<'py, PyAny>>,
    threads: Option<i64>,
    Map { apart, in_place }: Map<T>,
) -> PyResult<Bound<'py, PyAny>> {
    let z = arrays::numbers::<T>("z", z)?;
    let out = arrays::out::<T>(z.py(), given, z.shape())?;
    let (py, size) = (z.py(), z.len().saturating_mul(ELEMENT_COST));
    if memory(&z) == memory(&out) {
        let mut out = write(&out, &[])?;
        let out = slice_mut(&mut out);
        run(py, threads, size, |engine| in_place(&engine, out))?;
    } else {
        let mut out = write(&out, &[("z", memory(&z))])?;
        let (z, out) = (read("z", &z)?, slice_mut(&mut out));
        let z = slice(&z);
        run(py, threads, size, |engine| apart(&engine, z, out))?.map_err(refused)?;
    }
    finished(out, given)
}

/// The two forms of a kernel of logits and labels.
struct MapWithLabels<T> {
    apart: fn(&Engine, &[T], &[T], &mut [T]) -> Outcome,
    in_place: fn(&Engine, &mut [T], &[T]) -> Outcome,
}

fn map_with_labels<'py, T: Number>(
    z: &Bound<'py, PyAny>,
    y: &Bound<'py, PyAny>,
    given: Option<&Bound<'py, PyAny>>,
    threads: Option<i64>,
    MapWithLabels { apart, in_place }: MapWithLabels<T>,
) -> PyResult<Bound<'py, PyAny>> {
    let (z, y) = (arrays::numbers::<T>("z", z)?, arrays::numbers::<T>("y", y)?);
    if z.shape() != y.shape() {
        let (z, y) = (z.shape(), y.shape());
        return Err(value_error(format!("the shapes disagree: `z` has {z:?}, `y` has {y:?}")));
    }
    let out = arrays::out::<T>(z.py(), given, z.shape())?;
    let (py, size) = (z.py(), z.len().saturating_mul(ELEMENT_COST));
    let of_y = ("y", memory(&y));
    if memory(&z) == memory(&out) {
        let mut out = write(&out, &[of_y])?;
        let (y, out) = (read("y", &y)?, slice_mut(&mut out));
        let y = slice(&y);
        run(py, threads, size, |engine| in_place(&engine, out, y))?.map_err(refused)?;
    } else {
        let mut out = write(&out, &[of_y, ("z", memory(&z))])?;
        let (z, y, out) = (read("z", &z)?, read("y", &y)?, slice_mut(&mut out));
        let (z, y) = (slice(&z), slice(&y));
        run(py, threads, size, |engine| apart(&engine, z, y, out))?.map_err(refused)?;
    }
    finished(out, given)
}

/// The docstring of a kernel; `$labels` is the paragraph of its second argument, if it has one.
macro_rules! kernel_doc {
    ($summary:literal, $errors:literal, $labels:literal, $example:literal) => {
        concat!(
            $summary,
            "\n\n",
            $errors,
            "\n\nParameters\n----------\n",
            "z : array_like of any shape\n",
            "    float32 and float64 in C order are read where they are; anything else is copied.\n",
            $labels,
            "out : numpy.ndarray, optional\n",
            "    Where the result goes: an array of ``z``'s shape and of the result's dtype, in C order. It may be ``z``\n",
            "    itself.\n",
            "threads : int, optional\n",
            "    The number of threads; by default as many as there are. Small arrays are not shared.\n",
            "\nReturns\n-------\nnumpy.ndarray or scalar\n",
            "    Of ``z``'s shape: float32 for float32 and float16, else float64.\n",
            "\nRaises\n------\nValueError\n",
            "    If an argument is no array of real numbers, shapes disagree, or ``out`` has another shape or dtype, is\n",
            "    read-only or overlaps an argument.\n",
            "\nExamples\n--------\n",
            $example
        )
    };
}

/// Defines a kernel of one argument.
macro_rules! one_argument {
    ($name:ident, $in_place:ident, $summary:literal, $errors:literal, $example:literal) => {
        #[doc = kernel_doc!($summary, $errors, "", $example)]
        #[pyfunction]
        #[pyo3(signature = (z, out=None, *, threads=None))]
        pub(crate) fn $name<'py>(
            z: &Bound<'py, PyAny>,
            out: Option<&Bound<'py, PyAny>>,
            threads: Option<i64>,
        ) -> PyResult<Bound<'py, PyAny>> {
            if is_single(z) {
                map::<f32>(z, out, threads, Map { apart: Engine::$name, in_place: Engine::$in_place })
            } else {
                map::<f64>(z, out, threads, Map { apart: Engine::$name, in_place: Engine::$in_place })
            }
        }
    };
}

one_argument!(
    sigmoid,
    sigmoid_in_place,
    "The sigmoid of each element, ``1 / (1 + exp(-z))``.",
    "Within 1 ULP of the exact value, for every float32.",
    ">>> import lanegrad\n>>> float(lanegrad.sigmoid(0.0))\n0.5\n>>> lanegrad.sigmoid([-1000.0, 1000.0])\narray([0., 1.])"
);
one_argument!(
    logit,
    logit_in_place,
    "The inverse of the sigmoid of each element, ``log(z / (1 - z))``.",
    "Within 1 ULP of the exact value. NaN outside of 0 to 1.",
    ">>> import lanegrad\n>>> lanegrad.logit([0.0, 0.5, 1.0])\narray([-inf,   0.,  inf])"
);
one_argument!(
    softplus,
    softplus_in_place,
    "The softplus of each element, ``log(1 + exp(z))``.",
    "Within 1 ULP of the exact value, for every float32.",
    ">>> import lanegrad\n>>> lanegrad.softplus([-1000.0, 1000.0])\narray([   0., 1000.])"
);
one_argument!(
    log_sigmoid,
    log_sigmoid_in_place,
    "The logarithm of the sigmoid of each element, ``-log(1 + exp(-z))``.",
    "Within 1 ULP of the exact value, for every float32.",
    ">>> import lanegrad\n>>> lanegrad.log_sigmoid([-1000.0])\narray([-1000.])"
);

/// Defines a kernel of logits and labels.
macro_rules! two_arguments {
    ($name:ident, $in_place:ident, $summary:literal, $errors:literal, $example:literal) => {
        #[doc = kernel_doc!(
            $summary,
            $errors,
            "y : array_like of the same shape\n    Labels, from 0 to 1; they are copied unless they have the result's dtype.\n",
            $example
        )]
        #[pyfunction]
        #[pyo3(signature = (z, y, out=None, *, threads=None))]
        pub(crate) fn $name<'py>(
            z: &Bound<'py, PyAny>,
            y: &Bound<'py, PyAny>,
            out: Option<&Bound<'py, PyAny>>,
            threads: Option<i64>,
        ) -> PyResult<Bound<'py, PyAny>> {
            if is_single(z) {
                let kernel = MapWithLabels { apart: Engine::$name, in_place: Engine::$in_place };
                map_with_labels::<f32>(z, y, out, threads, kernel)
            } else {
                let kernel = MapWithLabels { apart: Engine::$name, in_place: Engine::$in_place };
                map_with_labels::<f64>(z, y, out, threads, kernel)
            }
        }
    };
}

two_arguments!(
    log_loss,
    log_loss_in_place,
    "The log-loss of each logit and label, ``softplus(z) - y z``.",
    "Without cancellation: within 1 ULP for labels of 0 and 1.",
    ">>> import lanegrad\n>>> lanegrad.log_loss([-1000.0, 1000.0], [1.0, 1.0])\narray([1000.,    0.])"
);
two_arguments!(
    residual,
    residual_in_place,
    "The derivative of the log-loss by each logit, ``sigmoid(z) - y``.",
    "Without cancellation: within 1 ULP for labels of 0 and 1.",
    ">>> import lanegrad\n>>> lanegrad.residual([0.0, 1000.0], [1.0, 1.0])\narray([-0.5, -0. ])"
);

/// The dot product of two vectors.
///
/// In float32 its error bound does not grow with the length: partial sums are added up in float64.
///
/// Parameters
/// ----------
/// x : array_like of shape (n,)
///     Data. float32 and float64 in C order are read where they are; anything else is copied.
/// w : array_like of shape (n,)
///     Weights. Its dtype is that of the arithmetic; float64 where ``x`` is float64.
///
/// Returns
/// -------
/// float
///     The sum of ``x[i] * w[i]``; one of float32, where both are.
///
/// Raises
/// ------
/// ValueError
///     If an argument has not one dimension, is no array of real numbers, or the lengths disagree.
///
/// Examples
/// --------
/// >>> import lanegrad
/// >>> lanegrad.dot([1.0, 2.0], [3.0, 4.0])
/// 11.0
#[pyfunction]
pub(crate) fn dot(x: &Bound<'_, PyAny>, w: &Bound<'_, PyAny>) -> PyResult<f64> {
    in_types!(x, w, product(x, w))
}

fn product<S: Held + lanegrad::Storage<T>, T: Number + Into<f64>>(
    x: &Bound<'_, PyAny>,
    w: &Bound<'_, PyAny>,
) -> PyResult<f64> {
    let (x, w) = (vector::<S>("x", x)?, vector::<T>("w", w)?);
    let (py, size) = (x.py(), x.len());
    let (x, w) = (read("x", &x)?, read("w", &w)?);
    let (x, w) = (slice(&x), slice(&w));
    // On one thread, which the memory's speed is enough for.
    let sum = run(py, Some(1), size, |_| lanegrad::dot(x, w))?.map_err(refused)?;
    Ok(sum.into())
}
