# SPDX-License-Identifier: GPL-2.0-only
"""What an exploration found, as a scenario: the start, the operations, and what is wrong then."""

from .. import pauses
from ..engine import core
from ..engine.scope import Action, Operation, Pauses, Scope
from ..engine.start import CONDITIONS, mode
from ..world import World
from . import layout, operations
from .model import (
    Act,
    Clock,
    Expect,
    Fail,
    FileLine,
    Limit,
    Line,
    Option,
    Pause,
    Scenario,
    Statement,
    Units,
    Value,
    Wanted,
    What,
    units_text,
)
from .sequences import FILES

_ZERO_PAGE = 16         # its number in a scenario's world
_PAGE = 4096
PROCESSES = 3           # that a scenario's world has room for
MODES = {1: "r", 2: "w", 3: "rw"}


def there(operation: Operation, scope: Scope) -> Operation:
    """In a scenario's world, which has more pages: of them the zero page is the last."""
    name, actor, arguments = operation
    if name == "unpin" and arguments[0] == scope.pages:
        arguments = (_ZERO_PAGE, *arguments[1:])
    return name, actor, arguments


def start(scope: Scope) -> list[Statement]:
    found: list[Statement] = [Units((units_text(scope.units),))]
    for i, kind in enumerate(scope.kinds):
        found.append(FileLine(FILES[i], kind.replace("_", " "), tuple(_file_options(scope, i))))
    if scope.pages < _ZERO_PAGE:
        found.append(Limit((Option("memory", Value(str(scope.pages), "number")),)))
    limits = [Option(name, Value(value, _form(value)))
              for condition in scope.start for name, value in CONDITIONS[condition].limits.items()]
    stands = any(CONDITIONS[name].clock_stands for name in scope.start)
    return [*found, *([Limit(tuple(limits))] if limits else []), *([Clock()] if stands else [])]


def _file_options(scope: Scope, number: int) -> list[Option]:
    """What a file's line says, by the conditions of the start too."""
    file = scope.file_starts()[number]
    said: dict[str, str] = {}
    for name in scope.start:
        if CONDITIONS[name].changes(file.kind):
            for option, value in CONDITIONS[name].options(file).items():
                said[option] = f"{said[option]}|{value}" if option in said else value
    # a size says how many pages there are
    pages = {} if "size" in said else {"pages": str(scope.file_pages)}
    block = {"block": str(scope.blocks)} if scope.blocks != _PAGE else {}
    return [Option(name, Value(value, _form(value)))
            for name, value in {**pages, **block, **said}.items()]


def _form(value: str) -> str:
    return "number" if value.isdecimal() else "word"


def world_of(scope: Scope, units: int, memory: int | None = None) -> World:
    """The start of a scope as a world, with nothing open yet; memory: pages, None: the scope's."""
    world = World(units=units, memory=scope.pages if memory is None else memory)
    for kind in scope.kinds:
        world.file(kind, pages=scope.file_pages, block=scope.blocks,
                   mode=MODES[mode(scope.start)])
    for one in scope.fields(PROCESSES):
        world[one.path] = one.value | (world[one.path] if one.more else 0)
    return world


def besides(fail: int, others: Pauses) -> list[Statement]:
    """The lines before an operation in which an allocation fails, or others act at pauses."""
    found: list[Statement] = [Fail(str(fail))] if fail else []
    return found + [Pause(str(number), (), operations.said(*other)) for number, other in others]


def arm(world: World, fail: int, others: Pauses) -> None:
    """Let that be so in the next operation of a world."""
    world["world.fail_in"] = fail
    for which, (number, (name, actor, arguments)) in enumerate(others):
        operation = operations.kind_number(name), actor, arguments
        for path, value in pauses.words(number, operation, other=which).items():
            world[path] = value


class _Replay:
    """The operations once more by half C, for their results."""

    def __init__(self, scope: Scope):
        self.world = world_of(scope, scope.units)

    def result(self, action: Action) -> str | None:
        """What is said of the result; None: nothing, as it did not fail."""
        (name, actor, arguments), fail, others = action
        arm(self.world, fail, others)
        result = self.world._do(name, actor, *arguments)
        return None if result.ok else str(result)


def _acts(scope: Scope, actions: list[Action]) -> list[Statement]:
    replay = _Replay(scope)
    found: list[Statement] = []
    for operation, fail, acting in actions:
        act = there(operation, scope)
        others = tuple((number, there(other, scope)) for number, other in acting)
        found += besides(fail, others)
        said = operations.said(*act)
        wanted = None if replay.world.ended else replay.result((act, fail, others))
        results = (Wanted(wanted),) if wanted else ()
        found.append(Act(said.operation, said.actor, None, said.operands, said.options, results))
    return found


def _title(found: dict) -> str:
    if found["what"] == "property":
        return f"This breaks {found['name']}: {core.PROPERTIES[found['name']]}."
    if found["what"] == "difference":
        return f"After this half {found['name']} is not as C."
    return f"This ends as {found['name']}."


def text_of(found: dict, scope: Scope) -> str:
    """The text of a scenario that does what was found, and says what is wrong.

    found : dict   as exploring.Exploration.run gives it
    """
    statements = [*start(scope), *_acts(scope, [*scope.first(), *found["actions"]])]
    if found["what"] == "property":
        statements.append(Expect(What("property", "broken", (Value(found["name"], "word"),))))
    lines = [Line(0, None, _title(found))] + [Line(0, statement) for statement in statements]
    return layout.text(Scenario("found", tuple(lines)))
