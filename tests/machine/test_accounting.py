# SPDX-License-Identifier: GPL-2.0-only
"""What is counted and limited: committed memory, sizes, permissions."""

import pytest
from vma_pictures import EXECUTABLE, GROWSDOWN, LOCKED, RO, RW, RX, SHARED_RW

ENOMEM = -12
GUESS, ALWAYS, NEVER = 0, 1, 2
IO, RESERVED = 0x4000, 0x80000
CAP_IPC_LOCK = 1
INFINITY = 2**64 - 1


@pytest.mark.parametrize("mode, committed, pages, error", [
    # the limit is 100 pages: it may be reached and not passed, unless everything is allowed
    (GUESS, 0, 100, 0), (GUESS, 0, 101, ENOMEM), (GUESS, 90, 10, 0), (GUESS, 90, 11, ENOMEM),
    (GUESS, 101, 0, ENOMEM), (GUESS, 100, 0, 0), (GUESS, 105, -5, 0),
    (ALWAYS, 0, 101, 0), (ALWAYS, 90, 1000, 0), (ALWAYS, 101, 0, 0),
    (NEVER, 0, 100, 0), (NEVER, 0, 101, ENOMEM), (NEVER, 90, 10, 0), (NEVER, 90, 11, ENOMEM),
])
def test_security_vm_enough_memory(kernel, mode, committed, pages, error):
    kernel.set("world.overcommit_memory", mode)
    kernel.set("world.commit_limit", 100)
    kernel.set("world.vm_committed_space", committed)
    assert kernel.call("security_vm_enough_memory", pages) == error
    assert kernel.events() == [("security_vm_enough_memory", pages, error)]
    # charged, or the charge taken back
    assert kernel.get("world.vm_committed_space") == committed + (0 if error else pages)


@pytest.mark.parametrize("pages, left", [(0, 10), (4, 6), (10, 0), (13, -3)])
def test_vm_unacct_memory_may_go_below_zero(kernel, pages, left):
    kernel.set("world.vm_committed_space", 10)
    kernel.call("vm_unacct_memory", pages)
    assert kernel.get("world.vm_committed_space") == left
    assert kernel.events() == [("vm_unacct_memory", pages)]


@pytest.mark.parametrize("limit, total, pages, may", [
    (INFINITY, 0, 1 << 40, 1),
    (10 << 12, 0, 10, 1), (10 << 12, 0, 11, 0), (10 << 12, 7, 3, 1), (10 << 12, 7, 4, 0),
    ((10 << 12) + 0xFFF, 7, 3, 1), ((10 << 12) + 0xFFF, 7, 4, 0),       # whole pages only
    (0, 0, 0, 1), (0, 0, 1, 0), (0xFFF, 0, 1, 0),
])
def test_may_expand_vm(kernel, limit, total, pages, may):
    kernel.set("task[0].own_signal.as", limit)
    kernel.set("mm[0].total_vm", total)
    before = kernel.runner.image()
    assert kernel.call("may_expand_vm", "mm[0]", pages) == may
    assert kernel.events() == [("may_expand_vm", "mm[0]", pages, may)]
    assert kernel.changes(before) == {}


@pytest.mark.parametrize("capabilities, limit, can", [
    (0, 0, 0), (0, 1, 1), (0, INFINITY, 1), (CAP_IPC_LOCK, 0, 1), (CAP_IPC_LOCK, 1, 1),
    (2, 0, 0),
])
def test_can_do_mlock(kernel, capabilities, limit, can):
    kernel.set("task[0].capabilities", capabilities)
    kernel.set("task[0].own_signal.memlock", limit)
    assert kernel.call("can_do_mlock") == can
    assert kernel.events() == [("can_do_mlock", can)]


@pytest.mark.parametrize("capabilities, can", [(0, 0), (CAP_IPC_LOCK, 1), (2, 0), (3, 1)])
def test_capable(kernel, capabilities, can):
    kernel.set("task[0].capabilities", capabilities)
    assert kernel.call("capable", CAP_IPC_LOCK) == can
    assert kernel.events() == [("capable", CAP_IPC_LOCK, can)]


FILE = "file[0]"


@pytest.mark.parametrize("flags, file, counted", [
    (RW, 0, ""), (RX, 0, ""), (RW | LOCKED, 0, ""),
    (RW | GROWSDOWN, 0, "stack_vm"),
    (RW, FILE, "shared_vm"), (RO, FILE, "shared_vm"), (SHARED_RW, FILE, "shared_vm"),
    (RX, FILE, "shared_vm exec_vm"), (RX & ~1, FILE, "shared_vm exec_vm"),
    (RX | 2, FILE, "shared_vm"),                        # writable code is data
    (RW | EXECUTABLE, FILE, "shared_vm"),               # another flag of nearly the same name
    (RW | GROWSDOWN, FILE, "shared_vm"),                # no stack
    (RW | IO, 0, "reserved_vm"), (RW | RESERVED, 0, "reserved_vm"),
    (RW | IO | RESERVED, FILE, "shared_vm reserved_vm"),
    (RX | IO, FILE, "shared_vm exec_vm reserved_vm"),
    (RW | GROWSDOWN | IO, 0, "stack_vm reserved_vm"),
])
@pytest.mark.parametrize("pages", [3, -3, 0])
def test_vm_stat_account(kernel, flags, file, counted, pages):
    for field in ("shared_vm", "exec_vm", "stack_vm", "reserved_vm", "total_vm", "locked_vm"):
        kernel.set(f"mm[0].{field}", 10)
    before = kernel.runner.image()
    kernel.call("vm_stat_account", "mm[0]", flags, file, pages)
    assert kernel.events() == [("vm_stat_account", "mm[0]", flags, file, pages)]
    expected = {f"mm[0].{field}": str(10 + pages) for field in counted.split()} if pages else {}
    assert kernel.changes(before) == expected


@pytest.mark.parametrize("primitive, field, event, by", [
    ("inc_file_rss", "file_rss", "inc_mm_counter", 1),
    ("dec_file_rss", "file_rss", "dec_mm_counter", -1),
    ("inc_anon_rss", "anon_rss", "inc_mm_counter", 1),
    ("dec_anon_rss", "anon_rss", "dec_mm_counter", -1),
])
def test_mm_counters(kernel, primitive, field, event, by):
    before = kernel.runner.image()
    kernel.call(primitive, "mm[1]")
    assert kernel.changes(before) == {f"mm[1].{field}": str(by)}
    offset = kernel.at(f"mm[1].{field}") - kernel.at("mm[1]")
    assert kernel.events() == [(event, "mm[1]", offset)]
