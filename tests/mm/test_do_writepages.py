# SPDX-License-Identifier: GPL-2.0-only
"""do_writepages: steps DW1-DW4."""

import pytest
from processes import calm
from worlds import ALL_UNITS

UX = 0x80
WBC = "world.wbc[0]"
MINUS = 2**64
AOP_WRITEPAGE_ACTIVATE = 0x80000

# no edit changes what it does: E21 is white space
every_version = pytest.mark.parametrize("units", [ALL_UNITS, ALL_UNITS | UX, 0])


def write(process, left: int, *, kind: str = "ext2", mapping: int = 0):
    process.file(0, kind)
    process.page(0, file=0, index=1, flags="dirty")
    process.set("world.nr_wbc", 1)
    process.set(f"{WBC}.nr_to_write", left % MINUS)
    process.set(f"{WBC}.for_writepages", 7)
    return process.run("do_writepages", mapping=f"mapping[{mapping}]",
                       wbc=f"{WBC}.nr_to_write")


@every_version
@pytest.mark.parametrize("left", [0, -1, -(2**63)])
def test_do_writepages_nothing_left_to_write(process, left, units):
    process.units(units)

    out = write(process, left)

    calm(out)
    assert (out.ret, out.events) == (0, [])
    assert out.read(f"{WBC}.for_writepages") == 7       # not even touched


@every_version
@pytest.mark.parametrize("kind, how", [
    ("ext2", "writepages"),                 # its own
    ("block device", "writepages"),
    ("ext3", "generic_writepages"),         # has none
])
def test_do_writepages_asks_the_file_system_or_the_generic_one(process, kind, how, units):
    process.units(units)

    out = write(process, 8, kind=kind)

    calm(out)
    assert out.ret == 0
    assert out.events[0] == how
    assert out.read(f"{WBC}.nr_to_write") == 7
    assert out.read(f"{WBC}.for_writepages") == 0
    assert out.read("page[0].flags.dirty") == 0
    assert out.read("page[0].flags.writeback") == 1


def test_do_writepages_result_is_that_of_the_file_system(process):
    # tmpfs cannot write without swap: the page stays dirty, and the last writepage says so
    out = write(process, 8, kind="tmpfs")

    calm(out)
    assert out.ret == AOP_WRITEPAGE_ACTIVATE
    assert out.events[0] == "generic_writepages"
    assert out.read("page[0].flags.dirty") == 1
    assert out.read(f"{WBC}.for_writepages") == 0


def test_do_writepages_without_operations_both_halves_fall_alike(process):
    process.set("mapping[1].a_ops", 0)

    out = write(process, 8, mapping=1)

    assert out.ended == "oops"
