"""Bad input: the right value or an exception with words, and no crash."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lanegrad as lg

X = np.arange(12.0).reshape(4, 3)
y = np.array([0.0, 1.0, 0.0, 1.0])
w = np.ones(3)


def refused(words, function, *arguments, **options):
    with pytest.raises(ValueError, match=words):
        function(*arguments, **options)


def test_rows_and_what_comes_with_them():
    pass_ = lg.loss_and_gradient
    refused("`labels` has 3|lengths disagree", pass_, X, y[:3], w)
    refused("lengths disagree", pass_, X, y, w[:2])
    refused(r"`labels\[1\]` is 2", pass_, X, [0, 2, 0, 1], w)
    refused(r"`labels\[0\]` is NaN", pass_, X, [np.nan, 1, 0, 1], w)
    refused(r"`sample_weights\[3\]` is -1", pass_, X, y, w, sample_weight=[1, 1, 1, -1])
    refused(r"`offsets\[0\]` is inf", pass_, X, y, w, offsets=[np.inf, 0, 0, 0])
    refused("weight of class 1 is -2", pass_, X, y, w, class_weight=(1.0, -2.0))
    refused("`X` has 3 dimensions, and not 2", pass_, np.zeros((2, 3, 4)), y, w)
    refused("`X` has 1 dimension, and not 2", pass_, np.zeros(3), y, w)
    refused("`y` has 2 dimensions, and not 1", pass_, X, y[:, None], w)
    refused("`X` has the dtype object", pass_, X.astype(object), y, w)
    refused("`X` has the dtype complex128", pass_, X.astype(complex), y, w)
    refused("`y` has the dtype <U1", pass_, X, np.array(list("abcd")), w)
    refused("`X` is sparse", pass_, scipy.sparse.csr_matrix(X), y, w)
    refused("`X` is a masked array", pass_, np.ma.masked_array(X, mask=X > 3), y, w)
    refused("`X` is a masked array", pass_, np.ma.masked_array(X, mask=X > 3)[:, :2], y, w[:2])
    refused("`threads` is 0", pass_, X, y, w, threads=0)
    refused("`threads` is -3", lg.sigmoid, y, threads=-3)
    refused("`threads` is 1000000", pass_, X, y, w, threads=10**6)
    # NaN and infinities follow IEEE arithmetic; a row of weight 0 adds nothing, whatever it holds.
    assert np.isnan(pass_(np.where(X == 4, np.nan, X), y, w).loss)
    bad = np.where(X == 4, np.nan, X)
    assert pass_(bad, y, w, sample_weight=[1, 0, 1, 1]).loss == pass_(X, y, w, sample_weight=[1, 0, 1, 1]).loss
    with pytest.raises(ValueError, match="no finite number above 0"):
        pass_(X[:0], y[:0], w).average()


def test_out():
    z = np.arange(8.0)
    refused("`out` is no numpy array of float64", lg.sigmoid, z, out=z.astype(np.float32))
    refused("`out` is no numpy array of float64", lg.sigmoid, z, out=[0.0] * 8)
    refused(r"`out` has the shape \[7\], and not \[8\]", lg.sigmoid, z, out=np.empty(7))
    refused("`out` is not in C order", lg.sigmoid, z, out=np.empty(16)[::2])
    misaligned = np.empty(65, np.uint8)[1:].view(np.float64)
    refused("not aligned", lg.sigmoid, z, out=misaligned)
    read_only = np.empty(8)
    read_only.flags.writeable = False
    refused("`out` is read-only", lg.sigmoid, z, out=read_only)
    both = np.arange(12.0)
    before = both.copy()
    refused("`out` overlaps `z`", lg.sigmoid, both[:8], out=both[4:])
    refused("`out` overlaps `y`", lg.residual, z, both[:8], out=both[:8])
    refused("`out` overlaps `y`", lg.log_loss, both[:8], both[4:], out=both[:8])
    refused("`out` overlaps `weights`", lg.logits, np.ones((3, 3)), w, out=w)
    refused("`out` overlaps", lg.loss_and_gradient, X, y, w, out=w)
    # The same memory behind other objects.
    memory = bytearray(64)
    refused(
        "`out` overlaps `z`", lg.sigmoid, np.frombuffer(memory, count=4), out=np.frombuffer(memory, count=4, offset=8)
    )
    assert np.array_equal(both, before)
    refused(r"`out` has the shape \[2\], and not \[3\]", lg.loss_and_gradient, X, y, w, out=np.empty(2))
    refused("`out` is no numpy array of float64", lg.loss_and_gradient, X, y, w, out=np.empty(3, np.float32))


def test_what_does_not_fit_into_memory():
    for call in (
        lambda: lg.logits(np.empty((2**50, 0)), np.empty(0)),
        lambda: lg.hessian_product(np.empty((2**50, 0)), np.empty(0), 0.0, np.empty(0)),
        lambda: lg.sigmoid(np.broadcast_to(np.float64(1.0), (2**45,))),
    ):
        with pytest.raises((MemoryError, ValueError)):
            call()

    class Rows:
        def __array__(self, dtype=None, copy=None):
            return X

    assert lg.hessian_product(Rows(), w, 0.0, w).by_bias == lg.hessian_product(X, w, 0.0, w).by_bias


def test_sums():
    refused("is 0, and not at least 1", lg.plan, 10, 0, 2)
    refused("`shards` is 0", lg.plan, 10, 4, 0)
    refused("`shards` is 100000000", lg.plan, 10**12, 1, 10**8)
    refused("float16", lg.chunk_rows, 3, np.float16)
    refused("no multiple of the", lg.partial_sum, X, y, w, row=1)
    part = lg.partial_sum(X, y, w)
    refused("rows from row 4 on are missing", part.finish, 5)
    refused("in both", part.merge, part)
    refused("they differ in", part.merge, lg.partial_sum(X, y, w, tag=1, segment=1))
    data = part.to_bytes()
    for i in range(len(data)):
        changed = bytearray(data)
        changed[i] ^= 1
        refused("not the bytes of a sum", lg.GradientSum.from_bytes, bytes(changed))
        refused("not the bytes of a sum", lg.GradientSum.from_bytes, data[:i])
    for wrong in (None, "x", 1.5, [1.5], -1):
        with pytest.raises((TypeError, OverflowError, ValueError)):
            part.finish(wrong)


ARRAYS = hnp.arrays(
    dtype=st.one_of(
        hnp.boolean_dtypes(),
        hnp.integer_dtypes(endianness="?"),
        hnp.floating_dtypes(endianness="?"),
        hnp.complex_number_dtypes(),
        hnp.unicode_string_dtypes(max_len=3),
        st.just(np.dtype(object)),
        hnp.datetime64_dtypes(),
    ),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9),
    elements=None,
    fill=st.nothing(),
)


MODEL = lg.fit(X, y, l2=0.1)


@st.composite
def arguments(draw):
    """An array of any dtype, shape and strides, or something that is none."""
    kind = draw(st.integers(0, 11))
    if kind == 0:
        return draw(st.one_of(st.none(), st.floats(), st.text(max_size=3), st.lists(st.floats(), max_size=4)))
    if kind < 5:
        dtype = draw(st.sampled_from(["f4", "f8", ">f8", "f2", "i8", "?", "O", "c16"]))
        shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=7))
        array = np.arange(int(np.prod(shape)), dtype="f8").reshape(shape).astype(dtype)
    elif kind < 10:
        shape = draw(st.sampled_from([(6, 4), (6, 4), (4,), (6,), (6, 4, 2)]))
        array = np.linspace(0, 1, int(np.prod(shape)), dtype=draw(st.sampled_from(["f4", "f8"]))).reshape(shape)
    else:
        try:
            array = draw(ARRAYS)
        except (ValueError, OverflowError):
            array = np.zeros(3)
    for axis in range(array.ndim):
        array = array[(slice(None),) * axis + (slice(None, None, draw(st.sampled_from([1, 1, 2, -1, -3]))),)]
    if draw(st.booleans()):
        array = array.T
    if array.ndim and draw(st.integers(0, 5)) == 0:
        array = array[draw(st.integers(0, 2)) :]
    if draw(st.integers(0, 7)) == 0 and array.dtype.kind in "fi":
        raw = np.zeros(array.nbytes + 1, np.uint8)
        copy = raw[1:].view(array.dtype).reshape(array.shape)
        copy[...] = array
        array = copy
    if draw(st.integers(0, 9)) == 0:
        # Strides of 0.
        array = np.broadcast_to(array, (draw(st.integers(0, 6)), *array.shape))
    if draw(st.integers(0, 7)) == 0:
        array = array.view()
        array.flags.writeable = False
    return array


# Numbers that are too large for float32 become infinite, with a warning of numpy's.
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning", "ignore::lanegrad.FitWarning")
@settings(max_examples=1000, deadline=None)
@given(st.data())
def test_no_call_crashes(data):
    a = [data.draw(arguments()) for _ in range(4)]
    # Arguments that are one another, or overlap.
    pick = lambda: a[data.draw(st.integers(0, 3))]  # noqa: E731
    out = data.draw(st.sampled_from([None, a[0], a[1], a[3]]))
    calls = [
        lambda: lg.sigmoid(pick(), out=out),
        lambda: lg.logit(pick(), out=out),
        lambda: lg.log_loss(pick(), pick(), out=out),
        lambda: lg.residual(pick(), pick(), out=out),
        lambda: lg.dot(pick(), pick()),
        lambda: lg.logits(pick(), pick(), out=out),
        lambda: lg.predict_proba(pick(), pick(), offsets=data.draw(st.sampled_from([None, a[2]])), out=out),
        lambda: lg.loss_and_gradient(
            pick(), pick(), pick(), sample_weight=data.draw(st.sampled_from([None, a[2]])), out=out
        ),
        lambda: lg.hessian_product(pick(), pick(), 0.0, pick(), out=out),
        lambda: lg.partial_sum(pick(), pick(), pick(), row=data.draw(st.sampled_from([0, 1, 1024, 2**64 - 1]))),
        lambda: lg.plan(data.draw(st.sampled_from([0, 5, [3, 0, 9], 2**64 - 1])), data.draw(st.integers(0, 5)), 3),
        lambda: lg.fit(pick(), pick(), sample_weight=data.draw(st.sampled_from([None, a[2]])), l2=0.1, max_iter=2),
        lambda: lg.fit([pick(), pick()], data.draw(st.sampled_from([0, -1, "0"])), l2=0.1, max_iter=2),
        lambda: MODEL.predict_proba(pick()),
    ]
    call = calls[data.draw(st.integers(0, len(calls) - 1))]
    try:
        call()
    except (ValueError, TypeError, OverflowError) as error:
        assert str(error)
