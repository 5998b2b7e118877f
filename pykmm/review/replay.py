# SPDX-License-Identifier: GPL-2.0-only
"""A run that was found, once more: what each operation did, and the same with steps undone.

A step is undone where it was taken: what one call of a function of the patch did, when that call
returns and before the kernel goes on (engine.undo); what the machine did, at the end of the operation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from ..engine import core, halves
from ..engine.scope import Action, Pauses, Scope
from ..engine.undo import Undoing
from ..report.paths import Map
from ..pauses import WORDS
from ..report.world import FIRST_FRAME
from ..scenario.explored import arm, there, world_of
from ..world import World

# present: one of two bits, the second without any access
PTE_PRESENT, PTE_RW, PTE_D = 0x01 | 0x80, 0x02, 0x40
PAGE = 4096
_EVENTS = [(name, (*arguments, *result.split())) for name, arguments, result, _ in core.EVENTS]


@dataclass(frozen=True)
class Event:
    """One event; at: the first of its words in the trace of its operation."""

    name: str
    values: dict[str, int]
    at: int

    def __getitem__(self, what: str) -> int:
        return self.values[what]


@dataclass(frozen=True)
class Call:
    """A call that the machine made of a function of the patch; its events lie in start..end."""

    number: int
    function: str
    page: int
    start: int
    end: int

    def made(self, event: Event) -> bool:
        return self.start <= event.at < self.end


@dataclass(frozen=True)
class Undo:
    """What is done to a run so that it is as if a step had not been taken.

    operation : int      its number, from 0
    call : int | None    of the calls of Moment.calls, when that returns; None: when the operation is
                         over
    what : str           pte: bits of the word `value` into the pte at `target`, an address (a call's);
                         page: set_page_dirty of the page at `target`, an address (a call's) or its
                         number; zap: what vma `target` maps at the address `value`; or a path of a
                         world, to which `value` is added
    """

    operation: int
    call: int | None
    what: str
    target: int = 0
    value: int = 0


class State:
    """The words of an image by their paths, without a sign; each is read when it is asked for."""

    def __init__(self, where: Map, image: bytes):
        self.where, self.image = where, image

    def __getitem__(self, path: str) -> int:
        return self.where.read(self.image, path)

    def get(self, path: str) -> int:
        """0 where there is no such word, as in a place without a page table."""
        return self[path] if self.where.has(path) else 0

    def count(self, array: str) -> int:
        return self.where.arrays[array][3]

    def number(self, array: str, path: str) -> int | None:
        """Which element of an array the pointer at a path leads to; None: of none."""
        _, start, stride, count = self.where.arrays[array]
        number, rest = divmod(self[path] - self.where.base - start, stride)
        return number if not rest and 0 <= number < count else None


@dataclass(frozen=True, eq=False)
class Moment:
    """One operation of a run: the state before and after it, and what happened.

    outcome : str   returned, or how the kernel ended (core.OUTCOMES)
    """

    number: int
    action: Action
    where: Map
    before_image: bytes
    after_image: bytes
    outcome: str
    value: int
    events: tuple[Event, ...]
    calls: tuple[Call, ...]

    @cached_property
    def before(self) -> State:
        return State(self.where, self.before_image)

    @cached_property
    def after(self) -> State:
        return State(self.where, self.after_image)

    def element(self, array: str, address: int) -> int:
        """The number of what lies at an address."""
        _, start, stride, _ = self.where.arrays[array]
        return (address - self.where.base - start) // stride

    def address(self, array: str, number: int) -> int:
        _, start, stride, _ = self.where.arrays[array]
        return self.where.base + start + number * stride

    def call_of(self, event: Event) -> Call | None:
        """The innermost call that an event is of."""
        return next((call for call in reversed(self.calls) if call.made(event)), None)


@dataclass(frozen=True)
class Found:
    """What was found: a run that breaks a property, one that ends, or one that leaves less on disk.

    scope : Scope   where; its units are those of the kernel that runs
    what : str      property, outcome, or rest: when all have gone and all is written
    name : str      the property; BUG, oops...; of rest "before": the kernel whose disk has newer stores
    """

    scope: Scope
    actions: tuple[Action, ...]
    what: str
    name: str


def page_of(word: int) -> int:
    """The page that a present pte maps."""
    return word // PAGE - FIRST_FRAME


class Replay:
    """A run by a half, operation by operation.

    moments : tuple   one an operation, up to the one that did not return
    broken : bool     what was found is so at the end
    """

    def __init__(self, half: core.Half, found: Found, undo: tuple[Undo, ...] = ()):
        self.half, self.found, self.undo = half, found, undo
        scope = found.scope
        self.world = _start(scope).copy()
        self.world.half = half
        self.moments = tuple(self._moments())
        self.broken = self._broken()

    def _broken(self) -> bool:
        if self.found.what == "outcome":
            return bool(self.moments) and self.moments[-1].outcome == self.found.name
        if self.world.ended:
            return False
        if self.found.what == "rest":
            return _is_older(_at_rest(self.world, self.found.scope), _at_rest_of_other(self.found))
        return bool(self.world.broken(self.found.name))

    def _moments(self) -> Iterator[Moment]:
        for number, action in enumerate(self.found.actions):
            yield self._operation(number, action)
            if self.world.ended:
                return

    def _operation(self, number: int, action: Action) -> Moment:
        world = self.world
        operation, fail, pauses = action
        runner, where = World.block()
        mine = [one for one in self.undo if one.operation == number]
        at_calls = [one for one in mine if one.call is not None]
        undoing = Undoing(self.half, [
            (one.call, one.what, one.target, one.value) for one in at_calls])
        _arm(world, fail, pauses, self.found.scope)
        before = world.image
        world.half = undoing.half
        name, actor, arguments = there(operation, self.found.scope)
        value = world._do(name, actor, *arguments)
        world.half = self.half
        _disarm(world)
        words, _, _ = world._steps[-1]
        for one in mine:
            if one.call is None:
                self._put_right(one)
        return Moment(number, action, where, before, world.image,
                      "returned" if not world.ended else str(value), int(value),
                      tuple(_events(words)),
                      tuple(Call(i, *call) for i, call in enumerate(undoing.calls)))

    def _put_right(self, one: Undo) -> None:
        if self.world.ended:
            return
        _, where = World.block()
        if one.what == "page":
            self._primitive("set_page_dirty", where.address(f"page[{one.target}]"))
        elif one.what == "zap":
            self._primitive("zap_page_range", where.address(f"vma[{one.target}]"), one.value,
                            one.value + PAGE)
        else:
            self.world[one.what] = self.world[one.what] + one.value

    def _primitive(self, name: str, *arguments: int) -> None:
        runner, _ = World.block()
        runner.restore(self.world.image)
        runner.use(self.half)
        runner.primitive(name, *arguments)
        runner.forget_trace()
        self.world._image = runner.image()


def _at_rest(world: World, scope: Scope) -> list[int]:
    """The disks when all processes have gone and all is written: twice, as what ends may leave
    something to be written."""
    world = world.copy()
    for process in world.processes:
        process.exit()
    for _ in range(2):
        for file in world.files:
            world.commit(file)
        world.sync()
        world.complete()
    return [version for file in world.files for version in file.disk]


@lru_cache(maxsize=8)
def _at_rest_of_other(found: Found) -> list[int]:
    """Of the kernel without the patch, by the same operations."""
    plain = Found(replace(found.scope, units=0), found.actions, "outcome", "")
    return _at_rest(Replay(halves.c_half(), plain).world, plain.scope)


def _is_older(disk: list[int], other: list[int]) -> bool:
    return any(mine < its for mine, its in zip(disk, other, strict=True))


@lru_cache(maxsize=8)
def _start(scope: Scope) -> World:
    """The start of a scope, from which copies go on."""
    world = world_of(scope, scope.units)
    for (name, actor, arguments), _, _ in scope.first():
        world._do(name, actor, *arguments)
    return world


def _arm(world: World, fail: int, pauses: Pauses, scope: Scope) -> None:
    """Let the next operation meet a failing allocation and other actors.  What is said of one run is
    forgotten: the explorer looks at it after each operation."""
    for field in ("order_fault", "sleep_fault", "store_faults"):
        world[f"world.{field}"] = 0
    arm(world, fail, tuple((number, there(other, scope)) for number, other in pauses))


def _disarm(world: World) -> None:
    for path in (*WORDS, "world.fail_in", "world.interfered"):
        world[path] = 0


def _events(words: list[int]) -> Iterator[Event]:
    at = 0
    while at < len(words):
        name, arguments = _EVENTS[words[at] & 0xFFFF]
        count = words[at] >> 16
        yield Event(name, dict(zip(arguments, words[at + 1:at + 1 + count], strict=True)), at)
        at += 1 + count
