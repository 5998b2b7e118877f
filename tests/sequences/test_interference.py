# SPDX-License-Identifier: GPL-2.0-only
"""Another actor acts while a function sleeps or waits for a lock: what the function finds then.

`kernels.during(event, other, name, ...)` lets `other` happen in an operation, at the pause right
after an event of this name.  Versions: the last sector of the files on disk has 72, so that the
first store of a sequence is 73.
"""

import pytest

ALL, NONE = 0x7F, 0
SHARED = ("mmap", 0, 0, 2, 3, 1, 0)
PRIVATE = ("mmap", 0, 0, 2, 3, 2, 0)
ANONYMOUS = ("mmap", 255, 0, 2, 3, 2, 0)
ANONYMOUS_ALL = ("mmap", 255, 0, 16, 3, 2, 0)
SIGBUS, EAGAIN = -1007, -11

both_units = pytest.mark.parametrize("units", [ALL, NONE], ids=["all units", "no units"])


# do_no_page


@both_units
def test_truncation_while_nopage_sleeps_makes_it_look_again(start, units):
    kernels = start(SHARED, units=units)

    # to one page: the page of index 0 stays, but truncate_count has moved
    ret = kernels.during("pte_offset_map_lock", ("truncate", 0, 4), "store", 0, 0)

    assert ret == 73
    assert kernels.events().count("nopage") == 2
    assert kernels.events().count("cond_resched") == 1
    dirtied = ["NP9c", "NP11", "NP12", "NP12a"] if units else ["NP11", "NP12"]
    assert kernels.steps == ["NP1", "NP3", "NP7", "NP8", "NP7", "NP9", "NP9b", *dirtied]
    assert kernels.pte(0) == "page 0 rw,accessed,dirty"
    # its reference of the first look is given back, and so is the pagevec's: cache and pte are left
    assert kernels.get("page[0]._count") == 2
    assert kernels.get("page[0].flags.dirty") == (1 if units else 0)


@both_units
def test_truncation_to_nothing_while_nopage_sleeps_is_sigbus(start, units):
    kernels = start(SHARED, units=units)

    ret = kernels.during("pte_offset_map_lock", ("truncate", 0, 0), "store", 0, 0)

    assert ret == SIGBUS
    # TC: what truncation itself does to the page
    assert kernels.steps == ["NP1", "NP3", "NP7", "TC1", "TC2", "TC3", "TC8", "NP8"]
    assert kernels.pte(0) == "-"
    assert kernels.get("mapping[0].nrpages") == 0
    assert kernels.get("mm[0].file_rss") == 0


@both_units
def test_truncation_before_a_private_copy_is_mapped_drops_the_copy(start, units):
    kernels = start(PRIVATE, units=units)

    ret = kernels.during("pte_offset_map_lock", ("truncate", 0, 4), "store", 0, 0)

    assert ret == 73
    assert kernels.events().count("copy_user_highpage") == 2
    assert kernels.steps == ["NP1", "NP3", "NP6", "NP7", "NP8", "NP6", "NP7", "NP9", "NP9a", "NP11",
                             "NP12"]
    assert (kernels.get("mm[0].anon_rss"), kernels.get("mm[0].file_rss")) == (1, 0)


@both_units
def test_pte_filled_by_a_store_while_nopage_sleeps_is_left_alone(start, units):
    kernels = start(SHARED, units=units)

    ret = kernels.during("alloc_page", ("store", 0, 1), "store", 0, 0)

    dirtied = ["NP9c", "NP11", "NP12", "NP12a"] if units else ["NP11", "NP12"]
    assert kernels.steps == ["NP1", "NP3", "NP1", "NP3", "NP7", "NP9", "NP9b", *dirtied,
                             "NP7", "NP10", "NP12"]
    # the other one stored first
    assert (ret, kernels.get("page[0].contents[0]"), kernels.get("page[0].contents[1]")) == \
        (74, 74, 73)
    assert kernels.get("mm[0].file_rss") == 1
    assert kernels.get("page[0]._mapcount") == 0


def test_pte_filled_by_a_load_is_written_to_by_a_second_fault(start):
    kernels = start(SHARED, units=ALL)

    ret = kernels.during("alloc_page", ("load", 0, 1), "store", 0, 0)

    # v8 mapped it read-only for the load, so the store comes back to do_wp_page
    assert ret == 73
    assert kernels.steps == ["NP1", "NP3", "NP1", "NP3", "NP7", "NP9", "NP9b", "NP11", "NP12",
                             "NP7", "NP10", "NP12",
                             "WP1", "WP2", "WP3", "WP13", "WP14"]
    assert kernels.get("page[0].flags.dirty") == 1


def test_pte_filled_by_a_load_is_writable_before_the_patch(start):
    kernels = start(SHARED, units=NONE)

    ret = kernels.during("alloc_page", ("load", 0, 1), "store", 0, 0)

    assert ret == 73
    assert kernels.steps == ["NP1", "NP3", "NP1", "NP3", "NP7", "NP9", "NP9b", "NP11", "NP12",
                             "NP7", "NP10", "NP12"]
    assert kernels.pte(0) == "page 0 rw,accessed,dirty"
    assert kernels.get("page[0].flags.dirty") == 0


# do_wp_page


COPY = ["WP1", "WP2", "WP4", "WP6", "WP7", "WP8"]
COPIED = ["WP9", "WP10", "WP10b", "WP10d", "WP10g", "WP11", "WP12", "WP13"]


@both_units
def test_pte_copied_by_another_while_do_wp_page_allocates(start, units):
    kernels = start(PRIVATE, ("load", 0, 0), units=units)

    ret = kernels.during("alloc_page_vma", ("store", 0, 1), "store", 0, 0)

    assert ret == 74
    assert kernels.steps == [*COPY, *COPY, *COPIED, "WP8", "WP9", "WP11", "WP12", "WP13"]
    assert kernels.pte(0) == "page 1 rw,accessed,dirty"
    # the copy that came too late is free, and the file's page keeps what it had
    assert kernels.get("page[2]._count") == 0
    assert kernels.get("page[0].contents[0]") == 1
    assert kernels.get("page[0]._mapcount") == -1
    assert (kernels.get("mm[0].anon_rss"), kernels.get("mm[0].file_rss")) == (1, 0)


@both_units
def test_pte_zapped_by_truncation_while_do_wp_page_allocates(start, units):
    kernels = start(PRIVATE, ("load", 0, 0), units=units)

    ret = kernels.during("alloc_page_vma", ("truncate", 0, 0), "store", 0, 0)

    # the retry finds no page of the file any more
    assert ret == SIGBUS
    assert kernels.steps == [*COPY, "TC1", "TC2", "TC3", "TC8", "WP8", "WP9", "WP11", "WP12",
                             "WP13", "NP1", "NP3"]
    # nobody holds the file's page, nor the copy
    assert (kernels.get("page[0]._count"), kernels.get("page[1]._count")) == (0, 0)


def test_truncation_before_a_new_dirty_page_is_counted_leaves_nr_dirty_short(start):
    kernels = start(SHARED, ("load", 0, 0), units=ALL)

    # in set_page_dirty at the end of do_wp_page, for tree_lock: PG_dirty is set already
    ret = kernels.during("write_lock_irq", ("truncate", 0, 0), "store", 0, 0, consistent=False)

    assert ret == SIGBUS
    assert "TestClearPageDirty(page[0]) = 1" in kernels.happened
    # truncation counted it off, and nobody counted it on: the page is in no file any more
    assert kernels.get("world.page_state.nr_dirty") == -1
    assert kernels.get("page[0].flags.dirty") == 0
    assert kernels.broken == "page_state"


def test_truncation_before_a_page_is_made_dirty_costs_nr_dirty_nothing(start):
    kernels = start(SHARED, ("load", 0, 0), units=ALL)

    ret = kernels.during("spin_lock", ("truncate", 0, 0), "store", 0, 0, nth=2)

    # for private_lock: PG_dirty is set later, on a page without a file
    assert ret == SIGBUS
    assert kernels.get("world.page_state.nr_dirty") == 0


@pytest.fixture
def own_anonymous(start):
    """A page that fork left write-protected, and that is process 0's alone again."""
    def own_anonymous(**choices):
        kernels = start(ANONYMOUS, ("store", 0, 0), ("fork",), **choices)
        kernels.do("exit", by=1)
        assert kernels.pte(0) == "page 0 accessed,dirty"
        return kernels
    return own_anonymous


@both_units
def test_anonymous_page_of_nobody_else_is_used_again(own_anonymous, units):
    kernels = own_anonymous(units=units)

    assert kernels.do("store", 0, 0) == 74

    assert kernels.steps == ["WP1", "WP2", "WP3", "WP13"]
    assert kernels.pte(0) == "page 0 rw,accessed,dirty"


@both_units
def test_page_locked_before_do_wp_page_tries_is_copied(own_anonymous, units):
    kernels = own_anonymous(units=units)
    assert kernels.do("lock_page", 0) == 0

    assert kernels.do("store", 0, 0) == 74

    assert kernels.steps == [*COPY, *COPIED]
    assert "TestSetPageLocked(page[0]) = 1" in kernels.happened
    assert "can_share_swap_page" not in kernels.events()
    assert kernels.pte(0) == "page 1 rw,accessed,dirty"
    # who locked it has let go, and nobody holds it any more
    assert kernels.get("page[0].flags.locked") == kernels.get("page[0]._count") == 0


@both_units
def test_page_locked_at_the_pause_before_do_wp_page_is_copied(own_anonymous, units):
    kernels = own_anonymous(units=units)

    ret = kernels.during("spin_lock", ("lock_page", 0), "store", 0, 0)

    assert ret == 74
    assert kernels.steps == [*COPY, *COPIED]
    assert "TestSetPageLocked(page[0]) = 1" in kernels.happened
    assert kernels.get("page[0]._count") == 0


# other faults


def test_pte_filled_while_a_write_fault_allocates_an_anonymous_page(start):
    kernels = start(ANONYMOUS)

    ret = kernels.during("alloc_zeroed_user_highpage", ("store", 0, 1), "store", 0, 0)

    assert ret == 74
    mine, _ = kernels.after_interference()
    assert mine[-5:] == ["pte_offset_map_lock", "put_page", "pte_unmap_unlock", "up_read",
                         "user_store"]
    assert kernels.pte(0) == "page 0 rw,accessed,dirty"
    assert kernels.get("page[1]._count") == 0
    assert kernels.get("mm[0].anon_rss") == 1


def test_pte_filled_while_a_read_fault_waits_to_map_the_zero_page(start):
    kernels = start(ANONYMOUS)

    ret = kernels.during("spin_lock", ("store", 0, 1), "load", 0, 0)

    # another sector of the page that the store made
    assert ret == 0
    mine, _ = kernels.after_interference()
    assert mine[-4:] == ["user_store", "put_page", "pte_unmap_unlock", "up_read"]
    assert kernels.pte(0) == "page 0 rw,accessed,dirty"
    # the zero page has given back what it had got
    assert (kernels.get("page[16]._count"), kernels.get("page[16]._mapcount")) == (1, -1)
    assert (kernels.get("mm[0].anon_rss"), kernels.get("mm[0].file_rss")) == (1, 0)


@pytest.fixture
def swapped_out(start):
    """Process 0's page at 0, whose sector 0 has version 73, is at swap slot 1 and not in memory."""
    kernels = start(ANONYMOUS, ("store", 0, 0), ("drain",))
    # young: its bit is cleared; added to swap and unmapped: its write begins; clean: freed
    assert [kernels.do("reclaim", 0, 1), kernels.do("reclaim", 0, 1)] == [0, 0]
    kernels.do("complete", 0, 1)
    assert kernels.do("reclaim", 0, 1) == 1
    assert kernels.pte(0) == "swap type 0 offset 0x1"
    assert kernels.get("page[0]._count") == 0
    return kernels


def test_swap_pte_changed_while_do_swap_page_waits_for_the_page(swapped_out):
    ret = swapped_out.during("lock_page", ("load", 0, 0), "load", 0, 0)

    assert ret == 73
    mine, _ = swapped_out.after_interference()
    assert mine[-5:] == ["pte_offset_map_lock", "pte_unmap_unlock", "unlock_page", "put_page",
                         "up_read"]
    assert swapped_out.events().count("page_add_anon_rmap") == 1
    # the swap cache, the pte and the pagevec hold it
    assert swapped_out.get("page[0]._count") == 3
    assert swapped_out.get("mm[0].anon_rss") == 1
    assert swapped_out.get("swap[1].map") == 1


def test_swap_cache_page_made_by_another_while_one_is_allocated(swapped_out):
    ret = swapped_out.during("alloc_page", ("load", 0, 0), "load", 0, 0)

    assert ret == 73
    # -EEXIST: its own page goes, its use of the slot too, and it finds the other's
    mine, _ = swapped_out.after_interference()
    assert mine.count("swap_duplicate") == 2
    assert mine.count("swap_free") == 2
    assert swapped_out.get("page[1]._count") == 0
    assert swapped_out.pte(0) == "page 0 accessed"


def test_present_pte_changed_between_the_look_and_the_lock(start):
    kernels = start(SHARED, ("load", 0, 0))
    assert kernels.pte(0) == "page 0 accessed"

    ret = kernels.during("spin_lock", ("store", 0, 1), "store", 0, 0)

    assert ret == 74
    # all steps are the other one's; this one lets the lock go and tries again
    assert kernels.steps == ["WP1", "WP2", "WP3", "WP13", "WP14"]
    mine, _ = kernels.after_interference()
    assert mine[-4:] == ["user_store", "pte_unmap_unlock", "up_read", "user_store"]


def test_private_pte_changed_between_the_look_and_the_lock(start):
    kernels = start(PRIVATE, ("load", 0, 0), units=NONE)

    ret = kernels.during("spin_lock", ("store", 0, 1), "store", 0, 0)

    assert ret == 74
    assert kernels.steps == [*COPY, *COPIED]
    assert kernels.pte(0) == "page 1 rw,accessed,dirty"


# anonymous vmas


def heads(kernels):
    return [kernels.map.name_of(word) if word else None
            for word in (kernels.get(f"anon_vma[{i}].head") for i in range(3))]


def test_anon_vma_made_by_another_before_this_one_is_allocated(start):
    kernels = start(ANONYMOUS)

    assert kernels.during("anon_vma_prepare", ("store", 1, 0), "store", 0, 0) == 74

    # two were allocated, one after the other, and the later one is free again
    assert kernels.get("vma[0].anon_vma") == kernels.map.address("anon_vma[0]")
    assert heads(kernels) == ["vma[0]", None, None]


def test_anon_vma_made_by_another_while_this_one_waits_for_the_lock(start):
    kernels = start(ANONYMOUS)

    assert kernels.during("spin_lock", ("store", 1, 0), "store", 0, 0) == 74

    # the one that waited had anon_vma 0 in hand: the other did not get it, too
    assert kernels.get("vma[0].anon_vma") == kernels.map.address("anon_vma[1]")
    assert heads(kernels) == [None, "vma[0]", None]


# reclaim and swap


def test_clean_page_mapped_and_written_to_before_it_leaves_the_cache(start):
    kernels = start(SHARED, ("load", 0, 0), ("munmap", 0, 2), SHARED)
    ret = kernels.during("write_lock_irq", ("store", 0, 0), "reclaim", 0, 1)

    # tree_lock's holder sees it dirty and held by a pte
    assert ret == 0
    assert "remove_mapping(mapping[0], page[0]) = 0" in kernels.happened
    assert kernels.pte(0) == "page 0 rw,accessed,dirty"
    assert kernels.get("page[0].flags.dirty") == kernels.get("page[0].flags.lru") == 1
    assert kernels.get("mapping[0].nrpages") == 1


def test_clean_page_leaves_the_cache_if_nobody_comes(start):
    kernels = start(SHARED, ("load", 0, 0), ("munmap", 0, 2), SHARED)

    assert kernels.do("reclaim", 0, 1) == 1

    assert kernels.get("mapping[0].nrpages") == 0


@pytest.fixture
def swapped_in(start):
    """Page 0 is mapped at 0 by process 0 and in the swap cache, and nobody else holds it."""
    kernels = start(ANONYMOUS, ("fork",), ("store", 0, 0), ("drain",))
    assert [kernels.do("reclaim", 0, 1), kernels.do("reclaim", 0, 1)] == [0, 0]
    kernels.do("complete", 0, 1)
    assert kernels.do("load", 0, 0) == 73
    kernels.do("drain")
    assert (kernels.get("page[0]._count"), kernels.get("swap[1].map")) == (2, 1)
    return kernels


def test_page_of_the_swap_cache_alone_leaves_it_with_its_last_user(swapped_in):
    assert swapped_in.do("munmap", 0, 2) == 0

    assert "remove_exclusive_swap_page(page[0]) = 1" in swapped_in.happened
    assert swapped_in.get("page[0]._count") == swapped_in.get("swap[1].map") == 0


def test_second_look_of_remove_exclusive_swap_page_finds_another_holder(swapped_in):
    # no operation can get at the page by then: it takes a pte that nobody counted
    assert swapped_in.do("load", 1, 0, by=1) == 0
    swapped_in.set("mm[1].pte[0x40000000]", 0x100025)

    ret = swapped_in.during("write_lock_irq", ("pin", 0, 0, 0, {"by": 1}), "munmap", 0, 2,
                            consistent=False)

    assert ret == 0
    assert swapped_in.get("world.interfered") == 1
    assert "remove_exclusive_swap_page(page[0]) = 0" in swapped_in.happened
    # the cache's and the pin
    assert (swapped_in.get("page[0]._count"), swapped_in.get("page[0].pins")) == (2, 1)
    assert swapped_in.get("page[0].flags.swapcache") == swapped_in.get("swap[1].map") == 1


def test_page_truncated_while_the_journal_holds_its_buffers_is_left_to_reclaim(start):
    kernels = start(("write", 0, 0, 0, 1), inode_kind=[5])

    assert kernels.during("lock_buffer", ("truncate", 0, 0), "commit", 0) == 0

    # in no file, but with its buffers, which reclaim can take now
    assert kernels.get("mapping[0].nrpages") == kernels.get("page[0].mapping") == 0
    assert kernels.get("page[0].flags.private") == 1
    kernels.do("complete", 0, 1)
    kernels.do("drain")
    assert kernels.do("reclaim", 0, 1) == 1
    assert kernels.get("page[0]._count") == kernels.get("buffer[0].b_page") == 0


# system calls


def test_two_forks_for_the_last_slot(start):
    kernels = start(ANONYMOUS, ("fork",))

    # at the pause for the new process's mmap_sem
    ret = kernels.during("down_write", ("fork", {"by": 1}), "fork", nth=2)

    assert ret == EAGAIN
    assert [kernels.get(f"mm[{i}].mm_users") for i in range(3)] == [1, 1, 1]
    # the child is that of process 1
    assert "copy_page_range" in kernels.after_interference()[0]
    assert "copy_page_range" not in kernels.after_interference()[1]


def test_pagevec_filled_by_another_while_it_is_drained(start):
    kernels = start(ANONYMOUS_ALL, *(("store", at, 0) for at in (*range(6), *range(8, 15))))
    assert kernels.get("world.lru_add_active.nr") == 13

    # in the other page table: this one's is locked while its page is the fourteenth
    ret = kernels.during("spin_lock", ("store", 6, 0), "store", 15, 0)

    assert ret == 87
    assert kernels.get("world.interfered") == 1
    # the other's page alone is in the pagevec now, and fourteen are on the LRU, each once
    assert kernels.get("world.lru_add_active.nr") == 1
    assert kernels.get("world.lru_add_active[0]") == \
        kernels.map.address(f"page[{kernels.page_of(6)}]")
    assert kernels.get("world.page_state.nr_active") == 14
    assert kernels.get(f"page[{kernels.page_of(15)}].flags.lru") == 1
    assert kernels.get(f"page[{kernels.page_of(6)}].flags.lru") == 0


# what cannot be now


@pytest.mark.parametrize("operation, event, other", [
    pytest.param(("store", 0, 0), "alloc_page", ("munmap", 0, 1), id="mmap_sem is held to read"),
    pytest.param(("munmap", 0, 1), "unmap_region", ("load", 0, 0), id="mmap_sem is held to write"),
    pytest.param(("write", 0, 0, 0, 1), "alloc_page", ("truncate", 0, 0), id="i_mutex is held"),
    pytest.param(("write", 0, 0, 0, 1), "prepare_write", ("load", 0, 0), id="the page is locked"),
    pytest.param(("truncate", 0, 0), "zap_page_range", ("munmap", 0, 2, {"by": 1}),
                 id="i_mmap_lock is held"),
])
def test_other_that_would_wait_is_refused_and_changes_nothing(start, operation, event, other):
    kernels = start(SHARED, ("fork",))
    kernels.do("load", 1, 0, by=1)
    before = kernels.runner.image()

    with_other = refused(kernels, before, operation, event, other)
    assert with_other is not None, "no such pause"
    image, trace = with_other

    kernels.runner.restore(before)
    kernels.set("world.interference", kernels.map.read(image, "world.interference"))
    kernels.do(*operation)
    words, _ = kernels.runner.trace()
    changed = [path for path, *_ in kernels.map.differences(kernels.runner.image(), image)]
    assert changed == ["world.trace_at"]
    assert trace == words


def test_process_whose_other_thread_is_in_a_call_does_not_end(start):
    kernels = start(SHARED)

    assert kernels.during("alloc_page", ("exit",), "store", 0, 0) == 73

    ends = [text for text in kernels.happened if text.startswith("operation")]
    assert ends[1] == "operation(0: exit) = -EBUSY"
    assert kernels.get("mm[0].mm_users") == 1


def test_other_acts_again_as_often_as_told(start):
    kernels = start(ANONYMOUS_ALL)
    kernels.set("world.pause_every", 3)
    kernels.set("world.pauses_more", 2)
    kernels.at_pause(2, "drain")

    kernels.do("store", 0, 0)
    first = kernels.events().count("interference")
    kernels.do("store", 1, 0)
    kernels.do("store", 2, 0)

    # pauses 2, 5 and 8: the first store has eight, of down_read, tables, anon_vma, page and locks
    assert first == 2
    assert kernels.get("world.pauses_left") == kernels.get("world.pauses_more") == 0


@pytest.mark.parametrize("every", range(4, 12))
def test_access_that_is_disturbed_each_time_comes_to_an_end(start, every):
    # each round takes two faults: the pte says which page of the file it is, and is then read-only
    for first in range(1, 30):
        kernels = start(SHARED, ("remap_file_pages", 0, 1, 1, 1))
        kernels.set("world.pause_every", every)
        kernels.set("world.pauses_more", 3)
        kernels.at_pause(first, "invalidate", 0)

        ended, ret = kernels.run("store", 0, 0)

        # SIGBUS: the page was thrown out of its file before it was mapped
        assert (ended, ret) in (("returned", 73), ("returned", SIGBUS)), f"from pause {first} on"


def test_other_acts_once_and_does_not_pause_itself(start):
    kernels = start(SHARED)

    kernels.during("alloc_page", ("store", 1, 0), "store", 0, 0)

    assert kernels.events().count("interference") == 1
    assert kernels.get("world.pauses_left") == kernels.get("world.interfering") == 0
    assert kernels.get("world.paused_task") == 0
    kernels.do("load", 3, 0)
    assert "interference" not in kernels.events()


def refused(kernels, before, operation, event, other):
    """(image, trace without the refusal) of the first pause after `event` that refuses it."""
    by = other[-1] if isinstance(other[-1], dict) else {}
    for pause in range(1, 60):
        kernels.runner.restore(before)
        kernels.at_pause(pause, *(word for word in other if not isinstance(word, dict)), **by)
        kernels.do(*operation)
        names = kernels.events()
        if "interference" not in names:
            return None
        at = names.index("interference")
        if event in names[:at] and not kernels.get("world.interfered"):
            words, _ = kernels.runner.trace()
            return kernels.runner.image(), without_event(words, at)
    return None


def without_event(words, number):
    at = 0
    for _ in range(number):
        at += 1 + (words[at] >> 16)
    return words[:at] + words[at + 1 + (words[at] >> 16):]
