"""Docstrings whose examples run, and type stubs that say what there is."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lanegrad
import lanegrad.sklearn

PUBLIC = [getattr(lanegrad, name) for name in lanegrad.__all__] + [lanegrad.sklearn.LogisticRegression]


def documented():
    """All public functions, classes and methods."""
    for thing in PUBLIC:
        yield thing.__name__, thing
        if inspect.isclass(thing):
            for name, member in vars(thing).items():
                if not name.startswith("_") and (callable(member) or isinstance(member, (staticmethod, classmethod))):
                    yield f"{thing.__name__}.{name}", getattr(thing, name)


@pytest.mark.parametrize("thing", [pytest.param(thing, id=name) for name, thing in documented()])
def test_examples_run(thing):
    assert thing.__doc__ and thing.__doc__.strip()
    test = doctest.DocTestParser().get_doctest(thing.__doc__, {}, thing.__name__, None, None)
    is_function = not inspect.isclass(thing) and getattr(lanegrad, thing.__name__, None) is thing
    assert test.examples or not is_function, "a function has an example"
    with np.printoptions(legacy=False):
        result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    assert result.failed == 0


@pytest.mark.parametrize("name", [name for name in lanegrad.__all__ if inspect.isroutine(getattr(lanegrad, name))])
def test_docstrings_have_the_sections_of_numpys_style(name):
    function = getattr(lanegrad, name)
    assert re.search(r"Returns\n-+\n", inspect.getdoc(function))
    if name != "info":
        assert re.search(r"Raises\n-+\n", inspect.getdoc(function))
        for parameter in inspect.signature(function).parameters:
            assert re.search(rf"^(\w+, )*{parameter}(, \w+)*( :.*)?$", inspect.getdoc(function), re.MULTILINE), (
                parameter
            )


def test_the_readmes_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    programs = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert programs
    names: dict[str, object] = {}
    for program in programs:
        exec(compile(program, "README.md", "exec"), names)


def test_stubs():
    def run(*arguments: str) -> None:
        done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    run("mypy.stubtest", "lanegrad._lanegrad", "--ignore-disjoint-bases")
    sources = Path(__file__).parents[1] / "modules" / "lanegrad"
    # But for what stands on libraries whose types are not all known.
    typed = [path for path in sorted(sources.glob("*.py")) if path.stem not in ("sklearn", "dask", "ray")]
    run("mypy", "--strict", "--cache-dir", "/dev/null", *map(str, typed))
