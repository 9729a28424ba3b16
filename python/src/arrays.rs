//! Arguments that are arrays, and arrays that results go to.
//!
//! What is taken without a copy: `float32` and `float64` in this machine's order of bytes, aligned, in C order; and of
//! two dimensions also rows with gaps, as `table[:, :-1]` has them, where the table itself is in C order. Rows may also be
//! `float16`, `int8`, `uint8`, and `bfloat16` of the package `ml_dtypes`. Other numbers are copied: truth values and
//! integers to `float64`, half precision that is no row to `float32`, other layouts into C order.

use crate::errors::value_error;
use half::{bf16, f16};
use lanegrad::Rows;
use lanegrad_fit::Dtype;
use numpy::{
    Element, PyArrayDescr, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn,
    PyReadwriteArrayDyn, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyType};
use std::ops::Range;

/// An array in C order, aligned, before it is borrowed.
pub(crate) type Numbers<'py, T> = Bound<'py, PyArrayDyn<T>>;

/// A type of numbers that rows are held in.
pub(crate) trait Held: Element + Copy + lanegrad_fit::Held {}

/// A type of numbers that the kernels compute with.
pub(crate) trait Number: Held + lanegrad_fit::Number {}

impl Held for i8 {}
impl Held for u8 {}
impl Held for bf16 {}
impl Held for f16 {}
impl Held for f32 {}
impl Held for f64 {}
impl Number for f32 {}
impl Number for f64 {}

/// A type's name in numpy.
pub(crate) const fn name_of(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::I8 => "int8",
        Dtype::U8 => "uint8",
        Dtype::Bf16 => "bfloat16",
        Dtype::F16 => "float16",
        Dtype::F32 => "float32",
        Dtype::F64 => "float64",
    }
}

/// The type that rows are held in: their own, if rows can be, or else `float64`.
pub(crate) fn held(object: &Bound<'_, PyAny>) -> Dtype {
    let dtype = match object.cast::<PyUntypedArray>() {
        Ok(array) => Some(array.dtype()),
        // numpy's scalars and pandas' series have a dtype too.
        Err(_) => object.getattr("dtype").ok().and_then(|dtype| dtype.cast_into::<PyArrayDescr>().ok()),
    };
    let Some(dtype) = dtype else { return Dtype::F64 };
    match (dtype.kind(), dtype.itemsize()) {
        (b'i', 1) => Dtype::I8,
        (b'u', 1) => Dtype::U8,
        (b'f', 2) => Dtype::F16,
        (b'f', 4) => Dtype::F32,
        _ if is_brain(&dtype) => Dtype::Bf16,
        _ => Dtype::F64,
    }
}

/// True for `bfloat16`, a dtype that other packages register.
fn is_brain(dtype: &Bound<'_, PyArrayDescr>) -> bool {
    let name = || dtype.getattr("name").and_then(|name| name.extract::<String>());
    dtype.itemsize() == 2 && dtype.kind() == b'V' && name().is_ok_and(|name| name == "bfloat16")
}

/// True for what is computed with in `float32`: what has the dtype `float32` or half precision. All else is in `float64`.
pub(crate) fn is_single(object: &Bound<'_, PyAny>) -> bool {
    matches!(held(object), Dtype::F32 | Dtype::F16 | Dtype::Bf16)
}

/// An argument as numbers of a type, in C order: itself, or a copy.
pub(crate) fn numbers<'py, T: Held>(name: &str, object: &Bound<'py, PyAny>) -> PyResult<Numbers<'py, T>> {
    match ready(object) {
        Some(array) => Ok(array),
        None => converted(name, object),
    }
}

/// An argument of one dimension.
pub(crate) fn vector<'py, T: Held>(name: &str, object: &Bound<'py, PyAny>) -> PyResult<Numbers<'py, T>> {
    let array = numbers(name, object)?;
    if array.ndim() == 1 { Ok(array) } else { Err(dimensions(name, 1, array.ndim())) }
}

fn dimensions(name: &str, wanted: usize, found: usize) -> PyErr {
    let words = |n: usize| if n == 1 { "1 dimension".to_owned() } else { format!("{n} dimensions") };
    value_error(format!("`{name}` has {}, and not {wanted}", words(found)))
}

/// The array itself, if it is one of numpy's own with numbers of this type that can be read as they are.
fn ready<'py, T: Held>(object: &Bound<'py, PyAny>) -> Option<Numbers<'py, T>> {
    let array = object.cast_exact::<PyArrayDyn<T>>().ok()?;
    (array.is_c_contiguous() && array.is_aligned()).then(|| array.clone())
}

/// A copy of what cannot be read as it is. Subclasses of numpy's arrays, as `numpy.memmap`, can.
#[cold]
fn converted<'py, T: Held>(name: &str, object: &Bound<'py, PyAny>) -> PyResult<Numbers<'py, T>> {
    let array = as_array(name, object)?;
    if let Some(array) = ready(array.as_any()) {
        return Ok(array);
    }
    let py = object.py();
    let options = [("dtype", numpy::dtype::<T>(py).into_any()), ("order", "C".into_pyobject(py)?.into_any())];
    let copy = py.import("numpy")?.call_method("array", (array,), Some(&options.into_py_dict(py)?))?;
    ready(&copy).ok_or_else(|| {
        value_error(format!("`{name}` cannot be copied into an array of {}", name_of(T::DTYPE)))
    })
}

/// An argument as one of numpy's own arrays, of numbers of any type.
fn as_array<'py>(name: &str, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
    static MASKED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = object.py();
    if object.is_instance(MASKED.import(py, "numpy.ma", "MaskedArray")?)? {
        return Err(value_error(format!(
            "`{name}` is a masked array: fill it, as the mask is not looked at"
        )));
    }
    if object.hasattr("toarray")? {
        return Err(value_error(format!("`{name}` is sparse: `{name}.toarray()` makes a dense array of it")));
    }
    let array = py.import("numpy")?.call_method1("asarray", (object,))?.cast_into::<PyUntypedArray>()?;
    let dtype = array.dtype();
    if matches!(dtype.kind(), b'b' | b'i' | b'u' | b'f') || is_brain(&dtype) {
        return Ok(array);
    }
    Err(value_error(format!("`{name}` has the dtype {dtype}, which is none of real numbers")))
}

/// The places of an array's numbers in memory, by their addresses.
pub(crate) fn memory<T: Held>(array: &Numbers<'_, T>) -> Range<usize> {
    let first = array.data() as usize;
    first..first + array.len() * size_of::<T>()
}

/// Borrows an array that no other thread writes to.
pub(crate) fn read<'py, T: Held>(
    name: &str,
    array: &Numbers<'py, T>,
) -> PyResult<PyReadonlyArrayDyn<'py, T>> {
    array.try_readonly().map_err(|_| value_error(format!("`{name}` is being written to by another thread")))
}

/// The numbers of an array that was borrowed, which is in C order.
pub(crate) fn slice<'a, T: Held>(array: &'a PyReadonlyArrayDyn<'_, T>) -> &'a [T] {
    array.as_slice().expect("it is in C order, and aligned")
}

/// The same of one that can be written to.
pub(crate) fn slice_mut<'a, T: Number>(array: &'a mut PyReadwriteArrayDyn<'_, T>) -> &'a mut [T] {
    array.as_slice_mut().expect("it is in C order, and aligned")
}

/// A matrix, one row after the other, maybe with gaps between them.
pub(crate) struct Matrix<'py, T: Held> {
    /// The array that has the rows.
    array: Numbers<'py, T>,
    borrowed: PyReadonlyArrayDyn<'py, T>,
    /// The place of the first number in it.
    first: usize,
    nrows: usize,
    ncols: usize,
    stride: usize,
}

impl<'py, T: Held> Matrix<'py, T> {
    /// An argument of two dimensions.
    pub(crate) fn new(name: &str, object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let array = match object.cast_exact::<PyUntypedArray>() {
            Ok(array) => array.clone(),
            Err(_) => as_array(name, object)?,
        };
        let &[nrows, ncols] = array.shape() else { return Err(dimensions(name, 2, array.ndim())) };
        let (array, first, stride) = match Self::window(&array) {
            Some(window) => window,
            None => (numbers(name, array.as_any())?, 0, ncols),
        };
        let borrowed = read(name, &array)?;
        Ok(Self { array, borrowed, first, nrows, ncols, stride })
    }

    /// An argument of two dimensions, without gaps: copied, if it has some.
    pub(crate) fn packed(name: &str, object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let array = numbers::<T>(name, object)?;
        let &[nrows, ncols] = array.shape() else { return Err(dimensions(name, 2, array.ndim())) };
        let borrowed = read(name, &array)?;
        Ok(Self { array, borrowed, first: 0, nrows, ncols, stride: ncols })
    }

    /// Rows with gaps, which are a window of an array in C order: that array, the place of the first number in it, and
    /// the distance of rows.
    fn window(array: &Bound<'py, PyUntypedArray>) -> Option<(Numbers<'py, T>, usize, usize)> {
        let (&[nrows, ncols], &[by_row, by_column]) = (array.shape(), array.strides()) else { return None };
        let size = size_of::<T>();
        if array.is_c_contiguous() || array.is_empty() || (ncols > 1 && by_column != size as isize) {
            return None;
        }
        let stride = usize::try_from(by_row).ok().filter(|stride| stride % size == 0)? / size;
        let base = array.getattr("base").ok()?.cast_into::<PyUntypedArray>().ok()?;
        let base = ready::<T>(as_array("base", base.as_any()).ok()?.as_any())?;
        let own = array.cast::<PyArrayDyn<T>>().ok()?;
        let offset = (own.data() as usize).checked_sub(base.data() as usize)?;
        let first = (offset % size == 0).then_some(offset / size)?;
        let end = (nrows - 1).checked_mul(stride)?.checked_add(first)?.checked_add(ncols)?;
        (stride >= ncols && end <= base.len()).then_some((base, first, stride))
    }

    pub(crate) fn py(&self) -> Python<'py> {
        self.array.py()
    }

    pub(crate) const fn nrows(&self) -> usize {
        self.nrows
    }

    pub(crate) const fn ncols(&self) -> usize {
        self.ncols
    }

    /// The view that the library reads.
    pub(crate) fn rows(&self) -> Result<Rows<'_, T>, lanegrad::Error> {
        let numbers = slice(&self.borrowed).get(self.first..).unwrap_or_default();
        Rows::with_stride(numbers, self.nrows, self.ncols, self.stride)
    }

    /// The numbers of one that is [packed](Self::packed), row after row.
    pub(crate) fn numbers(&self) -> &[T] {
        slice(&self.borrowed)
    }

    pub(crate) fn memory(&self) -> Range<usize> {
        memory(&self.array)
    }
}

/// Bytes from which on there may be no memory for an array.
const LARGE: usize = 1 << 20;

/// A new array of zeros.
pub(crate) fn zeros<'py, T: Number>(py: Python<'py>, shape: &[usize]) -> PyResult<Numbers<'py, T>> {
    let bytes = shape.iter().try_fold(size_of::<T>(), |bytes, &length| bytes.checked_mul(length));
    if bytes.is_some_and(|bytes| bytes < LARGE) {
        return Ok(PyArrayDyn::zeros(py, shape, false));
    }
    // With an exception where there is not enough memory.
    let array = py.import("numpy")?.call_method1("zeros", (shape.to_vec(), numpy::dtype::<T>(py)))?;
    Ok(array.cast_into()?)
}

/// An array for results: the caller's, which is to be of this type and shape, or a new one.
pub(crate) fn out<'py, T: Number>(
    py: Python<'py>,
    given: Option<&Bound<'py, PyAny>>,
    shape: &[usize],
) -> PyResult<Numbers<'py, T>> {
    let Some(object) = given else { return zeros(py, shape) };
    let array = object
        .cast::<PyArrayDyn<T>>()
        .map_err(|_| value_error(format!("`out` is no numpy array of {}", name_of(T::DTYPE))))?;
    if array.shape() != shape {
        return Err(value_error(format!("`out` has the shape {:?}, and not {shape:?}", array.shape())));
    }
    if !(array.is_c_contiguous() && array.is_aligned()) {
        return Err(value_error("`out` is not in C order, or not aligned"));
    }
    Ok(array.clone())
}

/// Borrows an array for results, which overlaps none of the arguments.
pub(crate) fn write<'py, T: Number>(
    array: &Numbers<'py, T>,
    arguments: &[(&str, Range<usize>)],
) -> PyResult<PyReadwriteArrayDyn<'py, T>> {
    let own = memory(array);
    let overlaps = |other: &Range<usize>| own.start < other.end && other.start < own.end;
    if let Some((name, _)) = arguments.iter().find(|(_, other)| overlaps(other)) {
        return Err(value_error(format!("`out` overlaps `{name}`")));
    }
    array.try_readwrite().map_err(|error| match error {
        numpy::BorrowError::NotWriteable => value_error("`out` is read-only"),
        _ => value_error("`out` overlaps an argument, or is used by another thread"),
    })
}
