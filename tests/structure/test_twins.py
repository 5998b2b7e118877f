# SPDX-License-Identifier: GPL-2.0-only
"""Both halves of a file say the same, in the same order, and Cython says it without Python."""

import re

import mirrored
import pytest

from pykmm.source import anchors

PAIRS = mirrored.pairs()
each_pair = pytest.mark.parametrize(("path", "c", "p"), PAIRS, ids=[pair[0] for pair in PAIRS])

_P_HEADER = re.compile(
    r"\A# SPDX-License-Identifier: GPL-2\.0-only\n(?:# cython: [^\n]*\n)?"
    r'"""(?P<words>.*?)"""', re.S)
_C_HEADER = re.compile(
    r"\A(?://|/\*) SPDX-License-Identifier: GPL-2\.0-only(?: \*/)?\n"
    r"/\*(?P<words>.*?)\*/", re.S)
# what may not stand in mirrored Cython: a pattern, and what it is called
_PYTHON = {
    r"^\s*(?:cp)?def ": "a function that Python can see",
    r"^\s*(?:import |from \S+ import )": "an import of Python",
    r"^\s*(?:try|except|finally)\b": "try",
    r"^\s*raise\b": "raise",
    r"\bwith (?:gil|nogil)\b": "a change of the GIL",
    r"^\s*(?:cdef )?class ": "a class",
    r"\blambda\b": "lambda",
    r"^\s*include ": "include",
    r"\bprint\(": "print",
}
_CIMPORTS = re.compile(r"^(?:from (\S+) )?cimport (\S+)", re.M)


def named_edits(words: str) -> list[str]:
    """Edits that a file's opening names: "Edits E03-E05, E07"."""
    found = []
    for first, last in re.findall(r"\bE(\d\d)(?:-E(\d\d))?", words):
        found += [f"E{n:02}" for n in range(int(first), int(last or first) + 1)]
    return found


def named_steps(words: str) -> list[str]:
    """Letters of the steps that a file's opening names."""
    found = re.search(r"\bSteps ([A-Z, \n]+)\.", words)
    return re.findall(r"[A-Z]+", found[1]) if found else []


def opening(text: str, *, cython: bool) -> str | None:
    """The words that a mirrored file opens with, or None if it opens otherwise."""
    found = (_P_HEADER if cython else _C_HEADER).match(text)
    return " ".join(found["words"].split()) if found else None


def python_in(text: str) -> list[str]:
    """What a mirrored Cython file has of Python."""
    plain = mirrored.without_cython_comments(text)
    return [what for pattern, what in _PYTHON.items() if re.search(pattern, plain, re.M)]


def foreign_cimports(text: str) -> list[str]:
    """Modules cimported that are neither the machine nor another part of the Cython half."""
    modules = [module or name for module, name in _CIMPORTS.findall(text)]
    own = re.compile(r"pykmm\.(?:machine|(?:linux|mm|fs)(?:\.\w+)?)")
    return [module for module in modules if not own.fullmatch(module)]


def bare_heads(text: str) -> list[str]:
    """Functions that are not `noexcept nogil`."""
    plain = mirrored.without_cython_comments(text)
    heads = re.findall(r"^(cdef (?!extern|enum|class|struct|union)[^\n=]*?\([^)]*\)[^:\n]*):",
                       plain, re.M)
    return [head for head in heads if not head.endswith(" noexcept nogil")]


def stray_semicolons(text: str) -> list[str]:
    """Lines with a ; that are no goto of the ladder."""
    plain = mirrored.without_cython_comments(text)
    return [line.strip() for line in plain.splitlines()
            if ";" in line and not re.fullmatch(r"at = L_\w+; continue", line.strip())]


def truth_of_pointers(text: str) -> list[str]:
    """Comparisons with None or == NULL where `is NULL` belongs."""
    plain = mirrored.without_cython_comments(text)
    return re.findall(r"[^\n]*(?:[=!]= ?NULL|\bNone\b)[^\n]*", plain)


def file_enum(text: str) -> list[str]:
    return re.findall(r"^    (L_\w+)$", mirrored.without_cython_comments(text), re.M)


# -- the halves as they are


@each_pair
def test_twins_open_with_licence_twin_edits_and_steps(path, c, p):
    c_words, p_words = opening(c, cython=False), opening(p, cython=True)
    letters = [re.match(r"[A-Z]+", a.step)[0] for a in anchors.anchors_of(c, cython=False)]

    assert c_words and c_words.startswith(f"{path} of 2.6.17.")
    assert p_words and p_words.startswith(f"Twin of cref/{path}")
    assert named_edits(c_words) == named_edits(p_words) != []
    assert named_steps(c_words) == named_steps(p_words) == list(dict.fromkeys(letters))


@each_pair
def test_twins_steps_lie_in_functions(path, c, p):
    for text, functions, cython in ((c, mirrored.c_functions(c), False),
                                    (p, mirrored.cython_functions(p), True)):
        assert functions
        for a in anchors.anchors_of(text, cython=cython):
            assert [f.name for f in functions if f.line <= a.line <= f.last] == [a.function]


@each_pair
def test_twins_ladder_is_annotated_with_the_labels_of_c(path, c, p):
    labels = [label for function in mirrored.c_functions(c)
              for label in mirrored.c_labels(function)]

    assert mirrored.ladder_faults(p) == []
    if labels:
        assert file_enum(p) == ["L_top", *dict.fromkeys(f"L_{name}" for name in labels)]


@each_pair
def test_twins_cython_is_free_of_python(path, c, p):
    assert python_in(p) == []
    assert foreign_cimports(p) == []
    assert bare_heads(p) == []
    assert stray_semicolons(p) == []
    assert truth_of_pointers(p) == []


@each_pair
def test_twins_cython_declares_nothing_of_c_by_itself(path, c, p):
    """cref/mm is out of reach: what a mirrored file declares extern is its own file constant."""
    constant = path.rpartition(".")[0].replace("/", "_").replace("-", "_").upper()
    externs = re.findall(r'^cdef extern from (\S+?):\n    """\n(.*?)"""\n', p, re.M | re.S)

    assert p.count("cdef extern") == len(externs) <= 1
    for header, verbatim in externs:
        assert header == "*"
        assert verbatim.strip() == f"#define KMM_FILE KMM_FILE_{constant}"


def test_machine_declares_no_function_of_the_patch():
    text = (mirrored.ROOT / "pykmm/machine.pxd").read_text(encoding="utf-8")
    headers = re.findall(r'^cdef extern from "([^"]+)"', text, re.M)
    declared = set(re.findall(r"\b(\w+)\(", mirrored.without_cython_comments(text)))

    assert headers and all(header.startswith("machine/") for header in headers)
    assert not declared & set(anchors.FUNCTION_OF.values())


# -- the checks themselves, on text that breaks each rule

P_TOY = '''
cdef enum:
    L_top
    L_unlock


cdef int seal(box *box, int how) noexcept nogil:
    cdef unsigned long size = f(1, 2)
    cdef unsigned long *more
    cdef int ret = 0, page
    cdef int at = L_top

    while at == L_top:
        if box is NULL:
            at = L_out; continue        # goto out
        at = L_unlock; continue         # goto unlock
        at = L_unlock

    while at == L_unlock:               # unlock:
        drop(box)
        at = L_out

    # out:
    return ret


cdef int open() noexcept nogil:
    return 0
'''


@pytest.mark.parametrize(("old", "new", "fault"), [
    ("# goto out", "# goto unlock", "# goto out is said to be goto unlock"),
    ("# goto out", "", "# goto out is said to be nothing"),
    ("# unlock:", "# out:", "# unlock: is said to be out:"),
    ("# unlock:", "", "# unlock: is said to be nothing"),
])
def test_ladder_whose_comment_says_another_label_is_refused(old, new, fault):
    assert mirrored.ladder_faults(P_TOY) == []
    found = mirrored.ladder_faults(P_TOY.replace(old, new))

    assert [line.partition(": ")[2] for line in found] == [fault]


@pytest.mark.parametrize(("line", "fault"), [
    ("def seal():", "a function that Python can see"),
    ("cpdef int seal():", "a function that Python can see"),
    ("import os", "an import of Python"),
    ("from os import path", "an import of Python"),
    ("    try:", "try"),
    ("    raise ValueError", "raise"),
    ("    with gil:", "a change of the GIL"),
    ("cdef class Box:", "a class"),
    ("    f = lambda: 0", "lambda"),
    ('include "rmap.pxi"', "include"),
    ("    print(ret)", "print"),
])
def test_python_in_a_mirrored_file_is_refused(line, fault):
    assert fault in python_in(P_TOY + line + "\n")


def test_python_in_comments_and_docstrings_is_none():
    assert python_in('"""def f():\ntry:"""\n# import os\n' + P_TOY) == []


@pytest.mark.parametrize(("line", "module"), [
    ("from libc.string cimport memcpy", "libc.string"),
    ("cimport numpy", "numpy"),
    ("from pykmm.engine.core cimport Runner", "pykmm.engine.core"),
])
def test_cimport_from_elsewhere_is_refused(line, module):
    good = "from pykmm.machine cimport (\n    unit,\n)\nfrom pykmm.mm cimport rmap\n"

    assert foreign_cimports(good) == []
    assert foreign_cimports(good + line + "\n") == [module]


@pytest.mark.parametrize("after", ["", " nogil", " noexcept", " except? -1 nogil"])
def test_function_that_is_not_noexcept_nogil_is_refused(after):
    assert bare_heads(P_TOY) == []
    assert bare_heads(P_TOY + f"cdef int shut(int how){after}:\n    return 0\n") != []


def test_semicolon_outside_a_goto_is_refused():
    assert stray_semicolons(P_TOY) == []
    assert stray_semicolons(P_TOY + "    a = 1; b = 2\n") == ["a = 1; b = 2"]


def test_pointer_compared_without_is_is_refused():
    assert truth_of_pointers("if a is NULL: pass\n") == []
    assert len(truth_of_pointers("if a == NULL: pass\nif b is None: pass\n")) == 2


@pytest.mark.parametrize(("text", "cython"), [
    ("/* mm/rmap.c of 2.6.17. */\n", False),
    ("// SPDX-License-Identifier: MIT\n/* mm/rmap.c of 2.6.17. */\n", False),
    ('"""Twin of cref/mm/rmap.c."""\n', True),
    ('# SPDX-License-Identifier: GPL-2.0-only\nimport os\n"""Twin."""\n', True),
])
def test_file_that_opens_otherwise_is_refused(text, cython):
    assert opening(text, cython=cython) is None


def test_opening_words_are_read():
    words = opening("// SPDX-License-Identifier: GPL-2.0-only\n/* mm/memory.c of 2.6.17.  "
                    "Edits E02, E03-E05.\n * Steps FP, WP. */\n", cython=False)

    assert named_edits(words) == ["E02", "E03", "E04", "E05"]
    assert opening("// SPDX-License-Identifier: GPL-2.0-only\n/* a. Steps FP, WP. */", cython=False)
    assert named_steps("a.  Steps FP, WP.") == ["FP", "WP"]
