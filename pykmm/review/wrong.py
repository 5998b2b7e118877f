# SPDX-License-Identifier: GPL-2.0-only
"""What goes wrong with the patch and not before it, and the reverse: both kernels explored.

In each scope every property is asked of both kernels, also of one that nobody meant it for, and that
no operation ends in a BUG, an oops or a hang.  Each run that breaks one is run again without the steps
of every mechanism that is known (mechanisms.py): what removes the loss is its cause, and a run without
a cause is new.  Then the other kernel tries the same operations in any order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import groupby

from ..engine import core, exploring, properties
from ..engine.alphabet import PAUSE_UP_TO, Operation
from ..engine.scope import Action, Pauses, Scope, length
from ..patch.table import UNITS
from ..scenario.ablated import said
from ..scenario.explored import text_of
from .ablation import ALL_UNITS, Looked, mask_without
from .beside import Beside, beside, scenario
from .mechanisms import MECHANISMS, causes_of
from .replay import Found, Replay
from .scopes import OF_BOTH, OF_REST

KERNELS = {"v8": ALL_UNITS, "before": 0}
# runs of each scope and kernel whose causes are looked for, the nearest ones; the rest are counted
MOST_RUNS = 60
# what both kernels are asked, and what is said of an answer; the order is that of the output
VERDICTS = ("v8", "v8, the other not held to it", "before", "both")


@dataclass(frozen=True)
class Again(Scope):
    """A scope in which only some actions are tried."""

    tried: tuple[Action, ...] = ()

    def actions(self) -> list[Action]:
        return list(self.tried)


@dataclass(frozen=True)
class Broken:
    """What a kernel breaks in a scope by one mechanism, by the nearest run.

    kernel : str        of KERNELS
    what : str          property, or outcome: a run that does not return
    name : str          of the property, or BUG, oops...
    causes : tuple      names of MECHANISMS; (): it is new
    times : int         runs that were found to have this cause
    other : tuple       causes by which the other kernel breaks it with these operations in any order,
                        "" for one that is new; (): it keeps it
    takes : tuple       v8's: units without each of which these operations keep it
    """

    kernel: str
    what: str
    name: str
    scope: str
    actions: tuple[Action, ...]
    causes: tuple[str, ...]
    times: int
    other: tuple[str, ...]
    takes: tuple[str, ...]

    @property
    def length(self) -> int:
        """Operations of all actors."""
        return length(self.actions)

    @property
    def verdict(self) -> str:
        """One of VERDICTS."""
        if set(self.causes or ("",)) & set(self.other):
            return "both"
        if self.kernel == "v8" and not is_held("before", self.what, self.name):
            return VERDICTS[1]
        return self.kernel


def is_held(kernel: str, what: str, name: str) -> bool:
    """Was this meant to hold of a kernel with these units?"""
    return what == "outcome" or not properties.UNITS[name] & ~KERNELS[kernel]


@dataclass(frozen=True)
class Explored:
    """One scope by one kernel: how far, and what it breaks there.

    not_held : tuple   properties that it breaks and that nobody meant it to keep
    differing : tuple  halves that did not do as the first one
    unread : int       runs that break something and whose causes were not looked for
    """

    kernel: str
    looked: Looked
    broken: tuple[Broken, ...]
    not_held: tuple[str, ...]
    differing: tuple[str, ...]
    unread: int
    seconds: float


class Wrong:
    """Explorations of both kernels.

    half : Half              whose runs are looked at
    others : list            halves that must do the same on every transition: X, P
    jobs : int               threads
    scopes : dict            OF_BOTH, or some of them
    seconds : float | None   for all of it; None: as long as it takes
    left : list              names of scopes that were not explored as far as they go
    """

    def __init__(self, half: core.Half, jobs: int = 1, scopes: dict[str, Scope] = OF_BOTH,
                 seconds: float | None = None, others: tuple[core.Half, ...] = ()):
        self.half, self.others = half, others
        self.jobs, self.scopes = jobs, scopes
        self.deadline = None if seconds is None else time.monotonic() + seconds
        self.stopped = False
        self.left = [*scopes, *map(_rest_name, OF_REST)]
        self._tell: Callable[[], None] = lambda: None

    def stop(self) -> None:
        """End soon, from another thread; what was found until then is told."""
        self.stopped = True

    @property
    def is_over(self) -> bool:
        return self.stopped or (self.deadline is not None and time.monotonic() >= self.deadline)

    def explored(self, tell: Callable[[], None] = lambda: None) -> Iterator[Explored]:
        """Each scope by each kernel; tell() is called now and then while one is explored."""
        self._tell = tell
        for name in self.scopes:
            for kernel in KERNELS:
                if self.is_over:
                    return
                yield self._one(name, kernel)
            if not self.is_over:
                self.left.remove(name)

    def at_rest(self) -> Iterator[Beside]:
        """Both kernels in each scope of OF_REST: what properties leave out."""
        for name, scope in OF_REST.items():
            self._tell()
            if self.is_over:
                return
            one = beside(self.half, name, scope, self._tell)
            self.left.remove(_rest_name(name))
            yield one

    def _one(self, name: str, kernel: str) -> Explored:
        mask = properties.ALL
        start = time.monotonic()
        found = _Runs(self, name, kernel)
        not_held: list[str] = []
        while True:
            left = None if self.deadline is None else max(0.01, self.deadline - time.monotonic())
            exploration, result = self._explore(replace(self.scopes[name], units=KERNELS[kernel]),
                                                mask, (self.half, *self.others), left)
            new = [one["name"] for one in result["found"] if one["what"] == "property"]
            not_held += [one for one in new if not is_held(kernel, "property", one)]
            found.add(exploration, result, [one for one in new if one not in not_held])
            if not new or self.is_over:
                break
            # nothing is tried from a world that breaks one: what comes after is seen without it
            mask &= ~properties.mask(new)
        looked = Looked(name, exploring.complete(result), result["state"] == "closed",
                        result["worlds"], result["transitions"])
        broken = found.broken()
        return Explored(kernel, looked, broken, tuple(not_held), found.differing(), found.unread,
                        time.monotonic() - start)

    def _explore(self, scope: Scope, mask: int, halves: tuple[core.Half, ...],
                 seconds: float | None = None) -> tuple[exploring.Exploration, dict]:
        plan = exploring.Plan(list(halves), scope, mask, self.jobs, go_on=True, seconds=seconds)
        exploration = exploring.Exploration(plan)

        def progress(*_: object) -> None:
            self._tell()
            if self.stopped:
                exploration.stop()

        return exploration, exploration.run(progress)

    def causes(self, found: Found) -> tuple[str, ...]:
        self._tell()
        return tuple(causes_of(self.half, found))

    def by_other(self, name: str, kernel: str, one: Found) -> tuple[str, ...]:
        """Causes by which the other kernel breaks the same with these operations in any order."""
        other = next(other for other in KERNELS if other != kernel)
        # why a kernel does what nobody meant it to leave is no question
        found = self._breaks(name, one, KERNELS[other],
                             first=not is_held(other, one.what, one.name))
        return tuple(sorted({cause for causes in found for cause in causes or ("",)}))

    def takes(self, name: str, one: Found) -> tuple[str, ...]:
        """Units without each of which v8 does not break it with these operations in any order."""
        return tuple(unit for unit in UNITS
                     if not self._breaks(name, one, mask_without((unit,)), first=True))

    def _breaks(self, name: str, one: Found, units: int, *, first: bool = False
                ) -> list[tuple[str, ...]]:
        """Causes of each run that breaks it; first: of one of them, not looked for."""
        again = replace(self._again(name, one.actions), units=units)
        mask = properties.mask([one.name]) if one.what == "property" else 0
        exploration, result = self._explore(again, mask, (self.half,))
        same = [run for run in result["found"] if (run["what"], run["name"]) == (one.what, one.name)]
        if first or not same:
            return [()] if same else []
        paths = [tuple(run["actions"]) for run in same] + _broken_paths(exploration, MOST_RUNS)[0]
        return [self.causes(Found(again, path, one.what, one.name)) for path in dict.fromkeys(paths)]

    def _again(self, name: str, actions: tuple[Action, ...]) -> Again:
        """These actions and no others; those at pauses at every pause, as these have other numbers
        in another kernel, and by themselves."""
        tried: dict[Action, None] = {}
        for operation, fail, pauses in actions:
            tried[operation, fail, ()] = None
            for _, other in pauses:
                tried[other, 0, ()] = None
            for numbers in _numbers(len(pauses)):
                tried[operation, fail, tuple((number, other) for number, (_, other)
                                          in zip(numbers, pauses, strict=True))] = None
        scope = self.scopes[name]
        facts = {one.name: getattr(scope, one.name) for one in fields(Scope)}
        return Again(**{**facts, "depth": length(actions)}, tried=tuple(tried))


def _numbers(pauses: int) -> Iterator[tuple[int, ...]]:
    """Of so many pauses, one after the other, all numbers that they can have."""
    if pauses == 1:
        yield from ((number,) for number in range(1, PAUSE_UP_TO + 1))
    elif pauses == 2:
        yield from ((first, second) for first in range(1, PAUSE_UP_TO + 1)
                    for second in range(first + 1, PAUSE_UP_TO + 1))


def _broken_paths(exploration: exploring.Exploration, most: int
                  ) -> tuple[list[tuple[Action, ...]], int]:
    """The actions that lead to the nearest worlds that break a property, and how many there are."""
    actions = exploration.plan.scope.actions()
    worlds, nr = exploration.explorer.broken(most)
    return [tuple(actions[i] for i in exploration.explorer.path(world)) for world in worlds], nr


class _Runs:
    """What a kernel breaks in a scope, by cause."""

    def __init__(self, of: Wrong, scope: str, kernel: str):
        self.of, self.name, self.kernel = of, scope, kernel
        self.scope = replace(of.scopes[scope], units=KERNELS[kernel])
        self.runs: dict[tuple, list[Found]] = {}
        self.found: dict[str, None] = {}
        self.outcomes: set[str] = set()
        self.unread = 0

    def add(self, exploration: exploring.Exploration, result: dict, names: list[str]) -> None:
        """What one exploration found, of these properties."""
        runs: dict[Found, None] = {}
        for one in result["found"]:
            if one["what"] == "difference":
                self.found[one["name"]] = None
            elif one["name"] in names or (one["what"] == "outcome"
                                          and one["name"] not in self.outcomes):
                self.outcomes |= {one["name"]} - set(names)
                runs[Found(self.scope, tuple(one["actions"]), one["what"], one["name"])] = None
        paths, many = _broken_paths(exploration, MOST_RUNS) if names else ([], 0)
        self.unread += many - len(paths)
        for path in paths:
            for name in self._broken(path, names):
                runs[Found(self.scope, path, "property", name)] = None
        for number, one in enumerate(runs):
            if self.of.is_over:
                self.unread += len(runs) - number
                break
            key = (one.what, one.name, self.of.causes(one))
            self.runs.setdefault(key, []).append(one)

    def _broken(self, path: tuple[Action, ...], names: list[str]) -> list[str]:
        run = Replay(self.of.half, Found(self.scope, path, "property", names[0]))
        return [] if run.world.ended else run.world.broken(*names)

    def differing(self) -> tuple[str, ...]:
        return tuple(self.found)

    def broken(self) -> tuple[Broken, ...]:
        """Of each cause the nearest run, unless it is interrupted while the other kernel is asked."""
        told = []
        for (what, name, causes), runs in self.runs.items():
            one = self._told(what, name, causes, runs)
            if self.of.stopped:
                self.unread += len(runs)
            else:
                told.append(one)
        return tuple(told)

    def _told(self, what: str, name: str, causes: tuple[str, ...], runs: list[Found]) -> Broken:
        one = min(runs, key=lambda run: (len(run.actions), length(run.actions)))
        other = self.of.by_other(self.name, self.kernel, one)
        told = Broken(self.kernel, what, name, self.name, one.actions, causes, len(runs), other, ())
        if told.verdict not in VERDICTS[:2] or self.of.is_over:
            return told
        return replace(told, takes=self.of.takes(self.name, one))


@dataclass(frozen=True)
class Cause:
    """Why runs go wrong: of all that break one property by one mechanism the nearest of each scope."""

    verdict: str
    what: str
    name: str
    causes: tuple[str, ...]
    runs: tuple[Broken, ...]

    @property
    def is_known(self) -> bool:
        return bool(self.causes)


def causes(broken: list[Broken]) -> list[Cause]:
    """What was found, by cause, in the order of VERDICTS."""
    def key(one: Broken) -> tuple:
        return (VERDICTS.index(one.verdict), one.causes, one.what, one.name)

    found = []
    for (verdict, causes_, what, name), group in groupby(sorted(broken, key=key), key):
        runs = tuple(sorted(group, key=lambda one: one.length))
        found.append(Cause(VERDICTS[verdict], what, name, causes_, runs))
    return found


def _rest_name(scope: str) -> str:
    return f"{scope}, at rest"


def facts(explored: list[Explored], scopes: dict[str, Scope], rest: list[Beside] = []) -> dict:
    """What was found, as JSON has it.

    explored: a row for each scope and kernel, its counts, how far, and what it breaks
    causes: each with verdict, property (or BUG, oops...), mechanisms (name, says, document; [] of what
    is new), and its nearest run in each scope
    rest: of what properties leave out a row for each scope; found: the nearest run that leaves an older
    store on v8's disk, with its mechanisms, or None
    """
    told = causes([broken for one in explored for broken in one.broken])
    return {
        "explored": [{"kernel": one.kernel, **vars(one.looked), "seconds": one.seconds,
                      "breaks": list(dict.fromkeys(broken.name for broken in one.broken)),
                      "not_held": list(one.not_held), "differing": list(one.differing),
                      "unread": one.unread} for one in explored],
        "causes": [{"verdict": cause.verdict, "what": cause.what, "property": cause.name,
                    "statement": core.PROPERTIES.get(cause.name),
                    "mechanisms": _mechanisms(cause.causes),
                    "takes": list(cause.runs[0].takes),
                    "other": sorted(set().union(*(run.other for run in cause.runs))),
                    "runs": [_run(run, scopes[run.scope]) for run in cause.runs]}
                   for cause in told],
        "rest": [{**vars(one.looked), "runs": one.runs, "found": _at_rest(one) if one.actions else None}
                 for one in rest],
    }


def _mechanisms(names: tuple[str, ...]) -> list[dict]:
    return [{"name": one.name, "says": one.says, "document": one.document} for one in MECHANISMS
            if one.name in names]


def _at_rest(one: Beside) -> dict:
    title = "When all have gone and all is written, v8's disk has an older store."
    return {"mechanisms": _mechanisms(one.causes), "length": one.length,
            "operations": [_action(*action) for action in one.actions or ()],
            "scenario": scenario(one, OF_REST[one.looked.scope], title)}


def _run(run: Broken, scope: Scope) -> dict:
    found = {"what": run.what, "name": run.name, "actions": run.actions}
    return {"scope": run.scope, "kernel": run.kernel, "length": run.length, "times": run.times,
            "operations": [_action(*action) for action in run.actions],
            "scenario": text_of(found, replace(scope, units=KERNELS[run.kernel]))}


def _action(operation: Operation, fail: int, pauses: Pauses) -> str:
    text = str(said(operation))
    if fail:
        text += f" (allocation {fail} fails)"
    return text + "".join(f" (at pause {number}: {said(other)})" for number, other in pauses)
