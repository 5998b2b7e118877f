// SPDX-License-Identifier: GPL-2.0-only
/* Running a half so that nothing it does to a world ends the process. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include "machine/guard.h"

#define SIGNAL_STACK_BYTES	(64 * 1024)
#define NULL_PAGE_BYTES		4096	/* a fault below this followed a NULL pointer */

static __thread struct {
	jmp_buf *env;		/* of the running guard, or NULL */
	u64 fault;
	void *signal_stack;
} guard __attribute__((tls_model("initial-exec")));

void kmm_end(enum kmm_outcome outcome)
{
	if (!guard.env)
		abort();	/* a machine function was called outside a guard: our own fault */
	longjmp(*guard.env, outcome);
}

void kmm_guarded(s64 (*run)(const void *context), const void *context,
		 struct kmm_result *result)
{
	jmp_buf env, *const outer = guard.env;
	int outcome;

	result->ret = 0;
	result->fault = 0;
	result->fault_is_set = 0;
	/* _setjmp leaves the signal mask alone: a hundred times cheaper */
	outcome = _setjmp(env);
	if (!outcome) {
		guard.env = &env;
		result->ret = run(context);
	} else if (outcome == KMM_OOPS || outcome == KMM_STRAY) {
		result->fault = guard.fault;
		result->fault_is_set = 1;
	}
	guard.env = outer;
	result->outcome = outcome;
}

static const int caught_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
#define NR_CAUGHT (sizeof(caught_signals) / sizeof(caught_signals[0]))
static struct sigaction earlier[NR_CAUGHT];
static int guards;	/* how many want the handlers: the first puts them in, the last takes them out */

static void on_fault(int number, siginfo_t *info, void *context)
{
	u64 address = (u64)(unsigned long)info->si_addr;
	u32 i;

	(void)context;
	if (guard.env) {
		guard.fault = number == SIGSEGV || number == SIGBUS ? address : 0;
		longjmp(*guard.env, number == SIGSEGV && address < NULL_PAGE_BYTES ?
			KMM_OOPS : KMM_STRAY);
	}
	/* not in a half: whoever was there before us gets it when it happens again */
	for (i = 0; i < NR_CAUGHT; i++)
		if (caught_signals[i] == number)
			sigaction(number, &earlier[i], NULL);
}

void kmm_guard_process(void)
{
	struct sigaction action = {
		.sa_sigaction = on_fault,
		/* not masked while it runs, as it leaves by a jump that restores no mask */
		.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK,
	};
	u32 i;

	if (__atomic_fetch_add(&guards, 1, __ATOMIC_SEQ_CST))
		return;
	for (i = 0; i < NR_CAUGHT; i++)
		sigaction(caught_signals[i], &action, &earlier[i]);
}

void kmm_unguard_process(void)
{
	u32 i;

	if (__atomic_sub_fetch(&guards, 1, __ATOMIC_SEQ_CST))
		return;
	for (i = 0; i < NR_CAUGHT; i++)
		sigaction(caught_signals[i], &earlier[i], NULL);
}

int kmm_guard_thread(void)
{
	stack_t stack = { .ss_size = SIGNAL_STACK_BYTES };

	if (guard.signal_stack)
		return 0;
	stack.ss_sp = guard.signal_stack = malloc(SIGNAL_STACK_BYTES);
	if (!stack.ss_sp)
		return -ENOMEM;
	return sigaltstack(&stack, NULL);
}

void kmm_unguard_thread(void)
{
	stack_t stack = { .ss_flags = SS_DISABLE };

	if (!guard.signal_stack)
		return;
	sigaltstack(&stack, NULL);
	free(guard.signal_stack);
	guard.signal_stack = NULL;
}

const char *kmm_outcome_words(enum kmm_outcome outcome)
{
	static const char *const words[NR_KMM_OUTCOMES] = {
#define OUTCOME(number, words) [number] = words,
#include "machine/outcomes.def"
#undef OUTCOME
	};

	return (u32)outcome < NR_KMM_OUTCOMES ? words[outcome] : NULL;
}
