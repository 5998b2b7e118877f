# SPDX-License-Identifier: GPL-2.0-only
"""The model beside half C: the same operations on the same world, every row compared after each.

Half of the cases are drawn as `pykmm fuzz` draws sequences, the others by a guide (guide.py); none
has another actor at pauses, as the model has no pauses.  Results, outcomes and rows that differ
are all told as (path, model, C).
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random

from pykmm import paths
from pykmm.engine import core
from pykmm.report import bits, operations

from . import neutral
from . import operations as model
from .guide import Guide
from .image import Image
from .load import world_of
from .state import Bug, CountBelowZero, Hang, Oops, World

Operation = tuple[str, int, tuple[int, ...]]        # name, number of the process, arguments
Chooser = Callable[[int, neutral.Rows], Operation | None]
Found = list[tuple[str, str, str]]                  # path, model, C

CHOICES = {name: (offset, count) for name, offset, count, _ in core.SEQUENCE_CHOICES}
# those that make the world that a sequence starts from, and what is simplest for each
START = {"units": 0x7F, "inode_kind": 0, "inode_blocks": 0, "inode_holes": 0, "inode_size": 0,
         "inode_flags": 0, "memory": 0, "limits": 0, "many_buffers": 1, "congested": 15, "clock": 0,
         "fail": 1}
# no operations, but a word of the world that both are given
FAIL_IN = "fail_in"                     # the how-manieth allocation from here fails
TRUNCATE_COUNT = "truncate_count"       # of a file: few runs truncate it 4096 times
GIVEN = (FAIL_IN, TRUNCATE_COUNT)
GUIDED_OPERATIONS = (10, 40)
_ENDINGS = {Bug: "BUG", Oops: "oops", CountBelowZero: "count below zero", Hang: "hang"}


@dataclass(frozen=True)
class Case:
    """A start and what is done.

    choices : bytes         of a sequence: only those of the start are looked at
    done : operations       performed one by one
    guided : str            or: seeds a guide, who chooses them on the way
    """

    choices: bytes
    done: tuple[Operation, ...] = ()
    guided: str = ""

    def chooser(self) -> Chooser:
        """Gives the operation of a number for a world as it is then; None at the end."""
        if not self.guided:
            return lambda at, rows: self.done[at] if at < len(self.done) else None
        random = Random(self.guided)
        guide, many = Guide(random), random.randint(*GUIDED_OPERATIONS)
        return lambda at, rows: guide.next(rows) if at < many else None


@dataclass(frozen=True)
class Difference:
    """Where both part.

    case : Case         with the operations up to there
    found : list        what differs after the last of them
    """

    case: Case
    found: Found

    @property
    def kind(self) -> tuple[str, str]:
        """(operation, fields without their numbers): differences of one cause share it."""
        names = sorted({re.sub(r"\[[^]]*\]", "", path) for path, _, _ in self.found})
        return self.case.done[-1][0], " ".join(names)

    def text(self) -> str:
        lines = ["start: " + start_text(self.case.choices)]
        lines += [f"  {i:2} {_said(operation)}" for i, operation in enumerate(self.case.done)]
        lines += ["after that:   model / C"]
        lines += [f"    {path:<28} {model} / {c}" for path, model, c in self.found]
        return "\n".join(lines)


@cache
def _drawn(seed: int) -> core.Job:
    return core.Job([half_c()], seed=seed)


@cache
def half_c() -> core.Half:
    return core.Half.load(paths.lib() / "c.so", "C")


def set_choice(choices: bytes, name: str, value: int) -> bytes:
    """The choices with all that are called so set to a value."""
    offset, count = CHOICES[name]
    return choices[:offset] + bytes([value]) * count + choices[offset + count:]


def draw(seed: int, shard: int, index: int) -> Case:
    """The case of these numbers: drawn blindly if index is even, else guided."""
    choices = set_choice(_drawn(seed).case(shard, index, True), "pause", 0)
    if index % 2:
        return Case(choices, guided=f"{seed} {shard} {index}")
    return Case(choices, tuple(core.operations_of(choices)))


def start_text(choices: bytes) -> str:
    """The choices of the start that are not the simplest."""
    said = []
    for name, usual in START.items():
        offset, count = CHOICES[name]
        values = list(choices[offset:offset + count])
        if name == "units":
            said.append(f"units {bits.units_text(values[0])}")
        elif name == "fail" and not values[0]:
            said.append(f"fail_at {choices[CHOICES['fail_at'][0]] // 4 + 1}")
        elif name != "fail" and any(value != usual for value in values):
            said.append(f"{name} {values if count > 1 else values[0]}")
    return ", ".join(said)


def _said(operation: Operation) -> str:
    name, actor, arguments = operation
    if name == FAIL_IN:
        return f"allocation {arguments[0]} from here fails"
    if name == TRUNCATE_COUNT:
        return f"mapping[{arguments[0]}].truncate_count is now {arguments[1]:#x}"
    return operations.text(name, actor, arguments)


def _where(error: BaseException) -> str:
    """An exception of the model that is no ending of a run, and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    last = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return f"crash: {type(error).__name__}: {error} ({last} {frames[-1].name})"


class Both:
    """One block of memory for C, and a model World beside it."""

    def __init__(self) -> None:
        self.runner = core.Runner(sequences=True)
        self.image = Image(self.runner)
        self.world = World()
        self.rows: neutral.Rows = {}        # C's, as they are now
        self.ended = False                  # C's run: nothing can follow
        self.done: list[Operation] = []

    def begin(self, choices: bytes) -> Found:
        """Both at the start; what differs is an error of reading, not of the model."""
        self.runner.build(choices)
        self.image.begin(self.runner.image())
        self.ended = False
        return self._same_again()

    def _same_again(self) -> Found:
        """The model is put where C is."""
        self.rows = self.image.rows(self.runner.image())
        self.world = world_of(self.rows)
        return neutral.differences(neutral.fields(self.world), self.rows)

    def step(self, operation: Operation) -> Found:
        """One operation by both: all that differs after it."""
        name, actor, arguments = operation
        if name in GIVEN:
            return getattr(self, f"_{name}")(*arguments)
        self.runner.forget_trace()
        c_ending, c_result, _ = self.runner.operate(half_c(), name, actor, *arguments)
        self.ended = c_ending != "returned"
        ending, result = self._by_model(operation)
        found = []
        if ending != c_ending:
            found.append(("outcome", ending, c_ending))
        elif ending == "returned":
            if result != c_result:
                found.append(("result", str(result), str(c_result)))
            self.rows = self.image.rows(self.runner.image())
            rows = neutral.fields(self.world)
            if rows != self.rows:
                found += neutral.differences(rows, self.rows)
        return found

    def _fail_in(self, number: int) -> Found:
        """Let the allocation of this number fail from here on, for both."""
        self._write("world.fail_in", number)
        self.world.fail_in = number
        return []

    def _truncate_count(self, inode: int, count: int) -> Found:
        """A file's truncate_count, for both."""
        self._write(f"mapping[{inode}].truncate_count", count)
        self.world.mappings[inode].truncate_count = count
        return []

    def _write(self, path: str, value: int) -> None:
        """Change one word of C's world."""
        image = self.image.where.write(self.runner.image(), path, value)
        self.runner.restore(image)
        self.rows = self.image.rows(image)

    def _by_model(self, operation: Operation) -> tuple[str, int]:
        name, actor, arguments = operation
        try:
            return "returned", model.operate(self.world, name, actor, *arguments)
        except tuple(_ENDINGS) as ending:
            return _ENDINGS[type(ending)], 0
        except Exception as error:      # a mistake in the model: told like any other difference
            return _where(error), 0

    def first(self, case: Case) -> Difference | None:
        """The first difference, or None."""
        return next(self.all(case, go_on=False), None)

    def all(self, case: Case, go_on: bool = True) -> Iterator[Difference]:
        """Every difference; after each the model is put where C is, and both go on."""
        found = self.begin(case.choices)
        assert not found, f"the start is read wrongly: {found}"
        choose = case.chooser()
        self.done: list[Operation] = []
        while operation := choose(len(self.done), self.rows):
            self.done.append(operation)
            found = self.step(operation)
            if found:
                yield Difference(Case(case.choices, tuple(self.done)), found)
                if not go_on:
                    return
            if self.ended:
                return
            if found:
                self._same_again()


def _same_kind(both: Both, case: Case, kind: tuple[str, str]) -> Difference | None:
    """The first difference of a case, if it is of this kind and comes at the end."""
    found = both.first(case)
    ends = found and found.kind == kind and len(found.case.done) == len(case.done)
    return found if ends else None


def _simpler(case: Case) -> Iterator[Case]:
    """A case without one of its operations, or with a choice that is simplest."""
    for i in range(len(case.done) - 1):
        yield replace(case, done=case.done[:i] + case.done[i + 1:])
    for name, usual in START.items():
        choices = set_choice(case.choices, name, usual)
        if choices != case.choices:
            yield replace(case, choices=choices)


def shrink(both: Both, difference: Difference) -> Difference:
    """A difference of the same kind after fewer operations, if there is one."""
    best = _same_kind(both, difference.case, difference.kind)
    if not best:
        return difference       # it needs what an earlier one left, and was put right
    while True:
        better = next(filter(None, (_same_kind(both, case, best.kind)
                                    for case in _simpler(best.case))), None)
        if not better:
            return best
        best = better


def run(both: Both, seed: int, shard: int, indices: Sequence[int]) -> tuple[int, str | None]:
    """Cases of a shard, until one differs: (operations that agreed, what to say or None)."""
    agreed = 0
    for index in indices:
        case = draw(seed, shard, index)
        difference = both.first(case)
        if difference:
            shrunk = shrink(both, difference)
            return agreed, (
                f"the model and C differ: seed {seed}, shard {shard}, index {index}\n"
                f"{difference.text()}\nthe same with fewer operations:\n{shrunk.text()}\n"
                f"again: python tools/model.py --seed {seed} --shard {shard} --index {index}")
        agreed += len(both.done)
    return agreed, None
