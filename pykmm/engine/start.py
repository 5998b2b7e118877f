# SPDX-License-Identifier: GPL-2.0-only
"""Conditions that an exploration can start under, beside the plain start: files with holes, limits.

Each is said twice: as fields of a world, for the explorer, and as a scenario says it, for what is
found.  tests/explore/test_start.py holds them to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

PAGE, SECTOR = 4096, 1024
_SECTORS = PAGE // SECTOR
# kinds that have a disk, and of them those that can have holes
_ON_DISK, _WITH_HOLES = ("ext2", "ext3", "block_device"), ("ext2", "ext3")
_APPEND, _MANDATORY, _SWAPFILE = 4, 8, 32
_READ_IMPLIES_EXEC = 0x400000
_NEVER = 2
_HOLE = (1 << 64) - 2       # of i_mapped: all blocks but the first are on disk


@dataclass(frozen=True)
class Field:
    """A word of the start world: set to `value`, or with more bits set."""

    path: str
    value: int
    more: bool = False


@dataclass(frozen=True)
class FileStart:
    """A file at the start, as conditions see it."""

    number: int
    kind: str
    pages: int
    blocks: int


@dataclass(frozen=True)
class Condition:
    """One condition.

    says : str         what it is, in words
    options : dict     of each file, as a scenario's line has them; size: of a file of so many pages
    limits : dict      as a scenario's line `limit` has them
    of_file, of_task, of_world   the same as fields
    kinds : tuple      of files that it changes; (): of all
    clock_stands       the scenario's line `clock stands`
    """

    says: str
    options: Callable[[FileStart], dict[str, str]] = lambda _: {}
    limits: dict[str, str] = field(default_factory=dict)
    of_file: Callable[[FileStart], Iterator[Field]] = lambda _: iter(())
    of_task: dict[str, int] = field(default_factory=dict)
    of_world: dict[str, int] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    clock_stands: bool = False

    def changes(self, kind: str) -> bool:
        return not self.kinds or kind in self.kinds


def _flag(name: str, bit: int, says: str) -> Condition:
    return Condition(says, lambda _: {"flags": name},
                     of_file=lambda file: iter([Field(f"inode[{file.number}].i_flags", bit, True)]))


def _empty_sectors(file: FileStart, sectors: range) -> Iterator[Field]:
    if file.kind in _ON_DISK:
        for sector in sectors:
            yield Field(f"inode[{file.number}].disk[{sector}]", 0)


def _hole(file: FileStart) -> Iterator[Field]:
    yield Field(f"inode[{file.number}].i_mapped", _HOLE)
    yield from _empty_sectors(file, range(file.blocks // SECTOR))


def _cut(file: FileStart) -> int:
    """The bytes of a file that has one sector of its last page."""
    return PAGE * (file.pages - 1) + SECTOR


def _cut_fields(file: FileStart) -> Iterator[Field]:
    yield Field(f"inode[{file.number}].i_size", _cut(file))
    yield from _empty_sectors(file, range(_cut(file) // SECTOR, _SECTORS * file.pages))


CONDITIONS: dict[str, Condition] = {
    "holes": Condition("the first block of each file is not on disk", lambda _: {"holes": "0"},
                       of_file=_hole, kinds=_WITH_HOLES),
    "cut": Condition("a file ends one sector after the beginning of its last page",
                     lambda file: {"size": str(_cut(file))}, of_file=_cut_fields),
    "read-only": Condition("files are open to be read", lambda _: {"mode": "r"}),
    "write-only": Condition("files are open to be written", lambda _: {"mode": "w"}),
    "append": _flag("append", _APPEND, "files that only grow"),
    "mandatory": _flag("mandatory", _MANDATORY, "files with mandatory locks"),
    "swapfile": _flag("swapfile", _SWAPFILE, "files that are swapped to"),
    "congested": Condition("disks are congested", lambda _: {"congested": "1"},
                           of_file=lambda file: iter([Field(f"bdi[{file.number}].congested", 1)])),
    "many-buffers": Condition("buffer_heads_over_limit", limits={"buffer_heads_over_limit": "1"},
                              of_world={"buffer_heads_over_limit": 1}),
    "no-overcommit": Condition("one page may be promised and no more",
                               limits={"overcommit": "never", "commit_limit": "1"},
                               of_world={"overcommit_memory": _NEVER, "commit_limit": 1}),
    "memlock": Condition("one page may be locked and no more",
                         limits={"ipc_lock": "0", "memlock": "1"},
                         of_task={"capabilities": 0, "own_signal.memlock": PAGE}),
    "map-count": Condition("one mapping and no more", limits={"max_map_count": "1"},
                           of_world={"max_map_count": 1}),
    "clock": Condition("all operations fall into one second", of_world={"clock_stands": 1},
                       clock_stands=True),
    "exec": Condition("READ_IMPLIES_EXEC", limits={"read_implies_exec": "1"},
                      of_task={"personality": _READ_IMPLIES_EXEC}),
}
_MODES = {"read-only": 1, "write-only": 2}


def mode(start: tuple[str, ...]) -> int:
    """f_mode of the files that process 0 has open."""
    return next((_MODES[name] for name in start if name in _MODES), 3)


def fields(start: tuple[str, ...], files: list[FileStart], tasks: int) -> list[Field]:
    """What is not as in the plain start."""
    found = []
    for name in start:
        one = CONDITIONS[name]
        for file in files:
            if one.changes(file.kind):
                found += one.of_file(file)
        found += [Field(f"task[{i}].{path}", value) for i in range(tasks)
                  for path, value in one.of_task.items()]
        found += [Field(f"world.{path}", value) for path, value in one.of_world.items()]
    return found
