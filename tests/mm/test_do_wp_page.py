# SPDX-License-Identifier: GPL-2.0-only
"""do_wp_page: steps WP1-WP15."""

import pytest
from processes import SEM, ZERO_PAGE, Process, calm
from worlds import ALL_UNITS, PFNMAP, SHARED_RO, SHARED_RW

U1 = 0x01
OTHERS = ALL_UNITS & ~U1
MINOR, REUSED_OR_COPIED, OOM = 0x02, 0x12, 0x00
PRIVATE = 0x73                          # READ, WRITE and all three MAYs
READ_ONLY = 0x71                        # a debugger may write here, the process may not
REUSED = "page 0 rw,accessed,dirty"
COPIED = "page 1 rw,accessed,dirty"

both_versions = pytest.mark.parametrize("units", [ALL_UNITS, OTHERS, 0], ids=["v8", "without U1",
                                                                             "before"])


def file_page(process: Process, vma: int, *, kind: str = "ext2", bits: str = "", flags: str = ""):
    """Page 0 of file 0 in memory, mapped read-only at page 4.

        file    0          vma       4  5
                page 0     pte       p0
    """
    process.file(0, kind)
    process.page(0, file=0, index=1, flags=flags)
    process.vma(0, at=4, pages=2, file=0, pgoff=1, flags=vma)
    process.pte(at=4, page=0, bits=bits)


def anon_page(process: Process, vma: int, *, flags: str = "", mapped_twice: bool = False,
              file: bool = False):
    """Page 0, anonymous, mapped read-only at page 4; twice: also at page 5."""
    if file:
        process.file(0)
    process.page(0, anon=0, index=0x40004, flags=flags)
    process.vma(0, at=4, pages=2, file=0 if file else None, pgoff=1 if file else None, flags=vma,
                anon=0)
    process.pte(at=4, page=0)
    if flags == "locked":
        process.add("page[0]._count", 1)        # whoever locked it
    if mapped_twice:
        process.pte(at=5, page=0)


def counts(out, page: int) -> tuple[int, int]:
    """References and ptes."""
    mapcount = out.read(f"page[{page}]._mapcount")
    return out.read(f"page[{page}]._count"), (mapcount + 1) & 0xFFFFFFFF


# -- WP2: which page may be made writable where it is


def test_do_wp_page_shared_writable_page_is_reused_and_dirtied(process):
    file_page(process, SHARED_RW)
    process.units(ALL_UNITS)

    out = process.wp_fault(at=4)

    calm(out, SEM)
    assert out.ret == REUSED_OR_COPIED
    assert out.pte(0, 4) == REUSED
    assert counts(out, 0) == (2, 1)
    assert out.read("page[0].flags.dirty") == 1
    assert out.read("mapping[0].slot[0].index_and_tags") == 1 << 2 | 1     # index 1, tag DIRTY
    assert out.read("world.page_state.nr_dirty") == 1
    assert out.read("mm[0].file_rss") == 1
    assert "PageAnon" not in out.events and "TestSetPageLocked" not in out.events
    order = ["get_page", "ptep_set_access_flags", "pte_unmap_unlock", "set_page_dirty", "put_page"]
    assert [name for name in out.events if name in order] == order


@pytest.mark.parametrize("units", [OTHERS, 0])
def test_do_wp_page_before_the_patch_a_shared_writable_page_is_copied(process, units):
    file_page(process, SHARED_RW)
    process.units(units)

    out = process.wp_fault(at=4)

    calm(out, SEM)
    assert out.ret == REUSED_OR_COPIED
    assert out.pte(0, 4) == COPIED                      # the store goes astray
    assert out.read("page[0].flags.dirty") == 0
    assert (out.read("mm[0].file_rss"), out.read("mm[0].anon_rss")) == (0, 1)
    assert "set_page_dirty" not in out.events


def test_do_wp_page_shared_page_of_tmpfs_is_dirtied_but_not_counted(process):
    file_page(process, SHARED_RW, kind="tmpfs")

    out = process.wp_fault(at=4)

    assert (out.ret, out.pte(0, 4)) == (REUSED_OR_COPIED, REUSED)
    assert out.read("page[0].flags.dirty") == 1
    assert out.read("world.page_state.nr_dirty") == 0


def test_do_wp_page_locked_file_page_is_reused_all_the_same(process):
    file_page(process, SHARED_RW, flags="locked")

    out = process.wp_fault(at=4)

    assert (out.ret, out.pte(0, 4)) == (REUSED_OR_COPIED, REUSED)
    assert out.read("page[0].flags.locked") == 1


@both_versions
@pytest.mark.parametrize("vma", [SHARED_RO, PRIVATE], ids=["shared read-only", "private"])
def test_do_wp_page_file_page_of_another_mapping_is_copied(process, vma, units):
    file_page(process, vma)
    process.units(units)

    out = process.wp_fault(at=4)

    calm(out, SEM)
    assert out.ret == REUSED_OR_COPIED
    # a forced write: the copy is dirty, and writable only if the vma is
    assert out.pte(0, 4) == (COPIED if vma == PRIVATE else "page 1 accessed,dirty")
    assert out.read("page[0].flags.dirty") == 0
    assert (out.read("mm[0].file_rss"), out.read("mm[0].anon_rss")) == (0, 1)


@both_versions
@pytest.mark.parametrize("flags, mapped_twice, ends_as, tried", [
    ("", False, "reused", 1),
    ("", True, "copied", 1),            # shared with another pte
    ("locked", False, "copied", 1),     # somebody else has it locked, and keeps it so
])
def test_do_wp_page_anonymous_page(process, flags, mapped_twice, ends_as, tried, units):
    anon_page(process, PRIVATE, flags=flags, mapped_twice=mapped_twice)
    process.units(units)

    out = process.wp_fault(at=4)

    assert out.ret == REUSED_OR_COPIED
    assert out.pte(0, 4) == (REUSED if ends_as == "reused" else COPIED)
    assert out.events.count("TestSetPageLocked") == tried
    assert out.events.count("unlock_page") == out.events.count("can_share_swap_page") == (
        0 if flags else 1)
    assert out.read("page[0].flags.locked") == (1 if flags else 0)
    assert out.read("page[0].flags.dirty") == 0
    assert out.read("mm[0].anon_rss") == (2 if mapped_twice else 1)


@pytest.mark.parametrize("units, pte, dirtied", [(ALL_UNITS, REUSED, 1), (OTHERS, COPIED, 0)])
def test_do_wp_page_locked_anonymous_page_in_a_shared_writable_vma(process, units, pte, dirtied):
    # left there by a debugger's write while the vma was read-only
    anon_page(process, SHARED_RW, flags="locked", file=True)
    process.units(units)

    out = process.wp_fault(at=4)

    assert (out.ret, out.pte(0, 4)) == (REUSED_OR_COPIED, pte)
    assert out.read("page[0].flags.dirty") == dirtied
    assert out.read("world.page_state.nr_dirty") == 0


# -- WP3: what the pte becomes


@pytest.mark.parametrize("bits, after", [
    ("", "page 0 rw,accessed,dirty"),
    ("accessed dirty", "page 0 rw,accessed,dirty"),
    ("pcd", "page 0 rw,pcd,accessed,dirty"),            # a driver's bit stays
])
def test_do_wp_page_reused_pte_keeps_its_other_bits(process, bits, after):
    file_page(process, SHARED_RW, bits=bits)

    assert process.wp_fault(at=4).pte(0, 4) == after


def test_do_wp_page_reused_pte_is_writable_only_where_the_vma_is(process):
    anon_page(process, READ_ONLY)

    out = process.wp_fault(at=4)

    assert out.ret == REUSED_OR_COPIED
    assert out.pte(0, 4) == "page 0 accessed,dirty"


def test_do_wp_page_pte_that_is_writable_already_is_no_fault_of_its_own(process):
    # do_swap_page calls with such a pte
    file_page(process, SHARED_RW, bits="rw")

    assert process.wp_fault(at=4).ret == REUSED_OR_COPIED


# -- WP4-WP12: the copy


@both_versions
def test_do_wp_page_copy_moves_counts_and_references(process, units):
    file_page(process, PRIVATE)
    process.set("page[0].contents[2]", 7)
    process.units(units)

    out = process.wp_fault(at=4)

    calm(out, SEM)
    assert counts(out, 0) == (1, 0)         # the page cache's alone
    assert counts(out, 1) == (2, 1)         # the pte's, and that of the way onto the LRU
    assert out.read("world.lru_add_active.nr") == 1
    assert [out.read(f"page[1].contents[{i}]") for i in range(4)] == [0, 0, 7, 0]
    assert out.read("page[1].mapping") & 1
    assert out.read("page[1].index") == 1
    assert out.read("world.page_state.nr_mapped") == 1
    assert out.read("vma[0].anon_vma") != 0
    expected = ["vm_normal_page", "pte_unmap_unlock", "alloc_page_vma", "cow_user_page",
                "pte_offset_map_lock", "page_remove_rmap", "ptep_establish",
                "lazy_mmu_prot_update", "lru_cache_add_active", "page_add_new_anon_rmap",
                "pte_unmap_unlock"]
    assert [name for name in out.events if name in expected] == expected


def test_do_wp_page_copy_loses_the_old_ptes_dirty_bit(process):
    # stored to before the patch, made read-only by mprotect, then poked by a debugger
    file_page(process, SHARED_RO, bits="dirty")

    out = process.wp_fault(at=4)

    assert out.pte(0, 4) == "page 1 accessed,dirty"
    assert out.read("page[0].flags.dirty") == out.read("world.page_state.nr_dirty") == 0


def test_do_wp_page_copy_has_the_vmas_protection(process):
    process.file(0)
    process.page(0, file=0, index=1)
    process.vma(0, at=4, pages=2, file=0, pgoff=1, flags=PRIVATE, prot=0x25 | 0x18)
    process.pte(at=4, page=0)

    assert process.wp_fault(at=4).pte(0, 4) == "page 1 rw,pwt,pcd,accessed,dirty"


@both_versions
def test_do_wp_page_zero_page_gives_a_zeroed_page(process, units):
    process.vma(0, at=4, pages=2, flags=PRIVATE, anon=0)
    process.pte(at=4, page=16)
    process.units(units)

    out = process.wp_fault(at=4)

    calm(out, SEM)
    assert (out.ret, out.pte(0, 4)) == (REUSED_OR_COPIED, "page 0 rw,accessed,dirty")
    assert "alloc_zeroed_user_highpage" in out.events and "cow_user_page" not in out.events
    assert [out.read(f"page[0].contents[{i}]") for i in range(4)] == [0, 0, 0, 0]
    assert counts(out, 16) == (1, 0)
    assert (out.read("mm[0].file_rss"), out.read("mm[0].anon_rss")) == (0, 1)
    assert process.address(ZERO_PAGE) == process.address("page[16]")


@both_versions
def test_do_wp_page_frame_without_a_page_is_copied_and_only_anon_rss_grows(process, units):
    # the private mapping of a driver's frames: pfn is that of the vma's first page
    process.vma(0, at=4, pages=2, flags=PRIVATE | PFNMAP, pgoff=0xF0000, anon=0)
    process.pte(at=4, word=0xF0000 << 12 | 0x25)
    process.units(units)

    out = process.wp_fault(at=4)

    calm(out, SEM)
    assert (out.ret, out.pte(0, 4)) == (REUSED_OR_COPIED, "page 0 rw,accessed,dirty")
    assert (out.read("mm[0].file_rss"), out.read("mm[0].anon_rss")) == (0, 1)
    assert counts(out, 0) == (2, 1)
    for absent in ("get_page", "put_page", "page_remove_rmap", "PageAnon", "dec_mm_counter"):
        assert absent not in out.events
    assert out.steps[:3] == ["WP1", "WP6", "WP7"]


@pytest.mark.parametrize("old, pages", [("file", [0]), ("anon", [0]), ("none", [])])
def test_do_wp_page_pte_that_changed_meanwhile_is_left_alone(process, old, pages):
    if old == "file":
        file_page(process, PRIVATE)
    elif old == "anon":
        anon_page(process, PRIVATE, mapped_twice=True)
    else:
        process.vma(0, at=4, flags=PRIVATE | PFNMAP, pgoff=0xF0000, anon=0)
        process.pte(at=4, word=0xF0000 << 12 | 0x25)
    seen = process.word(4)
    # somebody stored to it before the lock was taken again
    process.pte(at=4, word=seen | 0x40)
    before = [(process.get(f"page[{n}]._count"), process.get(f"page[{n}]._mapcount"))
              for n in pages]

    out = process.wp_fault(at=4, orig_pte=seen)

    calm(out, SEM)
    assert out.ret == MINOR
    assert out.read("mm[0].pte[0x40004000]") == seen | 0x40
    assert [(out.read(f"page[{n}]._count"), out.read(f"page[{n}]._mapcount"))
            for n in pages] == before
    assert out.read("page[1]._count") == 0
    assert "ptep_establish" not in out.events


# -- WP15


@both_versions
@pytest.mark.parametrize("old, fail_in, steps_end", [
    ("file", 1, "WP15"),        # no anon_vma
    ("file", 2, "WP15"),        # no page
    ("zero", 1, "WP15"),
    ("none", 1, "WP8"),         # nothing to release
])
def test_do_wp_page_without_memory_nothing_changes(process, old, fail_in, steps_end, units):
    if old == "file":
        file_page(process, PRIVATE)
    elif old == "zero":
        process.vma(0, at=4, flags=PRIVATE, anon=0)
        process.pte(at=4, page=16)
    else:
        process.vma(0, at=4, flags=PRIVATE | PFNMAP, pgoff=0xF0000, anon=0)
        process.pte(at=4, word=0xF0000 << 12 | 0x25)
    process.units(units)
    process.set("world.fail_in", fail_in)
    pte, page = process.word(4), 16 if old == "zero" else 0
    before = process.get(f"page[{page}]._count"), process.get(f"page[{page}]._mapcount")

    out = process.wp_fault(at=4)

    calm(out, SEM)
    assert out.ret == OOM
    assert out.read("mm[0].pte[0x40004000]") == pte
    assert (out.read(f"page[{page}]._count"), out.read(f"page[{page}]._mapcount")) == before
    assert out.steps[-1] == steps_end
    assert out.read("page[0].flags.dirty") == 0
