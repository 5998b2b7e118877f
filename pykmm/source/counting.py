# SPDX-License-Identifier: GPL-2.0-only
"""The pass that turns a half into one that counts its steps and branches.

Each anchored line gets a KMM_STEP before it, and each operand of a condition
is wrapped into a KMM_OPERAND.  A counter is known by its name: the step, or the
step with the number of the operand in it, so the two halves count alike
although each is read by itself.  A branch is an operand of the condition of an
if, while, for or ?: of C's source; what Cython must spell as a loop or a
condition and C does not (the ladder, a foreach, a flag as 0 or 1, the cases of a
switch) is none.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import HarnessError
from .anchors import FUNCTION_OF, TWINS, anchor_in, anchors_of, letters_of
from .operands import C_WORDS, CYTHON_WORDS, Words, matching_bracket, wrap_operands

_C_CONDITION = re.compile(r"\b(?:if|while) \(")
_C_CHOICE = re.compile(r"(?:=|\breturn) (?P<condition>[^=?;]+) \? ")
_C_SWITCH = re.compile(r"\bswitch \((?P<value>.*)\) \{")
# a head whose body is the one statement on the next line
_C_BARE_HEAD = re.compile(
    r"\s*(?:\}\s*)?(?:else|(?:else )?if \(.*\)|(?:while|for) \(.*\))\s*(?:/\*.*\*/)?\s*$",
    re.DOTALL)
_C_JUMP = re.compile(r"(?:goto|return|break|continue)\b")
_P_CONDITION = re.compile(r"^\s*(?:if|elif|while) (?P<condition>.*):\s*(?P<rest>#.*)?$")
_P_HEAD = re.compile(r"^\s*(?:if|elif|while) ")
_P_FLAG = r"1 if .+ else 0\s*(?:#|$)"
_P_CHOICE = re.compile(rf"^\s*(?:\w+ =|return) (?!{_P_FLAG}).+ if (?P<condition>.+) else .+$")
_P_NO_BRANCH = re.compile(r"^\s*while (?:at == L_\w+|\w+ is not NULL|True):")
_P_CASE = re.compile(r"\((?P<value>.*)\) [!=]= \w+")
_P_COMMENT = re.compile(r"\s*#.*$")


@dataclass
class Counters:
    """Numbers of the counters: a step has one, a branch two (taken, not taken).

    switches : set     what C's switches are about
    """

    steps: dict[str, int] = field(default_factory=dict)
    branches: dict[str, int] = field(default_factory=dict)
    switches: set[str] = field(default_factory=set)
    total: int = 0

    def steps_of(self, function: str) -> list[str]:
        return [step for step in self.steps if FUNCTION_OF[letters_of(step)] == function]

    def branches_of(self, function: str) -> list[str]:
        return [name for name in self.branches if FUNCTION_OF[letters_of(name)] == function]


@dataclass(frozen=True)
class Place:
    """Where a step or an operand stands.

    name : str   the step, or the operand (MM8/1)
    line : int   1-based; of a condition of several lines, the first
    text : str   of an operand, as it is counted: of a comparison with NULL, the pointer
    """

    name: str
    line: int
    text: str = ""


def counters_of(cref: Path) -> Counters:
    """All counters, from the C half's sources."""
    counters = Counters()
    for path in TWINS:
        text = (cref / path).read_text(encoding="utf-8")
        for anchor in anchors_of(text, cython=False):
            if anchor.step in counters.steps:
                raise HarnessError(f"cref/{path}:{anchor.line}: step {anchor.step} stands twice")
            counters.steps[anchor.step] = counters.total
            counters.total += 1
        counters.switches |= {found["value"] for found in _C_SWITCH.finditer(text)}
        _Pass(counters, path, C_WORDS, declare=True).run(text)
    return counters


class _Pass:
    """One file, line by line."""

    def __init__(self, counters: Counters, path: str, words: Words, *, declare: bool = False):
        self.counters = counters
        self.path = path
        self.words = words
        self.declare = declare
        self.step = ""
        self.operands = 0
        self.line = 0
        self.places: list[Place] = []
        self.seen: set[str] = set()
        self.strange: list[str] = []

    def _operand(self, text: str) -> str:
        self.operands += 1
        name = f"{self.step}/{self.operands}"
        if self.declare:
            self.counters.branches[name] = self.counters.total
            self.counters.total += 2
        if name not in self.counters.branches:
            self.strange.append(f"condition {name} ({text}) has no twin in C")
            return text
        self.seen.add(name)
        number = self.counters.branches[name]
        # the same as !pointer: count the pointer, whichever way it is spelled
        pointer = text.removesuffix(" == NULL").removesuffix(" is NULL")
        self.places.append(Place(name, self.line, " ".join(pointer.split())))
        if pointer != text:
            return (f"!KMM_OPERAND({number}, {pointer})" if self.words is C_WORDS else
                    f"not KMM_OPERAND({number}, {pointer} is not NULL)")
        return f"KMM_OPERAND({number}, {text})"

    def _wrapped(self, line: str, start: int, end: int) -> str:
        return line[:start] + wrap_operands(line[start:end], self.words, self._operand) + line[end:]

    def _condition(self, line: str) -> str:
        """A line, or all lines of a condition, with the operands wrapped."""
        if self.words is C_WORDS:
            if found := _C_CONDITION.search(line):
                return self._wrapped(line, found.end(), matching_bracket(line, found.end() - 1))
            found = _C_CHOICE.search(line)
        else:
            found = _P_CONDITION.match(line) or _P_CHOICE.match(line)
            if found and (_P_NO_BRANCH.match(line) or self._is_case(found["condition"])):
                return line
        return self._wrapped(line, *found.span("condition")) if found else line

    def _is_case(self, condition: str) -> bool:
        case = _P_CASE.fullmatch(condition)
        return bool(case) and case["value"] in self.counters.switches

    def _is_open(self, line: str) -> bool:
        """Does the condition that begins here go on in the next line?"""
        if self.words is C_WORDS:
            found = _C_CONDITION.search(line)
            return bool(found) and line.count("(", found.start()) > line.count(")", found.start())
        return bool(_P_HEAD.match(line)) and line.count("(") > line.count(")")

    def _whole(self, line: str, rest: list[str]) -> str:
        """`line` with those of `rest` that its condition goes on in, which are taken out."""
        if not self._is_open(line):
            return line
        cython = self.words is CYTHON_WORDS
        if cython:
            line = _P_COMMENT.sub("", line)
        while self._is_open(line):
            if not rest or anchor_in(rest[0], cython=cython):
                raise ValueError("bracket without an end in a condition")
            more = rest.pop(0)
            line += " " + _P_COMMENT.sub("", more).strip() if cython else "\n" + more
        return line

    def _as_one_statement(self, indent: str, count: str, statement: str) -> str:
        if _C_JUMP.match(statement):
            jump, semicolon, comment = statement.partition(";")
            return f"{indent}{{ {count}; {jump}{semicolon} }}{comment}"
        return f"{indent}{count}, {statement}"

    def _counted_step(self, step: str, line: str, out: list[str]) -> str:
        """Begin a step: its count goes before the line, or into it."""
        self.step, self.operands = step, 0
        if step not in self.counters.steps:
            self.strange.append(f"step {step} is not in C")
            return line
        self.seen.add(step)
        self.places.append(Place(step, self.line))
        indent = line[: len(line) - len(line.lstrip())]
        count = f"KMM_STEP({self.counters.steps[step]})"
        if self.words is CYTHON_WORDS:
            out.append(indent + count)
        elif out and _C_BARE_HEAD.match(out[-1]):
            # the step is the whole body: one statement must stay one
            return self._as_one_statement(indent, count, line.lstrip())
        else:
            out.append(f"{indent}{count};")
        return line

    def run(self, text: str) -> str:
        cython = self.words is CYTHON_WORDS
        out: list[str] = []
        rest = text.splitlines()
        lines = len(rest)
        while rest:
            self.line = lines - len(rest) + 1
            line = rest.pop(0)
            anchor = anchor_in(line, cython=cython)
            try:
                line = self._whole(line, rest)
                if anchor:
                    line = self._counted_step(anchor[0], line, out)
                out.append(self._condition(line) if self.step else line)
            except ValueError as error:
                raise HarnessError(f"{self.path}:{self.line}: {error}: a condition must end where "
                                   "its brackets do, and hold no step, to be counted") from error
        return "\n".join(out) + "\n"


def places_in(counters: Counters, path: str, text: str, *, cython: bool) -> list[Place]:
    """Steps and operands of a mirrored file, in order; those that C has not are left out."""
    one = _Pass(counters, path, CYTHON_WORDS if cython else C_WORDS)
    one.run(text)
    return one.places


def count_c(counters: Counters, path: str, text: str) -> str:
    """The counting text of a C file, given its path below cref/."""
    counted = _Pass(counters, path, C_WORDS).run(text)
    return '#include "machine/count.h"\n' + counted


_P_EXTERN = '''
cdef extern from "machine/count.h" nogil:
    void KMM_STEP(int step)
    bint KMM_OPERAND(int branch, bint value)
'''


def count_cython(counters: Counters, path: str, text: str,
                 differences: list[str] | None = None) -> str:
    """The counting text of the Cython twin; its package is pykmm.counted.

    differences : list    gets a line for each step or branch that only one half has, which is then
                          not counted; a mirror under work is built all the same
    raises HarnessError   there is one, and no list for it
    """
    one = _Pass(counters, path, CYTHON_WORDS)
    counted = in_counted_package(one.run(text))
    prefixes = {letters_of(step) for step in one.seen}
    wanted = {n for n in (*counters.steps, *counters.branches) if letters_of(n) in prefixes}
    if wanted - one.seen:
        one.strange.append(f"{', '.join(sorted(wanted - one.seen))} of C are not here")
    if one.strange and differences is None:
        raise HarnessError(f"{path}: {'; '.join(one.strange)}")
    if differences is not None:
        differences += [f"{path}: {what}" for what in one.strange]
    where = re.search(r"^cdef ", counted, re.MULTILINE)
    if not where:
        raise HarnessError(f"{path}: no cdef in a mirrored file")
    return counted[:where.start()] + _P_EXTERN.lstrip() + "\n\n" + counted[where.start():]


def in_counted_package(text: str) -> str:
    """The text with its cimports leading into pykmm.counted."""
    return re.sub(r"\bpykmm\.(mm|fs|linux)\b", r"pykmm.counted.\1", text)
