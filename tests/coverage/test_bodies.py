# SPDX-License-Identifier: GPL-2.0-only
"""Counts of lines below conditions: made of the counts of operands, and exact where steps tell."""

import pytest

from pykmm import paths
from pykmm.engine import halves
from pykmm.engine.fuzz import Fuzzer, Plan
from pykmm.source import bodies, counting, listing, reached
from pykmm.source.counting import Place
from pykmm.source.listing import Line

COUNTERS = counting.counters_of(paths.cref())


def counted(text: str, operands: dict[int, list[tuple[int, int]]], *,
            cython: bool = False) -> dict[int, int]:
    """Counts of lines, given (held, did not) of the operands at each line."""
    lines = [Line(number, one) for number, one in enumerate(text.splitlines(), 1)]
    sides = {}
    for number, held in operands.items():
        for i, one in enumerate(held):
            name = f"{number}/{i}"
            lines[number - 1].operands.append(Place(name, number, ""))
            sides[name] = one
    return bodies.counts(lines, sides, cython=cython)


def test_body_and_else_of_one_operand():
    text = "\tif (a)\n\t\tb();\n\telse\n\t\tc();\n\td();\n"
    assert counted(text, {1: [(3, 5)]}) == {1: 8, 2: 3, 4: 5}


def test_both_must_hold():
    #   10 came, 6 had a, 2 of them b
    text = "\tif (a && b) {\n\t\tc();\n\t} else {\n\t\td();\n\t}\n"
    assert counted(text, {1: [(6, 4), (2, 4)]}) == {1: 10, 2: 2, 4: 8}


def test_negation_of_either_with_a_jump():
    #   !(a || (b && c)): 10 came, 3 had a, 5 of 7 had b, 1 of 5 had c: 6 jumped
    text = "\tif (!(a || (b && c)))\n\t\tgoto out;\n\td();\n"
    assert counted(text, {1: [(3, 7), (5, 2), (1, 4)]}) == {1: 10, 2: 6, 3: 4}


def test_comparison_with_null_counts_the_pointer():
    text = "    if p is NULL:\n        at = L_out; continue    # goto out\n    q()\n"
    assert counted(text, {1: [(9, 1)]}, cython=True) == {1: 10, 2: 1, 3: 9}


def test_what_follows_a_branch_that_only_sometimes_jumps_is_not_known():
    text = "\tif (a) {\n\t\tif (b)\n\t\t\treturn;\n\t}\n\tc();\n"
    assert counted(text, {1: [(5, 2)], 2: [(1, 4)]}) == {1: 7, 2: 5, 3: 1}


def test_what_follows_a_chain_is_not_known():
    text = "    if a:\n        b()\n    elif c:\n        return\n    d()\n"
    assert counted(text, {1: [(5, 2)], 3: [(1, 1)]}, cython=True) == {1: 7, 2: 5, 3: 2, 4: 1}


def test_condition_of_two_lines():
    text = "    if (a and   # X1\n            b):\n        c()\n"
    assert counted(text, {1: [(4, 1), (3, 1)]}, cython=True) == {1: 5, 3: 3}


@pytest.fixture(scope="module")
def rows():
    """Counts of a short run, of C and of P."""
    fuzzer = Fuzzer(Plan([halves.c_half(), halves.p_half()],
                         [halves.c_half(counted=True), halves.p_half(counted=True)],
                         7, jobs=1, cases=140_000))
    return fuzzer.run().counters


def test_a_step_that_is_a_body_ran_as_often_as_its_condition_says(rows):
    checked = 0
    for function in listing.functions(COUNTERS):
        tally = reached.tally(COUNTERS, rows, function.name)
        for half in (0, 1):
            lines = [line for block in function.blocks for line in block.halves[half]]
            sides = {name: (held[half], rest[half]) for name, (held, rest) in tally.sides.items()}
            found = bodies.counts(lines, sides, cython=half == 1)
            for line in lines:
                if line.step and line.number in found:
                    assert found[line.number] == tally.steps[line.step][half], line
                    checked += not line.operands
    assert checked > 20
