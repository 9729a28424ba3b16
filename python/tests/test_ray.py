"""Fits on a Ray cluster in processes of this machine: the same bytes, whoever is lost. Ray is not in the extra `test`,
as it is ten times as large as all else: `.ci/full` installs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from test_cluster import OPTIONS, bad_files, parquet_files, write_files

import lanegrad
from lanegrad import cluster

# Ray looks up an address outside of this machine otherwise.
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
ray = pytest.importorskip("ray")
lanegrad_ray = pytest.importorskip("lanegrad.ray")

pytestmark = [pytest.mark.timeout(120), pytest.mark.filterwarnings("default")]

START = {"num_cpus": 3, "_node_ip_address": "127.0.0.1", "include_dashboard": False, "log_to_driver": False}


@pytest.fixture(scope="module", autouse=True)
def started():
    ray.init(**START)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("files"), np.random.default_rng(3))


@pytest.fixture(scope="module")
def want(files):
    return lanegrad.fit(files, -1, **OPTIONS)


@pytest.fixture
def acting(monkeypatch, tmp_path):
    """Has actors act when they are asked: those that find a file to rename, and so as often as there are files."""

    def patch(act, times):
        for i in range(times):
            (tmp_path / f"act{i}").touch()
        directory = str(tmp_path)

        class Acting(lanegrad_ray._Actor):
            count = 0

            def answer(self, part, question):
                self.count += 1
                if self.count > 4:
                    for i in range(times):
                        try:
                            os.rename(f"{directory}/act{i}", f"{directory}/acted{i}")
                        except FileNotFoundError:
                            continue
                        act()
                        break
                return super().answer(part, question)

        monkeypatch.setattr(lanegrad_ray, "_Actor", Acting)
        return lambda: len(list(tmp_path.glob("acted*")))

    return patch


def is_idle() -> bool:
    """True once no actor has a CPU."""
    for _ in range(200):
        if ray.available_resources().get("CPU") == 3:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_actors_and_shards(files, want, workers):
    for shards in [None, 5]:
        model = lanegrad_ray.fit(files, -1, workers=workers, shards=shards, **OPTIONS)
        assert model.to_json() == want.to_json()
        assert model.report.passes == want.report.passes
    assert is_idle()


@pytest.mark.parametrize("times", [1, 3])
def test_an_actor_that_is_killed_is_replaced(files, want, acting, times):
    acted = acting(lambda: os._exit(1), times)
    model = lanegrad_ray.fit(files, -1, workers=3, shards=4, timeout=60, **OPTIONS)
    assert model.to_json() == want.to_json() and acted() == times
    assert is_idle()


def test_an_actor_that_is_late_is_replaced(files, want, acting):
    acted = acting(lambda: time.sleep(300), 1)
    model = lanegrad_ray.fit(files, -1, workers=2, timeout=12, **OPTIONS)
    assert model.to_json() == want.to_json() and acted() == 1
    assert is_idle()


def test_actors_that_always_die_end_the_fit(files, monkeypatch):
    class Dies(lanegrad_ray._Actor):
        def answer(self, part, question):
            if question:
                os._exit(1)
            return super().answer(part, question)

    monkeypatch.setattr(lanegrad_ray, "_Actor", Dies)
    begin = time.monotonic()
    with pytest.raises(cluster.ClusterError, match=r"shard \d: .*\.npy.*tried 3 times: its actor is lost"):
        lanegrad_ray.fit(files, -1, workers=2, retries=2, timeout=30, **OPTIONS)
    assert time.monotonic() - begin < 100
    assert is_idle()


def test_a_driver_that_is_killed_goes_on(files, want, tmp_path):
    state, done = tmp_path / "state", tmp_path / "done.json"
    script = f"""
import os, signal, sys
import ray, lanegrad.ray

def stop(progress):
    if progress.iteration == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

ray.init(address={ray.get_runtime_context().gcs_address!r}, _node_ip_address="127.0.0.1", log_to_driver=False)
model = lanegrad.ray.fit(
    {files!r}, -1, workers=2, checkpoint={str(state)!r}, resume=True, on_iteration=stop, **{OPTIONS!r}
)
model.save({str(done)!r})
"""
    for last in [3, 5]:
        killed = subprocess.run([sys.executable, "-c", script, str(last)], timeout=100, check=False)
        assert killed.returncode == -signal.SIGKILL and state.exists() and not done.exists()
        assert is_idle()
    subprocess.run([sys.executable, "-c", script, "-1"], timeout=100, check=True)
    assert done.read_text() == want.to_json()


def test_bad_input_is_one_error_at_the_driver(files, tmp_path):
    cases = bad_files(files, tmp_path)
    for data, words in cases:
        with pytest.raises(ValueError, match=words):
            lanegrad_ray.fit(data, -1, workers=2)
    with pytest.raises(TypeError):
        lanegrad_ray.fit([], -1)
    with pytest.raises(ValueError, match="cpus_per_worker"):
        lanegrad_ray.fit(files, -1, cpus_per_worker=0)
    # More actors than there are CPUs for.
    with pytest.raises(cluster.ClusterError, match="no answer within 6 s"):
        lanegrad_ray.fit(files, -1, workers=9, timeout=6, retries=0)
    assert is_idle()


def test_a_file_that_is_gone_when_its_actor_is_lost(tmp_path, files, acting):
    path = str(tmp_path / "a.npy")
    np.save(path, np.load(files[0]))

    def lose():
        os.unlink(path)
        os._exit(1)

    acting(lose, 1)
    with pytest.raises(ValueError, match=r"cannot read .*a\.npy"):
        lanegrad_ray.fit(path, -1, workers=1, **OPTIONS)
    assert is_idle()


def test_a_dataset_is_the_table_that_a_column_puts_in_order(files):
    pandas, data = pytest.importorskip("pandas"), pytest.importorskip("ray.data")
    data.DataContext.get_current().enable_progress_bars = False
    table = np.concatenate([np.load(path) for path in files])
    frame = pandas.DataFrame(table, columns=list("abcdey"))
    want = lanegrad.fit(frame, "y", **OPTIONS)
    frame["row"] = np.arange(len(frame))
    rows = frame.sample(frac=1.0, random_state=1)
    shuffled = data.from_pandas([rows[:4000], rows[4000:4001], rows[4001:]])
    for shards in [1, 3]:
        model = lanegrad_ray.fit(shuffled, "y", place="row", workers=1, shards=shards, **OPTIONS)
        assert model.to_json() == want.to_json()
    # An ignored column between features, which may hold anything; and singles, which then are not.
    singles = frame.drop(columns=["row"]).astype(np.float32).assign(c="text")
    numbered = data.from_pandas(singles.assign(row=np.arange(len(singles))))
    ignoring = OPTIONS | {"ignore": ["c"], "arithmetic": "float32", "tol": 1e-4}
    model = lanegrad_ray.fit(numbered, "y", place="row", workers=1, shards=2, dtype="float32", **ignoring)
    assert model == lanegrad.fit(singles, "y", dtype="float32", **ignoring)
    for options, words in [
        ({}, "no order of rows"),
        ({"place": "a"}, "does not number the rows"),
        ({"place": "z"}, "no column `z`"),
    ]:
        with pytest.raises(ValueError, match=words):
            lanegrad_ray.fit(shuffled, "y", workers=1, **options)
    with pytest.raises(ValueError, match="for a Ray dataset"):
        lanegrad_ray.fit(files, -1, place="row")
    assert is_idle()


def test_parquet(tmp_path, rng):
    paths = parquet_files(tmp_path, rng)
    assert lanegrad_ray.fit(paths, "y", workers=2, **OPTIONS) == lanegrad.fit(paths, "y", **OPTIONS)


def test_threads_are_the_cpus_of_an_actor(files, want):
    engine = lanegrad_ray._Ray(1, 3)

    class Asked:
        def answer(self, question, threads=None):
            return str(threads).encode()

    with engine:
        workers = cluster.Workers(engine, [(Asked, ())], str, 0, 60)
        assert dict(workers.ask(b"")) == {0: b"3"}
    assert lanegrad_ray.fit(files, -1, workers=1, cpus_per_worker=3, **OPTIONS) == want


def test_an_unfused_worker_is_an_error_that_names_it(files, monkeypatch):
    class Unfused(lanegrad_ray._Actor):
        def __init__(self, threads):
            from lanegrad import _lanegrad

            _lanegrad.info = lambda: {"fused": False}
            super().__init__(threads)

    monkeypatch.setattr(lanegrad_ray, "_Actor", Unfused)
    with pytest.raises(ValueError, match=r"worker on .* \(process \d+\) has no fused multiply-add"):
        lanegrad_ray.fit(files, -1, workers=1)


def test_scores(files, want):
    assert (lanegrad_ray.predict_proba(want, files, workers=2) == want.predict_proba(files)).all()
    with pytest.raises(ValueError, match=r"gone\.npy"):
        lanegrad_ray.predict_proba(want, [files[0], "/gone.npy"], workers=1)
    assert is_idle()
