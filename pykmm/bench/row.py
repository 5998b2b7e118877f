# SPDX-License-Identifier: GPL-2.0-only
"""What is measured: a row is a named situation of a function, or a life cycle of operations."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..engine import core

AFTER, BEFORE = 0x7F, 0     # units on: the patched kernel, and the one before the patch


@dataclass(frozen=True)
class Call:
    """One call of a patched function, as struct kmm_call has it: addresses lie in the block."""

    function: str
    arguments: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One operation of a process or of the machine (machine/operation.c)."""

    name: str
    actor: int
    arguments: tuple[int, ...] = ()


@dataclass(frozen=True)
class Start:
    """A world in its block, and what is done from there.

    runner : core.Runner   its block; what the arguments of calls point into
    image : bytes          state of the world before the first step
    steps : tuple          what one measurement does, in order; a hot path has one
    """

    runner: core.Runner
    image: bytes
    steps: tuple[Call | Operation, ...]


@dataclass(frozen=True)
class Row:
    """A situation by its name.

    name : str                     function first, unique: "do_wp_page/shared, reused"
    function : str                 of the kernel, or "life cycle"
    make : (units) -> Start        a world as a kernel with these units makes it: AFTER or BEFORE
    has_before : bool              whether the kernel before the patch has such a path
    size : int                     mappings, ptes, pages: what the row has so many of; 1 for most
    """

    name: str
    function: str
    make: Callable[[int], Start]
    has_before: bool = True
    size: int = 1
