# SPDX-License-Identifier: GPL-2.0-only
"""What people see: names for bytes, events as text, findings, tables."""
