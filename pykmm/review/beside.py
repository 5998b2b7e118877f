# SPDX-License-Identifier: GPL-2.0-only
"""What properties leave out: a device's store into a page that it holds, of which nobody says a word.

No kernel promises to write it, so no property asks.  Here v8 and the kernel before it do the same, up to
such a store; then all processes go and all is written, and v8's disk is compared with the other one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..engine import core, exploring
from ..engine.scope import Action, Scope, length
from ..patch.table import UNITS
from ..scenario.ablated import Ablated
from .ablation import ALL_UNITS, Looked
from .mechanisms import MECHANISMS
from .replay import Found, Replay


@dataclass(frozen=True)
class Beside:
    """One scope.

    looked : Looked     worlds of v8, and how far
    runs : int          that end with such a store and were compared, the nearest first
    actions : tuple     the first of them after which v8's disk is older at rest; (): none is
    causes : tuple      names of mechanisms; (): it is new
    """

    looked: Looked
    runs: int
    actions: tuple[Action, ...]
    causes: tuple[str, ...]

    @property
    def length(self) -> int:
        return length(self.actions)


def is_silent(action: Action) -> bool:
    """Does a device store, and nobody calls set_page_dirty?"""
    (name, _, arguments), _, _ = action
    return name == "unpin" and bool(arguments[1]) and not arguments[2]


def beside(half: core.Half, name: str, scope: Scope,
           tell: Callable[[], None] = lambda: None) -> Beside:
    """Both kernels in one scope, until v8's disk is older or there are no more such runs.

    scope : its operations may name a page of memory only if there is but one
    """
    scope = replace(scope, units=ALL_UNITS)
    exploration = exploring.Exploration(exploring.Plan([half], scope, 0, ends=False))
    result = exploration.run(lambda *_: tell())
    looked = Looked(name, exploring.complete(result), result["state"] == "closed", result["worlds"],
                    result["transitions"])
    actions = scope.actions()
    runs = 0
    for world in range(1, result["worlds"]):
        path = tuple(actions[i] for i in exploration.explorer.path(world))
        if not is_silent(path[-1]):
            continue
        tell()
        runs += 1
        run = Replay(half, Found(scope, path, "rest", "before"))
        if run.broken:
            causes = tuple(one.name for one in MECHANISMS if one.explains(run))
            return Beside(looked, runs, path, causes)
    return Beside(looked, runs, (), ())


def scenario(one: Beside, scope: Scope, title: str) -> str:
    """Its run by both kernels, and what is on their disks at rest."""
    run = Ablated(replace(scope, units=ALL_UNITS), one.actions, tuple(UNITS))
    run.rest()
    run.expect_disks()
    return run.text(title)
