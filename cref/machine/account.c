// SPDX-License-Identifier: GPL-2.0-only
#include "machine/account.h"

#define KMM_FILE KMM_FILE_MACHINE

int kmm_security_vm_enough_memory(long pages, u32 here)
{
	struct world *world = kmm_world;
	int error = 0;

	kmm_total_add(&world->vm_committed_space, pages);
	/* the heuristic of mode 0 and the arithmetic of mode 2 are one limit here */
	if (sysctl_overcommit_memory != OVERCOMMIT_ALWAYS &&
	    world->vm_committed_space > world->commit_limit) {
		kmm_total_add(&world->vm_committed_space, -pages);
		error = -ENOMEM;
	}
	KMM_EVENT(security_vm_enough_memory, here, pages, error);
	return error;
}

void kmm_vm_unacct_memory(long pages, u32 here)
{
	KMM_EVENT(vm_unacct_memory, here, pages);
	kmm_total_add(&kmm_world->vm_committed_space, -pages);
}

int kmm_may_expand_vm(struct mm_struct *mm, unsigned long pages, u32 here)
{
	int may = mm->total_vm + pages <= current->signal->rlim[RLIMIT_AS].rlim_cur >> PAGE_SHIFT;

	KMM_EVENT(may_expand_vm, here, mm, pages, may);
	return may;
}

int kmm_can_do_mlock(u32 here)
{
	int can = current->capabilities & CAP_IPC_LOCK ||
		  current->signal->rlim[RLIMIT_MEMLOCK].rlim_cur != 0;

	KMM_EVENT(can_do_mlock, here, can);
	return can;
}

int kmm_capable(int cap, u32 here)
{
	int can = (current->capabilities & cap) != 0;

	KMM_EVENT(capable, here, cap, can);
	return can;
}

void kmm_vm_stat_account(struct mm_struct *mm, unsigned long flags, struct file *file,
			 long pages, u32 here)
{
	KMM_EVENT(vm_stat_account, here, mm, flags, file, pages);
	if (file) {
		mm->shared_vm += pages;
		if ((flags & (VM_EXEC | VM_WRITE)) == VM_EXEC)
			mm->exec_vm += pages;
	} else if (flags & VM_GROWSDOWN) {
		mm->stack_vm += pages;
	}
	if (flags & (VM_RESERVED | VM_IO))
		mm->reserved_vm += pages;
}
