# SPDX-License-Identifier: GPL-2.0-only
"""How often the lines below a condition ran, from the counts of its operands.

Only steps and operands are counted.  A condition ran as often as its first operand; what stands
first in the body of an `if`, in its `else`, or behind a body that jumps away, as often as
the condition held, or did not.  Every other line ran as often as the one above it, unless that one
ended the run.
"""

import ast
import re
from collections.abc import Iterator, Mapping

from .listing import Line
from .operands import C_WORDS, CYTHON_WORDS, Words, matching_bracket, wrap_operands

Sides = tuple[int, int]

_HEADS = {
    C_WORDS: re.compile(r"\s*(?:\} )?(?:else )?(?:if|while) (?=\()"),
    CYTHON_WORDS: re.compile(r"\s*(?:if|elif|while) "),
}
_C_COMMENT = re.compile(r"/\*.*?\*/")
_P_COMMENT = re.compile(r"\s+#.*$")
_ELSE = re.compile(r"\s*(?:\} )?else\b(?! if)")
_ELSE_IF = re.compile(r"\s*(?:\} )?(?:else if|elif)\b")
_RUNG = re.compile(r"at = L_\w+$")
_JUMP = re.compile(r"\s*(?:goto|return|continue|break|at = L_\w+; continue)\b")


def counts(lines: list[Line], sides: Mapping[str, Sides], *, cython: bool) -> dict[int, int]:
    """{number of a line: how often it ran}, of a function's lines that a condition decides about.

    lines : list   all of the function, in order
    sides : dict   how often each operand held and did not
    """
    words = CYTHON_WORDS if cython else C_WORDS
    found: dict[int, int] = {}
    for at, line in enumerate(lines):
        condition = _condition(lines, at, words) if line.operands else None
        if condition is not None:
            text, last = condition
            operands = [sides[one.name] for one in line.operands]
            found[line.number] = sum(operands[0])
            found.update(_below(lines, at, last, _sides_of(text, operands, words)))
    return found


def _code(text: str, words: Words) -> str:
    return (_P_COMMENT if words is CYTHON_WORDS else _C_COMMENT).sub("", text).rstrip()


def _condition(lines: list[Line], at: int, words: Words) -> tuple[str, int] | None:
    """The text of the condition that begins in a line, and the index of its last line."""
    text, last = _code(lines[at].text, words), at
    head = _HEADS[words].match(text)
    if not head:
        return None
    while text.count("(") > text.count(")") and last + 1 < len(lines):
        last += 1
        text += " " + _code(lines[last].text, words).strip()
    if words is CYTHON_WORDS:
        return text[head.end():].rstrip(":"), last
    return text[head.end() + 1:matching_bracket(text, head.end())], last


def _sides_of(condition: str, operands: list[Sides], words: Words) -> Sides:
    """How often a condition held and did not."""
    names: list[str] = []

    def named(text: str) -> str:
        names.append(f"_{len(names)}")
        # counted is the pointer, however its being NULL is said
        negated = text.endswith((" == NULL", " is NULL"))
        return f"(not {names[-1]})" if negated else names[-1]

    plain = wrap_operands(condition, words, named)
    for word, python in ((words.either, " or "), (words.both, " and "), (words.negate, " not ")):
        plain = plain.replace(word, python)
    return _evaluated(ast.parse(plain.strip(), mode="eval").body,
                      dict(zip(names, operands, strict=True)))


def _evaluated(node: ast.expr, of: Mapping[str, Sides]) -> Sides:
    if isinstance(node, ast.Name):
        return of[node.id]
    if isinstance(node, ast.UnaryOp):
        held, not_held = _evaluated(node.operand, of)
        return not_held, held
    assert isinstance(node, ast.BoolOp)
    parts = [_evaluated(value, of) for value in node.values]
    if isinstance(node.op, ast.And):
        return parts[-1][0], sum(part[1] for part in parts)
    return sum(part[0] for part in parts), parts[-1][1]


def _indent(line: Line) -> int:
    text = line.text.expandtabs(8)
    return len(text) - len(text.lstrip())


def _is_code(line: Line) -> bool:
    text = line.text.strip()
    return bool(text) and not text.startswith(("/*", "#")) and text not in ("{", "}") and \
        not _RUNG.match(text)


def _below(lines: list[Line], at: int, last: int, held: Sides) -> Iterator[tuple[int, int]]:
    """(number, count) of the lines that a condition decides about."""
    depth = _indent(lines[at])
    end = _end(lines, last + 1, depth)
    body = [line for line in lines[last + 1:end] if _is_code(line)]
    if not body:
        return
    yield body[0].number, held[0]
    if end < len(lines) and _ELSE.match(lines[end].text):
        other = [line for line in lines[end + 1:_end(lines, end + 1, depth)] if _is_code(line)]
        if other:
            yield other[0].number, held[1]
        return
    # where a branch before this one comes to is not known, nor what a body leaves half-way
    alone = not any(_ELSE_IF.match(lines[i].text) for i in (at, end) if i < len(lines))
    jumps = [line for line in body if _JUMP.match(line.text)]
    if alone and jumps and jumps[-1] is body[-1] and _indent(body[-1]) == _indent(body[0]):
        after = _next(lines, end, depth)
        if after:
            yield after.number, held[1]


def _next(lines: list[Line], start: int, depth: int) -> Line | None:
    """The statement that follows at the same depth; None where a block, rung or label ends."""
    for line in lines[start:]:
        if line.text.strip() and _indent(line) != depth:
            return None
        if _is_code(line):
            return line
    return None


def _end(lines: list[Line], start: int, depth: int) -> int:
    """Index of the first line that is not below a head of that depth."""
    return next((i for i in range(start, len(lines))
                 if lines[i].text.strip() not in ("", "}", "{") and _indent(lines[i]) <= depth),
                len(lines))
