"""What all engines share: plans, questions, and the replacement of workers who are lost or late."""

from __future__ import annotations

import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest

import lanegrad
from lanegrad import cluster


@pytest.fixture
def files(tmp_path: Path, rng: np.random.Generator) -> list[str]:
    """Files of odd lengths, one of which is empty, with the labels in the last column."""
    return write_files(tmp_path, rng)


def write_files(directory: Path, rng: np.random.Generator) -> list[str]:
    paths = []
    for i, nrows in enumerate([5000, 0, 3001, 1777]):
        x = rng.normal(size=(nrows, 5))
        y = x[:, 0] - x[:, 2] + rng.logistic(size=nrows) > 0.0
        paths.append(str(directory / f"{i}.npy"))
        np.save(paths[i], np.c_[x, y])
    return paths


OPTIONS = {"l2": 1e-3, "standardize": True, "tol": 1e-9}


class Local(cluster.Engine):
    """An engine in this process, whose workers fail as they are told: ``fails`` says how, by part and attempt."""

    def __init__(self, fails=None) -> None:
        self.fails = fails or (lambda part, attempt: None)
        self.held, self.attempts, self.tasks, self.cancelled, self.closed = {}, {}, {}, [], False

    def hold(self, part, make, arguments, instead=False):
        self.attempts[part] = self.attempts[part] + 1 if instead else 0
        self.held[part] = (make, arguments)

    def submit(self, part, question):
        task = object()
        self.tasks[task] = (part, question)
        return task

    def wait(self, seconds):
        ended = []
        # The last comes first.
        for task, (part, question) in reversed(self.tasks.items()):
            failure = self.fails(part, self.attempts[part])
            if failure == "late":
                continue
            if failure == "lost":
                ended.append((task, cluster.ClusterError("the worker is lost")))
                continue
            make, arguments = self.held[part]
            try:
                ended.append((task, make(*arguments).answer(question)))
            except Exception as error:
                ended.append((task, error))
        for task, _ in ended:
            del self.tasks[task]
        if not ended:
            time.sleep(seconds)
        return ended

    def cancel(self, tasks):
        for task in list(tasks):
            if task in self.tasks:
                self.cancelled.append(self.tasks.pop(task))

    def close(self):
        self.closed = True


def fit_on(engine, files, shards=3, retries=2, timeout=0.2, label=-1, **options):
    return cluster.fit_on(engine, files, label, shards=shards, retries=retries, timeout=timeout, **(OPTIONS | options))


def test_the_model_is_that_of_one_process(files):
    want = lanegrad.fit(files, -1, **OPTIONS)
    for shards in [1, 2, 3, 7, 100]:
        engine = Local()
        model = fit_on(engine, files, shards)
        assert model.to_json() == want.to_json(), shards
        assert model.report.passes == want.report.passes and model.report.auc is None
        assert engine.closed and not engine.tasks


def test_plans_and_rows_travel(files):
    plan = pickle.loads(pickle.dumps(cluster.plan(files, -1, shards=4)))
    assert plan.shards == 4
    held = [pickle.loads(pickle.dumps(cluster.Rows(plan.recipe(shard)))) for shard in range(4)]

    def ask(question, shards):
        return [(shard, held[shard].answer(question, threads=1)) for shard in shards]

    assert cluster.fit(plan, ask, **OPTIONS) == lanegrad.fit(files, -1, **OPTIONS)
    assert "0.npy (rows 1 to " in plan.describe(0)
    assert cluster.remembered(plan.recipe(1)) is cluster.remembered(plan.recipe(1))


def test_a_checkpoint_is_no_input(files):
    plan = cluster.plan(files, -1, shards=2)
    before = Path(files[0]).read_bytes()
    with pytest.raises(ValueError, match="same file as the input"):
        cluster.fit(plan, lambda *_: [], checkpoint=files[0])
    assert Path(files[0]).read_bytes() == before


class Asked:
    def answer(self, question, threads=None):
        return b"x"


def test_nobody_is_late_while_answers_come_in():
    class Slow(Local):
        """A worker that answers one question after the other."""

        def wait(self, seconds):
            time.sleep(0.15)
            first, *rest = self.tasks.items()
            self.tasks = dict([first])
            ended = super().wait(0.0)
            self.tasks |= dict(rest)
            return ended

    engine = Slow()
    workers = cluster.Workers(engine, [(Asked, ())] * 6, str, 0, 0.4)
    assert len(list(workers.ask(b""))) == 6 and not engine.cancelled


def test_whoever_is_lost_or_late_is_replaced(files):
    want = lanegrad.fit(files, -1, **OPTIONS)
    for failure in ["lost", "late"]:
        engine = Local(lambda part, attempt, failure=failure: failure if part == 1 and attempt < 2 else None)
        assert fit_on(engine, files) == want
        assert engine.attempts[1] >= 2
        assert (failure == "late") == bool(engine.cancelled)


@pytest.mark.parametrize("failure, words", [("lost", "the worker is lost"), ("late", "no answer within 0.2 s")])
def test_who_always_fails_ends_the_fit(files, failure, words):
    engine = Local(lambda part, attempt: failure if part == 1 else None)
    start = time.monotonic()
    with pytest.raises(cluster.ClusterError, match=rf"shard 1: .*\d\.npy.*tried 3 times: .*{words}"):
        fit_on(engine, files)
    assert time.monotonic() - start < 5.0
    assert engine.closed and not engine.tasks
    with pytest.raises(cluster.ClusterError, match=r"the plan of .*: it was tried once: the worker is lost"):
        fit_on(Local(lambda *_: "lost"), files, retries=0)


def test_an_interrupted_pass_leaves_nothing_and_has_a_result(files):
    class Interrupted(Local):
        count = 0

        def wait(self, seconds):
            self.count += 1
            if self.count == 12:
                raise KeyboardInterrupt
            return super().wait(seconds)

    engine = Interrupted()
    with pytest.warns(lanegrad.FitWarning, match="interrupted after"):
        model = fit_on(engine, files)
    assert model.report.ending == "cancelled"
    assert engine.closed and not engine.tasks and len(engine.cancelled) == 3
    # Before the first pass there is none.
    engine = Interrupted()
    engine.count = 10
    with pytest.raises(KeyboardInterrupt):
        fit_on(engine, files)
    assert engine.closed and not engine.tasks


def test_a_callback_may_end_it(files):
    seen = []

    def stop(progress):
        seen.append(progress.iteration)
        if progress.iteration == 2:
            raise StopIteration

    assert fit_on(Local(), files, on_iteration=stop).report.ending == "cancelled"

    def fail(progress):
        raise RuntimeError("no more")

    engine = Local()
    with pytest.raises(RuntimeError, match="no more"):
        fit_on(engine, files, on_iteration=fail)
    assert seen == [1, 2] and engine.closed


def test_a_driver_goes_on_from_its_checkpoint(files, tmp_path):
    want = lanegrad.fit(files, -1, **OPTIONS)
    path = tmp_path / "state"
    for last in range(1, want.report.iterations):

        def stop(progress, last=last):
            if progress.iteration == last:
                raise RuntimeError("the driver is lost")

        with pytest.raises(RuntimeError):
            fit_on(Local(), files, checkpoint=path, on_iteration=stop)
        assert fit_on(Local(), files, shards=2, checkpoint=path, resume=True) == want
        # On one machine too.
        assert lanegrad.fit(files, -1, checkpoint=path, resume=True, **OPTIONS) == want


def bad_files(files: list[str], directory: Path) -> list[tuple[list[str], str]]:
    """Files that are refused, and words of the error."""
    bad = np.load(files[2])
    bad[2900, -1] = 3.0
    wrong, other = str(directory / "wrong.npy"), str(directory / "other.npy")
    np.save(wrong, bad)
    np.save(other, bad[:, :3])
    return [
        ([str(directory / "gone.npy")], r"gone\.npy"),
        ([*files, other], "has 3 columns"),
        ([*files, wrong], r"wrong\.npy, row 2901, column 6 .*the label 3 is not"),
        ([files[1]], "has no rows"),
    ]


def test_what_is_refused_is_one_error(files, tmp_path):
    for data, words in bad_files(files, tmp_path):
        engine = Local()
        with pytest.raises(ValueError, match=words):
            fit_on(engine, data)
        assert not engine.tasks
    for data in [[], np.zeros((3, 2))]:
        with pytest.raises(TypeError, match="a path or a list of paths"):
            fit_on(Local(), data)
    for options, kind, words in [
        ({"shards": 0}, ValueError, "`shards` is 0"),
        ({"retries": -1}, ValueError, "`retries` is -1"),
        ({"timeout": 0}, ValueError, "`timeout` is 0"),
        ({"l2": -1.0}, ValueError, "penalty"),
        ({"threads": 3}, TypeError, "threads"),
        ({"label": None}, ValueError, "`label`"),
        ({"resume": True}, ValueError, "checkpoint"),
        ({"checkpoint": "/no/such/place"}, OSError, "no/such"),
    ]:
        with pytest.raises(kind, match=words):
            fit_on(Local(), files, **options)


def test_an_unfused_worker_is_named(files, monkeypatch):
    info = lanegrad.info() | {"fused": False}
    monkeypatch.setattr("lanegrad._lanegrad.info", lambda: info)
    with pytest.raises(ValueError, match=r"worker on .* \(process \d+\) has no fused multiply-add"):
        fit_on(Local(), files)


def test_missing_cells_and_csv(tmp_path, rng):
    paths = []
    for i, nrows in enumerate([300, 1, 500]):
        cells = rng.normal(size=(nrows, 3)).round(3).astype(str)
        cells[rng.random(size=cells.shape) < 0.05] = ""
        labels = rng.choice(["yes", "no"], size=nrows)
        lines = ["a,b,c,y"] + [",".join([*row, label]) for row, label in zip(cells, labels, strict=True)]
        paths.append(tmp_path / f"{i}.csv")
        paths[i].write_text("\n".join(lines) + "\n")
    options = {"missing": "mean", "positive": "yes", "l2": 0.01}
    want = lanegrad.fit(paths, "y", **options)
    for shards in [1, 2, 9]:
        assert fit_on(Local(), paths, shards, label="y", standardize=False, tol=1e-6, **options) == want


def parquet_files(directory: Path, rng: np.random.Generator) -> list[str]:
    """Parquet files of odd lengths, one of which is empty; only a wheel that was built to reads them."""
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    paths = []
    for i, nrows in enumerate([700, 0, 1301]):
        columns = {name: rng.normal(size=nrows) for name in "abc"} | {"y": rng.integers(0, 2, nrows)}
        paths.append(str(directory / f"{i}.parquet"))
        parquet.write_table(pyarrow.table(columns), paths[i])
    try:
        cluster.plan(paths, "y", shards=1)
    except ValueError as error:
        if "without the feature `parquet`" not in str(error) or os.environ.get("LANEGRAD_PARQUET"):
            raise
        pytest.skip("this wheel is without the feature `parquet`")
    return paths


def test_parquet(tmp_path, rng):
    paths = parquet_files(tmp_path, rng)
    want = lanegrad.fit(paths, "y", **OPTIONS)
    for shards in [1, 2, 5]:
        assert fit_on(Local(), paths, shards, label="y") == want


def test_scores_are_those_of_one_process(files):
    model = lanegrad.fit(files, -1, **OPTIONS)
    options = {"delimiter": None, "decimal_comma": False, "retries": 1, "timeout": None}
    engine = Local()
    found = cluster.predict_on(engine, model, files, **options)
    assert (found == model.predict_proba(files)).all() and engine.closed
    with pytest.raises(ValueError, match="has no rows"):
        cluster.predict_on(Local(), model, files[1], **options)
    with pytest.raises(ValueError, match="twice"):
        cluster.predict_on(Local(), model, files[:1] * 2, **options)


def test_warnings_are_about_the_callers_line(files):
    plan = cluster.plan(files, -1, shards=2)
    held = [cluster.Rows(plan.recipe(shard)) for shard in range(2)]
    with pytest.warns(lanegrad.FitWarning, match="max_iter") as warned:
        cluster.fit(plan, lambda question, shards: [(i, held[i].answer(question)) for i in shards], max_iter=1)
    assert [warning.filename for warning in warned] == [__file__]
