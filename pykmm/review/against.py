# SPDX-License-Identifier: GPL-2.0-only
"""Two versions of the patch, run: where they part first, and what of it a user sees.

This runs in the process of halves: X is made of the first mail, Y of the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from ..engine import core, exploring, finding, fuzz
from ..engine.scope import DEFAULT, MOST, Action, Scope
from ..report.bits import units_text
from ..report.operations import text as operation_text
from ..report.world import Words
from ..scenario import drawn, explored, layout
from ..scenario.sequences import FILES
from ..world import World
from .scopes import scopes, without_patch
from .state import state_of
from .two_halves import Did, Seen, TwoHalves, search

_EXPLORED = 0.6         # of the time: explored; of what is left then, drawn cases get all
_VISIBLE = 1 / 12       # of the time: for each of up to four searches for what a user sees
_MORE = 6               # operations beyond those that part them, up to which a user is waited for


@dataclass
class Plan:
    """What is to be compared.

    functions : names   that the changed edits are in; none: anything may have changed
    before : bool       the kernel before the patch reads differently, too
    inert : bool        nothing can differ: the smallest scope and few cases are enough
    """

    functions: list[str]
    before: bool
    inert: bool
    seconds: float
    seed: int
    jobs: int
    names: tuple[str, str]


class Against:
    """One comparison; `run` gives its facts.

    say : function      told what goes on, often: silence is taken for a half that hangs
    """

    def __init__(self, plan: Plan, loaded: list[core.Half], mails: list[finding.MailLines],
                 say: Callable[[str], None]):
        self.plan, self.halves, self.mails, self.say = plan, loaded, mails, say
        self.rows: list[dict] = []

    def run(self) -> dict:
        """returns dict   scopes (what was explored, with figures), cases (what was drawn, or None)
        and found: None, or where they part"""
        found = self._explored()
        cases = None
        if found is None:
            cases, found = self._drawn()
        return {"scopes": self.rows, "cases": cases, "found": found}

    # Every world of some scopes.

    def _scopes(self) -> list[Scope]:
        found = scopes(self.plan.functions)[:1 if self.plan.inert else None]
        return found + [without_patch(scope) for scope in found if self.plan.before]

    def _explored(self) -> dict | None:
        end = time.monotonic() + self.plan.seconds * _EXPLORED
        best: tuple[Scope, list[Action]] | None = None
        wanted = self._scopes()
        for number, scope in enumerate(wanted):
            if best and len(best[1]) == 1:
                break
            depth = len(best[1]) - 1 if best else scope.depth
            share = max(0.1, (end - time.monotonic()) / (len(wanted) - number))
            path = self._explore(replace(scope, depth=depth), share)
            best = (scope, path) if path else best
        return self._told(*best) if best else None

    def _explore(self, scope: Scope, seconds: float) -> list[Action] | None:
        """The shortest way in a scope to where they part; None: they do not, as far as it went."""
        plan = exploring.Plan(self.halves, scope, 0, jobs=self.plan.jobs, ends=False,
                              seconds=seconds)
        result = exploring.Exploration(plan).run(
            lambda totals, _: self.say(f"{totals['transitions']:,} transitions"))
        found = next((one for one in result["found"] if one["what"] == "difference"), None)
        _, at, last = result["level"]
        self.rows.append({
            "scope": {**{name: value for name, value in asdict(scope).items()
                         if not name.startswith("_")}, "units": units_text(scope.units)},
            "worlds": result["worlds"], "transitions": result["transitions"],
            "depth": result["depth"] + (at == last and result["state"] not in ("depth", "closed")),
            "closed": result["state"] == "closed", "limited": result["state"] == "depth",
            "seconds": result["seconds"], "found": found["length"] if found else None,
        })
        return found["actions"] if found else None

    # What was found.

    def _told(self, scope: Scope, path: list[Action]) -> dict:
        """The first way that parts them, and the first after which a user sees it."""
        two = TwoHalves(self.halves, scope, self.plan.names)
        done = two.replay(path)
        seen = two.seen(done[-1], path[-1])
        bits = self._way(two, path, seen)
        if seen or done[-1][0].outcome != "returned":
            return {"kind": "operations", "bits": None, "searched": None, **bits}
        wide = replace(scope, ops=tuple(dict.fromkeys((*scope.ops, *DEFAULT))))
        for tried in (scope, wide):
            two = TwoHalves(self.halves, replace(tried, depth=MOST["depth"]), self.plan.names)
            visible, searched = self._visible(two, path)
            if visible:
                return {"kind": "operations", "bits": bits, "searched": searched, **visible}
        return {"kind": "operations", "bits": None, "searched": searched, **bits}

    def _visible(self, two: TwoHalves, path: list[Action]) -> tuple[dict | None, dict]:
        """The shortest way, from where they part or from the start, after which a user sees it."""
        def alive() -> None:
            self.say("looking for what a user sees")

        seconds = self.plan.seconds * _VISIBLE
        near = search(two, path, most=len(path) + _MORE, seconds=seconds, alive=alive)
        most = len(near.path) - 1 if near.path else len(path) + _MORE
        whole = search(two, [], most=most, seconds=seconds, alive=alive)
        best = whole if whole.path else near
        searched = {"operations": list(two.scope.ops), "pairs": near.pairs + whole.pairs,
                    "transitions": near.transitions + whole.transitions,
                    "depth": whole.depth, "closed": whole.closed,
                    "shortest": bool(whole.path) or whole.depth >= most or whole.closed}
        return (self._way(two, best.path, best.seen) if best.path else None), searched

    def _way(self, two: TwoHalves, path: list[Action], seen: Seen | None) -> dict:
        """A run of operations as facts: what it is, what it shows, both worlds after it."""
        shown = [*path, *(seen.after if seen else ())]
        scope = replace(two.scope, units=two.scope.units & 0x7F)
        done = two.replay(shown)
        last = done[len(path) - 1]
        return {
            "length": len(path), "operations": [self._said(action) for action in path],
            "visible": seen is not None, "how": seen.how if seen else "",
            "results": [[one.said(action[0][0]) for one in both]
                        for action, both in zip(path, done, strict=False)],
            "states": [self._state(scope, one) for one in last],
            "rest": [self._state(scope, one) for one in done[-1]] if seen and seen.after else None,
            "event": self._event(two, path), "field": self._field(two, last),
            "scenario": self._scenario(scope, shown, seen), "units": units_text(scope.units),
        }

    def _said(self, action: Action) -> str:
        operation, fail, pauses = action
        also = f" (allocation {fail} fails)" if fail else ""
        also += "".join(f" (at pause {number}: {operation_text(*other)})"
                        for number, other in pauses)
        return operation_text(*operation) + also

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

    def _scenario(self, scope: Scope, actions: list[Action], seen: Seen | None) -> str:
        """As text; what half C gives is what it expects."""
        text = explored.text_of({"what": "difference", "name": "Y", "actions": actions}, scope)
        title = f"{self.plan.names[0]} and {self.plan.names[1]} part here."
        first, _, rest = text.partition("\n")
        lines = [f"# {title}"] + ([f"# {seen.how[0].upper()}{seen.how[1:]}."] if seen else [])
        return "\n".join(lines) + "\n" + (rest if first.startswith("#") else text)

    # Cases that are drawn.

    def _drawn(self) -> tuple[dict, dict | None]:
        counted = fuzz.Plan(self.halves, [], seed=self.plan.seed, jobs=self.plan.jobs,
                            seconds=max(0.5, self.plan.seconds * (1 - _EXPLORED)))
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

