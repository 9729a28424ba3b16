"""The compiled half of ``lanegrad``."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from lanegrad._results import Gradient, HessianProduct, Report, Shard

__all__ = [
    "GradientSum",
    "Plan",
    "Rows",
    "chunk_rows",
    "dot",
    "files_of",
    "fit_arrays",
    "fit_files",
    "fit_rows",
    "fit_shards",
    "hessian_product",
    "info",
    "log_loss",
    "log_sigmoid",
    "logit",
    "logits",
    "loss_and_gradient",
    "partial_sum",
    "plan",
    "predict_array",
    "predict_files",
    "predict_proba",
    "read_model",
    "residual",
    "sigmoid",
    "softplus",
]

def sigmoid(z: npt.ArrayLike, out: npt.NDArray[Any] | None = None, *, threads: int | None = None) -> Any: ...
def logit(z: npt.ArrayLike, out: npt.NDArray[Any] | None = None, *, threads: int | None = None) -> Any: ...
def softplus(z: npt.ArrayLike, out: npt.NDArray[Any] | None = None, *, threads: int | None = None) -> Any: ...
def log_sigmoid(z: npt.ArrayLike, out: npt.NDArray[Any] | None = None, *, threads: int | None = None) -> Any: ...
def log_loss(
    z: npt.ArrayLike, y: npt.ArrayLike, out: npt.NDArray[Any] | None = None, *, threads: int | None = None
) -> Any: ...
def residual(
    z: npt.ArrayLike, y: npt.ArrayLike, out: npt.NDArray[Any] | None = None, *, threads: int | None = None
) -> Any: ...
def dot(x: npt.ArrayLike, w: npt.ArrayLike) -> float: ...
def logits(
    X: npt.ArrayLike,
    weights: npt.ArrayLike,
    bias: float = 0.0,
    *,
    offsets: npt.ArrayLike | None = None,
    out: npt.NDArray[Any] | None = None,
    threads: int | None = None,
) -> npt.NDArray[Any]: ...
def predict_proba(
    X: npt.ArrayLike,
    weights: npt.ArrayLike,
    bias: float = 0.0,
    *,
    offsets: npt.ArrayLike | None = None,
    out: npt.NDArray[Any] | None = None,
    threads: int | None = None,
) -> npt.NDArray[Any]: ...
def loss_and_gradient(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    weights: npt.ArrayLike,
    bias: float = 0.0,
    *,
    sample_weight: npt.ArrayLike | None = None,
    class_weight: tuple[float, float] | None = None,
    offsets: npt.ArrayLike | None = None,
    out: npt.NDArray[np.float64] | None = None,
    threads: int | None = None,
) -> Gradient: ...
def hessian_product(
    X: npt.ArrayLike,
    weights: npt.ArrayLike,
    bias: float,
    direction: npt.ArrayLike,
    direction_bias: float = 0.0,
    *,
    sample_weight: npt.ArrayLike | None = None,
    offsets: npt.ArrayLike | None = None,
    out: npt.NDArray[np.float64] | None = None,
    threads: int | None = None,
) -> HessianProduct: ...
def partial_sum(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    weights: npt.ArrayLike,
    bias: float = 0.0,
    *,
    row: int = 0,
    segment: int = 0,
    ends_segment: bool = False,
    ends_data: bool = False,
    tag: int = 0,
    sample_weight: npt.ArrayLike | None = None,
    class_weight: tuple[float, float] | None = None,
    offsets: npt.ArrayLike | None = None,
    threads: int | None = None,
) -> GradientSum: ...
def chunk_rows(ncols: int, dtype: npt.DTypeLike | None = None) -> int: ...
def plan(rows: int | Sequence[int], chunk_rows: int, shards: int) -> list[Shard]: ...
def info() -> dict[str, Any]: ...

@final
class GradientSum:
    def merge(self, other: GradientSum) -> None: ...
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(data: bytes) -> GradientSum: ...
    def finish(self, rows: int | Sequence[int]) -> Gradient: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __reduce__(self) -> tuple[Any, tuple[bytes]]: ...

def fit_files(paths: Sequence[str], options: dict[str, Any]) -> tuple[str, Report, BaseException | None]: ...
def fit_arrays(
    segments: Sequence[tuple[Any, Any, Any]], names: Sequence[str] | None, options: dict[str, Any]
) -> tuple[str, Report, BaseException | None]: ...
def fit_rows(
    rows: npt.ArrayLike,
    labels: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None,
    *,
    l2: float,
    bias: bool,
    tol: float,
    max_iter: int,
    start: tuple[Sequence[float], float] | None,
    threads: int | None,
) -> tuple[npt.NDArray[np.float64], float, int, str]: ...
def files_of(path: str) -> list[Path]: ...
def read_model(json: str) -> str: ...
def predict_array(
    json: str, rows: npt.ArrayLike, names: Sequence[str] | None, threads: int | None
) -> npt.NDArray[np.float64]: ...
def predict_files(
    json: str,
    paths: Sequence[str],
    delimiter: str | None,
    decimal_comma: bool,
    threads: int | None,
    *,
    allow_empty: bool = False,
) -> npt.NDArray[np.float64]: ...

@final
class Plan:
    @staticmethod
    def of_files(paths: Sequence[str], options: dict[str, Any], shards: int) -> Plan: ...
    @staticmethod
    def of_array(nrows: int, names: Sequence[str], dtype_name: str, options: dict[str, Any], shards: int) -> Plan: ...
    @property
    def shards(self) -> int: ...
    def recipe(self, shard: int) -> bytes: ...
    def rows(self, shard: int) -> tuple[int, int]: ...
    def describe(self, shard: int) -> str: ...
    def files(self) -> list[str]: ...
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(data: bytes) -> Plan: ...
    def __reduce__(self) -> tuple[Any, tuple[bytes]]: ...

@final
class Rows:
    @staticmethod
    def read(recipe: bytes) -> Rows: ...
    @staticmethod
    def of_arrays(recipe: bytes, rows: Any, labels: Any, sample_weight: Any) -> Rows: ...
    def answer(self, question: bytes, threads: int | None) -> bytes: ...

def fit_shards(
    plan: Plan, ask: Callable[[bytes, int, int], Iterable[tuple[int, bytes]]], options: dict[str, Any]
) -> tuple[str, Report, BaseException | None]: ...
