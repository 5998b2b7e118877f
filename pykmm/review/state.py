# SPDX-License-Identifier: GPL-2.0-only
"""What a picture of a world shows, as plain data: ptes, pages, buffers, disks, counters."""

from ..engine import core
from ..report import bits
from ..report import world as rendering
from ..report.paths import PAGE_SHIFT, SECTORS
from ..scenario.words import place_of_address, place_said

_PAGE_SHOWN = ("dirty", "writeback", "locked", "uptodate", "swapcache")
_SHARED, _PRESENT, _WRITABLE, _ACCESSED, _DIRTY = 8, 0x81, 2, 0x20, 0x40
_FREE = -1      # of _mapcount


def state_of(words: rendering.Words, files: list[str]) -> dict:
    """The state of a world.

    files : list     names by number; files beyond them are left out
    returns dict     processes [{number, vmas [{at, letters, file, prot, ptes [...]}]}], pages
                     [...], disks [{file, kind, pages [[version | None, ...]]}], counters {name:
                     number}, faults [sentence]; a pte is {at, text, page, writable, dirty,
                     accessed}, a page {number, owner, index, flags, tags, count, mapped, contents,
                     writing, buffers [{number, state, first, sectors}]}
    """
    return {
        "processes": [one for one in (_process(words, mm, files)
                                      for mm in range(words.count("mm"))) if one["vmas"]],
        "pages": _pages(words, files),
        "disks": [_disk(words, number, name) for number, name in enumerate(files)
                  if rendering.KINDS[words[f"inode[{number}].i_kind"]] in core.ON_DISK],
        "counters": {name: words[f"world.page_state.{name}"]
                     for name in ("nr_dirty", "nr_writeback")},
        "faults": [line.cells[0] for line in rendering.lock_lines(words)
                   if line.key[0] in ("order", "sleep")],
    }


def _place(address: int) -> str:
    number = place_of_address(address)
    return hex(address) if number is None else place_said(number)


def _file(words: rendering.Words, vma: int, files: list[str]) -> str:
    file = words.number("file", f"vma[{vma}].vm_file")
    number = None if file is None else words.number("mapping", f"file[{file}].f_mapping")
    return "anon" if number is None else files[number] if number < len(files) else "unnamed"


def _process(words: rendering.Words, mm: int, files: list[str]) -> dict:
    vmas = [vma for vma in range(words.count("vma"))
            if words[f"vma[{vma}].vm_end"] and words.number("mm", f"vma[{vma}].vm_mm") == mm]
    return {"number": mm, "vmas": [_vma(words, mm, vma, files) for vma in
                                   sorted(vmas, key=lambda vma: words[f"vma[{vma}].vm_start"])]}


def _vma(words: rendering.Words, mm: int, vma: int, files: list[str]) -> dict:
    start, end = words[f"vma[{vma}].vm_start"], words[f"vma[{vma}].vm_end"]
    flags = words[f"vma[{vma}].vm_flags"]
    letters = "".join(letter if flags >> i & 1 else "-" for i, letter in enumerate("rwx"))
    return {
        "at": _place(start), "letters": letters + ("s" if flags & _SHARED else "p"),
        "file": _file(words, vma, files),
        "prot": rendering.prot_text(words[f"vma[{vma}].vm_page_prot"]),
        "ptes": [_pte(words, mm, address) for address in range(start, end, 1 << PAGE_SHIFT)],
    }


def _pte(words: rendering.Words, mm: int, address: int) -> dict:
    word = rendering.pte_word(words, mm, address)
    text = rendering.pte_text(word, words.pages)
    page = int(text.split()[1]) if text.startswith("page ") else None
    here = bool(word & _PRESENT)
    return {"at": _place(address), "text": text, "page": page,
            "writable": here and bool(word & _WRITABLE), "dirty": here and bool(word & _DIRTY),
            "accessed": here and bool(word & _ACCESSED)}


def _pages(words: rendering.Words, files: list[str]) -> list[dict]:
    tags = rendering.tags(words)
    reserved = bits.PAGE_FLAGS.index("reserved")
    return [_page(words, number, files, tags.get(number, []))
            for number in range(words.pages - 1)
            if words[f"page[{number}]._count"] and
            not words[f"page[{number}].flags"] >> reserved & 1]


def _page(words: rendering.Words, number: int, files: list[str], tags: list[str]) -> dict:
    at = f"page[{number}]"
    mapping = words.number("mapping", f"{at}.mapping")
    anonymous = bool(words[f"{at}.mapping"] & 1)
    flags = bits.names(words[f"{at}.flags"], bits.PAGE_FLAGS)
    io = words[f"{at}.io"]
    return {
        "number": number,
        "owner": "anon" if anonymous else
                 files[mapping] if mapping is not None and mapping < len(files) else "no file",
        "index": None if anonymous or mapping is None else words[f"{at}.index"],
        "flags": [flag for flag in _PAGE_SHOWN if flag in flags], "tags": tags,
        "count": words[f"{at}._count"], "mapped": words[f"{at}._mapcount"] - _FREE,
        "contents": words.versions(f"{at}.contents"),
        "writing": [v if io >> i & 1 else None
                    for i, v in enumerate(words.versions(f"{at}.in_flight"))] if io else None,
        "buffers": _buffers(words, number),
    }


def _buffers(words: rendering.Words, page: int) -> list[dict]:
    ring = rendering.page_ring(words, page)
    each = SECTORS // max(1, len(ring))
    return [{"number": buffer, "first": i * each, "sectors": each,
             "state": bits.names(words[f"buffer[{buffer}].b_state"], bits.B_STATE)}
            for i, buffer in enumerate(ring)]


def _disk(words: rendering.Words, number: int, name: str) -> dict:
    """Of each page of the file, the versions of its sectors; None: a hole."""
    kind = rendering.KINDS[words[f"inode[{number}].i_kind"]]
    sectors = rendering.disk_sectors(words, number)
    return {"file": name, "kind": kind,
            "pages": [sectors[i:i + SECTORS] for i in range(0, len(sectors), SECTORS)]}


def pages_text(pages: list[list[int | None]]) -> str:
    """Versions of sectors, page by page, as scenarios write them."""
    return " ".join("[" + " ".join("-" if v is None else str(v) for v in page) + "]"
                    for page in pages) or "nothing"


def sentence(state: dict, result: str = "") -> str:
    """What matters of a state, on one line; result: what the operation before it gave."""
    parts = [f"-> {result}"] if result else []
    parts += [f"p{process['number']} at {pte['at']}: {pte['text']}"
              for process in state["processes"] for vma in process["vmas"]
              for pte in vma["ptes"]]
    parts += [f"page {page['number']}: {'dirty' if 'dirty' in page['flags'] else 'clean'} "
              f"{pages_text([page['contents']])}" for page in state["pages"]]
    parts += [f"disk of {disk['file']} {pages_text(disk['pages'])}" for disk in state["disks"]]
    return "; ".join(parts + state["faults"])
