# SPDX-License-Identifier: GPL-2.0-only
"""Undo what carried the mail: character sets, line ends, colours, quoted-printable, HTML entities.

What is left of a line is what its sender wrote, white space excepted; its
number stays that of the file on disk, so that every later message points
at a line the user can go to.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from pykmm.errors import BadInput
from pykmm.patch import foreign

LIMIT = 1 << 19  # bytes; the mail has 16 thousand, and a page around it some hundred thousand

_FIRST_HUNK = re.compile(r"^@@ ?-", re.MULTILINE)
_QP_ESCAPES = re.compile(r"(?:=[0-9A-Fa-f]{2})+")
_QP_EQUALS = re.compile(r"=3[Dd]")
_QP_BROKEN = re.compile(r"=(?![0-9A-Fa-f]{2}|[ \t]*\r*(?:\n|\Z))")
_QP_SOFT_BREAK = re.compile(r"=[ \t]*\Z")
# What a terminal obeys and does not show: colours, and "clear to the end of the line".
_COLOUR = re.compile(r"\x1b\[[0-9;:]*[mK]")
_ENTITY = re.compile(r"&(lt|gt|amp|quot|apos|nbsp|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'", "nbsp": " "}


class RawLine(NamedTuple):
    """A line without its end; number counts from 1 in the file on disk."""

    number: int
    text: str


def shown(path: str | os.PathLike[str]) -> str:
    """The path as messages and #line directives give it: on one line, whatever its bytes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogateescape").decode("latin-1")
        for c in os.fspath(path)
    )


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The bytes of the file, at most LIMIT of them.

    raises BadInput  the file is missing, unreadable, a folder, empty, or larger than LIMIT
    """
    name = shown(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"{name}: cannot be read: {why}; give the mail's file") from error
    if len(data) > LIMIT:
        raise BadInput(
            f"{name}: more than {LIMIT} bytes, and a mail is read only up to that bound; "
            "give the mail alone"
        )
    if not data.strip():
        raise BadInput(f"{name}: the file is empty; give the mail's file")
    return data


def undo(data: bytes, name: str = "the mail") -> list[RawLine]:
    """The lines of a mail as its sender wrote them, each with its number on disk.

    name   the file in messages
    raises BadInput   it is no text, or its lines have tags of HTML
    """
    foreign.check_bytes(name, data)
    text = _COLOUR.sub("", _decoded(data))
    if "\n" not in text:
        text = text.replace("\r", "\n")
    lines = [RawLine(n, s.rstrip("\r")) for n, s in enumerate(text.split("\n"), start=1)]
    if not lines[-1].text:
        lines.pop()

    hunks = [i for i, line in enumerate(lines)
             if line.text.startswith("@@") and _FIRST_HUNK.match(line.text)]
    if hunks:
        last = next((i for i in range(hunks[-1] + 1, len(lines)) if not lines[i].text.strip()),
                    hunks[-1])
        foreign.check_markup(name, lines, hunks[0], last)
    first_hunk = _FIRST_HUNK.search(text)
    patch = text[first_hunk.start() :] if first_hunk else text
    # The patch is full of bare '=': as quoted-printable it has them all as =3D.
    if len(_QP_EQUALS.findall(patch)) > len(_QP_BROKEN.findall(patch)):
        lines = _without_quoted_printable(lines)
    if _ENTITY.search(patch):
        # Twice, because some archives escape what was escaped before.
        lines = [RawLine(n, _without_entities(_without_entities(s))) for n, s in lines]
    return [RawLine(n, s.replace("\u00a0", " ")) for n, s in lines]


def _decoded(data: bytes) -> str:
    """Text of the bytes; a mail that is not UTF-8 is read byte for byte, as the patch is ASCII."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace").removeprefix("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _without_quoted_printable(lines: list[RawLine]) -> list[RawLine]:
    """Lines joined at soft breaks, each with the number of its first part, escapes decoded."""
    joined: list[RawLine] = []
    number, parts = 0, []
    for line in lines:
        number = number or line.number
        soft_break = _QP_SOFT_BREAK.search(line.text)
        parts.append(line.text[: soft_break.start()] if soft_break else line.text)
        if not soft_break:
            joined.append(RawLine(number, _unescaped("".join(parts))))
            number, parts = 0, []
    if parts:
        joined.append(RawLine(number, _unescaped("".join(parts))))
    return joined


def _unescaped(text: str) -> str:
    def decode(match: re.Match[str]) -> str:
        return bytes.fromhex(match[0].replace("=", "")).decode("utf-8", "replace")

    return _QP_ESCAPES.sub(decode, text).replace("\r", "").replace("\n", "")


def _without_entities(text: str) -> str:
    def decode(match: re.Match[str]) -> str:
        name = match[1]
        if not name.startswith("#"):
            return _ENTITIES[name]
        code = int(f"0{name[1:]}", 16) if name[1] in "xX" else int(name[1:])
        # A control character would break the line, half a surrogate pair is none: both stay.
        is_text = code == 9 or 32 <= code < 0xD800 or 0xE000 <= code <= 0x10FFFF
        return chr(code) if is_text else match[0]

    return _ENTITY.sub(decode, text)
