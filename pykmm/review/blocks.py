# SPDX-License-Identifier: GPL-2.0-only
"""The pages of a run and their blocks, followed from event to event: what cleaned each block while its
page stayed dirty, and over which blocks the D of a pte was taken."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from .replay import PAGE, PTE_D, Event, Moment, State, page_of

_PG_DIRTY, _PG_PRIVATE, _BH_DIRTY = 4, 11, 1

# what cleaned a block whose page stayed dirty
BY_HAND, IN_A_RACE, BY_A_CUT = "by hand", "in a race", "by a cut"
WITHOUT_SPACE = "without space"


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


@lru_cache(maxsize=256)
def _rings(state: State) -> dict[int, tuple[int, int]]:
    """Buffer -> (page, block)."""
    found: dict[int, tuple[int, int]] = {}
    for page in range(state.count("page")):
        if not state[f"page[{page}].flags"] >> _PG_PRIVATE & 1:
            continue
        buffer, block = state.number("buffer", f"page[{page}].private"), 0
        while buffer is not None and buffer not in found:
            found[buffer] = (page, block)
            buffer, block = state.number("buffer", f"buffer[{buffer}].b_this_page"), block + 1
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
    given_up : list    (moment, page) where writeback had no space for a block
    cleaned : list     (moment, page, buffer, how) of each block that an operation left clean while its
                       page is dirty
    """

    def __init__(self, moments: tuple[Moment, ...]):
        self.pages: dict[int, _Page] = {}
        self.taken: list[Taken] = []
        self.given_up: list[tuple[Moment, int]] = []
        self.cleaned: list[tuple[Moment, int, int, str]] = []
        for moment in moments:
            self._start(moment)
            for event in moment.events:
                self._event(moment, event)
            if moment.outcome == "returned":
                self._end(moment)

    def _start(self, moment: Moment) -> None:
        self.new_rings = _rings(moment.after)
        self.now = dict(_rings(moment.before))
        self.got: dict[int, int] = {}
        self.no_space = False
        self._settle(moment.before, self.now)

    def _settle(self, state: State, rings: dict[int, tuple[int, int]]) -> None:
        """What a state says goes before what events said."""
        for number in range(state.count("page")):
            page = self.pages.setdefault(number, _Page())
            mine = sorted((block, buffer) for buffer, (of, block) in rings.items() if of == number)
            page.dirty = bool(state[f"page[{number}].flags"] >> _PG_DIRTY & 1)
            page.blocks = [bool(state[f"buffer[{buffer}].b_state"] >> _BH_DIRTY & 1)
                           for _, buffer in mine]
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
        return self.pages.setdefault(moment.element("page", event["page"]), _Page())

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
        size = PAGE // max(1, len(page.blocks))
        for block in range(len(page.blocks)):
            if event["offset"] and block * size >= event["offset"]:
                page.clean(block, BY_A_CUT)

    def _on_create_empty_buffers(self, moment: Moment, event: Event) -> None:
        if not event["made"]:
            return
        number = moment.element("page", event["page"])
        page = self.pages.setdefault(number, _Page())
        # numbers of buffers that an operation takes are known by the state that it leaves
        self.now = {buffer: at for buffer, at in self.now.items() if at[0] != number}
        self.now |= {buffer: at for buffer, at in self.new_rings.items() if at[0] == number}
        dirty = page.dirty or bool(event["state"] >> 1 & 1)
        page.blocks = [dirty] * (PAGE // event["blocksize"])
        page.cleaned, page.released = {}, None

    def _on_get_block(self, moment: Moment, event: Event) -> None:
        self.no_space |= bool(event["error"])

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
        for buffer, (number, block) in self.new_rings.items():
            page = self.pages[number]
            # nothing tells when writeback gives up a block for which there is no space
            if self.no_space and block < len(page.blocks) and \
                    not moment.after[f"buffer[{buffer}].b_state"] >> _BH_DIRTY & 1:
                self._give_up(moment, number, block)
        self._settle(moment.after, self.new_rings)
        self.cleaned += [(moment, number, buffer, self.pages[number].cleaned[block])
                         for buffer, (number, block) in self.new_rings.items()
                         if block in self.pages[number].cleaned]


    def _give_up(self, moment: Moment, number: int, block: int) -> None:
        page = self.pages[number]
        if not page.blocks[block]:
            return
        page.clean(block, WITHOUT_SPACE)
        self.given_up.append((moment, number))
        # what was taken before that in this operation was taken for a block that is not written
        self.taken = [replace(one, origins=one.origins | {WITHOUT_SPACE})
                      if one.moment is moment and one.page == number else one
                      for one in self.taken]


@lru_cache(maxsize=4)
def blocks_of(moments: tuple[Moment, ...]) -> Blocks:
    """Those of a run."""
    return Blocks(moments)
