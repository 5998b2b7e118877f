# SPDX-License-Identifier: GPL-2.0-only
"""Where two halves part, in which scopes it was looked for, and how far.

Three things are asked, in every scope:

bits    does an operation leave another state or other events?  Explored by both at once, it ends
        where they first part: from there on they are two worlds.
user    does a user see it: an answer, the disk after an fsync that returned 0, the disk when all
        have left and all is written?
keeps   does a property break by one, and not by the other after the same operations?

For the last two each goes on from its own world (cref/engine/explore/beside.h).  It tells where
the second one is worse, so both take their turn to be the second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..engine import core, exploring, properties
from ..engine.explorer import Beside
from ..engine.scope import Action, Scope, length
from . import moments
from .two_halves import TwoHalves

_ALL_FUNCTIONS = (1 << len(core.FUNCTIONS)) - 1
_TICK_SECONDS = 0.2
_LEAST_SECONDS = 0.05
# of worlds and pairs of worlds in one scope: 40 bytes each
_MOST = 3_000_000
USER, KEEPS, LOCKS = "user", "keeps", "locks"
# Asked by themselves, as a run that breaks another property is often shorter, and hides them.
_LOCKS = properties.mask(["lock_order", "sleeping", "nothing_held"])


@dataclass(frozen=True)
class Run:
    """The shortest run that shows something.

    what : str      of explorer.SEEN, the name of a property, or how a run ends
    worse : int     0 or 1: which half is the worse one
    """

    what: str
    scope: Scope
    actions: tuple[Action, ...]
    worse: int

    @property
    def length(self) -> int:
        return length(self.actions)


@dataclass
class Looked:
    """How far a scope was looked at: closed, or all runs of `depth` operations."""

    depth: int
    closed: bool
    worlds: int
    transitions: int

    def joined(self, other: Looked) -> Looked:
        """Of two searches of one scope, both of which have to be done."""
        return Looked(self.depth if other.closed else other.depth if self.closed
                      else min(self.depth, other.depth), self.closed and other.closed,
                      self.worlds + other.worlds, self.transitions + other.transitions)


@dataclass
class Kernel:
    """A half that is compared with the first one, and what was found.

    name : str             of the half, in messages
    bits : Run | None      what both do first that is not the same
    found : dict           USER, KEEPS and LOCKS: the shortest run that shows it
    locks : bool           locks are asked by themselves, and not with other properties
    looked : dict          scope -> how far was looked for these; none: no difference of bits there
    """

    name: str
    half: core.Half
    locks: bool = False
    bits: Run | None = None
    found: dict[str, Run] = field(default_factory=dict)
    looked: dict[Scope, Looked] = field(default_factory=dict)

    def within(self, way: str, scope: Scope) -> int:
        """How long a run may be that is still worth finding."""
        best = self.found.get(way)
        return min(scope.depth, best.length - 1) if best else scope.depth

    def keep(self, way: str, run: Run) -> None:
        best = self.found.get(way)
        if best is None or run.length < best.length:
            self.found[way] = run


class Parting:
    """Comparisons of one half with others; every search takes the time that it is given.

    say : function   told what goes on, and only as long as something does: silence is taken for a
                     half that does not come back
    """

    def __init__(self, first: core.Half, jobs: int, say: Callable[[str], None]):
        self.first, self.jobs, self.say = first, jobs, say

    # Bits.

    def bits(self, kernel: Kernel, scope: Scope, seconds: float) -> tuple[Looked, int]:
        """Explore a scope by both; how far, and the length of the run that parts them, or 0."""
        plan = exploring.Plan([self.first, kernel.half], scope, 0, jobs=self.jobs, ends=False,
                              seconds=seconds)
        result = exploring.Exploration(plan).run(
            lambda totals, _: self.say(f"{totals['transitions']:,} transitions"))
        found = next((one for one in result["found"] if one["what"] == "difference"), None)
        looked = Looked(exploring.complete(result), result["state"] == "closed",
                        result["worlds"], result["transitions"])
        if not found:
            return looked, 0
        run = Run("difference", scope, tuple(found["actions"]), 1)
        if kernel.bits is None or run.length < kernel.bits.length:
            kernel.bits = run
        looked.depth = run.length - 1
        return looked, run.length

    # What a user sees, and properties.

    def beside(self, kernels: Iterable[Kernel], scope: Scope, seconds: float) -> None:
        """Look in a scope for what users see and what breaks, with each half as the worse one."""
        kernels = list(kernels)
        end = time.monotonic() + seconds
        turns = [(self.first, kernels, 1), *((one.half, [one], 0) for one in kernels)]
        looked: dict[int, list[Looked]] = {}
        for number, (base, others, worse) in enumerate(turns):
            left = max(_LEAST_SECONDS, (end - time.monotonic()) / (len(turns) - number))
            self._turn(base, others, worse, scope, left, looked)
        for one in kernels:
            if rows := looked.get(id(one)):
                both = rows[0] if len(rows) == 1 else rows[0].joined(rows[1])
                before = one.looked.get(scope)
                if before is None or both.closed or both.depth >= before.depth:
                    one.looked[scope] = both

    def _turn(self, base: core.Half, kernels: list[Kernel], worse: int, scope: Scope,
              seconds: float, turns: dict[int, list[Looked]]) -> None:
        # without the patch what the patch is for is not expected
        expected = properties.expected(properties.ALL, scope.units)
        asked: list[tuple[Kernel, dict[str, int], int]] = []
        for one in kernels:
            both = {way: one.within(way, scope) for way in (KEEPS, USER)}
            asked.append((one, both, expected & ~(_LOCKS if one.locks else 0)))
            if one.locks:
                asked.append((one, {LOCKS: one.within(LOCKS, scope)}, expected & _LOCKS))
        asked = [row for row in asked if any(row[1].values())]
        if not asked:
            return
        plan = exploring.Plan([base], scope, properties.ALL, ends=False)
        beside = Beside(exploring.Exploration(plan).explorer, [
            (one.half if worse else self.first, scope.units, _ALL_FUNCTIONS, mask,
             within.get(KEEPS, within.get(LOCKS, 0)), within.get(USER, 0))
            for one, within, mask in asked], _MOST)
        state = self._levels(beside, seconds)
        totals, actions = beside.totals(), scope.actions()
        for number, (one, within, _) in enumerate(asked):
            for way in within:
                told = beside.found(number, way == USER)
                run = told and Run(told[0], scope, tuple(actions[i] for i in told[1]), worse)
                # that it ends otherwise is what a user sees, and told as that
                if run and (way == USER or run.what in core.PROPERTIES) and self._counts(one, run):
                    one.keep(way, run)
                elif run:
                    # of this scope nothing longer was looked at
                    within = {**within, way: run.length - 1}
            if USER in within:
                # runs beyond what is still asked are not looked at
                most = within[USER]
                looked = Looked(min(totals["done"], most),
                                state == "closed" and most >= totals["done"],
                                totals["worlds"] + totals["pairs"], totals["transitions"])
                turns.setdefault(id(one), []).append(looked)

    def _counts(self, kernel: Kernel, run: Run) -> bool:
        """Is it a difference at whatever moment other actors act and allocations fail?"""
        if not moments.is_by_moment(run.actions):
            return True
        self.say("other moments are tried")
        two = TwoHalves([self.first, kernel.half], run.scope, ("X", "Y"))
        return not moments.only_of_moments(two, run.actions, run.worse, run.what)

    def _levels(self, beside: Beside, seconds: float) -> str:
        """Go on until there is no more, or the time is up; the state that it ended in."""
        end = time.monotonic() + seconds
        state, errors = ["batch"], []

        def work() -> None:
            try:
                while state[0] == "batch" and time.monotonic() < end:
                    state[0] = beside.level()
            except BaseException as error:      # handed on to the thread that waits
                errors.append(error)
            finally:
                core.unguard_thread()

        core.guard_process()
        try:
            thread = threading.Thread(target=work)
            thread.start()
            said = -1
            while thread.is_alive():
                thread.join(_TICK_SECONDS)
                done = beside.totals()["transitions"]
                if done != said:
                    said = done
                    self.say(f"{done:,} transitions beside each other")
                if time.monotonic() > end:
                    beside.stop()
        finally:
            core.unguard_process()
        if errors:
            raise errors[0]
        return state[0]
