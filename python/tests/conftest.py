"""What the tests of the Python package share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def data() -> Path:
    """The small data sets of the repository."""
    return Path(__file__).parents[2] / "tests" / "data"


def pytest_report_header() -> str:
    import lanegrad

    return f"lanegrad: {lanegrad.info()}, OPENBLAS_CORETYPE={os.environ.get('OPENBLAS_CORETYPE')}"
