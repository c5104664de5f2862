/* SPDX-License-Identifier: MIT */
/* The kernel's own tiering, off for a while: see kernel-tiering.h. */
#include "kernel-tiering.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kernel-settings.h"
#include "log.h"
#include "rootfs.h"

#define BALANCING "proc/sys/kernel/numa_balancing"
#define DEMOTION  "sys/kernel/mm/numa/demotion_enabled"

#define MODE_TIERING 2 /* NUMA_BALANCING_MEMORY_TIERING, include/linux/sched/sysctl.h */

static void put(int root, const char *path, const char *value, struct kernel_change **ret)
{
	struct mpol_error error = { 0 };

	if (kernel_setting_put(root, path, value, ret, &error) == 0)
		log_info("/%s: %s while mpold works: the kernel's tiering would move pages too",
			 path, value);
	else
		log_warning("/%s: the kernel's tiering goes on, and moves pages too: %s", path,
			    error.cause);
}

void kernel_tiering_hold(struct kernel_tiering *held, int root, bool with_balancing)
{
	char demotion[8], without[24];
	uint64_t mode;

	if (with_balancing && rootfs_read_u64(root, &mode, BALANCING) == 0 &&
	    (mode & MODE_TIERING)) {
		snprintf(without, sizeof(without), "%" PRIu64, mode & ~(uint64_t)MODE_TIERING);
		put(root, BALANCING, without, &held->balancing);
	}
	if (rootfs_read_word(root, demotion, sizeof(demotion), DEMOTION) == 0 &&
	    strcmp(demotion, "true") == 0)
		put(root, DEMOTION, "false", &held->demotion);
}

void kernel_tiering_release(struct kernel_tiering *held)
{
	kernel_change_end(held->demotion);
	kernel_change_end(held->balancing);
	*held = (struct kernel_tiering) { 0 };
}
