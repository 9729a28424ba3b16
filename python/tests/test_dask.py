"""Fits on a Dask cluster in processes of this machine: the same bytes, whoever is lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from test_cluster import OPTIONS, bad_files, parquet_files, write_files

import lanegrad
import lanegrad.dask
from lanegrad import cluster

pytestmark = [pytest.mark.timeout(100), pytest.mark.filterwarnings("default")]

distributed = pytest.importorskip("distributed")
array = pytest.importorskip("dask.array")


def start(workers: int, **options):
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=60,
        **options,
    )


@pytest.fixture(scope="module")
def three():
    with start(3) as of_three:
        yield of_three


@pytest.fixture
def client(three):
    with distributed.Client(three) as client:
        client.wait_for_workers(3, timeout=60)
        yield client


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("files"), np.random.default_rng(3))


@pytest.fixture(scope="module")
def want(files):
    return lanegrad.fit(files, -1, **OPTIONS)


def patched(after, act):
    """What makes a worker act at some answer, in place of the answers before which it acts."""

    def patch():
        from lanegrad import cluster

        if not hasattr(cluster.Rows, "original"):
            cluster.Rows.original = cluster.Rows.answer
        count = [0]

        def answer(self, question, threads=None):
            count[0] += 1
            if count[0] > after:
                act()
            return cluster.Rows.original(self, question, threads)

        cluster.Rows.answer = answer

    return patch


def restore():
    from lanegrad import cluster

    if hasattr(cluster.Rows, "original"):
        cluster.Rows.answer = cluster.Rows.original


def die():
    import os

    os._exit(1)


def die_soon():
    import os
    import threading

    threading.Timer(0.2, os._exit, [1]).start()


def is_idle(client) -> bool:
    """True once no worker holds or runs anything."""
    for _ in range(100):
        if not any(client.has_what().values()) and not any(client.processing().values()):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_workers_gives_the_same_bytes(files, want, workers):
    with start(workers) as some, distributed.Client(some) as client:
        client.wait_for_workers(workers, timeout=60)
        assert lanegrad.dask.fit(client, files, -1, **OPTIONS).to_json() == want.to_json()


def test_any_number_of_shards(client, files, want):
    for shards in [1, 2, 7, 40]:
        model = lanegrad.dask.fit(client, files, -1, shards=shards, **OPTIONS)
        assert model.to_json() == want.to_json()
        assert model.report.passes == want.report.passes
    assert is_idle(client)


def test_an_array_is_one_table_however_it_is_chunked(client, files):
    table = np.concatenate([np.load(path) for path in files])
    x, y = table[:, :-1].copy(), table[:, -1].copy()
    weights = np.arange(len(y)) % 3
    want = lanegrad.fit(x, y, sample_weight=weights, **OPTIONS)
    for rows, columns in [(1000, 2), (len(y), 5), (4096, 5)]:
        blocks = array.from_array(x, chunks=(rows, columns))
        labels = array.from_array(y, chunks=777)
        found = lanegrad.dask.fit(client, blocks, labels, sample_weight=weights, shards=3, **OPTIONS)
        assert found == want
    assert lanegrad.dask.fit(client, array.from_array(table, chunks=1500), -1) == lanegrad.fit(table, -1)
    singles = array.from_array(x.astype(np.float32), chunks=1500)
    assert lanegrad.dask.fit(client, singles, y) == lanegrad.fit(x.astype(np.float32), y)
    unknown = array.from_array(x, chunks=1000)[array.from_array(y, chunks=1000) > 0]
    for data, label, words in [
        (unknown, y, "known chunks"),
        (blocks, y[:-1], "shape"),
        (blocks, None, "`label`"),
        (blocks, y + 1.5, "data, row 1"),
    ]:
        with pytest.raises(ValueError, match=words):
            lanegrad.dask.fit(client, data, label)
    assert is_idle(client)


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.uint8])
def test_small_numbers_give_the_model_of_one_machine(client, rng, dtype):
    x, y = (30 * rng.random(size=(5000, 40))).astype(dtype), rng.integers(0, 2, 5000)
    options = {"ignore": list(range(1, 39)), "arithmetic": "float32", "l2": 1e-3, "tol": 1e-4}
    found = lanegrad.dask.fit(client, array.from_array(x, chunks=1000), y, shards=2, **options)
    assert found == lanegrad.fit(x, y, **options)


def test_a_worker_that_makes_a_block_of_several_shards_is_replaced(client, files):
    def slow(block):
        import time

        time.sleep(2)
        return block

    table = np.concatenate([np.load(path) for path in files])
    blocks = array.from_array(table, chunks=(len(table), 6)).map_blocks(slow, dtype=table.dtype, meta=table[:0])

    def kill():
        time.sleep(1)
        busy = next(address for address, keys in client.processing().items() if keys)
        (pid,) = client.run(os.getpid, workers=[busy]).values()
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = lanegrad.dask.fit(client, blocks, -1, timeout=30, retries=2, **OPTIONS)
    killer.join()
    assert found == lanegrad.fit(table, -1, **OPTIONS)
    client.wait_for_workers(3, timeout=60)


@pytest.mark.parametrize("act", [die, die_soon])
@pytest.mark.parametrize("after", [0, 5])
def test_a_worker_that_is_killed_is_replaced(client, files, want, act, after):
    (address, *_) = client.nthreads()
    client.run(patched(after, act), workers=[address])
    model = lanegrad.dask.fit(client, files, -1, shards=6, timeout=30, **OPTIONS)
    assert model.to_json() == want.to_json()
    if act is die:
        assert address not in client.nthreads()
    client.wait_for_workers(3, timeout=60)


def test_the_only_worker_is_waited_for(files, want):
    with start(1) as one, distributed.Client(one) as client:
        client.wait_for_workers(1, timeout=60)
        client.run(patched(4, die))
        assert lanegrad.dask.fit(client, files, -1, shards=2, timeout=40, **OPTIONS) == want


def test_a_worker_that_is_late_is_done_without(client, files, want):
    def wait():
        import time

        time.sleep(6)

    (address, *_) = client.nthreads()
    client.run(patched(4, wait), workers=[address])
    begin = time.monotonic()
    model = lanegrad.dask.fit(client, files, -1, timeout=1.5, **OPTIONS)
    client.run(restore, workers=[address])
    assert model.to_json() == want.to_json()
    assert 1.5 < time.monotonic() - begin < 40
    assert is_idle(client)


def test_workers_that_always_die_end_the_fit(files):
    class Dies(distributed.WorkerPlugin):
        def __init__(self, patch):
            self.patch = patch

        def setup(self, worker):
            self.patch()

    with start(2) as two, distributed.Client(two) as client:
        client.register_plugin(Dies(patched(0, die)))
        begin = time.monotonic()
        with pytest.raises(cluster.ClusterError, match=r"shard \d: .*\.npy.*tried 3 times"):
            lanegrad.dask.fit(client, files, -1, retries=2, timeout=20, **OPTIONS)
        assert time.monotonic() - begin < 80


def test_a_driver_that_is_killed_goes_on(three, client, files, want, tmp_path):
    state, done = tmp_path / "state", tmp_path / "done.json"
    script = f"""
import os, signal, sys
import distributed, lanegrad.dask

def stop(progress):
    if progress.iteration == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

with distributed.Client({three.scheduler_address!r}) as client:
    model = lanegrad.dask.fit(
        client, {files!r}, -1, checkpoint={str(state)!r}, resume=True, on_iteration=stop, **{OPTIONS!r}
    )
model.save({str(done)!r})
"""
    for last in [3, 5]:
        killed = subprocess.run([sys.executable, "-c", script, str(last)], timeout=60, check=False)
        assert killed.returncode == -signal.SIGKILL and state.exists() and not done.exists()
    subprocess.run([sys.executable, "-c", script, "-1"], timeout=60, check=True)
    assert done.read_text() == want.to_json()
    assert is_idle(client)


def test_bad_input_is_one_error_at_the_driver(client, files, tmp_path):
    cases = bad_files(files, tmp_path)
    for data, words in cases:
        with pytest.raises(ValueError, match=words):
            lanegrad.dask.fit(client, data, -1)
    with pytest.raises(TypeError):
        lanegrad.dask.fit(client, [], -1)
    assert is_idle(client)


def test_a_file_that_is_gone_when_its_worker_is_lost(client, files, tmp_path):
    paths = [str(tmp_path / f"{i}.npy") for i in range(3)]
    for path in paths:
        np.save(path, np.load(files[0]))

    def lose(progress):
        if progress.iteration == 1:
            os.unlink(paths[1])
            (pid, *_) = client.run(os.getpid, workers=[sorted(client.nthreads())[1]]).values()
            os.kill(pid, signal.SIGKILL)

    with pytest.raises(ValueError, match=r"cannot read .*1\.npy"):
        lanegrad.dask.fit(client, paths, -1, on_iteration=lose, timeout=30, **OPTIONS)
    client.wait_for_workers(3, timeout=60)


def test_an_unfused_worker_is_an_error_that_names_it(files):
    if "portable" not in lanegrad.info()["available"]:
        pytest.skip("`portable` is fused here")
    refused = pytest.raises(ValueError, match=r"worker on .* \(process \d+\) has no fused multiply-add")
    with start(1, env={"LANEGRAD_ISA": "portable"}) as one, distributed.Client(one) as client, refused:
        lanegrad.dask.fit(client, files, -1, timeout=30)


def test_parquet(client, tmp_path, rng):
    paths = parquet_files(tmp_path, rng)
    assert lanegrad.dask.fit(client, paths, "y", **OPTIONS) == lanegrad.fit(paths, "y", **OPTIONS)


def test_warnings_are_about_the_callers_line(client, files):
    blocks = array.from_array(np.load(files[0]), chunks=2000)
    for data in [files, blocks]:
        with pytest.warns(lanegrad.FitWarning, match="max_iter") as warned:
            lanegrad.dask.fit(client, data, -1, max_iter=1)
        assert __file__ in [warning.filename for warning in warned]


def test_scores(client, files, want):
    assert (lanegrad.dask.predict_proba(client, want, files) == want.predict_proba(files)).all()
    with pytest.raises(ValueError, match=r"gone\.npy"):
        lanegrad.dask.predict_proba(client, want, [files[0], "/gone.npy"])
    assert is_idle(client)


def test_the_guides_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    guide = (Path(__file__).parents[1] / "CLUSTERS.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(program, "CLUSTERS.md", "exec"), names)
    assert names["scores"].shape == (10_000,)


def test_a_cluster_without_workers_is_an_error(files):
    with start(0) as none, distributed.Client(none) as client, pytest.raises(cluster.ClusterError, match="no workers"):
        lanegrad.dask.fit(client, files, -1)
