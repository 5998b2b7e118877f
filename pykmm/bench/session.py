# SPDX-License-Identifier: GPL-2.0-only
"""Rows timed in a child process, and what becomes of those that end it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engine.guarded import Child, Died
from ..engine.halves import NamedHalf
from . import child

DEATHS = 3      # after so many, the rows that are left are not tried


@dataclass
class Result:
    """rows as results.row_of makes them; refused : {name: why}; processor : the one it ran on."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    processor: int | None = None


class Session:
    """Times rows, and can be stopped by a signal handler meanwhile.

    names : [str]      rows, in the order to time them in
    seconds : float    for all of them together
    halves : [NamedHalf]   the user's, beside C and P
    events : bool      whether primitives record what they are called with
    catalogue : str    module whose ROWS these are
    """

    def __init__(self, names: Sequence[str], seconds: float, halves: Sequence[NamedHalf] = (), *,
                 events: bool = False, seed: int = 0, catalogue: str = child.CATALOGUE):
        self._left = list(names)
        self._task = {"do": "bench", "patch": None, "quiet": not events,
                      "halves": [vars(half) for half in halves]}
        self._plan = {"catalogue": catalogue, "seconds": seconds / max(1, len(names)),
                      "seed": seed}
        self._child: Child | None = None
        self._stopped = False
        self.result = Result()

    def stop(self) -> None:
        """Give up what is left: rows that are done stay done.  A second time: at once."""
        if self._child is not None:
            (self._child.kill if self._stopped else self._child.stop)()
        self._stopped = True

    def run(self, tell: Callable[[str], None] = lambda name: None) -> Result:
        """Time all of them.  tell(name): this row comes now; called again while it is timed.

        raises BadInput   a half that cannot be loaded
        """
        deaths = 0
        while self._left and not self._stopped:
            died = self._some(tell)
            if died is None:
                break
            self._bury(died)
            deaths += 1
            if deaths == DEATHS:
                self.result.refused |= dict.fromkeys(
                    self._left, f"not tried, after {DEATHS} rows that ended their process")
                break
        self.result.interrupted = self._stopped
        return self.result

    def _some(self, tell: Callable[[str], None]) -> Died | None:
        """Time what is left, as far as one process goes."""
        with Child({**self._task, "plan": {**self._plan, "rows": self._left}}) as self._child:
            for message in self._child.messages():
                if isinstance(message, Died):
                    return message
                self._take(message)
                if self._left:
                    tell(self._left[0])
        return None

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "row":
            self.result.rows.append(message["row"])
            self._left.remove(message["row"]["name"])
        elif message["type"] == "refused":
            self.result.refused[message["name"]] = message["why"]
            self._left.remove(message["name"])
        elif message["type"] == "result":
            self.result.processor = message["processor"]

    def _bury(self, died: Died) -> None:
        """A row ended the process: it is refused, and others go on without it."""
        if self._stopped:
            return
        half, name = died.running[0] if died.running else ("", b"")
        row = name.decode() or self._left[0]
        self.result.refused[row] = f"half {half} {died.how}" if half else f"its process {died.how}"
        self._left.remove(row)
