# SPDX-License-Identifier: GPL-2.0-only
"""Direct calls of functions of the patch: arguments, and what who calls has locked.

A call takes the locks that the kernel's callers hold (mmap_sem, the page's lock,
the page table's lock) before the function runs, and gives back what is left of
them before the next thing happens.
"""

from dataclasses import dataclass

from ..actors import PAGE
from ..engine import core
from ..errors import BadInput
from ..report import bits
from .block import Block
from .model import Call, Option, Value
from .words import (
    BIT,
    PROT,
    Descriptor,
    FileName,
    Flags,
    Form,
    Known,
    Now,
    Number,
    OneOf,
    Page,
    Place,
    ProcessName,
    Unmeant,
    address_of_place,
)

_ANY, _LARGEST = (1 << 32) - 1, (1 << 64) - 1
_FOLL = Flags({"WRITE": 1, "TOUCH": 2, "GET": 4, "ANON": 8}, 15)
_MAP = Flags({"shared": 1, "private": 2, "fixed": 0x10, "anonymous": 0x20, "growsdown": 0x100,
              "denywrite": 0x800, "executable": 0x1000, "locked": 0x2000, "noreserve": 0x4000,
              "populate": 0x8000, "nonblock": 0x10000}, _ANY)
_VM = Flags({name: 1 << i for i, name in enumerate(bits.VM_FLAGS) if name != "-"}, _ANY)
_FIXED, _ANONYMOUS = 0x10, 0x20
_VMAS = 14


@dataclass(frozen=True)
class Argument:
    form: Form
    usual: str | None = None


_PROCESS = ("process", Argument(ProcessName(), "p0"))
_AT, _PAGES = ("at", Argument(Place())), ("pages", Argument(Number(), "1"))
_PAGE = ("page", Argument(Page()))
_LOCKED = ("locked", Argument(BIT, "1"))
_VMA = ("vma", Argument(Number(0, _VMAS - 1), "at"))
_OFFSET = ("offset", Argument(Number(0, PAGE - 1), "0"))
_LENGTH = ("length", Argument(Number(0, _LARGEST), "pages"))
_OF_PAGE = dict([_PAGE, _LOCKED])
# function -> its arguments; "at": the vma at the address
ARGUMENTS: dict[str, dict[str, Argument]] = {
    "is_shared_writable": {"flags": Argument(_VM)},
    "follow_page": dict([_AT, _PROCESS, _VMA, _OFFSET, ("flags", Argument(_FOLL, "none"))]),
    "do_wp_page": dict([_AT, _PROCESS, _VMA, _OFFSET,
                        ("orig_pte", Argument(Number(0, _ANY), "at"))]),
    "do_no_page": dict([_AT, _PROCESS, _VMA, _OFFSET, ("write", Argument(BIT, "0"))]),
    "page_mkclean_one": dict([_PAGE, ("vma", Argument(Number(0, _VMAS - 1))),
                              ("protect", Argument(BIT, "0")), _LOCKED]),
    "page_mkclean_file": dict([_PAGE, ("file", Argument(FileName())), _LOCKED]),
    "page_mkclean": _OF_PAGE, "test_clear_page_dirty": _OF_PAGE,
    "clear_page_dirty_for_io": _OF_PAGE, "try_to_free_buffers": _OF_PAGE,
    "do_mmap_pgoff": dict([("fd", Argument(Descriptor(anonymous=True))),
                           ("at", Argument(Place(), "anywhere")), _PROCESS, _OFFSET, _PAGES,
                           _LENGTH, ("prot", Argument(PROT, "rw")),
                           ("flags", Argument(_MAP, "shared")),
                           ("pgoff", Argument(Number(0, _LARGEST), "0"))]),
    "do_brk": dict([_AT, _PROCESS, _PAGES, _LENGTH]),
    "mprotect_fixup": dict([_AT, _PROCESS, _PAGES, ("prot", Argument(PROT))]),
    "do_writepages": {"file": Argument(FileName()),
                      "mode": Argument(OneOf({"none": 0, "all": 1, "hold": 2}), "none"),
                      "nr_to_write": Argument(Number(0, 1024), "1000")},
}
ADDRESSES = ("do_mmap_pgoff", "do_brk")


def check(call: Call, known: Known) -> None:
    """Raises Unmeant if the call cannot be meant, whatever the world is like."""
    if call.function not in ARGUMENTS:
        raise Unmeant(f"found {call.function!r}, expected a function of the patch: "
                      f"{', '.join(core.FUNCTIONS)}", call.column)
    takes = ARGUMENTS[call.function]
    said: set[str] = set()
    for option in call.options:
        _check_option(call, option, takes, known, said)
        said.add(option.name)
    missing = [name for name, argument in takes.items()
               if argument.usual is None and name not in said]
    if missing:
        raise Unmeant(f"{call.function} needs {missing[0]}=: it takes {_takes(takes)}", call.column)


def _check_option(call: Call, option: Option, takes: dict[str, Argument], known: Known,
                  said: set[str]) -> None:
    if option.name not in takes:
        raise Unmeant(f"{call.function} has no {option.name}=: it takes {_takes(takes)}",
                      option.column)
    if option.name in said:
        raise Unmeant(f"{option.name} is said twice", option.column)
    takes[option.name].form.check(option.value, known)


def _takes(takes: dict[str, Argument]) -> str:
    return ", ".join(f"{name}=" for name in takes)


@dataclass
class Prepared:
    """A call that is ready: its arguments for Runner.run_on, and how to let go afterwards."""

    arguments: dict[str, int]
    release: list[tuple[str, str]]


class _Preparing:
    """One call's arguments in a block's world."""

    def __init__(self, call: Call, block: Block, now: Now):
        self.block, self.now = block, now
        self.said = {option.name: option.value for option in call.options}
        self.takes = ARGUMENTS[call.function]
        process = self.said.get("process", Value("p0", "actor")).text
        self.process, self.mm = int(process[1]), f"mm[{process[1]}]"
        self.release: list[tuple[str, str]] = []

    def number(self, name: str) -> int:
        value, argument = self.said.get(name), self.takes[name]
        if value is None:
            text = argument.usual
            value = Value(text, "number" if text.isdigit() else "word")
        return argument.form.number(value, self.now, self.process)

    @property
    def address(self) -> int:
        return address_of_place(self.number("at"))

    @property
    def length(self) -> int:
        """In bytes: what is said of it, or so many pages."""
        return self.number("length") if "length" in self.said else self.number("pages") * PAGE

    def of(self, path: str) -> int:
        return self.block.where.address(path)

    def vma(self) -> str:
        if "vma" in self.said:
            return f"vma[{self.said['vma'].text}]"
        words, address = self.block.words(), self.address
        for i in range(_VMAS):
            vma = f"vma[{i}]"
            if words[f"{vma}.vm_start"] <= address < words[f"{vma}.vm_end"] and \
                    words.number("mm", f"{vma}.vm_mm") == self.process:
                return vma
        raise Unmeant(f"p{self.process} has no vma at {self.said['at']}: say which, as vma=0")

    def hold(self, take: str, lock: str, give: str) -> None:
        self.block.primitive(take, lock)
        self.release.append((give, lock))

    def run_task(self) -> None:
        self.block.point("world.current_task", f"task[{self.process}]")


def _page_call(p: _Preparing) -> dict[str, int]:
    page = f"page[{p.number('page')}]"
    if p.number("locked") and not p.block.read(f"{page}.flags.locked"):
        p.hold("TestSetPageLocked", page, "unlock_page")
    return {"page": p.of(page)}


def _mkclean_one(p: _Preparing) -> dict[str, int]:
    arguments = _page_call(p)
    vma = p.vma()
    file = p.block.words().number("file", f"{vma}.vm_file")
    if file is not None:
        mapping = p.block.words().number("mapping", f"file[{file}].f_mapping")
        p.hold("spin_lock", f"mapping[{mapping}].i_mmap_lock", "spin_unlock")
    return {**arguments, "vma": p.of(vma), "protect": p.number("protect")}


def _mkclean_file(p: _Preparing) -> dict[str, int]:
    return {**_page_call(p), "mapping": p.of(f"mapping[{p.number('file')}]")}


def _at_fault(p: _Preparing) -> dict[str, int]:
    """mmap_sem is held, the page table is there and mapped."""
    p.run_task()
    p.hold("down_read", f"{p.mm}.mmap_sem", "up_read")
    pmd = p.block.primitive("pte_alloc", p.mm, p.address)
    p.block.add("world.kmaps", 1)
    return {"mm": p.of(p.mm), "vma": p.of(p.vma()), "address": p.address + p.number("offset"),
            "pmd": pmd, "page_table": p.of(f"{p.mm}.pte[{p.address:#x}]")}


def _wp(p: _Preparing) -> dict[str, int]:
    arguments = _at_fault(p)
    pmd = p.block.where.name_of(arguments["pmd"])
    p.block.primitive("spin_lock", f"{pmd}.ptl")
    word = p.block.read(f"{p.mm}.pte[{p.address:#x}]")
    return {**arguments, "ptl": p.of(f"{pmd}.ptl"),
            "orig_pte": p.number("orig_pte") if "orig_pte" in p.said else word}


def _no_page(p: _Preparing) -> dict[str, int]:
    return {**_at_fault(p), "write_access": p.number("write")}


def _follow(p: _Preparing) -> dict[str, int]:
    p.run_task()
    p.hold("down_read", f"{p.mm}.mmap_sem", "up_read")
    return {"vma": p.of(p.vma()), "address": p.address + p.number("offset"),
            "flags": p.number("flags")}


def _with_memory(p: _Preparing) -> None:
    p.run_task()
    p.hold("down_write", f"{p.mm}.mmap_sem", "up_write")


def _mmap(p: _Preparing) -> dict[str, int]:
    fd = p.number("fd")
    flags = p.number("flags") | (_FIXED if "at" in p.said else 0)
    file = None
    if fd == 255:
        flags |= _ANONYMOUS
    else:
        file = p.block.words().number("file", f"task[{p.process}].fd[{fd}]")
        if file is None:
            raise Unmeant(f"p{p.process} has nothing open as {fd}")
        # the system call holds it
        p.block.add(f"file[{file}].f_count", 1)
        p.release.append(("fput", f"file[{file}]"))
    _with_memory(p)
    return {"file": p.of(f"file[{file}]") if file is not None else 0,
            "address": p.address + p.number("offset") if "at" in p.said else 0, "len": p.length,
            "prot": p.number("prot"), "map_flags": flags, "pgoff": p.number("pgoff")}


def _brk(p: _Preparing) -> dict[str, int]:
    _with_memory(p)
    return {"address": p.address, "len": p.length}


def _mprotect(p: _Preparing) -> dict[str, int]:
    _with_memory(p)
    vma, words = p.vma(), p.block.words()
    prev = next((f"vma[{i}]" for i in range(_VMAS)
                 if words.number("vma", f"vma[{i}].vm_next") == int(vma[4:-1])), None)
    if p.address > words[f"{vma}.vm_start"]:
        prev = vma
    p.block.write("world.pprev", p.of(prev) if prev else 0)
    end = p.address + p.number("pages") * PAGE
    if not p.address < end <= words[f"{vma}.vm_end"]:
        raise Unmeant(f"pages={p.number('pages')} is not a part of {vma}: callers give no more")
    newflags = words[f"{vma}.vm_flags"] & ~7 | p.number("prot") & 7
    return {"vma": p.of(vma), "address": p.address,
            "end": end, "newflags": newflags}


def _writepages(p: _Preparing) -> dict[str, int]:
    p.run_task()
    p.block.write("world.nr_wbc", 1)
    p.block.write("world.wbc[0].nr_to_write", p.number("nr_to_write"))
    p.block.write("world.wbc[0].sync_mode", p.number("mode"))
    return {"mapping": p.of(f"mapping[{p.number('file')}]"),
            "wbc": p.of("world.wbc[0].nr_to_write")}


def _is_shared_writable(p: _Preparing) -> dict[str, int]:
    return {"flags": p.number("flags")}


_PREPARE = {
    "is_shared_writable": _is_shared_writable, "follow_page": _follow, "do_wp_page": _wp,
    "do_no_page": _no_page, "page_mkclean_one": _mkclean_one, "page_mkclean_file": _mkclean_file,
    "do_mmap_pgoff": _mmap, "do_brk": _brk, "mprotect_fixup": _mprotect,
    "do_writepages": _writepages,
}


def prepare(call: Call, block: Block, now: Now) -> Prepared:
    """Take the locks that such a call finds taken; the block's world is changed.

    raises Unmeant   it cannot be called in this world
    """
    preparing = _Preparing(call, block, now)
    try:
        arguments = _PREPARE.get(call.function, _page_call)(preparing)
    except BadInput as error:
        raise Unmeant(str(error)) from error
    return Prepared(arguments, preparing.release)


def let_go(block: Block, release: list[tuple[str, str]]) -> None:
    """Give back what a call's caller holds and the function has left as it was."""
    for give, path in reversed(release):
        held = {"unlock_page": f"{path}.flags.locked", "fput": f"{path}.f_count"}.get(
            give, f"{path}.held")
        if block.read(held):
            block.primitive(give, path)
    if block.read("world.nr_wbc"):
        block.write("world.nr_wbc", 0)
