# SPDX-License-Identifier: GPL-2.0-only
"""get_unmapped_area: where a mapping goes."""

import pytest
from vma_pictures import BASE, Vmas, address

ENOMEM, EINVAL = -12, -22
TASK_SIZE = 0xC0000000
FIXED = 0x10


def area(kernel, hint, pages, flags=2, file=0):
    return kernel.call("get_unmapped_area", file, hint, pages << 12, 0, flags)


# picture, pages wanted, page it goes to
FIRST_FIT = [
    ("", 1, 0), ("", 0x80000, 0),
    (".aa", 1, 0), (".aa", 2, 3),
    ("aa.b..cc", 1, 2), ("aa.b..cc", 2, 4), ("aa.b..cc", 3, 8),
    ("aabbcc", 1, 6),
]


@pytest.mark.parametrize("picture, pages, page", FIRST_FIT)
def test_get_unmapped_area_first_fit(kernel, picture, pages, page):
    Vmas(kernel).draw(picture)
    assert area(kernel, 0, pages) == address(page)


def test_get_unmapped_area_starts_at_its_base(kernel):
    """Room below 0x40000000 is not looked for, and a vma across it is stepped over."""
    vmas = Vmas(kernel)
    assert area(kernel, 0, 1) == BASE
    kernel.vma(0, start=BASE - 0x3000, pages=2)
    kernel.call("vma_insert", "mm[0]", "vma[0]")
    assert area(kernel, 0, 1) == BASE
    kernel.vma(1, start=BASE - 0x1000, pages=3)
    kernel.call("vma_insert", "mm[0]", "vma[1]")
    assert area(kernel, 0, 1) == BASE + 0x2000
    assert vmas.listed() == ["a", "b"]


@pytest.mark.parametrize("hint, pages, result", [
    (address(2), 2, address(2)),                # free: taken
    (address(2), 3, address(6)),                # too small a hole
    (address(1) + 1, 2, address(2)),            # rounded up
    (address(2) + 0xFFF, 1, address(3)),
    (address(0), 1, address(2)),                # not free: first fit
    (address(5), 1, address(2)),
    (address(9), 4, address(9)),
    (0x08050000, 1, 0x08050000),                # a hint may lie below the base
    (0x1000, 1, 0x1000),
    (1, 1, 0x1000),
    (TASK_SIZE - 0x1000, 1, TASK_SIZE - 0x1000),
    (TASK_SIZE - 0x1000, 2, address(2)),        # past the end
    (TASK_SIZE, 1, address(2)),
    (1 << 63, 1, address(2)),
])
def test_get_unmapped_area_hint(kernel, hint, pages, result):
    Vmas(kernel).draw("aa..bb")
    assert area(kernel, hint, pages) == result


@pytest.mark.parametrize("pages, result", [
    (0x80000 - 6, address(6)), (0x80000 - 5, ENOMEM), (0xC0000, ENOMEM), (0xC0001, ENOMEM),
    (1 << 51, ENOMEM),
])
def test_get_unmapped_area_without_room(kernel, pages, result):
    Vmas(kernel).draw("aa..bb")
    assert area(kernel, 0, pages) == result


@pytest.mark.parametrize("at, pages, result", [
    (address(0), 1, address(0)),                # fixed: who is there does not matter
    (address(2), 9, address(2)),
    (0, 1, 0),
    (TASK_SIZE - 0x1000, 1, TASK_SIZE - 0x1000),
    (TASK_SIZE - 0x1000, 2, ENOMEM),
    (TASK_SIZE, 1, ENOMEM),
    (TASK_SIZE + 1, 1, ENOMEM),                 # the end is looked at first
    (address(2) + 1, 1, EINVAL),
    (address(2) + 0x800, 1, EINVAL),
])
def test_get_unmapped_area_fixed(kernel, at, pages, result):
    Vmas(kernel).draw("aa..bb")
    assert area(kernel, at, pages, FIXED | 2) == result
    assert kernel.events() == [
        ("get_unmapped_area", 0, at, pages << 12, 0, FIXED | 2, result)]


def test_get_unmapped_area_changes_nothing(kernel):
    Vmas(kernel).draw("aa..bb")
    before = kernel.runner.image()
    area(kernel, 0, 3)
    assert kernel.changes(before) == {}
