# SPDX-License-Identifier: GPL-2.0-only
"""The swap area, its map of users, and the swap cache.

mapping[5] is swapper_space; slots 1 to 3 are the whole area.  A page that is added has
entry 1, the lowest, and then: one reference of its owner, one of the cache; map 1.
"""

import pytest

GARBAGE = -1
ANON = 1            # PAGE_MAPPING_ANON
SWAPPER_LOCK, SWAP_LOCK = "mapping[5].tree_lock", "world.swap_lock"
TREE = [("write_lock_irq", SWAPPER_LOCK), ("write_unlock_irq", SWAPPER_LOCK)]
SWAP = [("spin_lock", SWAP_LOCK), ("spin_unlock", SWAP_LOCK)]
OTHER_TYPE = 1 << 27 | 1


def page(kernel, i=0, *, mapcount=0, locked=True, contents=(5, 6, 7, 8)):
    """An anonymous page of anon_vma 0 at index 9."""
    kernel.set(f"page[{i}]._count", mapcount + 1)
    kernel.set(f"page[{i}]._mapcount", mapcount - 1)
    kernel.set(f"page[{i}].mapping", kernel.at("anon_vma[0]") + ANON)
    kernel.set(f"page[{i}].index", 9)
    for sector, version in enumerate(contents):
        kernel.set(f"page[{i}].contents[{sector}]", version)
    if locked:
        kernel.call("TestSetPageLocked", f"page[{i}]")


def cached(kernel, i=0, *, ptes=0, count=2, locked=True):
    """The same in the swap cache: its slot also has `ptes` swap ptes."""
    page(kernel, i)
    assert kernel.call("add_to_swap", f"page[{i}]") == 1
    entry = kernel.get(f"page[{i}].private")
    kernel.set(f"swap[{entry}].map", 1 + ptes)
    kernel.set(f"page[{i}]._count", count)
    kernel.set(f"page[{i}].flags.dirty", 0)
    if not locked:
        kernel.call("unlock_page", f"page[{i}]")
    return entry


def state(kernel, i=0):
    """(count, swapcache, private, dirty) of a page."""
    return tuple(kernel.get(f"page[{i}].{field}") for field in
                 ("_count", "flags.swapcache", "private", "flags.dirty"))


def area(kernel):
    """The map of slots 1 to 3, how many are in use, and how many pages the cache holds."""
    maps = [kernel.get(f"swap[{i}].map") for i in (1, 2, 3)]
    used = kernel.get("world.nr_swap_used")
    assert used == sum(1 for users in maps if users)
    nr = kernel.get("mapping[5].nrpages")
    assert nr == kernel.get("mapping[5].page_tree.nr")
    return maps, nr


def in_use(kernel, **maps):
    """Slots by number with so many users: in_use(kernel, s1=2)."""
    for name, users in maps.items():
        kernel.set(f"swap[{name[1:]}].map", users)
    kernel.set("world.nr_swap_used", len(maps))


@pytest.fixture(autouse=True)
def rules_hold(kernel):
    """Whatever a test does, locks are taken in order and nothing sleeps under a spinlock."""
    yield
    assert kernel.get("world.order_fault") == 0 and kernel.get("world.sleep_fault") == 0


# words

@pytest.mark.parametrize("word, entry", [
    (0x00000100, 1), (0x00000300, 3), (0xFFFFFF00, 0xFFFFFF), (0x00000102, OTHER_TYPE),
    (0x0000013E, 31 << 27 | 1),
])
def test_swap_pte_and_entry(kernel, word, entry):
    assert kernel.call("pte_to_swap", word) == entry
    assert kernel.call("swap_to_pte", entry) == word


@pytest.mark.parametrize("used, full", [(0, 0), (1, 0), (2, 1), (3, 1)])
def test_vm_swap_full_is_more_than_half_of_three(kernel, used, full):
    kernel.set("world.nr_swap_used", used)
    assert kernel.call("vm_swap_full") == full


# the map

@pytest.mark.parametrize("entry, ok", [(1, 1), (3, 0), (0, 0), (4, 0), (OTHER_TYPE, 0)])
def test_swap_duplicate(kernel, entry, ok):
    in_use(kernel, s1=2)
    assert kernel.call("swap_duplicate", entry) == ok
    assert kernel.events() == [("swap_duplicate", entry, ok), *SWAP]
    assert area(kernel) == ([2 + ok, 0, 0], 0)


@pytest.mark.parametrize("entry, maps", [
    (1, [1, 1, 0]), (2, [2, 0, 0]), (3, [2, 1, 0]), (0, [2, 1, 0]), (4, [2, 1, 0]),
    (OTHER_TYPE, [2, 1, 0]),
])
def test_swap_free(kernel, entry, maps):
    in_use(kernel, s1=2, s2=1)
    kernel.call("swap_free", entry)
    assert kernel.events() == [("swap_free", entry), *SWAP]
    assert area(kernel) == (maps, 0)


# into the cache and out of it

def test_add_to_swap(kernel):
    page(kernel)
    assert kernel.call("add_to_swap", "page[0]") == 1
    assert kernel.events() == [
        ("add_to_swap", "page[0]", 1), *SWAP, TREE[0], ("get_page", "page[0]"), TREE[1],
        ("SetPageUptodate", "page[0]"), ("SetPageDirty", "page[0]")]
    assert state(kernel) == (2, 1, 1, 1) and kernel.get("page[0].flags.uptodate") == 1
    assert area(kernel) == ([1, 0, 0], 1)
    # dirty without a tag and without being counted; still of its anon_vma
    assert kernel.slots(5) == [(1, "page[0]", set())]
    assert kernel.get("world.page_state.nr_dirty") == 0
    assert kernel.get("page[0].mapping") == kernel.at("anon_vma[0]") + ANON
    assert kernel.get("page[0].index") == 9
    assert [kernel.get(f"swap[1].contents[{i}]") for i in range(4)] == [GARBAGE] * 4
    assert kernel._name(kernel.call("page_mapping", "page[0]")).startswith("mapping[5]")


def test_add_to_swap_takes_the_lowest_free_slot(kernel):
    page(kernel)
    in_use(kernel, s1=1, s3=1)
    assert kernel.call("add_to_swap", "page[0]") == 1
    assert kernel.slots(5) == [(2, "page[0]", set())]


def test_add_to_swap_without_a_slot(kernel):
    page(kernel)
    in_use(kernel, s1=1, s2=1, s3=2)
    before = kernel.runner.image()
    assert kernel.call("add_to_swap", "page[0]") == 0
    assert kernel.events() == [("add_to_swap", "page[0]", 0), *SWAP]
    assert kernel.changes(before) == {}


def test_add_to_swap_without_memory_gives_the_slot_back(kernel):
    page(kernel)
    kernel.set("world.fail_in", 1)
    assert kernel.call("add_to_swap", "page[0]") == 0
    assert kernel.events() == [("add_to_swap", "page[0]", 0), *SWAP, ("swap_free", 1), *SWAP]
    assert state(kernel) == (1, 0, 0, 0) and area(kernel) == ([0, 0, 0], 0)


def test_delete_from_swap_cache(kernel):
    cached(kernel, ptes=2)
    kernel.set("page[0].flags.dirty", 1)
    kernel.call("delete_from_swap_cache", "page[0]")
    assert kernel.events() == [("delete_from_swap_cache", "page[0]"), *TREE, ("swap_free", 1),
                               *SWAP, ("put_page", "page[0]")]
    assert state(kernel) == (1, 0, 0, 1)        # PG_dirty is left alone
    assert area(kernel) == ([2, 0, 0], 0)
    assert kernel.get("page[0].index") == 9


@pytest.mark.parametrize("primitive, flag, value", [
    ("add_to_swap", "locked", 0), ("delete_from_swap_cache", "locked", 0),
    ("delete_from_swap_cache", "swapcache", 0), ("delete_from_swap_cache", "writeback", 1),
    ("can_share_swap_page", "locked", 0), ("remove_exclusive_swap_page", "locked", 0),
])
def test_swap_cache_of_a_page_in_the_wrong_state_is_a_bug(kernel, primitive, flag, value):
    if primitive == "add_to_swap":
        page(kernel)
    else:
        cached(kernel)
    kernel.set(f"page[0].flags.{flag}", value)
    assert kernel.end(primitive, "page[0]") == "BUG"


# who uses a page

# mapcount: ptes that map the page; map: its swap ptes, and one for the cache
@pytest.mark.parametrize("mapcount, swapcache, swap_map, can, asks", [
    (0, False, 0, 0, False), (1, False, 0, 1, False), (2, False, 0, 0, False),
    (0, True, 1, 0, True), (0, True, 2, 1, True), (0, True, 3, 0, True),
    (1, True, 1, 1, True), (1, True, 2, 0, True), (2, True, 1, 0, False),
])
def test_can_share_swap_page(kernel, mapcount, swapcache, swap_map, can, asks):
    if swapcache:
        cached(kernel)
        kernel.set("swap[1].map", swap_map)
    else:
        page(kernel)
    kernel.set("page[0]._mapcount", mapcount - 1)
    before = kernel.runner.image()
    assert kernel.call("can_share_swap_page", "page[0]") == can
    assert kernel.events() == [("can_share_swap_page", "page[0]", can), *(SWAP if asks else [])]
    assert kernel.changes(before) == {}


def test_remove_exclusive_swap_page(kernel):
    cached(kernel)
    assert kernel.call("remove_exclusive_swap_page", "page[0]") == 1
    assert kernel.events() == [
        ("remove_exclusive_swap_page", "page[0]", 1), SWAP[0], TREE[0],
        ("SetPageDirty", "page[0]"), TREE[1], SWAP[1], ("swap_free", 1), *SWAP,
        ("put_page", "page[0]")]
    assert state(kernel) == (1, 0, 0, 1) and area(kernel) == ([0, 0, 0], 0)


@pytest.mark.parametrize("what, value", [
    ("page[0].flags.swapcache", 0), ("page[0].flags.writeback", 1), ("page[0]._count", 1),
    ("page[0]._count", 3), ("swap[1].map", 2), ("swap[1].map", 0),
])
def test_remove_exclusive_swap_page_refuses(kernel, what, value):
    cached(kernel)
    kernel.set(what, value)
    before = kernel.runner.image()
    assert kernel.call("remove_exclusive_swap_page", "page[0]") == 0
    assert kernel.changes(before) == {}
    assert kernel.held() == []


@pytest.mark.parametrize("entry", [0, 4, OTHER_TYPE, 3])
def test_free_swap_and_cache_of_an_entry_that_leads_nowhere(kernel, entry):
    in_use(kernel, s1=2)
    kernel.call("free_swap_and_cache", entry)
    assert kernel.events() == [("free_swap_and_cache", entry), *SWAP]
    assert area(kernel) == ([2, 0, 0], 0)


def test_free_swap_and_cache_of_the_last_pte_without_a_page(kernel):
    in_use(kernel, s1=1)
    kernel.call("free_swap_and_cache", 1)
    assert kernel.events() == [("free_swap_and_cache", 1), *SWAP]
    assert area(kernel) == ([0, 0, 0], 0)


# The page has one reference, the cache's, when nobody else is there.
def test_free_swap_and_cache_frees_the_page_that_only_the_cache_has(kernel):
    cached(kernel, ptes=1, count=1, locked=False)
    kernel.call("free_swap_and_cache", 1)
    assert kernel.events() == [
        ("free_swap_and_cache", 1), SWAP[0], *TREE, ("TestSetPageLocked", "page[0]", 0), SWAP[1],
        ("get_page", "page[0]"), ("delete_from_swap_cache", "page[0]"), *TREE, ("swap_free", 1),
        *SWAP, ("put_page", "page[0]"), ("SetPageDirty", "page[0]"), ("unlock_page", "page[0]"),
        ("put_page", "page[0]")]
    assert area(kernel) == ([0, 0, 0], 0)
    assert kernel.get("page[0]._count") == 0 and kernel.get("page[0].flags") == 0


@pytest.mark.parametrize("case, used, leaves", [
    ("others hold it", 1, False), ("others hold it", 2, True), ("locked", 2, False),
    ("writeback", 2, False), ("two ptes", 2, False),
])
def test_free_swap_and_cache_keeps_the_page(kernel, case, used, leaves):
    """used: of three slots; with two, swap is full and pages leave the cache if they can."""
    cached(kernel, ptes=2 if case == "two ptes" else 1, count=2, locked=case == "locked")
    if used == 2:
        kernel.set("swap[3].map", 1)
        kernel.set("world.nr_swap_used", 2)
    if case == "writeback":
        kernel.set("page[0].flags.writeback", 1)
    kernel.call("free_swap_and_cache", 1)
    left = {"two ptes": 2}.get(case, 0 if leaves else 1)
    assert area(kernel) == ([left, 0, 1 if used == 2 else 0], 0 if leaves else 1)
    assert state(kernel) == ((1, 0, 0, 1) if leaves else (2, 1, 1, 0))
    assert kernel.get("page[0].flags.locked") == (case == "locked")
    assert kernel.held() == []


@pytest.mark.parametrize("case, removed", [
    ("exclusive", True), ("locked", False), ("a swap pte", False), ("held", False),
])
def test_free_page_and_swap_cache(kernel, case, removed):
    """What zap does with a page that it took a pte of: that pte's reference is dropped."""
    cached(kernel, ptes=case == "a swap pte", count=3 if case == "held" else 2,
           locked=case == "locked")
    kernel.call("free_page_and_swap_cache", "page[0]")
    names = [event[0] for event in kernel.events()]
    assert names[0] == "TestSetPageLocked" and names[-1] == "put_page"
    assert ("unlock_page" in names) == (case != "locked")
    assert area(kernel)[1] == (0 if removed else 1)
    assert kernel.get("page[0]._count") == {"exclusive": 0, "held": 2}.get(case, 1)


def test_free_page_and_swap_cache_outside_the_cache(kernel):
    page(kernel, locked=False)
    kernel.call("free_page_and_swap_cache", "page[0]")
    assert kernel.events() == [("put_page", "page[0]")]


# reading

def test_lookup_swap_cache(kernel):
    cached(kernel)
    assert kernel._name(kernel.call("lookup_swap_cache", 1)) == "page[0]"
    assert kernel.events() == [TREE[0], ("get_page", "page[0]"), TREE[1]]
    assert kernel.get("page[0]._count") == 3
    assert kernel.call("lookup_swap_cache", 2) == 0
    assert kernel.events() == TREE


def test_read_swap_cache_that_is_there(kernel):
    cached(kernel)
    assert kernel._name(kernel.call("read_swap_cache", 1)) == "page[0]"
    assert kernel.events() == [("read_swap_cache", 1, "page[0]"), TREE[0],
                               ("get_page", "page[0]"), TREE[1]]


def test_read_swap_cache_reads(kernel):
    in_use(kernel, s2=1)
    for i, version in enumerate((11, 0, 13, 14)):
        kernel.set(f"swap[2].contents[{i}]", version)
    assert kernel._name(kernel.call("read_swap_cache", 2)) == "page[0]"
    assert kernel.events() == [
        ("read_swap_cache", 2, "page[0]"), *TREE, ("alloc_page", 0x200D2, "page[0]"),
        ("swap_duplicate", 2, 1), *SWAP, ("TestSetPageLocked", "page[0]", 0),
        TREE[0], ("get_page", "page[0]"), TREE[1], ("lru_cache_add_active", "page[0]"),
        ("SetPageUptodate", "page[0]"), ("unlock_page", "page[0]")]
    assert [kernel.get(f"page[0].contents[{i}]") for i in range(4)] == [11, 0, 13, 14]
    # ours, the cache's and the pagevec's reference
    assert state(kernel) == (3, 1, 2, 0)
    assert area(kernel) == ([0, 2, 0], 1)
    assert kernel.get("page[0].flags.locked") == 0 and kernel.get("page[0].mapping") == 0


@pytest.mark.parametrize("fail_in, entry", [(1, 2), (2, 2), (0, 3), (0, 0), (0, OTHER_TYPE)],
                         ids=["no page", "no node", "a free slot", "entry 0", "another type"])
def test_read_swap_cache_gives_nothing(kernel, fail_in, entry):
    in_use(kernel, s2=1)
    kernel.set("world.fail_in", fail_in)
    assert kernel.call("read_swap_cache", entry) == 0
    assert area(kernel) == ([0, 1, 0], 0)
    assert kernel.get("page[0]._count") == 0 and kernel.held() == []


# writing

def test_swap_writepage_of_a_page_that_nobody_else_needs(kernel):
    cached(kernel)
    assert kernel.call("swap_writepage", "page[0]", "world.wbc[0].nr_to_write") == 0
    names = [event[0] for event in kernel.events()]
    assert names[:2] == ["swap_writepage", "remove_exclusive_swap_page"]
    assert names[-1] == "unlock_page" and "set_page_writeback" not in names
    # nothing is written: the page is dirty outside the cache
    assert state(kernel) == (1, 0, 0, 1) and area(kernel) == ([0, 0, 0], 0)
    assert kernel.get("page[0].flags.locked") == 0


def test_swap_writepage_is_over_when_the_disk_says_so(kernel):
    cached(kernel, ptes=1)
    kernel.set("page[0].flags.uptodate", 1)
    wbc = kernel.at("world.wbc[0].nr_to_write")
    assert kernel.call("swap_writepage", "page[0]", wbc) == 0
    assert kernel.events()[0] == ("swap_writepage", "page[0]", "world.wbc[0].nr_to_write", 0)
    # the page is unlocked before its write is submitted
    assert kernel.events()[-2:] == [("unlock_page", "page[0]"), ("submit_bio", "page[0]", 0x1F)]
    assert kernel.slots(5) == [(1, "page[0]", {"WRITEBACK"})]
    assert kernel.get("page[0].flags.writeback") == 1
    assert [kernel.get(f"swap[1].contents[{i}]") for i in range(4)] == [GARBAGE] * 4
    # a store from now on is not of this write
    kernel.call("user_store", "page[0]", 0)
    kernel.call("end_io", "page[0]", 1)
    assert [kernel.get(f"swap[1].contents[{i}]") for i in range(4)] == [5, 6, 7, 8]
    assert kernel.slots(5) == [(1, "page[0]", set())]
    assert kernel.get("page[0].flags.writeback") == 0
    assert kernel.get("world.page_state.nr_writeback") == 0


# a page's life in swap: added, written, forgotten, read again by the pte that is left
def test_swap_gives_back_what_it_got(kernel):
    cached(kernel, ptes=1)
    kernel.call("swap_writepage", "page[0]", "world.wbc[0].nr_to_write")
    kernel.call("end_io", "page[0]", 1)
    kernel.call("TestSetPageLocked", "page[0]")
    kernel.call("delete_from_swap_cache", "page[0]")
    kernel.call("unlock_page", "page[0]")
    kernel.call("put_page", "page[0]")
    assert kernel.get("page[0]._count") == 0 and area(kernel) == ([1, 0, 0], 0)
    kernel.call("alloc_page", 0xD0)     # its frame goes to somebody else
    assert kernel._name(kernel.call("read_swap_cache", 1)) == "page[1]"
    assert [kernel.get(f"page[1].contents[{i}]") for i in range(4)] == [5, 6, 7, 8]
