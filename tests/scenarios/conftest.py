# SPDX-License-Identifier: GPL-2.0-only
"""Every .kmm below this folder is a test."""

from pykmm.scenario.plugin import pytest_collect_file  # noqa: F401
