# SPDX-License-Identifier: GPL-2.0-only
"""Which simple function of a size a cost follows: 1, log n, n, n log n or n^2, with a base cost.

Fits are least squares of *relative* errors, so that a size of 4 weighs as much as one of 4096: by
absolute ones the largest size alone would decide, and n and n log n look alike there.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import HarnessError

Point = tuple[int, float]       # size, cost

# from the best to the worst
SHAPES: dict[str, Callable[[int], float]] = {
    "1": lambda n: 0.0,
    "log n": lambda n: math.log2(n),
    "n": float,
    "n log n": lambda n: n * math.log2(n),
    "n^2": lambda n: float(n) * n,
}
LEAST_SIZES = 4
CLOSE = 0.02        # a relative error that needs no better explanation
BETTER = 1.5        # times less error, and a worse shape is the explanation
POOR = 0.3          # no explanation


@dataclass(frozen=True)
class Fit:
    """cost = base + slope * shape(n), neither below 0.

    residual : float   root of the mean square of relative errors
    """

    shape: str
    base: float
    slope: float
    residual: float

    @property
    def is_poor(self) -> bool:
        """Does even the best fit explain nothing?  What grows faster than all shapes ends so."""
        return self.residual > POOR

    def at(self, size: int) -> float:
        return self.base + self.slope * SHAPES[self.shape](size)

    def __str__(self) -> str:
        if self.shape == "1":
            return f"{self.base:.4g}"
        return f"{self.base:.4g} + {self.slope:.4g} {self.shape.replace('log', 'log2')}"


def fit(points: Sequence[Point], shape: str) -> Fit:
    """The best fit of one shape; raises HarnessError for too few sizes, or a cost of 0 or less."""
    if len({size for size, _ in points}) < LEAST_SIZES:
        raise HarnessError(f"a fit needs {LEAST_SIZES} sizes or more")
    if any(size < 1 or cost <= 0 for size, cost in points):
        raise HarnessError("a fit needs sizes of 1 or more, and costs above 0")
    # relative: base * 1/cost + slope * shape/cost should be 1
    ones = [1 / cost for _, cost in points]
    grows = [SHAPES[shape](size) / cost for size, cost in points]
    base, slope = _solve(ones, grows)
    errors = [base * one + slope * grow - 1 for one, grow in zip(ones, grows, strict=True)]
    return Fit(shape, base, slope, math.sqrt(sum(e * e for e in errors) / len(errors)))


def _solve(ones: list[float], grows: list[float]) -> tuple[float, float]:
    """Least squares of base * ones + slope * grows = 1 with neither below 0."""
    def dot(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    alone = sum(ones) / dot(ones, ones), 0.0
    if not any(grows):
        return alone
    det = dot(ones, ones) * dot(grows, grows) - dot(ones, grows) ** 2
    base = (dot(grows, grows) * sum(ones) - dot(ones, grows) * sum(grows)) / det
    slope = (dot(ones, ones) * sum(grows) - dot(ones, grows) * sum(ones)) / det
    if slope < 0:
        return alone
    return (base, slope) if base >= 0 else (0.0, sum(grows) / dot(grows, grows))


def fits(points: Sequence[Point]) -> dict[str, Fit]:
    """The best fit of each shape."""
    return {shape: fit(points, shape) for shape in SHAPES}


def simplest(found: dict[str, Fit]) -> Fit:
    """The best shape that explains as much as any: what is close enough needs no worse one."""
    enough = max(CLOSE, BETTER * min(one.residual for one in found.values()))
    return next(found[shape] for shape in SHAPES if found[shape].residual <= enough)


def is_worse(shape: str, than: str) -> bool:
    """Does this shape grow faster than that one?"""
    return list(SHAPES).index(shape) > list(SHAPES).index(than)
