# SPDX-License-Identifier: GPL-2.0-only
"""A world stepped twice, by half C and by half P, that must not come apart."""

from collections.abc import Callable, Iterator
from typing import Any

from pykmm.actors import File, Process
from pykmm.engine import core
from pykmm.world import World

_OBJECTS = World, File, Process


class BothHalves:
    """A World, a File or a Process of it, and its twin: whatever one does is done to both.

    Results are compared, and after each call the whole states; so a test can be written
    as if there were one world.
    """

    def __init__(self, c: Any, p: Any):
        self.__dict__.update(_c=c, _p=p)

    def __getattr__(self, name: str) -> Any:
        c, p = getattr(self._c, name), getattr(self._p, name)
        if not callable(c):
            return _same(c, p)

        def call(*arguments: Any, **named: Any) -> Any:
            result = _same(c(*_of(0, arguments), **_of(0, named)),
                           p(*_of(1, arguments), **_of(1, named)))
            one, other = (twin if isinstance(twin, World) else twin.world
                          for twin in (self._c, self._p))
            assert one.ended == other.ended
            assert one.image == other.image, one.diff(other)
            return result
        return call

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._c, name, value)
        setattr(self._p, name, value)

    def __getitem__(self, path: str) -> int:
        return _same(self._c[path], self._p[path])

    def __setitem__(self, path: str, value: int) -> None:
        self._c[path] = self._p[path] = value

    def __str__(self) -> str:
        return str(self._c)


def _same(c: Any, p: Any) -> Any:
    if isinstance(c, _OBJECTS):
        return BothHalves(c, p)
    if isinstance(c, list):
        return [_same(*pair) for pair in zip(c, p, strict=True)]
    assert c == p
    return c


def _of(twin: int, arguments: Any) -> Any:
    if isinstance(arguments, dict):
        return {name: _of(twin, value) for name, value in arguments.items()}
    if isinstance(arguments, tuple):
        return tuple(_of(twin, value) for value in arguments)
    return (arguments._c, arguments._p)[twin] if isinstance(arguments, BothHalves) else arguments


def word_of(operation: str, actor: int, *arguments: int) -> int:
    """An operation as world.interference holds it."""
    kind = [name for name, _ in core.OPERATIONS].index(operation)
    return int.from_bytes(bytes([kind, actor, *arguments]), "little")


def each_pause(world: Any, call: Callable[[Any], Any], operation: str, actor: int,
               *arguments: int) -> Iterator[Any]:
    """Copies of a world after a call in which, each time at another pause, an operation happened.

    Where it would have had to wait for a lock, it did not happen, and there is no copy.
    """
    for pause in range(1, 100):
        copy = world.copy()
        copy["world.interference"] = word_of(operation, actor, *arguments)
        copy["world.pauses_left"] = pause
        call(copy)
        if copy["world.pauses_left"]:
            return      # there are fewer pauses
        if copy["world.interfered"]:
            copy["world.interfered"] = 0
            yield copy
    raise AssertionError("a call with a hundred pauses")


def dirty(world: Any, page: int = 0) -> tuple[int, int, int]:
    """PG_dirty of a page, tag DIRTY of the first page of file 0, nr_dirty."""
    return (world[f"page[{page}].flags.dirty"], world["mapping[0].slot[0].index_and_tags"] & 1,
            world["world.page_state.nr_dirty"])


def vma_at(world: Any, address: int, mm: int = 0) -> str:
    """Path of the vma of a process that an address is in."""
    for i in range(world["world.size.vmas"]):
        vma = f"vma[{i}]"
        if world[f"{vma}.vm_start"] <= address < world[f"{vma}.vm_end"] and \
                world[f"{vma}.vm_mm"] == world[f"task[{mm}].mm"]:
            return vma
    raise AssertionError(f"no vma at {address:#x}")
