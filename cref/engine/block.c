// SPDX-License-Identifier: GPL-2.0-only
/* Apart from all else: the host's mman.h and the modelled kernel's constants share names. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#include "engine/block.h"

#define GUARD_BYTES	65536u
#define HOST_PAGE	4096u

static size_t whole_pages(size_t bytes)
{
	return (bytes + HOST_PAGE - 1) / HOST_PAGE * HOST_PAGE;
}

void *kmm_map_block(size_t bytes)
{
	size_t whole = whole_pages(bytes) + 2 * GUARD_BYTES;
	char *base = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (base == MAP_FAILED)
		return NULL;
	if (mprotect(base + GUARD_BYTES, whole_pages(bytes), PROT_READ | PROT_WRITE)) {
		munmap(base, whole);
		return NULL;
	}
	return base + GUARD_BYTES;
}

#ifdef __SANITIZE_ADDRESS__
void kmm_forbid(void *from, size_t bytes)
{
	__asan_poison_memory_region(from, bytes);
}

void kmm_scribble(void *from, size_t bytes, unsigned int number)
{
	memset(from, 0xA0 + (int)number, bytes);
}
#endif

void kmm_unmap_block(void *block, size_t bytes)
{
#ifdef __SANITIZE_ADDRESS__
	/* what is mapped there next has nothing forbidden */
	__asan_unpoison_memory_region(block, bytes);
#endif
	munmap((char *)block - GUARD_BYTES, whole_pages(bytes) + 2 * GUARD_BYTES);
}
