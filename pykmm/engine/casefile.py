# SPDX-License-Identifier: GPL-2.0-only
"""Cases as files: a line that says what it is, then the bytes that decode to the case."""

from pathlib import Path

from ..errors import BadInput
from . import core

MAGIC = b"pykmm case, form 1\n"


def save(folder: Path, name: str, case: bytes) -> Path:
    """Write a case (its choices) to folder/name.case, or name-2.case if another one is there.

    raises BadInput   it cannot be written
    """
    path, data, number = folder / f"{name}.case", MAGIC + core.encode(case), 1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while path.exists() and path.read_bytes() != data:
            number += 1
            path = folder / f"{name}-{number}.case"
        path.write_bytes(data)
    except OSError as error:
        raise BadInput(f"cannot save a case to {path}: {error.strerror}") from error
    return path


def load(path: Path) -> bytes:
    """The choices of the case in a file.

    raises BadInput   unreadable, not a case, or of another length than this pykmm's cases
    """
    try:
        with open(path, "rb") as file:
            data = file.read(len(MAGIC) + max(core.CASE_BYTES, core.SEQUENCE_BYTES) + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot read it: {error.strerror}") from error
    if not data.startswith(MAGIC):
        raise BadInput(f"{path}: not a case: it does not begin with {MAGIC.decode().strip()!r}")
    body = data[len(MAGIC):]
    lengths = sorted((core.CASE_BYTES, core.SEQUENCE_BYTES))
    if len(body) not in lengths:
        has = f"more than {lengths[-1]}" if len(body) > lengths[-1] else f"{len(body)}"
        raise BadInput(f"{path}: a case has {lengths[0]} or {lengths[1]} bytes after its first "
                       f"line, and this has {has}: it is cut off or was saved by another version "
                       "of pykmm")
    return core.decode(body)
