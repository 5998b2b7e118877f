# SPDX-License-Identifier: GPL-2.0-only
"""engine.worker as benchmarks need it: python -m pykmm.engine.bench_worker FD [quiet].

quiet: halves, machine and engine record no events.

Code and worlds lie at the same addresses in every run: which of them get in each other's way in
a processor's caches and predictors depends on addresses, and would be drawn anew each time.
"""

import ctypes
import os
import sys

from .. import quiet

ADDR_NO_RANDOMIZE = 0x0040000       # of <linux/personality.h>
_AS_IT_IS = 0xFFFFFFFF


def fix_addresses() -> None:
    """Start this process again without random addresses, once, where the system lets it."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "personality"):
        return
    now = libc.personality(_AS_IT_IS)
    if now & ADDR_NO_RANDOMIZE or libc.personality(now | ADDR_NO_RANDOMIZE) < 0:
        return
    if libc.personality(_AS_IT_IS) & ADDR_NO_RANDOMIZE:
        os.environ["PYTHONHASHSEED"] = "0"      # orders of sets, and so of allocations
        os.execv(sys.executable, [sys.executable, "-m", __spec__.name, *sys.argv[1:]])


if __name__ == "__main__":
    fix_addresses()
    if "quiet" in sys.argv[2:]:
        quiet.use()
    # only now: it loads the engine
    from .worker import main

    sys.exit(main())
