# SPDX-License-Identifier: GPL-2.0-only
"""Build the half X: the text of `regions`, compiled to a shared library and cached.

The lines of a mail are foreign code.  They are only compiled here, in a
child with limits on time, memory and file size; loading the result is for a
process that may die.
"""

import atexit
import contextlib
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pykmm import paths
from pykmm.errors import BadInput, HarnessError, Lacking, PykmmError
from pykmm.patch.edits import Verdict, judge
from pykmm.patch.mail import Mail, clipped, read_mail
from pykmm.patch.regions import carried, render
from pykmm.patch.transport import shown

SECONDS = 60  # for the whole of one compiler run; it takes one or two
MEMORY = 1 << 20  # KiB of address space for each process of the compiler
FILE_SIZE = 1 << 18  # blocks of 512 bytes, for each file it writes
_OUTPUT = 1 << 20  # bytes of the compiler's messages that are kept

_LIMITED = f'ulimit -v {MEMORY} 2>/dev/null; ulimit -f {FILE_SIZE} 2>/dev/null; exec "$@"'
_ERROR = re.compile(r"^(.*?):(\d+):(?:\d+:)? (?:fatal )?error: (.*)$", re.MULTILINE)
_MEND = "the half X is made of the mail's own lines: mend this one, or give the mail of v8"


class DoesNotCompile(BadInput):
    """The mail's lines do not compile.

    detail : str   all that the compiler printed
    """

    def __init__(self, message: str, detail: str) -> None:
        super().__init__(message)
        self.detail = detail


class DoesNotBuild(HarnessError):
    """v8 itself does not compile, which is our fault.

    detail : str   all that the compiler printed
    """

    def __init__(self, message: str, detail: str) -> None:
        super().__init__(message)
        self.detail = detail


@dataclass(frozen=True)
class BuiltX:
    """A half X that can be loaded.

    path         the shared library
    carried      edits whose lines it holds; not_carried: those whose hunk has no region in C yet
    command      how it was compiled, or would be compiled again
    note         "" or one line on where it was put and why
    """

    path: Path
    verdict: Verdict
    carried: tuple[str, ...]
    not_carried: tuple[str, ...]
    command: tuple[str, ...]
    note: str


def build_x(mail_path: str | os.PathLike[str], *, cache: Path | None = None) -> BuiltX:
    """Build the half X of a mail, or find it in the cache.

    cache  folder that holds `x/`; that of the user unless given
    raises BadInput      the mail is refused; DoesNotCompile if its lines are
           Lacking       no compiler, no core library, or the compiler gave up
           HarnessError  the C half itself is at fault: a marker; DoesNotBuild if v8 is refused
    """
    mail = read_mail(mail_path)
    return build_of(mail, judge(mail), cache=cache)


def build_of(mail: Mail, verdict: Verdict, *, cache: Path | None = None) -> BuiltX:
    """The same of a mail that was read, with the edits of this verdict.

    verdict  of this mail, or one whose edits are not all as it has them
    """
    cref = paths.cref().resolve()
    texts = render(mail, verdict, cref)
    has, has_not = carried(verdict, cref)
    compiler = _compiler()
    core = _core_library()
    key = _key(texts, cref, compiler, core)

    folder, note = _cache_folder(paths.cache() if cache is None else cache)
    home = folder / key
    library = home / "x.so"
    if not library.is_file():
        _build(home, texts, cref, compiler, core, mail, verdict)
    command = _command(compiler, home / "gen", cref, texts, core.parent, library)
    return BuiltX(library, verdict, tuple(has), tuple(has_not), tuple(command), note)


# -- what it is built with


def _compiler() -> list[str]:
    """The words of $CC, else cc, else gcc."""
    try:
        wanted = shlex.split(os.environ.get("CC", ""))
    except ValueError as error:
        raise Lacking(f"CC={os.environ['CC']}: {error}; set CC to a C compiler") from error
    if wanted:
        if shutil.which(wanted[0]) is None:
            raise Lacking(f"CC names {wanted[0]}, which is not there; set CC to a C compiler")
        return wanted
    for name in ("cc", "gcc"):
        if shutil.which(name):
            return [name]
    raise Lacking("the half X needs a C compiler, and there is neither cc nor gcc; install gcc")


def _compiler_version(compiler: list[str]) -> str:
    try:
        done = subprocess.run(
            [*compiler, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Lacking(f"{compiler[0]} does not run: {error}; set CC to a C compiler") from error
    return done.stdout.decode("utf-8", "replace").partition("\n")[0]


def _core_library() -> Path:
    core = paths.lib().resolve() / "libkmm.so"
    if not core.is_file():
        raise Lacking(f"{core} is not there, and the half X stands on it; build pykmm first")
    return core


def _sources(cref: Path) -> list[str]:
    """The sources of a half that is plain C, below cref."""
    kernel = sorted(
        p.relative_to(cref).as_posix() for d in ("mm", "fs") for p in cref.glob(f"{d}/*.c")
    )
    return ["half.c", "machine/enter.c", *kernel]


def _command(
    compiler: list[str], gen: Path, cref: Path, texts: dict[str, str], lib: Path, output: Path
) -> list[str]:
    return [
        *compiler, "-fPIC", "-shared", *paths.c_flags(), "-w", '-DKMM_HALF_NAME="X"',
        f"-I{gen}/include", f"-I{gen}", f"-I{cref}/include", f"-I{cref}",
        *(str((gen if path in texts else cref) / path) for path in _sources(cref)),
        "-o", str(output), f"-L{lib}", "-lkmm", f"-Wl,-rpath,{lib}", "-Wl,-z,defs",
    ]  # fmt: skip


def _key(texts: dict[str, str], cref: Path, compiler: list[str], core: Path) -> str:
    """One hash of everything that goes into the library."""
    parts = [(path, _bytes(text)) for path, text in sorted(texts.items())]
    parts += [
        (p.relative_to(cref).as_posix(), p.read_bytes())
        for p in sorted(cref.rglob("*"))
        if p.is_file()
    ]
    command = _command(compiler, Path("gen"), cref, texts, core.parent, Path("x.so"))
    parts += [("command", _bytes("\0".join(command)))]
    parts += [("compiler", _bytes(_compiler_version(compiler)))]
    parts += [("libkmm.so", core.read_bytes())]
    whole = hashlib.sha256()
    for name, data in parts:
        whole.update(f"{name}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
        whole.update(data)
    return whole.hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


# -- where it is built


def _cache_folder(cache: Path) -> tuple[Path, str]:
    """The folder `x` of the cache, or a temporary one and a line that says so."""
    folder = cache / "x"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder, ""
    except OSError as error:
        temporary = Path(tempfile.mkdtemp(prefix="pykmm-x-"))
        atexit.register(_remove, temporary, os.getpid())
        why = error.strerror or str(error)
        return temporary, f"{shown(folder)} cannot be written ({why}): X is built anew each time"


def _remove(folder: Path, owner: int) -> None:
    """Remove a temporary folder, in the process that made it and in none of its children."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def _build(
    home: Path, texts: dict[str, str], cref: Path, compiler: list[str], core: Path,
    mail: Mail, verdict: Verdict,
) -> None:  # fmt: skip
    """Compile in a folder of our own, then give it its name: another run may be doing the same."""
    try:
        with tempfile.TemporaryDirectory(prefix=".building-", dir=home.parent) as name:
            folder = Path(name) / "x"
            for path, text in texts.items():
                target = folder / "gen" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(_bytes(text))
            command = _command(compiler, folder / "gen", cref, texts, core.parent, folder / "x.so")
            code, output = _run(command, folder / "output", verdict, mail)
            if code or not (folder / "x.so").is_file():
                _refuse(mail, verdict, compiler, output)
            with contextlib.suppress(FileNotFoundError):
                (folder / "output").unlink()
            _move(folder, home)
    except OSError as error:
        why = error.strerror or str(error)
        raise Lacking(f"{shown(home.parent)}: the half X cannot be built there: {why}") from error


def _move(folder: Path, home: Path) -> None:
    try:
        os.rename(folder, home)
    except OSError:
        # The same was built meanwhile, or a library was removed from its folder.
        home.mkdir(exist_ok=True)
        os.replace(folder / "x.so", home / "x.so")


def _run(command: list[str], log: Path, verdict: Verdict, mail: Mail) -> tuple[int, str]:
    """Exit code and messages of the compiler, which is stopped when it takes too long."""
    environment = {**os.environ, "LC_ALL": "C"}
    with log.open("wb+") as output:
        child = subprocess.Popen(
            ["/bin/sh", "-c", _LIMITED, "sh", *command],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env=environment, start_new_session=True,
        )  # fmt: skip
        try:
            code = child.wait(SECONDS)
        except subprocess.TimeoutExpired as error:
            wrong = f"{command[0]} took longer than {SECONDS} s"
            if verdict.kind == "v8":
                raise Lacking(f"{wrong} for the half X; try again on a machine at rest") from error
            first = verdict.altered[0]
            raise DoesNotCompile(f"{mail.name}:{first.lines[0]}: {wrong}; {_MEND}", "") from error
        finally:
            # The driver's own children outlive it when it is stopped.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        output.seek(0)
        return code, output.read(_OUTPUT).decode("utf-8", "replace")


# -- what went wrong


def _refuse(mail: Mail, verdict: Verdict, compiler: list[str], output: str) -> NoReturn:
    """Say in one line where the compiler stopped, and whose fault it is."""
    errors = [(m[1], int(m[2]), m[3]) for m in _ERROR.finditer(output)]
    if verdict.kind == "v8":
        _refuse_v8(mail, compiler, output)
    in_mail = [(line, text) for name, line, text in errors if name == mail.name]
    # The linker, and errors in a header that the mail includes, name the line in passing.
    mentioned = re.search(rf"{re.escape(mail.name)}:(\d+)\b[^:\n]*:? ?(.*)", output)
    if in_mail:
        line, text = in_mail[0]
    elif mentioned:
        line, text = int(mentioned[1]), mentioned[2] or (errors[0][2] if errors else "")
    else:
        line = verdict.altered[0].lines[0]
        text = "the compiler failed and named no line of the mail"
        text += ", but {}:{}: {}".format(*errors[0]) if errors else ""
    raise DoesNotCompile(f"{mail.name}:{line}: {clipped(text.strip(), 200)}; {_MEND}", output)


def _refuse_v8(mail: Mail, compiler: list[str], output: str) -> NoReturn:
    """Nothing is wrong with the mail: either our C is, or the compiler itself."""
    ours = [s for s in output.splitlines() if str(paths.cref()) in s or mail.name in s]
    errors = [s for s in ours if _ERROR.match(s) or "undefined" in s]
    if ours:
        raise DoesNotBuild(
            f"the half X of v8 does not compile: {(errors + ours)[0]}; "
            f"to see it again: python -m pykmm.patch.half_x {shlex.quote(mail.name)}",
            output,
        )
    said = next(iter(output.strip().splitlines()), "it printed nothing")
    raise Lacking(f"{compiler[0]} fails: {said}; set CC to a C compiler that works")


def main(argv: list[str]) -> int:
    """Build the half X of one mail and print where it is, or all that the compiler said."""
    if len(argv) != 1:
        print("usage: python -m pykmm.patch.half_x MAIL", file=sys.stderr)
        return 2
    try:
        built = build_x(argv[0])
    except PykmmError as error:
        if isinstance(error, (DoesNotCompile, DoesNotBuild)):
            print(error.detail, file=sys.stderr)
        print(error, file=sys.stderr)
        return error.exit_code
    print(shlex.join(built.command), built.path, *filter(None, [built.note]), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
