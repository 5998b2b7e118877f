# SPDX-License-Identifier: GPL-2.0-only
"""Which steps a run takes: the counting build of half C tells, as a step may make no event."""

import array
import ctypes
from collections.abc import Callable
from functools import cache

from .. import paths
from ..engine import core, halves
from ..source import anchors, counting


@cache
def known_steps() -> dict[str, int]:
    """Every step, and the number of its counter."""
    return counting.counters_of(paths.cref()).steps


def letters_known() -> set[str]:
    return set(anchors.FUNCTION_OF)


@cache
def _counters() -> tuple[array.array, core.Half, Callable[[int], None]]:
    """Room for all counters, the half that counts, and what tells it where (machine/count.h)."""
    total = counting.counters_of(paths.cref()).total
    count_into = ctypes.CDLL(str(paths.lib() / "libkmm.so")).kmm_count_into
    count_into.argtypes, count_into.restype = [ctypes.c_void_p], None
    return array.array("Q", bytes(8 * total)), halves.c_half(counted=True), count_into


def steps_of(run: Callable[[core.Half], object]) -> set[str]:
    """The steps that a run takes: `run` is given the half to run.

    It is run once more for this, so whoever asks puts the state back.
    """
    counters, half, count_into = _counters()
    before = counters.tolist()
    count_into(counters.buffer_info()[0])
    run(half)
    return {step for step, number in known_steps().items() if counters[number] > before[number]}
