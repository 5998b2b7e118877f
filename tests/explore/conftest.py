# SPDX-License-Identifier: GPL-2.0-only
"""Explorations: the engine's, by halves C and P."""

import sys
import threading
from pathlib import Path

import pytest

from pykmm.engine import core, explorer, halves
from pykmm.engine.scope import Scope

# the model is a package of the tests
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


class Explored:
    """An exploration until it ends, or after so many batches."""

    def __init__(self, scope: Scope, depth: int, *, jobs: int = 1, loaded=None, properties: int = 0,
                 go_on: bool = True, batches: int | None = None, state=None):
        self.explorer = explorer.Explorer(
            loaded or [halves.c_half(), halves.p_half()], size=scope.size(), files=scope.files(),
            first=scope.first(), actions=scope.actions(), units=scope.units, vmas=scope.vmas,
            processes=scope.processes, properties=properties,
            vma_slots=scope.vma_slots, depth=depth, jobs=jobs, go_on=go_on)
        if state is not None:
            assert self.explorer.load(state)[0] == 0
        core.guard_process()
        try:
            self.state = self._run(jobs, batches)
        finally:
            core.unguard_process()
        self.totals = self.explorer.totals()

    def _run(self, jobs, batches):
        while (state := self.explorer.begin()) == "batch":
            if batches is not None:
                if not batches:
                    return "stopped"
                batches -= 1
            threads = [threading.Thread(target=self.explorer.work, args=(job,))
                       for job in range(jobs)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert self.explorer.merge()
        return state

    def worlds(self):
        """(hash, parent, ends) of each."""
        return [self.explorer.seen(i) for i in range(self.totals["worlds"])]


@pytest.fixture(scope="session")
def explored():
    return Explored
