# SPDX-License-Identifier: GPL-2.0-only
"""Fields of a world as a scenario names them."""

import contextlib
import re
from functools import cache

from ..errors import BadInput
from ..report.paths import Map
from ..world import World
from .words import Unmeant


@cache
def sequence_map() -> Map:
    """Where fields lie in a world of operations."""
    return World.block()[1]


def path_of(text: str, files: list[str], where: Map | None = None) -> str:
    """A field's path with the names of files and processes put in: f.nrpages, p0.total_vm.

    raises Unmeant   there is no such field
    """
    where = where or sequence_map()
    first, _, rest = text.partition(".")
    paths = [text]
    if first in files:
        paths = [f"{array}[{files.index(first)}].{rest}" for array in ("mapping", "inode")]
    elif re.fullmatch(r"p[0-2]", first):
        paths = [f"mm[{first[1]}].{rest}"]
    for path in paths:
        with contextlib.suppress(BadInput):
            where.read(bytes(where.bytes), path)
            return path
    raise Unmeant(f"found {text}, and no field of a world is called so: see "
                  "cref/machine/layout.def")


def lock_of(text: str, files: list[str], where: Map | None = None) -> str:
    """As path_of, of a lock; raises Unmeant if it is none."""
    return path_of(f"{text}.held", files, where).removesuffix(".held")
