# SPDX-License-Identifier: GPL-2.0-only
"""Files that hold no patch as it stands: each is refused for what it is, or read."""

import base64
import bz2
import gzip
import html
import lzma
import re
from collections.abc import Callable

import pytest
from patch_toy import MAIL, Toy

from pykmm.errors import BadInput

LINES = MAIL.split("\n")
BASE64 = "Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(MAIL.encode()).decode()
PART = "Content-Type: multipart/mixed; boundary=zz\n\n--zz\n\nsee below\n--zz\n"
OTHER = "--- a/mm/slab.c\n+++ b/mm/slab.c\n@@ -1 +1 @@\n-a\n+b\n"
FROM = "From someone Mon Sep 17 00:00:00 2001\nFrom: someone\nSubject: another\n\n"


def each(line: Callable[[str], str]) -> str:
    return "\n".join(map(line, LINES))


def coloured(text: str, begin: str, end: str) -> str:
    text = re.sub(r"(?m)^\+(?!\+\+ )(.*)$", rf"{begin}32m+\1{end}", text)
    return re.sub(r"(?m)^(@@ .* @@)(.*)$", rf"{begin}36m\1{end}\2", text)


def first(text: str) -> int:
    """Number of the line in which the first hunk begins."""
    return text.split("@@ -")[0].count("\n") + 1


def span(line: str) -> str:
    return f"<span class=\"add\">{html.escape(line)}</span>" if line[:1] == "+" else line


@pytest.mark.parametrize(("text", "what"), [
    (each("> {}".format), "the patch stands in a reply that quotes it"),
    (each(">> {}".format), "the patch stands in a reply that quotes it"),
    (each("> > {}".format), "the patch stands in a reply that quotes it"),
    (each("PZ> {}".format), "the patch stands in a reply that quotes it"),
    (each("    {}".format), "every line of the patch is indented"),
    (coloured(MAIL, "[", "[m"), "the patch has codes of colours"),
    (coloured(MAIL, "^[[", "^[[0m"), "the patch has codes of colours"),
    (each(lambda line: html.escape(line) + "<br>"), "a page in HTML: <br> stands among"),
    (each(lambda line: html.escape(line) + "<br />"), "a page in HTML: <br /> stands among"),
    (each(span), "a page in HTML: <span class=\"add\"> st"),
    (each(lambda line: f"<p>{html.escape(line)}</p>"), "a page in HTML: tags stand before"),
    (each(lambda line: line.replace("@@ -", "@@@ -")), "a combined diff"),
    ("*** a/x\n--- b/x\n***************\n*** 1,2 ****\n a\n", "a context diff"),
])  # fmt: skip
def test_text_that_is_marked_is_refused_for_what_it_is(toy: Toy, text: str, what: str) -> None:
    toy.put("toy.mail", text)
    with pytest.raises(BadInput) as caught:
        toy.read()
    number = first(text) if "@@" in text else 3
    if "HTML" in what:
        number = int(str(caught.value).split(":")[1])
        assert "<" in text.split("\n")[number - 1] and number >= first(text)
    assert str(caught.value).startswith(f"{toy.path}:{number}: {what}")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", [
    BASE64, PART + BASE64 + "--zz--\n", "a remark\n" + BASE64.replace("\n", "\r\n"),
    BASE64.split("\n\n")[0] + "\n\n" + base64.encodebytes(MAIL.encode("utf-16-le")).decode(),
])
def test_patch_in_base64_is_refused_at_its_first_line(toy: Toy, text: str) -> None:
    toy.put("toy.mail", text)
    lines = text.split("\n")
    number = 1 + next(i for i, line in enumerate(lines) if len(line.strip()) > 70)
    with pytest.raises(BadInput, match=rf"toy.mail:{number}: the patch is in base64"):
        toy.read()


def test_base64_that_holds_no_patch_is_nothing_special(toy: Toy) -> None:
    toy.put("toy.mail", base64.encodebytes(b"a picture, say" * 50).decode())
    with pytest.raises(BadInput, match="toy.mail:1: no patch in it: no line '--- PATH'"):
        toy.read()


@pytest.mark.parametrize(("data", "what"), [
    (gzip.compress(MAIL.encode()), "packed by gzip; unpack it"),
    (bz2.compress(MAIL.encode()), "packed by bzip2; unpack it"),
    (lzma.compress(MAIL.encode()), "packed by xz; unpack it"),
    (b"PK\x03\x04 and so on", "packed by zip; unpack it"),
    (b"%PDF-1.4\n" + MAIL.encode(), "this is a PDF file"),
    (b"\x00\x01\x02" * 500, "no patch in it: it is no text, with a byte of value 0 at 0"),
    (b"some words\x07", "no patch in it: it is no text, with a byte of value 7 at 10"),
])
def test_file_that_is_no_text_is_refused(toy: Toy, data: bytes, what: str) -> None:
    toy.path.write_bytes(data)
    with pytest.raises(BadInput, match=what):
        toy.read()


def test_colours_of_a_terminal_are_taken_away(toy: Toy) -> None:
    plain = toy.read()[0].hunks
    for end in ("\x1b[m", "\x1b[0m", "\x1b[K\x1b[0m"):
        toy.put("toy.mail", coloured(MAIL, "\x1b[", end))
        mail, verdict = toy.read()
        assert verdict.kind == "v8" and mail.hunks == plain


def test_tags_outside_of_the_patch_and_names_in_brackets_are_no_markup(toy: Toy) -> None:
    toy.put("toy.mail", "<p>a word</p>\n" + MAIL + "-- \n<br>\n")
    assert toy.read()[1].kind == "v8"
    assert "#include <linux/toy.h>" in MAIL


@pytest.mark.parametrize(("text", "line"), [
    (FROM + MAIL + "-- \n2.30\n\n" + FROM + OTHER, "Subject: another"),
    (FROM + OTHER + "-- \n2.30\n\n" + FROM + MAIL, "Subject: another"),
    (FROM + MAIL + "\n" + FROM + MAIL, "Subject: another"),
    (MAIL + "-\nTo unsubscribe\n" + FROM.split("\n", 1)[1] + OTHER, "Subject: another"),
])
def test_second_mail_with_a_patch_is_refused_where_it_begins(toy: Toy, text: str, line: str
                                                             ) -> None:
    toy.put("toy.mail", text)
    with pytest.raises(BadInput, match="a second mail with a patch begins here") as caught:
        toy.read()
    number = int(str(caught.value).split(":")[1])
    lines = text.split("\n")
    assert lines[number - 1].startswith("From")
    assert line in lines[number - 1:number + 3]


@pytest.mark.parametrize("more", [OTHER, MAIL[MAIL.index("Index:"):]])
def test_second_patch_without_a_mail_around_it_is_refused(toy: Toy, more: str) -> None:
    toy.put("toy.mail", MAIL + more)
    with pytest.raises(BadInput, match="a second patch seems to begin here"):
        toy.read()


def test_mail_with_a_reply_below_that_has_no_patch_is_read(toy: Toy) -> None:
    toy.put("toy.mail", MAIL + "-- \n2.30\n\n" + FROM + "> @@ -1 +1 @@\n> -a\nlooks good\n")
    assert toy.read()[1].kind == "v8"


@pytest.mark.parametrize("old", ["+++ toy/mm/toy.c", "is_toy(a)", "--- toy.orig/mm/toy.c",
                                 " /* the end */", "@@ int toy_fault(int a, int b)"])
def test_message_is_short_however_long_a_word_is(toy: Toy, old: str) -> None:
    toy.put("toy.mail", MAIL.replace(old, old + "x" * 100_000))
    try:
        said = str(toy.read()[1])
    except BadInput as error:
        said = str(error)
    assert len(said) < 500
