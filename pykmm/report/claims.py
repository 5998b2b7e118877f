# SPDX-License-Identifier: GPL-2.0-only
"""The table of claims, as data and as text."""

import textwrap
from collections.abc import Iterator

from ..review.claims import VERDICTS, Claim, Reading, Table
from ..review.sentences import Found, Place
from . import findings

_INDENT = " " * 6
_HEADINGS = {"description": "description", "changelog": "changelog",
             "comment": "comments inside the patch"}
_ARE = {"holds": "hold", "holds in part": "hold in part", "does not hold": "do not hold"}

def facts(table: Table, reading: Reading | None, judged: dict[str, dict] | None) -> dict:
    """All of it as plain data.

    reading  of the mail, if one is given
    judged   id -> {verdict, wrong} of the scenarios that ran, if they did
    returns  claims [{id, part, lines, sentence, says, units, verdict (of the table), ran (the
             verdict by running, or None), reason, shown [{scenario, units, holds, fails}],
             wrong}], silent [{lines, sentence, reason}], unknown [{lines, letters, hash,
             sentence}], agrees; lines are those of the mail, or of v8's without one, and
             None if the mail does not have the sentence, which then is None as well
    """
    claims = [_claim(one, reading, (judged or {}).get(one.id)) for one in table.claims]
    silent = [{**_said(one.place, reading), "reason": one.reason}
              for one in sorted(table.silent, key=lambda one: one.place.lines)]
    unknown = [{**vars(one.place), "lines": list(one.lines), "sentence": one.text}
               for one in (reading.unknown if reading else ())]
    agrees = (reading is None or reading.is_whole) and all(
        one["ran"] in (None, one["verdict"]) and not one["wrong"] for one in claims)
    return {"claims": claims, "silent": silent, "unknown": unknown, "agrees": agrees}


def _claim(claim: Claim, reading: Reading | None, judged: dict | None) -> dict:
    return {
        "id": claim.id, "part": claim.part, **_said(claim.place, reading), "says": claim.says,
        "units": list(claim.units), "verdict": claim.verdict,
        "ran": judged["verdict"] if judged else None, "reason": claim.reason,
        "shown": [{"scenario": f"tests/scenarios/{one.scenario}", "units": one.units,
                   "holds": list(one.holds), "fails": list(one.fails)} for one in claim.shown],
        "wrong": list(judged["wrong"]) if judged else [],
    }


def _said(place: Place, reading: Reading | None) -> dict:
    if reading is None:
        return {"lines": list(place.lines), "sentence": None}
    found: Found | None = reading.said[place]
    return {"lines": list(found.lines) if found else None,
            "sentence": found.text if found else None}


def lines(report: dict, width: int) -> Iterator[str]:
    """What `facts` gave, row by row, folded to so many columns; "mail" is its name or None."""
    for part in dict.fromkeys(claim["part"] for claim in report["claims"]):
        yield _HEADINGS[part]
        for claim in (one for one in report["claims"] if one["part"] == part):
            yield from _row(claim, report["mail"], width)
        yield ""
    silent = [one for one in report["silent"] if one["lines"]]
    if report["mail"]:
        yield f"{findings.counted(len(silent), 'sentence')} without behaviour"
        for one in silent:
            yield from _folded(f"  {_place(one['lines']):<8} ", f"{one['sentence']} "
                               f"({one['reason'].rstrip('.')})", width)
        yield ""
    for one in report["unknown"]:
        yield from _folded("  in no row: ", f"line {_place(one['lines'])}, letters "
                           f"{one['letters']}, hash {one['hash']}: {one['sentence']}", width)
    yield _summary(report)


def _row(claim: dict, mail: str | None, width: int) -> Iterator[str]:
    not_run = " (by the table, not run here)" if claim["shown"] and claim["ran"] is None else ""
    yield from _folded(f"  {claim['id']} ", f"{claim['verdict'].upper()}{not_run}: "
                       f"{claim['says']}", width)
    if mail and claim["lines"]:
        said = f"\u201c{claim['sentence']}\u201d"
        yield from _folded(_INDENT, f"line {_place(claim['lines'])}: {said}", width)
    elif mail:
        yield f"{_INDENT}this mail does not say so"
    else:
        yield f"{_INDENT}line {_place(claim['lines'])} of the mail"
    yield from _folded(_INDENT, claim["reason"], width)
    if claim["units"]:
        yield f"{_INDENT}stands or falls with {', '.join(claim['units'])}"
    for one in claim["shown"]:
        how = " and ".join(word for word, there in (("shows it", one["holds"]),
                                                    ("shows where it is not so", one["fails"]))
                           if there)
        said = "" if one["units"] == "all" else f" (units {one['units']})"
        yield f"{_INDENT}{one['scenario']}{said}: {how}"
    if claim["ran"] not in (None, claim["verdict"]):
        yield f"{_INDENT}NOT AS IN THE TABLE: by what ran here it {_by_running(claim['ran'])}"
    for one in claim["wrong"]:
        yield from _folded(_INDENT, one, width)


def _by_running(verdict: str) -> str:
    return "shows nothing" if verdict == "not testable" else verdict


def _place(lines: list[int]) -> str:
    return str(lines[0]) if lines[0] == lines[1] else f"{lines[0]}-{lines[1]}"


def _folded(begin: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), max(width, len(begin) + 20),
                         initial_indent=begin, subsequent_indent=" " * len(begin),
                         break_long_words=False, break_on_hyphens=False)


def _summary(report: dict) -> str:
    claims = report["claims"]
    counts = [(sum(one["verdict"] == verdict for one in claims), verdict) for verdict in VERDICTS]
    text = f"{findings.counted(len(claims), 'claim')}: " + ", ".join(
        f"{count} {_ARE.get(verdict, verdict)}" for count, verdict in counts if count)
    ran = [one for one in claims if one["ran"] is not None]
    if not ran:
        return f"{text}; the scenarios are not installed here, and were not run"
    same = sum(one["ran"] == one["verdict"] and not one["wrong"] for one in ran)
    return f"{text}; {same} of {len(ran)} are so by what ran here"
