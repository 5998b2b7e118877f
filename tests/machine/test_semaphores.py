# SPDX-License-Identifier: GPL-2.0-only
"""Semaphores: readers are many, a writer is alone, and a mutex is one with writers only."""

import pytest

SEM, MUTEX, WRITER = "mm[0].mmap_sem", "inode[0].i_mutex", 0xFFFFFFFF


def test_down_read_and_up_read(kernel):
    before = kernel.runner.image()
    kernel.call("down_read", SEM)
    assert kernel.events() == [("down_read", SEM)]
    assert kernel.get(f"{SEM}.held") == 1
    assert kernel.held() == [SEM]
    kernel.call("up_read", SEM)
    assert kernel.events() == [("up_read", SEM)]
    assert kernel.changes(before) == {}


@pytest.mark.parametrize("sem", [SEM, MUTEX])
def test_down_write_and_up_write(kernel, sem):
    before = kernel.runner.image()
    kernel.call("down_write", sem)
    assert kernel.events() == [("down_write", sem)]
    assert kernel.get(f"{sem}.held") & WRITER == WRITER
    assert kernel.held() == [sem]
    kernel.call("up_write", sem)
    assert kernel.events() == [("up_write", sem)]
    assert kernel.changes(before) == {}


@pytest.mark.parametrize("readers", [1, 2, 3])
def test_down_read_of_many(kernel, readers):
    for n in range(1, readers + 1):
        kernel.call("down_read", SEM)
        assert kernel.get(f"{SEM}.held") == n
    assert kernel.held() == [SEM] * readers
    for n in range(readers - 1, -1, -1):
        kernel.call("up_read", SEM)
        assert kernel.get(f"{SEM}.held") == n
    assert kernel.held() == []


@pytest.mark.parametrize("first, second", [
    ("down_read", "down_write"), ("down_write", "down_read"), ("down_write", "down_write"),
])
def test_a_writer_is_alone(kernel, first, second):
    kernel.call(first, SEM)
    state = kernel.get(f"{SEM}.held")
    assert kernel.end(second, SEM) == "lock taken twice"
    assert kernel.get(f"{SEM}.held") == state
    assert kernel.held() == [SEM]


@pytest.mark.parametrize("first, wrong", [
    (None, "up_read"), (None, "up_write"), ("down_read", "up_write"), ("down_write", "up_read"),
])
def test_letting_go_of_what_is_not_held_that_way(kernel, first, wrong):
    if first:
        kernel.call(first, SEM)
    assert kernel.end(wrong, SEM) == "lock not held"
    assert kernel.held() == ([SEM] if first else [])


def test_up_read_of_a_semaphore_that_others_hold(kernel):
    # wild worlds have this: held, but not by anybody who took it
    kernel.set(f"{SEM}.held", 1)
    assert kernel.end("up_read", SEM) == "lock not held"


@pytest.mark.parametrize("op", ["down_read", "down_write"])
def test_semaphores_of_two_processes(kernel, op):
    kernel.call(op, "mm[0].mmap_sem")
    kernel.call(op, "mm[1].mmap_sem")
    assert kernel.held() == ["mm[0].mmap_sem", "mm[1].mmap_sem"]
    assert kernel.get("world.order_fault") == 0
    kernel.call(op.replace("down", "up"), "mm[0].mmap_sem")
    assert kernel.held() == ["mm[1].mmap_sem"]


def test_too_many_at_once(kernel):
    for _ in range(12):
        kernel.call("down_read", SEM)
    assert kernel.end("down_read", SEM) == "too many locks"
    assert kernel.get(f"{SEM}.held") == 12
