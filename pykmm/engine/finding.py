# SPDX-License-Identifier: GPL-2.0-only
"""One case run by every half, and where they differ first.

Everything here is plain data (lists, dicts, text), as it crosses from the
process that runs halves to the one that prints.
"""

from dataclasses import dataclass, field
from pathlib import Path

from .. import paths
from ..report import bits, findings, operations, world
from ..report.paths import Map
from ..source import anchors
from . import core

_KEPT_EVENTS = 20_000       # more than any case has: a trace is full before
SEQUENCE = "sequence"


@dataclass(frozen=True)
class MailLines:
    """The mail that half X was made of: its name, and the edit of each changed line by number."""

    name: str = ""
    edit_of: dict[int, str] = field(default_factory=dict)



def _argument(name: str, value: int, where: Map) -> str:
    if name in ("value", "old") and value <= 0xFFFFFFFF and value > 1:
        return f"{value:#x}"
    pointed = where.name_of(value)
    if pointed:
        return pointed
    if value == 0 and name in ("page", "vma", "mm", "mapping", "pte", "ptl", "bh", "inode", "lock"):
        return "NULL"
    signed = value - (1 << 64) if value >> 63 else value
    return str(signed) if -4096 < signed < 10 else f"{value:#x}"


def _place(half: core.Half, place: int, mail: MailLines) -> tuple[str, str]:
    """(step, "file:line") of an event's place, each "" if it is not known; a mail has edits."""
    file, line = place >> core.PLACE_LINE_BITS, place & ((1 << core.PLACE_LINE_BITS) - 1)
    name = core.FILES.get(file, "")
    if name == "mail":
        return mail.edit_of.get(line, ""), f"{mail.name}:{line}"
    if name not in anchors.TWINS:
        return "", f"{name}:{line}" if name else ""
    source = paths.package() / anchors.TWINS[name] if half.name == "P" else paths.cref() / name
    shown = f"pykmm/{anchors.TWINS[name]}" if half.name == "P" else f"cref/{name}"
    if half.name not in ("C", "P", "X"):
        return "", f"{half.name}'s {name}:{line}"
    return anchors.step_at(source, line), f"{shown}:{line}"


def events_of(words: list[int], places: list[int], half: core.Half, where: Map,
              mail: MailLines = MailLines()) -> list[dict]:
    """The events of a trace: {"text", "words", "step" (or edit), "place" ("file:line")}."""
    events: list[dict] = []
    at = 0
    while at < len(words) and len(events) < _KEPT_EVENTS:
        name, arguments, result, _ = core.EVENTS[words[at] & 0xFFFF]
        count = words[at] >> 16
        values = words[at + 1:at + 1 + count]
        names = [*arguments, *result.split()]
        shown = [_argument(n, v, where) for n, v in zip(names, values, strict=True)]
        if name == "operation":
            text = operations.event_text(*values)
        elif name == "interference":
            text = operations.interference_text(*values)
        else:
            text = f"{name}({', '.join(shown[:len(arguments)])})"
            if result:
                text += f" = {', '.join(shown[len(arguments):])}"
        step, place = _place(half, places[at], mail)
        events.append({"text": text, "words": words[at:at + 1 + count], "step": step,
                       "place": place})
        at += 1 + count
    return events


def _number_operations(events: list[dict]) -> None:
    """Give the events of a sequence's own operations their numbers, "#0" and on, as steps."""
    number, meanwhile = 0, False
    for event in events:
        if event["text"].startswith("operation(") and not meanwhile:
            event["step"] = f"#{number}"
            number += 1
        # the operation of another actor is no operation of the sequence
        meanwhile = event["text"].startswith("interference(") and event["words"][-1] == 1


def _named(value: int, prefix: str, names: list[tuple[int, str]]) -> str:
    """Bits by their names, and what has none as a number: PROT_READ|PROT_WRITE."""
    found = []
    for bit, name in names:
        if value & bit == bit:
            found.append(prefix + name)
            value &= ~bit
    return "|".join([*found, *([f"{value:#x}"] if value else [])]) or "0"


_FOLL = list(zip((1, 2, 4, 8), ("WRITE", "TOUCH", "GET", "ANON"), strict=True))
_PROT = list(zip((1, 2, 4, 8), ("READ", "WRITE", "EXEC", "SEM"), strict=True))
_MAP = [(0x01, "SHARED"), (0x02, "PRIVATE"), (0x10, "FIXED"), (0x20, "ANONYMOUS"),
        (0x100, "GROWSDOWN"), (0x800, "DENYWRITE"), (0x1000, "EXECUTABLE"), (0x2000, "LOCKED"),
        (0x4000, "NORESERVE"), (0x8000, "POPULATE"), (0x10000, "NONBLOCK")]
_VM = [(1 << i, name) for i, name in enumerate(bits.VM_FLAGS) if name != "-"]

# function -> its arguments, by the names of struct kmm_call; `=`: shown with its name, `:`: by bits
_ARGUMENTS = {
    "is_shared_writable": ["flags"],
    "follow_page": ["vma", "address", "flags:FOLL"],
    "page_mkclean_one": ["page", "vma", "=protect"],
    "page_mkclean_file": ["mapping", "page"],
    "do_wp_page": ["mm", "vma", "address", "page_table", "pmd", "ptl", "orig_pte"],
    "do_no_page": ["mm", "vma", "address", "page_table", "pmd", "=write_access"],
    "do_mmap_pgoff": ["file", "address", "len", "prot:PROT", "map_flags:MAP", "pgoff"],
    "do_brk": ["address", "len"],
    "mprotect_fixup": ["vma", "&world.pprev", "address", "end", "newflags:VM"],
    "do_writepages": ["mapping", "wbc"],
}
_POINTERS = {"page", "vma", "mapping", "mm", "file", "wbc", "pmd", "page_table", "ptl"}
_BITS = {"FOLL": ("FOLL_", _FOLL), "PROT": ("PROT_", _PROT), "MAP": ("MAP_", _MAP),
         "VM": ("VM_", _VM)}


def call_text(runner: core.Runner, case: bytes, where: Map) -> str:
    """The call of the case that was built last, as one would write it."""
    call = runner.call()
    name = core.FUNCTIONS[case[0]]

    def shown(argument: str) -> str:
        what, _, form = argument.lstrip("=").partition(":")
        if what.startswith("&"):
            return what
        if what in _POINTERS:
            return where.pointer(call[what]).removesuffix(".nr_to_write")
        if argument.startswith("="):
            return f"{what}={call[what]}"
        return _named(call[what], *_BITS[form]) if form else f"{call[what]:#x}"

    return f"{name}({', '.join(map(shown, _ARGUMENTS.get(name, ['page'])))})"


def function_of(case: bytes) -> str:
    """The function that a direct case calls, or "sequence"."""
    return SEQUENCE if core.is_sequence(case) else core.FUNCTIONS[case[0]]


def place_of(case: bytes) -> str:
    """Where a case runs, in a sentence: in page_mkclean, or in a sequence of 12 operations."""
    if not core.is_sequence(case):
        return function_of(case)
    return f"a sequence of {findings.counted(len(core.operations_of(case)), 'operation')}"


def _what(runner: core.Runner, case: bytes, where: Map) -> dict:
    """What a case is, before it is run."""
    if not core.is_sequence(case):
        return {"function": core.FUNCTIONS[case[0]], "call": call_text(runner, case, where),
                "operations": [], "units": bits.units_text(case[1]), "wild": bool(case[2])}
    said = operations.texts(case)
    return {"function": SEQUENCE, "call": place_of(case).removeprefix("a "),
            "operations": said, "units": bits.units_text(case[0]), "wild": False}


def _ended(outcome: str, ret: int, fault: int) -> str:
    if outcome == "returned":
        return f"returned {ret}"
    return f"{outcome} at offset {fault:#x} from NULL" if outcome == "oops" else outcome


def examine(case: bytes, halves: list[core.Half], mail: MailLines = MailLines()) -> dict:
    """Run a case by every half and say what each did and where they part.

    case : bytes     choices, as core.decode gives them
    returns dict     function ("sequence" for one), call, operations (texts, of a sequence),
                     units, wild, halves[{name, ended, events, changed, and of a sequence world
                     (lines)}], and difference: None or {half, ended, event, field, operation}, of
                     the first half that differs from the first one
    """
    runner = core.Runner.of(case)
    where = Map(runner)
    start = runner.image()
    found = {**_what(runner, case, where), "halves": [], "difference": None}
    runs = []
    for half in halves:
        outcome, ret, fault = runner.run(half)
        words, places = runner.trace()
        events = events_of(words, places, half, where, mail)
        if core.is_sequence(case):
            _number_operations(events)
        image = runner.image()
        runs.append((half, _ended(outcome, ret, fault), events, image, (outcome, ret)))
        changed = [d for d in where.differences(start, image) if d[0] != "world.trace_at"]
        found["halves"].append({"name": half.name, "ended": runs[-1][1], "events": events,
                                "changed": changed})
        if core.is_sequence(case):
            found["halves"][-1]["world"] = world.text(where, image)
    runner.build(case)
    differing = runner.first_differing(halves)
    if differing:
        found["difference"] = _difference(runs[0], runs[differing], where)
        found["difference"]["operation"] = _parting(runner, case, [halves[0], halves[differing]])
    return found


def _parting(runner: core.Runner, case: bytes, halves: list[core.Half]) -> int | None:
    """The number of the operation in which two halves part; None: not a sequence, or no more."""
    if not core.is_sequence(case):
        return None
    for number in range(len(core.operations_of(case))):
        runner.build(core.first_operations(case, number + 1))
        if runner.first_differing(halves):
            return number
    return None


def _difference(first: tuple, other: tuple, where: Map) -> dict:
    """What differs first: how they ended, the event, the field of the state."""
    event = None
    for i in range(max(len(first[2]), len(other[2]))):
        a = first[2][i] if i < len(first[2]) else None
        b = other[2][i] if i < len(other[2]) else None
        if (a and a["words"]) != (b and b["words"]):
            event = {"number": i, "first": a, "other": b}
            break
    field = None
    # what an oops left in memory, and where it was, is not compared: see cref/engine/replay.c
    if first[4][0] not in ("oops", "stray access"):
        changed = [d for d in where.differences(first[3], other[3]) if d[0] != "world.trace_at"]
        if changed:
            field = {"path": changed[0][0], "first": changed[0][1], "other": changed[0][2],
                     "more": len(changed) - 1}
    return {"half": other[0].name, "against": first[0].name,
            "ended": None if first[4] == other[4] else [first[1], other[1]],
            "event": event, "field": field}


def reproducer_name(function: str, seed: int, shard: int, index: int) -> str:
    """The name that a saved case gets."""
    return Path(f"{function}-seed{seed}-shard{shard}-case{index}").name
