# SPDX-License-Identifier: GPL-2.0-only
"""The block that a scenario's worlds lie in: fields by path, primitives, and runs of halves."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from ..engine import core, finding, properties
from ..pauses import OTHERS
from ..report.paths import Map
from ..report.world import Words
from ..world import World
from .steps import silent_steps, steps_reached
from .words import Unmeant

# what a test of "nothing changed" leaves out: who ran last, and where the trace ends
_NO_MATTER = ("world.current_task", "world.trace_at")


@dataclass(frozen=True)
class Ran:
    """What one half did: how it ended, what it gave, its events, the state that it left."""

    outcome: str
    value: int
    fault: int
    words: list[int]
    places: list[int]
    image: bytes


@dataclass
class Moment:
    """What the last operation or call did, as expectations look at it.

    where : Map      names of what is in the images
    events : list    of the first half, as finding.events_of gives them
    gives : str      what the value is: number, address, page
    again : function does the same with another half, for who counts its steps
    """

    where: Map
    before: bytes
    after: bytes
    outcome: str = "returned"
    value: int = 0
    events: list[dict] | None = None
    gives: str = "number"
    again: Callable[[core.Half], object] | None = None

    def words(self) -> Words:
        return _words(self.where, self.after)

    @property
    def steps(self) -> list[str]:
        return [event["step"] for event in self.events or [] if event["step"]]

    def steps_taken(self) -> set[str]:
        """All of them, those that make no event too."""
        silent = steps_reached(self.again) & silent_steps() if self.again else set()
        return silent | set(self.steps)

    def unchanged(self) -> list[str]:
        """Paths of what changed, for those who expect that nothing did."""
        return [path for path, _, _ in self.where.differences(self.before, self.after)
                if path not in _NO_MATTER]


@cache
def _words_of(where: Map, image: bytes) -> Words:
    return Words(where, image)


def _words(where: Map, image: bytes) -> Words:
    if _words_of.cache_info().currsize > 64:
        _words_of.cache_clear()
    return _words_of(where, image)


class Block:
    """The world of a scenario while it is built and run.

    image : bytes    its state now
    """

    def __init__(self, image: bytes):
        self.runner, self.where = World.block()
        self.image = image

    def read(self, path: str) -> int:
        return self.where.read(self.image, path)

    def signed(self, path: str) -> int:
        return self.words()[path]

    def write(self, path: str, value: int) -> None:
        self.image = self.where.write(self.image, path, value)

    def add(self, path: str, more: int) -> None:
        self.write(path, self.read(path) + more)

    def point(self, path: str, to: str) -> None:
        """Let a pointer lead to a thing by its name."""
        self.write(path, self.where.address(to))

    def words(self) -> Words:
        return _words(self.where, self.image)

    def primitive(self, name: str, *arguments: int | str) -> int:
        """Run a primitive of the machine; a str stands for the address of what it names.

        raises Unmeant   it did not return: such a world cannot be
        """
        words = [self.where.address(a) if isinstance(a, str) else a for a in arguments]
        with self.quiet():
            self.runner.restore(self.image)
            outcome, result, _ = self.runner.primitive(name, *words)
            if outcome != "returned":
                said = ", ".join(map(str, arguments))
                raise Unmeant(f"such a world cannot be: {name}({said}) ends as {outcome}")
            self.runner.forget_trace()
            self.image = self.runner.image()
        return result

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """Let no allocation fail and no other actor act: they wait for what the scenario does."""
        trouble = {path: self.read(path) for path in ("world.fail_in", *(
            f"world.pauses_left{which}" for which in OTHERS))}
        for path in trouble:
            self.write(path, 0)
        try:
            yield
        finally:
            for path, value in trouble.items():
                self.write(path, value)

    def use(self, half: core.Half) -> None:
        """The half that primitives call, when they need one."""
        self.runner.use(half)

    def operate(self, half: core.Half, image: bytes, name: str, actor: int,
                arguments: tuple[int, ...]) -> Ran:
        self.runner.restore(image)
        self.runner.forget_trace()
        return self._ran(*self.runner.operate(half, name, actor, *arguments))

    def call(self, half: core.Half, image: bytes, function: str, arguments: dict[str, int]) -> Ran:
        return self._ran(*self.runner.run_on(half, image, function, **arguments))

    def _ran(self, outcome: str, value: int, fault: int) -> Ran:
        words, places = self.runner.trace()
        self.runner.forget_trace()
        return Ran(outcome, value, fault, words, places, self.runner.image())

    def broken(self, image: bytes, mask: int) -> list[str]:
        self.runner.restore(image)
        return properties.names(self.runner.broken(mask))

    def events(self, ran: Ran, half: core.Half, mail: finding.MailLines) -> list[dict]:
        return finding.events_of(ran.words, ran.places, half, self.where, mail)
