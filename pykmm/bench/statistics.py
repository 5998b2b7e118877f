# SPDX-License-Identifier: GPL-2.0-only
"""Medians of rounds, and how far they can be trusted.

Rounds that follow each other are disturbed together, by whatever else runs. So an interval is that
of a bootstrap over blocks: rounds are cut into stretches, each gives its median, and stretches are
drawn again. What is compared was measured in the same round: its ratio is taken there, and what
disturbed both is not in it.
"""

import itertools
import random
import statistics
from dataclasses import dataclass

BLOCKS = 30             # stretches of rounds, at most
DRAWS = 1000            # of the bootstrap
LEVEL = 0.95
LEAST = 0.02            # differences below this part are not called: addresses alone make such
NOISY = 0.05            # an interval wider than this part of its middle tells nothing
SHORTEST_NS = 0.5       # below it the loop around a call is all that is seen
_SEED = 2006


@dataclass(frozen=True)
class Estimate:
    """A median with its interval.

    value : float        median of all rounds
    low, high : float    where it would lie in 95 of 100 such measurements
    """

    value: float
    low: float
    high: float

    @property
    def noisy(self) -> bool:
        """Is the interval too wide to tell anything from?"""
        return self.high - self.low > NOISY * abs(self.value)

    @property
    def differs(self) -> bool:
        """Of a ratio: is it another one than 1, by more than LEAST?"""
        return self.low > 1 + LEAST or self.high < 1 - LEAST


def estimate(rounds: list[float]) -> Estimate:
    """Median of values in the order they were measured in, and its 95 % interval.

    raises ValueError   there are none
    """
    if not rounds:
        raise ValueError("no rounds to take a median of")
    middle = statistics.median(rounds)
    medians = [statistics.median(block) for block in _blocks(rounds)]
    draw = random.Random(_SEED)
    drawn = sorted(statistics.median(draw.choices(medians, k=len(medians))) for _ in range(DRAWS))
    cut = round(DRAWS * (1 - LEVEL) / 2)
    return Estimate(middle, min(middle, drawn[cut]), max(middle, drawn[-1 - cut]))


def _blocks(rounds: list[float]) -> list[list[float]]:
    count = min(BLOCKS, len(rounds))
    edges = [len(rounds) * i // count for i in range(count + 1)]
    return [rounds[a:b] for a, b in itertools.pairwise(edges)]


def ratio(over: list[float], under: list[float]) -> Estimate | None:
    """Of two things by rounds in which both were measured; None: too short to be told apart."""
    if min(statistics.median(over), statistics.median(under)) < SHORTEST_NS:
        return None
    paired = [a / b for a, b in zip(over, under, strict=True) if b > 0]
    return estimate(paired)


def quartiles(rounds: list[float]) -> tuple[float, float]:
    """Between which half of the rounds lie."""
    if len(rounds) < 2:
        return rounds[0], rounds[0]
    low, _, high = statistics.quantiles(rounds, n=4)
    return low, high
