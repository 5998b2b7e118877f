# SPDX-License-Identifier: GPL-2.0-only
"""Running halves against each other: cases, replay, shards, findings."""
