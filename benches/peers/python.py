"""Loss and gradient of a logistic regression: lanegrad next to numpy, scikit-learn and JAX, by turns on one core.

    python3 -m venv target/python
    target/python/bin/pip install numpy scikit-learn jax
    target/python/bin/python benches/peers/python.py [MEGABYTES [ROUNDS]]

X has random float32 in C order. Prints GB/s of X, the medians.
"""

import os
import statistics
import subprocess
import sys
import time

# Before the libraries are loaded, which make threads for every core that they see.
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
for name in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[name] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
import sklearn
from sklearn._loss.loss import HalfBinomialLoss
from sklearn.linear_model._linear_loss import LinearModelLoss

COLUMNS = [16, 64, 256, 1000, 4096]
PEERS = os.path.dirname(os.path.abspath(__file__))
TARGET = os.path.join(PEERS, "target")


def numpy_pass(x, y, w, b):
    """Loss and gradient as one composes them from numpy."""
    z = x @ w + b
    loss = np.sum(np.logaddexp(0, z) - y * z, dtype=np.float64)
    r = 1 / (1 + np.exp(-z)) - y
    return loss, x.T @ r


def jax_loss(w, b, x, y):
    z = x @ w + b
    return jnp.sum(jnp.logaddexp(0, z) - y * z)


class Lanegrad:
    """The program `pass`, which makes a pass for each line that it is sent."""

    def __init__(self, rows, columns):
        program = os.path.join(TARGET, "release", "pass")
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([program, str(rows), str(columns)], stdin=pipe, stdout=pipe, text=True)

    def seconds(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline()) * 1e-9

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure(columns, megabytes, rounds):
    """Median seconds of a pass of each library."""
    rows = (megabytes << 20) // (4 * columns)
    random = np.random.default_rng(7)
    x = random.random((rows, columns), dtype=np.float32) * 2 - 1
    y = (np.arange(rows) % 3 == 0).astype(np.float32)
    w = ((np.arange(columns) % 7) / 50 - 0.06).astype(np.float32)
    b = np.float32(0.5)

    linear = LinearModelLoss(base_loss=HalfBinomialLoss(), fit_intercept=True)
    coefficients = np.append(w, b)
    gradient = jax.jit(jax.value_and_grad(jax_loss, argnums=(0, 1)))
    jx, jy, jw = jnp.asarray(x), jnp.asarray(y), jnp.asarray(w)
    lanegrad = Lanegrad(rows, columns)
    ways = {
        "lanegrad": lanegrad.seconds,
        "numpy": lambda: seconds(lambda: numpy_pass(x, y, w, b)),
        "scikit-learn": lambda: seconds(lambda: linear.loss_gradient(coefficients, x, y, l2_reg_strength=0.0)),
        "JAX": lambda: seconds(lambda: jax.block_until_ready(gradient(jw, b, jx, jy))),
    }
    times = {name: [] for name in ways}
    for way in ways.values():
        way()  # compiles, and touches the memory
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(way())
    lanegrad.close()
    return {name: x.nbytes / statistics.median(t) / 1e9 for name, t in times.items()}


def main():
    if len(sys.argv) > 3:
        sys.exit(__doc__)
    megabytes, rounds = [int(a) for a in sys.argv[1:]] + [256, 9][len(sys.argv) - 1 :]
    manifest = os.path.join(PEERS, "Cargo.toml")
    build = ["cargo", "build", "--quiet", "--locked", "--release", "--bin", "pass", "--manifest-path", manifest]
    subprocess.run([*build, "--target-dir", TARGET], check=True)
    print(f"numpy {np.__version__}, scikit-learn {sklearn.__version__}, JAX {jax.__version__}; {megabytes} MB, one core")
    for columns in COLUMNS:
        speeds = measure(columns, megabytes, rounds)
        print(f"{columns:5}  " + "  ".join(f"{name} {speed:.1f}" for name, speed in speeds.items()), flush=True)


if __name__ == "__main__":
    main()
