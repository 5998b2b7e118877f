# SPDX-License-Identifier: GPL-2.0-only
"""Operations as a scenario says them: arguments by the names of machine/operations.def.

The first arguments may be given without their names; those that have a usual
value may be left out.
"""

from dataclasses import dataclass

from ..engine import core
from .model import Act, Option, Value
from .words import (
    ANYWHERE,
    BIT,
    HEAP_PLACES,
    MMAP_FLAGS,
    MODE,
    MSYNC_FLAGS,
    PROT,
    SECTORS_OF_FILE,
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
)


@dataclass(frozen=True)
class Argument:
    """One argument.

    name : str           as a scenario says it
    usual : str | None   what it is if it is not said; None: it must be said
    """

    name: str
    form: Form
    usual: str | None = None


_PAGES = Argument("pages", Number(), "1")
_AT = Argument("at", Place())
_SECTOR = Argument("sector", Number(0, 3), "0")
_FILE = Argument("file", FileName())
_FD = Argument("fd", Descriptor())
_INDEX = Argument("index", Number(), "0")
_PAGE = Argument("page", Page())

# operation -> its arguments, in the order of core.OPERATIONS
ARGUMENTS: dict[str, tuple[Argument, ...]] = {
    "nothing": (),
    "open": (Argument("fd", Number(0, 3), "free"), _FILE, Argument("mode", MODE, "rw")),
    "close": (_FD,),
    "mmap": (Argument("fd", Descriptor(anonymous=True)), Argument("at", Place(), "anywhere"),
             _PAGES, Argument("prot", PROT, "rw"), Argument("flags", MMAP_FLAGS, "shared"),
             Argument("pgoff", Number(), "0")),
    "munmap": (_AT, _PAGES),
    "brk": (Argument("pages", Number(0, HEAP_PLACES)),),
    "mprotect": (_AT, _PAGES, Argument("prot", PROT)),
    "msync": (_AT, _PAGES, Argument("flags", MSYNC_FLAGS, "sync")),
    "remap_file_pages": (_AT, _PAGES, Argument("pgoff", Number(), "0"),
                         Argument("flags", Flags({"nonblock": 1}), "none")),
    "fork": (),
    "exit": (),
    "load": (_AT, _SECTOR),
    "store": (_AT, _SECTOR),
    "poke": (Argument("process", ProcessName()), _AT, _SECTOR, Argument("write", BIT, "1")),
    "pin": (_AT, Argument("write", BIT, "1"), Argument("force", BIT, "0")),
    "unpin": (_PAGE, Argument("store", BIT, "1"), Argument("dirty", BIT, "1")),
    "write": (_FD, _INDEX, _SECTOR, Argument("sectors", Number(0, 4), "1")),
    "fsync": (_FD,),
    "truncate": (_FILE, Argument("sectors", Number(0, SECTORS_OF_FILE))),
    "invalidate": (_FILE,),
    "writeback": (_FILE, Argument("mode", OneOf({"none": 0, "all": 1}), "none"),
                  Argument("nr_to_write", Number(), "32")),
    "sync": (),
    "complete": (_PAGE, Argument("ok", BIT, "1")),
    "flush_buffers": (_FILE, _INDEX),
    "commit": (_FILE,),
    "release_page": (_FILE, _INDEX),
    "reclaim": (_PAGE, Argument("may_write", BIT, "1")),
    "strip": (_PAGE,),
    "drain": (),
    "lock_page": (_PAGE,),
}
# which arguments may stand without their names, in this order
OPERANDS = {name: ("file",) if name == "open" else tuple(a.name for a in arguments
                                                         if a.usual is None)
            for name, arguments in ARGUMENTS.items()}
for _name in ("brk", "mprotect", "truncate"):
    # what is wanted reads better with its name
    OPERANDS[_name] = OPERANDS[_name][:-1]
ADDRESSES = ("mmap", "brk")     # operations that give an address
# operations that need no process; a pin outlives who asked for it
_BY_ANYONE = {"unpin", "truncate", "invalidate", "writeback", "sync", "complete", "flush_buffers",
              "commit", "release_page", "reclaim", "strip", "drain", "lock_page"}
_KINDS = [kind for kind, _ in core.OPERATIONS]


def arguments_of(act: Act) -> dict[str, Value]:
    """What is said of each argument; raises Unmeant: too many, unknown, or said twice."""
    names = OPERANDS[act.operation]
    if len(act.operands) > len(names):
        extra = act.operands[len(names)]
        raise Unmeant(f"found {extra.text!r}: {act.operation} takes {_takes(act.operation)}",
                      extra.column)
    said = dict(zip(names, act.operands, strict=False))
    known = [argument.name for argument in ARGUMENTS[act.operation]]
    for option in act.options:
        if option.name not in known:
            raise Unmeant(f"{act.operation} has no {option.name}=: it takes "
                          f"{_takes(act.operation)}", option.column)
        if option.name in said:
            raise Unmeant(f"{option.name} is said twice", option.column)
        said[option.name] = option.value
    return said


def _takes(operation: str) -> str:
    said = [f"{argument.name}{'' if argument.usual is None else f'={argument.usual}'}"
            for argument in ARGUMENTS[operation]]
    return ", ".join(said) or "no arguments"


def check(act: Act, known: Known) -> None:
    """Raises Unmeant if the operation cannot be meant, whatever the world is like."""
    if act.actor is None and act.operation not in _BY_ANYONE:
        raise Unmeant(f"who does it?  Say p0: {act.operation}")
    said = arguments_of(act)
    if act.operation == "complete" and said.get("page", Value("", "")).text == "all":
        del said["page"]
        return
    for argument in ARGUMENTS[act.operation]:
        if argument.name in said:
            argument.form.check(said[argument.name], known)
        elif argument.usual is None:
            raise Unmeant(f"{act.operation} needs {argument.name}: it takes "
                          f"{_takes(act.operation)}")


def numbers(act: Act, now: Now) -> tuple[int, ...]:
    """The arguments as the machine takes them."""
    said = arguments_of(act)
    process = int(act.actor[1]) if act.actor else 0
    found = []
    for argument in ARGUMENTS[act.operation]:
        value = said.get(argument.name)
        if value is not None:
            found.append(argument.form.number(value, now, process))
        elif argument.usual == "free":
            found.append(now.free_descriptor(process))
        elif argument.usual == "anywhere":
            found.append(0)
        else:
            assert argument.usual is not None
            found.append(argument.form.number(_usual(argument.usual), now, process))
    if act.operation == "mmap" and "at" not in said:
        found[4] |= ANYWHERE
    return tuple(found)


def _usual(text: str) -> Value:
    return Value(text, "number" if text.isdigit() else "word")


def said(name: str, actor: int, values: tuple[int, ...]) -> Act:
    """The statement of an operation, every argument in it but those that are as usual."""
    values_of = dict(zip((a.name for a in ARGUMENTS[name]), values, strict=True))
    left_out = set()
    if name == "mmap":
        if values_of["flags"] & ANYWHERE:
            left_out.add("at")
        values_of["flags"] &= ~ANYWHERE
    operands, options = [], []
    for argument in ARGUMENTS[name]:
        text = argument.form.said(values_of[argument.name])
        if argument.name in left_out or text == argument.usual:
            continue
        kind = "number" if text.isdigit() else "actor" if argument.name == "process" else (
            "sum" if "+" in text else "bits" if "|" in text else "word")
        descriptor = argument.name == "fd" and text.isdigit()   # write 2: fd or index?
        if argument.name in OPERANDS[name] and not descriptor:
            operands.append(Value(text, kind))
        else:
            options.append(Option(argument.name, Value(text, kind)))
    return Act(name, f"p{actor}", None, tuple(operands), tuple(options))


def kind_number(name: str) -> int:
    return _KINDS.index(name)
