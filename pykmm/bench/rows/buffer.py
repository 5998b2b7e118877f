# SPDX-License-Identifier: GPL-2.0-only
"""Rows of fs/buffer.c: try_to_free_buffers, of a page with four buffers that write(2) made."""

from collections.abc import Callable

from ..kernel import Kernel
from ..row import Call, Row, Start

_BLOCK = 1024


def _written_back(kernel: Kernel, file: int) -> None:
    kernel.operate("sync")


def _flushed_by_hand(kernel: Kernel, file: int) -> None:
    """The file system writes the buffers and tells the page nothing: it stays dirty."""
    kernel.operate("flush_buffers", file, 0)
    kernel.operate("complete", kernel.page_number(kernel.page(file)), 1)


def _left(kernel: Kernel, file: int) -> None:
    """Its buffers are dirty, and so it keeps them."""


def _row(what: str, prepare: Callable[[Kernel, int], None]) -> Row:
    def make(units: int) -> Start:
        kernel = Kernel(units)
        file = kernel.file("block device", block=_BLOCK)
        kernel.operate("write", file, 0, 0, 4)
        prepare(kernel, file)
        page = kernel.page(file)
        kernel.hold("lock_page", page)
        return kernel.start(Call("try_to_free_buffers", {"page": page}))

    return Row(f"try_to_free_buffers/{what}", "try_to_free_buffers", make)


ROWS = [
    _row("clean page", _written_back),
    _row("dirty page", _flushed_by_hand),
    _row("kept", _left),
]
