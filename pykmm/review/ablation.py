# SPDX-License-Identifier: GPL-2.0-only
"""What is each unit for: kernels without some units beside v8, until something goes wrong.

Two things are looked for, each by the shortest run (cref/engine/explore/beside.h):

property   a property that does not hold in that kernel, and by v8 does after the same operations;
           or the kernel ends, and v8 goes on
seen       a user sees it: an answer; the disk after an fsync that returned 0; the disk when all
           processes have gone and all is written

How long a run is says engine/scope.length.  "Shortest" is meant of the scopes that were explored,
and is said beside them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from ..engine import core, exploring, properties
from ..engine.explorer import SEEN, Beside
from ..engine.scope import Action, Scope, length
from ..errors import HarnessError
from ..patch.table import UNITS
from .scopes import OF_UNITS

ALL_UNITS = 0x7F
ALL_FUNCTIONS = (1 << len(core.FUNCTIONS)) - 1
# functions of a half that call the unit's own one by themselves
_CALLERS = {"test_clear_page_dirty": ("try_to_free_buffers",)}
# with more than so many worlds and pairs a scope without a depth is left
MOST_WORLDS = 100_000
NO_END = 0xFFFFFFFF
HOW = tuple(SEEN)
WRONG = "wrong"
USER = "seen"


@dataclass(frozen=True)
class Kernel:
    """A kernel that is looked at beside v8.

    name : str          U5, U5+U7, or what a changed line is called
    half : Half | None  who runs it; None: the half that runs v8
    functions : int     mask of the functions in which it differs from v8
    """

    name: str
    units: int
    half: core.Half | None = None
    functions: int = ALL_FUNCTIONS
    properties: int = properties.ALL & ~properties.SAID_BY_UNITS


@dataclass(frozen=True)
class Found:
    """What goes wrong, and where.

    what : str         the property or the end, or how a user sees it: one of HOW
    scope : str        of the table of scopes
    actions : tuple    what leads there, as Scope.actions gives it
    results : tuple    of the last of them, by v8 and without; None: of two halves that differ
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
    """How far one scope was explored: closed, or every run of `depth` operations.

    transitions : int   with those that were shown to be alike in all kernels and not done
    """

    scope: str
    depth: int
    closed: bool
    worlds: int
    transitions: int


@dataclass(frozen=True)
class Sought:
    """The shortest run of one kernel in one way, and how far was looked for a shorter one.

    found : Found | None   None: nothing was found
    looked : tuple         of each scope how far
    """

    found: Found | None = None
    looked: tuple[Looked, ...] = ()

    @property
    def length(self) -> int | None:
        return self.found and self.found.length


@dataclass(frozen=True)
class Ablation:
    """Of one kernel what goes wrong, and what a user sees of it."""

    kernel: Kernel
    wrong: Sought
    seen: Sought


def mask_without(units: tuple[str, ...]) -> int:
    """All units but these, as a mask."""
    names = list(UNITS)
    return ALL_UNITS & ~sum(1 << names.index(unit) for unit in units)


def kernel_without(units: tuple[str, ...]) -> Kernel:
    """v8 without these."""
    functions = [name for unit in units
                 for name in (UNITS[unit], *_CALLERS.get(UNITS[unit], ()))]
    mask = sum(1 << core.FUNCTIONS.index(name) for name in set(functions))
    return Kernel("+".join(units), mask_without(units), functions=mask)


SINGLES = tuple((unit,) for unit in UNITS)
PAIRS = tuple(combinations(UNITS, 2))


class Ablations:
    """Explorations of v8 by one half, with other kernels beside it.

    half : Half    the one that runs v8, and the others unless they have one of their own
    scopes : dict  OF_UNITS, or some of them; without a depth: to the end, or to MOST_WORLDS
    tell           is called now and then, for whoever waits
    most : int     with more worlds and pairs a scope is left
    """

    def __init__(self, half: core.Half, scopes: dict[str, Scope] = OF_UNITS,
                 tell: Callable[[], None] = lambda: None, most: int = MOST_WORLDS):
        self.half, self.scopes, self.tell, self.most = half, scopes, tell, most
        self._tried = 0

    def of(self, units: tuple[str, ...]) -> Ablation:
        """What goes wrong without these."""
        return next(self.each([kernel_without(units)]))

    def each(self, kernels: list[Kernel],
             known: dict[str, dict[str, int]] | None = None) -> Iterator[Ablation]:
        """What goes wrong in each of some kernels.

        known : dict   of a kernel lengths of runs that are known, by WRONG and USER: only shorter
                       ones are looked for
        """
        told: dict[tuple[str, str], Sought] = {}
        shorter = {(kernel.name, way): ((known or {}).get(kernel.name, {}).get(way))
                   for kernel in kernels for way in (WRONG, USER)}
        for name, scope in self.scopes.items():
            within = {key: min(scope.depth, scope.depth if best is None else best - 1)
                      for key, best in shorter.items()}
            asked = [kernel for kernel in kernels
                     if within[kernel.name, WRONG] or within[kernel.name, USER]]
            if not asked:
                continue
            for key, one, looked in self._beside(name, scope, asked, within):
                before = told.get(key, Sought())
                told[key] = Sought(one or before.found, (*before.looked, looked))
                shorter[key] = one.length if one else shorter[key]
        for kernel in kernels:
            yield Ablation(kernel, told.get((kernel.name, WRONG), Sought()),
                           told.get((kernel.name, USER), Sought()))

    def _beside(self, name: str, scope: Scope, kernels: list[Kernel],
                within: dict[tuple[str, str], int]
                ) -> Iterator[tuple[tuple[str, str], Found | None, Looked]]:
        """One scope: of each kernel and way what was found, and how far was looked."""
        start = time.monotonic()
        plan = exploring.Plan([self.half], scope, properties.ALL, ends=False)
        explorer = exploring.Exploration(plan).explorer
        beside = Beside(explorer, [
            (kernel.half or self.half, kernel.units, kernel.functions, kernel.properties,
             within[kernel.name, WRONG], within[kernel.name, USER]) for kernel in kernels],
            self.most)
        state = self._levels(beside)
        totals, actions = beside.totals(), scope.actions()
        for i, kernel in enumerate(kernels):
            for way in (WRONG, USER):
                if not within[kernel.name, way]:
                    continue
                told = beside.found(i, way == USER)
                one = told and Found(told[0], name, tuple(actions[j] for j in told[1]), told[2],
                                     time.monotonic() - start)
                asked = within[kernel.name, way]
                most = one.length - 1 if one else asked
                # beyond what is asked a kernel's own worlds are not followed
                closed = state == "closed" and not one and asked >= totals["done"]
                yield (kernel.name, way), one, Looked(
                    name, min(totals["done"], most), closed,
                    totals["worlds"] + totals["pairs"],
                    totals["transitions"] + totals["spared"])

    def _levels(self, beside: Beside) -> str:
        core.guard_process()
        try:
            while (state := self._level(beside)) == "batch":
                pass
        finally:
            core.unguard_process()
        return state

    def _level(self, beside: Beside) -> str:
        """One level, in a thread: who watches takes silence for a half that does not come back."""
        ended: list[str | BaseException] = []

        def work() -> None:
            try:
                ended.append(beside.level())
            except BaseException as error:      # handed on to the thread that waits
                ended.append(error)
            finally:
                core.unguard_thread()

        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive():
            thread.join(exploring.PROGRESS_SECONDS)
            # it goes on in steps of one world, unless a half does not come back
            if beside.tried() != self._tried:
                self._tried = beside.tried()
                self.tell()
        if isinstance(ended[0], BaseException):
            raise ended[0]
        return ended[0]

    def singles(self) -> list[Ablation]:
        """Each unit by itself."""
        return list(self.each([kernel_without(units) for units in SINGLES]))

    def pairs(self) -> list[Ablation]:
        """Each two units."""
        return list(self.each([kernel_without(units) for units in PAIRS]))

    def keeps(self, kernel: Kernel, prop: str, name: str) -> bool:
        """Does a kernel keep a property in all of a scope, wherever v8 keeps it?"""
        scope = self.scopes[name]
        bit = properties.mask([prop])
        asked = Kernel(kernel.name, kernel.units, kernel.half, kernel.functions, bit)
        within = {(kernel.name, WRONG): scope.depth, (kernel.name, USER): 0}
        return all(one is None or one.what != prop
                   for _, one, _ in self._beside(name, scope, [asked], within))

    def difference(self, other: core.Half) -> Sought:
        """The shortest run after which the other half's state or trace is not as the first's."""
        best: Found | None = None
        looked = []
        for name, scope in self.scopes.items():
            depth = min(scope.depth, best.length - 1 if best else scope.depth)
            if not depth:
                break
            found, far = self._difference(name, other, depth)
            best = found or best
            looked.append(far)
        return Sought(best, tuple(looked))

    def _difference(self, name: str, other: core.Half, depth: int) -> tuple[Found | None, Looked]:
        plan = exploring.Plan([self.half, other], replace(self.scopes[name], depth=depth), 0,
                              ends=False)
        result = exploring.Exploration(plan).run()
        one = next((one for one in result["found"] if one["what"] == "difference"), None)
        found = one and Found("differs", name, tuple(one["actions"]), None, result["seconds"])
        return found, Looked(name, result["depth"], result["state"] == "closed",
                             result["worlds"], result["transitions"])


def equality(halves: list[core.Half], scopes: dict[str, Scope] = OF_UNITS,
             tell: Callable[[], None] = lambda: None) -> list[Looked]:
    """How many transitions of v8 there are in these scopes, on which all halves are alike.

    raises HarnessError   they are not: `pykmm explore` shows where
    """
    looked = []
    for name, scope in scopes.items():
        plan = exploring.Plan(halves, scope, 0, ends=False)
        result = exploring.Exploration(plan).run(lambda _, __: tell())
        if any(one["what"] == "difference" for one in result["found"]):
            raise HarnessError(f"halves differ in the scope {name}: pykmm explore shows where")
        looked.append(Looked(name, result["depth"], result["state"] == "closed", result["worlds"],
                             result["transitions"]))
    return looked
