# SPDX-License-Identifier: GPL-2.0-only
"""What the two halves of a file say, read with regular expressions.

Everything is a function over text, so that a test can also be shown bad text.
The C reader knows the shapes that mirrored code has and no others: functions at
the left margin, one declaration a statement.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from pykmm.source.anchors import FUNCTION_OF, TWINS, anchors_of

ROOT = Path(__file__).resolve().parents[2]

_C_TYPE = (r"(?:const )?(?:struct \w+|(?:unsigned|signed) (?:long long|long|int|short|char)"
           r"|long long|unsigned|long|int|short|char|bool|u8|u16|u32|u64|\w+_t)\b")
_C_DECLARATION = re.compile(
    rf"(?:^|[;{{}}]|\w:)\s*(?:static )?{_C_TYPE}(?P<names>[\s*]+\w[^;{{}}]*);")
_C_HEAD = re.compile(
    r"^(?:static |inline |asmlinkage )*(?:struct )?\w[\w ]*[ *]+(?P<name>\w+)"
    r"\((?P<arguments>[^;{}()]*)\)\s*\{", re.MULTILINE)
_P_HEAD = re.compile(
    r"^cdef (?!(?:extern|enum|class|struct|union)\b)[^\n=]*?\b(?P<name>\w+)\((?P<arguments>[^)]*)\)"
    r"(?P<after>[^:\n]*):", re.MULTILINE)
_C_WORDS = {"if", "while", "for", "switch", "return", "sizeof", "do", "else"}
_P_WORDS = {"if", "elif", "while", "not", "and", "or", "return", "in", "else", "sizeof"}

FUNCTIONS = list(FUNCTION_OF.values())

# A macro that loops in C, and the calls that Cython opens it to: the first, and those in the loop.
OPENED = {"vma_prio_tree_foreach": ("vma_prio_tree_first", {"vma_prio_tree_next"})}


@dataclass(frozen=True)
class Function:
    """A function of either half.

    line, last : int   1-based: of its name, and the last that is not blank
    body : str   C: between the braces; Cython: all lines below the head
    """

    name: str
    arguments: tuple[str, ...]
    after: str
    line: int
    last: int
    body: str


def pairs() -> list[tuple[str, str, str]]:
    """(path below cref/, text of the C half, text of the Cython half) of every mirrored file."""
    return [(c, (ROOT / "cref" / c).read_text(encoding="utf-8"),
             (ROOT / "pykmm" / p).read_text(encoding="utf-8")) for c, p in TWINS.items()]


def _blank(match: re.Match) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def without_c_comments(text: str) -> str:
    """C without comments, texts in quotes and preprocessor lines; lines keep their numbers."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", _blank, text, flags=re.DOTALL)
    return re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", _blank, text, flags=re.MULTILINE)


def without_cython_comments(text: str) -> str:
    """Cython without docstrings, texts in quotes and comments; lines keep their numbers."""
    text = re.sub(r'""".*?"""', _blank, text, flags=re.DOTALL)
    return re.sub(r"\"[^\"\n]*\"|'[^'\n]*'|#[^\n]*", _blank, text)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _outside_brackets(text: str, separator: str) -> list[str]:
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == separator and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _names(declarators: str) -> list[str]:
    return [re.match(r"(?:[\s*]|const\b)*(\w+)", part)[1]
            for part in _outside_brackets(declarators, ",")]


def _arguments(text: str) -> tuple[str, ...]:
    parts = [part.strip() for part in _outside_brackets(text, ",")]
    return tuple(re.search(r"(\w+)$", part)[1] for part in parts if part not in ("", "void"))


def c_functions(text: str) -> list[Function]:
    """Functions that a C text defines, in its order."""
    plain = without_c_comments(text)
    found = []
    for head in _C_HEAD.finditer(plain):
        depth, at = 1, head.end()
        while depth:
            depth += (plain[at] == "{") - (plain[at] == "}")
            at += 1
        found.append(Function(head["name"], _arguments(head["arguments"]), "",
                              _line(plain, head.start("name")), _line(plain, at),
                              plain[head.end():at - 1]))
    return found


def cython_functions(text: str) -> list[Function]:
    """Functions of the kernel that a Cython text defines; `enter` is no function of the kernel."""
    plain = without_cython_comments(text)
    found = []
    for head in _P_HEAD.finditer(plain):
        end = re.compile(r"^\S", re.MULTILINE).search(plain, head.end())
        body = plain[head.end():end.start() if end else len(plain)].rstrip()
        if head["name"] != "enter":
            found.append(Function(head["name"], _arguments(head["arguments"]), head["after"],
                                  _line(plain, head.start("name")),
                                  _line(plain, head.end() + len(body)), body))
    return found


def c_locals(function: Function) -> list[str]:
    """Names that a C function declares, blocks flattened."""
    found, at = [], 0
    while match := _C_DECLARATION.search(function.body, at):
        found += _names(match["names"])
        at = match.end() - 1    # its ; may be what the next one follows
    return found


def cython_locals(function: Function) -> list[str]:
    """Names that a Cython function declares, but for the ladder's own `at`."""
    found = []
    for line in re.findall(r"^ +cdef (.*)$", function.body, re.MULTILINE):
        first, *more = _outside_brackets(line, ",")
        found += [re.search(r"(\w+)\s*$", first.split("=")[0])[1], *(_names(p)[0] for p in more)]
    return [name for name in found if name != "at"]


def c_labels(function: Function) -> list[str]:
    found = re.findall(r"^[ \t]*(\w+):(?!:)", function.body, re.MULTILINE)
    return [name for name in found if name != "default"]


def c_gotos(function: Function) -> list[str]:
    return re.findall(r"\bgoto (\w+);", function.body)


def function_text(text: str, function: Function) -> str:
    """A function as it stands, comments included."""
    return "\n".join(text.splitlines()[function.line - 1:function.last])


def ladder_labels(text: str) -> list[str]:
    """Labels of a Cython function: its rungs but for the top, and the last label's comment."""
    rungs = re.findall(r"^ +while at == L_(\w+):", text, re.MULTILINE)
    last = re.findall(r"^    # (\w+):$", text, re.MULTILINE)
    return [name for name in rungs if name != "top"] + last


def ladder_gotos(text: str) -> list[str]:
    """Targets of `at = L_x; continue`; those whose comment says another label are marked."""
    found = re.findall(r"at = L_(\w+); continue(?: +# goto (\w+))?$", text, re.MULTILINE)
    return [to if to == said else f"{to} (said to be {said or 'nothing'})" for to, said in found]


def ladder_faults(text: str) -> list[str]:
    """What a Cython function's ladder breaks of the rules of its idiom."""
    faults = []
    rungs = re.split(r"^ +while at == L_(\w+):.*$", text, flags=re.MULTILINE)
    names, bodies = rungs[1::2], rungs[2::2]
    after = [*names[1:], *re.findall(r"^    # (\w+):$", text, re.MULTILINE)]
    if names and names[0] != "top":
        faults.append(f"the first rung is {names[0]}, not top")
    for i, (name, body) in enumerate(zip(names, bodies, strict=True)):
        body = re.split(r"^    (?=\S)", body, maxsplit=1, flags=re.MULTILINE)[0]
        lines = [line.split("#")[0].strip() for line in body.splitlines()]
        lines = [line for line in lines if line]
        last = lines[-1] if lines else ""
        expected = f"at = L_{after[i]}" if i < len(after) else "return"
        if last != expected and not last.startswith("return"):
            faults.append(f"rung {name} ends in {last!r}, not in {expected!r}")
    return faults


def calls(text: str, *, cython: bool) -> list[str]:
    """Names that are called, in the order of the text; a foreach counts as its first call."""
    words = _P_WORDS if cython else _C_WORDS
    found = [name for name in re.findall(r"\b([A-Za-z_]\w*)\(", text) if name not in words]
    if not cython:
        return [OPENED[name][0] if name in OPENED else name for name in found]
    later = {name for _, names in OPENED.values() for name in names}
    return [name for name in found if name not in later]


def calls_by_step(text: str, *, cython: bool) -> dict[str, list[str]]:
    """Step -> names called in its lines; only lines inside functions."""
    functions = cython_functions(text) if cython else c_functions(text)
    lines = (without_cython_comments(text) if cython else without_c_comments(text)).splitlines()
    anchors = anchors_of(text, cython=cython)
    found: dict[str, list[str]] = {}
    for function in functions:
        own = [a for a in anchors if function.line <= a.line <= function.last]
        ends = [a.line - 1 for a in own[1:]] + [function.last] * bool(own)
        for anchor, end in zip(own, ends, strict=True):
            found[anchor.step] = calls("\n".join(lines[anchor.line - 1:end]), cython=cython)
    return found
