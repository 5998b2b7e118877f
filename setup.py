# SPDX-License-Identifier: GPL-2.0-only
"""Build of pykmm's compiled parts; what they are is in ARCHITECTURE.md.

    libkmm.so       the machine and the engine: one core library
    c.so            the C half, linked against it
    c-counted.so    the C half as it counts steps and branches
    *.pyx           the Cython half, the same counting, and the engine's binding
    quiet/          core library, C half and Cython half that record no events, for benchmarks

All of them are compiled with the one list of flags in cref/CFLAGS, and the core library with those of
cref/CFLAGS.core besides.
"""

import copy
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from pykmm import paths, quiet  # noqa: E402
from pykmm.source import anchors, counting  # noqa: E402

CREF = Path("cref")
COUNTED = Path("build/counted")
HEADERS = sorted(str(p) for p in [*CREF.rglob("*.h"), *CREF.rglob("*.def"), CREF / "CFLAGS",
                                  CREF / "CFLAGS.core"])
INCLUDES = ["cref/include", "cref"]
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
# what Cython itself writes is not warned about; and that a rung of the ladder is entered only with
# its variables set is seen in C, where the same rung is a label
CYTHON_WARNINGS = ["-Wno-unused-function", "-Wno-unused-variable", "-Wno-maybe-uninitialized",
                   # clang has no such warning, and would warn of that
                   "-Wno-unknown-warning-option"]
BINDING_WARNINGS = ["-Wno-sign-compare"]
NO_EVENTS = [("KMM_QUIET", "1")]


class SharedLibrary(Extension):
    """A plain shared library: no Python in it, no suffix in its name."""


def write_if_changed(path: Path, text: str) -> None:
    """Leave an unchanged file its date, or everything after it is built again."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_counting_sources() -> None:
    """Both halves once more, as text that counts (pykmm/source/counting.py)."""
    counters = counting.counters_of(CREF)
    differences: list[str] = []
    for c_path, p_path in anchors.TWINS.items():
        text = (CREF / c_path).read_text(encoding="utf-8")
        write_if_changed(COUNTED / "cref" / c_path, counting.count_c(counters, c_path, text))
        text = (ROOT / "pykmm" / p_path).read_text(encoding="utf-8")
        write_if_changed(
            COUNTED / "pykmm/counted" / p_path,
            counting.count_cython(counters, p_path, text, differences)
        )
    for p_path in ("linux/mman.pxd", "linux/page_flags.pxd", "linux/rmap.pxd", "mm/memory.pxd",
                   "mm/mmap.pxd", "mm/mprotect.pxd", "mm/page_writeback.pxd", "mm/rmap.pxd",
                   "fs/buffer.pxd", "half.pyx"):
        text = (ROOT / "pykmm" / p_path).read_text(encoding="utf-8")
        write_if_changed(COUNTED / "pykmm/counted" / p_path, counting.in_counted_package(text))
    for package in ("", "counted", "counted/fs", "counted/mm", "counted/linux"):
        write_if_changed(COUNTED / "pykmm" / package / "__init__.py", "")
    for difference in differences:
        print(f"pykmm/{difference}: not counted", file=sys.stderr)


def quiet_libraries(half_p: list[Extension]) -> list[Extension]:
    """Core library and both halves without events; Cython's C is the same, and made only once.

    half_p : extensions    the Cython half's, after cythonize
    """
    core, c = shared_libraries()[:2]
    # the module that wants a libkmm.so takes the one of this name that was loaded first
    named = ["-Wl,-soname,libkmm.so"]
    return [
        SharedLibrary(f"{quiet.PACKAGE}.libkmm", core.sources, define_macros=NO_EVENTS,
                      extra_link_args=core.extra_link_args + named),
        SharedLibrary(f"{quiet.PACKAGE}.c", c.sources, define_macros=NO_EVENTS),
        *(SharedLibrary(f"{quiet.PACKAGE}.{quiet.file_name(half.name)}", half.sources,
                        define_macros=NO_EVENTS, extra_compile_args=CYTHON_WARNINGS)
          for half in half_p),
    ]


def sources(*patterns: str, under: Path = CREF) -> list[str]:
    return sorted(str(p) for pattern in patterns for p in under.glob(pattern))


def shared_libraries() -> list[Extension]:
    kernel_files = sources("mm/*.c", "fs/*.c")
    counted_files = [str(COUNTED / f) for f in kernel_files]
    return [
        SharedLibrary("pykmm.lib.libkmm",
                      sources("machine/*.c", "engine/*.c", "engine/explore/*.c"),
                      extra_link_args=["-Wl,-z,defs", "-Wl,-Bsymbolic"]),
        SharedLibrary("pykmm.lib.c", ["cref/half.c", "cref/machine/enter.c", *kernel_files]),
        SharedLibrary("pykmm.lib.c-counted",
                      ["cref/half.c", "cref/machine/enter.c", *counted_files],
                      include_dirs=[str(COUNTED / "cref/include")]),
    ]


def cython_extensions() -> list[Extension]:
    enter = "cref/machine/enter.c"
    mirrored = [p for p in anchors.TWINS.values() if p.endswith(".pyx")]
    plain = [Extension("pykmm." + p.removesuffix(".pyx").replace("/", "."), [f"pykmm/{p}", enter])
             for p in mirrored]
    counted = [
        Extension("pykmm.counted." + p.removesuffix(".pyx").replace("/", "."),
                  [str(COUNTED / "pykmm/counted" / p), enter],
                  include_dirs=[str(COUNTED / "cref/include")])
        for p in mirrored
    ]
    return [
        *plain, *counted,
        Extension("pykmm.half", ["pykmm/half.pyx", enter]),
        Extension("pykmm.counted.half", [str(COUNTED / "pykmm/counted/half.pyx"), enter]),
        Extension("pykmm.engine.core", ["pykmm/engine/core.pyx"],
                  extra_compile_args=BINDING_WARNINGS),
        Extension("pykmm.engine.behaviours", ["pykmm/engine/behaviours.pyx"],
                  extra_compile_args=BINDING_WARNINGS),
        Extension("pykmm.engine.explorer", ["pykmm/engine/explorer.pyx"],
                  extra_compile_args=BINDING_WARNINGS),
        Extension("pykmm.engine.phases", ["pykmm/engine/phases.pyx"],
                  extra_compile_args=BINDING_WARNINGS),
        Extension("pykmm.engine.undo", ["pykmm/engine/undo.pyx"],
                  extra_compile_args=BINDING_WARNINGS),
        Extension("pykmm.engine.timing", ["pykmm/engine/timing.pyx"],
                  extra_compile_args=BINDING_WARNINGS),
    ]


def core_flags(compiler: str, flags: list[str]) -> list[str]:
    """Those of cref/CFLAGS.core.

    [] where `flags` ask for another level or a sanitizer, and where the compiler cannot do it.
    """
    if len([flag for flag in flags if flag.startswith("-O")]) != 1 or \
            any(flag.startswith("-fsanitize") for flag in flags):
        return []
    wanted = paths.c_flags("CFLAGS.core")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "one.c")
        source.write_text("int one(void) { return 1; }\n", encoding="utf-8")
        tried = subprocess.run([compiler, "-fPIC", "-shared", "-Werror", *wanted, source, "-o",
                                Path(folder, "one.so")], capture_output=True, check=False)
    return wanted if tried.returncode == 0 else []


class BuildExt(build_ext):
    """build_ext with one list of flags, plain libraries, and the core library first."""

    def run(self):
        if self.inplace or self.editable_mode:
            # nothing in git lies there
            (ROOT / "pykmm/lib/quiet").mkdir(parents=True, exist_ok=True)
        super().run()

    def get_ext_filename(self, ext_name):
        plain = {e.name.rpartition(".")[2] for e in self.extensions if isinstance(e, SharedLibrary)}
        if ext_name.rpartition(".")[2] in plain:
            return ext_name.replace(".", "/") + ".so"
        return super().get_ext_filename(ext_name)

    def build_extensions(self):
        compiler = self.compiler.compiler_so[0]
        if not shutil.which(compiler):
            sys.exit(f"pykmm needs a C compiler to be built, and {compiler!r} was not found: "
                     "install one (Debian: apt-get install gcc), or set CC")
        flags = paths.c_flags()
        # the interpreter's own flags would differ from those of the half made of the mail
        self.compiler.set_executable("compiler_so", [compiler, "-fPIC", *flags])
        core = core_flags(compiler, flags)
        for ext in self.extensions:
            self.prepare(ext)
            if ext.name.endswith("libkmm"):
                ext.extra_compile_args += core
                ext.extra_link_args = [*ext.extra_link_args, *core]
        # everything is linked against a core library: they come first, with build_ext -j too
        extensions = self.extensions
        for first in (True, False):
            self.extensions = [e for e in extensions if e.name.endswith("libkmm") is first]
            super().build_extensions()
        self.extensions = extensions

    def build_extension(self, ext):
        # enter.c is in every module and half.c in two: each has a folder for its objects, or
        # modules that are built side by side would link each other's
        own = copy.copy(self)
        own.build_temp = str(Path(self.build_temp) / ext.name)
        own.compiler = copy.copy(self.compiler)
        own.compiler.link_shared_object = self.link_aside
        super(BuildExt, own).build_extension(ext)

    def link_aside(self, objects, output_filename, *args, **options):
        """A build that is killed while it links leaves nothing that the next one takes as made."""
        part = f"{output_filename}.part"
        self.compiler.link_shared_object(objects, part, *args, **options)
        os.replace(part, output_filename)

    def prepare(self, ext):
        ext.depends = [*ext.depends, *HEADERS, "setup.py"]
        ext.include_dirs = [*ext.include_dirs, *INCLUDES]
        ext.extra_compile_args = [*WARNINGS, *ext.extra_compile_args]
        if not isinstance(ext, SharedLibrary):
            ext.extra_compile_args += CYTHON_WARNINGS
        if not ext.name.endswith("libkmm"):
            up = "/".join([".."] * (ext.name.count(".") - 1))
            lib = "lib/quiet" if ext.name.startswith(quiet.PACKAGE) else "lib"
            # extensions are linked where they are built, and copied from there
            ext.library_dirs = [str(Path(self.build_lib) / "pykmm" / lib)]
            ext.libraries = ["kmm"]
            ext.runtime_library_dirs = [f"$ORIGIN/{up}/{lib}" if up else f"$ORIGIN/{lib}"]


class BuildPy(build_py):
    """Ship cref/ inside the package, so that a half can be built from an installed wheel."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        shipped = [p for pattern in ("*.[ch]", "*.def", "*.toml") for p in CREF.rglob(pattern)]
        for path in [*shipped, CREF / "CFLAGS"]:
            target = Path(self.build_lib) / "pykmm" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)


def extensions() -> list[Extension]:
    from Cython.Build import cythonize
    from Cython.Compiler import Errors

    # Cython cannot know that write_lock_irqsave assigns to its argument; the C compiler does,
    # and refuses what is really used before it is set, in C with every warning
    Errors.LEVEL = 3
    write_counting_sources()
    cython = cythonize(
        cython_extensions(),
        build_dir="build/cython",
        include_path=[str(COUNTED), "."],
        emit_linenums=True,
        compiler_directives={"language_level": 3, "warn.maybe_uninitialized": False},
        quiet=True,
    )
    mirrored = {name.removesuffix(".pyx") for name in anchors.TWINS.values()} | {"half"}
    half_p = [e for e in cython if e.name.removeprefix("pykmm.").replace(".", "/") in mirrored]
    return [*shared_libraries(), *quiet_libraries(half_p), *cython]


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildExt, "build_py": BuildPy})
