"""Forks, threads, and signals."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import lanegrad as lg


def run(program: str, *arguments: str, timeout: float = 60) -> str:
    """What a program prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_forked_child_computes_as_its_parent():
    text = run(
        """
        import os, warnings
        import numpy as np
        import lanegrad as lg
        warnings.simplefilter("ignore", DeprecationWarning)

        X = np.linspace(-1, 1, 2_000_000).reshape(-1, 20)
        y = (np.arange(len(X)) % 3 == 0).astype(float)
        compute = lambda: lg.loss_and_gradient(X, y, np.ones(20), threads=2).loss
        fit = lambda: lg.fit(X[:4000], y[:4000], l2=0.1, threads=2).bias
        first, model = compute(), fit()
        for generation in range(3):
            child = os.fork()
            if child == 0:
                # A grandchild too.
                assert compute() == first and fit() == model
                continue
            assert compute() == first and fit() == model
            _, status = os.waitpid(child, 0)
            assert status == 0
            if generation:
                os._exit(0)
            break
        print("same", flush=True)
        """
    )
    assert text.split() in (["same"], ["same", "same"])


def test_threads_of_the_program_compute_side_by_side(rng):
    X, y, w = rng.normal(size=(30_000, 20)), np.arange(30_000) % 2 * 1.0, rng.normal(size=20)
    wanted, found = lg.loss_and_gradient(X, y, w), []

    def work():
        for _ in range(20):
            found.append(lg.loss_and_gradient(X, y, w, threads=2).loss)
            found.append(float(lg.fit(X[:500], y[:500], l2=0.1).report.iterations > 0) * wanted.loss)

    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert found == [wanted.loss] * 160


def test_callbacks_may_call_this_module():
    text = run(
        """
        import os, threading, time
        import numpy as np
        import lanegrad as lg

        rng = np.random.default_rng(1)
        X = rng.normal(size=(60_000, 8))
        y = (X[:, 0] + rng.logistic(size=len(X)) > 0).astype(float)
        model = lg.fit(X[:500], y[:500], l2=0.1)
        seen = []
        def callback(progress):
            # A prediction, a pass that is shared, and another fit that calls back too.
            seen.append(model.predict_proba(X, threads=1).sum())
            seen.append(lg.loss_and_gradient(X, y, np.zeros(8), threads=2).loss)
            seen.append(lg.fit(X[:500], y[:500], l2=0.1, threads=1, on_iteration=lambda p: lg.sigmoid(X)).bias)
        for threads in (1, 2, None):
            lg.fit(X, y, l2=0.1, threads=threads, on_iteration=callback, max_iter=1000)
        workers = [threading.Thread(target=lambda: lg.fit(X, y, l2=0.1, on_iteration=callback)) for _ in range(3)]
        [worker.start() for worker in workers]
        [worker.join() for worker in workers]
        assert len(set(seen)) == 3, set(seen)
        # A fit does not wait for the callback of another.
        sleeping = threading.Event()
        wait = lambda progress: sleeping.wait(20)
        slow = threading.Thread(target=lambda: lg.fit(X, y, l2=0.1, threads=1, on_iteration=wait))
        slow.start()
        lg.fit(X[:500], y[:500], l2=0.1, threads=1)
        assert slow.is_alive()
        sleeping.set()
        slow.join()
        # A child that is forked in a callback, and goes on with the fit, ends with words.
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        children = []
        def fork(progress):
            if progress.iteration == 1:
                children.append(os.fork())
        lg.fit(X[:500], y[:500], l2=0.1, on_iteration=fork)
        _, status = os.waitpid(children[0], 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
        """
    )
    assert text.split() == ["1"]


def fitted(seed):
    X = np.random.default_rng(seed).normal(size=(2000, 5))
    return lg.fit(X, (X[:, 0] > np.sin(X[:, 1])).astype(float), l2=0.1, threads=2).to_json()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_workers_fit_after_their_parent():
    wanted = [fitted(seed) for seed in range(4)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(fitted, range(4)).get(60) == wanted


def test_pythons_lock_is_released(rng):
    X, y, w = rng.normal(size=(200_000, 50)), np.zeros(200_000), np.zeros(50)
    seen, done = [], threading.Event()

    def watch():
        while not done.is_set():
            seen.append(inside[0])

    inside = [False]
    thread = threading.Thread(target=watch)
    thread.start()
    while True not in seen:
        inside[0] = True
        lg.loss_and_gradient(X, y, w, threads=1)
        inside[0] = False
    done.set()
    thread.join()


def test_a_fit_ends_by_ctrl_c_with_what_was_reached(tmp_path):
    program = """
        import os, signal, sys, warnings
        import numpy as np
        import lanegrad as lg

        X = np.random.default_rng(1).normal(size=(1000, 10))
        y = (X[:, 0] > 0).astype(float)  # Separable: a fit without a penalty goes on for long.
        seen = []
        def on_iteration(progress):
            seen.append(progress.iteration)
            if progress.iteration == 3:
                os.kill(os.getpid(), signal.SIGINT)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model = lg.fit(X, y, tol=0.0, on_iteration=on_iteration)
        assert model.report.ending == "cancelled" and model.report.iterations in (3, 4), model.report
        assert any("interrupted after" in str(w.message) for w in said)
        assert len(model.weights) == 10
        # Without a callback too, from another thread.
        import threading, time
        X = np.random.default_rng(1).normal(size=(400_000, 30))
        y = (X @ np.random.default_rng(2).normal(size=30) > 0).astype(float)
        from lanegrad.sklearn import LogisticRegression
        endless = dict(tol=0.0, max_iter=10**6)
        for call in (lambda: lg.fit(X, y, **endless), lambda: LogisticRegression(C=np.inf, **endless).fit(X, y)):
            timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
            timer.start()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    print(call().report.ending)
            except KeyboardInterrupt:
                print("interrupt")
        # While files are read.
        path = sys.argv[1]
        with open(path, "w") as file:
            file.write("x,y\\n")
            for _ in range(40):
                file.write("1.5,0\\n2.25,1\\n" * 200_000)
        threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            lg.fit(path, "y")
        except KeyboardInterrupt:
            print("interrupt")
        """
    assert run(program, str(tmp_path / "large.csv")).split() == ["cancelled", "interrupt", "interrupt"]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="there is no affinity to set")
def test_the_default_number_of_threads():
    program = "import lanegrad; print(lanegrad.info()['threads'])"
    cores = len(os.sched_getaffinity(0))
    for variables, wanted in [({}, cores), ({"OMP_NUM_THREADS": "1"}, 1), ({"RAYON_NUM_THREADS": "1,2"}, 1)]:
        clean = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS")}
        done = subprocess.run([sys.executable, "-c", program], env=clean | variables, capture_output=True, text=True)
        assert int(done.stdout) == wanted, done


def test_signals_keep_their_handlers():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
