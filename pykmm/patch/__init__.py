# SPDX-License-Identifier: GPL-2.0-only
"""The patch mail as input: reading it, naming its edits, and the half X made of its lines.

transport  bytes on disk -> numbered lines, as the sender wrote them
foreign    what a file is that holds no patch as it stands: packed, encoded, quoted, marked up
mail       lines -> files, hunks, lines
table      the figures of v8: which hunks, which edits, one hash per line
fit        the hunks of a mail laid over v8's: context and places are v8's, or it is refused
edits      a mail against the table: v8, altered, or refused
canonical  the mail as a patch that standard tools parse
regions    the C half with its marked regions replaced by the mail's hunks
half_x     that text compiled to a shared library
"""
