# SPDX-License-Identifier: GPL-2.0-only
"""Two versions of the patch as text: what changed, and where they part, side by side."""

from collections.abc import Iterator

from . import findings
from . import world as rendering

_WIDEST = 60        # columns of a value beside another one
_MOST_OPS = 20      # named one by one


def lines(report: dict) -> Iterator[str]:
    """What `pykmm review --against` prints.

    report : dict   the value of "against" as JSON has it
    """
    yield from _mails(report)
    yield from _changed(report)
    if not report["changed"]:
        return
    yield ""
    yield from _scopes(report)
    yield from _cases(report["cases"])
    yield ""
    found = report["found"]
    if found is None:
        yield _no_difference(report)
    elif found["kind"] == "case":
        yield "they behave differently in a case that was drawn, which is not the shortest:"
        yield from ("  " + line for line in [findings.heading(found), *findings.operations(
            found, whole=False), *findings.difference(found)])
    else:
        yield from _found(report, found)
    for one in report["breaks"]:
        yield ""
        yield from _breaks(one)
    if report["alone"]:
        yield ""
        yield from _alone(report["alone"])


def _mails(report: dict) -> Iterator[str]:
    for name, mail in zip("XY", report["mails"], strict=True):
        yield f"{name}  {mail['path']}: {mail['verdict']}"


def _changed(report: dict) -> Iterator[str]:
    if not report["changed"]:
        yield "both have the same lines, white space apart: nothing can differ"
        return
    yield f"{findings.counted(len(report['changed']), 'place')} changed:"
    for one in report["changed"]:
        where = ", ".join(one["functions"]) or "outside of functions"
        unit = f"  {one['unit']}" if one["unit"] else ""
        inert = f"  ({one['inert']})" if one["inert"] else ""
        yield f"  {one['what']}  {one['file']}  {where}{unit}{inert}"
        for name, side in zip("XY", one["lines"], strict=True):
            for line in side:
                yield f"    {name} {line['number']:>5} {line['op']}{line['text']}"


def _scopes(report: dict) -> Iterator[str]:
    """Each of them with how far it was looked at; those in which nothing parts them in one line."""
    rows = report["scopes"]
    total = {key: sum(row[key] for row in rows) for key in ("worlds", "transitions")}
    yield (f"explored by both: {findings.counted(len(rows), 'scope')}, {total['worlds']:,} worlds, "
           f"{total['transitions']:,} transitions")
    for row in rows:
        yield f"  {_scope(row['scope'])}: {_covered(row)}"


def _scope(scope: dict) -> str:
    parts = [f"{scope['processes']} processes"] if scope["processes"] > 1 else []
    parts += [" ".join(scope["kinds"])]
    parts += [f"{scope['file_pages']} pages"] if scope["file_pages"] > 1 else []
    parts += [f"blocks of {scope['blocks']}"] if scope["blocks"] != 4096 else []
    parts += [f"units {scope['units']}"] if scope["units"] != "all" else []
    ops = scope["ops"]
    shown = " ".join(ops) if len(ops) <= _MOST_OPS else f"{len(ops)} operations"
    return f"{', '.join(parts)}; {shown}"


def _covered(row: dict) -> str:
    figures = f"{row['worlds']:,} worlds, {row['transitions']:,} transitions"
    if not row["found"]:
        return f"equal {_within(row)} ({figures})"
    said = f"they part after {findings.counted(row['found'], 'operation')} ({figures})"
    users = row["users"]
    if users:
        said += (f"; each from its own world: {_within(users)} ({users['worlds']:,} worlds, "
                 f"{users['transitions']:,} transitions)")
    return said


def _within(looked: dict) -> str:
    return "in all of it" if looked["closed"] else \
        f"within {findings.counted(looked['depth'], 'operation')}"


def _cases(cases: dict | None) -> Iterator[str]:
    if cases:
        yield (f"drawn cases: {cases['cases']:,}, of them {cases['sequences']:,} sequences, "
               f"{cases['operations']:,} operations and calls, seed {cases['seed']}")


def _no_difference(report: dict) -> str:
    if all(one["inert"] for one in report["changed"]):
        return ("nothing that is run has changed: nothing can differ, and nothing did in what is "
                "above")
    return "no difference up to what is above; this is a bound, and no proof of anything beyond it"


def _found(report: dict, found: dict) -> Iterator[str]:
    bits = found["bits"]
    if bits:
        yield (f"their {_parted(bits)} part after {findings.counted(bits['length'], 'operation')}, "
               "where no user sees it:")
        yield from _operations(bits)
        yield from _first(bits)
        yield ""
    after = findings.counted(found["length"], "operation")
    if found["visible"]:
        yield f"they behave differently after {after}: {found['how']}"
        yield f"  {_how_short(report, found)}"
    else:
        yield f"their {_parted(found)} part after {after}; no user sees it {_nowhere(report)}"
    yield from _operations(found)
    yield from _first(found)
    yield from _side_by_side(found["states"], "after the last of them")


def _parted(found: dict) -> str:
    """What parts where no user sees it."""
    return "states" if found["field"] else "events"


def _nowhere(report: dict) -> str:
    """Where was looked for what a user sees: kinds of file, and within how many operations."""
    rows = report["scopes"]
    far: dict[str, int | None] = {}     # None: to the end
    for row in rows:
        looked = row["users"] or row
        for kind in row["scope"]["kinds"]:
            before = far.get(kind, 0)
            far[kind] = None if looked["closed"] or before is None else \
                max(before, looked["depth"])
    parts = [f"{kind} within {findings.counted(depth, 'operation')}"
             for kind, depth in far.items() if depth is not None]
    ended = [kind for kind, depth in far.items() if depth is None]
    parts += [f"{', '.join(ended)} in all of one scope"] if ended else []
    return (f"as far as each of the {findings.counted(len(rows), 'scope')} above was looked at: not in "
            "an answer, in what is read, or on the disk after an fsync and when all have left. "
            f"Furthest: {'; '.join(parts)}")


def _how_short(report: dict, found: dict) -> str:
    """Whether fewer operations would do."""
    fewer = found["length"] - 1
    looked = [row["users"] or row for row in report["scopes"]]
    if all(one["closed"] or one["depth"] >= fewer for one in looked):
        return "after any fewer operations of all scopes above no user sees it"
    return "not proven shortest: the time was up before all scopes above were tried so far"


def _breaks(found: dict) -> Iterator[str]:
    """A property that one of them breaks, and the other one keeps in the same run."""
    yield (f"{found['by']} breaks {found['property']} after "
           f"{findings.counted(found['length'], 'operation')}, and {found['kept_by']} does not by "
           "the same:")
    yield from _operations(found)
    yield from _first(found)


def _alone(rows: list[dict]) -> Iterator[str]:
    """Of each changed edit what it does by itself."""
    yield "each changed edit by itself, all others as X has them (Y is X with that edit):"
    for row in rows:
        if row["refused"]:
            yield f"  {row['what']}  cannot be asked alone: {row['refused']}"
            continue
        looked = row["looked"]
        far = f"{_within(looked)} of any of {findings.counted(looked['scopes'], 'scope')}" \
            if not looked["closed"] else f"in all of {findings.counted(looked['scopes'], 'scope')}"
        user, breaks = row["user"], row["breaks"]
        if not user and not breaks:
            yield f"  {row['what']}  no user sees it, and no property breaks, {far}"
        if user:
            yield (f"  {row['what']}  after {findings.counted(user['length'], 'operation')}: "
                   f"{user['how']}")
            yield from ("  " + line for line in _operations(user))
        if breaks:
            yield (f"  {row['what']}  {breaks['by']} breaks {breaks['property']} after "
                   f"{findings.counted(breaks['length'], 'operation')}")
            yield from ("  " + line for line in _operations(breaks))


def _operations(found: dict) -> Iterator[str]:
    both = zip(found["operations"], found["results"], strict=False)
    for number, (text, (first, other)) in enumerate(both, 1):
        result = first if first == other else f"{first} by X, {other} by Y"
        yield f"  {number:>3}  {text} -> {result}"


def _first(found: dict) -> Iterator[str]:
    if found["event"]:
        yield "  first event that differs:"
        for name, event in zip("XY", found["event"], strict=True):
            yield f"    {name}  " + (f"{event['step'] or '-':<5} {event['text']}   "
                                     f"{event['place']}" if event else "(none: it had ended)")
    if found["field"]:
        first, other = found["field"]["values"]
        more = f" (and {found['field']['more']} more)" if found["field"]["more"] else ""
        yield f"  first field that differs: {found['field']['path']}: {first} by X, {other} by Y" \
              + more


def _side_by_side(states: list[dict | None], when: str) -> Iterator[str]:
    """Both states, a line for each thing, with a mark where they differ."""
    if None in states:
        yield f"  {when}: a world has ended, and its state says nothing"
        return
    rows = [_rows(state) for state in states if state]
    names = list(dict.fromkeys(name for one in rows for name in one))
    cells = [(name, *(one.get(name, "-") for one in rows)) for name in names]
    wide = [min(_WIDEST, max([len(cell[i]) for cell in cells], default=0)) for i in (0, 1)]
    yield f"  {when}:"
    yield f"      {'':<{wide[0]}}  {'X':<{wide[1]}}  Y"
    for name, first, other in cells:
        mark = " " if first == other else "*"
        yield f"    {mark} {name:<{wide[0]}}  {first:<{wide[1]}}  {other}"


def _rows(state: dict) -> dict[str, str]:
    """What is in a state, by name."""
    rows: dict[str, str] = {}
    for process in state["processes"]:
        for vma in process["vmas"]:
            rows[f"p{process['number']} vma at {vma['at']}"] = \
                f"{vma['letters']} {vma['file']}, pages get {vma['prot']}"
            for pte in vma["ptes"]:
                rows[f"p{process['number']} pte of {pte['at']}"] = pte["text"]
    for page in state["pages"]:
        place = page["owner"] if page["index"] is None else f"{page['owner']}[{page['index']}]"
        number = f"page {page['number']}"
        rows[number] = ", ".join([place, *page["flags"]])
        rows[f"{number} tags"] = " ".join(page["tags"]) or "-"
        rows[f"{number} users"] = f"{page['count']}, {page['mapped']} of them ptes"
        rows[f"{number} holds"] = _versions(page["contents"])
        if page["writing"]:
            rows[f"{number} writes"] = _versions(page["writing"])
        for buffer in page["buffers"]:
            rows[f"buffer {buffer['number']}"] = " ".join(buffer["state"]) or "-"
    for disk in state["disks"]:
        rows[f"disk of {disk['file']}"] = " ".join(map(_versions, disk["pages"])) or "nothing"
    rows.update({name: str(value) for name, value in state["counters"].items()})
    return rows


def _versions(versions: list[int | None]) -> str:
    return "[" + " ".join("-" if v is None else "?" if v == rendering.GARBAGE else str(v)
                          for v in versions) + "]"
