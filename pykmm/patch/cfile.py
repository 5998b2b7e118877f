# SPDX-License-Identifier: GPL-2.0-only
"""What must be known of a C file to replace parts of it: its functions and its marked regions.

This is no C parser.  It relies on kernel style: a function's signature begins
in the first column, its body opens with { and ends with } in the first
column, and a marker of a region stands on a line of its own.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from pykmm.errors import HarnessError

_OPEN = re.compile(r"\s*/\* (E\d\d)(?:-(E\d\d))? \{ \*/\s*")
_CLOSE = re.compile(r"\s*/\* \} (E\d\d)(?:-(E\d\d))? \*/\s*")
# A marker that is not quite right must not pass as a comment.
_LIKE_A_MARKER = re.compile(r"/\*\s*(?:E\d+[^*]*\{|\}\s*E\d+[^*]*)\s*\*/")
_CONSTANT = re.compile(r"\s*#\s*define\s+KMM_FILE\s+(\w+)")
_BRACE = re.compile(r"[{}]\s*(?:/\*.*\*/\s*)?")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CALLED = re.compile(r"(\w+)\s*\(")
_POINTER_NAME = re.compile(r"\(\s*\*\s*(\w+)")
_LAST_NAME = re.compile(r"(\w+)\s*(?:\[[^]]*\]\s*)*$")


@dataclass(frozen=True)
class Function:
    """A function definition; first, body and last are indexes of lines, last included.

    signature   the lines from first up to the { of the body
    parameters  their names
    """

    name: str
    signature: tuple[str, ...]
    parameters: tuple[str, ...]
    first: int
    body: int
    last: int

    def signature_as(self, name: str) -> list[str]:
        """The lines of the signature under another name; as many as before."""
        text = "\n".join(self.signature)
        return re.sub(rf"\b{self.name}(?=\s*\()", name, text, count=1).split("\n")


@dataclass(frozen=True)
class Region:
    """A marked region; first and last are the indexes of its two marker lines.

    edits     ids in order, all of one hunk
    function  the function it lies in, or None at file level
    """

    edits: tuple[str, ...]
    first: int
    last: int
    function: Function | None


@dataclass(frozen=True)
class CFile:
    """A file of the C half.

    path      below cref, which is also its path in the kernel
    name      the file on disk, for messages and #line directives
    constant  what its KMM_FILE is, or None; constant_line is the index of that line
    """

    path: str
    name: str
    lines: tuple[str, ...]
    functions: tuple[Function, ...]
    regions: tuple[Region, ...]
    constant: str | None
    constant_line: int


def read_c_file(cref: Path, path: str) -> CFile:
    """Read one file of the C half.

    raises HarnessError  a marker is malformed, unclosed, or crosses a function's edge
    """
    name = str(cref / path)
    lines = tuple((cref / path).read_text(encoding="utf-8").split("\n"))
    if lines[-1] == "":
        lines = lines[:-1]
    marks = _marks(name, lines)
    functions = _functions(name, lines) if marks else ()
    constants = [(i, m[1]) for i, line in enumerate(lines) if (m := _CONSTANT.match(line))]
    if len({constant for _, constant in constants}) > 1:
        raise HarnessError(f"{name}:{constants[1][0] + 1}: KMM_FILE is given two meanings")
    return CFile(
        path=path,
        name=name,
        lines=lines,
        functions=functions,
        regions=tuple(_placed(name, mark, functions) for mark in marks),
        constant=constants[0][1] if constants else None,
        constant_line=constants[0][0] if constants else -1,
    )


def _fault(name: str, index: int, wrong: str) -> HarnessError:
    return HarnessError(f"{name}:{index + 1}: {wrong}")


# -- regions


def _marks(name: str, lines: tuple[str, ...]) -> list[Region]:
    """The regions of a file, not yet placed in functions."""
    marks: list[Region] = []
    opened: tuple[tuple[str, ...], int] | None = None
    for index, line in enumerate(lines):
        if match := _OPEN.fullmatch(line):
            if opened:
                raise _fault(name, opened[1], f"the region of {opened[0][0]} is not closed")
            opened = _edit_ids(match), index
        elif match := _CLOSE.fullmatch(line):
            ids = _edit_ids(match)
            if not opened or opened[0] != ids:
                raise _fault(name, index, f"it closes a region of {ids[0]} that is not open")
            marks.append(Region(ids, opened[1], index, None))
            opened = None
        elif _LIKE_A_MARKER.search(line):
            raise _fault(name, index, "a marker of a region must stand alone, as /* E22 { */")
    if opened:
        raise _fault(name, opened[1], f"the region of {opened[0][0]} is not closed")
    return marks


def _edit_ids(match: re.Match[str]) -> tuple[str, ...]:
    first, last = match[1], match[2] or match[1]
    return tuple(f"E{n:02}" for n in range(int(first[1:]), int(last[1:]) + 1)) or (first, last)


def _placed(name: str, region: Region, functions: tuple[Function, ...]) -> Region:
    """The region with the function it lies in; a region may hold functions, but cut none."""
    for function in functions:
        if function.body < region.first and region.last < function.last:
            return Region(region.edits, region.first, region.last, function)
        apart = region.last < function.first or function.last < region.first
        holds = region.first < function.first and function.last < region.last
        if not apart and not holds:
            raise _fault(name, region.first, f"the region cuts through {function.name}")
    return region


# -- functions


def _functions(name: str, lines: tuple[str, ...]) -> tuple[Function, ...]:
    functions: list[Function] = []
    body: int | None = None
    for index, line in enumerate(lines):
        if not _BRACE.fullmatch(line):
            continue
        if line[0] == "{":
            if body is not None:
                raise _fault(name, body, "no } in the first column ends this function")
            body = index
        elif body is not None:
            functions.append(_function(name, lines, body, index))
            body = None
    if body is not None:
        raise _fault(name, body, "no } in the first column ends this function")
    return tuple(functions)


def _function(name: str, lines: tuple[str, ...], body: int, last: int) -> Function:
    first = body
    while first > 0 and _may_be_signature(lines[first - 1]):
        first -= 1
    signature = lines[first:body]
    text = _COMMENT.sub("", "\n".join(signature))
    called = next((m for m in _CALLED.finditer(text) if m[1] != "__attribute__"), None)
    if called is None:
        raise _fault(name, body, "no signature stands above this {")
    parameters = _split(_inside(text, called.end()))
    if "..." in parameters:
        raise _fault(name, first, f"{called[1]} takes any number of arguments")
    names = tuple(_parameter_name(name, first, p) for p in parameters if p not in ("", "void"))
    return Function(called[1], signature, names, first, body, last)


def _may_be_signature(line: str) -> bool:
    text = line.strip()
    ends_something = text.endswith((";", "}")) or text.startswith(("#", "/*", "*", "//"))
    return bool(text) and not ends_something


def _inside(text: str, start: int) -> str:
    """What stands between the parenthesis that opened before start and its partner."""
    depth = 1
    for end in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if not depth:
            return text[start:end]
    return text[start:]


def _split(text: str) -> list[str]:
    """The parts between commas that are in no parentheses of their own."""
    parts, depth = [""], 0
    for c in text:
        depth += {"(": 1, ")": -1}.get(c, 0)
        if c == "," and not depth:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts]


def _parameter_name(name: str, index: int, parameter: str) -> str:
    match = _POINTER_NAME.search(parameter) or _LAST_NAME.search(parameter)
    if match is None:
        raise _fault(name, index, f"the parameter '{parameter}' has no name")
    return match[1]
