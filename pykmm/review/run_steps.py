# SPDX-License-Identifier: GPL-2.0-only
"""The steps that mechanisms are made of: where a run took one, and how that is undone.

Each is a function of a run's operations that gives a replay.Undo for each time the step was taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from ..report.paths import Map
from .blocks import blocks_of
from .replay import PAGE, PTE_D, PTE_PRESENT, PTE_RW, Call, Moment, State, Undo, page_of

Step = Callable[[tuple[Moment, ...]], Iterator[Undo]]

_NONLINEAR = 23         # of vm_flags
_SHARED = 8             # of vm_flags
_DRIVER_BITS = 0x18     # PWT and PCD
_UPTODATE_BH, _DIRTY_BH, _UPTODATE_PAGE = 0, 1, 3

def took_d(how: str) -> Step:
    """page_mkclean took D of a pte over a block that had been cleaned so while its page was dirty."""
    def step(moments: tuple[Moment, ...]) -> Iterator[Undo]:
        for one in blocks_of(moments).taken:
            call = one.moment.call_of(one.event)
            if how in one.origins and call:
                yield Undo(one.moment.number, call.number, "pte", one.event["pte"],
                           one.event["value"] | PTE_D)
    return step


def cleaned(how: str) -> Step:
    """A block was cleaned so, and its page stayed dirty."""
    def step(moments: tuple[Moment, ...]) -> Iterator[Undo]:
        for moment, _, buffer in _first_cleaned(moments, how):
            yield Undo(moment.number, None, f"buffer[{buffer}].b_state.Dirty", 0, 1)
    return step


def stayed_writable(how: str) -> Step:
    """A block was cleaned so, its page stayed dirty, and a pte may still write to it without a fault."""
    def step(moments: tuple[Moment, ...]) -> Iterator[Undo]:
        for moment, page, _ in _first_cleaned(moments, how):
            for path in _ptes(moment.where):
                word = moment.after[path]
                if word & PTE_PRESENT and word & PTE_RW and page_of(word) == page:
                    yield Undo(moment.number, None, f"{path}.rw", 0, -1)
    return step


def given_up(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """Writeback had no space for a block that was dirty, and nothing tries it again."""
    for moment, page in blocks_of(moments).given_up:
        yield Undo(moment.number, None, "page", page)


def _first_cleaned(moments: tuple[Moment, ...], how: str) -> Iterator[tuple[Moment, int, int]]:
    """(operation, page, buffer): as long as a block stays clean it was cleaned once."""
    seen: set[tuple[int, int]] = set()
    for moment, page, buffer, by in blocks_of(moments).cleaned:
        if by == how:
            if (buffer, moment.number - 1) not in seen:
                yield moment, page, buffer
            seen.add((buffer, moment.number))


@lru_cache(maxsize=4)
def _ptes(where: Map) -> tuple[str, ...]:
    return tuple(place.path for place in where.places if place.form == "pte")


def took_d_of_pinned(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """page_mkclean took D of a pte over a page that a device holds, which then stores into it, and of
    which nobody says so."""
    silent = {(moment.number, arguments[0]) for moment in moments
              for (name, _, arguments), _, _ in [moment.action]
              if name == "unpin" and arguments[1] and not arguments[2]}
    for one in blocks_of(moments).taken:
        call = one.moment.call_of(one.event)
        if call and one.moment.before[f"page[{one.page}].pins"] and any(
                page == one.page and number > one.moment.number for number, page in silent):
            yield Undo(one.moment.number, call.number, "pte", one.event["pte"],
                       one.event["value"] | PTE_D)


FROM_PTE = ("ptep_get_and_clear", "ptep_clear_flush", "ptep_clear_flush_dirty")
INTO_PTE = ("set_pte_at", "ptep_set_access_flags", "ptep_establish")


def said_dirty(by: tuple[str, ...]) -> Step:
    """try_to_free_buffers has let private_lock go: with no buffers left, and before it takes PG_dirty,
    another actor's set_page_dirty has only that to say it with.  by: its last event on a pte before
    that."""
    def step(moments: tuple[Moment, ...]) -> Iterator[Undo]:
        for moment in moments:
            for call in moment.calls:
                if call.function == "try_to_free_buffers" and _said(moment, call) in by:
                    yield Undo(moment.number, call.number, "page",
                               moment.address("page", call.page))
    return step


def _said(moment: Moment, call: Call) -> str:
    """The event on a pte before set_page_dirty of the page without buffers, whose PG_dirty is then
    taken; "" if that did not happen."""
    last, is_open, said = "", False, ""
    for event in (one for one in moment.events if call.made(one)):
        if event.name == "drop_buffers":
            is_open = bool(event["dropped"])
        elif event.name in (*FROM_PTE, *INTO_PTE):
            last = event.name
        elif event.name in ("set_page_dirty", "TestClearPageDirty"):
            if moment.element("page", event["page"]) != call.page:
                continue
            if event.name == "set_page_dirty" and is_open:
                said = last
            elif event.name == "TestClearPageDirty":
                return said if event["old"] else ""
    return ""


def removed_though_stored(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """While invalidate_inode_pages2 is at work a page is stored to, and it is taken out of its file all
    the same."""
    for moment in moments:
        if all(event.name != "invalidate_inode_pages2" for event in moment.events):
            continue
        for call in moment.calls:
            if call.function == "test_clear_page_dirty" and _goes_with_a_store(moment, call):
                yield Undo(moment.number, call.number, "page", moment.address("page", call.page))


def _goes_with_a_store(moment: Moment, call: Call) -> bool:
    stored = False
    for event in moment.events:
        if "page" not in event.values or moment.element("page", event["page"]) != call.page:
            continue
        if event.name == "user_store":
            # that which try_to_free_buffers takes is another finding
            stored |= not any(_said(moment, other) for other in moment.calls if other.made(event))
        elif event.name == "remove_from_page_cache" and event.at >= call.end:
            return stored
    return False


def copied_over_d(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """A pte was stored through and is read-only now; a forced write copies its page (WP10), and what
    the old pte's D knew goes with it."""
    for moment in moments:
        for event in moment.events:
            if event.name != "ptep_establish":
                continue
            path = moment.where.name_of(event["pte"])
            old = moment.before.get(path)
            if old & PTE_D and page_of(old) != page_of(event["value"]):
                mapping = f"page[{page_of(old)}].mapping"
                if moment.after.get(mapping) and not moment.after[mapping] & 1:
                    yield Undo(moment.number, None, "page", page_of(old))


def counted_out(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """A fault's TestSetPageDirty; before it counts the page, another actor clears PG_dirty, counts the
    page out, and takes it out of its file."""
    for moment in moments:
        begun: dict[int, int] = {}
        for event in moment.events:
            if event.name == "TestSetPageDirty" and not event["old"]:
                begun[event["page"]] = 0
            elif event.name == "inc_page_state" and begun:
                # the count follows TestSetPageDirty at once, unless somebody acts in between
                begun = {page: out for page, out in begun.items() if out}
            elif event.name == "TestClearPageDirty" and event["old"] and event["page"] in begun:
                begun[event["page"]] = 1
            elif event.name == "remove_from_page_cache" and begun.get(event["page"]):
                yield Undo(moment.number, None, "world.page_state.nr_dirty", 0, 1)
                begun.pop(event["page"])


def left_writable(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """PG_dirty was taken, and a pte in a nonlinear mapping, where page_mkclean does not look, may
    still write to the page."""
    for moment in moments:
        taken = {moment.element("page", event["page"]) for event in moment.events
                 if event.name == "TestClearPageDirty" and event["old"]}
        for _, _, path in _ptes_of_nonlinear(moment.after):
            word = moment.after[path]
            if word & PTE_RW and page_of(word) in taken:
                yield Undo(moment.number, None, f"{path}.rw", 0, -1)


def _ptes_of_nonlinear(state: State) -> Iterator[tuple[int, int, str]]:
    """(number of its vma, address, path) of each present pte there."""
    for vma in range(state.count("vma")):
        if not state[f"vma[{vma}].vm_end"] or not state[f"vma[{vma}].vm_flags"] >> _NONLINEAR & 1:
            continue
        mm = state.number("mm", f"vma[{vma}].vm_mm")
        for at in range(state[f"vma[{vma}].vm_start"], state[f"vma[{vma}].vm_end"], PAGE):
            path = f"mm[{mm}].pte[{at:#x}]"
            if state.get(path) & 1:
                yield vma, at, path


def gave_back_unpaid(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """do_mmap_pgoff's way out (MM24) has unmap_region give back what it did not charge."""
    for moment in moments:
        failed = charged = False
        for event in moment.events:
            if event.name == "security_vm_enough_memory":
                charged |= not event["error"]
            elif event.name == "f_op_mmap":
                failed = bool(event["error"])
            elif event.name == "vm_unacct_memory" and failed and not charged:
                yield Undo(moment.number, None, "world.vm_committed_space", 0, event["pages"])


def copied_into_nonlinear(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """A nonlinear mapping has an anonymous page, at which a sweep of it (try_to_unmap) is a BUG."""
    there: set[str] = set()
    for moment in moments:
        if moment.outcome != "returned":
            continue
        now = {path: (vma, at) for vma, at, path in _ptes_of_nonlinear(moment.after)
               if moment.after.get(f"page[{page_of(moment.after[path])}].mapping") & 1}
        for path in now.keys() - there:
            yield Undo(moment.number, None, "zap", *now[path])
        there = set(now)


def dirtied_unread(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """An invalidation that cannot remove a page makes all its buffers dirty, those too that were never
    read or written."""
    for moment in moments:
        if all(event.name != "invalidate_inode_pages2" for event in moment.events):
            continue
        for buffer in range(moment.after.count("buffer")):
            before, after = (state[f"buffer[{buffer}].b_state"]
                             for state in (moment.before, moment.after))
            if after >> _DIRTY_BH & 1 and not before >> _DIRTY_BH & 1 \
                    and not after >> _UPTODATE_BH & 1:
                yield Undo(moment.number, None, f"buffer[{buffer}].b_state.Dirty", 0, -1)


def disbelieved(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """A write ends with an error and takes BH_Uptodate off a block that was stored to meanwhile."""
    for moment in moments:
        if all(event.name != "end_io" or event["ok"] for event in moment.events):
            continue
        for buffer in range(moment.after.count("buffer")):
            before, after = (state[f"buffer[{buffer}].b_state"]
                             for state in (moment.before, moment.after))
            if before >> _UPTODATE_BH & 1 and after >> _DIRTY_BH & 1 \
                    and not after >> _UPTODATE_BH & 1:
                yield Undo(moment.number, None, f"buffer[{buffer}].b_state.Uptodate", 0, 1)


def page_disbelieved(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """A write(2) fails in prepare_write, and PG_uptodate goes off a page that was whole."""
    for moment in moments:
        for event in moment.events:
            if event.name == "prepare_write" and event["error"]:
                flags = f"page[{moment.element('page', event['page'])}].flags"
                if moment.before[flags] >> _UPTODATE_PAGE & 1 and \
                        not moment.after[flags] >> _UPTODATE_PAGE & 1:
                    yield Undo(moment.number, None, f"{flags}.uptodate", 0, 1)


def zeroed(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """A write(2) fails in prepare_write and zeroes new blocks, with what was stored meanwhile."""
    for moment in moments:
        failed = {moment.element("page", event["page"]) for event in moment.events
                  if event.name == "prepare_write" and event["error"]}
        for event in moment.events:
            if event.name != "user_store":
                continue
            page = moment.element("page", event["page"])
            path = f"page[{page}].contents[{event['sector']}]"
            if page in failed and not moment.after[path]:
                yield Undo(moment.number, None, path, 0, event["version"])


def taken_for_the_files(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """do_wp_page asks whether a mapping is shared and writable before it asks whether the page is
    anonymous (WP2): a private copy there is marked dirty, and written to, as a page of the file."""
    for moment in moments:
        for event in moment.events:
            if event.name != "ptep_set_access_flags" or not moment.number:
                continue
            page = page_of(event["value"])
            vma = moment.element("vma", event["vma"])
            if moment.before[f"page[{page}].mapping"] & 1 and \
                    moment.before[f"vma[{vma}].vm_flags"] & _SHARED:
                # without a copy there is nothing that could be taken for anything
                yield Undo(moment.number - 1, None, "zap", vma,
                           event["address"] // PAGE * PAGE)


def protection_made_anew(moments: tuple[Moment, ...]) -> Iterator[Undo]:
    """mprotect_fixup makes vm_page_prot of the flags alone (MF8), and the bits of a driver go."""
    for moment in moments:
        if moment.outcome != "returned":
            continue
        for vma in range(moment.after.count("vma")):
            start = moment.after[f"vma[{vma}].vm_start"]
            bits = _driver_bits(moment.before, moment.after[f"vma[{vma}].vm_mm"], start)
            if not moment.after[f"vma[{vma}].vm_end"] or not bits:
                continue
            lost = bits & ~moment.after[f"vma[{vma}].vm_page_prot"]
            if lost:
                yield Undo(moment.number, None, f"vma[{vma}].vm_page_prot", 0, lost)
            mm = moment.after.number("mm", f"vma[{vma}].vm_mm")
            for at in range(start, moment.after[f"vma[{vma}].vm_end"], PAGE):
                path = f"mm[{mm}].pte[{at:#x}]"
                word = moment.after.get(path)
                if word & PTE_PRESENT and bits & ~word:
                    yield Undo(moment.number, None, path, 0, bits & ~word)


def _driver_bits(state: State, mm: int, address: int) -> int:
    """PWT and PCD of the protection of the vma at an address of a process."""
    for vma in range(state.count("vma")):
        if state[f"vma[{vma}].vm_mm"] == mm and \
                state[f"vma[{vma}].vm_start"] <= address < state[f"vma[{vma}].vm_end"]:
            return state[f"vma[{vma}].vm_page_prot"] & _DRIVER_BITS
    return 0
