# SPDX-License-Identifier: GPL-2.0-only
"""The table of claims as data and text: what is told when something is not as it should be."""

import pytest

from pykmm.report import claims as rendering
from pykmm.review.claims import Claim, Reading, Shown, Silent, Table
from pykmm.review.sentences import Found, Place

ONE, TWO, SILENT = (Place((n, n), 3, f"{n:010}") for n in (4, 6, 5))
TABLE = Table((
    Claim("C01", "description", ONE, "it is so", ("U1", "U2"), "holds", "Because.",
          (Shown("a.kmm", ("b",)), Shown("c.kmm", ("d",), ("e",), "-U6"))),
    Claim("C02", "comment", TWO, "it is seen", (), "not testable", "Nobody can."),
), (Silent(SILENT, "A name."),))
WHOLE = Reading({ONE: Found((14, 15), "It is so."), TWO: Found((17, 17), "seen"),
                 SILENT: Found((16, 16), "A name")}, ())


def report(reading: Reading | None = None, judged: dict | None = None) -> dict:
    return {"mail": "mail.txt" if reading else None, **rendering.facts(TABLE, reading, judged)}


def text(*what: object) -> str:
    return "\n".join(rendering.lines(report(*what), 80))


def ran(verdict: str, *wrong: str) -> dict:
    return {"C01": {"verdict": verdict, "wrong": wrong}}


def test_table_alone():
    assert text() == """\
description
  C01 HOLDS (by the table, not run here): it is so
      line 4 of the mail
      Because.
      stands or falls with U1, U2
      tests/scenarios/a.kmm: shows it
      tests/scenarios/c.kmm (units -U6): shows it and shows where it is not so

comments inside the patch
  C02 NOT TESTABLE: it is seen
      line 6 of the mail
      Nobody can.

2 claims: 1 hold, 1 not testable; the scenarios are not installed here, and were not run"""


def test_table_with_a_mail_and_runs():
    shown = text(WHOLE, ran("holds"))

    assert "      line 14-15: \u201cIt is so.\u201d\n" in shown
    assert "\n1 sentence without behaviour\n  16       A name (A name)\n" in shown
    assert shown.endswith("2 claims: 1 hold, 1 not testable; 1 of 1 are so by what ran here")


@pytest.mark.parametrize(("reading", "judged", "agrees"), [
    (None, None, True),
    (WHOLE, ran("holds"), True),
    (WHOLE, ran("holds in part"), False),
    (WHOLE, ran("holds", "a.kmm:1: something else"), False),
    (Reading({**WHOLE.said, TWO: None}, ()), ran("holds"), False),
    (Reading(WHOLE.said, (Found((9, 9), "News."),)), ran("holds"), False),
])
def test_whatever_is_not_as_in_the_table_counts(reading, judged, agrees):
    assert report(reading, judged)["agrees"] is agrees


def test_run_that_says_something_else_is_shown():
    shown = text(WHOLE, ran("not testable", "a.kmm:1: found nothing"))

    assert ("      NOT AS IN THE TABLE: by what ran here it shows nothing\n"
            "      a.kmm:1: found nothing\n") in shown
    assert shown.endswith("; 0 of 1 are so by what ran here")
    assert "it holds in part\n" in text(WHOLE, ran("holds in part"))


def test_sentences_that_are_missing_or_new_are_shown():
    reading = Reading({**WHOLE.said, TWO: None}, (Found((9, 9), "News of it."),))
    shown = text(reading, ran("holds"))

    assert "  C02 NOT TESTABLE: it is seen\n      this mail does not say so\n" in shown
    assert "  in no row: line 9, letters 8, hash " in shown
    assert report(reading)["claims"][1]["lines"] is None
