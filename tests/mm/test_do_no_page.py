# SPDX-License-Identifier: GPL-2.0-only
"""do_no_page: steps NP1-NP13."""

import pytest
from processes import PAGE, SEM, Process, calm
from worlds import ALL_UNITS, PFNMAP, SHARED_RO, SHARED_RW, address

U2 = 0x02
OTHERS = ALL_UNITS & ~U2
OOM, SIGBUS, MINOR, MAJOR = 0, 1, 2, 3
PRIVATE = 0x73
READ, STORE = False, True

every_version = pytest.mark.parametrize("units", [ALL_UNITS, OTHERS, 0],
                                        ids=["v8", "without U2", "before"])


def mapped(process: Process, flags: int, *, kind: str = "ext2", prot: int | None = None,
           cached: bool = True, pages: int = 2, size: int = 8 * PAGE):
    """A file whose page 1 is in memory as page 0, and a vma for it that nobody has touched.

        file    0 1          vma       4  5
                  page 0     pte       -  -
    """
    process.file(0, kind, size=size)
    if cached:
        process.page(0, file=0, index=1)
    process.vma(0, at=4, pages=pages, file=0, pgoff=1, flags=flags, prot=prot)


def rss(out) -> tuple[int, int]:
    return out.read("mm[0].file_rss"), out.read("mm[0].anon_rss")


@every_version
@pytest.mark.parametrize("flags, prot, pte", [
    (SHARED_RW, 0x25, "page 0 accessed"),               # tracked: the store will fault
    (SHARED_RW, 0x27, "page 0 rw,accessed"),            # not tracked, or before the patch
    (SHARED_RO, 0x25, "page 0 accessed"),
    (PRIVATE, 0x25, "page 0 accessed"),
])
def test_do_no_page_read_maps_the_files_page_with_the_vmas_protection(process, flags, prot, pte,
                                                                      units):
    mapped(process, flags, prot=prot)
    process.units(units)

    out = process.no_page_fault(at=4, write=READ)

    calm(out, SEM)
    assert out.ret == MINOR
    assert out.pte(0, 4) == pte
    assert rss(out) == (1, 0)
    assert (out.read("page[0]._count"), out.read("page[0]._mapcount")) == (2, 0)
    assert out.read("page[0].flags.dirty") == 0
    assert out.read("world.page_state.nr_mapped") == 1


@pytest.mark.parametrize("units, dirty", [(ALL_UNITS, 1), (U2, 1), (OTHERS, 0), (0, 0)])
def test_do_no_page_store_to_a_shared_page(process, units, dirty):
    mapped(process, SHARED_RW, prot=0x25)
    process.units(units)

    out = process.no_page_fault(at=4, write=STORE)

    calm(out, SEM)
    assert out.ret == MINOR
    assert out.pte(0, 4) == "page 0 rw,accessed,dirty"
    assert rss(out) == (1, 0)
    assert out.read("page[0]._count") == 2
    assert out.read("page[0].flags.dirty") == out.read("world.page_state.nr_dirty") == dirty
    assert out.read("mapping[0].slot[0].index_and_tags") == 1 << 2 | dirty
    order = ["set_pte_at", "page_add_file_rmap", "get_page", "update_mmu_cache",
             "lazy_mmu_prot_update", "pte_unmap_unlock", "set_page_dirty", "put_page"]
    if dirty:
        # nopage's own reference comes before all of them
        seen = [name for name in out.events if name in order]
        assert seen[-len(order):] == order
    else:
        assert "set_page_dirty" not in out.events and "put_page" not in out.events


@pytest.mark.parametrize("kind, counted", [("ext2", 1), ("tmpfs", 0), ("ramfs", 0)])
def test_do_no_page_store_dirties_every_kind_of_page_and_counts_some(process, kind, counted):
    mapped(process, SHARED_RW, kind=kind)

    out = process.no_page_fault(at=4, write=STORE)

    assert out.read("page[0].flags.dirty") == 1
    assert out.read("world.page_state.nr_dirty") == counted


def test_do_no_page_forced_store_to_a_read_only_shared_vma_dirties_its_page(process):
    # VM_SHARED decides that it is no copy, write_access that it is dirty, VM_WRITE about rw
    mapped(process, SHARED_RO)

    out = process.no_page_fault(at=4, write=STORE)

    assert out.ret == MINOR
    assert out.pte(0, 4) == "page 0 accessed,dirty"
    assert out.read("page[0].flags.dirty") == 1


@every_version
@pytest.mark.parametrize("write, pte, of_file, of_memory", [
    (READ, "page 16 accessed", 1, 0), (STORE, "page 0 rw,accessed,dirty", 0, 1)])
def test_do_no_page_a_mapping_of_no_file_has_nothing_that_could_be_truncated(
        process, write, pte, of_file, of_memory, units):
    process.vma(0, at=4, flags=PRIVATE)
    process.call("use_own_vm_ops", "vma[0]")
    process.units(units)

    out = process.no_page_fault(at=4, write=write)

    calm(out, SEM)
    assert out.ret == MINOR
    assert out.pte(0, 4) == pte
    assert rss(out) == (of_file, of_memory)
    assert "smp_rmb" not in out.events


@every_version
def test_do_no_page_private_store_copies_at_once(process, units):
    mapped(process, PRIVATE)
    process.set("page[0].contents[3]", 9)
    process.units(units)

    out = process.no_page_fault(at=4, write=STORE)

    calm(out, SEM)
    assert out.ret == MINOR
    assert out.pte(0, 4) == "page 1 rw,accessed,dirty"
    assert rss(out) == (0, 1)
    assert (out.read("page[0]._count"), out.read("page[0]._mapcount")) == (1, 0xFFFFFFFF)
    assert (out.read("page[1]._count"), out.read("page[1]._mapcount")) == (2, 0)
    assert out.read("page[1].contents[3]") == 9
    assert out.read("page[0].flags.dirty") == out.read("page[1].flags.dirty") == 0
    assert out.read("vma[0].anon_vma") != 0
    assert "page_add_file_rmap" not in out.events


def test_do_no_page_private_store_to_a_read_only_vma_gives_a_read_only_copy(process):
    mapped(process, 0x71)

    assert process.no_page_fault(at=4, write=STORE).pte(0, 4) == "page 1 accessed,dirty"


@every_version
def test_do_no_page_page_that_was_read_from_disk_is_a_major_fault(process, units):
    mapped(process, SHARED_RW, prot=0x25, cached=False)
    process.set("inode[0].disk[5]", 3)          # page 1, sector 1
    process.units(units)

    out = process.no_page_fault(at=4, write=READ)

    calm(out, SEM)
    assert out.ret == MAJOR
    assert out.pte(0, 4) == "page 0 accessed"
    assert out.read("page[0].contents[1]") == 3


@every_version
def test_do_no_page_truncations_of_long_ago_do_not_matter(process, units):
    mapped(process, SHARED_RW)
    process.set("mapping[0].truncate_count", 5)
    process.units(units)

    out = process.no_page_fault(at=4, write=STORE)

    calm(out, SEM)
    assert out.ret == MINOR
    assert "cond_resched" not in out.events


def test_do_no_page_without_a_file_has_no_truncation_to_look_for(process):
    mapped(process, SHARED_RW)
    process.set("vma[0].vm_file", 0)

    out = process.no_page_fault(at=4, write=READ)

    # nopage itself needs the file: the step after NP3 is as far as it comes
    assert out.ended == "oops"


@every_version
def test_do_no_page_beyond_the_end_of_the_file_is_sigbus(process, units):
    mapped(process, SHARED_RW, cached=False, size=PAGE)
    process.units(units)

    out = process.no_page_fault(at=4, write=STORE)

    calm(out, SEM)
    assert out.ret == SIGBUS
    assert out.read(f"mm[0].pte[{address(4):#x}]") == 0
    assert rss(out) == (0, 0)
    assert "pte_offset_map_lock" not in out.events


@every_version
@pytest.mark.parametrize("kind, cached, fail_in, last", [
    ("prot driver", False, 1, "NP4"),   # nopage finds no memory
    ("ext2", True, 1, "NP13"),          # no anon_vma
    ("ext2", True, 2, "NP13"),          # no page for the copy
])
def test_do_no_page_without_memory_nothing_changes(process, kind, cached, fail_in, last, units):
    mapped(process, PRIVATE, kind=kind, cached=cached)
    process.set("world.fail_in", fail_in)
    process.units(units)

    out = process.no_page_fault(at=4, write=STORE)

    calm(out, SEM)
    assert out.ret == OOM
    assert out.read(f"mm[0].pte[{address(4):#x}]") == 0
    assert out.read("page[0]._count") == (1 if cached else 0)
    assert out.read("page[1]._count") == 0
    assert rss(out) == (0, 0)
    assert last == "NP4" or out.steps[-1] == last


@every_version
@pytest.mark.parametrize("flags", [SHARED_RW, PRIVATE])
def test_do_no_page_pte_that_was_filled_meanwhile_is_left_alone(process, flags, units):
    mapped(process, flags)
    process.pte(at=4, page=0, bits="accessed")
    process.units(units)

    out = process.no_page_fault(at=4, write=STORE)

    calm(out, SEM)
    assert out.ret == MINOR
    assert out.pte(0, 4) == "page 0 accessed"
    assert (out.read("page[0]._count"), out.read("page[0]._mapcount")) == (2, 0)
    assert out.read("page[1]._count") == 0
    assert rss(out) == (1, 0)
    assert out.read("page[0].flags.dirty") == 0
    assert "update_mmu_cache" not in out.events


def test_do_no_page_raw_pfn_mapping_is_a_bug(process):
    mapped(process, SHARED_RW | PFNMAP)

    out = process.no_page_fault(at=4, write=READ)

    assert out.ended == "BUG"
    assert out.events == ["pte_unmap", "BUG"]


def test_do_no_page_without_operations_both_halves_fall_alike(process):
    mapped(process, SHARED_RW)
    process.set("vma[0].vm_ops", 0)

    assert process.no_page_fault(at=4, write=READ).ended == "oops"
