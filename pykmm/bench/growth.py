# SPDX-License-Identifier: GPL-2.0-only
"""How calls grow: sweeps measured, fitted, and held against what the kernel must keep to."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..engine import halves, timing
from . import callgrind, shapes
from .row import Start
from .shapes import Fit, Point
from .sweeps import SWEEPS, Sweep

SCHEMA = "pykmm.growth/1"
_ROUNDS, _ROUND_NS = 9, 400_000

Measure = Callable[[Sequence[Start]], list[float]]     # the cost of each start


@dataclass(frozen=True)
class Growth:
    """A sweep that was measured.

    points : ((size, cost), ...)   costs in `unit` a call
    fit : Fit                      the best shape that explains them
    fits : dict                    of every shape
    """

    sweep: Sweep
    unit: str
    points: tuple[Point, ...]
    fit: Fit
    fits: dict[str, Fit]

    @property
    def failed(self) -> bool:
        """Does it grow faster than it may, or as nothing that is known?"""
        return self.fit.is_poor or shapes.is_worse(self.fit.shape, self.sweep.at_most)

    def verdict(self) -> str:
        if self.fit.is_poor:
            return f"grows as none of {', '.join(self.fits)}"
        if self.failed:
            return f"grows as {self.fit.shape}, worse than {self.sweep.at_most}"
        return f"grows as {self.fit.shape}, as it may"

    def lines(self) -> list[str]:
        """For people: the fit, then how far each shape is from what was measured."""
        errors = ", ".join(f"{shape}: {one.residual:.1%}" for shape, one in self.fits.items())
        return [f"{self.sweep.name}: {self.verdict()}",
                f"  {self.fit} {self.unit}, n = {self.sweep.of}",
                f"  mean error of each shape: {errors}"]

    def as_json(self) -> dict[str, Any]:
        return {"name": self.sweep.name, "function": self.sweep.function, "of": self.sweep.of,
                "unit": self.unit, "points": [list(point) for point in self.points],
                "at_most": self.sweep.at_most, "shape": self.fit.shape, "failed": self.failed,
                "fits": {shape: {"base": one.base, "slope": one.slope, "residual": one.residual}
                         for shape, one in self.fits.items()}}


def instructions(starts: Sequence[Start]) -> list[float]:
    """Of half C, by callgrind, exact; raises Lacking without valgrind."""
    tasks = [callgrind.Task(f"start {i}", start, ("C",)) for i, start in enumerate(starts)]
    return [counted["C"].total for counted in callgrind.count_each(tasks)]


def nanoseconds(starts: Sequence[Start]) -> list[float]:
    """Of half C, the median of some rounds, with what putting worlds back costs taken off."""
    half = halves.c_half()
    return [_time(timing.Timed(start), half) for start in starts]


def _time(timed: timing.Timed, half) -> float:
    timed.start()
    timed.run(half)
    timed.learn()
    timed.start()
    calls = max(1, _ROUND_NS // max(1, timed.steps(half, 1)))
    rounds = [(timed.steps(half, calls) - timed.idle(calls)) / calls for _ in range(_ROUNDS)]
    return statistics.median(rounds)


UNITS: dict[str, Measure] = {"instructions": instructions, "ns": nanoseconds}


def judged(sweep: Sweep, unit: str, points: Sequence[Point]) -> Growth:
    """What these costs of a sweep say; raises HarnessError if they cannot be fitted."""
    found = shapes.fits(points)
    return Growth(sweep, unit, tuple(points), shapes.simplest(found), found)


def measure(sweeps: Sequence[Sweep] = SWEEPS, unit: str = "instructions",
            by: Measure | None = None) -> list[Growth]:
    """Measure sweeps, all sizes of all of them in one go.

    by : Measure | None   what gives the cost of each start; None: that of the unit
    """
    by = by or UNITS[unit]
    made = {(sweep.name, size): sweep.make(size) for sweep in sweeps for size in sweep.sizes}
    costs = dict(zip(made, by(list(made.values())), strict=True))
    return [judged(sweep, unit, [
        (size, costs[sweep.name, size] / len(made[sweep.name, size].steps))
        for size in sweep.sizes]) for sweep in sweeps]
