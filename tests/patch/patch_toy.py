# SPDX-License-Identifier: GPL-2.0-only
"""A toy: a patch of two files with every form of region, and a half that carries it.

Its functions compute nothing of sense; they note where they run, so that a
test can ask which lines of which file ran under which units.
"""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

from pykmm.patch import edits, table
from pykmm.patch.edits import Verdict, judge
from pykmm.patch.mail import Mail, read_mail
from pykmm.patch.table import Table

_MAIL = """\
From: somebody
Subject: toy

A patch for tests.
---
 2 files changed

Index: toy/include/linux/toy.h
===================================================================
--- toy.orig/include/linux/toy.h\t2006-06-12 07:01:34.000000000 +0200
+++ toy/include/linux/toy.h\t2006-06-12 13:09:55.000000000 +0200
@@ -3 +3 @@ int nothing(void);
{blank}
 #define TOY 1
+static inline int is_toy(int a)
+{
+\treturn a == TOY;
+}
{blank}
Index: toy/mm/toy.c
===================================================================
--- toy.orig/mm/toy.c\t2006-06-12 07:01:34.000000000 +0200
+++ toy/mm/toy.c\t2006-06-12 13:09:55.000000000 +0200
@@ -2 +2 @@
 #include "machine/machine.h"
+#include <linux/toy.h>
{blank}
@@ -10 +11 @@ int toy_fault(int a, int b)
 {
-\tint ret = 0;
+\tint reuse = 0, ret = 0;
+\tint dirty = 0;
{blank}
 \tNOTE(1);
-\tif (a > 1) {
-\t\tint reuse = b;
-\t\tif (reuse) {
+\tif (is_toy(a)) {
+\t\treuse = dirty = 1;
+\t} else if (a > 1) {
+\t\treuse = b;
 \t\tNOTE(2);
-\t\t\tret = 2;
-\t\t}
+\t}
+\tif (reuse) {
+\t\tret = NOTE(3) + 3;
 \t}
 \treturn_here:
@@ -30 +34 @@ out:
 \tNOTE(4);
+\tif (dirty)
+\t\tNOTE(5);
 \treturn ret;
@@ -40 +46 @@ int toy_quiet(int a)
 {
-\treturn a + (int)sizeof(char[10]);
+\treturn a + NOTE(6) + 20;
 }
@@ -50 +56 @@ int toy_quiet(int a)
{blank}
+static int toy_clean_one(int a)
+{
+\tNOTE(7);
+\treturn a;
+}
+
+int toy_clean(int a) { return toy_clean_one(a); }
 /* the end */
@@ -60 +73 @@ void toy_void(int *value)
 {
-\t*value = 1;
 }
"""


def _counted(text: str) -> str:
    """The text with the counts of each hunk put into its header."""
    lines = text.replace("{blank}", " ").split("\n")
    for at, line in enumerate(lines):
        if match := re.match(r"@@ -(\d+) \+(\d+) @@(.*)", line):
            rest = itertools.takewhile(lambda s: s[:1] in (" ", "+", "-"), lines[at + 1 :])
            ops = [s[0] for s in rest if not s.startswith("---")]
            old, new = len(ops) - ops.count("+"), len(ops) - ops.count("-")
            lines[at] = f"@@ -{match[1]},{old} +{match[2]},{new} @@{match[3]}"
    return "\n".join(lines)


MAIL = _counted(_MAIL)

# Function, unit and note of each edit.
PLACES = {
    "E01": ("is_toy", "", ""),
    "E02": ("", "", ""),
    "E03": ("toy_fault", "U1", ""),
    "E04": ("toy_fault", "U1", ""),
    "E05": ("toy_fault", "U1", ""),
    "E06": ("toy_fault", "U1", ""),
    "E07": ("toy_quiet", "", ""),
    "E08": ("toy_clean_one, toy_clean", "", ""),
    "E09": ("toy_void", "U2", ""),
}

MACHINE = """\
#ifndef TOY_MACHINE_H
#define TOY_MACHINE_H
enum { KMM_FILE_TOY = 1, KMM_FILE_MAIL = 2 };
#define KMM_U1 0x01
#define KMM_U2 0x02
#define KMM_UX 0x80
extern int kmm_units;
int kmm_note(int id, int file, int line);
#define unit(mask) (kmm_units & (mask))
#define NOTE(id) kmm_note(id, KMM_FILE, __LINE__)
#define SHOWN __attribute__((visibility("default")))
#endif
"""

CORE = """\
int kmm_units;
int kmm_notes[100][3];
int kmm_noted;
int kmm_note(int id, int file, int line)
{
	int *n = kmm_notes[kmm_noted++];
	n[0] = id; n[1] = file; n[2] = line;
	return 0;
}
"""

HEADER = """\
#ifndef LINUX_TOY_H
#define LINUX_TOY_H
#define TOY 1
/* E01 { */
static inline int is_toy(int a)
{
	return a == TOY;
}
/* } E01 */
#endif
"""

SOURCE = """\
// SPDX-License-Identifier: GPL-2.0-only
#include "machine/machine.h"
/* E02 { */
#include <linux/toy.h>
/* } E02 */

#define KMM_FILE KMM_FILE_TOY

/* What the fault does is of no use. */
SHOWN int toy_fault(int a,	/* a comment, with a ) in it */
		int b)
{
	/* E03-E05 { */
	int reuse = 0, ret = 0;
	int dirty = 0;

	NOTE(1);
	if (unit(KMM_U1) && is_toy(a)) {
		reuse = dirty = 1;
	} else if (a > 1) {
		reuse = b;
		NOTE(2);
	}
	if (reuse) {
		ret = unit(KMM_U1) ? NOTE(3) + 3 : 2;
	/* } E03-E05 */
	}
	NOTE(4);
	/* E06 { */
	if (dirty)
		NOTE(5);
	/* } E06 */
	return ret;
}

static int
toy_quiet(int a)
{
	NOTE(8);
	/* E07 { */
	return a + NOTE(6) + 20;
	/* } E07 */
}

/* E08 { */
static int toy_clean_one(int a)
{
	NOTE(7);
	return a;
}

int toy_clean(int a) { return toy_clean_one(a); }
/* } E08 */

SHOWN void toy_void(int *value)
{
	/* E09 { */
	if (!unit(KMM_U2))
		*value = 1;
	/* } E09 */
}

SHOWN int toy_call(int a, int b)
{
	NOTE(9);
	return b ? toy_quiet(a) : toy_clean(a);
}
"""

HALF = """\
__attribute__((visibility("default"))) int toy_name(int at)
{
	return KMM_HALF_NAME[at];
}
"""


class Toy:
    """The toy on disk; `cref` and `lib` stand in the place of the project's folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cref = folder / "cref"
        self.lib = folder / "lib"
        self.put("toy.mail", MAIL)
        self.put("cref/CFLAGS", "-std=gnu11 -O1 -g -fvisibility=hidden\n")
        self.put("cref/half.c", HALF)
        self.put("cref/machine/machine.h", MACHINE)
        self.put("cref/machine/enter.c", "/* nothing to enter */\n")
        self.put("cref/include/linux/toy.h", HEADER)
        self.put("cref/mm/toy.c", SOURCE)

    def put(self, name: str, text: str) -> Path:
        """Write one file below the toy's folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @property
    def path(self) -> Path:
        return self.folder / "toy.mail"

    @property
    def table(self) -> Table:
        """The figures of the toy patch as it should be."""
        pristine = self.put("pristine.mail", MAIL)
        return table.parse(edits.generate(read_mail(pristine, Table((), ())), PLACES))

    def read(self) -> tuple[Mail, Verdict]:
        mail = read_mail(self.path, self.table)
        return mail, judge(mail, self.table)

    def change(self, name: str, old: str, new: str) -> None:
        """Replace what stands exactly once in a file."""
        text = (self.folder / name).read_text()
        assert text.count(old) == 1, old
        self.put(name, text.replace(old, new))

    def line(self, start: str) -> int:
        """Number of the only line of the mail that begins so."""
        found = [
            n for n, s in enumerate(self.path.read_text().split("\n"), 1) if s.startswith(start)
        ]
        assert len(found) == 1, (start, found)
        return found[0]

    def build_core(self) -> None:
        self.lib.mkdir(exist_ok=True)
        source = self.put("core.c", CORE)
        subprocess.run(
            ["cc", "-fPIC", "-shared", str(source), "-o", str(self.lib / "libkmm.so")], check=True
        )


# Runs in a process of its own: the loader knows a libkmm.so by that name alone.
_RUN = """
import ctypes, json, sys
core_path, half_path, units, function, arguments = json.loads(sys.argv[1])
core = ctypes.CDLL(core_path, ctypes.RTLD_GLOBAL)
half = ctypes.CDLL(half_path)
ctypes.c_int.in_dll(core, "kmm_units").value = units
pointers = [ctypes.c_int(a[0]) for a in arguments if isinstance(a, list)]
given = [ctypes.byref(pointers[0]) if isinstance(a, list) else a for a in arguments]
value = getattr(half, function)(*given)
noted = ctypes.c_int.in_dll(core, "kmm_noted").value
notes = (ctypes.c_int * 3 * 100).in_dll(core, "kmm_notes")
value = pointers[0].value if pointers else value
print(json.dumps([value, [list(notes[i]) for i in range(noted)]]))
"""


class LoadedToy:
    """A built half of the toy, and what it noted."""

    def __init__(self, toy: Toy, path: Path) -> None:
        self.core = str(toy.lib / "libkmm.so")
        self.half = str(path)

    def run(
        self, units: int, function: str, *arguments: int | list[int]
    ) -> tuple[int, list[tuple[int, int, int]]]:
        """What the function returned, and (id, file, line) of each note.

        An argument [n] is a pointer to n; then what n became is given instead.
        """
        task = json.dumps([self.core, self.half, units, function, arguments])
        done = subprocess.run(
            [sys.executable, "-c", _RUN, task], check=True, capture_output=True, text=True
        )
        value, notes = json.loads(done.stdout)
        return value, [(n[0], n[1], n[2]) for n in notes]
