# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm coverage`: everything is reached or on the list, and the listing says so line by line."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cli_command import Done, Pykmm

from pykmm.engine import core

KEYS = ("schema seed jobs halves cases seconds interrupted divergences functions missing "
        "unreachable disproved").split()
COUNT = re.compile(r"^ +([\d,]+|NEVER) +\d+ .*?(?:/\*|#) ([A-Z]+\d+[a-z]?)(?: E\d\d)*(?: \*/)?$")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, str]:
    """From an empty start, long enough: (what the command left, its HTML)."""
    folder = tmp_path_factory.mktemp("whole")
    done = Pykmm(folder, folder)("coverage", "--cases", "8M", "--seed", "7", "--jobs", "2",
                                 "--json", "-", "--html", "whole.html")
    return done, (folder / "whole.html").read_text(encoding="utf-8")


def test_json_has_every_key_of_its_schema(whole: tuple[Done, str]) -> None:
    result = whole[0].json
    assert list(result) == KEYS and result["schema"] == "pykmm.coverage/1"
    assert (result["halves"], result["cases"]) == (["C", "P"], 8_000_000)
    assert list(result["functions"]) == core.FUNCTIONS


def test_the_list_of_unreachable_sides_is_exact(whole: tuple[Done, str]) -> None:
    result = whole[0].was_silent(0).json
    assert result["missing"] == [] and result["disproved"] == []
    never = set()
    for row in result["functions"].values():
        assert row["steps_hit"] == row["steps_total"] > 0
        assert len(row["sides"]) == row["branches_total"]
        assert all(len(counts) == 2 and min(counts) > 0 for counts in row["steps"].values())
        never |= {side for side, counts in row["sides"].items() if not all(counts)}
    # neither half, and nothing besides
    assert never == set(result["unreachable"])
    assert all(not any(row["sides"].get(side, ())) for side in never
               for row in result["functions"].values())


def test_both_halves_count_the_same(whole: tuple[Done, str]) -> None:
    for row in whole[0].json["functions"].values():
        for c, p in (*row["steps"].values(), *row["sides"].values()):
            assert c == p


class Page(HTMLParser):
    """Tags that are open, and what a page would fetch."""

    VOID = ("meta",)

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attributes: list) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        of = dict(attributes)
        self.fetched += [of[name] for name in ("src", "href") if of.get(name, "#")[0] != "#"]
        if tag in ("script", "link", "img", "iframe"):
            self.fetched.append(tag)
        self.ids += [of["id"]] if "id" in of else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_one_file_that_fetches_nothing(whole: tuple[Done, str]) -> None:
    page = Page()
    page.feed(whole[1])
    assert page.open == [] and page.fetched == []
    assert sorted(page.ids) == sorted(core.FUNCTIONS)
    assert "url(" not in whole[1] and "@import" not in whole[1]
    assert "prefers-color-scheme: dark" in whole[1]


def test_html_shows_counts_marks_and_proofs(whole: tuple[Done, str]) -> None:
    result, page = whole[0].json, whole[1]
    for row in result["functions"].values():
        for step, counts in row["steps"].items():
            assert f'<div class="step">{step}</div>' in page and f"{counts[0]:,}" in page
    for side, why in result["unreachable"].items():
        assert side in page and why.split(".")[0].replace("'", "&#39;") in page
    # in each half
    assert page.count(": unreachable</span>") == 2 * len(result["unreachable"])
    assert 'class="count never"' not in page and 'class="side never"' not in page


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """So few cases that a side is missing, as text."""
    folder = tmp_path_factory.mktemp("short")
    return Pykmm(folder, folder)("coverage", "--cases", "300", "--seed", "7", "--functions",
                                 "do_wp_page,mprotect_fixup")


def test_text_lists_c_and_cython_with_counts_of_steps(short: Done) -> None:
    lines = short.out.splitlines()
    for path in ("cref/mm/memory.c", "pykmm/mm/memory.pyx", "cref/mm/mprotect.c",
                 "pykmm/mm/mprotect.pyx"):
        assert sum(line.startswith(path) for line in lines) == 1
    counts = [found.groups() for found in map(COUNT.match, lines) if found]
    shown = [(count, step) for count, step in counts if step.startswith("MF")]
    c, cython = shown[:11], shown[11:]
    assert [step for _, step in c] == [f"MF{n}" for n in range(1, 12)]
    assert c == cython
    assert not any(step.startswith("NP") for _, step in counts)


def test_text_marks_what_was_never_reached_and_says_so_at_the_end(short: Done) -> None:
    assert short.code == 1 and short.err == ""
    assert re.search(r"MF7/3 +true [\d,]+  false NEVER \(unreachable\)  vma->vm_file$", short.out,
                     re.MULTILINE)
    assert re.search(r"^MF7/3 false: unreachable\. The operand", short.out, re.MULTILINE)
    missing = re.findall(r"^(\S+)(?: \w+)?: never reached$", short.out, re.MULTILINE)
    assert missing and "MF7/3" not in missing
    assert "every step" not in short.out


def test_what_was_stopped_early_need_not_have_reached_all(pykmm: Pykmm) -> None:
    import signal

    with pykmm.started("coverage", "--seconds", "10m", "--functions", "page_mkclean") as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert pykmm.ended(process).code == 130


@pytest.mark.parametrize(("path", "what"), [
    ("", "name a file"), (".", "name a file"), ("gone/a.html", "no such folder: gone"),
])
def test_html_that_cannot_be_written_is_refused_first(pykmm: Pykmm, path: str, what: str) -> None:
    pykmm("coverage", "--seconds", "10m", "--html", path).complained(2, "--html", what)


def test_wrong_use(pykmm: Pykmm) -> None:
    pykmm("coverage", "--seconds", "1", "--cases", "1").complained(2, "give one of them")
    pykmm("coverage", "--functions", "sing").complained(2, "'sing' is not mirrored")


def test_functions_that_are_not_listed_are_no_reason_to_fail(pykmm: Pykmm) -> None:
    # enough for this one, and not for all
    few = ("--cases", "300k", "--seed", "7")
    done = pykmm("coverage", *few, "--functions", "is_shared_writable").was_silent(0)
    assert "every step, and every other side of every operand of is_shared_writable," in done.out
    assert max(map(len, done.out.splitlines())) <= 120
    assert list(pykmm("coverage", *few, "--functions", "is_shared_writable", "--json", "-"
                      ).was_silent(0).json["functions"]) == ["is_shared_writable"]
    assert pykmm("coverage", *few, "--json", "-").was_silent(1).json["missing"] != []


def test_nothing_is_left_beside_what_was_asked_for(pykmm: Pykmm) -> None:
    pykmm("coverage", "--cases", "300", "--html", "a.html", "--json", "a.json")
    assert {path.name for path in Path(pykmm.cwd).iterdir()} == {"a.html", "a.json"}
