# SPDX-License-Identifier: GPL-2.0-only
"""C's world, read from its bytes: rows as neutral.py has them, and a model World of the same state.

What is not compared, and why, is in `LEFT_OUT`; what no operation may change is in `LAYOUT`, and
compared with the bytes at the start.  Every other byte shows in some row: test_model_agrees.py
holds that by changing each.
"""

from __future__ import annotations

import ctypes
import re
import struct
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from pykmm import paths
from pykmm.engine import core
from pykmm.report import bits
from pykmm.report.paths import Map
from pykmm.report.world import KINDS

from .neutral import Rows, under_way
from .state import PAGE_SIZE, SECTORS, TABLE_PAGES

LEFT_OUT = [(re.compile(pattern), why) for pattern, why in (
    (r"vma\[\d+\]\.(vm_rb\..*|i_mmap_(priority|parent|last))|mm\[\d+\]\.mm_rb",
     "shape of a tree: what is in it is compared, or the property vma_lists"),
    (r"mm\[\d+\]\.anon_replaced", "counts a known defect for the properties: docs/findings"),
    (r"world\.swap_failed", "known to the property known_contents alone"),
    (r"world\.store_faults", "known to properties of a run alone: machine/watch.h"),
    (r"inode\[\d+\]\.unwritten\[\d+\]", "known to the properties alone: machine/unwritten.h"),
    (r"world\.(held\[\d+\]|wbc\[\d+\]\..*|pprev)", "beyond its count or call nobody's"),
    (r"world\.(order|sleep)_fault", "the model has no locks"),
    (r"world\.trace_at", "the model has no events"),
)]

# in a row only while something else says that it means anything: (place, what must be so)
CONDITIONAL = [(re.compile(pattern), why) for pattern, why in (
    (r"page\[\d+\]\.in_flight\[\d\]", "the sector is being written"),
    (r"mm\[\d+\]\.(file|anon)_rss", "the process is there"),
    (r"mapping\[\d+\]\.slot\[\d+\]\..*", "the slot is below the tree's count"),
    (r"world\.lru_add(_active)?\[\d+\]", "the place is below the pagevec's count"),
)]

LAYOUT = re.compile(
    r".*lock\.(held|class)|.*\.ptl\.(held|class)|.*(mmap_sem|i_mutex)\.(held|class)|.*\.reserved"
    r"|mm\[\d+\]\.(pgd|nr_pmds|pmd\[\d+\]\.index)|task\[\d+\]\.(mm|signal)"
    r"|mapping\[\d+\]\.(page_tree\.(slots|capacity)|backing_dev_info)|inode\[5\]\..*"
    r"|inode\[\d+\]\.(i_mapping|i_disk|i_unwritten|i_asked|i_failed|i_committing)"
    r"|file\[\d+\]\.(f_dentry|f_vfsmnt|own_mount)|mapping\[5\]\.host"
    r"|world\.(used|size\..*|pages|vmas|mms|pmds|ptes|mappings|swapper_space|zero_page|inodes|bdis"
    r"|slots|files|anon_vmas|buffers|tasks|swap|disks|pmd_shift|irqs_disabled|kmaps|nr_held"
    r"|held_classes|held_from|pages_locked|(pause_every|pauses_more|pauses_left|interference)(\[1\])?"
    r"|paused_task|interfering|interfered|operating|began|paused_began|nr_wbc|trace|trace_end|place_distance)"
    r"|spare\[\d+\]")

_PLACES = ["", "dirty", "clean"]
_END_IO = ["", "async_write", "write"]
_IO_BIO = 0x10
_MAPPING_FLAGS = {20: "EIO", 21: "ENOSPC"}
_HASHED, _BLOCK_DEVICE = 1, 2
_UNITS_OF_ALL = 0x7F    # one more belongs to half X alone
_NOT_COUNTS = ("contents", "in_flight")     # versions have no sign
_MOST_LINKS = 64        # of any list of a world: what has more goes round


def left_out(path: str) -> str:
    """Why a place is not compared, or ""."""
    return next((why for pattern, why in LEFT_OUT if pattern.fullmatch(path)), "")


@cache
def _tables() -> dict[int, str]:
    """Address -> name of every table of functions of the core library."""
    library = ctypes.CDLL(str(paths.lib() / "libkmm.so"))
    names = {f"kmm_{name}_{what}": name for what, of in {
        "aops": "ext2 ext3 block_device tmpfs ramfs swap driver",
        "fops": "generic shmem pfnmap prot_driver hugetlb failing no_mmap",
        "vm_ops": "generic shmem driver"}.items() for name in of.split()}
    return {ctypes.addressof(ctypes.c_char.in_dll(library, symbol)): name
            for symbol, name in names.items()}


def _names(value: int, of: list[str]) -> frozenset[str]:
    return frozenset(bits.names(value, of)) if value else frozenset()


class Image:
    """Reads the images of one runner.

    where : Map     names of its bytes
    """

    def __init__(self, runner: core.Runner):
        self.where = Map(runner)
        self._start = self._layout = 0
        self._layout_mask = self._mask(LAYOUT.fullmatch)
        self._forms = {name: self._form(name) for name in self.where.arrays}
        self._groups: dict[str, tuple[tuple[bytes, ...], Rows]] = {}
        self._elements: dict[tuple[str, bytes], dict[str, int]] = {}
        self.begin(runner.image())

    def begin(self, image: bytes) -> None:
        """This is the start: what no operation may change is to stay as it is here."""
        self._start = int.from_bytes(image, "little") & self._layout_mask

    def _mask(self, chosen: Callable) -> int:
        mask = bytearray(self.where.bytes)
        for place in self.where.places:
            if chosen(place.path):
                mask[place.offset:place.offset + place.size] = b"\xff" * place.size
        return int.from_bytes(mask, "little")

    def _form(self, array: str) -> tuple[struct.Struct, list[str]]:
        """How the words of an element lie, and their names."""
        _, start, stride, _ = self.where.arrays[array]
        places = [p for p in self.where.places if start <= p.offset < start + stride]
        letters = {1: "b", 2: "h", 4: "i", 8: "q"}
        codes, names = "", []
        for place in places:
            name = place.path.partition(".")[2] or place.path
            name = re.sub(r"^(pmd|slot)\[\d+\]\.", "", name)
            signed = place.form == "int" and not name.startswith(_NOT_COUNTS) and array != "disk"
            codes += letters[place.size] if signed else letters[place.size].upper()
            names.append(name)
        return struct.Struct("<" + codes), names

    def elements(self, image: bytes, array: str) -> list[dict[str, int]]:
        """The words of each element of an array."""
        _, start, stride, count = self.where.arrays[array]
        return [self._words(array, image[at:at + stride])
                for at in range(start, start + stride * count, stride)]

    def _words(self, array: str, data: bytes) -> dict[str, int]:
        known = self._elements.get((array, data))
        if known is None:
            form, names = self._forms[array]
            known = dict(zip(names, form.unpack(data), strict=True))
            self._elements[array, data] = known
        return known

    def data(self, image: bytes, array: str) -> bytes:
        _, start, stride, count = self.where.arrays[array]
        return image[start:start + stride * count]

    def number(self, array: str, pointer: int) -> Any:
        """Which element a pointer leads to; None for NULL, its text for anywhere else."""
        if not pointer:
            return None
        _, start, stride, count = self.where.arrays[array]
        at, rest = divmod(pointer - self.where.base - start, stride)
        return at if not rest and 0 <= at < count else self.where.pointer(pointer)

    def walk(self, array: str, head: int, step: Callable[[int], int]) -> list:
        """Numbers of the elements of a list that begins with a pointer."""
        found: list = []
        while head and len(found) < _MOST_LINKS:
            found.append(self.number(array, head))
            if not isinstance(found[-1], int):
                break
            head = step(found[-1])
        return found

    def rows(self, image: bytes) -> Rows:
        """Every row of C's world."""
        rows: Rows = {}
        for name, (arrays, make) in _GROUPS.items():
            data = tuple(self.data(image, array) for array in arrays)
            known = self._groups.get(name)
            if known is None or known[0] != data:
                known = self._groups[name] = data, dict(make(self, image))
            rows.update(known[1])
        if len(self._elements) > 50_000:
            self._elements.clear()
        changed = (int.from_bytes(image, "little") & self._layout_mask) ^ self._start
        layout = self._changed(changed) if changed else "as at the start"
        rows["world", 0] = (*rows["world", 0], self._strays(image), layout)
        return rows

    def _changed(self, changed: int) -> str:
        data = changed.to_bytes(self.where.bytes, "little")
        return " ".join(place.path for place in self.where.places
                        if any(data[place.offset:place.offset + place.size]))

    def _strays(self, image: bytes) -> list[str]:
        """Links out of vmas that are in no list or tree."""
        lists: dict[str, set] = {"vm_next": set(), "anon_vma_next": set(), "nonlinear_next": set(),
                                 "i_mmap_left": set(), "i_mmap_right": set()}
        vmas = self.elements(image, "vma")
        for mm in self.elements(image, "mm"):
            lists["vm_next"].update(self.walk("vma", mm["mmap"], lambda i: vmas[i]["vm_next"]))
        for anon in self.elements(image, "anon_vma"):
            lists["anon_vma_next"].update(
                self.walk("vma", anon["head"], lambda i: vmas[i]["anon_vma_next"]))
        for mapping in self.elements(image, "mapping"):
            lists["nonlinear_next"].update(self.walk(
                "vma", mapping["i_mmap_nonlinear"], lambda i: vmas[i]["nonlinear_next"]))
            members = self.members(vmas, mapping["i_mmap"])
            lists["i_mmap_left"].update(members)
            lists["i_mmap_right"].update(members)
        return [f"vma[{i}].{link}" for i, vma in enumerate(vmas) for link, members in lists.items()
                if vma[link] and i not in members]

    def members(self, vmas: list[dict[str, int]], pointer: int, seen: set | None = None) -> list:
        """Members of an interval tree, each after those on its left."""
        if not pointer:
            return []
        seen = set() if seen is None else seen
        at = self.number("vma", pointer)
        if not isinstance(at, int) or at in seen:
            return [f"vma {at} again" if isinstance(at, int) else at]
        seen.add(at)
        return [*self.members(vmas, vmas[at]["i_mmap_left"], seen), at,
                *self.members(vmas, vmas[at]["i_mmap_right"], seen)]


def _pages(at: Image, image: bytes) -> Iterator[tuple]:
    for i, w in enumerate(at.elements(image, "page")):
        flags = _names(w["flags"], bits.PAGE_FLAGS)
        private: Any = w["private"]
        if "private" in flags or private >= PAGE_SIZE:
            private = ("buffer", at.number("buffer", private))
        io = {sector for sector in range(SECTORS) if w["io"] >> sector & 1}
        io |= {f"bit{bit}" for bit in range(5, 32) if w["io"] >> bit & 1}
        mapping: Any = None
        if w["mapping"]:
            what = "anon_vma" if w["mapping"] & 1 else "mapping"
            mapping = (what, at.number(what, w["mapping"] & ~1))
        contents, in_flight = ([w[f"{name}[{j}]"] for j in range(SECTORS)]
                               for name in ("contents", "in_flight"))
        yield ("page", i), (flags, w["_count"], w["_mapcount"], mapping, w["index"], private,
                            contents, under_way(in_flight, io), io, bool(w["io"] & _IO_BIO),
                            w["pins"])


def _vmas(at: Image, image: bytes) -> Iterator[tuple]:
    for i, w in enumerate(at.elements(image, "vma")):
        ops = _tables().get(w["vm_ops"], "?") if w["vm_ops"] else ""
        yield ("vma", i), (at.number("mm", w["vm_mm"]), w["vm_start"], w["vm_end"], w["vm_flags"],
                           w["vm_page_prot"], w["vm_pgoff"], at.number("file", w["vm_file"]),
                           ops, at.number("anon_vma", w["anon_vma"]), w["vm_truncate_count"],
                           w["vm_private_data"])


def _anon_vmas(at: Image, image: bytes) -> Iterator[tuple]:
    vmas = at.elements(image, "vma")
    for i, w in enumerate(at.elements(image, "anon_vma")):
        yield ("anon_vma", i), (at.walk("vma", w["head"], lambda j: vmas[j]["anon_vma_next"]),)


def _mms(at: Image, image: bytes) -> Iterator[tuple]:
    vmas, pmds = at.elements(image, "vma"), at.elements(image, "pmd")
    ptes = struct.unpack(f"<{at.where.arrays['pte'][3]}I", at.data(image, "pte"))
    mms = at.elements(image, "mm")
    of_each = len(pmds) // len(mms)
    for i, w in enumerate(mms):
        tables, words = set(), {}
        for j in range(i * of_each, (i + 1) * of_each):
            index, first = pmds[j]["index"], j * TABLE_PAGES
            if pmds[j]["table"]:
                own = at.where.base + at.where.arrays["pte"][1] + 4 * first == pmds[j]["table"]
                tables.add(index if own else f"{index:#x} elsewhere")
            words.update({(index * TABLE_PAGES + k) * PAGE_SIZE: ptes[first + k]
                          for k in range(TABLE_PAGES) if ptes[first + k]})
        rss = (w["file_rss"], w["anon_rss"]) if w["mm_users"] else (0, 0)
        yield ("mm", i), (
            w["mm_users"], at.walk("vma", w["mmap"], lambda k: vmas[k]["vm_next"]), words, tables,
            w["map_count"], *rss, w["total_vm"], w["locked_vm"],
            w["shared_vm"], w["exec_vm"], w["stack_vm"], w["reserved_vm"], w["def_flags"],
            w["start_brk"], w["brk"])


def _tasks(at: Image, image: bytes) -> Iterator[tuple]:
    for i, w in enumerate(at.elements(image, "task")):
        limits = (w[f"own_signal.{name}"] for name in ("memlock", "as", "data", "fsize"))
        yield ("task", i), ([at.number("file", w[f"fd[{j}]"]) for j in range(4)],
                            w["personality"], w["capabilities"], *limits)


def _slots(at: Image, slots: list[dict[str, int]]) -> tuple[dict, dict]:
    pages, tags = {}, {}
    for slot in slots:
        index = slot["index_and_tags"] >> 2
        pages[index] = at.number("page", slot["page"])
        if slot["index_and_tags"] & 3:
            tags[index] = _names(slot["index_and_tags"] & 3, ["dirty", "writeback"])
    return pages, tags


def _mappings(at: Image, image: bytes) -> Iterator[tuple]:
    vmas, bdis, slots = (at.elements(image, name) for name in ("vma", "bdi", "slot"))
    mappings = at.elements(image, "mapping")
    room = len(slots) // len(mappings)
    for i, w in enumerate(mappings):
        pages, tags = _slots(at, slots[i * room:][:max(0, min(w["page_tree.nr"], room))])
        flags = {_MAPPING_FLAGS.get(bit, f"bit{bit}") for bit in range(64) if w["flags"] >> bit & 1}
        count = w["nrpages"] if w["nrpages"] == w["page_tree.nr"] else (
            w["nrpages"], w["page_tree.nr"])
        yield ("mapping", i), (
            at.number("inode", w["host"]), pages, count, tags,
            at.members(vmas, w["i_mmap"]),
            at.walk("vma", w["i_mmap_nonlinear"], lambda j: vmas[j]["nonlinear_next"]),
            w["i_mmap_writable"], w["truncate_count"], flags, w["writeback_index"],
            bdis[i]["capabilities"], _flag(bdis[i]["congested"]),
            _tables().get(w["a_ops"], "?") if w["a_ops"] else "")


def _flag(word: int) -> Any:
    """A word that is 0 or 1, as a bool."""
    return bool(word) if word in (0, 1) else word


def _inodes(at: Image, image: bytes) -> Iterator[tuple]:
    inodes, mappings = at.elements(image, "inode"), at.elements(image, "mapping")
    disks = struct.unpack(f"<{at.where.arrays['disk'][3]}H", at.data(image, "disk"))
    room = len(disks) // (len(inodes) - 1)
    for i, w in enumerate(inodes[:-1]):
        free = not mappings[i]["a_ops"] and not w["i_kind"]
        yield ("inode", i), (
            "" if free else _one_of(KINDS, w["i_kind"]), w["i_size"],
            list(disks[i * room:(i + 1) * room]), w["i_mapped"], w["i_blkbits"], w["i_state"],
            _one_of(_PLACES, w["i_place"]), w["dirtied_when"], w["i_writecount"], w["i_flags"],
            bool(w["i_is"] & _HASHED), bool(w["i_is"] & _BLOCK_DEVICE)
            if w["i_is"] < 4 else w["i_is"], w["i_charged"], w["i_count"])


def _one_of(names: list[str], value: int) -> Any:
    return names[value] if 0 <= value < len(names) else value


def _files(at: Image, image: bytes) -> Iterator[tuple]:
    for i, w in enumerate(at.elements(image, "file")):
        yield ("file", i), (at.number("mapping", w["f_mapping"]),
                            at.number("inode", w["own_dentry"]), w["f_mode"],
                            _tables().get(w["f_op"], "?") if w["f_op"] else "", w["f_count"])


def _buffers(at: Image, image: bytes) -> Iterator[tuple]:
    for i, w in enumerate(at.elements(image, "buffer")):
        yield ("buffer", i), (
            _names(w["b_state"], bits.B_STATE), at.number("buffer", w["b_this_page"]),
            at.number("page", w["b_page"]), w["b_count"], w["b_blocknr"],
            _one_of(_END_IO, w["b_end_io"]), _flag(w["b_in_transaction"]),
            at.number("mapping", w["b_assoc_mapping"]))


def _swap(at: Image, image: bytes) -> Iterator[tuple]:
    for i, w in enumerate(at.elements(image, "swap")):
        yield ("swap", i), (w["map"], [w[f"contents[{j}]"] for j in range(SECTORS)])


def _pagevec(at: Image, w: dict[str, int], name: str) -> list:
    found = [at.number("page", w[f"{name}[{j}]"]) for j in range(min(14, max(0, w[f"{name}.nr"])))]
    return found if len(found) == w[f"{name}.nr"] else [*found, w[f"{name}.nr"]]


def _world(at: Image, image: bytes) -> Iterator[tuple]:
    w = at.elements(image, "world")[0]
    yield ("world", 0), (
        _names(w["units"] & _UNITS_OF_ALL, bits.UNITS), at.number("task", w["current_task"]),
        w["fail_in"],
        at.number("page", w["page_of_other"]), w["version"],
        *(w[f"page_state.{name}"] for name in
          ("nr_dirty", "nr_writeback", "nr_mapped", "nr_active", "nr_inactive")),
        _pagevec(at, w, "lru_add"), _pagevec(at, w, "lru_add_active"), w["vm_committed_space"],
        w["commit_limit"], w["overcommit_memory"], w["max_map_count"],
        _flag(w["buffer_heads_over_limit"]), w["nr_swap_used"], w["jiffies"],
        _flag(w["clock_stands"]))


# the arrays that each kind of row is read from: rows whose bytes stay the same are not read again
_GROUPS: dict[str, tuple[tuple[str, ...], Callable[[Image, bytes], Iterator[tuple]]]] = {
    "world": (("world",), _world),
    "page": (("page",), _pages),
    "vma": (("vma",), _vmas),
    "anon_vma": (("anon_vma", "vma"), _anon_vmas),
    "mm": (("mm", "vma", "pmd", "pte"), _mms),
    "task": (("task",), _tasks),
    "mapping": (("mapping", "vma", "bdi", "slot"), _mappings),
    "inode": (("inode", "mapping", "disk"), _inodes),
    "file": (("file",), _files),
    "buffer": (("buffer",), _buffers),
    "swap": (("swap",), _swap),
}
