# SPDX-License-Identifier: GPL-2.0-only
"""Cases as files: a line that says of which kind, then the bytes that decode to the case."""

from pathlib import Path

from ..errors import BadInput
from . import core

DIRECT, SEQUENCE = b"pykmm case, form 1\n", b"pykmm sequence, form 2\n"
# what each older form lacks
_OLDER = {b"pykmm sequence, form 1\n": "whether the world's clock stands"}
_LENGTHS = {DIRECT: core.CASE_BYTES, SEQUENCE: core.SEQUENCE_BYTES}


def save(folder: Path, name: str, case: bytes) -> Path:
    """Write a case (its choices) to folder/name.case, or name-2.case if another one is there.

    raises BadInput   it cannot be written
    """
    magic = SEQUENCE if core.is_sequence(case) else DIRECT
    path, data, number = folder / f"{name}.case", magic + core.encode(case), 1
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
            data = file.read(max(len(magic) + length for magic, length in _LENGTHS.items()) + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot read it: {error.strerror}") from error
    for magic, length in _LENGTHS.items():
        if data.startswith(magic):
            return core.decode(_whole(path, data[len(magic):], length))
    for magic, lacks in _OLDER.items():
        if data.startswith(magic):
            raise BadInput(f"{path}: {magic.decode().strip()!r} is of an older pykmm: it does not "
                           f"say {lacks}, and what it says is counted otherwise. Print it with "
                           "that pykmm's `fmt --print`, and save the operations as a story")
    raise BadInput(f"{path}: not a case: it begins neither with {DIRECT.decode().strip()!r} nor "
                   f"with {SEQUENCE.decode().strip()!r}")


def _whole(path: Path, body: bytes, length: int) -> bytes:
    if len(body) != length:
        has = f"more than {length}" if len(body) > length else f"only {len(body)}"
        raise BadInput(f"{path}: such a case has {length} bytes after its first line, and this has "
                       f"{has}: it is cut off or was saved by another version of pykmm")
    return body
