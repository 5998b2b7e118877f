# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures that several folders use."""

import pytest
from worlds import Pair


@pytest.fixture
def pair():
    """An empty world and both halves."""
    return Pair()
