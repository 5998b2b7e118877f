# SPDX-License-Identifier: GPL-2.0-only
"""What must be on the machine before anything can be built; run by make.

Written for any Python 3, so that an old one can say that it is too old.
"""

import os
import shutil
import sys
import sysconfig

missing = []

if sys.version_info < (3, 10):
    missing.append("Python 3.10 or newer: this is %d.%d; say make PYTHON=python3.12 or the like"
                   % sys.version_info[:2])
try:
    import ensurepip  # noqa: F401
    import venv  # noqa: F401
except ImportError:
    missing.append("Python's venv module (Debian: apt-get install python3-venv)")

headers = sysconfig.get_path("include") or ""
if not os.path.isfile(os.path.join(headers, "Python.h")):
    missing.append("Python's headers (Debian: apt-get install python3-dev)")

compiler = (os.environ.get("CC") or "").split()[:1] or ["cc", "gcc"]
if not any(shutil.which(name) for name in compiler):
    missing.append("a C compiler (Debian: apt-get install gcc), or CC set to one")

for what in missing:
    sys.stderr.write("pykmm needs " + what + "\n")
sys.exit(3 if missing else 0)
