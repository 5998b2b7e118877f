/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pte and protection words as values.  Nothing here touches memory, so nothing
 * here is an event.
 */
#ifndef KMM_MACHINE_PTE_H
#define KMM_MACHINE_PTE_H

#include "machine/types.h"

#define __pte(word)		((pte_t) { (u32)(word) })
#define __pgprot(word)		((pgprot_t) { (u32)(word) })
#define pte_val(pte)		((pte).pte_low)
#define pgprot_val(prot)	((prot).pgprot)

/* These give the masked word, not 0 or 1, as the kernel's do. */
static inline int pte_none(pte_t pte)		{ return pte_val(pte) == 0; }
/* A PROT_NONE pte is present although the processor cannot use it. */
static inline int pte_present(pte_t pte)	{ return pte_val(pte) & (_PAGE_PRESENT | _PAGE_PROTNONE); }
static inline int pte_write(pte_t pte)		{ return pte_val(pte) & _PAGE_RW; }
static inline int pte_dirty(pte_t pte)		{ return pte_val(pte) & _PAGE_DIRTY; }
static inline int pte_young(pte_t pte)		{ return pte_val(pte) & _PAGE_ACCESSED; }
static inline int pte_file(pte_t pte)		{ return pte_val(pte) & _PAGE_FILE; }
static inline int pte_same(pte_t a, pte_t b)	{ return pte_val(a) == pte_val(b); }
static inline unsigned long pte_pfn(pte_t pte)	{ return pte_val(pte) >> PAGE_SHIFT; }

static inline pte_t pte_mkclean(pte_t pte)	{ return __pte(pte_val(pte) & ~_PAGE_DIRTY); }
static inline pte_t pte_mkdirty(pte_t pte)	{ return __pte(pte_val(pte) | _PAGE_DIRTY); }
static inline pte_t pte_wrprotect(pte_t pte)	{ return __pte(pte_val(pte) & ~_PAGE_RW); }
static inline pte_t pte_mkwrite(pte_t pte)	{ return __pte(pte_val(pte) | _PAGE_RW); }
static inline pte_t pte_mkold(pte_t pte)	{ return __pte(pte_val(pte) & ~_PAGE_ACCESSED); }
static inline pte_t pte_mkyoung(pte_t pte)	{ return __pte(pte_val(pte) | _PAGE_ACCESSED); }

static inline pte_t pfn_pte(unsigned long pfn, pgprot_t prot)
{
	return __pte((u32)(pfn << PAGE_SHIFT) | pgprot_val(prot));
}

/* Keeps frame, accessed and dirty; everything else comes from the protection. */
static inline pte_t pte_modify(pte_t pte, pgprot_t prot)
{
	return __pte((pte_val(pte) & _PAGE_CHG_MASK) | pgprot_val(prot));
}

static inline pte_t maybe_mkwrite(pte_t pte, const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_WRITE ? pte_mkwrite(pte) : pte;
}

/* A file pte holds a page offset of 29 bits around the bits that must be off or FILE. */
static inline unsigned long pte_to_pgoff(pte_t pte)
{
	return (pte_val(pte) >> 1 & 0x1f) | (unsigned long)(pte_val(pte) >> 8) << 5;
}

static inline pte_t pgoff_to_pte(unsigned long pgoff)
{
	return __pte((pgoff & 0x1f) << 1 | (pgoff >> 5) << 8 | _PAGE_FILE);
}

/* A swap pte: type in bits 1 to 5, offset from bit 8; bits 0, 6 and 7 are off. */
static inline pte_t swap_pte(unsigned long type, unsigned long offset)
{
	return __pte((type & 0x1f) << 1 | offset << 8);
}

/* Indexed by the low four bits of vm_flags. */
static inline pgprot_t kmm_protection(unsigned long row)
{
	static const u16 value[16] = {
		PAGE_NONE_VALUE,     PAGE_READONLY_VALUE, PAGE_READONLY_VALUE, PAGE_READONLY_VALUE,
		PAGE_READONLY_VALUE, PAGE_READONLY_VALUE, PAGE_READONLY_VALUE, PAGE_READONLY_VALUE,
		PAGE_NONE_VALUE,     PAGE_READONLY_VALUE, PAGE_SHARED_VALUE,   PAGE_SHARED_VALUE,
		PAGE_READONLY_VALUE, PAGE_READONLY_VALUE, PAGE_SHARED_VALUE,   PAGE_SHARED_VALUE,
	};

	return __pgprot(value[row & 15]);
}

#endif
