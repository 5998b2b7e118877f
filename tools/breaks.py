#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run drawn sequences of each kernel, and say of every property that breaks why.

    python tools/breaks.py --sequences 10000000 --jobs 2     both kernels: counts, and what explains them
    python tools/breaks.py --kernel v8 --index 13246         one sequence: its operations and breaks

A property counts once a sequence: where it breaks first.  There the sequence is run again, one
operation at a time, and what it was must be one of REASONS: a rule about what the operations did,
each with the page in docs/findings that has it.  A break that no rule fits is *unexplained*.  The
kernel before the patch is not asked what it was not meant for (UNITS of pykmm.engine.properties).

The same seed and shard give the same sequences on every machine.  Exit status: 0 all is explained;
1 something is not; 2 bad arguments.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pykmm.engine import core, finding, halves, properties  # noqa: E402
from pykmm.report.paths import Map  # noqa: E402

KERNELS = {"v8": 0x7F, "before": 0}
CHUNK = 20_000
SHARD = 3
_TAKE_AWAY = {"truncate", "invalidate"}
_PRESENT, _RW, _DIRTY = 0x81, 0x2, 0x40
_SHARED, _NONLINEAR = 0x8, 0x800000
_PFN_BASE = 0x100
_NO_ACCOUNTING = 1
_INTERFERENCE = [name for name, *_ in core.EVENTS].index("interference")


@dataclass
class Step:
    """One operation of a sequence, and what it did.

    others : tuple     the operations that other actors did at pauses of it
    broken : set       properties that do not hold after it
    before, after      images of the world
    told : function    its events, as pykmm.engine.finding has them
    """

    name: str
    actor: int
    arguments: tuple[int, ...]
    ended: str
    result: int
    others: tuple[str, ...]
    broken: set[str]
    before: bytes
    after: bytes
    told: Callable[[], list[dict]]

    @property
    def names(self) -> set[str]:
        return {self.name, *self.others}

    @cached_property
    def events(self) -> list[tuple[str, str]]:
        """(step of the patch that it belongs to or "", text) of each event."""
        return [((event["step"] or " ").split(" ")[0], event["text"]) for event in self.told()]

    @property
    def taken(self) -> set[str]:
        """The steps of the patch that were taken."""
        return {step for step, _ in self.events if step}


@dataclass
class Break:
    """Where a sequence breaks a property first.

    steps : list    all operations up to that one, which is the last; at rest: all there are
    """

    kernel: str
    name: str
    steps: list[Step]
    at_rest: bool
    where: Map = field(repr=False)

    @property
    def last(self) -> Step:
        return self.steps[-1]

    def state(self, image: bytes) -> "State":
        return State(self.where, image)

    def before(self) -> set[str]:
        """Properties that broke earlier, or by the same operation."""
        found = set().union(*(step.broken for step in self.steps))
        return found - {self.name}


def _others(words: list[int]) -> Iterator[int]:
    """The kinds of operation that other actors did, of the words of a trace."""
    at = 0
    while at < len(words):
        count = words[at] >> 16
        # kind, actor, and whether it was allowed
        if words[at] & 0xFFFF == _INTERFERENCE and words[at + count]:
            yield words[at + 1]
        at += 1 + count


@cache
def _paths(where: Map) -> frozenset[str]:
    return frozenset(place.path for place in where.places)


class State:
    """What rules ask of a world."""

    def __init__(self, where: Map, image: bytes):
        self.where, self.image = where, image
        self._paths = _paths(where)
        self.files = self["world.size.mappings"] - 1
        self.slots, self.mms = self["world.size.slots"], self["world.size.mms"]

    def __getitem__(self, path: str) -> int:
        return self.where.read(self.image, path)

    def number(self, kind: str, pointer: int) -> int | None:
        """Which page, mm or the like a pointer leads to."""
        found = re.fullmatch(rf"{kind}\[(\d+)\]", self.where.name_of(pointer) or "")
        return int(found[1]) if found else None

    def waiting(self) -> Iterator[tuple[int, int, int, int]]:
        """(file, page of it, sector, version) of each store that the disk does not hold."""
        for file in range(self.files):
            size = self[f"inode[{file}].i_size"]
            for at in range(4 * self.slots):
                version = self[f"inode[{file}].unwritten[{at}]"]
                if version and at * 1024 < size:
                    yield file, at // 4, at % 4, version

    def page_at(self, file: int, index: int) -> int | None:
        """The number of the page of a file that is in memory, or None."""
        for slot in range(self[f"mapping[{file}].nrpages"]):
            if self[f"mapping[{file}].slot[{slot}].index_and_tags"] >> 2 == index:
                return self.number("page", self[f"mapping[{file}].slot[{slot}].page"])
        return None

    def vmas(self) -> Iterator[tuple[int, str]]:
        """(number of its process, its path)."""
        for i in range(self["world.size.vmas"]):
            mm = self.number("mm", self[f"vma[{i}].vm_mm"])
            if mm is not None and self[f"vma[{i}].vm_end"]:
                yield mm, f"vma[{i}]"

    def ptes(self, page: int) -> Iterator[tuple[str, int]]:
        """(path of its vma, pte) of each pte that leads to a page."""
        for mm, vma in self.vmas():
            for address in range(self[f"{vma}.vm_start"], self[f"{vma}.vm_end"], 4096):
                pte = self.pte(mm, address)
                if pte & _PRESENT and (pte >> 12) - _PFN_BASE == page:
                    yield vma, pte

    def pte(self, mm: int, address: int) -> int:
        """0 also where no page table can be."""
        path = f"mm[{mm}].pte[{address:#x}]"
        return self[path] if path in self._paths else 0


def _by_mprotect(b: Break) -> bool:
    return "mprotect" in b.last.names


def _stored_while_invalidated(b: Break) -> bool:
    """Each store that is gone was made while the file was invalidated."""
    before, after = b.state(b.last.before), b.state(b.last.after)
    return _may_be_stored_meanwhile(b) and all(
        version > before["world.version"] for *_, version in _gone(after))


def _dropped_after_it_was_lost(b: Break) -> bool:
    """What is gone was in a clean page that no dirty pte told of: promised_writes broke by that before, and
    now the page was taken away.  Others may have been stored while a file was invalidated."""
    before = b.state(b.last.before)
    lost = {(file, index, sector) for file, index, sector, _ in _untold(before)}
    stored = _may_be_stored_meanwhile(b)
    return "promised_writes" in b.before() and all(
        (file, index, sector) in lost or (stored and version > before["world.version"])
        for file, index, sector, version in _gone(b.state(b.last.after)))


def _may_be_stored_meanwhile(b: Break) -> bool:
    return "invalidate" in b.last.names and bool(b.last.others)


def _untold(state: State) -> Iterator[tuple[int, int, int, int]]:
    """Stores that wait in a page which is clean, and no dirty pte leads to it."""
    for file, index, sector, version in state.waiting():
        page = state.page_at(file, index)
        if page is not None and not state[f"page[{page}].flags.dirty"] and not any(
                pte & _DIRTY for _, pte in state.ptes(page)):
            yield file, index, sector, version


def _gone(state: State) -> list[tuple[int, int, int, int]]:
    """Stores that the disk does not hold, and memory neither."""
    found = []
    for file, index, sector, version in state.waiting():
        page = state.page_at(file, index)
        if page is None or state[f"page[{page}].contents[{sector}]"] != version:
            found.append((file, index, sector, version))
    return found


def _taken_away_while_dirtied(b: Break) -> bool:
    return bool(b.last.others) and bool(b.last.names & _TAKE_AWAY)


def _forgotten(b: Break) -> list[int]:
    """Pages that hold such a store, are clean or have a clean block, and that no dirty pte tells of."""
    state, found = b.state(b.last.after), []
    for file, index, sector, version in state.waiting():
        page = state.page_at(file, index)
        if page is None or state[f"page[{page}].contents[{sector}]"] != version:
            continue
        if not any(pte & _DIRTY for _, pte in state.ptes(page)):
            found.append(page)
    return found


def _cleaned_and_handed_to_nobody(b: Break) -> bool:
    """A dirty pte was cleaned, and its page has buffers that nobody made dirty for it."""
    state = b.state(b.last.after)
    return bool(b.last.taken & {"MK4", "MK5", "MK6"}) and all(
        state[f"page[{page}].flags.private"] for page in _forgotten(b))


def _buffers_given_back(b: Break) -> bool:
    """PG_dirty was taken by try_to_free_buffers."""
    return {"TF4", "TC3"} <= b.last.taken


def _copied(b: Break) -> bool:
    """A fault put a copy where a dirty pte was."""
    return "WP10" in b.last.taken


def _copied_over_a_journals_page(b: Break) -> bool:
    """A fault put a copy where a dirty pte was, of a page of which some block is clean."""
    return _copied(b) and bool(_forgotten(b)) and all(
        b.state(b.last.after)[f"page[{page}].flags.private"] for page in _forgotten(b))


def _nonlinear(b: Break) -> bool:
    """Each pte that may write to a clean page of a file is in a nonlinear mapping."""
    state = b.state(b.last.after)
    for file in range(state.files):
        for index in range(state.slots):
            page = state.page_at(file, index)
            if page is None or state[f"page[{page}].flags.dirty"] or \
                    state[f"bdi[{file}].capabilities"] & _NO_ACCOUNTING:
                continue
            for vma, pte in state.ptes(page):
                flags = state[f"{vma}.vm_flags"]
                if pte & _RW and flags & _SHARED and not flags & _NONLINEAR:
                    return False
    return True


def _lost_before(b: Break) -> bool:
    """A store that waits was lost by what broke promised_writes or kept_writes; or, with the patch,
    only dirty ptes of nonlinear mappings tell of it.  Others are known to the kernel."""
    lost = b.before() & {"promised_writes", "kept_writes"}
    if b.at_rest:
        return bool(lost)
    silent = False
    # a sync by another actor met what was there before
    images = (b.last.after, b.last.before) if {"fsync", "msync"} & set(b.last.others) else (b.last.after,)
    for state in map(b.state, images):
        for file, index, sector, version in state.waiting():
            page = state.page_at(file, index)
            gone = page is None or state[f"page[{page}].contents[{sector}]"] != version
            told = [] if gone else [vma for vma, pte in state.ptes(page) if pte & _DIRTY]
            if lost and not told:
                return True
            silent |= bool(told) and all(state[f"{vma}.vm_flags"] & _NONLINEAR for vma in told)
    return silent and b.kernel == "v8" and b.name == "synced_writes"


def _invalidation_failed(b: Break) -> bool:
    return any(text.startswith("invalidate_inode_pages2") and not text.endswith("= 0")
               for step in b.steps if "invalidate" in step.names for _, text in step.events)


def _anonymous_set_dirty(b: Break) -> bool:
    """do_wp_page took an anonymous page for one of the file (WP2), and set it dirty (WP14)."""
    state = b.state(b.last.after)
    pages = [int(re.findall(r"page\[(\d+)\]", text)[0])
             for step, text in b.last.events
             if step == "WP14" and text.startswith("set_page_dirty(page[")]
    return any(state[f"page[{page}].mapping"] & 1 for page in pages)


def _swept(b: Break) -> bool:
    """A page was reclaimed while a nonlinear vma had a private copy, at which a sweep of it stops."""
    state = b.state(b.last.before)
    return bool(b.last.names & {"reclaim", "strip"}) and any(
        state[f"page[{page}].mapping"] & 1
        for page in range(state["world.size.pages"])
        for vma, _ in state.ptes(page) if state[f"{vma}.vm_flags"] & _NONLINEAR)


def _no_longer_whole(b: Break) -> bool:
    """A page without buffers is dirty and not PG_uptodate, at which the bio path stops."""
    state = b.state(b.last.before)
    return any(state[f"page[{page}].flags.dirty"] and not state[f"page[{page}].flags.uptodate"]
               and not state[f"page[{page}].flags.private"]
               for page in range(state["world.size.pages"]))


# property -> (which kernels, finding or reason, does it fit?), the first that fits
REASONS: dict[str, list[tuple[tuple[str, ...], str, Callable[[Break], bool]]]] = {
    "tracked_writes": [(("v8",), "pitfall 29: ptes of a nonlinear mapping", _nonlinear)],
    "nr_dirty": [(("v8",), "truncated-while-dirtied", _taken_away_while_dirtied)],
    "promised_writes": [
        (("v8",), "unmap- and store-between-buffers-and-page", _buffers_given_back),
        (("v8",), "store-after-a-flush, store-while-written", _cleaned_and_handed_to_nobody),
        (("v8",), "forced-write, after a journal or writeback", _copied_over_a_journals_page),
        (("before",), "pitfall 21: a copy takes the dirty pte", _copied)],
    "kept_writes": [
        (("v8", "before"), "store-while-invalidated", _stored_while_invalidated),
        (("v8", "before"), "after a break of promised_writes", _dropped_after_it_was_lost)],
    "written_at_rest": [(("v8", "before"), "after a break of promised_writes or kept_writes",
                         _lost_before)],
    "synced_writes": [(("v8",), "after a break of promised_ or kept_writes, or pitfall 29",
                       _lost_before)],
    "msynced_writes": [(("v8", "before"), "after a break of promised_ or kept_writes",
                        _lost_before)],
    "known_contents": [(("v8", "before"), "never-read", _invalidation_failed)],
    "anonymous_pages": [(("v8",), "reused-anonymous-page", _anonymous_set_dirty)],
    "driver_bits": [(("v8", "before"), "bits-of-a-driver", _by_mprotect)],
    # and how a sequence ended
    "BUG": [(("v8", "before"), "private-copy-in-a-nonlinear-mapping", _swept),
            (("v8", "before"), "write-without-space", _no_longer_whole)],
}


def reason_of(found: Break) -> str:
    """The first reason whose rule fits, or ""."""
    for kernels, reason, fits in REASONS.get(found.name, []):
        if found.kernel in kernels and fits(found):
            return reason
    return ""


class Sequences:
    """Drawn sequences of one kernel, by half C."""

    def __init__(self, kernel: str, seed: int, shard: int):
        self.kernel, self.shard = kernel, shard
        self.half = halves.c_half()
        self.job = core.Job([self.half], seed=seed, units=KERNELS[kernel])
        self.runner, self.again = core.Runner(sequences=True), core.Runner(sequences=True)
        self.where = Map(self.again)
        self.meant = set(properties.names(properties.expected(properties.ALL, KERNELS[kernel])))
        self._kinds = [name for name, _ in core.OPERATIONS]

    def run(self, index: int) -> tuple[str, dict[str, int]]:
        """(how the sequence ended, or what should always hold and broke; {property: operation})."""
        self.runner.build(self.job.case(self.shard, index, True))
        ended, _, broken, left, _ = self.runner.run_checked(self.half)
        bad = ended if ended != "returned" else broken or left
        return bad or "", {name: at for name, at in self.runner.judged.items()
                           if name in self.meant}

    def steps(self, index: int, last: int) -> Iterator[Step]:
        """Its operations, one at a time, up to number `last`."""
        case = self.job.case(self.shard, index, True)
        self.again.build(case)
        for number, (name, actor, arguments) in enumerate(core.operations_of(case)):
            if number > last:
                return
            before = self.again.image()
            self.again.forget_trace()
            ended, result, _ = self.again.operate(self.half, name, actor, *arguments)
            words, places = self.again.trace()
            others = tuple(self._kinds[kind] for kind in _others(words))
            yield Step(name, actor, arguments, ended, result, others,
                       set(properties.names(self.again.broken(properties.ALL))),
                       before, self.again.image(),
                       partial(finding.events_of, words, places, self.half, self.where))

    def breaks(self, index: int, judged: dict[str, int], bad: str) -> Iterator[Break]:
        """Each property's first break, and how a sequence ended if not well, with the operations that led
        to it."""
        steps = list(self.steps(index, 1 << 30 if bad else max(judged.values(), default=0)))
        for name, at in judged.items():
            yield Break(self.kernel, name, steps[:at + 1], at >= len(steps), self.where)
        if bad:
            ended = next((at for at, step in enumerate(steps) if step.ended == bad), len(steps))
            yield Break(self.kernel, bad, steps[:ended + 1], ended >= len(steps), self.where)


@dataclass
class Counted:
    """What some sequences of a kernel broke."""

    sequences: int = 0
    breaks: Counter = field(default_factory=Counter)        # property
    reasons: Counter = field(default_factory=Counter)       # (property, reason or "")
    first: dict = field(default_factory=dict)               # of each (property, reason): its index

    def add(self, other: "Counted") -> None:
        self.sequences += other.sequences
        self.breaks += other.breaks
        self.reasons += other.reasons
        for key, index in other.first.items():
            self.first[key] = min(index, self.first.get(key, index))

    @property
    def unexplained(self) -> list[tuple[str, int, int]]:
        """(property, how many, the first one's index) of what no reason fits."""
        return [(name, count, self.first[name, reason])
                for (name, reason), count in self.reasons.items() if not reason]


def count(kernel: str, seed: int, shard: int, indices: range) -> Counted:
    """Run these sequences of a kernel, and explain what they break."""
    drawn, found = Sequences(kernel, seed, shard), Counted()
    for index in indices:
        bad, judged = drawn.run(index)
        found.sequences += 1
        if not bad and not judged:
            continue
        for one in drawn.breaks(index, judged, bad):
            key = one.name, reason_of(one)
            found.breaks[one.name] += 1
            found.reasons[key] += 1
            found.first.setdefault(key, index)
    return found


def _work(task: tuple) -> tuple[str, Counted]:
    kernel, *rest = task
    return kernel, count(kernel, *rest)


def _tell(kernel: str, found: Counted) -> None:
    print(f"{kernel}: {found.sequences:,} sequences")
    order = list(core.PROPERTIES)
    for (name, reason), number in sorted(found.reasons.items(), key=lambda row: (
            order.index(row[0][0]) if row[0][0] in order else len(order), row[0])):
        print(f"  {name:18} {number:9,}  {reason or 'UNEXPLAINED'}"
              f"  (first: {found.first[name, reason]})")


def _show(kernel: str, seed: int, shard: int, index: int) -> int:
    drawn = Sequences(kernel, seed, shard)
    bad, judged = drawn.run(index)
    known: set[str] = set()
    for number, step in enumerate(drawn.steps(index, 1 << 30)):
        newly = sorted(step.broken - known & drawn.meant)
        known |= step.broken
        meanwhile = "  meanwhile: " + " ".join(step.others) if step.others else ""
        print(f"{number:3}  p{step.actor}: {step.name} {' '.join(map(str, step.arguments))} -> "
              f"{step.ended if step.ended != 'returned' else step.result}{meanwhile}"
              f"{'  BROKEN: ' + ' '.join(newly) if newly else ''}")
    for one in drawn.breaks(index, judged, bad):
        print(f"{one.name}: {reason_of(one) or 'UNEXPLAINED'}")
    if bad:
        print(f"ended: {bad}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=100_000)
    parser.add_argument("--kernel", choices=KERNELS, help="only this one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shard", type=int, default=SHARD)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--index", type=int, help="show this sequence")
    return parser.parse_args()


def main() -> int:
    chosen = _arguments()
    kernels = [chosen.kernel] if chosen.kernel else list(KERNELS)
    if chosen.index is not None:
        return _show(kernels[0], chosen.seed, chosen.shard, chosen.index)
    tasks = [(kernel, chosen.seed, chosen.shard,
              range(first, min(first + CHUNK, chosen.sequences)))
             for first in range(0, chosen.sequences, CHUNK) for kernel in kernels]
    totals = {kernel: Counted() for kernel in kernels}
    began = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(chosen.jobs) as pool:
        for kernel, found in pool.imap_unordered(_work, tasks):
            totals[kernel].add(found)
    print(f"seed {chosen.seed}, shard {chosen.shard}, {time.perf_counter() - began:.0f} s")
    for kernel, found in totals.items():
        _tell(kernel, found)
    return 1 if any(found.unexplained for found in totals.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
