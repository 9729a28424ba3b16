"""What an engine adds to a pass: milliseconds beyond the kernels' own, and bytes that the driver gets.

``python benches/clusters.py dask`` or ``ray``: two workers of one thread on this machine; 2, 16 and 60 shards; rows of
100 and of 10 000 columns. The kernels' own time is that of the same questions in this process, on two threads.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

import lanegrad
from lanegrad import cluster

# Of a fit: the first questions are other ones, and the first passes warm up.
SKIPPED = 8
PASSES = 40


class Timed:
    """Times each question, and counts the bytes of its answers."""

    def __init__(self, ask: cluster.Ask) -> None:
        self._ask, self.seconds, self.bytes = ask, [], []

    def __call__(self, question: bytes, shards: Sequence[int]) -> list[tuple[int, bytes]]:
        start = time.perf_counter()
        answers = list(self._ask(question, shards))
        self.seconds.append(time.perf_counter() - start)
        self.bytes.append(sum(len(answer) for _, answer in answers))
        return answers

    def result(self) -> tuple[float, int]:
        """The median of milliseconds, and the bytes of a pass."""
        return 1e3 * statistics.median(self.seconds[SKIPPED:]), self.bytes[-1]


def fit(plan: cluster.Plan, ask: cluster.Ask) -> tuple[float, int]:
    timed = Timed(ask)
    # A tolerance that is not reached.
    model = cluster.fit(plan, timed, tol=0.0, l2=1e-6, max_iter=PASSES)
    assert model.report.passes > 20
    return timed.result()


@contextmanager
def dask_engine() -> Iterator[cluster.Engine]:
    import distributed

    import lanegrad.dask

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as two,
        distributed.Client(two) as client,
        lanegrad.dask._Dask(client) as engine,
    ):
        yield engine


@contextmanager
def ray_engine() -> Iterator[cluster.Engine]:
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray

    import lanegrad.ray

    ray.init(num_cpus=2, _node_ip_address="127.0.0.1", include_dashboard=False, log_to_driver=False)
    with lanegrad.ray._Ray(2, 1) as engine:
        yield engine
    ray.shutdown()


def main() -> None:
    import warnings

    warnings.simplefilter("ignore", lanegrad.FitWarning)
    engines = {"dask": dask_engine, "ray": ray_engine}
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as directory, engines[sys.argv[1]]() as engine:
        print(f"{'columns':>8} {'shards':>7} {'ms/pass':>8} {'kernels':>8} {'beyond':>8} {'bytes to the driver':>20}")
        for ncols in [100, 10_000]:
            nrows = 64 * lanegrad.chunk_rows(ncols)
            x = rng.normal(size=(nrows, ncols + 1)).astype(np.float32)
            x[:, -1] = x[:, 0] + rng.logistic(size=nrows) > 0
            path = f"{directory}/{ncols}.npy"
            np.save(path, x)
            for shards in [2, 16, 60]:
                plan = cluster.plan(path, -1, shards=shards)
                held = [cluster.Rows(plan.recipe(shard)) for shard in range(plan.shards)]
                kernels, _ = fit(plan, lambda question, some, held=held: [(i, held[i].answer(question)) for i in some])
                parts = [(cluster.Rows, (plan.recipe(shard),)) for shard in range(plan.shards)]
                total, size = fit(plan, cluster.Workers(engine, parts, plan.describe, 0, None).ask)
                print(
                    f"{ncols:>8} {plan.shards:>7} {total:>8.1f} {kernels:>8.1f} {total - kernels:>8.1f} {size:>20,}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
