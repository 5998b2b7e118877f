# SPDX-License-Identifier: GPL-2.0-only
"""The mail, and the halves that scenarios run on."""

import os
from pathlib import Path

import pytest

from pykmm.engine import halves
from pykmm.scenario.run import Halves


@pytest.fixture(scope="session")
def mail_path() -> Path:
    """The mail of v8, which is never part of the project."""
    path = os.environ.get("PYKMM_PATCH")
    if not path:
        pytest.skip("PYKMM_PATCH does not name the patch mail")
    return Path(path)


@pytest.fixture(scope="session")
def both() -> Halves:
    return Halves([halves.c_half(), halves.p_half()])


@pytest.fixture(scope="session")
def half_c() -> Halves:
    return Halves([halves.c_half()])
