"""What people have their data in: paths, arrays or data frames."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np


def paths(data: Any) -> list[str] | None:
    """Data as a list of paths; ``None`` if they are something else."""
    if isinstance(data, (str, os.PathLike)):
        return [os.fspath(data)]
    if isinstance(data, (list, tuple)) and data and all(isinstance(path, (str, os.PathLike)) for path in data):
        return [os.fspath(path) for path in data]
    return None


def is_frame(data: Any) -> bool:
    """True for a data frame, whose columns have names."""
    return hasattr(data, "columns") and hasattr(data, "to_numpy")


def frame(data: Any, columns: Sequence[Any]) -> Any:
    """Columns of a data frame as an array."""
    chosen = data[list(columns)]
    dtypes = list(getattr(chosen, "dtypes", []))
    for column, dtype in zip(columns, dtypes, strict=False):
        if getattr(dtype, "kind", "f") not in "biuf":
            raise ValueError(f"the column `{column}` has the dtype {dtype}, which is none of real numbers")
    if all(isinstance(dtype, np.dtype) for dtype in dtypes):
        return chosen.to_numpy()
    # Missing values of nullable types become NaN.
    return chosen.to_numpy(dtype=np.float64, na_value=np.nan)


def segments(data: Any) -> list[Any] | None:
    """A list of matrices, each a segment of the data set; ``None`` if data are one matrix."""
    if isinstance(data, (list, tuple)) and data and all(getattr(part, "ndim", 0) == 2 for part in data):
        return list(data)
    return None
