# SPDX-License-Identifier: GPL-2.0-only
"""The table of changes that are none: tests/quality/equivalent.toml."""

from __future__ import annotations

from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10 has no TOML reader of its own
    import tomli as tomllib

TABLE = Path(__file__).resolve().parents[2] / "tests/quality/equivalent.toml"


def proofs() -> dict[str, str]:
    """Name of a change -> why no case can see it."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8")).get("equivalent", [])
    return {change: row["why"] for row in rows for change in row["changes"]}
