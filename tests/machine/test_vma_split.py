# SPDX-License-Identifier: GPL-2.0-only
"""split_vma: one vma becomes two, and which of them is the new one."""

import pytest
from vma_pictures import (
    BASE,
    DENYWRITE,
    NONLINEAR,
    RW,
    SHARED_RO,
    SHARED_RW,
    Vmas,
    address,
    calls,
    locks,
)

ENOMEM = -12
# the new vma takes what lies below the cut, or what lies above it
SHAPES = [(".aaaa", 3, 1, ".bbaa"), (".aaaa", 3, 0, ".aabb"),
          (".aaaa", 2, 1, ".baaa"), (".aaaa", 4, 0, ".aaab")]


@pytest.mark.parametrize("before, cut, new_below, after", SHAPES)
@pytest.mark.parametrize("file", [False, True], ids=["anonymous", "file"])
@pytest.mark.parametrize("flags", [RW, SHARED_RW, SHARED_RO, RW | DENYWRITE])
def test_split_vma(kernel, before, cut, new_below, after, file, flags):
    vmas = Vmas(kernel, file)
    vmas.draw(before, flags)
    kernel.set("vma[0].vm_page_prot", 0x37)
    assert kernel.call("split_vma", "mm[0]", "vma[0]", address(cut), new_below) == 0
    assert vmas.look() == after         # which also counts files, writers and vmas
    for i in range(2):
        assert kernel.get(f"vma[{i}].vm_flags") == flags
        assert kernel.get(f"vma[{i}].vm_page_prot") == 0x37


def test_split_vma_in_a_file_locks_once(kernel):
    vmas = Vmas(kernel, file=True)
    vmas.draw("aaaa", RW, anon={"a": 2})
    kernel.set("vma[0].vm_truncate_count", 9)
    kernel.set("vma[0].vm_private_data", 0x20000)
    assert kernel.call("split_vma", "mm[0]", "vma[0]", address(1), 0) == 0
    i_mmap, anon = "mapping[0].i_mmap_lock", "anon_vma[2].lock"
    assert locks(kernel) == [f"+{i_mmap}", f"+{anon}", f"-{anon}", f"-{i_mmap}"]
    names = [event[0] for event in kernel.events() if event[0] not in ("spin_lock", "spin_unlock")]
    assert names == ["split_vma", "kmem_cache_zalloc", "get_file", "vma_adjust"]
    assert calls(kernel, "vma_adjust") == [("vma_adjust", "vma[0]", BASE, address(1), 0, "vma[1]")]
    assert vmas.look() == "abbb"
    assert kernel.name("vma[1].anon_vma") == anon
    assert vmas.anon_list(2) == "ba"
    assert kernel.get("vma[1].vm_truncate_count") == 9
    assert kernel.get("vma[1].vm_private_data") == 0x20000


# (flags, page) -> result: huge pages are whole, 1024 pages of 4 KiB each, before anything is asked
@pytest.mark.parametrize("flags, page, result", [
    (RW | 0x400000, 1, -22), (RW | 0x400000, 1023, -22), (RW | 0x400000, 1024, 0), (RW, 1, 0),
])
def test_split_vma_between_huge_pages_alone(kernel, flags, page, result):
    kernel.vma(0, start=BASE, pages=2048, flags=flags)
    kernel.call("vma_link", "mm[0]", "vma[0]")
    kernel.set("world.max_map_count", 0 if result == -22 else 65536)
    assert kernel.call("split_vma", "mm[0]", "vma[0]", address(page), 0) == result
    assert kernel.get("mm[0].map_count") == (1 if result else 2)


def test_split_vma_with_an_unequal_neighbour_leaves_it_alone(kernel):
    """The part that is cut off is not handed to the next vma, as it would be in a merge."""
    vmas = Vmas(kernel)
    vmas.draw("aaaabb", a=RW, b=SHARED_RO)
    assert kernel.call("split_vma", "mm[0]", "vma[0]", address(2), 0) == 0
    assert vmas.look() == "aaccbb"


def test_split_vma_of_a_nonlinear_one(kernel):
    vmas = Vmas(kernel, file=True)
    vmas.draw("aaaa", SHARED_RW | NONLINEAR)
    assert kernel.call("split_vma", "mm[0]", "vma[0]", address(2), 0) == 0
    assert vmas.look() == "aabb"
    assert kernel.name("mapping[0].i_mmap_nonlinear") == "vma[1]"
    assert kernel.name("vma[1].nonlinear_next") == "vma[0]"


@pytest.mark.parametrize("limit, error", [(0, ENOMEM), (1, ENOMEM), (2, ENOMEM), (3, 0)])
def test_split_vma_at_the_limit_of_vmas(kernel, limit, error):
    vmas = Vmas(kernel, file=True)
    vmas.draw("aaaa.b")
    kernel.set("world.max_map_count", limit)
    before = kernel.runner.image()
    assert kernel.call("split_vma", "mm[0]", "vma[0]", address(2), 0) == error
    if error:
        assert kernel.events() == [("split_vma", "mm[0]", "vma[0]", address(2), 0, ENOMEM)]
        assert kernel.changes(before) == {}


def test_split_vma_without_memory(kernel):
    vmas = Vmas(kernel, file=True)
    vmas.draw("aaaa")
    kernel.set("world.fail_in", 1)
    before = kernel.runner.image()
    assert kernel.call("split_vma", "mm[0]", "vma[0]", address(2), 1) == ENOMEM
    assert kernel.changes(before) == {"world.fail_in": "0"}
    assert vmas.look() == "aaaa"


def test_split_vma_passes_the_operations_on(kernel):
    vmas = Vmas(kernel)
    vmas.draw("aaaa")
    kernel.call("use_generic_vm_ops", "vma[0]")
    assert kernel.call("split_vma", "mm[0]", "vma[0]", address(2), 1) == 0
    assert kernel.get("vma[1].vm_ops") == kernel.get("vma[0].vm_ops") != 0
    assert vmas.look() == "bbaa"


def test_split_vma_opens_the_new_one(kernel):
    """A driver hears of it while it is still linked nowhere."""
    vmas = Vmas(kernel)
    vmas.draw("aaaa")
    kernel.call("use_driver_vm_ops", "vma[0]")
    assert kernel.call("split_vma", "mm[0]", "vma[0]", address(2), 1) == 0
    assert [event[:2] for event in calls(kernel, "vm_ops_open", "vma_adjust")] == [
        ("vm_ops_open", "vma[1]"), ("vma_adjust", "vma[0]")]
