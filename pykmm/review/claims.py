# SPDX-License-Identifier: GPL-2.0-only
"""What the mail says of the patch: the table of claims, and whether a mail says the same.

`claims.toml` holds no sentence of the mail; with a mail, each row shows its own.
"""

import functools
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import HarnessError
from ..patch.table import UNITS, tomllib
from . import sentences
from .sentences import Found, Place

SCHEMA = "pykmm.claims/1"
PATH = Path(__file__).with_name("claims.toml")
PARTS = ("description", "changelog", "comment")
VERDICTS = ("holds", "holds in part", "does not hold", "not testable")


@dataclass(frozen=True)
class Shown:
    """One scenario that tests a claim.

    scenario  path below tests/scenarios
    holds     expectations, and operations with what they give, that show the claim
    fails     those that show where it is not so; each is true of the kernel, as `holds` are
    units     for which the scenario is run, as scenarios say them: "all", "none", "-U6"
    """

    scenario: str
    holds: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    units: str = "all"


@dataclass(frozen=True)
class Claim:
    """One row.

    id       C01, C02, ... in the order of the mail
    part     one of PARTS
    place    the sentence; two rows may have the same one
    says     what is claimed, in our words
    units    those with which some expectation of `shown` stands or falls
    verdict  one of VERDICTS
    reason   why, and where not
    """

    id: str
    part: str
    place: Place
    says: str
    units: tuple[str, ...]
    verdict: str
    reason: str
    shown: tuple[Shown, ...] = ()

    @property
    def verdict_shown(self) -> str:
        """The verdict that follows if all of `shown` comes true."""
        return verdict(any(one.holds for one in self.shown), any(one.fails for one in self.shown))


@dataclass(frozen=True)
class Silent:
    """A sentence that says nothing of behaviour, and what it is instead."""

    place: Place
    reason: str


@dataclass(frozen=True)
class Table:
    """All rows, and all sentences of description and changelog that have none."""

    claims: tuple[Claim, ...]
    silent: tuple[Silent, ...]


@dataclass(frozen=True)
class Reading:
    """A mail held against the table.

    said     place of each sentence of the table -> it there; None if the mail does not have it
    unknown  what its description says that is no sentence of the table
    """

    said: dict[Place, Found | None]
    unknown: tuple[Found, ...]

    @property
    def is_whole(self) -> bool:
        """Whether the mail says what the table knows, no less and no more."""
        return None not in self.said.values() and not self.unknown


def verdict(holds: bool, fails: bool) -> str:
    """The verdict that follows from what was shown: that it holds, and where it does not."""
    if holds:
        return "holds in part" if fails else "holds"
    return "does not hold" if fails else "not testable"


def parse(text: str) -> Table:
    """The table in this TOML text.

    raises HarnessError  a row is not complete, or says what its `shown` does not
    """
    facts: dict[str, Any] = tomllib.loads(text)
    if facts.pop("schema", None) != SCHEMA:
        raise HarnessError(f"{PATH.name}: the schema is not {SCHEMA}")
    try:
        table = Table(
            tuple(map(_claim, facts.pop("claim"))),
            tuple(Silent(_place(place), one["reason"])
                  for one in facts.pop("silent") for place in one["places"]))
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise HarnessError(f"{PATH.name}: a row is not complete: {error!r}") from error
    wrong = next((f"{one.id}: {what}" for one in table.claims for what in _wrong(one)), None)
    ids = [one.id for one in table.claims]
    if wrong is None and ids != [f"C{n:02}" for n in range(1, len(ids) + 1)]:
        wrong = f"ids are not C01 to C{len(ids):02} in order: {' '.join(ids)}"
    if wrong is None and facts:
        wrong = f"nobody knows what this is for: {', '.join(facts)}"
    if wrong is not None:
        raise HarnessError(f"{PATH.name}: {wrong}")
    return table


@functools.cache
def load() -> Table:
    """The table that ships with pykmm."""
    return parse(PATH.read_text(encoding="utf-8"))


def read(mail: str | os.PathLike[str], table: Table | None = None) -> Reading:
    """Look for every sentence of the table in a mail.

    raises BadInput  the mail's file is missing, unreadable, empty or too large
    """
    table = table or load()
    prose = sentences.read_prose(mail)
    said = {one.place: prose.find(one.place) for one in (*table.claims, *table.silent)}
    return Reading(said, tuple(prose.unknown()))


def _place(facts: dict[str, Any]) -> Place:
    first, last = facts["lines"]
    return Place((first, last), facts["letters"], facts["hash"])


def _claim(facts: dict[str, Any]) -> Claim:
    shown = tuple(
        Shown(one["scenario"], tuple(one.get("holds", ())), tuple(one.get("fails", ())),
              one.get("units", "all"))
        for one in facts.get("shown", ()))
    return Claim(**{**facts, "place": _place(facts["place"]), "units": tuple(facts["units"]),
                    "shown": shown})


def _wrong(claim: Claim) -> list[str]:
    """What cannot be so in one row."""
    found = [f"{name} is empty" for name in ("says", "reason") if not getattr(claim, name).strip()]
    if claim.part not in PARTS:
        found.append(f"part {claim.part!r} is none of {', '.join(PARTS)}")
    if claim.verdict not in VERDICTS:
        found.append(f"verdict {claim.verdict!r} is none of {', '.join(VERDICTS)}")
    elif claim.verdict != claim.verdict_shown:
        found.append(f"it {claim.verdict}, and what is shown says: {claim.verdict_shown}")
    if not set(claim.units) <= set(UNITS):
        found.append(f"units {', '.join(claim.units)}: there are {', '.join(UNITS)}")
    if not re.fullmatch("[0-9a-f]{10}", claim.place.hash) or claim.place.letters < 1:
        found.append(f"its place is none: {claim.place}")
    found += [f"{one.scenario} shows nothing" for one in claim.shown
              if not one.holds and not one.fails]
    return found
