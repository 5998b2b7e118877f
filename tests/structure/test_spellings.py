# SPDX-License-Identifier: GPL-2.0-only
"""The table of spellings: each row is needed, and reaches no further than it says."""

import pytest

from tools.twins.compare import Twins
from tools.twins.spellings import SPELLINGS

PATH = "mm/rmap.c"


def indented(text: str, by: str) -> str:
    return "".join(f"{by}{line}\n" for line in text.splitlines())


def toy(c: str, cython: str, table=None) -> Twins:
    """Twins of one function with these bodies."""
    return Twins(PATH, f"int toy(int a, int b)\n{{\n{indented(c, chr(9))}}}\n",
                 "# cython: cdivision=True\n"
                 f"cdef int toy(int a, int b) noexcept nogil:\n{indented(cython, ' ' * 4)}", table)


def said(c: str, cython: str) -> str:
    """How the two differ; it is a mistake of the test if one of them cannot be read."""
    found = "\n".join(map(str, toy(c, cython).differences()))
    assert "cannot be read" not in found
    return found


@pytest.mark.parametrize("row", SPELLINGS, ids=lambda row: row.name)
def test_spelling_is_allowed(row):
    assert toy(row.c, row.cython).differences() == []


@pytest.mark.parametrize("row", SPELLINGS, ids=lambda row: row.name)
def test_spelling_is_allowed_by_its_row_alone(row):
    without = [other for other in SPELLINGS if other is not row]

    assert toy(row.c, row.cython, without).differences() != []


def test_spellings_have_names_of_their_own():
    assert len({row.name for row in SPELLINGS}) == len(SPELLINGS)
    assert {row.half for row in SPELLINGS} == {"C", "P"}


LADDER = """\
cdef int at = L_top
while at == L_top:
    f()
    at = L_again
while at == L_again:
    if a:
        at = L_out; continue
    g()
    at = L_out
# out:
h()"""
LADDER_IN_C = "f();\nagain:\nif (a)\ngoto out;\ng();\nout:\nh();"


@pytest.mark.parametrize(("old", "new", "seen"), [
    ("    g()\n    at = L_out\n", "    g()\n", "runs into the end of its rung"),
    ("    at = L_again\n", "    at = L_out\n", "runs into the end of its rung"),
    ("at = L_out; continue", "at = L_top; continue", "at = L_top"),
    ("at = L_out; continue", "at = L_other; continue", "at = L_other"),
    ("at = L_out; continue", "at = L_out", "at = L_out"),
    ("at = L_out; continue", "at = L_out\n        continue", "at = L_out"),
    ("at = L_out; continue", "while b:\n            at = L_out; continue", "at = L_out"),
    ("cdef int at = L_top", "cdef int at = L_again", "while (at == L_top)"),
    ("cdef int at = L_top", "cdef int at", "while (at == L_top)"),
    ("while at == L_top", "while at == L_first", "while (at == L_first)"),
    ("while at == L_again:", "x()\nwhile at == L_again:", "outside of the ladder"),
    ("# out:\n", "", "label out"),
    ("# out:\nh()", "h()\n# out:", "at = L_out"),
    ("# out:", "# done:", "label done"),
], ids=lambda text: text.replace("\n", "|"))
def test_ladder_with_a_fault_is_seen(old, new, seen):
    assert old in LADDER
    assert toy(LADDER_IN_C, LADDER).differences() == []

    assert seen in said(LADDER_IN_C, LADDER.replace(old, new))


@pytest.mark.parametrize(("c", "cython"), [
    # `continue` would leave out the step to the next one
    ("vma_prio_tree_foreach(v, &i, r) {\nif (a)\ncontinue;\nf();\n}",
     "v = vma_prio_tree_first(&i, r)\nwhile v is not NULL:\n    if a:\n        continue\n"
     "    f()\n    v = vma_prio_tree_next(&i)"),
    ("do {\nif (a)\ncontinue;\nf();\n} while (b);",
     "while True:\n    if a:\n        continue\n    f()\n    if not b:\n        break"),
    ("vma_prio_tree_foreach(v, &i, r)\nf();",
     "v = vma_prio_tree_first(&i, r)\nwhile v is not NULL:\n    v = vma_prio_tree_next(&i)\n"
     "    f()"),
], ids=["foreach", "do while", "foreach with its step first"])
def test_loop_that_would_go_on_elsewhere_is_no_spelling(c, cython):
    assert said(c, cython)


@pytest.mark.parametrize(("c", "cython"), [
    # what is asked twice must not do something
    ("switch (f()) {\ncase A:\ng();\nbreak;\ndefault:\nreturn 1;\n}",
     "if f() == A:\n    g()\nelse:\n    return 1"),
    # an inner `break` leaves the switch, in Cython a loop
    ("switch (a) {\ncase A:\nif (b)\nbreak;\ng();\nbreak;\ndefault:\nreturn 1;\n}",
     "if a == A:\n    if b:\n        break\n    g()\nelse:\n    return 1"),
    # default must leave, or it would go on below
    ("switch (a) {\ncase A:\nf();\ncase B:\ng();\nbreak;\ndefault:\nh();\n}",
     "if a == A:\n    f()\nelif a != B:\n    h()\ng()"),
    # no fall through in C, one in Cython
    ("switch (a) {\ncase A:\nf();\nbreak;\ncase B:\ng();\nbreak;\ndefault:\nreturn 1;\n}",
     "if a == A:\n    f()\nelif a != B:\n    return 1\ng()"),
    # a fall through in C, none in Cython
    ("switch (a) {\ncase A:\nf();\ncase B:\ng();\nbreak;\ndefault:\nreturn 1;\n}",
     "if a == A:\n    f()\nelif a == B:\n    g()\nelse:\n    return 1"),
], ids=["asks twice", "inner break", "default goes on", "falls in Cython", "falls in C"])
def test_switch_of_another_kind_is_no_spelling(c, cython):
    assert said(c, cython)


@pytest.mark.parametrize(("c", "cython"), [
    ("v = a && b;", "v = a and b"),
    ("f(a || b);", "f(a or b)"),
    ("return a && b;", "return a and b"),
    ("v = (a && b) + 1;", "v = (a and b) + 1"),
    ("v = a && b;", "v = 1 if (a or b) else 0"),
    ("v = a && b;", "v = 0 if (a and b) else 1"),
    # not evaluated first, or beside something that tells
    ("if (a && (b = f()))\ng();", "b = f()\nif a and b:\n    g()"),
    ("if ((b = f()) == h())\ng();", "b = f()\nif b == h():\n    g()"),
    ("while ((b = f()))\ng();", "b = f()\nwhile b:\n    g()"),
    ("v = (a & b) == c;", "v = a & (b == c)"),
    ("v = (unsigned long)-a;", "v = <unsigned int>-a"),
    ("v = (unsigned long)-a;", "v = -a"),
    ("v = -(a - b);", "v = -a - b"),
    ("v = !(a == b);", "v = (not a) == b"),
    ("v = *f(a);", "v = f(a)"),
    ("v = &a->b;", "v = a.b"),
    ("v = (&a)->b;", "v = &a.b"),
    ("v = (&f)(a);", "v = &f(a)"),
    ("v = (-f)(a);", "v = -f(a)"),
    ("v = (*a)[b];", "v = a[b][0]"),
    ("if (a)\nf();\nelse\ng();", "if a:\n    f()\n    g()"),
    ("a++;", "a -= 1"),
    ("a -= b;", "a = b"),
    ("if (a)\nif (b)\nf();\nelse\ng();", "if a:\n    if b:\n        f()\nelse:\n    g()"),
])
def test_other_meaning_is_no_spelling(c, cython):
    assert said(c, cython)


@pytest.mark.parametrize(("c", "cython"), [
    ("v = a & b == c;", "v = a & (b == c)"),
    ("v = a | b == c;", "v = a | (b == c)"),
    ("v = !a == b;", "v = (not a) == b"),
    ("if (a && b && c || d)\nf();", "if (a and (b and c)) or d:\n    f()"),
    ("if (a)\nf();\nelse if (b)\ng();\nelse\nh();",
     "if a:\n    f()\nelif b:\n    g()\nelse:\n    h()"),
    ("v = 0x10 - 1;", "v = 16 - 1"),
])
def test_precedence_is_that_of_each_language(c, cython):
    assert said(c, cython) == ""


def test_line_of_a_statement_is_where_it_begins():
    found = toy("if (a)\nf();\nelse if (a\n|| b)\ng();",
                "if a:\n    f()\nelif (a\n        and b):\n    g()").differences()

    assert [(d.c[1], d.cython[1]) for d in found] == [(5, 5)]


@pytest.mark.parametrize("cython", [
    "v = a / b", "v = a ** b", "v = a < b < c", "v = [a]", "v = f(a=b)", "for a in b:\n    pass",
    "del a", "v = u = a", "v = 1.5", "v = 1L", "v = 0o7", "v = 'x'", "v = lambda: a", "assert a",
    "while a:\n    f()\nelse:\n    g()", "try:\n    f()\nfinally:\n    g()", "cdef int v[3]", "(",
])
def test_cython_that_no_twin_has_is_refused(cython):
    found = toy("f();", f"f()\n{cython}").differences()

    assert [(d.cython[0], d.cython[1] in (4, 5)) for d in found] == [("pykmm/mm/rmap.pyx", True)]
    assert "cannot be read: " in found[0].cython[2]


@pytest.mark.parametrize("c", [
    "for (;;)\nf();", "v = (a, b);", "v = sizeof(a);", "v = 1UL;", "v = 010;", "v = 'x';",
    "v = \"x\";", "int v[3];", "v = a++;", "asm(\"\");", "if (a) f(; ", "#define x y",
    "#if A\nf();\n#endif",
])
def test_c_that_no_twin_has_is_refused(c):
    found = toy(f"f();\n{c}", "f()").differences()

    assert [(d.c[0], d.c[1] in (4, 5)) for d in found] == [("cref/mm/rmap.c", True)]
    assert "cannot be read: " in found[0].c[2]


@pytest.mark.parametrize(("text", "what"), [
    ("from pykmm.machine cimport PageDirty as PageLocked\n", "PageDirty is given a name"),
    ("cimport pykmm.mm.rmap as memory\n", "pykmm.mm.rmap is given a name"),
    ("cdef int f(int a) noexcept nogil:\n    return a // 2\n", "`//` is not what it is in C here"),
])
def test_cython_that_hides_what_it_says_is_refused(text, what):
    found = Twins(PATH, "", text).differences()

    assert what in found[0].cython[2]


def test_macro_that_hides_what_c_says_is_refused():
    found = Twins(PATH, "#define put_page get_page\n", "").differences()

    assert (found[0].c[1], "no macro" in found[0].c[2]) == (1, True)
