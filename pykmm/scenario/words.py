# SPDX-License-Identifier: GPL-2.0-only
"""What arguments may be: how each is said, and the number that it stands for.

A form looks at a value before anything runs (`check`), and gives its number
when it is needed (`number`), as what names stand for is known only then.
"""

from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from ..actors import PAGE, SLOTS
from .model import Value

PLACES, HEAP_PLACE, HEAP_PLACES = 16, 16, 8
NO_FD, FDS, PAGES, PROCESSES = 255, 4, 17, 3
FIRST, HEAP = 0x40000000, 0x08050000


class Unmeant(Exception):
    """A value that cannot be meant: what is wrong with it, for a message that knows the line.

    column : int | None   where, if it is known
    """

    def __init__(self, what: str, column: int | None = None):
        super().__init__(what)
        self.column = column


class Now(Protocol):
    """What is known while a scenario runs."""

    def place(self, name: str) -> int:
        """The place that a name stands for."""

    def file(self, name: str) -> int:
        """The number of a file."""

    def page(self, text: str) -> int:
        """The page at f[0] or p0[a]; raises Missing."""

    def descriptor(self, name: str, process: int) -> int:
        """A descriptor of a file, which is opened if need be."""


@dataclass
class Known:
    """What can be named on a line: files, and results of what stands above it."""

    files: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)


def integer(text: str) -> int:
    return int(text, 0) if text.startswith("0x") else int(text)


def _refuse(value: Value, wanted: str) -> NoReturn:
    raise Unmeant(f"found {value.text!r}, expected {wanted}", value.column)


@dataclass(frozen=True)
class Number:
    """A number from low to high; step: only its multiples, which count as one each."""

    low: int = 0
    high: int = 255
    step: int = 1

    def check(self, value: Value, known: Known) -> None:
        wanted = f"a number from {self.low} to {self.high}"
        if self.step > 1:
            wanted += f", a multiple of {self.step}"
        if value.kind != "number":
            _refuse(value, wanted)
        found = integer(value.text)
        if not self.low <= found <= self.high or found % self.step:
            _refuse(value, wanted)

    def number(self, value: Value, now: Now, process: int) -> int:
        return integer(value.text) // self.step

    def said(self, number: int) -> str:
        return str(number * self.step)


@dataclass(frozen=True)
class Flags:
    """Names joined by |, or a number; nothing: what stands for no bit at all."""

    names: dict[str, int]
    high: int = 255
    nothing: str = "none"

    def _bits(self, value: Value) -> int | None:
        found = 0
        for part in value.text.split("|"):
            if part in self.names:
                found |= self.names[part]
            elif part != self.nothing:
                try:
                    found |= integer(part)
                except ValueError:
                    return None
        return found

    def check(self, value: Value, known: Known) -> None:
        found = self._bits(value) if value.kind in ("word", "bits", "number") else None
        if found is None or found > self.high:
            names = "|".join(self.names)
            _refuse(value, f"{self.nothing}, {names} or a number up to {self.high}")

    def number(self, value: Value, now: Now, process: int) -> int:
        found = self._bits(value)
        assert found is not None
        return found

    def said(self, number: int) -> str:
        rest = number & ~sum(self.names.values())
        names = [name for name, bit in self.names.items() if number & bit == bit]
        return "|".join([*names, *([f"{rest:#x}"] if rest else [])]) or self.nothing


@dataclass(frozen=True)
class Letters(Flags):
    """Flags whose one-letter names may stand together: rw, r|sem."""

    def _bits(self, value: Value) -> int | None:
        found = 0
        for part in value.text.split("|"):
            if part in self.names or part == self.nothing:
                found |= self.names.get(part, 0)
            elif all(letter in self.names for letter in part):
                found |= sum(self.names[letter] for letter in set(part))
            else:
                try:
                    found |= integer(part)
                except ValueError:
                    return None
        return found

    def said(self, number: int) -> str:
        letters = "".join(name for name, bit in self.names.items()
                          if number & bit and len(name) == 1)
        longer = [name for name, bit in self.names.items() if number & bit and len(name) > 1]
        rest = number & ~sum(self.names.values())
        return "|".join([*([letters] if letters else []), *longer,
                         *([f"{rest:#x}"] if rest else [])]) or self.nothing


@dataclass(frozen=True)
class OneOf:
    """One name of several."""

    names: dict[str, int]

    def check(self, value: Value, known: Known) -> None:
        if value.text not in self.names:
            _refuse(value, " or ".join(self.names))

    def number(self, value: Value, now: Now, process: int) -> int:
        return self.names[value.text]

    def said(self, number: int) -> str:
        return next(name for name, value in self.names.items() if value == number)


def place_said(place: int) -> str:
    """A place as text: 3, heap, heap+1."""
    if place < HEAP_PLACE:
        return str(place)
    return f"heap+{place - HEAP_PLACE}" if place > HEAP_PLACE else "heap"


def place_of_address(address: int) -> int | None:
    """The place of the first byte of a page; None: no process has page tables for it."""
    for start, first, places in ((FIRST, 0, PLACES), (HEAP, HEAP_PLACE, HEAP_PLACES)):
        # the end of an area may be the end of the last place
        if 0 <= address - start <= places * PAGE and not address % PAGE:
            return first + (address - start) // PAGE
    return None


def address_of_place(place: int) -> int:
    if place >= HEAP_PLACE:
        return HEAP + (place - HEAP_PLACE) * PAGE
    return FIRST + place * PAGE


@dataclass(frozen=True)
class Place:
    """A page of a process: 0 to 15, a name for one, heap, any of these plus a number of pages."""

    high: int = HEAP_PLACE + HEAP_PLACES - 1

    def check(self, value: Value, known: Known) -> None:
        if value.kind == "number" and integer(value.text) <= self.high:
            return
        name = value.text.partition("+")[0]
        if value.kind in ("word", "sum") and name in [*known.results, "heap"]:
            return
        names = f" ({', '.join(known.results)})" if known.results else ""
        _refuse(value, f"a page of the process: 0 to 15, heap, or a name{names} that an mmap "
                "above gave it")

    def number(self, value: Value, now: Now, process: int) -> int:
        if value.kind == "number":
            return integer(value.text)
        name, _, more = value.text.partition("+")
        try:
            place = (HEAP_PLACE if name == "heap" else now.place(name)) + int(more or 0)
        except Unmeant as error:
            raise Unmeant(str(error), value.column) from error
        if place > self.high + 1:
            raise Unmeant(f"{value.text} is outside of what processes here have page tables for",
                          value.column)
        return place

    def said(self, number: int) -> str:
        return place_said(number)


@dataclass(frozen=True)
class FileName:
    """A file by its name."""

    def check(self, value: Value, known: Known) -> None:
        if value.text not in known.files:
            _refuse(value, f"a file: {' or '.join(known.files) or 'there is none'}")

    def number(self, value: Value, now: Now, process: int) -> int:
        return now.file(value.text)

    def said(self, number: int) -> str:
        return f"f{number}"


@dataclass(frozen=True)
class Descriptor:
    """A file by its name, or a descriptor by its number; anon: no file."""

    anonymous: bool = False

    def check(self, value: Value, known: Known) -> None:
        if value.kind == "number" and integer(value.text) < FDS:
            return
        if value.text in known.files or (self.anonymous and value.text == "anon"):
            return
        anon = ", anon" if self.anonymous else ""
        _refuse(value, f"a file ({' or '.join(known.files) or 'there is none'}), a descriptor from "
                f"0 to {FDS - 1}{anon}")

    def number(self, value: Value, now: Now, process: int) -> int:
        if value.text == "anon" and self.anonymous:
            return NO_FD
        if value.kind == "number":
            return integer(value.text)
        return now.descriptor(value.text, process)

    def said(self, number: int) -> str:
        return "anon" if number == NO_FD else str(number)


@dataclass(frozen=True)
class Page:
    """A page by its number, or as f[0] (of a file) or p0[a] (of a process)."""

    def check(self, value: Value, known: Known) -> None:
        if value.kind == "number" and integer(value.text) < PAGES:
            return
        if value.kind == "page_of":
            check_page_of(value, known)
            return
        _refuse(value, f"a page: 0 to {PAGES - 1}, or as f[0] or p0[a]")

    def number(self, value: Value, now: Now, process: int) -> int:
        return integer(value.text) if value.kind == "number" else now.page(value.text)

    def said(self, number: int) -> str:
        return str(number)


def check_page_of(value: Value, known: Known) -> None:
    """f[INDEX] of a known file, or p0[PLACE]."""
    name, _, inside = value.text.rstrip("]").partition("[")
    kind = "sum" if "+" in inside else "number" if inside[0].isdigit() else "word"
    if name in ("p0", "p1", "p2"):
        Place().check(Value(inside, kind, value.column), known)
        return
    FileName().check(Value(name, "word", value.column), known)
    if kind != "number":
        raise Unmeant(f"found {value.text!r}, expected an index as in {name}[0]", value.column)


@dataclass(frozen=True)
class ProcessName:
    """p0, p1 or p2."""

    def check(self, value: Value, known: Known) -> None:
        if value.kind != "actor":
            _refuse(value, "a process: p0, p1 or p2")

    def number(self, value: Value, now: Now, process: int) -> int:
        return int(value.text[1])

    def said(self, number: int) -> str:
        return f"p{number}"


Form = Number | Flags | OneOf | Place | FileName | Descriptor | Page | ProcessName

PROT = Letters({"r": 1, "w": 2, "x": 4, "sem": 8}, 15)
MODE = Letters({"r": 1, "w": 2}, 3)
ANYWHERE = 4
MMAP_FLAGS = Flags({"shared": 1, "private": 2, "locked": 8, "populate": 16, "noreserve": 32,
                    "growsdown": 64, "nonblock": 128})
MSYNC_FLAGS = Flags({"async": 1, "invalidate": 2, "sync": 4})
BIT = Number(0, 1)
SECTORS_OF_FILE = SLOTS * 4
