# SPDX-License-Identifier: GPL-2.0-only
"""A run against an earlier one: which rows got slower, which faster.

Nanoseconds of two runs are not the same unit: another clock rate, a busier machine. So times are
compared in yardsticks, rounds of a piece of work that never changes and was timed in the same
rounds. Instructions are exact, and any difference is one.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BadInput
from .results import SCHEMA

FASTER, SLOWER, SAME = "faster", "slower", "same"
AGAINST_C = "P/C"
# what two runs of one build may differ by, if one of them was disturbed
LEAST = 0.03
LEAST_OF_RATIO = 0.02       # of P/C: what disturbs both is not in it
LEAST_NS = 0.3              # about one cycle: instructions tell more of what is so short


@dataclass(frozen=True)
class Change:
    """A column of a row: new over old.

    ratio : [value, low, high] or None   of times, with its 95 % interval, where both were timed
    instructions : (old, new) or None    where both were counted
    nanoseconds : float or None          what the ratio means, of one call
    """

    row: str
    column: str
    ratio: tuple[float, float, float] | None
    instructions: tuple[int, int] | None = None
    nanoseconds: float | None = None

    @property
    def verdict(self) -> str:
        """By instructions where they differ, else by time."""
        if self.instructions and self.instructions[0] != self.instructions[1]:
            return SLOWER if self.instructions[1] > self.instructions[0] else FASTER
        return self.time_verdict

    @property
    def time_verdict(self) -> str:
        if self.nanoseconds is not None and self.nanoseconds < LEAST_NS:
            return SAME
        least = LEAST_OF_RATIO if self.column == AGAINST_C else LEAST
        if self.ratio and self.ratio[1] > 1 + least:
            return SLOWER
        return FASTER if self.ratio and self.ratio[2] < 1 - least else SAME

    def slower_than(self, percent: float) -> bool:
        """Did it get slower by more than so many percent, by time or by instructions?"""
        if self.ratio and self.time_verdict == SLOWER and (self.ratio[0] - 1) * 100 > percent:
            return True
        if self.instructions is None:
            return False
        old, new = self.instructions
        return (new - old) * 100 > percent * old


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Every column that both runs have, in the new one's order."""
    before = {row["name"]: row for row in old["rows"]}
    found = []
    for row in new["rows"]:
        if row["name"] not in before:
            continue
        own = [_change(row["name"], column, before[row["name"]], row)
               for column in dict.fromkeys((*row["yardsticks"], *row["instructions"]))]
        found += [change for change in own if change.ratio or change.instructions]
        if own[0].verdict == SAME:
            found += _against_c(before[row["name"]], row)
    return found


def _against_c(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """P by C, which was timed in the same rounds and itself is the same: the finest measure."""
    ratios = [(row["ratio_p_c"], *(row["intervals"]["ratio_p_c"] or ())) for row in (new, old)]
    if any(len(ratio) != 3 for ratio in ratios):
        return []
    ratio = quotient(*ratios)
    return [Change(new["name"], AGAINST_C, ratio,
                   nanoseconds=_nanoseconds(ratio[0], new["ns"].get("P")))]


def _change(name: str, column: str, old: dict[str, Any], new: dict[str, Any]) -> Change:
    times = [row["yardsticks"].get(column) for row in (new, old)]
    counts = [row["instructions"].get(column) for row in (old, new)]
    ratio = None if None in times else quotient(*times)
    return Change(name, column, ratio, None if None in counts else (counts[0], counts[1]),
                  ratio and _nanoseconds(ratio[0], new["ns"].get(column)))


def _nanoseconds(ratio: float, now: float | None) -> float | None:
    return None if now is None else abs(now - now / ratio)


def quotient(over: Sequence[float], under: Sequence[float]) -> tuple[float, float, float]:
    """Of two independent estimates [value, low, high], the same three; (1, 0, inf) if too short."""
    if min(*over, *under) <= 0:
        return 1.0, 0.0, math.inf
    middle = math.log(over[0] / under[0])
    down = math.hypot(math.log(over[0] / over[1]), math.log(under[2] / under[0]))
    up = math.hypot(math.log(over[2] / over[0]), math.log(under[0] / under[1]))
    return math.exp(middle), math.exp(middle - down), math.exp(middle + up)


def verdicts(found: Sequence[Change]) -> dict[str, str]:
    """One for each row: slower if any column is, else faster if any is."""
    rows: dict[str, set[str]] = {}
    for change in found:
        rows.setdefault(change.row, set()).add(change.verdict)
    return {name: next((v for v in (SLOWER, FASTER) if v in of), SAME)
            for name, of in rows.items()}


def read(path: str) -> dict[str, Any]:
    """An earlier result; raises BadInput if the file holds none."""
    try:
        result = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"--compare {path}: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"--compare {path}: not JSON: {error}") from error
    schema = result.get("schema") if isinstance(result, dict) else None
    if schema != SCHEMA:
        raise BadInput(f"--compare {path}: its schema is {schema!r}, not {SCHEMA}: give a "
                       "file that pykmm bench --json wrote")
    wrong = _wrong(result)
    if wrong:
        raise BadInput(f"--compare {path}: {wrong}: write it again with pykmm bench --json")
    return result


def check_rows(path: str, old: dict[str, Any], names: Sequence[str]) -> None:
    """Refuse an earlier result that has none of these rows; raises BadInput."""
    has = [row["name"] for row in old["rows"]]
    if not set(has) & set(names):
        what = f"it has {has[0]}" + (f" and {len(has) - 1} more" if has[1:] else "") if has else \
            "it has no row"
        raise BadInput(f"--compare {path}: {what}, and none of those that are measured now, as "
                       f"{names[0]}: nothing can be compared")


def _wrong(result: dict[str, Any]) -> str:
    """What is not as results.row_of makes it, or ""."""
    if not isinstance(result.get("rows"), list) or not isinstance(result.get("events"), bool) \
            or not isinstance(result.get("machine"), dict):
        return "it has no rows, or does not say whether they were timed with events"
    for number, row in enumerate(result["rows"], 1):
        try:
            fine = all(len(three) == 3 and all(isinstance(x, int | float) for x in three)
                       for three in row["yardsticks"].values())
            fine &= isinstance(row["name"], str) and isinstance(row["instructions"], dict)
            fine &= isinstance(row["ns"], dict)
            fine &= isinstance(row["intervals"], dict) and "ratio_p_c" in row
        except (TypeError, KeyError, AttributeError):
            fine = False
        if not fine:
            return f"row {number} is not as this pykmm writes them"
    return ""
