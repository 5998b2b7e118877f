# SPDX-License-Identifier: GPL-2.0-only
"""The sources as a listing shows them: each function once, step by step, alike in both halves."""

import pytest

from pykmm import paths
from pykmm.engine import core
from pykmm.source import anchors, counting, listing

COUNTERS = counting.counters_of(paths.cref())
FUNCTIONS = listing.functions(COUNTERS)
ROOTS = {"cref": paths.cref().parent, "pykmm": paths.package().parent}
each_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.name)


def lines_of(function, half):
    return [line for block in function.blocks for line in block.halves[half]]


def test_listing_has_every_function_once():
    assert sorted(one.name for one in FUNCTIONS) == sorted(core.FUNCTIONS)


@each_function
def test_lines_of_a_function_are_its_source_from_head_to_end(function):
    for half, path in enumerate(function.files):
        source = (ROOTS[path.split("/")[0]] / path).read_text(encoding="utf-8").splitlines()
        lines = lines_of(function, half)
        numbers = [line.number for line in lines]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert [line.text for line in lines] == source[numbers[0] - 1:numbers[-1]]
        head = next(line.text for line in lines if f"{function.name}(" in line.text)
        assert not head[0].isspace()
        assert lines[-1].text == "}" if half == 0 else lines[-1].text.startswith("    ")


@each_function
def test_steps_and_operands_are_the_same_in_both_halves(function):
    assert [block.step for block in function.blocks] == ["", *COUNTERS.steps_of(function.name)]
    for half in (0, 1):
        for block in function.blocks[1:]:
            first, *others = block.halves[half]
            assert first.step == block.step and not any(line.step for line in others)
    shown = [[operand.name for line in lines_of(function, half) for operand in line.operands]
             for half in (0, 1)]
    assert shown[0] == shown[1] == COUNTERS.branches_of(function.name)


@each_function
def test_an_operand_is_shown_as_it_is_counted(function):
    # of a comparison with NULL the pointer is counted, so true and false are the pointer's
    for half in (0, 1):
        for line in lines_of(function, half):
            for operand in line.operands:
                assert operand.text and not operand.text.endswith((" is NULL", "== NULL"))


def test_places_are_lines_of_the_source():
    path = "mm/memory.c"
    text = (paths.cref() / path).read_text(encoding="utf-8")
    places = counting.places_in(COUNTERS, path, text, cython=False)
    steps = [(place.name, place.line) for place in places if not place.text]
    assert steps == [(one.step, one.line) for one in anchors.anchors_of(text, cython=False)]
    lines = text.splitlines()
    for place in places:
        assert place.text in " ".join(" ".join(lines[place.line - 1:place.line + 3]).split())
