# SPDX-License-Identifier: GPL-2.0-only
"""A scenario run by every half, for every variant of units: what each line did, and what failed.

What comes out is plain data, as it crosses from the process that runs halves to
the one that prints.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..engine import core, finding
from ..errors import BadInput
from ..report import world as rendering
from . import build, calls, drawn, expectations, fields, operations, results
from .block import Block, Moment, Ran
from .expectations import Asked
from .facts import Missing, View
from .model import (
    Act,
    BuffersLine,
    Call,
    CaseLine,
    Choice,
    Clock,
    Expect,
    Fail,
    FileLine,
    Hold,
    Limit,
    Line,
    PageLine,
    Pause,
    PteLine,
    Scenario,
    Set,
    Spare,
    Units,
    Value,
    VmaLine,
    Wanted,
    units_text,
)
from .outcome import differs, ended
from .parse import complain
from .words import (
    FDS,
    Descriptor,
    Place,
    Unmeant,
    integer,
    place_of_address,
)

_SILENT = (Units, FileLine, CaseLine, Choice, Spare)


@dataclass(frozen=True)
class Halves:
    """Who runs: halves, the first of which is half C; and the mail of half X, if there is one.

    before : function   told the name of each half before it runs
    """

    halves: list[core.Half]
    mail: finding.MailLines = field(default_factory=finding.MailLines)
    before: Callable[[str], None] = lambda name: None


Step = Callable[[core.Half, bytes], Ran]


class _Stop(Exception):
    """Nothing more can be done in this variant."""


class Variant:
    """One run of a story or a sequence with one set of units."""

    def __init__(self, scenario: Scenario, mask: int, halves: Halves, *, detail: bool):
        self.scenario, self.halves, self.detail = scenario, halves, detail
        self.mask = mask
        self.file_lines = [line.statement for line in scenario.said
                           if isinstance(line.statement, FileLine)]
        self.files = [file.name for file in self.file_lines]
        self.results: dict[str, int] = {}
        self.release: list[tuple[str, str]] = []
        self.entries: list[dict] = []
        self.ended: str | None = None
        self.case = drawn.case_of(scenario) if scenario.case else None
        self.operation = 0          # of a sequence: the next one
        self.block = self._start()
        self.block.use(halves.halves[0])
        self.world = self._text()
        self.moment = Moment(self.block.where, self.block.image, self.block.image)

    def _start(self) -> Block:
        if self.case is None:
            return build.start(self.file_lines, self.mask)
        block = Block(b"")
        block.runner.build(self.case)
        block.runner.forget_trace()
        block.image = block.runner.image()
        return block

    def _hidden(self) -> range:
        return range(len(self.files), build.FILES)

    def _text(self) -> list[str]:
        return rendering.text(self.block.where, self.block.image, self._hidden())

    # What names stand for (words.Now).

    def place(self, name: str) -> int:
        if name not in self.results:
            raise Unmeant(f"{name} has no value here")
        found = place_of_address(self.results[name])
        if found is None:
            raise Unmeant(f"{name} is {self.results[name]:#x}, which is no page of a process here")
        return found

    def file(self, name: str) -> int:
        return self.files.index(name)

    def page(self, text: str) -> int:
        """The page at f[0] or p0[a]."""
        name, _, inside = text.rstrip("]").partition("[")
        words = self.block.words()
        if name in self.files:
            mapping, index = f"mapping[{self.file(name)}]", int(inside)
            # a scenario may have set any number
            for i in range(max(0, min(words[f"{mapping}.page_tree.nr"], words.slots))):
                if words[f"{mapping}.slot[{i}].index_and_tags"] >> 2 == index:
                    found = words.number("page", f"{mapping}.slot[{i}].page")
                    if found is not None:
                        return found
            raise Missing(f"{text} is not in memory")
        place = self.place_of(Value(inside, "sum" if "+" in inside else
                                    "number" if inside.isdigit() else "word"))
        word = rendering.pte_word(words, int(name[1]), build.address_of_place(place))
        page = rendering.pte_text(word, words.pages)
        if not page.startswith("page "):
            raise Missing(f"{text} is no page: {page}")
        return int(page.split()[1])

    def page_of(self, value: Value) -> int:
        return integer(value.text) if value.kind == "number" else self.page(value.text)

    def place_of(self, value: Value) -> int:
        return Place().number(value, self, 0)

    def free_descriptor(self, process: int) -> int:
        words = self.block.words()
        return next((fd for fd in range(FDS) if not words[f"task[{process}].fd[{fd}]"]), 0)

    def descriptor(self, name: str, process: int) -> int:
        found = self._open_descriptor(name, process)
        if found is None:
            raise Unmeant(f"p{process} has not opened {name}, and cannot at a pause")
        return found

    def _open_descriptor(self, name: str, process: int) -> int | None:
        words = self.block.words()
        for fd in range(FDS):
            file = words.number("file", f"task[{process}].fd[{fd}]")
            if file is not None and words.number("mapping", f"file[{file}].f_mapping") == \
                    self.file(name):
                return fd
        return None if words[f"mm[{process}].mm_users"] else 0

    # Statements.

    def run(self) -> dict:
        """Every line in turn."""
        for line in self.scenario.said:
            if isinstance(line.statement, _SILENT):
                continue
            try:
                self._line(line)
            except Unmeant as error:
                column = error.column or getattr(line.statement, "column", 1)
                complain(self.scenario.name, line.number, column, str(error))
            except (LookupError, ValueError) as error:
                if not any(isinstance(one.statement, Set) for one in self.scenario.said):
                    raise
                complain(self.scenario.name, line.number, 1, "the fields that were set make a "
                         f"world that cannot be looked at: {error}")
            except Missing as missing:
                self._add(line, "operation", ok=False, found=str(missing), expected="it is there")
                break
            except _Stop:
                break
        return {"units": units_text(self.mask), "world": self.world, "entries": self.entries,
                "ok": all(entry["ok"] is not False for entry in self.entries)}

    def _add(self, line: Line, kind: str, **what: object) -> dict:
        entry = {"line": line.number, "kind": kind, "text": str(line.statement), "ok": None,
                 "found": "", "expected": "", **what}
        self.entries.append(entry)
        return entry

    def _line(self, line: Line) -> None:
        statement = line.statement
        if isinstance(statement, Expect):
            self._expect(line, statement)
            return
        self._let_go()
        if isinstance(statement, Act):
            self._act(line, statement)
        elif isinstance(statement, Call):
            self._call(line, statement)
        elif self.case is None:
            self._world(line)

    def _let_go(self) -> None:
        if self.release and self.ended is None:
            calls.let_go(self.block, self.release)
        self.release = []

    def _world(self, line: Line) -> None:
        """A statement that says what there is."""
        before, statement = self.block.image, line.statement
        if isinstance(statement, Limit):
            build.set_limits(self.block, statement.options)
        elif isinstance(statement, Clock):
            self.block.write("world.clock_stands", 1)
        elif isinstance(statement, Fail):
            self._fail(statement)
        elif isinstance(statement, Pause):
            self._pause(statement)
        elif isinstance(statement, PageLine):
            build.set_page(self.block, integer(statement.number), statement.facts, self)
        elif isinstance(statement, VmaLine):
            self._vma(statement)
        elif isinstance(statement, PteLine):
            build.set_pte(self.block, int(statement.process[1]), self.place_of(statement.place),
                          list(statement.facts[0].words))
        elif isinstance(statement, BuffersLine):
            build.set_buffers(self.block, self.page_of(statement.page), statement.buffers)
        elif isinstance(statement, Hold):
            build.hold(self.block, fields.lock_of(statement.path, self.files), statement.write)
        elif isinstance(statement, Set):
            self.block.write(fields.path_of(statement.path, self.files),
                             integer(statement.value))
        self._add(line, "world", difference=self._difference(before))
        self.moment = Moment(self.block.where, before, self.block.image)

    def _pause(self, pause: Pause) -> None:
        said = {option.name: integer(option.value.text) for option in pause.options}
        act, at = pause.act, integer(pause.at)
        process = int(act.actor[1]) if act.actor else 0
        build.set_pause(self.block, at, (
            operations.kind_number(act.operation), process, operations.numbers(act, self)),
            said.get("every", 1), said.get("more", 0))

    def _fail(self, fail: Fail) -> None:
        left = self.block.read("world.fail_in")
        if left:
            raise Unmeant(f"allocation {left} from here is still to fail: only one can",
                          fail.column)
        self.block.write("world.fail_in", integer(fail.allocation))

    def _vma(self, line: VmaLine) -> None:
        process, file = int(line.process[1]), None
        build.add_process(self.block, process)
        if line.vma.words[0] in self.files:
            name = line.vma.words[0]
            fd = self._open_descriptor(name, process)
            if fd is None:
                fd = self.free_descriptor(process)
                mode = build.mode_of_file(self.file_lines[self.file(name)])
                with self.block.quiet():
                    ran = self.block.operate(self.halves.halves[0], self.block.image, "open",
                                             process, (fd, self.file(name), mode))
                    self.block.image = ran.image
            file = self.block.words().number("file", f"task[{process}].fd[{fd}]")
        build.set_vma(self.block, integer(line.number), process, line.vma, file, self)

    def _difference(self, before: bytes) -> list[str]:
        if not self.detail:
            return []
        return rendering.difference(self.block.where, before, self.block.image,
                                    (self._hidden(), self._hidden()))

    def _check_running(self, line: Line) -> None:
        if self.ended is not None:
            self._add(line, "operation", ok=False, found=self.ended,
                      expected="a world that goes on")
            raise _Stop

    def _act(self, line: Line, act: Act) -> None:
        self._check_running(line)
        actor = int(act.actor[1]) if act.actor else 0
        if self.case is None:
            self._open_files(line, act, actor)
            steps = self._operations(act, actor)
        else:
            steps = [core.operations_of(self.case)[self.operation]]
            self.operation += 1
        self._do(line, [self._operation(*one) for one in steps],
            "address" if act.operation in operations.ADDRESSES else "number", act.results,
            count=len([one for one in steps if one[0] == "complete"])
            if any(operand.text == "all" for operand in act.operands) else None)
        if act.name is not None:
            if not results.is_good(self.moment):
                raise _Stop     # what is said below is about nothing
            self.results[act.name] = self.moment.value

    def _open_files(self, line: Line, act: Act, actor: int) -> None:
        """What a process has to open before it can map or write it."""
        said = operations.arguments_of(act)
        for argument in operations.ARGUMENTS[act.operation]:
            value = said.get(argument.name)
            if isinstance(argument.form, Descriptor) and value is not None and \
                    value.text in self.files and \
                    self._open_descriptor(value.text, actor) is None:
                if all(self.block.words()[f"task[{actor}].fd[{fd}]"] for fd in range(FDS)):
                    raise Unmeant(f"p{actor} has {FDS} files open, as many as it can: close one",
                                  value.column)
                file = self.file(value.text)
                arguments = (self.free_descriptor(actor), file,
                             build.mode_of_file(self.file_lines[file]))
                with self.block.quiet():
                    self._do(line, [self._operation("open", actor, arguments)], "number", (),
                             text=f"p{actor}: open {value.text}")
                if not results.is_good(self.moment):
                    raise _Stop

    def _operation(self, name: str, actor: int, arguments: tuple[int, ...]) -> Step:
        return lambda half, image: self.block.operate(half, image, name, actor, arguments)

    def _operations(self, act: Act, actor: int) -> list[tuple[str, int, tuple[int, ...]]]:
        said = operations.arguments_of(act)
        if act.operation == "complete" and said["page"].text == "all":
            words = self.block.words()
            ok = integer(said["ok"].text) if "ok" in said else 1
            return [("complete", actor, (i, ok)) for i in range(words.pages - 1)
                    if words[f"page[{i}].io"]] or [("nothing", actor, ())]
        return [(act.operation, actor, operations.numbers(act, self))]

    def _call(self, line: Line, call: Call) -> None:
        self._check_running(line)
        prepared = calls.prepare(call, self.block, self)
        self.release = prepared.release
        gives = "address" if call.function in calls.ADDRESSES else \
            "page" if call.function == "follow_page" else "number"
        self._do(line, [lambda half, image: self.block.call(
            half, image, call.function, prepared.arguments)], gives, call.results,
            kind="call")

    def _do(self, line: Line, steps: list[Step], gives: str,
            wanted: tuple[Wanted, ...], *, kind: str = "operation", text: str = "",
            count: int | None = None) -> None:
        """Let every half do it from the same state, and look at what it gave."""
        start = self.block.image
        runs = [self._run_half(half, steps, start) for half in self.halves.halves]
        events = [[event for one in done for event in self.block.events(one, half,
                                                                        self.halves.mail)]
                  for half, done in zip(self.halves.halves, runs, strict=True)
                  if self.detail or half.name in ("C", "P")]
        last = runs[0][-1]
        value = last.value if count is None or last.outcome != "returned" else count
        self.moment = Moment(self.block.where, start, last.image, last.outcome, value, events[0],
                             gives, lambda half: self._run_half(half, steps, start))
        entry = self._add(line, kind, result=results.result_text(self.moment),
                          halves=self._told(runs, events), disagreement=self._disagreement(runs,
                                                                                           events))
        if text:
            entry["text"] = text
        self.block.image = last.image
        entry["difference"] = self._difference(self.moment.before)
        self._judge(entry, wanted)
        if last.outcome != "returned":
            self.ended = f"the world ended in line {line.number}: {last.outcome}"
        if entry["disagreement"]:
            raise _Stop

    def _run_half(self, half: core.Half, steps: list[Step], image: bytes) -> list[Ran]:
        self.halves.before(half.name)
        done = []
        for step in steps:
            done.append(step(half, image))
            image = done[-1].image
            if done[-1].outcome != "returned":
                break
        return done

    def _told(self, runs: list[list[Ran]], events: list[list[dict]]) -> list[dict]:
        if not self.detail:
            return []
        return [{"name": half.name, "ended": ended(done[-1]), "events": said}
                for half, done, said in zip(self.halves.halves, runs, events, strict=True)]

    def _disagreement(self, runs: list[list[Ran]], events: list[list[dict]]) -> str:
        """How a half differs from the first one, in a sentence; "": all are the same."""
        first = self.halves.halves[0]
        for half, done in list(zip(self.halves.halves, runs, strict=True))[1:]:
            what = differs(runs[0], done, self.block.where)
            if what:
                return f"{first.name} and {half.name} differ: {what}"
        steps = [[event["step"] for event in said] for said in events[:2]]
        if len(steps) == 2 and steps[0] != steps[1] and self.halves.halves[1].name == "P":
            return f"C and P put events into other steps: {steps[0]} and {steps[1]}"
        return ""

    def _judge(self, entry: dict, wanted: tuple[Wanted, ...]) -> None:
        one = results.wanted_of(wanted, self.mask)
        if one is not None:
            so, found = results.result_holds(one.text, self.moment, self._view(), self.place_of)
            entry.update(ok=so, found=found, expected=one.text)
        elif self.case is None:
            entry.update(ok=results.is_good(self.moment), found=entry["result"],
                         expected="no error, as none is said")
        if entry["disagreement"]:
            entry["ok"] = False

    def _view(self) -> View:
        return View(self.moment.words(), self.files, self.results)

    def _expect(self, line: Line, expect: Expect) -> None:
        if expect.condition and not expect.condition.holds(self.mask):
            return
        asked = Asked(self.moment, self._view(), self.page_of, self.place_of,
                      lambda text: fields.path_of(text, self.files), self._broken)
        so, found = expectations.holds(expect.what, asked)
        self._add(line, "expect", ok=so, found=found, expected=str(expect.what))

    def _broken(self, mask: int) -> list[str]:
        return self.block.broken(self.block.image, mask)


def run(scenario: Scenario, halves: Halves, *, detail: bool = False) -> dict:
    """Run a scenario that was checked.

    detail : bool    keep the events of all halves and the differences of worlds
    returns dict     name, title, ok, variants [{units, ok, world (lines), entries [{line, kind
                     (operation, call, world, expect), text, ok (None: nothing is asked), found,
                     expected, and of operations and calls result, halves, disagreement}]}]
    raises BadInput  a line cannot be meant in the world that it comes to
    """
    _check_halves(halves)
    variants = [run_variant(scenario, mask, halves, detail=detail) for mask in scenario.masks()]
    return {"name": scenario.name, "title": scenario.title, "variants": variants,
            "ok": all(variant["ok"] for variant in variants)}


def _check_halves(halves: Halves) -> None:
    for half in halves.halves:
        missing = [name for i, name in enumerate(core.FUNCTIONS) if not half.has(i)]
        if missing:
            raise BadInput(f"half {half.name} has no {missing[0]}, and scenarios need every "
                           "function")


def run_variant(scenario: Scenario, mask: int, halves: Halves, *, detail: bool = False) -> dict:
    """One of the variants of `run`; the mask of a drawn case is its own."""
    if scenario.case and scenario.case.kind == "direct":
        from .direct import run_direct

        return run_direct(scenario, halves, detail=detail)
    return Variant(scenario, mask, halves, detail=detail).run()
