/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks of a machine with one processor: taking a lock that is held would
 * spin for ever, so it ends the run, as does dropping one that is not held.
 * Which locks are held, and in which order they were taken, is state.
 */
#ifndef KMM_MACHINE_LOCK_H
#define KMM_MACHINE_LOCK_H

#include "machine/event.h"

static inline void kmm_lock(spinlock_t *lock)
{
	struct world *world = kmm_world;

	if (unlikely(lock->held))
		kmm_end(KMM_LOCK_TWICE);
	if (unlikely(world->nr_held == KMM_MAX_HELD))
		kmm_end(KMM_LOCK_MANY);
	lock->held = 1;
	world->held[world->nr_held++] = lock;
}

static inline void kmm_unlock(spinlock_t *lock)
{
	struct world *world = kmm_world;
	u32 last, i;

	if (unlikely(!lock->held || !world->nr_held))
		kmm_end(KMM_LOCK_UNHELD);
	lock->held = 0;
	last = --world->nr_held;
	/* nearly always the last one taken; else the later ones move down */
	for (i = last; unlikely(world->held[i] != lock); i--)
		if (unlikely(!i))
			kmm_end(KMM_LOCK_UNHELD);
	for (; unlikely(i < last); i++)
		world->held[i] = world->held[i + 1];
	world->held[last] = NULL;
}

static inline void kmm_spin_lock(spinlock_t *lock, u32 here)
{
	KMM_EVENT1(spin_lock, here, lock);
	kmm_lock(lock);
}

static inline void kmm_spin_unlock(spinlock_t *lock, u32 here)
{
	KMM_EVENT1(spin_unlock, here, lock);
	kmm_unlock(lock);
}

static inline void kmm_write_lock_irq(rwlock_t *lock, u32 here)
{
	KMM_EVENT1(write_lock_irq, here, lock);
	kmm_world->irqs_disabled = 1;
	kmm_lock(lock);
}

static inline void kmm_write_unlock_irq(rwlock_t *lock, u32 here)
{
	KMM_EVENT1(write_unlock_irq, here, lock);
	kmm_unlock(lock);
	kmm_world->irqs_disabled = 0;
}

static inline unsigned long kmm_write_lock_irqsave(rwlock_t *lock, u32 here)
{
	unsigned long flags = kmm_world->irqs_disabled;

	KMM_EVENT2(write_lock_irqsave, here, lock, flags);
	kmm_world->irqs_disabled = 1;
	kmm_lock(lock);
	return flags;
}

static inline void kmm_write_unlock_irqrestore(rwlock_t *lock, unsigned long flags, u32 here)
{
	KMM_EVENT2(write_unlock_irqrestore, here, lock, flags);
	kmm_unlock(lock);
	kmm_world->irqs_disabled = flags;
}

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
