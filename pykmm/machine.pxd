# SPDX-License-Identifier: GPL-2.0-only
"""The machine as the Cython half sees it: extern declarations only.

Types and primitives are those of cref/machine; a primitive is a macro there,
so a call records the line of the .pyx that it stands on.  Names that a local
usually bears too (`struct page *page`) are spelled struct_<name> here.
"""

cdef extern from "machine/machine.h" nogil:
    ctypedef unsigned int u32
    ctypedef unsigned long pgoff_t

    ctypedef struct pte_t:
        u32 pte_low
    ctypedef struct pgprot_t:
        u32 pgprot
    ctypedef struct spinlock_t:
        u32 held
    ctypedef struct pmd_t:
        pass
    ctypedef spinlock_t rwlock_t
    ctypedef struct rw_semaphore "struct rw_semaphore":
        u32 held

    ctypedef struct struct_world "struct world":
        u32 units
    ctypedef struct radix_tree_root "struct radix_tree_root":
        u32 nr
    ctypedef struct prio_tree_root "struct prio_tree_root":
        pass
    ctypedef struct prio_tree_iter "struct prio_tree_iter":
        pass
    ctypedef struct rb_node "struct rb_node":
        pass
    ctypedef struct anon_vma "struct anon_vma":
        pass
    ctypedef struct rlimit "struct rlimit":
        unsigned long rlim_cur
    ctypedef struct signal_struct "struct signal_struct":
        rlimit *rlim
    ctypedef struct mm_struct "struct mm_struct":
        int map_count
        rw_semaphore mmap_sem
        unsigned long total_vm
        unsigned long locked_vm
        unsigned long def_flags
    ctypedef struct task_struct "struct task_struct":
        mm_struct *mm
        signal_struct *signal
        u32 personality
    ctypedef struct writeback_control "struct writeback_control":
        long nr_to_write
        u32 for_writepages
    ctypedef struct address_space "struct address_space"
    ctypedef struct vm_area_struct "struct vm_area_struct"
    ctypedef struct struct_file "struct file"
    ctypedef struct struct_page "struct page":
        unsigned long flags
        address_space *mapping
        pgoff_t index
    ctypedef struct address_space_operations "struct address_space_operations":
        int (*writepages)(address_space *mapping, writeback_control *wbc) noexcept nogil
    ctypedef struct vm_operations_struct "struct vm_operations_struct":
        struct_page *(*nopage)(vm_area_struct *area, unsigned long address,
                               int *type) noexcept nogil
    ctypedef struct file_operations "struct file_operations":
        int (*mmap)(struct_file *file, vm_area_struct *vma) noexcept nogil
    ctypedef struct address_space "struct address_space":
        radix_tree_root page_tree
        rwlock_t tree_lock
        u32 truncate_count
        const address_space_operations *a_ops
        spinlock_t private_lock
        prio_tree_root i_mmap
        spinlock_t i_mmap_lock
    ctypedef struct struct_inode "struct inode":
        pass
    ctypedef struct dentry "struct dentry":
        struct_inode *d_inode
    ctypedef struct vfsmount "struct vfsmount":
        u32 mnt_flags
    ctypedef struct struct_file "struct file":
        address_space *f_mapping
        dentry *f_dentry
        vfsmount *f_vfsmnt
        const file_operations *f_op
        u32 f_mode
    ctypedef struct buffer_head "struct buffer_head":
        buffer_head *b_this_page
    ctypedef struct vm_area_struct "struct vm_area_struct":
        mm_struct *vm_mm
        unsigned long vm_start
        unsigned long vm_end
        unsigned long vm_flags
        pgprot_t vm_page_prot
        anon_vma *anon_vma
        const vm_operations_struct *vm_ops
        unsigned long vm_pgoff
        struct_file *vm_file

    enum:
        EACCES
        EAGAIN
        EFAULT
        EINVAL
        ENODEV
        ENOMEM
        EOVERFLOW
        EPERM
        CAP_IPC_LOCK
        FMODE_READ
        FMODE_WRITE
        FOLL_WRITE
        FOLL_TOUCH
        FOLL_GET
        FOLL_ANON
        GFP_HIGHUSER
        GFP_KERNEL
        MAP_DENYWRITE
        MAP_EXECUTABLE
        MAP_GROWSDOWN
        MAP_LOCKED
        MAP_NONBLOCK
        MAP_NORESERVE
        MAP_POPULATE
        MAP_PRIVATE
        MAP_SHARED
        MAP_TYPE
        MNT_NOEXEC
        OVERCOMMIT_NEVER
        PAGE_SHIFT
        PAGE_CACHE_SHIFT
        PAGECACHE_TAG_DIRTY
        PROT_EXEC
        PROT_READ
        PROT_WRITE
        READ_IMPLIES_EXEC
        RLIMIT_MEMLOCK
        VM_ACCOUNT
        VM_DENYWRITE
        VM_EXEC
        VM_FAULT_MINOR
        VM_FAULT_OOM
        VM_FAULT_SIGBUS
        VM_FAULT_WRITE
        VM_GROWSDOWN
        VM_GROWSUP
        VM_LOCKED
        VM_MAYEXEC
        VM_MAYREAD
        VM_MAYSHARE
        VM_MAYWRITE
        VM_PFNMAP
        VM_READ
        VM_SHARED
        VM_WRITE
        KMM_U1
        KMM_U2
        KMM_U3
        KMM_U4
        KMM_U5
        KMM_U6
        KMM_U7

    # 64 bits wide; the flags follow the personality of the process
    const unsigned long PAGE_MASK
    const unsigned long TASK_SIZE
    unsigned long VM_DATA_DEFAULT_FLAGS
    unsigned long PAGE_ALIGN(unsigned long address)

    # the unit switches of this world
    bint unit(u32 mask)
    # the process that runs, and what the system is set to
    task_struct *current
    int sysctl_max_map_count
    u32 sysctl_overcommit_memory

    bint likely(bint condition)
    bint unlikely(bint condition)
    void BUG_ON(bint condition)

    # locks; write_lock_irqsave assigns to `flags`, as the kernel's macro does
    void spin_lock(spinlock_t *lock)
    void spin_unlock(spinlock_t *lock)
    void write_lock_irqsave(rwlock_t *lock, unsigned long flags)
    void write_unlock_irqrestore(rwlock_t *lock, unsigned long flags)
    void up_write(rw_semaphore *sem)
    void down_write(rw_semaphore *sem)
    void cond_resched()
    void smp_rmb()

    # page
    int PageLocked(struct_page *page)
    int PageAnon(struct_page *page)
    int PageDirty(struct_page *page)
    int PageWriteback(struct_page *page)
    int TestClearPageDirty(struct_page *page)
    int TestSetPageLocked(struct_page *page)
    void unlock_page(struct_page *page)
    int page_mapped(struct_page *page)
    address_space *page_mapping(struct_page *page)
    pgoff_t page_index(struct_page *page)
    struct_page *ZERO_PAGE(unsigned long address)
    void get_page(struct_page *page)
    void put_page(struct_page *page)
    void page_cache_get(struct_page *page)
    void page_cache_release(struct_page *page)
    void lru_cache_add_active(struct_page *page)
    void mark_page_accessed(struct_page *page)
    struct_page *radix_tree_tag_clear(radix_tree_root *root, pgoff_t index, int tag)

    # pages without an owner yet, and their contents
    struct_page *alloc_page_vma(u32 gfp, vm_area_struct *vma, unsigned long address)
    struct_page *alloc_zeroed_user_highpage(vm_area_struct *vma, unsigned long address)
    void cow_user_page(struct_page *to, struct_page *source, unsigned long address)
    void copy_user_highpage(struct_page *to, struct_page *source, unsigned long address)
    struct_page *NOPAGE_SIGBUS
    struct_page *NOPAGE_OOM

    # anonymous memory and swap
    int anon_vma_prepare(vm_area_struct *vma)
    int can_share_swap_page(struct_page *page)

    # reverse map
    void page_add_file_rmap(struct_page *page)
    void page_add_new_anon_rmap(struct_page *page, vm_area_struct *vma, unsigned long address)
    void page_remove_rmap(struct_page *page)
    unsigned long vma_address(struct_page *page, vm_area_struct *vma)
    pte_t *page_check_address(struct_page *page, mm_struct *mm, unsigned long address,
                              spinlock_t **ptlp)
    vm_area_struct *vma_prio_tree_first(prio_tree_iter *iter, prio_tree_root *root,
                                        unsigned long begin, unsigned long end)
    vm_area_struct *vma_prio_tree_next(prio_tree_iter *iter)

    # page tables
    pmd_t *pmd_offset(mm_struct *mm, unsigned long address)
    struct_page *vm_normal_page(vm_area_struct *vma, unsigned long address, pte_t pte)
    pte_t *pte_offset_map_lock(mm_struct *mm, pmd_t *pmd, unsigned long address,
                               spinlock_t **ptlp)

    # pte words
    int pte_none(pte_t pte)
    int pte_present(pte_t pte)
    int pte_same(pte_t a, pte_t b)
    unsigned long pte_pfn(pte_t pte)
    int pte_dirty(pte_t pte)
    int pte_write(pte_t pte)
    pte_t pte_mkclean(pte_t pte)
    pte_t pte_mkdirty(pte_t pte)
    pte_t pte_mkyoung(pte_t pte)
    pte_t pte_wrprotect(pte_t pte)
    pte_t maybe_mkwrite(pte_t pte, vm_area_struct *vma)
    pte_t mk_pte(struct_page *page, pgprot_t prot)
    pte_t __pte(u32 word)
    pgprot_t __pgprot(u32 word)
    u32 pte_val(pte_t pte)
    u32 pgprot_val(pgprot_t prot)
    const pgprot_t protection_map[16]

    # pte slots
    pte_t ptep_get_and_clear(mm_struct *mm, unsigned long address, pte_t *pte)
    void ptep_establish(vm_area_struct *vma, unsigned long address, pte_t *pte, pte_t entry)
    void ptep_set_access_flags(vm_area_struct *vma, unsigned long address, pte_t *pte,
                               pte_t entry, int dirty)
    void set_pte_at(mm_struct *mm, unsigned long address, pte_t *pte, pte_t entry)
    void flush_cache_page(vm_area_struct *vma, unsigned long address, unsigned long pfn)
    void flush_icache_page(vm_area_struct *vma, struct_page *page)
    void update_mmu_cache(vm_area_struct *vma, unsigned long address, pte_t entry)
    void lazy_mmu_prot_update(pte_t entry)
    void pte_unmap(pte_t *pte)
    void pte_unmap_unlock(pte_t *pte, spinlock_t *ptl)

    # dirtiness; a counter is named, not passed
    int set_page_dirty(struct_page *page)
    bint mapping_cap_account_dirty(address_space *mapping)
    int nr_dirty
    void dec_page_state(int counter)
    int generic_writepages(address_space *mapping, writeback_control *wbc)

    # what a process and the system count; a counter of an mm is named, not passed
    int file_rss
    int anon_rss
    void inc_mm_counter(mm_struct *mm, int counter)
    void dec_mm_counter(mm_struct *mm, int counter)
    int security_vm_enough_memory(long pages)
    void vm_unacct_memory(long pages)
    int may_expand_vm(mm_struct *mm, unsigned long pages)
    int can_do_mlock()
    int capable(int cap)
    void vm_stat_account(mm_struct *mm, unsigned long flags, struct_file *file, long pages)

    # vmas
    int vm_area_cachep
    vm_area_struct *kmem_cache_zalloc(int cachep, u32 gfp)
    void kmem_cache_free(int cachep, vm_area_struct *vma)
    void *vma_policy(vm_area_struct *vma)
    void mpol_free(void *policy)
    unsigned long get_unmapped_area(struct_file *file, unsigned long address, unsigned long len,
                                    unsigned long pgoff, unsigned long flags)
    vm_area_struct *find_vma_prepare(mm_struct *mm, unsigned long address,
                                     vm_area_struct **pprev, rb_node ***rb_link,
                                     rb_node **rb_parent)
    void vma_link(mm_struct *mm, vm_area_struct *vma, vm_area_struct *prev, rb_node **rb_link,
                  rb_node *rb_parent)
    vm_area_struct *vma_merge(mm_struct *mm, vm_area_struct *prev, unsigned long address,
                              unsigned long end, unsigned long flags, anon_vma *anon_vma,
                              struct_file *file, pgoff_t pgoff, void *policy)
    int split_vma(mm_struct *mm, vm_area_struct *vma, unsigned long address, int new_below)
    void change_protection(vm_area_struct *vma, unsigned long start, unsigned long end,
                           pgprot_t newprot)
    int is_vm_hugetlb_page(vm_area_struct *vma)
    void hugetlb_change_protection(vm_area_struct *vma, unsigned long start, unsigned long end,
                                   pgprot_t newprot)
    void unmap_region(mm_struct *mm, vm_area_struct *vma, vm_area_struct *prev,
                      unsigned long start, unsigned long end)
    int do_munmap(mm_struct *mm, unsigned long start, unsigned long len)
    int make_pages_present(unsigned long addr, unsigned long end)
    long sys_remap_file_pages(unsigned long start, unsigned long size, unsigned long prot,
                              unsigned long pgoff, unsigned long flags)

    # files
    void get_file(struct_file *file)
    void fput(struct_file *file)
    int is_file_hugepages(struct_file *file)
    int IS_APPEND(struct_inode *inode)
    int locks_verify_locked(struct_inode *inode)
    int security_file_mmap(struct_file *file, unsigned long reqprot, unsigned long prot,
                           unsigned long flags)
    int deny_write_access(struct_file *file)
    void i_writecount_inc(struct_inode *inode)
    int shmem_zero_setup(vm_area_struct *vma)

    # buffers
    int drop_buffers(struct_page *page, buffer_head **buffers_to_free)
    void free_buffer_head(buffer_head *bh)

cdef extern from "machine/enter.h" nogil:
    void kmm_enter(struct_world *world)
