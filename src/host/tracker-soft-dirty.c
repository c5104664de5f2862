/* SPDX-License-Identifier: MIT */
/* Written pages by soft-dirty bits: see soft-dirty.h and tracker.h. */
#include "soft-dirty.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "maps.h"
#include "pagemap.h"
#include "process.h"
#include "tracker.h"

/* Entries of pagemap, or regions of a scan, at a time. */
#define WINDOW 4096

/* This kernel has no PAGEMAP_SCAN (before 6.7); no errno, and nobody else's positive result. */
#define NO_SCAN INT_MIN

struct soft_dirty {
	struct tracker tracker; /* used as such */
	int root;		/* the caller's */
	pid_t tid;		/* of a thread that has its memory */
	int pagemap, clear_refs;
	bool may_scan; /* PAGEMAP_SCAN is there */
};

typedef int run_fn(uint64_t start, uint64_t end, void *user);

/* Where runs go, joined with their neighbours. */
struct sink {
	run_fn *run;
	void *user;
	uint64_t start, end; /* not handed on yet; end 0: nothing */
};

static int flush(struct sink *sink)
{
	const uint64_t start = sink->start, end = sink->end;

	sink->end = 0;
	return end ? sink->run(start, end, sink->user) : 0;
}

static int put(struct sink *sink, uint64_t start, uint64_t end)
{
	int r;

	if (sink->end == start) {
		sink->end = end;
		return 0;
	}
	r = flush(sink);
	sink->start = start;
	sink->end = end;
	return r;
}

/* Whether this kernel keeps the bits: we ask it about a page of our own that is new, and so dirty.
 */
static bool is_supported(void)
{
	char *page =
		mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (page != MAP_FAILED && pagemap >= 0) {
		*(volatile char *)page = 1;
		if (pread(pagemap, &entry, sizeof(entry),
			  (off_t)((uintptr_t)page / PAGE_BYTES * sizeof(entry))) != sizeof(entry))
			entry = 0;
	}
	if (page != MAP_FAILED)
		munmap(page, PAGE_BYTES);
	if (pagemap >= 0)
		close(pagemap);
	return entry & PAGEMAP_SOFT_DIRTY;
}

/* "4": fs/proc/task_mmu.c, CLEAR_REFS_SOFT_DIRTY. */
static int clear(const struct soft_dirty *tracker)
{
	return pwrite(tracker->clear_refs, "4", 1, 0) == 1 ? 0 : -errno;
}

int soft_dirty_open(int root, pid_t pid, struct soft_dirty **ret)
{
	_cleanup_(soft_dirty_closep) struct soft_dirty *tracker = calloc(1, sizeof(*tracker));
	int r;

	if (!tracker)
		return -ENOMEM;
	tracker->root = root;
	tracker->may_scan = true;
	tracker->clear_refs = -1;
	tracker->pagemap = process_open_pagemap(root, pid, &tracker->tid);
	if (tracker->pagemap < 0)
		return tracker->pagemap;
	tracker->clear_refs = process_open_file(root, tracker->tid, "clear_refs", O_WRONLY);
	if (tracker->clear_refs < 0)
		return tracker->clear_refs;
	if (!is_supported())
		return -EOPNOTSUPP;
	r = clear(tracker);
	if (r < 0)
		return r;
	*ret = steal_pointer(&tracker);
	return 0;
}

void soft_dirty_close(struct soft_dirty *tracker)
{
	if (!tracker)
		return;
	closep(&tracker->pagemap);
	closep(&tracker->clear_refs);
	free(tracker);
}

/* By PAGEMAP_SCAN, which skips what is not there; or NO_SCAN, and nothing was told. */
static int scan(struct soft_dirty *tracker, uint64_t start, uint64_t end, struct sink *sink)
{
	struct pagemap_region regions[WINDOW / 16];

	while (start < end) {
		struct pagemap_scan scan = {
			.size = sizeof(scan),
			.start = start,
			.end = end,
			.regions = (uintptr_t)regions,
			.nr_regions = sizeof(regions) / sizeof(*regions),
			.all_of = PAGEMAP_SCAN_PRESENT | PAGEMAP_SCAN_SOFT_DIRTY,
			.shown = PAGEMAP_SCAN_SOFT_DIRTY,
		};
		int nr = ioctl(tracker->pagemap, PAGEMAP_SCAN_IOCTL, &scan), r = 0;

		if (nr < 0)
			return errno == ENOTTY ? NO_SCAN : errno == EFAULT ? -ESRCH : -errno;
		for (int i = 0; i < nr && r == 0; i++)
			r = put(sink, regions[i].start, regions[i].end);
		if (r != 0)
			return r;
		start = scan.walk_end;
	}
	return 0;
}

static int read_all(const struct soft_dirty *tracker, uint64_t start, uint64_t end,
		    struct sink *sink)
{
	uint64_t entries[WINDOW];

	while (start < end) {
		uint64_t nr = (end - start) / PAGE_BYTES;
		ssize_t got;

		if (nr > WINDOW)
			nr = WINDOW;
		got = pread(tracker->pagemap, entries, nr * sizeof(*entries),
			    (off_t)(start / PAGE_BYTES * sizeof(*entries)));
		if (got <= 0)
			return got < 0 && errno != ESRCH ? -errno : -ESRCH;
		for (size_t i = 0; i < (size_t)got / sizeof(*entries); i++, start += PAGE_BYTES) {
			const uint64_t wanted = PAGEMAP_PRESENT | PAGEMAP_SOFT_DIRTY;
			int r = 0;

			if ((entries[i] & wanted) == wanted)
				r = put(sink, start, start + PAGE_BYTES);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

static int look(struct soft_dirty *tracker, uint64_t start, uint64_t end, struct sink *sink)
{
	if (tracker->may_scan) {
		int r = scan(tracker, start, end, sink);

		if (r != NO_SCAN)
			return r;
		tracker->may_scan = false;
	}
	return read_all(tracker, start, end, sink);
}

int soft_dirty_sample(struct soft_dirty *tracker, run_fn *run, void *user)
{
	struct sink sink = { .run = run, .user = user };
	_cleanup_free_ char *text = NULL;
	struct maps_entry entry;
	int r = process_read_file(tracker->root, tracker->tid, "maps", &text);
	char *cursor = text;

	if (r < 0)
		return r;
	while ((r = maps_next(&cursor, &entry)) == 1) {
		if (entry.permissions[1] != 'w')
			continue;
		r = look(tracker, entry.start, entry.end, &sink);
		if (r != 0)
			return r;
	}
	if (r == 0)
		r = flush(&sink);
	return r == 0 ? clear(tracker) : r;
}

/* ---- As a tracker of tiering ------------------------------------------------------ */

static int open_tracker(int root, pid_t pid, struct tracker **ret, struct mpol_error *err)
{
	struct soft_dirty *tracker;
	int r = soft_dirty_open(root, pid, &tracker);

	if (r < 0) {
		error_errno(err, r, "follow writes");
		error_on(err, "process %d", pid);
		if (r == -EOPNOTSUPP)
			error_advise(err, "this kernel has no CONFIG_MEM_SOFT_DIRTY");
		return r;
	}
	tracker->tracker.kind = &tracker_soft_dirty;
	*ret = &tracker->tracker;
	return 0;
}

static void close_tracker(struct tracker *tracker)
{
	soft_dirty_close((struct soft_dirty *)tracker);
}

static int clear_tracker(struct tracker *tracker)
{
	return clear((struct soft_dirty *)tracker);
}

struct bitmap {
	uint64_t start;
	uint64_t *bits;
};

static int set_bits(uint64_t start, uint64_t end, void *user)
{
	const struct bitmap *bitmap = user;

	for (; start < end; start += PAGE_BYTES) {
		const uint64_t page = (start - bitmap->start) / PAGE_BYTES;

		bitmap->bits[page / 64] |= 1ULL << page % 64;
	}
	return 0;
}

static int scan_tracker(struct tracker *tracker, uint64_t start, uint64_t end, uint64_t *bits)
{
	struct bitmap bitmap = { start, bits };
	struct sink sink = { .run = set_bits, .user = &bitmap };
	int r = look((struct soft_dirty *)tracker, start, end, &sink);

	return r < 0 ? r : flush(&sink);
}

const struct tracker_kind tracker_soft_dirty = {
	.name = "soft-dirty",
	.summary = "writes alone, by soft-dirty bits; a minor fault for each page written",
	.side_effects = "others who use the same bits (CRIU) are disturbed",
	.sees_guests = true,
	.is_automatic = true,
	.granularity_pages = 1,
	.clear_ns = 30,
	.scan_ns = 10,
	.target_fault_ns = 500,
	.open = open_tracker,
	.close = close_tracker,
	.clear = clear_tracker,
	.scan = scan_tracker,
};
