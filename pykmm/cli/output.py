# SPDX-License-Identifier: GPL-2.0-only
"""What every command does alike: output that may be closed, JSON, exit codes."""

import json
import os
import sys
from pathlib import Path

from rich.console import Console

from ..errors import BadInput

GOOD, FOUND, WRONG_USE, LACKING = 0, 1, 2, 3


class Output:
    """Standard output that a reader may close at any time: then it goes silent."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.closed = False

    @property
    def is_terminal(self) -> bool:
        return self.console.is_terminal

    def line(self, text: str = "") -> None:
        """One plain line; markup in it is text."""
        self.print(text, markup=False)

    def print(self, *what: object, **how: object) -> None:
        if self.closed:
            return
        try:
            self.console.print(*what, **how)
            sys.stdout.flush()
        except BrokenPipeError:
            self.close()

    def close(self) -> None:
        """Nobody reads any more: send the rest nowhere, the interpreter's last flush too."""
        self.closed = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def check_json_path(path: str | None) -> None:
    """Refuse a --json that cannot be written before anything runs; raises BadInput."""
    if path in (None, "-"):
        return
    target = Path(path)
    if target.is_dir():
        raise BadInput(f"--json {path}: it is a folder; name a file")
    folder = target.parent
    if not folder.is_dir():
        raise BadInput(f"--json {path}: no such folder: {folder}")
    writable = os.access(target if target.exists() else folder, os.W_OK)
    if not writable:
        raise BadInput(f"--json {path}: it cannot be written there")


def write_json(path: str | None, what: dict, output: Output) -> None:
    """Write `what` to a file as a whole, or to standard output for "-"."""
    if path is None:
        return
    text = json.dumps(what, indent=2) + "\n"
    if path == "-":
        if not output.closed:
            try:
                sys.stdout.write(text)
                sys.stdout.flush()
            except BrokenPipeError:
                output.close()
        return
    target = Path(path)
    try:
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")    # a device or a pipe
            return
        part = target.with_name(target.name + ".part")
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except OSError as error:
        raise BadInput(f"--json {path}: {error.strerror}") from error


def complain(message: str) -> None:
    """One line on standard error."""
    try:
        sys.stderr.write(f"pykmm: {message}\n")
        sys.stderr.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
