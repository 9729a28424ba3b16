"""Fits to data that many workers hold: what ``lanegrad.dask`` and ``lanegrad.ray`` share, and what other engines need.

A ``Plan`` cuts a data set into shards. Each worker reads one (``Rows``) and answers questions; ``fit`` asks them, at
the driver, and merges their sums. The model has the bytes of ``lanegrad.fit`` of the same files on one machine,
whoever answered, in whatever order, and however often.

An engine that can send bytes needs ``plan``, ``Rows`` and ``fit`` alone. One whose workers can be lost has an
``Engine``, whose ``Workers`` are asked again.
"""

from __future__ import annotations

import functools
import math
import os
import platform
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lanegrad import _fit, _lanegrad, _tables
from lanegrad._lanegrad import Plan
from lanegrad._model import Model

__all__ = ["ClusterError", "Engine", "Holder", "Plan", "Rows", "Workers", "fit", "plan", "remembered"]

Ask = Callable[[bytes, Sequence[int]], Iterable[tuple[int, bytes]]]


class ClusterError(RuntimeError):
    """Workers were lost, or did not answer in time, as often as was allowed."""


class Holder(Protocol):
    """What a worker holds, and answers with. The same question has the same answer, whoever is asked."""

    def answer(self, question: bytes, threads: int | None = None) -> bytes:
        """The answer to a question, on so many threads."""


class Rows:
    """The rows of a shard, which a worker holds. Pickle takes its recipe, and reads the rows anew.

    Parameters
    ----------
    recipe : bytes
        ``Plan.recipe``. Its files are read, or mapped.

    Raises
    ------
    ValueError
        If a file cannot be read, or is not what the plan says; a label is out of its range; or this worker has no fused
        multiply-add, or another version.
    """

    def __init__(self, recipe: bytes) -> None:
        _refuse_unfused()
        self._recipe: bytes | None = recipe
        self._rows = _lanegrad.Rows.read(recipe)

    @classmethod
    def of_arrays(cls, recipe: bytes, rows: Any, labels: Any = None, sample_weight: Any = None) -> Rows:
        """The rows of a shard of an array, which are copied."""
        _refuse_unfused()
        self = cls.__new__(cls)
        self._recipe = None
        self._rows = _lanegrad.Rows.of_arrays(recipe, rows, labels, sample_weight)
        return self

    def answer(self, question: bytes, threads: int | None = None) -> bytes:
        """The answer to a question of ``fit``, on so many threads; by default as many as there are."""
        return self._rows.answer(question, threads)

    def __reduce__(self) -> tuple[type[Rows], tuple[bytes]]:
        if self._recipe is None:
            raise TypeError("rows that were copied from an array stay where they are")
        return Rows, (self._recipe,)


@functools.lru_cache(maxsize=16)
def remembered(recipe: bytes) -> Rows:
    """The rows of a recipe, which this process remembers (those of the last 16): for engines whose tasks have no other
    place to keep them."""
    return Rows(recipe)


def _refuse_unfused() -> None:
    if not _lanegrad.info()["fused"]:
        raise ValueError(
            f"the worker on {platform.node()} (process {os.getpid()}) has no fused multiply-add, or LANEGRAD_ISA "
            "forbids it: its sums would have other bits than those of others"
        )


def plan(data: Any, label: Any = None, *, shards: int, label_file: Any = None, **options: Any) -> Plan:
    """Cuts a data set in files into at most so many shards. It is called where the files are.

    Parameters
    ----------
    data : path or list of paths
        Files, as in ``lanegrad.fit``. Where all are arrays shards are parts of files too, else whole files.
    label, label_file, positive, sample_weight, ignore, missing, delimiter, decimal_comma, dtype, arithmetic
        As in ``lanegrad.fit``.
    shards : int
        The largest number of shards.

    Returns
    -------
    Plan
        ``shards``, their number; ``recipe(i)``, what the worker of shard ``i`` is told, as bytes; ``describe(i)``, its
        files. Pickle takes it.

    Raises
    ------
    ValueError
        If a file cannot be opened, columns are not there or not the same in all files, or an option is out of its
        range.
    """
    files, all_options = _of_files(data, label, label_file, options)
    return Plan.of_files(files, all_options, shards_of(shards))


def _of_files(data: Any, label: Any, label_file: Any, options: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Paths, and the options of data in them, as the compiled half takes them."""
    files = _tables.paths(data)
    if files is None:
        raise TypeError(f"data are a path or a list of paths, and not {type(data).__name__}: {data!r:.80}")
    found = _fit.data_options(label, **options) | _fit.fit_options()
    found["label_files"] = _fit.paths_of_labels(label, label_file, files)
    _fit.refuse_arrays(found, label=label, sample_weight=options.get("sample_weight"))
    return files, found


def shards_of(shards: Any, name: str = "shards") -> int:
    """A number of shards, or of who holds them."""
    number = _fit._count(name, shards)
    if not 0 < number <= 1_000_000:
        raise ValueError(f"`{name}` is {shards}, and not from 1 to 1 000 000")
    return number


def fit(
    plan: Plan,
    ask: Ask,
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    **options: Any,
) -> Model:
    """Fits a model to the shards of a plan: with the bytes of ``lanegrad.fit`` of the whole data set.

    Parameters
    ----------
    plan : Plan
        What ``plan`` returned, here or elsewhere.
    ask : callable
        ``ask(question, shards)`` puts a question, as bytes, to the ``Rows`` of these shards (a ``range``), and returns
        or yields a pair ``(shard, answer)`` for each of them, in any order. It may ask again, of anybody who holds the
        same shard. Each pass of the fit is one question.
    l2, standardize, bias, tol, max_iter, on_iteration, checkpoint, resume
        As in ``lanegrad.fit``. The checkpoint is kept by the driver.

    Returns
    -------
    Model
        Its report has neither accuracy nor AUC.

    Raises
    ------
    ValueError
        If an option is out of its range, data are refused, or answers do not belong together.
    """
    asked = fitting(plan.files(), checkpoint=checkpoint, resume=resume, **options)
    return _fit_of(plan, ask, asked, stacklevel=4)


def fitting(inputs: Sequence[str], *, checkpoint: Any = None, resume: bool = False, **options: Any) -> dict[str, Any]:
    """What is fitted, and where its state is kept, as the compiled half takes it."""
    found = _fit.data_options(None) | _fit.fit_options(**options)
    return found | _fit.checkpoint_options(checkpoint, resume, inputs)


def _fit_of(plan: Plan, ask: Ask, options: dict[str, Any], stacklevel: int) -> Model:
    report = _lanegrad.fit_shards(plan, lambda question, first, end: ask(question, range(first, end)), options)
    return _fit.model_of(*report, stacklevel=stacklevel)


class Engine(ABC):
    """Workers of an engine, some of which may be lost. They hold parts of work, each with a number."""

    @abstractmethod
    def hold(self, part: int, make: Callable[..., Holder], arguments: tuple[Any, ...], instead: bool = False) -> None:
        """Has a worker make and hold a part, in place of what it held under this number; ``instead`` of the one that
        was lost, or is late, where that is so."""

    @abstractmethod
    def submit(self, part: int, question: bytes) -> Hashable:
        """Puts a question to the worker of a part, and returns a name for the task. It does not wait."""

    @abstractmethod
    def wait(self, seconds: float) -> Iterable[tuple[Hashable, bytes | BaseException]]:
        """The tasks that have ended, each with its answer or its exception: a ``ClusterError`` where the worker was
        lost. It waits for one, but not for longer than this."""

    @abstractmethod
    def cancel(self, tasks: Iterable[Hashable]) -> None:
        """Drops tasks, of which nobody wants to know any more."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of all parts."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Workers:
    """Parts of work on an engine: whoever is lost or late is replaced, and asked again.

    Parameters
    ----------
    engine : Engine
        Who holds the parts.
    parts : list of (callable, tuple)
        What makes each part, and of what.
    words : callable
        A part in words, for messages.
    retries : int
        How often a question to a part is asked again.
    timeout : float, optional
        The seconds without an answer of anybody after which whoever has not answered is given up; with ``None`` never.
        (A worker may be at work on other parts first: as long as answers come in, nobody is late.)
    """

    def __init__(
        self,
        engine: Engine,
        parts: Sequence[tuple[Callable[..., Holder], tuple[Any, ...]]],
        words: Callable[[int], str],
        retries: int,
        timeout: float | None,
    ) -> None:
        self._engine, self._parts, self._words = engine, list(parts), words
        self._retries = _fit._count("retries", retries)
        self._timeout = None if timeout is None else _fit._number("timeout", timeout)
        if self._timeout is not None and not self._timeout > 0.0:
            raise ValueError(f"`timeout` is {timeout}, and not a number of seconds above 0")
        for part, (make, arguments) in enumerate(self._parts):
            engine.hold(part, make, arguments)

    def ask(self, question: bytes, parts: Sequence[int] | None = None) -> Iterator[tuple[int, bytes]]:
        """Puts a question to parts, or to all, and yields each part's answer, in any order.

        Raises
        ------
        ClusterError
            If a part has not answered after all retries.
        """
        # The part, the number of the attempt and when it began, for each task that is waited for.
        waiting: dict[Hashable, tuple[int, int, float]] = {}
        # When the last answer came.
        last = time.monotonic()

        def submit(part: int, attempt: int) -> None:
            waiting[self._engine.submit(part, question)] = (part, attempt, time.monotonic())

        def again(part: int, attempt: int, why: BaseException | str) -> None:
            if attempt > self._retries:
                times = "once" if attempt == 1 else f"{attempt} times"
                raise ClusterError(f"{self._words(part)}: it was tried {times}: {why}")
            try:
                self._engine.hold(part, *self._parts[part], instead=True)
            except ClusterError as error:
                raise ClusterError(f"{self._words(part)}: {why}; {error}") from error
            submit(part, attempt + 1)

        try:
            for part in range(len(self._parts)) if parts is None else parts:
                submit(part, 1)
            while waiting:
                for task, outcome in self._engine.wait(self._patience(waiting.values(), last)):
                    if task not in waiting:
                        # An answer that comes too late.
                        continue
                    part, attempt, _ = waiting.pop(task)
                    if isinstance(outcome, bytes):
                        yield part, outcome
                        last = time.monotonic()
                    elif isinstance(outcome, ClusterError):
                        again(part, attempt, outcome)
                    else:
                        raise outcome
                for task in [task for task, (*_, start) in waiting.items() if self._left(start, last) <= 0.0]:
                    part, attempt, _ = waiting.pop(task)
                    self._engine.cancel([task])
                    again(part, attempt, f"there is no answer within {self._timeout:g} s")
        finally:
            self._engine.cancel(waiting)

    def _patience(self, waiting: Iterable[tuple[int, int, float]], last: float) -> float:
        """The seconds to wait for an answer before who is late, or lost, is looked for."""
        return min(1.0, max(0.0, min(self._left(start, last) for *_, start in waiting)))

    def _left(self, start: float, last: float) -> float:
        """The seconds that are left for what was asked at ``start``, if the last answer of anybody came at ``last``."""
        return math.inf if self._timeout is None else max(start, last) + self._timeout - time.monotonic()


class _Planner:
    """The plan of files, which a worker makes: it is there that they can be opened."""

    def __init__(self, files: list[str], options: dict[str, Any], shards: int) -> None:
        self._arguments = (files, options, shards)

    def answer(self, question: bytes, threads: int | None = None) -> bytes:
        return Plan.of_files(*self._arguments).to_bytes()


class _Scorer:
    """The probabilities of the rows of a file."""

    def __init__(self, model: str, path: str, delimiter: str | None, decimal_comma: bool) -> None:
        self._arguments = (model, [path], delimiter, decimal_comma)

    def answer(self, question: bytes, threads: int | None = None) -> bytes:
        return _lanegrad.predict_files(*self._arguments, threads, allow_empty=True).tobytes()


# The arguments of `lanegrad.fit` that say how data are read, and not what is fitted.
_DATA_OPTIONS = ("positive", "sample_weight", "ignore", "missing", "delimiter", "decimal_comma", "dtype", "arithmetic")


def of_data(options: dict[str, Any]) -> dict[str, Any]:
    """Takes those of these arguments that say how data are read out of the others."""
    return {name: options.pop(name) for name in _DATA_OPTIONS if name in options}


def fit_parts(
    engine: Engine,
    plan: Plan,
    parts: Sequence[tuple[Callable[..., Holder], tuple[Any, ...]]],
    options: dict[str, Any],
    retries: int,
    timeout: float | None,
) -> Model:
    """The fit to the shards of a plan, of what ``fitting`` returned: for functions that users call through another."""
    return _fit_of(plan, Workers(engine, parts, plan.describe, retries, timeout).ask, options, stacklevel=6)


def fit_on(
    engine: Engine,
    data: Any,
    label: Any,
    *,
    shards: int,
    retries: int,
    timeout: float | None,
    label_file: Any = None,
    **options: Any,
) -> Model:
    """Fits a model to files that the workers of an engine read: what ``lanegrad.dask.fit`` and others are."""
    files, found = _of_files(data, label, label_file, of_data(options))
    # What is refused is refused before anything is read.
    asked = fitting([*files, *found["label_files"]], **options)
    with engine:
        planner = [(_Planner, (files, found, shards_of(shards)))]
        names = ", ".join(files[:3]) + (", …" if len(files) > 3 else "")
        answers = Workers(engine, planner, lambda _: f"the plan of {names}", retries, timeout).ask(b"")
        plan = Plan.from_bytes(next(iter(answers))[1])
        parts = [(Rows, (plan.recipe(shard),)) for shard in range(plan.shards)]
        return fit_parts(engine, plan, parts, asked, retries, timeout)


def predict_on(
    engine: Engine,
    model: Model,
    data: Any,
    *,
    delimiter: str | None,
    decimal_comma: bool,
    retries: int,
    timeout: float | None,
) -> npt.NDArray[np.float64]:
    """The probabilities of the rows of files, which the workers of an engine score."""
    files = _tables.paths(data)
    if files is None:
        raise TypeError(f"data are a path or a list of paths, and not {type(data).__name__}")
    if len(set(files)) < len(files):
        raise ValueError("a file is there twice")
    parts = [(_Scorer, (model.to_json(), path, delimiter, decimal_comma)) for path in files]
    with engine:
        workers = Workers(engine, parts, lambda part: files[part], retries, timeout)
        answers = dict(workers.ask(b""))
    scores = np.concatenate([np.frombuffer(answers[part]) for part in range(len(files))])
    if not scores.size:
        raise ValueError(f"{files[0]} has no rows" if len(files) == 1 else "the files have no rows")
    return scores
