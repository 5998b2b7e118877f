# SPDX-License-Identifier: GPL-2.0-only
"""The cause of a run is the step that has to be undone so that nothing goes wrong, and no other."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pykmm import paths
from pykmm.engine import core, exploring, halves, properties
from pykmm.engine.scope import Action, Scope
from pykmm.errors import HarnessError
from pykmm.review import mechanisms, run_steps, wrong
from pykmm.review.replay import Found, Replay
from pykmm.review.scopes import FailedAtAPause

ALL = 0x7F


def ops(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# mechanism -> (a small scope whose runs have it, units, what they break, their number of operations)
SMALL = {
    "F1": (Scope(ops=ops("mmap store truncate pause"), depth=3), ALL, "nr_dirty"),
    "F2": (Scope(kinds=("ext3",), ops=ops("mmap store write fsync flush_buffers"), depth=6), ALL,
           "promised_writes"),
    "F3": (Scope(kinds=("ext3",), ops=ops("mmap store fsync pause"), depth=6), ALL,
           "promised_writes"),
    "F4": (Scope(ops=ops("mmap store write fsync release_page pause"), depth=5), ALL,
           "promised_writes"),
    "F5": (Scope(kinds=("ext3",), ops=ops("mmap munmap store write commit release_page pause"),
                 depth=7), ALL, "promised_writes"),
    "F6": (Scope(blocks=2048, ops=ops("mmap store write fsync truncate parts"), depth=7), ALL,
           "promised_writes"),
    "F7": (FailedAtAPause(blocks=2048, start=("holes",), ops=ops("mmap store fsync"), depth=4), ALL,
           "promised_writes"),
    # only a page that somebody else has as well is broken by it
    "anonymous page": (Scope(processes=2, ops=ops("mmap mprotect store poke fork"), depth=5), ALL,
                       "anonymous_pages"),
    "bits of a driver": (Scope(kinds=("prot_driver",), ops=ops("mmap load mprotect"), depth=3), ALL,
                         "driver_bits"),
    "nonlinear": (Scope(file_pages=2, ops=ops("mmap store fsync remap_file_pages"), depth=4), ALL,
                  "tracked_writes"),
    "store while invalidated": (Scope(ops=ops("mmap load store invalidate pause"), depth=4), 0,
                                "kept_writes"),
    "forced write": (Scope(ops=ops("mmap mprotect store poke"), depth=4), 0, "promised_writes"),
    "failed mmap": (Scope(kinds=("PFNMAP_driver",), ops=ops("mmap fail"), depth=1), ALL,
                    "committed"),
    "copy in a nonlinear mapping": (
        Scope(file_pages=2, vmas=2, ops=ops("mmap poke drain reclaim remap_file_pages"), depth=6),
        ALL, "BUG"),
    "never read": (Scope(blocks=2048, ops=ops("load write fsync invalidate"), depth=4), ALL,
                   "known_contents"),
    "read over after an error": (
        Scope(blocks=2048, ops=ops("write writeback complete parts error"), depth=5), 0,
        "kept_writes"),
    "write without space": (
        Scope(blocks=2048, start=("holes",), depth=6,
              ops=ops("mmap load store write fsync release_page fail")), ALL, "BUG"),
}


def runs_of(half: core.Half, scope: Scope, name: str, most: int = 20) -> list[Found]:
    """Runs of a scope that break this, the nearest first."""
    mask = 0 if name in core.OUTCOMES else properties.mask([name])
    plan = exploring.Plan([half], scope, mask, go_on=True)
    exploration = exploring.Exploration(plan)
    result = exploration.run()
    found = [tuple(one["actions"]) for one in result["found"] if one["name"] == name]
    what = "outcome" if name in core.OUTCOMES else "property"
    if what == "property":
        found += wrong._broken_paths(exploration, most)[0]
    return [Found(scope, path, what, name) for path in dict.fromkeys(found)]


def runs_with(name: str, half: core.Half, most: int = 20) -> list[Found]:
    """Those of a row of SMALL."""
    scope, units, what = SMALL[name]
    found = runs_of(half, replace(scope, units=units), what, most)
    # a store at that pause is F4, and leaves what an unmap leaves
    return [one for one in found if name != "F5" or
            [other[0] for _, other in one.actions[-1][2]] == ["munmap"]]


@pytest.mark.parametrize("name", SMALL)
def test_run_is_known_as_itself_and_as_nothing_else(name: str) -> None:
    half = halves.c_half()
    found = runs_with(name, half)
    assert found
    assert [mechanisms.causes_of(half, one) for one in found] == [[name]] * len(found)


@pytest.mark.parametrize("name", ["F2", "F3", "F6"])
def test_sync_that_missed_a_store_has_the_same_cause(name: str) -> None:
    """fsync returned 0 and could have found the store only by a fault: that there was none is what is
    undone, not that D was taken afterwards."""
    scope, units, _ = SMALL[name]
    half = halves.c_half()
    found = runs_of(half, replace(scope, units=units), "synced_writes")
    assert found
    assert [mechanisms.causes_of(half, one) for one in found] == [[name]] * len(found)


def test_store_that_a_failed_write_zeroes_is_known() -> None:
    """By hand: it takes two holes, so a cut and growth, and an allocation that fails with another actor
    at a pause."""
    half = halves.c_half()
    scope = Scope(blocks=2048, ops=ops("mmap store write:blocks+sectors truncate"))
    store = ("store", 0, (0, 1))
    found = [Found(scope, (
        (("mmap", 0, (0, 0, 1, 3, 1, 0)), 0, ()), (("truncate", 0, (0, 0)), 0, ()),
        (("truncate", 0, (0, 4)), 0, ()), (("store", 0, (0, 2)), 0, ()),
        (("write", 0, (0, 0, 0, 4)), 4, ((pause, store),))), "property", "kept_writes")
        for pause in range(1, 9)]
    broken = [one for one in found if Replay(half, one).broken]
    assert broken
    assert [mechanisms.causes_of(half, one) for one in broken] == \
        [["zeroed by a failed write"]] * len(broken)


def test_every_mechanism_has_such_a_run_and_is_written_up() -> None:
    # those are in test_wrong.py, and above
    others = {"pin without set_page_dirty", "zeroed by a failed write"}
    names = [one.name for one in mechanisms.MECHANISMS]
    assert set(SMALL) | others == set(names) and len(set(names)) == len(names)
    root = paths.package().parent
    for one in mechanisms.MECHANISMS:
        assert one.document.startswith("claim ") or (root / one.document).is_file(), one.document


@pytest.mark.parametrize("name", SMALL)
def test_each_step_of_a_mechanism_heals_by_itself(name: str) -> None:
    half = halves.c_half()
    run = Replay(half, runs_with(name, half)[0])
    steps = next(one.steps for one in mechanisms.MECHANISMS if one.name == name)
    assert [mechanisms.heals(run, step) for step in steps] == [True] * len(steps)


def test_one_step_of_two_is_no_mechanism() -> None:
    """F5's run would not go wrong without the flush by hand, and still F2 is not its cause: no D was
    taken."""
    half = halves.c_half()
    run = Replay(half, runs_with("F5", half)[0])
    by_hand, took = next(one.steps for one in mechanisms.MECHANISMS if one.name == "F2")
    assert mechanisms.heals(run, by_hand) and not mechanisms.heals(run, took)


def test_step_that_is_undone_leaves_the_rest_as_it_was() -> None:
    scope, units, what = SMALL["F2"]
    half = halves.c_half()
    run = Replay(half, runs_of(half, scope, what, most=1)[0])
    undo = next(run_steps.took_d("by hand")(run.moments))
    healed = Replay(half, run.found, (undo,))
    assert run.broken and not healed.broken
    last = len(run.moments) - 1
    assert undo.operation == last and undo.call is not None
    for before, after in zip(run.moments[:last], healed.moments[:last], strict=True):
        assert before.after_image == after.after_image
    changed = run.moments[last].where.differences(run.moments[last].after_image,
                                                  healed.moments[last].after_image)
    assert changed == [("mm[0].pte[0x40000000].dirty", "0", "1")]


# Kernels that go wrong in another way: what they break is of no known mechanism.

@pytest.mark.parametrize(("without", "scope", "what"), [
    ("U1", Scope(ops=ops("mmap load store fsync"), depth=4), "kept_writes"),
    ("U2", Scope(ops=ops("mmap store"), depth=2), "tracked_writes"),
    ("U3", Scope(ops=ops("mmap load store"), depth=3), "tracked_writes"),
    ("U4", Scope(ops=ops("mmap load mprotect store"), depth=4), "tracked_writes"),
    ("U6", Scope(ops=ops("mmap store fsync"), depth=3), "tracked_writes"),
    ("U7", Scope(kinds=("block_device",), depth=6,
                 ops=ops("mmap load write flush_buffers complete release_page")), "lock_order"),
])
def test_kernel_without_a_unit_goes_wrong_in_a_way_that_is_not_written_up(
        without: str, scope: Scope, what: str) -> None:
    half = halves.c_half()
    found = runs_of(half, replace(scope, units=wrong.mask_without((without,))), what)
    assert found
    assert [mechanisms.causes_of(half, one) for one in found] == [[]] * len(found)


# (file, line of C, what it is changed to, a scope, what it breaks)
PLANTED = {
    "buffers that stay, and a page made clean": (
        "fs/buffer.c", "\tif (ret) {\n\t\t/* a file", "\tif (1) {\n\t\t/* a file",
        Scope(ops=ops("mmap store write release_page"), depth=4), "promised_writes"),
    "a page cleaned for a write that is not made": (
        "mm/page-writeback.c", "return 1;\t\t\t\t/* CI5 */", "return 0;\t\t\t\t/* CI5 */",
        Scope(ops=ops("mmap store fsync"), depth=3), "promised_writes"),
    "ptes cleaned again when their page is clean": (
        "mm/page-writeback.c", "\t\twrite_unlock_irqrestore(&mapping->tree_lock, flags);\t/* TC8 */",
        "\t\twrite_unlock_irqrestore(&mapping->tree_lock, flags); page_mkclean(page);\t/* TC8 */",
        # by a kernel that tracks no first store: its D is all there is
        Scope(ops=ops("mmap store load fsync release_page write"), depth=5, units=ALL & ~2),
        "promised_writes"),
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory):
    """The C half with one line changed: planted(file, old, new)."""
    def make(file: str, old: str, new: str) -> core.Half:
        folder = tmp_path_factory.mktemp("planted")
        cref, lib = paths.cref(), paths.lib()
        text = (cref / file).read_text(encoding="utf-8")
        assert text.count(old) == 1
        changed = folder / Path(file).name
        changed.write_text(text.replace(old, new), encoding="utf-8")
        sources = [path for part in ("mm", "fs") for path in sorted((cref / part).glob("*.c"))
                   if path.name != changed.name]
        library = folder / "planted.so"
        command = ["gcc", "-fPIC", "-w", "-shared", "-o", library, *paths.c_flags(),
                   f"-I{cref}/include", f"-I{cref}", changed, *sources, cref / "half.c",
                   cref / "machine/enter.c", f"-L{lib}", "-lkmm", f"-Wl,-rpath,{lib}"]
        subprocess.run([str(word) for word in command], check=True)
        return core.Half.load(library, "planted")
    return make


@pytest.mark.parametrize("name", PLANTED)
def test_planted_loss_is_not_written_up(planted, name: str) -> None:
    file, old, new, scope, what = PLANTED[name]
    half = planted(file, old, new)
    assert runs_of(halves.c_half(), scope, what) == []
    found = runs_of(half, scope, what)
    assert found
    assert [mechanisms.causes_of(half, one) for one in found] == [[]] * len(found)


def test_run_that_does_not_go_wrong_again_is_told() -> None:
    scope = Scope(ops=ops("mmap store"))
    actions: tuple[Action, ...] = tuple(scope.actions()[:1])
    with pytest.raises(HarnessError, match="does not break nr_dirty when it is run again"):
        mechanisms.causes_of(halves.c_half(), Found(scope, actions, "property", "nr_dirty"))
