# SPDX-License-Identifier: GPL-2.0-only
"""Where things lie in a process that measures.

Which parts of code and data get in each other's way in a processor's caches and predictors
depends on addresses; so these are not random, but drawn from the number of a layout.  Nothing of
the engine is loaded here, as it has to come after.
"""

import ctypes
import mmap
import os
import random
import sys

ADDR_NO_RANDOMIZE = 0x0040000       # of <linux/personality.h>
MOST_PAGES = 512                    # between two things that are loaded
_AS_IT_IS = 0xFFFFFFFF


def are_fixed() -> bool:
    """Does this process have the same addresses as another one of its kind?"""
    libc = ctypes.CDLL(None)
    return hasattr(libc, "personality") and bool(libc.personality(_AS_IT_IS) & ADDR_NO_RANDOMIZE)


def fix(module: str) -> None:
    """Start this process, which runs that module, again without random addresses, where the system
    lets it."""
    libc = ctypes.CDLL(None)
    if are_fixed() or not hasattr(libc, "personality"):
        return
    libc.personality(libc.personality(_AS_IT_IS) | ADDR_NO_RANDOMIZE)
    if are_fixed():
        os.environ["PYTHONHASHSEED"] = "0"      # orders of sets, and so of allocations
        os.execv(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]])


class Scatter:
    """Leaves a gap of some pages before each of our modules that is loaded; finds none itself."""

    def __init__(self, layout: int):
        self._draw = random.Random(layout)
        self._gaps: list[mmap.mmap] = []

    def find_spec(self, name: str, path=None, target=None) -> None:
        if name.startswith("pykmm."):
            self._gaps.append(mmap.mmap(-1, mmap.PAGESIZE * self._draw.randint(1, MOST_PAGES)))
