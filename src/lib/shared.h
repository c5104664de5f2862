/* SPDX-License-Identifier: MIT */
/*
 * The policy of shared memory, set without stopping who maps it: the policy of
 * a tmpfs file, memfd or System V segment belongs to the object, so this process
 * maps the same part of it (/proc/PID/map_files, proc_pid_map_files(5)) and calls
 * mbind(2) itself.
 *
 * Only for whole mappings: numa_maps shows the policy at a mapping's beginning, and
 * the target's own mbind(2) would split a mapping where ours does not.
 */
#ifndef LIB_SHARED_H
#define LIB_SHARED_H

#include <stdbool.h>

#include <mpol/mpol.h>

#include "maps.h"
#include "target.h"

/* The mappings of a target.  Zero-initialise; free with shared_close. */
struct shared {
	const struct target *target;
	char *text; /* what the names of entries point into */
	struct maps_entry *entries;
	size_t nr_entries;
};

/*
 * Looks which shared mappings there are, if the kernel would take a policy from
 * this process as from the target: both have the same mems_allowed.  Never
 * fails: what cannot be read is not shared.
 */
void shared_open(const struct target *target, struct shared *ret_shared);
void shared_close(struct shared *shared);

/*
 * Sets the policy of a range that is one shared mapping.  True: it was
 * tried, and *ret_result is the kernel's answer; false: it has to be done in
 * another way.
 */
bool shared_set(const struct shared *shared, const struct mpol_args *args,
		const struct iovec *range, int *ret_result);

#endif
