# SPDX-License-Identifier: GPL-2.0-only
"""tmpfs: its pages, and the unnamed files behind shared anonymous memory."""

import pytest
from block_pictures import cache, contents, flags, names

ENOMEM, ENFILE, ENOSPC = -12, -23, -28
OOM, MINOR = -1, 2
INODE, VMA, BASE = "inode[0].i_state", "vma[0].vm_mm", 0x40000000
ACCOUNT = 0x100000


def test_shmem_getpage_makes_a_page_of_zeroes_that_is_clean(kernel):
    kernel.inode(0, "tmpfs")
    assert kernel.call("shmem_getpage", INODE, 5) == kernel.at("page[0]")
    assert names(kernel) == ["security_vm_enough_memory", "alloc_page", "add_to_page_cache",
                             "lru_cache_add", "SetPageUptodate", "unlock_page"]
    assert contents(kernel, 0) == [0, 0, 0, 0]
    assert flags(kernel, 0) == "uptodate"
    assert kernel.slots() == [(5, "page[0]", set())]
    assert kernel.get("page[0]._count") == 3


def test_shmem_getpage_finds_a_page(kernel):
    kernel.inode(0, "tmpfs")
    cache(kernel, 3, index=5, flags="uptodate dirty", contents=(1, 2, 3, 4))
    assert kernel.call("shmem_getpage", INODE, 5) == kernel.at("page[3]")
    assert names(kernel) == ["get_page", "lock_page", "unlock_page"]
    assert contents(kernel, 3) == [1, 2, 3, 4]
    assert flags(kernel, 3) == "uptodate dirty"


def test_shmem_getpage_without_memory(kernel):
    kernel.inode(0, "tmpfs")
    kernel.set("world.fail_in", 1)
    assert kernel.call("shmem_getpage", INODE, 0) == ENOMEM
    assert charges(kernel) == (0, 0)


def charges(kernel, inode=0):
    return kernel.get(f"inode[{inode}].i_charged"), kernel.get("world.vm_committed_space")


S_ACCOUNT = 128


@pytest.mark.parametrize("flags, limit, result, after", [
    (0, 10, "page[0]", (1, 1)),                 # one page more
    (0, 0, ENOSPC, (0, 0)),                     # which is refused
    (S_ACCOUNT, 0, "page[0]", (0, 0)),          # one that was charged as a whole
])
def test_a_tmpfs_file_is_charged_for_each_page(kernel, flags, limit, result, after):
    kernel.inode(0, "tmpfs")
    kernel.set("inode[0].i_flags", flags)
    kernel.set("world.commit_limit", limit)
    found = kernel.call("shmem_getpage", INODE, 1)
    assert found == (kernel.at(result) if isinstance(result, str) else result)
    assert charges(kernel) == after
    assert (names(kernel)[0] == "security_vm_enough_memory") == (not flags)


def test_a_page_of_tmpfs_that_is_there_costs_nothing(kernel):
    kernel.inode(0, "tmpfs")
    cache(kernel, 3, index=5, flags="uptodate")
    kernel.set("world.commit_limit", 0)
    assert kernel.call("shmem_getpage", INODE, 5) == kernel.at("page[3]")
    assert charges(kernel) == (0, 0)


@pytest.mark.parametrize("flags, charged, pages, after", [
    (0, 3, 1, (1, 8)), (0, 1, 1, (1, 10)), (0, 0, 1, (0, 10)), (S_ACCOUNT, 3, 1, (3, 10)),
])
def test_what_tmpfs_is_charged_for_and_has_no_more_is_given_back(kernel, flags, charged, pages, after):
    kernel.inode(0, "tmpfs")
    kernel.set("inode[0].i_flags", flags)
    kernel.set("inode[0].i_charged", charged)
    kernel.set("world.vm_committed_space", 10)
    for i in range(pages):
        cache(kernel, i, index=i, flags="uptodate")
    kernel.call("shmem_recalc_inode", INODE)
    assert charges(kernel) == after


def test_tmpfs_gives_charges_back_when_it_makes_a_page_and_when_it_is_cut(kernel):
    kernel.inode(0, "tmpfs", size=8192)
    for index in (0, 1):
        page = kernel.call("shmem_getpage", INODE, index)
        kernel.call("put_page", page)
    assert charges(kernel) == (2, 2)
    assert kernel.call("truncate", INODE, 4096) == 0
    assert charges(kernel) == (1, 1)
    # reclaim takes one that nobody wrote; the next page that is made tells
    kernel.call("lock_page", "page[0]")
    kernel.call("remove_from_page_cache", "page[0]")
    assert charges(kernel) == (1, 1)
    kernel.call("shmem_getpage", INODE, 3)
    assert charges(kernel) == (1, 1)
    assert ("vm_unacct_memory", 1) in kernel.events()


@pytest.mark.parametrize("limit, result", [(1, 0), (0, -1)])
def test_a_fault_that_tmpfs_may_not_be_charged_for_is_a_bus_error(kernel, limit, result):
    mapped(kernel)
    kernel.set("world.commit_limit", limit)
    page = kernel.call("nopage", VMA, BASE)
    assert page == (kernel.at("page[0]") if limit else 0)


@pytest.mark.parametrize("limit, result", [(1, 1024), (0, ENOSPC)])
def test_a_write_that_tmpfs_may_not_be_charged_for(kernel, limit, result):
    mapped(kernel)
    kernel.set("world.commit_limit", limit)
    assert kernel.call("kmm_write", "file[0].f_mapping", 0, 1024) == result
    assert kernel.get("page[0]._count") == (2 if limit else 0)


def mapped(kernel, size=4096, mm="mm[0]"):
    kernel.inode(0, "tmpfs", size=size)
    kernel.file(0, 0)
    kernel.vma(0, start=BASE, flags=0xFB, mm=mm)
    kernel.set("vma[0].vm_file", "file[0].f_mapping")
    kernel.call("f_op_mmap", "file[0].f_mapping", VMA)


@pytest.mark.parametrize("size, index, there", [
    (4096, 0, True), (4096, 1, False), (4097, 1, True), (0, 0, False),
])
@pytest.mark.parametrize("mm", ["mm[0]", "mm[1]"])      # a tracer gets no more
def test_shmem_nopage(kernel, size, index, there, mm):
    mapped(kernel, size, mm)
    address = BASE + (index << 12)
    found = kernel.call("nopage", VMA, address)
    assert found == (kernel.at("page[0]") if there else 0)
    assert kernel.events()[0] == ("nopage", "vma[0]", address, MINOR, "page[0]" if there else 0)
    if there:
        assert kernel.get("page[0].flags.referenced") == 1
        assert not kernel.get("page[0].flags.dirty")


def test_shmem_nopage_without_memory(kernel):
    mapped(kernel)
    kernel.set("world.fail_in", 1)
    assert kernel.call("nopage", VMA, BASE) == OOM


@pytest.mark.parametrize("flags_, charged", [(0xFB, 0), (0xFB | ACCOUNT, 3)])
def test_shmem_zero_setup_and_the_last_fput(kernel, flags_, charged):
    for i in range(3):
        kernel.inode(i)
    before = kernel.runner.image()
    kernel.vma(0, pages=3, flags=flags_)
    assert kernel.call("shmem_zero_setup", VMA) == 0
    assert kernel.events()[0] == ("shmem_zero_setup", "vma[0]", 0)
    assert kernel.name("vma[0].vm_file") == "file[0]"
    assert kernel.get("vma[0].vm_ops") != 0
    assert kernel.name("file[0].f_mapping") == "mapping[3]"     # the first that has no name
    assert kernel.get("file[0].f_mode") == 3
    assert kernel.get("inode[3].i_size") == 3 << 12
    assert kernel.get("inode[3].i_kind") == 3
    assert kernel.get("inode[3].i_count") == 1
    assert kernel.get("inode[3].i_charged") == charged
    assert kernel.get("bdi[3].capabilities") == 3
    assert kernel.get("world.vm_committed_space") == charged

    page = kernel.call("nopage", VMA, BASE + 0x2000)
    assert page == kernel.at("page[0]")
    kernel.call("set_page_dirty", "page[0]")
    kernel.call("put_page", "page[0]")
    kernel.call("fput", "file[0].f_mapping")
    # all is given back, with the page that waited in the pagevec
    kernel.set("vma[0].vm_file", 0)
    assert kernel.get("world.vm_committed_space") == 0
    left = {path for path in kernel.changes(before)
            if not path.startswith(("vma[0]", "page[0]", "world.lru_add"))}
    assert left == set()
    assert kernel.get("page[0]._count") == 0
    assert kernel.get("page[0].mapping") == 0


@pytest.mark.parametrize("limit, fail_in, inodes, error", [
    (2, 0, 5, ENOMEM),          # 3 pages are too many
    (9, 1, 5, ENFILE),
    (9, 2, 5, ENOSPC),
    (9, 0, 0, ENOSPC),
])
def test_shmem_zero_setup_that_fails_takes_its_charge_back(kernel, limit, fail_in, inodes, error):
    kernel.set("world.commit_limit", limit)
    for i in range(5):
        kernel.set(f"inode[{i}].i_count", int(i >= inodes))
    kernel.set("world.fail_in", fail_in)
    kernel.vma(0, pages=3, flags=0xFB | ACCOUNT)
    before = kernel.runner.image()
    assert kernel.call("shmem_zero_setup", VMA) == error
    assert set(kernel.changes(before)) <= {"world.fail_in"}


def test_shmem_zero_setup_when_all_files_are_open(kernel):
    for i in range(8):
        kernel.set(f"file[{i}].f_count", 1)
    kernel.vma(0, flags=0xFB)
    assert kernel.call("shmem_zero_setup", VMA) == ENFILE


def test_shmem_zero_setup_lets_go_of_the_file_that_was_mapped(kernel):
    mapped(kernel)
    kernel.set("file[0].f_count", 2)
    assert kernel.call("shmem_zero_setup", VMA) == 0
    assert names(kernel) == ["shmem_zero_setup", "fput"]
    assert kernel.get("file[0].f_count") == 1
    assert kernel.name("vma[0].vm_file") == "file[1]"
