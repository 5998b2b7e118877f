# SPDX-License-Identifier: GPL-2.0-only
"""Page faults by what is in the pte, on one private vma of three pages at 0x40000000.

The page table is there; frames are 0x100 + page, and 0x110 is the zero page's.
"""

import pytest

OOM, SIGBUS, MINOR, MAJOR = 0, 1, 2, 3
READ, WRITE = 0, 1
VM_READ, VM_WRITE, VM_SHARED, VM_MAY = 1, 2, 8, 0x70
ACCOUNT, HUGETLB, NONLINEAR = 0x100000, 0x400000, 0x800000
RW = VM_READ | VM_WRITE | VM_MAY | ACCOUNT
READONLY = 0x25     # PRESENT, USER, ACCESSED
FIRST = 0x40000000
AT = 0x40001234     # faults come with the raw address
SLOT, PMD, PTL = "mm[0].pte[0x40001000]", "mm[0].pmd[0]", "mm[0].pmd[0].ptl"
FILE_RSS, ANON_RSS = 48, 56      # offsets of the counters
NR_MAPPED = 2
SWAP_PTE, ENTRY = 0x00000200, 2
LOCKED = [("pte_offset_map_lock", "mm[0]", PMD, AT, PTL, SLOT)]
UNLOCKED = [("pte_unmap_unlock", SLOT, PTL)]


@pytest.fixture
def vma(kernel):
    kernel.vma(0, pages=3, pgoff=0x40000, flags=RW)
    kernel.set("vma[0].vm_page_prot", READONLY)
    kernel.set("mm[0].mmap", "vma[0]")
    kernel.call("pte_alloc", "mm[0]", FIRST)
    return kernel


@pytest.fixture(autouse=True)
def nothing_is_left(kernel):
    """No lock held, no table mapped, no rule of locks broken, however a fault ends."""
    yield
    assert kernel.held() == [] and kernel.get("world.kmaps") == 0
    assert kernel.get("world.order_fault") == 0 and kernel.get("world.sleep_fault") == 0


def fault(kernel, write):
    return kernel.call("handle_mm_fault", "mm[0]", "vma[0]", AT, write)


def events(kernel):
    """Without those that every fault begins with."""
    first, second, *rest = kernel.events()
    assert first == ("pte_alloc", "mm[0]", AT, PMD)
    assert second[:4] == ("handle_pte_fault", "mm[0]", "vma[0]", AT)
    return rest


def rss(kernel):
    return kernel.get("mm[0].file_rss"), kernel.get("mm[0].anon_rss")


def tail(word):
    return [("update_mmu_cache", "vma[0]", AT, word), ("lazy_mmu_prot_update", word)]


def page(kernel, i):
    return tuple(kernel.get(f"page[{i}].{field}") for field in ("_count", "_mapcount"))


# before there is a pte

def test_fault_on_a_huge_page_is_refused(vma):
    vma.set("vma[0].vm_flags", RW | HUGETLB)
    for write in (READ, WRITE):
        assert fault(vma, write) == SIGBUS
        assert vma.events() == []


@pytest.mark.parametrize("write", [READ, WRITE])
def test_fault_makes_the_page_table(vma, write):
    vma.set(f"{PMD}.table", 0)
    assert fault(vma, write) == MINOR
    assert vma.name(f"{PMD}.table") == "mm[0].pte[0x40000000]"


@pytest.mark.parametrize("write", [READ, WRITE])
def test_fault_without_memory_for_the_page_table(vma, write):
    vma.set(f"{PMD}.table", 0)
    vma.set("world.fail_in", 1)
    assert fault(vma, write) == OOM
    assert vma.events() == [("pte_alloc", "mm[0]", AT, 0)]
    assert vma.get(f"{PMD}.table") == 0


# anonymous memory

def test_do_anonymous_page_read_maps_the_zero_page(vma):
    word = 0x00110000 | READONLY
    assert fault(vma, READ) == MINOR
    assert events(vma) == [
        ("do_anonymous_page", "mm[0]", "vma[0]", AT, READ, MINOR), ("ZERO_PAGE", AT, "page[16]"),
        ("get_page", "page[16]"), ("spin_lock", PTL), ("inc_mm_counter", "mm[0]", FILE_RSS),
        ("page_add_file_rmap", "page[16]"), ("inc_page_state", NR_MAPPED, 1),
        ("set_pte_at", "mm[0]", AT, SLOT, word), *tail(word), *UNLOCKED]
    assert vma.get(SLOT) == word
    assert rss(vma) == (1, 0) and page(vma, 16) == (2, 0)
    assert vma.get("vma[0].anon_vma") == 0


# | vm_flags | pte |
@pytest.mark.parametrize("flags, word", [
    (RW, 0x00100067),                       # RW, dirty
    (VM_READ | VM_MAY, 0x00100065),         # forced by get_user_pages: dirty, not writable
])
def test_do_anonymous_page_write_maps_a_new_page(vma, flags, word):
    vma.set("vma[0].vm_flags", flags)
    assert fault(vma, WRITE) == MINOR
    assert events(vma) == [
        ("do_anonymous_page", "mm[0]", "vma[0]", AT, WRITE, MINOR), ("pte_unmap", SLOT),
        ("anon_vma_prepare", "vma[0]", 0), ("spin_lock", "mm[0].page_table_lock"),
        ("spin_unlock", "mm[0].page_table_lock"),
        ("alloc_zeroed_user_highpage", "vma[0]", AT, "page[0]"), *LOCKED,
        ("inc_mm_counter", "mm[0]", ANON_RSS), ("lru_cache_add_active", "page[0]"),
        ("page_add_new_anon_rmap", "page[0]", "vma[0]", AT), ("inc_page_state", NR_MAPPED, 1),
        ("set_pte_at", "mm[0]", AT, SLOT, word), *tail(word), *UNLOCKED]
    assert vma.get(SLOT) == word
    assert rss(vma) == (0, 1)
    assert page(vma, 0) == (2, 0)           # the pte's reference and the pagevec's
    assert vma.get("page[0].mapping") == vma.at("anon_vma[0]") + 1
    assert vma.get("page[0].index") == 0x40001
    assert [vma.get(f"page[0].contents[{i}]") for i in range(4)] == [0] * 4


@pytest.mark.parametrize("fail_in", [1, 2], ids=["anon_vma", "page"])
def test_do_anonymous_page_write_without_memory(vma, fail_in):
    vma.set("world.fail_in", fail_in)
    assert fault(vma, WRITE) == OOM
    assert vma.get(SLOT) == 0 and rss(vma) == (0, 0)
    assert page(vma, 0) == (0, -1)


# a pte that is present

@pytest.mark.parametrize("write, old, new, tells", [
    # i386 stores nothing for a read, so A stays off in memory: the processor sets it
    (READ, 0x00103005, 0x00103005, ("ptep_set_access_flags", 0x00103025, 0)),
    (READ, 0x00103025, 0x00103025, None),
    (READ, 0x00103067, 0x00103067, None),
    (WRITE, 0x00103007, 0x00103067, ("ptep_set_access_flags", 0x00103067, 1)),
    (WRITE, 0x00103027, 0x00103067, ("ptep_set_access_flags", 0x00103067, 1)),
    (WRITE, 0x00103047, 0x00103067, ("ptep_set_access_flags", 0x00103067, 1)),
    # nothing to change: the processor's copy is stale
    (WRITE, 0x00103067, 0x00103067, ("flush_tlb_page",)),
    # PROT_NONE counts as present
    (READ, 0x001030A0, 0x001030A0, None),
    (READ, 0x00103080, 0x00103080, ("ptep_set_access_flags", 0x001030A0, 0)),
])
def test_fault_on_a_present_pte(vma, write, old, new, tells):
    vma.set(SLOT, old)
    before = vma.runner.image()
    assert fault(vma, write) == MINOR
    told = [("spin_lock", PTL)]
    if tells and tells[0] == "flush_tlb_page":
        told += [("flush_tlb_page", "vma[0]", AT)]
    elif tells:
        name, word, dirty = tells
        told += [(name, "vma[0]", AT, SLOT, word, dirty), *tail(word)]
    assert events(vma) == told + UNLOCKED
    assert vma.get(SLOT) == new
    assert all(path.startswith(SLOT) for path in vma.changes(before))


# a pte that is not present

# a FILE bit outside of a nonlinear vma is a broken pte
@pytest.mark.parametrize("write", [READ, WRITE])
def test_do_file_page_in_a_linear_vma(vma, write):
    vma.set(SLOT, 0x00000346)
    assert fault(vma, write) == OOM
    assert events(vma) == [("do_file_page", "mm[0]", "vma[0]", AT, write, OOM),
                           ("pte_unmap", SLOT)]
    assert vma.get(SLOT) == 0x00000346


# A file pte for index 3 of a file of 4 pages whose page 3 is, or is not, frame 0x103.
# In the cache; the file's pages; allocations that fail.
@pytest.mark.parametrize("cached, size, fail_in, ret, word", [
    (True, 4, 0, MAJOR, 0x00103025), (False, 4, 0, MAJOR, 0x00100025),
    (False, 4, 1, OOM, 0x00000046), (True, 3, 0, SIGBUS, 0x00000046),
])
@pytest.mark.parametrize("write", [READ, WRITE])
def test_do_file_page_in_a_nonlinear_vma(vma, write, cached, size, fail_in, ret, word):
    vma.inode(0, size=size << 12)
    vma.file(0, 0)
    vma.set("vma[0].vm_flags", VM_READ | VM_WRITE | VM_SHARED | VM_MAY | NONLINEAR)
    vma.set("vma[0].vm_file", "file[0].f_mapping")
    vma.call("use_generic_vm_ops", "vma[0]")
    if cached:
        vma.cached(3, index=3)
        vma.set("page[3].flags.uptodate", 1)
    vma.set(SLOT, 0x00000046)
    vma.set("world.fail_in", fail_in)
    # the write is left to the fault that comes next: the pte is read-only and clean
    assert fault(vma, write) == ret
    assert events(vma)[:2] == [("do_file_page", "mm[0]", "vma[0]", AT, write, ret),
                               ("pte_unmap", SLOT)]
    assert vma.get(SLOT) == word
    assert rss(vma) == (1 if ret == MAJOR else 0, 0)
    # the address that was populated is the page's
    assert [event[3] for event in events(vma) if event[0] == "install_page"] == \
        ([AT & ~0xFFF] if ret == MAJOR else [])


# Swapped out: slot 2 has the pte's count, and one of the cache if the page is still there.

def swapped(kernel, *, cached=True, ptes=1, uptodate=True, held=0):
    """The pte leads to slot 2; cached: page 3 is still in the swap cache."""
    kernel.set("vma[0].anon_vma", "anon_vma[0]")
    kernel.set("anon_vma[0].head", "vma[0]")
    kernel.set(SLOT, SWAP_PTE)
    kernel.set("swap[2].map", ptes + cached)
    kernel.set("world.nr_swap_used", 1)
    for i, version in enumerate((4, 5, 0, 6)):
        kernel.set(f"swap[2].contents[{i}]", version)
        kernel.set(f"page[3].contents[{i}]", version)
    if cached:
        assert kernel.call("add_to_page_cache", "page[3]", "mapping[5]", ENTRY) == 0
        kernel.set("page[3].flags", 1 << 15 | uptodate << 3)
        kernel.set("page[3].private", ENTRY)
        kernel.set("page[3].mapping", kernel.at("anon_vma[0]") + 1)
        kernel.set("page[3].index", 0x40001)
        kernel.set("page[3]._count", 1 + held)


def swap_state(kernel, i):
    """(count, mapcount, in the swap cache) of a page, and the users of slot 2."""
    return (*page(kernel, i), kernel.get(f"page[{i}].flags.swapcache"),
            kernel.get("swap[2].map"))


SWAP = [("spin_lock", "world.swap_lock"), ("spin_unlock", "world.swap_lock")]
TREE = [("write_lock_irq", "mapping[5].tree_lock"), ("write_unlock_irq", "mapping[5].tree_lock")]
LOOK_UP = [TREE[0], ("get_page", "page[3]"), TREE[1]]


def test_do_swap_page_read_of_a_cached_page(vma):
    swapped(vma)
    word = 0x00103025
    assert fault(vma, READ) == MINOR
    assert events(vma) == [
        ("do_swap_page", "mm[0]", "vma[0]", AT, READ, MINOR), ("pte_unmap", SLOT), *LOOK_UP,
        ("mark_page_accessed", "page[3]"), ("PageActive", "page[3]", 0),
        ("PageReferenced", "page[3]", 0), ("lock_page", "page[3]"), *LOCKED,
        ("inc_mm_counter", "mm[0]", ANON_RSS), ("flush_icache_page", "vma[0]", "page[3]"),
        ("set_pte_at", "mm[0]", AT, SLOT, word), ("page_add_anon_rmap", "page[3]", "vma[0]", AT),
        ("inc_page_state", NR_MAPPED, 1), ("swap_free", ENTRY), *SWAP, ("unlock_page", "page[3]"),
        *tail(word), *UNLOCKED]
    assert vma.get(SLOT) == word and rss(vma) == (0, 1)
    # one reference of the cache, one of the pte; the slot is the cache's alone
    assert swap_state(vma, 3) == (2, 0, 1, 1)
    assert vma.get("page[3].index") == 0x40001 and vma.get("page[3].flags.locked") == 0


def test_do_swap_page_read_from_disk_is_major(vma):
    swapped(vma, cached=False)
    assert fault(vma, READ) == MAJOR
    assert vma.get(SLOT) == 0x00100025 and rss(vma) == (0, 1)
    # the cache's, the pte's and the pagevec's reference
    assert swap_state(vma, 0) == (3, 0, 1, 1)
    assert [vma.get(f"page[0].contents[{i}]") for i in range(4)] == [4, 5, 0, 6]
    assert vma.get("page[0].mapping") == vma.at("anon_vma[0]") + 1


@pytest.mark.parametrize("flags, word", [(RW, 0x00103067), (VM_READ | VM_MAY, 0x00103065)])
def test_do_swap_page_write_of_a_page_of_ones_own(vma, flags, word):
    swapped(vma)
    vma.set("vma[0].vm_flags", flags)
    assert fault(vma, WRITE) == MINOR
    names = [event[0] for event in events(vma)]
    # asked before the pte is counted and before the slot is freed
    assert names.index("can_share_swap_page") < names.index("set_pte_at") < \
        names.index("page_add_anon_rmap") < names.index("swap_free")
    assert names[-3:] == ["update_mmu_cache", "lazy_mmu_prot_update", "pte_unmap_unlock"]
    assert "ptep_set_access_flags" not in names     # do_wp_page has nothing to do
    assert vma.get(SLOT) == word
    assert swap_state(vma, 3) == (2, 0, 1, 1)


def test_do_swap_page_read_of_a_shared_page_stays_read_only(vma):
    swapped(vma, ptes=2)
    assert fault(vma, READ) == MINOR
    assert vma.get(SLOT) == 0x00103025
    assert swap_state(vma, 3) == (2, 0, 1, 2)


# slots in use of three: with two, swap is more than half full
@pytest.mark.parametrize("others, held, removed", [(0, 0, False), (1, 0, True), (1, 1, False)])
def test_do_swap_page_frees_the_slot_when_swap_is_full(vma, others, held, removed):
    swapped(vma, held=held)
    vma.set("swap[3].map", others)
    vma.set("world.nr_swap_used", 1 + others)
    assert fault(vma, READ) == MINOR
    assert swap_state(vma, 3) == ((1, 0, 0, 0) if removed else (2 + held, 0, 1, 1))
    assert vma.get("page[3].flags.dirty") == removed
    assert vma.get("mapping[5].nrpages") == (0 if removed else 1)
    assert vma.get("world.nr_swap_used") == (1 if removed else 1 + others)


def test_do_swap_page_of_a_page_that_could_not_be_read(vma):
    swapped(vma, uptodate=False)
    assert fault(vma, READ) == SIGBUS
    assert vma.get(SLOT) == SWAP_PTE and rss(vma) == (0, 0)
    assert swap_state(vma, 3) == (1, -1, 1, 2) and vma.get("page[3].flags.locked") == 0


@pytest.mark.parametrize("word, ret", [(SWAP_PTE, OOM), (0x00103025, MINOR), (0, MINOR)])
def test_do_swap_page_without_memory(vma, word, ret):
    """Out of memory only if the pte still asks for the page."""
    swapped(vma, cached=False)
    vma.set(SLOT, word)
    vma.set("world.fail_in", 1)
    assert vma.call("do_swap_page", "mm[0]", "vma[0]", AT, READ, SWAP_PTE) == ret
    assert vma.get(SLOT) == word and rss(vma) == (0, 0) and vma.get("swap[2].map") == 1


def test_do_swap_page_when_the_pte_changed_meanwhile(vma):
    swapped(vma)
    vma.set(SLOT, 0x00105025)
    assert vma.call("do_swap_page", "mm[0]", "vma[0]", AT, WRITE, SWAP_PTE) == MINOR
    assert vma.events()[-4:] == [*LOCKED, *UNLOCKED, ("unlock_page", "page[3]"),
                                 ("put_page", "page[3]")]
    assert vma.get(SLOT) == 0x00105025 and rss(vma) == (0, 0)
    assert swap_state(vma, 3) == (1, -1, 1, 2)


def test_do_swap_page_of_a_slot_that_nobody_uses(vma):
    """The pte was taken out by another, and the slot freed: nothing is read."""
    swapped(vma, cached=False)
    vma.set("swap[2].map", 0)
    vma.set("world.nr_swap_used", 0)
    vma.set(SLOT, 0)
    assert vma.call("do_swap_page", "mm[0]", "vma[0]", AT, READ, SWAP_PTE) == MINOR
    assert page(vma, 0) == (0, -1)


def test_flush_icache_page_changes_nothing(vma):
    before = vma.runner.image()
    vma.call("flush_icache_page", "vma[0]", "page[3]")
    assert vma.events() == [("flush_icache_page", "vma[0]", "page[3]")]
    assert vma.changes(before) == {}
