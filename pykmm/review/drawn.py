# SPDX-License-Identifier: GPL-2.0-only
"""What drawn sequences break without units, beside what exploring finds.

The same sequences are run by v8 and by the kernel without some units, and every judged property is
asked after every operation.  They are long and of every kind, so they get to where no small scope
does; but what they break first is not the shortest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ..engine import core
from .ablation import ALL_UNITS, mask_without

CASES, SEED = 4_000, 2006


@dataclass(frozen=True)
class Drawn:
    """Sequences that a kernel without some units breaks, and v8 does not.

    breaks : dict        property -> in how many of them, most often first
    first : int | None   number of the first of them
    """

    cases: int
    seed: int
    breaks: dict[str, int]
    first: int | None


class Sequences:
    """The same sequences by kernels with other units.

    half : Half   runs all of them
    tell          is called now and then, for whoever waits
    """

    def __init__(self, half: core.Half, cases: int = CASES, seed: int = SEED,
                 tell: Callable[[], None] = lambda: None):
        self.half, self.cases, self.seed, self.tell = half, cases, seed, tell
        self.runner = core.Runner(sequences=True)
        self.kept = self._broken(ALL_UNITS)

    def without(self, units: tuple[str, ...]) -> Drawn:
        """What breaks without these units in sequences in which v8 keeps it."""
        broken = self._broken(mask_without(units))
        news = [one - kept for one, kept in zip(broken, self.kept, strict=True)]
        breaks = Counter(name for new in news for name in new)
        first = next((number for number, new in enumerate(news) if new), None)
        return Drawn(self.cases, self.seed, dict(breaks.most_common()), first)

    def _broken(self, units: int) -> list[frozenset[str]]:
        """Of each sequence the properties that it broke."""
        job = core.Job([self.half], seed=self.seed, units=units)
        return [self._one(job, number) for number in range(self.cases)]

    def _one(self, job: core.Job, number: int) -> frozenset[str]:
        if not number % 1000:
            self.tell()
        self.runner.build(job.case(0, number, True))
        self.runner.run_checked(self.half)
        return frozenset(self.runner.judged)
