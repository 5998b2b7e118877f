# SPDX-License-Identifier: GPL-2.0-only
"""Pitfalls 1 to 10: fault codes, bits of ptes, what page_mkclean does to them."""

import pytest
from both_halves import dirty, each_pause
from processes import MM
from worlds import NO_ACCT_DIRTY, PRIVATE_RW, SHARED_RO, SHARED_RW, address

OOM, SIGBUS, MINOR, MAJOR, WRITE = 0, 1, 2, 3, 0x10
RO, NONE = 0x025, 0x0A0         # rows of protection_map
SLOT = f"mm[0].pte[{address(4):#x}]"


def file_page(process, flags=SHARED_RW, *, kind="ext2", bits="", page=""):
    """Page 0 of memory is page 1 of file 0, mapped at 4.

        file    0 1          vma       4  5
                  page 0     pte       p0 -
    """
    process.file(0, kind)
    process.page(0, file=0, index=1, flags=page)
    process.vma(0, at=4, pages=2, file=0, pgoff=1, flags=flags)
    process.pte(at=4, page=0, bits=bits)


# -- 1


def test_pitfall_01_write_is_a_bit_on_top_of_a_minor_fault(process):
    file_page(process)

    assert process.wp_fault(at=4).ret == MINOR | WRITE == 0x12


def test_pitfall_01_out_of_memory_has_no_bit_at_all(process):
    file_page(process, PRIVATE_RW)
    process.set("world.fail_in", 1)

    assert process.wp_fault(at=4).ret == OOM == 0


@pytest.mark.parametrize("cached, pages, ret", [(True, 8, MINOR), (False, 8, MAJOR),
                                                (False, 1, SIGBUS)])
def test_pitfall_01_major_is_no_sum_of_minor_and_sigbus(process, cached, pages, ret):
    # 3 has the bits of 1 and of 2 set, and is neither
    process.file(0, size=pages << 12)
    if cached:
        process.page(0, file=0, index=1)
    process.vma(0, at=4, file=0, pgoff=1, flags=SHARED_RW)

    assert process.no_page_fault(at=4, write=True).ret == ret


# -- 2


def test_pitfall_02_prot_none_pte_is_present_and_is_cleaned(v8, before):
    #            store    mprotect NONE   writeback
    # v8         RW D A   NONE D A        NONE A      the page was dirty since the store
    # before     RW D A   NONE D A        NONE D A    nobody knows of the store yet
    for w, after in (v8, "page 0 NONE A"), (before, "page 0 NONE D A"):
        f, p = w.file(pages=1), w.process
        at = p.mmap(f)
        p.write(at)
        p.mprotect(at, prot="none")
        assert p.pte(at) == "page 0 NONE D A"

        w.writeback(f)

        assert p.pte(at) == after


def test_pitfall_02_prot_none_pte_is_found_and_cleaned_by_a_direct_call(pair):
    pair.dirty_mapped()
    pair.set(f"mm[0].pte[{address(2):#x}]", 0)
    pair.pte(at=2, page=0, bits="PROT_NONE dirty", counts=False)

    out = pair.run("page_mkclean", page=0)

    assert out.ret == 1
    assert out.pte(0, 2) == "PROT_NONE page 0 clean,read-only"


# -- 3


def test_pitfall_03_bits_of_absent_ptes_mean_something_else(process):
    #               word                present  what bit 0x40 or 0x80 says
    file_pte, swap, none = 0x1040, 0x0102, 0x100080
    assert process.call("pte_present", file_pte) == 0
    assert process.call("pte_file", file_pte) == process.call("pte_dirty", file_pte) == 0x40
    assert process.call("pte_present", swap) == 0
    assert process.call("pte_present", none) != 0           # 0x80 without 0x01: PROT_NONE
    assert process.call("pte_present", none | 1) != 0       # with it: PSE


@pytest.mark.parametrize("word", [0x1040, 0x1042, 0x0102], ids=["file", "file, bit 1", "swap"])
def test_pitfall_03_file_pte_is_not_taken_for_a_dirty_one(pair, word):
    # the page is mapped elsewhere; where the walk comes by, a word with 0x40 and 0x02 set
    pair.dirty_mapped()
    pair.vma(1, mm=1, at=0, pages=3, file=0)
    pair.pte(mm=1, at=2, word=word)

    out = pair.run("page_mkclean", page=0)

    assert out.ret == 1
    assert out.read(f"mm[1].pte[{address(2):#x}]") == word


# -- 4


@pytest.mark.parametrize("is_dirty, stored", [(0, 0x100025), (1, 0x100067)])
def test_pitfall_04_access_flags_of_a_clean_pte_are_not_stored(process, is_dirty, stored):
    file_page(process, bits="accessed")

    process.call("ptep_set_access_flags", "vma[0]", address(4), SLOT, 0x100067, is_dirty)

    assert process.get(SLOT) == stored


def test_pitfall_04_read_fault_on_an_old_pte_leaves_it_old(process):
    file_page(process)
    process.call("down_read", "mm[0].mmap_sem")
    process.table(4)

    assert process.call("handle_mm_fault", MM, "vma[0]", address(4), 0) == MINOR

    assert process.get(SLOT) == 0x100005
    process.call("up_read", "mm[0].mmap_sem")
    process.call("user_access", address(4), 0)
    assert process.get(SLOT) == 0x100025        # the processor did it


# -- 5


@pytest.mark.parametrize("word, prot, after", [
    (0x100067, RO, 0x100065),       # RW goes, D and A stay
    (0x100007, RO, 0x100025),       # A comes, whatever was there
    (0x100FFF, RO, 0x100065),       # of all the twelve bits two are kept
    (0x10007F, NONE, 0x1000E0),
    (0x1000E0, 0x027, 0x100067),
])
def test_pitfall_05_pte_modify_keeps_frame_accessed_and_dirty(process, word, prot, after):
    assert process.call("pte_modify", word, prot) == after


def test_pitfall_05_dirty_bit_survives_mprotect_there_and_back(v8, before):
    for w, back in (v8, "page 0 RO D A"), (before, "page 0 RW D A"):
        p = w.process
        at = p.mmap(w.file(pages=1))
        p.write(at)
        found = []
        for prot in "r", "none", "rw":
            p.mprotect(at, prot=prot)
            found.append(p.pte(at))
        assert found == ["page 0 RO D A", "page 0 NONE D A", back]


def test_pitfall_05_caching_bits_of_a_driver_do_not_survive(v8):
    p = v8.process
    at = p.mmap(v8.file("prot driver", pages=1))
    p.write(at)
    assert p.pte(at) == "page 0 RW PWT PCD D A"

    p.mprotect(at, prot="r")
    p.mprotect(at, prot="rw")

    assert p.pte(at) == "page 0 RO D A"


# -- 6: a pte that is writable and clean: three ways to get one


def then_writeback_protects_it(w, f, p, at):
    """Without that half of the condition the pte stays RW, and nobody sees the last store."""
    assert p.pte(at).startswith("page 0 RW") and " D" not in p.pte(at)
    w.writeback(f)
    w.complete()
    assert p.pte(at).startswith("page 0 RO") and " D" not in p.pte(at)
    version = p.write(at)
    assert dirty(w) == (1, 1, 1)
    w.sync()
    w.complete()
    assert f.disk[0] == version


def test_pitfall_06_rw_but_clean_after_msync(v8):
    f, p = v8.file(pages=1), v8.process
    at = p.mmap(f)
    p.write(at)
    p.msync(at, flags="async")

    then_writeback_protects_it(v8, f, p, at)


def test_pitfall_06_rw_but_clean_in_a_child(v8):
    # a debugger's copy in its second page: so fork copies the ptes of this vma
    f, p = v8.file(pages=2), v8.process
    at = p.mmap(f, pages=2)
    p.write(at)
    p.mprotect(at + 4096, prot="r")
    p.poke(at + 4096)
    p.mprotect(at, pages=2, prot="rw")
    p.write(at)
    child = p.fork()

    then_writeback_protects_it(v8, f, child, at)
    assert p.pte(at) == "page 0 RO A"


@pytest.mark.parametrize("units", ["-U3", "-U4"], ids=["without E14", "without E19"])
def test_pitfall_06_rw_but_clean_after_a_read(make_world, units):
    # the mapping is not protected from the start; a store elsewhere makes the page dirty
    w = make_world(units)
    f, p = w.file(pages=1), w.process
    at = p.mmap(f)
    if units == "-U4":
        p.mprotect(at, prot="r")
        p.mprotect(at, prot="rw")
    p.read(at)
    f.write(0)

    then_writeback_protects_it(w, f, p, at)


# -- 7


@pytest.mark.parametrize("kind, cleaned, knows", [
    ("tmpfs", "page 0 rw,accessed", 0),
    ("ext2", "page 0 accessed", 1),
])
def test_pitfall_07_unaccounted_mapping_keeps_rw(process, kind, cleaned, knows):
    file_page(process, kind=kind, bits="rw dirty accessed", page="locked")

    out = process.run("page_mkclean", page="page[0]")

    assert (out.ret, out.pte(0, 4)) == (1, cleaned)
    # and the next store: through the pte in silence, or by way of a fault
    process.runner.restore(out.image)
    process.set("page[0].flags.locked", 0)
    process.call("user_access", address(4), 1)
    assert process.get(SLOT) == 0x100067
    assert process.get("page[0].flags.dirty") == knows


# -- 8


def test_pitfall_08_protect_is_decided_for_each_vma(pair):
    #   mm 0   shared writable    rw dirty      ->  clean, read-only
    #   mm 1   shared read-only   rw dirty      ->  clean, still rw: a state that no kernel gets
    #   mm 2   private            rw dirty          into, but the function does as the flags say
    pair.file(0)
    pair.page(0, file=0, index=2, flags="locked")
    for mm, flags in enumerate((SHARED_RW, SHARED_RO, PRIVATE_RW)):
        pair.vma(mm, mm=mm, at=0, pages=3, file=0, flags=flags)
        pair.pte(mm=mm, at=2, page=0, bits="rw dirty")

    out = pair.run("page_mkclean", page=0)

    assert out.ret == 3
    assert [out.pte(mm, 2) for mm in range(3)] == ["page 0 clean,read-only", "page 0 rw",
                                                   "page 0 rw"]


@pytest.mark.parametrize("passed_in, of_the_vma, pte", [
    (True, False, "page 0 clean,read-only"),
    (False, True, "page 0 rw"),
])
def test_pitfall_08_capability_is_that_of_the_mapping_passed_in(pair, passed_in, of_the_vma, pte):
    # for a file vma both are one object; here its file is made to lead elsewhere
    pair.dirty_mapped(accounts=passed_in)
    pair.file(1, accounts=of_the_vma)
    pair.set("vma[0].vm_file", pair.address("file[1]"))

    assert pair.run("page_mkclean_file", mapping=0, page=0).pte(0, 2) == pte


@pytest.mark.parametrize("accounts, prot", [(True, 0x025), (False, 0x027)])
def test_pitfall_08_mmap_asks_the_mapping_that_the_file_leads_to(process, accounts, prot):
    # a node of a block device: the file is on a tmpfs, its pages belong to the device
    process.file(0, "ext2")
    process.file(1, "ext2")
    process.set("bdi[0].capabilities", NO_ACCT_DIRTY)
    process.set("bdi[1].capabilities", 0 if accounts else NO_ACCT_DIRTY)
    process.set("file[0].f_mapping", process.address("mapping[1]"))

    out = process.mmap(file=0, prot=3, flags=1)

    assert out.read("vma[0].vm_page_prot") == prot


# -- 9


@pytest.mark.parametrize("ptes, cleaned", [(["", ""], 0), (["rw dirty", ""], 1),
                                           (["rw dirty", "rw dirty"], 2)])
def test_pitfall_09_both_callers_ignore_how_many_ptes_were_cleaned(pair, ptes, cleaned):
    pair.file(0)
    pair.page(0, file=0, index=2, flags="locked dirty")
    for mm, bits in enumerate(ptes):
        pair.vma(mm, mm=mm, at=0, pages=3, file=0)
        pair.pte(mm=mm, at=2, page=0, bits=bits)

    assert pair.run("page_mkclean", page=0).ret == cleaned
    assert pair.run("clear_page_dirty_for_io", page=0).ret == 1
    assert pair.run("test_clear_page_dirty", page=0).ret == 1


# -- 10


@pytest.mark.parametrize("function", ["test_clear_page_dirty", "clear_page_dirty_for_io"])
def test_pitfall_10_page_is_cleaned_before_its_ptes(pair, function):
    pair.dirty_mapped()

    events = pair.run(function, page=0).events

    assert events.index("TestClearPageDirty") < events.index("ptep_get_and_clear")


@pytest.mark.parametrize("units", ["all", "-U3"])
def test_pitfall_10_store_at_any_moment_of_the_writeback_is_not_lost(make_world, units):
    # were the ptes cleaned first, a store between would be forgotten with the page's bit
    w = make_world(units)
    f, p = w.file(pages=1), w.process
    at = p.mmap(f)
    child = p.fork()
    child.read(at)
    version = p.write(at)
    moments = 0
    for after in each_pause(w, lambda w: w.writeback(w.files[0]), "store", 1, 0, 2):
        stored = after["page[0].contents[2]"]
        after.complete()
        after.sync()
        after.complete()
        assert after.files[0].disk[2] == stored == version + 1
        assert after.properties() is None
        moments += 1
    assert moments > 3
