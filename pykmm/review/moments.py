# SPDX-License-Identifier: GPL-2.0-only
"""Is a difference of two kernels one of moments only?

A run may say that another actor acts at pause 5, or that allocation 2 fails.  Kernels that take
other locks pause elsewhere, and then that number means another moment.  So what the worse one did
counts only if the other one does it at no moment: not with those actors at any pause, before or
after the operation, and not with any other allocation that fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

from ..engine import core, properties
from ..engine.alphabet import FAIL_UP_TO, PAUSE_UP_TO
from ..engine.explorer import SEEN
from ..engine.scope import Action
from .two_halves import TwoHalves

# ways to do one run; with more it is not asked, and the difference is not told
MOST_WAYS = 20_000


def is_by_moment(actions: tuple[Action, ...]) -> bool:
    """Does a run name pauses or allocations by number?"""
    return any(fail or pauses for _, fail, pauses in actions)


def only_of_moments(two: TwoHalves, actions: tuple[Action, ...], worse: int, what: str) -> bool:
    """Does the better half do the same at some moments, or is that too much to ask?

    worse : int   0 or 1: which half
    what : str    of explorer.SEEN, the name of a property, or how a run ends
    """
    ways = list(islice(_ways(actions), MOST_WAYS + 1))
    if len(ways) > MOST_WAYS:
        return True
    wanted = _outcome(two, worse, [(action, False) for action in actions], what)
    return any(_outcome(two, 1 - worse, way, what) == wanted for way in ways)


# An action, and whether what it names by number has to take place.
_Way = list[tuple[Action, bool]]


def _ways(actions: tuple[Action, ...]) -> Iterator[_Way]:
    for parts in product(*map(_ways_of, actions)):
        yield [one for part in parts for one in part]


def _ways_of(action: Action) -> list[_Way]:
    """One operation with the same actors beside it, at every moment."""
    operation, fail, pauses = action
    found: list[_Way] = []
    fails = range(1, FAIL_UP_TO + 1) if fail else (0,)
    for number in fails:
        found += [[((operation, number, tuple(zip(at, (other for _, other in pauses),
                                                  strict=True))), True)]
                  for at in product(range(1, PAUSE_UP_TO + 1), repeat=len(pauses))
                  if list(at) == sorted(at)]
    if pauses:
        others = [((other, 0, ()), False) for _, other in pauses]
        for before in range(len(others) + 1):
            found.append([*others[:before], ((operation, fail, ()), False), *others[before:]])
    return found


def _outcome(two: TwoHalves, half: int, way: _Way, what: str) -> tuple | None:
    """What the half gave, of what is asked; None: what the way names did not take place."""
    image, answers = two.start, []
    for action, must in way:
        did = two.do(half, image, action)
        if must and not did.took_place:
            return None
        image = did.image
        answers.append((action[0][0], did.outcome, did.value))
        if did.outcome != "returned":
            break
    if what in core.PROPERTIES:
        two.runner.restore(image)
        return (bool(two.runner.broken(properties.mask([what]))),)
    last = (answers[-1][1],) if what not in SEEN or what == "outcome" else answers[-1]
    if what in ("synced", "rest"):
        return (*last, *two.disks(image))
    return last
