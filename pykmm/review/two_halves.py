# SPDX-License-Identifier: GPL-2.0-only
"""Two halves that each go on from their own world: what each operation gives by both, and leaves.

What a user sees is searched for by the engine (cref/engine/explore/beside.h); here a run that was
found is done again, to be told.
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import pauses
from ..engine import core, finding
from ..engine.scope import Action, Scope
from ..report import operations as texts
from ..report.paths import SECTORS
from ..scenario import build
from ..scenario.block import Block
from ..scenario.explored import world_of
from ..scenario.sequences import FILES
from ..world import World


@dataclass(frozen=True)
class Did:
    """What an operation gave: how it ended, its value, the state that it left.

    took_place : bool   what its action names by number did: the pause was reached and the other
                        actor not refused, the allocation was asked for and failed
    """

    outcome: str
    value: int
    image: bytes
    took_place: bool = True

    def said(self, name: str) -> str:
        if self.outcome != "returned":
            return self.outcome
        failed = texts.error_name(self.value)
        if failed:
            return f"-{failed}" if failed.startswith("E") else failed
        return (f"{self.value:#x}" if name in ("mmap", "brk") else str(self.value))


class TwoHalves:
    """Two halves, and the start of a scope in the block of scenarios.

    names : (str, str)   what both are called in sentences
    """

    def __init__(self, loaded: list[core.Half], scope: Scope, names: tuple[str, str]):
        self.halves, self.scope, self.names = loaded, scope, names
        world = world_of(scope, scope.units & 0x7F)
        world["world.units"] = scope.units
        self.runner, self.where = World.block()
        self.block = Block(world.image)
        self.start = world.image
        for action in scope.first():
            self.start = self.do(0, self.start, action).image

    def do(self, half: int, image: bytes, action: Action) -> Did:
        """One operation by half 0 or 1."""
        (name, actor, arguments), fail, others = action
        if fail or others:
            image = self._armed(image, action)
        self.runner.restore(image)
        self.runner.forget_trace()
        outcome, value, _ = self.runner.operate(self.halves[half], name, actor, *arguments)
        self.runner.forget_trace()
        image, took_place = self.runner.image(), True
        if fail or others:
            took_place = not (fail and self.where.read(image, "world.fail_in")) and \
                self.where.read(image, "world.interfered") == (1 << len(others)) - 1
            image = self._disarmed(image)
        return Did(outcome, value, image, took_place)

    def _armed(self, image: bytes, action: Action) -> bytes:
        _, fail, others = action
        self.block.image = image
        if fail:
            self.block.write("world.fail_in", fail)
        for number, (name, actor, arguments) in others:
            kind = [kind for kind, _ in core.OPERATIONS].index(name)
            build.set_pause(self.block, number, (kind, actor, arguments), 1, 0)
        return self.block.image

    def _disarmed(self, image: bytes) -> bytes:
        for path in ("world.fail_in", "world.interfered", *pauses.WORDS):
            image = self.where.write(image, path, 0)
        return image

    def events(self, half: int, image: bytes, action: Action,
               mail: finding.MailLines) -> list[dict]:
        """Events of an operation, as finding.events_of gives them."""
        self.runner.restore(self._armed(image, action))
        self.runner.forget_trace()
        (name, actor, arguments), _, _ = action
        self.runner.operate(self.halves[half], name, actor, *arguments)
        words, places = self.runner.trace()
        self.runner.forget_trace()
        return finding.events_of(words, places, self.halves[half], self.where, mail)

    def both(self, images: tuple[bytes, bytes], action: Action) -> tuple[Did, Did]:
        """One operation by both.  Versions of what is stored are numbered alike."""
        version = max(self.where.read(image, "world.version") for image in images)
        first, other = (self.where.write(image, "world.version", version) for image in images)
        return self.do(0, first, action), self.do(1, other, action)

    def replay(self, actions: list[Action]) -> list[tuple[Did, Did]]:
        """Both from the start, one after the other, until one of them ends."""
        images, done = (self.start, self.start), []
        for action in actions:
            done.append(self.both(images, action))
            images = done[-1][0].image, done[-1][1].image
            if any(one.outcome != "returned" for one in done[-1]):
                break
        return done

    def how(self, what: str, done: tuple[Did, Did], action: Action) -> str:
        """In a sentence what a user sees after a run.

        what : str   of explorer.SEEN
        """
        (name, _, _), (a, b) = action[0], done
        if what in ("result", "outcome"):
            return (f"{name} gives {a.said(name)} by {self.names[0]}, {b.said(name)} by "
                    f"{self.names[1]}")
        when = "fsync has returned 0" if what == "synced" else \
            "all processes have left and nothing is to be written"
        disks = [self.disks(one.image) for one in done]
        files = [FILES[i] for i in range(len(self.scope.kinds)) if disks[0][i] != disks[1][i]]
        return f"{when}, and the disk of {' and '.join(files)} is not the same"

    def disks(self, image: bytes) -> list[bytes]:
        """What the disk holds of each file."""
        slots = self.where.arrays["slot"][3] // self.where.arrays["mapping"][3]
        firsts = [self.where.place(f"inode[{i}].disk[0]").offset
                  for i in range(len(self.scope.kinds))]
        return [image[first:first + 2 * SECTORS * slots] for first in firsts]
