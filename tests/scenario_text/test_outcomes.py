# SPDX-License-Identifier: GPL-2.0-only
"""What makes two halves differ, what a condition means, which text of the mail half X runs."""

from dataclasses import replace

import pytest

from pykmm.scenario import build
from pykmm.scenario.block import Block, Ran
from pykmm.scenario.model import Condition, units_of, units_text
from pykmm.scenario.outcome import differs
from pykmm.world import World


@pytest.fixture
def ran() -> Ran:
    """A run that changed nothing."""
    return Ran("returned", 3, 0, [1, 2], [0], World().image)


def other_image() -> bytes:
    block = Block(World().image)
    block.write("page[3].flags.dirty", 1)
    return block.image


@pytest.mark.parametrize(("change", "said"), [
    ({}, ""),
    ({"value": 4}, "returned 3 and returned 4"),
    ({"value": -22}, "returned 3 and returned EINVAL"),
    ({"outcome": "BUG"}, "returned 3 and BUG"),
    ({"outcome": "oops", "fault": 8}, "returned 3 and oops at offset 0x8 from NULL"),
    ({"words": [1, 3]}, "their events are not the same"),
    ({"image": other_image()}, "page[3].flags.dirty is 0 and 1"),
    ({"places": [7]}, ""),
])
def test_halves_differ_in_all_that_is_compared(ran, change, said):
    assert differs([ran], [replace(ran, **change)], World.block()[1]) == said


@pytest.mark.parametrize(("outcome", "compared"), [
    ("BUG", True), ("hang", True), ("oops", False), ("stray access", False)])
def test_memory_after_an_oops_is_not_compared(ran, outcome, compared):
    one = replace(ran, outcome=outcome)
    said = differs([one], [replace(one, image=other_image())], World.block()[1])

    assert bool(said) == compared


def test_events_of_every_part_of_an_operation_are_compared(ran):
    assert differs([replace(ran, words=[9]), ran], [ran, ran], World.block()[1])


@pytest.mark.parametrize(("units", "holds_for"), [
    ("U1", ["all", "U1", "U1+U2", "-U3"]), ("U1+U2", ["all", "U1+U2", "-U3"]),
    ("all", ["all"]), ("none", ["none"])])
def test_condition_holds_for_these_units(units, holds_for):
    for variant in ("all", "none", "U1", "U1+U2", "-U3", "U2"):
        mask = units_of(variant)
        assert Condition("if", units).holds(mask) == (variant in holds_for), variant
        assert Condition("unless", units).holds(mask) == (variant not in holds_for), variant


@pytest.mark.parametrize("mask", range(128))
def test_units_are_read_as_they_are_printed(mask):
    assert units_of(units_text(mask)) == mask


def test_half_x_runs_the_text_after_the_patch_unless_all_of_it_is_off():
    assert [build.start([], mask).read("world.units") for mask in (0x7F, 0x01, 0)] == [
        0xFF, 0x81, 0]
