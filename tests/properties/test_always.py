# SPDX-License-Identifier: GPL-2.0-only
"""Properties that hold always: each is seen to break, alone, where a word is wrong."""

import pytest

from pykmm import World
from pykmm.engine import core, properties
from pykmm.errors import BadInput


@pytest.fixture
def stored():
    """A page of a file, stored to by a process, with buffers; and an anonymous one."""
    w = World(units="all")
    f, p = w.file("ext2", pages=2, block=1024), w.process
    at, own = p.mmap(f), p.mmap(shared=False)
    f.write(0), p.write(at), p.write(own), w.drain()
    return w


@pytest.mark.parametrize("name", core.PROPERTIES)
def test_a_world_of_legal_operations_breaks_none(stored, name):
    assert stored.broken(name) == []


@pytest.mark.parametrize("path, value, broken", [
    ("page[0]._count", 9, ["refcounts"]),
    ("page[0].pins", 1, ["refcounts"]),
    ("page[0]._mapcount", 1, ["mapcounts"]),
    ("mm[0].file_rss", 0, ["rss"]),
    ("mm[0].anon_rss", 2, ["rss"]),
    ("world.page_state.nr_mapped", 3, ["page_state"]),
    ("world.page_state.nr_dirty", 2, ["page_state", "nr_dirty"]),
    ("mapping[0].nrpages", 2, ["page_trees"]),
    ("mapping[0].slot[0].index_and_tags", 0, ["dirty_tags", "promised_writes"]),
    ("mm[0].total_vm", 3, ["vma_lists"]),
    ("vma[0].vm_flags", 0x8000FB, ["file_vmas"]),       # nonlinear, and not on that list
    ("world.vm_committed_space", 7, ["committed"]),
    ("swap[1].map", 1, ["swap_map"]),
    ("file[0].f_count", 9, ["open_files"]),
    ("world.kmaps", 1, ["nothing_held"]),
    ("page[5].flags.dirty", 1, ["freed_pages"]),
    ("page[5].flags.private", 1, ["refcounts", "freed_pages"]),
    ("page[5].io", 1, ["freed_pages"]),
    ("world.sleep_fault", 1 << 7, ["sleeping"]),
    ("vma[0].vm_flags", 0x73, ["private_contents"]),    # private, and writes the file's page
    ("vma[0].vm_flags", 0x79, ["write_permission"]),    # shared, and not to be written
    ("inode[0].i_place", 2, ["dirty_inodes"]),
    ("world.store_faults", 1, ["synced_writes"]),
    ("world.store_faults", 2, ["msynced_writes"]),
    ("world.store_faults", 4, ["anonymous_pages"]),
    ("world.store_faults", 8, ["dirtied_pages"]),
])
def test_a_wrong_word_breaks_those_that_know_it(stored, path, value, broken):
    stored["mm[0].pte[0x40000000]"] &= ~0x40        # else it would be a promise by itself
    assert stored.broken() == []

    stored[path] = value

    assert stored.broken() == broken


def test_each_that_holds_always_was_seen_to_break():
    marks = test_a_wrong_word_breaks_those_that_know_it.pytestmark
    rows = next(mark for mark in marks if mark.name == "parametrize").args[1]
    # anon_vmas know no word but pointers: tests/sequences/test_at_rest.py
    assert {name for *_, broken in rows for name in broken} | {"anon_vmas"} >= set(
        properties.names(properties.ALWAYS))


def test_only_what_is_asked_for_is_looked_at(stored):
    stored["world.kmaps"] = 1
    stored["world.sleep_fault"] = 1 << 7
    assert stored.broken("sleeping", "rss") == ["sleeping"]
    assert stored.broken("rss") == []
    assert stored.properties() == "nothing_held"


def test_a_name_that_is_none_is_refused_with_those_there_are(stored):
    with pytest.raises(BadInput, match="no property rrs: there are refcounts, mapcounts"):
        stored.broken("rrs")


def test_sets_by_name_and_back():
    assert properties.names(properties.mask(["rss", "lock_order"])) == ["rss", "lock_order"]
    assert properties.ALWAYS & properties.JUDGED == 0
    assert properties.names(properties.ALWAYS | properties.JUDGED) == list(core.PROPERTIES)


def test_with_a_unit_off_what_needs_it_is_not_expected():
    assert "lock_order" in properties.names(properties.expected(properties.ALL, 0x7F))
    assert "lock_order" not in properties.names(properties.expected(properties.ALL, 0x3F))
    assert properties.expected(properties.ALWAYS, 0) == properties.ALWAYS
