# SPDX-License-Identifier: GPL-2.0-only
"""v8 and the kernel before it beside each other: what is on disk when all have gone and all is written.

Properties leave out what nobody may rely on, as a device's store into a page of which it says nothing.
Here nothing is left out: the same operations by both kernels, until v8's disk has an older store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..engine import core, exploring
from ..engine.explorer import Pairs
from ..engine.scope import Action, Scope, length
from ..patch.table import UNITS
from ..scenario.ablated import Ablated
from .ablation import ALL_UNITS, Looked
from .mechanisms import causes_of
from .replay import Found

# with more than these nothing is tried from the next level
MOST_PAIRS = 60_000
_WORSE = ("synced first", "rest first")


@dataclass(frozen=True)
class Beside:
    """One scope by both kernels.

    looked : Looked           pairs, and how far
    actions : tuple | None    the nearest run after which v8's disk is older at rest, if there is one
    causes : tuple            names of mechanisms; (): it is new
    """

    looked: Looked
    actions: tuple[Action, ...] | None
    causes: tuple[str, ...]

    @property
    def length(self) -> int:
        return length(self.actions or ())


def beside(half: core.Half, name: str, scope: Scope,
           is_over: Callable[[], bool] = lambda: False) -> Beside:
    """Both kernels in one scope, until v8 is worse off or there are MOST_PAIRS.

    scope : its operations may name a page of memory only if there is but one
    """
    scope = replace(scope, units=ALL_UNITS)
    plan = exploring.Plan([half], scope, 0, ends=False)
    pairs = Pairs(exploring.Exploration(plan).explorer, 0)
    state = "batch"
    core.guard_process()
    try:
        while not is_over() and (state := pairs.level()) == "batch":
            totals = pairs.totals()
            if totals["pairs"] > MOST_PAIRS or not totals["parted"].keys().isdisjoint(_WORSE):
                break
    finally:
        core.unguard_process()
    totals = pairs.totals()
    looked = Looked(name, totals["depth"], state == "closed", totals["pairs"], totals["transitions"])
    paths = [path for how, (path, _) in totals["parted"].items() if how in _WORSE]
    if not paths:
        return Beside(looked, None, ())
    actions = scope.actions()
    path = tuple(actions[i] for i in min(paths, key=len))
    return Beside(looked, path, tuple(causes_of(half, Found(scope, path, "rest", "before"))))


def scenario(one: Beside, scope: Scope, title: str) -> str:
    """Its run by both kernels, and what is on their disks at rest."""
    run = Ablated(replace(scope, units=ALL_UNITS), one.actions or (), tuple(UNITS))
    run.rest()
    run.expect_disks()
    return run.text(title)
