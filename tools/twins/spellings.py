# SPDX-License-Identifier: GPL-2.0-only
"""The one table of what the halves may spell differently.

Each row has both spellings, whose form is rewritten, and how.  Rows are applied in their order.
What is not here (and is no operator that only looks different, as && and `and`) is a difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import loops
from .form import NULL, Expression, Function, on_blocks, on_expressions, on_types
from .ladder import opened_ladder, with_locals_at_the_top


@dataclass(frozen=True)
class Spelling:
    """One row.

    name      what it is about
    c         how C spells it: lines of a function's body, an example that needs the row
    cython    how Cython spells the same
    half      whose form is rewritten: C or P
    rewrite   a function's form -> the same function in the form of the other half
    """

    name: str
    c: str
    cython: str
    half: str
    rewrite: Callable[[Function], Function]


def _arrow(e: Expression, condition: bool) -> Expression:
    return ("field", *e[1:]) if e[0] == "arrow" else e


def _pointee(e: Expression, condition: bool) -> Expression:
    return ("index", e[1], ("number", 0)) if e[0] == "pointee" else e


def _is_null(e: Expression, condition: bool) -> Expression:
    if e[0] == "is" and e[2] == NULL:
        return ("not", e[1])
    return e[1] if e[0] == "is not" and e[2] == NULL and condition else e


def _equals_null(e: Expression, condition: bool) -> Expression:
    if e[:2] == ("binary", "==") and e[3] == NULL:
        return ("not", e[2])
    return e[2] if e[:2] == ("binary", "!=") and e[3] == NULL and condition else e


def _number_of_a_condition(e: Expression, condition: bool) -> Expression:
    """C's && gives 1 or 0; Cython's `and` gives an operand."""
    return e if condition or e[0] not in ("and", "or") else (
        "choose", e, ("number", 1), ("number", 0))


def _division(e: Expression, condition: bool) -> Expression:
    return ("binary", "/", *e[2:]) if e[:2] == ("binary", "//") else e


def _without_const(kind: str) -> str:
    return " ".join(word for word in kind.split() if word != "const")


SPELLINGS = [
    Spelling("a member of what is pointed to", "a->b = &a->c;", "a.b = &a.c",
             "C", on_expressions(_arrow)),
    Spelling("what is pointed to", "*p = f(*q);", "p[0] = f(q[0])",
             "C", on_expressions(_pointee)),
    Spelling("const", "struct page * const page = f();", "cdef struct_page *page = f()",
             "C", on_types(_without_const)),
    Spelling("names of types", "struct page *page;\nstruct mm_struct *mm;",
             "cdef struct_page *page\ncdef mm_struct *mm", "P", on_types(loops.type_in_c)),
    Spelling("locals of an inner block, at the top in Cython",
             "int a = 0;\nif (c) {\nint b = f();\ng(b);\n}",
             "cdef int a = 0\ncdef int b\nif c:\n    b = f()\n    g(b)",
             "C", with_locals_at_the_top),
    Spelling("goto and labels: the ladder",
             "f();\nagain:\nif (c)\ngoto out;\nif (d)\ngoto again;\ng();\nout:\nh();",
             "cdef int at = L_top\n"
             "while at == L_top:\n    f()\n    at = L_again\n"
             "while at == L_again:\n"
             "    if c:\n        at = L_out; continue\n"
             "    if d:\n        at = L_again; continue\n"
             "    g()\n    at = L_out\n"
             "# out:\nh()",
             "P", opened_ladder),
    Spelling("a loop that is a macro",
             "vma_prio_tree_foreach(vma, &iter, root, a, b) {\nf(vma);\n}",
             "vma = vma_prio_tree_first(&iter, root, a, b)\n"
             "while vma is not NULL:\n    f(vma)\n    vma = vma_prio_tree_next(&iter)",
             "C", on_blocks(loops.opened_foreach)),
    Spelling("do while", "do {\nf();\n} while (c);",
             "while True:\n    f()\n    if not c:\n        break",
             "C", on_blocks(loops.opened_do_while)),
    Spelling("switch, no case of which falls through",
             "switch (a) {\ncase A:\nf();\nbreak;\ncase B:\ng();\nbreak;\ndefault:\nreturn 1;\n}",
             "if a == A:\n    f()\nelif a == B:\n    g()\nelse:\n    return 1",
             "C", on_blocks(loops.opened_switch)),
    Spelling("switch, the first of two cases falls through, default leaves",
             "switch (a) {\ncase A:\nf();\ncase B:\ng();\nbreak;\ndefault:\nreturn 1;\n}",
             "if a == A:\n    f()\nelif a != B:\n    return 1\ng()",
             "C", on_blocks(loops.opened_falling_switch)),
    Spelling("an assignment inside a condition", "if (!(p = f()))\ng();",
             "p = f()\nif p is NULL:\n    g()", "C", on_blocks(loops.assigned_before)),
    Spelling("one more, one less", "a++;\nb--;", "a += 1\nb -= 1",
             "C", on_blocks(loops.added_one)),
    Spelling("a pointer's truth", "if (!p || q)\nf(!r);",
             "if p is NULL or q is not NULL:\n    f(r is NULL)", "P", on_expressions(_is_null)),
    Spelling("a pointer compared", "if (p == NULL && q != NULL)\nf();",
             "if p is NULL and q is not NULL:\n    f()", "C", on_expressions(_equals_null)),
    Spelling("&& and || as a number", "v = a && (b || c);",
             "v = 1 if (a and (b or c)) else 0", "C", on_expressions(_number_of_a_condition)),
    Spelling("division of whole numbers", "a = b / c;", "a = b // c",
             "P", on_expressions(_division)),
]


def common(function: Function, half: str, table: list[Spelling] | None = None) -> Function:
    """A function of half C or P in the form that both halves share."""
    for row in SPELLINGS if table is None else table:
        if row.half == half:
            function = row.rewrite(function)
    return function
