// SPDX-License-Identifier: GPL-2.0-only
#include "machine/count.h"

__thread u64 *kmm_counters;

void kmm_count_into(u64 *counters)
{
	kmm_counters = counters;
}
