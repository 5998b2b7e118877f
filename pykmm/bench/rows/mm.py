# SPDX-License-Identifier: GPL-2.0-only
"""Rows of include/linux/mm.h: is_shared_writable, which the patch brings."""

from ..kernel import Kernel
from ..row import Call, Row

# vm_flags as mmap makes them: read, write, may all, and may be shared
_SHARED, _PRIVATE = 0x0FB, 0x073


def _row(what: str, flags: int) -> Row:
    return Row(f"is_shared_writable/{what}", "is_shared_writable",
               lambda units: Kernel(units).start(Call("is_shared_writable", {"flags": flags})),
               has_before=False)


ROWS = [_row("yes", _SHARED), _row("no", _PRIVATE)]
