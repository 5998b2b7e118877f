# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm bench`: what it writes, what it compares, what it refuses."""

import json
import re
import shutil
import signal
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cli_command import Done, Pykmm
from cli_halves import Workshop

from pykmm import paths
from pykmm.bench import rows

KEYS = "schema events seconds interrupted halves machine rows refused compared".split()
ROW_KEYS = ("name function size ns instructions ratio_p_c ratio_after_before ratios quartiles "
            "yardsticks around calls refused lent intervals layouts rounds noisy").split()
FEW = ("follow_page", "do_brk")
SHORT = ("--seconds", "0.1")


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> tuple[Done, Path]:
    """(what the command left, its folder with bench.json and bench.html)"""
    folder = tmp_path_factory.mktemp("few")
    done = Pykmm(folder, folder)("bench", *FEW, *SHORT, "--json", "bench.json", "--html",
                                 "bench.html")
    return done, folder


@pytest.fixture(scope="module")
def result(few: tuple[Done, Path]) -> dict:
    return json.loads((few[1] / "bench.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc to build a half with")
    return Workshop(tmp_path_factory.mktemp("halves"))


def test_json_has_every_key_of_its_schema(few, result):
    few[0].was_silent(0)
    assert list(result) == KEYS and result["schema"] == "pykmm.bench/1"
    assert (result["events"], result["interrupted"]) == (False, False)
    assert (result["halves"], result["compared"], result["refused"]) == (["C", "P"], None, {})
    assert {"processor", "compiler", "cython", "flags", "kernel"} <= set(result["machine"])
    for row in result["rows"]:
        assert sorted(row) == sorted(ROW_KEYS)


def test_rows_are_those_of_the_functions(result):
    assert [row["name"] for row in result["rows"]] == [
        row.name for row in rows.ROWS if row.function in FEW]


def test_numbers_of_a_row_fit_together(result):
    for row in result["rows"]:
        has_before = rows.find(row["name"]).has_before
        assert set(row["ns"]) == {"C", "P", "before"}
        assert (row["ns"]["before"] is not None) is has_before
        assert row["instructions"] == {"C": None, "P": None, "before": None}
        assert row["rounds"] >= row["layouts"] * 20 > 0
        for column, value in row["ns"].items():
            if value is not None:
                low, high = row["intervals"]["ns"][column]
                assert low <= value <= high
        for name in ("ratio_p_c", "ratio_after_before"):
            if row[name] is not None:
                low, high = row["intervals"][name]
                assert 0 < low <= row[name] <= high
        assert (row["ratio_after_before"] is None) or has_before


def test_table_has_a_line_for_each_row(few, result):
    lines = few[0].out.splitlines()
    assert re.match(r"row +C ns +P ns +before ns +P/C +95 % +after/before +95 %", lines[1])
    for row, line in zip(result["rows"], lines[2:], strict=False):
        assert line.startswith(row["name"])
    assert lines[-1].endswith(", timed without events")


class Page(HTMLParser):
    """Tags and words of the page; what it loads from elsewhere."""

    def __init__(self, text: str):
        super().__init__()
        self.words, self.tags, self.loads = "", [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.words += data


def test_page_has_every_row_and_needs_nothing_else(few, result):
    text = (few[1] / "bench.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.loads == [] and "@import" not in text and "url(" not in text
    assert all(row["name"].partition("/")[2] in page.words for row in result["rows"])
    ratios = sum(row[name] is not None for row in result["rows"]
                 for name in ("ratio_p_c", "ratio_after_before"))
    assert page.tags.count("svg") == ratios > 0
    assert "prefers-color-scheme: dark" in text and 'name="viewport"' in text


def test_list_names_the_rows(pykmm):
    done = pykmm("bench", "--list", "do_brk").was_silent(0)
    assert done.out.splitlines() == [row.name for row in rows.ROWS if row.function == "do_brk"]


def test_json_to_standard_output_is_all_there_is(pykmm):
    done = pykmm("bench", "is_shared_writable", *SHORT, "--json", "-").was_silent(0)
    assert [row["function"] for row in done.json["rows"]] == ["is_shared_writable"] * 2


def test_events_are_said(pykmm):
    done = pykmm("bench", "do_brk", *SHORT, "--events", "--json", "events.json").was_silent(0)
    assert done.out.splitlines()[-1].endswith(", timed with events")
    pykmm("bench", "do_brk", "--compare", "events.json").complained(
        2, "events.json", "timed with events")


def planted(result: dict, folder: Path, times: float) -> Path:
    """The result as if P and C had taken so many times as long when it was written."""
    old = json.loads(json.dumps(result))
    for row in old["rows"]:
        row["yardsticks"] = {name: [times * value for value in three]
                             for name, three in row["yardsticks"].items()}
    path = folder / "old.json"
    path.write_text(json.dumps(old))
    return path


def test_slower_than_before_is_found(pykmm, result):
    """Twice as fast an earlier run: no noise of this machine makes that up."""
    old = planted(result, pykmm.cwd, 0.2)
    done = pykmm("bench", "do_brk", *SHORT, "--compare", old, "--json", "new.json").was_silent(1)
    compared = json.loads((pykmm.cwd / "new.json").read_text())["compared"]
    names = [row.name for row in rows.ROWS if row.function == "do_brk"]
    assert compared["verdicts"] == dict.fromkeys(names, "slower")
    assert compared["failed"] == sorted(names)
    assert f"{names[0]}: slower by more than 5 %" in done.out
    assert f"since {old}: {len(names)} slower, 0 faster, 0 same" in done.out


def test_a_half_of_the_user_is_a_column(pykmm, workshop):
    half = workshop.half("mine", (Path(__file__).parents[2] / "cref/mm/rmap.c").read_text())
    done = pykmm("bench", "page_mkclean_file", *SHORT, "--events", "--half", half, "--json",
                 "mine.json").was_silent(0)
    assert "mine/C" in done.out.splitlines()[1]
    document = json.loads((pykmm.cwd / "mine.json").read_text())
    assert document["halves"] == ["C", "P", "mine"]
    assert all(row["ratios"]["mine"] and row["ns"]["mine"] for row in document["rows"])


def test_a_half_that_differs_is_told_and_found(pykmm, workshop):
    done = pykmm("bench", "page_mkclean_file", *SHORT, "--events", "--half", workshop.wrong())
    assert done.was_silent(1).out.count("wrong: wrong and C differ") == 2


@pytest.mark.parametrize(("arguments", "said"), [
    (["no_such"], "no_such has no row"),
    (["--half", "mine"], "say NAME=FILE"),
    (["--half", "C=/dev/null"], "C is the name of a half that pykmm has itself"),
    (["--half", "mine=none.so"], "no such file: none.so"),
    (["do_brk", "--half", "mine=text.so"], "cannot load"),
    (["--compare", "none.json"], "none.json: No such file"),
    (["--compare", "text.so"], "text.so: not JSON"),
    (["--compare", "other.json"], "other.json: its schema is 'pykmm.fuzz/1'"),
    (["--json", "none/new.json"], "no such folder"),
    (["--html", "."], "it is a folder"),
    (["--seconds", "0"], "'0' is not a time above 0"),
    (["--fail-above", "-1"], "--fail-above"),
    (["--no-times"], "--no-times goes with --instructions"),
])
def test_bad_input_is_one_line(pykmm, arguments: list[str], said: str):
    (pykmm.cwd / "text.so").write_text("no library")
    (pykmm.cwd / "other.json").write_text('{"schema": "pykmm.fuzz/1"}')
    pykmm("bench", *arguments).complained(2, said)


def test_without_valgrind_times_are_told_and_counts_alone_are_refused(pykmm):
    pykmm.env["PATH"] = ""
    done = pykmm("bench", "is_shared_writable", *SHORT, "--instructions").was_silent(0)
    assert "no instructions: " in done.out and "is_shared_writable/yes" in done.out
    pykmm("bench", "is_shared_writable", "--instructions", "--no-times").complained(3, "valgrind")


@pytest.mark.skipif(not shutil.which("valgrind"), reason="there is no valgrind")
def test_counts_alone_need_no_times(pykmm, result):
    """Compared with an earlier run that took fewer instructions, and forgiven for it."""
    old = json.loads(json.dumps(result))
    for row in old["rows"]:
        row["instructions"] = {"C": 1000, "P": 1000}
    (pykmm.cwd / "old.json").write_text(json.dumps(old))

    done = pykmm("bench", "do_brk", "--instructions", "--no-times", "--json", "new.json",
                 "--half", f"again={paths.lib() / 'c.so'}", "--compare", "old.json",
                 "--fail-above", "5000").was_silent(0)

    lines = done.out.splitlines()
    assert re.match(r"row +instructions C +P +before +again *$", lines[0])
    assert any(line.endswith(", counted with events") for line in lines)
    assert not any("timed" in line for line in lines)
    new = json.loads((pykmm.cwd / "new.json").read_text())
    assert all(row["instructions"]["C"] > 0 and row["rounds"] == 0 for row in new["rows"])
    counts = {row["name"]: row["instructions"] for row in new["rows"]}
    for change in new["compared"]["changes"]:
        count = counts[change["row"]][change["column"]]
        assert change["instructions"] == [1000, count] and change["ratio"] is None
        assert change["verdict"] == ("slower" if count > 1000 else "faster")


def test_interrupted_it_tells_what_it_has(pykmm):
    with pykmm.started("bench", "do_brk", "--seconds", "600", "--json", "part.json",
                       stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "halves C, P; 2 rows in 5 layouts; 600 s\n"
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait() == 130
    part = json.loads((pykmm.cwd / "part.json").read_text())
    # how many had been timed by then is the machine's affair
    assert part["interrupted"] is True and len(part["rows"]) in range(3)
    assert rest.splitlines()[-1] == f"stopped early: {len(part['rows'])} rows of 2"


def test_rows_are_listed_as_json_too(pykmm):
    done = pykmm("bench", "do_brk", "--list", "--json", "-").was_silent(0)
    names = [row["name"] for row in done.json["list"]]
    assert names == pykmm("bench", "do_brk", "--list").was_silent(0).out.splitlines() != []
    pykmm("bench", "do_brk", "--list", "--json", "list.json").was_silent(0)
    assert json.loads((pykmm.cwd / "list.json").read_text()) == done.json


def test_comparing_with_other_rows_is_no_comparison(pykmm, result):
    (pykmm.cwd / "old.json").write_text(json.dumps(result))
    pykmm("bench", "do_writepages", *SHORT, "--compare", "old.json").complained(
        2, "--compare old.json: it has ", " and none of those", "nothing can be compared")
    (pykmm.cwd / "none.json").write_text(json.dumps(result | {"rows": []}))
    pykmm("bench", "follow_page", *SHORT, "--compare", "none.json").complained(2, "it has no row")
    # the same rows, and no number of them in both
    rows = [row | {"yardsticks": {}, "instructions": dict.fromkeys(row["instructions"]),
                   "intervals": row["intervals"] | {"ratio_p_c": None}}
            for row in result["rows"]]
    (pykmm.cwd / "empty.json").write_text(json.dumps(result | {"rows": rows}))
    pykmm("bench", "follow_page", *SHORT, "--compare", "empty.json").complained(
        2, "--compare empty.json: nothing was compared")
