"""Fits of arrays, data frames and files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lanegrad import _files, _lanegrad, _tables
from lanegrad._model import Model
from lanegrad._results import Progress


class FitWarning(UserWarning):
    """A fact about a fit that its user should know."""


_ENDINGS = {
    "stalled": "stopped above `tol`: no step was found that makes the objective smaller",
    "max_iter": "stopped after `max_iter` iterations, above `tol`",
}


def fit(
    data: Any,
    label: Any = None,
    *,
    label_file: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    positive: Any = None,
    sample_weight: Any = None,
    ignore: Sequence[str | int] = (),
    missing: str = "refuse",
    delimiter: str | None = None,
    decimal_comma: bool = False,
    l2: float = 0.0,
    standardize: bool = False,
    bias: bool = True,
    dtype: npt.DTypeLike | None = None,
    arithmetic: npt.DTypeLike = "float64",
    tol: float = 1e-6,
    max_iter: int = 1000,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    threads: int | None = None,
    on_iteration: Callable[[Progress], object] | None = None,
) -> Model:
    """Fits a logistic regression, as the program ``lanegrad fit`` does: with the same bytes as result.

    Minimises the mean log-loss + ``l2`` / 2 times the sum of the squared weights. The model does not depend on the
    number of threads, nor on the machine. Ctrl-C ends a fit between two passes with what was reached, and a
    ``FitWarning``.

    Parameters
    ----------
    data : array_like of shape (nrows, ncols), data frame, path, or list of arrays or of paths
        A file is CSV (also gzip), or ``.npy`` or ``.safetensors`` (``"file.safetensors#name"`` is a tensor), which are
        mapped into memory; several arrays or files of the same columns are one data set, row after row. Arrays of
        float32, float64, float16, int8, uint8 and ``ml_dtypes.bfloat16`` in C order are read where they are.
    label : str, int, or array_like of shape (nrows,)
        The column of the labels, by name or number, or the labels: from 0 to 1, or -1 and 1, or truth values; with
        ``positive`` any values. For a list of arrays, a list of their labels.
    label_file : path or list of paths, optional
        Files with the labels, one for each file of data, instead of ``label``.
    positive : optional
        The value of the labels that counts 1; all others count 0.
    sample_weight : str, int, or array_like of shape (nrows,), optional
        The column of the sample weights, or these.
    ignore : sequence of str or int
        Columns that are not features.
    missing : {"refuse", "mean"}
        What is done with missing cells (NaN, in a CSV also empty ones and ``NA``): they are an error, or filled with
        the mean of their column, which the model keeps.
    delimiter : str, optional
        What separates the cells of a CSV: a character, or ``"tab"``. By default it is found out.
    decimal_comma : bool
        True where a CSV has decimal commas.
    l2 : float
        The penalty.
    standardize : bool
        True to penalise the weights of standardised columns.
    bias : bool
        False to fit no bias.
    dtype : dtype_like, optional
        What data are held in: float32, float64, float16, bfloat16, int8 or uint8. By default the dtype of arrays, also
        of those in files (float32 for float64, where the arithmetic is), and that of the arithmetic for others.
    arithmetic : dtype_like
        What is computed in: float32 or float64. float32 needs data that are held in it, or in less.
    tol : float
        The fit has converged when no entry of the gradient, by the weights of standardised columns, is larger.
    max_iter : int
        The largest number of iterations.
    checkpoint : path, optional
        A file that keeps the state of the fit after each iteration.
    resume : bool
        True to go on from the state in ``checkpoint``, if there is such a file.
    threads : int, optional
        The number of threads; by default as many as there are.
    on_iteration : callable, optional
        Called with a ``Progress`` after each iteration. ``StopIteration`` ends the fit with what was reached; any other
        exception ends it and is raised.

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        If data or options are refused: the message names file, line and column.
    KeyboardInterrupt
        On Ctrl-C before the first pass was made.

    Warns
    -----
    FitWarning
        If the fit has not converged, or the data do not determine the model.

    Examples
    --------
    >>> import lanegrad, numpy as np
    >>> X, y = np.array([[1.0, 0.5], [2.0, 1.5], [3.0, 0.0], [4.0, 1.0]]), np.array([0, 1, 0, 1])
    >>> model = lanegrad.fit(X, y, l2=0.1)
    >>> model.predict_proba(X).round(2)
    array([0.2 , 0.68, 0.32, 0.8 ])
    """
    options = data_options(
        label, positive, sample_weight, ignore, missing, delimiter, decimal_comma, dtype, arithmetic
    ) | fit_options(l2, standardize, bias, tol, max_iter, on_iteration)
    options["threads"] = threads
    files = _tables.paths(data)
    options["label_files"] = label_files = paths_of_labels(label, label_file, files)
    options |= checkpoint_options(checkpoint, resume, [*(files or []), *label_files])
    if files is not None:
        refuse_arrays(options, label=label, sample_weight=sample_weight)
        found = _lanegrad.fit_files(files, options)
    else:
        segments, names, options["compared"] = _arrays(data, label, sample_weight, positive, options["ignore"])
        found = _lanegrad.fit_arrays(segments, names, options)
    return model_of(*found)


def data_options(
    label: Any,
    positive: Any = None,
    sample_weight: Any = None,
    ignore: Sequence[str | int] = (),
    missing: str = "refuse",
    delimiter: str | None = None,
    decimal_comma: bool = False,
    dtype: npt.DTypeLike | None = None,
    arithmetic: npt.DTypeLike = "float64",
) -> dict[str, Any]:
    """How data are read, as the compiled half takes it."""
    if isinstance(ignore, (str, int)):
        ignore = [ignore]
    if isinstance(positive, np.generic):
        # As a number of float64 is written, which labels become.
        positive = positive.item()
    if not (positive is None or isinstance(positive, (str, int, float))):
        raise TypeError(f"`positive` is {positive!r}, and not a text or a number")
    return {
        "label": _column(label),
        "label_files": [],
        "positive": None if positive is None else str(positive),
        "compared": False,
        "sample_weight": _column(sample_weight),
        "ignore": [str(column) for column in ignore],
        "missing": missing,
        "delimiter": delimiter,
        "decimal_comma": decimal_comma,
        "dtype": None if dtype is None else _tables.name_of(dtype),
        "arithmetic": np.dtype(arithmetic).name,
    }


def fit_options(
    l2: float = 0.0,
    standardize: bool = False,
    bias: bool = True,
    tol: float = 1e-6,
    max_iter: int = 1000,
    on_iteration: Callable[[Progress], object] | None = None,
) -> dict[str, Any]:
    """What is fitted, and for how long."""
    return {
        "l2": _number("l2", l2),
        "standardize": bool(standardize),
        "bias": bool(bias),
        "tol": _number("tol", tol),
        "max_iter": _count("max_iter", max_iter),
        "on_iteration": on_iteration,
        "resume": None,
        "keep": None,
        "threads": None,
    }


def checkpoint_options(
    checkpoint: str | os.PathLike[str] | None, resume: bool, inputs: Sequence[str]
) -> dict[str, Any]:
    """Where the state of a fit is kept, which is no input, and the one that it goes on from."""
    if checkpoint is None:
        if resume:
            raise ValueError("`resume` needs a `checkpoint`")
        return {}
    path = os.fspath(checkpoint)
    for other in inputs:
        # Without the name of a tensor, and with what numbers stand for.
        parts = _lanegrad.files_of(other)
        if os.path.exists(path) and any(os.path.exists(part) and os.path.samefile(path, part) for part in parts):
            raise ValueError(f"the checkpoint {path} is the same file as the input {other}")
    _files.check(path)
    options: dict[str, Any] = {"keep": lambda state: _files.replace(path, state)}
    if resume and os.path.exists(path):
        with open(path, "rb") as file:
            options["resume"] = file.read()
    return options


def paths_of_labels(label: Any, label_file: Any, files: list[str] | None) -> list[str]:
    """The files of labels, if they are in files of their own."""
    label_files = None if label_file is None else _tables.paths(label_file)
    if (label is None) == (label_file is None):
        raise ValueError("either `label` or `label_file` is needed")
    if label_file is not None and (label_files is None or files is None):
        raise ValueError("`label_file` is a path or a list of paths, for data in files")
    return label_files or []


def refuse_arrays(options: dict[str, Any], **given: Any) -> None:
    """Refuses labels and sample weights in arrays, for data in files."""
    for name, value in given.items():
        if value is not None and options[name] is None:
            raise ValueError(f"`{name}` is the name or the number of a column, for data in files")


def model_of(text: str, report: Any, exception: BaseException | None, stacklevel: int = 3) -> Model:
    """The model of a fit, which an exception may have ended early. Warnings are about the line so far up."""
    if exception is not None and not isinstance(exception, (KeyboardInterrupt, StopIteration)):
        raise exception
    if isinstance(exception, KeyboardInterrupt) and report.ending == "cancelled":
        words = f"interrupted after {report.iterations} iterations, above `tol`"
        warnings.warn(words, FitWarning, stacklevel=stacklevel)
    for words in report.warnings:
        warnings.warn(words, FitWarning, stacklevel=stacklevel)
    if report.ending in _ENDINGS:
        warnings.warn(_ENDINGS[report.ending], FitWarning, stacklevel=stacklevel)
    return Model._of_fit(text, report)


def _column(of: Any) -> str | None:
    """The name or the number of a column; ``None`` for what is none."""
    is_column = isinstance(of, (str, int, np.integer)) and not isinstance(of, bool)
    return str(of) if is_column else None


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"`{name}` is {value!r}, and not a number") from None


def _count(name: str, value: Any) -> int:
    """A number of things, which may be written as a float."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if number < 0 or number != value:
        raise ValueError(f"`{name}` is {value!r}, and not a whole number of at least 0")
    return min(number, 2**63 - 1)


def _arrays(
    data: Any, label: Any, sample_weight: Any, positive: Any, ignore: Sequence[str]
) -> tuple[list[tuple[Any, Any, Any]], list[str] | None, bool]:
    """The segments of data in memory, each with its labels and sample weights, if they are in no column; the names of
    the columns; and whether labels were compared with the positive value."""
    parts = _tables.segments(data)
    tables = [data] if parts is None else parts

    def each(name: str, of: Any) -> list[Any]:
        if of is None or _column(of) is not None:
            return [None] * len(tables)
        some = [of] if parts is None else list(of)
        if len(some) != len(tables):
            raise ValueError(f"`{name}` has {len(some)} arrays, and `data` {len(tables)}")
        return [_tables.plain(name, one) for one in some]

    names, is_compared = None, False
    if all(_tables.is_frame(table) for table in tables):
        tables, names, is_compared = _frames(tables, label, positive, ignore)
    labels = each("label", label)
    if any(_tables.is_text(some) for some in labels):
        labels, is_compared = _codes(labels, positive), True
    weights = each("sample_weight", sample_weight)
    return list(zip(tables, labels, weights, strict=True)), names, is_compared


def _frames(tables: list[Any], label: Any, positive: Any, ignore: Sequence[str]) -> tuple[list[Any], list[str], bool]:
    """Data frames as matrices, the names of their columns, and whether labels in a column were compared with the
    positive value."""
    names = _tables.names(tables[0])
    if any(_tables.names(table) != names for table in tables):
        raise ValueError("the data frames of a data set have the same columns in the same order")
    unused = {_tables.place(names, which) for which in ignore}
    label_place = None if _column(label) is None else _tables.place(names, label)
    # Cells of columns that are not used may hold anything.
    replaced: list[dict[int, Any]] = [
        {place: np.zeros(len(table)) for place in unused if place is not None} for table in tables
    ]
    is_compared = False
    if label_place is not None and label_place not in unused:
        # Categories become what they are categories of.
        labels = [np.asarray(table[table.columns[label_place]]) for table in tables]
        is_compared = any(_tables.is_text(some) for some in labels)
        for columns, some in zip(replaced, _codes(labels, positive) if is_compared else labels, strict=True):
            columns[label_place] = some
    matrices = [
        _tables.matrix(table, range(len(names)), columns) for table, columns in zip(tables, replaced, strict=True)
    ]
    return matrices, names, is_compared


def _codes(labels: list[Any], positive: Any) -> list[Any]:
    """Texts as 1 where they are the positive value, and 0 elsewhere."""
    if positive is None:
        dtype = next(some.dtype for some in labels if _tables.is_text(some))
        raise ValueError(f"`label` has the dtype {dtype}: name the value that counts 1 with `positive`")
    codes = [_tables.compared(some, positive) for some in labels]
    if not any(np.any(some) for some in codes):
        raise ValueError(f"no label is `{positive}`")
    return codes
