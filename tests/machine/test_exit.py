# SPDX-License-Identifier: GPL-2.0-only
"""sys_exit: a slot is as fresh after a process as before it."""

import pytest
from mapped import ACCOUNT, AT, LOCKED, NONLINEAR, PRIVATE_RW, SHARED_RW, Scene


@pytest.fixture
def scene(kernel):
    return Scene(kernel)


def leave(scene):
    scene.call("sys_exit")
    scene.calm()


def of_process(changes, mm=0):
    return {path: text for path, text in changes.items()
            if path.startswith((f"mm[{mm}]", f"task[{mm}]", "vma["))}


def test_exit_leaves_nothing_of_a_process(scene):
    fresh = scene.kernel.runner.image()
    for i in range(2):
        scene.file(i)
        scene.set(f"task[0].fd[{i}]", f"file[{i}]")
        scene.add(f"file[{i}].f_count")
    scene.vma(0, at=0, flags=PRIVATE_RW | ACCOUNT | LOCKED, anon=0)
    scene.set("mm[0].locked_vm", 4)
    scene.page(3, anon=0, index=1)
    scene.pte(1, page=3, bits="rw dirty")
    scene.raw(2, 2 << 8)
    scene.set("swap[2].map", 1)
    scene.set("world.nr_swap_used", 1)
    scene.vma(1, at=7, flags=SHARED_RW, file=0)
    scene.page(4, inode=0, index=2)
    scene.pte(9, page=4, bits="rw dirty accessed")
    scene.vma(2, at=12, flags=SHARED_RW | NONLINEAR, file=1)
    scene.raw(12, 0x42)
    scene.set("world.vm_committed_space", 4)
    scene.set("mm[0].def_flags", LOCKED)
    scene.set("mm[0].brk", 0x08052000)
    scene.set("task[0].personality", 0x400000)
    scene.set("task[0].capabilities", 1)
    scene.set("task[0].own_signal.data", 0)

    leave(scene)

    assert of_process(scene.kernel.changes(fresh)) == {"mm[0].mm_users": "0"}
    assert scene.get("world.vm_committed_space") == 0
    assert scene.get("swap[2].map") == scene.get("anon_vma[0].head") == 0
    # who else holds the files still does
    assert scene.get("file[0].f_count") == scene.get("file[1].f_count") == 1
    assert scene.get("page[3]._count") == 0
    # what the process stored is not lost with its ptes
    assert scene.get("page[4].flags.dirty") == 1
    assert scene.counts(4) == (1, -1)
    assert [scene.get(f"mapping[{i}].{field}") for i in (0, 1)
            for field in ("i_mmap", "i_mmap_nonlinear", "i_mmap_writable")] == [0] * 6


def test_exit_closes_files_after_the_memory_and_without_its_lock(scene):
    scene.file(0)
    scene.set("task[0].fd[2]", "file[0]")
    scene.add("file[0].f_count")
    leave(scene)
    assert [event[0] for event in scene.named("down_write", "exit_mmap", "up_write", "fput")] == [
        "down_write", "exit_mmap", "up_write", "fput"]
    assert scene.get("task[0].fd[2]") == 0


def test_exit_of_a_child_leaves_the_parent_what_it_had(scene):
    scene.file(0)
    scene.set("task[0].fd[0]", "file[0]")
    scene.vma(0, at=0, flags=PRIVATE_RW | ACCOUNT, anon=0)
    scene.page(3, anon=0, index=1)
    scene.pte(1, page=3, bits="rw dirty")
    scene.vma(1, at=4, flags=PRIVATE_RW, file=0)
    before = scene.kernel.runner.image()

    assert scene.call("sys_fork") == 1
    scene.set("world.current_task", "task[1]")
    leave(scene)

    # the store that made the page dirty was before the fork; its next one faults
    changed = scene.kernel.changes(before)
    assert changed == {f"mm[0].pte[{AT(1):#x}].rw": "0", "world.current_task": "task[1]"}


def test_exit_of_a_child_counts_down_a_writer_that_fork_never_counted(scene):
    scene.file(0)
    scene.vma(0, flags=SHARED_RW, file=0)
    scene.call("sys_fork")
    scene.set("world.current_task", "task[1]")
    leave(scene)
    assert scene.get("mapping[0].i_mmap_writable") == 0


def test_exit_makes_room_for_another_fork(scene):
    scene.set("mm[1].mm_users", 1)
    scene.set("mm[2].mm_users", 1)
    scene.set("world.current_task", "task[2]")
    leave(scene)
    scene.set("world.current_task", "task[0]")
    assert scene.call("sys_fork") == 2
