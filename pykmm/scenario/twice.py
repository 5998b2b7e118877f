# SPDX-License-Identifier: GPL-2.0-only
"""What a scenario says twice, so that one of the two would be forgotten without a word."""

from collections.abc import Iterator

from ..pauses import OTHERS
from . import fields
from .model import (
    ALL_UNITS,
    Act,
    BuffersLine,
    Call,
    CaseLine,
    Fact,
    Fail,
    FileLine,
    Limit,
    PageLine,
    Pause,
    Scenario,
    Set,
    Spare,
    Statement,
    Units,
    Wanted,
)
from .placed import at_line
from .words import Unmeant, integer

_OF_THE_FILE = (Units, CaseLine, Spare)     # meant for all of it, wherever they stand
_NUMBERS = ("count", "mapped", "private", "contents")

# what is said, as a message names it, and its column
Said = tuple[str, int]


def _fact(page: str, fact: Fact) -> Iterator[Said]:
    first = fact.words[0]
    if "at" in fact.words:
        return          # an owner is refused where the page has one
    words = (first,) if first in _NUMBERS else (" ".join(fact.words[:2]),) if first == "tag" \
        else fact.words
    for word in words:
        yield f"{word} of page {page}", fact.column


def _said(statement: Statement, files: list[str]) -> Iterator[Said]:
    if isinstance(statement, Units):
        yield "units", statement.columns[0] if statement.columns else 1
    elif isinstance(statement, CaseLine):
        yield "the kind of case", statement.column
    elif isinstance(statement, Spare):
        yield "spare", statement.column
    elif isinstance(statement, Limit):
        for option in statement.options:
            yield f"the limit {option.name}", option.column
    elif isinstance(statement, Fail):
        yield "an allocation that fails", statement.column
    elif isinstance(statement, PageLine):
        for fact in statement.facts:
            yield from _fact(statement.number, fact)
    elif isinstance(statement, BuffersLine):
        yield f"the buffers of page {statement.page}", statement.column
    elif isinstance(statement, Set):
        yield fields.path_of(statement.path, files), statement.column


class _Twice:
    """A walk over the statements: what was said, in which line, since something was done."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.of_the_file: dict[str, int] = {}
        self.since: dict[str, int] = {}
        self.pauses: dict[int, int] = {}
        self.names: dict[str, int] = {}

    def look(self, statement: Statement, number: int) -> None:
        if isinstance(statement, FileLine):
            self.files.append(statement.name)
        if isinstance(statement, Act) and statement.name:
            self._once(self.names, (f"the name {statement.name}", statement.name_column), number)
        if isinstance(statement, Act | Call):
            self.since, self.pauses = {}, {}
        elif isinstance(statement, Pause):
            self._pause(statement, number)
        else:
            known = self.of_the_file if isinstance(statement, _OF_THE_FILE) else self.since
            for said in _said(statement, self.files):
                self._once(known, said, number)

    def _once(self, known: dict[str, int], said: Said, number: int) -> None:
        what, column = said
        if what in known:
            raise Unmeant(f"{what} was said in line {known[what]} already: leave one of the two "
                          "out, as only one could be so", column)
        known[what] = number

    def _pause(self, pause: Pause, number: int) -> None:
        at = integer(pause.at)
        if at in self.pauses:
            raise Unmeant(f"line {self.pauses[at]} says who acts at pause {at}: say another one, "
                          "as two cannot act at once", pause.column)
        if len(self.pauses) == len(OTHERS):
            lines = " and ".join(map(str, self.pauses.values()))
            raise Unmeant(f"at most {len(OTHERS)} others act at pauses of an operation, and lines "
                          f"{lines} say who: leave one out", pause.column)
        self.pauses[at] = number


def check_results(wanted: tuple[Wanted, ...]) -> None:
    """Raises Unmeant unless every result that is expected is the first one for some units."""
    left = set(range(ALL_UNITS + 1))
    for one in wanted:
        mine = {mask for mask in left if one.condition is None or one.condition.holds(mask)}
        if not mine:
            raise Unmeant(f"{one} is never meant: what stands before it is meant for the same "
                          "units", one.column)
        left -= mine


def check(scenario: Scenario) -> None:
    """raises BadInput   something is said twice, with the place of the second"""
    walk = _Twice()
    for line in scenario.said:
        at_line(scenario, line, lambda said, number=line.number: walk.look(said, number))
