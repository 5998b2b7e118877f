# SPDX-License-Identifier: GPL-2.0-only
"""do_munmap, unmap_region, exit_mmap, sys_munmap and sys_brk."""

import pytest
from vma_pictures import (
    ACCOUNT,
    BASE,
    DENYWRITE,
    GROWSDOWN,
    LOCKED,
    RW,
    RX,
    SHARED_RW,
    Vmas,
    address,
    calls,
    locks,
)

ENOMEM, EINVAL = -12, -22
TASK_SIZE = 0xC0000000
HEAP = 0x08050000
ANON_PAGE = 0x067        # present, RW, user, accessed, dirty


def unmap(kernel, stars: str) -> int:
    first = stars.index("*")
    return kernel.call("do_munmap", "mm[0]", address(first), stars.count("*") << 12)


# before, what is unmapped, after
SHAPES = {
    "whole": ("aa.bb.cc", "...**...", "aa....cc"),
    "head": ("aaaa", "**..", "..aa"),
    "tail": ("aaaa", "..**", "aa"),
    "middle": ("aaaa", ".**.", "a..b"),
    "the only one": ("aaaa", "****", ""),
    "more than there is": (".aa.", "****", ""),
    "two": ("aabb", "****", ""),
    "two, and a hole": ("aa.bbc", "*****.", ".....c"),
    "tail, whole, head": ("aabbccdd", ".****...", "a....cdd"),
    "tail of one, head of the next": ("aaabbb", "..**..", "aa..bb"),
    "nothing there": ("aa..bb", "..**..", "aa..bb"),
    "above all": ("aa....", "...**.", "aa"),
    "no vma at all": ("", ".**.", ""),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("file", [False, True], ids=["anonymous", "file"])
def test_do_munmap_shape(kernel, name, file):
    before, stars, after = SHAPES[name]
    vmas = Vmas(kernel, file)
    vmas.draw(before, SHARED_RW if file else RW)
    assert unmap(kernel, stars) == 0
    assert vmas.look() == after     # with the counts of files, vmas and writers


def test_do_munmap_splits_above_and_then_below(kernel):
    vmas = Vmas(kernel)
    vmas.draw("aaaa")
    assert unmap(kernel, ".**.") == 0
    assert calls(kernel, "split_vma") == [
        ("split_vma", "mm[0]", "vma[0]", address(1), 0, 0),
        ("split_vma", "mm[0]", "vma[1]", address(3), 1, 0)]
    assert calls(kernel, "unmap_region") == [
        ("unmap_region", "mm[0]", "vma[2]", "vma[0]", address(1), address(3))]
    assert vmas.look() == "a..b"


@pytest.mark.parametrize("start, length, error", [
    (BASE + 1, 0x1000, EINVAL), (BASE + 0x800, 0x1000, EINVAL),
    (BASE, 0, EINVAL),
    (TASK_SIZE + 0x1000, 0x1000, EINVAL), (TASK_SIZE, 0x1000, EINVAL),
    (TASK_SIZE, 0, EINVAL),
    (BASE, TASK_SIZE - BASE + 1, EINVAL), (0, TASK_SIZE + 1, EINVAL),
    (1 << 63, 0x1000, EINVAL), (BASE, 2**64 - 1, EINVAL), (BASE, 2**64 - 0x1000, EINVAL),
    (TASK_SIZE - 0x1000, 0x1000, 0), (0, 0x1000, 0),
])
def test_do_munmap_arguments(kernel, start, length, error):
    vmas = Vmas(kernel)
    vmas.draw("aa")
    before = kernel.runner.image()
    assert kernel.call("do_munmap", "mm[0]", start, length) == error
    (name, mm, *_, ret), = kernel.events()
    assert (name, mm, ret) == ("do_munmap", "mm[0]", error)
    assert kernel.changes(before) == {}


def test_do_munmap_rounds_the_length_up(kernel):
    vmas = Vmas(kernel)
    vmas.draw("aaaa")
    assert kernel.call("do_munmap", "mm[0]", BASE, 0x1001) == 0
    assert vmas.look() == "..aa"


@pytest.mark.parametrize("fail_in, after", [(1, "aaaa"), (2, "abbb")])
def test_do_munmap_without_memory_keeps_a_first_split(kernel, fail_in, after):
    vmas = Vmas(kernel)
    vmas.draw("aaaa")
    kernel.set("world.fail_in", fail_in)
    assert unmap(kernel, ".**.") == ENOMEM
    assert vmas.look() == after
    assert calls(kernel, "unmap_region") == []


def test_do_munmap_at_the_limit_of_vmas(kernel):
    """A hole needs one more vma than a shorter mapping does."""
    vmas = Vmas(kernel)
    vmas.draw("aaaa")
    kernel.set("world.max_map_count", 1)
    assert unmap(kernel, ".**.") == ENOMEM
    assert unmap(kernel, "..**") == ENOMEM
    assert unmap(kernel, "****") == 0
    assert vmas.look() == ""


@pytest.mark.parametrize("flags, file, counted", [
    (RW, False, "total_vm"),
    (RW | LOCKED, False, "total_vm locked_vm"),
    (RW | GROWSDOWN, False, "total_vm stack_vm"),
    (RW, True, "total_vm shared_vm"),
    (RX | LOCKED, True, "total_vm locked_vm shared_vm exec_vm"),
    (RW | 0x4000, True, "total_vm shared_vm reserved_vm"),
])
def test_do_munmap_sizes(kernel, flags, file, counted):
    vmas = Vmas(kernel, file)
    vmas.draw("aaaa", flags)
    for field in ("total_vm", "locked_vm", "shared_vm", "exec_vm", "stack_vm", "reserved_vm"):
        kernel.set(f"mm[0].{field}", 10)
    assert unmap(kernel, "..**") == 0
    for field in ("total_vm", "locked_vm", "shared_vm", "exec_vm", "stack_vm", "reserved_vm"):
        assert kernel.get(f"mm[0].{field}") == (8 if field in counted.split() else 10)


@pytest.mark.parametrize("own, left", [
    ({}, 50), ({"a": RW | ACCOUNT}, 48), ({"b": RW | ACCOUNT}, 47),
    ({"a": RW | ACCOUNT, "b": RW | ACCOUNT}, 45),
])
def test_do_munmap_gives_the_charge_back(kernel, own, left):
    vmas = Vmas(kernel)
    vmas.draw("aaaabbbb", RX, **own)
    kernel.set("world.vm_committed_space", 50)
    assert unmap(kernel, "..*****.") == 0
    assert kernel.get("world.vm_committed_space") == left
    assert len(calls(kernel, "vm_unacct_memory")) == 1


def test_do_munmap_order_of_things(kernel):
    """Out of the process, pages, charge, rmap; only then sizes, the file, the vma itself."""
    vmas = Vmas(kernel, file=True)
    vmas.draw("aa..bb", SHARED_RW | ACCOUNT)
    assert unmap(kernel, "**....") == 0
    wanted = ["do_munmap", "unmap_region", "lru_add_drain", "vm_unacct_memory", "spin_lock",
              "spin_unlock", "vm_stat_account", "fput", "kmem_cache_free"]
    assert [event[0] for event in kernel.events() if event[0] in wanted] == wanted
    assert locks(kernel) == ["+mapping[0].i_mmap_lock", "-mapping[0].i_mmap_lock"]
    assert vmas.look() == "....bb"


def test_do_munmap_closes_before_it_drops_the_file(kernel):
    vmas = Vmas(kernel, file=True)
    vmas.draw("aa", SHARED_RW)
    kernel.call("use_driver_vm_ops", "vma[0]")
    assert unmap(kernel, "**") == 0
    assert [event[0] for event in calls(kernel, "vm_ops_close", "fput", "vm_stat_account")] == [
        "vm_stat_account", "vm_ops_close", "fput"]


def test_do_munmap_leaves_the_anon_vma(kernel):
    vmas = Vmas(kernel)
    vmas.draw("aabb", anon={"a": 0, "b": 0})
    assert unmap(kernel, "**..") == 0
    assert locks(kernel) == ["+anon_vma[0].lock", "-anon_vma[0].lock"]
    assert vmas.anon_list(0) == "b"
    assert unmap(kernel, "..**") == 0
    assert vmas.anon_list(0) == ""


def test_do_munmap_gives_the_writers_of_a_file_their_way(kernel):
    vmas = Vmas(kernel, file=True)
    vmas.draw("aabb", RX | DENYWRITE)
    assert kernel.get("inode[0].i_writecount") == -2
    assert unmap(kernel, "****") == 0
    assert kernel.get("inode[0].i_writecount") == 0


def tables(kernel):
    """Which page tables of mm[0] are there: at 0x40000000, 0x40008000, and the heap's."""
    return [kernel.get(f"mm[0].pmd[{i}].table") != 0 for i in range(3)]


def make_tables(kernel, mm="mm[0]"):
    for i, first in enumerate((BASE, address(8), HEAP)):
        kernel.set(f"{mm}.pmd[{i}].table", f"{mm}.pte[{first:#x}]")


@pytest.mark.parametrize("before, stars, left", [
    # a page table covers 8 pages
    ("aaaaaaaa........", "********........", [False, True, True]),
    ("aaaaaaaa........", "*******.........", [True, True, True]),      # a is still in it
    ("aaaaaaaabbbbbbbb", "........********", [True, False, True]),
    ("aaaaaaaabbbbbbbb", "****************", [False, False, True]),
    ("aa....bb........", "**..............", [True, True, True]),      # b is still in it
    ("aa....bb........", "******..........", [True, True, True]),
    ("aa....bb........", "********........", [False, True, True]),
    ("aa....bb........", "......**........", [True, True, True]),
    ("..aa............", "..**............", [False, True, True]),     # nobody else is
    ("......aaaa......", "......****......", [False, False, True]),
    ("aa....bbbb......", "......****......", [True, False, True]),
    ("..aaaaaaaaaaaa..", "....********....", [True, True, True]),
    ("aa..............", "....****........", [True, True, True]),      # nothing was mapped
])
def test_do_munmap_frees_page_tables(kernel, before, stars, left):
    vmas = Vmas(kernel)
    vmas.draw(before)
    make_tables(kernel)
    assert unmap(kernel, stars) == 0
    assert tables(kernel) == left


def map_anon_page(kernel, page: int, at: int):
    """An anonymous page of anon_vma[0], mapped once by mm[0] and on no list."""
    frame = 0x100 + page
    kernel.set(f"page[{page}]._count", 1)
    kernel.set(f"page[{page}]._mapcount", 0)
    kernel.set(f"page[{page}].mapping", kernel.at("anon_vma[0]") + 1)
    kernel.set(f"page[{page}].index", address(at) >> 12)
    kernel.set(f"mm[0].pte[{address(at):#x}]", frame << 12 | ANON_PAGE)
    kernel.set("mm[0].anon_rss", kernel.get("mm[0].anon_rss") + 1)
    kernel.set("world.page_state.nr_mapped", kernel.get("world.page_state.nr_mapped") + 1)


def test_do_munmap_zaps_its_pages_and_no_others(kernel):
    vmas = Vmas(kernel)
    vmas.draw("aaaaaaaa", anon={"a": 0})
    make_tables(kernel)
    for page, at in enumerate((1, 2, 3, 4)):
        map_anon_page(kernel, page, at)
    assert unmap(kernel, "..**....") == 0
    for at, there in ((1, True), (2, False), (3, False), (4, True)):
        assert (kernel.get(f"mm[0].pte[{address(at):#x}]") != 0) == there
    assert vmas.look() == "aa..bbbb"


def test_unmap_region_of_a_vma_that_is_linked_nowhere(kernel):
    """What a failed mmap hook leaves: ptes, and a charge that the vma's flags tell of."""
    vmas = Vmas(kernel)
    vmas.draw("aa....bb")
    make_tables(kernel)
    kernel.set("world.vm_committed_space", 50)
    kernel.vma(2, start=address(2), pages=3, pgoff=0, flags=RW | ACCOUNT)
    kernel.call("unmap_region", "mm[0]", "vma[2]", "vma[0]", address(2), address(5))
    assert kernel.get("world.vm_committed_space") == 47
    assert tables(kernel) == [True, True, True]     # its neighbours are in that table
    assert vmas.listed() == ["a", "b"]
    assert kernel.get("vma[2].vm_start") == address(2)
    assert kernel.get("mm[0].map_count") == 2


def test_exit_mmap_takes_everything(kernel):
    vmas = Vmas(kernel, file=True)
    vmas.draw("aa.bb..cc", SHARED_RW | LOCKED, b=RX | ACCOUNT, anon={"b": 0})
    make_tables(kernel)
    kernel.set("world.vm_committed_space", 50)
    kernel.set("mm[0].total_vm", 6)
    kernel.set("mm[0].locked_vm", 4)
    kernel.set("mm[0].shared_vm", 6)
    kernel.set("mm[0].exec_vm", 2)
    kernel.set("mm[0].def_flags", LOCKED)
    kernel.set("mm[0].brk", HEAP + 0x3000)
    kernel.call("exit_mmap", "mm[0]")
    assert kernel.events()[:2] == [("exit_mmap", "mm[0]"), ("lru_add_drain",)]
    assert len(calls(kernel, "kmem_cache_free")) == 3
    assert vmas.look() == ""
    assert vmas.anon_list(0) == ""
    assert tables(kernel) == [False, False, False]
    assert kernel.get("world.vm_committed_space") == 48
    for field in ("total_vm", "locked_vm", "shared_vm", "exec_vm", "def_flags", "mm_users",
                  "map_count", "mm_rb", "mmap"):
        assert kernel.get(f"mm[0].{field}") == 0
    assert kernel.get("mm[0].brk") == kernel.get("mm[0].start_brk") == HEAP


def test_exit_mmap_of_an_empty_process(kernel):
    before = kernel.runner.image()
    kernel.call("exit_mmap", "mm[0]")
    assert kernel.changes(before) == {"mm[0].mm_users": "0"}


@pytest.mark.parametrize("start, length, error", [(BASE + 1, 0x1000, EINVAL), (BASE, 0, EINVAL),
                                                  (BASE, 0x1000, 0)])
def test_sys_munmap_holds_mmap_sem(kernel, start, length, error):
    vmas = Vmas(kernel)
    vmas.draw("aa")
    assert kernel.call("sys_munmap", start, length) == error
    names = [event[0] for event in kernel.events()]
    assert kernel.events()[0] == ("down_write", "mm[0].mmap_sem")
    assert names[1] == "do_munmap"
    assert kernel.events()[-1] == ("up_write", "mm[0].mmap_sem")
    assert vmas.look() == ("aa" if error else ".a")


def heap(kernel, pages: int, brk: int):
    kernel.vma(0, start=HEAP, pages=pages, pgoff=HEAP >> 12, flags=RW | ACCOUNT)
    kernel.call("vma_insert", "mm[0]", "vma[0]")
    kernel.set("mm[0].total_vm", pages)
    kernel.set("mm[0].brk", brk)


@pytest.mark.parametrize("brk, result", [
    (HEAP - 1, HEAP + 0x2800),              # below where it starts: refused
    (0, HEAP + 0x2800),
    (HEAP + 0x2801, HEAP + 0x2801),         # in the same page: set
    (HEAP + 0x3000, HEAP + 0x3000),
    (HEAP + 0x2001, HEAP + 0x2001),
])
def test_sys_brk_without_a_change_of_pages(kernel, brk, result):
    heap(kernel, 3, HEAP + 0x2800)
    assert kernel.call("sys_brk", brk) == result
    assert kernel.get("mm[0].brk") == result
    assert [event[0] for event in kernel.events()] == ["down_write", "up_write"]


@pytest.mark.parametrize("brk, pages", [(HEAP + 0x2000, 2), (HEAP + 0x1001, 2), (HEAP + 1, 1),
                                        (HEAP, 0)])
def test_sys_brk_shrinks(kernel, brk, pages):
    heap(kernel, 3, HEAP + 0x2800)
    assert kernel.call("sys_brk", brk) == brk
    assert calls(kernel, "do_munmap") == [
        ("do_munmap", "mm[0]", HEAP + (pages << 12), (3 - pages) << 12, 0)]
    assert kernel.get("mm[0].total_vm") == pages
    assert kernel.get("vma[0].vm_end") == (HEAP + (pages << 12) if pages else 0)


def test_sys_brk_that_cannot_shrink_stays(kernel):
    # the cut needs a second vma for a moment
    heap(kernel, 3, HEAP + 0x2800)
    kernel.set("world.fail_in", 1)
    assert kernel.call("sys_brk", HEAP + 0x1000) == HEAP + 0x2800
    assert kernel.get("mm[0].brk") == HEAP + 0x2800


@pytest.mark.parametrize("limit, brk, result", [
    (0x2FFF, HEAP + 0x3000, HEAP + 0x2800), (0x3000, HEAP + 0x3000, HEAP + 0x3000),
    (0x1000, HEAP + 0x2000, HEAP + 0x2800),         # even to shrink, while it stays above
    (0x2000, HEAP + 0x2000, HEAP + 0x2000),
])
def test_sys_brk_limit(kernel, limit, brk, result):
    heap(kernel, 3, HEAP + 0x2800)
    kernel.set("task[0].own_signal.data", limit)
    assert kernel.call("sys_brk", brk) == result


@pytest.mark.parametrize("gap, grows", [(1, False), (2, False), (3, True)])
def test_sys_brk_keeps_a_page_free_above(kernel, gap, grows):
    """By two pages: the next mapping may not start in them, nor in the page after."""
    heap(kernel, 3, HEAP + 0x3000)
    kernel.vma(1, start=HEAP + 0x3000 + (gap << 12), pages=1, pgoff=0, flags=SHARED_RW)
    kernel.call("vma_insert", "mm[0]", "vma[1]")
    assert kernel.call("sys_brk", HEAP + 0x5000) == HEAP + (0x5000 if grows else 0x3000)
    assert kernel.get("vma[0].vm_end") == HEAP + (0x5000 if grows else 0x3000)


@pytest.mark.parametrize("brk, result", [
    (HEAP + 1, HEAP + 1), (HEAP + 0x2000, HEAP + 0x2000),
    (TASK_SIZE + 0x1000, HEAP), (2**64 - 1, HEAP),
])
def test_sys_brk_grows_from_nothing(kernel, brk, result):
    assert kernel.call("sys_brk", brk) == result
    pages = (result - HEAP + 0xFFF) >> 12
    assert kernel.get("mm[0].total_vm") == pages
    assert kernel.get("world.vm_committed_space") == pages
