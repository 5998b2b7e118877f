# SPDX-License-Identifier: GPL-2.0-only
"""What goes wrong without a unit is found by exploring, and is as short as can be."""

from dataclasses import replace
from itertools import product

import pytest

from pykmm.engine import core, explorer, exploring, halves, properties
from pykmm.engine.scope import Scope
from pykmm.patch.table import UNITS
from pykmm.review import ablation, drawn, shortest
from pykmm.review.ablation import Ablations, mask_without
from pykmm.review.scopes import OF_UNITS
from pykmm.scenario.run import Halves
from pykmm.world import World

TINY = Scope(ops=("mmap", "load", "store", "fsync", "writeback"))
EACH = pytest.mark.parametrize("unit", UNITS)

# of each unit: the property, operations, and how and after how many a user sees it.  By hand, from
# semantics/50: what each unit adds to the kernel before, and what a user does to meet it
EXPECTED = {
    "U1": ("kept_writes", 3, "rest", 3),
    "U2": ("tracked_writes", 2, "synced", 3),
    "U3": ("tracked_writes", 2, "synced", 4),
    "U4": ("tracked_writes", 3, "synced", 5),
    "U5": ("tracked_writes", 5, "synced", 7),
    "U6": ("tracked_writes", 3, "synced", 5),
    "U7": ("lock_order", 5, None, None),
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
        assert "two pages within 5 operations" in one["seen_bound"]


def test_saved_runs_are_those_that_are_found_again(told: dict) -> None:
    files = shortest.files(told)
    there = {path.name: path.read_text(encoding="utf-8") for path in shortest.FOLDER.iterdir()}
    assert there == files, "python tools/witnesses.py writes them again"


@pytest.mark.parametrize("unit", ["U2", "U3", "U6"])
def test_nothing_shorter_breaks_in_every_run_that_short(ablations: Ablations, unit: str) -> None:
    """Every sequence of operations of a tiny scope, tried one by one: no hash, no form."""
    own = Ablations(ablations.half, {"tiny": TINY})
    found = own.of((unit,)).property
    assert found and found.what == "tracked_writes"
    operations = [operation for operation, _, _ in TINY.actions()]
    broken = {length: [run for run in product(operations, repeat=length)
                       if found.what in _broken(run, mask_without((unit,)))]
              for length in range(1, found.length + 1)}
    assert [length for length, runs in broken.items() if runs] == [found.length]
    assert tuple(operation for operation, _, _ in found.actions) == broken[found.length][0]
    assert not any(_broken(run, ablation.ALL_UNITS) for run in broken[found.length])


def _broken(run: tuple, units: int) -> list[str]:
    world = World(units=units)
    world.file("ext2", pages=1)
    for name, actor, arguments in [*(first[0] for first in TINY.first()), *run]:
        world._do(name, actor, *arguments)
    return world.broken("tracked_writes")


@pytest.mark.parametrize("unit", ["U2", "U3"])
def test_nothing_shorter_is_seen_in_every_run_that_short(ablations: Ablations, unit: str) -> None:
    own = Ablations(ablations.half, {"tiny": TINY})
    found = own.of((unit,)).seen
    assert found and found.what == "synced"
    operations = [operation for operation, _, _ in ablation.seen_scope(TINY, 9).actions()]
    seen = [length for length in range(1, found.length + 1)
            if any(_is_seen(run, mask_without((unit,)))
                   for run in product(operations, repeat=length))]
    assert seen == [found.length]


def _is_seen(run: tuple, units: int) -> bool:
    """Answers, and what is on disk after fsync, and when all have gone."""
    worlds = [World(units=mask) for mask in (ablation.ALL_UNITS, units)]
    for world in worlds:
        world.file("ext2", pages=1)
        for first in TINY.first():
            world._do(*first[0][:2], *first[0][2])
    for name, actor, arguments in run:
        one, other = (world._do(name, actor, *arguments) for world in worlds)
        if (one != other and name != "writeback") or (name == "fsync" and _differ(worlds)):
            return True
    for world in worlds:
        world._do("exit", 0)
        world._do("sync", 0)
    return _differ(worlds)


def _differ(worlds: list[World]) -> bool:
    one, other = ([world[f"inode[0].disk[{i}]"] for i in range(4)] for world in worlds)
    return one != other


def test_v8_beside_itself_is_never_seen_to_differ(ablations: Ablations) -> None:
    for name in ("written", "journal", "half blocks"):
        scope = ablation.seen_scope(OF_UNITS[name], OF_UNITS[name].depth)
        totals, closed = ablations.beside(scope, ablation.ALL_UNITS)
        assert closed and not totals["parted"]
        # both are always the same world, so there are as many pairs as worlds
        alone = ablations.explore(scope, ablation.ALL_UNITS, 0)
        assert totals["pairs"] == alone["worlds"] and totals["transitions"] > 1000


def test_property_that_v8_breaks_is_not_held_against_a_unit(ablations: Ablations) -> None:
    #   a store after a flush is thrown away by v8 itself (docs/findings/store-after-a-flush.md)
    lost = properties.mask(["promised_writes", "written_at_rest", "synced_writes"])
    lost |= properties.SAID_BY_UNITS
    for name in ("journal", "device"):
        assert ablations.kept[name] == properties.ALL & ~lost
    assert ablations.kept["written"] == properties.ALL & ~properties.SAID_BY_UNITS


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


def test_unit_without_a_difference_says_up_to_where(ablations: Ablations) -> None:
    small = {"mapped": OF_UNITS["mapped"], "cut": replace(OF_UNITS["written"], depth=2)}
    one = Ablations(ablations.half, small).of(("U7",))
    assert one.property is None and one.seen is None
    assert shortest.bound(one).startswith("none in 2 scopes, ")
    assert shortest.bound(one).endswith("worlds: all of mapped; cut within 2 operations")


def test_pairs_differ_by_which_versions_both_have(ablations: Ablations) -> None:
    """Two worlds may each look alike, and yet hold the same store in one pair and not in another:
    pairs that an enumeration by whole images tells apart by that are different pairs."""
    depth, less = 5, mask_without(("U2",))
    scope = ablation.seen_scope(TINY, depth)
    totals, _ = ablations.beside(replace(scope, depth=2), less)
    assert not totals["parted"]
    alone, related = set(), set()
    for one, other in _images(ablations.half, scope, less):
        alone.add((one[0], other[0]))
        related.add((one[0], other[0], one[1] == other[1]))
    assert len(alone) < len(related) <= _pairs_within(ablations, scope, less)


def _pairs_within(ablations: Ablations, scope: Scope, units: int) -> int:
    plan = exploring.Plan([ablations.half], scope, 0, ends=False)
    pairs = explorer.Pairs(exploring.Exploration(plan).explorer, units)
    core.guard_process()
    while pairs.level() == "batch":
        pass
    core.unguard_process()
    return pairs.totals()["pairs"]


def _images(half: core.Half, scope: Scope, units: int):
    """(form, version on disk) of both worlds of each pair that is reached, known by whole
    images."""
    worlds = [World(units=mask) for mask in (ablation.ALL_UNITS, units)]
    runner, where = World.block()
    form = explorer.Canonical(runner)
    for world in worlds:
        world.file("ext2", pages=1)
        for first in scope.first():
            world._do(*first[0][:2], *first[0][2])
    level = [tuple(world.image for world in worlds)]
    known = set(level)
    for _ in range(scope.depth + 1):
        following = []
        for pair in level:
            yield tuple((form.hash(image), where.read(image, "inode[0].disk[0]")) for image in pair)
            for (name, actor, arguments), _, _ in scope.actions():
                results = [_operated(runner, half, image, name, actor, arguments)
                           for image in pair]
                after = tuple(image for image, _ in results)
                if results[0][1] == results[1][1] and after not in known:
                    known.add(after)
                    following.append(after)
        level = following


def _operated(runner, half: core.Half, image: bytes, name: str, actor: int, arguments: tuple):
    runner.restore(image)
    runner.forget_trace()
    _, value, _ = runner.operate(half, name, actor, *arguments)
    runner.forget_trace()
    return runner.image(), value if name != "writeback" else 0
