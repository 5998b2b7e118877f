# SPDX-License-Identifier: GPL-2.0-only
"""Expectations: can they be meant, and do they hold after an operation or a call?"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ..engine import core, properties
from ..errors import BadInput
from ..report.world import pte_text, pte_word
from . import facts
from .block import Moment
from .facts import Missing, View
from .model import Expect, Value, What
from .results import check_result, result_holds
from .steps import known_steps, letters_known
from .words import FileName, Known, Number, Page, Place, Unmeant, address_of_place, integer

_COUNTERS = {name: f"world.page_state.{name}" for name in
             ("nr_dirty", "nr_writeback", "nr_mapped", "nr_active", "nr_inactive")}
_COUNTERS["committed"] = "world.vm_committed_space"
_EVENTS = {name for name, _, _, _ in core.EVENTS}
_BUFFERS, _SWAP_SLOTS = 16, 4
_FAULTS = ("handle_pte_fault",)


@dataclass
class Asked:
    """What expectations look at.

    moment : Moment      the last operation or call, and the world after it
    view : View          that world, with names
    now : Now            what names stand for
    broken : function    names of those of a set of properties (a mask) that do not hold
    page, place, path : functions   what a value leads to, by names of the scenario
    """

    moment: Moment
    view: View
    page: Callable[[Value], int]
    place: Callable[[Value], int]
    path: Callable[[str], str]
    broken: Callable[[int], list[str]]


def _failing(held: list[tuple[bool, str]]) -> tuple[bool, str]:
    """Of all facts: do they hold, and those that do not as they are."""
    wrong = [found for so, found in held if not so]
    return not wrong, ", ".join(dict.fromkeys(wrong)) if wrong else ", ".join(
        found for _, found in held)


# Before anything runs.

def check(expect: Expect, known: Known, path: Callable[[str], str]) -> None:
    """Raises Unmeant if it cannot be meant.

    path : function   a field's path with names put in; raises Unmeant for no field
    """
    if expect.condition and expect.condition.units.startswith("-"):
        raise Unmeant(f"found {expect.condition}: say which units are on, as if U5, or unless U5")
    what = expect.what
    for value in what.of:
        _check_of(what, value, known)
    for fact in what.facts:
        if what.subject not in ("counters",):
            facts.check(what.subject, fact, known)
    for vma in what.vmas:
        Place().check(vma.start, known)
        Place(24).check(vma.end, known)
    _CHECKS.get(what.subject, lambda *_: None)(what, known, path)


def _check_of(what: What, value: Value, known: Known) -> None:
    if what.subject in ("page", "buffer") and value is what.of[-1] and (
            what.subject == "page" or len(what.of) == 2):
        Page().check(value, known)
    elif what.subject == "buffer":
        Number(0, _BUFFERS - 1).check(value, known)
    elif what.subject == "file":
        FileName().check(value, known)
    elif what.subject == "swap":
        Number(1, _SWAP_SLOTS - 1).check(value, known)
    elif what.subject in ("pte", "vma") and value.kind != "actor":
        Place().check(value, known)


def _check_steps(what: What, known: Known, path: Callable[[str], str]) -> None:
    for item in what.items:
        family = item.text.endswith("*")
        if item.text.rstrip("*") not in (letters_known() if family else known_steps()):
            raise Unmeant(f"found {item.text!r}, which is no step: see cref/steps", item.column)


def _check_events(what: What, known: Known, path: Callable[[str], str]) -> None:
    for item in what.items:
        name = re.match(r"\"?(\w*)", item.text)[1]
        if name not in _EVENTS and not item.text.startswith('"*'):
            raise Unmeant(f"found {item.text}, and no event is called {name}: see "
                          "cref/machine/events.def", item.column)


def _check_property(what: What, known: Known, path: Callable[[str], str]) -> None:
    if what.of[0].text not in core.PROPERTIES:
        raise Unmeant(f"found {what.of[0].text!r}, expected a property: "
                      f"{', '.join(core.PROPERTIES)}", what.of[0].column)


def _check_path(value: Value, text: str, path: Callable[[str], str]) -> None:
    try:
        path(text)
    except Unmeant as error:
        raise Unmeant(str(error), value.column) from error


def _check_field(what: What, known: Known, path: Callable[[str], str]) -> None:
    _check_path(what.of[0], what.of[0].text, path)


def _check_locks(what: What, known: Known, path: Callable[[str], str]) -> None:
    for item in what.items:
        _check_path(item, f"{item.text}.held", path)


def _check_ending(what: What, known: Known, path: Callable[[str], str]) -> None:
    check_result(what.how, what.column, known)


_CHECKS = {"steps": _check_steps, "events": _check_events, "property": _check_property,
           "field": _check_field, "locks": _check_locks, "result": _check_ending}


# After an operation.

def holds(what: What, asked: Asked) -> tuple[bool, str]:
    """(does it hold?, how it is)."""
    try:
        return _HOLDS[what.subject](what, asked)
    except Missing as missing:
        absent = [fact for fact in what.facts if fact.words == ("absent",)]
        return len(absent) == len(what.facts) > 0 and not absent[0].negative, str(missing)


def _pte(what: What, asked: Asked) -> tuple[bool, str]:
    mm, place = int(what.of[0].text[1]), asked.place(what.of[1])
    words = asked.view.words
    address = address_of_place(place)
    word = pte_word(words, mm, address)
    vma = _vma_at(asked, mm, address)
    driver = vma is not None and words[f"{vma}.vm_flags"] & 0x400 != 0
    found = pte_text(word, words.pages, driver=driver and word >> 12 >= 0xF0000)
    return _failing([facts.pte_holds(fact, found) for fact in what.facts])


def _vmas_of(asked: Asked, mm: int) -> list[str]:
    words = asked.view.words
    found = [f"vma[{i}]" for i in range(words.count("vma"))
             if words[f"vma[{i}].vm_end"] and words.number("mm", f"vma[{i}].vm_mm") == mm]
    return sorted(found, key=lambda vma: words[f"{vma}.vm_start"])


def _vma_at(asked: Asked, mm: int, address: int) -> str | None:
    words = asked.view.words
    return next((vma for vma in _vmas_of(asked, mm)
                 if words[f"{vma}.vm_start"] <= address < words[f"{vma}.vm_end"]), None)


def _vmas(what: What, asked: Asked) -> tuple[bool, str]:
    """Each vma in order, with all its flags; its protection if that is said."""
    view = asked.view
    there = _vmas_of(asked, int(what.of[0].text[1]))
    found = ", ".join(facts.vma_text(view, vma) for vma in there) or "none"
    if len(there) != len(what.vmas):
        return False, found
    return all(_same_vma(wanted, vma, asked)
               for wanted, vma in zip(what.vmas, there, strict=True)), found


def _same_vma(wanted, vma: str, asked: Asked) -> bool:
    view = asked.view
    first, last = (address_of_place(asked.place(value)) for value in (wanted.start, wanted.end))
    if (first, last) != (view[f"{vma}.vm_start"], view[f"{vma}.vm_end"]):
        return False
    words = list(wanted.words)
    if "prot" in words:
        at = words.index("prot")
        if words[at + 1] != facts.VMA_COUNTS["prot"](view, vma).split()[0]:
            return False
        del words[at:at + 2]
    there = [*facts.vma_text(view, vma).split(" prot ")[0].split()[2:],
             *" ".join(facts.vma_flags(view, vma)).split()]
    return wanted.permissions == facts.permissions(view, vma) and words == there


def _vma(what: What, asked: Asked) -> tuple[bool, str]:
    place = asked.place(what.of[1])
    vma = _vma_at(asked, int(what.of[0].text[1]), address_of_place(place))
    if vma is None:
        raise Missing("absent")
    return _things("vma", what, asked, vma)


def _things(subject: str, what: What, asked: Asked, at: str) -> tuple[bool, str]:
    return _failing([facts.holds(subject, fact, asked.view, at) for fact in what.facts])


def _process(what: What, asked: Asked) -> tuple[bool, str]:
    return _things("process", what, asked, f"mm[{what.of[0].text[1]}]")


def _page(what: What, asked: Asked) -> tuple[bool, str]:
    return _things("page", what, asked, f"page[{asked.page(what.of[0])}]")


def _buffer(what: What, asked: Asked) -> tuple[bool, str]:
    number = integer(what.of[0].text)
    if len(what.of) == 2:
        ring = facts.page_buffers(asked.view, f"page[{asked.page(what.of[1])}]")
        if number >= len(ring):
            raise Missing("absent" if not ring else f"absent: the page has {len(ring)}")
        number = ring[number]
    elif not asked.view[f"buffer[{number}].b_page"]:
        raise Missing("absent")
    return _things("buffer", what, asked, f"buffer[{number}]")


def _file(what: What, asked: Asked) -> tuple[bool, str]:
    return _things("file", what, asked, str(asked.view.files.index(what.of[0].text)))


def _swap(what: What, asked: Asked) -> tuple[bool, str]:
    return _things("swap", what, asked, f"swap[{what.of[0].text}]")


def _free_pages(view: View) -> int:
    return sum(1 for i in range(view.words.pages - 1) if not view[f"page[{i}]._count"])


def _counters(what: What, asked: Asked) -> tuple[bool, str]:
    held = []
    for fact in what.facts:
        name, wanted = fact.words
        found = _free_pages(asked.view) if name == "free_pages" else asked.view[_COUNTERS[name]]
        held.append((found == integer(wanted), f"{name} {found}"))
    return _failing(held)


def _locks(what: What, asked: Asked) -> tuple[bool, str]:
    words = asked.view.words
    held = [words.where.pointer(words[f"world.held[{i}]"])
            for i in range(min(max(words["world.nr_held"], 0), 12))]
    wanted = [asked.path(f"{item.text}.held").removesuffix(".held") for item in what.items]
    return sorted(held) == sorted(wanted), ", ".join(held) or "none"


def _is_step(step: str, wanted: str) -> bool:
    if wanted.endswith("*"):
        return re.fullmatch(r"[A-Z]+", wanted[:-1]) is not None and \
            re.match(r"[A-Z]+", step)[0] == wanted[:-1]
    return step == wanted


def _in_order(wanted: list, found: list, same: Callable) -> bool:
    """Are all there, each after the one before?"""
    rest = iter(found)
    return all(any(same(there, one) for there in rest) for one in wanted)


def _steps(what: What, asked: Asked) -> tuple[bool, str]:
    """Those that make events are seen in their order; that others were taken is counted."""
    ran, seen = asked.moment.steps_taken(), asked.moment.steps
    ordered = [step for i, step in enumerate(seen) if not i or seen[i - 1] != step]
    silent = [step for step in known_steps() if step in ran and step not in seen]
    wanted = [item.text for item in what.items]
    found = f"steps {' '.join(ordered) or 'none'}"
    found += f", and without an event {' '.join(silent)}" if silent else ""
    if what.how == "no":
        return not any(_is_step(step, one) for step in ran for one in wanted), found
    if not all(any(_is_step(step, one) for step in ran) for one in wanted):
        return False, found
    if what.how == "only" and not all(any(_is_step(step, one) for one in wanted)
                                         for step in ran):
        return False, found
    visible = [one for one in wanted if any(_is_step(step, one) for step in ordered)]
    return _in_order(visible, ordered, _is_step), found


def _is_event(event: dict, wanted: str) -> bool:
    if not wanted.startswith('"'):
        return event["text"].partition("(")[0] == wanted
    pattern = ".*".join(map(re.escape, wanted.strip('"').split("*")))
    return re.fullmatch(pattern, event["text"]) is not None


def _events(what: What, asked: Asked) -> tuple[bool, str]:
    events, wanted = asked.moment.events or [], [item.text for item in what.items]
    names = {re.match(r"\"?(\w*)", one)[1] for one in wanted}
    # a pattern that begins with * has no name
    found = [event["text"] for event in events if event["text"].partition("(")[0] in names
             or any(_is_event(event, one) for one in wanted)]
    shown = "events " + (", ".join(found[:6]) + (f" and {len(found) - 6} more"
                                                 if len(found) > 6 else "") if found else "none")
    if what.how == "no":
        return not any(_is_event(event, one) for event in events for one in wanted), shown
    if what.how:
        return sum(_is_event(event, wanted[0]) for event in events) == integer(what.how), shown
    return _in_order(wanted, events, _is_event), shown


def _property(what: What, asked: Asked) -> tuple[bool, str]:
    wanted = what.of[0].text
    so = bool(asked.broken(properties.mask([wanted])))
    return so == (what.how == "broken"), f"property {wanted} {'broken' if so else 'holds'}"


def _properties(what: What, asked: Asked) -> tuple[bool, str]:
    broken = asked.broken(properties.ALWAYS)
    found = f"property {broken[0]} broken" if broken else "properties hold"
    return (not broken) == (what.how == "hold"), found


def _ending(what: What, asked: Asked) -> tuple[bool, str]:
    return result_holds(what.how, asked.moment, asked.view, asked.place)


def _faults(what: What, asked: Asked) -> tuple[bool, str]:
    count = sum(event["text"].partition("(")[0] in _FAULTS for event in asked.moment.events or [])
    return count == integer(what.how), f"faults {count}"


def _unchanged(what: What, asked: Asked) -> tuple[bool, str]:
    changed = asked.moment.unchanged()
    more = f" and {len(changed) - 4} more" if len(changed) > 4 else ""
    return not changed, f"changed: {', '.join(changed[:4])}{more}" if changed else "nothing changed"


def _interference(what: What, asked: Asked) -> tuple[bool, str]:
    seen = [event for event in asked.moment.events or []
            if event["text"].startswith("interference(")]
    found = "none" if not seen else "happened" if any(
        event["words"][-1] == 1 for event in seen) else "refused"
    return found == what.how, f"interference {found}"


def _field(what: What, asked: Asked) -> tuple[bool, str]:
    path = asked.path(what.of[0].text)
    where, image = asked.moment.where, asked.moment.after
    found, wanted = where.read(image, path), integer(what.how)
    try:
        bits = 8 * where.place(path).size
    except BadInput:
        bits = 1        # a bit of a word
    so = found == wanted % (1 << bits)
    signed = found - (1 << bits) if bits > 1 and found >> (bits - 1) else found
    shown = f"{signed}" if -4096 < signed < 4096 else f"{found:#x}"
    return so, f"{what.of[0]} = {shown}"


_HOLDS: dict[str, Callable[[What, Asked], tuple[bool, str]]] = {
    "pte": _pte, "vmas": _vmas, "vma": _vma, "process": _process, "page": _page,
    "buffer": _buffer, "file": _file, "swap": _swap, "counters": _counters, "locks": _locks,
    "steps": _steps, "events": _events, "property": _property, "properties": _properties,
    "result": _ending, "faults": _faults, "unchanged": _unchanged,
    "interference": _interference, "field": _field,
}
