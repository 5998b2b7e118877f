# SPDX-License-Identifier: GPL-2.0-only
"""do_brk: steps BK1-BK10."""

import errno

import pytest
from processes import HEAP, LAST, PAGE, SEM, calm
from worlds import ALL_UNITS

DATA = 0x00100073           # READ, WRITE, the MAYs, ACCOUNT
VM_LOCKED = 0x2000
UX = 0x80
FREE = 0

# no edit changes what it does: E15 spells a mask in another way
every_version = pytest.mark.parametrize("units", [ALL_UNITS, ALL_UNITS | UX, 0])


@pytest.fixture(autouse=True)
def heap_table(process):
    process.set("mm[0].pmd[2].table", process.address(f"mm[0].pte[{HEAP:#x}]"))


def refused(out, error: int):
    calm(out, SEM)
    assert out.ret == -error
    assert out.read("world.vm_committed_space") == out.read("mm[0].locked_vm") == 0


@every_version
def test_do_brk_makes_private_writable_memory(process, units):
    process.units(units)

    out = process.brk(pages=2)

    calm(out, SEM)
    assert out.ret == HEAP
    assert (out.read("vma[0].vm_start"), out.read("vma[0].vm_end")) == (HEAP, HEAP + 2 * PAGE)
    assert out.read("vma[0].vm_flags") == DATA
    assert out.read("vma[0].vm_page_prot") == 0x25
    assert out.read("vma[0].vm_pgoff") == HEAP >> 12
    assert out.read("mm[0].total_vm") == out.read("world.vm_committed_space") == 2
    assert out.read("mm[0].map_count") == 1
    assert "vm_stat_account" not in out.events
    assert "spin_lock" not in out.events


@pytest.mark.parametrize("length, pages", [(1, 1), (PAGE, 1), (PAGE + 1, 2)])
def test_do_brk_length_is_rounded_up(process, length, pages):
    assert process.brk(len=length).read("mm[0].total_vm") == pages


@pytest.mark.parametrize("length", [0, LAST - 1])
def test_do_brk_of_nothing_is_a_success(process, length):
    out = process.brk(len=length)

    calm(out, SEM)
    assert out.ret == HEAP
    assert out.events == []


@pytest.mark.parametrize("addr, length, ret", [
    (0xBFFFF000, PAGE, 0xBFFFF000),             # the last page of user space
    (0xBFFFF000, PAGE + 1, -errno.EINVAL),
    (HEAP, LAST - HEAP, -errno.EINVAL),         # wraps
    (HEAP, LAST - HEAP - PAGE, -errno.EINVAL),
    (0xC0000000, PAGE, -errno.EINVAL),
])
def test_do_brk_end_of_user_space(process, addr, length, ret):
    assert process.brk(addr=addr, len=length).ret == ret


@pytest.mark.parametrize("personality, flags", [(0, DATA), (0x400000, DATA | 4)])
def test_do_brk_process_whose_loads_imply_execution(process, personality, flags):
    process.set("task[0].personality", personality)

    out = process.brk()

    assert out.read("vma[0].vm_flags") == flags
    assert out.read("vma[0].vm_page_prot") == 0x25


@pytest.mark.parametrize("limit, locked, capable, ret", [
    (2 * PAGE, 0, 0, HEAP),
    (2 * PAGE, 1, 0, -errno.EAGAIN),
    (2 * PAGE, 1, 1, HEAP),
    (0, 0, 0, -errno.EAGAIN),
])
def test_do_brk_process_that_locks_all(process, limit, locked, capable, ret):
    process.set("mm[0].def_flags", VM_LOCKED)
    process.set("mm[0].locked_vm", locked)
    process.set("task[0].own_signal.memlock", limit)
    process.set("task[0].capabilities", capable)

    out = process.brk()

    calm(out, SEM)
    assert out.ret == ret
    if ret == HEAP:
        assert out.read("vma[0].vm_flags") == DATA | VM_LOCKED
        assert out.read("mm[0].locked_vm") == locked + 2
        assert out.read("mm[0].anon_rss") == 2      # present at once


def test_do_brk_extends_its_neighbour(process):
    process.heap(0, 2, flags=DATA)

    out = process.brk(addr=HEAP + 2 * PAGE)

    calm(out, SEM)
    assert out.ret == HEAP + 2 * PAGE
    assert out.read("vma[0].vm_end") == HEAP + 4 * PAGE
    assert out.read("mm[0].map_count") == 1
    assert out.read("mm[0].total_vm") == 4
    assert "kmem_cache_zalloc" not in out.events


def test_do_brk_hangs_its_vma_below_the_node_that_was_found(process):
    process.heap(0, 2, flags=0x71)

    out = process.brk(addr=HEAP + 2 * PAGE)

    calm(out, SEM)
    # of two one is the root, and the other its child: which, their priorities say
    root, child = "vma[1].vm_rb", "vma[0].vm_rb"
    assert out.read("mm[0].mm_rb") == process.address(f"{root}.parent")
    assert out.read(f"{root}.parent") == 0
    assert out.read(f"{root}.left") == process.address(f"{child}.parent")
    assert out.read(f"{child}.parent") == process.address(f"{root}.parent")


def test_do_brk_takes_the_place_of_what_is_there(process):
    process.heap(0, 4, flags=0x71)

    out = process.brk(addr=HEAP + PAGE)

    assert out.ret == HEAP + PAGE
    assert out.read("mm[0].map_count") == 3
    assert out.read("mm[0].total_vm") == 4
    assert out.events.count("find_vma_prepare") == 2


def test_do_brk_old_mapping_that_cannot_be_split_fails(process):
    process.heap(0, 4, flags=0x71)
    process.set("world.fail_in", 1)

    refused(process.brk(addr=HEAP + PAGE), errno.ENOMEM)


@pytest.mark.parametrize("path, value", [
    ("task[0].own_signal.as", 3 * PAGE),        # address space
    ("world.max_map_count", 0),                 # vmas
    ("world.commit_limit", 1),                  # promises
])
def test_do_brk_limits(process, path, value):
    process.heap(0, 2, flags=0x71)
    process.set(path, value)

    refused(process.brk(addr=HEAP + 2 * PAGE), errno.ENOMEM)


def test_do_brk_number_of_vmas_may_be_reached(process):
    process.heap(0, 2, flags=0x71)
    process.set("world.max_map_count", 1)

    assert process.brk(addr=HEAP + 2 * PAGE).ret == HEAP + 2 * PAGE


@every_version
def test_do_brk_without_a_vma_the_charge_is_given_back(process, units):
    process.set("world.fail_in", 1)
    process.units(units)

    out = process.brk()

    refused(out, errno.ENOMEM)
    assert out.read("mm[0].map_count") == out.read("mm[0].total_vm") == 0
    assert out.read("vma[0].vm_end") == FREE
