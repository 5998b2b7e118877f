# SPDX-License-Identifier: GPL-2.0-only
"""Have both halves of a function one structure?  Real parsers read them into one form."""
