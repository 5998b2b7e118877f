# SPDX-License-Identifier: GPL-2.0-only
"""No primitive without a test: its name stands in quotes in a file of this folder."""

import re
from pathlib import Path

import pytest

from pykmm.engine import core

HERE = Path(__file__)
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in HERE.parent.glob("test_*.py")
                 if path.name != HERE.name)


@pytest.mark.parametrize("name", core.PRIMITIVES)
def test_every_primitive_is_called_by_some_test(name):
    assert re.search(rf'"{name}"', TEXT), f"write a test that calls {name}"
