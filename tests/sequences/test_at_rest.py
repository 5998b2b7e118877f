# SPDX-License-Identifier: GPL-2.0-only
"""What must hold after every operation of any sequence, and at rest when everybody has gone."""

import os

import pytest

from pykmm.engine import core

SEQUENCES = 40_000 if os.environ.get("PYKMM_DEEP") else 3_000


@pytest.mark.parametrize("units", [0x7F, 0, None], ids=["all", "none", "mixed"])
@pytest.mark.parametrize("which", [0, 1], ids=["C", "P"])
def test_properties_hold_after_every_operation_and_nothing_is_left(halves, which, units):
    job = core.Job(halves, seed=20060613, units=units)
    runner = core.Runner(sequences=True)
    known_races = 0
    for index in range(SEQUENCES):
        runner.build(job.case(7, index, True))
        ended, at, broken, left, (_, races) = runner.run_checked(halves[which])
        known_races += races
        assert (ended, broken, left) == ("returned", None, ""), \
            f"sequence (shard 7, index {index}): {ended}; {broken} broke after operation {at}; " \
            f"left at rest: {left or 'nothing'}"
    # the kernel before the patch dirties under the pte's lock, and never loses this race
    assert known_races == 0 or units != 0


@pytest.mark.parametrize("path, value, broken", [
    ("page[0]._count", 1, "refcounts"),
    ("page[0]._mapcount", 0, "mapcounts"),
    ("mm[0].file_rss", 1, "rss"),
    ("world.page_state.nr_dirty", 1, "page_state"),
    ("mapping[0].nrpages", 1, "page_trees"),
    ("mm[0].map_count", 1, "vma_lists"),
    ("world.vm_committed_space", 1, "committed"),
    ("swap[1].map", 1, "swap_map"),
    ("file[0].f_count", 2, "open_files"),
    ("world.kmaps", 1, "nothing_held"),
])
def test_a_property_that_does_not_hold_is_named(kernel, path, value, broken):
    assert kernel.runner.broken_property() is None

    kernel.set(path, value)

    assert kernel.runner.broken_property() == broken


def test_dirty_tags_are_a_property(kernel):
    kernel.do("write", 0, 0, 0, 1)
    assert kernel.get("page[0].flags.dirty") == 1
    assert kernel.runner.broken_property() is None

    kernel.set("mapping[0].slot[0].index_and_tags", 0)

    assert kernel.runner.broken_property() == "dirty_tags"


def test_file_vmas_are_a_property(kernel):
    assert kernel.do("mmap", 0, 0, 1, 3, 1, 0) == 0x40000000
    assert kernel.runner.broken_property() is None

    kernel.set("mapping[0].i_mmap", 0)

    assert kernel.runner.broken_property() == "file_vmas"


def test_anon_vmas_are_a_property(kernel):
    kernel.do("mmap", 255, 0, 1, 3, 2, 0)
    kernel.do("store", 0, 0)
    assert kernel.runner.broken_property() is None

    kernel.set("anon_vma[0].head", 0)

    assert kernel.runner.broken_property() == "anon_vmas"


def test_every_property_has_a_statement():
    assert len(core.PROPERTIES) == 31
    assert all(statement[0].islower() and not statement.endswith(".")
               for statement in core.PROPERTIES.values())
