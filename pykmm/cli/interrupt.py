# SPDX-License-Identifier: GPL-2.0-only
"""Ctrl-C: what a command that it ended leaves, and what it does meanwhile.

A command says at its start where its result was to go; one that is interrupted before it is there
leaves a result that says so, and nothing else.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# as whoever started this process had it: a shell has it ignored in background jobs
_FIRST = signal.getsignal(signal.SIGINT)


@dataclass
class _Command:
    """What is known of the command that runs.

    facts : dict     of its JSON: the schema, and what was asked for
    found : bool     something was found, whatever comes of the rest
    """

    facts: dict[str, Any] = field(default_factory=dict)
    json_path: str | None = None
    html_path: str | None = None
    found: bool = False


_command = _Command()


def begins(json_path: str | None, html_path: str | None = None, **facts: Any) -> None:
    """A command begins, whose result goes there; facts: what its JSON says in any case."""
    global _command
    _command = _Command(facts, json_path, html_path)


def found() -> None:
    """Something was found: from here on the exit code is 1, whatever ends the command."""
    _command.found = True


def was_found() -> bool:
    return _command.found


def told(path: str | None) -> None:
    """A result is where it was to go, and stays there."""
    if path == _command.json_path:
        _command.json_path = None
    if path == _command.html_path:
        _command.html_path = None


def leave() -> None:
    """Write a result that says no more than that the command was interrupted; BadInput."""
    from . import output

    if _command.html_path is not None:
        name = _command.facts.get("schema", "pykmm")
        with contextlib.suppress(OSError):
            Path(_command.html_path).write_text(
                "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>pykmm</title>\n"
                f"<p>{name}: interrupted before there was a result.</p></html>\n",
                encoding="utf-8")
    if _command.json_path is not None:
        output.write_json(_command.json_path, {**_command.facts, "interrupted": True},
                          output.Output())


def again() -> None:
    """Ctrl-C is what it was when the process started."""
    signal.signal(signal.SIGINT, _FIRST)


@contextlib.contextmanager
def instead(stop: Callable[[], None]) -> Iterator[None]:
    """Within it Ctrl-C calls stop(), so that what there is by then can still be told."""
    earlier = signal.getsignal(signal.SIGINT)
    if earlier is not signal.SIG_IGN:       # as background jobs have it
        signal.signal(signal.SIGINT, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)
