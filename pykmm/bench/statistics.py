# SPDX-License-Identifier: GPL-2.0-only
"""Medians of rounds, and how far they can be trusted.

A thing is measured in several layouts: processes in which code, worlds and the stack lie at other
addresses. That alone makes a function some percent slower or faster, as its branches or words get
in each other's way, and within one process no number of rounds shows it. Within a layout, rounds
that follow each other are disturbed together, by whatever else runs.

So an interval is that of a bootstrap on two levels: layouts are drawn again, and in each of them
stretches of rounds, which stand for their median. What is compared was measured in the same round:
its ratio is taken there, and what disturbed both is not in it.
"""

import itertools
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

BLOCKS = 8              # stretches of rounds of a layout, at most
DRAWS = 400             # of the bootstrap
LEVEL = 0.95
LEAST = 0.01            # a difference below this part is not called one
NOISY = 0.05            # an interval wider than this part of its middle tells nothing
SHORTEST_NS = 0.2       # below it the loop around a call is all that is seen
_SEED = 2006

Layouts = Sequence[Sequence[float]]     # of each layout its rounds, in their order


@dataclass(frozen=True)
class Estimate:
    """A median with its interval.

    value : float        median of the layouts' medians
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


def estimate(layouts: Layouts) -> Estimate:
    """Median of what was measured, and its 95 % interval.

    raises ValueError   there is nothing, or a layout without rounds
    """
    if not layouts or not all(layouts):
        raise ValueError("no rounds to take a median of")
    middle = median(layouts)
    blocks = [[statistics.median(block) for block in _blocks(rounds)] for rounds in layouts]
    draw = random.Random(_SEED)
    drawn = sorted(_drawn_again(blocks, draw) for _ in range(DRAWS))
    cut = round(DRAWS * (1 - LEVEL) / 2)
    return Estimate(middle, min(middle, drawn[cut]), max(middle, drawn[-1 - cut]))


def _blocks(rounds: Sequence[float]) -> list[Sequence[float]]:
    count = min(BLOCKS, len(rounds))
    edges = [len(rounds) * i // count for i in range(count + 1)]
    return [rounds[a:b] for a, b in itertools.pairwise(edges)]


def _drawn_again(blocks: list[list[float]], draw: random.Random) -> float:
    found: list[float] = []
    for layout in draw.choices(blocks, k=len(blocks)):
        found += draw.choices(layout, k=len(layout))
    return statistics.median(found)


def ratio(over: Layouts, under: Layouts) -> Estimate | None:
    """Of two things by rounds in which both were measured; None: too short to be told apart."""
    if min(median(over), median(under)) < SHORTEST_NS:
        return None
    paired = [[a / b for a, b in zip(*rounds, strict=True) if b > 0]
              for rounds in zip(over, under, strict=True)]
    return estimate(paired) if all(paired) else None


def median(layouts: Layouts) -> float:
    """Of the layouts' medians."""
    return statistics.median(statistics.median(rounds) for rounds in layouts)


def quartiles(layouts: Layouts) -> tuple[float, float]:
    """Between which half of all rounds lie."""
    rounds = list(itertools.chain(*layouts))
    if len(rounds) < 2:
        return rounds[0], rounds[0]
    low, _, high = statistics.quantiles(rounds, n=4)
    return low, high
