# SPDX-License-Identifier: GPL-2.0-only
"""The process that times rows: on one processor of its own, with all events or with none."""

import importlib
import os
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ..engine.core import Half
from . import addresses
from .measuring import Refused, measure
from .row import Row

CATALOGUE = "pykmm.bench.rows"      # a module that has ROWS


class _Stopped(Exception):
    """Who waits for rows wants no more of them."""


def rows_of(catalogue: str) -> dict[str, Row]:
    """The rows of a module by their names."""
    return {row.name: row for row in importlib.import_module(catalogue).ROWS}


def pin() -> int:
    """Stay on the last processor that this process may use, with all of its threads: its number."""
    number = max(os.sched_getaffinity(0))
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), {number})
    return number


def run(plan: dict[str, Any], halves: list[Half], say: Callable[..., None],
        stop: threading.Event) -> None:
    """Time the rows of a plan; each is told as soon as it is done.

    plan : dict   catalogue, rows (names), seconds (of each), layout
    halves        C, P, and the user's
    """
    known = rows_of(plan["catalogue"])
    processor = pin()

    def tick() -> None:
        say("progress")
        if stop.is_set():
            raise _Stopped

    for name in plan["rows"]:
        def tell(half: str, name: str = name) -> None:
            say("examining", half=half, case=name.encode().hex())

        try:
            samples = measure(known[name], halves, plan["seconds"], plan["layout"], tick, tell)
            say("row", name=name, samples=asdict(samples))
        except Refused as why:
            say("refused", name=name, why=str(why))
        except _Stopped:
            break
    say("result", interrupted=stop.is_set(), processor=processor,
        fixed_addresses=addresses.are_fixed())
