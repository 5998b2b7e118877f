# SPDX-License-Identifier: GPL-2.0-only
"""Files that a user names: mails, from a file, a pipe or standard input.

Halves are built in another process, and by some commands more than once, so that what can be read
only once is put into a file that is removed at the end.
"""

import atexit
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

from ..errors import BadInput
from ..patch.mail import clipped
from ..patch.transport import LIMIT, shown

STDIN = "-"
_NAMES: dict[str, str] = {}     # of a file that was put there: what the user has said


def there(path: str, said: str) -> str:
    """The path of a mail, made whole; of what is no plain file, that of its contents.

    said : str   the option, for messages
    raises BadInput   there is no such file, or it is a folder, or it cannot be read
    """
    said = f"{said} {clipped(shown(path), 200)}"
    try:
        kind = None if path == STDIN else os.stat(path).st_mode
    except (OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError):
            raise BadInput(f"{said}: no such file") from error
        why = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"{said}: {why}") from error
    if kind is not None and stat.S_ISDIR(kind):
        raise BadInput(f"{said}: this is a folder; name the mail's file in it")
    if kind is not None and stat.S_ISREG(kind):
        return str(Path(path).resolve())
    return _put(path, said)


def as_said(path: str) -> str:
    """How the user has named a mail."""
    return _NAMES.get(path, path)


def to_repeat(path: str) -> str:
    """How to name it in a command that reads it again: what came by a pipe, as standard input."""
    return STDIN if path in _NAMES else path


def _put(path: str, said: str) -> str:
    try:
        if path == STDIN:
            data = sys.stdin.buffer.read(LIMIT + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(LIMIT + 1)
        if len(data) > LIMIT:
            raise BadInput(f"{said}: more than {LIMIT} bytes, and a mail is read only up to that bound; "
                           "give the mail alone")
        if not data:
            raise BadInput(f"{said}: it is empty; give the mail's file")
        folder = tempfile.mkdtemp(prefix="pykmm-mail-")
        atexit.register(_remove, folder, os.getpid())
        name = "standard-input" if path in (STDIN, "/dev/stdin") else shown(path).replace("/", "-")
        file_path = Path(folder) / name.lstrip("-")
        file_path.write_bytes(data)
    except OSError as error:
        raise BadInput(f"{said}: cannot be read: {error.strerror or error}") from error
    _NAMES[str(file_path)] = path
    return str(file_path)


def _remove(folder: str, owner: int) -> None:
    """Remove it in the process that made it, and in none of its children."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
