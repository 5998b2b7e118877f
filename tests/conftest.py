# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures that several folders use."""

import pytest
from processes import Process
from worlds import Pair


@pytest.fixture
def pair():
    """An empty world and both halves."""
    return Pair()


@pytest.fixture(scope="session")
def _process():
    return Process()


@pytest.fixture
def process(_process):
    """A world with one process and both halves, nothing in it yet."""
    _process.reset()
    return _process
