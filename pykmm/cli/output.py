# SPDX-License-Identifier: GPL-2.0-only
"""What every command does alike: output that may be closed, JSON, exit codes."""

import errno
import json
import os
import select
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..errors import BadInput
from . import interrupt, streams

GOOD, FOUND, WRONG_USE, LACKING, INTERRUPTED = 0, 1, 2, 3, 130


def code_of(*, found: object, interrupted: object = False) -> int:
    """How a command ends that ran: what was found stays found; what was cut short is not good."""
    return FOUND if found else INTERRUPTED if interrupted else GOOD


# where nobody looks, nothing is folded
PIPE_COLUMNS = 1000


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave what it means to Output: rich itself would exit with 1."""
        raise


class Output:
    """Standard output: a terminal, or a file or pipe that may be closed at any time.

    closed : bool   nobody reads any more, and nothing is written
    """

    def __init__(self) -> None:
        terminal = sys.stdout.isatty()
        self.console = _Console(highlight=False, soft_wrap=True, force_terminal=terminal,
                                width=None if terminal else PIPE_COLUMNS)
        self.closed = False
        self._live: Live | None = None

    @property
    def is_terminal(self) -> bool:
        """Can a line take the place of another one?"""
        return self.console.is_terminal and not self.console.is_dumb_terminal

    def line(self, text: str = "") -> None:
        """One plain line; markup in it is text."""
        self.print(text, markup=False)

    def print(self, *what: object, **how: object) -> None:
        self._write(lambda: self.console.print(*what, **how))

    def raw(self, text: str) -> None:
        """Text as it is."""
        self._write(lambda: sys.stdout.write(text))

    def status(self, text: str) -> None:
        """Show a line in place of the one before, if this is a terminal; "" takes it away."""
        if not self.is_terminal:
            return
        if text and not self._live:
            self._live = Live(console=self.console, auto_refresh=False, transient=True,
                              redirect_stdout=False, redirect_stderr=False)
            self._write(self._live.start)
        if self._live and text:
            # the console itself would cut off what does not fit
            folded = textwrap.fill(text, max(1, self.console.width))
            self._write(lambda: self._live.update(Text(folded), refresh=True))
        elif self._live:
            self._write(self._live.stop)
            self._live = None

    def notice(self) -> None:
        """See whether the reader has gone, while there is nothing to write."""
        reader = select.poll()
        reader.register(1, 0)
        if not self.closed and any(event & select.POLLERR for _, event in reader.poll(0)):
            self.closed = True
            streams.silence(1)

    def _write(self, write: Callable[[], object]) -> None:
        if self.closed:
            return
        try:
            write()
            sys.stdout.flush()
        except OSError as error:
            self.closed = True
            give_up(error)


def give_up(error: OSError) -> None:
    """Write no more to standard output; raises BadInput unless its reader has just gone."""
    streams.silence(1)
    # a pipe that nobody reads, a terminal that was closed
    if error.errno not in (errno.EPIPE, errno.EIO):
        raise BadInput(f"standard output cannot be written: {error.strerror}") from error


def check_json_path(path: str | None) -> None:
    """Refuse a --json that cannot be written before anything runs; raises BadInput."""
    if path != "-":
        check_path("--json", path, "a file, or - for standard output")


def check_path(option: str, path: str | None, what: str = "a file") -> None:
    """Refuse a path that cannot be written before anything runs; raises BadInput.

    what : str   that the option names
    """
    if path is None:
        return
    if not path:
        raise BadInput(f"{option}: name {what}")
    if os.path.isdir(path):
        raise BadInput(f"{option} {path}: it is a folder; name a file")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise BadInput(f"{option} {path}: no such folder: {folder}")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise BadInput(f"{option} {path}: it cannot be written there")


def check_folder(option: str, path: str) -> None:
    """Refuse a folder that cannot be written into, or made, before anything runs; BadInput."""
    if not path:
        raise BadInput(f"{option}: name a folder")
    if os.path.exists(path) and not os.path.isdir(path):
        raise BadInput(f"{option} {path}: it is no folder; name one, or what is to become one")
    try:
        at = os.path.abspath(path)
    except FileNotFoundError:
        return      # the current folder is gone, and a case that cannot be saved is told when it is found
    while not os.path.exists(at):
        at = os.path.dirname(at)
    if not os.path.isdir(at):
        raise BadInput(f"{option} {path}: {at} is no folder")
    if not os.access(at, os.W_OK):
        raise BadInput(f"{option} {path}: it cannot be written there")


def write_json(path: str | None, what: dict, output: Output) -> None:
    """Write `what` to a file as a whole, or to standard output for "-"."""
    if path is None:
        return
    text = json.dumps(what, indent=2) + "\n"
    if path == "-":
        output.raw(text)
        interrupt.told(path)
        return
    target = Path(path)
    part = target.with_name(target.name + ".part")
    try:
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")    # a device or a pipe
            interrupt.told(path)
            return
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(target)
            interrupt.told(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(f"--json {path}: {error.strerror}") from error
