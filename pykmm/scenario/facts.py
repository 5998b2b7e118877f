# SPDX-License-Identifier: GPL-2.0-only
"""Facts about the things of a world: what may be said of each, and how it is.

A reader takes what is asked about and the words that follow the fact's name;
it gives what is so, in the same words, so that both can stand in a message.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ..report import bits
from ..report import world as rendering
from ..report.paths import SECTORS
from .model import Fact
from .words import Known, Unmeant, integer, place_of_address, place_said

_GARBAGE = 0xFFFF


class Missing(Exception):
    """What is asked about is not there: its message says so."""


@dataclass(frozen=True)
class View:
    """A world with the names that a scenario gave.

    files : list      names of files by number
    results : dict    names of results: a version, or an address
    """

    words: rendering.Words
    files: list[str]
    results: dict[str, int]

    def __getitem__(self, path: str) -> int:
        return self.words[path]

    def file_name(self, number: int | None) -> str:
        if number is None:
            return "no file"
        return self.files[number] if number < len(self.files) else f"file {number}"


def versions_text(found: list[int | None]) -> str:
    return "[" + " ".join("-" if v is None else "?" if v == _GARBAGE else str(v)
                          for v in found) + "]"


def _wanted_versions(text: str, view: View) -> list[str]:
    """The elements of a list with names put in their places."""
    return [str(view.results.get(part, part)) for part in text.strip("[]").split()]


def same_versions(wanted: list[str], found: list[str], view: View) -> bool:
    """Are lists the same?  * stands for anything."""
    if len(wanted) != len(found):
        return False
    for a, b in zip(wanted, found, strict=True):
        parts, there = _wanted_versions(a, view), b.strip("[]").split()
        if len(parts) != len(there) or any(p not in ("*", t)
                                           for p, t in zip(parts, there, strict=True)):
            return False
    return True


# A thing is known by a path or a number; each reader is given (view, thing).
Reader = Callable[[View, str], str]


def field(name: str, path: str, add: int = 0) -> tuple[str, Reader]:
    return name, lambda view, at: str(view[f"{at}.{path}"] + add)


def _owner(view: View, page: str) -> str:
    mapping = view[f"{page}.mapping"]
    if mapping & 1:
        return "anon"
    number = view.words.number("mapping", f"{page}.mapping")
    if number is None:
        return "no file"
    return f"{view.file_name(number)} at {view[f'{page}.index']}"


def _swap_of(view: View, page: str) -> str:
    """The swap cache keeps a page beside its owner."""
    in_cache = view[f"{page}.flags"] >> bits.PAGE_FLAGS.index("swapcache") & 1
    return f"swap at {view[f'{page}.private']}" if in_cache else "not in the swap cache"


def _tags(view: View, page: str) -> set[str]:
    for mapping in range(view.words.count("mapping")):
        for i in range(max(0, min(view[f"mapping[{mapping}].page_tree.nr"], view.words.slots))):
            slot = f"mapping[{mapping}].slot[{i}]"
            if view.words.number("page", f"{slot}.page") == _number(page):
                word = view[f"{slot}.index_and_tags"]
                return {letter for bit, letter in ((1, "D"), (2, "W")) if word & bit}
    return set()


def _number(path: str) -> int:
    return int(path.partition("[")[2].rstrip("]"))


def page_buffers(view: View, page: str) -> list[int]:
    """Buffers of a page in the order of its ring."""
    return rendering.page_ring(view.words, _number(page))


def _pagevec(view: View, page: str) -> bool:
    return _number(page) in rendering.waiting_pages(view.words)


PAGE_COUNTS: dict[str, Reader] = dict([
    field("count", "_count"), field("mapped", "_mapcount", 1), field("pinned", "pins"),
    field("index", "index"), field("private", "private"),
    ("buffers", lambda view, page: str(len(page_buffers(view, page)))),
])
PAGE_LISTS: dict[str, Reader] = {
    "contents": lambda view, page: versions_text(view.words.versions(f"{page}.contents")),
    "flying": lambda view, page: versions_text(
        [version if view[f"{page}.io"] >> i & 1 else None
         for i, version in enumerate(view.words.versions(f"{page}.in_flight"))]),
}
PAGE_FLAGS: dict[str, Callable[[View, str], bool]] = {
    "free": lambda view, page: view[f"{page}._count"] == 0,
    "pagevec": _pagevec,
    "writing": lambda view, page: view[f"{page}.io"] != 0,
    **{flag: (lambda view, page, bit=bit: bool(view[f"{page}.flags"] >> bit & 1))
       for bit, flag in enumerate(bits.PAGE_FLAGS)},
}


def _flag(name: str, is_so: bool) -> str:
    return name if is_so else f"not {name}"


def _heap(view: View, mm: str) -> str:
    return str((view[f"{mm}.brk"] - view[f"{mm}.start_brk"]) >> 12)


PROCESS_COUNTS: dict[str, Reader] = dict([
    *(field(name, name) for name in (
        "file_rss", "anon_rss", "total_vm", "locked_vm", "shared_vm", "exec_vm", "stack_vm",
        "reserved_vm", "anon_replaced")),
    field("vmas", "map_count"), ("heap", _heap),
])
PROCESS_FLAGS = {"alive": lambda view, mm: view[f"{mm}.mm_users"] != 0}


def _mapped_file(view: View, vma: str) -> str:
    file = view.words.number("file", f"{vma}.vm_file")
    if file is None:
        return "anon"
    number = view.words.number("mapping", f"file[{file}].f_mapping")
    return f"{view.file_name(number)} at {view[f'{vma}.vm_pgoff']}"


VMA_COUNTS: dict[str, Reader] = {
    "pages": lambda view, vma: str((view[f"{vma}.vm_end"] - view[f"{vma}.vm_start"]) >> 12),
    "pgoff": lambda view, vma: str(view[f"{vma}.vm_pgoff"]),
    "prot": lambda view, vma: rendering.prot_text(view[f"{vma}.vm_page_prot"]),
    "anon_vma": lambda view, vma: str(view.words.number("anon_vma", f"{vma}.anon_vma")),
}
VMA_FLAGS = {name: (lambda view, vma, bit=bit: bool(view[f"{vma}.vm_flags"] >> bit & 1))
             for bit, name in enumerate(bits.VM_FLAGS) if name != "-"}


def permissions(view: View, vma: str) -> str:
    flags = view[f"{vma}.vm_flags"]
    return "".join(letter if flags >> i & 1 else "-" for i, letter in enumerate("rwx")) + (
        "s" if flags & 8 else "p")


def vma_text(view: View, vma: str) -> str:
    """A vma as an expectation says it, without what every vma has."""
    def place(address: int) -> str:
        found = place_of_address(address)
        return hex(address) if found is None else place_said(found)

    said = [f"{place(view[f'{vma}.vm_start'])}..{place(view[f'{vma}.vm_end'])}",
            permissions(view, vma), _mapped_file(view, vma),
            f"prot {VMA_COUNTS['prot'](view, vma)}"]
    return " ".join([*said, *vma_flags(view, vma)])


def vma_flags(view: View, vma: str) -> list[str]:
    """Flags beyond those that the letters say and that every vma has."""
    return rendering.vma_flags(view[f"{vma}.vm_flags"])


FILE_COUNTS: dict[str, Reader] = dict([
    ("size", lambda view, i: str(view[f"inode[{i}].i_size"])),
    ("pages", lambda view, i: str(view[f"mapping[{i}].nrpages"])),
    ("charged", lambda view, i: str(view[f"inode[{i}].i_charged"])),
    ("writers", lambda view, i: str(view[f"inode[{i}].i_writecount"])),
    ("held", lambda view, i: str(view[f"inode[{i}].i_count"])),
])
FILE_FLAGS: dict[str, Callable[[View, str], bool]] = {
    "EIO": lambda view, i: bool(view[f"mapping[{i}].flags"] >> 20 & 1),
    "ENOSPC": lambda view, i: bool(view[f"mapping[{i}].flags"] >> 21 & 1),
    "congested": lambda view, i: bool(view[f"bdi[{i}].congested"]),
    **{name: (lambda view, i, bit=bit: bool(view[f"inode[{i}].i_state"] >> bit & 1))
       for bit, name in enumerate(bits.I_STATE)},
}


def disk(view: View, file: str) -> list[str]:
    """Versions on disk, page by page, up to the file's end."""
    at = f"inode[{file}]"
    room = view.words.slots * SECTORS
    sectors = min((view[f"{at}.i_size"] + 1023) >> 10, room)
    found = [view[f"{at}.disk[{i}]"] if view[f"{at}.i_mapped"] >>
             ((i << 10) >> (view[f"{at}.i_blkbits"] & 31)) & 1 else None for i in range(sectors)]
    return [versions_text(found[i:i + SECTORS]) for i in range(0, len(found), SECTORS)]


BUFFER_COUNTS: dict[str, Reader] = dict([field("count", "b_count"), field("block", "b_blocknr")])
BUFFER_FLAGS: dict[str, Callable[[View, str], bool]] = {
    "transaction": lambda view, buffer: view[f"{buffer}.b_in_transaction"] != 0,
    "associated": lambda view, buffer: view[f"{buffer}.b_assoc_mapping"] != 0,
    **{name: (lambda view, buffer, bit=bit: bool(view[f"{buffer}.b_state"] >> bit & 1))
       for bit, name in enumerate(bits.B_STATE)},
}
SWAP_COUNTS: dict[str, Reader] = dict([field("count", "map")])
SWAP_LISTS: dict[str, Reader] = {
    "contents": lambda view, slot: versions_text(view.words.versions(f"{slot}.contents"))}

# subject -> (counts, flags, lists)
_TABLES: dict[str, tuple[dict, dict, dict]] = {
    "page": (PAGE_COUNTS, PAGE_FLAGS, PAGE_LISTS),
    "process": (PROCESS_COUNTS, PROCESS_FLAGS, {}),
    "vma": (VMA_COUNTS, VMA_FLAGS, {}),
    "file": (FILE_COUNTS, FILE_FLAGS, {}),
    "buffer": (BUFFER_COUNTS, BUFFER_FLAGS, {}),
    "swap": (SWAP_COUNTS, {}, SWAP_LISTS),
}
_PTE_WORDS = ("RW", "RO", "NONE", "PWT", "PCD", "D", "A")
_PTE_KINDS = {"page": 2, "swap": 2, "file": 2, "frame": 2, "zero": 2, "none": 1}


def check(subject: str, fact: Fact, known: Known) -> None:
    """Raises Unmeant if a fact cannot be one of such a thing."""
    if subject == "pte":
        check_pte(fact)
        return
    counts, flags, lists = _TABLES[subject]
    first, *rest = fact.words
    if first in counts and len(rest) == 1:
        return
    if first in lists and len(rest) == 1 and rest[0].startswith("["):
        _check_list(rest[0], fact, known)
        return
    if all(word in flags for word in fact.words):
        return
    if not _special(subject, fact, known):
        raise Unmeant(f"found {str(fact)!r}, which is no fact of a {subject}: there are "
                      f"{_facts_of(subject)}", fact.column)


def _check_list(text: str, fact: Fact, known: Known) -> None:
    for part in text.strip("[]").split():
        if not (part.isdigit() or part in ("-", "?", "*") or part in known.results):
            raise Unmeant(f"found {part!r} in {text}, expected a version, the name of one, - (not "
                          "there), ? (never written) or * (anything)", fact.column)


def _facts_of(subject: str) -> str:
    counts, flags, lists = _TABLES[subject]
    more = {"page": ["FILE at N", "anon", "no file", "swap at N", "absent", "tag D", "tag W"],
            "process": ["fd N FILE", "fd N closed"], "vma": ["rw-s", "FILE at N", "anon", "absent"],
            "file": ["disk [1 2 3 4] ..."], "buffer": ["absent"], "swap": []}[subject]
    return ", ".join([*(f"{name} N" for name in counts), *(f"{name} [...]" for name in lists),
                      *more, *flags])


def _special(subject: str, fact: Fact, known: Known) -> bool:
    words, rest = fact.words, fact.words[1:]
    owner = len(words) == 3 and words[1] == "at" and words[2].isdigit()
    if fact.words == ("absent",):
        return subject in ("page", "vma", "buffer")
    if subject in ("page", "vma") and (words == ("anon",) or (owner and words[0] in known.files)):
        return True
    if subject == "page":
        return words == ("no", "file") or (owner and words[0] == "swap") or (
            words[0] == "tag" and len(rest) == 1 and rest[0] in ("D", "W"))
    if subject == "vma":
        return len(words) == 1 and len(words[0]) == 4 and set(words[0]) <= set("rwxps-")
    if subject == "process":
        return len(words) == 3 and words[0] == "fd" and words[1] in "0123" and (
            words[2] in [*known.files, "closed"])
    if subject == "file" and words[0] == "disk" and rest:
        for text in rest:
            _check_list(text, fact, known)
        return all(text.startswith("[") for text in rest)
    return False


def check_pte(fact: Fact) -> None:
    """page 0 RO D A (exactly), or one thing of it: page 0, RO, D, not A, none, swap 2, file 3."""
    words = fact.words
    rest = words[_PTE_KINDS[words[0]]:] if words[0] in _PTE_KINDS else words
    kind = words[:len(words) - len(rest)]
    bad = [word for word in rest if word not in _PTE_WORDS]
    if len(kind) == 2 and kind[0] != "zero" and not kind[1].startswith("0x") and \
            not kind[1].isdigit():
        bad.append(kind[1])
    if bad or (kind[:1] == ("zero",) and kind != ("zero", "page")) or (
            fact.negative and len(words) > 1 and not kind) or (
            words[0] in _PTE_KINDS and len(kind) != _PTE_KINDS[words[0]]) or (
            kind[:1] in (("none",), ("swap",), ("file",)) and rest):
        raise Unmeant(f"found {str(fact)!r}, which is no pte: say page 0 RO D A, zero page RO, "
                      "none, swap 2, file 3, frame 0xf0001 RW, or only some of it: page 0, RO, "
                      "not D", fact.column)


def holds(subject: str, fact: Fact, view: View, at: str) -> tuple[bool, str]:
    """(is it so?, how it is) of a thing, by its path or number."""
    counts, flags, lists = _TABLES[subject]
    first, *rest = fact.words
    if first in counts and len(rest) == 1:
        found = counts[first](view, at)
        wanted = rest[0]
        if wanted.startswith("0x") or wanted.isdigit():
            wanted = str(integer(wanted))
        return (found == wanted) != fact.negative, f"{first} {found}"
    if first in lists and rest:
        found = lists[first](view, at)
        return same_versions(rest, [found], view) != fact.negative, f"{first} {found}"
    if all(word in flags for word in fact.words):
        so = [flags[word](view, at) for word in fact.words]
        said = [_flag(word, is_so) for word, is_so in zip(fact.words, so, strict=True)]
        return all(is_so != fact.negative for is_so in so), ", ".join(said)
    return _special_holds(subject, fact, view, at)


def _special_holds(subject: str, fact: Fact, view: View, at: str) -> tuple[bool, str]:
    words = fact.words
    if words == ("absent",):
        return fact.negative, "there"
    if words[0] == "tag":
        tags = _tags(view, at)
        so = words[1] in tags
        return so != fact.negative, _flag(f"tag {words[1]}", so)
    if words[0] == "disk":
        found = disk(view, at)
        return same_versions(list(words[1:]), found, view) != fact.negative, \
            f"disk {' '.join(found)}"
    if words[0] == "fd":
        file = view.words.number("file", f"task[{_number(at)}].fd[{words[1]}]")
        name = "closed" if file is None else view.file_name(
            view.words.number("mapping", f"file[{file}].f_mapping"))
        return (name == words[2]) != fact.negative, f"fd {words[1]} {name}"
    if subject == "vma" and len(words) == 1 and words[0] != "anon":
        found = permissions(view, at)
    elif words[0] == "swap":
        found = _swap_of(view, at)
    else:
        found = _owner(view, at) if subject == "page" else _mapped_file(view, at)
    return (found == " ".join(words)) != fact.negative, found


def pte_holds(fact: Fact, found: str) -> tuple[bool, str]:
    """Of a pte, which is known by its text."""
    found = found.replace("file pte", "file")
    words, there = list(fact.words), found.split()
    size = _PTE_KINDS.get(words[0], 0)
    exact = len(words) > size > 0
    if exact:
        return (words == there) != fact.negative, found
    if size:
        so = there[:size] == words
    else:
        so = all(word in there[_PTE_KINDS.get(there[0], 0):] for word in words)
    return so != fact.negative, found
