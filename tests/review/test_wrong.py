# SPDX-License-Identifier: GPL-2.0-only
"""What goes wrong in v8 and in the kernel before it is found by exploring both, and told by cause."""

import os
from dataclasses import replace

import pytest

from pykmm.cli import review_wrong
from pykmm.engine import halves
from pykmm.engine.scope import Scope
from pykmm.review import beside, scopes, witnesses, wrong
from pykmm.scenario import parse, run
from pykmm.scenario.run import Halves

V8, FREED, BEFORE, BOTH = wrong.VERDICTS


def ops(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# (verdict, causes, property, operations of all actors): what docs/findings says of the nearest run
SMALL = {
    "journal": {(V8, "F2", "promised_writes", 6), (V8, "F2", "written_at_rest", 7),
                (FREED, "F2", "synced_writes", 6)},
    "device": {(V8, "F2", "promised_writes", 5), (V8, "F2", "written_at_rest", 6),
               (FREED, "F2", "synced_writes", 5)},
    "a hole and a cut": {(V8, "F6", "promised_writes", 6), (FREED, "F6", "synced_writes", 6)},
    "nonlinear": {(FREED, "nonlinear", "tracked_writes", 4)},
    "a driver that fails": {(BOTH, "failed mmap", "committed", 1)},
    "truncated at a pause": {(V8, "F1", "nr_dirty", 3), (V8, "F1", "page_state", 3)},
    "invalidated at a pause": {
        (V8, "F1", "nr_dirty", 3), (V8, "F1", "page_state", 3),
        (BOTH, "store while invalidated", "kept_writes", 3),
        (BOTH, "store while invalidated", "written_at_rest", 4),
        (FREED, "store while invalidated", "synced_writes", 4)},
    "given back at a pause, device": {(V8, "F4", "promised_writes", 4)},
    "forced writes": {(BEFORE, "forced write", "promised_writes", 4)},
}
# how far, where what is expected is found sooner
WITHIN = {"nonlinear": 4, "truncated at a pause": 3, "invalidated at a pause": 4, "a hole and a cut": 6,
          "given back at a pause, device": 4, "forced writes": 4, "a driver that fails": 1}
# all of them take minutes
DEEP = bool(os.environ.get("PYKMM_DEEP"))


def explored_scopes() -> dict[str, Scope]:
    if DEEP:
        return scopes.OF_BOTH
    return {name: replace(scopes.OF_BOTH[name], depth=WITHIN.get(name, scopes.OF_BOTH[name].depth))
            for name in SMALL}


@pytest.fixture(scope="module")
def explored() -> list[wrong.Explored]:
    return list(wrong.Wrong(halves.c_half(), jobs=2, scopes=explored_scopes()).explored())


@pytest.fixture(scope="module")
def facts(explored) -> dict:
    return wrong.facts(explored, explored_scopes())


@pytest.mark.parametrize("name", SMALL)
def test_scope_shows_what_its_finding_says(facts: dict, name: str) -> None:
    found = {(cause["verdict"], " and ".join(one["name"] for one in cause["mechanisms"]),
              cause["property"], one["length"])
             for cause in facts["causes"] for one in cause["runs"] if one["scope"] == name}
    assert found >= SMALL[name] if DEEP else found == SMALL[name]


def test_every_cause_is_known(facts: dict) -> None:
    assert [cause for cause in facts["causes"] if not cause["mechanisms"]] == []


def test_both_kernels_are_asked_everything(explored) -> None:
    assert {one.kernel for one in explored} == {"v8", "before"}
    # the kernel before tracks nothing: it is asked, and what it says is set apart
    assert {name for one in explored for name in one.not_held} == {
        "tracked_writes", "synced_writes", "tracked_protection"}
    assert all(one.kernel == "before" for one in explored if one.not_held)


def test_runs_go_wrong_as_scenarios(facts: dict, both: Halves) -> None:
    runs = [one for cause in facts["causes"] for one in cause["runs"]]
    assert len(runs) >= 15
    for one in runs:
        scenario = parse.parse(one["scenario"], "found.kmm")
        assert run.run(scenario, both)["ok"], one["scenario"]


def test_what_only_v8_breaks_takes_units(facts: dict) -> None:
    takes = {(cause["mechanisms"][0]["name"], cause["property"]): cause["takes"]
             for cause in facts["causes"] if cause["verdict"] == V8}
    assert takes["F1", "nr_dirty"] == ["U2"]
    assert takes["F2", "promised_writes"] == takes["F6", "promised_writes"] == ["U2", "U6"]
    assert takes["F2", "written_at_rest"] == ["U2", "U6"]


def broken(causes: tuple[str, ...], other: tuple[str, ...], name: str = "kept_writes",
           kernel: str = "v8") -> wrong.Broken:
    return wrong.Broken(kernel, "property", name, "one", (), causes, 1, other, ())


@pytest.mark.parametrize(("one", "verdict"), [
    (broken(("F4",), ()), V8),
    # the same property by the same operations, and not for the same reason
    (broken(("F4",), ("store while invalidated",)), V8),
    (broken(("F4",), ("F4", "store while invalidated")), BOTH),
    (broken((), ()), V8), (broken((), ("",)), BOTH),
    (broken(("nonlinear",), ("",), "tracked_writes"), FREED),
    (broken(("nonlinear",), (), "tracked_writes"), FREED),
    (broken(("forced write",), (), kernel="before"), BEFORE),
])
def test_verdict_asks_why_both_break_it(one: wrong.Broken, verdict: str) -> None:
    assert one.verdict == verdict


def test_end_of_a_run_counts_as_broken() -> None:
    """A BUG is found, explained, and told of both kernels."""
    scope = Scope(file_pages=2, depth=6, ops=ops("mmap poke drain reclaim remap_file_pages"))
    found = list(wrong.Wrong(halves.c_half(), scopes={"swept": scope}).explored())
    told = [(one.kernel, one.what, one.name, one.causes, one.verdict)
            for row in found for one in row.broken]
    assert told == [(kernel, "outcome", "BUG", ("copy in a nonlinear mapping",), BOTH)
                    for kernel in wrong.KERNELS]


def test_what_interferes_is_tried_at_every_pause() -> None:
    scope = Scope(ops=("mmap", "store", "fsync", "pause"))
    action = next(one for one in scope.actions() if one[2] and one[0][0] == "fsync")
    again = wrong.Wrong(halves.c_half(), scopes={"one": scope})._again("one", (action,))
    (_, other), = action[2]
    assert again.depth == 2
    assert set(again.actions()) == {
        (action[0], 0, ()), (other, 0, ()),
        *((action[0], 0, ((number, other),)) for number in range(1, 13))}


def test_two_that_interfere_are_tried_at_every_two_pauses() -> None:
    scope = Scope(ops=("mmap", "store", "fsync", "pauses"))
    action = next(one for one in scope.actions() if len(one[2]) == 2 and one[0][0] == "fsync")
    again = wrong.Wrong(halves.c_half(), scopes={"one": scope})._again("one", (action,))
    numbers = [tuple(number for number, _ in pauses) for _, _, pauses in again.actions()
               if len(pauses) == 2]
    assert again.depth == 3 and len(numbers) == 66 and all(a < b for a, b in numbers)


def test_silent_device_is_found_at_rest(both: Halves) -> None:
    one = beside.beside(halves.c_half(), "pins", scopes.OF_REST["a silent device"])
    assert one.causes == ("pin without set_page_dirty",) and one.length == 4
    text = beside.scenario(one, scopes.OF_REST["a silent device"], "A silent device.")
    assert "expect if all: file f0: disk [1 2 3 4]" in text
    assert run.run(parse.parse(text, "found.kmm"), both)["ok"]


def test_device_that_speaks_is_not() -> None:
    scope = replace(scopes.OF_REST["a silent device"], ops=ops("mmap store fsync"))
    one = beside.beside(halves.c_half(), "none", scope)
    assert (one.actions, one.runs) == ((), 0)


def test_each_finding_has_a_mechanism_of_its_name() -> None:
    names = {one.name: one.document for one in wrong.MECHANISMS}
    assert {name: one.document for name, one in witnesses.findings().items()} == {
        name: document for name, document in names.items() if name[0] == "F" and name[1:].isdigit()}


def test_cause_that_nobody_has_understood_is_told_first_thing(facts: dict) -> None:
    cause = {**facts["causes"][0], "mechanisms": [], "verdict": V8}
    report = {"causes": [cause], "explored": [{"scope": "journal"}, {"scope": "journal"}]}
    lines = "\n".join(review_wrong._told(report))
    assert "not written up: understand it first" in lines
    # how far was looked stands beside it
    assert "only the kernel before breaks: nothing in 1 scope, as far as told above" in lines


def test_half_that_differs_is_told(explored) -> None:
    """P with a planted fault would differ; C beside itself does not."""
    scope = {"journal": scopes.OF_BOTH["journal"]}
    alike = list(wrong.Wrong(halves.c_half(), scopes=scope, others=(halves.p_half(),)).explored())
    assert [one.differing for one in alike] == [(), ()]
    row = {"scope": "journal", "kernel": "v8", "differing": ["X"]}
    assert review_wrong._differing({"explored": [row]}) == [
        "C, X differ in the scope journal, v8"]
