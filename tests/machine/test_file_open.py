# SPDX-License-Identifier: GPL-2.0-only
"""Open files, kinds of file, and what do_mmap_pgoff asks about a file."""

import pytest
from block_pictures import cache, flags
from file_kinds import KINDS

READ, WRITE = 1, 2
ENFILE, ETXTBSY, EAGAIN, ENOEXEC = -23, -26, -11, -8
INODE, FILE = "inode[0].i_state", "file[0].f_mapping"


@pytest.mark.parametrize("mode, writers", [(READ, 0), (WRITE, 1), (READ | WRITE, 1)])
def test_open_and_the_last_fput(kernel, mode, writers):
    kernel.inode(0)
    before = kernel.runner.image()
    assert kernel.call("kmm_open", INODE, mode, 4) == kernel.at(FILE)
    assert kernel.events() == [("open", "inode[0]", mode, "file[0]", 0)]
    assert kernel.name("file[0].f_mapping") == "mapping[0]"
    assert kernel.name("file[0].own_dentry") == "inode[0]"
    assert kernel.get("file[0].f_mode") == mode
    assert kernel.get("file[0].own_mount") == 4
    assert kernel.get("file[0].f_count") == 1
    assert kernel.get("file[0].f_op") != 0
    assert kernel.get("inode[0].i_writecount") == writers
    assert kernel.get("inode[0].i_count") == 2          # the name, and this file

    kernel.call("get_file", FILE)
    assert kernel.events() == [("get_file", "file[0]")]
    kernel.call("fput", FILE)
    assert kernel.get("file[0].f_count") == 1
    kernel.call("fput", FILE)
    assert kernel.events() == [("fput", "file[0]")]
    assert kernel.changes(before) == {}
    assert kernel.end("fput", FILE) == "count below zero"


def test_each_open_is_a_file_of_its_own_until_there_are_no_more(kernel):
    kernel.inode(0)
    for i in range(8):
        assert kernel.call("kmm_open", INODE, READ | WRITE, 0) == kernel.at(f"file[{i}].f_mapping")
    assert kernel.get("inode[0].i_writecount") == 8
    assert kernel.call("kmm_open", INODE, READ, 0) == ENFILE
    assert kernel.get("inode[0].i_count") == 9


def test_open_without_memory(kernel):
    kernel.inode(0)
    kernel.set("world.fail_in", 1)
    assert kernel.call("kmm_open", INODE, READ, 0) == ENFILE
    assert kernel.events() == [("open", "inode[0]", READ, 0, ENFILE)]


@pytest.mark.parametrize("mode, result", [(WRITE, ETXTBSY), (READ | WRITE, ETXTBSY), (READ, None)])
def test_open_of_a_file_that_is_mapped_without_writers(kernel, mode, result):
    kernel.inode(0)
    kernel.set("inode[0].i_writecount", -1)
    before = kernel.runner.image()
    found = kernel.call("kmm_open", INODE, mode, 0)
    if result:
        assert found == result
        assert kernel.changes(before) == {}
    else:
        assert found == kernel.at(FILE)
        assert kernel.get("inode[0].i_writecount") == -1


def test_the_kinds_of_file(kernel):
    # capabilities of the backing device: 4 disk, 3 tmpfs and hugetlbfs, 0x7F ramfs
    caps = [4, 4, 4, 3, 0x7F, 4, 4, 3, 4, 4]
    for number, (kind, cap) in enumerate(zip(KINDS, caps, strict=True)):
        kernel.reset()
        kernel.call("make_inode", INODE, number, 8192)
        assert kernel.get("bdi[0].capabilities") == cap, kind
        assert kernel.get("inode[0].i_kind") == number
        assert kernel.get("inode[0].i_size") == 8192
        assert kernel.get("inode[0].i_count") == 1
        assert kernel.get("inode[0].i_is") == (2 if kind == "block device" else 1), kind
        kernel.file(0, 0)
        assert kernel.call("is_file_hugepages", FILE) == int(kind == "hugetlbfs")


@pytest.mark.parametrize("flag, hugepages, append, locked", [
    (0, 0, 0, 0), (4, 0, 1, 0), (8, 0, 0, EAGAIN), (16, 1, 0, 0),
    (12, 0, 1, EAGAIN), (0x60, 0, 0, 0),
])
def test_what_mmap_asks_of_an_inode(kernel, flag, hugepages, append, locked):
    kernel.inode(0)
    kernel.file(0, 0)
    kernel.set("inode[0].i_flags", flag)
    assert kernel.call("is_file_hugepages", FILE) == hugepages
    assert kernel.events() == [("is_file_hugepages", "file[0]", hugepages)]
    assert kernel.call("IS_APPEND", INODE) == append
    assert kernel.events() == [("IS_APPEND", "inode[0]", append)]
    assert kernel.call("locks_verify_locked", INODE) == locked
    assert kernel.events() == [("locks_verify_locked", "inode[0]", locked)]


def test_security_file_mmap_allows(kernel):
    assert kernel.call("security_file_mmap", FILE, 1, 5, 2) == 0
    assert kernel.events() == [("security_file_mmap", "file[0]", 1, 5, 2, 0)]


@pytest.mark.parametrize("writers, error, after", [
    (0, 0, -1), (-1, 0, -2), (1, ETXTBSY, 1), (2, ETXTBSY, 2),
])
def test_deny_write_access(kernel, writers, error, after):
    kernel.inode(0)
    kernel.file(0, 0)
    kernel.set("inode[0].i_writecount", writers)
    assert kernel.call("deny_write_access", FILE) == error
    assert kernel.events() == [("deny_write_access", "file[0]", error)]
    assert kernel.get("inode[0].i_writecount") == after
    kernel.call("i_writecount_inc", INODE)
    assert kernel.events() == [("i_writecount_inc", "inode[0]")]
    assert kernel.get("inode[0].i_writecount") == after + 1


@pytest.mark.parametrize("stands", [0, 1])
@pytest.mark.parametrize("kind", ["ext2", "ext3", "block device", "ramfs", "tmpfs"])
def test_mmap_hook_of_a_file_system(kernel, kind, stands):
    kernel.inode(0, kind)
    kernel.file(0, 0)
    kernel.vma(0, flags=0xFB)
    kernel.set("world.clock_stands", stands)
    before = kernel.runner.image()
    assert kernel.call("f_op_mmap", FILE, "vma[0].vm_mm") == 0
    # a block device's time of access is its node's
    accessed = kind != "block device" and not stands
    assert [event for event in kernel.events() if not event[0].startswith("spin")] == [
        ("f_op_mmap", "file[0]", "vma[0]", 0),
        *[("__mark_inode_dirty", "inode[0]", 1)] * accessed]
    state = {"inode[0].i_state.dirty_sync", "inode[0].i_place"} if accessed else set()
    assert set(kernel.changes(before)) == {"vma[0].vm_ops"} | state


def test_mmap_hook_of_a_file_that_cannot_be_read(kernel):
    kernel.inode(0, "ext2")
    kernel.file(0, 0)
    kernel.inode(0, "no mmap")                  # operations without readpage
    kernel.vma(0, flags=0xFB)
    before = kernel.runner.image()
    assert kernel.call("f_op_mmap", FILE, "vma[0].vm_mm") == ENOEXEC
    assert kernel.changes(before) == {}


def test_the_last_fput_of_a_named_file_keeps_its_pages(kernel):
    kernel.inode(0, "tmpfs")
    cache(kernel, 0, flags="uptodate dirty")
    kernel.call("kmm_open", INODE, READ, 0)
    kernel.call("fput", FILE)
    assert kernel.slots() == [(0, "page[0]", set())]
    assert flags(kernel, 0) == "uptodate dirty"


def test_a_file_opened_by_hand_counts_as_open(kernel):
    kernel.inode(1)
    kernel.call("open_into", "file[2].f_mapping", "inode[1].i_state", READ)
    assert kernel.name("file[2].f_mapping") == "mapping[1]"
    assert kernel.get("inode[1].i_count") == 2
    kernel.call("fput", "file[2].f_mapping")
    assert kernel.get("inode[1].i_count") == 1


def test_pages_of_the_swap_cache_are_dirtied_without_buffers(kernel):
    kernel.call("use_swap_aops", "mapping[5].host")
    kernel.set("page[0].flags.swapcache", 1)
    kernel.set("page[0].private", 1)
    kernel.set("mapping[5].page_tree.nr", 1)
    kernel.set("mapping[5].slot[0].page", "page[0]")
    kernel.set("mapping[5].slot[0].index_and_tags", 1 << 2)
    assert kernel.call("set_page_dirty", "page[0]") == 1
    assert "__set_page_dirty_nobuffers" in [event[0] for event in kernel.events()]
