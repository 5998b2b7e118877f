# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts by running: what a scenario must do to show anything."""

from pathlib import Path

import pytest

from pykmm.errors import BadInput, Lacking
from pykmm.review import evidence
from pykmm.review.claims import Claim, Shown
from pykmm.review.sentences import Place

STORY = """\
# A store makes the page dirty.
units all, -U6
file f ext2 pages=1
p0: a = mmap f
p0: load a = 1
p0: store a = 5
  expect if U1: page f[0]: dirty
  expect p0 at a: page 0 RW D A
  expect unless U6: nr_dirty 1
"""
DIRTY, PTE = "if U1: page f[0]: dirty", "p0 at a: page 0 RW D A"


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "story.kmm"
    path.write_text(STORY)
    monkeypatch.setattr(evidence, "folder", lambda: tmp_path)
    return path


def claim(*shown: Shown) -> Claim:
    return Claim("C01", "changelog", Place((1, 1), 1, "0" * 10), "a", (), "holds", "b", shown)


def judged(halves, **how) -> evidence.Judged:
    return evidence.judge(claim(Shown("story.kmm", **how)), halves)


@pytest.mark.parametrize(("how", "verdict"), [
    ({"holds": (DIRTY,)}, "holds"),
    ({"holds": (DIRTY, "p0: store a = 5")}, "holds"),
    ({"fails": (PTE,)}, "does not hold"),
    ({"holds": (DIRTY,), "fails": (PTE,)}, "holds in part"),
    ({"holds": ("unless U6: nr_dirty 1",), "units": "-U6"}, "holds"),
])
@pytest.mark.usefixtures("story")
def test_verdict_follows_from_what_came_true(how, verdict, both):
    assert judged(both, **how) == evidence.Judged(verdict, ())


@pytest.mark.usefixtures("story")
def test_claim_without_scenarios_is_not_testable(both):
    assert evidence.judge(claim(), both) == evidence.Judged("not testable", ())


def test_expectation_that_does_not_come_true_shows_nothing(story, both):
    story.write_text(STORY.replace("page 0 RW", "page 0 RO"))
    found = judged(both, holds=("p0 at a: page 0 RO D A",))

    assert found == evidence.Judged("not testable", (
        "story.kmm:8: expect p0 at a: page 0 RO D A: found page 0 RW D A",))


def test_scenario_that_fails_elsewhere_is_told(story, both):
    story.write_text(STORY.replace("store a = 5", "store a = 6"))
    found = judged(both, holds=(DIRTY,))

    assert found == evidence.Judged("holds", ("story.kmm:6: p0: store a = 6: found 5",))


@pytest.mark.usefixtures("story")
@pytest.mark.parametrize(("how", "wrong"), [
    ({"holds": ("nr_dirty 1",)}, "story.kmm: no line says: nr_dirty 1"),
    ({"fails": ("unless U6: nr_dirty 1",)},
     "story.kmm: with units all nobody asks: unless U6: nr_dirty 1"),
    ({"holds": (PTE,), "units": "none"}, "story.kmm: it does not run with units none"),
])
def test_expectation_that_is_not_asked_for_is_told(how, wrong, both):
    assert judged(both, **how).wrong == (wrong,)


def test_text_that_stands_twice_must_come_true_twice(story, both):
    story.write_text(STORY + "writeback f\n  expect if U1: page f[0]: dirty\n")
    found = judged(both, holds=(DIRTY,))

    assert found == evidence.Judged("not testable", (
        "story.kmm:11: expect if U1: page f[0]: dirty: found not dirty",))


@pytest.mark.usefixtures("story")
@pytest.mark.parametrize(("how", "units"), [
    ({"holds": (DIRTY,)}, ("U1", "U3")),
    ({"fails": (PTE,)}, ("U1",)),
    ({"holds": ("unless U6: nr_dirty 1",), "units": "-U6"}, ("U1", "U3")),
])
def test_units_are_found_by_turning_each_off(how, units, half_c):
    assert evidence.units_of_claim(claim(Shown("story.kmm", **how)), half_c) == units


@pytest.mark.usefixtures("story")
def test_scenario_that_is_not_there_is_named(both):
    with pytest.raises(BadInput, match="other.kmm"):
        evidence.judge(claim(Shown("other.kmm", holds=(PTE,))), both)


def test_scenario_that_cannot_be_meant_is_refused(story, both):
    story.write_text(STORY.replace("page f[0]", "page g[0]"))

    with pytest.raises(BadInput, match="tests/scenarios/story.kmm:7:"):
        judged(both, holds=(PTE,))


def test_without_scenarios_it_says_where_they_are(monkeypatch, both):
    monkeypatch.setattr(evidence, "folder", lambda: None)

    with pytest.raises(Lacking, match="in a checkout"):
        evidence.judge(claim(Shown("story.kmm", holds=(PTE,))), both)


def test_scenarios_are_those_of_this_checkout():
    assert evidence.folder().samefile(Path(__file__).parents[1] / "scenarios")
