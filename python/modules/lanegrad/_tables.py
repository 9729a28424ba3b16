"""What people have their data in: paths, arrays or data frames."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

# The dtypes that rows are read in where they are.
_HELD = ("int8", "uint8", "bfloat16", "float16", "float32", "float64")


def held(dtype: Any) -> str:
    """The type that rows of a dtype are held in: their own, if rows can be, or else float64."""
    return dtype.name if dtype.name in _HELD else "float64"


def name_of(dtype: Any) -> str:
    """The name of a dtype. That of bfloat16 is numpy's only where ``ml_dtypes`` was imported."""
    return dtype if isinstance(dtype, str) and dtype in _HELD else np.dtype(dtype).name


def paths(data: Any) -> list[str] | None:
    """Data as a list of paths; ``None`` if they are something else."""
    if isinstance(data, (str, os.PathLike)):
        return [os.fspath(data)]
    if isinstance(data, (list, tuple)) and data and all(isinstance(path, (str, os.PathLike)) for path in data):
        return [os.fspath(path) for path in data]
    return None


def segments(data: Any) -> list[Any] | None:
    """A list of matrices, each a segment of the data set; ``None`` if data are one matrix."""
    if isinstance(data, (list, tuple)) and data and all(is_frame(part) or np.ndim(part) == 2 for part in data):
        return list(data)
    return None


def plain(name: str, of: Any) -> Any:
    """Labels or sample weights as an array; what numpy would make something else of is refused."""
    if isinstance(of, np.ma.MaskedArray):
        raise ValueError(f"`{name}` is a masked array: fill it, as the mask is not looked at")
    if hasattr(of, "toarray"):
        raise ValueError(f"`{name}` is sparse: `{name}.toarray()` makes a dense array of it")
    return np.asarray(of)


def is_text(labels: Any) -> bool:
    """True for labels that are no numbers."""
    return labels is not None and labels.dtype.kind not in "biuf"


def compared(labels: Any, positive: Any) -> Any:
    """1 where texts are the positive value, and 0 elsewhere; none may be missing."""
    for row, label in enumerate(labels.tolist()):
        if _is_missing(label):
            raise ValueError(f"the label of row {row} is missing ({label!r})")
    return np.array([label == positive for label in labels.tolist()], dtype=np.float64)


def _is_missing(label: Any) -> bool:
    if label is None or (isinstance(label, str) and not label.strip()):
        return True
    try:
        return bool(label != label)
    except TypeError:  # As pandas' NA.
        return True


def is_frame(data: Any) -> bool:
    """True for a data frame, whose columns have names."""
    return hasattr(data, "columns") and hasattr(data, "to_numpy")


def names(frame: Any) -> list[str]:
    """The names of a data frame's columns, of which no two are the same."""
    found = [str(column) for column in frame.columns]
    for name, count in Counter(found).items():
        if count > 1:
            raise ValueError(f"two columns are called `{name}`")
    return found


def place(names: Sequence[str], which: Any) -> int | None:
    """The place of a column by its name or, if no column has that name, by its number."""
    if str(which) in names:
        return list(names).index(str(which))
    try:
        number = int(which)
    except (TypeError, ValueError):
        return None
    return number % len(names) if -len(names) <= number < len(names) else None


def matrix(frame: Any, columns: Sequence[int], replaced: Mapping[int, Any] = MappingProxyType({})) -> Any:
    """Columns of a data frame, by their places, as an array; some of them are replaced by other numbers."""
    arrays = [replaced[place] if place in replaced else _column(frame, place) for place in columns]
    dtypes = {array.dtype for array in arrays}
    if len(dtypes) == 1:
        dtype = held(dtypes.pop())
    else:
        dtype = "float32" if all(dtype in (np.float32, np.float16) for dtype in dtypes) else "float64"
    out = np.empty((len(frame), len(arrays)), dtype)
    for place, array in enumerate(arrays):
        out[:, place] = array
    return out


def _column(frame: Any, place: int) -> Any:
    """A column of numbers, in which missing ones are NaN."""
    name = frame.columns[place]
    column = frame[name]
    dtype = column.dtype
    if getattr(dtype, "kind", "f") not in "biuf":
        raise ValueError(f"the column `{name}` has the dtype {dtype}, which is none of real numbers")
    if isinstance(dtype, np.dtype):
        return column.to_numpy()
    try:
        # pandas' nullable types.
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except TypeError:
        return np.asarray(column, dtype=np.float64)
