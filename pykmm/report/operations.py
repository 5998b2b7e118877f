# SPDX-License-Identifier: GPL-2.0-only
"""Operations of sequences as text: who does what, and what it gave."""

import errno

from ..engine import core

_NO_FD = 255
_PROT = {1: "READ", 2: "WRITE", 4: "EXEC", 8: "SEM"}
_MS = {1: "ASYNC", 2: "INVALIDATE", 4: "SYNC"}
# KMM_MMAP_* of machine/operation.h
_MMAP = {1: "SHARED", 2: "PRIVATE", 4: "ANYWHERE", 8: "LOCKED", 16: "POPULATE", 32: "NORESERVE",
         64: "GROWSDOWN", 128: "NONBLOCK"}
_MODE = {1: "READ", 2: "WRITE"}
# (operation, argument) -> names of its bits
_BITS = {("mmap", "prot"): _PROT, ("mprotect", "prot"): _PROT, ("mmap", "flags"): _MMAP,
         ("msync", "flags"): _MS, ("open", "mode"): _MODE,
         ("remap_file_pages", "flags"): {1: "NONBLOCK"}}
_SYNC_MODE = {0: "NONE", 1: "ALL"}
_SIGNALS = {-1007: "SIGBUS", -1009: "SIGKILL", -1011: "SIGSEGV"}
_ADDRESSES = ("mmap", "brk")
_LAST_ERRNO = 4095


def _value(operation: str, argument: str, value: int) -> str:
    if argument == "fd" and value == _NO_FD:
        return "none"
    if (operation, argument) == ("writeback", "mode"):
        return _SYNC_MODE.get(value, str(value))
    names = _BITS.get((operation, argument))
    if not names or not value:
        return str(value)
    rest = value & ~sum(names)
    return "|".join([*(name for bit, name in names.items() if value & bit),
                     *([f"{rest:#x}"] if rest else [])])


def text(name: str, actor: int, arguments: tuple[int, ...]) -> str:
    """An operation as one would write it: `0: mmap fd=0 place=1 pages=2 prot=READ ...`."""
    of = next(of for kind, of in core.OPERATIONS if kind == name)
    said = [f"{argument}={_value(name, argument, value)}"
            for argument, value in zip(of, arguments, strict=True)]
    return " ".join([f"{actor}:", name, *said])


def texts(case: bytes) -> list[str]:
    """The operations of a sequence."""
    return [text(*operation) for operation in core.operations_of(case)]


def error_name(value: int) -> str:
    """EACCES or SIGSEGV for the result of an operation that failed, "" for any other."""
    if not -_LAST_ERRNO <= value < 0:
        return ""
    return _SIGNALS.get(value) or errno.errorcode.get(-value, str(value))


def _result(name: str, value: int) -> str:
    failed = error_name(value)
    if failed:
        return f"-{failed}" if failed.startswith("E") else failed
    return f"{value:#x}" if name in _ADDRESSES else str(value)


def event_text(kind: int, actor: int, packed: int, result: int) -> str:
    """The event that stands for an operation; its arguments are packed as in machine/operation.c.

    result : int    64 bits without a sign, as a trace holds it
    """
    name, arguments = core.OPERATIONS[kind]
    values = tuple(packed >> 8 * i & 0xFF for i in range(len(arguments)))
    signed = result - (1 << 64) if result >> 63 else result
    return f"operation({text(name, actor, values)}) = {_result(name, signed)}"


def interference_text(kind: int, actor: int, acted: int) -> str:
    """The event before the operation of another actor, who acts or would have to wait."""
    return f"interference({actor}: {core.OPERATIONS[kind][0]}) = {acted}"
