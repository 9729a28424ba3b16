"""The Python package next to numpy, scikit-learn and JAX, by turns on the same cores.

    python3 -m venv .venv && .venv/bin/pip install ./python scikit-learn jax
    .venv/bin/python python/benches/speed.py pass [MEGABYTES [ROUNDS]]
    .venv/bin/python python/benches/speed.py fit [COVTYPE_CSV]
    .venv/bin/python python/benches/speed.py call

``pass``: loss and gradient of random float32 in C order, GB/s of X, medians, and the ratio to the fastest peer.
``fit``: the estimator to an objective within 1e-6 (relative) of the optimum, seconds, medians. ``call``: nanoseconds of
a call on 100 elements. LANEGRAD_CORES is the number of cores that all of them may use: 1, unless it is set.
"""

import os
import statistics
import sys
import time

# Before the libraries are loaded, which make threads for every core that they see.
CORES = int(os.environ.get("LANEGRAD_CORES", "1"))
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-CORES:])
for name in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[name] = str(CORES)
# What slows a current OpenBLAS.
for name in ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"]:
    os.environ.pop(name, None)
os.environ["JAX_PLATFORMS"] = "cpu"

import warnings

import numpy as np

import lanegrad

# Seconds of a fit that is not repeated.
PATIENCE = 20
COLUMNS = [16, 64, 256, 1000, 4096]


def by_turns(ways, rounds):
    """The median seconds of each way, which take turns, after a first time that does not count."""
    times = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(t) for name, t in times.items()}


def numpy_pass(x, y, w, b):
    """Loss and gradient as one composes them from numpy."""
    z = x @ w + b
    loss = np.sum(np.logaddexp(0, z) - y * z, dtype=np.float64)
    r = 1 / (1 + np.exp(-z)) - y
    return loss, x.T @ r


def measure_pass(columns, megabytes, rounds):
    import jax
    import jax.numpy as jnp
    from sklearn._loss.loss import HalfBinomialLoss
    from sklearn.linear_model._linear_loss import LinearModelLoss

    rows = (megabytes << 20) // (4 * columns)
    x = np.random.default_rng(7).random((rows, columns), dtype=np.float32) * 2 - 1
    y = (np.arange(rows) % 3 == 0).astype(np.float32)
    w, b = ((np.arange(columns) % 7) / 50 - 0.06).astype(np.float32), np.float32(0.5)

    def jax_loss(w, b, x, y):
        z = x @ w + b
        return jnp.sum(jnp.logaddexp(0, z) - y * z)

    linear = LinearModelLoss(base_loss=HalfBinomialLoss(), fit_intercept=True)
    coefficients = np.append(w, b)
    gradient = jax.jit(jax.value_and_grad(jax_loss, argnums=(0, 1)))
    jx, jy, jw = jnp.asarray(x), jnp.asarray(y), jnp.asarray(w)
    ways = {
        "lanegrad": lambda: lanegrad.loss_and_gradient(x, y, w, b),
        "numpy": lambda: numpy_pass(x, y, w, b),
        "scikit-learn": lambda: linear.loss_gradient(coefficients, x, y, l2_reg_strength=0.0),
        "JAX": lambda: jax.block_until_ready(gradient(jw, b, jx, jy)),
    }
    # They compute the same.
    wanted, found = numpy_pass(x, y, w, b)[0], ways["lanegrad"]().loss
    assert abs(found / wanted - 1) < 1e-4, (found, wanted)
    return {name: x.nbytes / seconds / 1e9 for name, seconds in by_turns(ways, rounds).items()}


def passes(megabytes=1024, rounds=9):
    for columns in COLUMNS:
        speeds = measure_pass(columns, int(megabytes), int(rounds))
        best = max(speed for name, speed in speeds.items() if name != "lanegrad")
        text = "  ".join(f"{name} {speed:.1f}" for name, speed in speeds.items())
        print(f"{columns:5}  {text}  ({speeds['lanegrad'] / best:.2f} times the fastest peer)", flush=True)


def objective(model, X, y, C):
    """scikit-learn's, over C times the number of rows."""
    z = X @ model.coef_[0] + model.intercept_[0]
    return np.mean(np.logaddexp(0, z) - y * z) + model.coef_[0] @ model.coef_[0] / (2 * C * len(y))


def to_objective(make, X, y, C, limit):
    """The loosest tolerance that brings an estimator to an objective of at most the limit."""
    for exponent in np.arange(1.0, 12.0, 0.5):
        start = time.perf_counter()
        model = make(10.0**-exponent).fit(X, y)
        found = objective(model, X, y, C)
        if found <= limit or time.perf_counter() - start > PATIENCE:
            return 10.0**-exponent, model, found <= limit
    raise ValueError("the limit was not reached")


def data_sets(covtype):
    """Name, X and y of each data set."""
    if covtype is not None:
        table = np.loadtxt(covtype, delimiter=",", skiprows=1)
        X, y = np.ascontiguousarray(table[:, :-1]), table[:, -1].astype(int)
        yield "covtype_200k", X, y
        spread = X.std(axis=0)
        yield "covtype_200k, standardised", (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1), y
    random = np.random.default_rng(7)
    X = random.normal(size=(1_000_000, 100))
    yield "1 M x 100", X, (X @ random.normal(size=100) / 5 + random.logistic(size=len(X)) > 0).astype(int)


def measure_fit(X, y, l2):
    """Seconds of each solver, with a note; seconds are none where the objective was not reached."""
    from sklearn.linear_model import LogisticRegression as Theirs

    from lanegrad.sklearn import LogisticRegression

    C = 1 / (l2 * len(y))
    best = objective(LogisticRegression(C=C, tol=1e-10, max_iter=2000).fit(X, y), X, y, C)
    makers = {
        "lanegrad": lambda tol: LogisticRegression(C=C, tol=tol, max_iter=2000),
        "lbfgs": lambda tol: Theirs(C=C, tol=tol, max_iter=2000),
        "newton-cholesky": lambda tol: Theirs(C=C, tol=tol, solver="newton-cholesky"),
    }
    ways, notes = {}, {}
    for solver, make in makers.items():
        tol, model, reached = to_objective(make, X, y, C, best * (1 + 1e-6))
        distance = objective(model, X, y, C) / best - 1
        notes[solver] = f"tol {tol:.0e}, {model.n_iter_[0]} iterations, {distance:.0e} from the optimum"
        if reached:
            ways[solver] = lambda make=make, tol=tol: make(tol).fit(X, y)
    seconds = by_turns(ways, 5)
    return {solver: (seconds.get(solver), note) for solver, note in notes.items()}


def fits(covtype=None):
    warnings.simplefilter("ignore")
    for name, X, y in data_sets(covtype):
        for l2 in (1e-2, 1e-4):
            print(f"{name}, l2 = {l2}:", flush=True)
            found = measure_fit(X, y, l2)
            for solver, (seconds, note) in found.items():
                time_of = f"{seconds:.3f} s ({seconds / found['lanegrad'][0]:.1f})" if seconds else "not reached"
                print(f"  {solver:16} {time_of}, {note}", flush=True)


def call():
    from scipy.special import expit

    z, out = np.random.default_rng(7).normal(size=100), np.empty(100)
    times = {}
    for name, function in {"lanegrad.sigmoid": lanegrad.sigmoid, "scipy.special.expit": expit}.items():
        some = []
        for _ in range(21):
            start = time.perf_counter_ns()
            for _ in range(10_000):
                function(z, out=out)
            some.append((time.perf_counter_ns() - start) / 10_000)
        times[name] = statistics.median(some)
    print("  ".join(f"{name}(z, out=out): {ns:.0f} ns" for name, ns in times.items()))


if __name__ == "__main__":
    programs = {"pass": passes, "fit": fits, "call": call}
    if len(sys.argv) < 2 or sys.argv[1] not in programs:
        sys.exit(__doc__)
    print(f"lanegrad {lanegrad.info()}, numpy {np.__version__}")
    programs[sys.argv[1]](*sys.argv[2:])
