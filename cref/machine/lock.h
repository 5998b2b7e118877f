/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks of a machine with one processor: taking a lock that is held would
 * spin for ever, so it ends the run, as does dropping one that is not held.
 * Which locks are held, and in which order they were taken, is state.
 */
#ifndef KMM_MACHINE_LOCK_H
#define KMM_MACHINE_LOCK_H

#include "machine/event.h"

/* Bit 1 << held of kmm_forbidden[taken]: taken while held is against the order (order.c). */
KMM_EXPORT extern const u32 kmm_forbidden[NR_LOCK_CLASSES];

/* Classes that may be held while something sleeps. */
#define KMM_SLEEPING_CLASSES \
	(1u << LOCK_I_MUTEX | 1u << LOCK_MMAP_SEM | 1u << LOCK_PAGE)

/*
 * A pause: a place where a function sleeps or is about to take a lock, so that
 * another actor may act first, if the case says so (interfere.c).
 */
KMM_EXPORT void kmm_pause_counted(void);
static inline void kmm_pause(void)
{
	if (unlikely(kmm_world->pauses_left[0] | kmm_world->pauses_left[1]))
		kmm_pause_counted();
}

/* What may sleep: a fault to be noted under a spinlock, and a pause. */
static inline void kmm_may_sleep(void)
{
	struct world *world = kmm_world;

	if (unlikely(world->held_classes & ~KMM_SLEEPING_CLASSES) && !world->sleep_fault)
		world->sleep_fault = world->held_classes;
	kmm_pause();
}

static inline void kmm_check_order(u32 class)
{
	struct world *world = kmm_world;
	u32 against = world->held_classes & kmm_forbidden[class];

	if (unlikely(against) && !world->order_fault)
		world->order_fault = (u32)__builtin_ctz(against) << 8 | class;
}

static inline void kmm_hold(void *lock, u32 class)
{
	struct world *world = kmm_world;

	if (unlikely(world->nr_held == KMM_MAX_HELD))
		kmm_end(KMM_LOCK_MANY);
	kmm_check_order(class);
	world->held[world->nr_held++] = lock;
	world->held_classes |= 1u << class;
}

static inline void kmm_let_go(void *lock)
{
	struct world *world = kmm_world;
	u32 last, i, classes = world->pages_locked ? 1u << LOCK_PAGE : 0;

	if (unlikely(world->nr_held == world->held_from))
		kmm_end(KMM_LOCK_UNHELD);
	last = --world->nr_held;
	/* nearly always the last one taken; else the later ones move down */
	for (i = last; unlikely(world->held[i] != lock); i--)
		if (unlikely(i == world->held_from))
			kmm_end(KMM_LOCK_UNHELD);
	for (; unlikely(i < last); i++)
		world->held[i] = world->held[i + 1];
	world->held[last] = NULL;
	for (i = world->held_from; i < last; i++)
		classes |= 1u << world->held[i]->class;
	world->held_classes = classes;
}

static inline void kmm_lock(spinlock_t *lock)
{
	kmm_pause();
	if (unlikely(lock->held))
		kmm_end(KMM_LOCK_TWICE);
	kmm_hold(lock, lock->class);
	lock->held = 1;
}

static inline void kmm_unlock(spinlock_t *lock)
{
	if (unlikely(!lock->held))
		kmm_end(KMM_LOCK_UNHELD);
	kmm_let_go(lock);
	lock->held = 0;
}

static inline void kmm_spin_lock(spinlock_t *lock, u32 here)
{
	KMM_EVENT(spin_lock, here, lock);
	kmm_lock(lock);
}

static inline void kmm_spin_unlock(spinlock_t *lock, u32 here)
{
	KMM_EVENT(spin_unlock, here, lock);
	kmm_unlock(lock);
}

static inline void kmm_write_lock_irq(rwlock_t *lock, u32 here)
{
	KMM_EVENT(write_lock_irq, here, lock);
	kmm_world->irqs_disabled = 1;
	kmm_lock(lock);
}

static inline void kmm_write_unlock_irq(rwlock_t *lock, u32 here)
{
	KMM_EVENT(write_unlock_irq, here, lock);
	kmm_unlock(lock);
	kmm_world->irqs_disabled = 0;
}

static inline unsigned long kmm_write_lock_irqsave(rwlock_t *lock, u32 here)
{
	unsigned long flags = kmm_world->irqs_disabled;

	KMM_EVENT(write_lock_irqsave, here, lock, flags);
	kmm_world->irqs_disabled = 1;
	kmm_lock(lock);
	return flags;
}

static inline void kmm_write_unlock_irqrestore(rwlock_t *lock, unsigned long flags, u32 here)
{
	KMM_EVENT(write_unlock_irqrestore, here, lock, flags);
	kmm_unlock(lock);
	kmm_world->irqs_disabled = flags;
}

/* Semaphores sleep: readers are many, a writer is alone. */
static inline void kmm_down_read(struct rw_semaphore *sem, u32 here)
{
	KMM_EVENT(down_read, here, sem);
	kmm_may_sleep();
	if (unlikely(sem->held == KMM_WRITER))
		kmm_end(KMM_LOCK_TWICE);
	kmm_hold(sem, sem->class);
	sem->held++;
}

static inline void kmm_up_read(struct rw_semaphore *sem, u32 here)
{
	KMM_EVENT(up_read, here, sem);
	if (unlikely(!sem->held || sem->held == KMM_WRITER))
		kmm_end(KMM_LOCK_UNHELD);
	kmm_let_go(sem);
	sem->held--;
}

static inline void kmm_down_write(struct rw_semaphore *sem, u32 here)
{
	KMM_EVENT(down_write, here, sem);
	kmm_may_sleep();
	if (unlikely(sem->held))
		kmm_end(KMM_LOCK_TWICE);
	kmm_hold(sem, sem->class);
	sem->held = KMM_WRITER;
}

static inline void kmm_up_write(struct rw_semaphore *sem, u32 here)
{
	KMM_EVENT(up_write, here, sem);
	if (unlikely(sem->held != KMM_WRITER))
		kmm_end(KMM_LOCK_UNHELD);
	kmm_let_go(sem);
	sem->held = 0;
}

#define down_read(sem)			kmm_down_read(sem, KMM_HERE)
#define up_read(sem)			kmm_up_read(sem, KMM_HERE)
#define down_write(sem)			kmm_down_write(sem, KMM_HERE)
#define up_write(sem)			kmm_up_write(sem, KMM_HERE)
#define mutex_lock(mutex)		kmm_down_write(mutex, KMM_HERE)
#define mutex_unlock(mutex)		kmm_up_write(mutex, KMM_HERE)
#define cond_resched() do {						\
		KMM_EVENT0(cond_resched, KMM_HERE);			\
		kmm_may_sleep();					\
	} while (0)
/* one processor: a barrier does nothing, and that it stands there is an event */
#define smp_rmb()			KMM_EVENT0(smp_rmb, KMM_HERE)

#define spin_lock(lock)			kmm_spin_lock(lock, KMM_HERE)
#define spin_unlock(lock)		kmm_spin_unlock(lock, KMM_HERE)
#define write_lock_irq(lock)		kmm_write_lock_irq(lock, KMM_HERE)
#define write_unlock_irq(lock)		kmm_write_unlock_irq(lock, KMM_HERE)
/* the kernel's macro assigns to its second argument, and so does this one */
#define write_lock_irqsave(lock, flags)	\
	((flags) = kmm_write_lock_irqsave(lock, KMM_HERE))
#define write_unlock_irqrestore(lock, flags) \
	kmm_write_unlock_irqrestore(lock, flags, KMM_HERE)

#endif
