# SPDX-License-Identifier: GPL-2.0-only
"""The patch mail is input: its text is nowhere in the project.

Its changed lines are known by their hashes (pykmm/patch/edits.toml), so this
holds without the mail; with it (PYKMM_PATCH), its prose and its comments too.
Statements of the mirrored functions are facts and may stand where they are.
"""

import os
import re
from pathlib import Path

import pytest
from test_tracked_files import texts

from pykmm.patch import table as figures
from pykmm.patch.table import line_hash
from pykmm.source import anchors

MIRRORED = {f"cref/{path}" for path in anchors.TWINS} | {"cref/include/linux/rmap.h"}
RUN = 3
LONG = 30
_HUNK = re.compile(r"^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_TRIVIAL = {line_hash(text) for text in ("", "{", "}", "/*", "*/", "*", "return 0;", "return ret;")}
_LEADERS = re.compile(r"^[\s>+#/*;-]+|[\s*/]+$")


def changed_runs() -> list[list[str]]:
    """Hashes of the changed lines of each hunk that say something, in order."""
    return [[digest for op, digest in hunk.lines if op != " " and digest not in _TRIVIAL]
            for hunk in figures.load().hunks]


def copied_runs(text: str, runs: list[list[str]]) -> list[int]:
    """Lines of a text at which RUN changed lines of the patch follow each other."""
    known = {tuple(run[i:i + RUN]) for run in runs for i in range(len(run) - RUN + 1)}
    found = []
    for strip in (lambda line: line, lambda line: line.lstrip("> \t")[1:]):    # as in a diff, too
        lines = [(n, line_hash(strip(line))) for n, line in enumerate(text.splitlines(), 1)]
        lines = [(n, digest) for n, digest in lines if digest not in _TRIVIAL]
        found += [lines[i][0] for i in range(len(lines) - RUN + 1)
                  if tuple(digest for _, digest in lines[i:i + RUN]) in known]
    return found


def copied_comments(text: str, runs: list[list[str]]) -> list[int]:
    """Lines of a C text that are comments and changed lines of the patch."""
    known = {digest for run in runs for digest in run}
    found, inside = [], False
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if (inside or bare.startswith(("/*", "//"))) and line_hash(bare) in known:
            found.append(number)
        inside = (inside or "/*" in bare) and "*/" not in bare.rpartition("/*")[2]
    return found


def plain(text: str) -> str:
    """A text as one line of words: no marks of comments or quotations, no line ends."""
    return " ".join(word for line in text.splitlines() for word in _LEADERS.sub("", line).split())


def prose(mail: str) -> list[str]:
    """Long lines of a mail that are no code: what is outside of hunks, and comments in them."""
    found, owed, comment = [], 0, False
    for line in mail.splitlines():
        hunk = _HUNK.match(line)
        if hunk:
            owed = int(hunk[1] or 1) + int(hunk[2] or 1)
            comment = False
            continue
        if owed <= 0:
            words = plain(line)
            # its title, names of files and headers of the diff are facts
            if not re.match(r"\[PATCH|(?:---|\+\+\+|Index:|=+$|diff )|\S+ +\| +\d+ ", line):
                found.append(words)
            continue
        owed -= 1 if line[:1] in "+-" and line else 2
        body = line.lstrip("+- \t")
        comment = comment or body.startswith("/*")
        if comment or body.startswith("*"):
            found.append(plain(body))
        comment = comment and "*/" not in body
    return [words for words in found if len(words) > LONG]


def quoted(text: str, lines: list[str]) -> list[str]:
    """Which of the lines a text holds, wherever its own lines end."""
    words = plain(text)
    return [line for line in lines if line in words]


@pytest.fixture(scope="module")
def mail_prose() -> list[str]:
    """The mail's prose; without a mail there is none to compare with."""
    path = os.environ.get("PYKMM_PATCH")
    return prose(Path(path).read_text(encoding="utf-8", errors="replace")) if path else []


def test_changed_lines_of_the_patch_are_in_no_file_but_the_mirrored():
    runs = changed_runs()
    found = {p: copied_runs(text, runs) for p, text in texts().items() if p not in MIRRORED}

    assert {p: lines for p, lines in found.items() if lines} == {}


def test_comments_of_the_patch_are_in_no_mirrored_file():
    runs = changed_runs()
    found = {p: copied_comments(text, runs) for p, text in texts().items() if p in MIRRORED}

    assert len(found) == len(MIRRORED)
    assert {p: lines for p, lines in found.items() if lines} == {}


def test_prose_of_the_mail_is_in_no_file(mail_prose):
    found = {p: quoted(text, mail_prose) for p, text in texts().items()}

    assert {p: lines for p, lines in found.items() if lines} == {}


def test_prose_of_the_mail_is_read_if_there_is_one(mail_prose):
    assert bool(mail_prose) == bool(os.environ.get("PYKMM_PATCH"))


# -- the checks themselves

RUNS = [[line_hash(text) for text in ("a = one();", "b = two();", "c = three();", "* a remark")]]
MAIL = """\
[PATCH 1/6] a title that is longer than thirty letters
From: somebody who writes long lines of prose
A first sentence that is longer than thirty letters.
Index: linux-2.6/mm/some_file_with_a_long_name.c
--- linux-2.6.orig/mm/some_file_with_a_long_name.c
@@ -1,3 +1,5 @@
 a_statement_that_is_longer_than_thirty_letters();
+ /*
+ * A comment that is longer than thirty letters.
+ */
-b_statement_that_is_longer_than_thirty_letters();
 c_statement_that_is_longer_than_thirty_letters();
a last sentence after the hunk, long enough too
"""


@pytest.mark.parametrize(("text", "lines"), [
    ("x\n  a = one();\n\n\tb  = two();\nc = three();\n", [2]),
    ("+a = one();\n+b = two();\n+c = three();\n", [1]),
    ("> +a = one();\n> +b = two();\n> +c = three();\n", [1]),
    ("a = one();\nb = two();\n", []),
    ("a = one();\nother();\nb = two();\nc = three();\n", []),
])
def test_changed_lines_in_a_row_are_found(text, lines):
    assert copied_runs(text, RUNS) == lines


def test_comment_of_the_patch_is_found_and_code_is_not():
    assert copied_comments("/*\n * a remark\n */\na = one();\n", RUNS) == [2]
    assert copied_comments("/* ours */\na = one();\n", RUNS) == []


def test_prose_of_a_mail_is_told_from_its_code():
    assert prose(MAIL) == [
        "From: somebody who writes long lines of prose",
        "A first sentence that is longer than thirty letters.",
        "A comment that is longer than thirty letters.",
        "a last sentence after the hunk, long enough too",
    ]


@pytest.mark.parametrize("text", [
    "# A comment that is longer\n# than thirty letters.\n",
    "/*\n * A comment that is longer than\n * thirty letters.\n */\n",
    "so: A comment that is longer than thirty letters. Yes.",
])
def test_quotation_is_found_however_it_is_wrapped(text):
    assert quoted(text, prose(MAIL)) == ["A comment that is longer than thirty letters."]
    assert quoted("Another comment altogether.", prose(MAIL)) == []
