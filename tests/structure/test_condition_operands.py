# SPDX-License-Identifier: GPL-2.0-only
"""Conditions split into operands, in both languages: pykmm/source/operands.py."""

import pytest

from pykmm.source.operands import C_WORDS, CYTHON_WORDS, matching_bracket, wrap_operands


def wrapped(condition: str, words=C_WORDS) -> str:
    return wrap_operands(condition, words, lambda operand: f"<{operand}>")


@pytest.mark.parametrize(("condition", "expected"), [
    ("a", "<a>"),
    ("!a", "!<a>"),
    ("!!a", "!!<a>"),
    ("a != b", "<a != b>"),
    ("a && b || c", "<a> && <b> || <c>"),
    ("a || b && !c", "<a> || <b> && !<c>"),
    ("(a || b) && c", "(<a> || <b>) && <c>"),
    ("!(a || (b && !c))", "!(<a> || (<b> && !<c>))"),
    ("f(a && b) && c", "<f(a && b)> && <c>"),
    ("f(a, g(b || c))", "<f(a, g(b || c))>"),
    ("p[a || b] == (c)", "<p[a || b] == (c)>"),
    ("(a) == (b)", "<(a) == (b)>"),
    ("((a))", "((<a>))"),
    ("a & b && c | d", "<a & b> && <c | d>"),
    (" a  &&  b ", " <a>  &&  <b> "),
])
def test_operands_of_c(condition, expected):
    assert wrapped(condition) == expected


@pytest.mark.parametrize(("condition", "expected"), [
    ("a", "<a>"),
    ("not a", "not <a>"),
    ("not (a or (b and not c))", "not (<a> or (<b> and not <c>))"),
    ("not a and b", "not <a> and <b>"),
    ("a and b or c", "<a> and <b> or <c>"),
    ("f(a and b) or c", "<f(a and b)> or <c>"),
    ("land or order", "<land> or <order>"),
    ("notice", "<notice>"),
    ("a is not NULL", "<a is not NULL>"),
])
def test_operands_of_cython(condition, expected):
    assert wrapped(condition, CYTHON_WORDS) == expected


@pytest.mark.parametrize(("c", "cython"), [
    ("!(d(*p) || (q && w(*p)))", "not (d(p[0]) or (q and w(p[0])))"),
    ("a && !b", "a and not b"),
    ("!a || b && (c || !d)", "not a or b and (c or not d)"),
])
def test_operands_of_twins_have_the_same_numbers(c, cython):
    ours: list[str] = []
    theirs: list[str] = []
    wrap_operands(c, C_WORDS, lambda operand: ours.append(operand) or operand)
    wrap_operands(cython, CYTHON_WORDS, lambda operand: theirs.append(operand) or operand)

    assert [o.replace("*p", "p[0]") for o in ours] == theirs


@pytest.mark.parametrize(("text", "at", "end"), [
    ("(a)", 0, 2), ("f(a[b(c)], {d})", 1, 14), ("x = (a) + (b)", 4, 6),
])
def test_matching_bracket_is_found(text, at, end):
    assert matching_bracket(text, at) == end


def test_matching_bracket_that_is_missing_is_said():
    with pytest.raises(ValueError, match="bracket without an end"):
        matching_bracket("if (a && (b)", 3)
