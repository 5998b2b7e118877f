# SPDX-License-Identifier: GPL-2.0-only
"""Reading the mail of v8: every kind of damage done to it is repaired, or refused where it is."""

import html
import itertools
import quopri
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from refused import refusal as refusal_of
from refused import refused_in_proportion

from pykmm.errors import BadInput
from pykmm.patch import transport
from pykmm.patch.edits import judge
from pykmm.patch.mail import Mail, read_mail
from pykmm.patch.table import load

HEADERS = """\
Received: from example.org (8.12/8.12) with ESMTP id abc==; Tue, 13 Jun 2006 13:21:07 +0200
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=-abc"
Subject: [PATCH 1/6] mm: tracking shared dirty pages

"""

pytestmark = pytest.mark.usefixtures("mail_path")


def contents(mail: Mail) -> list[tuple[str, str]]:
    """Op and text of every line, white space excepted."""
    return [(s.op, "".join(s.text.split())) for h in mail.hunks for s in h.lines]


def put(tmp_path: Path, lines: list[str]) -> Path:
    path = tmp_path / "mail.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        judge(read_mail(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="session")
def pristine(mail_path: Path) -> Mail:
    return read_mail(mail_path)


def test_read_mail_pristine_holds_the_whole_patch(pristine: Mail, mail_lines: list[str]) -> None:
    assert len(pristine.files) == 8
    assert len(pristine.hunks) == 26
    ops = [op for op, _ in contents(pristine)]
    assert (ops.count("+"), ops.count("-")) == (177, 19)
    for hunk in pristine.hunks:
        assert mail_lines[hunk.line_no - 1].startswith("@@ -")
        for line in hunk.lines:
            assert mail_lines[line.number - 1] == line.op.strip() + line.text


# -- damage that is repaired


def column_kept(mail: Mail, lines: list[str]) -> list[str]:
    """Context with its blank column and every text with the tab it began with."""
    lines = list(lines)
    for hunk in mail.hunks:
        for line in hunk.lines:
            lines[line.number - 1] = line.op + ("\t" + line.text.strip() if line.text else "")
    return lines


DAMAGE: dict[str, Callable[[Mail, list[str]], list[str]]] = {
    "crlf": lambda mail, lines: [s + "\r" for s in lines],
    "tabs and column kept": column_kept,
    "tabs to spaces": lambda mail, lines: [s.expandtabs() for s in column_kept(mail, lines)],
    "tabs to spaces, column lost": lambda mail, lines: [
        re.sub(r"^ (?! {0,2}\d)", "", s).expandtabs() for s in column_kept(mail, lines)
    ],
    "white space eaten": lambda mail, lines: [re.sub(r"^([+-]) +", r"\1", s) for s in lines],
    "white space at the end": lambda mail, lines: [s + " \t" for s in lines],
    "entities": lambda mail, lines: [html.escape(s) for s in lines],
    "entities twice": lambda mail, lines: [html.escape(html.escape(s)) for s in lines],
    "numeric entities": lambda mail, lines: [
        re.sub(r"[<>&'\"=]", lambda m: f"&#{ord(m[0])};", s) for s in lines
    ],
    "hexadecimal entities": lambda mail, lines: [
        re.sub(r"[<>&'\"=@]", lambda m: f"&#x{ord(m[0]):X};", s) for s in lines
    ],
    "page of an archive": lambda mail, lines: [
        "<!DOCTYPE html>", "<pre>", *map(html.escape, lines), "</pre>", "<a href='/'>next</a>",
    ],
    "list header": lambda mail, lines: HEADERS.split("\n") + lines,
    "no footer": lambda mail, lines: lines[: mail.hunks[-1].lines[-1].number],
    "signature": lambda mail, lines: lines[: mail.hunks[-1].lines[-1].number] + ["-- ", "Peter"],
    "mailman footer": lambda mail, lines: lines[: mail.hunks[-1].lines[-1].number]
    + ["_" * 47, "linux-mm mailing list"],
    "boundary": lambda mail, lines: lines[: mail.hunks[-1].lines[-1].number] + ["--=-abc--"],
    "unknown footer": lambda mail, lines: lines[: mail.hunks[-1].lines[-1].number]
    + ["Next message: Re: [PATCH 1/6]"],
    "dates wrapped": lambda mail, lines: re.sub(
        r"(?m)^((?:---|\+\+\+) \S+) (2006)", r"\1\n\2", "\n".join(lines)
    ).split("\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_read_mail_damaged_in_transport_is_repaired(
    tmp_path: Path, pristine: Mail, mail_lines: list[str], kind: str
) -> None:
    damaged = DAMAGE[kind](pristine, mail_lines)
    assert damaged != mail_lines
    mail = read_mail(put(tmp_path, damaged))
    assert judge(mail).kind == "v8"
    assert contents(mail) == contents(pristine)


def test_read_mail_not_utf8_is_repaired(tmp_path: Path, pristine: Mail, mail_path: Path) -> None:
    path = tmp_path / "mail.txt"
    path.write_bytes(b"From: Zijlstr\xe5 \x80\xff\n" + mail_path.read_bytes())
    mail = read_mail(path)
    assert judge(mail).kind == "v8"
    assert contents(mail) == contents(pristine)


@pytest.mark.parametrize("header", ["", HEADERS])
def test_read_mail_quoted_printable_keeps_the_numbers_on_disk(
    tmp_path: Path, pristine: Mail, mail_lines: list[str], header: str
) -> None:
    encoded = [quopri.encodestring(s.encode()).decode().split("\n") for s in mail_lines]
    # Lines are shorter than the codec's limit, so that soft breaks are put in here.
    encoded = [
        [parts[0][:20] + "=", parts[0][20:], *parts[1:]]
        if len(parts[0]) > 40 and "=" not in parts[0][17:20]
        else parts
        for parts in encoded
    ]
    assert sum(len(parts) > 1 for parts in encoded) > 50
    path = put(tmp_path, header.split("\n") + [part for parts in encoded for part in parts])
    mail = read_mail(path)
    assert judge(mail).kind == "v8"
    assert contents(mail) == contents(pristine)

    number_of = {}
    on_disk = header.count("\n") + 2
    for number, parts in enumerate(encoded, start=1):
        number_of[number] = on_disk
        on_disk += len(parts)
    expected = [number_of[s.number] for h in pristine.hunks for s in h.lines]
    assert [s.number for h in mail.hunks for s in h.lines] == expected


# -- damage that is refused


def test_every_wrapped_line_is_refused_with_its_number(
    tmp_path: Path, pristine: Mail, mail_lines: list[str]
) -> None:
    tried = 0
    for hunk in pristine.hunks:
        for number in [hunk.line_no, *(line.number for line in hunk.lines)]:
            text = mail_lines[number - 1]
            for at in (m.start() for m in re.finditer(r"(?<=\w|[^\w\s]) (?=\S)", text)):
                if number == hunk.line_no and at <= text.rindex("@@"):
                    continue
                if text[:at] in ("+", "-"):
                    continue
                wrapped = [
                    *mail_lines[: number - 1],
                    text[:at],
                    text[at + 1 :],
                    *mail_lines[number:],
                ]
                expected = (
                    f":{number}: hunk {hunk.number} of {hunk.file}: this long line was wrapped"
                )
                assert expected in refusal(put(tmp_path, wrapped)), text
                tried += 1
    assert tried > 600


def test_every_truncated_file_is_refused_at_its_last_line(
    tmp_path: Path, pristine: Mail, mail_lines: list[str]
) -> None:
    for hunk in pristine.hunks:
        for line in hunk.lines:
            if line is hunk.lines[-1] and hunk is pristine.hunks[-1]:
                continue
            message = refusal(put(tmp_path, mail_lines[: line.number]))
            assert f"mail.txt:{line.number}: hunk " in message
            if line is not hunk.lines[-1]:
                assert f"hunk {hunk.number} of {hunk.file}: the file ends here" in message
            else:
                assert "missing" in message


def test_every_file_cut_off_within_a_line_is_refused_there(
    tmp_path: Path, pristine: Mail, mail_lines: list[str]
) -> None:
    path = tmp_path / "mail.txt"
    for hunk in pristine.hunks:
        for line in hunk.lines:
            if len(line.text.strip()) < 2:
                continue
            cut = mail_lines[line.number - 1].rstrip()[:-1]
            path.write_text("\n".join([*mail_lines[: line.number - 1], cut]))
            message = refusal(path)
            assert f"mail.txt:{line.number}: hunk {hunk.number} of {hunk.file}: " in message
            assert "the file ends" in message


def test_every_missing_hunk_is_refused_and_named(
    tmp_path: Path, pristine: Mail, mail_lines: list[str]
) -> None:
    for hunk in pristine.hunks:
        last = hunk.lines[-1].number
        message = refusal(put(tmp_path, mail_lines[: hunk.line_no - 1] + mail_lines[last:]))
        only = len(load().hunks_of(hunk.file)) == 1
        assert hunk.file in message
        if not only:
            assert f": hunk {hunk.number} of {hunk.file}: it is missing" in message
        if not only and hunk is not pristine.hunks[-1]:
            # The message points at the hunk that stands in its place.
            following = pristine.hunks[pristine.hunks.index(hunk) + 1].line_no
            assert f"mail.txt:{following - (last - hunk.line_no + 1)}: " in message


def test_every_line_taken_out_of_a_hunk_is_refused(
    tmp_path: Path, pristine: Mail, mail_lines: list[str]
) -> None:
    for hunk in pristine.hunks[:-1]:
        for line in hunk.lines:
            lines = mail_lines[: line.number - 1] + mail_lines[line.number :]
            message = refusal(put(tmp_path, lines))
            assert (
                f"mail.txt:{hunk.lines[-1].number}: hunk {hunk.number} of {hunk.file}: " in message
            )


def test_every_line_put_in_between_hunks_is_refused(
    tmp_path: Path, pristine: Mail, mail_lines: list[str]
) -> None:
    for hunk, following in itertools.pairwise(pristine.hunks):
        if hunk.file != following.file:
            continue
        for stray in ("", "stray", "+stray"):
            lines = list(mail_lines)
            lines.insert(following.line_no - 1, stray)
            expected = f"mail.txt:{following.line_no}: hunk {hunk.number} of {hunk.file}: "
            message = refusal(put(tmp_path, lines))
            assert expected in message and "left over" in message


def test_another_patch_is_refused(tmp_path: Path) -> None:
    lines = ["--- a/kernel/fork.c", "+++ b/kernel/fork.c", "@@ -1 +1 @@", "-int a;", "+int b;"]
    message = refusal(put(tmp_path, lines))
    assert "mail.txt:3: hunk 1 of kernel/fork.c: kernel/fork.c is no file of this patch" in message


def test_noise_is_refused_at_a_cost_in_proportion(tmp_path: Path) -> None:
    path = tmp_path / "noise"
    refused_in_proportion(path, lambda size: path.write_bytes(random.Random(8).randbytes(size)))
    path.write_bytes(random.Random(8).randbytes(transport.LIMIT + 1))
    assert f"more than {transport.LIMIT} bytes" in refusal_of(path)
