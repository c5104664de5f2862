/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own tiering, which would move what mpold has placed: NUMA balancing's tiering mode
 * (kernel.numa_balancing, bit 1) and demotion by reclaim.  Both are off while mpold works, and
 * are given back as they were, whatever dies (kernel-settings.h).  NUMA balancing between sockets,
 * bit 0, stays.
 */
#ifndef DAEMON_KERNEL_TIERING_H
#define DAEMON_KERNEL_TIERING_H

#include <stdbool.h>

struct kernel_change;

/* Begin with zeroes. */
struct kernel_tiering {
	struct kernel_change *balancing, *demotion; /* NULL: was not changed */
};

/*
 * Turns off what is on, and says so in the log; also what could not be turned off, and that both
 * will move pages then.  with_balancing: NUMA balancing too, which a tracker may be about to need.
 */
void kernel_tiering_hold(struct kernel_tiering *held, int root, bool with_balancing);

/* Gives it back.  What this process may not do by now its guard does when it has ended. */
void kernel_tiering_release(struct kernel_tiering *held);

#endif
