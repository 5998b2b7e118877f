# SPDX-License-Identifier: GPL-2.0-only
"""The canonical layout of a scenario's file: what `pykmm fmt` writes.

Expectations stand two spaces in, below what they are about; a comment below
them stays with what follows it.  Of several empty lines one is left.
"""

from .model import Expect, Line, Scenario

_INDENT = "  "


def _indent(line: Line, following: list[Line]) -> str:
    """That of the statement which a line holds, or which its comment stands before."""
    if line.statement is None:
        line = next((one for one in following if one.statement is not None or not (
            one.comment is not None)), line)
    return _INDENT if isinstance(line.statement, Expect) else ""


def _text(line: Line, following: list[Line]) -> str:
    said = [str(line.statement)] if line.statement is not None else []
    if line.comment is not None:
        said.append(f"# {line.comment}".rstrip())
    return (_indent(line, following) + "  ".join(said)).rstrip()


def text(scenario: Scenario) -> str:
    """The whole file, with an end of line at its end."""
    found: list[str] = []
    for i, line in enumerate(scenario.lines):
        one = _text(line, list(scenario.lines[i + 1:]))
        if one or (found and found[-1]):
            found.append(one)
    while found and not found[-1]:
        found.pop()
    return "\n".join([*found, ""])
