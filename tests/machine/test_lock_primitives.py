# SPDX-License-Identifier: GPL-2.0-only
"""Locks of a machine with one processor, and the record of who holds what."""

import pytest

TREE, PRIVATE = "mapping[0].tree_lock", "mapping[0].private_lock"
ALL = ["mapping[0].i_mmap_lock", "anon_vma[0].lock", "mm[0].page_table_lock", "mm[0].pmd[0].ptl",
       "world.lru_lock", PRIVATE, "world.inode_lock", TREE]


@pytest.mark.parametrize("lock", ALL)
def test_spin_lock_and_spin_unlock(world, lock):
    world.call("spin_lock", lock)
    assert world.events() == [("spin_lock", lock)]
    assert world.held() == [lock]
    assert world.get("world.irqs_disabled") == 0
    world.call("spin_unlock", lock)
    assert world.events() == [("spin_unlock", lock)]
    # nothing is left of it, not even in the record
    assert world.changes(world.empty) == {}


def test_spin_lock_sets_held_and_keeps_the_class(world):
    kind = world.get(f"{TREE}.class")
    world.call("spin_lock", TREE)
    assert world.get(f"{TREE}.held") == 1
    assert world.get(f"{TREE}.class") == kind != 0


@pytest.mark.parametrize("op", ["spin_lock", "write_lock_irq", "write_lock_irqsave"])
def test_lock_taken_twice_ends_the_run(world, op):
    world.call("spin_lock", TREE)
    assert world.end(op, TREE) == "lock taken twice"
    assert world.events()[0][:2] == (op, TREE)
    assert world.held() == [TREE]


@pytest.mark.parametrize("op, more", [
    ("spin_unlock", ()), ("write_unlock_irq", ()), ("write_unlock_irqrestore", (0,)),
])
def test_unlock_of_a_lock_not_held_ends_the_run(world, op, more):
    world.call("spin_lock", PRIVATE)
    assert world.end(op, TREE, *more) == "lock not held"
    assert world.events() == [(op, TREE, *more)]
    assert world.held() == [PRIVATE]


def test_spin_unlock_of_a_lock_without_a_record_ends_the_run(world):
    # held, but by nobody who took it: only wild worlds have this
    world.set(f"{TREE}.held", 1)
    assert world.end("spin_unlock", TREE) == "lock not held"
    world.reset()
    world.call("spin_lock", PRIVATE)
    world.set(f"{TREE}.held", 1)
    assert world.end("spin_unlock", TREE) == "lock not held"


def test_spin_lock_records_the_order(world):
    for lock in ALL:
        world.call("spin_lock", lock)
    assert world.held() == ALL


def test_spin_lock_more_than_twelve_at_once(world):
    twelve = [*ALL, "mapping[1].i_mmap_lock", "mapping[1].private_lock", "mapping[1].tree_lock",
              "mm[1].page_table_lock"]
    for lock in twelve:
        world.call("spin_lock", lock)
    assert world.held() == twelve
    assert world.end("spin_lock", "world.swap_lock") == "too many locks"
    assert world.get("world.swap_lock.held") == 0
    assert world.held() == twelve


@pytest.mark.parametrize("released, left", [
    (0, [1, 2, 3]), (1, [0, 2, 3]), (2, [0, 1, 3]), (3, [0, 1, 2]),
])
def test_spin_unlock_in_any_order_keeps_the_order_of_the_others(world, released, left):
    for lock in ALL[:4]:
        world.call("spin_lock", lock)
    world.call("spin_unlock", ALL[released])
    assert world.held() == [ALL[i] for i in left]
    # the place that fell free is cleared: equal states have equal bytes
    assert world.get("world.held[3]") == 0
    assert world.get("world.held[2]") != 0


def test_write_lock_irq_disables_interrupts(world):
    world.call("write_lock_irq", TREE)
    assert world.events() == [("write_lock_irq", TREE)]
    assert world.held() == [TREE]
    assert world.get("world.irqs_disabled") == 1
    world.call("write_unlock_irq", TREE)
    assert world.events() == [("write_unlock_irq", TREE)]
    assert world.changes(world.empty) == {}


def test_write_unlock_irq_enables_interrupts_whatever_they_were(world):
    world.set("world.irqs_disabled", 1)
    world.call("write_lock_irq", TREE)
    world.call("write_unlock_irq", TREE)
    assert world.get("world.irqs_disabled") == 0


@pytest.mark.parametrize("were", [0, 1])
def test_write_lock_irqsave_hands_back_what_was(world, were):
    world.set("world.irqs_disabled", were)
    assert world.call("write_lock_irqsave", TREE) == were
    assert world.events() == [("write_lock_irqsave", TREE, were)]
    assert world.get("world.irqs_disabled") == 1
    assert world.held() == [TREE]


@pytest.mark.parametrize("were", [0, 1])
def test_write_unlock_irqrestore_puts_the_flags_back(world, were):
    world.call("write_lock_irq", TREE)
    world.call("write_unlock_irqrestore", TREE, were)
    assert world.events() == [("write_unlock_irqrestore", TREE, were)]
    assert world.get("world.irqs_disabled") == were
    assert world.held() == []
    assert world.get(f"{TREE}.held") == 0
