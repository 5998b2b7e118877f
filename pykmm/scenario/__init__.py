# SPDX-License-Identifier: GPL-2.0-only
"""Cases as text that a person can write: `.kmm`; docs/scenarios.md tells the language."""
