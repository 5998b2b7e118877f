# SPDX-License-Identifier: GPL-2.0-only
"""Rows timed in child processes, one a layout, and what becomes of rows that end theirs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engine.guarded import Child, Died
from ..engine.halves import NamedHalf
from . import child, results
from .measuring import Samples

LAYOUTS = 5
DEATHS = 3      # after so many, the rows that are left are not tried


@dataclass
class Result:
    """rows as results.row_of makes them; refused : {name: why}; processor : the one it ran on.

    fixed_addresses : whether a layout is the same in every run; None: nothing was timed
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    processor: int | None = None
    fixed_addresses: bool | None = None


class Session:
    """Times rows, and can be stopped by a signal handler meanwhile.

    names : [str]          rows, in the order to time them in
    seconds : float        for all of them together
    halves : [NamedHalf]   the user's, beside C and P
    events : bool          whether primitives record what they are called with
    first : int            number of the first of the LAYOUTS: what addresses are drawn from
    catalogue : str        module whose ROWS these are
    samples : name -> what was measured of it in each layout
    """

    def __init__(self, names: Sequence[str], seconds: float, halves: Sequence[NamedHalf] = (), *,
                 events: bool = False, first: int = 0, catalogue: str = child.CATALOGUE):
        self._names, self._events, self._first = list(names), events, first
        self._halves = [vars(half) for half in halves]
        self._plan = {"catalogue": catalogue,
                      "seconds": seconds / LAYOUTS / max(1, len(names))}
        self.samples: dict[str, list[Samples]] = {name: [] for name in names}
        self._left: list[str] = []      # of the layout that is measured now
        self._child: Child | None = None
        self._stopped = False
        self.result = Result()

    def stop(self) -> None:
        """Give up what is left: what is done stays done.  A second time: at once."""
        if self._child is not None:
            (self._child.kill if self._stopped else self._child.stop)()
        self._stopped = True

    def run(self, tell: Callable[[int, str], None] = lambda layout, name: None) -> Result:
        """Time all of them.  tell(layout, name): this row comes now; also while it is timed.

        raises BadInput   a half that cannot be loaded
        """
        deaths = 0
        for layout in range(LAYOUTS):
            self._left = [name for name in self._names if name not in self.result.refused]
            while self._left and not self._stopped:
                died = self._some(layout, tell)
                if died is None:
                    break
                deaths += self._bury(died)
                if deaths == DEATHS:
                    self._give_up()
        self._summarise()
        return self.result

    def _some(self, layout: int, tell: Callable[[int, str], None]) -> Died | None:
        """Time what is left of a layout, as far as one process goes."""
        number = self._first + layout
        task = {"do": "bench", "patch": None, "halves": self._halves, "events": self._events,
                "layout": number, "plan": {**self._plan, "rows": self._left, "layout": number}}
        with Child(task) as self._child:
            for message in self._child.messages():
                if isinstance(message, Died):
                    return message
                self._take(message)
                if self._left:
                    tell(layout, self._left[0])
        return None

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "row":
            self.samples[message["name"]].append(Samples(**message["samples"]))
            self._left.remove(message["name"])
        elif message["type"] == "refused":
            self.result.refused[message["name"]] = message["why"]
            self._left.remove(message["name"])
        elif message["type"] == "result":
            self.result.processor = message["processor"]
            self.result.fixed_addresses = message["fixed_addresses"]

    def _bury(self, died: Died) -> int:
        """A row ended the process: it is refused, and others go on without it."""
        if self._stopped:
            return 0
        half, name = died.running[0] if died.running else ("", b"")
        row = name.decode() or self._left[0]
        self.result.refused[row] = f"half {half} {died.how}" if half else f"its process {died.how}"
        self._left.remove(row)
        return 1

    def _give_up(self) -> None:
        self.result.refused |= dict.fromkeys(
            self._left, f"not tried, after {DEATHS} rows that ended their process")
        self._left = []

    def _summarise(self) -> None:
        known = child.rows_of(self._plan["catalogue"])
        self.result.interrupted = self._stopped
        self.result.rows = [results.row_of(known[name], samples)
                            for name, samples in self.samples.items()
                            if samples and name not in self.result.refused]
