// SPDX-License-Identifier: GPL-2.0-only
#include "machine/layout.h"

/* The same fields without padding must make the same size: nothing is missing, nothing is padded. */
#define STRUCT(name)			struct packed_##name {
#define FIELD(name, field, form)		__typeof__(((KIND_##name *)0)->field) field;
#define END(name)			} __attribute__((packed));
#include "machine/layout.def"
#undef STRUCT
#undef FIELD
#undef END

#define STRUCT(name)			_Static_assert(sizeof(struct packed_##name) ==	\
							sizeof(KIND_##name), #name " is whole");\
				_Static_assert(sizeof(KIND_##name) % 8 == 0,	\
					       #name " keeps what follows it aligned");
#define FIELD(name, field, form)	_Static_assert(offsetof(struct packed_##name, field) == \
						offsetof(KIND_##name, field), #name "." #field);
#define END(name)
#include "machine/layout.def"
#undef STRUCT
#undef FIELD
#undef END

const struct kmm_field kmm_fields[] = {
#define STRUCT(name)
#define FIELD(name, field, form)						\
	{ #name, #field, #form, offsetof(KIND_##name, field), sizeof(((KIND_##name *)0)->field) },
#define END(name)
#include "machine/layout.def"
};
const u32 kmm_nr_fields = sizeof(kmm_fields) / sizeof(kmm_fields[0]);

const char *kmm_source_name(enum kmm_file file)
{
	static const char *const names[NR_KMM_FILES] = {
#define SOURCE(number, name) [number] = name,
#include "machine/sources.def"
#undef SOURCE
	};

	return (u32)file < NR_KMM_FILES ? names[file] : NULL;
}

void kmm_arrays(const struct world *world, struct kmm_array arrays[KMM_NR_ARRAYS])
{
	const struct world_size *size = &world->size;
	const u32 pmds = size->mms * size->pmds;
	const u32 sectors = (size->mappings - 1) * size->slots * KMM_SECTORS;
	const char *base = (const char *)world;
	const u64 used = kmm_world_state_bytes(size);
	/* up to a whole cache line, and nobody's */
	const u64 spare = used - (u64)((const char *)(world->ptes + ((u64)pmds << size->table_shift)) -
				       base);
	const struct kmm_array all[KMM_NR_ARRAYS] = {
		{ "world", "world", 0, sizeof(struct world), 1 },
#define ARRAY(name, kind, first, number) \
		{ name, #kind, (const char *)(first) - base, sizeof(KIND_##kind), number }
		ARRAY("page", page, world->pages, size->pages),
		ARRAY("vma", vm_area_struct, world->vmas, size->vmas),
		ARRAY("mm", mm_struct, world->mms, size->mms),
		ARRAY("task", task_struct, world->tasks, size->mms),
		ARRAY("mapping", address_space, world->mappings, size->mappings),
		ARRAY("inode", inode, world->inodes, size->mappings),
		ARRAY("bdi", backing_dev_info, world->bdis, size->mappings),
		ARRAY("file", file, world->files, size->files),
		ARRAY("anon_vma", anon_vma, world->anon_vmas, size->anon_vmas),
		ARRAY("buffer", buffer_head, world->buffers, size->buffers),
		ARRAY("pmd", pmd, world->pmds, pmds),
		ARRAY("slot", radix_tree_slot, world->slots, size->mappings * size->slots),
		ARRAY("swap", swap_slot, world->swap, size->swap_slots),
		{ "disk", NULL, (const char *)world->disks - base, sizeof(u16), sectors },
		{ "unwritten", NULL, (const char *)(world->disks + sectors) - base, sizeof(u16),
		  sectors },
		{ "pte", NULL, (const char *)world->ptes - base, sizeof(pte_t),
		  pmds << size->table_shift },
		{ "spare", NULL, (s64)(used - spare), sizeof(u32), (u32)(spare / sizeof(u32)) },
	};
	u32 i;

	for (i = 0; i < KMM_NR_ARRAYS; i++)
		arrays[i] = all[i];
}
