# SPDX-License-Identifier: GPL-2.0-only
"""Two halves of a file, compared function by function."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from pykmm.source.anchors import TWINS, anchors_of

from .form import Function, Statement, Unreadable, text_of
from .loops import FOREACH
from .read_c import c_functions
from .read_cython import cython_functions
from .spellings import Spelling, common

NOTHING = "(nothing)"
# headers that the patch leaves alone, with functions that both halves have
UNPATCHED = {
    "include/linux/mman.h": "linux/mman.pxd",
    "include/linux/page-flags.h": "linux/page_flags.pxd",
}
ALL_TWINS = {**TWINS, **UNPATCHED}


@dataclass(frozen=True)
class Item:
    """One thing that a half says, so far that both must say it with the same text.

    step    the step it belongs to, "" for what belongs to none
    depth   how many blocks of its function it is in
    line    1-based
    """

    step: str
    depth: int
    text: str
    line: int

    @property
    def key(self) -> tuple[str, int, str]:
        return self.step, self.depth, self.text


@dataclass(frozen=True)
class Difference:
    """One place where the halves differ; where a half has nothing, the line is where it should be.

    function, step   whose, "" if it is of none
    c, cython        (path, line, what that half says)
    """

    function: str
    step: str
    c: tuple[str, int, str]
    cython: tuple[str, int, str]

    def __str__(self) -> str:
        where = " ".join(word for word in (self.function, self.step) if word) or "the file"
        places = [f"{path}:{line}" for path, line, _ in (self.c, self.cython)]
        width = max(map(len, places))
        lines = [f"  {place:{width}}  {half[2]}"
                 for place, half in zip(places, (self.c, self.cython), strict=True)]
        return "\n".join([f"{where}: the halves differ", *lines])


@dataclass
class Twins:
    """The texts of both halves of a file.

    path   below cref/; table: the spellings allowed, all if None
    """

    path: str
    c: str
    cython: str
    table: list[Spelling] | None = None

    @property
    def paths(self) -> tuple[str, str]:
        return f"cref/{self.path}", f"pykmm/{ALL_TWINS[self.path]}"

    def differences(self) -> list[Difference]:
        """Where the halves differ; an unreadable half is one difference."""
        try:
            ours = c_functions(self.c, FOREACH)
        except Unreadable as why:
            return [self._place("", "", (why.line, f"cannot be read: {why}"), (1, NOTHING))]
        try:
            theirs = cython_functions(self.cython,
                                      declarations=ALL_TWINS[self.path].endswith(".pxd"))
        except Unreadable as why:
            return [self._place("", "", (1, NOTHING), (why.line, f"cannot be read: {why}"))]
        found = self._compared("", [_named(f) for f in ours], [_named(f) for f in theirs])
        there = {f.name: f for f in theirs}
        for function in ours:
            if function.name in there:
                found += self._function(function, there[function.name])
        return found

    def _function(self, ours: Function, theirs: Function) -> list[Difference]:
        c = _steps(self.c, ours, cython=False)
        p = _steps(self.cython, theirs, cython=True)
        found = self._compared(ours.name, c, p, (ours.line, theirs.line))
        ours, theirs = common(ours, "C", self.table), common(theirs, "P", self.table)
        for items in (_head, _locals, _statements):
            found += self._compared(ours.name, items(ours), items(theirs),
                                    (ours.line, theirs.line))
        return found

    def _compared(self, function: str, ours: list[Item], theirs: list[Item],
                  start: tuple[int, int] = (1, 1)) -> list[Difference]:
        """Differences of two lists; start: the lines above them."""
        found = []
        matcher = SequenceMatcher(None, [i.key for i in ours], [i.key for i in theirs],
                                  autojunk=False)
        for tag, a, b, c, d in matcher.get_opcodes():
            above = (ours[a - 1].line if a else start[0], theirs[c - 1].line if c else start[1])
            pairs = zip_longest(ours[a:b], theirs[c:d]) if tag != "equal" else ()
            for mine, other in pairs:
                step = (mine or other).step
                if mine and other and mine.step != other.step:
                    step = f"{mine.step} in C, {other.step} in Cython"
                found.append(self._place(function, step, _said(mine, other, above[0]),
                                         _said(other, mine, above[1])))
        return found

    def _place(self, function: str, step: str, c: tuple[int, str],
               cython: tuple[int, str]) -> Difference:
        c_path, p_path = self.paths
        return Difference(function, step, (c_path, *c), (p_path, *cython))


def names_of(text: str) -> list[str]:
    """Functions that a C text defines; none if it cannot be read, which comparing will say."""
    try:
        return [function.name for function in c_functions(text, FOREACH)]
    except Unreadable:
        return []


def _said(item: Item | None, other: Item | None, above: int) -> tuple[int, str]:
    """(line, text) of an item; with its depth, if that is all that differs."""
    if item is None:
        return above, NOTHING
    alike = other and other.text == item.text and other.depth != item.depth
    return item.line, f"{item.text}   (in {item.depth} blocks)" if alike else item.text


def _named(function: Function) -> Item:
    return Item("", 0, f"function {function.name}", function.line)


def _steps(text: str, function: Function, *, cython: bool) -> list[Item]:
    """The anchors of a function, with their edits."""
    return [Item("", 0, "step " + " ".join((a.step, *a.edits)), a.line)
            for a in anchors_of(text, cython=cython) if function.line <= a.line <= function.last]


def _head(function: Function) -> list[Item]:
    arguments = [Item("", 0, f"argument {kind} {name}", function.line)
                 for kind, name in function.arguments]
    return [Item("", 0, f"returns {function.returns}", function.line), *arguments]


def _locals(function: Function) -> list[Item]:
    return [Item("", 0, f"local {s.type} {s.word}", s.line)
            for s in function.body if s.kind == "declare"]


def _statements(function: Function) -> list[Item]:
    """What a function does; a local without a value at the top does nothing."""
    return [item for s in function.body if s.kind != "declare" or s.parts
            for item in _items(s, 0)]


def _items(s: Statement, depth: int) -> list[Item]:
    texts = [text_of(e) for e in s.parts]
    inner = [item for b in s.body for item in _items(b, depth + 1)]
    other = [item for b in s.other for item in _items(b, depth + 1)]
    if other:
        # the line of `else` belongs to the step of what stands below it
        other.insert(0, Item(other[0].step, depth, "else", other[0].line))
    return [Item(s.step, depth, _text(s, texts), s.line), *inner, *other]


def _text(s: Statement, texts: list[str]) -> str:
    if s.kind == "declare":
        return f"{s.type} {s.word} = {texts[0]}" if texts else f"{s.type} {s.word}"
    if s.kind == "set":
        return f" {s.word} ".join(texts) if len(texts) == 2 else f"{texts[0]}{s.word}"
    if s.kind == "do":
        return texts[0]
    if s.kind == "again":
        return "runs into the end of its rung"
    if s.kind == "outside":
        return "outside of the ladder"
    return " ".join([s.kind, *([s.word] if s.word else []), *texts])
