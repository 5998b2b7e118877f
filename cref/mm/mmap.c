// SPDX-License-Identifier: GPL-2.0-only
/* mm/mmap.c of 2.6.17.  Edits E10-E15.  Steps MM, BK. */
#include <linux/mm.h>
#include <linux/mman.h>
/* E10 { */
#include <linux/backing-dev.h>
/* } E10 */

#include "half_table.h"

#define KMM_FILE KMM_FILE_MM_MMAP

unsigned long do_mmap_pgoff(struct file *file, unsigned long addr,
			unsigned long len, unsigned long prot,
			unsigned long flags, unsigned long pgoff)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma, *prev;
	struct inode *inode;
	unsigned int vm_flags;
	int correct_wcount = 0;
	int error;
	struct rb_node **rb_link, *rb_parent;
	int accountable = 1;
	unsigned long charged = 0, reqprot = prot;
	/* E11 { */
	struct address_space *mapping = NULL;
	/* } E11 */

	if (file) {					/* MM1 */
		if (is_file_hugepages(file))
			accountable = 0;

		if (!file->f_op || !file->f_op->mmap)
			return -ENODEV;

		if ((prot & PROT_EXEC) && (file->f_vfsmnt->mnt_flags & MNT_NOEXEC))
			return -EPERM;
	}
	if ((prot & PROT_READ) && (current->personality & READ_IMPLIES_EXEC))	/* MM2 */
		if (!(file && (file->f_vfsmnt->mnt_flags & MNT_NOEXEC)))
			prot |= PROT_EXEC;

	if (!len)					/* MM3 */
		return -EINVAL;

	len = PAGE_ALIGN(len);
	if (!len || len > TASK_SIZE)
		return -ENOMEM;

	if ((pgoff + (len >> PAGE_SHIFT)) < pgoff)
		return -EOVERFLOW;

	if (mm->map_count > sysctl_max_map_count)
		return -ENOMEM;

	/* an address has its low bits clear, an error has some set */
	addr = get_unmapped_area(file, addr, len, pgoff, flags);	/* MM4 */
	if (addr & ~PAGE_MASK)
		return addr;

	vm_flags = calc_vm_prot_bits(prot) | calc_vm_flag_bits(flags) |	/* MM5 */
			mm->def_flags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;

	if (flags & MAP_LOCKED) {			/* MM6 */
		if (!can_do_mlock())
			return -EPERM;
		vm_flags |= VM_LOCKED;
	}
	if (vm_flags & VM_LOCKED) {			/* MM6a */
		unsigned long locked, lock_limit;

		locked = len >> PAGE_SHIFT;
		locked += mm->locked_vm;
		lock_limit = current->signal->rlim[RLIMIT_MEMLOCK].rlim_cur;
		lock_limit >>= PAGE_SHIFT;
		if (locked > lock_limit && !capable(CAP_IPC_LOCK))
			return -EAGAIN;
	}

	inode = file ? file->f_dentry->d_inode : NULL;	/* MM7 */

	if (file) {
		switch (flags & MAP_TYPE) {
		case MAP_SHARED:
			if ((prot & PROT_WRITE) && !(file->f_mode & FMODE_WRITE))
				return -EACCES;

			if (IS_APPEND(inode) && (file->f_mode & FMODE_WRITE))
				return -EACCES;

			if (locks_verify_locked(inode))
				return -EAGAIN;

			vm_flags |= VM_SHARED | VM_MAYSHARE;
			if (!(file->f_mode & FMODE_WRITE))
				vm_flags &= ~(VM_MAYWRITE | VM_SHARED);

			/* fall through */
		case MAP_PRIVATE:
			if (!(file->f_mode & FMODE_READ))	/* MM7a */
				return -EACCES;
			break;

		default:
			return -EINVAL;
		}
	} else {
		switch (flags & MAP_TYPE) {
		case MAP_SHARED:
			vm_flags |= VM_SHARED | VM_MAYSHARE;	/* MM7b */
			break;
		case MAP_PRIVATE:
			pgoff = addr >> PAGE_SHIFT;	/* MM7c */
			break;
		default:
			return -EINVAL;
		}
	}

	error = security_file_mmap(file, reqprot, prot, flags);	/* MM8 */
	if (error)
		return error;

munmap_back:
	vma = find_vma_prepare(mm, addr, &prev, &rb_link, &rb_parent);	/* MM9 */
	if (vma && vma->vm_start < addr + len) {
		if (do_munmap(mm, addr, len))
			return -ENOMEM;
		goto munmap_back;
	}

	if (!may_expand_vm(mm, len >> PAGE_SHIFT))	/* MM10 */
		return -ENOMEM;

	if (accountable && (!(flags & MAP_NORESERVE) ||	/* MM11 */
			    sysctl_overcommit_memory == OVERCOMMIT_NEVER)) {
		if (vm_flags & VM_SHARED) {
			/* charged by the object that is mapped, if it is one that charges */
			vm_flags |= VM_ACCOUNT;
		} else if (vm_flags & VM_WRITE) {
			charged = len >> PAGE_SHIFT;
			if (security_vm_enough_memory(charged))
				return -ENOMEM;
			vm_flags |= VM_ACCOUNT;
		}
	}

	if (!file && !(vm_flags & VM_SHARED) &&		/* MM12 */
	    vma_merge(mm, prev, addr, addr + len, vm_flags,
			NULL, NULL, pgoff, NULL))
		goto out;

	vma = kmem_cache_zalloc(vm_area_cachep, GFP_KERNEL);	/* MM13 */
	if (!vma) {
		error = -ENOMEM;
		goto unacct_error;
	}

	vma->vm_mm = mm;				/* MM14 */
	vma->vm_start = addr;
	vma->vm_end = addr + len;
	vma->vm_flags = vm_flags;
	/* E12 { */
	vma->vm_page_prot = protection_map[vm_flags & (VM_READ|VM_WRITE|VM_EXEC|VM_SHARED)];
	/* } E12 */
	vma->vm_pgoff = pgoff;

	if (file) {					/* MM15 */
		error = -EINVAL;
		if (vm_flags & (VM_GROWSDOWN|VM_GROWSUP))
			goto free_vma;
		if (vm_flags & VM_DENYWRITE) {		/* MM15a */
			error = deny_write_access(file);
			if (error)
				goto free_vma;
			correct_wcount = 1;
		}
		vma->vm_file = file;			/* MM15b */
		get_file(file);
		error = file->f_op->mmap(file, vma);
		if (error)
			goto unmap_and_free_vma;
		/* E13 { */

		/* } E13 */
	} else if (vm_flags & VM_SHARED) {
		error = shmem_zero_setup(vma);		/* MM16 */
		if (error)
			goto free_vma;
	}

	if ((vm_flags & (VM_SHARED|VM_ACCOUNT)) == (VM_SHARED|VM_ACCOUNT))	/* MM17 */
		vma->vm_flags &= ~VM_ACCOUNT;

	/* the hook may have changed all of these */
	addr = vma->vm_start;				/* MM18 */
	pgoff = vma->vm_pgoff;
	vm_flags = vma->vm_flags;

	/* E14 { */
	if (unit(KMM_U3) && is_shared_writable(vm_flags) && vma->vm_file)	/* MM19 E14 */
		mapping = vma->vm_file->f_mapping;
	/* a protection that a driver chose keeps its other bits */
	if (mapping && mapping_cap_account_dirty(mapping))
		vma->vm_page_prot =
			__pgprot(pte_val(pte_wrprotect(__pte(pgprot_val(vma->vm_page_prot)))));
	/* } E14 */

	if (!file || !vma_merge(mm, prev, addr, vma->vm_end,	/* MM20 */
			vma->vm_flags, NULL, file, pgoff, vma_policy(vma))) {
		file = vma->vm_file;
		vma_link(mm, vma, prev, rb_link, rb_parent);
		if (correct_wcount)
			i_writecount_inc(inode);
	} else {
		if (file) {				/* MM21 */
			if (correct_wcount)
				i_writecount_inc(inode);
			fput(file);
		}
		mpol_free(vma_policy(vma));
		kmem_cache_free(vm_area_cachep, vma);
	}
out:
	mm->total_vm += len >> PAGE_SHIFT;		/* MM22 */
	vm_stat_account(mm, vm_flags, file, len >> PAGE_SHIFT);
	if (vm_flags & VM_LOCKED) {			/* MM23 */
		mm->locked_vm += len >> PAGE_SHIFT;
		make_pages_present(addr, addr + len);
	}
	if (flags & MAP_POPULATE) {			/* MM23a */
		up_write(&mm->mmap_sem);
		sys_remap_file_pages(addr, len, 0, pgoff, flags & MAP_NONBLOCK);
		down_write(&mm->mmap_sem);
	}
	return addr;

unmap_and_free_vma:
	if (correct_wcount)				/* MM24 */
		i_writecount_inc(inode);
	vma->vm_file = NULL;
	fput(file);

	/* what the hook mapped before it failed */
	unmap_region(mm, vma, prev, vma->vm_start, vma->vm_end);
	charged = 0;
free_vma:
	kmem_cache_free(vm_area_cachep, vma);		/* MM25 */
unacct_error:
	if (charged)					/* MM26 */
		vm_unacct_memory(charged);
	return error;
}

unsigned long do_brk(unsigned long addr, unsigned long len)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma, *prev;
	unsigned long flags;
	struct rb_node **rb_link, *rb_parent;
	pgoff_t pgoff = addr >> PAGE_SHIFT;

	len = PAGE_ALIGN(len);				/* BK1 */
	if (!len)
		return addr;

	if ((addr + len) > TASK_SIZE || (addr + len) < addr)	/* BK2 */
		return -EINVAL;

	if (mm->def_flags & VM_LOCKED) {		/* BK4 */
		unsigned long locked, lock_limit;

		locked = len >> PAGE_SHIFT;
		locked += mm->locked_vm;
		lock_limit = current->signal->rlim[RLIMIT_MEMLOCK].rlim_cur;
		lock_limit >>= PAGE_SHIFT;
		if (locked > lock_limit && !capable(CAP_IPC_LOCK))
			return -EAGAIN;
	}

munmap_back:
	vma = find_vma_prepare(mm, addr, &prev, &rb_link, &rb_parent);	/* BK5 */
	if (vma && vma->vm_start < addr + len) {
		if (do_munmap(mm, addr, len))
			return -ENOMEM;
		goto munmap_back;
	}

	if (!may_expand_vm(mm, len >> PAGE_SHIFT))	/* BK6 */
		return -ENOMEM;

	if (mm->map_count > sysctl_max_map_count)
		return -ENOMEM;

	if (security_vm_enough_memory(len >> PAGE_SHIFT))
		return -ENOMEM;

	flags = VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT | mm->def_flags;	/* BK3 */

	if (vma_merge(mm, prev, addr, addr + len, flags,	/* BK7 */
			NULL, NULL, pgoff, NULL))
		goto out;

	vma = kmem_cache_zalloc(vm_area_cachep, GFP_KERNEL);	/* BK8 */
	if (!vma) {
		vm_unacct_memory(len >> PAGE_SHIFT);
		return -ENOMEM;
	}

	vma->vm_mm = mm;				/* BK9 */
	vma->vm_start = addr;
	vma->vm_end = addr + len;
	vma->vm_pgoff = pgoff;
	vma->vm_flags = flags;
	/* E15 { */
	vma->vm_page_prot = protection_map[flags & (VM_READ|VM_WRITE|VM_EXEC|VM_SHARED)];
	/* } E15 */
	vma_link(mm, vma, prev, rb_link, rb_parent);
out:
	mm->total_vm += len >> PAGE_SHIFT;		/* BK10 */
	if (flags & VM_LOCKED) {
		mm->locked_vm += len >> PAGE_SHIFT;
		make_pages_present(addr, addr + len);
	}
	return addr;
}

KMM_ENTRY(do_mmap_pgoff);
KMM_ENTRY(do_brk);
