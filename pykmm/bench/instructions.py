# SPDX-License-Identifier: GPL-2.0-only
"""Instructions of rows: counted, held against bounds, and against the recorded table."""

import json
import platform
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .. import paths
from ..engine import core
from ..engine.halves import BUILT_IN, NamedHalf
from ..errors import BadInput
from . import callgrind
from .callgrind import Counted, Task
from .known import KNOWN
from .row import AFTER, BEFORE, Row

SCHEMA = "pykmm.instructions/1"
PERCENT, INSTRUCTIONS = 2, 2
OLD = "before"      # the C half as the kernel before the patch

Totals = dict[str, dict[str, int]]


def tasks_of(rows: Sequence[Row], given: Sequence[NamedHalf] = ()) -> list[Task]:
    """Each row as all halves are to do it, and as the kernel before the patch does."""
    halves = (*BUILT_IN, *(half.name for half in given))
    tasks = []
    for row in rows:
        tasks.append(Task(row.name, row.make(AFTER), halves))
        if row.has_before:
            tasks.append(Task(_old(row), row.make(BEFORE), ("C",)))
    return tasks


def _old(row: Row) -> str:
    return f"{row.name}, {OLD}"


def count_whole(rows: Sequence[Row],
                given: Sequence[NamedHalf] = ()) -> dict[str, dict[str, Counted]]:
    """Counts function by function: {name of the row: {C, P, before, names of `given`}}.

    raises Lacking      valgrind is not there
           BadInput     a half does not return, or not what C does
    """
    tasks = tasks_of(rows, given)
    counted = {task.name: one for task, one in
               zip(tasks, callgrind.count_each(tasks, given), strict=True)}
    found = {}
    for row in rows:
        found[row.name] = dict(counted[row.name])
        _check_returns(row.name, counted[row.name])
        if row.has_before:
            found[row.name][OLD] = counted[_old(row)]["C"]
    return found


def count(rows: Sequence[Row], given: Sequence[NamedHalf] = ()) -> Totals:
    """Instructions of rows: {name of the row: {C, P, before, names of `given`}}.

    A row without a path in the kernel before the patch has no `before`.  Raises
    what count_whole raises.
    """
    return totals(count_whole(rows, given))


def totals(counted: Mapping[str, Mapping[str, Counted]]) -> Totals:
    return {name: {half: one.total for half, one in counts.items()}
            for name, counts in counted.items()}


def _check_returns(name: str, counts: Mapping[str, Counted]) -> None:
    for half, one in counts.items():
        if one.value != counts["C"].value:
            raise BadInput(f"{name}: half {half} returned {one.value} and C {counts['C'].value}: "
                           f"what does not do the same is not counted; pykmm fuzz compares them")


def within(c: int, p: int, known: int = 0) -> bool:
    """Is P as long as C, but for 2 % or 2 instructions, or what is known of this row?"""
    return abs(p - c) <= max(INSTRUCTIONS, known) or abs(p - c) * 100 <= PERCENT * c


def outside(counts: Totals) -> list[str]:
    """Names of the rows in which P is not within bounds, nor known to be out of them."""
    return [name for name, row in counts.items()
            if not within(row["C"], row["P"], KNOWN.get(name, (0, ""))[0])]


def _same_name(function: str) -> str:
    """A function's name in C, from that of its twin: __pyx_f_5pykmm_2mm_4rmap_page_mkclean."""
    if not function.startswith("__pyx_f_"):
        return function.removesuffix(".cold")
    rest = function.removeprefix("__pyx_f_")
    while rest[:1].isdigit():
        length = rest[:len(rest) - len(rest.lstrip("0123456789"))]
        rest = rest[len(length) + int(length) + 1:]
    return rest.removeprefix("call_")


def breakdown(c: Counter[str], p: Counter[str]) -> Iterator[str]:
    """One line per function whose own instructions differ."""
    by_name: dict[str, list[int]] = {}
    for half, counts in enumerate((c, p)):
        for function, n in counts.items():
            by_name.setdefault(_same_name(function), [0, 0])[half] += n
    for name, (in_c, in_p) in sorted(by_name.items()):
        if in_c != in_p:
            yield f"{name}: {in_c} in C, {in_p} in P"


def compiler_named_in(library: bytes) -> str:
    """Names, versions and vendors of the compilers that a library says it is by."""
    # vendors have defaults of their own; clang's libraries hold gcc's name too, by the start files
    for name, pattern in (("clang", rb"(\w*) ?clang version ([\d.]+)"),
                          ("gcc", rb"GCC: \((\w+)[^)]*\) ([\d.]+)")):
        found = {f"{name} {version.decode()} ({vendor.decode() or 'no vendor'})"
                 for vendor, version in re.findall(pattern, library)}
        if found:
            return " and ".join(sorted(found))
    return "unknown"


def compiler() -> str:
    """What the halves and the core library were compiled with, and for what."""
    libraries = b"".join((paths.lib() / name).read_bytes() for name in ("libkmm.so", "c.so"))
    return f"{compiler_named_in(libraries)} for {platform.machine()}"


def cython() -> str:
    """The Cython that wrote P's C."""
    # modules with classes in them say so, and all are written in one go
    version = re.search(rb"\b_cython_(\w+)", Path(core.__file__).read_bytes())
    return version[1].decode().replace("_", ".") if version else "unknown"


def toolchain() -> dict[str, str]:
    """Whose work the counts are: with another of these they are others."""
    return {"compiler": compiler(), "cython": cython()}


def record_text(counts: Totals, tools: Mapping[str, str]) -> str:
    """The recorded table: JSON with a row on each line, so that a change is a line of a diff."""
    head = [f" {json.dumps(key)}: {json.dumps(value)},"
            for key, value in {"schema": SCHEMA, **tools}.items()]
    rows = [f"  {json.dumps(name, ensure_ascii=False)}: {json.dumps(row)}"
            for name, row in counts.items()]
    return "\n".join(["{", *head, ' "rows": {', ",\n".join(rows), " }", "}", ""])


def read_record(path: Path) -> tuple[Totals, dict[str, str]]:
    """(rows, toolchain) of a recorded table; raises BadInput if it is none."""
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}: record the table first, with --record") from None
    except ValueError as error:
        raise BadInput(f"{path}: not JSON: {error}") from None
    if not isinstance(text, dict) or text.get("schema") != SCHEMA:
        raise BadInput(f"{path}: no recorded table: its schema is not {SCHEMA}")
    return text["rows"], {key: text[key] for key in ("compiler", "cython")}


def changes(recorded: Totals, counts: Totals) -> list[str]:
    """One line per number that is not as recorded."""
    lines = [f"{name}: recorded, and no such row any more" for name in recorded
             if name not in counts]
    for name, row in counts.items():
        if name not in recorded:
            lines.append(f"{name}: not recorded")
            continue
        old = recorded[name]
        lines += [f"{name}: {half} {row.get(half, 'none')}, recorded {old.get(half, 'none')}"
                  for half in dict.fromkeys((*old, *row)) if row.get(half) != old.get(half)]
    return lines
