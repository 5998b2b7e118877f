// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exploration in a file: a head with its totals, then every world that was
 * seen.  The file says of which scope it is and by which halves it was made, and
 * its last word is a checksum.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/explore/hash.h"
#include "engine/explore/inside.h"

#define MAGIC	0x31584D4B4B59500Cull	/* the last byte is the version */

struct head {
	u64 magic;
	u64 bytes;		/* of this head: another build may count other things */
	u64 digest[2];
	char made_by[KMM_MADE_BY];
	struct kmm_explored totals;
};

static u64 sum_of(u64 sum, const void *words, u64 bytes)
{
	const u64 *at = words;
	u64 i;

	for (i = 0; i < bytes / sizeof(*at); i++)
		sum = kmm_hash_fold(sum ^ at[i], KMM_HASH_1) + KMM_HASH_2;
	return sum;
}

static u64 checksum(const struct head *head, const struct kmm_seen *seen)
{
	u64 sum = sum_of(0, head, sizeof(*head));

	return sum_of(sum, seen, (u64)head->totals.worlds * sizeof(*seen));
}

static int put_all(FILE *file, const struct head *head, const struct kmm_seen *seen)
{
	u64 sum = checksum(head, seen);

	return fwrite(head, sizeof(*head), 1, file) == 1 &&
	       fwrite(seen, sizeof(*seen), head->totals.worlds, file) == head->totals.worlds &&
	       fwrite(&sum, sizeof(sum), 1, file) == 1;
}

int kmm_explorer_save(const struct kmm_explorer *explorer, const char *path,
		      const char *made_by)
{
	struct head head;
	FILE *file = fopen(path, "wb");
	u64 length = strlen(made_by);
	int ok;

	if (!file)
		return -errno;
	if (length >= sizeof(head.made_by)) {
		fclose(file);
		return -ENAMETOOLONG;
	}
	memset(&head, 0, sizeof(head));
	head.magic = MAGIC;
	head.bytes = sizeof(head);
	memcpy(head.digest, explorer->digest, sizeof(head.digest));
	memcpy(head.made_by, made_by, length);
	head.totals = explorer->totals;
	errno = EIO;
	ok = put_all(file, &head, explorer->visited.seen);
	if (fclose(file))
		ok = 0;
	return ok ? 0 : -errno;
}

/* Levels, each of which begins where the one before it ends. */
static int are_sound(const struct kmm_explored *totals)
{
	u32 i;

	if (!totals->level || totals->level > KMM_MOST_DEPTH + 2 || !totals->cost ||
	    totals->cost > KMM_MOST_COST)
		return 0;
	for (i = 0; i < totals->level; i++)
		if (totals->levels[i] > totals->levels[i + 1])
			return 0;
	return !totals->levels[0] && totals->levels[totals->level] <= totals->worlds;
}

/* Numbers that would lead out of the arrays are as bad as a wrong sum. */
static int is_sound(const struct kmm_explorer *explorer, const struct kmm_explored *totals)
{
	const struct kmm_seen *seen = explorer->visited.seen;
	u32 i;

	if (!totals->worlds || totals->level_from > totals->next ||
	    totals->next > totals->level_to || totals->level_to > totals->worlds ||
	    totals->depth > KMM_MOST_DEPTH || seen[0].parent != KMM_NO_WORLD ||
	    seen[0].actions || !are_sound(totals))
		return 0;
	for (i = 1; i < totals->worlds; i++)
		if (seen[i].parent >= i || seen[i].action >= explorer->job.nr_actions ||
		    seen[i].actions != seen[seen[i].parent].actions + 1)
			return 0;
	return 1;
}

static int get_worlds(struct kmm_explorer *explorer, FILE *file, const struct head *head)
{
	struct kmm_visited *visited = &explorer->visited;
	struct kmm_seen seen;
	u64 sum = sum_of(0, head, sizeof(*head)), said;
	u32 i;

	visited->nr = 0;
	memset(visited->index, 0, visited->slots * sizeof(*visited->index));
	for (i = 0; i < head->totals.worlds; i++) {
		if (fread(&seen, sizeof(seen), 1, file) != 1)
			return -EILSEQ;
		sum = sum_of(sum, &seen, sizeof(seen));
		if (kmm_visited_add(visited, &seen) == KMM_NO_WORLD)
			return -ENOMEM;
	}
	if (fread(&said, sizeof(said), 1, file) != 1 || said != sum || fgetc(file) != EOF)
		return -EILSEQ;
	return is_sound(explorer, &head->totals) ? 0 : -EILSEQ;
}

int kmm_explorer_load(struct kmm_explorer *explorer, const char *path,
		      char made_by[KMM_MADE_BY])
{
	FILE *file = fopen(path, "rb");
	struct head head;
	int error;

	if (!file)
		return -errno;
	if (fread(&head, sizeof(head), 1, file) != 1 || head.magic != MAGIC ||
	    head.bytes != sizeof(head))
		error = -EPROTO;
	else if (memcmp(head.digest, explorer->digest, sizeof(head.digest)))
		error = -EINVAL;
	else
		error = get_worlds(explorer, file, &head);
	fclose(file);
	if (!error && head.made_by[KMM_MADE_BY - 1])
		error = -EILSEQ;
	if (!error) {
		explorer->totals = head.totals;
		memcpy(made_by, head.made_by, sizeof(head.made_by));
	}
	return error;
}
