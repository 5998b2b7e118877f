# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm run` and `pykmm fmt` of scenarios, as a user's shell starts them."""

import json
from pathlib import Path

import pytest
from cli_command import Pykmm
from cli_halves import Workshop

STORY = """\
# A store makes the page dirty.
units all, none
file f ext2 pages=1
p0: a = mmap f
p0: load a
p0: store a = 5
  expect if all: page f[0]: dirty
  expect p0 at a: page 0, D
writeback f
"""


@pytest.fixture
def story(pykmm: Pykmm) -> Path:
    path = pykmm.cwd / "story.kmm"
    path.write_text(STORY)
    return path


def test_run_shows_events_changes_and_expectations(pykmm: Pykmm, story: Path) -> None:
    out = pykmm("run", story.name).was_silent(0).out

    assert out.startswith("story.kmm: A store makes the page dirty.\n\nunits all\n")
    for part in ("\nunits none\n", "    4  p0: a = mmap f   -> 0\n",
                 "WP14  set_page_dirty(page[0])", "       +     0x40000000  page 0 RW D A\n",
                 "      ok      expect if all: page f[0]: dirty\n"):
        assert part in out, part
    assert out.endswith("\n13 expectations in 2 variants: all hold\n")


def test_run_of_a_scenario_that_fails_names_the_line(pykmm: Pykmm, story: Path) -> None:
    story.write_text(STORY.replace("page 0, D", "page 0, RO").replace("= 5", "= 6"))
    out = pykmm("run", story.name).was_silent(1).out

    assert "      story.kmm:6: found 5\n                   expected 6\n" in out
    assert ("      FAILED  expect p0 at a: page 0, RO\n"
            "      story.kmm:8: found page 0 RW D A\n") in out
    assert out.endswith("""
4 of 13 expectations in 2 variants failed:
  story.kmm:6: units all: p0: store a = 6
  story.kmm:8: units all: expect p0 at a: page 0, RO
  story.kmm:6: units none: p0: store a = 6
  story.kmm:8: units none: expect p0 at a: page 0, RO
""")


@pytest.mark.parametrize(("name", "text"), [
    ("U3", "U3.kmm: "), ("f2", "a-store-after-a-commit-is-lost-with-the-patch.kmm: ")])
def test_run_of_a_unit_or_a_finding_by_its_name(pykmm: Pykmm, name: str, text: str) -> None:
    out = pykmm("run", name).was_silent(0).out

    assert text in out.splitlines()[0]
    assert ": all hold\n" in out.splitlines(keepends=True)[-1]


def test_name_of_a_run_is_a_file_where_there_is_one(pykmm: Pykmm, story: Path) -> None:
    story.rename(story.with_name("U3"))
    pykmm("run", "U3").complained(2, "U3: not a case")


def test_name_that_no_run_has_says_which_there_are(pykmm: Pykmm) -> None:
    pykmm("run", "U9").complained(2, "U9: no such file", "U1, U2", "F1, F2")


def test_byte_order_mark_is_no_part_of_a_scenario(pykmm: Pykmm, story: Path) -> None:
    story.write_text("\ufeff" + STORY, encoding="utf-8")
    assert pykmm("run", story.name).was_silent(0).out.endswith(": all hold\n")


def test_what_is_very_long_is_told_by_its_ends(pykmm: Pykmm, story: Path) -> None:
    story.write_text("begin" + 50_000 * "a" + "end\n")
    done = pykmm("run", story.name).complained(2, "'beginaaa", "aaaend'", "49,911 more characters)")
    assert len(done.err) < 1000


def test_run_writes_json(pykmm: Pykmm, story: Path) -> None:
    report = pykmm("run", story.name, "--json", "-").was_silent(0).json

    assert (report["schema"], report["ok"]) == ("pykmm.scenario/1", True)
    assert [variant["units"] for variant in report["variants"]] == ["all", "none"]
    store = next(entry for entry in report["variants"][0]["entries"] if entry["line"] == 6)
    assert (store["kind"], store["ok"], store["result"]) == ("operation", True, "5")
    assert [half["name"] for half in store["halves"]] == ["C", "P"]
    assert "words" not in store["halves"][0]["events"][0]


def test_half_that_differs_is_found(pykmm: Pykmm, story: Path, workshop: Workshop) -> None:
    out = pykmm("run", story.name, "--half", workshop.wrong()).was_silent(1).out

    assert "C and wrong differ: their events are not the same" in out
    assert "<- first difference" in out
    assert "1 of " in out and "story.kmm:9: units all: writeback f" in out


def test_mail_is_a_half_more(pykmm: Pykmm, story: Path, mail: Path) -> None:
    report = pykmm("run", story.name, "--patch", mail, "--json", "-").was_silent(0).json

    store = next(entry for entry in report["variants"][0]["entries"] if entry["line"] == 6)
    assert [half["name"] for half in store["halves"]] == ["C", "P", "X"]


def test_half_that_ends_the_engine_is_named(pykmm: Pykmm, story: Path, workshop: Workshop) -> None:
    half = workshop.with_lines("leaves", "extern void _exit(int); _exit(3);")
    pykmm("run", story.name, "--half", half).complained(
        1, "half leaves ended the engine with exit code 3 in story.kmm")


def test_half_that_does_not_come_back_is_named(pykmm: Pykmm, story: Path,
                                               workshop: Workshop) -> None:
    pykmm.env["PYKMM_SILENT_SECONDS"] = "2"
    half = workshop.with_lines("loops", "for (;;) __asm__ volatile(\"\");")
    pykmm("run", story.name, "--half", half).complained(
        1, "half loops does not come back in story.kmm")


def test_half_without_a_function_has_c_s_called(pykmm: Pykmm, story: Path, workshop: Workshop
                                                ) -> None:
    done = pykmm("run", story.name, "--half", workshop.partly(), "--json", "at").was_silent(0)
    assert "half partly has no page_mkclean_one: C's own is called in its place" in done.out
    assert json.loads((pykmm.cwd / "at").read_text())["lent"] == {"partly": ["page_mkclean_one"]}


@pytest.mark.parametrize("command", ["run", "fmt"])
@pytest.mark.parametrize(("text", "parts"), [
    ("p0: stor a\n", ["given.kmm:1:5: 'stor' is no operation"]),
    ("p0: fork\nexpect page\n", ["given.kmm:2:12: found the end of the line", "a number"]),
    ("p0: load b\n", ["given.kmm:1:10: found 'b'"]),
    ("", ["given.kmm: nothing is done"]),
    ("case direct\nchoice pte = 900\n", ["given.kmm:2:8: found 900"]),
    ("\x00\x01", ["given.kmm:1:1: "]),
])
def test_text_without_a_meaning_is_refused(pykmm: Pykmm, command: str, text: str,
                                           parts: list[str]) -> None:
    (pykmm.cwd / "given.kmm").write_text(text)
    done = pykmm(command, "given.kmm").complained(2, *parts)

    assert done.out == ""
    assert (pykmm.cwd / "given.kmm").read_text() == text


@pytest.mark.parametrize("command", ["run", "fmt"])
def test_file_that_cannot_be_read_is_refused(pykmm: Pykmm, command: str) -> None:
    (pykmm.cwd / "folder.kmm").mkdir()
    (pykmm.cwd / "bytes.kmm").write_bytes(b"\xff\xfe")
    for name in ("folder.kmm", "bytes.kmm", "missing.kmm"):
        pykmm(command, name).complained(2, name)


def test_fmt_rewrites_and_says_so(pykmm: Pykmm, story: Path) -> None:
    story.write_text(STORY.replace("  expect", "expect").replace("pages=1", "  pages=1"))
    pykmm("fmt", "--check", story.name).was_silent(1)
    assert story.read_text() != STORY

    done = pykmm("fmt", story.name).was_silent(0)
    assert (done.out, story.read_text()) == ("story.kmm: rewritten\n", STORY)
    assert pykmm("fmt", story.name).was_silent(0).out == ""
    assert pykmm("fmt", "--check", story.name).was_silent(0).out == ""
    assert sorted(path.name for path in pykmm.cwd.iterdir()) == ["story.kmm"]


def test_fmt_of_several_files_changes_none_if_one_is_refused(pykmm: Pykmm, story: Path) -> None:
    story.write_text(STORY + "\n\n\n")
    (pykmm.cwd / "wrong.kmm").write_text("p0: stor\n")
    (pykmm.cwd / "worse.kmm").write_text("p0: lod\n")
    done = pykmm("fmt", story.name, "wrong.kmm", "worse.kmm")
    assert done.code == 2 and [line.split(":")[1:4] for line in done.err.splitlines()] == [
        [" wrong.kmm", "1", "5"], [" worse.kmm", "1", "5"]]
    # looked at all the same, behind one that is refused too
    done = pykmm("fmt", "--check", "wrong.kmm", story.name)
    assert (done.code, done.out) == (2, f"{story.name}: is not in its layout\n")

    assert story.read_text() == STORY + "\n\n\n"


def test_fmt_prints_a_saved_case_as_a_scenario(pykmm: Pykmm, saved_case: Path,
                                               saved_sequence: Path) -> None:
    for path, kind in ((saved_case, "direct"), (saved_sequence, "sequence")):
        text = pykmm("fmt", "--print", path).was_silent(0).out
        assert f"\ncase {kind}\n" in text
        (pykmm.cwd / "case.kmm").write_text(text)
        pykmm("fmt", "--check", "case.kmm").was_silent(0)
        assert " all hold\n" in pykmm("run", "case.kmm").was_silent(0).out
    pykmm("fmt", saved_case).complained(2, "--print")


def test_scenario_of_a_saved_case_shows_the_same_difference(pykmm: Pykmm, saved_case: Path,
                                                            workshop: Workshop) -> None:
    (pykmm.cwd / "case.kmm").write_text(pykmm("fmt", "--print", saved_case).out)
    out = pykmm("run", "case.kmm", "--half", workshop.wrong()).was_silent(1).out

    assert "C and wrong differ" in out


def test_fmt_takes_one_of_check_and_print(pykmm: Pykmm, story: Path) -> None:
    pykmm("fmt", "--check", "--print", story.name).complained(2, "--check and --print")


def test_closed_output_stops_silently(pykmm: Pykmm, story: Path) -> None:
    assert pykmm.shell(f"$pykmm run {story.name} | head -1; exit ${{PIPESTATUS[0]}}").code == 0


def test_option_that_is_very_long_is_told_by_its_ends(pykmm: Pykmm) -> None:
    done = pykmm("explore", "--ops", "begin" + 50_000 * "a" + "end").complained(2, "begin", "end")
    assert "more characters)" in done.err and len(done.err) < 1000
