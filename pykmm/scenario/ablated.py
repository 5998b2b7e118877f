# SPDX-License-Identifier: GPL-2.0-only
"""A run that goes wrong without some units, as a scenario for both kernels: the operations, and
what is different in the end.  What it is, both kernels are asked."""

from dataclasses import replace

from ..engine.scope import Action, Operation, Pauses, Scope
from . import layout, operations
from .explored import arm, besides, start, there, world_of
from .facts import View, disk
from .model import (
    ALL_UNITS,
    Act,
    Condition,
    Expect,
    Fact,
    Limit,
    Line,
    Option,
    Scenario,
    Statement,
    Units,
    Value,
    Wanted,
    What,
)
from .sequences import FILES

_BOTH = ("if", "unless")
_MEMORY = 16        # pages, unless a scenario says less


class Ablated:
    """One run by v8 and by a kernel with fewer units.

    scope, actions   where it was found, and what leads there
    units : tuple    what the second one lacks
    """

    def __init__(self, scope: Scope, actions: tuple[Action, ...], units: tuple[str, ...]):
        names = "+".join(units)
        self.conditions = [Condition(word, names) for word in _BOTH]
        self.without = "".join(f"-{unit}" for unit in units)
        self.scope = scope
        # where memory is taken back, how much there is makes a difference
        memory = scope.alphabet.has("reclaim")
        self.worlds = [world_of(scope, mask, scope.pages if memory else _MEMORY)
                       for mask in (ALL_UNITS, _mask(units))]
        for world in self.worlds:
            for (name, actor, arguments), _, _ in scope.first():
                world._do(name, actor, *arguments)
        self.statements: list[Statement] = [Units(("all", self.without)), *(
            one for one in start(scope)[1:] if memory or not _is_memory(one))]
        for operation, fail, others in actions:
            self._besides(fail, others)
            self.act(operation)

    def _besides(self, fail: int, others: Pauses) -> None:
        for world in self.worlds:
            arm(world, fail, others)
        self.statements += besides(fail, tuple((number, there(other, self.scope))
                                               for number, other in others))

    def act(self, operation: Operation) -> None:
        """One more operation, with what it gives where that is no matter of course."""
        name, actor, arguments = operation
        results = [world._do(name, actor, *arguments) for world in self.worlds]
        wanted: tuple[Wanted, ...] = ()
        if results[0] != results[1]:
            wanted = tuple(Wanted(_text(result), condition) for result, condition in
                           zip(results, self.conditions, strict=True))
        elif not results[0].ok:
            wanted = (Wanted(str(results[0])),)
        self.statements.append(replace(said(there(operation, self.scope)), results=wanted))

    def rest(self) -> None:
        """All processes go, and all is written."""
        for process in range(self.scope.processes):
            self.act(("exit", process, ()))
        self.act(("sync", 0, ()))

    def expect_property(self, name: str) -> None:
        """v8 keeps it and the other breaks it."""
        for condition, how in zip(self.conditions, ("holds", "broken"), strict=True):
            self.statements.append(Expect(What("property", how, (Value(name, "word"),)), condition))

    def expect_disks(self) -> None:
        """What each one's disk has of the files that are not the same."""
        for i in range(len(self.scope.kinds)):
            texts = [disk(View(world._words(), [], {}), str(i)) for world in self.worlds]
            if texts[0] == texts[1]:
                continue
            for condition, text in zip(self.conditions, texts, strict=True):
                what = What("file", of=(Value(FILES[i], "word"),),
                            facts=(Fact(("disk", *text)),))
                self.statements.append(Expect(what, condition))

    def text(self, title: str) -> str:
        """The file."""
        lines = [Line(0, None, "SPDX-License-Identifier: GPL-2.0-only"), Line(0, None, title)]
        lines += [Line(0, statement) for statement in self.statements]
        return layout.text(Scenario("found", tuple(lines)))


def _is_memory(line: Statement) -> bool:
    return isinstance(line, Limit) and line.options[0].name == "memory"


def _of_files(act: Act) -> Act:
    """A descriptor by the name of its file, which the scenario opens by itself."""
    fds = [option for option in act.options if option.name == "fd"]
    files = tuple(Value(FILES[int(str(option.value))], "word") for option in fds)
    rest = tuple(option for option in act.options if option.name != "fd")
    if act.operation == "write" and not any(option.name == "index" for option in rest):
        rest = (Option("index", Value("0", "number")), *rest)
    return replace(act, operands=(*files, *act.operands), options=rest)


def said(operation: Operation) -> Act:
    """One operation as the scenario of a run says it, without what it gives."""
    found = operations.said(*operation)
    return _of_files(Act(found.operation, found.actor, None, found.operands, found.options))


def _mask(units: tuple[str, ...]) -> int:
    return ALL_UNITS & ~sum(1 << int(unit[1:]) - 1 for unit in units)


def _text(result) -> str:
    return str(result) if not result.ok else str(int(result))
