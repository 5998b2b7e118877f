# SPDX-License-Identifier: GPL-2.0-only
"""mprotect_fixup: steps MF1-MF11."""

import errno

import pytest
from processes import KINDS, MM, SEM, Process, calm
from worlds import ALL_UNITS, PFNMAP, address

U4 = 0x08
OTHERS = ALL_UNITS & ~U4
R, W, X = 1, 2, 4
MAY, MAYSHARE, SHARED = 0x70, 0x80, 8
FILE = MAY | MAYSHARE | SHARED      # of a vma that shares a file; R, W, X come to it
MEMORY = MAY
ACCOUNT, LOCKED, HUGETLB = 0x100000, 0x2000, 0x400000

every_version = pytest.mark.parametrize("units", [ALL_UNITS, OTHERS, 0],
                                        ids=["v8", "without U4", "before"])


def file_vma(process: Process, rwx: int, *, kind: str = "ext2", pages: int = 4, prot=None,
             more: int = 0):
    """vma[0] maps pages 0 to 3 of file 0, shared, at page 4."""
    process.file(0, kind)
    process.vma(0, at=4, pages=pages, file=0, pgoff=0, flags=FILE | rwx | more, prot=prot)


def done(out) -> object:
    calm(out, SEM)
    assert out.ret == 0
    return out


# -- MF7: the new protection

NEWPROT = [
    # kind            R, W, X       before  v8
    ("ext2",          R | W,        0x027, 0x025),
    ("ext2",          W,            0x027, 0x025),
    ("ext2",          W | X,        0x027, 0x025),
    ("ext2",          R | W | X,    0x027, 0x025),
    ("ext2",          R,            0x025, 0x025),
    ("ext2",          X,            0x025, 0x025),
    ("ext2",          0,            0x0A0, 0x0A0),
    ("block device",  R | W,        0x027, 0x025),
    ("tmpfs",         R | W,        0x027, 0x027),      # nobody counts its dirty pages
    ("ramfs",         R | W | X,    0x027, 0x027),
    ("tmpfs",         R,            0x025, 0x025),
]


@pytest.mark.parametrize("units", [ALL_UNITS, U4, OTHERS, 0])
@pytest.mark.parametrize("kind, rwx, before, v8", NEWPROT)
def test_mprotect_fixup_protection_of_a_shared_file(process, kind, rwx, before, v8, units):
    file_vma(process, R | X if rwx != R | X else 0, kind=kind)
    process.units(units)

    out = done(process.mprotect(at=4, pages=4, flags=FILE | rwx))

    assert out.read("vma[0].vm_flags") == FILE | rwx
    assert out.read("vma[0].vm_page_prot") == (v8 if units & U4 else before)
    assert out.map.name_of(out.read("world.pprev")) == "vma[0]"
    assert process.vmas(out) == [(4, 4)]


@every_version
def test_mprotect_fixup_raw_pfn_mapping_is_not_tracked(process, units):
    file_vma(process, R, more=PFNMAP)
    process.units(units)

    out = done(process.mprotect(at=4, pages=4, flags=FILE | PFNMAP | R | W))

    assert out.read("vma[0].vm_page_prot") == 0x027


@every_version
def test_mprotect_fixup_what_a_driver_chose_is_lost(process, units):
    file_vma(process, R, kind="prot driver", prot=0x25 | 0x18)
    process.units(units)

    out = done(process.mprotect(at=4, pages=4, flags=FILE | R | W))

    assert out.read("vma[0].vm_page_prot") == (0x025 if units & U4 else 0x027)


@every_version
@pytest.mark.parametrize("flags, prot", [(MEMORY | R | W, 0x25), (MEMORY, 0xA0),
                                         (SHARED | MEMORY | R | W, 0x27)])
def test_mprotect_fixup_memory_without_a_file(process, flags, prot, units):
    process.vma(0, at=4, pages=2, flags=MEMORY | (flags & SHARED) | R)
    process.units(units)

    out = done(process.mprotect(at=4, pages=2, flags=flags))

    assert out.read("vma[0].vm_page_prot") == prot
    assert "mapping_cap_account_dirty" not in out.events


# -- MF9: the ptes


@pytest.mark.parametrize("units, pte", [(ALL_UNITS, "page 0 accessed,dirty"),
                                        (OTHERS, "page 0 rw,accessed,dirty")])
def test_mprotect_fixup_writable_again_keeps_the_dirty_bit(process, units, pte):
    file_vma(process, R)
    process.page(0, file=0, index=1, flags="dirty")
    process.pte(at=5, page=0, bits="accessed dirty")
    process.units(units)

    out = done(process.mprotect(at=4, pages=4, flags=FILE | R | W))

    assert out.pte(0, 5) == pte
    assert out.read("page[0].flags.dirty") == 1


def test_mprotect_fixup_only_the_range_is_changed(process):
    #   vma 4567  pte rw in each; 5 and 6 become read-only
    file_vma(process, R | W, prot=0x25)
    for n in range(4):
        process.page(n, file=0, index=n)
        process.pte(at=4 + n, page=n, bits="rw accessed")

    out = done(process.mprotect(at=5, pages=2, flags=FILE | R, prev=0))

    assert [out.pte(0, at) for at in range(4, 8)] == [
        "page 0 rw,accessed", "page 1 accessed", "page 2 accessed", "page 3 rw,accessed"]
    assert process.vmas(out) == [(4, 1), (5, 2), (7, 1)]


def test_mprotect_fixup_huge_pages_have_their_own_way(process):
    file_vma(process, R, kind="hugetlbfs", more=HUGETLB)

    out = done(process.mprotect(at=4, pages=4, flags=FILE | HUGETLB | R | W))

    assert "hugetlb_change_protection" in out.events
    assert "change_protection" not in out.events
    assert KINDS[process.get("inode[0].i_kind")] == "hugetlbfs"


# -- MF1, MF2


@every_version
def test_mprotect_fixup_same_flags_change_nothing(process, units):
    file_vma(process, R | W, prot=0x27)
    process.units(units)

    out = done(process.mprotect(at=4, pages=4, flags=FILE | R | W))

    assert out.map.name_of(out.read("world.pprev")) == "vma[0]"
    assert out.read("vma[0].vm_page_prot") == 0x27
    assert out.events == []


@pytest.mark.parametrize("old, new, after, charged", [
    (MEMORY | R, MEMORY | R | W, MEMORY | R | W | ACCOUNT, 2),
    (MEMORY | ACCOUNT | R, MEMORY | ACCOUNT | R | W, MEMORY | ACCOUNT | R | W, 0),
    (MEMORY | R | W, MEMORY | R | W | X, MEMORY | R | W | X, 0),        # MAP_NORESERVE
    (MEMORY | SHARED | R, MEMORY | SHARED | R | W, MEMORY | SHARED | R | W, 0),
    (MEMORY | R | W, MEMORY | R, MEMORY | R, 0),
])
def test_mprotect_fixup_what_is_charged(process, old, new, after, charged):
    process.vma(0, at=4, pages=2, flags=old)

    out = done(process.mprotect(at=4, pages=2, flags=new))

    assert out.read("vma[0].vm_flags") == after
    assert out.read("world.vm_committed_space") == charged


def test_mprotect_fixup_what_cannot_be_promised_is_refused_at_once(process):
    process.vma(0, at=4, pages=2, flags=MEMORY | R)
    process.vma(1, at=6, pages=2, flags=MEMORY | X)
    process.set("world.commit_limit", 1)

    out = process.mprotect(at=6, pages=2, flags=MEMORY | R | W, vma=1, prev=0)

    calm(out, SEM)
    assert out.ret == -errno.ENOMEM
    assert out.map.name_of(out.read("world.pprev")) == "vma[0]"
    assert out.read("vma[1].vm_flags") == MEMORY | X
    assert out.read("world.vm_committed_space") == 0
    assert out.events == ["security_vm_enough_memory"]


# -- MF4-MF6: merging and splitting


@pytest.mark.parametrize("first, pages, after, given", [
    (4, 4, [(4, 4)], (4, 4)),
    (4, 2, [(4, 2), (6, 2)], (4, 2)),               # the upper part is new
    (6, 2, [(4, 2), (6, 2)], (6, 2)),               # the lower part is new
    (5, 2, [(4, 1), (5, 2), (7, 1)], (5, 2)),
])
@every_version
def test_mprotect_fixup_splits_what_lies_outside(process, first, pages, after, given, units):
    file_vma(process, R)
    process.units(units)

    out = done(process.mprotect(at=first, pages=pages, flags=FILE | R | W,
                                prev=0 if first > 4 else None))

    assert process.vmas(out) == after
    # the vma that was known covers the range, and is handed back
    assert out.map.name_of(out.read("world.pprev")) == "vma[0]"
    assert out.read("vma[0].vm_start") == address(given[0])
    assert out.read("vma[0].vm_end") == address(sum(given))
    assert out.read("vma[0].vm_flags") == FILE | R | W
    assert out.read("file[0].f_count") == 1 + len(after)


@pytest.mark.parametrize("units, prot", [(ALL_UNITS, 0x25), (OTHERS, 0x27)])
def test_mprotect_fixup_merges_with_the_vma_before(process, units, prot):
    #   aabb  ->  aaaa
    process.file(0)
    process.vma(0, at=4, pages=2, file=0, pgoff=0, flags=FILE | R | W, prot=0x27)
    process.vma(1, at=6, pages=2, file=0, pgoff=2, flags=FILE | R)
    process.page(0, file=0, index=1)
    process.page(1, file=0, index=2)
    process.pte(at=5, page=0, bits="rw accessed")
    process.pte(at=6, page=1, bits="accessed")
    process.units(units)

    out = done(process.mprotect(at=6, pages=2, flags=FILE | R | W, vma=1, prev=0))

    assert process.vmas(out) == [(4, 4)]
    assert out.map.name_of(out.read("world.pprev")) == "vma[0]"
    # all of it has the new protection, and the ptes of the range alone
    assert out.read("vma[0].vm_page_prot") == prot
    assert out.pte(0, 5) == "page 0 rw,accessed"
    assert out.pte(0, 6) == ("page 1 accessed" if units & U4 else "page 1 rw,accessed")
    assert "split_vma" not in out.events


@pytest.mark.parametrize("fail_in, after, handed", [
    (1, [(4, 4)], (4, 4)),
    (2, [(4, 1), (5, 3)], (5, 3)),          # the first split stays
])
@every_version
def test_mprotect_fixup_split_that_fails_gives_the_charge_back(process, fail_in, after, handed,
                                                               units):
    process.vma(0, at=4, pages=4, flags=MEMORY | R)
    process.set("world.fail_in", fail_in)
    process.units(units)

    out = process.mprotect(at=5, pages=2, flags=MEMORY | R | W, prev=0)

    calm(out, SEM)
    assert out.ret == -errno.ENOMEM
    assert process.vmas(out) == after
    assert out.read("vma[0].vm_flags") == MEMORY | R
    assert out.read("world.vm_committed_space") == 0
    assert out.map.name_of(out.read("world.pprev")) == "vma[0]"
    assert out.read("vma[0].vm_start") == address(handed[0])
    assert out.steps[-1] == "MF11"


def test_mprotect_fixup_failure_that_charged_nothing_says_so_too(process):
    file_vma(process, R)
    process.set("world.fail_in", 1)

    out = process.mprotect(at=5, pages=2, flags=FILE | R | W, prev=0)

    assert out.ret == -errno.ENOMEM
    assert out.events[-1] == "vm_unacct_memory"
    assert out.read("world.vm_committed_space") == 0


def test_mprotect_fixup_counts_move_from_the_old_kind_to_the_new(process):
    file_vma(process, R | X)
    process.set("mm[0].shared_vm", 4)
    process.set("mm[0].exec_vm", 4)

    out = done(process.mprotect(at=5, pages=2, flags=FILE | R, prev=0))

    assert out.read("mm[0].exec_vm") == 2
    assert out.read("mm[0].shared_vm") == 4
    assert out.read("mm[0].total_vm") == 4


def test_mprotect_fixup_locks_of_a_change_without_a_split(process):
    file_vma(process, R)
    process.page(0, file=0, index=0)
    process.pte(at=4, page=0, bits="accessed")

    out = done(process.mprotect(at=4, pages=4, flags=FILE | R | W))

    assert "spin_lock" not in out.events
    assert out.events.count("pte_offset_map_lock") == 1
    assert process.address(MM)
