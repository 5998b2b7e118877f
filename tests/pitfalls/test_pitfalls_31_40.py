# SPDX-License-Identifier: GPL-2.0-only
"""Pitfalls 31 to 40: buffers, fork, pins, what BUGs, the order of events."""

import pytest
from both_halves import dirty
from processes import calm
from worlds import ALL_UNITS, PRIVATE_RW, SHARED_RW, address

AS_EIO = 20
CLEAN = "Uptodate Mapped"
CLEANERS = ["test_clear_page_dirty", "clear_page_dirty_for_io"]

both_versions = pytest.mark.parametrize("units", [ALL_UNITS, 0], ids=["v8", "before"])


# -- 31


@pytest.mark.parametrize("units, pte", [(ALL_UNITS, "page 0 clean,read-only"),
                                        (0, "page 0 rw,dirty")])
def test_pitfall_31_dirty_page_with_clean_buffers_loses_them_and_becomes_clean(pair, units, pte):
    pair.dirty_mapped()
    pair.buffers(0, [CLEAN, CLEAN])
    pair.units(units)

    out = pair.run("try_to_free_buffers", page=0)

    assert out.ret == 1
    assert (out.read("page[0].flags.private"), out.read("page[0].flags.dirty")) == (0, 0)
    assert out.read("world.page_state.nr_dirty") == 0
    assert out.pte(0, 2) == pte


@both_versions
@pytest.mark.parametrize("states, held, freed", [
    ([CLEAN, CLEAN], None, 1),
    ([CLEAN, CLEAN], 1, 0),                 # somebody holds the second one
    ([CLEAN, "Dirty"], None, 0),
    ([CLEAN, "Lock"], None, 0),
    (["Async_Write", "Uptodate"], None, 1),     # busy only because it would be locked as well
])
def test_pitfall_31_which_buffers_are_busy(pair, states, held, freed, units):
    pair.dirty_mapped()
    pair.buffers(0, states, held=held)
    pair.units(units)

    assert pair.run("try_to_free_buffers", page=0).ret == freed


# -- 32


@both_versions
@pytest.mark.parametrize("states, error", [
    (["Write_EIO", "Dirty"], 1),
    (["Write_EIO Dirty", CLEAN], 1),        # the busy one itself is looked at
    (["Dirty", "Write_EIO"], 0),            # what comes after it is not
])
def test_pitfall_32_error_is_noted_though_nothing_is_dropped(pair, states, error, units):
    pair.dirty_mapped()
    pair.buffers(0, states)
    pair.units(units)

    out = pair.run("try_to_free_buffers", page=0)

    assert (out.ret, out.read("page[0].flags.private")) == (0, 1)
    assert out.read("mapping[0].flags") >> AS_EIO & 1 == error


# -- 33


@both_versions
def test_pitfall_33_page_without_a_mapping_stays_dirty(pair, units):
    pair.page(0, flags="locked dirty")
    pair.buffers(0, [CLEAN])
    pair.units(units)

    out = pair.run("try_to_free_buffers", page=0)

    assert (out.ret, out.read("page[0].flags.private")) == (1, 0)
    assert out.read("page[0].flags.dirty") == 1
    assert "spin_lock" not in out.events


# -- 34


@pytest.mark.parametrize("units", ["all", "none"])
def test_pitfall_34_fork_copies_no_ptes_of_a_shared_file(make_world, units):
    w = make_world(units)
    p = w.process
    at = p.mmap(w.file(pages=1))
    memory = p.mmap(shared=False)
    p.write(at)
    p.write(memory)

    child = p.fork()

    assert p.pte(at) == "page 0 RW D A"
    assert child.pte(at) == "none"
    assert child.pte(memory) == "page 1 RO D"           # private memory is another matter
    assert child.read(at) == p.read(at)                 # it faults in the same page
    assert child.page(at) == 0


# -- 35


@pytest.mark.parametrize("says_so, on_disk", [(True, 6), (False, 1)])
def test_pitfall_35_device_writes_behind_a_clean_pte(v8, says_so, on_disk):
    #         pin      write back       the device writes     unpin
    # pte     RW D     RO               RO: no fault          with set_page_dirty, or without
    f, p = v8.file(pages=1, block=1024), v8.process
    at = p.mmap(f)
    assert p.pin(at) == 0
    assert p.write(at + 1024) == 5
    v8.sync()
    v8.complete()
    assert (p.pte(at), dirty(v8)) == ("page 0 RO A", (0, 0, 0))

    v8.unpin(0, store=True, dirty=says_so)

    assert p.read(at) == 6
    assert p.pte(at) == "page 0 RO A"
    assert dirty(v8) == ((1, 1, 1) if says_so else (0, 0, 0))
    v8.sync()
    v8.complete()
    assert f.disk[:2] == [on_disk, 5]


# -- 36


@pytest.mark.parametrize("mapped", [True, False])
def test_pitfall_36_unlocked_page_is_a_bug_mapped_or_not(pair, mapped):
    pair.file(0)
    pair.page(0, file=0, index=2, flags="dirty")
    pair.vma(0, at=0, pages=3, file=0)
    if mapped:
        pair.pte(at=2, page=0, bits="rw dirty")

    assert pair.run("page_mkclean", page=0).ended == "BUG"


@pytest.mark.parametrize("function", CLEANERS)
@pytest.mark.parametrize("is_dirty, in_file, units, ended", [
    (True, True, ALL_UNITS, "BUG"),
    (False, True, ALL_UNITS, "returned"),       # a test is blind that has no dirty page
    (True, False, ALL_UNITS, "returned"),       # or none of a file
    (True, True, 0, "returned"),                # before the patch nobody looked
])
def test_pitfall_36_callers_notice_only_a_dirty_page_of_a_file(pair, function, is_dirty, in_file,
                                                               units, ended):
    pair.file(0)
    pair.page(0, file=0 if in_file else None, index=2, flags="dirty" if is_dirty else "")
    pair.units(units)

    assert pair.run(function, page=0).ended == ended


# -- 37


@pytest.mark.parametrize("function", CLEANERS)
@pytest.mark.parametrize("mapped, units, ended", [
    (True, ALL_UNITS, ("BUG", "MFI2")),
    (True, 0, ("returned", None)),
    (False, ALL_UNITS, ("returned", None)),     # as reclaim does it: unmapped first
])
def test_pitfall_37_mapped_page_of_the_swap_cache_is_a_bug(pair, function, mapped, units, ended):
    # no caller in the kernel passes one; whoever draws worlds must not take it for a divergence
    pair.page(0, anon=0, swap=1, flags="locked dirty")
    pair.vma(0, at=0, flags=PRIVATE_RW)
    pair.primitive("radix_tree_tag_set", pair.address("mapping[3].page_tree.slots"), 1, 0)
    pair.set("bdi[3].capabilities", 3)
    if mapped:
        pair.pte(at=0, page=0, bits="rw dirty")
    pair.units(units)

    out = pair.run(function, page=0)

    assert out.ended == ended[0]
    if ended[1]:
        assert out.steps[-1] == ended[1]
    else:
        assert (out.ret, out.read("page[0].flags.dirty")) == (1, 0)


# -- 38


def order_of(out, *names):
    return [name for name in out.events if name in names]


def test_pitfall_38_do_wp_page_takes_its_reference_before_the_store(process):
    process.file(0)
    process.page(0, file=0, index=1)
    process.vma(0, at=4, file=0, pgoff=1, flags=SHARED_RW)
    process.pte(at=4, page=0)

    out = process.wp_fault(at=4)

    assert order_of(out, "get_page", "ptep_set_access_flags", "pte_unmap_unlock", "set_page_dirty",
                    "put_page") == ["get_page", "ptep_set_access_flags", "pte_unmap_unlock",
                                    "set_page_dirty", "put_page"]
    assert out.read("page[0]._count") == 2      # the page cache's and the pte's, as before


def test_pitfall_38_do_no_page_takes_its_reference_after_the_rmap(process):
    process.file(0)
    process.page(0, file=0, index=1)
    process.vma(0, at=4, file=0, pgoff=1, flags=SHARED_RW)

    out = process.no_page_fault(at=4, write=True)

    calm(out, "mm[0].mmap_sem")
    tail = out.events[out.events.index("set_pte_at"):]
    assert [name for name in tail if name in (
        "set_pte_at", "page_add_file_rmap", "get_page", "pte_unmap_unlock", "set_page_dirty",
        "put_page")] == ["set_pte_at", "page_add_file_rmap", "get_page", "pte_unmap_unlock",
                         "set_page_dirty", "put_page"]
    assert out.read("page[0]._count") == 2


# -- 39


@pytest.mark.parametrize("function", CLEANERS)
def test_pitfall_39_counter_goes_down_after_the_ptes_are_cleaned(pair, function):
    pair.dirty_mapped()

    out = pair.run(function, page=0)

    assert order_of(out, "ptep_establish", "dec_page_state") == ["ptep_establish",
                                                                 "dec_page_state"]


# -- 40


@both_versions
@pytest.mark.parametrize("flags, promised", [(1, -2), (2, 0)], ids=["shared", "private"])
def test_pitfall_40_failing_mmap_of_a_shared_file_gives_back_what_it_never_took(process, flags,
                                                                                promised, units):
    process.file(0, "failing driver")
    process.set("world.vm_committed_space", 10)
    process.units(units)

    out = process.mmap(file=0, pages=2, prot=3, flags=flags)

    calm(out, "mm[0].mmap_sem")
    assert out.ret == -5
    assert out.read("world.vm_committed_space") == 10 + promised
    assert out.read("mm[0].map_count") == 0
    assert out.read(f"mm[0].pte[{address(0):#x}]") == 0
