# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm explore`: every world within a scope, nearest first."""

import os
from dataclasses import asdict
from pathlib import Path

import click

from ..engine import core, exploring
from ..engine import properties as sets
from ..engine.guarded import Died
from ..engine.alphabet import DEFAULT, NAMES, OTHERS
from ..engine.alphabet import ALL as ALL_OPS
from ..engine.scope import BLOCKS, KINDS, MOST, Scope
from ..engine.start import CONDITIONS
from ..errors import BadInput, HarnessError
from ..report import bits, findings
from . import interrupt, options, output, streams
from .fuzz import Session

_FEW = 10_000


@click.command(epilog="Operations: " + ", ".join(NAMES) + ".\n\nOf these there are other values than "
                      "the usual ones: " + "; ".join(f"{name}: {', '.join(others)}"
                                                     for name, others in OTHERS.items()) + ".")
@click.option("--processes", type=int, default=1, show_default=True, help="At a time.")
@click.option("--files", default="ext2", show_default=True, metavar="KINDS",
              help=f"Kinds of the files, with commas between: {', '.join(KINDS)}.")
@click.option("--pages", type=int, default=2, show_default=True,
              help="Memory to allocate from, in pages.")
@click.option("--vmas", type=int, default=2, show_default=True,
              help="A world with more is outside of the scope.")
@click.option("--file-pages", type=int, default=1, show_default=True,
              help="Of each file.")
@click.option("--places", type=int, default=0, metavar="INTEGER",
              help="Pages of a process, without its heap. Default: as many as a file has.")
@click.option("--descriptors", type=int, default=0, metavar="INTEGER",
              help="Of a process. Default: one for each file, and one more where open is tried.")
@click.option("--start", "conditions", metavar="LIST", default="",
              help="What the start is like, with commas between: " + ", ".join(CONDITIONS) + ".")
@click.option("--blocks", type=int, default=4096, show_default=True,
              help=f"Bytes of a block: {', '.join(map(str, BLOCKS))}.")
@click.option("--depth", type=int, default=MOST["depth"], help="Operations, at most.")
@click.option("--ops", metavar="LIST", default=None,
              help="Operations that are tried, with commas between, each with its usual values; "
                   "NAME:VALUE+... or NAME:all (these values as well); all (every operation with "
                   f"every value); or -NAME,... (all but these). Default: {','.join(DEFAULT)}.")
@click.option("--units", metavar="UNITS", default="all", show_default=True,
              help="Units of the patch that are on: all, none, U3,U7 or -U7.")
@click.option("--properties", "names", metavar="LIST", default="all", show_default=True,
              help="What should hold: names with commas between, all that these units are meant "
                   "for, none, or -NAME,... (all but these).")
@click.option("--halves-only", is_flag=True, help="Whether halves are equal, and nothing else.")
@click.option("--keep-going", is_flag=True,
              help="Go on after something was found; of each kind the first is told.")
@click.option("--seconds", type=options.Seconds(), default=None,
              help="Stop after so long (30, 10m, 2h). Default: no limit.")
@click.option("--state", metavar="PATH",
              help="Go on from this file if it is there, and write it at the end.")
@click.option("--jobs", type=click.IntRange(1, 256), default=None,
              help="Threads. Default: one a core.")
@click.option("--findings", "folder", metavar="DIR", default="findings", show_default=True,
              help="Where scenarios of what was found are saved.")
@options.patch_option
@options.half_option
@options.json_option
def explore(processes, files, pages, vmas, file_pages, places, descriptors, conditions, blocks, depth, ops, units, names,
            halves_only, keep_going, seconds, state, jobs, folder, patch, named, json_path) -> int:
    """Explore every world within a scope: halves against each other, and what should hold.

    What it finds is the shortest run of the scope: no fewer of the operations that are tried lead to
    it. What the scope leaves out is told. docs/explorer.md says what is looked at, and what a bound
    means.
    """
    output.check_json_path(json_path)
    output.check_path("--state", state)
    output.check_folder("--findings", folder)
    interrupt.begins(json_path, schema="pykmm.explore/1")
    mask = options.parse_units(units)
    if mask is None:
        raise BadInput("--units mixed: an exploration has one set of units: say all, none, U3,U7 "
                       "(only these) or -U7 (all but these)")
    scope = Scope(processes, tuple(files.split(",")), pages, vmas, file_pages, blocks,
                  parse_ops(ops), depth, mask, tuple(filter(None, conditions.split(","))), places,
                  descriptors)
    plan = {
        "scope": scope_facts(scope),
        "properties": 0 if halves_only else parse_properties(names, mask),
        "ends": not halves_only, "jobs": jobs or os.cpu_count() or 1, "go_on": keep_going,
        "seconds": seconds, "state": state,
    }
    patch = options.check_patch(patch)
    task = {"do": "explore", "plan": plan, "patch": patch,
            "halves": [vars(half) for half in options.parse_halves(named, patch)]}
    run = Exploring(task, Path(folder), json_path)
    run.scope = scope
    return run.run()


def scope_facts(scope: Scope) -> dict:
    """A scope as JSON has it."""
    return {name: value for name, value in asdict(scope).items() if not name.startswith("_")}


def _chosen(option: str, text: str, known: list[str]) -> list[str]:
    """Names of a list with commas; of one that begins with -, all but those."""
    if text == "all":
        return list(known)
    said = text.split(",")
    without = [name.startswith("-") for name in said]
    if any(without) and not all(without):
        raise BadInput(f"{option} {text}: either names that are meant, or names that are not, not "
                       "both")
    for name in said:
        if name.removeprefix("-") not in known:
            raise BadInput(f"{option} {text}: {name.removeprefix('-')!r} is none: there are "
                           + ", ".join(known))
    wanted = {name.removeprefix("-") for name in said}
    return [name for name in known if (name in wanted) != without[0]]


def parse_ops(text: str | None) -> tuple[str, ...]:
    """The names of --ops, and of their values; raises BadInput for one that is none."""
    if text is None:
        return DEFAULT
    said = text.split(",")
    if text == "all" or not any(name.startswith("-") for name in said):
        return ALL_OPS if text == "all" else tuple(said)
    chosen = _chosen("--ops", text, [name.partition(":")[0] for name in ALL_OPS])
    return tuple(name for name in ALL_OPS if name.partition(":")[0] in chosen)


def parse_properties(text: str, units: int) -> int:
    """The mask of --properties; of all only those that a kernel with these units is meant for."""
    if text == "none":
        return 0
    chosen = sets.mask(_chosen("--properties", text, list(core.PROPERTIES)))
    return chosen if text != "all" and not text.startswith("-") else sets.expected(chosen, units)


class Exploring(Session):
    """One exploration as the user sees it."""

    scope: Scope
    reached = -1        # depth of the level that was told last

    def _introduce(self) -> None:
        scope = self.scope
        counted = findings.counted
        self.say(f"halves {', '.join(self.halves)}; units {bits.units_text(scope.units)}; "
                 + counted(self.plan["jobs"], "thread"))
        self.say(f"{scope.words()}; {len(scope.actions()):,} operations from every world: "
                 f"{' '.join(scope.ops)}")
        self.say(f"left out: {'; '.join(scope.left_out)}")
        if not self.task["patch"]:
            self.say("no half X: there is no patch mail (give one with --patch or PYKMM_PATCH)")

    def _note(self, message: dict) -> None:
        self.seen = len(message["found"])
        if message["level"][1] == message["level"][2] and message["depth"] != self.reached:
            self.reached = message["depth"]
            self.say(self._progress(message))

    def _progress(self, message: dict) -> str:
        first, at, last = message["level"]
        part = "" if at == last else f" ({(at - first) / (last - first):.0%})"
        return (f"{message['seconds']:6.1f} s  depth {message['depth'] + 1}{part}  "
                f"{message['worlds']:,} worlds  {message['transitions']:,} transitions  "
                f"{_rate(message):,.0f}/s")

    def _report(self, result: dict) -> int:
        found = [one for one in result["found"] if self._counts(one)]
        saved = [self._save_text(one) for one in found]
        for line in self._verdict(result):
            self.say(line)
        for one, path in zip(found, saved, strict=True):
            self.say()
            self.say(f"{_what(one)}, first after {findings.counted(one['length'], 'operation')} "
                     f"({findings.counted(one['times'], 'time')})")
            for line in one["scenario"].splitlines():
                self.say(f"  {line}")
            if path:
                self.say(f"  saved; again with: {self._run_again(path)}")
        output.write_json(self.json_path, self._facts(result, found, saved), self.out)
        return output.code_of(found=found, interrupted=result["interrupted"])

    def _counts(self, found: dict) -> bool:
        return self.plan["ends"] or found["what"] == "difference"

    def _verdict(self, result: dict) -> list[str]:
        """What was covered, and what that means."""
        worlds = result["worlds"]
        # of few worlds the room for the first ones is most of it
        each = f"; {result['bytes'] / worlds:.0f} bytes a world" if worlds > _FEW else ""
        return [
            _covered(result),
            f"{findings.counted(worlds, 'world')}, "
            f"{findings.counted(result['transitions'], 'transition')} "
            f"({result['known']:,} to known worlds, {result['outside']:,} out of the scope) "
            f"{_work(result)}{each}",
            "a world was taken for another one, by its hash, with a chance below "
            f"{exploring.collision_bound(worlds, result['transitions']):.1e}",
            "this is a bound, and no proof of anything beyond this scope",
        ]

    def _save_text(self, found: dict) -> Path | None:
        path = self.folder / f"explore-{found['name'].replace(' ', '-')}.kmm"
        number = 1
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            while path.exists() and path.read_text(encoding="utf-8") != found["scenario"]:
                number += 1
                path = path.with_name(f"explore-{found['name'].replace(' ', '-')}-{number}.kmm")
            path.write_text(found["scenario"], encoding="utf-8")
        except OSError as error:
            streams.complain(f"cannot save a scenario to {path}: {error.strerror}")
            return None
        return path

    def _facts(self, result: dict, found: list[dict], saved: list[Path | None]) -> dict:
        seconds, worlds = result["seconds"], result["worlds"]
        return {
            "schema": "pykmm.explore/1",
            "scope": {**scope_facts(self.scope), "units": bits.units_text(self.scope.units)},
            "left_out": list(self.scope.left_out),
            "halves": self.halves,
            "lent": self.lent,
            "properties": sets.names(self.plan["properties"]),
            "jobs": self.plan["jobs"],
            "worlds": worlds, "transitions": result["transitions"], "known": result["known"],
            "outside": result["outside"], "depth": exploring.complete(result),
            "closed": result["state"] == "closed", "interrupted": result["interrupted"],
            "seconds": seconds,
            "transitions_before": result["before"], "transitions_per_second": _rate(result),
            "bytes_per_world": result["bytes"] / max(1, worlds),
            "collision_bound": exploring.collision_bound(worlds, result["transitions"]),
            "found": [
                {"what": one["what"], "name": one["name"],
                 "statement": core.PROPERTIES.get(one["name"]), "times": one["times"],
                 "length": one["length"], "operations": exploring.operations_of(one),
                 "scenario": one["scenario"], "saved": path and str(path)}
                for one, path in zip(found, saved, strict=True)],
        }

    def _report_death(self, died: Died) -> int:
        if self.interrupted:
            streams.complain("stopped before it could be told what was covered")
            interrupt.leave()
            return output.code_of(found=self.seen, interrupted=True)
        said = f"a half {died.how} while exploring depth {self.reached + 2}"
        if not (self.task["halves"] or self.task["patch"]):
            raise HarnessError(said)
        streams.complain(said)
        return output.FOUND


def _rate(result: dict) -> float:
    """Transitions of this run a second: those that a file brought took none of its time."""
    return (result["transitions"] - result["before"]) / max(result["seconds"], 1e-9)


def _work(result: dict) -> str:
    """How long this run took, for how much."""
    here = result["transitions"] - result["before"]
    if not here and result["before"]:
        return "by earlier runs; this one had nothing left to do"
    part = f", {here:,} of them by this run" if result["before"] else ""
    return f"in {result['seconds']:.1f} s ({_rate(result):,.0f}/s{part})"


def _what(found: dict) -> str:
    if found["what"] == "property":
        return f"{found['name']} breaks: {core.PROPERTIES[found['name']]}"
    return f"C and {found['name']} differ" if found["what"] == "difference" else \
        f"a run ends as {found['name']}"


def _covered(result: dict) -> str:
    depth = exploring.complete(result)
    if result["state"] == "closed":
        return f"closed: every world of this scope, the farthest after {result['depth']} operations"
    if result["state"] == "depth":
        return f"every world within {depth} operations"
    why = "something was found" if result["state"] == "found" else "it was stopped"
    return f"every world within {depth} operations, and some of those one further, when {why}"
