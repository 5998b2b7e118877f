// SPDX-License-Identifier: GPL-2.0-only
/* One action on an image, by all halves, and the world that it leads to. */
#include <string.h>

#include "engine/explore/beside.h"
#include "engine/explore/inside.h"
#include "engine/lines.h"
#include "engine/transition.h"

void kmm_try_from(struct kmm_walker *walker, const u8 *image)
{
	kmm_transition_from(walker->runner, image);
	walker->armed = 0;
	kmm_recent_from(walker->recent, image);
}

static int is_armed(const struct kmm_action *action)
{
	return action->fail_in | action->pause_in[0] | action->pause_in[1];
}

/* In a world that is not armed all of this is as kmm_settle leaves it. */
static void arm(struct kmm_walker *walker, const struct kmm_action *action)
{
	struct kmm_runner *runner = walker->runner;
	int armed = is_armed(action);

	if (!armed && !walker->armed)
		return;
	walker->armed = (u32)armed;
	kmm_arm((struct world *)runner->drawn, action);
	kmm_transition_write(runner, KMM_ARMED_FROM, runner->drawn + KMM_ARMED_FROM,
			     KMM_ARMED_TO - KMM_ARMED_FROM);
}

/* The lines that an operation has changed, but for those where it was armed. */
static void meet(struct kmm_walker *walker)
{
	struct kmm_runner *runner = walker->runner;
	u32 i;

	walker->nr_lines = 0;
	for (i = 0; i < runner->nr_changed; i++) {
		walker->lines[walker->nr_lines] = runner->changed[i];
		walker->nr_lines += runner->changed[i] < KMM_FIRST_ARMED ||
				    runner->changed[i] > KMM_LAST_ARMED;
	}
	kmm_recent_meet(walker->recent, runner->world, walker->lines, walker->nr_lines);
}

u32 kmm_try(struct kmm_walker *walker, const struct kmm_explore_job *job,
	    const struct kmm_action *action, struct kmm_result *first)
{
	struct kmm_runner *runner = walker->runner;

	arm(walker, action);
	kmm_called_begin(job->halves[0]);
	kmm_transition_first(runner, &action->operation, kmm_called_half(), first);
	meet(walker);
	/* all that ran is the machine's: by another half it would be the same run once more */
	if (!kmm_called())
		return 0;
	return kmm_transition_others(runner, &action->operation, job->halves, job->nr_halves, first);
}

/* Of the lines where it was armed, those in which a settled world is not as the image. */
static u32 other_lines(const struct kmm_walker *walker, const u8 *image, u16 *lines)
{
	const struct kmm_runner *runner = walker->runner;
	u32 nr = 0, i;

	if (!walker->armed && walker->nr_lines == runner->nr_changed)
		return 0;
	for (i = KMM_FIRST_ARMED; i <= KMM_LAST_ARMED; i++)
		if (memcmp(kmm_line_at(runner->world, i), kmm_line_at(image, i), KMM_LINE))
			lines[nr++] = (u16)i;
	return nr;
}

enum kmm_led_to kmm_lead_to(struct kmm_walker *walker, const struct kmm_scope *scope,
			    const u8 *image, int faults, u64 hash[2])
{
	struct world *world = walker->runner->world;
	u16 lines[KMM_LAST_ARMED - KMM_FIRST_ARMED + 1];
	u32 nr;
	u64 *kept;
	int known;

	kmm_settle(world);
	nr = other_lines(walker, image, lines);
	if (!faults && !walker->nr_lines && !nr)
		return KMM_LED_NOWHERE;
	if (!faults && !kmm_in_scope(world, scope))
		return KMM_LED_OUTSIDE;
	kept = kmm_recent_hash(walker->recent, world, lines, nr, &known);
	if (!known)
		kmm_canonical_hash(walker->form, world, kept);
	hash[0] = kept[0];
	hash[1] = kept[1];
	return KMM_LED_TO_WORLD;
}
