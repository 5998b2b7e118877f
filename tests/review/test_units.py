# SPDX-License-Identifier: GPL-2.0-only
"""What goes wrong without a unit is found by exploring, and is as short as it says."""

import os
import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from pykmm import paths
from pykmm.engine import core, exploring, halves, properties
from pykmm.engine.explorer import Beside
from pykmm.engine.scope import Scope
from pykmm.errors import HarnessError
from pykmm.patch.table import UNITS
from pykmm.review import ablation, drawn, proof, scopes, shortest
from pykmm.review.ablation import (
    ALL_FUNCTIONS,
    ALL_UNITS,
    SINGLES,
    USER,
    WRONG,
    Ablations,
    Found,
    Kernel,
    Sought,
    kernel_without,
    mask_without,
)
from pykmm.review.scopes import OF_UNITS, WHOLE
from pykmm.scenario import meaning, parse, run
from pykmm.scenario.run import Halves
from pykmm.world import World

DEEP = bool(os.environ.get("PYKMM_DEEP"))
TINY = Scope(ops=("mmap:locked+populate", "load", "store", "fsync", "writeback"), depth=9)
EACH = pytest.mark.parametrize("unit", UNITS)

# of each unit: the property, operations, and how and after how many a user sees it.  By hand, from
# semantics/50: what each unit adds to the kernel before, and what a user does to meet it; a mapping
# that is locked or populated needs no load, and where it is locked no store
EXPECTED = {
    "U1": ("kept_writes", 2, "synced", 3),
    "U2": ("tracked_writes", 1, "synced", 3),
    "U3": ("tracked_writes", 1, "synced", 3),
    "U4": ("tracked_writes", 2, "synced", 4),
    "U5": ("tracked_writes", 4, "synced", 6),
    "U6": ("tracked_writes", 2, "synced", 4),
    "U7": ("lock_order", 4, None, None),
}


@pytest.fixture(scope="module")
def ablations() -> Ablations:
    return Ablations(halves.c_half())


@pytest.fixture(scope="module")
def told(ablations: Ablations, both: Halves) -> dict:
    return shortest.facts(ablations, both)


@EACH
def test_unit_has_its_shortest_runs(told: dict, unit: str) -> None:
    one = told["units"][unit]
    seen = one["seen"] or {"how": None, "length": None}
    assert (one["property"], one["witness"]["length"], seen["how"], seen["length"]) \
        == EXPECTED[unit]


@EACH
def test_shortest_run_holds_with_all_units_and_breaks_without(told: dict, unit: str) -> None:
    one = told["units"][unit]
    assert one["witness"]["ok"]
    assert any(unit in said and one["property"] in said for said in one["witness"]["differs"])
    if one["seen"]:
        assert one["seen"]["ok"]
        assert any(said.startswith("at the end the disk has") for said in one["seen"]["differs"])
    else:
        assert one["seen_bound"].startswith("none is known: nothing in ")


def test_saved_runs_are_those_that_are_found_again(told: dict) -> None:
    files = shortest.files(told)
    there = {path.name: path.read_text(encoding="utf-8") for path in shortest.FOLDER.iterdir()
             if path != proof.RECORD}
    assert there == files, "python tools/witnesses.py writes them again"


def within(ablations: Ablations, scope: Scope, kernel: Kernel) -> ablation.Ablation:
    return next(Ablations(ablations.half, {"tiny": scope}).each([kernel]))


@pytest.mark.parametrize("unit", ["U1", "U2", "U3", "U6"])
def test_nothing_shorter_breaks_in_every_run_that_short(ablations: Ablations, unit: str) -> None:
    """Every sequence of operations of a tiny scope, tried one by one: no hash, no form, and no
    kernel that is left out as it called nothing."""
    found = within(ablations, TINY, kernel_without((unit,))).wrong.found
    assert found and (found.what, found.length) == EXPECTED[unit][:2]
    operations = [operation for operation, _, _ in TINY.actions()]
    broken = {length: [one for one in product(operations, repeat=length)
                       if found.what in _broken(one, mask_without((unit,)))
                       and found.what not in _broken(one, ALL_UNITS)]
              for length in range(1, found.length + 1)}
    assert [length for length, runs in broken.items() if runs] == [found.length]
    assert tuple(operation for operation, _, _ in found.actions) in broken[found.length]


def _broken(operations: tuple, units: int) -> list[str]:
    world = World(units=units)
    world.file("ext2", pages=1)
    for name, actor, arguments in [*(first[0] for first in TINY.first()), *operations]:
        world._do(name, actor, *arguments)
    return world.broken("tracked_writes", "kept_writes")


@pytest.mark.parametrize("unit", ["U1", "U2", "U3"])
def test_nothing_shorter_is_seen_in_every_run_that_short(ablations: Ablations, unit: str) -> None:
    found = within(ablations, TINY, kernel_without((unit,))).seen.found
    assert found and (found.what, found.length) == EXPECTED[unit][2:]
    operations = [operation for operation, _, _ in TINY.actions()]
    seen = [length for length in range(1, found.length + 1)
            if any(_is_seen(one, mask_without((unit,)))
                   for one in product(operations, repeat=length))]
    assert seen == [found.length]


def _is_seen(operations: tuple, units: int) -> bool:
    """Answers, and what is on disk after fsync."""
    worlds = [World(units=mask) for mask in (ALL_UNITS, units)]
    for world in worlds:
        world.file("ext2", pages=1)
        for first in TINY.first():
            world._do(*first[0][:2], *first[0][2])
    for name, actor, arguments in operations:
        one, other = (world._do(name, actor, *arguments) for world in worlds)
        if (one != other and name != "writeback") or (name == "fsync" and _differ(worlds)):
            return True
    return False


def _differ(worlds: list[World]) -> bool:
    one, other = ([world[f"inode[0].disk[{i}]"] for i in range(4)] for world in worlds)
    return one != other


def totals_of(half: core.Half, scope: Scope, kernels: list[tuple]) -> tuple[str, dict, Beside]:
    plan = exploring.Plan([half], scope, properties.ALL, ends=False)
    beside = Beside(exploring.Exploration(plan).explorer, kernels)
    core.guard_process()
    while (state := beside.level()) == "batch":
        pass
    core.unguard_process()
    return state, beside.totals(), beside


def test_v8_beside_itself_is_never_seen_to_differ(ablations: Ablations) -> None:
    half = ablations.half
    for name in ("written", "journal", "device"):
        scope = OF_UNITS[name]
        state, totals, beside = totals_of(half, scope, [
            (half, ALL_UNITS, ALL_FUNCTIONS, properties.ALL, 99, 99)])
        assert state == "closed" and totals["pairs"] == 0
        assert beside.found(0, False) is None and beside.found(0, True) is None
        # the worlds of v8 are those that the explorer sees
        plan = exploring.Plan([half], scope, properties.ALL, ends=False, go_on=True)
        alone = exploring.Exploration(plan).run()
        broken = [one for one in alone["found"] if one["what"] == "property"]
        if not broken:      # from a world that breaks one the explorer tries nothing
            assert totals["worlds"] == alone["worlds"]
            assert totals["transitions"] == alone["transitions"]


@EACH
def test_kernel_is_left_out_only_where_it_does_the_same(ablations: Ablations, unit: str) -> None:
    """Tried on every transition, and where v8 has called a function of the unit: both are alike."""
    half, one = ablations.half, kernel_without((unit,))
    scope = replace(OF_UNITS["journal"], depth=6)
    found = []
    for functions in (one.functions, ALL_FUNCTIONS):
        _, totals, beside = totals_of(half, scope, [
            (half, one.units, functions, properties.ALL, 6, 6)])
        # on the last level fewer are done where less is asked, and told as spared
        done = totals.pop("transitions") + totals.pop("spared")
        found.append((done, totals, beside.found(0, False), beside.found(0, True)))
    assert found[0] == found[1]
    assert one.functions != ALL_FUNCTIONS


@EACH
def test_unit_is_asked_for_in_the_functions_that_are_watched(unit: str) -> None:
    """`unit(KMM_U5)` stands in no other function of the C half than its own."""
    places = set()
    for path in sorted((paths.cref() / "mm").glob("*.c")) + sorted((paths.cref() / "fs").glob("*.c")):
        function = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            head = re.match(r"[a-z].*?\b(\w+)\(", line)
            function = head.group(1) if head else function
            if f"unit(KMM_{unit})" in line:
                places.add(function)
    assert places == {UNITS[unit]}


def test_two_units_are_found_in_one_exploration_as_each_by_itself(ablations: Ablations) -> None:
    scope = {"journal": replace(OF_UNITS["journal"], depth=6)}
    kernels = [kernel_without(units) for units in SINGLES]
    together = list(Ablations(ablations.half, scope).each(kernels))
    for kernel, one in zip(kernels, together, strict=True):
        alone = next(Ablations(ablations.half, scope).each([kernel]))
        for way in ("wrong", "seen"):
            a, b = getattr(one, way).found, getattr(alone, way).found
            assert (a and (a.what, a.actions, a.results)) == (b and (b.what, b.actions, b.results))


def test_others_count_in_the_length_of_a_run(ablations: Ablations) -> None:
    """A run of two operations, in one of which another actor acts, has three."""
    paused = Scope(ops=("mmap:locked", "store", "truncate", "pause"), depth=4)
    sought = within(ablations, paused, Kernel("before", 0)).wrong
    assert sought.length == 1
    found = Found("x", "y", (((("store", 0, (0, 0))), 0, ((1, ("store", 0, (0, 0))),)),) * 2, None, 0)
    assert found.length == 4
    #   of two ways to one world the shorter one is told, although the other is one action
    state, totals, _ = totals_of(ablations.half, replace(paused, depth=3), [
        (ablations.half, ALL_UNITS, 0, 0, 3, 3)])
    assert state == "depth" and totals["done"] == 3


def test_pair_of_units_is_as_one_of_them_alone(told: dict) -> None:
    pairs = told["pairs"]
    assert len(pairs) == 21 and pairs["U1+U3"]["as"] == "U3" and pairs["U5+U6"]["as"] == "U6"
    # U7 moves what U5 adds: without U5 there is nothing to be moved
    assert {name: one["heals"] for name, one in pairs.items() if one["heals"]} == {"U5+U7": ["U7"]}


@pytest.fixture(scope="module")
def sequences(ablations: Ablations) -> drawn.Sequences:
    return drawn.Sequences(ablations.half, cases=500, seed=2006)


@pytest.mark.parametrize("unit", ["U1", "U2", "U3", "U6"])
def test_drawn_sequences_break_what_exploring_says(sequences: drawn.Sequences, unit: str) -> None:
    one = sequences.without((unit,))
    assert EXPECTED[unit][0] in one.breaks
    assert sum(one.breaks.values()) < sequences.cases and one.first is not None


def test_drawn_sequences_keep_what_v8_keeps_with_every_unit_on(sequences: drawn.Sequences) -> None:
    assert sequences.without(()) == drawn.Drawn(500, 2006, {}, None)


def test_drawn_sequences_that_v8_breaks_too_do_not_count(ablations: Ablations) -> None:
    planted = drawn.Sequences(ablations.half, cases=200, seed=2006)
    before = planted.without(("U2",)).breaks["tracked_writes"]
    planted.kept = [frozenset(["tracked_writes"])] * 200
    assert before and "tracked_writes" not in planted.without(("U2",)).breaks


def test_how_far_was_looked_is_told(ablations: Ablations) -> None:
    small = {"mapped": OF_UNITS["mapped"], "cut": replace(OF_UNITS["written"], depth=2)}
    one = Ablations(ablations.half, small).of(("U7",))
    for sought in (one.wrong, one.seen):
        assert sought.found is None
        assert [(looked.scope, looked.closed) for looked in sought.looked] == [
            ("mapped", True), ("cut", False)]
        assert sought.looked[1].depth == 2
    few = next(Ablations(ablations.half, {"journal": OF_UNITS["journal"]}, most=200).each(
        [kernel_without(("U7",))]))
    assert few.wrong == Sought(None, few.wrong.looked)
    assert not few.wrong.looked[0].closed and few.wrong.looked[0].worlds <= 200 + 25


# What "shortest" rests on.

def row(name: str, within: int, closed: bool = False) -> proof.Row:
    return proof.Row(name, 10, 20, closed, {unit: {WRONG: within, USER: within} for unit in UNITS})


def test_shortest_is_said_only_where_all_was_looked_at() -> None:
    rows = [row("a", 3), row("b", 3), row("c", 2)]
    four = proof.shown("U5", WRONG, 4, rows)
    assert four.is_shortest
    assert four.text() == ("shortest in 2 scopes (20 worlds, 40 transitions): every operation with "
                           "every value, within 3 operations; within 2 in 1 more")
    six = proof.shown("U5", USER, 6, rows)
    assert not six.is_shortest
    assert six.text() == ("not proven shortest: nothing in 2 scopes (20 worlds, 40 transitions), "
                          "every operation with every value, within 3 operations")
    assert proof.shown("U7", USER, None, rows).text().startswith("none is known: nothing in 2 ")
    assert proof.shown("U1", WRONG, 2, []).text() == "not proven shortest"
    assert proof.shown("U2", WRONG, 1, []).text().startswith("shortest: no run has less")


def test_record_is_of_every_whole_alphabet_and_reads_as_it_is_written() -> None:
    rows = proof.saved()
    assert [one.scope for one in rows] == list(WHOLE)
    assert proof.text_of(rows) == proof.RECORD.read_text(encoding="utf-8")
    for one in rows:
        scope = WHOLE[one.scope]
        assert one.transitions > one.worlds > 0
        for unit, (_, length, _, seen_length) in EXPECTED.items():
            for way, known in ((WRONG, length), (USER, seen_length)):
                deep = min(scope.depth, scope.depth if known is None else known - 1)
                assert one.within[unit][way] == deep, (one.scope, unit, way)


def lengths() -> proof.Lengths:
    return {unit: {WRONG: one[1], USER: one[3]} for unit, one in EXPECTED.items()}


# all that go no deeper than a second allows
QUICK = ("hugetlbfs, blocks of 4096", "no_mmap, blocks of 4096", "ext2, memlock", "ext3, map-count")


@pytest.mark.parametrize("name", WHOLE if DEEP else QUICK)
def test_whole_alphabet_is_as_the_record_says(name: str) -> None:
    saved = next(one for one in proof.saved() if one.scope == name)
    if not DEEP and WHOLE[name].depth > 2:
        found, _ = proof.look(name, lengths(), 2)
        assert found.worlds <= saved.worlds and found.transitions < saved.transitions
        return
    found, shorter = proof.look(name, lengths())
    assert (found, shorter) == (saved, {})


def test_run_that_is_shorter_than_what_is_known_is_found_in_a_whole_alphabet() -> None:
    name = "ext3, blocks of 4096"
    known = lengths() | {"U6": {WRONG: 9, USER: 9}}
    _, shorter = proof.look(name, known, 2)
    assert {key: (one.what, one.length) for key, one in shorter.items()} == {
        ("U6", WRONG): ("tracked_writes", 2)}


def test_review_does_not_hide_a_run_that_is_shorter(monkeypatch: pytest.MonkeyPatch,
                                                    ablations: Ablations) -> None:
    less = {"mapped": Scope(ops=("mmap", "load", "store", "fsync"))}
    with pytest.raises(HarnessError, match="without U2 tracked_writes is there after 1 operations"):
        shortest.facts(Ablations(ablations.half, less))


def test_whole_alphabets_leave_out_no_value() -> None:
    for name, scope in WHOLE.items():
        said = [text.split()[0] for text in scope.left_out]
        assert set(said) <= {"allocations", "other", "at", "start"}, (name, scope.left_out)
    assert {scope.kinds[0] for scope in WHOLE.values()} == set(scopes.KINDS)


def test_run_that_is_found_in_a_whole_alphabet_is_a_scenario(both: Halves) -> None:
    """With every argument that there is: it says what it does, and runs."""
    name = "ext3, two descriptors"
    actions = [action for action in WHOLE[name].actions() if action[0][0] != "exit"]
    for at in range(0, len(actions), 97):
        one = Found("synced", name, tuple(actions[at:at + 97:7]), None, 0.0)
        scenario = parse.parse(shortest.scenario(("U3",), one), "found.kmm")
        meaning.check(scenario)
        told = run.run(scenario, both, detail=False)
        assert [part["ok"] for part in told["variants"]] == [True, True], at
    with pytest.raises(HarnessError, match="no scenario of two kernels"):
        shortest.scenario(("U3",), replace(one, actions=((actions[0][0], 1, ()),)))


def test_folder_of_runs_has_nothing_else() -> None:
    names = {path.name for path in Path(shortest.FOLDER).iterdir()}
    assert {"shortest.toml", "whole.toml"} <= names
    assert all(name.endswith((".kmm", ".toml")) for name in names)
