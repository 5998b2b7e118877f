# SPDX-License-Identifier: GPL-2.0-only
"""The page in a real browser: keys, links, runs, and nothing that does not fit."""

import os
from collections.abc import Iterator
from pathlib import Path

import browser
import pytest

from pykmm.engine import halves
from pykmm.patch.edits import judge
from pykmm.patch.mail import read_mail
from pykmm.report import claims as claims_report
from pykmm.review import claims, facts, page, shortest
from pykmm.review.ablation import Ablations
from pykmm.review.scopes import OF_UNITS

WIDTHS = (360, 800, 960, 1280, 1500, 1920)

# what is wider than the box it is in, or than the window; text of pictures against their frames
TOO_WIDE = """(() => {
  const found = [];
  const name = (one) => one.tagName + "." + (one.getAttribute("class") || "") + " " +
    one.textContent.trim().slice(0, 40);
  for (const one of document.body.querySelectorAll("*")) {
    if (one.closest(".skip") || one.tagName === "LABEL") continue;
    const box = one.getBoundingClientRect();
    if (!box.width) continue;
    if (box.right > innerWidth + .5 || box.left < -.5) found.push(name(one));
    else if (!one.closest("svg") && one.tagName !== "INPUT" && one.clientWidth &&
             one.scrollWidth > one.clientWidth + 1) found.push(name(one));
    if (one.tagName === "text") {
      const frame = one.ownerSVGElement.getBoundingClientRect();
      if (box.right > frame.right || box.left < frame.left) found.push(name(one));
    }
  }
  return found;
})()"""

# pairs of texts of one picture that lie upon each other
OVERLAPS = """(() => {
  const found = [];
  for (const svg of document.querySelectorAll("svg")) {
    const boxes = [...svg.querySelectorAll("text")]
      .map((one) => [one.textContent, one.getBoundingClientRect()]);
    for (const [i, [a, x]] of boxes.entries())
      for (const [b, y] of boxes.slice(i + 1))
        if (x.width && y.width && x.left < y.right && y.left < x.right &&
            x.top + 3 < y.bottom && y.top + 3 < x.bottom)
          found.push(a + " / " + b);
  }
  return found;
})()"""


@pytest.fixture(scope="module")
def window() -> Iterator[browser.Browser]:
    if browser.path() is None:
        pytest.skip("there is no Chromium to open the page in")
    opened = browser.Browser()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def file(counts: facts.Counts, runs: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with all that there is; with the mail's lines too, if it is here."""
    mail = os.environ.get("PYKMM_PATCH")
    said = claims_report.facts(claims.load(), claims.read(mail) if mail else None, None)
    explored = shortest.first(Ablations(halves.c_half(), {"mapped": OF_UNITS["mapped"]}))
    source = facts.Source(judge(read_mail(mail)) if mail else None, "mail", counts, runs, said,
                          explored)
    path = tmp_path_factory.mktemp("page") / "review.html"
    path.write_text(page.page(facts.facts(source)), encoding="utf-8")
    return path


@pytest.fixture
def opened(window: browser.Browser, file: Path) -> Iterator[browser.Browser]:
    """The page as it is when it is opened; it complains of nothing, whatever is done."""
    window.complaints.clear()
    window.look(1280)
    window.open(file)
    yield window
    assert window.complaints == []


def focused(at: browser.Browser) -> str:
    return at.run("document.activeElement.id")


def top_of(at: browser.Browser, name: str) -> float:
    return at.run(f"document.getElementById('{name}').getBoundingClientRect().top")


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows(opened: browser.Browser, width: int) -> None:
    opened.look(width)
    opened.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    opened.run("document.querySelectorAll('.moment').forEach((one) => { one.hidden = false; })")
    assert opened.run("document.documentElement.scrollWidth") == width
    assert opened.run(TOO_WIDE) == []
    assert opened.run(OVERLAPS) == []


def test_what_does_not_fit_is_seen(opened: browser.Browser) -> None:
    opened.look(360)
    opened.run("document.querySelector('h1').style.whiteSpace = 'nowrap'")
    assert any(one.startswith("H1") for one in opened.run(TOO_WIDE))


def test_nothing_overflows_in_print(opened: browser.Browser) -> None:
    opened.look(794)
    opened.call("Emulation.setEmulatedMedia", media="print", features=[])
    assert opened.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert opened.run(TOO_WIDE) == []
    opened.call("Emulation.setEmulatedMedia", media="", features=[])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_what_the_reader_prefers(opened: browser.Browser, scheme: str) -> None:
    opened.look(1280, scheme=scheme)
    red, _, _ = map(int, opened.run("getComputedStyle(document.body).backgroundColor")
                    .removeprefix("rgb(").removesuffix(")").split(","))
    assert (red < 60) == (scheme == "dark")


def test_n_and_p_go_from_edit_to_edit(opened: browser.Browser) -> None:
    opened.press("n")
    assert focused(opened) == "E01"
    opened.press("n", "n")
    assert focused(opened) == "E03" and 0 <= top_of(opened, "E03") < 200
    opened.press("p")
    assert focused(opened) == "E02"
    assert opened.run("location.hash") == "#E02"
    opened.press("p", "p", "p")
    assert focused(opened) == "E01"


def test_n_begins_where_the_reader_is(opened: browser.Browser, file: Path) -> None:
    opened.open(file, "#MK3")
    opened.press("n")
    assert focused(opened) == "E26"


def test_units_say_what_breaks_first_and_how_soon(opened: browser.Browser) -> None:
    rows = opened.run("[...document.querySelectorAll('#units ~ table tbody tr')]"
                      ".map((row) => row.children[1].textContent)")
    after = [(row.split()[0], row.split()[2]) for row in rows]
    assert after == [("kept_writes", "2"), ("tracked_writes", "1"), ("tracked_writes", "1"),
                     ("tracked_writes", "2"), ("tracked_writes", "4"), ("tracked_writes", "2"),
                     ("lock_order", "4")]
    # U5 to U7 are not found in the one scope that was explored
    assert [", found in " in row for row in rows] == [True] * 4 + [False] * 3


@pytest.mark.parametrize("name", ["E14", "U3", "MK3", "WP7", "do_brk", "C05", "edits"])
def test_deep_links_lead_there(opened: browser.Browser, file: Path, name: str) -> None:
    opened.open(file, f"#{name}")
    assert -1 <= top_of(opened, name) < 200
    assert opened.run(f"document.getElementById('{name}').checkVisibility()")


@pytest.mark.parametrize("width", [360, 1280])
def test_a_place_is_not_hidden_below_the_bar(opened: browser.Browser, file: Path,
                                             width: int) -> None:
    opened.look(width)
    opened.open(file, "#E14")
    below = opened.run("document.querySelector('nav').getBoundingClientRect().bottom")
    assert top_of(opened, "E14") >= below


@pytest.mark.parametrize("name", ["do_brk", "BK5"])
def test_link_to_a_function_or_its_step_opens_it(opened: browser.Browser, name: str) -> None:
    assert not opened.run("document.querySelector('#do_brk details').open")
    opened.run(f"location.hash = '{name}'")
    opened.run("new Promise(requestAnimationFrame)", wait=True)
    assert opened.run("document.querySelector('#do_brk details').open")


def test_link_to_what_the_search_has_hidden_shows_it(opened: browser.Browser) -> None:
    opened.press("/", *"private_lock")
    assert not opened.run("document.getElementById('E14').checkVisibility()")
    opened.run("location.hash = 'E14'")
    opened.run("new Promise(requestAnimationFrame)", wait=True)
    assert opened.run("document.getElementById('E14').checkVisibility()")


def test_slash_searches_and_escape_clears(opened: browser.Browser) -> None:
    def shown() -> list[str]:
        return opened.run("[...document.querySelectorAll('.edit')]"
                          ".filter((one) => !one.hidden).map((one) => one.id)")

    everything = shown()
    opened.press("/")
    assert focused(opened) == "find" and opened.run("document.getElementById('find').value") == ""
    opened.press(*"private_lock")
    assert shown() == ["E27", "E28"]
    assert opened.run("document.getElementById('found').textContent").endswith(" found")
    opened.press("Escape")
    assert shown() == everything and opened.run("document.getElementById('find').value") == ""
    assert focused(opened) != "find"


def test_search_for_an_id_goes_there_on_enter(opened: browser.Browser) -> None:
    opened.press("/", *"e19", "Enter")
    assert focused(opened) == "E19"
    # letters are letters again once the search is left
    opened.press("Escape", "n")
    assert focused(opened) == "E20"


def test_search_for_nothing_says_so(opened: browser.Browser) -> None:
    opened.press("/", *"zzzz")
    assert opened.run("document.getElementById('nothing').checkVisibility()")
    assert not opened.run("document.querySelector('.item').checkVisibility()")


PLAYER = "document.querySelector('#U6 .player')"


def position(at: browser.Browser) -> tuple[str, list[str], str]:
    return (at.run(f"{PLAYER}.querySelector('output').textContent"),
            at.run(f"[...{PLAYER}.querySelectorAll('.moment')].filter((one) => !one.hidden)"
                   ".map((one) => one.dataset.number)"),
            at.run(f"{PLAYER}.querySelector('[aria-current]').dataset.to"))


def test_a_run_opens_where_its_halves_part(opened: browser.Browser) -> None:
    assert position(opened) == ("2 of 4", ["2", "2"], "2")


def test_arrows_step_the_run_at_hand(opened: browser.Browser, file: Path) -> None:
    opened.open(file, "#U6")
    opened.press("ArrowRight")
    assert position(opened) == ("3 of 4", ["3", "3"], "3")
    opened.press("ArrowRight", "ArrowRight")
    assert position(opened) == ("4 of 4", ["4", "4"], "4")
    opened.press(*["ArrowLeft"] * 7)
    assert position(opened) == ("0 of 4", ["0", "0"], "0")


def test_buttons_step_a_run(opened: browser.Browser) -> None:
    opened.run(f"{PLAYER}.querySelector('[data-by=\"1\"]').click()")
    assert position(opened)[0] == "3 of 4"
    opened.run(f"{PLAYER}.querySelector('[data-to=\"1\"]').click()")
    assert position(opened)[0] == "1 of 4"
    opened.run(f"{PLAYER}.querySelector('[data-to=\"0\"]').click()")
    assert opened.run(f"{PLAYER}.querySelector('[data-by=\"-1\"]').disabled")


def test_focus_can_be_seen(opened: browser.Browser) -> None:
    opened.press("Tab", "Tab")
    style = "getComputedStyle(document.activeElement)"
    assert opened.run(f"{style}.outlineStyle") == "solid"
    assert opened.run(f"{style}.outlineWidth") == "2px"


def test_a_fault_of_the_page_is_seen(window: browser.Browser, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<!DOCTYPE html><title>bad</title><script>missing();</script>")
    window.complaints.clear()
    window.open(bad)
    window.run("1")
    assert any("missing is not defined" in one for one in window.complaints)
    window.complaints.clear()
