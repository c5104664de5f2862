/* SPDX-License-Identifier: MIT */
/*
 * DAMON by its files (Documentation/admin-guide/mm/damon/usage.rst, sysfs interface): one kdamond
 * of ours, with one context of fixed ranges of virtual addresses, for all targets.
 *
 * The number of kdamonds is one for the whole machine, and changing it destroys all: so DAMON is
 * used only where nobody else has one.  Ours is known by its signature, which stands where nothing
 * else does: in the interval after which a context looks for new ranges (update_us), which
 * one of fixed ranges never does.
 */
#ifndef HOST_DAMON_SYSFS_H
#define HOST_DAMON_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <mpol/mpol.h>

/* A process's signature is this and its id: 11 days, in us, and nobody else's interval. */
#define DAMON_SYSFS_SIGNATURES 1000000000000ULL

/* Addresses, end exclusive. */
struct damon_range {
	uint64_t start, end;
};

struct damon_target {
	pid_t pid;
	const struct damon_range *ranges; /* ascending */
	size_t nr_ranges;
};

struct damon_region {
	uint64_t start, end;
	uint32_t accesses; /* samples that found it accessed, of those of one aggregation */
};

struct damon_setup {
	uint64_t signature;
	uint32_t sample_us, aggregate_us;
	uint32_t least_regions, most_regions;
	const struct damon_target *targets;
	size_t nr_targets;
};

/* Whether kdamond number kdamond has an mpold's signature, whichever's. */
bool damon_sysfs_is_mpolds(int root, uint64_t kdamond);

/*
 * Whether DAMON can be used, and by us: 0; -EOPNOTSUPP: this kernel has none, or none that tells of
 * regions (before 6.2), or none of these files; -EBUSY: somebody else has set it up.  signature:
 * that of our own kdamond, which is no hindrance.
 */
int damon_sysfs_check(int root, uint64_t signature, struct mpol_error *err);

/*
 * Starts the kdamond, anew if it runs already: what it knew is lost.  From before the
 * first call on a record for damon_sysfs_remove has to exist (kernel-settings.h).
 * Errors: of damon_sysfs_check; -ESRCH: none of the targets lives; what the files say.
 */
int damon_sysfs_start(int root, const struct damon_setup *setup, struct mpol_error *err);

/* Has the kernel tell of all regions now: waits for it, about half an aggregation.  Errors: -ESRCH:
 * it has ended, with the last of its targets. */
int damon_sysfs_update(int root);

/* The regions of target number index as of the last update, ascending; free(3) them. */
int damon_sysfs_read(int root, size_t index, struct damon_region **ret, size_t *ret_nr);

/*
 * Stops and removes the kdamond of that signature, also one that was not signed yet, and so has no
 * targets and does not run.  Never anybody else's.  Returns 0, also if there is none, or -errno.
 */
int damon_sysfs_remove(int root, uint64_t signature);

#endif
