# SPDX-License-Identifier: GPL-2.0-only
"""An anonymous page is no page of a file: where it is copied, where it may be reused, and who breaks it."""

import pytest

from pykmm import World


def copied(units):
    """A private copy in a shared mapping that may be written to by now: (world, process, address)."""
    w = World(units=units)
    f, p = w.file("ext2", pages=1), w.process
    at = p.mmap(f, prot="r")
    p.poke(at)
    return w, p, at


@pytest.mark.parametrize("units", ["all", "none"])
def test_a_page_that_a_child_has_too_is_copied(units):
    w = World(units=units)
    p = w.process
    at = p.mmap(shared=False)
    p.write(at), p.fork(), p.write(at)
    assert (p.pte(at), w.broken("anonymous_pages")) == ("page 1 RW D A", [])


@pytest.mark.parametrize("units", ["all", "none"])
def test_a_page_that_nobody_else_has_is_reused(units):
    w = World(units=units)
    p = w.process
    at = p.mmap(shared=False)
    p.write(at), p.fork().exit(), p.write(at)
    assert (p.pte(at), w.broken("anonymous_pages")) == ("page 0 RW D A", [])


def test_it_breaks_where_a_copy_in_a_shared_mapping_is_tracked():
    w, p, at = copied("all")
    p.mprotect(at, 1, "rw")
    w["page[1].flags.dirty"] = 0
    assert w.broken("anonymous_pages") == []
    p.write(at)
    assert (w["page[1].flags.dirty"], w.broken("anonymous_pages")) == (1, ["anonymous_pages"])


def test_it_breaks_where_a_copy_in_a_shared_mapping_is_reused_although_a_child_has_it():
    w, p, at = copied("all")
    child = p.fork()
    p.mprotect(at, 1, "rw")
    assert w["page[1].flags.dirty"]         # so that only reuse can break it
    stored = p.write(at)
    assert (child.read(at), w.broken("anonymous_pages")) == (stored, ["anonymous_pages"])


def test_without_the_unit_that_puts_shared_mappings_first_it_holds():
    w, p, at = copied("-U1")
    child = p.fork()
    p.mprotect(at, 1, "rw")
    stored = p.write(at)
    assert (child.read(at) != stored, w.broken("anonymous_pages")) == (True, [])


def test_before_the_patch_mprotect_itself_makes_it_writable_without_a_fault():
    w, p, at = copied("none")
    child = p.fork()
    p.mprotect(at, 1, "rw")
    stored = p.write(at)
    assert (child.read(at), w.broken("anonymous_pages")) == (stored, [])


def test_it_breaks_by_a_place_in_swap_that_another_process_has():
    w, p, at = copied("all")
    p.mprotect(at, 1, "rw")
    w["page[1].flags.swapcache"], w["page[1].private"] = 1, 1
    w["swap[1].map"] = 2
    w["mm[0].pte[0x40000000]"] &= ~2
    p.write(at)
    assert w.broken("anonymous_pages") == ["anonymous_pages"]


def test_exception_who_has_let_it_go_meanwhile():
    w = World(units="none")
    p = w.process
    at = p.mmap(shared=False)
    p.write(at)
    p.fork()
    for pause in range(1, 12):
        other = w.copy()
        other["world.interference"] = 10 | 1 << 8       # the child ends
        other["world.pauses_left"] = pause
        other.process.write(at)
        assert other.broken("anonymous_pages") == []
