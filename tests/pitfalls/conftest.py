# SPDX-License-Identifier: GPL-2.0-only
"""What is easy to get wrong, and a test for each, by number.

Three levels, whichever shows it best:

    pair, process       one function of the patch, called by both halves on a small world
    v8, before          a whole kernel, with the patch and without it: files, processes, operations
    make_world          the same with some units of the patch
"""

import pytest
from both_halves import BothHalves

from pykmm import World


@pytest.fixture
def make_world():
    return lambda units="all": BothHalves(World("C", units), World("P", units))


@pytest.fixture
def v8(make_world):
    return make_world("all")


@pytest.fixture
def before(make_world):
    return make_world("none")
