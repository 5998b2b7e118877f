# SPDX-License-Identifier: GPL-2.0-only
"""Copies of a patch whose hunks are cut, ordered or surrounded otherwise, and what each one does.

What a copy does to a kernel is found by applying it to lines of our own, which are the patch's
where it names them and fillers elsewhere: two copies that make the same text of them are the same
patch, whatever they look like.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pykmm.patch.mail import Mail

Row = tuple[str, str]  # op, text


@dataclass
class Piece:
    """A hunk: the first line of the kernel that it names, and its rows."""

    old: int
    rows: list[Row]
    section: str = ""

    @property
    def edits(self) -> list[tuple[int, int]]:
        """(first, end) of each run of changed rows."""
        found, at = [], 0
        while at < len(self.rows):
            end = at
            while end < len(self.rows) and self.rows[end][0] != " ":
                end += 1
            if end > at:
                found.append((at, end))
            at = max(end, at + 1)
        return found

    @property
    def places(self) -> list[tuple[int, int]]:
        """Of each run the line of the kernel where it stands, and how many it takes out."""
        return [(self.old + sum(op != "+" for op, _ in self.rows[:first]),
                 sum(op == "-" for op, _ in self.rows[first:end])) for first, end in self.edits]

    def count(self, without: str) -> int:
        return sum(op != without for op, _ in self.rows)


@dataclass
class Copy:
    """A patch as data: its files in order, each with its pieces."""

    files: dict[str, list[Piece]] = field(default_factory=dict)

    @classmethod
    def of(cls, mail: Mail) -> Copy:
        return cls({file.path: [Piece(h.old_start, [(s.op, s.text) for s in h.lines], h.section)
                                for h in file.hunks] for file in mail.files})

    def text(self, prefix: str = "linux") -> str:
        """As a mailer would send it, with counts and line numbers that fit."""
        out = ["Subject: a copy", ""]
        for path, pieces in self.files.items():
            out += [f"Index: {prefix}/{path}", "=" * 67, f"--- {prefix}.orig/{path}",
                    f"+++ {prefix}/{path}"]
            grown = 0
            for piece in pieces:
                old, new = piece.count("+"), piece.count("-")
                out.append(f"@@ -{piece.old - (not old)},{old} "
                           f"+{piece.old + grown - (not new)},{new} @@ {piece.section}".rstrip())
                out += [op + text for op, text in piece.rows]
                grown += new - old
        return "\n".join(out) + "\n"

    def pieces(self) -> Iterator[tuple[str, int, Piece]]:
        for path, pieces in self.files.items():
            for number, piece in enumerate(pieces):
                yield path, number, piece

    def kernel(self) -> dict[str, dict[int, str]]:
        """The lines of the kernel that it names."""
        known: dict[str, dict[int, str]] = {}
        for path, _, piece in self.pieces():
            old = [text for op, text in piece.rows if op != "+"]
            known.setdefault(path, {}).update(enumerate(old, piece.old))
        return known

    def applied(self, kernel: dict[str, dict[int, str]]) -> dict[str, list[str]] | None:
        """What it makes of these lines and fillers around them; None: it does not apply."""
        done = {}
        for path, lines in kernel.items():
            whole = [bare(lines.get(n, f"line {n};")) for n in range(1, max(lines) + 60)]
            made, at = [], 1
            for piece in self.files[path]:
                old = [bare(text) for op, text in piece.rows if op != "+"]
                if piece.old < at or whole[piece.old - 1:piece.old - 1 + len(old)] != old:
                    return None
                made += whole[at - 1:piece.old - 1]
                made += [bare(text) for op, text in piece.rows if op != "-"]
                at = piece.old + len(old)
            done[path] = made + whole[at - 1:]
        return done


def bare(text: str) -> str:
    return "".join(text.split())


# -- the same patch, otherwise cut


def with_context(original: Copy, lines: int) -> Copy:
    """The same with so many lines of context around each edit, as diff -U makes it."""
    kernel, made = original.kernel(), Copy()
    for path, pieces in original.files.items():
        edits = []
        for piece in pieces:
            for first, end in piece.edits:
                at = piece.old + sum(op != "+" for op, _ in piece.rows[:first])
                edits.append((at, piece.rows[first:end]))
        made.files[path] = []
        reach = 0
        for at, rows in edits:
            end = at + sum(op == "-" for op, _ in rows)

            def lines_of(first: int, behind: int, path: str = path) -> list[Row]:
                return [(" ", kernel[path].get(n, f"line {n};")) for n in range(first, behind)]

            begin = max(1, at - lines)
            if made.files[path] and begin <= reach:
                piece = made.files[path][-1]
                keep = len(piece.rows) - (reach - last)
                piece.rows[keep:] = lines_of(last, at)
            else:
                piece = Piece(begin, lines_of(begin, at))
                made.files[path].append(piece)
            piece.rows += [*rows, *lines_of(end, end + lines)]
            last, reach = end, end + lines
    return made


def in_gits_order(original: Copy) -> Copy:
    return Copy(dict(sorted(original.files.items())))


# -- one hunk changed: each gives copies, or none where a hunk has no room for it

Kind = Callable[[Piece], Iterator[list[Row]]]


def _moved(rows: list[Row], taken: range, to: int) -> list[Row]:
    """The rows with some of them before row `to`."""
    block = [rows[i] for i in taken]
    left = [(i, row) for i, row in enumerate(rows) if i not in taken]
    return [row for i, row in left if i < to] + block + [row for i, row in left if i >= to]


def edit_above_context(piece: Piece) -> Iterator[list[Row]]:
    for first, end in piece.edits:
        if first:
            yield _moved(piece.rows, range(first, end), first - 1)


def edit_below_context(piece: Piece) -> Iterator[list[Row]]:
    for first, end in piece.edits:
        if end < len(piece.rows):
            yield _moved(piece.rows, range(first, end), end + 1)


def first_line_above_context(piece: Piece) -> Iterator[list[Row]]:
    for first, end in piece.edits:
        if first and end - first > 1:
            yield _moved(piece.rows, range(first, first + 1), first - 1)


def last_line_below_context(piece: Piece) -> Iterator[list[Row]]:
    for first, end in piece.edits:
        if end < len(piece.rows) and end - first > 1:
            yield _moved(piece.rows, range(end - 1, end), end + 1)


def line_to_the_first_context(piece: Piece) -> Iterator[list[Row]]:
    for first, _ in piece.edits:
        if first > 1:
            yield _moved(piece.rows, range(first, first + 1), 0)


def context_changed(piece: Piece) -> Iterator[list[Row]]:
    for i, (op, text) in enumerate(piece.rows):
        if op == " ":
            yield [*piece.rows[:i], (op, text + "x"), *piece.rows[i + 1:]]


def context_taken_out(piece: Piece) -> Iterator[list[Row]]:
    for i, (op, _) in enumerate(piece.rows):
        if op == " " and 0 < i < len(piece.rows) - 1:
            yield [*piece.rows[:i], *piece.rows[i + 1:]]


def context_put_in(piece: Piece) -> Iterator[list[Row]]:
    for i, (op, _) in enumerate(piece.rows):
        if op == " " and i:
            yield [*piece.rows[:i], (" ", "more();"), *piece.rows[i:]]


def blank_context_put_in(piece: Piece) -> Iterator[list[Row]]:
    for i, (op, _) in enumerate(piece.rows):
        if op == " " and i:
            yield [*piece.rows[:i], (" ", ""), *piece.rows[i:]]


def contexts_swapped(piece: Piece) -> Iterator[list[Row]]:
    for i in range(len(piece.rows) - 1):
        if piece.rows[i][0] == piece.rows[i + 1][0] == " ":
            yield _moved(piece.rows, range(i, i + 1), i + 2)


def edit_split(piece: Piece) -> Iterator[list[Row]]:
    for first, end in piece.edits:
        for i in range(first + 1, end - 1):
            yield [*piece.rows[:i], (" ", piece.rows[i][1]), *piece.rows[i + 1:]]


def edit_made_context(piece: Piece) -> Iterator[list[Row]]:
    for first, end in piece.edits:
        rows = [(" ", text) for _, text in piece.rows[first:end]]
        yield [*piece.rows[:first], *rows, *piece.rows[end:]]


def edit_dropped(piece: Piece) -> Iterator[list[Row]]:
    for first, end in piece.edits:
        kept = [(" ", text) for op, text in piece.rows[first:end] if op == "-"]
        yield [*piece.rows[:first], *kept, *piece.rows[end:]]


def context_taken_out_above_and_put_in_below(piece: Piece) -> Iterator[list[Row]]:
    for first, end in piece.edits:
        if first:
            text = piece.rows[first - 1][1]
            yield [*piece.rows[:first - 1], ("-", text), *piece.rows[first:end], ("+", text),
                   *piece.rows[end:]]


def context_written_anew(piece: Piece) -> Iterator[list[Row]]:
    """A line of context as one that is taken out and put in again: nothing changes by it."""
    for i, (op, text) in enumerate(piece.rows):
        if op == " ":
            yield [*piece.rows[:i], ("-", text), ("+", text), *piece.rows[i + 1:]]


def context_removed_by_the_patch(piece: Piece) -> Iterator[list[Row]]:
    for i, (op, text) in enumerate(piece.rows):
        if op == " " and 0 < i < len(piece.rows) - 1:
            yield [*piece.rows[:i], ("-", text), *piece.rows[i + 1:]]


def removal_kept(piece: Piece) -> Iterator[list[Row]]:
    for i, (op, text) in enumerate(piece.rows):
        if op == "-":
            yield [*piece.rows[:i], (" ", text), *piece.rows[i + 1:]]


def removal_left_out(piece: Piece) -> Iterator[list[Row]]:
    for i, (op, _) in enumerate(piece.rows):
        if op == "-":
            yield [*piece.rows[:i], *piece.rows[i + 1:]]


def removal_more(piece: Piece) -> Iterator[list[Row]]:
    for first, _ in piece.edits:
        yield [*piece.rows[:first], ("-", "more();"), *piece.rows[first:]]


def edit_added(piece: Piece) -> Iterator[list[Row]]:
    for i, (op, _) in enumerate(piece.rows):
        around = {row[0] for row in piece.rows[max(0, i - 1):i + 1]}
        if op == " " and around == {" "}:
            yield [*piece.rows[:i], ("+", "more();"), *piece.rows[i:]]


KINDS: dict[str, Kind] = {kind.__name__: kind for kind in (
    edit_above_context, edit_below_context, first_line_above_context, last_line_below_context,
    line_to_the_first_context, context_changed, context_taken_out, context_put_in,
    blank_context_put_in, contexts_swapped, edit_split, edit_made_context, edit_dropped,
    context_taken_out_above_and_put_in_below, context_written_anew, context_removed_by_the_patch,
    removal_kept, removal_left_out, removal_more, edit_added)}  # fmt: skip


def variants(original: Copy, kind: Kind) -> Iterator[tuple[str, Copy]]:
    """Every copy of a kind: its place, and the copy."""
    for path, number, piece in original.pieces():
        for count, rows in enumerate(kind(piece)):
            changed = copy.deepcopy(original)
            changed.files[path][number].rows = rows
            yield f"{path}, hunk {number + 1}, number {count}", changed
