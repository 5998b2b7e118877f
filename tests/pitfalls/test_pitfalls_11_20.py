# SPDX-License-Identifier: GPL-2.0-only
"""Pitfalls 11 to 20: what counts as dirty, whose a page is, do_wp_page."""

import pytest
from both_halves import dirty
from processes import SEM, calm
from worlds import ALL_UNITS, PFNMAP, PRIVATE_RW, address

AS_EIO = 20
MINOR, COPIED = 0x02, 0x12
TAG_OF_2 = "mapping[0].slot[0].index_and_tags"      # of the page with index 2

both_versions = pytest.mark.parametrize("units", [ALL_UNITS, 0], ids=["v8", "before"])


# -- 11


@both_versions
@pytest.mark.parametrize("function, tagged", [("clear_page_dirty_for_io", 1),
                                              ("test_clear_page_dirty", 0)])
def test_pitfall_11_cleaning_for_io_leaves_the_tag(pair, function, tagged, units):
    pair.dirty_mapped()
    pair.units(units)

    out = pair.run(function, page=0)

    assert (out.ret, out.read("page[0].flags.dirty")) == (1, 0)
    assert out.read(TAG_OF_2) == 2 << 2 | tagged


@pytest.mark.parametrize("dirtied_again, tags", [(0, 0b10), (1, 0b11)])
def test_pitfall_11_tag_goes_when_the_writeback_begins(pair, dirtied_again, tags):
    pair.dirty_mapped()
    pair.runner.restore(pair.run("clear_page_dirty_for_io", page=0).image)
    pair.set("page[0].flags.dirty", dirtied_again)

    pair.primitive("set_page_writeback", pair.address("page[0]"))

    assert pair.get(TAG_OF_2) == 2 << 2 | tags


# -- 12


@pytest.mark.parametrize("kind, counted", [("ext2", 1), ("tmpfs", 0), ("ramfs", 0)])
def test_pitfall_12_counter_moves_only_where_dirty_pages_are_accounted(v8, kind, counted):
    p = v8.process
    at = p.mmap(v8.file(kind, pages=1))

    p.write(at)

    assert dirty(v8) == (1, 1, counted)


@pytest.mark.parametrize("accounts, counted", [(True, 0), (False, 1)])
@pytest.mark.parametrize("function", ["test_clear_page_dirty", "clear_page_dirty_for_io"])
def test_pitfall_12_counter_goes_back_only_where_it_went_up(pair, function, accounts, counted):
    pair.dirty_mapped(accounts=accounts)
    pair.set("world.page_state.nr_dirty", 1)

    out = pair.run(function, page=0)

    assert (out.ret, out.read("world.page_state.nr_dirty")) == (1, counted)


def test_pitfall_12_test_and_set_and_clear_count_nothing(process):
    process.file(0)
    process.page(0, file=0, index=2)

    assert process.call("TestSetPageDirty", "page[0]") == 0
    assert (process.get("world.page_state.nr_dirty"), process.get(TAG_OF_2)) == (0, 2 << 2)
    assert process.call("TestClearPageDirty", "page[0]") == 1
    assert process.get("world.page_state.nr_dirty") == 0


# -- 13


def test_pitfall_13_set_page_dirty_dirties_all_buffers_of_a_dirty_page(v8):
    #               blocks     0 1 2 3
    # write(2)      of one     - D - -      mark_buffer_dirty
    # a store into any         D D D D      set_page_dirty, although the page was dirty
    f, p = v8.file(pages=1, block=1024), v8.process
    at = p.mmap(f)
    f.write(0, sector=1)
    assert dirty(v8) == (1, 1, 1)
    assert [v8[f"buffer[{i}].b_state.Dirty"] for i in range(4)] == [0, 1, 0, 0]

    p.write(at + 3072)

    assert [v8[f"buffer[{i}].b_state.Dirty"] for i in range(4)] == [1, 1, 1, 1]
    assert dirty(v8) == (1, 1, 1)


def test_pitfall_13_it_gives_0_if_the_page_was_dirty(pair):
    pair.dirty_mapped()
    pair.buffers(0, ["Uptodate", "Uptodate"])

    assert pair.runner.primitive("set_page_dirty", pair.address("page[0]"))[1] == 0
    assert [pair.get(f"buffer[{i}].b_state.Dirty") for i in (0, 1)] == [1, 1]


# -- 14


@pytest.mark.parametrize("whose", ["anonymous", "a driver's, or truncated"])
def test_pitfall_14_page_without_a_mapping_only_gets_its_bit(pair, whose):
    pair.file(0)
    pair.page(0, anon=0 if whose == "anonymous" else None)
    start = pair.runner.image()

    results = [pair.runner.primitive("set_page_dirty", pair.address("page[0]"))[1]
               for _ in range(2)]

    assert results == [1, 0]
    changed = [path for path, *_ in pair.map.differences(start, pair.runner.image())]
    assert [path for path in changed if not path.startswith("world.trace")] == [
        "page[0].flags.dirty"]


# -- 15


def test_pitfall_15_swap_cache_wins_and_anonymous_has_none(pair):
    pair.file(0)
    pair.page(0, file=0, index=2)
    pair.page(1, anon=0)
    pair.page(2, anon=0, swap=1)

    found = [pair.runner.primitive("page_mapping", pair.address(f"page[{n}]"))[1]
             for n in range(3)]

    assert found == [pair.address("mapping[0]"), 0, pair.address("mapping[3]")]


@pytest.mark.parametrize("cached_for_swap", [0, 1])
def test_pitfall_15_try_to_free_buffers_asks_the_raw_field(pair, cached_for_swap):
    # a bit that no file page has: page_mapping would lead to the swapper space
    pair.file(0)
    pair.page(0, file=0, index=2, flags="locked")
    pair.buffers(0, ["Write_EIO"])
    pair.set("page[0].flags.swapcache", cached_for_swap)

    out = pair.run("try_to_free_buffers", page=0)

    assert out.ret == 1
    assert [out.read(f"mapping[{i}].flags") >> AS_EIO & 1 for i in (0, 3)] == [1, 0]


# -- 16


def test_pitfall_16_page_stays_anonymous_after_its_last_unmap(process):
    process.vma(0, at=4, flags=PRIVATE_RW, anon=0)
    process.page(0)
    process.set("page[0]._count", 1)
    process.call("page_add_new_anon_rmap", "page[0]", "vma[0]", address(4))
    assert process.call("page_mapped", "page[0]") == 1

    process.call("page_remove_rmap", "page[0]")

    assert process.call("page_mapped", "page[0]") == 0
    assert process.call("PageAnon", "page[0]") == 1
    assert process.get("page[0]._count") == 1       # and the reference is not put either


# -- 17


@pytest.mark.parametrize("locked, reused", [(False, True), (True, False)])
def test_pitfall_17_old_value_1_means_that_somebody_else_has_the_lock(v8, before, locked, reused):
    #   parent   p0 RW D     fork:  p0 RO     child ends:  p0 RO, mapped once
    for w in v8, before:
        p = w.process
        at = p.mmap(pages=1, shared=False)
        p.write(at)
        p.fork().exit()
        assert p.pte(at) == "page 0 RO D A"
        if locked:
            w.lock_page(0)

        p.write(at)

        assert p.pte(at) == ("page 0 RW D A" if reused else "page 1 RW D A")
        assert w.properties() is None


@both_versions
def test_pitfall_17_lock_of_somebody_else_is_not_dropped(process, units):
    process.page(0, anon=0, index=0x40004, flags="locked")
    process.vma(0, at=4, flags=PRIVATE_RW, anon=0)
    process.pte(at=4, page=0)
    process.add("page[0]._count", 1)
    process.units(units)

    out = process.wp_fault(at=4)

    assert (out.ret, out.pte(0, 4)) == (COPIED, "page 1 rw,accessed,dirty")
    assert out.read("page[0].flags.locked") == 1
    assert "unlock_page" not in out.events and "can_share_swap_page" not in out.events


# -- 18


def poked_while_read_only(w):
    """A shared mapping of a file whose first page is anonymous: a debugger's copy.

        vma  rw-s       0
        pte             anonymous
    """
    f, p = w.file(pages=1), w.process
    at = p.mmap(f)
    p.mprotect(at, prot="r")
    p.poke(at)
    p.mprotect(at, prot="rw")
    page = p.page(at)
    assert w[f"page[{page}].mapping"] & 1
    return p, at, page


def test_pitfall_18_anonymous_page_of_a_shared_writable_vma_is_dirtied(v8):
    p, at, page = poked_while_read_only(v8)
    v8[f"page[{page}].flags.dirty"] = 0
    assert p.pte(at) == f"page {page} RO D A"

    p.write(at)

    assert p.pte(at) == f"page {page} RW D A"
    assert v8[f"page[{page}].flags.dirty"] == 1
    assert not any(step.split()[1].startswith(("PageAnon", "TestSetPageLocked"))
                   for step in v8.events if step.startswith("WP"))


@pytest.mark.parametrize("version", ["v8", "before"])
def test_pitfall_18_swapped_and_shared_by_two_it_is_copied_only_before(version, request):
    #   parent, child    anon     reclaim: swap 1     the parent stores
    #   v8                                            both see it
    #   before                                        the parent has a copy of its own
    w = request.getfixturevalue(version)
    p, at, page = poked_while_read_only(w)
    child = p.fork()
    w.drain()
    for _ in range(5):
        w.reclaim(page)
        w.complete()
    assert (p.pte(at), child.pte(at)) == ("swap 1", "swap 1")

    child.read(at)
    stored = p.write(at)

    assert (child.read(at) == stored) is (version == "v8")
    assert (p.page(at) == child.page(at)) is (version == "v8")
    assert w.properties() is None


# -- 19


@both_versions
def test_pitfall_19_frame_without_a_page_has_nothing_to_release(process, units):
    # a private mapping of a driver's frames
    process.vma(0, at=4, flags=PRIVATE_RW | PFNMAP, pgoff=0xF0000, anon=0)
    process.pte(at=4, word=0xF0000 << 12 | 0x25)
    process.units(units)

    out = process.wp_fault(at=4)

    calm(out, SEM)
    assert (out.ret, out.pte(0, 4)) == (COPIED, "page 0 rw,accessed,dirty")
    assert "get_page" not in out.events and "put_page" not in out.events
    assert (out.read("mm[0].file_rss"), out.read("mm[0].anon_rss")) == (0, 1)


# -- 20


def private_page(process):
    process.file(0)
    process.page(0, file=0, index=1)
    process.vma(0, at=4, file=0, pgoff=1, flags=PRIVATE_RW)
    process.pte(at=4, page=0)


@both_versions
@pytest.mark.parametrize("race_lost, ret, old, new", [
    (False, COPIED, 1, 2),      # of the old page, the pte's reference and do_wp_page's own
    (True, MINOR, 2, 0),        # the copy, and of the old page do_wp_page's own
])
def test_pitfall_20_what_a_copy_releases(process, race_lost, ret, old, new,
                                               units):
    private_page(process)
    seen = process.word(4)
    if race_lost:
        process.pte(at=4, word=seen | 0x20)
    process.units(units)

    out = process.wp_fault(at=4, orig_pte=seen)

    calm(out, SEM)
    assert out.ret == ret
    assert out.events.count("put_page") == 2
    assert out.read("page[0]._count") == old
    assert out.read("page[1]._count") == new
