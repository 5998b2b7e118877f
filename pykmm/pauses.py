# SPDX-License-Identifier: GPL-2.0-only
"""Other actors at pauses, as a world holds them: at most two that have not acted yet.

A pause is a place where an operation sleeps or is about to take a lock (cref/machine/interfere.h).
"""

from collections.abc import Callable

from .errors import BadInput

# what stands behind the names of a world's words about each of them
OTHERS = ("", "[1]")
WORDS = tuple(f"world.{name}{which}" for which in OTHERS for name in
              ("interference", "pauses_left", "pause_every", "pauses_more"))


def words(number: int, operation: tuple[int, int, tuple[int, ...]], every: int = 1, more: int = 0,
          other: int = 0) -> dict[str, int]:
    """{path: value}: what lets an actor perform an operation at a pause, counted from here.

    operation   (number of its kind, process, arguments), all below 256
    every, more act again at every how-manieth pause, so many times
    other       0 or 1: which of the two it is
    """
    kind, process, arguments = operation
    packed = sum(value << 8 * i for i, value in enumerate((kind, process, *arguments)))
    values = dict(zip(("interference", "pauses_left", "pause_every", "pauses_more"),
                      (packed, number, every, more), strict=True))
    return {f"world.{name}{OTHERS[other]}": value for name, value in values.items()}


def free(read: Callable[[str], int], number: int) -> int:
    """Which of the two has nothing to do, for one more that acts at this pause from here.

    read   gives a world's word at a path
    raises BadInput   another one acts at that pause, or both have not acted yet
    """
    left = [read(f"world.pauses_left{which}") for which in OTHERS]
    if number in left:
        raise BadInput(f"another actor acts at pause {number} from here already: say another one, "
                       "as two cannot act at once")
    if 0 not in left:
        raise BadInput(f"two others have not acted yet, at pauses {left[0]} and {left[1]} from "
                       "here: a third cannot")
    return left.index(0)
