# SPDX-License-Identifier: GPL-2.0-only
"""Ctrl-C that ends what is going on, and not the command."""

import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def instead(stop: Callable[[], None]) -> Iterator[None]:
    """Within it Ctrl-C calls stop(), so that what there is by then can still be told."""
    earlier = signal.getsignal(signal.SIGINT)
    if earlier is not signal.SIG_IGN:       # as background jobs have it
        signal.signal(signal.SIGINT, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)
