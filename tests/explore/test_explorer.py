# SPDX-License-Identifier: GPL-2.0-only
"""The explorer: what it reaches does not depend on threads or on being stopped."""

import errno
import os
import shutil
import subprocess
from collections import Counter

import pytest

from pykmm import paths
from pykmm.engine import core, explorer, exploring, halves, properties
from pykmm.engine.scope import Scope
from pykmm.errors import BadInput

OPS = ("mmap", "munmap", "mprotect", "load", "store", "writeback", "complete", "reclaim", "drain")
SCOPE = Scope(ops=OPS)
DEPTH = 12


def _plain(explored):
    return {name: value for name, value in explored.totals.items() if name != "bytes"}


@pytest.fixture(scope="module")
def alone(explored):
    return explored(SCOPE, DEPTH)


def test_scope_is_closed_when_nothing_new_is_reached(explored):
    small = explored(Scope(ops=("mmap", "load", "store")), 100)
    assert small.state == "closed"
    assert small.totals["transitions"] == small.totals["worlds"] * len(
        Scope(ops=("mmap", "load", "store")).actions())
    # every transition leads to a world, and every world but the start was new once
    assert small.totals["known"] == small.totals["transitions"] - small.totals["worlds"] + 1


def test_depth_is_an_end(alone):
    assert alone.state == "depth"
    assert alone.totals["depth"] == DEPTH
    assert max(len(alone.explorer.path(i)) for i in range(alone.totals["worlds"])) == DEPTH


def test_parents_come_before_their_children_and_paths_are_shortest(alone):
    lengths = [len(alone.explorer.path(i)) for i in range(alone.totals["worlds"])]
    assert lengths == sorted(lengths)
    for number, (_, parent, _) in enumerate(alone.worlds()):
        assert parent is None if not number else parent < number


def test_threads_do_not_change_what_is_reached(alone, explored):
    together = explored(SCOPE, DEPTH, jobs=3)
    assert _plain(together) == _plain(alone)
    assert together.worlds() == alone.worlds()
    assert alone.totals["worlds"] > 4096        # more than one batch


def test_exploration_that_was_stopped_goes_on_as_if_it_had_not(alone, explored, tmp_path):
    state = str(tmp_path / "state")
    before = explored(SCOPE, DEPTH, batches=9)
    assert before.state == "stopped"
    before.explorer.save(state, "C and P")
    after = explored(SCOPE, DEPTH, state=state)
    assert _plain(after) == _plain(alone)
    assert after.worlds() == alone.worlds()
    assert 0 < before.totals["worlds"] < after.totals["worlds"]


def test_batch_that_is_stopped_adds_nothing(explored):
    half_way = explored(SCOPE, DEPTH, batches=5)
    totals = half_way.explorer.totals()
    assert half_way.explorer.begin() == "batch"
    half_way.explorer.stop()
    half_way.explorer.work(0)
    assert not half_way.explorer.merge()
    assert half_way.explorer.totals() == totals


@pytest.fixture
def state(explored, tmp_path):
    path = tmp_path / "state"
    explored(SCOPE, 5).explorer.save(str(path), "C and P")
    return path


def _load(explored, path, scope=SCOPE):
    error, made_by = explored(scope, 5, batches=0).explorer.load(str(path))
    assert made_by == ("" if error else "C and P")
    return error


@pytest.mark.parametrize("damage, error", [
    (lambda data: data[:-1], errno.EILSEQ),
    (lambda data: data + b"x", errno.EILSEQ),
    (lambda data: data[:-explorer.SEEN_BYTES], errno.EILSEQ),
    (lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:], errno.EILSEQ),
    (lambda data: data[:34] + bytes([data[34] ^ 1]) + data[35:], errno.EILSEQ),
    (lambda data: data[:4200] + bytes([data[4200] ^ 1]) + data[4201:], errno.EILSEQ),
    (lambda data: b"x" + data[1:], errno.EPROTO),
    (lambda data: b"", errno.EPROTO),
    (lambda data: data[:16] + bytes(8) + data[24:], errno.EINVAL),
], ids=["short", "long", "a world short", "world", "halves", "totals", "other file", "empty", "scope"])
def test_damaged_state_is_refused(explored, state, damage, error):
    assert _load(explored, state) == 0
    state.write_bytes(damage(state.read_bytes()))
    assert _load(explored, state) == error


def test_state_of_another_scope_is_refused(explored, state):
    for other in (Scope(ops=OPS, units=0), Scope(ops=OPS[1:]), Scope(ops=OPS, pages=3)):
        assert _load(explored, state, other) == errno.EINVAL
        plan = exploring.Plan([halves.c_half()], other, 0, state=str(state))
        with pytest.raises(BadInput, match="another scope"):
            exploring.Exploration(plan)


def test_broken_property_is_found_first_where_it_is_nearest(explored):
    tracked = properties.mask(["tracked_writes"])
    found = explored(Scope(ops=OPS, units=0), 6, properties=tracked, go_on=False)
    assert found.state == "found"
    (what, name, parent, action, _), = found.totals["found"]
    assert (what, name) == ("property", "tracked_writes")
    operations = list(Scope(ops=OPS, units=0).operations())
    path = [*found.explorer.path(parent), action - found.explorer.nr_first]
    # without the patch a page that was only read may be written to by its pte
    assert [operations[i][0] for i in path] == ["mmap", "load"]
    assert explored(Scope(ops=OPS), 6, properties=tracked).totals["found"] == []


def test_nothing_is_tried_from_a_world_that_breaks_a_property(explored):
    tracked = properties.mask(["tracked_writes"])
    going_on = explored(Scope(ops=OPS, units=0), 4, properties=tracked)
    ends = [i for i, (_, _, last) in enumerate(going_on.worlds()) if last]
    parents = Counter(parent for _, parent, _ in going_on.worlds())
    assert len(ends) > 1
    assert not any(parents[end] for end in ends)


def test_stores_that_are_not_on_disk_tell_worlds_apart_only_for_who_asks(explored):
    ops = ("mmap", "store", "munmap", "writeback", "complete")
    silent = explored(Scope(ops=ops), 8)
    asked = explored(Scope(ops=ops), 8, properties=properties.mask(["kept_writes"]))
    assert asked.totals["worlds"] >= silent.totals["worlds"]


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """Half C with a page_mkclean that forgets to count."""
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc to build a half with")
    folder, cref, lib = tmp_path_factory.mktemp("wrong"), paths.cref(), paths.lib()
    text = (cref / "mm/rmap.c").read_text()
    assert text.count("if (protect)\n") == 1
    (folder / "rmap.c").write_text(text.replace("if (protect)\n", "if (!protect)\n"))
    sources = [p for d in ("mm", "fs") for p in sorted((cref / d).glob("*.c"))
               if p.name != "rmap.c"]
    subprocess.run(["gcc", "-fPIC", "-shared", "-w", *paths.c_flags(), f"-I{cref}/include",
                    f"-I{cref}", "-o", str(folder / "wrong.so"), str(folder / "rmap.c"),
                    *map(str, sources), str(cref / "half.c"), str(cref / "machine/enter.c"),
                    f"-L{lib}", "-lkmm", f"-Wl,-rpath,{lib}"], check=True)
    return core.Half.load(folder / "wrong.so", "wrong")


def test_half_that_differs_is_found_where_it_is_nearest(explored, wrong):
    found = explored(Scope(ops=OPS), 8, loaded=[halves.c_half(), wrong], go_on=False)
    (what, name, parent, action, _), = found.totals["found"]
    assert (what, name) == ("difference", "wrong")
    operations = list(Scope(ops=OPS).operations())
    path = [*found.explorer.path(parent), action - found.explorer.nr_first]
    # writeback write-protects, and the shortest way to a dirty page is a store
    assert [operations[i][0] for i in path] == ["mmap", "store", "writeback"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_plan_is_stopped_by_its_time_and_gone_on_with(tmp_path, monkeypatch, jobs):
    state = str(tmp_path / "state")
    # a clock of batches: time is up when one has been merged, however long that took
    merged = [0]
    monkeypatch.setattr(exploring.time, "monotonic", lambda: float(merged[0]))
    merge = explorer.Explorer.merge

    class Counting(explorer.Explorer):
        def merge(self):
            merged[0] += 1
            return merge(self)

    monkeypatch.setattr(exploring, "Explorer", Counting)
    plan = exploring.Plan([halves.c_half()], Scope(ops=OPS, depth=9), 0, jobs=jobs, state=state)
    whole = exploring.Exploration(plan).run()
    os.unlink(state)
    plan.seconds = 1.0
    told = []
    for _ in range(100):
        told.append(exploring.Exploration(plan).run())
        if told[-1]["state"] == "depth":
            break
    assert len(told) > 3
    assert not os.path.exists(state + ".part")
    for name in ("worlds", "transitions", "known", "outside", "depth"):
        assert told[-1][name] == whole[name]


@pytest.mark.parametrize("wrong_scope, said", [
    ({"processes": 4}, "--processes 4"), ({"pages": 0}, "--pages 0"), ({"vmas": 9}, "--vmas 9"),
    ({"kinds": ("ext4",)}, "ext4"), ({"blocks": 512}, "--blocks 512"), ({"depth": 0}, "--depth 0"),
    ({"ops": ("mmap", "mremap")}, "mremap"), ({"kinds": ("ext2",) * 4}, "--files 4"),
    ({"file_pages": 5}, "--file-pages 5"),
])
def test_scope_that_cannot_be_is_refused(wrong_scope, said):
    with pytest.raises(BadInput, match=said):
        Scope(**wrong_scope)


def test_every_operation_can_be_tried():
    names = {name for name, _ in core.OPERATIONS} - {"nothing"}
    scope = Scope(processes=2, kinds=("ext3",), ops=tuple(names))
    assert {name for name, _, _ in scope.operations()} == names
    wide = Scope(ops=("mmap", "store", "fail", "pause"))
    plain = len(list(wide.operations()))
    assert len(wide.actions()) == plain * (1 + 3) + plain * 12
    assert any(fail for _, fail, _ in wide.actions())
