# SPDX-License-Identifier: GPL-2.0-only
"""The listing of counts as one HTML file that needs nothing else: C and Cython side by side."""

from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter

from ..source.listing import Function
from .coverage import HALVES, Coverage, lexer_of

LIGHT, DARK = "default", "github-dark"


def page(coverage: Coverage, functions: list[Function], about: str) -> str:
    """The whole page.

    about : str   one line: what was run
    """
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True,
                              trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("coverage.html.j2").render(
        about=about, halves=HALVES, coverage=coverage,
        light=Markup(_colours(LIGHT)), dark=Markup(_colours(DARK)),
        functions=[_function(coverage, function) for function in functions])


def _colours(style: str) -> str:
    return HtmlFormatter(style=style).get_style_defs(".source")


def _function(coverage: Coverage, function: Function) -> dict:
    tally = coverage.tallies[function.name]
    halves = [list(_lines(coverage, function, half)) for half in range(len(HALVES))]
    return {"name": function.name, "files": function.files, "tally": tally,
            "whole": not set(coverage.missing) & {*tally.steps, *tally.missing()},
            "blocks": [{"step": block.step,
                        "halves": [[rest.pop(0) for _ in block.halves[half]]
                                   for half, rest in enumerate(halves)]}
                       for block in function.blocks]}


def _lines(coverage: Coverage, function: Function, half: int) -> Iterator[dict]:
    lines = [line for block in function.blocks for line in block.halves[half]]
    text = "\n".join(line.text.expandtabs(8) for line in lines)
    sources = highlight(text, lexer_of(half), HtmlFormatter(nowrap=True)).split("\n")
    for line, source in zip(lines, sources, strict=False):
        yield {"number": line.number, "source": Markup(source),
               "count": coverage.counts_of(function.name, line, half),
               "operands": coverage.sides_of(function.name, line, half)}
