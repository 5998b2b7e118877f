# SPDX-License-Identifier: GPL-2.0-only
"""An exploration from its beginning, or from where a file says, to its end: threads, time, files.

Worlds are explored in batches; between two of them all threads are at rest, and the exploration
can be stopped there and gone on with later.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from ..errors import BadInput
from ..report.paths import Map
from . import core, identity
from .explorer import Explorer
from .scope import Operation, Scope, length

PROGRESS_SECONDS = 0.2
ENDED = ("closed", "depth", "found")


@dataclass
class Plan:
    """What to explore, and for how long.

    halves : [Half]       all are compared with the first
    properties : int      mask of those that are looked at; 0 and not ends: equality alone
    ends : bool           a run that does not return (BUG, oops...) is something that is found
    go_on : bool          go on after something was found
    seconds : float       stop after so long; None: no limit
    state : str | None    a file: go on from there if it is, and write it at the end
    """

    halves: list[core.Half]
    scope: Scope
    properties: int
    jobs: int = 1
    ends: bool = True
    go_on: bool = False
    seconds: float | None = None
    state: str | None = None


def _words(scope: Scope) -> list[tuple[int, int, bool, int]]:
    """Where the start is not the plain one: (offset, bytes, are bits set, value)."""
    fields = scope.fields()
    if not fields:
        return []
    where = Map(core.Runner(**scope.size()))
    places = [where.place(one.path) for one in fields]
    return [(place.offset, place.size, one.more, one.value)
            for one, place in zip(fields, places, strict=True)]


class Exploration:
    """One run: `run` blocks until it is over, `stop` ends it from another thread."""

    def __init__(self, plan: Plan):
        """raises BadInput   the file of the state is bad, of another scope, or by other halves"""
        self.plan = plan
        scope = plan.scope
        self.explorer = Explorer(
            plan.halves, size=scope.size(), files=scope.files(), first=scope.first(),
            actions=scope.actions(), units=scope.units, vmas=scope.vmas,
            processes=scope.processes, properties=plan.properties, vma_slots=scope.vma_slots,
            depth=scope.depth, jobs=plan.jobs, go_on=plan.go_on, ends=plan.ends,
            words=_words(scope))
        self.interrupted = False
        self._errors: list[BaseException] = []
        self._made_by = identity.made_by(plan.halves) if plan.state else ""
        if plan.state and os.path.exists(plan.state):
            self._load(plan.state)
        self.before = self.explorer.totals()["transitions"]     # of earlier runs

    def _load(self, path: str) -> None:
        error, made_by = self.explorer.load(path)
        if not error:
            differs = identity.difference(made_by, self._made_by)
            if differs:
                raise BadInput(f"--state {path}: {differs}: its worlds were compared by those and "
                               "not by these; run with the same, or name another file")
            return
        why = {
            errno.EPROTO: "it is no state of an exploration, or of another version of pykmm",
            errno.EINVAL: "it is of another scope: explore that one, or name another file",
            errno.EILSEQ: "it is damaged or cut off: remove it to begin anew",
            errno.ENOMEM: "there is not enough memory for its worlds",
        }.get(error, os.strerror(error))
        raise BadInput(f"--state {path}: {why}")

    def stop(self) -> None:
        """End it soon; what was begun and not finished is done again when it goes on."""
        self.interrupted = True
        self.explorer.stop()

    def run(self, progress: Callable[[dict, float], None] | None = None) -> dict:
        """progress(totals, seconds) is called a few times a second, and at the end of each depth.

        returns the totals of Explorer, and `state` (of explorer.STATES, or "stopped"), `seconds`,
        `interrupted`, `before` (transitions of earlier runs, which the file had), and for each
        thing found its `operations`: what leads there
        """
        start = time.monotonic()
        core.guard_process()
        try:
            with ThreadPoolExecutor(self.plan.jobs) as self._threads:
                state = self._batches(start, progress)
        finally:
            core.unguard_process()
        totals = self.explorer.totals()
        if self.plan.state:
            self._save(self.plan.state)
        return {**totals, "before": self.before, "state": state, "seconds": time.monotonic() - start,
                "interrupted": self.interrupted and state == "stopped",
                "found": [self._told(*found) for found in totals["found"]]}

    def _batches(self, start: float, progress: Callable | None) -> str:
        over = False
        while True:
            state = self.explorer.begin()
            if state in ENDED:
                return state
            # it was begun for nothing, which costs nothing
            if over or self.interrupted:
                return "stopped"
            self._work(start, progress)
            if self._errors:
                raise self._errors[0]
            over = not self.explorer.merge() or self._is_over(start)
            if progress:
                progress(self.explorer.totals(), time.monotonic() - start)

    def _is_over(self, start: float) -> bool:
        return self.plan.seconds is not None and time.monotonic() - start >= self.plan.seconds

    def _work(self, start: float, progress: Callable | None) -> None:
        tasks = [self._threads.submit(self._thread, job) for job in range(self.plan.jobs)]
        said = 0
        for task in tasks:
            while not wait([task], PROGRESS_SECONDS).done:
                if self._is_over(start) or self.interrupted:
                    self.explorer.stop()
                done = self.explorer.so_far()
                # who watches takes silence for a half that does not come back
                if progress and done != said and not task.done():
                    said = done
                    totals = self.explorer.totals()
                    progress({**totals, "transitions": totals["transitions"] + done},
                             time.monotonic() - start)

    def _thread(self, job: int) -> None:
        try:
            self.explorer.work(job)
        except BaseException as error:      # handed on to the thread that waits
            self._errors.append(error)
            self.explorer.stop()
        finally:
            core.unguard_thread()

    def _save(self, path: str) -> None:
        part = f"{path}.part"
        try:
            self.explorer.save(part, self._made_by)
            os.replace(part, path)
        except OSError as error:
            raise BadInput(f"--state {path}: it cannot be written: {error.strerror}") from error
        finally:
            Path(part).unlink(missing_ok=True)

    def _told(self, what: str, name: str, parent: int, action: int, times: int) -> dict:
        actions = self.plan.scope.actions()
        numbers = [*self.explorer.path(parent), action - self.explorer.nr_first]
        path = [actions[i] for i in numbers]
        return {"what": what, "name": name, "times": times, "length": length(path),
                "actions": path}


def complete(result: dict) -> int:
    """Operations within which every world was reached and looked at; result: as run gives it."""
    _, at, last = result["level"]
    # those of the last depth have been reached, and where they have been tried, the next as well
    return result["depth"] + (at == last and result["state"] not in ("depth", "closed"))


def collision_bound(worlds: int, transitions: int) -> float:
    """How likely it is at most that a world was taken for another one.

    Any two worlds may have one hash of 128 bits; and what a transition led to may have the key of one other
    world that was met lately (cref/engine/explore/recent.c), by one chance in 2**64.
    """
    return worlds * worlds / 2.0 ** 129 + transitions / 2.0 ** 64


def operations_of(found: dict) -> list[Operation]:
    return [operation for operation, _, _ in found["actions"]]
