# SPDX-License-Identifier: GPL-2.0-only
"""Which steps a run takes: the counting build of half C tells, as a step may make no event."""

import array
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
def _counters() -> tuple[array.array, core.Half]:
    total = counting.counters_of(paths.cref()).total
    return array.array("Q", bytes(8 * total)), halves.c_half(counted=True)


def steps_of(run: Callable[[core.Half], object]) -> set[str]:
    """The steps that a run takes: `run` is given the half to run.

    It is run once more for this, so whoever asks puts the state back.
    """
    counters, half = _counters()
    before = counters.tolist()
    core.count_into(counters)
    run(half)
    return {step for step, number in known_steps().items() if counters[number] > before[number]}
