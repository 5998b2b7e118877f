# SPDX-License-Identifier: GPL-2.0-only
"""Lay the hunks of a mail over those of v8: the same lines of the kernel, changed where v8 does.

A patch says: of these lines of the kernel take those out and put these in.  The same can be said
with more context or none, with files in another order, and with the cut between two equal lines
elsewhere.  What counts is therefore asked by line numbers of the kernel before the patch:

    context      every line of it that v8 has there, too, is v8's
    place        each run of changed lines stands where v8 has an edit, and takes out as many lines
    or else      the hunk's text before and after is v8's, wherever the runs were cut

All else is refused: half X has C's own lines around an edit, so a line that has crossed one of
them, or a line of context that is another one, would be run as if it had not.
"""

from dataclasses import dataclass, replace
from typing import NoReturn

from pykmm.patch.mail import GET_MAIL, Hunk, Line, Mail, PatchFile, clipped, refuse
from pykmm.patch.table import Edit, HunkFacts, Table, line_hash

GIVE_V8 = "give the mail of v8, or a copy of it in which only the text of changed lines differs"


@dataclass(frozen=True)
class Fitted:
    """One hunk of v8 as a mail has it.

    hunk    in v8's shape: its context, its edits in their places; number and old lines are v8's
    recut   the mail cuts it elsewhere, and its text before and after is v8's
    absent  how many of its lines of context the mail does not have; in `hunk` they have no number
    moved   line of the mail's header, if the header names other lines of the kernel; else 0
    """

    hunk: Hunk
    facts: HunkFacts
    recut: bool
    absent: int
    moved: int


@dataclass(frozen=True)
class Fit:
    """All hunks in v8's order; beyond: lines of context of which v8's figures say nothing."""

    hunks: tuple[Fitted, ...]
    beyond: int


def fit(mail: Mail, table: Table) -> Fit:
    """The hunks of v8 as a mail has them.

    raises BadInput  it has other files or hunks, other context, or edits elsewhere; one line,
                     FILE:LINE: hunk N of FILE: ...
    """
    files = _files(mail, table)
    hunks: list[Fitted] = []
    beyond = 0
    for path in table.files:
        one = _File(mail, files[path], table)
        hunks += one.fitted()
        beyond += one.beyond
    return Fit(tuple(hunks), beyond)


def _files(mail: Mail, table: Table) -> dict[str, PatchFile]:
    """The files of the table, each once, whatever their order."""
    found: dict[str, PatchFile] = {}
    for file in mail.files:
        complete = len(found) == len(table.files)
        second = ": v8 has ended before it, so that a second patch seems to begin here"
        if file.path not in table.files:
            wrong = (f"{clipped(file.path, 60)} is no file of this patch" +
                     (second if complete else ""))
            _refuse_patch(mail, file.hunks[0], wrong)
        if file.path in found:
            wrong = "this file stands in the text twice" + (second if complete else "")
            refuse(mail.name, file.hunks[0].line_no, 1, file.path, wrong,
                   "give one patch alone")
        found[file.path] = file
    missing = [path for path in table.files if path not in found]
    if missing:
        wrong = f"the mail ends without it: {_count(len(missing), 'file')} missing"
        refuse(mail.name, mail.end, 1, missing[0], wrong, GET_MAIL)
    return found


def _refuse_patch(mail: Mail, hunk: Hunk, wrong: str) -> NoReturn:
    refuse(mail.name, hunk.line_no, hunk.number, hunk.file, wrong, GIVE_V8)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("s" if number != 1 else "")


@dataclass
class _Run:
    """A run of changed lines: at is the kernel's line before which it stands, or its first."""

    at: int
    hunk: Hunk
    removed: list[Line]
    added: list[Line]

    @property
    def first(self) -> Line:
        return min((*self.removed, *self.added), key=lambda line: line.number)


@dataclass(frozen=True)
class _Slot:
    """Where v8 has an edit: lines of the kernel, and hashes of what comes in their place."""

    edit: Edit
    at: int
    removed: int
    added: tuple[str, ...]


class _Window:
    """A hunk of v8 by lines of the kernel before it: old[n] is the hash of line n."""

    def __init__(self, facts: HunkFacts, edits: tuple[Edit, ...]) -> None:
        self.facts = facts
        self.old: dict[int, str] = {}
        self.slots: list[_Slot] = []
        self.new = tuple(digest for op, digest in facts.lines if op != "-")
        names = iter(edits)
        number, at, removed, added, inside = facts.old[0], 0, 0, [], False
        for op, digest in (*facts.lines, (" ", "")):
            if op == " " and inside:
                self.slots.append(_Slot(next(names), at, removed, tuple(added)))
                inside = False
            if op != " " and not inside:
                at, removed, added, inside = number, 0, [], True
            if op == "+":
                added.append(digest)
            elif digest:
                self.old[number] = digest
                removed += op == "-"
                number += 1
        self.first, self.end = facts.old[0], number

    def slot_of(self, number: int) -> _Slot | None:
        """The edit that takes this line out, if one does."""
        return next((s for s in self.slots if s.at <= number < s.at + s.removed), None)


class _File:
    """One file of a mail beside v8's hunks of it."""

    def __init__(self, mail: Mail, file: PatchFile, table: Table) -> None:
        self.mail, self.file = mail, file
        self.windows = [_Window(facts, table.edits_of(file.path, facts.number))
                        for facts in table.hunks_of(file.path)]
        self.context: dict[int, tuple[Line, Hunk]] = {}
        self.runs: list[_Run] = []
        self.beyond = 0
        self._check_order()
        self.shift = {hunk.number: self._shift(hunk) for hunk in file.hunks}
        for hunk in file.hunks:
            self._read(hunk)

    def _check_order(self) -> None:
        end = 0
        for hunk in self.file.hunks:
            first = hunk.old_start + (hunk.old_count == 0)
            if first < end:
                wrong = (f"it begins at line {first} of the file, and the hunk before it ends at "
                         f"line {end - 1}: hunks stand in the order of their lines")
                _refuse_patch(self.mail, hunk, wrong)
            end = first + hunk.old_count

    def _shift(self, hunk: Hunk) -> int:
        """What to add to its line numbers: 0, or what leads to v8's where all its context is v8's.

        patch(1) looks for context elsewhere, too; with less context than v8's, numbers alone tell.
        """
        if len(self.file.hunks) != len(self.windows):
            return 0
        facts = self.windows[hunk.number - 1].facts
        own = [line_hash(line.text) for line in hunk.lines if line.op == " "]
        same = own == [digest for op, digest in facts.lines if op == " "]
        return facts.old[0] - hunk.old_start if same else 0

    def _read(self, hunk: Hunk) -> None:
        number = hunk.old_start + (hunk.old_count == 0) + self.shift[hunk.number]
        run: _Run | None = None
        for line in hunk.lines:
            if line.op == " ":
                self.context[number] = line, hunk
                run = None
            elif run is None:
                run = _Run(number, hunk, [], [])
                self.runs.append(run)
            if run:
                (run.added if line.op == "+" else run.removed).append(line)
            number += line.op != "+"

    # -- laid over

    def fitted(self) -> list[Fitted]:
        runs = {id(window): self._runs_of(window) for window in self.windows}
        for window in self.windows:
            if not self._is_in_place(window, runs[id(window)]) and \
                    not self._says_the_same(window, runs[id(window)]):
                self._refuse_context(window)
        self._refuse_strangers([run for own in runs.values() for run in own])
        for window in self.windows:
            if not runs[id(window)]:
                self._refuse_missing(window)
        known = {n for window in self.windows for n in window.old}
        self.beyond = len(self.context.keys() - known)
        return [self._fit(window, runs[id(window)]) for window in self.windows]

    def _is_in_place(self, window: _Window, runs: list[_Run]) -> bool:
        return ([(run.at, len(run.removed)) for run in runs] ==
                [(slot.at, slot.removed) for slot in window.slots])

    def _runs_of(self, window: _Window) -> list[_Run]:
        """The runs of a hunk of v8: those that touch its lines, or stand at its edge."""
        return [run for run in self.runs if window.first <= run.at <= window.end and
                run.at + len(run.removed) <= window.end]

    def _refuse_strangers(self, placed: list[_Run]) -> None:
        """Refuse the first run of changed lines that lies in no hunk of v8."""
        for run in self.runs:
            if run not in placed:
                at = run.at - self.shift[run.hunk.number]
                number = len([r for r in self.runs if r.hunk is run.hunk])
                line = run.hunk.line_no if number == 1 else run.first.number
                wrong = f"v8 has no hunk at line {at} of it"
                if any(window.first <= run.at < window.end for window in self.windows):
                    wrong = (f"it takes out {_count(len(run.removed), 'line')} from line {at} of "
                             "the kernel on, and v8 leaves some of them")
                refuse(self.mail.name, line, run.hunk.number, self.file.path, wrong, GIVE_V8)

    def _refuse_missing(self, window: _Window) -> NoReturn:
        """Refuse a mail without one of v8's hunks, at the hunk that stands in its place."""
        number, path = window.facts.number, self.file.path
        here = [h for h in self.file.hunks
                if h.old_start + self.shift[h.number] < window.end and
                window.first < h.old_start + self.shift[h.number] + h.old_count]
        if here:
            refuse(self.mail.name, here[0].line_no, here[0].number, path,
                   f"it changes nothing at {window.slots[0].edit.id}'s place", GIVE_V8)
        later = [h.line_no for h in self.file.hunks if h.old_start > window.first]
        after = [f.hunks[0].line_no for f in self.mail.files
                 if f.hunks[0].line_no > self.file.hunks[-1].line_no]
        refuse(self.mail.name, (later or after or [self.mail.end])[0], number, path,
               f"it is missing: the mail has {_count(len(self.file.hunks), 'hunk')} of this file "
               f"and v8 has {len(self.windows)}", GET_MAIL)

    def _fit(self, window: _Window, runs: list[_Run]) -> Fitted:
        in_place = self._is_in_place(window, runs)
        if not in_place and not self._says_the_same(window, runs):
            self._refuse_runs(window, runs)
        self._refuse_context(window)
        lines = self._in_place(window, runs) if in_place else self._cut_as_v8(window, runs)
        ops = [line.op for line in lines]
        hunk = runs[0].hunk
        shaped = replace(
            hunk, number=window.facts.number, old_start=window.first,
            new_start=window.facts.new[0], old_count=len(ops) - ops.count("+"),
            new_count=len(ops) - ops.count("-"), lines=tuple(lines))
        absent = sum(line.op == " " and not line.number for line in lines)
        return Fitted(shaped, window.facts, not in_place, absent, self._moved(hunk, window))

    def _moved(self, hunk: Hunk, window: _Window) -> int:
        """Line of the header, if its lines are neither v8's nor what the mail's own counts give."""
        if self.shift[hunk.number]:
            return hunk.line_no
        before = [h for h in self.file.hunks if h.number < hunk.number]
        grown = sum(h.new_count - h.old_count for h in before)
        old = hunk.old_start + (hunk.old_count == 0)
        new = hunk.new_start + (hunk.new_count == 0)
        v8s = old - window.facts.old[0] + window.facts.new[0]
        # Between v8's hunks and within them the lines put in before this place count as well.
        inside = sum(len(s.added) - s.removed for s in window.slots if s.at < old)
        return 0 if new in (old + grown, v8s, v8s + inside) else hunk.line_no

    def _in_place(self, window: _Window, runs: list[_Run]) -> list[Line]:
        """v8's hunk with the mail's lines; of context that the mail does not have, the hash.

        What is taken out comes before what is put in: within a run their order says nothing.
        """
        lines: list[Line] = []
        number, waiting, inside = window.first, iter(runs), False
        for op, digest in window.facts.lines:
            if op == " ":
                own = self.context.get(number)
                lines.append(own[0] if own else Line(" ", "", 0, digest))
            elif not inside:
                run = next(waiting)
                lines += [*run.removed, *run.added]
            inside = op != " "
            number += op != "+"
        return lines

    # -- the same text, cut elsewhere

    def _old(self, window: _Window, runs: list[_Run]) -> dict[int, Line]:
        """What the mail says of the hunk's lines before the patch."""
        found = {n: line for n, (line, _) in self.context.items() if n in window.old}
        for run in runs:
            found |= {run.at + i: line for i, line in enumerate(run.removed)}
        return found

    def _new(self, window: _Window, runs: list[_Run]) -> list[tuple[str, Line | None]]:
        """Hash, and line if the mail has it, of each line of the hunk after the patch."""
        new: list[tuple[str, Line | None]] = []
        gone = {run.at + i for run in runs for i in range(len(run.removed))}
        for number in range(window.first, window.end + 1):
            new += [(line_hash(line.text), line) for run in runs if run.at == number
                    for line in run.added]
            if number in window.old and number not in gone:
                own = self.context.get(number)
                new.append((window.old[number], own[0] if own else None))
        return new

    def _says_the_same(self, window: _Window, runs: list[_Run]) -> bool:
        old = self._old(window, runs)
        if any(line_hash(line.text) != window.old[n] for n, line in old.items()):
            return False
        return tuple(digest for digest, _ in self._new(window, runs)) == window.new

    def _cut_as_v8(self, window: _Window, runs: list[_Run]) -> list[Line]:
        """v8's hunk with the lines of the mail's texts before and after.

        A changed line of v8 that is context here, and not in the mail, may have its equal among
        the mail's changed lines; else only its hash is known, as of other context.
        """
        old, new = self._old(window, runs), iter(self._new(window, runs))
        equal = {line_hash(line.text): line for run in runs for line in (*run.removed, *run.added)}
        lines: list[Line] = []
        number = window.first
        for op, digest in window.facts.lines:
            line = old.get(number) if op == "-" else next(new)[1]
            if line is None:
                line = equal.get(digest) if op != " " else None
                line = line or Line(op, "", 0, digest)
            lines.append(replace(line, op=op))
            number += op != "+"
        return lines

    # -- what does not fit

    def _refuse_context(self, window: _Window) -> None:
        """Refuse the first line of context that is not v8's, and say how it came there."""
        for number in sorted(self.context.keys() & window.old.keys()):
            line, hunk = self.context[number]
            digest = line_hash(line.text)
            if digest == window.old[number]:
                continue
            adds = {d: slot.edit.id for slot in window.slots for d in slot.added}
            behind = [line_hash(one[0].text) for n, one in sorted(self.context.items())
                      if n > number and one[1] is hunk]
            blank = not line.text.strip()
            if self._is_elsewhere(window, hunk):
                wrong = ("none of its context is v8's at the lines that its header names: they "
                         "are others, or it is made for another kernel")
                _refuse_patch(self.mail, hunk, wrong)
            if digest in adds and not blank:
                wrong = (f"this line is context here, and v8 adds it ({adds[digest]}): its run of "
                         "changed lines was broken up, or lines changed places")
            elif behind[:1] == [window.old[number]] != [window.old.get(number + 1)]:
                wrong = "v8 has no such line of context here: it was put in"
            elif slot := window.slot_of(number):
                wrong = (f"v8 takes out a line of the kernel here ({slot.edit.id}), and this is "
                         "another one: it was left out, or lines changed places")
            elif number + 1 in window.old and digest == window.old[number + 1]:
                wrong = "v8 has another line of context before this one: it was taken out or moved"
            else:
                wrong = ("this line of context is not v8's: it was changed, or lines changed "
                         "places")
            refuse(self.mail.name, line.number, hunk.number, self.file.path,
                   wrong + ", and half X would run as if it had not", GIVE_V8)

    def _is_elsewhere(self, window: _Window, hunk: Hunk) -> bool:
        """Whether lines of context that say something are many here, and none is v8's."""
        own = [(line_hash(line.text), window.old[n]) for n, (line, of) in self.context.items()
               if of is hunk and n in window.old and line.text.strip()]
        return len(own) > 2 and all(a != b for a, b in own)

    def _refuse_runs(self, window: _Window, runs: list[_Run]) -> NoReturn:
        """Refuse the first run of changed lines that does not stand where v8 has one."""
        def stop(line: int, hunk: Hunk, wrong: str) -> NoReturn:
            refuse(self.mail.name, line, hunk.number, self.file.path, wrong, GIVE_V8)

        for i, slot in enumerate(window.slots):
            run = runs[i] if i < len(runs) else None
            if run is None:
                stop(runs[-1].first.number, runs[-1].hunk,
                     f"{slot.edit.id} is not in it: it has {_count(len(runs), 'run')} of changed "
                     f"lines and v8 has {len(window.slots)}")
            if run.at != slot.at:
                lines = _count(abs(run.at - slot.at), "line")
                where = f"{'above' if run.at < slot.at else 'below'} {slot.edit.id}'s place"
                stop(run.first.number, run.hunk,
                     f"these changed lines stand {lines} of the kernel {where}: lines changed "
                     "places with context, and half X would run as if they had not")
            if len(run.removed) != slot.removed:
                stop(run.first.number, run.hunk,
                     f"here it takes out {_count(len(run.removed), 'line')} of the kernel, and "
                     f"v8 ({slot.edit.id}) takes out {slot.removed}")
        run = runs[len(window.slots)]
        stop(run.first.number, run.hunk,
             f"v8 has context here: it has {_count(len(runs), 'run')} of changed lines and v8 has "
             f"{len(window.slots)}")
