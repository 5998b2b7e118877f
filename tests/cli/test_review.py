# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review`, as a user's shell starts it."""

from pathlib import Path

import pytest
from cli_command import Pykmm

SUMMARY = ("30 claims: 14 hold, 12 hold in part, 2 do not hold, 2 not testable; "
           "28 of 28 are so by what ran here\n")


def test_claims_without_a_mail_name_their_lines(pykmm: Pykmm) -> None:
    out = pykmm("review", "--claims").was_silent(0).out

    for part in ("description\n  C01 HOLDS IN PART: a page of a shared writable mapping",
                 "\n      line 15-16 of the mail\n",
                 "\n      stands or falls with U5, U7\n"
                 "      tests/scenarios/fs/buffer/try_to_free_buffers/"
                 "a-store-between-buffers-and-page-is-lost.kmm: shows where it is not so\n",
                 "\n\nchangelog\n", "\n\ncomments inside the patch\n"):
        assert part in out, part
    assert out.endswith("\n\n" + SUMMARY)
    assert "without behaviour" not in out


def test_claims_with_the_mail_show_its_sentences(pykmm: Pykmm, mail: Path) -> None:
    out = pykmm("review", "--claims", "--patch", mail).was_silent(0).out
    sentence = " ".join(mail.read_text().split("\n")[14:16]).split(".")[0]

    assert f"line 15-16: \u201c{sentence}.\u201d" in " ".join(out.split())
    assert "\n18 sentences without behaviour\n" in out
    assert "of the mail\n" not in out
    assert out.endswith("\n\n" + SUMMARY)


def test_claims_as_json(pykmm: Pykmm, mail: Path) -> None:
    report = pykmm("review", "--claims", "--patch", mail, "--json", "-").was_silent(0).json
    first, unsafe = report["claims"][0], report["claims"][13]

    assert (report["schema"], report["mail"]) == ("pykmm.review/1", str(mail))
    assert (report["agrees"], report["unknown"]) == (True, [])
    assert (len(report["claims"]), len(report["silent"])) == (30, 18)
    assert (first["id"], first["lines"], first["units"]) == ("C01", [15, 16], ["U3", "U4"])
    assert first["sentence"].endswith("mapping write-protected.")
    assert (unsafe["id"], unsafe["verdict"], unsafe["ran"]) == (
        "C14", "does not hold", "does not hold")
    assert unsafe["shown"][0]["scenario"].startswith("tests/scenarios/fs/buffer/")
    assert [one["ran"] for one in report["claims"] if one["verdict"] == "not testable"] == \
        [None, None]


def test_json_without_a_mail_has_no_sentences(pykmm: Pykmm) -> None:
    report = pykmm("review", "--claims", "--json", "claims.json").was_silent(0)
    saved = (pykmm.cwd / "claims.json").read_text()

    assert report.out.endswith(SUMMARY)
    assert '"mail": null' in saved
    assert '"sentence": "' not in saved


def test_mail_that_says_something_else_is_told(pykmm: Pykmm, mail: Path) -> None:
    copy = pykmm.cwd / "other.txt"
    copy.write_text(mail.read_text().replace("vmstat", "meminfo"))
    out = pykmm("review", "--claims", "--patch", copy).was_silent(1).out

    assert out.count("      this mail does not say so\n") == 2      # C04 and C05 are one sentence
    assert "\n  in no row: line 20, letters 55, hash " in out
    assert "/proc/meminfo." in out


def test_mail_whose_patch_does_something_else_is_told(pykmm: Pykmm, mail: Path) -> None:
    copy = pykmm.cwd / "other.txt"
    text, line = mail.read_text(), "+ entry = pte_wrprotect(entry);"
    assert text.count(line) == 1
    copy.write_text(text.replace(line, "+ entry = pte_mkclean(entry);"))
    done = pykmm("review", "--claims", "--patch", copy).was_silent(1)

    assert done.out.startswith("the mail: altered: E25")
    assert "C and X differ" in done.out
    assert "NOT AS IN THE TABLE: by what ran here it " in done.out
    assert "28 of 28" not in done.out


@pytest.mark.parametrize(("arguments", "what"), [
    (["--patch", "gone.txt"], "gone.txt: no such file"),
    (["--patch", "empty.txt"], "empty.txt: the file is empty"),
    (["--patch", "prose.txt"], "prose.txt:1: no patch in it"),
    (["--json", "nowhere/a.json"], "no such folder: nowhere"),
])
def test_bad_files_are_named(pykmm: Pykmm, arguments: list[str], what: str) -> None:
    (pykmm.cwd / "empty.txt").write_text("")
    (pykmm.cwd / "prose.txt").write_text("It is said.\n")
    pykmm("review", "--claims", *arguments).complained(2, what)
