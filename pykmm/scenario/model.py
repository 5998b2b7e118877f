# SPDX-License-Identifier: GPL-2.0-only
"""What a scenario is made of: statements, each of which gives its canonical text by str().

Columns count from 1 and are where a message about the thing points to.
"""

from dataclasses import dataclass, field
from itertools import dropwhile, takewhile

from ..report import bits

ALL_UNITS = 0x7F


def units_of(text: str) -> int:
    """The mask of one set of units: all, none, U1+U3 (only these), -U5-U6 (all but these)."""
    if text in ("all", "none"):
        return ALL_UNITS if text == "all" else 0
    names = text.replace("-", "+").strip("+").split("+")
    mask = sum(1 << bits.UNITS.index(name) for name in set(names))
    return ALL_UNITS & ~mask if text.startswith("-") else mask


def units_text(mask: int) -> str:
    """A mask as a scenario says it: what is on, or what is off if that is shorter."""
    mask &= ALL_UNITS
    if mask in (0, ALL_UNITS):
        return "all" if mask else "none"
    on, off = bits.names(mask, bits.UNITS), bits.names(ALL_UNITS & ~mask, bits.UNITS)
    return "+".join(on) if len(on) <= len(off) else "".join(f"-{name}" for name in off)


@dataclass(frozen=True)
class Condition:
    """if U5, unless U1+U2 (all of them on), if all, if none (exactly that)."""

    word: str
    units: str

    def holds(self, mask: int) -> bool:
        wanted = units_of(self.units)
        exactly = self.units in ("all", "none")
        return (mask == wanted if exactly else mask & wanted == wanted) == (self.word == "if")

    def __str__(self) -> str:
        return f"{self.word} {self.units}"


@dataclass(frozen=True)
class Value:
    """A word, number, place (a+1), page of something (f[0]), bits (a|b) or list (0,2)."""

    text: str
    kind: str
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Option:
    name: str
    value: Value
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


@dataclass(frozen=True)
class Fact:
    """One thing that is so or not so: dirty, not writeback, count 3."""

    words: tuple[str, ...]
    negative: bool = False
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return " ".join(["not"] * self.negative + list(self.words))


def facts_text(facts: tuple[Fact, ...]) -> str:
    return ", ".join(map(str, facts))


@dataclass(frozen=True)
class VmaText:
    """A vma: a..a+2 rw-s f at 0 prot RO LOCKED."""

    start: Value
    end: Value
    permissions: str
    words: tuple[str, ...]
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return " ".join([f"{self.start}..{self.end}", self.permissions, *self.words])


@dataclass(frozen=True)
class Wanted:
    """What an operation should give, by itself or under a condition."""

    text: str
    condition: Condition | None = None
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"{self.text} {self.condition}" if self.condition else self.text


def _said(options: tuple[Option, ...]) -> list[str]:
    return [str(option) for option in options]


def _results(results: tuple[Wanted, ...]) -> list[str]:
    return ["=", ", ".join(map(str, results))] if results else []


@dataclass(frozen=True)
class Units:
    """The variants that the scenario runs for."""

    sets: tuple[str, ...]
    columns: tuple[int, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"units {', '.join(self.sets)}"


@dataclass(frozen=True)
class FileLine:
    name: str
    kind: str
    options: tuple[Option, ...]
    column: int = field(default=1, compare=False)
    kind_column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return " ".join(["file", self.name, self.kind, *_said(self.options)])


@dataclass(frozen=True)
class Limit:
    options: tuple[Option, ...]

    def __str__(self) -> str:
        return " ".join(["limit", *_said(self.options)])


@dataclass(frozen=True)
class Clock:
    """All operations fall into one second: no time stamp of a file changes."""

    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return "clock stands"


@dataclass(frozen=True)
class Fail:
    """The how-manieth allocation from here fails."""

    allocation: str
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"fail allocation {self.allocation}"


@dataclass(frozen=True)
class Act:
    """One operation.

    actor : str | None    p0, p1, p2; None: nobody's, as writeback
    name : str | None     what its result is called from here on
    """

    operation: str
    actor: str | None = None
    name: str | None = None
    operands: tuple[Value, ...] = ()
    options: tuple[Option, ...] = ()
    results: tuple[Wanted, ...] = ()
    column: int = field(default=1, compare=False)
    name_column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return " ".join([*([f"{self.actor}:"] if self.actor else []),
                         *([f"{self.name} ="] if self.name else []), self.operation,
                         *map(str, self.operands), *_said(self.options),
                         *_results(self.results)])


@dataclass(frozen=True)
class Pause:
    """Another actor acts at the how-manieth pause from here, and maybe at later ones."""

    at: str
    options: tuple[Option, ...]
    act: Act
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"{' '.join(['pause', self.at, *_said(self.options)])}: {self.act}"


@dataclass(frozen=True)
class Call:
    """A direct call of a function of the patch."""

    function: str
    options: tuple[Option, ...]
    results: tuple[Wanted, ...] = ()
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return " ".join(["call", self.function, *_said(self.options), *_results(self.results)])


@dataclass(frozen=True)
class PageLine:
    number: str
    facts: tuple[Fact, ...]
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"page {self.number}: {facts_text(self.facts)}"


@dataclass(frozen=True)
class VmaLine:
    number: str
    process: str
    vma: VmaText
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"vma {self.number}: {self.process} {self.vma}"


@dataclass(frozen=True)
class PteLine:
    process: str
    place: Value
    facts: tuple[Fact, ...]

    def __str__(self) -> str:
        return f"pte {self.process} at {self.place}: {facts_text(self.facts)}"


@dataclass(frozen=True)
class BuffersLine:
    page: Value
    buffers: tuple[Fact, ...]
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"buffers of page {self.page}: {facts_text(self.buffers)}"


@dataclass(frozen=True)
class Hold:
    path: str
    write: bool
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"hold {'write ' * self.write}{self.path}"


@dataclass(frozen=True)
class Set:
    path: str
    value: str
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"set {self.path} = {self.value}"


@dataclass(frozen=True)
class What:
    """What is expected.

    subject : str       as in expectations.py: pte, vmas, vma, process, page, buffer, file, swap,
                        counters, locks, steps, events, property, properties, result, faults,
                        unchanged, interference, field
    how : str           no, only, broken, holds, happened...: "" if the subject has none
    of : tuple[Value]   which one: process and place, page, file...
    facts, vmas, items  the rest, by what the subject has
    """

    subject: str
    how: str = ""
    of: tuple[Value, ...] = ()
    facts: tuple[Fact, ...] = ()
    vmas: tuple[VmaText, ...] = ()
    items: tuple[Value, ...] = ()
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return _WHAT[self.subject](self)


def _listed(what: What) -> str:
    return ", ".join(map(str, what.items or what.vmas)) or "none"


def _buffer(what: What) -> str:
    of = f" of page {what.of[1]}" if len(what.of) > 1 else ""
    return f"buffer {what.of[0]}{of}: {facts_text(what.facts)}"


_WHAT = {
    "pte": lambda w: f"{w.of[0]} at {w.of[1]}: {facts_text(w.facts)}",
    "vmas": lambda w: f"{w.of[0]} vmas: {_listed(w)}",
    "vma": lambda w: f"{w.of[0]} vma at {w.of[1]}: {facts_text(w.facts)}",
    "process": lambda w: f"{w.of[0]}: {facts_text(w.facts)}",
    "page": lambda w: f"page {w.of[0]}: {facts_text(w.facts)}",
    "buffer": _buffer,
    "file": lambda w: f"file {w.of[0]}: {facts_text(w.facts)}",
    "swap": lambda w: f"swap {w.of[0]}: {facts_text(w.facts)}",
    "counters": lambda w: facts_text(w.facts),
    "locks": lambda w: f"locks: {_listed(w)}",
    "steps": lambda w: " ".join([*[w.how] * bool(w.how), "steps", *map(str, w.items)]),
    "events": lambda w: " ".join([*[w.how] * bool(w.how), "events", _listed(w)]),
    "property": lambda w: f"property {w.of[0]} {w.how}",
    "properties": lambda w: f"properties {w.how}",
    "result": lambda w: f"result {w.how}",
    "faults": lambda w: f"faults {w.how}",
    "unchanged": lambda w: "nothing changed",
    "interference": lambda w: f"interference {w.how}",
    "field": lambda w: f"{w.of[0]} = {w.how}",
}


@dataclass(frozen=True)
class Expect:
    what: What
    condition: Condition | None = None

    def __str__(self) -> str:
        return f"expect {f'{self.condition}: ' if self.condition else ''}{self.what}"


@dataclass(frozen=True)
class CaseLine:
    """The scenario is a drawn case: direct or sequence."""

    kind: str
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"case {self.kind}"


@dataclass(frozen=True)
class Choice:
    name: str
    values: tuple[str, ...]
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"choice {self.name} = {' '.join(self.values)}"


@dataclass(frozen=True)
class Spare:
    """What the text of a sequence leaves open, as one number."""

    number: str
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"spare {self.number}"


Statement = (Units | FileLine | Limit | Clock | Fail | Pause | Act | Call | PageLine | VmaLine | PteLine
             | BuffersLine | Hold | Set | Expect | CaseLine | Choice | Spare)


@dataclass(frozen=True)
class Line:
    """One line of a file: a statement, a comment, both, or nothing.

    comment : str    without the # and the space after it; None: there is none
    """

    number: int
    statement: Statement | None = None
    comment: str | None = None
    source: str = ""


@dataclass(frozen=True)
class Scenario:
    """A whole file.

    name : str       the file, as messages call it
    """

    name: str
    lines: tuple[Line, ...] = field(default_factory=tuple)

    @property
    def said(self) -> list[Line]:
        """Lines that hold a statement."""
        return [line for line in self.lines if line.statement is not None]

    @property
    def title(self) -> str:
        """What the file's first comment says, without the line that names the licence."""
        block = dropwhile(lambda line: not line.comment or line.comment.startswith("SPDX-"),
                          self.lines)
        first = takewhile(lambda line: line.comment and line.statement is None, block)
        return " ".join(line.comment.strip() for line in first)

    @property
    def case(self) -> CaseLine | None:
        return next((line.statement for line in self.said
                     if isinstance(line.statement, CaseLine)), None)

    def masks(self) -> list[int]:
        """The sets of units that it runs for, as masks; of a drawn case, its own."""
        choices = [line.statement for line in self.said if isinstance(line.statement, Choice)]
        if self.case and self.case.kind == "direct":
            said = next((choice.values[0] for choice in choices if choice.name == "units"), "0")
            return [int(said) & ALL_UNITS]
        units = [line.statement for line in self.said if isinstance(line.statement, Units)]
        return [units_of(text) for text in (units[0].sets if units else ("all",))]
