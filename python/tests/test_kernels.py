"""Kernels and passes on arrays, against their formulas in numpy's float64."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lanegrad as lg

DTYPES = [np.float32, np.float64]


def formulas(z, y):
    p = 1 / (1 + np.exp(-z))
    return {
        "sigmoid": p,
        "softplus": np.logaddexp(0, z),
        "log_sigmoid": -np.logaddexp(0, -z),
        "log_loss": np.logaddexp(0, z) - y * z,
        "residual": p - y,
    }


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (1000,), (3, 5), (2, 3, 4), (0, 3), (300_001,)])
def test_elementwise(rng, dtype, shape):
    z, y = rng.normal(size=shape).astype(dtype), rng.uniform(size=shape).astype(dtype)
    z, y = np.asarray(z), np.asarray(y)
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    for name, wanted in formulas(z.astype(np.float64), y.astype(np.float64)).items():
        arguments = (z, y) if name in ("log_loss", "residual") else (z,)
        kernel = getattr(lg, name)
        found = kernel(*arguments)
        assert found.dtype == dtype and np.shape(found) == shape
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
        out = np.full(shape, 9, dtype=dtype)
        assert kernel(*arguments, out=out) is out
        assert out.tobytes() == np.asarray(found).tobytes()
        own = z.copy()
        assert kernel(own, *arguments[1:], out=own) is own
        assert own.tobytes() == out.tobytes()
    p = np.asarray(lg.sigmoid(z))
    np.testing.assert_allclose(lg.logit(p), z, rtol=1e-3 if dtype == np.float32 else 1e-9, atol=1e-5)


def test_numbers_of_other_types_are_copied():
    for values in ([0, 1, 2], np.array([0, 1, 2], np.int8), np.array([True, False]), np.array([0.5], ">f8")):
        found = lg.sigmoid(values)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, 1 / (1 + np.exp(-np.asarray(values, np.float64))))
    assert lg.sigmoid(np.array([0.5], np.float16)).dtype == np.float32
    assert lg.sigmoid(np.float32(0.5)).dtype == lg.sigmoid(pd.Series([0.5], dtype="f4")).dtype == np.float32
    assert float(lg.sigmoid(0.0)) == 0.5
    z = np.arange(10.0)
    assert np.array_equal(lg.sigmoid(z[::-2]), lg.sigmoid(z)[::-2])


def problem(rng, nrows, ncols, dtype, weight_dtype):
    X = rng.normal(size=(nrows, ncols)).astype(dtype)
    y = (rng.uniform(size=nrows) < 0.5).astype(weight_dtype)
    w = (rng.normal(size=ncols) / max(ncols, 1) ** 0.5).astype(weight_dtype)
    return X, y, w


@pytest.mark.parametrize("types", [(np.float32, np.float32), (np.float32, np.float64), (np.float64, np.float64)])
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (7, 5), (300, 30), (5000, 64), (100, 1001)])
def test_passes(rng, types, shape):
    X, y, w = problem(rng, *shape, *types)
    s = rng.uniform(size=shape[0]).astype(types[1])
    o = rng.normal(size=shape[0]).astype(types[1])
    X64, y64, w64, s64, o64 = (a.astype(np.float64) for a in (X, y, w, s, o))
    z = X64 @ w64 + 0.25 + o64
    r = s64 * (1 / (1 + np.exp(-z)) - y64)
    close = dict(rtol=1e-4, atol=1e-3) if types[1] == np.float32 else dict(rtol=1e-10, atol=1e-9)
    found = lg.loss_and_gradient(X, y, w, 0.25, sample_weight=s, offsets=o)
    np.testing.assert_allclose(found.loss, np.sum(s64 * (np.logaddexp(0, z) - y64 * z)), **close)
    np.testing.assert_allclose(found.dw, X64.T @ r, **close)
    np.testing.assert_allclose([found.db, found.weight_sum], [r.sum(), s64.sum()], **close)
    if shape[0]:
        assert found.average().db == found.db / found.weight_sum
    classes = lg.loss_and_gradient(X, y, w, 0.25, class_weight=(1.0, 3.0))
    rows = lg.loss_and_gradient(X, y, w, 0.25, sample_weight=1 + 2 * y)
    assert classes.loss == rows.loss and np.array_equal(classes.dw, rows.dw)
    out = np.full(shape[1], 7.0)
    again = lg.loss_and_gradient(X, y, w, 0.25, sample_weight=s, offsets=o, out=out, threads=1)
    assert again.dw is out and np.array_equal(out, found.dw) and again.loss == found.loss

    np.testing.assert_allclose(lg.logits(X, w, 0.25, offsets=o), z, **close)
    np.testing.assert_allclose(lg.predict_proba(X, w, 0.25, offsets=o), 1 / (1 + np.exp(-z)), **close)
    out = np.empty(shape[0], types[1])
    assert lg.predict_proba(X, w, 0.25, out=out) is out
    assert np.array_equal(out, lg.sigmoid(lg.logits(X, w, 0.25)))

    v = rng.normal(size=shape[1]).astype(types[1])
    p = 1 / (1 + np.exp(-(X64 @ w64 + 0.25)))
    hq = p * (1 - p) * (X64 @ v.astype(np.float64) + 0.5)
    product = lg.hessian_product(X, w, 0.25, v, 0.5)
    np.testing.assert_allclose(product.by_weights, X64.T @ hq, **close)
    np.testing.assert_allclose(product.by_bias, hq.sum(), **close)


def test_dot(rng):
    for types in [(np.float32, np.float32), (np.float32, np.float64), (np.float64, np.float64)]:
        x, w = rng.normal(size=100_003).astype(types[0]), rng.normal(size=100_003).astype(types[1])
        wanted = np.dot(x.astype(np.float64), w.astype(np.float64))
        assert abs(lg.dot(x, w) - wanted) < (1e-2 if types[1] == np.float32 else 1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
def test_windows_are_read_where_they_are(rng, dtype):
    table = rng.normal(size=(2000, 40)).astype(dtype)
    y = (table[:, -1] > 0).astype(dtype)
    for window in (table[:, :-1], table[:, 3:20], table[::2, 1:], table[5:, :1], table[-7:, 39:]):
        labels, w = y[: len(window)], rng.normal(size=window.shape[1]).astype(dtype)
        wanted = lg.loss_and_gradient(np.ascontiguousarray(window), labels, w)
        found = lg.loss_and_gradient(window, labels, w)
        assert found.loss == wanted.loss and np.array_equal(found.dw, wanted.dw)
        assert np.array_equal(lg.logits(window, w), lg.logits(np.ascontiguousarray(window), w))
    # It is the table that is borrowed.
    with pytest.raises(ValueError, match="`out` overlaps"):
        lg.logits(table[:, :3], np.ones(3, dtype), out=table.reshape(-1)[:2000])


def test_layouts_have_one_result(rng, tmp_path):
    X, y, w = problem(rng, 500, 20, np.float64, np.float64)
    wanted = lg.loss_and_gradient(X, y, w)
    path = tmp_path / "x.npy"
    np.save(path, X)
    raw = np.empty(X.nbytes + 1, np.uint8)
    misaligned = raw[1:].view(np.float64).reshape(X.shape)
    misaligned[:] = X
    assert not misaligned.flags.aligned
    read_only = X.copy()
    read_only.flags.writeable = False
    mapped = np.load(path, mmap_mode="r")
    table = np.concatenate([X, X], axis=1)
    for same in (
        np.asfortranarray(X),
        X[:, ::-1][:, ::-1],
        X[::-1][::-1],
        misaligned,
        read_only,
        mapped,
        X.astype(">f8"),
        X.tolist(),
        table[:, 20:],
        np.repeat(X, 2, axis=0)[::2],
        X.T.copy().T,
    ):
        found = lg.loss_and_gradient(same, y, w)
        assert found.loss == wanted.loss and np.array_equal(found.dw, wanted.dw)
    repeated = np.broadcast_to(X[:1], X.shape)
    assert lg.logits(repeated, w)[7] == lg.logits(X[:1], w)[0]


def test_threads_change_no_bit(rng):
    X, y, w = problem(rng, 40_000, 30, np.float64, np.float64)
    one = lg.loss_and_gradient(X, y, w, threads=1)
    for threads in (2, 3, 8, None):
        found = lg.loss_and_gradient(X, y, w, threads=threads)
        assert found.loss == one.loss and np.array_equal(found.dw, one.dw)
        assert np.array_equal(lg.logits(X, w, threads=threads), lg.logits(X, w, threads=1))
        assert np.array_equal(lg.sigmoid(X, threads=threads), lg.sigmoid(X, threads=1))
