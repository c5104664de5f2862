/* SPDX-License-Identifier: MIT */
/*
 * The tracker damon: regions of addresses that the kernel's DAMON samples, by their access counts.
 *
 * DAMON looks at one random page of a region at a time, so it finds hot memory that is
 * contiguous, and takes scattered hot pages for a lukewarm region.  It works without BPF, under
 * any lockdown, and asks KVM too, so guests' memory is seen.
 *
 * It counts all the time, and forgets by itself, with each aggregation: a clear does nothing
 * but look which mappings there are.  The first scan after it takes counts; the k-th
 * shows regions whose count is at least a quarter of what the scan before asked for.  Scans
 * four times as far apart as the one before would show pages of such frequencies.
 *
 * One kdamond serves all processes that are followed.  It is set up at the first scan, never by
 * opening, and anew when a process or a mapping comes or goes: what it knew is lost then, so an
 * addition is made only when it is a 64th of the process's memory.
 */
#include "tracker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "damon-ranges.h"
#include "damon-sysfs.h"
#include "error.h"
#include "grow.h"
#include "kernel-settings.h"
#include "pagemap.h"
#include "process.h"

/*
 * 20 samples per aggregation.  The kernel's own 5 ms and 100 ms find a contiguous hot set in half
 * the time, at twice the cost; 20 ms and 1 s take four times as long.  1000 regions at
 * most, as the kernel has it: a sample looks at one page of each, twice.
 */
#define SAMPLE_US     10000
#define AGGREGATE_US  200000
#define LEAST_REGIONS 50
#define MOST_REGIONS  1000

#define SAMPLES (AGGREGATE_US / SAMPLE_US)

/* What the first scan after a clear asks for: half of all samples. */
#define FIRST_THRESHOLD (SAMPLES / 2)

struct damoned {
	struct tracker tracker;
	int root;
	pid_t tid;			    /* of a thread that has its memory */
	int pagemap;			    /* stands for its memory: no other program's */
	struct damon_ranges ranges, wanted; /* as set up, and as there are */
	size_t index;			    /* in the list; the kernel's too, once it is set up */
	struct damon_region *regions;	    /* as of the last first scan */
	size_t nr_regions;
	uint64_t update; /* the regions' */
	unsigned scans;	 /* since the clear */
};

/* What all processes that are followed share. */
static struct {
	struct damoned **list;
	size_t nr, nr_allocated;
	bool stale;   /* to be set up anew */
	bool running; /* there is a kdamond of ours */
	uint64_t updates;
	struct kernel_change *change;
} shared;

static struct damoned *damoned_of(struct tracker *tracker)
{
	return (struct damoned *)tracker;
}

static uint64_t signature(void)
{
	return DAMON_SYSFS_SIGNATURES + (uint64_t)getpid();
}

/* ---- The kdamond --------------------------------------------------------------------------- */

/* So that whatever ends this process ends the kdamond. */
static int begin_change(int root, struct mpol_error *err)
{
	struct kernel_change_record record = { .kind = KERNEL_CHANGE_KDAMOND };

	if (shared.change)
		return 0;
	kernel_settings_recover(root);
	snprintf(record.words[0], sizeof(record.words[0]), "%" PRIu64, signature());
	return kernel_change_begin(root, "damon", &record, &shared.change, err);
}

static void stop(void)
{
	kernel_change_end(steal_pointer(&shared.change));
	shared.running = false;
}

static int start(int root)
{
	struct damon_target *targets = calloc(shared.nr, sizeof(*targets));
	const struct damon_setup setup = {
		.signature = signature(),
		.sample_us = SAMPLE_US,
		.aggregate_us = AGGREGATE_US,
		.least_regions = LEAST_REGIONS,
		.most_regions = MOST_REGIONS,
		.targets = targets,
		.nr_targets = shared.nr,
	};
	int r = targets ? 0 : -ENOMEM;

	for (size_t i = 0; i < shared.nr && r == 0; i++) {
		struct damoned *damoned = shared.list[i];

		damoned->ranges = damoned->wanted;
		targets[i] = (struct damon_target) { damoned->tid, damoned->ranges.items,
						     damoned->ranges.nr };
	}
	if (r == 0)
		r = begin_change(root, NULL);
	if (r == 0)
		r = damon_sysfs_start(root, &setup, NULL);
	free(targets);
	if (r == 0) {
		shared.running = true;
		shared.stale = false;
	}
	return r;
}

/* ---- Which addresses ------------------------------------------------------------------------- */

static uint64_t count_bytes(const struct damon_ranges *ranges)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < ranges->nr; i++)
		bytes += ranges->items[i].end - ranges->items[i].start;
	return bytes;
}

/* Bytes of one that are outside of the other. */
static uint64_t count_outside(const struct damon_ranges *one, const struct damon_ranges *other)
{
	uint64_t bytes = count_bytes(one);

	for (size_t i = 0; i < one->nr; i++)
		for (size_t j = 0; j < other->nr; j++) {
			const struct damon_range *a = &one->items[i], *b = &other->items[j];
			const uint64_t start = a->start > b->start ? a->start : b->start;
			const uint64_t end = a->end < b->end ? a->end : b->end;

			bytes -= start < end ? end - start : 0;
		}
	return bytes;
}

/* Whether what is there differs so much from what is looked at that knowing it is worth
 * forgetting the rest. */
static bool has_changed(const struct damoned *damoned)
{
	const uint64_t most = count_bytes(&damoned->wanted) / 64;

	return count_outside(&damoned->wanted, &damoned->ranges) > most ||
	       count_outside(&damoned->ranges, &damoned->wanted) > most;
}

static int look_at_mappings(struct damoned *damoned)
{
	_cleanup_free_ char *text = NULL;
	int r = process_read_file(damoned->root, damoned->tid, "maps", &text);

	return r < 0 ? r : damon_ranges_read(text, &damoned->wanted);
}

/* ---- As a tracker ------------------------------------------------------------------------------
 */

static void damon_close(struct tracker *tracker)
{
	struct damoned *damoned = damoned_of(tracker);

	if (damoned->index < shared.nr && shared.list[damoned->index] == damoned) {
		struct damoned *last = shared.list[--shared.nr];

		shared.list[damoned->index] = last;
		last->index = damoned->index;
		shared.stale = true;
	}
	if (shared.nr == 0) {
		stop();
		free(steal_pointer(&shared.list));
		shared.nr_allocated = 0;
	}
	closep(&damoned->pagemap);
	free(damoned->regions);
	free(damoned);
}

DEFINE_CLEANUP(struct tracker *, damon_close);

static int enlist(struct damoned *damoned)
{
	struct damoned **list =
		grow(shared.list, shared.nr, &shared.nr_allocated, sizeof(struct damoned *));

	if (!list)
		return -ENOMEM;
	shared.list = list;
	damoned->index = shared.nr;
	list[shared.nr++] = damoned;
	shared.stale = true;
	return 0;
}

static int damon_open(int root, pid_t pid, struct tracker **ret, struct mpol_error *err)
{
	struct damoned *damoned = calloc(1, sizeof(*damoned));
	_cleanup_(damon_closep) struct tracker *tracker = (struct tracker *)damoned;
	int r;

	if (!damoned)
		return error_errno(err, -ENOMEM, "follow accesses");
	*damoned = (struct damoned) {
		.tracker.kind = &tracker_damon,
		.root = root,
		.index = SIZE_MAX,
	};
	damoned->pagemap = process_open_pagemap(root, pid, &damoned->tid);
	r = damon_sysfs_check(root, signature(), err);
	if (r < 0)
		return r;
	r = damoned->pagemap < 0 ? damoned->pagemap : look_at_mappings(damoned);
	if (r == 0)
		r = enlist(damoned);
	if (r < 0) {
		error_errno(err, r, "follow accesses");
		error_on(err, "process %d", pid);
		return r;
	}
	*ret = steal_pointer(&tracker);
	return 0;
}

static int damon_clear(struct tracker *tracker)
{
	struct damoned *damoned = damoned_of(tracker);
	int r = process_pagemap_is_alive(damoned->pagemap) ? look_at_mappings(damoned) : -ESRCH;

	if (r < 0)
		return r;
	damoned->scans = 0;
	shared.stale = shared.stale || has_changed(damoned);
	return 0;
}

/* One update tells of all processes: the first that lacks it asks for it. */
static int take_counts(struct damoned *damoned)
{
	int r = 0;

	if (damoned->update == shared.updates) {
		r = damon_sysfs_update(damoned->root);
		if (r < 0)
			return r == -EBUSY ? 0 : r; /* others use its files: what was known holds */
		shared.updates++;
	}
	damoned->update = shared.updates;
	free(steal_pointer(&damoned->regions));
	damoned->nr_regions = 0;
	return damon_sysfs_read(damoned->root, damoned->index, &damoned->regions,
				&damoned->nr_regions);
}

static int damon_begin_scan(struct tracker *tracker)
{
	struct damoned *damoned = damoned_of(tracker);
	int r = 0;

	if (!process_pagemap_is_alive(damoned->pagemap))
		return -ESRCH;
	if (damoned->scans++ > 0)
		return 0;
	if (shared.stale || !shared.running)
		r = start(damoned->root);
	if (r == 0)
		r = take_counts(damoned);
	if (!process_pagemap_is_alive(damoned->pagemap))
		return -ESRCH;
	/* Another process has ended as it was set up, or somebody stopped it: anew in the next
	 * round. */
	if (r == -ESRCH || r == -EINVAL)
		shared.running = false;
	return r == -ESRCH || r == -EINVAL ? 0 : r;
}

static void set_bits(uint64_t *bits, size_t first, size_t nr)
{
	for (size_t i = first; i < first + nr; i++)
		bits[i / 64] |= 1ULL << i % 64;
}

static int damon_scan(struct tracker *tracker, uint64_t start, uint64_t end, uint64_t *bits)
{
	const struct damoned *damoned = damoned_of(tracker);
	unsigned threshold = FIRST_THRESHOLD;

	if (!process_pagemap_is_alive(damoned->pagemap))
		return -ESRCH;
	for (unsigned i = 1; i < damoned->scans; i++)
		threshold /= 4;
	for (size_t i = 0; i < damoned->nr_regions; i++) {
		const struct damon_region *region = &damoned->regions[i];
		const uint64_t from = region->start > start ? region->start : start;
		const uint64_t to = region->end < end ? region->end : end;

		if (from < to && region->accesses && region->accesses >= threshold)
			set_bits(bits, (from - start) / PAGE_BYTES, (to - from) / PAGE_BYTES);
	}
	return 0;
}

const struct tracker_kind tracker_damon = {
	.name = "damon",
	.summary = "regions that DAMON samples, by access counts: reads and writes of contiguous "
		   "memory, KVM guests' too",
	.side_effects =
		"a kernel thread (kdamond) that takes up to some percent of a CPU; accessed "
		"bits that reclaim does not get to see",
	.sees_reads = true,
	.sees_guests = true,
	.is_automatic = true,
	.scan_ns = 1,
	.target_fault_ns = 1,
	.open = damon_open,
	.close = damon_close,
	.clear = damon_clear,
	.begin_scan = damon_begin_scan,
	.scan = damon_scan,
};
