# SPDX-License-Identifier: GPL-2.0-only
"""Worlds to measure in: made by system calls, or not at all."""

import pytest

from pykmm.bench.kernel import PAGE, READ, Kernel, heap_number, heap_place, place, room
from pykmm.bench.row import AFTER, BEFORE, Operation
from pykmm.engine import properties
from pykmm.errors import HarnessError

RW = 0x02


@pytest.fixture
def kernel() -> Kernel:
    return Kernel(AFTER)


@pytest.mark.parametrize("units, writable", [(AFTER, 0), (BEFORE, RW)])
def test_each_kernel_answers_with_its_units(units, writable):
    kernel = Kernel(units)
    at = kernel.mmap(kernel.file())
    kernel.load(at)
    assert kernel.pte_word(at) & RW == writable
    kernel.store(at)
    assert kernel.pte_word(at) & RW == RW


def test_places_are_those_of_operations(kernel):
    kernel.mmap(kernel.file(pages=2), 2, at=place(3))
    kernel.brk(2)
    assert kernel.operate("store", 4, 0) == 1
    assert kernel.operate("store", heap_number(1), 0) == 2
    assert kernel.pte_word(place(4)) and kernel.pte_word(heap_place(1))
    assert not kernel.pte_word(place(3)) and not kernel.pte_word(heap_place(0))


def test_after_an_operation_of_another_process_the_first_one_runs(kernel):
    at = kernel.memory(at=place(0))
    child = kernel.operate("fork")
    kernel.operate("store", 0, 0, actor=child)
    before = kernel.pte_word(at)
    kernel.store(at)
    assert before == 0 and kernel.pte_word(at)


def test_room_is_enough_for_what_it_says():
    kernel = Kernel(AFTER, **room(mappings=300, pages=40, places=900))
    file = kernel.file(pages=40)
    for i in range(300):
        kernel.mmap(file, at=place(3 * i), pgoff=i % 40)
        kernel.store(place(3 * i))
    assert kernel.get("mm", 0, "map_count") == 300
    assert kernel.get("mm", 0, "file_rss") == 300
    assert properties.names(kernel.runner.broken(properties.ALL)) == []


def test_a_start_is_the_world_as_it_is_and_an_empty_trace(kernel):
    kernel.store(kernel.mmap(kernel.file(), at=place(0)))
    step = Operation("load", 0, (0, 0))
    start = kernel.start(step)
    assert start.steps == (step,)
    assert start.image == kernel.runner.image()
    assert kernel.runner.trace() == ([], [])


def test_a_word_that_is_put_is_there_and_no_other(kernel):
    before = kernel.runner.image()
    kernel.set("world", 0, "pprev", kernel.at("vma", 1))
    assert kernel.get("world", 0, "pprev") == kernel.at("vma", 1)
    at = kernel.at("world", 0, "pprev") - kernel.runner.base
    after = kernel.runner.image()
    assert (after[:at], after[at + 8:]) == (before[:at], before[at + 8:])


@pytest.mark.parametrize("ask, said", [
    (lambda kernel: kernel.mmap(0, at=place(0) + 5), "mmap gives -22"),
    (lambda kernel: kernel.load(place(3)), "an access to 0x40003000 fails"),
    (lambda kernel: kernel.store(kernel.mmap(0, prot=READ)), "an access to 0x40000000 fails"),
    (lambda kernel: kernel.mprotect(place(3), 1, READ), "sys_mprotect gives -12"),
    (lambda kernel: kernel.msync(place(3)), "sys_msync gives -12"),
    (lambda kernel: kernel.brk(1 << 20), "a heap of 1048576 pages is refused"),
    (lambda kernel: kernel.page(0), "page 0 of file 0 is not in memory"),
    (lambda kernel: kernel.operate("open", 0, 0, 3), r"open\(0, 0, 3\) gives returned -16"),
    (lambda kernel: kernel.hold("unlock_page", kernel.at("page")), "unlock_page.* ends as BUG"),
])
def test_what_does_not_succeed_is_told(kernel, ask, said):
    kernel.file()
    with pytest.raises(HarnessError, match=said):
        ask(kernel)


def test_memory_that_runs_out_is_told():
    kernel = Kernel(AFTER, pages=3)
    at = kernel.memory(4)
    with pytest.raises(HarnessError, match="an access to 0x40002000 fails"):
        for i in range(4):
            kernel.store(at + i * PAGE)
