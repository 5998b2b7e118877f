# SPDX-License-Identifier: GPL-2.0-only
"""What makes runs go wrong, step by step: each finding's mechanism, looked for in a run's events.

A mechanism is a chain of steps.  A step says where in a run it was taken and how that is undone
(replay.Undo): a bit is put back where it was taken.  A mechanism is the cause of a run only if each of
its steps was taken there, and the same run without that step does not go wrong.  So neither names of
properties nor units decide, and a run that goes wrong in another way is told as new.

A page's blocks are followed from event to event, so that it is known what cleaned each of them while
its page stayed dirty; the rest is read off the events of one operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..engine import core
from .replay import PTE_D, PTE_RW, Call, Event, Found, Moment, Replay, Undo, page_of

Step = Callable[[tuple[Moment, ...]], Iterator[Undo]]

# what cleaned a block whose page stayed dirty
BY_HAND, IN_A_RACE, BY_A_CUT = "by hand", "in a race", "by a cut"


# A page and its blocks, from event to event.

@dataclass
class _Page:
    """cleaned: of each block that is clean while the page is dirty, what cleaned it, or None;
    released: the same of blocks whose buffers were given back, the page being dirty still."""

    dirty: bool = False
    blocks: list[bool] = field(default_factory=list)
    cleaned: dict[int, str] = field(default_factory=dict)
    released: dict[int, str] | None = None

    def clean(self, block: int, how: str) -> None:
        if block < len(self.blocks) and self.blocks[block]:
            self.blocks[block] = False
            self.cleaned[block] = how

    def all_dirty(self) -> None:
        self.blocks = [True] * len(self.blocks)
        self.cleaned = {}
        self.released = None

    @property
    def origins(self) -> set[str]:
        return set((self.cleaned if self.released is None else self.released).values())


def _rings(moment: Moment, words) -> dict[int, tuple[int, int]]:
    """Buffer -> (page, block) in a state."""
    found = {}
    for page in range(words.pages):
        buffer = words.number("buffer", f"page[{page}].private")
        if buffer is None or not words[f"page[{page}].flags"] >> 11 & 1:
            continue
        block = 0
        while buffer is not None and buffer not in found:
            found[buffer] = (page, block)
            buffer, block = words.number("buffer", f"buffer[{buffer}].b_this_page"), block + 1
    return found


@dataclass(frozen=True)
class Taken:
    """page_mkclean took D of a pte: MK4 to MK6."""

    moment: Moment
    event: Event
    page: int
    origins: frozenset[str]


class Blocks:
    """The pages of a run, followed through all its events.

    taken : list       of Taken, in their order
    cleaned : list     (moment, buffer, how) of each block that an operation left clean while its page
                       is dirty
    """

    def __init__(self, moments: tuple[Moment, ...]):
        self.pages: dict[int, _Page] = {}
        self.taken: list[Taken] = []
        self.cleaned: list[tuple[Moment, int, str]] = []
        for moment in moments:
            self._start(moment)
            for event in moment.events:
                self._event(moment, event)
            if moment.outcome == "returned":
                self._end(moment)

    def _start(self, moment: Moment) -> None:
        self.rings = {**_rings(moment, moment.after), **_rings(moment, moment.before)}
        self.new_rings = _rings(moment, moment.after)
        self.now = dict(_rings(moment, moment.before))
        self.got: dict[int, int] = {}
        self._settle(moment.before, self.now)

    def _settle(self, words, rings: dict[int, tuple[int, int]]) -> None:
        """What a state says goes before what events said."""
        for number in range(words.pages):
            page = self.pages.setdefault(number, _Page())
            mine = sorted((block, buffer) for buffer, (of, block) in rings.items() if of == number)
            page.dirty = bool(words[f"page[{number}].flags"] >> 4 & 1)
            page.blocks = [bool(words[f"buffer[{buffer}].b_state"] >> 1 & 1) for _, buffer in mine]
            page.released = None
            if not page.dirty:
                page.cleaned = {}
            page.cleaned = {block: how for block, how in page.cleaned.items()
                            if block < len(page.blocks) and not page.blocks[block]}

    def _place(self, moment: Moment, address: int) -> tuple[_Page, int] | None:
        found = self.now.get(moment.element("buffer", address))
        return None if found is None else (self.pages[found[0]], found[1])

    def _event(self, moment: Moment, event: Event) -> None:
        handle = getattr(self, f"_on_{event.name}", None)
        if handle:
            handle(moment, event)

    def _of(self, moment: Moment, event: Event) -> _Page:
        return self.pages.setdefault(moment.page_at(event["page"]), _Page())

    def _on_TestClearPageDirty(self, moment: Moment, event: Event) -> None:
        self._of(moment, event).dirty = False

    def _on_TestSetPageDirty(self, moment: Moment, event: Event) -> None:
        self._of(moment, event).dirty = True

    _on_SetPageDirty = _on_TestSetPageDirty

    def _on___set_page_dirty_buffers(self, moment: Moment, event: Event) -> None:
        self._of(moment, event).all_dirty()

    def _on_mark_buffer_dirty(self, moment: Moment, event: Event) -> None:
        if place := self._place(moment, event["bh"]):
            page, block = place
            if block < len(page.blocks):
                page.blocks[block] = True
            page.cleaned.pop(block, None)

    def _on_ll_rw_block(self, moment: Moment, event: Event) -> None:
        if place := self._place(moment, event["bh"]):
            place[0].clean(place[1], BY_HAND)

    _on_sync_dirty_buffer = _on_ll_rw_block

    def _on_submit_bh(self, moment: Moment, event: Event) -> None:
        # by hand it has been cleaned already; writeback has taken PG_dirty, and it is set again
        if (place := self._place(moment, event["bh"])) and place[0].dirty:
            place[0].clean(place[1], IN_A_RACE)

    def _on_block_invalidatepage(self, moment: Moment, event: Event) -> None:
        page = self._of(moment, event)
        size = 4096 // max(1, len(page.blocks))
        for block in range(len(page.blocks)):
            if event["offset"] and block * size >= event["offset"]:
                page.clean(block, BY_A_CUT)

    def _on_create_empty_buffers(self, moment: Moment, event: Event) -> None:
        if not event["made"]:
            return
        number = moment.page_at(event["page"])
        page = self.pages.setdefault(number, _Page())
        # numbers of buffers that an operation takes are known by the state that it leaves
        self.now = {buffer: at for buffer, at in self.now.items() if at[0] != number}
        self.now |= {buffer: at for buffer, at in self.new_rings.items() if at[0] == number}
        dirty = page.dirty or bool(event["state"] >> 1 & 1)
        page.blocks = [dirty] * (4096 // event["blocksize"])
        page.cleaned, page.released = {}, None

    def _on_drop_buffers(self, moment: Moment, event: Event) -> None:
        if event["dropped"]:
            page = self._of(moment, event)
            page.released = dict(page.cleaned) if page.dirty else {}
            page.blocks, page.cleaned = [], {}

    def _on_ptep_establish(self, moment: Moment, event: Event) -> None:
        old = self.got.pop(event["pte"], 0)
        word = event["value"]
        if old & PTE_D and not word & PTE_D and page_of(old) == page_of(word):
            page = self.pages.setdefault(page_of(word), _Page())
            self.taken.append(Taken(moment, event, page_of(word), frozenset(page.origins)))

    def _on_ptep_get_and_clear(self, moment: Moment, event: Event) -> None:
        self.got[event["pte"]] = event["old"]

    def _end(self, moment: Moment) -> None:
        self._settle(moment.after, self.new_rings)
        before = {(page, block) for page, block in _rings(moment, moment.before).values()
                  if not moment.before[f"page[{page}].private"]}
        for buffer, (number, block) in self.new_rings.items():
            how = self.pages[number].cleaned.get(block)
            if how and (number, block) not in before:
                self.cleaned.append((moment, buffer, how))


# Steps.

def took_d(how: str) -> Step:
    """page_mkclean took D of a pte over a block that had been cleaned so while its page was dirty."""
    def step(moments: tuple[Moment, ...]) -> Iterator[Undo]:
        for one in Blocks(moments).taken:
            call = one.moment.call_of(one.event)
            if how in one.origins and call:
                yield Undo(one.moment.number, call.number, "pte", one.event["pte"],
                           one.event["value"] | PTE_D)
    return step


def cleaned(how: str) -> Step:
    """A block was cleaned so, and its page stayed dirty."""
    def step(moments: tuple[Moment, ...]) -> Iterator[Undo]:
        seen = set()
        for moment, buffer, by in Blocks(moments).cleaned:
            if by == how and not moment.after[f"buffer[{buffer}].b_state"] >> 1 & 1:
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
                               moment.pointer("page", call.page))
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
            if moment.page_at(event["page"]) != call.page:
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
                yield Undo(moment.number, call.number, "page", moment.pointer("page", call.page))


def _goes_with_a_store(moment: Moment, call: Call) -> bool:
    locked = stored = False
    for event in moment.events:
        if "page" not in event.values or moment.page_at(event["page"]) != call.page:
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
        taken = {moment.page_at(event["page"]) for event in moment.events
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


# Mechanisms.

@dataclass(frozen=True)
class Mechanism:
    """Why runs go wrong.

    finding : str    of findings.toml, or the name of a page in docs/findings
    says : str       its steps, in the order in which they are taken, in a sentence
    steps : tuple    each was taken in such a run, and without it nothing goes wrong
    """

    finding: str
    says: str
    steps: tuple[Step, ...]

    def explains(self, half: core.Half, found: Found) -> bool:
        """Is it the cause of this run?"""
        return all(_heals(half, found, step) for step in self.steps)


MECHANISMS = (
    Mechanism("F1", "a fault's TestSetPageDirty (WP14, NP12a), and before it counts the page another "
              "actor takes PG_dirty, counts it out and takes it out of its file", (counted_out,)),
    Mechanism("F2", "a journal or somebody else cleans a block by hand and leaves its page dirty; "
              "page_mkclean (MK4 to MK6) takes D of a pte over it", (cleaned(BY_HAND), took_d(BY_HAND))),
    Mechanism("F3", "a store makes a page dirty that is about to be written, and the write cleans its "
              "blocks; page_mkclean (MK4 to MK6) takes D of a pte over one",
              (cleaned(IN_A_RACE), took_d(IN_A_RACE))),
    Mechanism("F4", "buffers are given back (TF4), a fault says by PG_dirty that it has stored, and TC3 "
              "takes it", (said_dirty(_INTO_PTE),)),
    Mechanism("F5", "buffers are given back (TF4), what an unmapped pte knew is handed to PG_dirty, and "
              "TC3 takes it", (said_dirty(_FROM_PTE),)),
    Mechanism("F6", "a cut cleans and unmaps blocks behind it and leaves their page dirty; page_mkclean "
              "(MK4 to MK6) takes D of a pte over one that is part of the file again",
              (cleaned(BY_A_CUT), took_d(BY_A_CUT))),
    Mechanism("store-while-invalidated", "invalidate_inode_pages2 has unmapped a page, a store maps it "
              "again, and it is taken out of its file", (removed_though_stored,)),
    Mechanism("forced-write", "a forced write copies a page (WP10) that a read-only pte knows to be "
              "stored to, and drops that D", (copied_over_d,)),
    Mechanism("nonlinear", "page_mkclean does not look into a nonlinear mapping (MFI4), and its pte may "
              "still write to the page", (left_writable,)),
)


def _heals(half: core.Half, found: Found, step: Step) -> bool:
    """Does the run not go wrong once every such step in it is undone?"""
    undo: tuple[Undo, ...] = ()
    while True:
        run = Replay(half, found, undo)
        if not run.broken:
            return bool(undo)
        new = [one for one in step(run.moments) if one not in undo]
        if not new:
            return False
        # what comes after the first may be otherwise once that is undone
        undo = (*undo, min(new, key=lambda one: (one.operation, one.call is None, one.call or 0)))


def causes_of(half: core.Half, found: Found) -> list[Mechanism]:
    """Every mechanism that is the cause of this run; [] if it is new."""
    if not Replay(half, found).broken:
        raise ValueError("this run does not go wrong when it is run again")
    return [one for one in MECHANISMS if one.explains(half, found)]
