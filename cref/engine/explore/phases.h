/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the time of exploring goes: as engine/phases.h, for transitions. */
#ifndef KMM_ENGINE_EXPLORE_PHASES_H
#define KMM_ENGINE_EXPLORE_PHASES_H

#include "engine/explore/explore.h"

enum kmm_explore_phase {
	KMM_UP_TO_WALK,		/* the world made again from its parent's */
	KMM_UP_TO_ONE_HALF,	/* and acted on by the first half, and put back */
	KMM_UP_TO_BOTH,		/* and by the second one where functions are called, and compared */
	KMM_UP_TO_FORM,		/* and, unless nothing has changed, its canonical form and hash */
	KMM_UP_TO_FIND,		/* and looked up; of worlds that were tried before all are known */
	KMM_AND_PROPERTIES,	/* the first one, and all properties of that world, once */
	NR_KMM_EXPLORE_PHASES
};

/*
 * Nanoseconds of this thread for all actions on the worlds from number `from`
 * up to and without `to`, which have been tried already, and how many
 * transitions those are.
 */
KMM_EXPORT u64 kmm_time_transitions(struct kmm_explorer *explorer, u32 from, u32 to,
				    enum kmm_explore_phase up_to, u64 *transitions);

#endif
