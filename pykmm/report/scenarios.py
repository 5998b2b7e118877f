# SPDX-License-Identifier: GPL-2.0-only
"""What the run of a scenario gave, as text: operations, events, changes, expectations."""

from collections.abc import Iterator

from . import findings


def lines(report: dict) -> Iterator[str]:
    """All of it, variant by variant."""
    yield f"{report['name']}: {report['title']}" if report["title"] else report["name"]
    for variant in report["variants"]:
        yield ""
        yield f"units {variant['units']}"
        yield from (f"    {line}" for line in variant["world"])
        for entry in variant["entries"]:
            yield from _entry(report["name"], entry)
    yield ""
    yield from _summary(report)


def _entry(name: str, entry: dict) -> Iterator[str]:
    if entry["kind"] == "expect":
        yield f"      {_verdict(entry)}  {entry['text']}"
        yield from _wrong(name, entry)
        return
    yield ""
    result = f"   -> {entry['result']}" if "result" in entry else ""
    yield f"  {entry['line']:>3}  {entry['text']}{result}"
    if entry.get("halves"):
        yield from (f"     {line}" for line in findings.side_by_side(entry))
    if entry.get("difference"):
        yield from (f"       {line}" for line in entry["difference"])
    yield from _wrong(name, entry)


def _verdict(entry: dict) -> str:
    return "ok    " if entry["ok"] else "FAILED"


def _wrong(name: str, entry: dict) -> Iterator[str]:
    """What a line that failed found, with its place."""
    if entry["ok"] is not False:
        return
    place = f"      {name}:{entry['line']}:"
    yield f"{place} found {entry['found'] or entry.get('result', '')}"
    if entry["expected"]:
        yield f"{' ' * len(place)} expected {entry['expected']}"
    if entry.get("disagreement"):
        yield f"      {entry['disagreement']}"


def _summary(report: dict) -> Iterator[str]:
    """How many hold, and once more the lines that do not."""
    entries = [(variant["units"], entry) for variant in report["variants"]
               for entry in variant["entries"] if entry["ok"] is not None]
    wrong = [(units, entry) for units, entry in entries if not entry["ok"]]
    variants = findings.counted(len(report["variants"]), "variant")
    if not wrong:
        yield f"{findings.counted(len(entries), 'expectation')} in {variants}: all hold"
        return
    yield f"{len(wrong)} of {findings.counted(len(entries), 'expectation')} in {variants} failed:"
    for units, entry in wrong:
        yield f"  {report['name']}:{entry['line']}: units {units}: {entry['text']}"
