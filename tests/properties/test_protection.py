# SPDX-License-Identifier: GPL-2.0-only
"""What ptes and vmas may do, and that sync finds what is dirty: holds, breaks, exceptions."""

import pytest

from pykmm import World

RW, PCD, PWT = 0x2, 0x10, 0x8
PTE = "mm[0].pte[0x40000000]"


def mapped(kind="ext2", units="all", prot="rw", **options):
    w = World(units=units)
    f, p = w.file(kind, pages=1), w.process
    return w, f, p, p.mmap(f, prot=prot, **options)


# write_permission

@pytest.mark.parametrize("units", ["all", "none"])
@pytest.mark.parametrize("shared", [True, False])
def test_write_permission_goes_and_comes_with_mprotect(units, shared):
    w, f, p, at = mapped(units=units, shared=shared)
    p.write(at), p.mprotect(at, 1, "r")
    assert (w[PTE] & RW, w.broken("write_permission")) == (0, [])
    p.poke(at)
    assert (w[PTE] & RW, w.broken("write_permission")) == (0, [])
    w[PTE] |= RW
    assert w.broken("write_permission") == ["write_permission"]
    p.mprotect(at, 1, "rw")
    assert w.broken("write_permission") == []


def test_write_permission_is_asked_of_frames_of_a_driver_too():
    w, *_ = mapped("PFNMAP driver", prot="r")
    assert (w[PTE] & RW, w.broken("write_permission")) == (0, [])
    w[PTE] |= RW
    assert w.broken("write_permission") == ["write_permission"]


# tracked_protection

@pytest.mark.parametrize("units, broken", [("all", []), ("-U3", ["tracked_protection"]),
                                           ("none", ["tracked_protection"])])
def test_tracked_protection_of_a_new_mapping(units, broken):
    w, *_ = mapped(units=units)
    assert w.broken("tracked_protection") == broken


@pytest.mark.parametrize("units, broken", [("all", []), ("-U4", ["tracked_protection"])])
def test_tracked_protection_after_mprotect(units, broken):
    w, _, p, at = mapped(units=units, prot="r")
    p.mprotect(at, 1, "rw")
    assert w.broken("tracked_protection") == broken


@pytest.mark.parametrize("kind, shared", [("tmpfs", True), ("ramfs", True),
                                          ("PFNMAP driver", True), ("ext2", False)])
def test_tracked_protection_does_not_ask_where_nothing_is_tracked(kind, shared):
    w, *_ = mapped(kind, units="none", shared=shared)
    w["vma[0].vm_page_prot"] |= RW
    assert w.broken("tracked_protection") == []


def test_tracked_protection_does_not_ask_of_what_may_not_be_written():
    w, *_ = mapped(prot="r")
    w["vma[0].vm_page_prot"] |= RW
    assert w.broken("tracked_protection") == []


# driver_bits

@pytest.mark.parametrize("units", ["all", "none"])
def test_driver_bits_stay_when_it_is_mapped_and_stored_to(units):
    w, _, p, at = mapped("prot driver", units=units)
    p.read(at), p.write(at), p.fork()
    assert (w[PTE] & (PCD | PWT), w.broken("driver_bits")) == (PCD | PWT, [])


@pytest.mark.parametrize("path", ["vma[0].vm_page_prot", PTE])
@pytest.mark.parametrize("bit", [PCD, PWT])
def test_driver_bits_are_asked_of_vma_and_pte(path, bit):
    w, _, p, at = mapped("prot driver")
    p.write(at)
    w[path] &= ~bit
    assert w.broken("driver_bits") == ["driver_bits"]


@pytest.mark.parametrize("units", ["all", "none"])
def test_driver_bits_break_by_mprotect_in_every_kernel(units):
    w, _, p, at = mapped("prot driver", units=units)
    p.write(at), p.mprotect(at, 1, "r")
    assert (w[PTE] & (PCD | PWT), w.broken("driver_bits")) == (0, ["driver_bits"])


def test_driver_bits_are_not_asked_of_other_files():
    w, _, p, at = mapped("ext2")
    p.write(at)
    assert (w[PTE] & (PCD | PWT), w.broken("driver_bits")) == (0, [])


# dirty_inodes

@pytest.mark.parametrize("kind", ["ext2", "ext3", "block device", "prot driver"])
def test_dirty_inodes_are_on_the_list_until_they_are_clean(kind):
    w, f, p, at = mapped(kind)
    p.write(at)
    assert (w["inode[0].i_place"], w.broken("dirty_inodes")) == (1, [])
    w["inode[0].i_place"] = 2
    assert w.broken("dirty_inodes") == ["dirty_inodes"]
    w["inode[0].i_place"] = 0
    assert w.broken("dirty_inodes") == ["dirty_inodes"]
    w["page[0].flags.dirty"] = 0
    assert w.broken("dirty_inodes") == []


def test_dirty_inodes_stay_on_the_list_if_something_is_left_to_write():
    w, f, p, at = mapped("ext2")
    p.write(at), w.drain()
    w["world.interference"], w["world.pauses_left"] = 12, 30    # a store, after the page was written
    w.sync()
    assert w.broken("dirty_inodes") == []


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_dirty_inodes_does_not_ask_what_sync_leaves_alone(kind):
    w, f, p, at = mapped(kind)
    p.write(at)
    w["inode[0].i_place"] = 2
    assert (w["page[0].flags.dirty"], w.broken("dirty_inodes")) == (1, [])
