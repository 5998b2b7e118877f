# SPDX-License-Identifier: GPL-2.0-only
"""Every line of code that the patch changes is in half X: replace it by garbage, and X breaks.

What is compiled is the rendered text, its syntax alone, and of it only the file that a line
is in: a whole build for each line would take minutes.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from pykmm import paths
from pykmm.patch import table as figures
from pykmm.patch.edits import FoundEdit, judge
from pykmm.patch.mail import Line, read_mail
from pykmm.patch.regions import carried, render

EDITS = figures.load().edits
# a blank line and a comment: there is nothing that could break
NO_CODE = {"E02", "E13"}
# a header is compiled as part of a file that includes it
INCLUDED_BY = {"include/linux/mm.h": "mm/rmap.c", "include/linux/rmap.h": "mm/rmap.c"}


def code_lines(lines: tuple[Line, ...]) -> list[Line]:
    """The lines that are neither blank nor wholly within a comment."""
    code = []
    in_comment = False
    for line in lines:
        rest = line.text
        if in_comment:
            _, end, rest = rest.partition("*/")
            if not end:
                continue
        rest = re.sub(r"/\*.*?\*/", "", rest)
        rest, begun, _ = rest.partition("/*")
        in_comment = bool(begun)
        if rest.strip():
            code.append(line)
    return code


@dataclass
class Gen:
    """The files of X as they are rendered, and a mail to spoil."""

    folder: Path
    lines: list[str]

    def put(self, texts: dict[str, str]) -> None:
        for path, text in texts.items():
            (self.folder / "gen" / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "gen" / path).write_text(text, encoding="utf-8")

    def errors(self, path: str) -> list[str]:
        """What a compiler says of a rendered file."""
        cref, gen = paths.cref(), self.folder / "gen"
        done = subprocess.run(
            ["cc", *paths.c_flags(), "-w", "-fsyntax-only", f"-I{gen}/include", f"-I{gen}",
             f"-I{cref}/include", f"-I{cref}", str(gen / INCLUDED_BY.get(path, path))],
            capture_output=True, text=True, check=False)
        assert bool(done.returncode) == ("error: " in done.stderr)
        return re.findall(r"^.*error: .*$", done.stderr, re.MULTILINE)

    def poisoned(self, found: FoundEdit, line: Line) -> str | None:
        """None if the compiler names the poisoned line, else what it said."""
        mail = self.folder / f"poisoned-{line.number}.txt"
        copy = list(self.lines)
        # not just any garbage: in the arguments of a macro a compiler names the macro's line
        copy[line.number - 1] = f"{line.op}#error @"
        mail.write_text("\n".join(copy) + "\n", encoding="utf-8")
        read = read_mail(mail)
        path = found.edit.file
        text = render(read, judge(read), paths.cref())[path]
        good = (self.folder / "gen" / path).read_text(encoding="utf-8")
        self.put({path: text})
        errors = self.errors(path)
        self.put({path: good})
        named = [e for e in errors if e.startswith(f"{mail}:{line.number}:") and "#error" in e]
        return None if named else f"line {line.number} is not in X: {errors}"


@pytest.fixture(scope="module")
def gen(mail_path: Path, mail_lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> Gen:
    folder = tmp_path_factory.mktemp("poison")
    made = Gen(folder, mail_lines)
    mail = read_mail(mail_path)
    made.put(render(mail, judge(mail), paths.cref()))
    return made


@pytest.fixture(scope="module")
def found(mail_path: Path) -> dict[str, FoundEdit]:
    return {found.edit.id: found for found in judge(read_mail(mail_path)).edits}


def test_x_carries_every_edit(mail_path: Path) -> None:
    has, has_not = carried(judge(read_mail(mail_path)), paths.cref())

    assert (has, has_not) == ([edit.id for edit in EDITS], [])


@pytest.mark.parametrize("path", sorted({edit.file for edit in EDITS}))
def test_rendered_file_is_good_before_it_is_poisoned(gen: Gen, path: str) -> None:
    assert gen.errors(path) == []


@pytest.mark.parametrize("edit", [edit.id for edit in EDITS])
def test_every_line_of_code_of_an_edit_is_in_x(
    gen: Gen, found: dict[str, FoundEdit], edit: str
) -> None:
    lines = code_lines(found[edit].lines)

    assert (edit in NO_CODE) == (not lines)
    assert [said for line in lines if (said := gen.poisoned(found[edit], line))] == []


def test_line_that_is_only_in_a_comment_is_no_code() -> None:
    texts = ["", "/* a", "b", "c */ d;", "/* e */", "f; /* g", "*/"]
    lines = tuple(Line("+", text, n) for n, text in enumerate(texts))

    assert [line.number for line in code_lines(lines)] == [3, 5]
