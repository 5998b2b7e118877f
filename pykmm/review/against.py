# SPDX-License-Identifier: GPL-2.0-only
"""Two versions of the patch, run: where they part, what of it a user sees, and which edit does it.

This runs in the process of halves: X is made of the first mail, Y of the other, and where several
edits changed, of each of them one more: the first mail with that edit as the other has it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

from ..engine import core, finding, fuzz
from ..engine.explorer import SEEN
from ..engine.scope import Action, Scope
from ..report.bits import units_text
from ..report.operations import text as operation_text
from ..report.world import Words
from ..scenario import drawn, explored, layout
from ..scenario.sequences import FILES
from ..world import World
from .parting import KEEPS, LOCKS, USER, Kernel, Looked, Parting, Run
from .scopes import scopes, without_patch
from .state import state_of
from .two_halves import Did, TwoHalves

_EXPLORED = 0.75        # of the time: scopes; of what is left then, drawn cases get all
_BITS = 0.3             # of that: both explored at once; the rest: beside each other
_LEAST_SECONDS = 0.1
_UNITS = 0x7F           # those that a user can name


@dataclass
class Plan:
    """What is to be compared.

    functions : names   that the changed edits are in; none: anything may have changed
    before : bool       the kernel before the patch reads differently, too
    inert : bool        nothing can differ: the smallest scope and few cases are enough
    alone : ids         of changed edits, each of which is asked alone
    """

    functions: list[str]
    before: bool
    inert: bool
    seconds: float
    seed: int
    jobs: int
    names: tuple[str, str]
    alone: list[str] = field(default_factory=list)


class Against:
    """One comparison; `run` gives its facts.

    alone : dict     of each edit that is asked alone the half, or why there is none
    say : function   told what goes on, often: silence is taken for a half that hangs
    """

    def __init__(self, plan: Plan, loaded: list[core.Half], mails: list[finding.MailLines],
                 alone: dict[str, core.Half | str], say: Callable[[str], None]):
        self.plan, self.halves, self.mails, self.say = plan, loaded, mails, say
        self.whole = Kernel(plan.names[1], loaded[1], locks=True)
        self.alone = {name: Kernel(name, half) for name, half in alone.items()
                      if not isinstance(half, str)}
        self.refused = {name: why for name, why in alone.items() if isinstance(why, str)}
        self.parting = Parting(loaded[0], plan.jobs, say)
        self.rows: list[dict] = []

    def run(self) -> dict:
        """returns dict   scopes (what was explored, with figures), cases (what was drawn, or None),
        found (None, or where they part), breaks (properties that one of them breaks) and
        alone (of each edit by itself)"""
        begin = time.monotonic()
        self._explore(begin + self.plan.seconds * _EXPLORED)
        found = self._told() if self.whole.bits else None
        cases = None
        if found is None:
            cases, found = self._drawn(begin + self.plan.seconds - time.monotonic())
        breaks = [self.whole.found[way] for way in (KEEPS, LOCKS) if way in self.whole.found]
        return {"scopes": self.rows, "cases": cases, "found": found,
                "breaks": [self._broken(run) for run in breaks],
                "alone": [self._told_alone(name) for name in self.plan.alone]}

    # Every world of some scopes.

    def _scopes(self) -> list[Scope]:
        found = scopes(self.plan.functions)[:1 if self.plan.inert else None]
        return found + [without_patch(scope) for scope in found if self.plan.before]

    def _explore(self, end: float) -> None:
        """Every scope for its share of half the time, then what is not closed for that of the rest:
        what small scopes leave over goes to the others."""
        wanted = self._scopes()
        self._first_round(wanted, time.monotonic() + (end - time.monotonic()) / 2)
        again = [(scope, kernels) for scope, row in zip(wanted, self.rows, strict=True)
                 if (kernels := [one for one in (self.whole, *self.alone.values())
                                 if self._is_open(one, scope, row)])]
        for number, (scope, kernels) in enumerate(again):
            share = (end - time.monotonic()) / (len(again) - number)
            if share > 0:
                self.parting.beside(kernels, scope, share)
        for row, scope in zip(self.rows, wanted, strict=True):
            users = self.whole.looked.get(scope)
            row["users"] = users and vars(users)

    def _is_open(self, kernel: Kernel, scope: Scope, row: dict) -> bool:
        """May there be more to see in a scope?  Where bits did not part in time, they may yet."""
        if scope in kernel.looked:
            return not kernel.looked[scope].closed
        return kernel is self.whole and kernel.bits is not None and not row["closed"]

    def _first_round(self, wanted: list[Scope], end: float) -> None:
        for number, scope in enumerate(wanted):
            share = max(_LEAST_SECONDS, (end - time.monotonic()) / (len(wanted) - number))
            begin = time.monotonic()
            looked, parted = self.parting.bits(self.whole, scope, share * _BITS)
            # where no bit parts them nobody can see one
            kernels = [*([self.whole] if parted else []), *self.alone.values()]
            if kernels:
                left = share - (time.monotonic() - begin)
                self.parting.beside(kernels, scope, max(_LEAST_SECONDS, left))
            self._row(scope, looked, parted, time.monotonic() - begin)

    def _row(self, scope: Scope, looked: Looked, parted: int, seconds: float) -> None:
        self.rows.append({
            "scope": {**asdict(scope), "units": units_text(scope.units)},
            "left_out": list(scope.left_out), "worlds": looked.worlds,
            "transitions": looked.transitions, "depth": looked.depth, "closed": looked.closed,
            "found": parted or None, "seconds": seconds, "users": None})

    # What was found.

    def _told(self) -> dict:
        """The first run that parts them, and the first after which a user sees it."""
        bits = self._way(self.whole.bits, self.halves, "")
        user = self.whole.found.get(USER)
        if user is None or (bits["visible"] and bits["length"] <= user.length):
            return {"kind": "operations", "bits": None, **bits}
        return {"kind": "operations", "bits": None if bits["visible"] else bits,
                **self._way(user, self.halves)}

    def _way(self, run: Run, halves: list[core.Half], how: str | None = None) -> dict:
        """A run of operations as facts: what it is, what it shows, both worlds after it.

        how : str | None   what a user sees; None: as run.what says
        """
        two = TwoHalves(halves, run.scope, self.plan.names)
        path = list(run.actions)
        done = two.replay(path)
        last = done[-1]
        (name, _, _), answers = path[-1][0], (last[0].value, last[1].value)
        if how is None and run.what in SEEN:
            how = two.how(run.what, last, path[-1])
        elif how == "" and last[0].outcome != last[1].outcome:
            how = two.how("outcome", last, path[-1])
        elif how == "" and name in ANSWERED and answers[0] != answers[1] and \
                (name != "pin" or min(answers) < 0):
            how = two.how("result", last, path[-1])
        return {
            "length": run.length, "operations": [said(action) for action in path],
            "visible": bool(how), "how": how or "", "worse": self.plan.names[run.worse],
            "results": [[one.said(action[0][0]) for one in both]
                        for action, both in zip(path, done, strict=False)],
            "states": [self._state(run.scope, one) for one in last],
            "event": self._event(two, path), "field": self._field(two, last),
            "scenario": self._scenario(replace(run.scope, units=run.scope.units & _UNITS), path,
                                       how or ""),
            "units": units_text(run.scope.units & _UNITS), "kinds": list(run.scope.kinds),
        }

    def _broken(self, run: Run) -> dict:
        """A property that one of them breaks, by a run after which the other one keeps it."""
        return {"property": run.what, "by": self.plan.names[run.worse],
                "kept_by": self.plan.names[1 - run.worse], **self._way(run, self.halves, "")}

    def _told_alone(self, name: str) -> dict:
        """Of one edit by itself; its run does not say how often other edits would change it."""
        if name in self.refused:
            return {"what": name, "refused": self.refused[name], "user": None, "breaks": None,
                    "looked": None}
        kernel = self.alone[name]
        halves = [self.halves[0], kernel.half]
        user, breaks = kernel.found.get(USER), kernel.found.get(KEEPS)
        # what is shortest says the least depth of all scopes
        return {"what": name, "refused": "",
                "user": user and self._way(user, halves),
                "breaks": breaks and {"property": breaks.what,
                                      "by": self.plan.names[breaks.worse],
                                      **self._way(breaks, halves, "")},
                "looked": {"scopes": len(kernel.looked), **reach(kernel.looked.values())}}

    def _state(self, scope: Scope, did: Did) -> dict | None:
        if did.outcome in ("oops", "stray access"):
            return None     # what was stored by then is the compiler's choice
        return state_of(Words(World.block()[1], did.image), list(FILES[:len(scope.kinds)]))

    def _event(self, two: TwoHalves, path: list[Action]) -> list[dict | None] | None:
        """The first event of the last operation that differs, of both; None: none does."""
        done = two.replay(path[:-1])
        images = (done[-1][0].image, done[-1][1].image) if done else (two.start,) * 2
        traces = [two.events(i, images[i], path[-1], self.mails[i]) for i in (0, 1)]
        for number in range(max(map(len, traces))):
            pair = [trace[number] if number < len(trace) else None for trace in traces]
            if (pair[0] and pair[0]["words"]) != (pair[1] and pair[1]["words"]):
                return [one and {key: one[key] for key in ("text", "step", "place")}
                        for one in pair]
        return None

    def _field(self, two: TwoHalves, last: tuple[Did, Did]) -> dict | None:
        different = [one for one in two.where.differences(last[0].image, last[1].image)
                     if one[0] != "world.trace_at"]
        if not different:
            return None
        path, first, other = different[0]
        return {"path": path, "values": [first, other], "more": len(different) - 1}

    def _scenario(self, scope: Scope, actions: list[Action], how: str) -> str:
        """As text; what half C gives is what it expects."""
        text = explored.text_of({"what": "difference", "name": "Y", "actions": actions}, scope)
        title = f"{self.plan.names[0]} and {self.plan.names[1]} part here."
        first, _, rest = text.partition("\n")
        lines = [f"# {title}"] + ([f"# {how[0].upper()}{how[1:]}."] if how else [])
        return "\n".join(lines) + "\n" + (rest if first.startswith("#") else text)

    # Cases that are drawn.

    def _drawn(self, seconds: float) -> tuple[dict, dict | None]:
        counted = fuzz.Plan(self.halves, [], seed=self.plan.seed, jobs=self.plan.jobs,
                            seconds=max(0.5, seconds))
        outcome = fuzz.Fuzzer(counted).run(lambda cases, *_: self.say(f"{cases:,} cases"))
        cases = {"cases": outcome.cases, "sequences": outcome.sequences,
                 "operations": outcome.operations, "seed": self.plan.seed,
                 "seconds": outcome.seconds, "divergences": outcome.divergences}
        if not outcome.found:
            return cases, None
        case = outcome.found[0].case
        told, other = (finding.examine(case, self.halves, mail) for mail in self.mails)
        if told["difference"] and told["difference"]["event"]:
            # each half's lines are of its own mail
            told["difference"]["event"]["other"] = other["difference"]["event"]["other"]
        del told["halves"]      # all that each did, and more than anybody reads
        title = f"{self.plan.names[0]} and {self.plan.names[1]} part here."
        return cases, {"kind": "case", **told,
                       "scenario": layout.text(drawn.scenario_of(case, title))}


# operations that answer a user; of the others, as of reclaim, nobody is told
ANSWERED = frozenset({"open", "close", "mmap", "munmap", "brk", "mprotect", "msync",
                      "remap_file_pages", "fork", "exit", "load", "store", "poke", "pin", "write",
                      "fsync"})


def reach(looked) -> dict:
    """Within how many operations all of some scopes were looked at, and in all of them to the end?

    looked : [Looked]
    """
    rows = list(looked)
    return {"depth": min((one.depth for one in rows if not one.closed), default=0),
            "closed": all(one.closed for one in rows),
            "worlds": sum(one.worlds for one in rows),
            "transitions": sum(one.transitions for one in rows)}


def said(action: Action) -> str:
    """An operation with what else happens while it runs."""
    operation, fail, pauses = action
    also = f" (allocation {fail} fails)" if fail else ""
    also += "".join(f" (at pause {at}: {operation_text(*other)})" for at, other in pauses)
    return operation_text(*operation) + also
