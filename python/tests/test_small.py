"""Rows of 16 and 8 bits, which are read where they are: the bits are those of the same numbers in float32."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import lanegrad as lg
from lanegrad.sklearn import LogisticRegression

DTYPES = [np.float16, np.int8, np.uint8, ml_dtypes.bfloat16]


def rows(rng: np.random.Generator, dtype: Any, nrows: int = 700, ncols: int = 37) -> Any:
    if np.dtype(dtype).kind in "iu":
        return rng.integers(-100 if np.dtype(dtype).kind == "i" else 0, 100, (nrows, ncols)).astype(dtype)
    return rng.normal(size=(nrows, ncols)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("arithmetic", [np.float32, np.float64])
def test_passes_have_the_bits_of_float32(rng: np.random.Generator, dtype: Any, arithmetic: Any) -> None:
    X = rows(rng, dtype)
    wide, y = X.astype(np.float32), rng.integers(0, 2, len(X))
    w, v = (rng.normal(size=X.shape[1]).astype(arithmetic) / 50 for _ in range(2))
    for cut in (slice(None), slice(0, -1), slice(3, 30)):
        # Also the columns of a window.
        part, same, u, along = X[:, cut], wide[:, cut], w[cut].copy(), v[cut].copy()
        z = lg.logits(part, u, 0.25)
        assert z.dtype == arithmetic
        assert z.tobytes() == lg.logits(same, u, 0.25).tobytes()
        assert lg.predict_proba(part, u).tobytes() == lg.predict_proba(same, u).tobytes()
        for one, other in zip(
            lg.loss_and_gradient(part, y, u, 0.1), lg.loss_and_gradient(same, y, u, 0.1), strict=True
        ):
            assert np.asarray(one).tobytes() == np.asarray(other).tobytes()
        products = [lg.hessian_product(x, u, 0.1, along, 0.2) for x in (part, same)]
        assert all(np.array_equal(one, other) for one, other in zip(*products, strict=True))
    assert lg.dot(X[0], w) == lg.dot(wide[0], w)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_are_not_copied(rng: np.random.Generator, dtype: Any) -> None:
    X = rows(rng, dtype, 20_000, 100)
    y, w = np.zeros(len(X), np.float32), np.zeros(X.shape[1], np.float32)
    lg.loss_and_gradient(X[:10], y[:10], w)
    tracemalloc.start()
    lg.loss_and_gradient(X, y, w)
    lg.logits(X[:, :-1], w[:-1].copy(), out=np.empty(len(X), np.float32))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < X.nbytes / 4, peak


@pytest.mark.parametrize("dtype", DTYPES)
def test_fits_are_those_of_float32(rng: np.random.Generator, dtype: Any) -> None:
    X = rows(rng, dtype)
    wide = X.astype(np.float32)
    y = (wide[:, 0] + wide[:, 1] * rng.normal(size=len(X)) > wide.mean()).astype(float)
    one, other = (lg.fit(x, y, l2=0.1) for x in (X, wide))
    assert one.to_json() == other.to_json()
    assert one.predict_proba(X).tobytes() == other.predict_proba(wide).tobytes()
    held = lg.fit(wide, y, l2=0.1, dtype=dtype)
    assert held.to_json() == one.to_json()
    if dtype is not ml_dtypes.bfloat16:
        # Another package's dtype is none of scikit-learn's.
        estimators = [LogisticRegression().fit(x, y) for x in (X, wide)]
        assert np.array_equal(estimators[0].coef_, estimators[1].coef_)
        assert np.array_equal(estimators[0].predict_proba(X), estimators[1].predict_proba(wide))


def test_files_of_small_numbers(rng: np.random.Generator, tmp_path: Path) -> None:
    X = rows(rng, np.int8, 500, 4)
    y = (X[:, 0] > rng.integers(-50, 50, 500)).astype(np.int8)
    path = tmp_path / "rows.npy"
    np.save(path, np.column_stack([X, y]))
    of_array = lg.fit(np.column_stack([X, y]), "-1", l2=0.1)
    assert lg.fit(path, "-1", l2=0.1).to_json() == of_array.to_json()
    # The columns stand for tenths, but for the label.
    scaling = tmp_path / "rows.npy.scaling.json"
    scaling.write_text('{"scales": [0.1, 0.1, 0.1, 0.1, 1], "offsets": [0.5, 0, 0, 0, 0]}')
    model = lg.fit(path, "-1", l2=0.0)
    assert np.allclose(model.weights, 10 * lg.fit(X, y.astype(float)).weights, rtol=1e-4)
    values = X * 0.1 + [0.5, 0, 0, 0]
    of_values = lg.fit(values, y.astype(float)).predict_proba(values)
    assert np.allclose(model.predict_proba(values), of_values, atol=1e-5)
    assert np.allclose(model.predict_proba(path), of_values, atol=1e-5)
    scaling.write_text('{"scales": [0.1], "offsets": [0.5]}')
    with pytest.raises(ValueError, match="1 scales for 5 columns"):
        lg.fit(path, "-1")


def test_a_checkpoint_is_no_part_of_an_input(rng: np.random.Generator, tmp_path: Path) -> None:
    X, path = rows(rng, np.int8, 50, 2), tmp_path / "rows.npy"
    np.save(path, X)
    np.save(tmp_path / "y.npy", (X[:, 0] > 0).astype(np.int8))
    scaling = tmp_path / "rows.npy.scaling.json"
    scaling.write_text('{"scales": [0.1, 0.1], "offsets": [0, 0]}')
    before = path.read_bytes(), scaling.read_bytes()
    for checkpoint in (path, scaling):
        with pytest.raises(ValueError, match="is the same file as the input"):
            lg.fit(path, label_file=tmp_path / "y.npy", l2=1.0, checkpoint=checkpoint)
    assert (path.read_bytes(), scaling.read_bytes()) == before
    # A dtype of another package's, by its name.
    lg.fit(X, (X[:, 0] > 0).astype(float), l2=1.0, dtype="bfloat16")


def test_what_integers_cannot_hold_is_refused(rng: np.random.Generator) -> None:
    X, y = rng.normal(size=(30, 3)), rng.integers(0, 2, 30).astype(float)
    with pytest.raises(ValueError, match="is no number of i8"):
        lg.fit(X, y, dtype="int8")
    with pytest.raises(ValueError, match="`dtype` is int16, and not int8 or uint8 or bfloat16 or float16 or float32"):
        lg.fit(X, y, dtype="int16")
    with pytest.raises(ValueError, match="`arithmetic` is float16, and not float32 or float64"):
        lg.fit(X, y, arithmetic="float16")
