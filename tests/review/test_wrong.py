# SPDX-License-Identifier: GPL-2.0-only
"""What only one of both kernels breaks is found by exploring both, and told by cause."""

import os
from dataclasses import replace

import pytest

from pykmm.cli import review_wrong
from pykmm.engine import halves, properties
from pykmm.engine.scope import Scope
from pykmm.review import wrong
from pykmm.review.scopes import OF_BOTH
from pykmm.scenario import parse, run
from pykmm.scenario.run import Halves

# (what is known of it, property, operations): what docs/findings says of the shortest run, by hand
SMALL = {
    "journal": {("F2", "promised_writes", 6), ("F2", "written_at_rest", 7)},
    "device": {("F2", "promised_writes", 6), ("F2", "written_at_rest", 7)},
    "no disk": set(),
    "a store at a pause": {("F3", "promised_writes", 4), ("F3", "written_at_rest", 5)},
    "truncated at a pause": {("F1", "nr_dirty", 2), ("F1", "page_state", 2)},
    "given back at a pause": {("F4", "promised_writes", 4), ("F5", "written_at_rest", 4)},
}
# the largest ones take minutes
DEEP = bool(os.environ.get("PYKMM_DEEP"))


def scopes() -> dict[str, Scope]:
    found = {name: OF_BOTH[name] for name in SMALL}
    found["truncated at a pause"] = replace(found["truncated at a pause"], depth=3)
    return OF_BOTH if DEEP else found


@pytest.fixture(scope="module")
def explored() -> list[wrong.Explored]:
    return list(wrong.Wrong(halves.c_half(), jobs=2, scopes=scopes()).explored())


@pytest.fixture(scope="module")
def facts(explored) -> dict:
    return wrong.facts(explored, scopes())


@pytest.mark.parametrize("name", SMALL)
def test_scope_shows_what_its_finding_says(facts: dict, name: str) -> None:
    found = {(cause.get("finding"), cause["property"], run["length"])
             for cause in facts["causes"] for run in cause["runs"] if run["scope"] == name}
    assert found >= SMALL[name] if DEEP else found == SMALL[name]


def test_kernel_before_breaks_nothing_that_v8_keeps(explored) -> None:
    assert {one.kernel for one in explored} == set(wrong.KERNELS)
    assert [one.broken for one in explored if one.kernel == "before" and one.broken] == []


def test_every_cause_is_written_up(facts: dict) -> None:
    assert [cause for cause in facts["causes"] if not {"finding", "is"} & cause.keys()] == []


def test_runs_go_wrong_as_scenarios(facts: dict, both: Halves) -> None:
    runs = [run for cause in facts["causes"] for run in cause["runs"]]
    assert len(runs) >= 9
    for one in runs:
        scenario = parse.parse(one["scenario"], "found.kmm")
        assert run.run(scenario, both)["ok"], one["scenario"]


def test_row_of_both_kernels_is_told_as_such() -> None:
    """By both kernels alike, for want of memory: what no unit has to do with is nobody's."""
    scope = Scope(file_pages=2, ops=("mmap", "store"), depth=3)
    both = wrong.Wrong(halves.c_half(), scopes={"planted": scope})
    bit = properties.mask(["kept_writes"])
    actions = tuple(scope.actions()[:2])
    both._breaks = lambda again, units, asked: asked == bit
    one = both._broken("v8", "planted", {"name": "kept_writes", "actions": actions, "times": 1})
    assert (one.in_both, one.takes, one.cause) == (True, (), "both kernels")
    assert wrong.causes([one])[0].kernel == "both"


def test_units_that_it_takes_are_those_without_which_it_holds() -> None:
    both = wrong.Wrong(halves.c_half(), scopes={"planted": Scope()})
    needed = wrong.mask_without(("U2",)), wrong.mask_without(("U6",)), 0
    both._breaks = lambda again, units, asked: units not in needed
    one = both._broken("v8", "planted", {"name": "kept_writes", "times": 1,
                                         "actions": tuple(Scope().actions()[:2])})
    assert (one.in_both, one.cause) == (False, "U2 and U6")


def test_what_interferes_is_tried_at_every_pause() -> None:
    scope = Scope(ops=("mmap", "store", "fsync", "pause"))
    action = next(one for one in scope.actions() if one[2] and one[0][0] == "fsync")
    again = wrong.Wrong(halves.c_half(), scopes={"one": scope})._again("one", (action,))
    assert again.depth == 1
    (_, other), = action[2]
    assert set(again.actions()) == {
        (action[0], 0, ()), (other, 0, ()),
        *((action[0], 0, ((number, other),)) for number in range(1, 13))}


def test_cause_that_nobody_has_understood_is_told_first_thing(facts: dict) -> None:
    cause = {**facts["causes"][0]}
    cause.pop("finding", None)
    assert not review_wrong._is_known(cause)
    lines = "\n".join(review_wrong._told([cause]))
    assert "not written up: understand it first" in lines
    assert "the kernel before breaks, and v8 keeps: nothing" in lines
