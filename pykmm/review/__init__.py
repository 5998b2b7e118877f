# SPDX-License-Identifier: GPL-2.0-only
"""The patch as a reviewer reads it.

facts        everything that is told: edits beside both halves, counts, units, claims
places       where each edit is in C and in Cython; mirrored, alignment: which lines stand together
witnesses    of each unit a run that goes wrong without it, run; state, picture: what it shows
terminal     facts as text; page: facts as one HTML file
sentences    the prose of a mail, found again whatever an archive did to it
revisions    what changed between two mails; against: where the two part, in which scopes, and
             two_halves: after which operation a user sees it
claims       what the mail says of the patch, and whether it is so
"""
