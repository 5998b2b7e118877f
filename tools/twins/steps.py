# SPDX-License-Identifier: GPL-2.0-only
"""The step that a line belongs to."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from pykmm.source.anchors import anchors_of


def step_finder(text: str, *, cython: bool) -> Callable[[int, int], str]:
    """What gives the step of a line of this text, "" above the first of its function.

    It takes the line, and the line that the function begins in.
    """
    anchors = anchors_of(text, cython=cython)
    lines = [anchor.line for anchor in anchors]

    def step_at(line: int, first: int) -> str:
        at = bisect_right(lines, line)
        return anchors[at - 1].step if at and lines[at - 1] >= first else ""

    return step_at
