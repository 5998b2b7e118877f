# SPDX-License-Identifier: GPL-2.0-only
"""Sentences of a mail are found again whatever carried it, and nothing else is."""

import quopri
import textwrap
from pathlib import Path

import pytest

from pykmm.patch.transport import RawLine
from pykmm.review import claims
from pykmm.review.sentences import Place, Prose, letters_of, sentence_hash

TOY = """\
[PATCH] a title
From: Somebody
Date: some day

The first sentence, of version 2.6.18
of it. The second one
(said somebody).

a line without an end

Changes:

- call it() with a flag. (by another)
- no stop here
* last of all

Signed-off-by: Somebody
---
 a.c | 1 +
--- a.c
+++ a.c
@@ -1,2 +1,5 @@
 one();
+/*
+ * A comment ->that
+ * goes on: (with
+ * - a list).
+ */
 two();
"""
SENTENCES = ["The first sentence, of version 2.6.18 of it.", "The second one (said somebody).",
             "a line without an end", "Changes:",
             "call it() with a flag. (by another)", "no stop here", "last of all"]


def prose(text: str) -> Prose:
    return Prose([RawLine(n, line) for n, line in enumerate(text.splitlines(), 1)])


def place(text: str) -> Place:
    return Place((0, 0), len(letters_of(text)), sentence_hash(text))


def found(text: str, sentence: str) -> tuple[tuple[int, int], str] | None:
    one = prose(text).find(place(sentence))
    return (one.lines, one.text) if one else None


def test_description_is_cut_into_its_sentences():
    assert [one.text for one in prose(TOY).unknown()] == SENTENCES


def test_sentences_that_were_found_are_known():
    mail = prose(TOY)
    for sentence in SENTENCES[1:5]:
        mail.find(place(sentence))

    assert [one.text for one in mail.unknown()] == [SENTENCES[0], *SENTENCES[5:]]


def test_place_of_a_sentence_finds_it_again():
    for one in prose(TOY).unknown():
        assert prose(TOY).find(one.place) == one


@pytest.mark.parametrize(("sentence", "lines", "text"), [
    ("the FIRST sentence of version 2618 of it", (5, 6), SENTENCES[0]),
    ("A comment that goes on with a list", (25, 27), "A comment ->that goes on: (with a list)."),
    ("goes on: (with", (26, 26), "goes on: (with"),
])
def test_sentence_is_found_by_its_letters(sentence, lines, text):
    assert found(TOY, sentence) == (lines, text)


@pytest.mark.parametrize("sentence", [
    "the first sentences of version 2618 of it",    # a letter more
    "the sentence first of version 2618 of it",     # the same letters in another order
    "he first sentence of version 2618 of it",      # no word begins there
    "the first sentence of version 2618 of i",      # none ends there
    "two(); and more",                              # behind the last word
])
def test_other_sentence_is_not_found(sentence):
    assert found(TOY, sentence) is None


def test_first_of_two_is_found():
    assert found("One.\nTwo. Two.\n", "two") == ((2, 2), "Two.")


def test_text_without_headers_and_patch_is_all_description():
    assert [one.text for one in prose("One.\nTwo.").unknown()] == ["One.", "Two."]
    assert prose("").unknown() == []
    assert prose("").find(place("one")) is None


def test_quoted_mail_has_the_same_sentences():
    quoted = "".join(f"> {line}\n" for line in TOY.splitlines())

    assert [one.text for one in prose(quoted).unknown()] == SENTENCES


# -- the mail, as archives and mailers mangle it


def rewrapped(text: str) -> str:
    head, patch = text.split("Signed-off-by:", 1)
    blocks = [textwrap.fill(block, 50) for block in head.split("\n\n")]
    return "\n\n".join(blocks) + "\n\nSigned-off-by:" + patch


def without_bullets(text: str) -> str:
    head, patch = text.split("Signed-off-by:", 1)
    return head.replace("\n- ", "\n\n") + "Signed-off-by:" + patch


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") \
        .replace("'", "&#39;").replace("`", "&#x60;")


def printable(text: str) -> str:
    return quopri.encodestring(text.encode()).decode()


def curly(text: str) -> str:
    head, patch = text.split("Signed-off-by:", 1)
    return head.replace("'", "\u2019").replace("-", "\u2010") + "Signed-off-by:" + patch


DAMAGES = [rewrapped, without_bullets, escaped, printable, curly,
           lambda text: text.replace("\n", "\r\n"),
           lambda text: "".join(f"> {line}\n" for line in text.splitlines()),
           lambda text: text.replace(" ", "\u00a0"),
           lambda text: "An archive\nFrom: its list\n" * 40 + text]


@pytest.mark.parametrize("damage", DAMAGES, ids=[
    "rewrapped", "without bullets", "entities", "quoted-printable", "curly", "CRLF", "quoted",
    "hard spaces", "archive page"])
def test_damaged_mail_says_the_same(damage, mail_path: Path, tmp_path: Path):
    text = mail_path.read_text(encoding="utf-8")
    copy = tmp_path / "mail.txt"
    copy.write_text(damage(text), encoding="utf-8", newline="")
    assert damage(text) != text

    reading = claims.read(copy)

    assert [place for place, one in reading.said.items() if one is None] == []
    assert [one.text for one in reading.unknown] == []


@pytest.mark.parametrize("word", ["write-protected", "dirty", "private", "vmstat"])
def test_changed_sentence_is_missed_and_shown(word, mail_path: Path, tmp_path: Path):
    text = mail_path.read_text(encoding="utf-8")
    at = text.index(word, text.index("patch does"))
    copy = tmp_path / "mail.txt"
    copy.write_text(text[:at] + "otherwise" + text[at + len(word):], encoding="utf-8")

    reading = claims.read(copy)
    missed = {place.lines for place, one in reading.said.items() if one is None}

    assert len(missed) == 1 == len(reading.unknown)
    assert "otherwise" in reading.unknown[0].text
    assert reading.unknown[0].lines in missed
    assert not reading.is_whole


def test_changed_comment_of_the_patch_is_missed(mail_path: Path, tmp_path: Path):
    text = mail_path.read_text(encoding="utf-8")
    copy = tmp_path / "mail.txt"
    copy.write_text(text.replace("COW happen", "nothing happen"), encoding="utf-8")

    reading = claims.read(copy)

    assert [place.lines for place, one in reading.said.items() if one is None] == [(137, 137)]
    assert reading.unknown == ()
    assert not reading.is_whole
