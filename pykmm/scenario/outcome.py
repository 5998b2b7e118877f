# SPDX-License-Identifier: GPL-2.0-only
"""How a half's run ended, and how two halves' runs differ."""

from ..report import operations as texts
from ..report.paths import Map
from .block import Ran

# what an oops left in memory is not compared: see cref/engine/replay.c
_MEMORY_NOT_COMPARED = ("oops", "stray access")


def ended(ran: Ran) -> str:
    if ran.outcome == "returned":
        return f"returned {texts.error_name(ran.value) or ran.value}"
    if ran.outcome == "oops":
        return f"oops at offset {ran.fault:#x} from NULL"
    return ran.outcome


def differs(first: list[Ran], other: list[Ran], where: Map) -> str:
    """How the runs of one half differ from another's, in a sentence; "": they are the same."""
    a, b = first[-1], other[-1]
    if (a.outcome, a.value, a.fault) != (b.outcome, b.value, b.fault):
        return f"{ended(a)} and {ended(b)}"
    if [one.words for one in first] != [one.words for one in other]:
        return "their events are not the same"
    if a.outcome in _MEMORY_NOT_COMPARED or a.image == b.image:
        return ""
    path, here, there = where.differences(a.image, b.image)[0]
    return f"{path} is {here} and {there}"
