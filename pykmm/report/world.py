# SPDX-License-Identifier: GPL-2.0-only
"""A world as text: processes and what they map, pages and buffers, files, swap, counters, locks.

One line a thing, only what is there.  Lines have keys, so that two worlds are
compared thing by thing: a line that differs is the same thing in another state.
"""

import textwrap
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape

from ..engine import core
from . import bits
from .paths import PAGE_SHIFT, SECTORS, Map

COLUMNS = 100
SECTOR_SHIFT = PAGE_SHIFT - 2
FIRST_FRAME = 0x100

KINDS = core.FILE_KINDS
_ON_DISK = core.ON_DISK
GARBAGE = 0xFFFF       # KMM_GARBAGE
_INODE_FLAGS = {4: "append-only", 8: "mandatory lock", 32: "swap file"}
_MAPPING_FLAGS = {20: "EIO", 21: "ENOSPC"}
_IO_PAGE = 0x10         # KMM_IO_BIO
_END_IO = {1: "ends an async write", 2: "ends a write"}
_STICKY = "\u00A0"      # a space at which no line is broken
_MOST_PTES = 32         # of one vma that are shown: more than processes have page tables for


@dataclass(frozen=True)
class Line:
    """One thing of a world.

    key : tuple     kind and which one; the same thing has the same key in another world
    depth : int     0 for what stands by itself, 1 and 2 for what belongs to the line above
    cells : tuple   its name, then facts; those of one kind are aligned
    """

    key: tuple
    depth: int
    cells: tuple[str, ...]


class Words:
    """Every word of an image by its path; those that are counts are signed."""

    def __init__(self, where: Map, image: bytes):
        self.where = where
        self._words = {}
        for place in where.places:
            # versions of contents are the only counts of two bytes, and have no sign
            self._words[place.path] = int.from_bytes(
                image[place.offset:place.offset + place.size], "little",
                signed=place.form == "int" and place.size > 2)

    def __getitem__(self, path: str) -> int:
        return self._words[path]

    def get(self, path: str, otherwise: int = 0) -> int:
        return self._words.get(path, otherwise)

    def count(self, array: str) -> int:
        return self.where.arrays[array][3]

    @property
    def pages(self) -> int:
        return self.count("page")

    @property
    def slots(self) -> int:
        """Pages that a file can have."""
        return self.count("slot") // self.count("mapping")

    def number(self, array: str, path: str) -> int | None:
        """Which element of an array the pointer at a path leads to; None for no element."""
        _, start, stride, count = self.where.arrays[array]
        at = self._words[path] - self.where.base - start
        return at // stride if at >= 0 and not at % stride and at < stride * count else None

    def versions(self, path: str) -> list[int]:
        return [self._words[f"{path}[{i}]"] for i in range(SECTORS)]


def _version(version: int) -> str:
    return "?" if version == GARBAGE else str(version)


def many(count: int, what: str) -> str:
    """1 page, 2 pages."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _contents(versions: Iterable[int | None]) -> str:
    """Versions of the sectors of a page; None: a sector that is not there."""
    return f"[{_STICKY.join('-' if v is None else _version(v) for v in versions)}]"


def _file_name(number: int | None) -> str:
    return "no file" if number is None else f"file {number}"


def prot_text(word: int) -> str:
    """The protection in a pte or of a vma: RW, RO, NONE, `-`."""
    if not word & 1:
        return "NONE" if word & 0x80 else "-"
    return " ".join(["RW" if word & 2 else "RO", *(name for bit, name in ((8, "PWT"), (16, "PCD"))
                                                   if word & bit)])


def pte_text(word: int, pages: int, *, driver: bool = False) -> str:
    """A pte word: `page 3 RW D A`, `none`, `swap 2`, `file pte 5`.

    pages : int     pages of the world; the last one is the zero page
    driver : bool   of a vma whose frames have no page
    """
    if not word:
        return "none"
    if not word & 0x81:
        if word & 0x40:
            return f"file pte {word >> 1 & 0x1F | word >> 8 << 5}"
        return f"swap {word >> 8}" + (f" type {word >> 1 & 0x1F}" if word >> 1 & 0x1F else "")
    page = (word >> PAGE_SHIFT) - FIRST_FRAME
    if page == pages - 1:
        name = "zero page"
    elif driver or not 0 <= page < pages:
        name = f"frame {word >> PAGE_SHIFT:#x}"
    else:
        name = f"page {page}"
    said = [name, prot_text(word), *(letter for bit, letter in ((0x40, "D"), (0x20, "A"))
                                      if word & bit)]
    return " ".join(said)


def pte_word(w: Words, mm: int, address: int) -> int:
    """The pte word of an address; 0 where there is no page table."""
    for i in range(w.count("pmd") // w.count("mm")):
        pmd = f"mm[{mm}].pmd[{i}]"
        if w[f"{pmd}.index"] == address >> w["world.pmd_shift"] and w[f"{pmd}.table"]:
            return w.get(f"mm[{mm}].pte[{address:#x}]")
    return 0


def _vma_file(w: Words, vma: int) -> int | None:
    file = w.number("file", f"vma[{vma}].vm_file")
    return None if file is None else w.number("mapping", f"file[{file}].f_mapping")


def _is_driver_frame(w: Words, vma: int, address: int, pte: int) -> bool:
    """What the kernel's vm_normal_page finds no page for, of a vma of a driver."""
    flags = w[f"vma[{vma}].vm_flags"]
    shift = (address - w[f"vma[{vma}].vm_start"]) >> PAGE_SHIFT
    own = pte >> PAGE_SHIFT == w[f"vma[{vma}].vm_pgoff"] + shift
    return bool(flags & 0x400) and (own or flags & 0x28 != 0x20)


def vma_flags(flags: int) -> list[str]:
    """Flags beyond those that the letters rwxs say and that every vma has."""
    said = bits.names(flags & ~0xFF, bits.VM_FLAGS)
    if flags & 0x80 and not flags & 8:
        said.append("MAYSHARE")
    return said + [f"no {name}" for bit, name in ((0x10, "MAYREAD"), (0x20, "MAYWRITE"),
                                                  (0x40, "MAYEXEC")) if not flags & bit]


def _vma_lines(w: Words, mm: int, vma: int) -> Iterator[Line]:
    at = f"vma[{vma}]"
    start, end, flags = w[f"{at}.vm_start"], w[f"{at}.vm_end"], w[f"{at}.vm_flags"]
    letters = "".join(letter if flags >> i & 1 else "-" for i, letter in enumerate("rwx"))
    file = _vma_file(w, vma)
    what = "anon" if file is None else f"{_file_name(file)} at {w[f'{at}.vm_pgoff']}"
    said = vma_flags(flags)
    number = w.number("anon_vma", f"{at}.anon_vma")
    if number is not None:
        said.append(f"anon_vma {number}")
    yield Line(("vma", mm, start), 1, (
        f"vma {vma}", f"{start:#x}-{end:#x}", letters + ("s" if flags & 8 else "p"), what,
        f"prot {prot_text(w[f'{at}.vm_page_prot'])}", " ".join(said)))
    addresses = range(start, end, 1 << PAGE_SHIFT)
    for address in addresses[:_MOST_PTES]:
        pte = pte_word(w, mm, address)
        driver = _is_driver_frame(w, vma, address, pte)
        yield Line(("pte", mm, address), 2, (
            f"{address:#x}", pte_text(pte, w.pages, driver=driver)))


_MODES = ["closed", "r", "w", "rw"]


def _process_lines(w: Words, mm: int) -> Iterator[Line]:
    at = f"mm[{mm}]"
    vmas = [vma for vma in range(w.count("vma"))
            if w[f"vma[{vma}].vm_end"] and w.number("mm", f"vma[{vma}].vm_mm") == mm]
    if not w[f"{at}.mm_users"] and not vmas:
        return
    heap = w[f"{at}.brk"] - w[f"{at}.start_brk"]
    said = [f"{w[f'{at}.locked_vm']} locked"] if w[f"{at}.locked_vm"] else []
    said += [f"brk {w[f'{at}.brk']:#x}"] if heap else []
    said += [] if w[f"{at}.mm_users"] else ["has ended"]
    yield Line(("process", mm), 0, (
        f"process {mm}", f"{many(w[f'{at}.total_vm'], 'page')} mapped",
        f"rss {w[f'{at}.file_rss']} file + {w[f'{at}.anon_rss']} anon", ", ".join(said)))
    files = []
    for fd in range(4):
        file = w.number("file", f"task[{mm}].fd[{fd}]")
        if file is not None:
            inode = w.number("mapping", f"file[{file}].f_mapping")
            files.append(f"{fd}: {_file_name(inode)} {_MODES[w[f'file[{file}].f_mode'] & 3]}")
    if files:
        yield Line(("fds", mm), 1, ("open", ", ".join(files)))
    for vma in sorted(vmas, key=lambda vma: w[f"vma[{vma}].vm_start"]):
        yield from _vma_lines(w, mm, vma)


def _owner(w: Words, page: int) -> str:
    """What a page belongs to: a file at an index, or a process."""
    at = f"page[{page}]"
    mapping, index = w[f"{at}.mapping"], w[f"{at}.index"]
    swap = f", swap {w[f'{at}.private']}" if w[f"{at}.flags"] >> 15 & 1 else ""
    if mapping & 1:
        return f"anon {index:#x}{swap}"
    number = w.number("mapping", f"{at}.mapping")
    return f"no file{swap}" if number is None else f"{_file_name(number)} at {index}"


def tags(w: Words) -> dict[int, list[str]]:
    """Tags of the pages that are in a tree, D and W, by page."""
    found: dict[int, list[str]] = {}
    for i in range(w.count("mapping")):
        for j in range(min(max(w[f"mapping[{i}].page_tree.nr"], 0), w.slots)):
            slot = f"mapping[{i}].slot[{j}]"
            page = w.number("page", f"{slot}.page")
            if page is not None:
                found[page] = [tag for bit, tag in ((1, "D"), (2, "W"))
                               if w[f"{slot}.index_and_tags"] & bit]
    return found


def waiting_pages(w: Words) -> set[int]:
    """Pages in the pagevecs that go to the LRU lists."""
    return {w.number("page", f"world.{vec}[{i}]")
            for vec in ("lru_add", "lru_add_active") for i in range(min(w[f"world.{vec}.nr"], 14))}


def _page_words(w: Words, page: int, tagged: list[str], waiting: bool) -> list[str]:
    at = f"page[{page}]"
    flags = bits.names(w[f"{at}.flags"], bits.PAGE_FLAGS) + ["pagevec"] * waiting
    said = [" ".join(flags)] * bool(flags) + [f"tag{_STICKY}{''.join(tagged)}"] * bool(tagged)
    if w[f"{at}.pins"]:
        said.append(f"pinned {w[f'{at}.pins']}")
    io = w[f"{at}.io"]
    if io:
        flying = w.versions(f"{at}.in_flight")
        sectors = _contents(v if io >> i & 1 else None for i, v in enumerate(flying))
        said.append(f"writing{_STICKY}{sectors}" + (" as a page" if io & _IO_PAGE else ""))
    return said


def page_ring(w: Words, page: int) -> list[int]:
    """Buffers of a page: its ring, then any that say they are of it and are not in it."""
    own = [i for i in range(w.count("buffer")) if w.number("page", f"buffer[{i}].b_page") == page]
    found: list[int] = []
    at = w.number("buffer", f"page[{page}].private")
    while at is not None and at not in found and at in own:
        found.append(at)
        at = w.number("buffer", f"buffer[{at}].b_this_page")
    return found + [i for i in own if i not in found]


def _buffer_lines(w: Words, page: int) -> Iterator[Line]:
    for buffer in page_ring(w, page):
        at = f"buffer[{buffer}]"
        state = bits.names(w[f"{at}.b_state"], bits.B_STATE)
        said = [f"count {w[f'{at}.b_count']}"] if w[f"{at}.b_count"] else []
        if w[f"{at}.b_in_transaction"]:
            said.append("in a transaction")
        if w[f"{at}.b_end_io"]:
            said.append(_END_IO.get(w[f"{at}.b_end_io"], "?"))
        block = f"block {w[f'{at}.b_blocknr']}" if "Mapped" in state else "no block"
        yield Line(("buffer", page, buffer), 2, (
            f"buffer {buffer}", block, " ".join(state) or "-", ", ".join(said)))


def _page_lines(w: Words) -> Iterator[Line]:
    pages = w.pages - 1
    used = [i for i in range(pages) if w[f"page[{i}]._count"] or w[f"page[{i}].flags"]]
    taken = [i for i in used if w[f"page[{i}].flags"] >> 10 & 1]
    said = [f"{len(used) - len(taken)} used", f"{pages - len(used)} free"]
    yield Line(("pages",), 0, ("pages", ", ".join(said + [f"{len(taken)} taken"] * bool(taken))))
    tagged, waiting = tags(w), waiting_pages(w)
    shown = [i for i in used if i not in taken]
    if w[f"page[{pages}]._mapcount"] != -1:
        shown.append(pages)
    for page in shown:
        at = f"page[{page}]"
        said = _page_words(w, page, tagged.get(page, []), page in waiting)
        yield Line(("page", page), 1, (
            "zero page" if page == pages else f"page {page}", f"count {w[f'{at}._count']}",
            f"mapped {w[f'{at}._mapcount'] + 1}", _owner(w, page),
            _contents(w.versions(f"{at}.contents")), ", ".join(said)))
        yield from _buffer_lines(w, page)


def disk_sectors(w: Words, inode: int) -> list[int | None]:
    """Versions on disk up to the file's end, sector by sector; None: a hole."""
    at = f"inode[{inode}]"
    room = w.slots * SECTORS
    sectors = min((w[f"{at}.i_size"] + (1 << SECTOR_SHIFT) - 1) >> SECTOR_SHIFT, room)
    found: list[int | None] = []
    for i in range(sectors):
        block = (i << SECTOR_SHIFT) >> (w[f"{at}.i_blkbits"] & 31)
        found.append(w[f"{at}.disk[{i}]"] if w[f"{at}.i_mapped"] >> block & 1 else None)
    return found


def _disk(w: Words, inode: int) -> str:
    """The same page by page, as text; `-` in holes."""
    found = disk_sectors(w, inode)
    pages = [_contents(found[i:i + SECTORS]) for i in range(0, len(found), SECTORS)]
    return " ".join(pages) or "[]"


def _file_lines(w: Words, hidden: Collection[int]) -> Iterator[Line]:
    for inode in range(w.count("mapping") - 1):
        at = f"inode[{inode}]"
        if not w[f"{at}.i_count"] or inode in hidden:
            continue
        kind = w[f"{at}.i_kind"]
        said = bits.names(w[f"{at}.i_state"], bits.I_STATE)
        said = [" ".join(said)] * bool(said)
        said += [name for bit, name in _MAPPING_FLAGS.items()
                 if w[f"mapping[{inode}].flags"] >> bit & 1]
        said += [name for bit, name in _INODE_FLAGS.items() if w[f"{at}.i_flags"] & bit]
        if w[f"bdi[{inode}].congested"]:
            said.append("congested")
        if w[f"{at}.i_charged"]:
            said.append(f"{many(w[f'{at}.i_charged'], 'page')} charged")
        name = KINDS[kind] if kind < len(KINDS) else f"kind {kind}"
        disk = ("", "")
        if name in _ON_DISK:
            disk = (f"blocks of {1 << (w[f'{at}.i_blkbits'] & 31)}", f"disk {_disk(w, inode)}")
        yield Line(("file", inode), 0, (f"file {inode}", name, f"{w[f'{at}.i_size']} bytes", *disk,
                                        ", ".join(said)))


def _swap_lines(w: Words) -> Iterator[Line]:
    for slot in range(1, w.count("swap")):
        if w[f"swap[{slot}].map"]:
            yield Line(("swap", slot), 0, (
                f"swap {slot}", f"count {w[f'swap[{slot}].map']}",
                _contents(w.versions(f"swap[{slot}].contents"))))


# enum lock_class
_LOCKS = ("- i_mutex mmap_sem page i_mmap_lock anon_vma page_table_lock ptl lru_lock swap_lock "
          "private_lock inode_lock tree_lock").split()


# KMM_FAULT_* of machine/watch.h
_STORE_FAULTS = (
    "a sync returned 0, and an earlier store was not on disk",
    "an msync returned 0, and a store that no other pte tells of was not on disk",
    "a write fault took an anonymous page for the file's",
    "a page of a file got dirty without a store")


def lock_lines(w: Words) -> Iterator[Line]:
    """Locks that are held, and what was done wrong in a run, with locks first."""
    held = [w.where.pointer(w[f"world.held[{i}]"])
            for i in range(min(max(w["world.nr_held"], 0), 12))]
    if held:
        yield Line(("locks",), 0, ("locks held", ", ".join(held)))
    if w["world.kmaps"]:
        yield Line(("kmaps",), 0, (f"{many(w['world.kmaps'], 'page table')} mapped",))
    if w["world.irqs_disabled"]:
        yield Line(("irqs",), 0, ("interrupts are disabled",))
    fault = w["world.order_fault"]
    if fault:
        yield Line(("order",), 0, (
            f"lock order: {_LOCKS[fault & 0xF]} was taken under {_LOCKS[fault >> 8 & 0xF]}",))
    if w["world.sleep_fault"]:
        under = ", ".join(bits.names(w["world.sleep_fault"], _LOCKS))
        yield Line(("sleep",), 0, (f"slept under {under}",))
    for number, said in enumerate(_STORE_FAULTS):
        if w["world.store_faults"] >> number & 1:
            yield Line(("stores", number), 0, (said,))
    page = w.number("page", "world.page_of_other")
    if page is not None:
        yield Line(("other",), 0, (f"page {page} is locked by another task",))


_COUNTERS = ("nr_dirty", "nr_writeback", "nr_mapped", "nr_active", "nr_inactive")


def lines(where: Map, image: bytes, hidden: Collection[int] = ()) -> list[Line]:
    """Every line of the world in an image.

    hidden : int    numbers of files that are left out
    """
    w = Words(where, image)
    found = [Line(("units",), 0, ("units", bits.units_text(w["world.units"])))]
    for mm in range(w.count("mm")):
        found += _process_lines(w, mm)
    found += [*_page_lines(w), *_file_lines(w, hidden), *_swap_lines(w)]
    counters = [f"{name} {w[f'world.page_state.{name}']}" for name in _COUNTERS]
    counters.append(f"committed {w['world.vm_committed_space']}")
    found.append(Line(("counters",), 0, ("counters", ", ".join(counters))))
    return [*found, *lock_lines(w)]


def _aligned(marked: list[tuple[str, Line]]) -> list[str]:
    """Text of lines, cells of one kind below each other; what is too long goes on further in."""
    widths: dict[tuple, int] = {}
    for _, line in marked:
        for i, cell in enumerate(line.cells):
            at = (line.key[0], i)
            widths[at] = max(widths.get(at, 0), len(cell))
    found = []
    for mark, line in marked:
        cells = [cell.ljust(widths[line.key[0], i]) for i, cell in enumerate(line.cells)
                 if widths[line.key[0], i]]
        indent = mark + "  " * line.depth
        found += textwrap.wrap("  ".join(cells).rstrip(), COLUMNS, initial_indent=indent,
                               subsequent_indent=indent + " " * 6,
                               break_on_hyphens=False, break_long_words=False)
    return [line.replace(_STICKY, " ") for line in found]


def text(where: Map, image: bytes, hidden: Collection[int] = ()) -> list[str]:
    """The world in an image, as lines of text."""
    return _aligned([("", line) for line in lines(where, image, hidden)])


def _merged(a: list[Line], b: list[Line]) -> Iterator[tuple[Line | None, Line | None]]:
    """Both lists in one order, each thing once, as it is in either."""
    matcher = SequenceMatcher(None, [line.key for line in a], [line.key for line in b], False)
    for _, a1, a2, b1, b2 in matcher.get_opcodes():
        if a2 - a1 == b2 - b1 and all(x.key == y.key for x, y in
                                      zip(a[a1:a2], b[b1:b2], strict=True)):
            yield from zip(a[a1:a2], b[b1:b2], strict=True)
            continue
        yield from ((line, None) for line in a[a1:a2])
        yield from ((None, line) for line in b[b1:b2])


def _marked(pairs: Iterable[tuple[Line | None, Line | None]]) -> Iterator[tuple[str, Line]]:
    """Lines that differ, `- ` and `+ `, each below the lines that it belongs to."""
    above: list[tuple[Line, bool]] = []     # what the current line belongs to; is it out already?
    for before, after in pairs:
        line = after or before
        assert line is not None
        del above[next((i for i, (up, _) in enumerate(above) if up.depth >= line.depth),
                       len(above)):]
        if before == after:
            above.append((line, False))
            continue
        for i, (up, out) in enumerate(above):
            if not out:
                yield "  ", up
                above[i] = (up, True)
        if before:
            yield "- ", before
        if after:
            yield "+ ", after
        above.append((line, True))


def difference(where: Map, before: bytes, after: bytes,
               hidden: tuple[Collection[int], Collection[int]] = ((), ())) -> list[str]:
    """The lines of two worlds of one block that differ, marked - and +; [] if none do.

    hidden : files that are left out of each
    """
    a, b = lines(where, before, hidden[0]), lines(where, after, hidden[1])
    return _aligned(list(_marked(_merged(a, b))))


def html(where: Map, image: bytes, caption: str, hidden: Collection[int] = ()) -> str:
    """The world as a table: what, and how it is."""
    style = "text-align:left;vertical-align:top;white-space:pre-wrap"
    rows = []
    for line in lines(where, image, hidden):
        first, *rest = (cell.replace(_STICKY, " ") for cell in line.cells)
        rows.append(f'<tr><td style="{style};padding-left:{1 + line.depth}em">{escape(first)}</td>'
                    f'<td style="{style}">{escape("  ".join(filter(None, rest)))}</td></tr>')
    return (f'<table><caption style="text-align:left">{escape(caption)}</caption>\n'
            + "\n".join(rows) + "\n</table>")
