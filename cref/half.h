/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every half exports: one table.  The C half, the Cython half, the half
 * made of the mail, a mutant and a user's own port are used alike through it.
 *
 * A shared library exports the symbol `kmm_half`:
 *
 *	__attribute__((visibility("default"))) const struct kmm_half kmm_half = {
 *		.abi = KMM_HALF_ABI, .size = sizeof(struct kmm_half),
 *		.name = "mine", .enter = kmm_enter,
 *		.page_mkclean_one = my_page_mkclean_one,
 *	};
 *
 * enter: called with the world before a function of the half is; `kmm_enter` of
 * machine/enter.c keeps it for the primitives of machine/.
 *
 * A function that a half does not have is NULL, and then C's own is called in
 * its place, with all that it calls in turn: whatever is run with the half says which
 * those are, and that nothing is said of them.  A half with none of the functions
 * is refused, and so is a run in which none of those that it has would be called.
 *
 * KMM_HALF_ABI is made by the compiler of the layout of worlds (machine/layout.def, with
 * offsets and sizes), of events (machine/events.def) and of this table (half.def), as the half is
 * built: nobody has to count it up.  A half that was built against others is refused, and so is
 * one without events (-DKMM_QUIET) where they are recorded.
 */
#ifndef KMM_HALF_H
#define KMM_HALF_H

#include "half_abi.h"
#include "half_table.h"

#endif
