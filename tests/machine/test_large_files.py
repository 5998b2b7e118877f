# SPDX-License-Identifier: GPL-2.0-only
"""Files of more blocks than i_mapped has bits: the last bit is for all that come after."""

import pytest

from pykmm.bench.kernel import PAGE, Kernel, place, room
from pykmm.bench.row import AFTER

PAGES, LAST_BIT = 100, 1 << 63


@pytest.fixture
def kernel() -> Kernel:
    kernel = Kernel(AFTER, **room(pages=PAGES))
    kernel.file(pages=PAGES)
    return kernel


def block(kernel: Kernel, number: int, create: int = 0) -> int:
    return kernel.hold("get_block", kernel.at("inode", 0), number, create)


@pytest.mark.parametrize("mapped, on_disk", [
    (LAST_BIT, [63, 64, 99]), (LAST_BIT - 1, [0, 1, 62]), (1, [0]), (0, []),
])
def test_get_block_of_a_large_file(kernel, mapped, on_disk):
    kernel.set("inode", 0, "i_mapped", mapped)
    assert [i for i in (0, 1, 62, 63, 64, 99) if block(kernel, i)] == on_disk


@pytest.mark.parametrize("number, bit", [(5, 5), (62, 62), (63, 63), (64, 63), (99, 63)])
def test_get_block_makes_a_block_of_a_large_file(kernel, number, bit):
    kernel.set("inode", 0, "i_mapped", 0)
    assert block(kernel, number, create=1) == 1
    assert kernel.get("inode", 0, "i_mapped") == 1 << bit


def test_get_block_past_the_end_of_a_large_disk(kernel):
    slots = 2 * PAGES     # more than there is room for
    assert block(kernel, slots) == 0
    assert block(kernel, slots, create=1) == -28


def test_a_store_far_into_a_large_file_reaches_the_disk(kernel):
    kernel.mmap(0, PAGES, at=place(0))
    for i in (0, 63, 64, 99):
        kernel.store(place(i))
    kernel.msync(place(0), PAGES, wait=True)
    disk = [kernel.word(kernel.at("disk", 4 * i), 2) for i in (0, 63, 64, 99)]
    assert disk == [1, 2, 3, 4]


def test_truncate_of_a_large_file_keeps_what_is_before_the_end(kernel):
    assert kernel.hold("truncate", kernel.at("inode", 0), 64 * PAGE) == 0
    assert block(kernel, 63) == 1
    assert kernel.hold("truncate", kernel.at("inode", 0), 63 * PAGE) == 0
    assert [block(kernel, i) for i in (62, 63, 64)] == [1, 0, 0]
