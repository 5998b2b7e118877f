# SPDX-License-Identifier: GPL-2.0-only
"""Which steps a run takes: its events tell, and the counting build of half C where there are none.

A step that makes events was taken where it made one.  A silent one was taken
where its first line was reached, which is all that counting can say: the line of
`if (reuse)` is reached whether or not what follows is done.
"""

import array
import ctypes
import re
from collections.abc import Callable, Iterator
from functools import cache

from .. import paths
from ..engine import core, halves
from ..source import anchors, counting

# a call that is not by a table of operations, which the machine answers
_CALL = re.compile(r"(?<![>.\w])(\w+)\(")
# events by the names that C calls them by
_PRIMITIVES = {name for name, _, _, _ in core.EVENTS} | {"page_cache_get", "page_cache_release"}


@cache
def known_steps() -> dict[str, int]:
    """Every step, and the number of its counter."""
    return counting.counters_of(paths.cref()).steps


@cache
def silent_steps() -> frozenset[str]:
    """Steps in whose lines no primitive is called."""
    return frozenset(step for path in anchors.TWINS for step in _silent_in(path))


def _silent_in(path: str) -> Iterator[str]:
    lines = (paths.cref() / path).read_text(encoding="utf-8").splitlines()
    found = anchors.anchors_in_file(paths.cref() / path)
    ends = [anchor.line - 1 for anchor in found[1:]] + [len(lines)]
    for anchor, end in zip(found, ends, strict=True):
        if not _PRIMITIVES & set(_CALL.findall("\n".join(lines[anchor.line - 1:end]))):
            yield anchor.step


def letters_known() -> set[str]:
    return set(anchors.FUNCTION_OF)


@cache
def _counters() -> tuple[array.array, core.Half, Callable[[int], None]]:
    """Room for all counters, the half that counts, and what tells it where (machine/count.h)."""
    total = counting.counters_of(paths.cref()).total
    count_into = ctypes.CDLL(str(paths.lib() / "libkmm.so")).kmm_count_into
    count_into.argtypes, count_into.restype = [ctypes.c_void_p], None
    return array.array("Q", bytes(8 * total)), halves.c_half(counted=True), count_into


def steps_reached(run: Callable[[core.Half], object]) -> set[str]:
    """The steps whose first lines a run reaches: `run` is given the half to run.

    It is run once more for this, so whoever asks puts the state back.
    """
    counters, half, count_into = _counters()
    before = counters.tolist()
    count_into(counters.buffer_info()[0])
    run(half)
    return {step for step, number in known_steps().items() if counters[number] > before[number]}
