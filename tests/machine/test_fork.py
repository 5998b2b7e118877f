# SPDX-License-Identifier: GPL-2.0-only
"""sys_fork: what a child gets of its parent, and that a failed one leaves nothing behind."""

import errno

import pytest
from mapped import (
    ACCOUNT,
    AT,
    DENYWRITE,
    DONTCOPY,
    HUGETLB,
    LOCKED,
    NONLINEAR,
    PFNMAP,
    PRIVATE_RW,
    SHARED_RO,
    SHARED_RW,
    Scene,
)

FRAME_3 = 0x103000


@pytest.fixture
def scene(kernel):
    return Scene(kernel)


def fork(scene):
    result = scene.call("sys_fork")
    scene.calm()
    return result


def child_vma(scene, at=0, mm=1):
    """The number of the child's vma at an address."""
    for i in range(12):
        if scene.kernel.name(f"vma[{i}].vm_mm") == f"mm[{mm}]" and \
                scene.get(f"vma[{i}].vm_start") == AT(at):
            return i
    raise AssertionError(f"mm[{mm}] has no vma at {AT(at):#x}")


def anonymous(scene, flags=PRIVATE_RW, bits="rw dirty accessed"):
    """vma[0] of pages 0 to 3 with an anonymous page[3] at 1."""
    scene.vma(0, flags=flags, anon=0)
    scene.page(3, anon=0, index=1)
    scene.pte(1, page=3, bits=bits)


def test_fork_of_a_process_without_memory_gives_the_first_free_slot(scene):
    assert fork(scene) == 1
    assert scene.get("mm[1].mm_users") == 1
    assert scene.kernel.events() == [
        ("down_write", "mm[0].mmap_sem"), ("down_write", "mm[1].mmap_sem"),
        ("flush_tlb_mm", "mm[0]"),
        ("up_write", "mm[1].mmap_sem"), ("up_write", "mm[0].mmap_sem"),
    ]


def test_fork_shares_an_anonymous_page_and_protects_it_in_both(scene):
    anonymous(scene)

    assert fork(scene) == 1

    # RW goes from both; the copy is old; the dirty bit stays in both
    assert scene.shown(1) == "page 3 accessed,dirty"
    assert scene.shown(1, mm=1) == "page 3 dirty"
    assert scene.counts(3) == (2, 1)
    assert scene.rss(0) == scene.rss(1) == (0, 1)
    assert scene.get("world.page_state.nr_mapped") == 1


def test_fork_puts_the_new_vma_at_the_head_of_the_anon_vma(scene):
    anonymous(scene)
    fork(scene)
    new = f"vma[{child_vma(scene)}]"
    assert scene.kernel.name("anon_vma[0].head") == new
    assert scene.kernel.name(f"{new}.anon_vma_next") == "vma[0]"
    assert scene.get(f"{new}.anon_vma") == scene.kernel.at("anon_vma[0]")


# Which vmas are copied, and what becomes of a pte of page[3].
@pytest.mark.parametrize("flags, anon, before, child, parent", [
    # an ordinary shared file map: the child faults its pages in itself
    (SHARED_RW, None, "rw dirty", "-", "page 3 rw,dirty"),
    (SHARED_RO, None, "", "-", "page 3 clean,read-only"),
    # a private file map without a copy of its own
    (PRIVATE_RW, None, "", "-", "page 3 clean,read-only"),
    # with an anon_vma it is copied: a shared one cleans the child's and keeps RW in both
    (SHARED_RW, 0, "rw dirty accessed", "page 3 rw", "page 3 rw,accessed,dirty"),
    (SHARED_RW, 0, "rw", "page 3 rw", "page 3 rw"),
    (SHARED_RW, 0, "dirty", "page 3 clean,read-only", "page 3 dirty"),
    (PRIVATE_RW, 0, "rw dirty", "page 3 dirty", "page 3 dirty"),
    (PRIVATE_RW, 0, "accessed", "page 3 clean,read-only", "page 3 accessed"),
    (PRIVATE_RW, 0, "protnone dirty accessed", "PROT_NONE page 3 dirty",
     "PROT_NONE page 3 accessed,dirty"),
    # private, and never writable: no copy on write, so RW is nobody's business
    (0x51, 0, "rw", "page 3 rw", "page 3 rw"),
    (SHARED_RW | NONLINEAR, None, "rw dirty", "page 3 rw", "page 3 rw,dirty"),
])
def test_fork_copies_ptes_that_a_fault_would_not_bring_back(scene, flags, anon, before, child,
                                                            parent):
    scene.file(0)
    scene.vma(0, flags=flags, file=0, anon=anon)
    scene.page(3, inode=0, index=1)
    scene.pte(1, page=3, bits=before)

    fork(scene)

    assert (scene.shown(1, mm=1), scene.shown(1)) == (child, parent)
    copied = child != "-"
    assert scene.rss(1) == (int(copied), 0)
    assert scene.counts(3) == ((3, 1) if copied else (2, 0))
    assert scene.tables(1) == [copied, False, False]
    assert scene.get("page[3].flags.dirty") == 0


def test_fork_copies_file_ptes_and_swap_entries_as_they_are(scene):
    scene.file(0)
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.raw(0, 0x40 | 3 << 1)
    scene.vma(1, at=4, flags=PRIVATE_RW, anon=0)
    scene.raw(5, 2 << 8)
    scene.set("swap[2].map", 1)

    fork(scene)

    assert scene.word_at(0, mm=1) == 0x40 | 3 << 1
    assert scene.word_at(5, mm=1) == scene.word_at(5) == 2 << 8
    assert scene.get("swap[2].map") == 2
    assert scene.rss(1) == (0, 0)


def test_fork_copies_frames_that_have_no_page(scene):
    scene.vma(0, pgoff=0x300, flags=SHARED_RW | PFNMAP)
    scene.raw(0, 0x300067)

    fork(scene)

    assert scene.word_at(0, mm=1) == 0x300007
    assert scene.word_at(0) == 0x300067
    assert scene.rss(1) == (0, 0)


def test_fork_copies_no_ptes_of_huge_pages(scene):
    scene.file(0)
    scene.vma(0, flags=SHARED_RW | HUGETLB, file=0)
    scene.table(AT(0))
    fork(scene)
    assert scene.tables(1) == [False, False, False]


def test_fork_takes_the_child_s_table_first(scene):
    anonymous(scene)
    fork(scene)
    assert scene.named("pte_offset_map_lock", "pte_unmap_unlock", "copy_page_range",
                       "ptep_set_wrprotect", "set_pte_at", "get_page", "page_dup_rmap") == [
        ("copy_page_range", "mm[1]", "mm[0]", "vma[0]", 0),
        ("pte_offset_map_lock", "mm[1]", "mm[1].pmd[0]", AT(0), "mm[1].pmd[0].ptl",
         f"mm[1].pte[{AT(0):#x}]"),
        ("pte_offset_map_lock", "mm[0]", "mm[0].pmd[0]", AT(0), "mm[0].pmd[0].ptl",
         f"mm[0].pte[{AT(0):#x}]"),
        ("ptep_set_wrprotect", "mm[0]", AT(1), f"mm[0].pte[{AT(1):#x}]"),
        ("get_page", "page[3]"),
        ("page_dup_rmap", "page[3]"),
        ("set_pte_at", "mm[1]", AT(1), f"mm[1].pte[{AT(1):#x}]", FRAME_3 + 0x45),
        ("pte_unmap_unlock", f"mm[0].pte[{AT(0):#x}]", "mm[0].pmd[0].ptl"),
        ("pte_unmap_unlock", f"mm[1].pte[{AT(0):#x}]", "mm[1].pmd[0].ptl"),
    ]


def test_fork_copies_each_vma(scene):
    scene.file(0)
    scene.vma(0, at=0, pages=2, pgoff=5, flags=SHARED_RW, file=0)
    scene.vma(1, at=6, pages=3, flags=PRIVATE_RW | LOCKED)
    scene.set("vma[0].vm_page_prot", 0x3F)      # a driver's own
    scene.set("vma[0].vm_truncate_count", 7)
    scene.set("vma[0].vm_private_data", 0x20000)

    fork(scene)

    first, second = child_vma(scene, 0), child_vma(scene, 6)
    read = {field: scene.get(f"vma[{first}].{field}") for field in
            ("vm_end", "vm_flags", "vm_page_prot", "vm_pgoff", "vm_truncate_count",
             "vm_private_data")}
    assert read == {"vm_end": AT(2), "vm_flags": SHARED_RW, "vm_page_prot": 0x3F, "vm_pgoff": 5,
                    "vm_truncate_count": 7, "vm_private_data": 0x20000}
    assert scene.get(f"vma[{first}].vm_ops") == scene.get("vma[0].vm_ops")
    # a child's memory is not locked
    assert scene.get(f"vma[{second}].vm_flags") == PRIVATE_RW
    assert scene.get("vma[1].vm_flags") == PRIVATE_RW | LOCKED
    assert scene.kernel.name("mm[1].mmap") == f"vma[{first}]"
    assert scene.kernel.name(f"vma[{first}].vm_next") == f"vma[{second}]"
    assert scene.call("find_vma", "mm[1]", AT(7)) == scene.kernel.at(f"vma[{second}]")
    assert scene.get("mm[1].map_count") == 2


def test_fork_gives_the_child_the_parent_s_sizes_but_nothing_locked(scene):
    sizes = dict(total_vm=9, shared_vm=4, exec_vm=3, stack_vm=2, reserved_vm=1,
                 start_brk=0x08050000, brk=0x08053000)
    for field, value in sizes.items():
        scene.set(f"mm[0].{field}", value)
    scene.set("mm[0].locked_vm", 5)
    scene.set("mm[0].def_flags", LOCKED)

    fork(scene)

    assert {field: scene.get(f"mm[1].{field}") for field in sizes} == sizes
    assert scene.get("mm[1].locked_vm") == scene.get("mm[1].def_flags") == 0


def test_fork_puts_a_file_vma_beside_its_parent_and_forgets_to_count_it_writable(scene):
    scene.file(0)
    scene.vma(0, flags=SHARED_RW | DENYWRITE, file=0)
    assert scene.get("mapping[0].i_mmap_writable") == 1
    assert scene.get("inode[0].i_writecount") == -1

    fork(scene)

    scene.call("vma_prio_tree_foreach", "mapping[0]", 0, 9)
    visited = [event[-1] for event in scene.kernel.events()]
    assert visited == ["vma[0]", f"vma[{child_vma(scene)}]", 0]
    assert scene.get("file[0].f_count") == 3        # the fd, and two vmas
    assert scene.get("inode[0].i_writecount") == -2
    assert scene.get("mapping[0].i_mmap_writable") == 1


def test_fork_puts_a_nonlinear_vma_right_after_its_parent(scene):
    #  list: vma[1] -> vma[0]  becomes  vma[1] -> new -> vma[0] -> new
    scene.file(0)
    scene.vma(0, at=0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.vma(1, at=6, flags=SHARED_RW | NONLINEAR, file=0)

    fork(scene)

    found, at = [], scene.kernel.name("mapping[0].i_mmap_nonlinear")
    while at:
        found.append(at)
        at = scene.kernel.name(f"{at}.nonlinear_next")
    assert found == ["vma[1]", f"vma[{child_vma(scene, 6)}]", "vma[0]",
                     f"vma[{child_vma(scene, 0)}]"]


def test_fork_leaves_out_what_is_not_to_be_copied(scene):
    scene.file(0)
    scene.vma(0, pages=4, flags=SHARED_RW | DONTCOPY, file=0)
    scene.vma(1, at=6, pages=2, flags=PRIVATE_RW)

    fork(scene)

    assert scene.get("mm[1].map_count") == 1
    assert (scene.get("mm[1].total_vm"), scene.get("mm[1].shared_vm")) == (2, 0)
    assert (scene.get("mm[0].total_vm"), scene.get("mm[0].shared_vm")) == (6, 4)
    assert scene.get("file[0].f_count") == 2


def test_fork_charges_accounted_memory_again(scene):
    scene.vma(0, pages=4, flags=PRIVATE_RW | ACCOUNT)
    scene.vma(1, at=6, pages=2, flags=PRIVATE_RW)
    scene.set("world.vm_committed_space", 4)
    fork(scene)
    assert scene.get("world.vm_committed_space") == 8


def test_fork_copies_the_task(scene):
    scene.file(0)
    scene.file(1)
    scene.set("task[0].fd[0]", "file[0]")
    scene.set("task[0].fd[3]", "file[1]")
    scene.set("task[0].personality", 0x400000)
    scene.set("task[0].capabilities", 1)
    scene.set("task[0].own_signal.memlock", 0x5000)

    assert fork(scene) == 1

    assert [scene.kernel.name(f"task[1].fd[{i}]") for i in range(4)] == [
        "file[0]", None, None, "file[1]"]
    assert scene.get("file[0].f_count") == scene.get("file[1].f_count") == 2
    assert scene.get("task[1].personality") == 0x400000
    assert scene.get("task[1].capabilities") == 1
    assert scene.get("task[1].own_signal.memlock") == 0x5000
    # its own, not the parent's
    assert scene.kernel.name("task[1].mm") == "mm[1]"
    assert scene.get("task[1].signal") == scene.kernel.at("task[1].own_signal.data")


@pytest.mark.parametrize("fail_in, closed", [(0, []), (2, ["vm_ops_close"])])
def test_fork_opens_a_vma_after_its_ptes_even_if_they_could_not_be_copied(scene, fail_in, closed):
    # a vma, and a page table, without which it ends again
    anonymous(scene)
    scene.call("use_driver_vm_ops", "vma[0]")
    scene.set("world.fail_in", fail_in)

    fork(scene)

    assert [event[0] for event in scene.named("copy_page_range", "vm_ops_open",
                                              "vm_ops_close")] == [
        "copy_page_range", "vm_ops_open", *closed]


def test_fork_without_a_free_slot(scene):
    scene.set("mm[1].mm_users", 1)
    scene.set("mm[2].mm_users", 1)
    before = scene.kernel.runner.image()
    assert fork(scene) == -errno.EAGAIN
    assert scene.kernel.changes(before) == {}


def test_fork_does_not_take_a_slot_that_somebody_is_filling(scene):
    scene.set("mm[1].mmap_sem.held", 1)
    assert fork(scene) == 2


def everything(scene):
    """A parent whose fork makes every kind of allocation: vmas, and two page tables."""
    scene.file(0)
    scene.set("task[0].fd[0]", "file[0]")
    scene.vma(0, at=0, flags=PRIVATE_RW | ACCOUNT, anon=0)
    scene.page(3, anon=0, index=1)
    scene.pte(1, page=3, bits="rw dirty")
    scene.raw(2, 2 << 8)
    scene.set("swap[2].map", 1)
    scene.vma(1, at=4, flags=SHARED_RW | NONLINEAR, file=0)
    scene.page(4, inode=0, index=2)
    scene.pte(5, page=4, bits="rw dirty")
    scene.vma(2, at=8, flags=PRIVATE_RW | DENYWRITE, file=0, anon=1)
    scene.pte(9, page=4, bits="rw")
    scene.set("mm[0].def_flags", LOCKED)
    scene.set("mm[0].brk", 0x08051000)
    scene.set("world.vm_committed_space", 4)


# three vmas and two page tables; swap entries need none
@pytest.mark.parametrize("fail_in", [1, 2, 3, 4, 5])
def test_fork_that_runs_out_of_memory_leaves_only_the_write_protection(scene, fail_in):
    everything(scene)
    before = scene.kernel.runner.image()
    scene.set("world.fail_in", fail_in)

    assert fork(scene) == -errno.ENOMEM

    changed = scene.kernel.changes(before)
    # a COW vma is protected as far as it was copied
    for at in (1, 9):
        changed.pop(f"mm[0].pte[{AT(at):#x}].rw", None)
    # counted down by the child's end, although fork had not counted it up (2.6.17)
    if fail_in > 3:
        assert changed.pop("mapping[0].i_mmap_writable") == "0"
    assert changed == {}


def test_fork_of_everything_needs_no_sixth_allocation(scene):
    everything(scene)
    scene.set("world.fail_in", 6)
    assert fork(scene) == 1
    assert scene.get("world.fail_in") == 1


def test_fork_that_is_refused_the_memory_leaves_nothing(scene):
    scene.vma(0, pages=4, flags=PRIVATE_RW | ACCOUNT)
    scene.vma(1, at=6, pages=2, flags=PRIVATE_RW | ACCOUNT)
    scene.set("world.vm_committed_space", 6)
    scene.set("world.commit_limit", 11)
    before = scene.kernel.runner.image()

    assert fork(scene) == -errno.ENOMEM

    assert scene.kernel.changes(before) == {}
