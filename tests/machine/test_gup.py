# SPDX-License-Identifier: GPL-2.0-only
"""get_user_pages and who uses it: locked memory, a debugger, pins."""

import errno

import pytest
from mapped import (
    AT,
    HUGETLB,
    IO,
    LOCKED,
    MAY,
    PFNMAP,
    PRIVATE_RW,
    READ,
    SHARED_RO,
    SHARED_RW,
    WRITE,
    Scene,
)

EFAULT = -errno.EFAULT


@pytest.fixture
def scene(kernel):
    return Scene(kernel)


def gup(scene, at=0, pages=1, *, write=0, force=0):
    scene.call("down_read", "mm[0].mmap_sem")
    result = scene.call("get_user_pages", "mm[0]", AT(at), pages, write, force)
    events = scene.kernel.events()
    scene.call("up_read", "mm[0].mmap_sem")
    scene.calm()
    return result, events


def faults(events):
    return [event for event in events if event[0] == "handle_pte_fault"]


# flags of the vma: which of reading, writing and doing so by force is allowed
@pytest.mark.parametrize("flags, read, write, force_read, force_write", [
    (PRIVATE_RW, 1, 1, 1, 1),
    (READ | MAY, 1, EFAULT, 1, 1),
    (MAY, EFAULT, EFAULT, 1, 1),
    (WRITE | MAY, EFAULT, 1, 1, 1),
    (READ | 0x50, 1, EFAULT, 1, EFAULT),            # a file open for reading only, shared
    (0x60, EFAULT, EFAULT, EFAULT, 1),
    (0x40, EFAULT, EFAULT, EFAULT, EFAULT),
    (PRIVATE_RW | IO, EFAULT, EFAULT, EFAULT, EFAULT),
    (PRIVATE_RW | PFNMAP, EFAULT, EFAULT, EFAULT, EFAULT),
    (PRIVATE_RW | HUGETLB, EFAULT, EFAULT, EFAULT, EFAULT),
])
def test_get_user_pages_asks_the_vma(scene, flags, read, write, force_read, force_write):
    scene.vma(0, flags=flags)
    empty = scene.kernel.runner.image()
    found = []
    for force in (0, 1):
        for write_access in (0, 1):
            scene.kernel.runner.restore(empty)
            found.append(gup(scene, write=write_access, force=force)[0])
    assert found == [read, write, force_read, force_write]


@pytest.mark.parametrize("at", [3, 8])
def test_get_user_pages_where_nothing_is_mapped(scene, at):
    scene.vma(0, at=4)
    assert gup(scene, at)[0] == EFAULT


def test_get_user_pages_reads_untouched_memory_as_zeroes_without_a_fault(scene):
    scene.vma(0)
    result, events = gup(scene)
    assert result == 1
    # no page table: the zero page at once
    assert faults(events) == []
    assert [event[0] for event in events if event[0] == "ZERO_PAGE"] == ["ZERO_PAGE"]
    assert scene.tables(0) == [False] * 3


def test_get_user_pages_faults_locked_memory_in(scene):
    scene.vma(0, flags=PRIVATE_RW | LOCKED)
    result, events = gup(scene)
    assert result == 1 and len(faults(events)) == 1
    assert scene.shown(0) == "page 16 accessed"


def test_get_user_pages_to_write_makes_the_page(scene):
    scene.vma(0)
    result, events = gup(scene, 1, write=1)
    assert result == 1
    assert len(faults(events)) == 1
    assert scene.shown(1) == "page 0 rw,accessed,dirty"
    # no array of pages: no reference; the pte has one, the pagevec the other
    assert scene.counts(0) == (2, 0)


def test_get_user_pages_goes_on_into_the_next_vma(scene):
    scene.vma(0, at=0, pages=2)
    scene.vma(1, at=2, pages=2)
    result, events = gup(scene, 1, 2, write=1)
    assert result == 2
    assert [event[1:4] for event in faults(events)] == [
        ("mm[0]", "vma[0]", AT(1)), ("mm[0]", "vma[1]", AT(2))]
    assert [event for event in events if event[0] == "find_vma"] == [
        ("find_vma", "mm[0]", AT(1), "vma[0]"), ("find_vma", "mm[0]", AT(2), "vma[1]")]
    assert events[0] == ("get_user_pages", "mm[0]", AT(1), 2, 1, 0, 2)


@pytest.mark.parametrize("second, result", [
    (dict(at=4), 2),                                # a hole
    (dict(at=2, flags=READ | MAY), 2),              # not to be written
    (dict(at=2), 4),
])
def test_get_user_pages_gives_the_count_so_far(scene, second, result):
    scene.vma(0, at=0, pages=2)
    scene.vma(1, pages=2, **second)
    assert gup(scene, 0, 4, write=1)[0] == result


@pytest.mark.parametrize("pages", [0, -1])
def test_get_user_pages_of_nothing(scene, pages):
    scene.vma(0)
    assert gup(scene, 0, pages) == (0, [("get_user_pages", "mm[0]", AT(0), pages, 0, 0, 0)])


@pytest.mark.parametrize("fail_in, result", [(1, -errno.ENOMEM), (2, -errno.ENOMEM),
                                             (3, -errno.ENOMEM), (4, 1)])
def test_get_user_pages_without_memory(scene, fail_in, result):
    # a page table, an anon_vma, a page; the second page
    scene.vma(0)
    scene.set("world.fail_in", fail_in)
    # the table is asked for again each time but allocated once
    assert gup(scene, 0, 2, write=1)[0] == result


def test_get_user_pages_past_the_end_of_a_file(scene):
    scene.file(0, size=1 << 12)
    scene.vma(0, file=0)
    assert gup(scene, 1)[0] == EFAULT
    assert gup(scene, 0, 2)[0] == 1


@pytest.mark.parametrize("bits, write, dirty", [
    ("accessed", 0, 0), ("rw accessed", 1, 1), ("rw dirty accessed", 1, 0),
])
def test_get_user_pages_touches_what_is_mapped(scene, bits, write, dirty):
    scene.file(0)
    scene.vma(0, file=0)
    scene.page(3, inode=0, index=1)
    scene.pte(1, page=3, bits=bits)

    result, events = gup(scene, 1, write=write)

    assert result == 1 and faults(events) == []
    assert scene.get("page[3].flags.dirty") == dirty
    assert scene.get("page[3].flags.referenced") == 1


def test_get_user_pages_breaks_the_copy_of_a_read_only_vma_only_once(scene):
    # forced: the copy's pte is not writable, and yet the second look is content with it
    scene.vma(0, flags=READ | MAY, anon=0)
    scene.page(3, anon=0)
    scene.pte(0, page=3, bits="accessed")
    scene.pte(0, page=3, mm=1)

    result, events = gup(scene, 0, write=1, force=1)

    assert result == 1
    assert [event[-1] for event in faults(events)] == [0x12]
    assert scene.shown(0) == "page 0 accessed,dirty"


@pytest.mark.parametrize("flags, write", [(PRIVATE_RW, 1), (READ | MAY, 0)])
def test_make_pages_present_writes_where_it_may(scene, flags, write):
    scene.vma(0, flags=flags | LOCKED)
    assert scene.call("make_pages_present", AT(1), AT(3)) == 0
    assert scene.named("make_pages_present", "get_user_pages") == [
        ("make_pages_present", AT(1), AT(3), 0),
        ("get_user_pages", "mm[0]", AT(1), 2, write, 0, 2)]
    assert [at for at in range(4) if scene.word_at(at)] == [1, 2]
    assert scene.rss() == ((0, 2) if write else (2, 0))


def test_make_pages_present_tells_that_some_are_not(scene):
    scene.vma(0, flags=PRIVATE_RW | LOCKED)
    scene.set("world.fail_in", 5)
    assert scene.call("make_pages_present", AT(0), AT(4)) == -1


def test_make_pages_present_gives_up_where_a_page_does_not_come(scene):
    scene.vma(0, flags=PRIVATE_RW | LOCKED)
    scene.set("world.fail_in", 1)
    assert scene.call("make_pages_present", AT(0), AT(4)) == -errno.ENOMEM


# access_process_vm: the version that was read or written, -1 for nothing

def peek(scene, at, sector=0, mm=0):
    result = scene.call("access_process_vm", f"mm[{mm}]", AT(at) + sector * 0x400 + 5, 0)
    scene.calm()
    return result


def poke(scene, at, sector=0, mm=0):
    result = scene.call("access_process_vm", f"mm[{mm}]", AT(at) + sector * 0x400 + 5, 1)
    scene.calm()
    return result


@pytest.fixture
def shared(scene):
    """page[3], at 1, is page 1 of a file: contents 10, 11, 12, 13."""
    scene.file(0)
    scene.vma(0, file=0)
    scene.page(3, inode=0, index=1)
    scene.pte(1, page=3, bits="rw accessed")
    for i in range(4):
        scene.set(f"page[3].contents[{i}]", 10 + i)
    scene.set("world.version", 20)
    return scene


@pytest.mark.parametrize("sector", range(4))
def test_access_process_vm_reads_one_sector(shared, sector):
    assert peek(shared, 1, sector) == 10 + sector
    assert shared.counts(3) == (2, 0)
    assert shared.get("page[3].flags.dirty") == 0


def test_access_process_vm_stores_through_the_page(shared):
    assert poke(shared, 1, sector=2) == 21
    assert [shared.get(f"page[3].contents[{i}]") for i in range(4)] == [10, 11, 21, 13]
    assert shared.get("page[3].flags.dirty") == 1
    assert shared.counts(3) == (2, 0)
    # the kernel's own mapping is not the process's: its pte stays clean
    assert shared.shown(1) == "page 3 rw,accessed"
    assert shared.named("down_read", "user_store", "lock_page", "unlock_page", "put_page",
                        "up_read") == [
        ("down_read", "mm[0].mmap_sem"), ("user_store", "page[3]", 2, 21),
        ("lock_page", "page[3]"), ("unlock_page", "page[3]"), ("put_page", "page[3]"),
        ("up_read", "mm[0].mmap_sem")]


def test_access_process_vm_dirties_after_the_store_too(shared):
    # writeback may have come between: get_user_pages dirtied the page, and it is clean again
    shared.set("page[3].flags.dirty", 1)
    poke(shared, 1)
    assert shared.get("page[3].flags.dirty") == 1
    assert len(shared.named("set_page_dirty")) == 1


def test_access_process_vm_pokes_a_private_copy_into_a_read_only_vma(scene):
    scene.file(0)
    scene.vma(0, flags=READ | MAY, file=0)
    scene.page(3, inode=0, index=1)
    scene.pte(1, page=3, bits="accessed")
    scene.set("page[3].contents[0]", 10)
    scene.set("world.version", 20)

    assert poke(scene, 1) == 21

    assert scene.get("page[3].contents[0]") == 10
    assert scene.get("page[3].flags.dirty") == 0
    assert scene.shown(1) == "page 0 accessed,dirty"
    assert peek(scene, 1) == 21


def test_access_process_vm_where_it_may_not(scene):
    scene.file(0)
    scene.vma(0, at=0, pages=2, flags=0xD1, file=0)     # shared, of a file open for reading
    assert poke(scene, 0) == -1
    assert poke(scene, 5) == peek(scene, 5) == -1


def test_access_process_vm_reaches_another_process(shared):
    shared.vma(1, at=4, mm=1, file=0)
    shared.pte(5, page=3, mm=1, bits="rw accessed")
    assert poke(shared, 5, mm=1) == 21
    assert peek(shared, 1) == 21


# pins

def pin(scene, at, write=1, force=0):
    result = scene.call("pin", "mm[0]", AT(at), write, force)
    scene.calm()
    return result


def test_pin_and_unpin(shared):
    assert pin(shared, 1) == 3
    assert shared.get("page[3].pins") == 1 and shared.counts(3) == (3, 0)
    assert pin(shared, 1, write=0) == 3
    assert shared.get("page[3].pins") == 2 and shared.counts(3) == (4, 0)

    assert shared.call("unpin", "page[3]", 0) == 0
    assert shared.call("unpin", "page[3]", 0) == 0
    assert shared.get("page[3].pins") == 0 and shared.counts(3) == (2, 0)
    assert shared.call("unpin", "page[3]", 0) == -errno.EINVAL
    assert shared.counts(3) == (2, 0)


@pytest.mark.parametrize("dirty", [0, 1])
def test_unpin_makes_the_page_dirty_if_told_to(shared, dirty):
    pin(shared, 1, write=0)
    assert shared.call("unpin", "page[3]", dirty) == 0
    shared.calm()
    assert shared.get("page[3].flags.dirty") == dirty
    assert [event[0] for event in shared.named("lock_page", "set_page_dirty", "unlock_page",
                                               "put_page")] == [
        *(["lock_page", "set_page_dirty", "unlock_page"] if dirty else []), "put_page"]


def test_unpin_of_a_page_that_only_the_pin_held_frees_it(scene):
    scene.vma(0)
    assert pin(scene, 0) == 0
    scene.call("lru_add_drain")
    scene.call("zap_page_range", "vma[0]", AT(0), AT(1))
    assert scene.counts(0) == (1, -1)
    assert scene.call("unpin", "page[0]", 1) == 0
    assert scene.get("page[0]._count") == scene.get("page[0].mapping") == 0


@pytest.mark.parametrize("flags, write, force, result", [
    (SHARED_RO, 1, 0, EFAULT), (SHARED_RW | IO, 0, 0, EFAULT), (0xD1, 1, 1, EFAULT),
])
def test_pin_that_is_refused_holds_nothing(scene, flags, write, force, result):
    scene.file(0)
    scene.vma(0, flags=flags, file=0)
    assert pin(scene, 0, write, force) == result
    assert pin(scene, 9) == EFAULT
    assert all(scene.get(f"page[{i}].pins") == 0 for i in range(17))
