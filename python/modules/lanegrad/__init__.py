"""Logistic regression at the speed of memory, with the same coefficients on every machine.

Kernels and passes over numpy's arrays: ``sigmoid``, ``logit``, ``softplus``, ``log_sigmoid``, ``log_loss``,
``residual``, ``dot``, ``logits``, ``predict_proba``, ``loss_and_gradient`` and ``hessian_product``. Arrays of float32
and float64 in C order are read where they are, and rows also in float16, int8, uint8 and ``ml_dtypes.bfloat16``;
anything else is copied once, or refused with a ``ValueError``. Python's lock is released while they run, on a pool of
threads of this module's own.

Fits: ``fit`` makes a ``Model`` of arrays, data frames or files, and ``lanegrad.sklearn.LogisticRegression`` is an
estimator of scikit-learn's. ``lanegrad.dask`` and ``lanegrad.ray`` fit on clusters, with the same bytes.

Sums over data that are not in one place: ``plan``, ``chunk_rows``, ``partial_sum`` and ``GradientSum``.
"""

from lanegrad._fit import FitWarning, fit
from lanegrad._lanegrad import (
    GradientSum,
    chunk_rows,
    dot,
    hessian_product,
    info,
    log_loss,
    log_sigmoid,
    logit,
    logits,
    loss_and_gradient,
    partial_sum,
    plan,
    predict_proba,
    residual,
    sigmoid,
    softplus,
)
from lanegrad._model import Model
from lanegrad._results import Gradient, HessianProduct, Piece, Progress, Report, Shard

__version__: str = info()["version"]

__all__ = [
    "FitWarning",
    "Gradient",
    "GradientSum",
    "HessianProduct",
    "Model",
    "Piece",
    "Progress",
    "Report",
    "Shard",
    "chunk_rows",
    "dot",
    "fit",
    "hessian_product",
    "info",
    "log_loss",
    "log_sigmoid",
    "logit",
    "logits",
    "loss_and_gradient",
    "partial_sum",
    "plan",
    "predict_proba",
    "residual",
    "sigmoid",
    "softplus",
]
