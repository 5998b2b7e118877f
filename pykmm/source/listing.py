# SPDX-License-Identifier: GPL-2.0-only
"""The mirrored sources as both halves have them, step by step: what a listing of counts shows.

A step's lines run from its anchor to the next one; the lines of a function above its first
step are a block of no step.
"""

import re
from dataclasses import dataclass, field

from .. import paths
from . import counting
from .anchors import FUNCTION_OF, TWINS, letters_of
from .counting import Counters, Place

_C_END = re.compile(r"\}\s*$")
_P_START = re.compile(r"cdef ")


@dataclass
class Line:
    """One line of a source.

    number : int      1-based
    step : str        that is anchored here, or ""
    operands : list   of conditions that begin here
    """

    number: int
    text: str
    step: str = ""
    operands: list[Place] = field(default_factory=list)


@dataclass
class Block:
    """The lines of one step, or of none (""), in C and in Cython."""

    step: str
    halves: tuple[list[Line], list[Line]]


@dataclass
class Function:
    """A mirrored function.

    files : (str, str)   paths from the root of the sources, C's and Cython's
    """

    name: str
    files: tuple[str, str]
    blocks: list[Block]


def functions(counters: Counters) -> list[Function]:
    """All functions, in the order of C's files; raises HarnessError if one cannot be read."""
    return [function for c_path, p_path in TWINS.items()
            for function in _of_file(counters, c_path, p_path)]


def _of_file(counters: Counters, c_path: str, p_path: str) -> list[Function]:
    c = _by_function(counters, c_path, paths.cref() / c_path, cython=False)
    p = _by_function(counters, c_path, paths.package() / p_path, cython=True)
    return [Function(name, (f"cref/{c_path}", f"pykmm/{p_path}"),
                     [Block(step, (lines, p.get(name, {}).get(step, [])))
                      for step, lines in blocks.items()])
            for name, blocks in c.items()]


def _by_function(counters: Counters, path: str, file, *, cython: bool) -> dict[str, dict]:
    """{function: {step: lines}} of a file."""
    lines = [Line(number, text)
             for number, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)]
    steps = []
    for place in counting.places_in(counters, path, file.read_text(encoding="utf-8"),
                                    cython=cython):
        if place.text:
            lines[place.line - 1].operands.append(place)
        else:
            lines[place.line - 1].step = place.name
            steps.append(place)
    found: dict[str, dict] = {}
    for place, after in zip(steps, [*steps[1:], None], strict=True):
        name = FUNCTION_OF[letters_of(place.name)]
        if name not in found:
            found[name] = {"": lines[_start(lines, place.line, cython) - 1:place.line - 1]}
        same = after and FUNCTION_OF[letters_of(after.name)] == name
        end = after.line if same else _end(lines, place.line, cython)
        found[name][place.name] = _without_end(lines[place.line - 1:end - 1], same)
    return found


def _without_end(lines: list[Line], same: bool) -> list[Line]:
    """Without the empty lines between two functions."""
    while not same and lines and not lines[-1].text:
        lines = lines[:-1]
    return lines


def _start(lines: list[Line], first: int, cython: bool) -> int:
    """Where the function that the line is in begins."""
    for at in range(first, 1, -1):
        if cython and _P_START.match(lines[at - 1].text):
            return at
        # C: after the end of whatever is above, and after what is empty or not its own
        above, text = lines[at - 2].text, lines[at - 1].text
        if not cython and (_C_END.match(above) or (not above and text[:1] not in ("\t", "{"))):
            return at
    return first


def _end(lines: list[Line], last: int, cython: bool) -> int:
    """The line after the function that the line is in."""
    for at in range(last + 1, len(lines) + 1):
        text = lines[at - 1].text
        if not cython and _C_END.match(text):
            return at + 1
        if cython and text and not text[0].isspace():
            return at
    return len(lines) + 1
