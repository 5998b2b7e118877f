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

    ctypedef struct struct_world "struct world":
        u32 units
    ctypedef struct radix_tree_root "struct radix_tree_root":
        u32 nr
    ctypedef struct prio_tree_root "struct prio_tree_root":
        pass
    ctypedef struct prio_tree_iter "struct prio_tree_iter":
        pass
    ctypedef struct mm_struct "struct mm_struct":
        pass
    ctypedef struct address_space "struct address_space":
        radix_tree_root page_tree
        rwlock_t tree_lock
        spinlock_t private_lock
        prio_tree_root i_mmap
        spinlock_t i_mmap_lock
    ctypedef struct struct_page "struct page":
        unsigned long flags
        address_space *mapping
        pgoff_t index
    ctypedef struct buffer_head "struct buffer_head":
        buffer_head *b_this_page
    ctypedef struct vm_area_struct "struct vm_area_struct":
        mm_struct *vm_mm
        unsigned long vm_flags

    enum:
        EFAULT
        FOLL_WRITE
        FOLL_TOUCH
        FOLL_GET
        FOLL_ANON
        PAGE_SHIFT
        PAGE_CACHE_SHIFT
        PAGECACHE_TAG_DIRTY
        VM_WRITE
        VM_SHARED
        VM_PFNMAP
        KMM_U5
        KMM_U6
        KMM_U7

    # the unit switches of this world
    bint unit(u32 mask)

    void BUG_ON(bint condition)

    # locks; write_lock_irqsave assigns to `flags`, as the kernel's macro does
    void spin_lock(spinlock_t *lock)
    void spin_unlock(spinlock_t *lock)
    void write_lock_irqsave(rwlock_t *lock, unsigned long flags)
    void write_unlock_irqrestore(rwlock_t *lock, unsigned long flags)

    # page
    int PageLocked(struct_page *page)
    int PageAnon(struct_page *page)
    int PageDirty(struct_page *page)
    int PageWriteback(struct_page *page)
    int TestClearPageDirty(struct_page *page)
    int page_mapped(struct_page *page)
    address_space *page_mapping(struct_page *page)
    pgoff_t page_index(struct_page *page)
    struct_page *ZERO_PAGE(unsigned long address)
    void get_page(struct_page *page)
    void mark_page_accessed(struct_page *page)
    struct_page *radix_tree_tag_clear(radix_tree_root *root, pgoff_t index, int tag)

    # reverse map
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
    int pte_present(pte_t pte)
    int pte_dirty(pte_t pte)
    int pte_write(pte_t pte)
    pte_t pte_mkclean(pte_t pte)
    pte_t pte_wrprotect(pte_t pte)

    # pte slots
    pte_t ptep_get_and_clear(mm_struct *mm, unsigned long address, pte_t *pte)
    void ptep_establish(vm_area_struct *vma, unsigned long address, pte_t *pte, pte_t entry)
    void lazy_mmu_prot_update(pte_t entry)
    void pte_unmap_unlock(pte_t *pte, spinlock_t *ptl)

    # dirtiness; a counter is named, not passed
    int set_page_dirty(struct_page *page)
    bint mapping_cap_account_dirty(address_space *mapping)
    int nr_dirty
    void dec_page_state(int counter)

    # buffers
    int drop_buffers(struct_page *page, buffer_head **buffers_to_free)
    void free_buffer_head(buffer_head *bh)

cdef extern from "machine/enter.h" nogil:
    void kmm_enter(struct_world *world)
