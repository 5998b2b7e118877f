# SPDX-License-Identifier: GPL-2.0-only
"""What counted runs have reached, as a table and as sources with counts beside their lines."""

from dataclasses import dataclass

from pygments.lexer import Lexer
from pygments.lexers import CLexer, CythonLexer
from rich.console import RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from ..source.listing import Function, Line
from ..source.reached import SIDES, Tally, side_name

HALVES = ("C", "Cython")
NEVER, LISTED, DISPROVED = "never", "unreachable", "on the list, and reached"


@dataclass
class Coverage:
    """Counts of a run, against the list of what nothing reaches.

    tallies : {function: Tally}    one count a half, C's first
    proofs : {side: why}           as source.unreachable gives them
    """

    tallies: dict[str, Tally]
    proofs: dict[str, str]

    @property
    def missing(self) -> list[str]:
        """Steps and sides that a half has not reached and that are not on the list."""
        return [name for tally in self.tallies.values()
                for name in (*(step for step, counts in tally.steps.items() if not all(counts)),
                             *(side for side in tally.missing() if side not in self.proofs))]

    @property
    def disproved(self) -> list[str]:
        """Sides on the list that a half has reached all the same."""
        return [side for side in self.proofs
                if any(self.side_counts(*side.split(" ")))]

    def side_counts(self, operand: str, side: str) -> list[int]:
        """How often each half reached a side."""
        sides = next((tally.sides[operand] for tally in self.tallies.values()
                      if operand in tally.sides), ([], []))
        return sides[SIDES.index(side)]

    def counts_of(self, function: str, line: Line, half: int) -> int | None:
        """How often a half ran the step that is anchored at a line; None: none is."""
        return self.tallies[function].steps[line.step][half] if line.step else None

    def sides_of(self, function: str, line: Line, half: int) -> list[dict]:
        """For each operand at a line: name, text, and its sides: side, count, mark, why."""
        return [{"name": operand.name, "text": operand.text,
                 "sides": [self._side(function, operand.name, side, half) for side in (0, 1)]}
                for operand in line.operands]

    def _side(self, function: str, operand: str, side: int, half: int) -> dict:
        count = self.tallies[function].sides[operand][side][half]
        why = self.proofs.get(side_name(operand, side), "")
        mark = (DISPROVED if why else "") if count else (LISTED if why else NEVER)
        return {"side": SIDES[side], "count": count, "mark": mark, "why": why}


def table(coverage: Coverage) -> Table:
    """One row a function: what the half that reached fewest has reached."""
    shown = Table(box=None, pad_edge=False)
    shown.add_column("function")
    for column in ("steps", "branches", "unreachable"):
        shown.add_column(column, justify="right")
    for name, tally in coverage.tallies.items():
        listed = sum(side.split("/")[0] in tally.steps for side in coverage.proofs)
        shown.add_row(name, f"{tally.steps_hit}/{len(tally.steps)}",
                      f"{tally.branches_hit}/{tally.branches_total}", str(listed or ""))
    return shown


def lexer_of(half: int) -> Lexer:
    return (CLexer, CythonLexer)[half](stripnl=False, ensurenl=False)


_STYLE = {NEVER: "bold red", LISTED: "yellow", DISPROVED: "bold magenta", "": "dim"}


def listing(coverage: Coverage, function: Function, half: int) -> list[RenderableType]:
    """The lines of a function in one half, each with the count of its step and sides below it."""
    lines = [line for block in function.blocks for line in block.halves[half]]
    syntax = Syntax("", lexer_of(half), theme="ansi_dark", background_color="default", tab_size=8)
    source = syntax.highlight("\n".join(line.text.expandtabs(8) for line in lines))
    shown: list[RenderableType] = [
        Text(f"{function.files[half]}  {function.name}", style="bold")]
    for line, text in zip(lines, source.split("\n"), strict=False):
        count = coverage.counts_of(function.name, line, half)
        shown.append(Text.assemble(
            (f"{'' if count is None else f'{count:,}' if count else NEVER.upper():>13} ",
             _STYLE[NEVER] if count == 0 else "cyan"),
            (f"{line.number:>4} ", "dim"), text))
        shown += [_operand(one) for one in coverage.sides_of(function.name, line, half)]
    return shown


def _operand(operand: dict) -> Text:
    row = Text.assemble(f"{'':19}", (f"{operand['name']:<8}", "dim"))
    for side in operand["sides"]:
        said = f"{side['count']:,}" if side["count"] else NEVER.upper()
        row.append(f"{side['side']} {said}" + (f" ({side['mark']})" if side["why"] else ""),
                   style=_STYLE[side["mark"]])
        row.append("  ")
    return row.append(operand["text"], style="dim")
