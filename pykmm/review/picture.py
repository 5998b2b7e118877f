# SPDX-License-Identifier: GPL-2.0-only
"""A state as a picture: ptes above the pages they lead to, and below them what the disk has.

All pictures of one witness have one frame, so that a thing stays where it is from
step to step, and what is not there (yet) leaves an outline.  Colours are classes of the page's
style sheet.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

WIDTH = 340
_LEFT, _RIGHT = 16, WIDTH - 1       # of boxes; the links run left of them
_PAD, _ROW, _GAP = 9, 25, 14
_CELLS = 92                         # where the cells of sectors begin
_CELL_WIDTH, _CELL_HEIGHT = 56, 21
_SECTORS = 4


@dataclass
class Frame:
    """What has a place in the pictures of a witness: whatever is there in one of its states.

    ptes : dict    (process, address of the pte) -> top
    pages : dict   number -> (top, has buffers, has something on its way to the disk)
    disks : dict   file -> (top, pages)
    """

    ptes: dict[tuple[int, str], int]
    pages: dict[int, tuple[int, bool, bool]]
    disks: dict[str, tuple[int, int]]
    height: int


def frame(states: Iterable[dict]) -> Frame:
    """The frame of these states."""
    states = list(states)
    top = 0
    ptes: dict[tuple[int, str], int] = {}
    for key in sorted({key for state in states for key in _ptes(state)}):
        ptes[key] = top
        top += 2 * _ROW + _GAP - 2
    pages = {}
    for number in sorted({page["number"] for state in states for page in state["pages"]}):
        own = [page for state in states for page in state["pages"] if page["number"] == number]
        buffers, writing = (any(page[what] for page in own) for what in ("buffers", "writing"))
        pages[number] = (top, buffers, writing)
        top += 2 * _ROW + 6 + (_ROW - 8) * buffers + _ROW * writing + _GAP
    disks = {}
    for file in dict.fromkeys(disk["file"] for state in states for disk in state["disks"]):
        count = max(len(disk["pages"]) for state in states for disk in state["disks"]
                    if disk["file"] == file)
        disks[file] = (top, count)
        top += _ROW * count + 8 + _GAP
    return Frame(ptes, pages, disks, max(top - _GAP + 2, _ROW))


def svg(state: dict, before: dict | None, where: Frame, said: str) -> str:
    """One picture; what is not as it was before is marked.

    before : dict | None   the state that came before, if one did
    said : str             the same in words, for those who cannot see it
    """
    old = before or state
    parts = [*_links(state, where)]
    for key, top in where.ptes.items():
        parts += _pte(key, _ptes(state).get(key), _ptes(old).get(key), top)
    for number, place in where.pages.items():
        parts += _page(number, state, old, place)
    for file, place in where.disks.items():
        parts += _disk(file, state, old, place)
    return (f'<svg viewBox="0 0 {WIDTH} {where.height}" role="img" aria-label="{escape(said)}">'
            + "".join(parts) + "</svg>")


def _ptes(state: dict) -> dict[tuple[int, str], tuple[dict, dict]]:
    return {(process["number"], pte["at"]): (vma, pte) for process in state["processes"]
            for vma in process["vmas"] for pte in vma["ptes"]}


def _page_of(state: dict, number: int) -> dict | None:
    return next((page for page in state["pages"] if page["number"] == number), None)


def _pages_of_disk(state: dict, file: str) -> list[list[int | None]]:
    return next((disk["pages"] for disk in state["disks"] if disk["file"] == file), [])


# -- parts


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "") -> str:
    how = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x}" y="{y}" class="{kind}"{how}>{escape(text)}</text>'


def _box(x: float, y: float, width: float, height: float, kind: str, radius: int = 5) -> str:
    return (f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" '
            f'class="{kind}"/>')


def _chips(words: list[tuple[str, str]], right: float, y: float) -> Iterator[str]:
    """Small labels, the last one ending at `right`; each is (text, kind)."""
    for word, kind in reversed(words):
        width = 7 * len(word) + 10
        right -= width
        yield _box(right, y, width, 17, f"chip {kind}", 8)
        yield _text(right + width / 2, y + 12.5, word, f"chip {kind}", "middle")
        right -= 4


def _absent(what: str, top: float, height: float) -> Iterator[str]:
    yield _box(_LEFT, top + .5, _RIGHT - _LEFT, height, "box absent")
    yield _text(_LEFT + _PAD, top + 17, what, "faint")


def _links(state: dict, where: Frame) -> Iterator[str]:
    for i, (key, (_, pte)) in enumerate(_ptes(state).items()):
        if pte["page"] is not None and key in where.ptes and pte["page"] in where.pages:
            start, end = where.ptes[key] + _ROW * 1.5 - 1, where.pages[pte["page"]][0] + _ROW / 2
            x = _LEFT - 7 - 4 * (i % 3)
            kind = "writable" if pte["writable"] else "readable"
            yield (f'<path d="M{_LEFT} {start} C{x - 6} {start} {x - 6} {end} {_LEFT - 3} {end}" '
                   f'class="link {kind}"/><path d="M{_LEFT - 5} {end - 3} l5 3 l-5 3 z" '
                   f'class="head {kind}"/>')


def _pte(key: tuple[int, str], now: tuple[dict, dict] | None, old: tuple[dict, dict] | None,
         top: float) -> Iterator[str]:
    height = 2 * _ROW - 4
    if now is None:
        yield from _absent(f"p{key[0]} maps nothing at {key[1]}", top, height)
        return
    vma, pte = now
    same_vma = old is not None and _but(old[0], "ptes") == _but(vma, "ptes")
    yield _box(_LEFT, top + .5, _RIGHT - _LEFT, height, "box" if old else "box new")
    yield _text(_LEFT + _PAD, top + 17, f"p{key[0]}", "name")
    yield _text(_LEFT + _PAD + 24, top + 17, f"{vma['file']}  {vma['letters']}", "faint")
    yield _text(_RIGHT - _PAD, top + 17, f"new ptes {vma['prot']}",
                "faint" if same_vma else "changed", "end")
    changed = "" if old is not None and old[1] == pte else " new"
    yield _text(_LEFT + _PAD, top + _ROW + 12, f"pte {pte['at']}", "name")
    if pte["page"] is None:
        yield _text(_LEFT + _PAD + 52, top + _ROW + 12, pte["text"], "faint")
        return
    yield _text(_LEFT + _PAD + 52, top + _ROW + 12, f"page {pte['page']}", "")
    words = [("RW", "write") if pte["writable"] else ("RO", "read")]
    words += [("dirty", "dirty")] * pte["dirty"]
    yield from _chips([(word, kind + changed) for word, kind in words], _RIGHT - _PAD,
                      top + _ROW - .5)


def _but(thing: dict, *keys: str) -> dict:
    return {key: value for key, value in thing.items() if key not in keys}


def _page(number: int, state: dict, before: dict,
          place: tuple[int, bool, bool]) -> Iterator[str]:
    top, buffers, writing = place
    height = 2 * _ROW + 6 + (_ROW - 8) * buffers + _ROW * writing
    page, old = _page_of(state, number), _page_of(before, number)
    if page is None:
        yield from _absent(f"page {number} is free", top, height)
        return
    yield _box(_LEFT, top + .5, _RIGHT - _LEFT, height, "box" if old else "box new")
    yield _text(_LEFT + _PAD, top + 17, f"page {number}", "name")
    owner = page["owner"] if page["index"] is None else f"{page['owner']}[{page['index']}]"
    yield _text(_CELLS + 1, top + 17, owner, "faint")
    yield from _chips(_flags(page, old), _RIGHT - _PAD, top + 4.5)
    on_disk = _pages_of_disk(state, page["owner"])
    index = page["index"]
    disk = on_disk[index] if index is not None and index < len(on_disk) else None
    y = top + _ROW + 2
    yield _text(_LEFT + _PAD, y + 15, "contents", "faint")
    yield from _cells(page["contents"], old and old["contents"], y, disk)
    y += _ROW
    if buffers:
        yield from _buffers(page, old, y)
        y += _ROW - 8
    if writing and page["writing"]:
        yield _text(_LEFT + _PAD, y + 15, "to disk", "faint")
        yield from _cells(page["writing"], old and old["writing"], y, None)


def _flags(page: dict, old: dict | None) -> list[tuple[str, str]]:
    words = []
    for flag, kind in (("dirty", "dirty"), ("writeback", "busy"), ("locked", "busy")):
        if flag in page["flags"]:
            words.append((flag, kind + ("" if old and flag in old["flags"] else " new")))
    if "dirty" not in page["flags"]:
        words.insert(0, ("clean", "read" + (" new" if old and "dirty" in old["flags"] else "")))
    return words


def _cells(versions: list[int | None], old: list[int | None] | None, y: float,
           disk: list[int | None] | None) -> Iterator[str]:
    """Sectors side by side; those that the disk has otherwise are marked."""
    for i, version in enumerate(versions):
        kind = "cell"
        if old is not None and i < len(old) and old[i] != version:
            kind += " new"
        if disk is not None and i < len(disk) and disk[i] != version:
            kind += " ahead"
        yield _cell(i, "-" if version is None else str(version), y, kind)


def _cell(i: int, text: str, y: float, kind: str) -> str:
    x = _CELLS + i * (_CELL_WIDTH + 3)
    return (_box(x + .5, y + .5, _CELL_WIDTH - 1, _CELL_HEIGHT, kind, 3)
            + _text(x + _CELL_WIDTH / 2, y + 15.5, text, kind, "middle"))


def _buffers(page: dict, old: dict | None, y: float) -> Iterator[str]:
    yield _text(_LEFT + _PAD, y + 11, "buffers", "faint")
    if not page["buffers"]:
        yield _text(_CELLS + 1, y + 11, "none", "faint")
    for i, buffer in enumerate(page["buffers"]):
        x = _CELLS + buffer["first"] * (_CELL_WIDTH + 3)
        width = buffer["sectors"] * (_CELL_WIDTH + 3) - 3
        kind, word = _buffer_kind(buffer)
        was = old["buffers"][i] if old and i < len(old["buffers"]) else None
        if was is None or _buffer_kind(was) != (kind, word):
            kind += " new"
        yield _box(x + .5, y + .5, width - 1, 13, f"buffer {kind}", 3)
        yield _text(x + width / 2, y + 10.5, word, f"buffer {kind}", "middle")


def _buffer_kind(buffer: dict) -> tuple[str, str]:
    if "Lock" in buffer["state"] or "Async_Write" in buffer["state"]:
        return "busy", "being written"
    return ("dirty", "dirty") if "Dirty" in buffer["state"] else ("read", "clean")


def _disk(file: str, state: dict, before: dict, place: tuple[int, int]) -> Iterator[str]:
    top, count = place
    pages, old = _pages_of_disk(state, file), _pages_of_disk(before, file)
    yield _box(_LEFT, top + .5, _RIGHT - _LEFT, _ROW * count + 6, "box disk")
    yield _text(_LEFT + _PAD, top + 19, f"disk, {file}", "name")
    for i in range(min(count, len(pages))):
        yield from _cells(pages[i], old[i] if i < len(old) else None, top + 4 + _ROW * i, None)
