# SPDX-License-Identifier: GPL-2.0-only
"""Two halves that each go on from their own world: after which operation does a user see it?

What a user sees: how operations end and what they give, what is read, and what a disk holds
once everything was synced, with processes still there or after they have left.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass

from .. import pauses
from ..engine import core, finding
from ..engine.explorer import Canonical
from ..engine.scope import Action, Scope
from ..report import operations as texts
from ..report.paths import SECTORS
from ..scenario import build
from ..scenario.block import Block
from ..scenario.explored import world_of
from ..scenario.sequences import FILES
from ..world import World

# whose answer is the user's; of the others, as of reclaim, nobody is told
_ANSWERED = {"open", "close", "mmap", "munmap", "brk", "mprotect", "msync", "remap_file_pages",
             "fork", "exit", "load", "store", "poke", "pin", "write", "fsync", "truncate"}
_PROCESSES = 3
_SWAP = 4
_NAMED = 0xFFFF     # this version, and 0, are what they are in every world
_LOOK_EVERY = 64
# who ran last, and numbers that only grow
_OF_THE_RUN = (("current_task", 8), ("version", 4))
_NOBODY = (-errno.ESRCH, -errno.ENOENT)      # there was nobody to leave, nothing to end

SYNCED, LEFT = "once everything is synced", "once everybody has left and everything is synced"


@dataclass(frozen=True)
class Did:
    """What an operation gave: how it ended, its value, the state that it left."""

    outcome: str
    value: int
    image: bytes

    def said(self, name: str) -> str:
        if self.outcome != "returned":
            return self.outcome
        failed = texts.error_name(self.value)
        if failed:
            return f"-{failed}" if failed.startswith("E") else failed
        return (f"{self.value:#x}" if name in ("mmap", "brk") else str(self.value))


@dataclass(frozen=True)
class Seen:
    """What a user sees to be different.

    how : str        in a sentence
    after : tuple    operations that show it, beside those that led there
    """

    how: str
    after: tuple[Action, ...] = ()


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
        self.form = Canonical(self.runner, vma_slots=True)
        self._disks = [self._disk_of(i) for i in range(len(scope.kinds))]
        self._contents, self._rest_of_image = self._slices()
        self._rests = {SYNCED: self._rest([]),
                       LEFT: self._rest([("exit", i, ()) for i in range(_PROCESSES)])}

    def _rest(self, first: list) -> tuple[Action, ...]:
        """What brings the disks to rest: writes that are under way end, and well."""
        ends = [("complete", 0, (page, 1)) for page in range(self.scope.pages)]
        journals = [("commit", 0, (i,)) for i, kind in enumerate(self.scope.kinds)
                    if kind == "ext3"]
        again: list = [*journals, ("sync", 0, ()), *ends] if journals else []
        return tuple((operation, 0, ())
                     for operation in (*first, ("sync", 0, ()), *ends, *again))

    def _disk_of(self, file: int) -> tuple[int, int, int]:
        """(where its sectors begin, where they end, where its size is), as offsets."""
        first = self.where.place(f"inode[{file}].disk[0]").offset
        slots = self.where.arrays["slot"][3] // self.where.arrays["mapping"][3]
        return first, first + 2 * SECTORS * slots, self.where.place(f"inode[{file}].i_size").offset

    def _slices(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Where versions of contents are, and where is what is neither these nor of properties."""
        def place(path: str) -> int:
            return self.where.place(path).offset

        contents = [(place(f"page[{i}].contents[0]"), place(f"page[{i}].io"))
                    for i in range(self.scope.pages)]
        contents += [(place(f"swap[{i}].contents[0]"),
                      place(f"swap[{i}].contents[0]") + 2 * SECTORS) for i in range(_SWAP)]
        contents += [(first, end) for first, end, _ in self._disks]
        _, unwritten, stride, count = self.where.arrays["unwritten"]
        skipped = [*contents, (unwritten, unwritten + stride * count),
                   *((place(f"world.{name}"), place(f"world.{name}") + size)
                     for name, size in _OF_THE_RUN)]
        edges = [0, *(edge for part in sorted(skipped) for edge in part), len(self.start)]
        return contents, list(zip(edges[::2], edges[1::2], strict=True))

    def do(self, half: int, image: bytes, action: Action) -> Did:
        """One operation by half 0 or 1."""
        (name, actor, arguments), fail, others = action
        if fail or others:
            image = self._armed(image, action)
        self.runner.restore(image)
        self.runner.forget_trace()
        outcome, value, _ = self.runner.operate(self.halves[half], name, actor, *arguments)
        self.runner.forget_trace()
        image = self.runner.image()
        if fail or others:
            image = self._disarmed(image)
        return Did(outcome, value, image)

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
        return self.do(0, images[0], action), self.do(1, images[1], action)

    def seen(self, done: tuple[Did, Did], action: Action) -> Seen | None:
        """What a user sees after an operation that both did; None: nothing is different to him."""
        (name, _, _), (a, b) = action[0], done
        if a.outcome != b.outcome or (name in _ANSWERED and a.value != b.value and
                                      (name != "pin" or min(a.value, b.value) < 0)):
            return Seen(f"{name} gives {a.said(name)} by {self.names[0]}, {b.said(name)} by "
                        f"{self.names[1]}")
        if a.outcome != "returned" or a.image == b.image:
            return None
        return next((found for when in self._rests if (found := self._at_rest(done, when))), None)

    def _at_rest(self, done: tuple[Did, Did], when: str) -> Seen | None:
        images = (done[0].image, done[1].image)
        shown: list[Action] = []
        for action in self._rests[when]:
            after = self.both(images, action)
            images = after[0].image, after[1].image
            if any(one.value not in _NOBODY for one in after):
                shown.append(action)
            if after[0].outcome != after[1].outcome:
                return Seen(f"{when}, {action[0][0]} ends as {after[0].outcome} by "
                            f"{self.names[0]}, as {after[1].outcome} by {self.names[1]}",
                            tuple(shown))
        for number, (first, end, size) in enumerate(self._disks):
            if any(images[0][a:b] != images[1][a:b] for a, b in ((first, end), (size, size + 8))):
                return Seen(f"{when}, the disk of {FILES[number]} is not the same", tuple(shown))
        return None

    def key(self, images: tuple[bytes, bytes]) -> tuple:
        """Pairs of worlds with one key are the same: no operation tells one from the other.

        Where both are equal, the form of one of them says it.  Where they are not, names that
        pools gave in one mean something in the other, and only versions are renamed.
        """
        if images[0] == images[1]:
            return self.form.hash(images[0])
        numbers: dict[int, int] = {0: 0, _NAMED: _NAMED}
        common = [numbers.setdefault(version, len(numbers)) for image in images
                  for at, end in self._contents
                  for version in memoryview(image[at:end]).cast("H")]
        rest = b"".join(image[at:end] for image in images for at, end in self._rest_of_image)
        return hash(rest), *common

    def replay(self, actions: list[Action]) -> list[tuple[Did, Did]]:
        """Both from the start, one after the other, until one of them ends."""
        images, done = (self.start, self.start), []
        for action in actions:
            done.append(self.both(images, action))
            images = done[-1][0].image, done[-1][1].image
            if any(one.outcome != "returned" for one in done[-1]):
                break
        return done


@dataclass
class Search:
    """What a search for something that a user sees has come to.

    path : list | None   the operations that lead there; None: nothing was seen
    depth : int          operations, within which every pair of worlds was tried
    """

    path: list[Action] | None
    seen: Seen | None
    pairs: int
    transitions: int
    depth: int
    closed: bool


def search(two: TwoHalves, begin: list[Action], *, most: int, seconds: float,
           alive: Callable[[], None]) -> Search:
    """Breadth first from where `begin` leads: the first operation after which a user sees it.

    most : int        operations, those of begin included; no further
    seconds : float   stop after so long
    alive : function  called again and again
    """
    end = time.monotonic() + seconds
    done = two.replay(begin)
    images = (done[-1][0].image, done[-1][1].image) if done else (two.start, two.start)
    pairs = [(images, -1, -1)]
    known = {two.key(images)}
    actions = two.scope.actions()
    at, level_end, depth, transitions = 0, 1, len(begin), 0

    def path_to(number: int) -> list[Action]:
        path: list[Action] = []
        while number > 0:
            _, number, action = pairs[number]
            path.append(actions[action])
        return [*begin, *reversed(path)]

    while depth < most and at < len(pairs):
        images = pairs[at][0]
        for number, action in enumerate(actions):
            transitions += 1
            if not transitions % _LOOK_EVERY:
                alive()
                if time.monotonic() > end:
                    return Search(None, None, len(pairs), transitions, depth, False)
            both = two.both(images, action)
            seen = two.seen(both, action)
            if seen:
                return Search([*path_to(at), action], seen, len(pairs), transitions, depth, False)
            if both[0].outcome != "returned":
                continue
            reached = both[0].image, both[1].image
            if reached == images:
                continue
            key = two.key(reached)
            if key not in known:
                known.add(key)
                pairs.append((reached, at, number))
        at += 1
        if at == level_end:
            depth, level_end = depth + 1, len(pairs)
    return Search(None, None, len(pairs), transitions, depth, at == len(pairs))
