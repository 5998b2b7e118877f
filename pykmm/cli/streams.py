# SPDX-License-Identifier: GPL-2.0-only
"""Standard input, output and error as the caller left them: closed, full, or gone at any time.

Needs nothing but Python itself, so that a missing package can be told of.
"""

import contextlib
import os
import sys

from ..errors import shortened

MOST_OF_A_WORD = 6000       # longer than any path


def open_closed() -> None:
    """Put the null device where a standard stream is closed, and let every name be printed."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            # the lowest free number, which is this one
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
    sys.stdout.reconfigure(errors="backslashreplace")


def silence(number: int) -> None:
    """Send the rest of a stream nowhere, the interpreter's last flush too."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)


def complain(message: str) -> None:
    """One line on standard error, whatever is in the message; of what is very long, both ends."""
    line = "".join(c if c.isprintable() else " " for c in message)
    line = shortened(line, MOST_OF_A_WORD)
    try:
        sys.stderr.write(f"pykmm: {line}\n")
        sys.stderr.flush()
    except OSError:
        silence(2)


def flush() -> None:
    """What is left of standard output, so that the interpreter need not complain of it."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError):
            silence(1)
