# SPDX-License-Identifier: GPL-2.0-only
"""From the text of a scenario to its statements, line by line."""

import re
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import lark
from lark.lark import PostLex

from ..engine import core
from ..errors import BadInput, shortened
from . import model
from .model import Condition, Fact, Line, Option, Scenario, Value, VmaText, Wanted, What

MOST_BYTES = 1 << 20
MOST_OF_A_WORD = 200    # in a message
_SHOWN = 8          # things that a message lists before it stops

# what a message calls a kind of word
_CALLED = {
    "WORD": "a name", "NUMBER": "a number", "NEGATIVE": "a number below zero",
    "ERROR": "an error such as -EINVAL", "ACTOR": "a process (p0, p1, p2)", "KEY": "name=value",
    "OPERATION": "an operation", "PATH": "a field such as page[0].index",
    "LIST": "a list such as [1 2 3 4]", "STRING": 'an event in quotes, as "put_page(*"',
    "PAGE_OF": "a page as f[0] or p0[a]", "UNITS": "units (U5, U1+U2, -U6)",
    "EVERY": "all or none", "PERMISSIONS": "permissions such as rw-s",
    "COUNTER": "a counter such as nr_dirty", "STEPS": "steps such as MK*",
    "RANGE": "..", "$END": "the end of the line",
}


def complain(name: str, line: int, column: int, what: str) -> NoReturn:
    """raises BadInput   with the place, as editors know it"""
    raise BadInput(f"{name}:{line}:{column}: {shortened(what, MOST_OF_A_WORD)}")


class _WholeWords(PostLex):
    """Reads a word as a whole: no keyword is found in the beginning of another one."""

    always_accept = ("WORD",)

    def process(self, stream):
        return stream


@cache
def _parser() -> lark.Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return lark.Lark(grammar, parser="lalr", propagate_positions=True, maybe_placeholders=True,
                     postlex=_WholeWords())


def _value(kind: str):
    def make(_, meta, children):
        return Value("".join(map(str, children)), kind, meta.column)
    return make


def _joined(kind: str, by: str):
    def make(_, meta, children):
        return Value(by.join(map(str, children)), kind, meta.column)
    return make


@lark.v_args(meta=True)
class _Statements(lark.Transformer):
    """One method for each rule of the grammar; what it is given is in the grammar's order."""

    def start(self, _, children):
        return children[0]

    def NUMBER(self, token):
        return Value(str(token), "number", token.column)

    def NEGATIVE(self, token):
        return Value(str(token), "negative", token.column)

    word, actor, page_of = _value("word"), _value("actor"), _value("page_of")
    place_sum, bits, numbers = _joined("sum", "+"), _joined("bits", "|"), _joined("numbers", ",")

    def operand(self, _, children):
        return children[0]

    place = set_value = operand

    def page_ref_value(self, _, children):
        return children[0]

    page_ref = page_ref_value

    def option(self, meta, children):
        return Option(str(children[0])[:-1], children[1], meta.column)

    def unit_set(self, meta, children):
        return Value(str(children[0]), "units", meta.column)

    def units(self, _, children):
        return model.Units(tuple(map(str, children)), tuple(c.column for c in children))

    def file_kind(self, meta, children):
        return Value(" ".join(map(str, children)), "word", meta.column)

    def file(self, _, children):
        name, kind, *options = children
        return model.FileLine(str(name), str(kind), tuple(options), name.column, kind.column)

    def limit(self, _, children):
        return model.Limit(tuple(children))

    def clock(self, meta, _):
        return model.Clock(meta.column)

    def fail(self, meta, children):
        return model.Fail(str(children[0]), children[0].column)

    def pause(self, _, children):
        at, *options, act = children
        return model.Pause(str(at), tuple(options), act, at.column)

    def act(self, meta, children):
        actor, name, operation, *rest = children
        operands = tuple(part for part in rest if isinstance(part, Value))
        return model.Act(str(operation), actor and str(actor), name and str(name), operands,
                         _options(rest), _results(rest), operation.column,
                         name.column if name else 1)

    def call(self, _, children):
        function, *rest = children
        return model.Call(str(function), _options(rest), _results(rest), function.column)

    def outcome(self, meta, children):
        return Value(" ".join(map(str, children)), "outcome", meta.column)

    def condition(self, _, children):
        return Condition(str(children[0]), str(children[1]))

    def one_result(self, meta, children):
        outcome, *condition = children
        return Wanted(str(outcome), condition[0] if condition else None, meta.column)

    def result(self, _, children):
        return tuple(children)

    # facts

    def fact_word(self, meta, children):
        text = str(children[0])
        if text.startswith("["):
            text = f"[{' '.join(text.strip('[]').split())}]"
        return Value(text, "word", meta.column)

    word_or_number = fact_word

    def fact(self, meta, children):
        negative, *words = children
        return Fact(tuple(map(str, words)), negative is not None, meta.column)

    def facts(self, _, children):
        return tuple(children)

    def vma_text(self, meta, children):
        start, _, end, permissions, *words = children
        return VmaText(start, end, str(permissions), tuple(map(str, words)), meta.column)

    # worlds made of fields

    def page(self, _, children):
        return model.PageLine(str(children[0]), children[1], children[0].column)

    def vma(self, _, children):
        number, process, vma = children
        return model.VmaLine(str(number), str(process), vma, number.column)

    def pte(self, _, children):
        return model.PteLine(str(children[0]), children[1], children[2])

    def buffer(self, meta, children):
        return Fact(tuple(map(str, children)) or ("-",), False, getattr(meta, "column", 1))

    def buffers(self, _, children):
        return model.BuffersLine(children[0], tuple(children[1:]), children[0].column)

    def hold(self, _, children):
        return model.Hold(str(children[1]), children[0] is not None, children[1].column)

    def set(self, _, children):
        return model.Set(str(children[0]), str(children[1]), children[0].column)

    # expectations

    def expect(self, _, children):
        return model.Expect(children[1], children[0])

    def place_facts(self, meta, children):
        return What("pte", "", tuple(children[:2]), children[2], column=meta.column)

    def vma_facts(self, meta, children):
        return What("vma", "", tuple(children[:2]), children[2], column=meta.column)

    def vmas(self, meta, children):
        listed = tuple(child for child in children[1:] if isinstance(child, VmaText))
        return What("vmas", "", (children[0],), vmas=listed, column=meta.column)

    def process_facts(self, meta, children):
        return What("process", "", (children[0],), children[1], column=meta.column)

    def page_facts(self, meta, children):
        return What("page", "", (children[0],), children[1], column=meta.column)

    def buffer_facts(self, meta, children):
        number, page, facts = children
        return What("buffer", "", (number, page) if page else (number,), facts, column=meta.column)

    def file_facts(self, meta, children):
        return What("file", "", (children[0],), children[1], column=meta.column)

    def swap_facts(self, meta, children):
        return What("swap", "", (children[0],), children[1], column=meta.column)

    def counter(self, meta, children):
        return Fact((str(children[0]), str(children[1])), False, meta.column)

    def counters(self, meta, children):
        return What("counters", facts=tuple(children), column=meta.column)

    def locks(self, meta, children):
        held = tuple(Value(str(child), "path", child.column) for child in children
                     if child.type == "PATH")
        return What("locks", items=held, column=meta.column)

    def step(self, meta, children):
        return Value(str(children[0]), "word", meta.column)

    event = step

    def steps(self, meta, children):
        how, *items = children
        return What("steps", str(how or ""), items=tuple(items), column=meta.column)

    def events(self, meta, children):
        how, *items = children
        return What("events", str(how or ""), items=tuple(items), column=meta.column)

    def property(self, meta, children):
        return What("property", str(children[1]), (children[0],), column=meta.column)

    def properties(self, meta, children):
        return What("properties", str(children[0]), column=meta.column)

    def ending(self, meta, children):
        return What("result", str(children[0]), column=meta.column)

    def faults(self, meta, children):
        return What("faults", str(children[0]), column=meta.column)

    def unchanged(self, meta, _):
        return What("unchanged", column=meta.column)

    def interference(self, meta, children):
        return What("interference", str(children[0]), column=meta.column)

    def field(self, meta, children):
        path = Value(str(children[0]), "path", meta.column)
        return What("field", str(children[1]), (path,), column=meta.column)

    # drawn cases

    def case(self, _, children):
        return model.CaseLine(str(children[0]), children[0].column)

    def choice(self, _, children):
        name, *values = children
        return model.Choice(str(name), tuple(map(str, values)), name.column)

    def spare(self, _, children):
        return model.Spare(str(children[0]), children[0].column)


def _options(parts: list[Any]) -> tuple[Option, ...]:
    return tuple(part for part in parts if isinstance(part, Option))


def _results(parts: list[Any]) -> tuple[Wanted, ...]:
    return next((part for part in parts if isinstance(part, tuple)), ())


def _operations() -> str:
    return ", ".join(kind for kind, _ in core.OPERATIONS[1:])


def _expected(names: set[str]) -> str:
    """What could have stood there, in a message's words."""
    words = []
    for name in names:
        pattern = _parser().get_terminal(name).pattern if name != "$END" else None
        literal = pattern is not None and pattern.type == "str"
        words.append(repr(pattern.value) if literal else _CALLED.get(name, name))
    found = sorted(set(words), key=lambda word: (word.startswith("'"), word))
    more = [f"{len(found) - _SHOWN} more"] if len(found) > _SHOWN + 1 else []
    found = found[:_SHOWN] + more if more else found
    return " or ".join(filter(None, [", ".join(found[:-1]), found[-1]]))


def _statement(name: str, number: int, text: str) -> model.Statement:
    try:
        return _Statements().transform(_parser().parse(text))
    except lark.exceptions.UnexpectedCharacters as error:
        complain(name, number, error.column,
                 f"found {text[error.column - 1:].split()[0]!r}, expected "
                 f"{_expected(set(error.allowed or ()))}")
    except lark.exceptions.UnexpectedToken as error:
        end = error.token.type == "$END"
        if error.accepts == {"EQUAL"} and (first := re.match(r"p[0-2]:\s*(\w+)", text)):
            complain(name, number, first.start(1) + 1, f"{first[1]!r} is no operation, and no name "
                     f"for a result either, as no = follows; operations are {_operations()}")
        found = "the end of the line" if end else repr(str(error.token))
        complain(name, number, len(text) + 1 if end else error.column,
                 f"found {found}, expected {_expected(set(error.accepts or error.expected))}")


def _without_comment(text: str) -> tuple[str, str | None]:
    """A line's statement and its comment; in quotes # is no comment."""
    quoted = False
    for i, letter in enumerate(text):
        quoted ^= letter == '"'
        if letter == "#" and not quoted:
            return text[:i].rstrip(), text[i + 1:].removeprefix(" ").rstrip()
    return text.rstrip(), None


def parse(text: str, name: str = "scenario") -> Scenario:
    """The statements of a scenario; what they mean together is looked at by meaning.check.

    name : str        the file, for messages
    raises BadInput   naming the place, what was found there and what was expected
    """
    lines = []
    for number, source in enumerate(text.split("\n"), 1):
        said, comment = _without_comment(source.rstrip("\r"))
        statement = _statement(name, number, said) if said.strip() else None
        lines.append(Line(number, statement, comment, said.strip()))
    while lines and lines[-1].statement is None and lines[-1].comment is None:
        lines.pop()
    return Scenario(name, tuple(lines))


def read(path: Path) -> str:
    """The text of a scenario's file.

    raises BadInput   it cannot be read, is no text, or is longer than any scenario
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot read it: {error.strerror}") from error
    if len(data) > MOST_BYTES:
        raise BadInput(f"{path}: longer than {MOST_BYTES} bytes: no scenario is")
    try:
        # as some editors write it: with a byte order mark
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{path}:{line}: not text in UTF-8: a scenario is a text file") from error
