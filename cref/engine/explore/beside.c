// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/explore/beside_inside.h"
#include "engine/explore/hash.h"

/* Runs of a kernel that are shorter than what was found, and not longer than is asked. */
static u32 limit_of(const struct kmm_beside *b, u32 kernel)
{
	const struct kmm_kernel *asked = &b->kernels[kernel];
	u32 wrong = b->wrong[kernel].length ? b->wrong[kernel].length - 1 : asked->wrong_within;
	u32 seen = b->seen[kernel].length ? b->seen[kernel].length - 1 : asked->seen_within;

	return wrong > seen ? wrong : seen;
}

static u32 limit(const struct kmm_beside *b)
{
	u32 most = 0, i;

	for (i = 1; i < b->nr; i++)
		if (limit_of(b, i) > most)
			most = limit_of(b, i);
	return most;
}

/* One action by one kernel from an image; the block is left as it leaves it, at rest. */
static void perform(struct kmm_beside *b, u32 kernel, const struct kmm_action *action,
		    const u8 *from, u32 version, struct did *did)
{
	struct world *world = b->runner->world;
	const struct kmm_half *half = b->kernels[kernel].half;

	memcpy(world, from, bytes_of(b));
	world->units = b->kernels[kernel].units;
	world->version = version;
	kmm_arm(world, action);
	kmm_called_begin(half);
	kmm_guarded_operation(b->runner, kmm_called_half(), &action->operation, &did->result);
	did->called = kmm_called();
	did->took_place = (u32)kmm_took_place(world, action);
	did->order_fault = world->order_fault;
	did->sleep_fault = world->sleep_fault;
	did->store_faults = world->store_faults;
	kmm_settle(world);
	world->units = b->kernels[V8].units;
}

static u32 version_of(const u8 *image)
{
	return ((const struct world *)(const void *)image)->version;
}

/* Both worlds of a pair one action further, into left[]. */
static void perform_both(struct kmm_beside *b, u32 kernel, const struct kmm_action *action,
			 const u8 *first, const u8 *second, struct did did[2])
{
	u32 one = version_of(first), other = version_of(second), version = one > other ? one : other;

	perform(b, V8, action, first, version, &did[0]);
	memcpy(b->left[0], b->runner->world, bytes_of(b));
	perform(b, kernel, action, second, version, &did[1]);
	memcpy(b->left[1], b->runner->world, bytes_of(b));
}

/* Sets. */

static int push(struct level *level, u32 number)
{
	if (level->nr == level->room) {
		u32 room = level->room ? 2 * level->room : 64;
		u32 *numbers = realloc(level->numbers, room * sizeof(*numbers));

		if (!numbers)
			return -ENOMEM;
		level->numbers = numbers;
		level->room = room;
	}
	level->numbers[level->nr++] = number;
	return 0;
}

/* Remember how it was reached, unless it is known by a run that is no longer. */
static int reach(struct set *set, const struct kmm_seen *seen, u32 cost)
{
	u32 number = kmm_visited_find(&set->visited, seen->hash);

	if (number != KMM_NO_WORLD) {
		if (set->cost[number] <= cost)
			return 0;
		set->visited.seen[number] = *seen;
	} else {
		number = kmm_visited_add(&set->visited, seen);
		if (number == KMM_NO_WORLD)
			return -ENOMEM;
	}
	if (number >= set->room) {
		u32 room = set->room ? 2 * set->room : 1024;
		u8 *costs = realloc(set->cost, room);

		if (!costs)
			return -ENOMEM;
		set->cost = costs;
		set->room = room;
	}
	set->cost[number] = (u8)cost;
	return push(&set->levels[cost], number);
}

/* The way to a world or a pair: numbers of its actions, the last one last. */
static u32 path_to(const struct kmm_beside *b, u32 set, u32 number, u32 *actions,
		   struct step *steps)
{
	u32 length = 0, i, at_set = set, at = number;

	for (;;) {
		const struct kmm_seen *seen = &b->sets[at_set].visited.seen[at];

		if (seen->parent == KMM_NO_WORLD)
			break;
		length++;
		at = seen->parent;
		at_set = seen->flags ? V8 : at_set;
	}
	for (i = length; i; i--) {
		const struct kmm_seen *seen = &b->sets[set].visited.seen[number];

		actions[i - 1] = seen->action;
		if (steps)
			steps[i] = (struct step){ set, number };
		number = seen->parent;
		set = seen->flags ? V8 : set;
	}
	if (steps)
		steps[0] = (struct step){ V8, 0 };
	return length;
}

static int room_for(struct kmm_beside *b, u32 length)
{
	u8 *images;

	if (length < b->room)
		return 0;
	images = realloc(b->images, 2ull * (length + 8) * bytes_of(b));
	if (!images)
		return -ENOMEM;
	b->images = images;
	b->room = length + 8;
	return 0;
}

/* Make a world or a pair again: how many actions it takes, or -ENOMEM. */
static int walk_to(struct kmm_beside *b, u32 set, u32 number)
{
	struct step steps[KMM_MOST_DEPTH + 1];
	u32 actions[KMM_MOST_DEPTH], length = path_to(b, set, number, actions, steps), same = 0, at;
	struct did did[2];

	if (room_for(b, length))
		return -ENOMEM;
	while (same < length && same + 1 < b->walked && b->path[same + 1].set == steps[same + 1].set &&
	       b->path[same + 1].number == steps[same + 1].number)
		same++;
	for (at = same + 1; at <= length; at++) {
		const struct kmm_action *action = &b->job.actions[actions[at - 1]];
		const u8 *first = image_of(b, at - 1, 0);
		/* until they part both are one */
		const u8 *second = steps[at - 1].set == V8 ? first : image_of(b, at - 1, 1);

		if (steps[at].set == V8) {
			perform(b, V8, action, first, version_of(first), &did[0]);
			memcpy(image_of(b, at, 0), b->runner->world, bytes_of(b));
		} else {
			perform_both(b, steps[at].set, action, first, second, did);
			memcpy(image_of(b, at, 0), b->left[0], bytes_of(b));
			memcpy(image_of(b, at, 1), b->left[1], bytes_of(b));
		}
		b->path[at] = steps[at];
	}
	b->walked = length + 1;
	return (int)length;
}

/* Known by the forms of both, versions with names in common, and by which pages are the same. */
static void hash_pair(struct kmm_beside *b, u64 hash[2])
{
	struct world *world = b->runner->world;
	const struct page *one = in_image(b, b->left[0], world->pages);
	const struct page *other = in_image(b, b->left[1], world->pages);
	u64 words[4 + 2 * KMM_CANONICAL_MOST];
	u32 nr = 4, i;

	for (i = 0; i < 2; i++) {
		memcpy(world, b->left[i], bytes_of(b));
		kmm_canonical_hash_as_is(b->form, world, i != 0, &words[2 * i]);
	}
	for (i = 0; i + 1 < world->size.pages; i++) {
		int same = one[i].mapping == other[i].mapping && one[i].index == other[i].index &&
			   !one[i]._count.counter == !other[i]._count.counter;

		words[nr++] = (u64)same << 63 | (same && one[i]._count.counter ? 1 + one[i].index : 0);
		words[nr++] = same ? (u64)(uintptr_t)one[i].mapping - (u64)(uintptr_t)world : 0;
	}
	kmm_hash_words(words, nr, hash);
}

static int is_outside(struct kmm_beside *b, u32 which)
{
	memcpy(b->runner->world, b->left[which], bytes_of(b));
	return !kmm_in_scope(b->runner->world, &b->job.scope);
}

/* A kernel has left other bits than v8, or answered otherwise. */
static int part(struct kmm_beside *b, struct kmm_beside_found *one, const struct did did[2])
{
	struct kmm_seen seen = { .parent = one->parent, .action = one->action & KMM_MOST_ACTIONS,
				 .flags = !one->parted };

	if (!kmm_beside_judge(b, one, did) || one->length >= limit_of(b, one->kernel))
		return 0;
	/* the one world of both is one of v8's, which are all there */
	if (!memcmp(b->left[0], b->left[1], bytes_of(b)))
		return 0;
	if (is_outside(b, 0) || is_outside(b, 1)) {
		b->totals.outside++;
		return 0;
	}
	hash_pair(b, seen.hash);
	return reach(&b->sets[one->kernel], &seen, one->length);
}

/* Every kernel that may do something else from a world of v8. */
static int try_kernels(struct kmm_beside *b, const u8 *from, u32 number, u32 action, u32 length,
		       struct did did[2])
{
	u32 kernel, kept = 0;

	for (kernel = 1; kernel < b->nr; kernel++) {
		struct kmm_beside_found one = { .length = length, .kernel = kernel,
						.parent = number, .action = action };

		if (!(b->kernels[kernel].functions & did[0].called) || length > limit_of(b, kernel))
			continue;
		if (!kept)
			memcpy(b->left[0], b->runner->world, bytes_of(b));
		kept = 1;
		perform(b, kernel, &b->job.actions[action], from, version_of(from), &did[1]);
		if (!did[1].took_place)
			continue;
		if (did[0].result.outcome == did[1].result.outcome &&
		    (did[0].result.outcome != KMM_RETURNED ||
		     (did[0].result.ret == did[1].result.ret &&
		      did[0].order_fault == did[1].order_fault &&
		      did[0].sleep_fault == did[1].sleep_fault &&
		      did[0].store_faults == did[1].store_faults &&
		      !memcmp(b->left[0], b->runner->world, bytes_of(b)))))
			continue;
		memcpy(b->left[1], b->runner->world, bytes_of(b));
		if (part(b, &one, did))
			return -ENOMEM;
	}
	if (kept)
		memcpy(b->runner->world, b->left[0], bytes_of(b));
	return 0;
}

/* Functions of a half that an action may call from a world: all, where that is not known. */
static u32 may_call(const struct kmm_beside *b, const u8 *from, const struct kmm_action *action)
{
	const struct world *world = b->runner->world;
	const struct inode *inodes = in_image(b, from, world->inodes);
	u32 i;

	if (kmm_action_cost(action) > 1)
		return ~0u;
	for (i = b->job.scope.files; i + 1 < world->size.mappings; i++)
		if (inodes[i].i_count)
			return ~0u;
	return kmm_may_call(action->operation.kind);
}

/* Of all kernels that are looked for in runs of this length. */
static u32 functions_asked(const struct kmm_beside *b, u32 length)
{
	u32 asked = 0, i;

	for (i = 1; i < b->nr; i++)
		if (length <= limit_of(b, i))
			asked |= b->kernels[i].functions;
	return asked;
}

static int try_from_world(struct kmm_beside *b, u32 number, u32 at, u32 action)
{
	u32 length = b->at + kmm_action_cost(&b->job.actions[action]);
	const u8 *from = image_of(b, at, 0);
	struct kmm_seen seen = { .parent = number, .action = action & KMM_MOST_ACTIONS };
	struct world *world = b->runner->world;
	struct did did[2];
	u32 may;

	if (length > limit(b))
		return 0;
	may = may_call(b, from, &b->job.actions[action]);
	if (length == limit(b) && !(may & functions_asked(b, length))) {
		b->totals.spared++;
		return 0;
	}
	perform(b, V8, &b->job.actions[action], from, version_of(from), &did[0]);
	if (did[0].called & ~may)
		b->totals.unexpected++;
	if (!did[0].took_place)
		return 0;
	b->totals.transitions++;
	if (try_kernels(b, from, number, action, length, did))
		return -ENOMEM;
	if (did[0].result.outcome != KMM_RETURNED || length >= limit(b))
		return 0;
	if (!memcmp(world, from, bytes_of(b)))
		return 0;
	if (!kmm_in_scope(world, &b->job.scope)) {
		b->totals.outside++;
		return 0;
	}
	kmm_canonical_hash(b->form, world, seen.hash);
	return reach(&b->sets[V8], &seen, length);
}

/* Does an operation of a pair name a page that is not the same in both? */
static int names_another_page(struct kmm_beside *b, u32 at, const struct kmm_operation *operation)
{
	const struct world *world = b->runner->world;
	const struct page *one = in_image(b, image_of(b, at, 0), world->pages);
	const struct page *other = in_image(b, image_of(b, at, 1), world->pages);
	u32 page = operation->a[0];

	switch ((enum kmm_operation_kind)operation->kind) {
	case KMM_OP_complete:
	case KMM_OP_reclaim:
	case KMM_OP_strip:
	case KMM_OP_lock_page:
	case KMM_OP_unpin:
		return page < world->size.pages &&
		       (one[page].mapping != other[page].mapping || one[page].index != other[page].index ||
			!one[page]._count.counter != !other[page]._count.counter);
	default:
		return 0;
	}
}

static int try_from_pair(struct kmm_beside *b, u32 kernel, u32 number, u32 at, u32 action)
{
	const struct kmm_action *tried = &b->job.actions[action];
	u32 length = b->at + kmm_action_cost(tried), i;
	struct kmm_beside_found one = { .length = length, .kernel = kernel, .parted = 1,
					.parent = number, .action = action };
	struct did did[2];

	if (length > limit_of(b, kernel) || names_another_page(b, at, &tried->operation))
		return 0;
	for (i = 0; i < KMM_OTHER_ACTORS; i++)
		if (tried->pause_in[i] && names_another_page(b, at, &tried->other[i]))
			return 0;
	perform_both(b, kernel, tried, image_of(b, at, 0), image_of(b, at, 1), did);
	if (!did[0].took_place || !did[1].took_place)
		return 0;
	b->totals.transitions++;
	return part(b, &one, did);
}

/* Everything from one world, or one pair, of the level. */
static int try_all(struct kmm_beside *b, u32 set, u32 number)
{
	int at = walk_to(b, set, number), error = 0;
	u32 i;

	if (at < 0)
		return at;
	for (i = b->job.nr_first; i < b->job.nr_actions && !error; i++) {
		error = set == V8 ? try_from_world(b, number, (u32)at, i) :
			try_from_pair(b, set, number, (u32)at, i);
		__atomic_store_n(&b->totals.tried, b->totals.tried + 1, __ATOMIC_RELAXED);
	}
	return error;
}

static void count(struct kmm_beside *b)
{
	u32 i;

	b->totals.worlds = b->sets[V8].visited.nr;
	b->totals.pairs = 0;
	for (i = 1; i < b->nr; i++)
		b->totals.pairs += b->sets[i].visited.nr;
}

/* 0; 1: it was stopped; -ENOMEM. */
static int try_level(struct kmm_beside *b, const int *stop)
{
	u32 set, i;

	for (set = 0; set < b->nr; set++) {
		struct level *level = &b->sets[set].levels[b->at];

		for (i = 0; i < level->nr; i++) {
			u32 number = level->numbers[i];

			count(b);
			if (__atomic_load_n(stop, __ATOMIC_RELAXED) ||
			    b->totals.worlds + b->totals.pairs > b->most)
				return 1;
			if (b->at >= (set == V8 ? limit(b) : limit_of(b, set)))
				break;
			/* it was reached by a shorter run after that */
			if (b->sets[set].cost[number] != b->at)
				continue;
			if (try_all(b, set, number))
				return -ENOMEM;
		}
	}
	return 0;
}

static int is_closed(const struct kmm_beside *b)
{
	u32 set, cost;

	for (set = 0; set < b->nr; set++)
		for (cost = b->at; cost < LEVELS; cost++)
			if (b->sets[set].levels[cost].nr)
				return 0;
	return 1;
}

enum kmm_explore_state kmm_beside_level(struct kmm_beside *b, const int *stop)
{
	int error;

	if (b->at >= limit(b) || b->at + 3 >= LEVELS)
		return KMM_EXPLORE_DEPTH;
	error = try_level(b, stop);
	count(b);
	if (error)
		return error > 0 ? KMM_EXPLORE_FOUND : KMM_EXPLORE_NO_MEMORY;
	b->totals.done = ++b->at;
	/* at the limit no worlds are added that there may be */
	if (b->at >= limit(b))
		return KMM_EXPLORE_DEPTH;
	return is_closed(b) ? KMM_EXPLORE_CLOSED : KMM_EXPLORE_BATCH;
}

static int make_start(struct kmm_beside *b)
{
	struct kmm_seen start = { .parent = KMM_NO_WORLD };
	struct kmm_runner *runner = b->runner;
	u8 *image = image_of(b, 0, 0);
	struct did did;
	u32 i;

	memcpy(runner->world, runner->common, bytes_of(b));
	kmm_core_enter(runner->world);
	kmm_scope_start(runner->world, &b->job.scope);
	memcpy(image, runner->world, bytes_of(b));
	for (i = 0; i < b->job.nr_first; i++) {
		perform(b, V8, &b->job.actions[i], image, version_of(image), &did);
		memcpy(image, runner->world, bytes_of(b));
	}
	kmm_canonical_hash(b->form, runner->world, start.hash);
	b->walked = 1;
	return reach(&b->sets[V8], &start, 0);
}

static int have_room(struct kmm_beside *b)
{
	u32 i;

	b->runner = kmm_runner_sized(&b->job.scope.size);
	b->form = kmm_canonical_new(&b->job.scope.size, b->job.scope.form);
	if (!b->runner || !b->form)
		return 0;
	for (i = 0; i < b->nr; i++)
		if (kmm_visited_init(&b->sets[i].visited))
			return 0;
	for (i = 0; i < 2; i++) {
		b->left[i] = malloc(bytes_of(b));
		if (!b->left[i])
			return 0;
	}
	return !room_for(b, 8);
}

struct kmm_beside *kmm_beside_new(const struct kmm_explore_job *job,
				  const struct kmm_kernel *kernels, u32 nr_kernels, u32 most)
{
	struct kmm_beside *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->job = *job;
	b->nr = nr_kernels + 1;
	b->most = most;
	b->kernels[V8].half = job->halves[0];
	b->kernels[V8].units = job->scope.units;
	memcpy(&b->kernels[1], kernels, nr_kernels * sizeof(*kernels));
	if (have_room(b) && !make_start(b)) {
		count(b);
		return b;
	}
	kmm_beside_free(b);
	return NULL;
}

void kmm_beside_free(struct kmm_beside *b)
{
	u32 i, cost;

	if (!b)
		return;
	for (i = 0; i < b->nr; i++) {
		for (cost = 0; cost < LEVELS; cost++)
			free(b->sets[i].levels[cost].numbers);
		free(b->sets[i].cost);
		kmm_visited_free(&b->sets[i].visited);
	}
	free(b->left[0]);
	free(b->left[1]);
	if (b->runner)
		kmm_runner_free(b->runner);
	kmm_canonical_free(b->form);
	free(b->images);
	free(b);
}

const struct kmm_beside_totals *kmm_beside_totals(const struct kmm_beside *b)
{
	return &b->totals;
}

const struct kmm_beside_found *kmm_beside_found(const struct kmm_beside *b, u32 kernel, u32 seen)
{
	return seen ? &b->seen[kernel + 1] : &b->wrong[kernel + 1];
}

u32 kmm_beside_path(const struct kmm_beside *b, const struct kmm_beside_found *found, u32 *actions)
{
	u32 set = found->parted ? found->kernel : V8, length;

	length = path_to(b, set, found->parent, actions, NULL);
	actions[length] = found->action;
	return length + 1;
}
