# SPDX-License-Identifier: GPL-2.0-only
"""Reading a mail, on a toy of our own: what is repaired, what is refused and where."""

import os
import re
from pathlib import Path

import pytest
from patch_toy import MAIL, Toy
from refused import refusal as refusal_of
from refused import refused_in_proportion

from pykmm.errors import BadInput
from pykmm.patch import transport
from pykmm.patch.mail import Line, Mail, read_mail
from pykmm.patch.table import Table


def changed(toy: Toy) -> list[tuple[str, str]]:
    """Op and text of every line, white space excepted, of a mail that judges as v8."""
    mail, verdict = toy.read()
    assert verdict.kind == "v8", str(verdict)
    return [(s.op, "".join(s.text.split())) for h in mail.hunks for s in h.lines]


def refusal(toy: Toy) -> str:
    with pytest.raises(BadInput) as caught:
        toy.read()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_read_mail_intact_gives_files_hunks_and_lines(toy: Toy) -> None:
    mail, _ = toy.read()
    assert isinstance(mail, Mail)
    assert mail.name == str(toy.path)
    assert [(f.path, len(f.hunks)) for f in mail.files] == [
        ("include/linux/toy.h", 1),
        ("mm/toy.c", 6),
    ]
    hunk = mail.files[0].hunks[0]
    assert (hunk.file, hunk.number) == ("include/linux/toy.h", 1)
    assert (hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count) == (3, 3, 3, 7)
    assert hunk.section == "int nothing(void);"
    first = toy.line("@@ -3,")
    assert hunk.line_no == first
    assert hunk.lines[:4] == (
        Line(" ", "", first + 1),
        Line(" ", "#define TOY 1", first + 2),
        Line("+", "static inline int is_toy(int a)", first + 3),
        Line("+", "{", first + 4),
    )


def test_span_of_a_hunk_runs_from_the_first_to_the_last_changed_line(toy: Toy) -> None:
    mail, _ = toy.read()
    hunk = mail.files[1].hunks[1]
    assert hunk.span[0].text == "\tint ret = 0;"
    assert hunk.span[-1].text == "\t\tret = NOTE(3) + 3;"
    assert "".join(line.op for line in hunk.span) == "-++  ---++++ --+++"
    assert [len(run) for run in hunk.edits] == [3, 7, 5]


@pytest.mark.parametrize(
    ("damage", "repl"),
    [
        (r"\n", "\r\n"),  # line ends of another system
        (r"\n", "\r"),
        (r"\t", "        "),  # tabs to spaces
        (r"(?m)^ (?!\d)", ""),  # the blank first column of context lost
        (r"(?m)^([+-]?)[ \t]+", r"\1"),  # all white space at the beginning lost
        (r"(?m)$", "  "),  # white space at the end
        (r"(?m)^Index:.*\n=+\n", ""),  # no Index lines
        (r"(?m)^(Index: .*)", r"diff --git a b\nindex 123..456 100644\n\1"),
        (r"toy.orig/", "a/"),
        (r"07:01:34", "\n07:01:34"),  # the dates wrapped
        (r"13:09:55", "\n13:09:55"),
        (r"\Z", "-- \nThe list\n"),  # footers
        (r"\Z", "\n_______________________________________________\nThe list\n"),
        (r"\Z", "\n[prev in list] [next in list]\n"),
        (r"\Z", "</pre></body>\n"),
        (r"\n\Z", ""),  # no line end at the end
        (r"\A", "\ufeff"),  # byte order mark
        (r"somebody", "s\u00f8mebody"),
        (r" return", "\u00a0return"),
        (r"(?m)( /\* the end \*/)", r"\1\n\\ No newline at end of file"),
    ],
)
def test_read_mail_damaged_in_transport_is_repaired(toy: Toy, damage: str, repl: str) -> None:
    pristine = changed(toy)
    text = re.sub(damage, repl, MAIL)
    assert text != MAIL
    toy.path.write_bytes(text.encode("utf-8"))
    assert changed(toy) == pristine


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_read_mail_of_another_character_set_is_repaired(toy: Toy, encoding: str) -> None:
    pristine = changed(toy)
    toy.path.write_bytes(MAIL.replace("somebody", "s\u00f8mebody").encode(encoding))
    assert changed(toy) == pristine


@pytest.mark.parametrize("end", ["\r\n", "\r\r\n", "\r"])
def test_text_holds_no_part_of_a_line_end(toy: Toy, end: str) -> None:
    pristine = toy.read()[0].hunks
    toy.path.write_bytes(MAIL.replace("\n", end).encode())
    assert toy.read()[0].hunks == pristine


def test_context_keeps_its_indent_when_the_mail_has_the_blank_column(toy: Toy) -> None:
    mail, _ = toy.read()
    assert "\t\tNOTE(2);" in [line.text for line in mail.files[1].hunks[1].lines]


def test_context_keeps_all_spaces_when_the_blank_column_is_lost(toy: Toy) -> None:
    toy.path.write_text(re.sub(r"(?m)^ (?!\d)", "", MAIL.replace("\t", "  ")))
    mail, _ = toy.read()
    assert "    NOTE(2);" in [line.text for line in mail.files[1].hunks[1].lines]


def test_entities_are_text_again(toy: Toy) -> None:
    toy.change("toy.mail", "a > 1) {\n-", "a &gt; 1&#41; &#x7b;\n-")
    toy.change("toy.mail", "else if (a > 1", "else if (a &amp;gt; 1")
    changed(toy)


def test_line_numbers_are_those_on_disk_after_soft_breaks(toy: Toy) -> None:
    #   line n     +    reuse =3D dirty =
    #   line n+1   =3D 1;
    #   line n+2   the next line of the hunk
    toy.path.write_text(MAIL.replace("=", "=3D").replace("dirty =3D 1;", "dirty =\n=3D 1;"))
    mail, verdict = toy.read()
    assert verdict.kind == "v8"
    broken = toy.line("+\t\treuse =3D dirty =")
    lines = {"".join(s.text.split()): s.number for s in mail.files[1].hunks[1].lines}
    assert lines["reuse=dirty=1;"] == broken
    assert lines["}elseif(a>1){"] == broken + 2


def test_patch_with_bare_equals_signs_is_not_quoted_printable(toy: Toy) -> None:
    toy.path.write_text(MAIL + "-- \nhttp://example.org/?a=3D1\n")
    mail, _ = toy.read()
    assert "\treturn a == TOY;" in [s.text for s in mail.hunks[0].lines]


def test_wrapped_line_of_another_patch_is_refused_where_it_is_left_over(toy: Toy) -> None:
    # Without figures of the patch only the line that is too much can be named.
    toy.change("toy.mail", "+static int toy_clean_one(int a)", "+static int\ntoy_clean_one(int a)")
    with pytest.raises(
        BadInput,
        match=rf":{toy.line('@@ -60')}: hunk 5 of mm/toy.c: .*no room|"
        rf":{toy.line(' /* the end */')}: hunk 5 of mm/toy.c: .*left over",
    ):
        read_mail(toy.path, Table((), ()))


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("+static int toy_clean_one(int a)", "+static int\ntoy_clean_one(int a)", "+static int"),
        ("+#include <linux/toy.h>", "+#include\n<linux/toy.h>", "+#include"),
        (" /* the end */", " /* the\nend */", " /* the"),
        ("+\t} else if (a > 1) {", "+\t}\nelse if (a > 1) {", "+\t}\nelse"),
        ("+\treturn a + NOTE(6) + 20;", "+\treturn a\n+ NOTE(6)\n+ 20;", "+\treturn a\n"),
        ("int toy_quiet(int a)\n {", "int\ntoy_quiet(int a)\n {", "@@ -40"),
        ("int toy_fault(int a, int b)", "int toy_fault(int a,\nint b)", "@@ -10"),
    ],
)
def test_wrapped_line_is_refused_with_its_number(toy: Toy, old: str, new: str, line: str) -> None:
    toy.change("toy.mail", old, new)
    number = toy.path.read_text().split(line)[0].count("\n") + 1
    assert f"{toy.path}:{number}: hunk " in refusal(toy)
    assert "wrapped" in refusal(toy)


def test_wrapped_line_behind_a_line_put_in_is_refused_with_its_number(toy: Toy) -> None:
    toy.change("toy.mail", "@@ -50,2 +56,9 @@", "@@ -50,2 +56,10 @@")
    toy.change("toy.mail", "+\tNOTE(7);\n", "+\tNOTE(7);\n+\tNOTE(7);\n")
    toy.change("toy.mail", "+int toy_clean(int a) {", "+int toy_clean(int a)\n{")
    line = toy.line("+int toy_clean(int a)")
    assert f":{line}: hunk 5 of mm/toy.c: this long line was wrapped" in refusal(toy)


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        (" \tNOTE(1);\n", "", "@@ -30", "hunk 2 of mm/toy.c: it ends here, and still owes 1"),
        ("@@ -50", "stray\n@@ -50", "stray", "hunk 4 of mm/toy.c: this line is left over"),
        ("@@ -50", "\n@@ -50", "", "hunk 4 of mm/toy.c: this line is left over"),
        ("@@ -50,", "@@ -50;", "@@ -50;", "hunk 5 of mm/toy.c: this header cannot be read"),
        ("+\tNOTE(7);\n", "+\tNOTE(7);\n+\n", " /* the end", "no room for this line"),
        (" {\n-\t*value = 1;\n }\n", "", "@@ -60", "hunk 6 of mm/toy.c: the file ends here"),
        (" {\n-\t*value = 1;\n }\n", " {\n-\t*val", "-\t*val", "the file ends here"),
    ],
)
def test_hunk_that_does_not_hold_what_its_header_says_is_refused(
    toy: Toy, old: str, new: str, line: str, what: str
) -> None:
    toy.change("toy.mail", old, new)
    number = toy.line(line) if line else toy.line("@@ -50") - 1
    message = refusal(toy)
    assert message.startswith(f"{toy.path}:{number}: hunk ")
    assert what in message


def test_file_cut_off_within_its_last_line_is_refused(toy: Toy) -> None:
    toy.path.write_text(MAIL[: MAIL.index("@@ -60") - 5])  # in " /* the end */"
    assert f":{toy.line(' /* the')}: hunk 5 of mm/toy.c: the file ends within this line" in refusal(
        toy
    )


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b" \r\n\n", "is empty"),
        (b"Dear all,\n\nno patch today.\n", "no patch in it"),
        (b"--- a/x\n+++ b/x\n", "no patch in it"),
        (b"@@ -1,2 +1,2 @@\n a\n b\n", "no patch in it"),
        (b"\0" * 1000, "no patch in it"),
    ],
)
def test_file_without_a_patch_is_refused(toy: Toy, content: bytes, what: str) -> None:
    toy.path.write_bytes(content)
    assert what in refusal(toy)


def test_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path, why in (
        (tmp_path / "missing", "No such file"),
        (tmp_path, "Is a directory"),
        ("a\0b", "null byte"),
        ("/proc/self/mem", "Input/output error"),
    ):
        with pytest.raises(BadInput, match=why):
            read_mail(path)


@pytest.mark.parametrize(
    "noise",
    [
        b"\n",
        b"@@ \n",
        b"@@ -1,9 +1,9 @@\n",
        b"=\n",
        b"&amp;",
        b"--- a\n+++ b\n",
        b"--- a\n+++ b\n@@ -1 +1 @@\n a\n",
        b"\x80\xff\x00a",
        b"= ",
    ],
)
def test_noise_is_refused_at_a_cost_in_proportion(tmp_path: Path, noise: bytes) -> None:
    path = tmp_path / "noise"

    def write(size: int) -> None:
        path.write_bytes((noise * (size // len(noise) + 1))[:size])

    refused_in_proportion(path, write)
    for size in (transport.LIMIT, transport.LIMIT + 1):
        write(size)
        assert (f"more than {transport.LIMIT} bytes" in refusal_of(path)) == (
            size > transport.LIMIT)


def test_file_without_end_is_read_up_to_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(BadInput, match=f"more than {transport.LIMIT} bytes"):
        read_mail(path)


@pytest.mark.parametrize("lines", [10_000, 400_000])
def test_hunk_of_noise_is_refused_at_a_cost_in_proportion(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "noise"
    head = f"--- a/mm/rmap.c\n+++ b/mm/rmap.c\n@@ -472,{lines} +473,{lines} @@\n"

    def write(size: int) -> None:
        path.write_text((head + "+\n-\n" * (1 << 18))[:size])

    refused_in_proportion(path, write)
    write(transport.LIMIT)
    assert "hunk 1 of mm/rmap.c" in refusal_of(path)


def test_name_of_the_mail_stays_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        read_mail(tmp_path / "two\nlines")
    assert "two\\nlines" in str(caught.value)
