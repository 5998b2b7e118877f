# SPDX-License-Identifier: GPL-2.0-only
"""Worlds to step by hand, and worlds put together word by word."""

import pytest
from pictures import Picture

from pykmm import World


@pytest.fixture
def picture():
    return Picture()


@pytest.fixture
def w():
    return World()


@pytest.fixture
def p(w):
    return w.process


@pytest.fixture
def f(w):
    """The world's first file: two pages on an ext2, versions 1 to 8."""
    return w.file("ext2", pages=2, block=1024)
