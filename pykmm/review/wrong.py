# SPDX-License-Identifier: GPL-2.0-only
"""What goes wrong with the patch and not before it, and the reverse: both kernels explored.

In each scope every property is asked of both kernels.  What one of them breaks is tried again in
the other, and in v8 without each unit, by the same operations in any order: so what they have in
common is told from what the patch brought, and that from what another unit brought.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import groupby
from pathlib import Path

from ..engine import core, exploring, properties
from ..engine.alphabet import PAUSE_UP_TO, Operation
from ..engine.scope import Action, Pauses, Scope
from ..patch.table import UNITS, tomllib
from ..scenario.ablated import said
from ..scenario.explored import text_of
from .ablation import ALL_UNITS, Looked, mask_without
from .scopes import OF_BOTH

CAUSES = Path(__file__).with_name("wrong.toml")
KERNELS = {"v8": ALL_UNITS, "before": 0}
# the kernel before the patch tracks nothing, and is not asked
NOT_MEANT = {"v8": 0, "before": properties.mask(["tracked_writes"])}


@dataclass(frozen=True)
class Again(Scope):
    """A scope in which only some actions are tried."""

    tried: tuple[Action, ...] = ()

    def actions(self) -> list[Action]:
        return list(self.tried)


@dataclass(frozen=True)
class Broken:
    """A property that a kernel breaks in a scope, by the shortest run.

    kernel : str        of KERNELS
    times : int         transitions that break it, in as much of the scope as was explored
    in_both : bool      the other one breaks it too, by these operations in any order
    takes : tuple       v8's: units without each of which these operations keep it
    """

    kernel: str
    property: str
    scope: str
    actions: tuple[Action, ...]
    times: int
    in_both: bool
    takes: tuple[str, ...]

    @property
    def length(self) -> int:
        return len(self.actions)

    @property
    def cause(self) -> str:
        """What it takes, as the table of causes has it."""
        return "both kernels" if self.in_both else " and ".join(self.takes) or "the patch"


@dataclass(frozen=True)
class Explored:
    """One scope by one kernel: how far, and what it breaks there."""

    kernel: str
    looked: Looked
    broken: tuple[Broken, ...]
    seconds: float


class Wrong:
    """Explorations of both kernels by one half.

    jobs : int               threads
    scopes : dict            OF_BOTH, or some of them
    seconds : float | None   for each scope and kernel; None: as long as it takes
    """

    def __init__(self, half: core.Half, jobs: int = 1, scopes: dict[str, Scope] = OF_BOTH,
                 seconds: float | None = None):
        self.half, self.jobs, self.scopes, self.seconds = half, jobs, scopes, seconds
        self.stopped = False

    def stop(self) -> None:
        """End soon, from another thread; what was found until then is told."""
        self.stopped = True

    def explored(self, tell: Callable[[], None] = lambda: None) -> Iterator[Explored]:
        """Each scope by each kernel; tell() is called now and then while one is explored."""
        for name in self.scopes:
            for kernel in KERNELS:
                if self.stopped:
                    return
                yield self._one(name, kernel, tell)

    def _one(self, name: str, kernel: str, tell: Callable[[], None]) -> Explored:
        mask = properties.ALL & ~NOT_MEANT[kernel]
        broken: list[Broken] = []
        start = time.monotonic()
        while True:
            plan = exploring.Plan([self.half], replace(self.scopes[name], units=KERNELS[kernel]),
                                  mask, self.jobs, go_on=True, seconds=self.seconds)
            result = self._run(exploring.Exploration(plan), tell)
            found = [one for one in result["found"] if one["what"] == "property"]
            broken += [self._broken(kernel, name, one) for one in found]
            if not found or self.stopped:
                break
            # nothing is tried from a world that breaks one: what comes after is seen without it
            mask &= ~properties.mask(one["name"] for one in found)
        looked = Looked(name, exploring.complete(result), result["state"] == "closed",
                        result["worlds"], result["transitions"])
        return Explored(kernel, looked, tuple(broken), time.monotonic() - start)

    def _run(self, exploration: exploring.Exploration, tell: Callable[[], None]) -> dict:
        def progress(*_: object) -> None:
            tell()
            if self.stopped:
                exploration.stop()

        return exploration.run(progress)

    def _broken(self, kernel: str, name: str, one: dict) -> Broken:
        actions = tuple(one["actions"])
        bit = properties.mask([one["name"]])
        other = next(other for other in KERNELS if other != kernel)
        again = self._again(name, actions)
        in_both = not bit & NOT_MEANT[other] and self._breaks(again, KERNELS[other], bit)
        takes = () if in_both or kernel != "v8" else tuple(
            unit for unit in UNITS if not self._breaks(again, mask_without((unit,)), bit))
        return Broken(kernel, one["name"], name, actions, one["times"], in_both, takes)

    def _again(self, name: str, actions: tuple[Action, ...]) -> Again:
        """These actions and no others; one at a pause at every pause, as those have other numbers
        in another kernel, and by itself."""
        tried: dict[Action, None] = {}
        for operation, fail, pauses in actions:
            tried[operation, fail, ()] = None
            for _, other in pauses:
                tried[other, 0, ()] = None
                for number in range(1, PAUSE_UP_TO + 1):
                    tried[operation, 0, ((number, other),)] = None
        scope = self.scopes[name]
        facts = {one.name: getattr(scope, one.name) for one in fields(Scope)}
        return Again(**{**facts, "depth": len(actions)}, tried=tuple(tried))

    def _breaks(self, scope: Scope, units: int, bit: int) -> bool:
        plan = exploring.Plan([self.half], replace(scope, units=units), bit, ends=False)
        return any(one["what"] == "property" for one in exploring.Exploration(plan).run()["found"])


@dataclass(frozen=True)
class Cause:
    """Why runs go wrong: of all with this property that take these units the shortest is told."""

    kernel: str
    property: str
    takes: str
    runs: tuple[Broken, ...]

    @property
    def shortest(self) -> Broken:
        return self.runs[0]


def causes(broken: list[Broken]) -> list[Cause]:
    """What was found, by cause: what only v8 breaks first, then what only the other kernel does,
    then what both do."""
    def key(one: Broken) -> tuple:
        return (one.in_both, list(KERNELS).index(one.kernel), one.property, one.cause)

    found = []
    for (in_both, _, name, cause), group in groupby(sorted(broken, key=key), key):
        runs = tuple(sorted(group, key=lambda one: one.length))
        found.append(Cause("both" if in_both else runs[0].kernel, name, cause, runs))
    return found


@cache
def known() -> dict[tuple[str, str, str], dict]:
    """(kernel, property, what it takes) -> {"finding": of findings.toml}, or {"is": why it is
    none}."""
    rows = tomllib.loads(CAUSES.read_text(encoding="utf-8"))["cause"]
    return {(row["kernel"], row["property"], row["takes"]):
            {key: row[key] for key in ("finding", "is") if key in row} for row in rows}


def facts(explored: list[Explored], scopes: dict[str, Scope]) -> dict:
    """What was found, as JSON has it.

    explored: a row for each scope and kernel, its counts and how far; causes: each with kernel,
    property, takes, finding or is (neither: it is new), and its shortest run in each scope
    """
    return {
        "explored": [{"kernel": one.kernel, **vars(one.looked), "seconds": one.seconds,
                      "breaks": [broken.property for broken in one.broken]} for one in explored],
        "causes": [{"kernel": cause.kernel, "property": cause.property, "takes": cause.takes,
                    **known().get((cause.kernel, cause.property, cause.takes), {}),
                    "statement": core.PROPERTIES[cause.property],
                    "runs": [_run(run, scopes[run.scope]) for run in cause.runs]}
                   for cause in causes([broken for one in explored for broken in one.broken])],
    }


def _run(run: Broken, scope: Scope) -> dict:
    found = {"what": "property", "name": run.property, "actions": run.actions}
    return {"scope": run.scope, "length": run.length, "times": run.times,
            "operations": [_action(*action) for action in run.actions],
            "scenario": text_of(found, replace(scope, units=KERNELS[run.kernel]))}


def _action(operation: Operation, fail: int, pauses: Pauses) -> str:
    text = str(said(operation))
    if fail:
        text += f" (allocation {fail} fails)"
    return text + "".join(f" (at pause {number}: {said(other)})" for number, other in pauses)
