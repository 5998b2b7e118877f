# SPDX-License-Identifier: GPL-2.0-only
"""The table of claims: complete, so by running it, and all that the mail says."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pykmm import paths
from pykmm.errors import HarnessError
from pykmm.review import claims, evidence

TABLE = claims.load()
ROOT = paths.package().parent
TOY = """\
schema = "pykmm.claims/1"

[[claim]]
id = "C01"
part = "changelog"
place = { lines = [1, 2], letters = 9, hash = "0123456789" }
says = "something"
units = ["U1"]
verdict = "holds"
reason = "Because."
shown = [{ scenario = "a.kmm", holds = ["b"] }]

[[silent]]
reason = "A name."
places = [{ lines = [3, 3], letters = 4, hash = "9876543210" }]
"""

rows = pytest.mark.parametrize("claim", TABLE.claims, ids=[one.id for one in TABLE.claims])


@rows
def test_verdict_is_what_its_scenarios_say(claim, both):
    assert evidence.judge(claim, both) == evidence.Judged(claim.verdict, ())


@rows
def test_units_are_those_it_stands_or_falls_with(claim, half_c):
    assert evidence.units_of_claim(claim, half_c) == claim.units


@rows
def test_reason_names_only_what_there_is(claim):
    for other in re.findall(r"\bC\d\d\b", claim.reason):
        assert other in {one.id for one in TABLE.claims} - {claim.id}
    for path in re.findall(r"[\w/-]+\.(?:md|kmm)", claim.reason):
        folder = ROOT if path.endswith(".md") else evidence.folder()
        assert (folder / path).is_file(), path


def test_every_scenario_made_for_claims_is_named_by_one():
    named = {one.scenario for claim in TABLE.claims for one in claim.shown}
    there = {f"claims/{path.name}" for path in (evidence.folder() / "claims").iterdir()}

    assert there and there <= named


def test_rows_are_in_the_order_of_the_mail():
    parts = [claims.PARTS.index(one.part) for one in TABLE.claims]
    lines = [one.place.lines for one in TABLE.claims]

    assert parts == sorted(parts)
    assert lines == sorted(lines)


def test_no_sentence_is_a_row_and_silent():
    silent = [one.place for one in TABLE.silent]

    assert len(set(silent)) == len(silent)
    assert not set(silent) & {one.place for one in TABLE.claims}
    assert all(one.reason.strip() for one in TABLE.silent)


# -- with the mail


def test_every_sentence_of_the_description_has_its_row_or_its_reason(mail_path: Path):
    reading = claims.read(mail_path)

    assert reading.unknown == ()
    assert [place for place, found in reading.said.items() if found is None] == []
    assert reading.is_whole


def test_every_sentence_stands_where_the_table_says(mail_path: Path):
    reading = claims.read(mail_path)

    assert {place: found.lines for place, found in reading.said.items()} == \
        {place: place.lines for place in reading.said}


@rows
def test_sentence_without_its_row_is_noticed(claim, mail_path: Path):
    others = tuple(one for one in TABLE.claims if one.place != claim.place)
    reading = claims.read(mail_path, replace(TABLE, claims=others))

    # what is said in a comment is said in the patch, not in the description
    expected = [] if claim.part == "comment" else [claim.place]
    assert [one.place for one in reading.unknown] == expected
    assert reading.is_whole == (claim.part == "comment")


# -- the reading of the table


def test_toy_is_a_table():
    more = '}, { scenario = "c", units = "-U6", fails = ["d"] }]\n'
    table = claims.parse(TOY.replace("}]\n\n", more)
                         .replace('verdict = "holds"', 'verdict = "holds in part"'))

    assert table.claims[0].shown == (claims.Shown("a.kmm", ("b",)),
                                     claims.Shown("c", (), ("d",), "-U6"))
    assert table.silent[0].place.lines == (3, 3)


@pytest.mark.parametrize(("old", "new", "wrong"), [
    ("claims/1", "claims/2", "the schema is not pykmm.claims/1"),
    ('says = "something"\n', "", "a row is not complete"),
    ('says = "something"', 'says = " "', "C01: says is empty"),
    ('reason = "Because."', 'reason = ""', "C01: reason is empty"),
    ('part = "changelog"', 'part = "footer"', "C01: part 'footer' is none of description"),
    ('verdict = "holds"', 'verdict = "true"', "C01: verdict 'true' is none of holds"),
    ('verdict = "holds"', 'verdict = "does not hold"', "what is shown says: holds"),
    ('holds = ["b"]', 'fails = ["b"]', "what is shown says: does not hold"),
    ('holds = ["b"]', 'holds = ["b"], fails = ["c"]', "what is shown says: holds in part"),
    ('shown = [{ scenario = "a.kmm", holds = ["b"] }]', "", "what is shown says: not testable"),
    ('shown = [{', 'shown = [{ scenario = "c.kmm" }, {', "C01: c.kmm shows nothing"),
    ('units = ["U1"]', 'units = ["U8"]', "C01: units U8: there are U1, U2"),
    ("letters = 9", "letters = 0", "C01: its place is none"),
    ("0123456789", "0123", "C01: its place is none"),
    ("lines = [1, 2]", "lines = [1]", "a row is not complete"),
    ('id = "C01"', 'id = "C02"', "ids are not C01 to C01 in order: C02"),
    ("[[silent]]", "[[silence]]", "a row is not complete"),
    ("[[silent]]", "[other]\n[[silent]]", "nobody knows what this is for: other"),
    ('reason = "Because."', 'reason = "Because."\nwhy = ""', "a row is not complete"),
])
def test_row_that_is_not_complete_is_refused(old, new, wrong):
    assert old in TOY
    with pytest.raises(HarnessError, match=re.escape(wrong)):
        claims.parse(TOY.replace(old, new, 1))
