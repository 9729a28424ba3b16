"""Fits on the workers of a Dask cluster: ``lanegrad.dask.fit`` and ``predict_proba``."""

from __future__ import annotations

import asyncio
import contextlib
import queue
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import dask
import dask.array
import numpy as np
import numpy.typing as npt
from dask.delayed import Delayed
from distributed import CancelledError, Client, Future, KilledWorker
from distributed import TimeoutError as DaskTimeoutError
from distributed.client import ClosedClientError

from lanegrad import _fit, _tables, cluster
from lanegrad._model import Model

__all__ = ["fit", "predict_proba"]


def fit(
    client: Client,
    data: Any,
    label: Any = None,
    *,
    shards: int | None = None,
    retries: int = 3,
    timeout: float | None = 600.0,
    **options: Any,
) -> Model:
    """Fits a logistic regression on a Dask cluster: with the bytes of ``lanegrad.fit`` of the same files.

    Workers read the files, or map them, and keep their rows; each pass is a task for every shard, and this process
    merges what they return. The model does not depend on the workers, nor on how many there are, or are lost.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    data : path, list of paths, or dask.array.Array of shape (nrows, ncols)
        Files as workers see them. An array is one table, however it is chunked: ``lanegrad.fit`` of the same rows in
        memory. Its chunks are brought to the shards' rows and copied by the workers that hold them. Labels beside it
        are numbers.
    label : str, int, or array of shape (nrows,)
        The column of the labels; beside an array also a Dask or numpy array.
    shards : int, optional
        The largest number of shards; by default the number of workers. Of files only arrays are cut.
    retries : int
        How often a shard's part of a pass is done again elsewhere, when its worker is lost or late.
    timeout : float, optional
        The seconds without an answer of any worker after which those who have not answered are given up, in a pass or
        while files are read; ``None`` for any.
    **options
        All others of ``lanegrad.fit``, but for ``threads``: a worker has as many as Dask gives it.

    Returns
    -------
    Model
        Its report has neither accuracy nor AUC, and no warning about data without an optimum.

    Raises
    ------
    ValueError
        If data or options are refused, as by ``lanegrad.fit``; or a worker has no fused multiply-add, or another
        version.
    lanegrad.cluster.ClusterError
        If a shard was not answered for after all retries: it names the shard's files.
    """
    number = len(_workers(client)) if shards is None else shards
    if isinstance(data, dask.array.Array):
        return _fit_array(client, data, label, number, retries, timeout, options)
    return cluster.fit_on(_Dask(client), data, label, shards=number, retries=retries, timeout=timeout, **options)


def predict_proba(
    client: Client,
    model: Model,
    data: Any,
    *,
    delimiter: str | None = None,
    decimal_comma: bool = False,
    retries: int = 3,
    timeout: float | None = 600.0,
) -> npt.NDArray[np.float64]:
    """The probability of each row of files, one after the other, which workers read: ``Model.predict_proba``.

    Parameters
    ----------
    client, retries, timeout
        As in ``fit``.
    model : Model
        The model.
    data : path or list of paths
        Files as workers see them, each of which is a task.
    delimiter, decimal_comma
        As in ``lanegrad.fit``.

    Returns
    -------
    numpy.ndarray of shape (nrows,)
        In this process: 8 bytes for each row.
    """
    return cluster.predict_on(
        _Dask(client),
        model,
        data,
        delimiter=delimiter,
        decimal_comma=decimal_comma,
        retries=retries,
        timeout=timeout,
    )


def _workers(client: Client) -> dict[str, int]:
    """The addresses of the workers, each with its number of threads."""
    workers: dict[str, int] = client.nthreads()
    if not workers:
        raise cluster.ClusterError("the cluster has no workers")
    return workers


def _fit_array(
    client: Client,
    data: dask.array.Array,
    label: Any,
    shards: int,
    retries: int,
    timeout: float | None,
    options: dict[str, Any],
) -> Model:
    of_data = cluster.of_data(options)
    weights = of_data.get("sample_weight")
    found = _fit.data_options(label, **of_data) | _fit.fit_options()
    if data.ndim != 2 or np.isnan(data.shape).any():
        raise ValueError(
            f"the array has the shape {data.shape}, and is not a matrix of known chunks: `compute_chunk_sizes()` "
            "makes them known"
        )
    if options.pop("label_file", None) is not None or label is None:
        raise ValueError("labels of an array are in a column or in an array: `label` is needed")
    asked = cluster.fitting([], **options)
    nrows, ncols = data.shape
    dtype = _tables.held(data.dtype)
    names = [str(column) for column in range(ncols)]
    plan = cluster.Plan.of_array(nrows, names, dtype, found, cluster.shards_of(shards))
    sizes = tuple(end - start for start, end in map(plan.rows, range(plan.shards)))

    def pieces(name: str, of: Any) -> list[Any]:
        if of is None or _fit._column(of) is not None:
            return [None] * len(sizes)
        array = dask.array.asarray(of)
        if array.shape != (nrows,):
            raise ValueError(f"`{name}` has the shape {array.shape}, and the array {data.shape}")
        return list(array.rechunk((sizes,)).to_delayed().ravel())

    rows = data.rechunk((sizes, (ncols,))).to_delayed().ravel()
    columns = zip(rows, pieces("label", label), pieces("sample_weight", weights), strict=True)
    parts = [(cluster.Rows.of_arrays, (plan.recipe(shard), *some)) for shard, some in enumerate(columns)]
    with _Dask(client) as engine:
        return cluster.fit_parts(engine, plan, parts, asked, retries, timeout)


def _answer(holder: cluster.Holder, question: bytes, threads: int) -> bytes:
    return holder.answer(question, threads)


# The seconds in which answers should be fetched at first, and a worker be started again where there is no other.
_FETCH = 2.0
_RESTART = 60.0


def _is_loss(error: BaseException | None) -> bool:
    """True for the exception of a task whose worker was lost, or what it stands on."""
    return isinstance(error, (KilledWorker, CancelledError))


class _Dask(cluster.Engine):
    """Parts as futures of the workers that were chosen for them. Dask itself would move them and try again as often as
    it is configured; so each stays with its worker, and who is lost is found by the list of workers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._held: dict[int, tuple[str, int, Future]] = {}
        self._tasks: dict[Hashable, tuple[str, Future]] = {}
        self._done: queue.SimpleQueue[Future] = queue.SimpleQueue()
        # The seconds for the next fetch: more after one that was too short for answers that are there.
        self._fetch = _FETCH

    def hold(
        self, part: int, make: Callable[..., cluster.Holder], arguments: tuple[Any, ...], instead: bool = False
    ) -> None:
        if instead and not self._client.nthreads():
            # The only one may be started again.
            with contextlib.suppress(DaskTimeoutError):
                self._client.wait_for_workers(1, timeout=_RESTART)
        workers = _workers(self._client)
        addresses = sorted(workers)
        place = part % len(addresses)
        if instead:
            last = self._held.pop(part)[0]
            # The next one, so that those who are left share the parts of one who is lost.
            others = [address for address in addresses if address != last] or addresses
            addresses, place = others, (part + 1) % len(others)
        address = addresses[place]
        # Blocks of an array are made anywhere: several parts may need one, and it must not be bound to who is lost.
        arguments = tuple(self._client.compute(some) if isinstance(some, Delayed) else some for some in arguments)
        made = self._client.submit(make, *arguments, workers=[address], pure=False)
        self._held[part] = (address, workers[address], made)

    def submit(self, part: int, question: bytes) -> Hashable:
        address, threads, holder = self._held[part]
        task = self._client.submit(_answer, holder, question, threads, workers=[address], pure=False)
        self._tasks[task.key] = (address, task)
        task.add_done_callback(self._done.put)
        return task.key

    def wait(self, seconds: float) -> Iterable[tuple[Hashable, bytes | BaseException]]:
        try:
            ended = [self._done.get(timeout=seconds)]
        except queue.Empty:
            return self._lost()
        while not self._done.empty():
            ended.append(self._done.get())
        ended = [task for task in ended if task.key in self._tasks]
        finished = [task for task in ended if task.status == "finished"]
        answers = self._gather(finished)
        found: list[tuple[Hashable, bytes | BaseException]] = list(answers.items())
        for task in ended:
            if task.key not in answers:
                if task.status == "error":
                    error = task.exception()
                    found.append((task.key, cluster.ClusterError(str(error)) if _is_loss(error) else error))
                elif task.status == "cancelled":
                    found.append((task.key, cluster.ClusterError("its task was cancelled")))
                else:
                    # Its worker has the answer, and may have been lost with it.
                    task.add_done_callback(self._done.put)
        if len(answers) < len(finished):
            found += self._lost()
        for key, _ in found:
            self._tasks.pop(key, None)
        return found

    def _gather(self, tasks: list[Future]) -> dict[Hashable, bytes]:
        """The answers of tasks, as far as they can be had soon. All at once, as each call takes a while."""

        async def gather() -> list[bytes]:
            # An answer that was lost with its worker would be waited for without an end.
            return await asyncio.wait_for(self._client.gather(tasks, errors="skip", asynchronous=True), self._fetch)

        try:
            answers = self._client.sync(gather) if tasks else []
        except (asyncio.TimeoutError, DaskTimeoutError):
            answers = []
        if len(answers) == len(tasks):
            self._fetch = _FETCH
            return {task.key: answer for task, answer in zip(tasks, answers, strict=True)}
        self._fetch *= 2.0
        workers = self._client.nthreads()
        found: dict[Hashable, bytes] = {}
        for task in tasks:
            if self._tasks[task.key][0] in workers:
                with contextlib.suppress(CancelledError, DaskTimeoutError, OSError):
                    found[task.key] = task.result(timeout=self._fetch)
        return found

    def _lost(self) -> list[tuple[Hashable, BaseException]]:
        """The tasks of workers that are there no longer."""
        workers = self._client.nthreads()
        lost = [(key, address) for key, (address, _) in self._tasks.items() if address not in workers]
        self.cancel(key for key, _ in lost)
        return [(key, cluster.ClusterError(f"the worker {address} is lost")) for key, address in lost]

    def cancel(self, tasks: Iterable[Hashable]) -> None:
        dropped = [self._tasks.pop(key)[1] for key in list(tasks) if key in self._tasks]
        self._drop(dropped)

    def close(self) -> None:
        self.cancel(self._tasks)
        self._drop([made for *_, made in self._held.values()])
        self._held.clear()

    def _drop(self, futures: list[Future]) -> None:
        # A client that was closed has dropped all, and what closed it is the error to be seen.
        with contextlib.suppress(ClosedClientError):
            if futures:
                self._client.cancel(futures)
