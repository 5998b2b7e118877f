/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of the builds that count steps and branches; the fast builds have none. */
#ifndef KMM_MACHINE_COUNT_H
#define KMM_MACHINE_COUNT_H

#include "machine/world.h"

/* This thread's counters; kmm_count_into says where they are. */
KMM_EXPORT extern __thread u64 *kmm_counters __attribute__((tls_model("initial-exec")));
KMM_EXPORT void kmm_count_into(u64 *counters);

#define KMM_STEP(n)	((void)kmm_counters[n]++)

/* Counts at n when the operand holds, at n + 1 when it does not. */
#define KMM_OPERAND(n, operand) ({					\
		const int holds_ = (operand) != 0;			\
		kmm_counters[(n) + !holds_]++;				\
		holds_; })

#endif
