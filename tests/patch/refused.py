# SPDX-License-Identifier: GPL-2.0-only
"""Refusals that cost in proportion to what is read, however much noise there is.

Work is counted, not timed: lines of Python that run, and calls that they make.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pykmm.errors import BadInput
from pykmm.patch.edits import judge
from pykmm.patch.mail import read_mail

SIZES = (1 << 13, 1 << 14, 1 << 15)     # bytes
ONCE = 20_000       # events that a refusal costs whatever its size: tables are read, messages made
MOST = 60           # events for a byte: a byte of noise can be a whole line


def refusal(path: Path) -> str:
    """The message of a file that is not read as this patch."""
    with pytest.raises(BadInput) as caught:
        judge(read_mail(path))
    return str(caught.value)


def work_of(path: Path) -> int:
    """Lines and calls that a refusal takes."""
    events = 0

    def count(_frame: object, _event: str, _argument: object) -> Callable:
        nonlocal events
        events += 1
        return count

    def count_calls(_frame: object, event: str, _argument: object) -> None:
        nonlocal events
        events += event == "c_call"

    earlier = sys.gettrace(), sys.getprofile()
    sys.settrace(count)
    sys.setprofile(count_calls)
    try:
        refusal(path)
    finally:
        sys.settrace(earlier[0])
        sys.setprofile(earlier[1])
    return events


def refused_in_proportion(path: Path, write: Callable[[int], None]) -> None:
    """Twice as much noise costs at most twice as much, and no byte costs much.

    write : (bytes)   puts so much of it into the file
    """
    work = []
    for size in SIZES:
        write(size)
        refusal(path)       # what is made once, and kept, is there by now
        work.append(work_of(path))
        assert work[-1] <= ONCE + MOST * size, (work, size)
    assert all(more <= 2 * less + ONCE for less, more in zip(work, work[1:], strict=False)), work
