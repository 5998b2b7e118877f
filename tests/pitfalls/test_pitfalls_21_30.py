# SPDX-License-Identifier: GPL-2.0-only
"""Pitfalls 21 to 30: do_no_page, mmap, mprotect, which vmas page_mkclean meets."""

import errno

import pytest
from both_halves import dirty, each_pause, vma_at
from processes import SEM, calm
from worlds import ALL_UNITS, PRIVATE_RW, SHARED_RO, SHARED_RW, address

MINOR = 2
MAY, MAYSHARE, SHARED, ACCOUNT = 0x70, 0x80, 8, 0x100000
R, W, X = 1, 2, 4
FILE = MAY | MAYSHARE | SHARED
EFAULT = 2**64 - errno.EFAULT

both_versions = pytest.mark.parametrize("units", [ALL_UNITS, 0], ids=["v8", "before"])


# -- 21


@pytest.mark.parametrize("version, on_disk", [("v8", 5), ("before", 1)])
def test_pitfall_21_copy_throws_the_dirty_bit_of_the_pte_away(request, version, on_disk):
    #             store       mprotect READ   debugger's write   munmap, sync
    # pte         p0 RW D     p0 RO D         copy               -
    # v8          PG_dirty                                       the disk has it
    # before      only D                      D is gone          lost for ever
    w = request.getfixturevalue(version)
    f, p = w.file(pages=1), w.process
    at = p.mmap(f)
    assert p.write(at) == 5         # what the disk has is 1 to 4
    p.mprotect(at, prot="r")
    p.poke(at + 1024)
    p.munmap(at)

    w.sync()
    w.complete()

    assert f.disk[0] == on_disk


# -- 22


@pytest.mark.parametrize("flags, write, pte, page_dirty", [
    # VM_SHARED: file page or copy.  write_access: dirty.  VM_WRITE: writable.
    (SHARED_RW, True, "page 0 rw,accessed,dirty", 1),
    (SHARED_RO, True, "page 0 accessed,dirty", 1),
    (SHARED_RO, False, "page 0 accessed", 0),
    (PRIVATE_RW, True, "page 1 rw,accessed,dirty", 0),
    (PRIVATE_RW & ~W, True, "page 1 accessed,dirty", 0),
    (PRIVATE_RW, False, "page 0 accessed", 0),
])
def test_pitfall_22_three_flags_decide_three_things(process, flags, write, pte, page_dirty):
    process.file(0)
    process.page(0, file=0, index=1)
    process.vma(0, at=4, file=0, pgoff=1, flags=flags, prot=0x25)

    out = process.no_page_fault(at=4, write=write)

    calm(out, SEM)
    assert out.pte(0, 4) == pte
    assert out.read("page[0].flags.dirty") == page_dirty


# -- 23


@pytest.mark.parametrize("units", ["all", "none"])
@pytest.mark.parametrize("shared", [True, False])
def test_pitfall_23_truncation_while_the_page_is_on_its_way(make_world, shared, units):
    # a file of two pages, of which the second goes just then; the first is faulted in
    w = make_world(units)
    f, p = w.file(pages=2), w.process
    at = p.mmap(f, pages=2, shared=shared)
    retried = []
    for after in each_pause(w, lambda w: w.process.write(at), "truncate", 0, 0, 4):
        retried.append(any(event.startswith("NP8   cond_resched") for event in after.events))
        assert after.process.pte(at).endswith("RW D A")
        assert (after["mm[0].file_rss"], after["mm[0].anon_rss"]) == ((1, 0) if shared else (0, 1))
        assert after.properties() is None       # the page and the copy of the first try are gone
    assert True in retried and False in retried


# -- 24


# Two vmas with the same flags and different vm_page_prots: the patch came between.  A driver's own
# protection cannot show it: such vmas have a ->close, and never merge.


def test_pitfall_24_merge_in_mmap_throws_the_fresh_protection_away(before):
    #   page     0      1
    #   prot     027    025, if it had been a vma of its own
    w, p = before, before.process
    f = w.file(pages=2)
    p.mmap(f, at=address(0))
    assert w["vma[0].vm_page_prot"] == 0x027
    w.units = "all"

    p.mmap(f, at=address(1), pgoff=1)

    assert vma_at(w, address(0)) == vma_at(w, address(1)) == "vma[0]"
    assert w["vma[0].vm_page_prot"] == 0x027


def test_pitfall_24_merge_in_mprotect_changes_the_vma_and_only_some_ptes(before):
    #   page      0              1
    #             rw-, RW D      r--        two vmas
    #   mprotect                 rw-        one vma, with the new protection; RW stays in 0
    w, p = before, before.process
    at = p.mmap(w.file(pages=2), pages=2, at=address(0))
    p.write(at)
    p.mprotect(address(1), prot="r")
    p.read(address(1))
    assert vma_at(w, address(0)) != vma_at(w, address(1))
    w.units = "all"

    p.mprotect(address(1), prot="rw")

    assert vma_at(w, address(0)) == vma_at(w, address(1))
    assert w[vma_at(w, at) + ".vm_page_prot"] == 0x025
    assert [p.pte(address(i)) for i in (0, 1)] == ["page 0 RW D A", "page 1 RO A"]


# -- 25


@both_versions
def test_pitfall_25_pprev_is_told_even_if_nothing_changes(process, units):
    process.file(0)
    process.vma(0, at=2, pages=2, file=0, pgoff=0, flags=FILE | R)
    process.vma(1, at=4, pages=2, file=0, pgoff=2, flags=FILE | R | W)
    process.units(units)

    out = process.mprotect(at=4, pages=2, flags=FILE | R | W, vma=1, prev=0)

    assert (out.ret, out.events) == (0, [])
    assert process.named(out, "world.pprev") == "vma[1]"


@both_versions
def test_pitfall_25_after_the_merge_the_vma_is_another(process, units):
    # vma[1] is swallowed and freed: what it said of file and process is no longer there to ask
    process.file(0)
    process.vma(0, at=2, pages=2, file=0, pgoff=0, flags=FILE | R | X)
    process.vma(1, at=4, pages=2, file=0, pgoff=2, flags=FILE | R)
    process.set("mm[0].exec_vm", 2)
    process.units(units)

    out = process.mprotect(at=4, pages=2, flags=FILE | R | X, vma=1, prev=0)

    calm(out, SEM)
    assert process.named(out, "world.pprev") == "vma[0]"
    assert process.vmas(out) == [(2, 4)]
    assert (out.read("vma[1].vm_file"), out.read("vma[1].vm_mm")) == (0, 0)
    assert out.read("mm[0].exec_vm") == 4


def test_pitfall_25_loop_of_the_system_call_relies_on_it(v8, before):
    #   r-  rw  r-   all to rw: the second piece is an early "no change"
    for w in v8, before:
        p = w.process
        at = p.mmap(w.file(pages=3), pages=3)
        p.mprotect(at, prot="r")
        p.mprotect(at + 2 * 4096, prot="r")
        assert w["mm[0].map_count"] == 3

        assert p.mprotect(at, pages=3, prot="rw") == 0

        assert w["mm[0].map_count"] == 1
        assert w.properties() is None


# -- 26


@pytest.mark.parametrize("units", ["all", "none"])
def test_pitfall_26_private_memory_is_charged_once(make_world, units):
    #   mmap r--   mprotect rw-   r--   rw-
    #   0          1              1     1       pages promised
    w = make_world(units)
    p = w.process
    at = p.mmap(prot="r", shared=False)
    found = []
    for prot in "r", "rw", "r", "rw":
        p.mprotect(at, prot=prot)
        found.append((w["world.vm_committed_space"], w[vma_at(w, at) + ".vm_flags"] & ACCOUNT))
    assert found == [(0, 0), (1, ACCOUNT), (1, ACCOUNT), (1, ACCOUNT)]
    p.munmap(at)
    assert w["world.vm_committed_space"] == 0


def test_pitfall_26_account_is_there_before_the_merge(v8, before):
    # the neighbour has VM_ACCOUNT: they merge only if the newly writable one has it in time
    for w in v8, before:
        p = w.process
        p.mmap(prot="rw", shared=False, at=address(0))
        p.mmap(prot="r", shared=False, at=address(1))
        assert w["mm[0].map_count"] == 2

        p.mprotect(address(1), prot="rw")

        assert w["mm[0].map_count"] == 1
        assert w["world.vm_committed_space"] == 2


# -- 27


@both_versions
@pytest.mark.parametrize("flags, is_charged", [(MAY | R, 1), (FILE | R, 0)],
                         ids=["memory", "shared file"])
def test_pitfall_27_failure_gives_back_even_nothing_and_undoes_no_split(process, flags, is_charged,
                                                                        units):
    #   vma   4567      5 and 6 to become writable; there is memory for one split only
    #   then  4 567
    process.file(0)
    process.vma(0, at=4, pages=4, file=None if is_charged else 0, flags=flags)
    process.set("world.fail_in", 2)
    process.units(units)

    out = process.mprotect(at=5, pages=2, flags=flags | W, prev=0)

    calm(out, SEM)
    assert out.ret == -errno.ENOMEM
    assert ("security_vm_enough_memory" in out.events) is bool(is_charged)
    assert out.events[-1] == "vm_unacct_memory"
    assert out.read("world.vm_committed_space") == 0
    assert process.vmas(out) == [(4, 1), (5, 3)]
    assert out.read("vma[0].vm_flags") == flags


# -- 28


@pytest.mark.parametrize("units", ["all", "none"])
def test_pitfall_28_shared_mapping_of_a_read_only_file_is_not_shared(make_world, units):
    w = make_world(units)
    p = w.process
    at = p.mmap(w.file(pages=1, mode="r"), prot="r")

    flags = w[vma_at(w, at) + ".vm_flags"]
    assert flags == 0xD1
    assert (flags & SHARED, flags & MAYSHARE, flags & W << 4) == (0, MAYSHARE, 0)
    assert repr(p.mprotect(at, prot="rw")) == "-EACCES"
    assert repr(p.pin(at, write=True, force=True)) == "-EFAULT"
    assert repr(p.poke(at)) == "-EIO"


# -- 29


def test_pitfall_29_private_and_read_only_vmas_are_visited(pair):
    pair.file(0)
    pair.page(0, file=0, index=2, flags="locked")
    for mm, flags in enumerate((PRIVATE_RW, SHARED_RO)):
        pair.vma(mm, mm=mm, at=0, pages=3, file=0, flags=flags)
        pair.pte(mm=mm, at=2, page=0, bits="dirty")

    out = pair.run("page_mkclean", page=0)

    assert out.ret == 2
    assert [out.pte(mm, 2) for mm in (0, 1)] == ["page 0 clean,read-only"] * 2


def test_pitfall_29_nonlinear_writers_are_protected_only_once(v8):
    #   at  0    page 1 of the file: the vma has left the tree
    f, p = v8.file(pages=2), v8.process
    at = p.mmap(f, pages=2)
    p.remap_file_pages(at, pages=1, pgoff=1)
    assert p.pte(at) == "page 0 RO A"
    first = p.write(at)                 # tracked
    assert dirty(v8) == (1, 1, 1)
    v8.sync()
    v8.complete()
    assert f.disk[4] == first
    assert p.pte(at) == "page 0 RW D A"         # not visited

    second = p.write(at)                # silent
    assert dirty(v8) == (0, 0, 0)
    v8.sync()
    v8.complete()
    assert f.disk[4] == first

    p.msync(at, flags="async")          # a scan of the ptes finds it
    v8.sync()
    v8.complete()
    assert f.disk[4] == second


# -- 30


def outside(pair, *, anon):
    #   file pages 1, 2 are mapped at 4, 5; the page is number 9
    pair.file(0)
    pair.page(0, file=None if anon else 0, anon=0 if anon else None, index=9, flags="locked")
    pair.vma(0, at=4, pages=2, file=0, pgoff=1)


@pytest.mark.parametrize("anon, ends", [(True, ("returned", EFAULT)), (False, ("BUG", 0))])
def test_pitfall_30_address_of_a_file_page_outside_is_a_bug(pair, anon, ends):
    outside(pair, anon=anon)

    ended, address_or_error, _ = pair.runner.primitive(
        "vma_address", pair.address("page[0]"), pair.address("vma[0]"))

    assert (ended, address_or_error % 2**64) == ends
    assert pair.run("page_mkclean_one", page=0, vma=0).ended == ends[0]


def test_pitfall_30_offsets_wrap(pair):
    # page 0 in a vma that begins at page -1 of its object is its second page
    pair.page(0, anon=0, index=0)
    pair.vma(0, at=4, pages=2, pgoff=2**64 - 1, flags=PRIVATE_RW)

    assert pair.runner.primitive("vma_address", pair.address("page[0]"),
                                 pair.address("vma[0]"))[1] == address(5)
