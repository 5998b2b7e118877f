/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events in a build that records none (-DKMM_QUIET), for benchmarks: what
 * recording costs is no part of a function.  Arguments are evaluated all the
 * same, as some of them are calls; what nobody reads the compiler leaves out.
 * Without a trace there is no hang: who runs this needs a clock to end it by.
 */
#ifndef KMM_MACHINE_QUIET_H
#define KMM_MACHINE_QUIET_H

#define KMM_UNHEARD(here, ...) ({					\
		const u64 words_[] = { __VA_ARGS__ };			\
		(void)words_;						\
		(void)(here); })

#define KMM_EVENT(name, here, ...)	((void)KMM_UNHEARD(here, KMM_WORDS(__VA_ARGS__)))
#define KMM_EVENT0(name, here)		((void)(here))

/* A place for the result, which lasts as long as the block that asks for it. */
#define KMM_ENTER(name, here, ...) \
	(KMM_UNHEARD(here, KMM_WORDS(__VA_ARGS__)), (u64[1]){ 0 })
#define KMM_GIVE(place, value)		((void)(place), (value))
#define KMM_BACK(name, words, here)	((void)(here), (u64[words]){ 0 })

#endif
