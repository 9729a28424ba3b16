"""Sums of parts, merged in any order, across processes."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import lanegrad as lg


def part(X, y, w, options):
    return lg.partial_sum(X, y, w, 0.5, **options)


def of_shard(shard, files, w, tag):
    """The sums of a shard's pieces."""
    calls = []
    for i, (segment, start, stop, ends_segment) in enumerate(shard.pieces):
        X, y = files[segment]
        options = dict(segment=segment, row=start, ends_segment=ends_segment, tag=tag)
        options["ends_data"] = shard.ends_data and i == len(shard.pieces) - 1
        calls.append((X[start:stop], y[start:stop], w, options))
    return calls


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_pickled_sums_merge_in_any_order_across_processes(rng, method):
    lengths = [30_000, 0, 7001, 20_000]
    files = [(rng.normal(size=(n, 20)), (rng.uniform(size=n) < 0.5).astype(float)) for n in lengths]
    w = rng.normal(size=20) / 5
    calls = [call for shard in lg.plan(lengths, lg.chunk_rows(20), 7) for call in of_shard(shard, files, w, 99)]
    assert len(calls) >= 7
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as pool:
        parts = list(pool.map(part, *zip(*calls, strict=True)))
    found = set()
    for _ in range(5):
        rng.shuffle(parts)
        total = lg.GradientSum.from_bytes(parts[0].to_bytes())
        for other in parts[1:]:
            total.merge(pickle.loads(pickle.dumps(other)))
        gradient = total.finish(lengths)
        found.add((gradient.loss, gradient.dw.tobytes(), gradient.db, gradient.weight_sum, total.to_bytes()))
    assert len(found) == 1
    assert gradient.weight_sum == sum(lengths)
    whole = np.concatenate([X for X, _ in files]), np.concatenate([y for _, y in files])
    np.testing.assert_allclose(gradient.dw, lg.loss_and_gradient(*whole, w, 0.5).dw, rtol=1e-10, atol=1e-9)


def test_one_segment_has_the_bits_of_one_pass(rng):
    X, y, w = rng.normal(size=(5000, 3)).astype("f4"), np.arange(5000) % 2, rng.normal(size=3).astype("f4")
    wanted = lg.loss_and_gradient(X, y, w, 0.5)
    rows = lg.chunk_rows(3, "float32")
    parts = [lg.partial_sum(X[i : i + rows], y[i : i + rows], w, 0.5, row=i) for i in range(0, 5000, rows)]
    total = parts.pop()
    for other in parts:
        total.merge(other)
    found = total.finish(5000)
    assert (found.loss, found.db) == (wanted.loss, wanted.db) and np.array_equal(found.dw, wanted.dw)
    assert total == pickle.loads(pickle.dumps(total)) and total != parts[0]
