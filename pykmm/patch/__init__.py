# SPDX-License-Identifier: GPL-2.0-only
"""The patch mail as input: reading it, naming its edits, and the half X made of its lines.

transport  bytes on disk -> numbered lines, as the sender wrote them
mail       lines -> files, hunks, lines
table      the figures of v8: which hunks, which edits, one hash per line
edits      a mail against the table: v8, altered, or refused
canonical  the mail as a patch that standard tools parse
regions    the C half with its marked regions replaced by the mail's hunks
half_x     that text compiled to a shared library
"""
