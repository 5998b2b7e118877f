/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this project relies on and the C standard leaves to the compiler or the
 * processor.  Where one of these is false, nothing is built.
 *
 * Not here, because no constant expression shows it: signed sums turn over
 * (-fwrapv), NULL is all bits zero in memory, a fault gives its address to the
 * handler.  Alignment is relied on nowhere beyond what types ask for; the
 * undefined sanitizer looks at every access (tools/sanitize.py).
 */
#ifndef KMM_MACHINE_ASSUMPTIONS_H
#define KMM_MACHINE_ASSUMPTIONS_H

#include <stdint.h>

_Static_assert(__CHAR_BIT__ == 8, "a choice of a case is one byte");
_Static_assert(sizeof(short) == 2 && sizeof(int) == 4 && sizeof(long long) == 8,
	       "words have the sizes that layout.def and the facts give them");

/* The model's addresses, indices and -errno are in unsigned long, and so are real pointers. */
_Static_assert(sizeof(long) == 8 && sizeof(void *) == 8 && sizeof(uintptr_t) == 8,
	       "a long is 64 bits and holds a pointer: give a 64-bit target");
_Static_assert(_Alignof(uint64_t) == 8 && _Alignof(void *) == 8,
	       "fields of 8 bytes need no padding behind another");

_Static_assert((-1 & 3) == 3, "two's complement: -errno travels as an unsigned word");
_Static_assert(-1 >> 1 == -1, "a right shift keeps the sign: i_size - 1 of an empty file");
_Static_assert((int)0x80000000u == -0x7FFFFFFF - 1, "what does not fit an int wraps: counts that turn over");

/*
 * A case is drawn in words and read in bytes, a wild value goes the other way,
 * and reports read a world's words: a big-endian host would know other cases
 * by the same seed and show wrong numbers.
 */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the lowest byte comes first");

/* kmm_mix draws with the product of two words. */
_Static_assert(sizeof(unsigned __int128) == 16, "there are words of 128 bits");

#endif
