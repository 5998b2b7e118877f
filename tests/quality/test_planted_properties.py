# SPDX-License-Identifier: GPL-2.0-only
"""A fault in one function of the patch is told by the property that it breaks: in half P.

Building P once more takes half a minute, so outside of deep runs (PYKMM_DEEP=1) one is tried.
tests/properties/test_planted_faults.py has all of them in half C.
"""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1] / "properties"
sys.path.append(str(HERE))

import planted_faults  # noqa: E402

PYKMM = Path(__file__).resolve().parents[2] / "pykmm"
TRIED = planted_faults.FAULTS if os.environ.get("PYKMM_DEEP") == "1" else planted_faults.FAULTS[2:3]

PROGRAM = """
import sys
sys.path.append(sys.argv[1])
import planted_faults
from pykmm.engine import halves
fault = planted_faults.FAULTS[int(sys.argv[2])]
print(*fault.world(halves.p_half()).broken(fault.breaks))
"""


def told(copy, fault, cwd):
    """What half P of the copy breaks in the world of this fault."""
    done = copy.run(["-c", PROGRAM, str(HERE), str(planted_faults.FAULTS.index(fault))], cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("fault", planted_faults.FAULTS, ids=lambda fault: fault.name)
def test_fault_fits_the_source_as_it_stands(fault):
    text = (PYKMM / fault.p_file).read_text(encoding="utf-8")
    assert fault.in_p(text) != text


@pytest.mark.parametrize("fault", TRIED, ids=lambda fault: fault.name)
def test_a_fault_in_half_p_is_told(copy, fault, tmp_path):
    text = (PYKMM / fault.p_file).read_text(encoding="utf-8")
    assert told(copy, fault, tmp_path) == []
    with copy.changed(f"pykmm/{fault.p_file}", fault.in_p(text)):
        assert told(copy, fault, tmp_path) == [fault.breaks]
