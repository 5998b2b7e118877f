# SPDX-License-Identifier: GPL-2.0-only
"""Which steps, and which sides of branches, counted runs have reached."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .counting import Counters

TAKEN, NOT_TAKEN = SIDES = ("true", "false")


@dataclass(frozen=True)
class Tally:
    """Counts of one function; lists have one number a half.

    steps : {step: [count]}
    sides : {operand: ([how often it held], [how often it did not])}
    """

    steps: dict[str, list[int]]
    sides: dict[str, tuple[list[int], list[int]]]

    @property
    def steps_hit(self) -> int:
        """Steps reached, by the half that reached fewest."""
        return _least(self.steps.values())

    @property
    def branches_hit(self) -> int:
        """Sides of operands reached, by the half that reached fewest."""
        return _least(side for sides in self.sides.values() for side in sides)

    @property
    def branches_total(self) -> int:
        return 2 * len(self.sides)

    def missing(self) -> list[str]:
        """Sides that not every half reached, as side_name writes them, in the order of C."""
        return [side_name(operand, side) for operand, sides in self.sides.items()
                for side in (0, 1) if not all(sides[side])]


def side_name(operand: str, side: int) -> str:
    """Side 0 or 1 (it holds, it does not) of an operand: `MM8/1 true`."""
    return f"{operand} {SIDES[side]}"


def _least(counts: Iterable[list[int]]) -> int:
    return min((sum(map(bool, half)) for half in zip(*counts, strict=True)), default=0)


def tally(counters: Counters, rows: Sequence[Sequence[int]], function: str) -> Tally:
    """Of one function; rows are those of the halves, as `counters` numbers them."""
    return Tally(
        {step: [row[counters.steps[step]] for row in rows]
         for step in counters.steps_of(function)},
        {name: tuple([row[counters.branches[name] + side] for row in rows] for side in (0, 1))
         for name in counters.branches_of(function)})


def totals(tallies: Iterable[Tally]) -> dict[str, list[int]]:
    """Steps and branches of several functions: [reached, all]."""
    steps, branches = [0, 0], [0, 0]
    for one in tallies:
        steps[0] += one.steps_hit
        steps[1] += len(one.steps)
        branches[0] += one.branches_hit
        branches[1] += one.branches_total
    return {"steps": steps, "branches": branches}
