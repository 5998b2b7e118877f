# SPDX-License-Identifier: GPL-2.0-only
"""Which lock may be taken inside which, and what may be held while something sleeps."""

from itertools import product

import pytest

# enum lock_class, with one lock of each class
CLASSES = {
    "i_mutex": (1, "inode[0].i_mutex"),
    "mmap_sem": (2, "mm[0].mmap_sem"),
    "PG_locked": (3, "page[0]"),
    "i_mmap_lock": (4, "mapping[0].i_mmap_lock"),
    "anon_vma->lock": (5, "anon_vma[0].lock"),
    "page_table_lock": (6, "mm[0].page_table_lock"),
    "ptl": (7, "mm[0].pmd[0].ptl"),
    "lru_lock": (8, "world.lru_lock"),
    "swap_lock": (9, "world.swap_lock"),
    "private_lock": (10, "mapping[0].private_lock"),
    "inode_lock": (11, "world.inode_lock"),
    "tree_lock": (12, "mapping[0].tree_lock"),
}
# a second lock of the class
OTHERS = {name: lock.replace("[0]", "[1]", 1) for name, (_, lock) in CLASSES.items()}
SLEEPING = {"i_mutex", "mmap_sem", "PG_locked"}

# Outer and inner, as mm/rmap.c and mm/filemap.c document them; left out: what they contradict
# each other about (private_lock and swap_lock), the stale mmap_sem > i_mutex, and classes
# that the machine has not (i_alloc_sem, mmlist_lock, sb_lock, BH_Lock).
DOCUMENTED = [
    ("i_mutex", "mmap_sem"), ("i_mutex", "PG_locked"), ("i_mutex", "i_mmap_lock"),
    ("mmap_sem", "PG_locked"), ("mmap_sem", "i_mmap_lock"),
    ("PG_locked", "i_mmap_lock"),
    ("i_mmap_lock", "anon_vma->lock"), ("i_mmap_lock", "page_table_lock"), ("i_mmap_lock", "ptl"),
    ("i_mmap_lock", "private_lock"),
    ("anon_vma->lock", "page_table_lock"), ("anon_vma->lock", "ptl"),
    *product(("page_table_lock", "ptl"),
             ("lru_lock", "swap_lock", "private_lock", "tree_lock", "inode_lock")),
    ("lru_lock", "tree_lock"),
    ("swap_lock", "tree_lock"), ("swap_lock", "inode_lock"),
    ("inode_lock", "tree_lock"),
    ("private_lock", "tree_lock"),
]
# fork holds both parents' and childs'; several pages are locked at once
NESTING = {"mmap_sem", "PG_locked", "ptl"}


def closure(pairs):
    found = set(pairs)
    while True:
        more = {(a, d) for a, b in found for c, d in found if b == c} - found
        if not more:
            return found
        found |= more


ALLOWED = closure(DOCUMENTED) | {(name, name) for name in NESTING}


def take(kernel, name, lock=None):
    lock = lock or CLASSES[name][1]
    op = "lock_page" if name == "PG_locked" else \
        "down_write" if name in SLEEPING else "spin_lock"
    kernel.call(op, lock)


def drop(kernel, name, lock):
    op = "unlock_page" if name == "PG_locked" else \
        "up_write" if name in SLEEPING else "spin_unlock"
    kernel.call(op, lock)


def test_the_closure_has_no_ring():
    assert [pair for pair in closure(DOCUMENTED) if pair[0] == pair[1]] == []
    # what the patch's hunk in try_to_free_buffers is about
    assert ("private_lock", "i_mmap_lock") not in ALLOWED
    assert ("private_lock", "ptl") not in ALLOWED
    assert ("ptl", "private_lock") in ALLOWED and ("i_mmap_lock", "private_lock") in ALLOWED


@pytest.mark.parametrize("name", CLASSES)
def test_a_lock_has_its_class(kernel, name):
    number, lock = CLASSES[name]
    take(kernel, name)
    assert kernel.get("world.held_classes") == 1 << number
    if name != "PG_locked":
        assert kernel.get(f"{lock}.class") == number
    drop(kernel, name, lock)
    assert kernel.get("world.held_classes") == 0


@pytest.mark.parametrize("held, taken", list(product(CLASSES, CLASSES)))
def test_taking_a_lock_inside_another(kernel, held, taken):
    take(kernel, held)
    lock = CLASSES[taken][1] if held != taken else OTHERS[taken]
    if held == taken and lock == CLASSES[held][1]:
        # there is but one of its kind
        assert kernel.end("spin_lock", lock) == "lock taken twice"
        return
    take(kernel, taken, lock)
    fault = 0 if (held, taken) in ALLOWED else CLASSES[held][0] << 8 | CLASSES[taken][0]
    assert kernel.get("world.order_fault") == fault


@pytest.mark.parametrize("held, taken", [
    ("tree_lock", "private_lock"), ("ptl", "PG_locked"), ("mmap_sem", "i_mutex"),
])
def test_nothing_of_it_stays_once_the_outer_lock_is_dropped(kernel, held, taken):
    take(kernel, held)
    drop(kernel, held, CLASSES[held][1])
    take(kernel, taken)
    assert kernel.get("world.order_fault") == 0


def test_the_first_fault_is_kept(kernel):
    take(kernel, "tree_lock")
    take(kernel, "private_lock")
    take(kernel, "ptl")
    assert kernel.get("world.order_fault") == 12 << 8 | 10


def test_the_outermost_of_several_is_named(kernel):
    take(kernel, "i_mmap_lock")
    take(kernel, "private_lock")
    take(kernel, "PG_locked")
    assert kernel.get("world.order_fault") == 4 << 8 | 3


@pytest.mark.parametrize("held", ["ptl", "swap_lock", "tree_lock", "lru_lock"])
def test_a_try_asks_no_rule(kernel, held):
    take(kernel, held)
    assert kernel.call("TestSetPageLocked", "page[0]") == 0
    assert kernel.get("world.order_fault") == 0
    assert kernel.get("world.held_classes") == 1 << CLASSES[held][0] | 1 << 3
    # but what was got so is held like any other
    kernel.call("spin_unlock", CLASSES[held][1])
    take(kernel, "mmap_sem")
    assert kernel.get("world.order_fault") == 3 << 8 | 2


def test_a_try_that_fails_holds_nothing(kernel):
    kernel.set("page[0].flags.locked", 1)
    assert kernel.call("TestSetPageLocked", "page[0]") == 1
    assert kernel.get("world.held_classes") == 0
    assert kernel.get("world.pages_locked") == 0


def test_two_locked_pages_are_held_until_the_second_is_unlocked(kernel):
    kernel.call("lock_page", "page[0]")
    kernel.call("lock_page", "page[1]")
    assert kernel.get("world.pages_locked") == 2
    kernel.call("unlock_page", "page[0]")
    assert kernel.get("world.held_classes") == 1 << 3
    kernel.call("unlock_page", "page[1]")
    assert kernel.get("world.held_classes") == 0


def test_a_class_is_held_while_one_lock_of_it_is(kernel):
    kernel.call("spin_lock", "mm[0].pmd[0].ptl")
    kernel.call("spin_lock", "mm[1].pmd[0].ptl")
    kernel.call("spin_unlock", "mm[0].pmd[0].ptl")
    assert kernel.get("world.held_classes") == 1 << 7
    kernel.call("spin_unlock", "mm[1].pmd[0].ptl")
    assert kernel.get("world.held_classes") == 0


def test_dropping_a_spinlock_keeps_the_class_of_a_locked_page(kernel):
    kernel.call("lock_page", "page[0]")
    kernel.call("spin_lock", "world.lru_lock")
    kernel.call("spin_unlock", "world.lru_lock")
    assert kernel.get("world.held_classes") == 1 << 3


@pytest.mark.parametrize("op", ["down_read", "down_write", "cond_resched", "lock_page"])
@pytest.mark.parametrize("held", CLASSES)
def test_sleeping_under_a_lock(kernel, held, op):
    take(kernel, held)
    arguments = {"cond_resched": (), "lock_page": ("page[5]",)}.get(op, ("mm[2].mmap_sem",))
    kernel.call(op, *arguments)
    fault = 0 if held in SLEEPING else 1 << CLASSES[held][0]
    assert kernel.get("world.sleep_fault") == fault


def test_sleeping_under_several_names_all_that_are_held_then(kernel):
    take(kernel, "mmap_sem")
    take(kernel, "i_mmap_lock")
    take(kernel, "ptl")
    kernel.call("cond_resched")
    assert kernel.events() == [("cond_resched",)]
    assert kernel.get("world.sleep_fault") == 1 << 2 | 1 << 4 | 1 << 7
    # a barrier does not sleep
    kernel.call("smp_rmb")
    assert kernel.events() == [("smp_rmb",)]
    # the first one is kept
    kernel.call("spin_unlock", "mm[0].pmd[0].ptl")
    kernel.call("cond_resched")
    assert kernel.get("world.sleep_fault") == 1 << 2 | 1 << 4 | 1 << 7


@pytest.mark.parametrize("op, lock", [
    ("spin_lock", "world.lru_lock"), ("write_lock_irq", "mapping[1].tree_lock"),
    ("write_lock_irqsave", "mapping[1].tree_lock"), ("TestSetPageLocked", "page[5]"),
])
def test_what_spins_or_tries_does_not_sleep(kernel, op, lock):
    take(kernel, "ptl")
    kernel.call(op, lock)
    assert kernel.get("world.sleep_fault") == 0


def test_lock_page(kernel):
    before = kernel.runner.image()
    kernel.call("lock_page", "page[4]")
    assert kernel.events() == [("lock_page", "page[4]")]
    assert kernel.changes(before) == {
        "page[4].flags.locked": "1", "world.held_classes": "0x8", "world.pages_locked": "1"}
    kernel.call("unlock_page", "page[4]")
    assert kernel.changes(before) == {}


def test_lock_page_of_a_page_that_is_locked_waits_for_ever(kernel):
    kernel.call("lock_page", "page[4]")
    assert kernel.end("lock_page", "page[4]") == "lock taken twice"


def test_lock_page_waits_for_another_actor_who_lets_go(kernel):
    kernel.set("page[4].flags.locked", 1)
    kernel.set("page[4]._count", 2)         # the other one holds a reference as well
    kernel.set("world.page_of_other", "page[4]")
    kernel.call("lock_page", "page[4]")
    assert kernel.get("page[4]._count") == 1
    assert kernel.get("page[4].flags.locked") == 1
    assert kernel.get("world.page_of_other") == 0
    assert kernel.get("world.pages_locked") == 1
