# SPDX-License-Identifier: GPL-2.0-only
"""What makes runs go wrong, step by step: each finding's mechanism, looked for in a run's events.

A mechanism is a chain of steps.  A step says where in a run it was taken and how that is undone
(replay.Undo): a bit is put back where it was taken.  A mechanism is the cause of a run only if each of
its steps was taken there, and the same run without that step does not go wrong.  So neither names of
properties nor units decide, and a run that goes wrong in another way is told as new.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..engine import core
from ..errors import HarnessError
from .blocks import BY_A_CUT, BY_HAND, IN_A_RACE, WITHOUT_SPACE
from .replay import Found, Replay
from .run_steps import (
    FROM_PTE,
    INTO_PTE,
    Step,
    cleaned,
    copied_into_nonlinear,
    copied_over_d,
    counted_out,
    dirtied_unread,
    disbelieved,
    gave_back_unpaid,
    given_up,
    left_writable,
    page_disbelieved,
    protection_made_anew,
    removed_though_stored,
    said_dirty,
    stayed_writable,
    taken_for_the_files,
    took_d,
    took_d_of_pinned,
    zeroed,
)


@dataclass(frozen=True)
class Mechanism:
    """Why runs go wrong.

    name : str       F1 and on: of findings.toml; or a word
    document : str   where it is written up
    says : str       its steps, in the order in which they are taken, in a sentence
    steps : tuple    each was taken in such a run, and without it nothing goes wrong
    of_sync : tuple  the same where a sync returned 0 and the store is not on disk; (): these steps.  The
                     sync could only have found it by a fault, so that is what is undone
    """

    name: str
    document: str
    says: str
    steps: tuple[Step, ...]
    of_sync: tuple[Step, ...] = ()

    def explains(self, run: Replay) -> bool:
        """Is it the cause of this run, in which nothing is undone yet?"""
        synced = run.found.name in SYNCED and self.of_sync
        return all(heals(run, step) for step in synced or self.steps)


_DOCS = "docs/findings/"
SYNCED = ("synced_writes", "msynced_writes")
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
        (cleaned(BY_HAND), took_d(BY_HAND)),
        (cleaned(BY_HAND), stayed_writable(BY_HAND))),
    Mechanism(
        "F3", f"{_DOCS}store-while-written.md",
        "A store makes a page dirty that is about to be written, and the write cleans its blocks; "
        "page_mkclean (MK4 to MK6) takes D of a pte over one.",
        (cleaned(IN_A_RACE), took_d(IN_A_RACE)),
        (cleaned(IN_A_RACE), stayed_writable(IN_A_RACE))),
    Mechanism(
        "F4", f"{_DOCS}store-between-buffers-and-page.md",
        "Buffers are given back (TF4), a fault says by PG_dirty that it has stored, and TC3 takes it.",
        (said_dirty(INTO_PTE),)),
    Mechanism(
        "F5", f"{_DOCS}unmap-between-buffers-and-page.md",
        "Buffers are given back (TF4), what an unmapped pte knew is handed to PG_dirty, and TC3 takes "
        "it.",
        (said_dirty(FROM_PTE),)),
    Mechanism(
        "F6", f"{_DOCS}cut-and-grown.md",
        "A cut cleans and unmaps blocks behind it and leaves their page dirty; page_mkclean (MK4 to "
        "MK6) takes D of a pte over one that is part of the file again.",
        (cleaned(BY_A_CUT), took_d(BY_A_CUT)),
        (cleaned(BY_A_CUT), stayed_writable(BY_A_CUT))),
    Mechanism(
        "F7", f"{_DOCS}store-while-without-space.md",
        "A store meets writeback that has no space for its block and gives the block up; page_mkclean "
        "(MK4 to MK6) has taken, or takes, D of a pte over it.",
        (given_up, took_d(WITHOUT_SPACE)), (given_up,)),
    Mechanism(
        "anonymous page", f"{_DOCS}anonymous-page-in-a-shared-mapping.md",
        "A debugger has put a private copy into a shared mapping that may be written to by now; do_wp_page "
        "takes it for a page of the file (WP2).",
        (taken_for_the_files,)),
    Mechanism(
        "pin without set_page_dirty", f"{_DOCS}pin-without-set-page-dirty.md",
        "page_mkclean (MK4 to MK6) takes D of a pte over a page that a device holds; the device stores "
        "into it after that, and who pinned it does not call set_page_dirty.",
        (took_d_of_pinned,)),
    Mechanism(
        "nonlinear", "claim C03",
        "page_mkclean does not look into a mapping that remap_file_pages has changed (MFI4): its ptes "
        "stay writable. Nothing is lost, as their D stays too.",
        (left_writable,)),
    Mechanism(
        "store while invalidated", f"{_DOCS}store-while-invalidated.md",
        "While invalidate_inode_pages2 is at work a page is stored to, and it is taken out of its file all "
        "the same.",
        (removed_though_stored,)),
    Mechanism(
        "forced write", f"{_DOCS}forced-write.md",
        "A forced write copies a page (WP10) that a read-only pte knows to be stored to, and drops that "
        "D.",
        (copied_over_d,)),
    Mechanism(
        "copy in a nonlinear mapping", f"{_DOCS}private-copy-in-a-nonlinear-mapping.md",
        "A nonlinear mapping has a private copy; a sweep of it (try_to_unmap) stops there with a BUG.",
        (copied_into_nonlinear,)),
    Mechanism(
        "never read", f"{_DOCS}never-read.md",
        "invalidate_inode_pages2 cannot remove a page and makes all its buffers dirty, those too that "
        "were never read: they are written.",
        (dirtied_unread,)),
    Mechanism(
        "read over after an error", f"{_DOCS}read-over-after-an-error.md",
        "A write fails and takes BH_Uptodate off a block that was stored to meanwhile; the next write(2) "
        "reads the disk over it.",
        (disbelieved,)),
    Mechanism(
        "write without space", f"{_DOCS}write-without-space.md",
        "A write(2) fails and takes PG_uptodate off a page that was whole; once its buffers have gone "
        "and it is dirty, the bio path stops at it with a BUG.",
        (page_disbelieved,)),
    Mechanism(
        "zeroed by a failed write", f"{_DOCS}zeroed-by-a-failed-write.md",
        "A write(2) fails in its middle and zeroes the new blocks of its page, with what was stored "
        "meanwhile.",
        (zeroed,)),
    Mechanism(
        "bits of a driver", f"{_DOCS}bits-of-a-driver.md",
        "mprotect makes the protection anew of the flags (MF8): PCD and PWT that a driver chose go.",
        (protection_made_anew,)),
    Mechanism(
        "failed mmap", f"{_DOCS}failed-mmap.md",
        "A file's mmap hook fails, and unmap_region gives back what a shared mapping was never charged "
        "(MM24).",
        (gave_back_unpaid,)),
)


def heals(run: Replay, step: Step) -> bool:
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
