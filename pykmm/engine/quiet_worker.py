# SPDX-License-Identifier: GPL-2.0-only
"""engine.worker in a process whose halves, machine and engine record no events."""

import sys

from .. import quiet

if __name__ == "__main__":
    quiet.use()
    # only now: it loads the engine
    from .worker import main

    sys.exit(main())
