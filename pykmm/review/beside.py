# SPDX-License-Identifier: GPL-2.0-only
"""v8 and the kernel before it beside each other: what is on disk when all have gone and all is written.

Properties leave out what nobody may rely on, as a device's store into a page of which it says nothing.
Here nothing is left out: the same operations by both kernels, until v8's disk has an older store, or
v8 answers otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..engine import core
from ..engine.scope import Action, Scope, length
from ..patch.table import UNITS
from ..scenario.ablated import Ablated
from .ablation import ALL_UNITS, Ablations, Kernel, Looked
from .mechanisms import MECHANISMS
from .replay import Found, Replay

# with more worlds and pairs a scope is left
MOST_WORLDS = 60_000
# the kernel without the patch is the one that v8 is compared with
V8 = Kernel("v8", ALL_UNITS, properties=0)


@dataclass(frozen=True)
class Beside:
    """One scope by both kernels.

    looked : Looked           worlds and pairs of them, and within how many operations
    how : str | None          what a user sees of v8 (ablation.HOW); None: nothing
    actions : tuple | None    the shortest run of this scope after which that is so
    causes : tuple            names of mechanisms; (): it is new
    """

    looked: Looked
    how: str | None
    actions: tuple[Action, ...]
    causes: tuple[str, ...]

    @property
    def length(self) -> int:
        return length(self.actions)


def beside(half: core.Half, name: str, scope: Scope,
           tell: Callable[[], None] = lambda: None) -> Beside:
    """Both kernels in one scope, until v8 is worse off or there are MOST_WORLDS."""
    plain = replace(scope, units=0)
    one = next(Ablations(half, {name: plain}, tell, MOST_WORLDS).each([V8])).seen
    looked, = one.looked
    if one.found is None:
        return Beside(looked, None, (), ())
    return Beside(looked, one.found.what, one.found.actions,
                  _causes(half, Found(replace(scope, units=ALL_UNITS), one.found.actions, "rest",
                                      "before")))


def _causes(half: core.Half, found: Found) -> tuple[str, ...]:
    """What is seen otherwise than on a disk at rest has no mechanism here."""
    run = Replay(half, found)
    return tuple(one.name for one in MECHANISMS if run.broken and one.explains(run))


def scenario(one: Beside, scope: Scope, title: str) -> str:
    """Its run by both kernels, and what is on their disks at rest."""
    run = Ablated(replace(scope, units=ALL_UNITS), one.actions, tuple(UNITS))
    run.rest()
    run.expect_disks()
    return run.text(title)
