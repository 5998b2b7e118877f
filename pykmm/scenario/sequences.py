# SPDX-License-Identifier: GPL-2.0-only
"""Drawn sequences: the story that one tells, and a number for what the story leaves open.

Each choice picks a row of some table of the engine, and rows that read the same
are numbered; all those numbers, one after the other, are the digits of `spare`.
What a row reads as is asked of the engine itself, so that no second copy of its
tables is here.
"""

from collections.abc import Callable, Iterator
from functools import cache

from ..engine import core
from ..report import world as rendering
from ..world import World
from . import build, operations
from .build import LIMITS
from .model import ALL_UNITS
from .words import ANYWHERE, Unmeant

_SEQUENCE = {name: (offset, count, limit) for name, offset, count, limit in core.SEQUENCE_CHOICES}
_ARGUMENTS = 6
_FORCED = 2             # the operations that are mmaps by process 0, whatever is drawn
FILES = ("f0", "f1", "f2")
_OTHERS = ("pause", "second")   # choices of both actors that may act at pauses


# What the engine makes of a choice.

@cache
def _world_of(name: str, index: int, value: int, first: int = 0) -> rendering.Words:
    """The world of the sequence in which this choice has this value, and those that it needs.

    first : int    pause_at: a second actor begins at another pause than the first
    """
    case = bytearray(core.SEQUENCE_BYTES)
    needs = {"fail_at": {"fail": 0}, "pause_": {"pause": 1},
             "second": {"pause": 1, "second": 1, "pause_at": first}}
    case[_SEQUENCE["fail"][0]] = 1
    case[_SEQUENCE["congested"][0]] = 3
    case[_SEQUENCE["many_buffers"][0]] = 1
    for start, needed in needs.items():
        if name.startswith(start):
            for choice, what in needed.items():
                case[_SEQUENCE[choice][0]] = what
    case[_SEQUENCE[name][0] + index] = value
    runner, where = World.block()
    runner.build(bytes(case))
    return rendering.Words(where, runner.image())


def _memory(words: rendering.Words) -> int:
    return sum(not words[f"page[{i}].flags"] >> 10 & 1 for i in range(words.pages - 1))


def _limits(words: rendering.Words) -> tuple[int, ...]:
    return tuple(words[path if path.startswith("world.") else f"task[0].{path}"]
                 for _, path, _ in LIMITS.values()
                 if path and path != "world.buffer_heads_over_limit")


# choice of a file -> what is read of it
OF_FILE: dict[str, Callable[[rendering.Words, str], int]] = {
    "inode_kind": lambda words, i: words[f"inode[{i}].i_kind"],
    "inode_blocks": lambda words, i: words[f"inode[{i}].i_blkbits"],
    "inode_holes": lambda words, i: words[f"inode[{i}].i_mapped"] % (1 << 64),
    "inode_size": lambda words, i: words[f"inode[{i}].i_size"],
    # hugetlbfs sets a flag of its own
    "inode_flags": lambda words, i: words[f"inode[{i}].i_flags"] & sum(build.INODE_FLAGS.values()),
}
OF_WORLD: dict[str, Callable[[rendering.Words], object]] = {
    "memory": _memory,
    "limits": _limits,
    "many_buffers": lambda words: words["world.buffer_heads_over_limit"],
    "clock": lambda words: words["world.clock_stands"],
    "congested": lambda words: next((i for i in range(3) if words[f"bdi[{i}].congested"]), None),
    "fail_at": lambda words: words["world.fail_in"],
}
for _which, _name in enumerate(_OTHERS):
    _of = f"[{_which}]" if _which else ""
    OF_WORLD.update({
        f"{_name}_at": lambda words, of=_of: (words[f"world.pauses_left{of}"],
                                              words[f"world.pause_every{of}"]),
        f"{_name}_kind": lambda words, of=_of: words[f"world.interference{of}"] & 0xFF,
        f"{_name}_actor": lambda words, of=_of: words[f"world.interference{of}"] >> 8 & 0xFF,
    })


@cache
def _reads(name: str, index: int, value: int, first: int = 0) -> object:
    """What one value of a choice of the world reads as; first: as for _world_of."""
    words = _world_of(name, index, value, first)
    if name in OF_FILE:
        return OF_FILE[name](words, str(index))
    return OF_WORLD[name](words)


def usual(name: str) -> object:
    """What the first row of a choice of the world reads as, but for those that do harm."""
    return _reads(name, 0, {"many_buffers": 1, "congested": 3}.get(name, 0))


@cache
def _kind_row(row: int) -> tuple[str, ...]:
    """The operation of a row of the table of kinds."""
    return _operation(row, 0, bytes(_ARGUMENTS))[0]


@cache
def _row_of(name: str) -> int:
    return next(row for row in range(_SEQUENCE["kind"][2]) if _kind_row(row) == name)


@cache
def _first_row(left: int) -> int:
    """A row of pause_at by which the first actor begins at this pause; 0: there is none."""
    rows = range(_SEQUENCE["pause_at"][2])
    return next((row for row in rows if _reads("pause_at", 0, row)[0] == left), 0)


def _operation(row: int, actor: int, arguments: bytes) -> tuple[str, int, tuple[int, ...]]:
    """The third operation of a sequence, which is the first that its choices choose."""
    case = bytearray(core.SEQUENCE_BYTES)
    case[_SEQUENCE["operations"][0]] = _FORCED
    case[_SEQUENCE["kind"][0] + _FORCED] = row
    case[_SEQUENCE["actor"][0] + _FORCED] = actor
    at = _SEQUENCE["argument"][0] + _ARGUMENTS * _FORCED
    case[at:at + _ARGUMENTS] = arguments
    return core.operations_of(bytes(case))[_FORCED]


@cache
def _actor_row(row: int) -> int:
    return _operation(0, row, bytes(_ARGUMENTS))[1]


@cache
def _argument_row(name: str, number: int, row: int) -> int:
    """What a row stands for as an argument of an operation."""
    rows = bytes(row if i == number else 0 for i in range(_ARGUMENTS))
    return _operation(_row_of(name), 0, rows)[2][number]


# A sequence as the engine and as a person see it.

class Story:
    """What the text of a sequence says: everything but which row of equal ones was drawn.

    world : dict       choice -> what it reads as; of files, a list by file
    acts : list        (operation, process, arguments)
    fail : int | None
    pauses : list      at most two: (pauses_left, pause_every, (operation, process, arguments))
    """

    def __init__(self, units: int):
        self.units = units
        self.world: dict[str, object] = {}
        self.acts: list[tuple[str, int, tuple[int, ...]]] = []
        self.fail: int | None = None
        self.pauses: list[tuple[int, int, tuple[str, int, tuple[int, ...]]]] = []

    @property
    def more(self) -> int:
        """How often each of those at pauses acts again: as often together as one alone."""
        return _world_of("second", 0, int(len(self.pauses) > 1))["world.pauses_more"]


def story_of(case: bytes) -> Story:
    """What a sequence says."""
    def choice(name: str, index: int = 0) -> int:
        return case[_SEQUENCE[name][0] + index]

    story = Story(choice("units") & ALL_UNITS)
    for name in OF_FILE:
        story.world[name] = [_reads(name, i, choice(name, i)) for i in range(len(FILES))]
    for name in ("memory", "limits", "many_buffers", "congested", "clock"):
        story.world[name] = _reads(name, 0, choice(name))
    story.acts = core.operations_of(case)
    if choice("fail") == 0:
        story.fail = _reads("fail_at", 0, choice("fail_at"))
    for other in _OTHERS:
        if not choice(other):
            break
        name = core.OPERATIONS[_reads(f"{other}_kind", 0, choice(f"{other}_kind"))][0]
        arguments = tuple(_argument_row(name, i, choice(f"{other}_argument", i))
                          for i in range(len(operations.ARGUMENTS[name])))
        first = _first_row(_reads("pause_at", 0, choice("pause_at"))[0])
        left, every = _reads(f"{other}_at", 0, choice(f"{other}_at"), first)
        actor = _reads(f"{other}_actor", 0, choice(f"{other}_actor"))
        story.pauses.append((left, every, (name, actor, arguments)))
    return story


def _rows(limit: int, same: Callable[[int], bool]) -> list[int]:
    return [value for value in range(limit) if same(value)]


def _argument_is_open(name: str, number: int, arguments: tuple[int, ...]) -> bool:
    """Is this argument not looked at?  A place of mmap is not, where the kernel chooses."""
    return number >= len(arguments) or (
        name == "mmap" and number == 1 and bool(arguments[4] & ANYWHERE))


def _options(story: Story) -> Iterator[tuple[int, list[int]]]:
    """(place in the case, values that read as the story says) of every choice, those of what
    there is first: what is left open altogether comes last, and is mostly 0 by hand."""
    closed, open_ = [], []
    for name, (offset, count, limit) in _SEQUENCE.items():
        for index in range(count):
            rows = _choice_rows(story, name, index, limit)
            (open_ if len(rows) == limit else closed).append((offset + index, rows))
    yield from (*closed, *open_)


def _choice_rows(story: Story, name: str, index: int, limit: int) -> list[int]:
    """Values of a choice that read as the story says."""
    everything = list(range(limit))
    if name == "units":
        return [story.units, story.units | 0x80]
    if name == "operations":
        return [len(story.acts) - 1]
    if name in ("kind", "actor", "argument"):
        return _act_rows(story, name, index, limit)
    if name == "fail":
        return _rows(limit, lambda value: (value == 0) == (story.fail is not None))
    if name == "fail_at":
        return everything if story.fail is None else _same(name, index, limit, story.fail)
    other, _, what = name.partition("_")
    if other in _OTHERS:
        return _pause_rows(story, _OTHERS.index(other), what, index, limit)
    wanted = story.world[name][index] if name in OF_FILE else story.world[name]
    return _same(name, index, limit, wanted)


def _same(name: str, index: int, limit: int, wanted: object) -> list[int]:
    return _rows(limit, lambda value: _reads(name, index, value) == wanted)


def _act_rows(story: Story, name: str, index: int, limit: int) -> list[int]:
    number = index // _ARGUMENTS if name == "argument" else index
    if number >= len(story.acts):
        return list(range(limit))
    kind, actor, arguments = story.acts[number]
    if name == "argument":
        at = index % _ARGUMENTS
        if _argument_is_open(kind, at, arguments):
            return list(range(limit))
        return _rows(limit, lambda row: _argument_row(kind, at, row) == arguments[at])
    if number < _FORCED:
        return list(range(limit)) if (kind, actor) == ("mmap", 0) else []
    if name == "kind":
        return _rows(limit, lambda row: _kind_row(row) == kind)
    return _rows(limit, lambda row: _actor_row(row) == actor)


def _pause_rows(story: Story, other: int, what: str, index: int, limit: int) -> list[int]:
    """The same of a choice of one of those that act at pauses; what: "": does it?"""
    name, there = _OTHERS[other], len(story.pauses)
    if other > there or (what and other == there):
        return list(range(limit))
    if not what:
        return [int(other < there)]
    left, every, (kind, actor, arguments) = story.pauses[other]
    if what == "at":
        first = _first_row(story.pauses[0][0])
        return _rows(limit, lambda value: _reads(f"{name}_at", 0, value, first) == (left, every))
    if what in ("kind", "actor"):
        wanted = operations.kind_number(kind) if what == "kind" else actor
        return _same(f"{name}_{what}", index, limit, wanted)
    if _argument_is_open(kind, index, arguments):
        return list(range(limit))
    return _rows(limit, lambda row: _argument_row(kind, index, row) == arguments[index])


def spare_of(case: bytes, story: Story) -> int:
    """The number of a case among those of the same story."""
    spare, unit = 0, 1
    for at, rows in _options(story):
        spare += unit * rows.index(case[at])
        unit *= len(rows)
    return spare


def case_of(story: Story, spare: int) -> bytes:
    """The case of this number; raises Unmeant if no sequence tells this story."""
    case = bytearray(core.SEQUENCE_BYTES)
    for at, rows in _options(story):
        if not rows:
            raise Unmeant(f"no drawn sequence has this {_choice_at(at)}: leave `case sequence` "
                          "out, and it is a story")
        spare, digit = divmod(spare, len(rows))
        case[at] = rows[digit]
    if spare:
        raise Unmeant("spare is too large: it is not of this story")
    return bytes(case)


def _choice_at(at: int) -> str:
    for name, (offset, count, _) in _SEQUENCE.items():
        if offset <= at < offset + count:
            number = at - offset
            if name in ("kind", "actor", "argument"):
                operation = number // _ARGUMENTS if name == "argument" else number
                return f"{name} of operation #{operation}"
            return f"{name} of f{number}" if count == len(FILES) else name
    return "choice"
