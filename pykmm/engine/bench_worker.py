# SPDX-License-Identifier: GPL-2.0-only
"""engine.worker as benchmarks need it: python -m pykmm.engine.bench_worker FD BUILD LAYOUT.

BUILD: "quiet" for halves, machine and engine that record no events, or "events".
LAYOUT: the number that addresses are drawn from.
"""

import sys

from .. import quiet
from ..bench import addresses

if __name__ == "__main__":
    addresses.fix(__spec__.name)
    _, _, build, layout = sys.argv
    scatter = addresses.Scatter(int(layout))
    if build == "quiet":
        quiet.use()
    sys.meta_path.insert(0, scatter)
    # only now: it loads the engine
    from .worker import main

    sys.exit(main())
