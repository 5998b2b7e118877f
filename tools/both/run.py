# SPDX-License-Identifier: GPL-2.0-only
"""Named cases run on halves that are wrong alike.

Two halves with the same change do the same, as fuzzing holds for those without it. So one library
made of the changed C stands for both, and nothing of Cython is built: cases meet it as C and as P.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pykmm import paths
from pykmm.source import anchors

from .changes import Change, changes_of

ROOT = Path(__file__).resolve().parents[2]
# a change that keeps a half from coming back is seen, and more than the slowest cases ever take
CPU_SECONDS = 120
SEEN, SURVIVED, SAME_CODE, NO_C = "seen", "survived", "same code", "no C"


def all_changes() -> list[Change]:
    """Of all functions, in the order of the files."""
    return [change for file in anchors.TWINS
            for change in changes_of(file, (paths.cref() / file).read_text(encoding="utf-8"))]


def own_calls(function: str) -> list[str]:
    """All that it calls, situation by situation: what most changes are seen by."""
    # two are called by a third alone, and are looked at in its situations
    looked_at = "page_mkclean" if function.startswith("page_mkclean_") else function
    return ["tests/mm/test_expected_calls.py", "-k", f"{looked_at}/ or every_situation"]


def first_cases(function: str) -> list[str]:
    """Where a function's own named cases are."""
    file = next(f for f in anchors.TWINS for a in anchors.anchors_in_file(paths.cref() / f)
                if a.function == function)
    folder = "fs" if file.startswith("fs/") else "mm"
    return [f"tests/{folder}/test_{function}.py"]


# those that are named after other things, and meet a function on the way
OTHER_CASES = ["tests/pitfalls", "tests/scenarios"]


@dataclass
class Builder:
    """Libraries of the C half with one change each; what did not change is compiled once."""

    folder: Path
    objects: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        cref = paths.cref()
        for path in [*sorted(cref.glob("mm/*.c")), *sorted(cref.glob("fs/*.c")), cref / "half.c",
                     cref / "machine/enter.c"]:
            name = str(path.relative_to(cref))
            self.objects[name] = self.folder / (name.replace("/", "-") + ".o")
            done = self._compile(path, self.objects[name], cref)
            if done.returncode:
                raise SystemExit(f"{path} does not compile:\n{done.stderr}")

    @staticmethod
    def _compile(source: Path, to: Path, *includes: Path, optimized: bool = False
                 ) -> subprocess.CompletedProcess:
        # cases run what is made soonest
        level = [] if optimized else ["-O0"]
        words = ["gcc", *paths.c_flags(), "-g0", *level, "-fPIC", "-w", "-c", source, "-o", to,
                 *(f"-I{path}{below}" for path in includes for below in ("/include", "")),
                 f"-I{paths.cref()}/include", f"-I{paths.cref()}"]
        return subprocess.run([str(word) for word in words], capture_output=True, text=True,
                              check=False)

    def unchanged(self) -> Path:
        """The library without a change, in a folder of its own."""
        folder = self.folder / "unchanged"
        folder.mkdir()
        return self._link(self.objects, folder)

    @staticmethod
    def _link(objects: dict[str, Path], folder: Path) -> Path | None:
        library = folder / "c.so"
        lib = paths.lib()
        done = subprocess.run(
            ["gcc", "-shared", "-o", str(library), *map(str, objects.values()), f"-L{lib}", "-lkmm",
             f"-Wl,-rpath,{lib}"], capture_output=True, text=True, check=False)
        return None if done.returncode else library

    def is_same_code(self, change: Change, number: int) -> bool:
        """Does the optimizing compiler make the very same code of it?  Then nobody can tell it."""
        folder = self.folder / str(number)
        if change.file.endswith(".h"):
            return False
        made = []
        for source, includes in ((paths.cref() / change.file, ()),
                                 (folder / change.file, (folder,))):
            to = folder / f"optimized-{len(made)}.o"
            # the name of a source is in what is made of it
            alone = folder / "alone" / change.file
            alone.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, alone)
            if self._compile(alone, to, *includes, optimized=True).returncode:
                return False
            made.append(to.read_bytes())
        return made[0] == made[1]

    def build(self, change: Change, number: int) -> Path | None:
        """The library; None: the change is no C."""
        folder = self.folder / str(number)
        text = (paths.cref() / change.file).read_text(encoding="utf-8")
        source = folder / change.file
        source.parent.mkdir(parents=True)
        source.write_text(change.applied_to(text), encoding="utf-8")
        header = change.file.endswith(".h")
        objects = dict(self.objects)
        for name in [n for n in objects if n.startswith(("mm/", "fs/"))] if header else [
                change.file]:
            objects[name] = folder / (name.replace("/", "-") + ".o")
            from_file = paths.cref() / name if header else source
            if self._compile(from_file, objects[name], folder).returncode:
                return None
        return self._link(objects, folder)


def run_cases(library: Path, cases: list[str], log: Path) -> bool:
    """Do all of these cases hold with this library for both halves?  In a process of their own."""
    child = os.fork()
    if not child:
        code = 70
        try:
            code = _in_child(library, cases, log)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    code = os.WEXITSTATUS(status)
    if code not in (0, 1):
        raise SystemExit(f"pytest ended with {code}: see {log}")
    return code == 0


def _in_child(library: Path, cases: list[str], log: Path) -> int:
    import pytest

    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.chdir(ROOT)
    os.environ.pop("PYKMM_PATCH", None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    stand_for_both(library)
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:warnings",
                            "-p", "no:logging", "-p", "no:unraisableexception", *cases]))


class _AsC:
    name = "C"


def stand_for_both(library: Path) -> None:
    """From here on this process takes the library for half C and for half P."""
    from pykmm import half
    from pykmm.engine import finding

    # lines of events are those of C
    place = finding._place
    finding._place = lambda _, at, mail: place(_AsC, at, mail)
    paths._lib = library.parent
    # silent steps are counted by another build, which is the unchanged one
    for name in ("libkmm.so", "c-counted.so"):
        if not (library.parent / name).exists():
            (library.parent / name).symlink_to(ROOT / "pykmm/lib" / name)
    half.ADDRESS = ctypes.addressof(ctypes.c_char.in_dll(ctypes.CDLL(str(library)), "kmm_half"))


def try_changes(changes: list[Change], jobs: int, tell) -> dict[str, str]:
    """name -> SEEN, SURVIVED or NO_C; tell(change, what) as each is known."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT), str(ROOT / "tools")]
    # what every process needs, once and before they part
    import processes  # noqa: F401
    import pytest  # noqa: F401

    from pykmm import world  # noqa: F401
    from pykmm.scenario import plugin  # noqa: F401

    result: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="both-") as name:
        builder = Builder(Path(name))
        unchanged = builder.unchanged()
        # or every change would be seen
        functions = sorted({change.function for change in changes})
        for cases in (*map(own_calls, functions), *map(first_cases, functions), OTHER_CASES):
            log = builder.folder / "log"
            if not run_cases(unchanged, cases, log):
                raise SystemExit(f"{cases} do not hold without a change:\n{log.read_text()}")

        def one(numbered: tuple[int, Change]) -> None:
            number, change = numbered
            library = builder.build(change, number)
            folder = builder.folder / str(number)
            what = NO_C
            if library:
                held = all(run_cases(library, cases, folder / "log") for cases in (
                    own_calls(change.function), first_cases(change.function), OTHER_CASES))
                what = (SEEN if not held else SAME_CODE
                        if builder.is_same_code(change, number) else SURVIVED)
            result[change.name] = what
            tell(change, what)
            shutil.rmtree(folder)

        # threads wait for processes that they started
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(one, enumerate(changes)))
    return result
