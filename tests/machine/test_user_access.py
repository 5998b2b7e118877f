# SPDX-License-Identifier: GPL-2.0-only
"""Loads and stores as the processor does them, on one vma of three pages at 0x40000000.

The vma is private and anonymous unless a test says otherwise; frames are 0x100 + page.
"""

import pytest

DONE, SIGSEGV, SIGBUS, OOM = 0, 1, 2, 3
LOAD, STORE = 0, 1
NONE, VM_READ, VM_WRITE, VM_EXEC, SHARED, MAY, PFNMAP, HUGETLB = (
    0, 1, 2, 4, 8, 0x70, 0x400, 0x400000)
RW = VM_READ | VM_WRITE
FIRST = 0x40000000
AT = 0x40001834     # sector 2
SLOT = "mm[0].pte[0x40001000]"
SEM = "mm[0].mmap_sem"


@pytest.fixture
def user(kernel):
    kernel.call("pte_alloc", "mm[0]", FIRST)
    for i, version in enumerate((21, 22, 23, 24)):
        kernel.set(f"page[3].contents[{i}]", version)
    kernel.set("page[3]._count", 2)
    kernel.set("world.version", 90)
    return kernel


@pytest.fixture(autouse=True)
def nothing_is_left(kernel):
    yield
    assert kernel.held() == [] and kernel.get("world.kmaps") == 0
    assert kernel.get("world.order_fault") == 0 and kernel.get("world.sleep_fault") == 0


def mapped(kernel, flags=RW, *, prot=0x25):
    kernel.vma(0, pages=3, pgoff=0x40000, flags=flags | MAY)
    kernel.set("vma[0].vm_page_prot", prot)
    kernel.call("vma_link", "mm[0]", "vma[0]")


def access(kernel, write, address=AT):
    """How it ended, and the version that was loaded or stored."""
    result = kernel.call("user_access", address, write)
    return result >> 32, result & 0xFFFFFFFF


def faults(kernel):
    return sum(1 for event in kernel.events() if event[0] == "down_read")


# What the processor does without the kernel: it sets A, and D for a store.
@pytest.mark.parametrize("write, old, new", [
    (LOAD, 0x00103005, 0x00103025), (LOAD, 0x00103025, 0x00103025),
    (LOAD, 0x00103007, 0x00103027), (LOAD, 0x00103067, 0x00103067),
    (STORE, 0x00103007, 0x00103067), (STORE, 0x00103027, 0x00103067),
    (STORE, 0x00103047, 0x00103067), (STORE, 0x00103067, 0x00103067),
    # PWT and PCD stay
    (STORE, 0x0010301F, 0x0010307F),
])
def test_user_access_through_a_pte_that_allows_it(user, write, old, new):
    user.set(SLOT, old)
    assert access(user, write) == (DONE, 91 if write else 23)
    assert user.get(SLOT) == new
    stored = [("user_store", "page[3]", 2, 91)] if write else []
    bits = [("set_pte_at", "mm[0]", AT, SLOT, new)] if new != old else []
    assert user.events() == bits + stored
    assert [user.get(f"page[3].contents[{i}]") for i in range(4)] == \
        [21, 22, 91 if write else 23, 24]


@pytest.mark.parametrize("address, sector", [(0x40001000, 0), (0x400013FF, 0), (0x40001400, 1),
                                             (0x40001FFF, 3)])
def test_user_access_goes_to_the_sector_of_the_byte(user, address, sector):
    user.set(SLOT, 0x00103067)
    assert access(user, LOAD, address) == (DONE, 21 + sector)
    assert access(user, STORE, address) == (DONE, 91)
    assert user.get(f"page[3].contents[{sector}]") == 91


@pytest.mark.parametrize("pfn", [0xF0000, 0xFF, 0x111])
@pytest.mark.parametrize("write", [LOAD, STORE])
def test_user_access_to_a_frame_without_a_page(user, pfn, write):
    user.set(SLOT, pfn << 12 | 0x27)
    assert access(user, write) == (DONE, 0)
    assert user.get(SLOT) == pfn << 12 | (0x67 if write else 0x27)
    assert user.get("world.version") == 90


# Who may not: the signal comes from the vma and from what the processor saw.
@pytest.mark.parametrize("write", [LOAD, STORE])
@pytest.mark.parametrize("address", [FIRST - 1, FIRST + 0x3000, 0xBFFFF000, 0])
def test_user_access_outside_of_every_vma(user, write, address):
    mapped(user)
    assert access(user, write, address) == (SIGSEGV, 0)
    assert [event[0] for event in user.events()] == ["down_read", "find_vma", "up_read"]


@pytest.mark.parametrize("flags, write, ends", [
    (NONE, LOAD, SIGSEGV), (NONE, STORE, SIGSEGV),
    (VM_READ, LOAD, DONE), (VM_READ, STORE, SIGSEGV),
    (VM_EXEC, LOAD, DONE), (VM_EXEC, STORE, SIGSEGV),
    # i386 cannot forbid to read what may be written, but the first access is asked about
    (VM_WRITE, LOAD, SIGSEGV), (VM_WRITE, STORE, DONE),
    (RW, LOAD, DONE), (RW, STORE, DONE),
])
def test_user_access_of_a_page_that_is_not_there(user, flags, write, ends):
    mapped(user, flags)
    assert access(user, write) == (ends, 91 if write and ends == DONE else 0)
    assert faults(user) == 1


# PRESENT without USER; PROT_NONE is not present for the processor
@pytest.mark.parametrize("word, flags, write, ends", [
    (0x00103021, RW, LOAD, SIGSEGV), (0x001030A0, NONE, LOAD, SIGSEGV),
    (0x001030A0, NONE, STORE, SIGSEGV), (0x00103025, VM_READ, STORE, SIGSEGV),
])
def test_user_access_that_the_pte_forbids(user, word, flags, write, ends):
    mapped(user, flags)
    user.set(SLOT, word)
    assert access(user, write) == (ends, 0)
    assert user.get(SLOT) == word and user.get("page[3].contents[2]") == 23


def test_user_access_that_no_fault_helps_does_not_go_on_for_ever(user):
    # a PROT_NONE pte in a readable vma: the kernel finds nothing to change
    mapped(user)
    user.set(SLOT, 0x001030A0)
    assert user.end("user_access", AT, LOAD) == "hang"
    assert faults(user) == 16


@pytest.mark.parametrize("write", [LOAD, STORE])
def test_user_access_of_a_huge_page(user, write):
    mapped(user, RW | HUGETLB)
    assert access(user, write) == (SIGBUS, 0)


@pytest.mark.parametrize("write", [LOAD, STORE])
def test_user_access_without_memory(user, write):
    mapped(user)
    user.set("mm[0].pmd[0].table", 0)
    user.set("world.fail_in", 1)
    assert access(user, write) == (OOM, 0)


def test_user_access_takes_mmap_sem_for_the_fault_alone(user):
    mapped(user)
    assert access(user, STORE) == (DONE, 91)
    names = [event[0] for event in user.events()]
    assert names[:2] == ["down_read", "find_vma"]
    assert names[-2:] == ["up_read", "user_store"]      # D is set by the fault already
    assert user.get(SLOT) == 0x00100067
    assert [user.get(f"page[0].contents[{i}]") for i in range(4)] == [0, 0, 91, 0]


def test_user_access_is_of_the_current_process(user):
    mapped(user)
    user.call("pte_alloc", "mm[1]", FIRST)
    user.set("mm[1].pte[0x40001000]", 0x00103067)
    user.set("world.current_task", "task[1].mm")
    assert access(user, LOAD) == (DONE, 23)
    assert user.events() == []


# with the patched functions of the half

# anonymous memory:  load             store               load
#                    the zero page -> a copy of one's own  its version
def test_user_access_load_then_store_of_anonymous_memory(user):
    mapped(user)
    assert access(user, LOAD) == (DONE, 0)
    assert user.get(SLOT) == 0x00110025
    assert access(user, STORE) == (DONE, 91)
    assert user.get(SLOT) == 0x00100067
    assert (user.get("mm[0].file_rss"), user.get("mm[0].anon_rss")) == (0, 1)
    assert (user.get("page[16]._count"), user.get("page[16]._mapcount")) == (1, -1)
    assert access(user, LOAD) == (DONE, 91)
    assert user.events() == []


# page 3 in the swap cache with one more swap pte elsewhere: the store must go to a copy
def test_user_access_store_to_a_swapped_page_that_is_shared(user):
    mapped(user)
    for path, value in (("vma[0].anon_vma", "anon_vma[0]"), ("anon_vma[0].head", "vma[0]"),
                        (SLOT, 0x00000200), ("swap[2].map", 3), ("world.nr_swap_used", 1)):
        user.set(path, value)
    assert user.call("add_to_page_cache", "page[3]", "mapping[5]", 2) == 0
    user.call("unlock_page", "page[3]")
    user.set("page[3].flags", 1 << 15 | 1 << 3)
    user.set("page[3].private", 2)
    user.set("page[3].mapping", user.at("anon_vma[0]") + 1)
    user.set("page[3]._count", 1)
    assert access(user, STORE) == (DONE, 91)
    assert faults(user) == 1
    assert user.get(SLOT) == 0x00100067
    assert [user.get(f"page[0].contents[{i}]") for i in range(4)] == [21, 22, 91, 24]
    assert [user.get(f"page[3].contents[{i}]") for i in range(4)] == [21, 22, 23, 24]
    assert (user.get("page[3]._count"), user.get("page[3]._mapcount")) == (1, -1)
    assert user.get("swap[2].map") == 2
    assert user.get("mm[0].anon_rss") == 1


# a page at index 1 of an ext2 file, in the cache; the vma is shared and, with v8, read-only
#   units:   all v8        none (2.6.17)
#   load:    one fault     one fault
#   store:   one more      one silent store
@pytest.mark.parametrize("units, prot, words, store_faults, dirty", [
    (0x7F, 0x25, (0x00103025, 0x00103067), 1, 1), (0x00, 0x27, (0x00103027, 0x00103067), 0, 0),
])
def test_user_access_load_then_store_of_a_shared_file(user, units, prot, words, store_faults,
                                                      dirty):
    user.set("world.units", units)
    user.inode(0)
    user.file(0, 0)
    user.vma(0, pages=3, flags=RW | SHARED | MAY | 0x80)
    user.set("vma[0].vm_page_prot", prot)
    user.set("vma[0].vm_file", "file[0].f_mapping")
    user.call("use_generic_vm_ops", "vma[0]")
    user.call("vma_link", "mm[0]", "vma[0]")
    user.set("page[3]._count", 0)
    user.cached(3, index=1)
    user.set("page[3].flags.uptodate", 1)
    assert access(user, LOAD) == (DONE, 23)
    assert faults(user) == 1 and user.get(SLOT) == words[0]
    assert access(user, STORE) == (DONE, 91)
    assert faults(user) == store_faults and user.get(SLOT) == words[1]
    assert user.get("page[3].flags.dirty") == dirty
    assert user.get("page[3].contents[2]") == 91
    assert user.get("mm[0].file_rss") == 1


@pytest.mark.parametrize("write", [LOAD, STORE])
def test_user_access_beyond_the_end_of_a_file(user, write):
    user.inode(0, size=0x1000)
    user.file(0, 0)
    user.vma(0, pages=3, flags=RW | SHARED | MAY | 0x80)
    user.set("vma[0].vm_page_prot", 0x25)
    user.set("vma[0].vm_file", "file[0].f_mapping")
    user.call("use_generic_vm_ops", "vma[0]")
    user.call("vma_link", "mm[0]", "vma[0]")
    assert access(user, write) == (SIGBUS, 0)
    assert user.get(SLOT) == 0
