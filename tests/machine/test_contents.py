# SPDX-License-Identifier: GPL-2.0-only
"""What pages hold: a version for each quarter of a page."""

import pytest


def contents(kernel, page):
    return [kernel.get(f"page[{page}].contents[{i}]") for i in range(4)]


@pytest.mark.parametrize("address, sector", [
    (0x40000000, 0), (0x400003FF, 0), (0x40000400, 1), (0x40000BFF, 2), (0x40000C00, 3),
    (0x40000FFF, 3), (0x40001000, 0),
])
def test_sector_of_an_address(kernel, address, sector):
    assert kernel.call("sector_of", address) == sector


def test_user_store_gives_each_store_a_version(kernel):
    kernel.set("world.version", 40)
    kernel.call("user_store", "page[3]", 2)
    assert kernel.events() == [("user_store", "page[3]", 2, 41)]
    kernel.call("user_store", "page[3]", 0)
    assert kernel.events() == [("user_store", "page[3]", 0, 42)]
    assert contents(kernel, 3) == [42, 0, 41, 0]
    assert kernel.get("world.version") == 42


@pytest.mark.parametrize("primitive", ["cow_user_page", "copy_user_highpage"])
def test_copy_of_a_page(kernel, primitive):
    for i, version in enumerate((5, 0, 7, 9)):
        kernel.set(f"page[1].contents[{i}]", version)
        kernel.set(f"page[2].contents[{i}]", -1 & 0xFFFF)
    kernel.call(primitive, "page[2]", "page[1]", 0x40001234)
    assert kernel.events() == [(primitive, "page[2]", "page[1]", 0x40001234)]
    assert contents(kernel, 2) == contents(kernel, 1) == [5, 0, 7, 9]
    assert kernel.get("world.version") == 0     # a copy is no store


def test_cow_user_page_without_a_source_is_zeroes(kernel):
    for i in range(4):
        kernel.set(f"page[2].contents[{i}]", 3)
    kernel.call("cow_user_page", "page[2]", 0, 0x40001234)
    assert kernel.events() == [("cow_user_page", "page[2]", 0, 0x40001234)]
    assert contents(kernel, 2) == [0, 0, 0, 0]
