# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm`: where it begins and how it ends.

Nothing is imported before there is somebody to catch what an import can meet:
Ctrl-C, or a package that is not there.
"""

import os
import signal
import sys
import traceback

from . import streams

GOOD, LACKING = 0, 3


def main() -> None:
    """Entry point: one line for every error, never a traceback."""
    streams.open_closed()
    code = GOOD
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                # by an exception, so that what was started is ended
                signal.signal(number, lambda number, _: sys.exit(128 + number))
        from .commands import run_command

        code = run_command()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        streams.complain("stopped")
        streams.flush()
        # sys.exit would not do: an interrupt inside code that an import executes from a string
        # (a dataclass, a named tuple) makes Python end by SIGINT although it was caught
        os._exit(GOOD)
    except ImportError as error:
        streams.complain(
            f"{error}: pykmm is not built here; run `make build`, or install it with pip"
        )
        code = LACKING
    except MemoryError:
        streams.complain("there is not enough memory here")
        code = LACKING
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        streams.complain(f"pykmm itself is broken: {type(error).__name__}: {error}; please report "
                         f"it with the command and the place: {place.filename}:{place.lineno}")
        code = LACKING
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    streams.flush()
    sys.exit(code)


if __name__ == "__main__":
    main()
