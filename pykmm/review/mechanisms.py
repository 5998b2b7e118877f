# SPDX-License-Identifier: GPL-2.0-only
"""What makes runs go wrong, step by step: each finding's mechanism, looked for in a run's events.

A mechanism is a chain of steps.  A step says where in a run it was taken and how that is undone
(replay.Undo): a bit is put back where it was taken.  A mechanism is the cause of a run only if each of
its steps was taken there, and the same run without that step does not go wrong.  So neither names of
properties nor units decide, and a run that goes wrong in another way is told as new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..engine import core
from ..errors import HarnessError
from .blocks import BY_A_CUT, BY_HAND, IN_A_RACE, blocks_of
from .replay import PTE_D, PTE_RW, Call, Found, Moment, Replay, Undo, page_of

Step = Callable[[tuple[Moment, ...]], Iterator[Undo]]

# Steps.

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
        seen = set()
        for moment, buffer, by in blocks_of(moments).cleaned:
            if by == how:
                # as long as it stays clean it was cleaned once
                if (buffer, moment.number - 1) not in seen:
                    yield Undo(moment.number, None, f"buffer[{buffer}].b_state.Dirty", 0, 1)
                seen.add((buffer, moment.number))
    return step


_FROM_PTE = ("ptep_get_and_clear", "ptep_clear_flush", "ptep_clear_flush_dirty")
_INTO_PTE = ("set_pte_at", "ptep_set_access_flags", "ptep_establish")


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
        elif event.name in (*_FROM_PTE, *_INTO_PTE):
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
    """invalidate_inode_pages2 has unmapped a page and locked it; a fault maps it again and stores, and
    the page is taken out of its file all the same."""
    for moment in moments:
        names = [event.name for event in moment.events]
        if "invalidate_inode_pages2" not in names:
            continue
        for call in moment.calls:
            if call.function == "test_clear_page_dirty" and _goes_with_a_store(moment, call):
                yield Undo(moment.number, call.number, "page", moment.address("page", call.page))


def _goes_with_a_store(moment: Moment, call: Call) -> bool:
    locked = stored = False
    for event in moment.events:
        if "page" not in event.values or moment.element("page", event["page"]) != call.page:
            continue
        if event.name == "lock_page":
            locked, stored = True, False
        elif event.name == "user_store" and locked:
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
        for path, word in _ptes_of_nonlinear(moment):
            if word & PTE_RW and page_of(word) in taken:
                yield Undo(moment.number, None, f"{path}.rw", 0, -1)


def _ptes_of_nonlinear(moment: Moment) -> Iterator[tuple[str, int]]:
    """(path, word) of each present pte there."""
    words = moment.after
    for vma in range(words.count("vma")):
        if not words[f"vma[{vma}].vm_end"] or not words[f"vma[{vma}].vm_flags"] >> 23 & 1:
            continue
        mm = words.number("mm", f"vma[{vma}].vm_mm")
        for at in range(words[f"vma[{vma}].vm_start"], words[f"vma[{vma}].vm_end"], 4096):
            path = f"mm[{mm}].pte[{at:#x}]"
            if words.get(path) & 1:
                yield path, words[path]


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


# Mechanisms.

@dataclass(frozen=True)
class Mechanism:
    """Why runs go wrong.

    name : str       F1 and on: of findings.toml; or a word
    document : str   where it is written up
    says : str       its steps, in the order in which they are taken, in a sentence
    steps : tuple    each was taken in such a run, and without it nothing goes wrong
    """

    name: str
    document: str
    says: str
    steps: tuple[Step, ...]

    def explains(self, run: Replay) -> bool:
        """Is it the cause of this run, in which nothing is undone yet?"""
        return all(_heals(run, step) for step in self.steps)


_DOCS = "docs/findings/"
MECHANISMS = (
    Mechanism(
        "F1", f"{_DOCS}truncated-while-dirtied.md",
        "A fault's TestSetPageDirty (WP14, NP12a); before it counts the page another actor takes "
        "PG_dirty, counts it out, and takes it out of its file.",
        (counted_out,)),
    Mechanism(
        "F2", f"{_DOCS}store-after-a-flush.md",
        "A journal, or somebody by hand, cleans a block and leaves its page dirty; page_mkclean (MK4 "
        "to MK6) takes D of a pte over it.",
        (cleaned(BY_HAND), took_d(BY_HAND))),
    Mechanism(
        "F3", f"{_DOCS}store-while-written.md",
        "A store makes a page dirty that is about to be written, and the write cleans its blocks; "
        "page_mkclean (MK4 to MK6) takes D of a pte over one.",
        (cleaned(IN_A_RACE), took_d(IN_A_RACE))),
    Mechanism(
        "F4", f"{_DOCS}store-between-buffers-and-page.md",
        "Buffers are given back (TF4), a fault says by PG_dirty that it has stored, and TC3 takes it.",
        (said_dirty(_INTO_PTE),)),
    Mechanism(
        "F5", f"{_DOCS}unmap-between-buffers-and-page.md",
        "Buffers are given back (TF4), what an unmapped pte knew is handed to PG_dirty, and TC3 takes "
        "it.",
        (said_dirty(_FROM_PTE),)),
    Mechanism(
        "F6", f"{_DOCS}cut-and-grown.md",
        "A cut cleans and unmaps blocks behind it and leaves their page dirty; page_mkclean (MK4 to "
        "MK6) takes D of a pte over one that is part of the file again.",
        (cleaned(BY_A_CUT), took_d(BY_A_CUT))),
    Mechanism(
        "nonlinear", "claim C03",
        "page_mkclean does not look into a mapping that remap_file_pages has changed (MFI4): its ptes "
        "stay writable. Nothing is lost, as their D stays too.",
        (left_writable,)),
    Mechanism(
        "store while invalidated", f"{_DOCS}store-while-invalidated.md",
        "invalidate_inode_pages2 has unmapped a page; a store maps it again, and it is taken out of its "
        "file all the same.",
        (removed_though_stored,)),
    Mechanism(
        "forced write", f"{_DOCS}forced-write.md",
        "A forced write copies a page (WP10) that a read-only pte knows to be stored to, and drops that "
        "D.",
        (copied_over_d,)),
    Mechanism(
        "failed mmap", f"{_DOCS}failed-mmap.md",
        "A file's mmap hook fails, and unmap_region gives back what a shared mapping was never charged "
        "(MM24).",
        (gave_back_unpaid,)),
)


def _heals(run: Replay, step: Step) -> bool:
    """Does it not go wrong once every such step in it is undone?"""
    while run.broken:
        new = [one for one in step(run.moments) if one not in run.undo]
        if not new:
            return False
        # what comes after the first may be otherwise once that is undone
        first = min(new, key=lambda one: (one.operation, one.call is None, one.call or 0))
        run = Replay(run.half, run.found, (*run.undo, first))
    return True


def causes_of(half: core.Half, found: Found) -> list[str]:
    """The names of every mechanism that is the cause of this run; [] if it is new.

    raises HarnessError   it does not go wrong when it is run again
    """
    run = Replay(half, found)
    if not run.broken:
        raise HarnessError(f"a run that was found does not break {found.name} when it is run again")
    return [one.name for one in MECHANISMS if one.explains(run)]
