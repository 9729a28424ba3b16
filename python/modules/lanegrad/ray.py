"""Fits on the workers of a Ray cluster: ``lanegrad.ray.fit`` and ``predict_proba``."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import ray
from ray.exceptions import RayError, RayTaskError

from lanegrad import _fit, _tables, cluster
from lanegrad._model import Model

__all__ = ["fit", "predict_proba"]


def fit(
    data: Any,
    label: Any = None,
    *,
    place: str | None = None,
    workers: int | None = None,
    cpus_per_worker: int = 1,
    shards: int | None = None,
    retries: int = 3,
    timeout: float | None = 600.0,
    **options: Any,
) -> Model:
    """Fits a logistic regression on a Ray cluster: with the bytes of ``lanegrad.fit`` of the same files.

    Actors read the files, or map them, and keep their rows; each pass is a call for every shard, and this process
    merges what they return. The model does not depend on the actors, nor on how many there are, or are lost.
    ``ray.init`` was called before; actors end with the fit.

    Parameters
    ----------
    data : path, list of paths, or ray.data.Dataset
        Files as workers see them. A dataset is one table of the rows in the order of the column ``place``:
        ``lanegrad.fit`` of the same rows as a data frame. Ray sorts it, and actors copy their rows.
    label : str or int
        The column of the labels, which are numbers in a dataset.
    place : str, optional
        The column of a dataset with the number of each row, from 0. A dataset itself has no order of rows, on which the
        bits of a model depend.
    workers : int, optional
        The number of actors; by default as many as there are free CPUs for.
    cpus_per_worker : int
        The CPUs that each asks for, and so its threads.
    shards : int, optional
        The largest number of shards; by default the number of actors. Of files only arrays are cut.
    retries : int
        How often a shard's part of a pass is done again by a new actor, when its actor is lost or late.
    timeout : float, optional
        The seconds without an answer of any actor after which those who have not answered are given up, in a pass or
        while they start and files are read; ``None`` for any.
    **options
        All others of ``lanegrad.fit``, but for ``threads``.

    Returns
    -------
    Model
        Its report has neither accuracy nor AUC, and no warning about data without an optimum.

    Raises
    ------
    ValueError
        If data or options are refused, as by ``lanegrad.fit``; a worker has no fused multiply-add, or another version;
        or a dataset has no column that numbers its rows.
    lanegrad.cluster.ClusterError
        If a shard was not answered for after all retries: it names the shard's files.
    """
    engine = _Ray(workers, cpus_per_worker)
    number = engine.size if shards is None else shards
    if type(data).__module__.startswith("ray.data"):
        return _fit_dataset(engine, data, label, place, number, retries, timeout, options)
    if place is not None:
        raise ValueError("`place` is for a Ray dataset: the rows of files are in order")
    return cluster.fit_on(engine, data, label, shards=number, retries=retries, timeout=timeout, **options)


def predict_proba(
    model: Model,
    data: Any,
    *,
    workers: int | None = None,
    cpus_per_worker: int = 1,
    delimiter: str | None = None,
    decimal_comma: bool = False,
    retries: int = 3,
    timeout: float | None = 600.0,
) -> npt.NDArray[np.float64]:
    """The probability of each row of files, one after the other, which actors read: ``Model.predict_proba``.

    Parameters
    ----------
    model : Model
        The model.
    data : path or list of paths
        Files as workers see them, each of which is a call.
    workers, cpus_per_worker, retries, timeout
        As in ``fit``.
    delimiter, decimal_comma
        As in ``lanegrad.fit``.

    Returns
    -------
    numpy.ndarray of shape (nrows,)
        In this process: 8 bytes for each row.
    """
    return cluster.predict_on(
        _Ray(workers, cpus_per_worker),
        model,
        data,
        delimiter=delimiter,
        decimal_comma=decimal_comma,
        retries=retries,
        timeout=timeout,
    )


def _fit_dataset(
    engine: _Ray,
    data: Any,
    label: Any,
    place: str | None,
    shards: int,
    retries: int,
    timeout: float | None,
    options: dict[str, Any],
) -> Model:
    if place is None:
        raise ValueError(
            "a Ray dataset has no order of rows, on which the bits of a model depend: `place` is a column with the "
            "number of each row, from 0; or give the paths of its files"
        )
    of_data = cluster.of_data(options)
    found = _fit.data_options(label, **of_data) | _fit.fit_options()
    if options.pop("label_file", None) is not None or found["label"] is None:
        raise ValueError("labels of a dataset are in a column: `label` is its name")
    _fit.refuse_arrays(found, sample_weight=of_data.get("sample_weight"))
    asked = cluster.fitting([], **options)
    schema = data.schema()
    if place not in schema.names:
        raise ValueError(f"there is no column `{place}`, but {', '.join(schema.names)}")
    kinds = {name: kind for name, kind in zip(schema.names, schema.types, strict=True) if name != place}
    ignored = [_tables.place(list(kinds), which) for which in found["ignore"]]
    # As of a data frame: an ignored column may hold anything, and counts as float64.
    single = not ignored and all(str(kind) in _SINGLES for kind in kinds.values())
    dtype = "float32" if single else "float64"
    plan = cluster.Plan.of_array(data.count(), list(kinds), dtype, found, cluster.shards_of(shards))
    starts = [plan.rows(shard)[0] for shard in range(plan.shards)]
    in_order = data.sort(place)
    pieces = in_order.split_at_indices(starts[1:]) if len(starts) > 1 else [in_order]
    parts = [
        (_rows_of_blocks, (plan.recipe(shard), list(kinds), ignored, place, starts[shard], piece.to_pandas_refs()))
        for shard, piece in enumerate(pieces)
    ]
    with engine:
        return cluster.fit_parts(engine, plan, parts, asked, retries, timeout)


def _rows_of_blocks(
    recipe: bytes, names: list[str], ignored: list[int], place: str, start: int, blocks: list[Any]
) -> cluster.Rows:
    """The rows of a shard, which are in data frames of Ray's, one after the other."""
    frames = [frame for frame in ray.get(blocks) if len(frame)]
    places = np.concatenate([frame[place].to_numpy() for frame in frames])
    if not (places == np.arange(start, start + len(places))).all():
        raise ValueError(f"the column `{place}` does not number the rows from 0: each number is there once")
    matrices = [
        _tables.matrix(frame[names], range(len(names)), {column: np.zeros(len(frame)) for column in ignored})
        for frame in frames
    ]
    return cluster.Rows.of_arrays(recipe, np.concatenate(matrices))


# The names of types that are read as float32.
_SINGLES = ("float", "float32", "halffloat", "float16")


class _Actor:
    """The parts of one process: each is made when it is first asked."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._recipes: dict[int, tuple[Callable[..., cluster.Holder], tuple[Any, ...]]] = {}
        self._held: dict[int, cluster.Holder] = {}

    def hold(self, part: int, make: Callable[..., cluster.Holder], arguments: tuple[Any, ...]) -> None:
        self._recipes[part] = (make, arguments)
        self._held.pop(part, None)

    def answer(self, part: int, question: bytes) -> bytes:
        if part not in self._held:
            make, arguments = self._recipes[part]
            self._held[part] = make(*arguments)
        return self._held[part].answer(question, self._threads)


class _Ray(cluster.Engine):
    """Parts in actors, each in its slot. Ray starts no actor again: a slot whose actor is lost or late gets another."""

    def __init__(self, workers: int | None, cpus: int) -> None:
        if not ray.is_initialized():
            raise cluster.ClusterError("there is no Ray cluster: call `ray.init` first")
        if cpus < 1 or cpus != int(cpus):
            raise ValueError(f"`cpus_per_worker` is {cpus}, and not a whole number of at least 1")
        self._cpus = int(cpus)
        free = int(ray.available_resources().get("CPU", 0) // self._cpus)
        self.size = cluster.shards_of(max(free, 1) if workers is None else workers, "workers")
        self._actors: dict[int, Any] = {}
        self._parts: dict[int, tuple[Callable[..., cluster.Holder], tuple[Any, ...]]] = {}
        # The slot of each task, and its actor there, which may be another one by now.
        self._tasks: dict[Any, tuple[int, Any]] = {}

    def hold(
        self, part: int, make: Callable[..., cluster.Holder], arguments: tuple[Any, ...], instead: bool = False
    ) -> None:
        slot = part % self.size
        self._parts[part] = (make, arguments)
        if slot not in self._actors:
            self._start(slot)
        elif not instead:
            self._actors[slot].hold.remote(part, make, arguments)

    def _start(self, slot: int) -> None:
        remote = ray.remote(num_cpus=self._cpus, max_restarts=0, max_task_retries=0)(_Actor)
        self._actors[slot] = actor = remote.options(scheduling_strategy="SPREAD").remote(self._cpus)
        for part, of in self._parts.items():
            if part % self.size == slot:
                actor.hold.remote(part, *of)

    def submit(self, part: int, question: bytes) -> Hashable:
        slot = part % self.size
        task = self._actors[slot].answer.remote(part, question)
        self._tasks[task] = (slot, self._actors[slot])
        return task

    def wait(self, seconds: float) -> Iterable[tuple[Hashable, bytes | BaseException]]:
        ready, rest = ray.wait(list(self._tasks), num_returns=1, timeout=seconds)
        if ready and rest:
            ready += ray.wait(rest, num_returns=len(rest), timeout=0)[0]
        return [(task, self._outcome(task, *self._tasks.pop(task))) for task in ready]

    def _outcome(self, task: Any, slot: int, actor: Any) -> bytes | BaseException:
        try:
            return ray.get(task)
        except RayTaskError as error:
            return error.cause if isinstance(error.cause, Exception) else error
        except RayError as error:
            self._end(slot, actor)
            return cluster.ClusterError(f"its actor is lost: {str(error).strip().splitlines()[0]}")

    def _end(self, slot: int, actor: Any) -> None:
        """Ends an actor of a slot, which is free then, unless it has another one already."""
        if self._actors.get(slot) is actor:
            del self._actors[slot]
        ray.kill(actor)

    def cancel(self, tasks: Iterable[Hashable]) -> None:
        # A call of an actor cannot be ended but with the actor.
        for task in list(tasks):
            if task in self._tasks:
                self._end(*self._tasks.pop(task))

    def close(self) -> None:
        for slot, actor in list(self._actors.items()):
            self._end(slot, actor)
        self._tasks.clear()
