# SPDX-License-Identifier: GPL-2.0-only
"""Drawn cases to scenarios and back: the statements that a case is printed as, and read from."""

from functools import cache

from ..actors import PAGE
from ..engine import core, finding
from ..errors import BadInput
from ..report import bits
from ..report import world as rendering
from ..report.paths import Map
from . import build, operations, sequences
from .build import FILE_OPTIONS, LIMITS
from .model import (
    Act,
    CaseLine,
    Choice,
    Clock,
    Expect,
    Fail,
    FileLine,
    Limit,
    Line,
    Option,
    Pause,
    Scenario,
    Spare,
    Statement,
    Units,
    Value,
    units_text,
)
from .parse import complain
from .sequences import FILES, Story
from .words import Known, Number, Unmeant, integer

CHOICES = {name: (offset, count, limit) for name, offset, count, limit in core.CHOICES}
_NO_LIMIT = (1 << 64) - 1
_KINDS = list(rendering.KINDS)
_LIMITS = [name for name, (_, path, _) in LIMITS.items()
           if path and name != "buffer_heads_over_limit"]
_MOST_SPARE = 4096      # bits, more than any sequence has


# Printing.

def _option(name: str, text: str) -> Option:
    kind = "number" if text[0].isdigit() and text.isalnum() else "bits" if "|" in text else "word"
    return Option(name, Value(text, kind))


def _file_line(story: Story, i: int) -> FileLine:
    kind, block, mapped, size, flags = (
        story.world[name][i] for name in ("inode_kind", "inode_blocks", "inode_holes",
                                          "inode_size", "inode_flags"))
    options = [_option("size", str(size)), _option("block", str(1 << block))]
    if mapped != _NO_LIMIT:
        options.append(_option("mapped", f"{mapped:#x}"))
    if flags:
        options.append(_option("flags", FILE_OPTIONS["flags"].said(flags)))
    if story.world["congested"] == i:
        options.append(_option("congested", "1"))
    return FileLine(FILES[i], _KINDS[kind], tuple(options))


def _limit_line(story: Story) -> list[Statement]:
    options = []
    if story.world["memory"] != sequences.usual("memory"):
        options.append(_option("memory", str(story.world["memory"])))
    for name, value, usual in zip(_LIMITS, story.world["limits"], sequences.usual("limits"),
                                  strict=True):
        form, _, one = LIMITS[name]
        if value != usual:
            options.append(_option(name, form.said(value // one)))
    if story.world["many_buffers"]:
        options.append(_option("buffer_heads_over_limit", "1"))
    return [Limit(tuple(options))] if options else []


def _sequence_statements(case: bytes) -> list[Statement]:
    story = sequences.story_of(case)
    found: list[Statement] = [CaseLine("sequence"), Units((units_text(story.units),))]
    found += [_file_line(story, i) for i in range(len(FILES))]
    found += _limit_line(story)
    found += [Clock()] * bool(story.world["clock"])
    if story.fail is not None:
        found.append(Fail(str(story.fail)))
    found += [Pause(str(left), (_option("every", str(every)), _option("more", str(story.more))),
                    operations.said(*act)) for left, every, act in story.pauses]
    found += [operations.said(*act) for act in story.acts]
    spare = sequences.spare_of(case, story)
    return [*found, Spare(f"{spare:#x}")] if spare else found


def _direct_statements(case: bytes) -> list[Statement]:
    """Choices that are 0 are left out, and so are the last ones of a list."""
    found: list[Statement] = [CaseLine("direct"), Choice("function", (core.FUNCTIONS[case[0]],))]
    for name, (offset, count, _) in CHOICES.items():
        values = list(case[offset:offset + count])
        while values and not values[-1]:
            values.pop()
        if values and name != "function":
            found.append(Choice(name, tuple(map(str, values))))
    return found


def _world_comments(case: bytes) -> list[str]:
    """The world and the call of a direct case, for who reads it."""
    runner = core.Runner.of(case)
    where = Map(runner)
    wild = "; some of it is wild" if case[CHOICES["wild"][0]] else ""
    call = f"{finding.call_text(runner, case, where)}   units {bits.units_text(case[1])}{wild}"
    return [call, *rendering.text(where, runner.image())]


def scenario_of(case: bytes, title: str) -> Scenario:
    """A drawn case as a scenario: the choices of a direct case, the story of a sequence."""
    sequence = core.is_sequence(case)
    comments = [title] if sequence else [title, "", *_world_comments(case)]
    statements = _sequence_statements(case) if sequence else _direct_statements(case)
    lines = [Line(0, None, comment) for comment in comments] + [Line(0)] * (not sequence)
    lines += [Line(0, statement) for statement in statements]
    return Scenario("case", tuple(lines))


# Reading.

class _Numbers:
    """What names stand for in a drawn sequence, where only files have any (words.Now)."""

    def __init__(self, files: list[str]):
        self.files = files

    def file(self, name: str) -> int:
        return self.files.index(name)

    def _refuse(self, *_: object) -> int:
        raise Unmeant("in a drawn sequence say numbers: at=0, page=3, fd=0")

    place = page = descriptor = free_descriptor = _refuse


class _Reading:
    """The statements of a sequence in turn."""

    def __init__(self, scenario: Scenario):
        self.known = Known()
        self.story = Story(0x7F)
        self.numbers = _Numbers(self.known.files)
        self.spare = 0
        self.congested: list[int] = []
        self.masks = scenario.masks()
        self.story.world = {name: [] for name in sequences.OF_FILE}
        self.story.world.update({name: sequences.usual(name) for name in sequences.OF_WORLD})

    def statement(self, said: Statement) -> None:
        if self.story.acts and isinstance(said, Units | FileLine | Limit | Fail | Pause):
            raise Unmeant("in a drawn sequence this comes before the operations, as it is of the "
                          "world that they start from")
        if isinstance(said, Units):
            if len(self.masks) != 1:
                raise Unmeant("a drawn case has one set of units", said.columns[1])
            self.story.units = self.masks[0]
        elif isinstance(said, FileLine):
            self._file(said)
        elif isinstance(said, Limit):
            self._limit(said)
        elif isinstance(said, Clock):
            self.story.world["clock"] = 1
        elif isinstance(said, Fail):
            self.story.fail = integer(said.allocation)
        elif isinstance(said, Pause):
            self._pause(said)
        elif isinstance(said, Act):
            self.story.acts.append(self._act(said))
        elif isinstance(said, Spare):
            self.spare = integer(said.number)
            if self.spare.bit_length() > _MOST_SPARE:
                raise Unmeant("spare is too large", said.column)
        elif not isinstance(said, Expect | CaseLine):
            raise Unmeant("a drawn sequence has units, files, limits, a clock, operations and "
                          "what is expected; for more leave `case sequence` out")

    def _file(self, said: FileLine) -> None:
        build.check_file(said, self.known)
        number = len(self.known.files)
        self.known.files.append(said.name)
        values = {option.name: FILE_OPTIONS[option.name].number(option.value, self.numbers, 0)
                  for option in said.options}
        size = values["size"] << 10 if "size" in values else values.get("pages", 2) * PAGE
        mapped = values.get("mapped", _NO_LIMIT & ~values.get("holes", 0))
        for name, value in (("inode_kind", build.KINDS[said.kind.replace(" ", "_")]),
                            ("inode_blocks", values.get("block", 12)), ("inode_holes", mapped),
                            ("inode_size", size), ("inode_flags", values.get("flags", 0))):
            self.story.world[name].append(value)
        if values.get("congested"):
            if self.story.world["congested"] is not None:
                other = self.known.files[self.story.world["congested"]]
                raise Unmeant(f"{other} is congested already: in a drawn sequence one file is at "
                              "most", said.column)
            self.story.world["congested"] = number

    def _limit(self, said: Limit) -> None:
        build.check_options(said.options, {name: row[0] for name, row in LIMITS.items()}, "limit",
                            self.known)
        limits = list(self.story.world["limits"])
        for option in said.options:
            form, _, one = LIMITS[option.name]
            value = form.number(option.value, self.numbers, 0)
            if option.name == "memory":
                self.story.world["memory"] = value
            elif option.name == "buffer_heads_over_limit":
                self.story.world["many_buffers"] = value
            else:
                limits[_LIMITS.index(option.name)] = value * one
        self.story.world["limits"] = tuple(limits)

    def _act(self, said: Act) -> tuple[str, int, tuple[int, ...]]:
        operations.check(said, self.known)
        if said.name:
            raise Unmeant("in a drawn sequence results have no names", said.name_column)
        return (said.operation, int(said.actor[1]) if said.actor else 0,
                operations.numbers(said, self.numbers))

    def _pause(self, said: Pause) -> None:
        build.check_options(said.options, {"every": Number(4, 11), "more": Number()}, "pause",
                            self.known)
        values = {option.name: integer(option.value.text) for option in said.options}
        self.story.pauses.append((integer(said.at), values.get("every", 4), self._act(said.act)))


def _sequence(scenario: Scenario) -> bytes:
    reading = _Reading(scenario)
    for line in scenario.said:
        try:
            reading.statement(line.statement)
        except Unmeant as error:
            column = error.column or getattr(line.statement, "column", 1)
            complain(scenario.name, line.number, column or 1, str(error))
    _check_more(scenario, reading.story.more)
    if len(reading.known.files) != len(FILES) or not reading.story.acts:
        raise BadInput(f"{scenario.name}: a drawn sequence has {len(FILES)} files and at least one "
                       "operation; for less leave `case sequence` out")
    try:
        return sequences.case_of(reading.story, reading.spare)
    except Unmeant as error:
        complain(scenario.name, scenario.said[0].number, 1, str(error))


def _check_more(scenario: Scenario, more: int) -> None:
    """How often they act again hangs on how many they are, so it is known when all were read."""
    for line in scenario.said:
        for option in line.statement.options if isinstance(line.statement, Pause) else ():
            if option.name == "more" and integer(option.value.text) != more:
                complain(scenario.name, line.number, option.value.column,
                         f"found {option.value.text!r}, expected {more}: in a drawn sequence one "
                         "other actor acts again three times, and each of two once")


def _direct(scenario: Scenario) -> bytes:
    case = bytearray(core.CASE_BYTES)
    seen: set[str] = set()
    for line in scenario.said:
        said = line.statement
        try:
            if isinstance(said, Choice):
                _put_choice(case, said, seen)
            elif not isinstance(said, CaseLine | Expect):
                raise Unmeant("a drawn direct case has choices and what is expected, and nothing "
                              "else")
        except Unmeant as error:
            column = error.column or getattr(said, "column", 1)
            complain(scenario.name, line.number, column or 1, str(error))
    if "function" not in seen:
        raise BadInput(f"{scenario.name}: which function?  Say choice function = page_mkclean")
    return bytes(case)


def _put_choice(case: bytearray, said: Choice, seen: set[str]) -> None:
    if said.name not in CHOICES:
        raise Unmeant(f"found {said.name!r}, and no choice is called so: see "
                      "cref/engine/case.def", said.column)
    if said.name in seen:
        raise Unmeant(f"{said.name} is said twice", said.column)
    seen.add(said.name)
    offset, count, limit = CHOICES[said.name]
    values = said.values
    if said.name == "function":
        if values[0] not in core.FUNCTIONS or len(values) > 1:
            raise Unmeant(f"found {values[0]!r}, expected a function: "
                          f"{', '.join(core.FUNCTIONS)}", said.column)
        values = (str(core.FUNCTIONS.index(values[0])),)
    if len(values) > count:
        raise Unmeant(f"{said.name} has {count} values, not {len(values)}", said.column)
    for i, value in enumerate(values):
        if not value[0].isdigit() or not 0 <= integer(value) < limit:
            raise Unmeant(f"found {value}, expected a number below {limit}", said.column)
        case[offset + i] = integer(value)


@cache
def case_of(scenario: Scenario) -> bytes:
    """The choices of the drawn case that a scenario is.

    raises BadInput   it is none, with the place
    """
    first = scenario.said[0]
    if not isinstance(first.statement, CaseLine):
        line = next(line for line in scenario.said if isinstance(line.statement, CaseLine))
        complain(scenario.name, line.number, 1, "this comes first, before anything else")
    return _direct(scenario) if first.statement.kind == "direct" else _sequence(scenario)
