# SPDX-License-Identifier: GPL-2.0-only
"""What is each unit for: v8 without it, explored until something goes wrong.

Two things are looked for, each shortest by construction (pykmm explore, breadth first):

property   a property that v8 keeps in that scope, and v8 without the unit breaks
seen       the same operations by both kernels, until a user sees a difference: an answer, a disk
           after fsync or sync, or the disk when all have gone and all is written

No fewer operations of any scope of the table lead to it; that is a bound, and no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

from ..engine import core, exploring, properties
from ..engine.explorer import Pairs
from ..engine.scope import Action, Scope, length
from ..errors import HarnessError
from ..patch.table import UNITS
from .scopes import OF_UNITS

ALL_UNITS = 0x7F
# their argument is the number of a page of memory, which may be another page in another kernel
_BY_PAGE = frozenset({"complete", "reclaim", "strip", "lock_page", "unpin"})


# of explorer.PARTED, what the other kernel does worse than v8; of one length the first is told
SEEN = ("synced", "rest", "result", "outcome")
# with more than these nothing is tried from the next level
MOST_PAIRS = 60_000


@dataclass(frozen=True)
class Found:
    """What goes wrong, and where.

    what : str         the property, or how a user sees it: result, synced, rest
    scope : str        of OF_UNITS
    actions : tuple    what leads there, as Scope.actions gives it
    results : tuple    of the last of them, by v8 and without; None: of a property
    seconds : float    what the exploration took that found it
    """

    what: str
    scope: str
    actions: tuple[Action, ...]
    results: tuple[int, int] | None
    seconds: float

    @property
    def length(self) -> int:
        return length(self.actions)


@dataclass(frozen=True)
class Looked:
    """How far one scope was explored: closed, or every world (or pair) within `depth`."""

    scope: str
    depth: int
    closed: bool
    worlds: int
    transitions: int


@dataclass(frozen=True)
class Ablation:
    """Of a kernel without some units what goes wrong, and how far was looked.

    property, seen : Found | None   the shortest run that breaks a property, that a user sees
    looked, pairs : tuple           for each of them how far each scope was explored
    """

    units: tuple[str, ...]
    property: Found | None
    seen: Found | None
    looked: tuple[Looked, ...]
    pairs: tuple[Looked, ...]


def mask_without(units: tuple[str, ...]) -> int:
    """All units but these, as a mask."""
    names = list(UNITS)
    return ALL_UNITS & ~sum(1 << names.index(unit) for unit in units)


def seen_scope(scope: Scope, depth: int) -> Scope:
    """The same for two kernels beside each other: without what names a page of memory."""
    ops = tuple(name for name in scope.ops if name not in _BY_PAGE)
    return replace(scope, ops=ops, depth=depth, units=ALL_UNITS)


class Ablations:
    """Explorations of one half; what v8 keeps is looked at once.

    half : Half         the one that runs v8
    scopes : dict       OF_UNITS, or some of them
    other : Half|None   the one that runs what is compared with it, if it is another one
    """

    def __init__(self, half: core.Half, scopes: dict[str, Scope] = OF_UNITS,
                 other: core.Half | None = None):
        self.half = half
        self.scopes = scopes
        self.other = other or half

    def explore(self, scope: Scope, units: int, mask: int, half: core.Half | None = None) -> dict:
        """Totals of exploring a scope with these units and properties, until something breaks."""
        plan = exploring.Plan([half or self.half], replace(scope, units=units), mask)
        return exploring.Exploration(plan).run()

    @cached_property
    def kept(self) -> dict[str, int]:
        """Of each scope the mask of properties that v8 keeps in all of it."""
        return {name: self._kept(scope) for name, scope in self.scopes.items()}

    def _kept(self, scope: Scope) -> int:
        mask = properties.ALL & ~properties.SAID_BY_UNITS
        # nothing is tried from a world that breaks one, so the next is only seen without it
        while found := self.explore(scope, ALL_UNITS, mask)["found"]:
            mask &= ~properties.mask(one["name"] for one in found if one["what"] == "property")
        return mask

    def difference(self) -> tuple[Found | None, list[Looked]]:
        """The shortest run after which the other half's state or trace is not as the first's."""
        return self._shortest(self._difference)

    def _difference(self, name: str, depth: int) -> tuple[Found | None, Looked]:
        plan = exploring.Plan([self.half, self.other], replace(self.scopes[name], depth=depth), 0,
                              ends=False)
        result = exploring.Exploration(plan).run()
        one = next((one for one in result["found"] if one["what"] == "difference"), None)
        found = one and Found("differs", name, tuple(one["actions"]), None, result["seconds"])
        return found, Looked(name, result["depth"], result["state"] == "closed",
                             result["worlds"], result["transitions"])

    def of(self, units: tuple[str, ...]) -> Ablation:
        """What goes wrong without these."""
        found, looked = self.broken(mask_without(units))
        seen, pairs = self.seen(mask_without(units))
        return Ablation(units, found, seen, tuple(looked), tuple(pairs))

    def broken(self, mask: int) -> tuple[Found | None, list[Looked]]:
        """The shortest run by which the other kernel breaks what v8 keeps; mask: its units."""
        return self._shortest(lambda name, depth: self._property(name, mask, depth))

    def seen(self, mask: int) -> tuple[Found | None, list[Looked]]:
        """The shortest run by which a user sees the other kernel do worse."""
        return self._shortest(lambda name, depth: self._seen(name, mask, depth))

    def _shortest(self, look: Callable[[str, int], tuple[Found | None, Looked]]
                  ) -> tuple[Found | None, list[Looked]]:
        """Of all scopes; in each one only what is shorter than what is there is looked for."""
        best: Found | None = None
        looked = []
        for name, scope in self.scopes.items():
            if best and best.length == 1:
                break
            depth = min(scope.depth, best.length - 1) if best else scope.depth
            found, far = look(name, depth)
            best = found or best
            looked.append(far)
        return best, looked

    def _property(self, name: str, mask: int, depth: int) -> tuple[Found | None, Looked]:
        scope = replace(self.scopes[name], depth=depth)
        result = self.explore(scope, mask, self.kept[name], self.other)
        one = next(iter(result["found"]), None)
        found = one and Found(one["name"], name, tuple(one["actions"]), None, result["seconds"])
        return found, Looked(name, result["depth"], result["state"] == "closed",
                             result["worlds"], result["transitions"])

    def _seen(self, name: str, mask: int, depth: int) -> tuple[Found | None, Looked]:
        scope = seen_scope(self.scopes[name], depth)
        start = time.monotonic()
        totals, closed = self.beside(scope, mask)
        actions = scope.actions()
        parted = [Found(how, name, tuple(actions[i] for i in path), results,
                        time.monotonic() - start)
                  for how, (path, results) in totals["parted"].items() if how in SEEN]
        found = min(parted, key=lambda one: (one.length, SEEN.index(one.what)), default=None)
        return found, Looked(name, totals["depth"], closed, totals["pairs"],
                             totals["transitions"])

    def beside(self, scope: Scope, mask: int) -> tuple[dict, bool]:
        """Totals of Pairs of v8 and of a kernel with other units, operation by operation until
        they part in a way of SEEN or there are MOST_PAIRS, and whether that is all."""
        plan = exploring.Plan([self.half, self.other], scope, 0, ends=False)
        pairs = Pairs(exploring.Exploration(plan).explorer, mask)
        core.guard_process()
        try:
            while (state := pairs.level()) == "batch":
                totals = pairs.totals()
                if totals["pairs"] > MOST_PAIRS or not totals["parted"].keys().isdisjoint(SEEN):
                    break
        finally:
            core.unguard_process()
        return pairs.totals(), state == "closed"

    def singles(self) -> Iterator[Ablation]:
        """Each unit by itself."""
        return (self.of((unit,)) for unit in UNITS)

    def pairs(self) -> Iterator[Ablation]:
        """Each two units."""
        return (self.of(pair) for pair in combinations(UNITS, 2))


def equality(halves: list[core.Half], scopes: dict[str, Scope] = OF_UNITS) -> list[Looked]:
    """How many transitions of v8 there are in these scopes, on which all halves are alike.

    raises HarnessError   they are not: `pykmm explore` shows where
    """
    looked = []
    for name, scope in scopes.items():
        plan = exploring.Plan(halves, scope, 0, ends=False)
        result = exploring.Exploration(plan).run()
        if any(one["what"] == "difference" for one in result["found"]):
            raise HarnessError(f"halves differ in the scope {name}: pykmm explore shows where")
        looked.append(Looked(name, result["depth"], result["state"] == "closed", result["worlds"],
                             result["transitions"]))
    return looked
