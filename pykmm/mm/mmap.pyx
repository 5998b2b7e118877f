# SPDX-License-Identifier: GPL-2.0-only
# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
"""Twin of cref/mm/mmap.c: new mappings, of files and of memory.

Edits E10-E15.  Steps MM, BK.
"""

from pykmm.linux.mm cimport is_shared_writable
from pykmm.linux.mman cimport calc_vm_flag_bits, calc_vm_prot_bits
from pykmm.machine cimport (
    CAP_IPC_LOCK,
    EACCES,
    EAGAIN,
    EINVAL,
    ENODEV,
    ENOMEM,
    EOVERFLOW,
    EPERM,
    FMODE_READ,
    FMODE_WRITE,
    GFP_KERNEL,
    IS_APPEND,
    KMM_U3,
    MAP_LOCKED,
    MAP_NONBLOCK,
    MAP_NORESERVE,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_TYPE,
    MNT_NOEXEC,
    OVERCOMMIT_NEVER,
    PAGE_ALIGN,
    PAGE_MASK,
    PAGE_SHIFT,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    READ_IMPLIES_EXEC,
    RLIMIT_MEMLOCK,
    TASK_SIZE,
    VM_ACCOUNT,
    VM_DATA_DEFAULT_FLAGS,
    VM_DENYWRITE,
    VM_EXEC,
    VM_GROWSDOWN,
    VM_GROWSUP,
    VM_LOCKED,
    VM_MAYEXEC,
    VM_MAYREAD,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
    __pgprot,
    __pte,
    address_space,
    can_do_mlock,
    capable,
    current,
    deny_write_access,
    do_munmap,
    down_write,
    find_vma_prepare,
    fput,
    get_file,
    get_unmapped_area,
    i_writecount_inc,
    is_file_hugepages,
    kmem_cache_free,
    kmem_cache_zalloc,
    kmm_enter,
    locks_verify_locked,
    make_pages_present,
    mapping_cap_account_dirty,
    may_expand_vm,
    mm_struct,
    mpol_free,
    pgoff_t,
    pgprot_val,
    protection_map,
    pte_val,
    pte_wrprotect,
    rb_node,
    security_file_mmap,
    security_vm_enough_memory,
    shmem_zero_setup,
    struct_file,
    struct_inode,
    struct_world,
    sys_remap_file_pages,
    sysctl_max_map_count,
    sysctl_overcommit_memory,
    unit,
    unmap_region,
    up_write,
    vm_area_cachep,
    vm_area_struct,
    vm_stat_account,
    vm_unacct_memory,
    vma_link,
    vma_merge,
    vma_policy,
)

cdef extern from *:
    """
    #define KMM_FILE KMM_FILE_MM_MMAP
    """

cdef enum:
    L_top
    L_munmap_back
    L_out
    L_unmap_and_free_vma
    L_free_vma
    L_unacct_error


cdef void enter(struct_world *world) noexcept nogil:
    kmm_enter(world)


cdef unsigned long do_mmap_pgoff(struct_file *file, unsigned long addr,
                                 unsigned long len, unsigned long prot,
                                 unsigned long flags, unsigned long pgoff) noexcept nogil:
    cdef mm_struct *mm = current.mm
    cdef vm_area_struct *vma
    cdef vm_area_struct *prev
    cdef struct_inode *inode
    cdef unsigned int vm_flags
    cdef int correct_wcount = 0
    cdef int error
    cdef rb_node **rb_link
    cdef rb_node *rb_parent
    cdef int accountable = 1
    cdef unsigned long charged = 0, reqprot = prot
    cdef address_space *mapping = NULL
    cdef unsigned long locked
    cdef unsigned long lock_limit
    cdef int at = L_top

    while at == L_top:
        if file is not NULL:                            # MM1
            if is_file_hugepages(file):
                accountable = 0

            if file.f_op is NULL or file.f_op.mmap is NULL:
                return -ENODEV

            if (prot & PROT_EXEC) and (file.f_vfsmnt.mnt_flags & MNT_NOEXEC):
                return -EPERM
        if (prot & PROT_READ) and (current.personality & READ_IMPLIES_EXEC):    # MM2
            if not (file is not NULL and (file.f_vfsmnt.mnt_flags & MNT_NOEXEC)):
                prot |= PROT_EXEC

        if not len:                                     # MM3
            return -EINVAL

        len = PAGE_ALIGN(len)
        if not len or len > TASK_SIZE:
            return -ENOMEM

        if (pgoff + (len >> PAGE_SHIFT)) < pgoff:
            return -EOVERFLOW

        if mm.map_count > sysctl_max_map_count:
            return -ENOMEM

        # an address has its low bits clear, an error has some set
        addr = get_unmapped_area(file, addr, len, pgoff, flags)     # MM4
        if addr & ~PAGE_MASK:
            return addr

        vm_flags = (calc_vm_prot_bits(prot) | calc_vm_flag_bits(flags) |    # MM5
                    mm.def_flags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

        if flags & MAP_LOCKED:                          # MM6
            if not can_do_mlock():
                return -EPERM
            vm_flags |= VM_LOCKED
        if vm_flags & VM_LOCKED:                        # MM6a
            locked = len >> PAGE_SHIFT
            locked += mm.locked_vm
            lock_limit = current.signal.rlim[RLIMIT_MEMLOCK].rlim_cur
            lock_limit >>= PAGE_SHIFT
            if locked > lock_limit and not capable(CAP_IPC_LOCK):
                return -EAGAIN

        inode = file.f_dentry.d_inode if file is not NULL else NULL     # MM7

        if file is not NULL:
            if (flags & MAP_TYPE) == MAP_SHARED:
                if (prot & PROT_WRITE) and not (file.f_mode & FMODE_WRITE):
                    return -EACCES

                if IS_APPEND(inode) and (file.f_mode & FMODE_WRITE):
                    return -EACCES

                if locks_verify_locked(inode):
                    return -EAGAIN

                vm_flags |= VM_SHARED | VM_MAYSHARE
                if not (file.f_mode & FMODE_WRITE):
                    vm_flags &= ~(VM_MAYWRITE | VM_SHARED)
            elif (flags & MAP_TYPE) != MAP_PRIVATE:
                return -EINVAL

            # shared or private
            if not (file.f_mode & FMODE_READ):          # MM7a
                return -EACCES
        else:
            if (flags & MAP_TYPE) == MAP_SHARED:
                vm_flags |= VM_SHARED | VM_MAYSHARE     # MM7b
            elif (flags & MAP_TYPE) == MAP_PRIVATE:
                pgoff = addr >> PAGE_SHIFT              # MM7c
            else:
                return -EINVAL

        error = security_file_mmap(file, reqprot, prot, flags)  # MM8
        if error:
            return error
        at = L_munmap_back

    while at == L_munmap_back:                          # munmap_back:
        vma = find_vma_prepare(mm, addr, &prev, &rb_link, &rb_parent)   # MM9
        if vma is not NULL and vma.vm_start < addr + len:
            if do_munmap(mm, addr, len):
                return -ENOMEM
            at = L_munmap_back; continue                # goto munmap_back

        if not may_expand_vm(mm, len >> PAGE_SHIFT):    # MM10
            return -ENOMEM

        if (accountable and (not (flags & MAP_NORESERVE) or     # MM11
                             sysctl_overcommit_memory == OVERCOMMIT_NEVER)):
            if vm_flags & VM_SHARED:
                # charged by the object that is mapped, if it is one that charges
                vm_flags |= VM_ACCOUNT
            elif vm_flags & VM_WRITE:
                charged = len >> PAGE_SHIFT
                if security_vm_enough_memory(charged):
                    return -ENOMEM
                vm_flags |= VM_ACCOUNT

        if (file is NULL and not (vm_flags & VM_SHARED) and     # MM12
                vma_merge(mm, prev, addr, addr + len, vm_flags,
                          NULL, NULL, pgoff, NULL) is not NULL):
            at = L_out; continue                        # goto out

        vma = kmem_cache_zalloc(vm_area_cachep, GFP_KERNEL)     # MM13
        if vma is NULL:
            error = -ENOMEM
            at = L_unacct_error; continue               # goto unacct_error

        vma.vm_mm = mm                                  # MM14
        vma.vm_start = addr
        vma.vm_end = addr + len
        vma.vm_flags = vm_flags
        vma.vm_page_prot = protection_map[vm_flags & (VM_READ|VM_WRITE|VM_EXEC|VM_SHARED)]
        vma.vm_pgoff = pgoff

        if file is not NULL:                            # MM15
            error = -EINVAL
            if vm_flags & (VM_GROWSDOWN|VM_GROWSUP):
                at = L_free_vma; continue               # goto free_vma
            if vm_flags & VM_DENYWRITE:                 # MM15a
                error = deny_write_access(file)
                if error:
                    at = L_free_vma; continue           # goto free_vma
                correct_wcount = 1
            vma.vm_file = file                          # MM15b
            get_file(file)
            error = file.f_op.mmap(file, vma)
            if error:
                at = L_unmap_and_free_vma; continue     # goto unmap_and_free_vma
        elif vm_flags & VM_SHARED:
            error = shmem_zero_setup(vma)               # MM16
            if error:
                at = L_free_vma; continue               # goto free_vma

        if (vm_flags & (VM_SHARED|VM_ACCOUNT)) == (VM_SHARED|VM_ACCOUNT):   # MM17
            vma.vm_flags &= ~VM_ACCOUNT

        # the hook may have changed all of these
        addr = vma.vm_start                             # MM18
        pgoff = vma.vm_pgoff
        vm_flags = vma.vm_flags

        if unit(KMM_U3) and is_shared_writable(vm_flags) and vma.vm_file is not NULL:   # MM19 E14
            mapping = vma.vm_file.f_mapping
        # a protection that a driver chose keeps its other bits
        if mapping is not NULL and mapping_cap_account_dirty(mapping):
            vma.vm_page_prot = (
                __pgprot(pte_val(pte_wrprotect(__pte(pgprot_val(vma.vm_page_prot))))))

        if (file is NULL or vma_merge(mm, prev, addr, vma.vm_end,       # MM20
                                      vma.vm_flags, NULL, file, pgoff, vma_policy(vma)) is NULL):
            file = vma.vm_file
            vma_link(mm, vma, prev, rb_link, rb_parent)
            if correct_wcount:
                i_writecount_inc(inode)
        else:
            if file is not NULL:                        # MM21
                if correct_wcount:
                    i_writecount_inc(inode)
                fput(file)
            mpol_free(vma_policy(vma))
            kmem_cache_free(vm_area_cachep, vma)
        at = L_out

    while at == L_out:                                  # out:
        mm.total_vm += len >> PAGE_SHIFT                # MM22
        vm_stat_account(mm, vm_flags, file, len >> PAGE_SHIFT)
        if vm_flags & VM_LOCKED:                        # MM23
            mm.locked_vm += len >> PAGE_SHIFT
            make_pages_present(addr, addr + len)
        if flags & MAP_POPULATE:                        # MM23a
            up_write(&mm.mmap_sem)
            sys_remap_file_pages(addr, len, 0, pgoff, flags & MAP_NONBLOCK)
            down_write(&mm.mmap_sem)
        return addr

    while at == L_unmap_and_free_vma:                   # unmap_and_free_vma:
        if correct_wcount:                              # MM24
            i_writecount_inc(inode)
        vma.vm_file = NULL
        fput(file)

        # what the hook mapped before it failed
        unmap_region(mm, vma, prev, vma.vm_start, vma.vm_end)
        charged = 0
        at = L_free_vma

    while at == L_free_vma:                             # free_vma:
        kmem_cache_free(vm_area_cachep, vma)            # MM25
        at = L_unacct_error

    # unacct_error:
    if charged:                                         # MM26
        vm_unacct_memory(charged)
    return error


cdef unsigned long do_brk(unsigned long addr, unsigned long len) noexcept nogil:
    cdef mm_struct *mm = current.mm
    cdef vm_area_struct *vma
    cdef vm_area_struct *prev
    cdef unsigned long flags
    cdef rb_node **rb_link
    cdef rb_node *rb_parent
    cdef pgoff_t pgoff = addr >> PAGE_SHIFT
    cdef unsigned long locked
    cdef unsigned long lock_limit
    cdef int at = L_top

    while at == L_top:
        len = PAGE_ALIGN(len)                           # BK1
        if not len:
            return addr

        if (addr + len) > TASK_SIZE or (addr + len) < addr:     # BK2
            return -EINVAL

        if mm.def_flags & VM_LOCKED:                    # BK4
            locked = len >> PAGE_SHIFT
            locked += mm.locked_vm
            lock_limit = current.signal.rlim[RLIMIT_MEMLOCK].rlim_cur
            lock_limit >>= PAGE_SHIFT
            if locked > lock_limit and not capable(CAP_IPC_LOCK):
                return -EAGAIN
        at = L_munmap_back

    while at == L_munmap_back:                          # munmap_back:
        vma = find_vma_prepare(mm, addr, &prev, &rb_link, &rb_parent)   # BK5
        if vma is not NULL and vma.vm_start < addr + len:
            if do_munmap(mm, addr, len):
                return -ENOMEM
            at = L_munmap_back; continue                # goto munmap_back

        if not may_expand_vm(mm, len >> PAGE_SHIFT):    # BK6
            return -ENOMEM

        if mm.map_count > sysctl_max_map_count:
            return -ENOMEM

        if security_vm_enough_memory(len >> PAGE_SHIFT):
            return -ENOMEM

        flags = VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT | mm.def_flags   # BK3

        if vma_merge(mm, prev, addr, addr + len, flags,         # BK7
                     NULL, NULL, pgoff, NULL) is not NULL:
            at = L_out; continue                        # goto out

        vma = kmem_cache_zalloc(vm_area_cachep, GFP_KERNEL)     # BK8
        if vma is NULL:
            vm_unacct_memory(len >> PAGE_SHIFT)
            return -ENOMEM

        vma.vm_mm = mm                                  # BK9
        vma.vm_start = addr
        vma.vm_end = addr + len
        vma.vm_pgoff = pgoff
        vma.vm_flags = flags
        vma.vm_page_prot = protection_map[flags & (VM_READ|VM_WRITE|VM_EXEC|VM_SHARED)]
        vma_link(mm, vma, prev, rb_link, rb_parent)
        at = L_out

    # out:
    mm.total_vm += len >> PAGE_SHIFT                    # BK10
    if flags & VM_LOCKED:
        mm.locked_vm += len >> PAGE_SHIFT
        make_pages_present(addr, addr + len)
    return addr
