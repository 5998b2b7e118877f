# SPDX-License-Identifier: GPL-2.0-only
"""anon_vmas: made at the first write, shared with a neighbour that may be merged one day."""

import pytest

ENOMEM = -12
READ, WRITE, EXEC, SHARED, MAY, GROWSDOWN, LOCKED, ACCOUNT = (
    1, 2, 4, 8, 0x70, 0x100, 0x2000, 0x100000)
RW = READ | WRITE | MAY
FIRST = 0x40000000


def vmas(kernel, *, anon=None, flags=(RW, RW, RW), pgoff=(0, 2, 4), gap=False):
    """Three vmas of two pages side by side; the ones in `anon` have an anon_vma of that number."""
    for i in range(3):
        apart = (-0x1000, 0, 0x1000)[i] if gap else 0
        kernel.vma(i, start=FIRST + 0x2000 * i + apart, pages=2, pgoff=pgoff[i], flags=flags[i])
        kernel.set(f"vma[{i}].vm_next", f"vma[{i + 1}]" if i < 2 else 0)
    kernel.set("mm[0].mmap", "vma[0]")
    for i, number in (anon or {}).items():
        kernel.set(f"vma[{i}].anon_vma", f"anon_vma[{number}]")
        kernel.set(f"anon_vma[{number}].head", f"vma[{i}]")
    kernel.set("world.trace_at", kernel.get("world.trace"))


def members(kernel, number):
    """The vmas of an anon_vma, from the head on."""
    found, at = [], kernel.name(f"anon_vma[{number}].head")
    while at:
        found.append(at)
        at = kernel.name(f"{at}.anon_vma_next")
    return found


TABLE_LOCK = "mm[0].page_table_lock"


def test_anon_vma_prepare_when_there_is_one(kernel):
    vmas(kernel, anon={1: 4})
    before = kernel.runner.image()
    kernel.set("world.fail_in", 1)
    assert kernel.call("anon_vma_prepare", "vma[1]") == 0
    assert kernel.events() == [("anon_vma_prepare", "vma[1]", 0)]
    kernel.set("world.fail_in", 0)
    assert kernel.changes(before) == {}


def test_anon_vma_prepare_allocates(kernel):
    vmas(kernel, anon={0: 0}, pgoff=(7, 2, 9))      # neighbours, but not of the same offsets
    assert kernel.call("anon_vma_prepare", "vma[1]") == 0
    assert kernel.events() == [("anon_vma_prepare", "vma[1]", 0), ("spin_lock", TABLE_LOCK),
                               ("spin_unlock", TABLE_LOCK)]
    assert members(kernel, 0) == ["vma[0]"] and members(kernel, 1) == ["vma[1]"]
    assert kernel.name("vma[1].anon_vma").startswith("anon_vma[1]")
    assert kernel.held() == []


def test_anon_vma_prepare_of_a_vma_alone(kernel):
    kernel.vma(0, pages=2, flags=RW)
    kernel.set("mm[0].mmap", "vma[0]")
    assert kernel.call("anon_vma_prepare", "vma[0]") == 0
    assert members(kernel, 0) == ["vma[0]"]


def test_anon_vma_prepare_without_memory(kernel):
    vmas(kernel)
    kernel.set("world.fail_in", 1)
    before = kernel.runner.image()
    assert kernel.call("anon_vma_prepare", "vma[1]") == ENOMEM
    assert kernel.events() == [("anon_vma_prepare", "vma[1]", ENOMEM)]
    assert kernel.changes(before) == {"world.fail_in": "0"}


# | vma 0 | vma 1 | vma 2 |        who lends vma 1 an anon_vma
@pytest.mark.parametrize("anon, lender", [({0: 3}, 3), ({2: 4}, 4), ({0: 3, 2: 4}, 4)],
                         ids=["below", "above", "above before below"])
def test_anon_vma_prepare_takes_a_neighbours(kernel, anon, lender):
    vmas(kernel, anon=anon)
    owner = next(f"vma[{i}]" for i, number in anon.items() if number == lender)
    kernel.set("world.fail_in", 1)      # nothing is allocated
    assert kernel.call("anon_vma_prepare", "vma[1]") == 0
    assert members(kernel, lender) == ["vma[1]", owner]
    assert kernel.events() == [
        ("anon_vma_prepare", "vma[1]", 0), ("spin_lock", f"anon_vma[{lender}].lock"),
        ("spin_lock", TABLE_LOCK), ("spin_unlock", TABLE_LOCK),
        ("spin_unlock", f"anon_vma[{lender}].lock")]
    assert kernel.get("world.order_fault") == 0 and kernel.held() == []


@pytest.mark.parametrize("side", [0, 2], ids=["below", "above"])
@pytest.mark.parametrize("change, shares", [
    ("nothing", True), ("readable only", True), ("executable", True),
    ("VM_LOCKED", False), ("VM_ACCOUNT", False), ("VM_GROWSDOWN", False), ("VM_SHARED", False),
    ("a file", False), ("the same file", True), ("offset", False), ("a gap", False),
    ("close", False), ("open without close", True), ("no anon_vma", False),
])
def test_anon_vma_prepare_asks_whether_they_may_be_merged(kernel, side, change, shares):
    flags = [RW, RW, RW]
    flags[side] = {"readable only": READ | MAY, "executable": RW | EXEC, "VM_LOCKED": RW | LOCKED,
                   "VM_ACCOUNT": RW | ACCOUNT, "VM_GROWSDOWN": RW | GROWSDOWN,
                   "VM_SHARED": RW | SHARED}.get(change, RW)
    pgoff = [0, 2, 4]
    if change == "offset":
        pgoff[side] += 1
    vmas(kernel, anon={} if change == "no anon_vma" else {side: 3}, flags=flags, pgoff=pgoff,
         gap=change == "a gap")
    if change in ("a file", "the same file"):
        kernel.set(f"vma[{side}].vm_file", "file[0].f_mapping")
    if change == "the same file":
        kernel.set("vma[1].vm_file", "file[0].f_mapping")
    if change == "close":
        kernel.call("use_driver_vm_ops", f"vma[{side}]")
    if change == "open without close":
        kernel.call("use_generic_vm_ops", f"vma[{side}]")
    assert kernel.call("anon_vma_prepare", "vma[1]") == 0
    assert members(kernel, 3) == (["vma[1]", f"vma[{side}]"] if shares else
                                  [] if change == "no anon_vma" else [f"vma[{side}]"])
    assert members(kernel, 0) == ([] if shares else ["vma[1]"])


@pytest.mark.parametrize("primitive, locks", [("anon_vma_link", True), ("anon_vma_add", False)])
def test_anon_vma_gets_new_vmas_at_its_head(kernel, primitive, locks):
    for i in range(3):
        kernel.set(f"vma[{i}].anon_vma", "anon_vma[2]")
        kernel.call(primitive, f"vma[{i}]")
    assert members(kernel, 2) == ["vma[2]", "vma[1]", "vma[0]"]
    assert kernel.events() == ([("anon_vma_link", "vma[2]"), ("spin_lock", "anon_vma[2].lock"),
                                ("spin_unlock", "anon_vma[2].lock")] if locks else [])


@pytest.mark.parametrize("primitive, locks", [("anon_vma_unlink", True),
                                              ("anon_vma_remove", False)])
@pytest.mark.parametrize("out, left", [
    (0, ["vma[2]", "vma[1]"]), (1, ["vma[2]", "vma[0]"]), (2, ["vma[1]", "vma[0]"]),
])
def test_anon_vma_loses_one_vma(kernel, primitive, locks, out, left):
    for i in range(3):
        kernel.set(f"vma[{i}].anon_vma", "anon_vma[2]")
        kernel.call("anon_vma_add", f"vma[{i}]")
    kernel.call(primitive, f"vma[{out}]")
    assert members(kernel, 2) == left
    assert kernel.get(f"vma[{out}].anon_vma_next") == 0
    assert kernel.events() == ([("anon_vma_unlink", f"vma[{out}]"),
                                ("spin_lock", "anon_vma[2].lock"),
                                ("spin_unlock", "anon_vma[2].lock")] if locks else [])


def test_anon_vma_unlink_of_the_last_frees_it(kernel):
    kernel.set("vma[0].anon_vma", "anon_vma[0]")
    kernel.call("anon_vma_link", "vma[0]")
    assert kernel._name(kernel.call("anon_vma_alloc")).startswith("anon_vma[1]")
    kernel.call("anon_vma_unlink", "vma[0]")
    assert kernel.get("anon_vma[0].head") == 0
    assert kernel._name(kernel.call("anon_vma_alloc")).startswith("anon_vma[0]")


@pytest.mark.parametrize("primitive", ["anon_vma_link", "anon_vma_unlink"])
def test_anon_vma_of_a_vma_that_has_none(kernel, primitive):
    before = kernel.runner.image()
    kernel.call(primitive, "vma[0]")
    assert kernel.events() == [(primitive, "vma[0]")]
    assert kernel.changes(before) == {}
