# SPDX-License-Identifier: GPL-2.0-only
"""What an operation or a call gives: how it is said, and whether it is that."""

import errno
import re
from collections.abc import Callable

from ..engine import core
from ..report.operations import error_name
from .block import Moment
from .facts import View
from .model import Value, Wanted
from .words import Known, Unmeant, address_of_place, integer, place_of_address, place_said

_SIGNALS = ("SIGBUS", "SIGKILL", "SIGSEGV")
_ENDINGS = core.OUTCOMES[1:]


def check_result(text: str, column: int, known: Known) -> None:
    """Raises Unmeant if nothing can give this."""
    if text.startswith("-E"):
        if text[1:] not in errno.errorcode.values():
            raise Unmeant(f"found {text}, and no error is called {text[1:]}", column)
        return
    if text in ("?", *_SIGNALS, *_ENDINGS) or text.lstrip("-").isdigit() or \
            text.startswith("0x"):
        return
    name = text.partition("+")[0]
    if re.fullmatch(r"NULL|zero page|page \d+", text) or name in [*known.results, "heap"]:
        return
    named = [f"a name ({', '.join(known.results)})"] if known.results else []
    raise Unmeant(f"found {text!r}, expected a number, -EINVAL or another error, "
                  f"{', '.join([*named, *_SIGNALS, *_ENDINGS])} or ?", column)


def result_text(moment: Moment) -> str:
    """What came, as a scenario says it."""
    if moment.outcome != "returned":
        return moment.outcome
    if moment.gives == "page":
        return _page_text(moment)
    name = error_name(moment.value)
    if name:
        return f"-{name}" if name.startswith("E") else name
    if moment.gives == "address":
        place = place_of_address(moment.value)
        return hex(moment.value) if place is None else place_said(place)
    return str(moment.value)


def _page_text(moment: Moment) -> str:
    if not moment.value:
        return "NULL"
    name = moment.where.name_of(moment.value % (1 << 64)) or hex(moment.value)
    zero = f"page[{moment.words().pages - 1}]"
    return "zero page" if name == zero else name.replace("[", " ").rstrip("]")


def result_holds(text: str, moment: Moment, view: View,
                 place: Callable[[Value], int]) -> tuple[bool, str]:
    """(is it that?, what came)."""
    found = result_text(moment)
    if text == "?":
        return True, found
    named = text.startswith("-E") or text in (*_SIGNALS, *_ENDINGS)
    if named or moment.gives == "page" or not is_good(moment):
        return found == text, found
    return moment.value == _number(text, moment, view, place), found


def _number(text: str, moment: Moment, view: View, place: Callable[[Value], int]) -> int:
    """What a number or a name stands for; of an address, a number below 24 is a place."""
    if text.lstrip("-").isdigit() or text.startswith("0x"):
        number = integer(text)
        is_place = moment.gives == "address" and 0 <= number < 24
        return address_of_place(number) if is_place else number
    if moment.gives != "address" and text in view.results:
        return view.results[text]
    return address_of_place(place(Value(text, "sum" if "+" in text else "word")))


def wanted_of(results: tuple[Wanted, ...], mask: int) -> Wanted | None:
    """The first that is meant with these units; None: nothing is said."""
    return next((one for one in results
                 if one.condition is None or one.condition.holds(mask)), None)


def is_good(moment: Moment) -> bool:
    """What who says nothing about a result expects: an answer, and no error."""
    return moment.outcome == "returned" and not error_name(moment.value)
